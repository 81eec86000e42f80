"""What settling costs at the start: requests by symbol, however many orders the journal has left open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from memory_journal import MemoryJournal

from bot.core.market import FuturesWallet, Position, Side, Snapshot
from bot.core.orders import (
    Fill,
    FundingPayment,
    OrderIntent,
    OrderReport,
    OrderState,
    PastOrder,
    TimeInForce,
    client_order_id,
)
from bot.core.times import MINUTE, SECOND, Millis
from bot.engine.book import Book
from bot.engine.lookups import Lookups
from bot.engine.settle import Settler

D = Decimal
SYMBOLS, EACH = 50, 20
NOW: Millis = 1_700_000_000_000


class Clock:
    """A clock that stands still."""

    origin = 0

    def now(self) -> Millis:
        return NOW

    async def sleep(self, _seconds: float) -> None:
        raise AssertionError("nothing waits here")

    async def sleep_until(self, _at: Millis) -> None:
        raise AssertionError("nothing waits here")


class Venue:
    """An account with many orders on many symbols, of which every second one filled; it counts what it is asked."""

    lookup_patience = 15 * SECOND

    def __init__(self, intents: Mapping[str, OrderIntent]) -> None:
        self.intents = intents
        self.asked: Counter[str] = Counter()

    async def find_order(self, _symbol: str, name: str) -> OrderReport | None:
        self.asked["find_order"] += 1
        return self._report(self.intents[name]) if self._known(self.intents[name]) else None

    async def orders(self, symbol: str, since: Millis) -> tuple[PastOrder, ...]:
        self.asked["orders"] += 1
        assert since <= NOW - MINUTE
        return tuple(
            PastOrder(self._report(one), one.side, one.quantity, one.price, reduce_only=False,
                      time_in_force=one.time_in_force, created_at=one.created_at)
            for one in self.intents.values() if one.symbol == symbol and self._known(one)
        )

    async def fills(self, symbol: str, _since: Millis) -> tuple[Fill, ...]:
        self.asked["fills"] += 1
        return tuple(
            Fill(f"t{one.number}", f"v{one.number}", symbol, one.side, one.quantity, one.price, D(0), "USDT", D(0),
                 maker=True, at=one.created_at)
            for one in self.intents.values() if one.symbol == symbol and self._filled(one)
        )

    async def funding(self, _since: Millis) -> tuple[FundingPayment, ...]:
        return ()

    @staticmethod
    def _filled(intent: OrderIntent) -> bool:
        return intent.number % 2 == 0

    @staticmethod
    def _known(intent: OrderIntent) -> bool:
        return intent.number % 5 != 0

    def _report(self, intent: OrderIntent) -> OrderReport:
        filled = intent.quantity if self._filled(intent) else D(0)
        return OrderReport(intent.client_order_id, intent.symbol,
                           OrderState.FILLED if filled else OrderState.CANCELLED, filled, f"v{intent.number}")


class Report:
    """Says nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def intent(number: int) -> OrderIntent:
    coin = f"C{number % SYMBOLS}"
    return OrderIntent(
        client_order_id("tag123", f"{coin.lower()}1", number), number, f"{coin.lower()}1", coin, f"{coin}/USDT:USDT",
        Side.SELL, D(1), D(10), reduce_only=False, time_in_force=TimeInForce.GTX, position_before=D(0), goal=D(20),
        decided_at=NOW - 3 * MINUTE, created_at=NOW - 2 * MINUTE, reason="test",
    )


async def started(short: Decimal | None = None) -> tuple[Venue, Settler, Book, Snapshot]:
    """An engine's settling after a start: 1,000 orders of 50 symbols in the journal, none of them ended.

    `short`: of every position at the venue; None: what the orders have filled.
    """
    journal, clock = MemoryJournal(), Clock()
    intents = {(one := intent(number)).client_order_id: one for number in range(1, SYMBOLS * EACH + 1)}
    for one in intents.values():
        await journal.record_intent(one)
    book = Book(
        journal, clock, account_tag="tag123", settle="USDT", instruments={}, memory=await journal.recall("USDT"))
    venue = Venue(intents)
    snapshot = Snapshot(NOW, {}, FuturesWallet(*[D(0)] * 6), {}, tuple(
        Position(f"C{number}/USDT:USDT", -(filled(number) if short is None else short), D(10), D(10), D(0))
        for number in range(SYMBOLS)), open_orders=())
    return venue, Settler(book, venue, clock, Report()), book, snapshot  # type: ignore[arg-type]  # fakes of ports


def filled(number: int) -> Decimal:
    """What the orders of a symbol have filled that the venue knows."""
    return D(EACH) if number % 2 == 0 and number % 5 else D(0)


async def test_a_thousand_orders_on_fifty_symbols_are_settled_in_requests_by_symbol() -> None:
    venue, settler, book, snapshot = await started()
    assert len(book.live()) == SYMBOLS * EACH
    await settler.settle(snapshot)
    assert venue.asked["find_order"] == 0
    assert venue.asked["orders"] == SYMBOLS
    assert venue.asked["fills"] <= SYMBOLS
    left = book.live()
    assert {record.intent.number % 5 for record in left} == {0}, "all that the venue knows are settled at once"
    assert {record.misses for record in left} == {1}
    assert [book.short(f"C{number}") for number in range(SYMBOLS)] == [filled(number) for number in range(SYMBOLS)]


async def test_they_cost_no_more_than_twice_that_where_every_position_is_another_than_the_books() -> None:
    venue, settler, _, snapshot = await started(short=D(100))
    await settler.settle(snapshot)
    assert sum(venue.asked.values()) <= 4 * SYMBOLS


@pytest.mark.parametrize(("orders", "requests"), [(1, {"find_order": 1}), (2, {"find_order": 2}), (3, {"orders": 1})])
async def test_few_orders_are_looked_up_one_by_one(orders: int, requests: dict[str, int]) -> None:
    venue, _, book, _ = await started()
    wanted = book.live("C7")[:orders]
    lookups = Lookups(venue, wanted)  # type: ignore[arg-type]  # a fake of a port
    for record in wanted:
        await lookups.find(record)
    assert dict(venue.asked) == requests
