"""`make crash`: one hedge killed at every place there is, and the daemon as a process killed a hundred times a story.

    python tests/crash/crash.py
    python tests/crash/crash.py --only stories --kills 20 --seed 3

The sweep (tests/support/crash_sweep.py) is in process: before and after each request and each commit, on both venues,
on a held and on a free path. The stories (tests/support/kill_story.py) are played by real processes, testnet and
daemon, with real SIGKILLs at seeded moments: on a made-up market, and on real history where it is present. On the held
path, prices stand still for three hours at a time: at the end of each stretch the position must be that of the run
that was never killed. On both paths no order may be sent twice or left behind, the exchange's books must be the
journal's, and every recorded decision must be what `decide` makes of its recorded inputs.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).parent
    sys.path[:0] = [str(here.parent / "support"), str(here.parents[1])]

from crash_sweep import Lived, live, problems_of
from kill_story import made_up, quick_folder, real, tell
from play import shared_data
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

VENUES = ("binance", "bybit")
DAYS = 14
HISTORY = ("2021-01-28", "2021-02-21")


@dataclass(frozen=True)
class Job:
    """One thing to try: a place of the sweep, or a whole story with so many kills."""

    kind: str
    venue: str
    held: bool
    number: int
    seed: int = 0

    @property
    def row(self) -> tuple[str, str, str]:
        """The row of the report that it belongs to."""
        return self.kind, self.venue, "held" if self.held else "free"


@dataclass(frozen=True)
class Found:
    """What it came to. `points`: positions that were compared; `decisions`: how many were decided again."""

    job: Job
    problems: tuple[str, ...]
    kills: int = 0
    points: int = 0
    orders: int = 0
    decisions: int = 0
    places: tuple[str, ...] = ()


def work(job: Job) -> Found:
    """Do one job. Whatever escapes is a finding."""
    try:
        return _sweep(job) if job.kind == "sweep" else _story(job)
    except Exception:  # noqa: BLE001 -- every other job still counts
        return Found(job, (traceback.format_exc(limit=-6),))


@lru_cache(maxsize=4)
def whole(venue: str, held: bool) -> Lived:
    """The hedge that nobody kills."""
    return live(venue, free=not held)


def _sweep(job: Job) -> Found:
    unbroken = whole(job.venue, job.held)
    broken = live(job.venue, kills=[job.number], free=not job.held)
    place = unbroken.trace[job.number - 1]
    problems = [f"{place}: {problem}" for problem in problems_of(unbroken, broken, free=not job.held)]
    if not broken.died:
        problems.append(f"{place}: was never reached")
    return Found(job, tuple(problems), broken.died, len(unbroken.positions), broken.orders, broken.decisions)


def _story(job: Job) -> Found:
    """Weeks of a market, once as they are and once with `number` kills."""
    with quick_folder() as folder:
        if job.kind == "history":
            story = real(folder, held=job.held, start=HISTORY[0], end=HISTORY[1])
        else:
            story = made_up(folder, held=job.held, days=DAYS, seed=job.seed)
        tale = tell(folder, story, job.venue, held=job.held, kills=job.number, seed=job.seed, poll="30m",
                    on_timeout="cross")
        return Found(job, tuple(tale.problems), tale.broken.killed, len(tale.positions), tale.orders, tale.decisions,
                     tuple(tale.places))


def jobs(asked: argparse.Namespace) -> list[Job]:
    """Everything to try, the longest first."""
    wanted: list[Job] = []
    if asked.only in (None, "stories"):
        kinds = ("history", "story") if shared_data() is not None else ("story",)
        wanted += [Job(kind, venue, held, asked.kills, asked.seed)
                   for kind in kinds for held in (True, False) for venue in VENUES]
    if asked.only in (None, "sweep"):
        wanted += [Job("sweep", venue, held, number) for venue in VENUES for held in (True, False)
                   for number in range(1, whole(venue, held).places + 1, asked.stride)]
    return wanted


def report(found: Sequence[Found], seconds: float, console: Console) -> None:
    """What was tried, and what came of it."""
    table = Table("what", "venue", "path", "runs", "kills", "positions\ncompared", "orders", "decisions\ntaken again",
                  "runs with\nviolations")
    for row in dict.fromkeys(one.job.row for one in sorted(found, key=lambda one: one.job.row)):
        mine = [one for one in found if one.job.row == row]
        numbers = (len(mine), *(sum(getattr(one, name) for one in mine)
                                for name in ("kills", "points", "orders", "decisions")))
        table.add_row(*row, *(f"{number:,}" for number in numbers), f"{sum(bool(one.problems) for one in mine)}")
    console.print(table)
    for one in found:
        if one.places:
            console.print(f"{' '.join(one.job.row)}, killed {', '.join(one.places)}", highlight=False)
    if shared_data() is None:
        console.print("real history is not here, so no story of it: put it in ../shared/data or set HEDGEROW_SHARED")
    for one in [one for one in found if one.problems][:10]:
        console.print(f"{one.job}:", highlight=False, markup=False)
        for problem in one.problems[:8]:
            console.print(f"  {problem}", highlight=False, markup=False)
    kills, broken = sum(one.kills for one in found), sum(bool(one.problems) for one in found)
    console.print(f"{kills:,} kills in {seconds:.0f} s, violations: {broken}", highlight=False)


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
            if one.job.kind != "sweep" or one.problems:
                verdict = f"{len(one.problems)} violations" if one.problems else "no violation"
                progress.console.print(f"{' '.join(one.job.row)}: {one.kills} kills, {verdict}", highlight=False)
            progress.advance(task)
    report(found, time.monotonic() - started, console)
    return 1 if any(one.problems for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
