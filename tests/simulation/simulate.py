"""Many seeds on every core, one report, and the shortest known history of a seed that failed.

    python tests/simulation/simulate.py --runs 10000
    python tests/simulation/simulate.py --seed 4711
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import logging
import multiprocessing
import multiprocessing.util
import os
import shutil
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).parent
    sys.path[:0] = [str(here), str(here.parent / "support"), str(here.parents[1])]

from inprocess_disk import Disk, migrated
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sim_plan import ACTS, QUIET, Plan, plan
from sim_run import Outcome, play
from sim_verdict import LAST_DECISIONS, is_whole, verdict

from bot.core.orders import PREFIX
from bot.core.times import HOUR
from bot.testnet.faults import Kind

VENUES = ("binance", "bybit")
KINDS = tuple(str(kind) for kind in Kind if kind not in (Kind.DELAY, Kind.ERROR))
PARTS = ("faults", "acts", "kills")
LEAST_HITS = 100
"""So many runs each kind of fault must hit in as many as `ENOUGH_RUNS`."""
ENOUGH_RUNS = 10_000
IN_MINUTES = 10
"""How long so many may take."""
LEAST_FAULTS, LEAST_KILLS = 2.0, 1.0
"""What a run must meet on average."""
SHRUNK = 3
"""Of so many failing seeds the shortest history is told."""
COLLECT_EVERY = 16
"""Runs between two collections of what refers to itself: none is needed within a run, and what is left stays."""


@dataclass(frozen=True)
class Found:
    """What one seed came to."""

    seed: int
    problems: tuple[str, ...]
    ticks: int = 0
    lives: int = 0
    orders: int = 0
    hedged: bool = False
    live: bool = False
    stops: int = 0
    spoilt: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)


def look(seed: int) -> Found:
    """Play one seed and judge it."""
    if seed % COLLECT_EVERY == 0:
        gc.collect()
        gc.freeze()
    return judge(plan(seed, VENUES, KINDS))[0]


def judge(planned: Plan) -> tuple[Found, Sequence[str]]:
    """Play one plan; what it came to, and its history."""
    outcome: Outcome | None = None
    disk = Disk(_folder(), _template())
    try:
        outcome = play(planned, disk)
        problems = tuple(verdict(outcome))
    except Exception:  # noqa: BLE001 -- whatever escapes is a finding, and every other seed still counts
        problems = (f"raised {traceback.format_exc(limit=-8)}",)
    finally:
        disk.close()
    if outcome is None:
        return Found(planned.seed, problems, live=planned.live), ()
    orders = sum(order.client_order_id.startswith(PREFIX) for order in outcome.testnet.exchange.orders.values())
    return Found(
        planned.seed, problems, outcome.ticks, outcome.lives, orders, outcome.hedged, planned.live, outcome.stops,
        outcome.spoilt, +outcome.done, outcome.fate.places, outcome.words,
    ), outcome.log


def fingerprint(seed: int) -> str:
    """A digest of a seed's whole history and of its journal, all but what tells of the machine."""
    with closing(Disk(_folder(), _template())) as disk, closing(sqlite3.connect(disk.path)) as connection:
        outcome = play(plan(seed, VENUES, KINDS), disk)
        digest = hashlib.sha256("\n".join(outcome.log).encode())
        for line in connection.iterdump():
            if not line.startswith(('INSERT INTO "heartbeats"', 'INSERT INTO "binding"')):
                digest.update(line.encode())
    return digest.hexdigest()


def shortest(planned: Plan) -> Plan:
    """The failing plan with everything left out without which it fails too, and as short as it still fails.

    Each attempt is a whole run: a plan has few parts, so that all of them are tried until none can be spared.
    """
    before = None
    while planned != before:
        before = planned
        for fewer in _fewer(planned):
            if judge(fewer)[0].problems:
                planned = fewer
                break
    return planned


