"""The composition root: the one module that knows every concrete class.

Which venue, which environment, real or rehearsed is decided here and nowhere else. Concrete rooms are imported inside
the functions that need them, so that `--help`, `status` and `health` stay light.
"""
# ruff: noqa: PLC0415 -- see above: imports inside functions are this module's point

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.core.decision import Reason
from bot.core.market import Snapshot
from bot.core.orders import base36
from bot.core.plan import check_terms
from bot.core.policy import Terms
from bot.core.portfolio import measure
from bot.core.times import SECOND, Millis, iso
from bot.environment import Environment
from bot.errors import ConfigError, JournalBehind, Unavailable
from bot.ports import Clock, Journal, Memory, Venue
from bot.settings import Credentials, Described, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from bot.clocks import ClosableClock
    from bot.engine.book import Book
    from bot.engine.tick import Engine
    from bot.engine.wakes import Wakes
    from bot.lab.fetch import Fetched
    from bot.telemetry.events import Emit
    from bot.telemetry.logs import Logs
    from bot.testnet.options import TestnetOptions
    from bot.venues.stream import PushStream

LEASE = "hedgerow"
"""The lease under which the daemon moves a stepped testnet's time; a restarted daemon takes it up again."""

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class Wrap:
    """What to put around the ports of a bot: nothing, unless somebody wants to watch or disturb it."""

    venue: Callable[[Venue, Clock], Venue] = lambda venue, _clock: venue
    journal: Callable[[Journal, Clock], Journal] = lambda journal, _clock: journal


@dataclass(frozen=True, slots=True)
class Bot:
    """A bot that is ready to tick. `watch`: from here on it must decide; `ticked`: it has, at that instant."""

    engine: Engine
    book: Book
    clock: Clock
    venue: Venue
    terms: Terms
    emit: Emit
    wakes: Wakes | None = None
    watch: Callable[[], None] = lambda: None
    ticked: Callable[[Millis], None] = lambda _: None


def account_tag(venue: str, environment: str, account: str) -> str:
    """Six letters or digits that tell accounts apart, the same at every start."""
    digest = hashlib.sha256(f"{venue}|{environment}|{account}".encode()).digest()
    return base36(int.from_bytes(digest[:8])).rjust(6, "0")[-6:]


def journal_tag(begun_at: Millis) -> str:
    """Three letters or digits that tell the journals of an account apart, by when each was made."""
    return base36(int.from_bytes(hashlib.sha256(str(begun_at).encode()).digest()[:8])).rjust(3, "0")[-3:]


def wall() -> Millis:
    """The machine's time: for heartbeats, which tell real age, and for commands of the user."""
    return time.time_ns() // 1_000_000


# -- the daemon --------------------------------------------------------------------------------------------------------


async def run_daemon(
    settings: Settings, *, once: bool = False, live_account: str | None = None, wrap: Wrap | None = None,
    dry_run: bool = False,
) -> int:
    """Run the bot until it is told to stop, or for one tick; the exit code. `dry_run`: no order leaves.

    Raises ConfigError, SafetyStop, Refused, JournalError; and Unavailable where `once` could not reach the venue.
    """
    from bot.engine.daemon import Daemon

    credentials = settings.looking_credentials() if dry_run else settings.credentials()
    stop = asyncio.Event()
    pause = FIRST_PAUSE
    with _signals_set(stop):
        while not stop.is_set():
            try:
                async with compose_bot(
                    settings, credentials, live_account=live_account, wrap=wrap, dry_run=dry_run,
                ) as bot:
                    if once:
                        await bot.engine.tick()
                        return 0
                    gc.collect()
                    gc.freeze()  # what is loaded stays: no collection needs to look at it, and an order wait for that
                    daemon = Daemon(
                        bot.engine, bot.clock, poll=settings.poll, working_poll=settings.working_poll, emit=bot.emit,
                        wakes=bot.wakes, ticked=bot.ticked,
                    )
                    bot.watch()
                    await _run_until(stop, daemon.request_stop, daemon.run())
                    return 0
            except Unavailable as away:
                if once:
                    raise
                print(f"hedgerow: {away}; trying again in {pause:.0f} s", file=sys.stderr)  # noqa: T201 - there is no log yet
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)
                pause = min(pause * 2, LONGEST_PAUSE)
    return 0


