"""A story told twice by real processes: once unbroken, once with the daemon killed at seeded places of the first.

On the held path prices stand still for three hours at a time, so that what is decided does not depend on how long a
restart took: at the end of each stretch the position must be that of the unbroken run. On the free path prices move at
every instant, so only the promises can be held to: no order twice, none left behind, the exchange's books the
journal's, every recorded decision what `decide` makes of its recorded inputs.
"""

from __future__ import annotations

import csv
import gzip
import random
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from play import Outcome, check_invariants, history, play, position_at, shared_data, write_config

from bot.core.times import HOUR, MINUTE, SECOND, Millis, iso, parse_iso
from bot.journal.check import check
from bot.journal.reader import read_episodes
from bot.testnet.market.scenarios import scenario_rows

SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT")
HOLD = 3
"""Hours for which prices stand still on the held path."""
REQUESTS = frozenset({"place", "amend", "cancel", "find_order", "fills", "snapshot"})
COMMITS = frozenset({"record_intent", "record_report", "record_fills", "record_decision"})
ROUTINE = frozenset({"snapshot", "record_decision"})
"""What also happens where no order is about."""
AWAY = (0, 5 * SECOND, MINUTE, 10 * MINUTE)
"""For how long of the story nobody is there after a kill."""

real_history = pytest.mark.skipif(
    shared_data() is None, reason="real history is not here: put it in ../shared/data or set HEDGEROW_SHARED",
)


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder in memory where there is one: a killed process, unlike a lost machine, takes nothing written with it."""
    memory = Path("/dev/shm")  # noqa: S108 -- only a folder of this process's own is made in it
    with TemporaryDirectory(prefix="hedgerow-kills-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def made_up(folder: Path, *, held: bool, days: int, seed: int) -> str:
    """A `story` section of a made-up market."""
    if not held:
        return f"scenario: demo\n  days: {days}\n  seed: {seed}"
    rows = scenario_rows("demo", days=days, seed=seed)
    header = ["ts_utc", *(f"{coin.lower()}_{what}" for coin in rows.tracks
                          for what in ("spot", "perp", "mark", "funding")), "spot_stale"]
    lines = []
    for number in range(rows.count):
        at = rows.start + number * rows.spacing
        cells: list[object] = [iso(at)]
        for track in rows.tracks.values():
            cells += [track.spot[number], track.perp[number], track.mark[number], track.funding.get(at, "")]
        lines.append([*cells, 0])
    return _held_panel(folder, header, lines)


def real(folder: Path, *, held: bool, start: str, end: str) -> str:
    """A `story` section of real history. Only where `shared_data()` is."""
    if not held:
        return history(start, end)
    data = shared_data()
    assert data is not None
    with gzip.open(data / "panel_1h_asof.csv.gz", "rt") as file:
        rows = csv.reader(file)
        return _held_panel(folder, next(rows), [
            row for row in rows if parse_iso(start) <= parse_iso(row[0]) <= parse_iso(end)])


def _held_panel(folder: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A panel of which only every third row moves; settlements are where they were."""
    file = folder / "held.csv"
    moves = {0, *(place for place, name in enumerate(header) if name.endswith("_funding"))}
    with file.open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        for number, row in enumerate(rows):
            kept = rows[number - number % HOLD]
            writer.writerow([row[place] if place in moves else kept[place] for place in range(len(row))])
    return f"panel: {file}"


@dataclass(frozen=True)
class Call:
    """One look-out of the unbroken run: when, before or after, which port call."""

    at: Millis
    when: str
    what: str


def read_trace(trace: Path) -> list[Call]:
    """What an unbroken run wrote down of its look-outs, oldest first."""
    return [Call(int(at), when, what) for at, when, what in map(str.split, trace.read_text().splitlines())]


def kill_points(trace: Path, journal: Path, count: int, seed: int) -> list[dict[str, Any]]:
    """So many places in the story's order, at least an hour apart.

    In turn before and after requests and commits, half of them while a hedge is open, three in four around an order.
    Where no place is left that fits, the last of these wishes go first.
    """
    chance = random.Random(seed)
    calls = read_trace(trace)
    spans = [(one.opened_at, one.closed_at or calls[-1].at) for one in read_episodes(journal) if one.opened_at]

    chosen: list[Call] = []
    for number in range(count):
        pool = _apart(calls, chosen)
        for fits in _wishes(number, spans):
            pool = [call for call in pool if fits(call)] or pool
        chosen = sorted([*chosen, chance.choice(pool)], key=lambda call: call.at)
    return [{"not_before": call.at, "when": call.when, "what": [call.what], "away": chance.choice(AWAY)}
            for call in chosen]


