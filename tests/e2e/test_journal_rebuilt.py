"""A lost journal, made anew from what the exchange remembers: through the command line, the gateway and real HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from play import ROOT, daemon, get, serving, write_config

from bot.demo import compare
from bot.journal.reader import read_books, read_episodes


def hedgerow(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *words], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "HEDGEROW_TESTNET__URL": url},
    )


@pytest.mark.fault(37, 39)
def test_a_lost_journal_is_rebuilt_looked_over_confirmed_and_worked_with(tmp_path: Path) -> None:
    story = "scenario: demo\n  days: 10\n  seed: 7"
    config = write_config(tmp_path, "story", story=story, poll="1h", on_timeout="cross")
    lost, new = tmp_path / "story.db", tmp_path / "new.db"
    with serving(config) as url:
        assert daemon(config, url) == 0
        state = get(url, "/testnet/state")
        told = hedgerow(url, "journal", "rebuild", str(new), "-c", str(config), "--json")
        assert told.returncode == 0, told.stderr
        report = json.loads(told.stdout)
        assert report["incomplete"] == []
        assert compare(read_books(new), state, "USDT") == ()
        before = {one.id: one for one in read_episodes(lost)}
        for one in read_episodes(new):
            was = before[one.id]
            assert (one.state, one.short, one.realised, one.fees, one.funding_paid, one.fills) == (
                was.state, was.short, was.realised, was.fees, was.funding_paid, was.fills)
        assert report["orders"] > 2
        assert hedgerow(url, "journal", "check", str(new)).returncode == 0

        again = hedgerow(url, "journal", "rebuild", str(new), "-c", str(config))
        assert again.returncode == 2
        assert "is there already" in again.stderr

        lost.unlink()
        begun = hedgerow(url, "run", "-c", str(config), "--once")
        assert begun.returncode == 7, "an empty journal would give out numbers that the exchange knows already"
        assert "hedgerow journal rebuild" in begun.stderr
        lost.unlink()
        new.rename(lost)
        refused = hedgerow(url, "run", "-c", str(config), "--once")
        assert refused.returncode == 7
        assert "hedgerow journal confirm" in refused.stderr
        assert hedgerow(url, "journal", "confirm", str(lost)).returncode == 0
        started = hedgerow(url, "run", "-c", str(config), "--once")
        assert started.returncode == 0, started.stderr
        checked = hedgerow(url, "journal", "check", "-c", str(config))
        assert checked.returncode == 0, checked.stdout
    assert "agrees with itself" in checked.stdout
