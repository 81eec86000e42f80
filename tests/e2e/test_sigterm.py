"""SIGTERM while an order rests: real processes, a real signal, both venues."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from play import CRASH_DAEMON, ROOT, Outcome, check_orders, daemon, get, play, position_at, serving, write_config

GRACE = 10
"""Seconds from SIGTERM to SIGKILL: what `docker stop` gives."""
STORY = "scenario: demo\n  days: 4\n  seed: 7"


def enlarging(journal: Path) -> tuple[int, str]:
    """When, and on which symbol, the first order left that enlarged a hedge that was open already."""
    with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as connection:
        row = connection.execute(
            "SELECT created_at, symbol FROM intents WHERE NOT reduce_only AND position_before NOT IN ('0', '0.000') "
            "AND time_in_force = 'GTX' ORDER BY number LIMIT 1").fetchone()
    return int(row[0]), str(row[1])


@pytest.mark.fault(33)
@pytest.mark.parametrize("venue", ["binance", "bybit"])
def test_it_withdraws_what_would_enlarge_a_hedge_keeps_the_hedge_and_ends_within_the_grace(
    venue: str, tmp_path: Path,
) -> None:
    whole = write_config(tmp_path, "whole", story=STORY, poll="1h", venue=venue)
    at, symbol = enlarging(play(whole).journal)
    config = write_config(tmp_path, "stopped", story=STORY, poll="1h", venue=venue)
    plan = {"not_before": at, "when": "after", "what": ["place"], "signal": "SIGTERM"}
    with serving(config) as url:
        process = subprocess.Popen(
            [sys.executable, str(CRASH_DAEMON), str(config), "--kill", json.dumps(plan)], cwd=ROOT, text=True,
            stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT), "HEDGEROW_TESTNET__URL": url},
        )
        with process:
            assert process.stdout is not None
            assert any(line.startswith("signalled") for line in process.stdout)
            assert process.wait(timeout=GRACE) == 0
        state: dict[str, Any] = get(url, "/testnet/state")
        withdrawn = [row for row in state["orders"] if row["created_at"] >= at and row["symbol"] == symbol]
        assert withdrawn, "an order rested when the signal came"
        assert position_at(state, symbol, state["now"]) < 0
        check_orders(Outcome(state, config.with_suffix(".db")))
        assert daemon(config, url) == 0  # the next start goes on from there
