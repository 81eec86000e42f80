"""What reads a Dockerfile and a compose file, from the registry that pip knows; no engine is needed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARSERS = ("dockerfile-parse==2.0.1", "compose-spec==0.2.1")


def pip() -> list[str] | None:
    """A pip that works here; None where there is none."""
    base = getattr(sys, "_base_executable", sys.executable)
    for command in ([sys.executable, "-m", "pip"], [base, "-m", "pip"], [shutil.which("pip") or "false"]):
        if subprocess.run([*command, "--version"], capture_output=True, check=False).returncode == 0:
            return command
    return None


def parsed(parsers: Path, code: str, text: str) -> str:
    """What `code` prints, with the parsers at hand and `text` on standard input. Raises ValueError: what it says."""
    done = subprocess.run(
        [sys.executable, "-c", code], input=text, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(parsers)},
    )
    if done.returncode:
        raise ValueError(done.stderr.strip().splitlines()[-1])
    return done.stdout
