"""`make crash`: one hedge killed at every place there is, and the daemon as a process killed a hundred times a story.

    python tests/crash/crash.py
    python tests/crash/crash.py --only stories --kills 20 --seed 3

The sweep (tests/support/crash_sweep.py) is in process: before and after each request and each commit, on both venues,
on a held and on a free path. The stories are played by real processes, testnet and daemon, with real SIGKILLs at seeded
moments. On the held path, prices stand still for three hours at a time: at the end of each stretch the position must be
that of the run that was never killed. On the free path no order may be sent twice or left behind, the exchange's books
must be the journal's, and every recorded decision must be what `decide` makes of its recorded inputs.
"""

from __future__ import annotations

import argparse
import csv
import logging
import multiprocessing
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).parent
    sys.path[:0] = [str(here.parent / "support"), str(here.parents[1])]

from crash_sweep import Lived, live, problems_of
from play import Outcome, check_invariants, play, position_at, write_config
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bot.core.times import HOUR, iso
from bot.testnet.market.scenarios import scenario_rows

VENUES = ("binance", "bybit")
SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT")
DAYS = 14
HOLD = 3
"""Hours for which prices stand still on the held path."""
ABOUT_ORDERS = frozenset({"place", "amend", "cancel", "find_order", "fills", "record_intent", "record_report",
                          "record_fills", "record_miss"})


@dataclass(frozen=True)
class Job:
    """One thing to try: a place of the sweep, or a whole story."""

    kind: str
    venue: str
    free: bool
    number: int
    seed: int = 0


@dataclass(frozen=True)
class Found:
    """What it came to."""

    job: Job
    problems: tuple[str, ...]
    kills: int = 0
    orders: int = 0
    places: tuple[str, ...] = ()


def work(job: Job) -> Found:
    """Do one job. Whatever escapes is a finding."""
    try:
        return _sweep(job) if job.kind == "sweep" else _story(job)
    except Exception:  # noqa: BLE001 -- every other job still counts
        return Found(job, (traceback.format_exc(limit=-6),))


_WHOLE: dict[tuple[str, bool], Lived] = {}


def whole(venue: str, *, free: bool) -> Lived:
    """The hedge that nobody kills."""
    if (venue, free) not in _WHOLE:
        _WHOLE[venue, free] = live(venue, free=free)
    return _WHOLE[venue, free]


def _sweep(job: Job) -> Found:
    unbroken = whole(job.venue, free=job.free)
    broken = live(job.venue, kills=[job.number], free=job.free)
    place = unbroken.trace[job.number - 1]
    problems = [f"{place}: {problem}" for problem in problems_of(unbroken, broken, free=job.free)]
    if not broken.died:
        problems.append(f"{place}: was never reached")
    return Found(job, tuple(problems), broken.died)


def _story(job: Job) -> Found:
    """Two weeks of a market, once as it is and once with `number` kills."""
    with tempfile.TemporaryDirectory(prefix="hedgerow-crash-") as made:
        folder = Path(made)
        made_up = f"scenario: demo\n  days: {DAYS}\n  seed: {job.seed}"
        story = made_up if job.free else f"panel: {_held(folder, job.seed)}"

        def config(name: str) -> Path:
            return write_config(folder, name, story=story, venue=job.venue, poll="30m", on_timeout="cross",
                                path="bridge" if job.free else "step")

        unbroken = play(config("whole"), trace=folder / "trace")
        points = kill_points(folder / "trace", job.number, job.seed)
        broken = play(config("broken"), kills=points)
        problems = [problem for outcome in (unbroken, broken) for problem in _broken_promises(outcome)]
        if broken.killed < job.number * 9 // 10:
            problems.append(f"only {broken.killed} of {job.number} kills came about")
        if not job.free:
            problems += _other_positions(unbroken, broken)
        orders = sum(row["client_order_id"].startswith("hr") for row in broken.state["orders"])
        if not orders:
            problems.append("no order was ever sent: the story tells nothing")
        places = Counter(f"{point['when']} {what}" for point in points for what in _names(point))
        return Found(job, tuple(problems), broken.killed, orders,
                     tuple(f"{place} ×{times}" for place, times in sorted(places.items())))


def _names(point: dict[str, object]) -> Sequence[str]:
    what = point["what"]
    assert isinstance(what, list)
    return what


