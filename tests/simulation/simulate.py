"""Many seeds on every core, one report, and the shortest known history of a seed that failed.

    python tests/simulation/simulate.py --runs 10000
    python tests/simulation/simulate.py --seed 4711
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).parent
    sys.path[:0] = [str(here), str(here.parent / "support"), str(here.parents[1])]

from inprocess_disk import migrated
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sim_plan import Plan, plan
from sim_run import Outcome, play
from sim_verdict import LEAST_TICKS, verdict

from bot.testnet.faults import Kind

VENUES = ("binance", "bybit")
KINDS = tuple(str(kind) for kind in Kind if kind not in (Kind.DELAY, Kind.ERROR))
PARTS = ("faults", "acts", "kills")


@dataclass(frozen=True)
class Found:
    """What one seed came to."""

    seed: int
    problems: tuple[str, ...]
    ticks: int = 0
    kills: int = 0
    orders: int = 0
    hedged: bool = False
    live: bool = False
    stopped: bool = False
    spoilt: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)


def look(seed: int) -> Found:
    """Play one seed and judge it."""
    return judge(plan(seed, VENUES, KINDS))[0]


def judge(planned: Plan) -> tuple[Found, Sequence[str]]:
    """Play one plan; what it came to, and its history."""
    outcome: Outcome | None = None
    try:
        outcome = play(planned, _folder(), _template())
        problems = tuple(verdict(outcome))
    except Exception:  # noqa: BLE001 -- whatever escapes is a finding, and every other seed still counts
        problems = (f"raised {traceback.format_exc(limit=-8)}",)
    if outcome is None:
        return Found(planned.seed, problems, live=planned.live), ()
    orders = sum(order.client_order_id.startswith("hr") for order in outcome.testnet.exchange.orders.values())
    return Found(
        planned.seed, problems, outcome.ticks, outcome.kills, orders, bool(outcome.testnet.exchange.fills),
        planned.live, outcome.stopped is not None, outcome.spoilt, outcome.done,
    ), outcome.log


def shortest(planned: Plan) -> Plan:
    """The failing plan with everything left out without which it fails too."""
    for part in PARTS:
        place = 0
        while place < len(getattr(planned, part)):
            fewer = planned.without(part, place)
            if judge(fewer)[0].problems:
                planned = fewer
            else:
                place += 1
    return planned


@lru_cache(maxsize=1)
def _template() -> bytes:
    return migrated()


@lru_cache(maxsize=1)
def _folder() -> Path:
    memory = Path("/dev/shm")  # noqa: S108 -- a folder of this process's own is made in it
    return Path(tempfile.mkdtemp(prefix="hedgerow-simulation-", dir=memory if memory.is_dir() else None))


def explore(seeds: Iterable[int], workers: int) -> list[Found]:
    """All seeds, on `workers` processes."""
    todo = list(seeds)
    with multiprocessing.Pool(workers, initializer=_quiet) as pool, Progress(transient=True) as progress:
        task = progress.add_task("runs", total=len(todo))
        found = []
        for one in pool.imap_unordered(look, todo, chunksize=4):
            found.append(one)
            progress.advance(task)
    return sorted(found, key=lambda one: one.seed)


def _quiet() -> None:
    logging.disable(logging.CRITICAL)


def report(found: Sequence[Found], seconds: float, console: Console) -> None:
    """What was tried and what came of it."""
    spoilt, done = Counter[str](), Counter[str]()
    hit = Counter[str]()
    for one in found:
        spoilt += one.spoilt
        done += one.done
        hit.update(kind for kind, times in one.spoilt.items() if times)
    totals = Table("runs", "ticks", "hedges opened in", "orders placed", "faults", "kills", "liveness runs", "stopped")
    totals.add_row(*(f"{value:,}" for value in (
        len(found), sum(one.ticks for one in found), sum(one.hedged for one in found),
        sum(one.orders for one in found), sum(spoilt.values()), sum(one.kills for one in found),
        sum(one.live for one in found), sum(one.stopped for one in found))))
    console.print(totals)
    kinds = Table("fault", "times", "runs hit")
    for kind in (*KINDS, *sorted(spoilt.keys() - set(KINDS))):
        kinds.add_row(kind, f"{spoilt[kind]:,}", f"{hit[kind]:,}")
    for what, times in sorted(done.items()):
        kinds.add_row(f"others: {what}", f"{times:,}", "")
    console.print(kinds)
    few = sum(one.ticks < LEAST_TICKS for one in found)
    broken = [one for one in found if one.problems]
    console.print(f"{seconds:.0f} s; runs of fewer than {LEAST_TICKS} ticks: {few}")
    console.print(f"invariant violations: {len(broken)}")


def tell(seed: int, console: Console) -> None:
    """The shortest history of a seed that fails."""
    planned = plan(seed, VENUES, KINDS)
    found, log = judge(planned)
    if found.problems:
        planned = shortest(planned)
        found, log = judge(planned)
    console.print(f"seed {seed}: {planned}", highlight=False, markup=False)
    for line in (*log, *found.problems):
        console.print(line, highlight=False, markup=False)


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="play this one only, and tell its history")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    console = Console(width=160)
    _quiet()
    if asked.seed is not None:
        tell(asked.seed, console)
        return 0
    started = time.monotonic()
    found = explore(range(asked.first, asked.first + asked.runs), asked.workers)
    report(found, time.monotonic() - started, console)
    broken = [one for one in found if one.problems]
    for one in broken[:3]:
        tell(one.seed, console)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
