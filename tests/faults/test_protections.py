"""Proof that the tests of faults can fail: each protection is taken out of a copy of the code, and its test run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fault_protections import PROTECTIONS, Protection

ROOT = Path(__file__).parents[2]
UNSET = ("PYTHONDONTWRITEBYTECODE", "PYTEST_ADDOPTS")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code and its tests once more, compiled once for all that are taken out of it."""
    folder = tmp_path_factory.mktemp("copy")
    for part in ("bot", "tests", "config"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@contextmanager
def without(protection: Protection, copy: Path) -> Iterator[None]:
    """The copy while it lacks this protection. The file comes back with its age, by which Python knows its bytecode."""
    source = copy / protection.path
    code, age = source.read_text(), source.stat()
    assert code.count(protection.text) == 1, f"{protection.path} no longer has this protection as one piece"
    source.write_text(code.replace(protection.text, protection.without))
    try:
        yield
    finally:
        source.write_text(code)
        os.utime(source, ns=(age.st_atime_ns, age.st_mtime_ns))


@pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda one: f"{one.fault}: {one.what}")
def test_a_fault_is_noticed_once_its_protection_is_gone(protection: Protection, copy: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    with without(protection, copy):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-p", "no:xdist", protection.test], cwd=copy, capture_output=True,
            text=True, check=False, env={**kept, "PYTHONPATH": str(copy)},
        )
    assert done.returncode == 1, done.stdout[-2000:] + done.stderr[-2000:]
    assert "error" not in done.stdout.splitlines()[-1] or "failed" in done.stdout, done.stdout[-2000:]
