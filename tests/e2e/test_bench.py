"""The benches run, and judge what they measured by ratios; how fast this machine is, no test asserts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    known = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run([sys.executable, "bench/run.py", *words], cwd=ROOT, text=True, capture_output=True,
                          check=False, env={**os.environ, "PYTHONPATH": known})


def test_both_sides_are_measured_and_each_goal_is_judged() -> None:
    done = run("--quick", "commit", "drift")
    assert done.returncode == 0, done.stderr
    assert "of ours, p50: snapshot" in done.stdout
    for goal in ("drift to wire, p50", "drift to wire, p99", "durable intent, p50", "durable intent, p99"):
        line = next(line for line in done.stdout.splitlines() if line.startswith(goal))
        assert line.endswith("met") or "SHORT by" in line


def test_orders_never_wait_while_the_venue_has_room() -> None:
    done = run("--quick", "waits")
    assert done.returncode == 0, done.stderr
    assert "1 of 1 met" in done.stdout
    assert "which Binance would refuse, waits 10 s" in done.stdout


def test_an_unknown_bench_is_a_usage_error() -> None:
    done = run("speed")
    assert done.returncode == 2
    assert "there are: idle, drift, commit" in done.stderr
