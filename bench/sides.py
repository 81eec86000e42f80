"""The two sides of most benches: the bot as `hedgerow run` composes it, and the least that could do the same."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
from answers import CASH_TARGET, targets
from exchange import Exchange
from sides_bare import KEY, ORDER, READS, SECRET, Bare

from bot.app import Bot, Wrap, compose_bot
from bot.core.market import Side
from bot.core.orders import OrderIntent, TimeInForce, client_order_id
from bot.engine.book import Book
from bot.engine.tick import Engine
from bot.journal.rows import to_row
from bot.ports import Clock, Journal, Memory
from bot.settings import Settings, load

__all__ = [
    "KEY", "ORDER", "READS", "SECRET", "Bare", "BareInsert", "Ours", "alternating", "bare", "bare_insert", "intent",
    "ours", "settings", "without_limits",
]


TRIGGERS = 'open: "3pp", confirm_spacing: "0s"'
"""Every default but confirmation, which would take half a minute."""


def settings(
    exchange: Exchange, folder: Path, *, triggers: str = TRIGGERS, streams: str = "", **keys: str,
) -> Settings:
    """A configuration of the exchange's coins. `triggers`, `streams`: what stands in these sections."""
    assets = targets(exchange.assets)
    cash = Decimal(100) - sum(assets.values())
    assert cash >= CASH_TARGET
    wanted = {"poll": "5s", "working_poll": "1s"} | keys
    text = "\n".join([
        "venue: binance", "environment: local", "assets:",
        *(f'  {asset}: {{target: "{share}%"}}' for asset, share in assets.items()),
        f'cash: {{USDT: "{cash}%"}}', f"triggers: {{{triggers}}}", f"streams: {{{streams}}}",
        *(f'{key}: "{value}"' for key, value in wanted.items()), "journal: bench.db", "log: {console: false}",
        f'testnet: {{url: "{exchange.url}"}}',
    ])
    file = folder / "bench.yaml"
    file.write_text(text + "\n")
    return load(file, {})


class Ours:
    """A composed bot, from which engines with an empty memory can be made: one for each measured drift."""

    def __init__(self, bot: Bot, journal: Journal, settle: str) -> None:
        self.bot = bot
        self.journal = journal
        self._settle = settle
        self._made = 0

    def read_orders_now(self) -> None:
        """Have the next snapshot read the open orders too, which it does every half minute only."""
        venue: Any = self.bot.venue
        venue._orders.changed()  # noqa: SLF001 - what placing an order does

    def engine(self) -> Engine:
        """One that has never ticked, on the kept journal and the kept connections."""
        self._made += 1
        memory = Memory(
            intents=self._made, episode_numbers=dict.fromkeys(self.bot.terms.instruments, self._made),
            names=(client_order_id("bench0", "btc1", self._made),))
        book = Book(self.journal, self.bot.clock, account_tag="bench0", settle=self._settle,
                    instruments=self.bot.terms.instruments, memory=memory)
        return Engine(venue=self.bot.venue, book=book, clock=self.bot.clock, terms=self.bot.terms, emit=self.bot.emit)


@asynccontextmanager
async def ours(
    exchange: Exchange, folder: Path, wrap: Wrap | None = None, wished: Settings | None = None,
) -> AsyncIterator[Ours]:
    """The bot: the gateway over ccxt, the journal on the disk, the log in a file."""
    wished = wished or settings(exchange, folder)
    seen: list[Journal] = []
    outer = wrap or Wrap()

    def keep(journal: Journal, clock: Clock) -> Journal:
        seen.append(outer.journal(journal, clock))
        return seen[-1]

    async with compose_bot(wished, wished.credentials(), wrap=replace(outer, journal=keep)) as bot:
        without_limits(bot.venue)
        yield Ours(bot, seen[0], wished.policy().settle)


def without_limits(venue: Any) -> None:  # noqa: ANN401 - reaches behind the port
    """Lift the venue's allowances: a minute's polls are sent in a second here. They still are counted."""
    venue = getattr(venue, "_port", venue)
    for budget in venue._exchange._door.budgets.by_name.values():  # noqa: SLF001 - there is no reason to offer this
        budget.limit = 10**9


@asynccontextmanager
async def bare(exchange: Exchange) -> AsyncIterator[Bare]:
    """One kept session."""
    async with aiohttp.ClientSession() as session:
        yield Bare(exchange, session)


class BareInsert:
    """A table like the intents', through sqlite3 alone: WAL, synchronous=FULL."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        row = to_row(intent(1))
        self._connection = connection
        self._statement = f"INSERT INTO intents VALUES ({', '.join('?' * len(row))})"  # noqa: S608 - places only
        self._rest = [str(value) for name, value in row.items() if name not in ("client_order_id", "number")]
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"CREATE TABLE intents ({', '.join(row)}, PRIMARY KEY (client_order_id), UNIQUE (number))")

    def commit(self, number: int) -> None:
        """One row, on the disk."""
        self._connection.execute(self._statement, [f"bare_btc1_{number}", number, *self._rest])
        self._connection.commit()


@contextmanager
def bare_insert(folder: Path) -> Iterator[BareInsert]:
    """A database of its own."""
    connection = sqlite3.connect(folder / "bare.db")
    try:
        yield BareInsert(connection)
    finally:
        connection.close()


def intent(number: int) -> OrderIntent:
    """An order as meant."""
    coins, price = Decimal("0.200"), Decimal("50000.10")
    return OrderIntent(
        client_order_id=f"hrbench_btc1_{number}", number=number, episode="btc1", asset="BTC", symbol="BTC/USDT:USDT",
        side=Side.SELL, quantity=coins, price=price, reduce_only=False, time_in_force=TimeInForce.GTX,
        position_before=Decimal(0), goal=coins, decided_at=1, created_at=1, reason="above_open", spot_mid=price,
        perp_mid=price,
    )


def alternating(rounds: int) -> Iterator[Sequence[str]]:
    """For each round the order of the sides: each is first as often as the other."""
    for number in range(rounds):
        yield ("ours", "bare") if number % 2 else ("bare", "ours")
