"""SIGKILL in the middle of the work, and a restart: nothing twice, nothing lost, the same hedge as if unbroken."""

from __future__ import annotations

import csv
import gzip
import random
from dataclasses import dataclass
from pathlib import Path

import pytest
from play import Outcome, check_invariants, history, play, position_at, shared_data, write_config

from bot.core.times import HOUR, parse_iso
from bot.journal.reader import read_episodes

SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT")
REQUESTS = ("place", "cancel", "find_order", "fills", "snapshot")
COMMITS = ("record_intent", "record_report", "record_fills", "record_decision")
START, END = "2021-01-28", "2021-02-21"

real_history = pytest.mark.skipif(
    shared_data() is None, reason="real history is not here: put it in ../shared/data or set HEDGEROW_SHARED",
)


@dataclass(frozen=True)
class Call:
    """One look-out of the unbroken run: when, before or after, which port call."""

    at: int
    when: str
    what: str


def read_trace(file: Path) -> list[Call]:
    calls = (line.split() for line in file.read_text().splitlines())
    return [Call(int(at), when, what) for at, when, what in calls]


def kill_points(trace: list[Call], outcome: Outcome, seed: int) -> list[dict[str, object]]:
    """Ten points in story order: before and after requests and commits, half of them while a hedge is open."""
    chance = random.Random(seed)
    spans = [(e.opened_at, e.closed_at or trace[-1].at) for e in read_episodes(outcome.journal) if e.opened_at]
    rare = {"place", "cancel", "find_order", "fills", "record_intent", "record_report", "record_fills"}

    def hedged(call: Call) -> bool:
        return any(start <= call.at < end for start, end in spans)

    points: list[Call] = []
    wanted = [(when, kind) for when in ("before", "after") for kind in (REQUESTS, COMMITS)]
    for index in range(10):
        when, kind = wanted[index % 4]
        pool = [call for call in trace if call.when == when and call.what in kind and hedged(call) == (index < 5)
                and all(abs(call.at - chosen.at) >= HOUR for chosen in points)]
        # Most of the danger is around orders: three points in four are taken there where there are any.
        telling = [call for call in pool if call.what in rare]
        points.append(chance.choice(telling if telling and index % 4 else pool))
    points.sort(key=lambda call: call.at)
    return [{"not_before": call.at, "when": call.when, "what": [call.what]} for call in points]


def hourly_panel(folder: Path, source: Path, hold: int) -> Path:
    """Real history of which only every `hold`-th row moves: prices stay until the next."""
    target = folder / "held.csv"
    with gzip.open(source, "rt") as file, target.open("w", newline="") as out:
        rows = csv.reader(file)
        writer = csv.writer(out, lineterminator="\n")
        header = next(rows)
        writer.writerow(header)
        funding = [index for index, name in enumerate(header) if name.endswith("_funding")]
        kept: list[str] = []
        first, last = parse_iso(START), parse_iso(END)
        for index, row in enumerate(row for row in rows if first <= parse_iso(row[0]) <= last):
            if index % hold == 0:
                kept = row
            writer.writerow([row[0], *(row[i] if i in funding else kept[i] for i in range(1, len(row)))])
    return target


@real_history
def test_on_a_held_path_ten_kills_leave_the_position_of_the_unbroken_run(tmp_path: Path) -> None:
    data = shared_data()
    assert data is not None
    panel = hourly_panel(tmp_path, data / "panel_1h_asof.csv.gz", hold=3)
    story = f"panel: {panel}"
    whole = write_config(tmp_path, "whole", story=story, path="step", poll="30m", on_timeout="cross")
    broken = write_config(tmp_path, "broken", story=story, path="step", poll="30m", on_timeout="cross")
    unbroken = play(whole, trace=tmp_path / "trace")
    kills = kill_points(read_trace(tmp_path / "trace"), unbroken, seed=1)

    outcome = play(broken, kills=kills)

    assert outcome.killed == 10
    check_invariants(unbroken)
    check_invariants(outcome)
    for at in range(parse_iso(START), parse_iso(END) + 1, 3 * HOUR):
        for symbol in SYMBOLS:
            # At the end of each stretch of standing prices, the moment before they move.
            assert position_at(outcome.state, symbol, at - 1) == position_at(unbroken.state, symbol, at - 1), at


@real_history
def test_on_a_free_path_ten_kills_send_nothing_twice_leave_no_orphan_and_keep_the_books_equal(tmp_path: Path) -> None:
    story = history(START, END)
    whole = write_config(tmp_path, "whole", story=story, poll="30m")
    broken = write_config(tmp_path, "broken", story=story, poll="30m")
    unbroken = play(whole, trace=tmp_path / "trace")
    kills = kill_points(read_trace(tmp_path / "trace"), unbroken, seed=2)

    outcome = play(broken, kills=kills)

    assert outcome.killed >= 8, "most points of the unbroken run must exist in the broken one"
    check_invariants(outcome)
    assert {episode.asset for episode in read_episodes(outcome.journal)} == {"BTC", "ETH"}


@pytest.mark.fault(29, 30, 31, 32)
@pytest.mark.parametrize("venue", ["binance", "bybit"])
def test_without_real_history_kills_on_a_made_up_market_do_no_harm_either(venue: str, tmp_path: Path) -> None:
    story = "scenario: demo\n  days: 12\n  seed: 7"
    whole = write_config(tmp_path, "whole", story=story, poll="1h", venue=venue)
    broken = write_config(tmp_path, "broken", story=story, poll="1h", venue=venue)
    unbroken = play(whole, trace=tmp_path / "trace")
    kills = kill_points(read_trace(tmp_path / "trace"), unbroken, seed=3)

    outcome = play(broken, kills=kills)

    assert outcome.killed >= 8
    check_invariants(outcome)
