"""Time belongs to the story: a daemon that is killed and started again writes the journal of one that never stopped."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

from kill_story import Call, read_trace
from play import play, write_config

TABLES = ("decisions", "intents", "order_events", "fills", "funding", "episodes")
QUIET = ("snapshot", "record_decision", "funding", "record_funding", "beat")
BUSY = {"place", "amend", "cancel", "find_order", "record_intent", "record_report"}


def contents(journal: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row that a bot writes, but for the machine's own time."""
    with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as connection:
        return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES}  # noqa: S608 -- our own table names


def quiet_points(trace: list[Call], seed: int, count: int = 10) -> list[dict[str, object]]:
    """Seeded points at instants on which no order was worked."""
    chance = random.Random(seed)
    busy = {call.at for call in trace if call.what in BUSY}
    quiet = [call for call in trace if call.what in QUIET and call.at not in busy]
    chosen = sorted(chance.sample(quiet, count), key=lambda call: call.at)
    return [{"not_before": call.at, "when": call.when, "what": [call.what]} for call in chosen]


def test_a_thousand_ticks_with_ten_kills_write_the_journal_of_an_unbroken_run(tmp_path: Path) -> None:
    story = "scenario: demo\n  days: 11\n  seed: 7"
    unbroken = play(write_config(tmp_path, "whole", story=story), trace=tmp_path / "trace")
    trace = read_trace(tmp_path / "trace")
    assert sum(call.what == "beat" and call.when == "after" for call in trace) >= 1_000

    broken = play(write_config(tmp_path, "broken", story=story), kills=quiet_points(trace, seed=5))

    assert broken.killed == 10
    assert broken.state == unbroken.state
    expected, found = contents(unbroken.journal), contents(broken.journal)
    for table in TABLES:
        assert found[table] == expected[table], table
    assert expected["fills"], "the story must have something to tell"
