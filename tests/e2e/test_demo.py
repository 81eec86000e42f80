"""`hedgerow demo` as a newcomer runs it."""

from __future__ import annotations

import re
import subprocess
import sys

from play import ROOT


def demo() -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", "demo"], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )


def test_the_demo_opens_resizes_and_closes_a_hedge_in_thirty_days_and_two_runs_print_the_same_account() -> None:
    first, second = demo(), demo()
    assert first.returncode == 0, first.stderr
    for event in ("hedge.opened", "hedge.resized", "hedge.closed", "funding"):
        assert event in first.stderr
    days = re.search(r"(\d+) days", first.stdout)
    assert days is not None
    assert int(days[1]) >= 30
    assert "Journal and exchange agree to the last digit" in first.stdout
    assert first.stdout.count("unchanged") == 2, "both coins are still there"
    assert second.stdout == first.stdout
    assert second.stderr == first.stderr
    assert max(len(line) for line in (first.stdout + first.stderr).splitlines()) <= 80
    assert "127.0.0.1" not in first.stdout + first.stderr
