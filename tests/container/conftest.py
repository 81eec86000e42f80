"""The parsers, fetched once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from container_tools import PARSERS, pip


@pytest.fixture(scope="session")
def parsers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the parsers, for a Python of its own."""
    command, target = pip(), tmp_path_factory.mktemp("parsers")
    if command is None:
        pytest.skip("there is no pip to fetch the parsers of Dockerfile and compose file with")
    done = subprocess.run(
        [*command, "install", "-q", "--no-deps", "--only-binary", ":all:", "--python-version",
         f"{sys.version_info[0]}.{sys.version_info[1]}", "--target", str(target), *PARSERS],
        capture_output=True, text=True, check=False, timeout=180,
    )
    if done.returncode:
        pytest.skip(f"the parsers of Dockerfile and compose file could not be fetched: {done.stderr.strip()[-200:]}")
    return target