def _fewer(planned: Plan) -> Iterator[Plan]:
    """The plan less one thing; then with a shorter story; then with a fault that strikes once, an act that is brief."""
    for part in PARTS:
        yield from (planned.without(part, place) for place in range(len(getattr(planned, part))))
    for length in (planned.length // 4, planned.length // 2, planned.length - HOUR):
        if HOUR <= length < planned.length and (not planned.live or length > QUIET):
            yield replace(planned, length=length)
    for place, fault in enumerate(planned.faults):
        if (fault.count, fault.after) != (1, 0):
            yield planned.with_part("faults", [
                *planned.faults[:place], replace(fault, count=1, after=0), *planned.faults[place + 1:]])


@lru_cache(maxsize=1)
def _template() -> bytes:
    return migrated()


@lru_cache(maxsize=1)
def _folder() -> Path:
    memory = Path("/dev/shm")  # noqa: S108 -- a folder of this process's own is made in it
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-simulation-", dir=memory if memory.is_dir() else None))
    multiprocessing.util.Finalize(None, shutil.rmtree, (folder, True), exitpriority=0)
    return folder


def explore(seeds: Iterable[int], workers: int, minutes: float | None = None) -> list[Found]:
    """All seeds, on `workers` processes; with `minutes` as many as were begun by then, and each of them whole."""
    todo = list(seeds)
    until = None if minutes is None else time.monotonic() + minutes * 60
    with multiprocessing.Pool(workers, _quiet) as pool, Progress(transient=True) as progress:
        task = progress.add_task("runs", total=len(todo))
        found = []
        for one in pool.imap_unordered(partial(_look_until, until), todo, chunksize=4):
            progress.advance(task)
            if one is not None:
                found.append(one)
        pool.close()
        pool.join()  # each removes its folder
    return sorted(found, key=lambda one: one.seed)


def _look_until(until: float | None, seed: int) -> Found | None:
    """What the seed came to; None where it is too late to begin with it. All processes read one monotonic clock."""
    return None if until is not None and time.monotonic() > until else look(seed)


def _quiet() -> None:
    """What is loaded stays: no collection needs to look at it. Nor does anybody read what ccxt logs."""
    logging.disable(logging.CRITICAL)
    gc.collect()
    gc.freeze()
    gc.disable()


def report(found: Sequence[Found], seconds: float, console: Console) -> list[str]:
    """What was tried and what came of it. In words, what was not tried enough."""
    runs = len(found)
    spoilt, done, kills, words, hit, done_in = (Counter[str]() for _ in range(6))
    for one in found:
        spoilt += one.spoilt
        done += one.done
        kills += one.kills
        words += one.words
        hit.update(kind for kind, times in one.spoilt.items() if times)
        done_in.update(one.done.keys())
    totals = Table("runs", "ticks", "hedges opened in", "orders placed", "faults", "acts of others", "kills", "lives",
                   "stops", "liveness runs")
    totals.add_row(*(f"{value:,}" for value in (
        runs, sum(one.ticks for one in found), sum(one.hedged for one in found), sum(one.orders for one in found),
        spoilt.total(), done.total(), kills.total(), sum(one.lives for one in found),
        sum(one.stops for one in found), sum(one.live for one in found))))
    console.print(totals)
    kinds = Table("fault", "times", "runs hit")
    for kind in KINDS:
        kinds.add_row(kind, f"{spoilt[kind]:,}", f"{hit[kind]:,}")
    console.print(kinds)
    rarest = min(KINDS, key=lambda kind: hit[kind])
    console.print(f"hit least: {rarest}, in {hit[rarest]:,} of {runs:,} runs ({LEAST_HITS} of {ENOUGH_RUNS:,} wanted)")
    console.print(_counted("others did", done, done_in))
    console.print(_counted("killed", kills))
    console.print(_counted("the user said", words))
    console.print(f"decided again: every decision of {sum(is_whole(one.seed) for one in found):,} runs, "
                  f"the last {LAST_DECISIONS} of every other run")
    wanted = LEAST_HITS if runs >= ENOUGH_RUNS else 0
    few = [f"fault {kind} hit {hit[kind]} runs" for kind in KINDS if hit[kind] < wanted]
    few += [f"act {what} in {done_in[what]} runs" for what in ACTS if done_in[what] < wanted]
    for what, times, least in (("faults", spoilt.total(), LEAST_FAULTS), ("kills", kills.total(), LEAST_KILLS)):
        if runs >= LEAST_HITS and times < least * runs:
            few.append(f"only {times / runs:.2f} {what} a run")
    for lack in few:
        console.print(f"too few: {lack}")
    console.print(_pace(runs, seconds))
    console.print(f"invariant violations: {sum(bool(one.problems) for one in found)}")
    return few


def _pace(runs: int, seconds: float) -> str:
    """How long it took, and whether `ENOUGH_RUNS` keep to their time: the machine's matter, nothing fails by it."""
    took = f"{runs:,} runs in {seconds:.0f} s"
    if not runs:
        return took
    whole = seconds if runs == ENOUGH_RUNS else seconds / runs * ENOUGH_RUNS
    so = "" if runs == ENOUGH_RUNS else f"; {ENOUGH_RUNS:,} at this pace in {whole:.0f} s"
    return f"{took}{so}: {'within' if whole <= IN_MINUTES * 60 else 'not within'} {IN_MINUTES} minutes"


def _counted(title: str, times: Counter[str], runs: Counter[str] | None = None) -> Table:
    table = Table(title, "times", *(["runs"] if runs is not None else []))
    for what, count in sorted(times.items()):
        table.add_row(what, f"{count:,}", *([f"{runs[what]:,}"] if runs is not None else []))
    return table


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
    parser.add_argument("--minutes", type=float, help="begin none after so long: fewer runs rather than thinner ones")
    parser.add_argument("--seed", type=int, help="play this one only, and tell its history")
    parser.add_argument("--fingerprint", type=int, nargs="+",
                        help="play these only, and print digests of all that they came to")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    console = Console(width=160)
    _quiet()
    if asked.fingerprint is not None:
        for seed in asked.fingerprint:
            console.print(fingerprint(seed))
        return 0
    if asked.seed is not None:
        tell(asked.seed, console)
        return 0
    started = time.monotonic()
    found = explore(range(asked.first, asked.first + asked.runs), asked.workers, asked.minutes)
    few = report(found, time.monotonic() - started, console)
    broken = [one.seed for one in found if one.problems]
    if broken:
        console.print(f"seeds: {', '.join(map(str, broken[:50]))}")
    for seed in broken[:SHRUNK]:
        tell(seed, console)
    return 1 if broken or few else 0


if __name__ == "__main__":
    sys.exit(main())
