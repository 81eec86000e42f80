"""What an order waits for: its decision and intent on the disk, together; and no log line."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from journal_values import T0, TERMS, decision, intent, situation
from memory_journal import MemoryJournal

from bot.engine.book import Book
from bot.engine.report import Reporter
from bot.ports import Decided, Memory


class Still:
    origin = 0

    def now(self) -> int:
        return T0

    async def sleep(self, seconds: float) -> None: ...

    async def sleep_until(self, at: int) -> None: ...


class NotingJournal(MemoryJournal):
    def __init__(self) -> None:
        super().__init__()
        self.writes: list[tuple[str, object]] = []

    async def record_decision(self, *decided: Any) -> None:
        self.writes.append(("decision", Decided(*decided[:3])))

    async def record_intent(self, *intended: Any) -> None:
        self.writes.append(("intent", intended[1]))


def a_book() -> tuple[Book, NotingJournal]:
    journal = NotingJournal()
    return Book(journal, Still(), account_tag="abc", settle="USDT", instruments=TERMS.instruments,
                memory=Memory()), journal


async def test_the_first_order_takes_its_decision_along_and_the_next_does_not() -> None:
    book, journal = a_book()
    made = Decided(situation(), TERMS, decision())
    book.decided(made.situation, made.terms, made.decision)
    await book.intend(intent(1))
    await book.intend(intent(2))
    await book.keep()
    assert journal.writes == [("intent", made), ("intent", None)]


async def test_a_decision_that_no_order_took_along_is_kept_once() -> None:
    book, journal = a_book()
    made = Decided(situation(), TERMS, decision())
    book.decided(made.situation, made.terms, made.decision)
    await book.keep()
    await book.keep()
    assert journal.writes == [("decision", made)]


async def test_lines_said_before_a_request_are_written_in_their_order_after_it_has_left() -> None:
    written: list[str] = []

    def emit(event: str, **fields: object) -> None:
        del fields
        written.append(event)

    reporter = Reporter(cast("Any", None), TERMS, emit)
    reporter.hold()
    reporter.say("decision.made")
    reporter.say("order.intended")
    reporter.release_soon()
    assert written == []
    await asyncio.sleep(0)
    assert written == []
    await asyncio.sleep(0)
    assert written == ["decision.made", "order.intended"]


async def test_what_comes_of_a_request_is_never_written_before_what_announced_it() -> None:
    written: list[str] = []

    def emit(event: str, **fields: object) -> None:
        del fields
        written.append(event)

    reporter = Reporter(cast("Any", None), TERMS, emit)
    reporter.hold()
    reporter.say("order.intended")
    reporter.release_soon()
    reporter.say("order.sent")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert written == ["order.intended", "order.sent"]
