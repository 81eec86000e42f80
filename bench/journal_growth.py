"""How much a journal grows in a day at the live defaults: a calm day, and a day on which a hedge is opened.

The whole bot in one process over the simulated exchange and a real journal file, a tick every five seconds of story
and every second while an order rests. `python bench/journal_growth.py`; about a minute.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from bot.core.policy import AssetPolicy, Policy, Terms
from bot.core.times import DAY, HOUR, SECOND, Millis
from bot.engine.book import Book
from bot.engine.daemon import Daemon
from bot.engine.tick import Engine
from bot.errors import StoryEnded
from bot.journal.store import SqlJournal
from bot.journal.upkeep import backup
from bot.paper.venue import PaperVenue
from bot.testnet.build import build
from bot.testnet.options import TestnetOptions

POLL, WORKING_POLL = 5 * SECOND, SECOND
POLICY = Policy((
    AssetPolicy("BTC", Decimal("0.5"), contract=Decimal("0.001")),
    AssetPolicy("ETH", Decimal("0.3"), contract=Decimal("0.01")),
), Decimal("0.2"))
RISES_AT, FALLS_AT = 2 * HOUR, 14 * HOUR


class Day:
    """A clock that jumps through one day of a story, and moves a price on the way where it is told to."""

    def __init__(self, start: Millis, moves: Mapping[Millis, object]) -> None:
        self.origin = start
        self._now = start
        self._moves = dict(moves)

    def now(self) -> Millis:
        return self._now

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self._now + round(seconds * SECOND))

    async def sleep_until(self, at: Millis) -> None:
        self._now = max(self._now, at)
        for due in [due for due in self._moves if self.origin + due <= self._now]:
            move = self._moves.pop(due)
            assert callable(move)
            move()
        if at > self.origin + DAY:
            raise StoryEnded("the day is over")

    async def spent(self, seconds: float) -> None:
        await self.sleep(seconds)


async def live_through(folder: Path, scenario: str, *, hedged: bool) -> Path:
    """One day; the journal, copied into one file."""
    exchange = build(TestnetOptions(scenario=scenario, days=3, seed=1)).exchange
    moves = {RISES_AT: lambda: exchange.shift_price("BTC", Decimal("1.3")),
             FALLS_AT: lambda: exchange.shift_price("BTC", Decimal("0.77"))} if hedged else {}
    clock = Day(exchange.feed.start, moves)
    venue = PaperVenue(exchange, clock)
    instruments = await venue.instruments([one.asset for one in POLICY.assets])
    await venue.prepare(POLICY)
    journal = await SqlJournal.open(
        folder / f"{scenario}-{hedged}.db", environment="local", venue="binance", account="1", wall=clock.now,
        poll=POLL)
    book = Book(journal, clock, account_tag="growth", settle="USDT", instruments=instruments,
                memory=await journal.recall("USDT"))
    engine = Engine(venue=venue, book=book, clock=clock, terms=Terms(POLICY, instruments), emit=lambda *_, **__: None)
    await Daemon(engine, clock, poll=POLL, working_poll=WORKING_POLL, emit=lambda *_, **__: None).run()
    copy = folder / f"{scenario}-{hedged}-copy.db"
    backup(journal.path, copy)
    await journal.close()
    return copy


def tell(title: str, file: Path) -> None:
    """Rows and bytes by table; a table's bytes include its indexes."""
    with closing(sqlite3.connect(file)) as connection:
        sizes = dict(connection.execute(
            "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name GROUP BY 1"))
        print(f"\n{title}: {file.stat().st_size / 1e6:.2f} MB")
        for table, size in sorted(sizes.items(), key=lambda pair: -pair[1]):
            rows = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608  # names of our own
            print(f"  {table:16} {rows:7} rows {size:12,} bytes")
        row = connection.execute(
            "SELECT avg(length(situation)), avg(length(decision)), avg(length(reasons)) FROM decisions").fetchone()
        print("  a decision: situation {:,.0f}, decision {:,.0f}, reasons {:,.0f} bytes".format(*row))


def main() -> None:
    """Both days."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tell("a calm day", asyncio.run(live_through(folder, "calm", hedged=False)))
        tell("a day with a hedge", asyncio.run(live_through(folder, "sideways", hedged=True)))


if __name__ == "__main__":
    main()
