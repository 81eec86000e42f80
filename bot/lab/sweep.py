"""A sweep: one replay for each point of a grid, on all cores or on a cluster, each result kept as soon as it is there.

Every job is a replay from a fresh account. A result is a function of the job and the panel alone, so it does not matter
who reckons it, nor in which order.
"""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

from bot import __version__
from bot.core.money import ZERO, reckoned
from bot.core.times import YEAR, Millis
from bot.errors import ConfigError, Unavailable
from bot.lab.panel import Panel, Row
from bot.lab.replay import Outcome, replay
from bot.lab.stage import Wishes
from bot.lab.sweep_file import Kept, SweepFile

_SHOWN = Decimal("1e-6")
_BP = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class Job:
    """One replay: of these wishes over the rows from `start` to `end` (exclusive) of the panel with this digest."""

    panel: Path
    digest: str
    wishes: Wishes
    start: Millis
    end: Millis

    @property
    def key(self) -> str:
        """The same for the same replay by the same version, and for nothing else."""
        said = (__version__, self.digest, repr(self.wishes), self.start, self.end)
        return hashlib.sha256(repr(said).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Figures:
    """What is compared. `hedges` begun, `finalised` with coins sold; a year has 365 days, as in the ledger.

    `net_cost_bp`: of mean NAV, a year; negative: earned. `off_pp`: mean |net weight − target| in percentage points, the
    mean over the coins; `spot_off_pp`: of the coins alone. `lowest_runway`: how far all shorted marks could rise
    together when it was least (None: nothing was short, or no margin is reckoned); `lowest_cash`: of (cash +
    unrealised) / NAV. `refused`: why there was no replay; then nothing else is known.
    """

    rows: int = 0
    years: Decimal = ZERO
    hedges: int = 0
    hedges_a_year: Decimal = ZERO
    finalised: int = 0
    trades: int = 0
    net_cost: Decimal = ZERO
    net_cost_bp: Decimal = ZERO
    off_pp: Decimal = ZERO
    spot_off_pp: Decimal = ZERO
    lowest_runway: Decimal | None = None
    lowest_cash: Decimal | None = None
    liquidations: int = 0
    nav: Decimal = ZERO
    refused: str | None = None


Runner: TypeAlias = Callable[[Sequence[Job]], "Iterator[tuple[int, Figures]]"]
"""Runs jobs, and gives each one's place and figures in whatever order they come."""


@dataclass(frozen=True, slots=True)
class Span:
    """The rows that there are: how many, the first and the last instant, and when the next one would have come."""

    rows: int
    first: Millis
    last: Millis
    until: Millis


def span_of(panel: Path, assets: Sequence[str], start: Millis, end: Millis) -> Span:
    """Read the panel once. Raises ConfigError for what is wrong in it, and where it has no row in that time."""
    rows, first, before, last = 0, start, start, start
    for row in Panel(panel).rows(start, end, assets):
        first, before = (first, last) if rows else (row.at, row.at)
        rows, last = rows + 1, row.at
    if not rows:
        raise ConfigError("no row lies in that span. Allowed: a span that the panel holds, --to exclusive")
    return Span(rows, first, last, 2 * last - before)


def digest_of(panel: Path) -> str:
    """The file's SHA-256. Raises ConfigError for one that cannot be read."""
    try:
        return hashlib.sha256(panel.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(f"{panel}: cannot be read ({error.strerror}); allowed: a panel file") from None


def sweep(
    jobs: Sequence[Job], runner: Runner, kept: SweepFile | None = None,
    done: Callable[[int], None] = lambda count: None,  # noqa: ARG005 - nobody listens
) -> list[Figures]:
    """The figures of every job, in the jobs' order. What is kept already is not run again; `done` hears how many more
    are ready. Raises ConfigError.
    """
    found: dict[str, Figures] = {}
    if kept is not None:
        found = {key: figures for key, figures in kept.read(Figures).items() if figures.refused is None}
    missing = [job for key, job in {job.key: job for job in jobs}.items() if key not in found]
    done(len(jobs) - len(missing))
    for place, figures in runner(missing) if missing else ():
        key = missing[place].key
        found[key] = figures
        if kept is not None:
            kept.append(Kept(key, figures))
        done(1)
    return [found[job.key] for job in jobs]


# -- one job -----------------------------------------------------------------------------------------------------------


class _Rows:
    """The rows that this process has read last; several threads of a cluster's worker may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: tuple[object, ...] | None = None
        self._rows: Sequence[Row] = ()

    def of(self, job: Job) -> Sequence[Row]:
        """The job's rows. Raises ConfigError where this machine's panel is another one."""
        assets = tuple(one.asset for one in job.wishes.policy.assets)
        asked = (job.panel, job.digest, job.start, job.end, assets)
        with self._lock:
            if self._of != asked:
                self._of, self._rows = None, ()  # the old rows make room before the new ones come
                if digest_of(job.panel) != job.digest:
                    raise ConfigError(f"{job.panel} is not the panel that was asked for. Allowed: the same file at the "
                                      "same path on every machine")
                self._rows = list(Panel(job.panel).rows(job.start, job.end, assets))
                self._of = asked
            return self._rows


_ROWS = _Rows()


def run_job(job: Job) -> Figures:
    """Replay one job. Wishes that do not fit the account are figures too: refused, and why."""
    rows = _ROWS.of(job)
    try:
        outcome = asyncio.run(replay(job.wishes, rows))
    except ConfigError as error:
        return Figures(refused=str(error))
    return figures_of(outcome, rows[0].at, rows[-1].at)


@reckoned
def figures_of(outcome: Outcome, first: Millis, last: Millis) -> Figures:
    """What is compared, of a replay whose rows reach from `first` to `last`."""
    years = Decimal(last - first) / YEAR
    coins = len(outcome.episodes)
    hedges, cost = sum(outcome.episodes.values()), sum(outcome.net_cost.values(), ZERO)

    def a_year(amount: Decimal) -> Decimal:
        return (amount / years).quantize(_SHOWN) if years else ZERO

    return Figures(
        rows=outcome.rows, years=years.quantize(_SHOWN), hedges=hedges, hedges_a_year=a_year(Decimal(hedges)),
        finalised=sum(outcome.finalisations.values()), trades=outcome.trades, net_cost=cost,
        net_cost_bp=a_year(cost / outcome.mean_nav * _BP) if outcome.mean_nav > 0 else ZERO,
        off_pp=_mean(outcome.mean_net_off_pp, coins), spot_off_pp=_mean(outcome.mean_spot_off_pp, coins),
        lowest_runway=outcome.lowest_runway, lowest_cash=outcome.lowest_cash_share,
        liquidations=outcome.liquidations, nav=outcome.nav,
    )


def _mean(values: Mapping[str, Decimal], coins: int) -> Decimal:
    return (sum(values.values(), ZERO) / coins).quantize(_SHOWN)


# -- who runs them -----------------------------------------------------------------------------------------------------


def here(jobs: Sequence[Job]) -> Iterator[tuple[int, Figures]]:
    """One after another in this process."""
    for place, job in enumerate(jobs):
        yield place, run_job(job)


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_cores(count: int) -> Runner:
    """On so many processes of this machine, or in this one where one is enough. Whatever stops it, none outlives it."""

    def run(jobs: Sequence[Job]) -> Iterator[tuple[int, Figures]]:
        workers = min(count, len(jobs))
        if workers <= 1:
            yield from here(jobs)
            return
        # Spawned, never forked: the same everywhere, and no thread or lock of this process comes along.
        pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
        try:
            # A few ahead of the workers: after a stop nothing is waited for that has not begun.
            waiting = iter(enumerate(jobs))
            running = {pool.submit(run_job, job): place for place, job in _next(waiting, 2 * workers)}
            while running:
                ready, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ready:
                    place = running.pop(future)
                    for after, job in _next(waiting, 1):
                        running[pool.submit(run_job, job)] = after
                    yield place, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    return run


def _next(jobs: Iterator[tuple[int, Job]], count: int) -> Iterable[tuple[int, Job]]:
    return [each for _, each in zip(range(count), jobs, strict=False)]


@contextmanager
def on_cluster(address: str) -> Iterator[Runner]:
    """On a Dask cluster. The panel must lie at the same path on each of its machines.

    Raises ConfigError where Dask is not installed, and Unavailable where nobody answers at the address.
    """
    try:
        from distributed import Client, as_completed  # noqa: PLC0415 - an extra, and it takes a second
    except ImportError:
        raise ConfigError('--scheduler needs Dask, which is not installed. Allowed: pip install "hedgerow[dask]"'
                          ) from None
    try:
        client = Client(address, set_as_default=False, timeout="10s")
    except (OSError, ValueError) as error:
        raise Unavailable(f"no Dask scheduler answers at {address} ({error})") from None

    def run(jobs: Sequence[Job]) -> Iterator[tuple[int, Figures]]:
        sent = {client.submit(run_job, job, pure=False, retries=2): place for place, job in enumerate(jobs)}
        try:
            for future in as_completed(list(sent), loop=client.loop):
                yield sent[future], future.result()
        finally:
            client.cancel(list(sent))

    try:
        yield run
    finally:
        client.close()