def _wishes(number: int, spans: Sequence[tuple[Millis, Millis]]) -> Sequence[Callable[[Call], bool]]:
    """What the place of that number should be like, the weightiest first; `spans`: when a hedge was open."""
    when, kind = list(product(("before", "after"), (REQUESTS, COMMITS)))[number % 4]

    def hedged(call: Call) -> bool:
        return any(begun <= call.at < ended for begun, ended in spans) == (number % 2 == 0)

    def telling(call: Call) -> bool:
        return number % 4 == 0 or call.what not in ROUTINE

    return lambda call: call.what in kind, lambda call: call.when == when, hedged, telling


def _apart(calls: Sequence[Call], chosen: Sequence[Call]) -> list[Call]:
    """The calls that are an hour and more away from each chosen one, which come in their order."""
    taken = [-2 * HOUR, *(call.at for call in chosen), 1 << 62]
    far = []
    for call in calls:
        after = bisect(taken, call.at)
        if call.at - taken[after - 1] >= HOUR and taken[after] - call.at >= HOUR:
            far.append(call)
    return far


@dataclass(frozen=True)
class Tale:
    """A story, told unbroken and broken."""

    held: bool
    unbroken: Outcome
    broken: Outcome
    kills: Sequence[Mapping[str, Any]]

    @cached_property
    def problems(self) -> Sequence[str]:
        """Every promise that does not hold, in words."""
        found = [f"{name}: {problem}" for name, outcome in (("unbroken", self.unbroken), ("killed", self.broken))
                 for problem in _broken_promises(outcome)]
        if self.broken.killed < len(self.kills) * 9 // 10:
            found.append(f"only {self.broken.killed} of {len(self.kills)} kills came about")
        if not self.orders:
            found.append("no order was ever sent: the story tells nothing")
        found += [
            f"{symbol} at {iso(at)}: unbroken {ours}, killed {theirs}" for at, symbol, ours, theirs in self.positions
            if ours != theirs]
        return found

    @cached_property
    def positions(self) -> Sequence[tuple[Millis, str, object, object]]:
        """At the end of each stretch of standing prices, the moment before they move: the two positions."""
        if not self.held:
            return []
        state = self.unbroken.state
        start = min(row["at"] for row in state["fills"]) // (HOLD * HOUR) * HOLD * HOUR
        return [
            (at, symbol, position_at(state, symbol, at - 1), position_at(self.broken.state, symbol, at - 1))
            for at in range(start, state["now"] + 1, HOLD * HOUR) for symbol in SYMBOLS
        ]

    @property
    def orders(self) -> int:
        """Orders of ours at the exchange, in the broken run."""
        return sum(row["client_order_id"].startswith("hr") for row in self.broken.state["orders"])

    @property
    def decisions(self) -> int:
        """Recorded decisions of the broken run that were decided again."""
        return next(one.examined for one in check(self.broken.journal).checks if one.name == "decisions")

    @property
    def places(self) -> Sequence[str]:
        """Where it was killed, and how often there."""
        places = Counter(f"{kill['when']} {what}" for kill in self.kills for what in kill["what"])
        return [f"{place} ×{times}" for place, times in sorted(places.items())]


def tell(folder: Path, story: str, venue: str, *, held: bool, kills: int, seed: int, **configured: str) -> Tale:
    """Play the story twice; `configured` as for `write_config`."""
    path = "step" if held else "bridge"
    whole, broken = (
        write_config(folder, name, story=story, venue=venue, path=path, **configured) for name in ("whole", "broken"))
    unbroken = play(whole, trace=folder / "trace")
    points = kill_points(folder / "trace", unbroken.journal, kills, seed)
    return Tale(held, unbroken, play(broken, kills=points), points)


def _broken_promises(outcome: Outcome) -> Sequence[str]:
    try:
        check_invariants(outcome)
    except AssertionError as broken:
        return [str(broken) or repr(broken)]
    return []