@contextlib.contextmanager
def _signals_set(stop: asyncio.Event) -> Iterator[None]:
    """SIGINT and SIGTERM ask for an orderly stop; a second SIGINT is Python's own again."""
    loop = asyncio.get_running_loop()

    def ask() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _run_until(stop: asyncio.Event, request_stop: Callable[[], None], running: Awaitable[None]) -> None:
    """Pass a stop on to what is running, and wait for its end."""

    async def watch() -> None:
        await stop.wait()
        request_stop()

    watcher = asyncio.ensure_future(watch())
    try:
        await running
    finally:
        watcher.cancel()


@contextlib.asynccontextmanager
async def compose_bot(
    settings: Settings, credentials: Credentials, *, live_account: str | None = None, wrap: Wrap | None = None,
    dry_run: bool = False,
) -> AsyncIterator[Bot]:
    """Clock, venue, journal and engine of one account, checked and prepared; released at the end."""
    from bot.attention import alerts_of, attended
    from bot.telemetry.redaction import Redactor

    wrap = wrap or Wrap()
    alerts, tokens = alerts_of(settings)
    secrets = (credentials.key, credentials.secret, *tokens)
    async with contextlib.AsyncExitStack() as stack:
        clock = await _clock(settings, LEASE)
        stack.push_async_callback(clock.close)
        logs = stack.enter_context(_logs(settings, clock, secrets))
        attention = await stack.enter_async_context(
            attended(settings, clock, logs.emit, alerts=alerts, redactor=Redactor(secrets)))
        emit = attention.emit
        opened = _venue(settings, clock, credentials, dry_run=dry_run)
        venue = wrap.venue(opened, clock)
        stack.push_async_callback(venue.close)
        account = await venue.account()
        if not dry_run:
            _check_live(settings, account, live_account)
        environment = bound_environment(settings, dry_run=dry_run)
        bot = await stack.enter_async_context(
            take_up(settings, account, clock=clock, venue=venue, emit=emit, environment=environment, wrap=wrap))
        wakes = _wakes(settings, clock, credentials, opened=opened, emit=emit, stack=stack)
        yield replace(bot, wakes=wakes, watch=attention.watch, ticked=attention.ticked)