def _held(folder: Path, seed: int) -> Path:
    """A panel of which only every third row moves."""
    rows = scenario_rows("demo", days=DAYS, seed=seed)
    file = folder / "held.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        coins = list(rows.tracks)
        writer.writerow(["ts_utc", *(f"{coin.lower()}_{what}" for coin in coins
                                     for what in ("spot", "perp", "mark", "funding")), "spot_stale"])
        for number in range(rows.count):
            at, kept = rows.start + number * rows.spacing, number - number % HOLD
            cells: list[object] = [iso(at)]
            for coin in coins:
                track = rows.tracks[coin]
                cells += [track.spot[kept], track.perp[kept], track.mark[kept], track.funding.get(at, "")]
            writer.writerow([*cells, 0])
    return file


def kill_points(trace: Path, count: int, seed: int) -> list[dict[str, object]]:
    """So many seeded moments in the story's order, at least an hour apart; every other one around an order."""
    chance = random.Random(seed)
    calls = [(int(at), when, what) for at, when, what in (line.split() for line in trace.read_text().splitlines())]
    telling = [call for call in calls if call[2] in ABOUT_ORDERS]
    chosen: list[tuple[int, str, str]] = []
    for pool, wanted in ((telling, count // 2), (calls, count)):
        for call in chance.sample(pool, len(pool)):
            if len(chosen) >= wanted:
                break
            if all(abs(call[0] - other[0]) >= HOUR for other in chosen):
                chosen.append(call)
    return [{"not_before": at, "when": when, "what": [what]} for at, when, what in sorted(chosen)]


def _broken_promises(outcome: Outcome) -> list[str]:
    try:
        check_invariants(outcome)
    except AssertionError as broken:
        return [str(broken) or traceback.format_exc(limit=-1)]
    return []


def _other_positions(unbroken: Outcome, broken: Outcome) -> list[str]:
    """Where, at the end of a stretch of standing prices, the position is another one."""
    start = min(row["at"] for row in unbroken.state["fills"]) // (HOLD * HOUR) * HOLD * HOUR
    ends = range(start, unbroken.state["now"] + 1, HOLD * HOUR)
    found = []
    for at in ends:
        for symbol in SYMBOLS:
            ours, theirs = position_at(unbroken.state, symbol, at - 1), position_at(broken.state, symbol, at - 1)
            if ours != theirs:
                found.append(f"{symbol} at {iso(at)}: unbroken {ours}, killed {theirs}")
    return found


def jobs(asked: argparse.Namespace) -> list[Job]:
    """Everything to try, the longest first."""
    wanted: list[Job] = []
    if asked.only in (None, "stories"):
        wanted += [Job("story", venue, free, asked.kills, asked.seed) for free in (False, True) for venue in VENUES]
    if asked.only in (None, "sweep"):
        wanted += [
            Job("sweep", venue, free, number) for venue in VENUES for free in (False, True)
            for number in range(1, whole(venue, free=free).places + 1, asked.stride)
        ]
    return wanted


def report(found: Sequence[Found], seconds: float, console: Console) -> None:
    """What was tried, and what came of it."""
    table = Table("what", "venue", "path", "runs", "kills", "orders", "broken")
    for kind in ("story", "sweep"):
        for venue in VENUES:
            for free in (False, True):
                mine = [one for one in found if (one.job.kind, one.job.venue, one.job.free) == (kind, venue, free)]
                if mine:
                    table.add_row(kind, venue, "free" if free else "held", f"{len(mine):,}",
                                  f"{sum(one.kills for one in mine):,}", f"{sum(one.orders for one in mine) or ''}",
                                  f"{sum(bool(one.problems) for one in mine)}")
    console.print(table)
    for one in found:
        if one.places:
            path = "free" if one.job.free else "held"
            console.print(f"{one.job.venue}, {path} path, killed {', '.join(one.places)}", highlight=False)
    console.print(f"{seconds:.0f} s")
    for one in [one for one in found if one.problems][:10]:
        console.print(f"{one.job}:", highlight=False, markup=False)
        for problem in one.problems[:8]:
            console.print(f"  {problem}", highlight=False, markup=False)
    console.print(f"broken: {sum(bool(one.problems) for one in found)}")


def _quiet() -> None:
    logging.disable(logging.CRITICAL)


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="in one story")
    parser.add_argument("--seed", type=int, default=7, help="of markets and moments")
    parser.add_argument("--stride", type=int, default=1, help="of the sweep's places, try every so many")
    parser.add_argument("--only", choices=("stories", "sweep"))
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    console = Console(width=140)
    _quiet()
    started = time.monotonic()
    todo = jobs(asked)
    found: list[Found] = []
    with multiprocessing.Pool(asked.workers, initializer=_quiet) as pool, Progress(transient=True) as progress:
        task = progress.add_task("crash", total=len(todo))
        for one in pool.imap_unordered(work, todo):
            found.append(one)
            progress.advance(task)
    report(found, time.monotonic() - started, console)
    return 1 if any(one.problems for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
