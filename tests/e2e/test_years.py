"""The hardest half year of recorded history at the product's defaults: nobody is liquidated (`bench/years.py`)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from panels import recorded_panel

ROOT = Path(__file__).parents[2]


def play(*words: str) -> subprocess.CompletedProcess[str]:
    recorded_panel()  # skips where there is none
    known = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "bench/years.py", "--only", "2020-11", *words], cwd=ROOT, text=True, capture_output=True,
        check=False, env={**os.environ, "PYTHONPATH": known})


def test_from_november_2020_on_nobody_is_liquidated_with_finalise_nor_with_close() -> None:
    done = play("--months", "6")
    assert done.returncode == 0, done.stdout + done.stderr
    said = r"^(finalise|close): 0 liquidations in 1 paths, lowest runway ([\d.]+)%"
    found = dict(re.findall(said, done.stdout, re.MULTILINE))
    assert set(found) == {"finalise", "close"}, done.stdout
    assert all(12 < float(runway) < 40 for runway in found.values()), "a hard time, and not near the end"


def test_without_the_ladder_somebody_is_and_the_bench_says_so() -> None:
    done = play("--months", "4", "--no-ladder")
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"^close: [1-9]\d* liquidations in 1 paths", done.stdout, re.MULTILINE), done.stdout