@contextlib.asynccontextmanager
async def take_up(
    settings: Settings, account: str, *, clock: Clock, venue: Venue, emit: Emit, environment: str, wrap: Wrap,
) -> AsyncIterator[Bot]:
    """The account as its journal left it, on these ports: specifications checked, venue prepared, engine ready."""
    from bot.engine.book import Book
    from bot.engine.tick import Engine
    from bot.engine.twin import check_last_number
    from bot.journal.store import SqlJournal

    policy = settings.policy()
    sql = await SqlJournal.open(
        settings.journal, environment=environment, venue=settings.venue, account=account, wall=wall,
        poll=settings.poll, begun_at=clock.now(),
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(sql.close)
        journal = wrap.journal(sql, clock)
        memory = await journal.recall(policy.settle)
        _check_orphans(settings, memory)
        terms = Terms(policy, await venue.instruments([asset.asset for asset in policy.assets]))
        for finding in findings(settings, terms, await venue.snapshot()):
            emit("config.warned", message=finding)
        tag = account_tag(settings.venue, environment, account)
        try:
            await check_last_number(
                venue, clock, memory,
                [symbol for spec in terms.instruments.values() for symbol in (spec.symbol, spec.spot_symbol)], tag)
        except JournalBehind as behind:
            emit("safety.stopped", message=str(behind), code="journal_behind")
            raise
        for change in await venue.prepare(policy):
            emit("venue.prepared", message=change)
        book = Book(
            journal, clock, account_tag=tag, settle=policy.settle, instruments=terms.instruments, memory=memory,
            journal_tag=journal_tag(memory.begun_at),
        )
        emit("daemon.started", venue=str(settings.venue), environment=environment,
             assets=list(terms.instruments))
        engine = Engine(
            venue=venue, book=book, clock=clock, terms=terms, emit=emit, healthy_every=settings.healthy_every,
            inspect_every=settings.inspection_every, dead_mans_switch=settings.dead_mans_switch, advises=True,
            tax=settings.tax_policy())
        yield Bot(engine, book, clock, venue, terms, emit)


def _wakes(
    settings: Settings, clock: ClosableClock, credentials: Credentials, *, opened: Venue, emit: Emit,
    stack: contextlib.AsyncExitStack,
) -> Wakes | None:
    """What the venue pushes, where it is to be listened to; a dry run's account is our own and pushes nothing."""
    from bot.clocks import SteppedClock
    from bot.engine.wakes import Allowance, Wakes

    stream = open_stream(settings, clock, credentials, opened)
    if stream is None:
        return None
    wanted = settings.streams
    stack.push_async_callback(stream.close)
    if isinstance(clock, SteppedClock):
        clock.follow(stream)
    return Wakes(
        stream, clock, emit, allowance=Allowance(floor=wanted.floor, per_minute=wanted.per_minute),
        enabled=wanted.wake, fresh=wanted.fresh,
    )


def open_stream(
    settings: Settings, clock: Clock, credentials: Credentials, opened: Venue,
) -> PushStream | None:
    """What the venue pushes, not connected yet; None where nobody listens."""
    from bot.venues.gateway import CcxtVenue
    from bot.venues.makers import STREAMS

    if not settings.listens or not isinstance(opened, CcxtVenue):
        return None
    return STREAMS[settings.venue](
        opened, settings.environment, clock=clock, key=credentials.key, secret=credentials.secret,
        assets=list(settings.assets), settle=settings.settle,
        local_url=settings.testnet.url if settings.local else None, silence=settings.streams.silence / SECOND,
        marks=settings.streams.fresh > 0,
    )


def _logs(settings: Settings, clock: Clock, secrets: Sequence[str]) -> Logs:
    from bot.telemetry.logs import configure

    return configure(
        clock=clock, log_file=settings.log.file, console=settings.log.console, level=settings.log.level,
        secrets=secrets, max_bytes=settings.log.max_bytes, keep=settings.log.keep,
    )


async def _clock(settings: Settings, lease: str | None) -> ClosableClock:
    from bot.clocks import WallClock, story_clock

    return await story_clock(settings.testnet.url, lease) if settings.local else WallClock()


def bound_environment(settings: Settings, *, dry_run: bool) -> str:
    """What the journal is bound to: a dry run's can never be taken for a real one's."""
    from bot.rehearsal import environment_of

    return environment_of(settings) if dry_run else str(settings.environment)


def _venue(
    settings: Settings, clock: Clock, credentials: Credentials, *, read_only: bool = False, dry_run: bool = False,
) -> Venue:
    if dry_run:
        from bot.rehearsal import make_dry_venue

        return make_dry_venue(settings, clock, credentials)
    from bot.venues.makers import ACCOUNTS

    policy = settings.policy()
    return ACCOUNTS[settings.venue](
        settings.environment, clock=clock, key=credentials.key, secret=credentials.secret,
        assets=list(settings.assets), settle=policy.settle, cash=policy.cash,
        local_url=settings.testnet.url if settings.local else None, read_only=read_only,
        timeout=settings.request_timeout,
    )


@contextlib.asynccontextmanager
async def looking(settings: Settings, *, dry_run: bool = False) -> AsyncIterator[tuple[Clock, Venue]]:
    """The configured account through a door that only looks, and its time, which is not moved. Raises ConfigError."""
    credentials = settings.looking_credentials() if dry_run else settings.credentials()
    async with contextlib.AsyncExitStack() as stack:
        clock = await _clock(settings, None)
        stack.push_async_callback(clock.close)
        venue = _venue(settings, clock, credentials, read_only=True, dry_run=dry_run)
        stack.push_async_callback(venue.close)
        yield clock, venue


def _check_live(settings: Settings, account: str, typed: str | None) -> None:
    """The third opt-in: the account that was typed is the account that the key opens."""
    if settings.environment is Environment.LIVE and typed != account:
        raise settings.error(
            ("environment",), f"is live, but the key opens another account than {typed}", "--account with its own id",
        )


def _check_orphans(settings: Settings, memory: Memory) -> None:
    """A hedge whose coin is no longer configured would be left alone for ever: refuse, and say the way out."""
    for episode in memory.episodes:
        if episode.asset not in settings.assets and not episode.state.ended:
            raise settings.error(
                ("assets",), f"lacks {episode.asset}, whose hedge {episode.id} is still open",
                f"put {episode.asset} back, `hedgerow close {episode.asset}`, wait for hedge.closed, then remove it",
            )


def findings(settings: Settings | Described, terms: Terms, snapshot: Snapshot) -> tuple[str, ...]:
    """What speaks against the configuration on this account: errors raise ConfigError, warnings are returned."""
    errors, warnings = check_terms(
        terms, measure(snapshot, terms.policy, terms.instruments).nav,
        {asset: quote.spot_mid for asset, quote in snapshot.quotes.items()},
    )
    if errors:
        raise settings.error(_key_of(errors[0]), "; ".join(error.text for error in errors))
    return tuple(warning.text for warning in warnings)


def _key_of(finding: Reason) -> tuple[str, ...]:
    """The key of the configuration that a finding at start is about."""
    if finding.code == "leverage_too_low":
        return ("margin", "leverage")
    asset = finding.facts.get("asset")
    if asset is None:
        return ("assets",)
    return ("assets", asset, "contract") if finding.code.startswith("contract_") else ("assets", asset)


# -- testnet -----------------------------------------------------------------------------------------------------------


async def serve_testnet(options: TestnetOptions, on_ready: Callable[[str], None]) -> None:
    """Serve a local testnet until cancelled; `on_ready` is told its URL. Raises ConfigError."""
    from bot.testnet.server import serve

    await serve(options, on_ready)


# -- history -----------------------------------------------------------------------------------------------------------


async def fetch_history(
    venue: str, *, assets: Sequence[str], start: Millis, end: Millis, interval: str, file: Path,
    mark_high: bool = False, url: str | None = None, on_piece: Callable[[int, int, str], None] = lambda *_: None,
) -> Fetched:
    """Download a venue's public history, or with `url` that of the testnet there. Needs and sends no key.

    Raises ConfigError, Unavailable, Refused.
    """
    from bot.clocks import WallClock, story_clock
    from bot.lab.fetch import Wanted, fetch
    from bot.venues.bars import INTERVALS, open_history
    from bot.venues.environments import loopback_url

    url = None if url is None else str(loopback_url(url))  # before anything is asked there
    async with contextlib.AsyncExitStack() as stack:
        clock = WallClock() if url is None else await story_clock(url, None)
        stack.push_async_callback(clock.close)
        if end > clock.now():
            raise ConfigError(f"--to {iso(end)} lies ahead: it is {iso(clock.now())}; allowed: what is over")
        past = open_history(venue, clock=clock, assets=assets, local_url=url)
        stack.push_async_callback(past.close)
        source = venue if url is None else f"{venue} at {url}"
        wanted = Wanted(source, assets, start, end, INTERVALS[interval], file, mark_high)
        return await fetch(wanted, past, clock, on_piece)
