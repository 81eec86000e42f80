"""A journal that a bot really wrote: a story lived through in one process over the simulated exchange."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from paper_bot import StoryTime

from bot.core.policy import AssetPolicy, ExecutionPolicy, OnTimeout, Policy, Terms, Threshold
from bot.core.times import DAY, HOUR, MINUTE
from bot.engine.book import Book
from bot.engine.daemon import Daemon
from bot.engine.tick import Engine
from bot.journal.reader import submit_command
from bot.journal.store import SqlJournal
from bot.paper.exchange import PaperExchange
from bot.paper.venue import PaperVenue
from bot.testnet.build import build
from bot.testnet.options import TestnetOptions

D = Decimal
TAG = "paper0"
LEVELS = (Threshold(D("0.03")), Threshold(D("0.01")), Threshold(D("0.01")))
POLICY = Policy(
    (AssetPolicy("BTC", D("0.5"), *LEVELS, D("0.001")), AssetPolicy("ETH", D("0.3"), *LEVELS, D("0.01"))), D("0.2"),
    execution=ExecutionPolicy(on_timeout=OnTimeout.CROSS),
)


async def opened(path: Path) -> SqlJournal:
    return await SqlJournal.open(path, environment="local", venue="binance", account="1", wall=lambda: 7)


class Lived:
    """A bot's story over the paper exchange with a journal file: the file, the exchange and the terms after it."""

    def __init__(self, folder: Path, *, days: int = 16) -> None:
        self.path = folder / "lived.db"
        self.exchange: PaperExchange = build(TestnetOptions(scenario="demo", days=days, seed=1)).exchange
        self.terms = asyncio.run(self._live())
        submit_command(self.path, "rearm", "BTC", 1)
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.content = self.path.read_bytes()

    async def _live(self) -> Terms:
        clock = StoryTime(self.exchange.feed.start, self.exchange.feed.end - 2 * DAY)
        self.venue = PaperVenue(self.exchange, clock)
        terms = Terms(POLICY, await self.venue.instruments(["BTC", "ETH"]))
        await self.venue.prepare(POLICY)
        journal = await opened(self.path)
        book = Book(journal, clock, account_tag=TAG, settle="USDT", instruments=terms.instruments,
                    memory=await journal.recall("USDT"))
        engine = Engine(venue=self.venue, book=book, clock=clock, terms=terms, emit=lambda *_, **__: None)
        await Daemon(engine, clock, poll=HOUR, working_poll=MINUTE, emit=lambda *_, **__: None).run()
        await journal.close()
        return terms
