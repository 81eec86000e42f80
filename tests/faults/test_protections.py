"""Proof that the tests of faults can fail: each protection is taken out of a copy of the code, and its test run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fault_protections import PROTECTIONS, Protection

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda one: f"{one.fault}: {one.what}")
def test_a_fault_is_noticed_once_its_protection_is_gone(protection: Protection, tmp_path: Path) -> None:
    for part in ("bot", "tests", "config"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    source = tmp_path / protection.path
    code = source.read_text()
    assert code.count(protection.text) == 1, f"{protection.path} no longer has this protection as one piece"
    source.write_text(code.replace(protection.text, protection.without))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-p", "no:xdist", protection.test], cwd=tmp_path, capture_output=True,
        text=True, check=False, env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTEST_ADDOPTS": ""},
    )
    assert done.returncode == 1, done.stdout[-2000:] + done.stderr[-2000:]
    assert "error" not in done.stdout.splitlines()[-1] or "failed" in done.stdout, done.stdout[-2000:]
