"""The engine over the paper venue and a journal in memory: a whole bot in one process, on a clock of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from memory_journal import Book as Pages
from memory_journal import MemoryJournal

from bot.core.market import Asset
from bot.core.policy import Policy, Terms
from bot.core.times import Millis
from bot.engine.book import Book
from bot.engine.daemon import Daemon
from bot.engine.tick import Engine
from bot.errors import StoryEnded
from bot.paper.exchange import PaperExchange
from bot.paper.venue import PaperVenue


class StoryTime:
    """A clock that jumps to where it is told to sleep until, up to the story's end."""

    def __init__(self, start: Millis, end: Millis) -> None:
        self.origin = start
        self.end = end
        self._now = start

    def now(self) -> Millis:
        return self._now

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self._now + round(seconds * 1000))

    async def sleep_until(self, at: Millis) -> None:
        self._now = max(self._now, min(at, self.end))
        if at > self.end:
            raise StoryEnded("the story ended")


@dataclass
class PaperBot:
    """A bot under test: what it said is in `events`, what it kept is in `pages`."""

    exchange: PaperExchange
    policy: Policy
    clock: StoryTime
    pages: Pages = field(default_factory=Pages)
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    venue: type[PaperVenue] = PaperVenue

    door: PaperVenue = field(init=False)

    def emit(self, event: str, **fields: object) -> None:
        self.events.append((event, fields))

    def said(self, event: str) -> list[dict[str, object]]:
        return [fields for name, fields in self.events if name == event]

    async def compose(self) -> tuple[Engine, Book]:
        """An engine as it starts: everything it knows comes from the journal."""
        venue = self.door = self.venue(self.exchange, self.clock)
        assets: list[Asset] = [one.asset for one in self.policy.assets]
        instruments = await venue.instruments(assets)
        await venue.prepare(self.policy)
        journal = MemoryJournal(self.pages)
        book = Book(
            journal, self.clock, account_tag="paper0", settle=self.policy.settle, instruments=instruments,
            memory=await journal.recall(self.policy.settle),
        )
        terms = Terms(self.policy, instruments)
        return Engine(venue=venue, book=book, clock=self.clock, terms=terms, emit=self.emit), book

    async def run(self, *, poll: Millis, working_poll: Millis) -> Book:
        """Run the daemon to the story's end."""
        engine, book = await self.compose()
        await Daemon(engine, self.clock, poll=poll, working_poll=working_poll, emit=self.emit).run()
        return book
