"""A story from its first price to its closing account: a testnet process, the daemon, and both their books compared.

With a fault, something goes wrong in it: the testnet is told beforehand what to do at which instant.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from bot import app
from bot.core.episode import Episode
from bot.core.ledger import Costs
from bot.core.market import Asset
from bot.core.money import ZERO
from bot.core.orders import PREFIX
from bot.core.times import DAY, Millis
from bot.errors import ConfigError, Refused
from bot.journal.reader import read_books, read_costs, read_episodes
from bot.journal.views import Books
from bot.settings import Settings
from bot.testnet.stories import Story

READY = "testnet ready at "
"""What `hedgerow testnet serve` says once it takes requests, before its URL."""

PATIENCE = 60.0
"""Real seconds for a testnet to come up: a large panel takes some to read."""


@dataclass(frozen=True, slots=True)
class ClosingAccount:
    """How a story ended. `coins` are spot balances (before, after); `differences` between journal and exchange, if any.

    Money in the settle coin; `unrealised` is that of hedges still open. `costs`: of each hedge, by id; open ones valued
    at the last decision's prices. `stopped`: why the bot ended before the story.
    """

    start: Millis
    end: Millis
    episodes: tuple[Episode, ...]
    coins: Mapping[Asset, tuple[Decimal, Decimal]]
    unrealised: Decimal
    fills: int
    differences: tuple[str, ...]
    stopped: str | None = None
    costs: Mapping[str, Costs] = field(default_factory=dict)

    @property
    def days(self) -> int:
        """Whole days of the story."""
        return (self.end - self.start) // DAY


async def run_demo(settings: Settings, fault: Story | None = None) -> ClosingAccount:
    """Play the configured story from its beginning with a fresh journal, with `fault` in it.

    Raises ConfigError, Unavailable; and, without a fault, whatever stops the bot.
    """
    if not settings.local or settings.file is None:
        raise settings.error(("environment",), f"is {settings.environment}, but a demo is played locally", "local")
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hedgerow-")))
        url = await stack.enter_async_context(testnet_process(settings.file, "--venue", settings.venue))
        playing = settings.model_copy(update={
            "testnet": settings.testnet.model_copy(update={"url": url}), "journal": folder / "demo.db",
            "log": settings.log.model_copy(update={"file": folder / "demo.log"}),
        })
        if fault is not None:
            playing = playing.model_copy(update={
                "streams": settings.streams.model_copy(update={"enabled": fault.streams})})
            await _arm(url, fault, settings.venue)
        before = await testnet_get(url, "/testnet/state")
        stopped = await _run(playing, stops=fault is not None)
        clock, after = await testnet_get(url, "/testnet/clock"), await testnet_get(url, "/testnet/state")
        lived = playing.journal.is_file()
        books = read_books(playing.journal) if lived else Books((), (), (), {}, ZERO, ZERO)
        return ClosingAccount(
            stopped=stopped, costs=read_costs(playing.journal) if lived else {},
            start=clock["origin"], end=clock["now"], episodes=read_episodes(playing.journal) if lived else (),
            coins={
                coin: (Decimal(before["balances"]["spot"].get(coin, "0")), Decimal(after["balances"]["spot"][coin]))
                for coin in settings.assets
            },
            unrealised=Decimal(after["margin"]["unrealised"]), fills=len(books.fills),
            differences=compare(books, after, settings.settle),
        )


async def _arm(url: str, fault: Story, venue: str) -> None:
    """Have the testnet do at its instants what the fault is made of."""
    origin = (await testnet_get(url, "/testnet/clock"))["origin"]
    async with aiohttp.ClientSession() as session:
        for body in fault.plan(venue, origin):
            async with session.post(url + "/testnet/later", json=body) as reply:
                if reply.status != 200:
                    raise ConfigError(f"the testnet does not do {fault.name}: {(await reply.text())[:200]}")


async def _run(playing: Settings, *, stops: bool) -> str | None:
    """Run the bot to the story's end; why it ended before, where it may (`stops`)."""
    try:
        await app.run_daemon(playing)
    except (Refused, ConfigError) as stop:
        if not stops:
            raise
        return str(stop)
    return None


@contextlib.asynccontextmanager
async def testnet_process(config: Path, *options: str) -> AsyncIterator[str]:
    """A testnet of its own process on any free port, playing the configuration's story; gives its URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "testnet", "serve", "-c", str(config), "--port", "0", *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield await asyncio.wait_for(_ready(process), PATIENCE)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


async def _ready(process: asyncio.subprocess.Process) -> str:
    if process.stdout is None or process.stderr is None:
        raise ValueError("the testnet's output is not piped")
    line = (await process.stdout.readline()).decode().strip()
    if not line.startswith(READY):
        why = (await process.stderr.read()).decode().strip()
        raise ConfigError(f"the testnet did not start: {why.removeprefix('hedgerow: ') or line}")
    return line.removeprefix(READY)


async def testnet_get(url: str, path: str) -> Any:  # noqa: ANN401 - JSON of the testnet's admin
    """One of the testnet's own pages."""
    async with aiohttp.ClientSession() as session, session.get(url + path) as reply:
        return await reply.json()


def compare(books: Books, state: Mapping[str, Any], settle: str) -> tuple[str, ...]:
    """Where the journal's books and the exchange's differ; empty when they agree to the last digit.

    Executions of others are none of the journal's, unless it has taken them in.
    """
    figures = ("quantity", "price", "fee", "realised")
    ours = {(fill.symbol, fill.trade_id): tuple(getattr(fill, name) for name in figures) for fill in books.fills}
    perpetual = {(row["symbol"], str(row["trade_id"])): row for row in state["fills"] if row["market"] == "perp"}
    theirs = {
        key: tuple(Decimal(row[name]) for name in figures) for key, row in perpetual.items()
        if key in ours or row["client_order_id"].startswith(PREFIX)
    }
    found = [f"fill {key}: journal {ours.get(key)}, exchange {theirs.get(key)}"
             for key in sorted(ours.keys() | theirs.keys()) if ours.get(key) != theirs.get(key)]
    paid = {(row.symbol, row.at): row.amount for row in books.funding}
    settled = {(row["symbol"], row["at"]): Decimal(row["amount"]) for row in state["funding"]}
    found += [f"funding {key}: journal {paid.get(key)}, exchange {settled.get(key)}"
              for key in sorted(paid.keys() | settled.keys()) if paid.get(key) != settled.get(key)]
    totals = {
        "fees": (books.fees.get(settle, ZERO), sum((values[2] for values in theirs.values()), ZERO)),
        "funding": (books.funding_received, Decimal(state["totals"]["funding"])),
        "realised": (books.realised, Decimal(state["totals"]["realised"]) - sum(
            (Decimal(row["realised"]) for key, row in perpetual.items() if key not in theirs), ZERO)),
    }
    return (*found, *(f"{name}: journal {mine}, exchange {yours}" for name, (mine, yours) in totals.items()
                      if mine != yours))
