"""Who trades with whom, in tables: taker walks, queues, trades through, price shifts."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest
from feeds import paper_instrument

from bot.core.market import Side
from bot.core.orders import TimeInForce
from bot.paper.books import displayed_at, less, shifted
from bot.paper.feed import BookState, Level, Levels, MarketState
from bot.paper.matching import queue_ahead, resting_fills, walk, would_cross
from bot.paper.records import PaperOrder

D = Decimal


def levels(*rows: tuple[str, str]) -> tuple[Level, ...]:
    return tuple(Level(D(price), D(quantity)) for price, quantity in rows)


def book(buys: str = "0", sells: str = "0", bids: tuple[Level, ...] | None = None,
         asks: tuple[Level, ...] | None = None) -> BookState:
    return BookState(
        bids if bids is not None else levels(("99", "2"), ("98", "3")),
        asks if asks is not None else levels(("101", "2"), ("102", "3")), D(buys), D(sells),
    )


def order(number: int, side: Side, price: str, quantity: str, ahead: str | None = "0") -> PaperOrder:
    return PaperOrder(
        order_id=number, client_order_id=str(number), symbol="BTCUSDT", asset="BTC", market="perp", side=side,
        price=D(price), quantity=D(quantity), time_in_force=TimeInForce.GTC, reduce_only=False, created_at=0,
        updated_at=0, queue_ahead=None if ahead is None else D(ahead),
    )


@pytest.mark.parametrize(("side", "limit", "quantity", "taken"), [
    (Side.BUY, "101", "1", [("101", "1")]),
    (Side.BUY, "102", "4", [("101", "2"), ("102", "2")]),
    (Side.BUY, "101", "4", [("101", "2")]),
    (Side.BUY, "200", "9", [("101", "2"), ("102", "3")]),
    (Side.BUY, "100", "1", []),
    (Side.SELL, "98", "2.5", [("99", "2"), ("98", "0.5")]),
    (Side.SELL, "99.5", "1", []),
])
def test_a_taker_walks_the_visible_depth_up_to_its_limit(side: Side, limit: str, quantity: str,
                                                         taken: list[tuple[str, str]]) -> None:
    side_levels = book().asks if side is Side.BUY else book().bids
    assert walk(side, D(limit), D(quantity), side_levels) == levels(*taken)


def test_what_lies_behind_the_touch_is_reckoned_once_and_only_for_who_looks_there() -> None:
    whole, looks = levels(("101", "2"), ("102", "3"), ("103", "1")), []

    def behind() -> tuple[Level, ...]:
        looks.append("behind")
        return whole[1:]

    asks = Levels(whole[0], behind)
    assert (asks[0], bool(asks), next(iter(asks))) == (whole[0], True, whole[0])
    assert [displayed_at(asks, Side.SELL, D(price)) for price in ("100.5", "101")] == [0, 2]
    assert looks == []
    assert (len(asks), asks[-1], asks[:2], hash(asks)) == (3, whole[2], whole[:2], hash(whole))
    same: Sequence[Level] = asks
    assert same == whole
    assert [displayed_at(asks, Side.SELL, D(price)) for price in ("101.5", "102", "104")] == [0, 3, None]
    assert looks == ["behind"]
    assert same != whole[:2]


@pytest.mark.parametrize(("side", "price", "crosses"), [
    (Side.BUY, "100.9", False), (Side.BUY, "101", True), (Side.SELL, "99.1", False), (Side.SELL, "99", True),
])
def test_an_order_crosses_when_it_reaches_the_best_opposite_price(side: Side, price: str, *, crosses: bool) -> None:
    assert would_cross(side, D(price), book()) is crosses
    assert not would_cross(side, D(price), book(bids=(), asks=()))


@pytest.mark.parametrize(("price", "ahead"), [
    ("100", "0"), ("99", "2"), ("98.5", "0"), ("98", "3"), ("97", None),
])
def test_a_new_order_queues_behind_what_its_price_displays(price: str, ahead: str | None) -> None:
    assert queue_ahead(Side.BUY, D(price), book()) == (None if ahead is None else D(ahead))


# price, quantity and queue of one resting buy; takers that sell; what it gets; its queue afterwards
@pytest.mark.parametrize(("price", "quantity", "ahead", "sells", "gets", "left"), [
    ("99", "1", "2", "1.5", "0", "0.5"),      # the queue goes first
    ("99", "1", "2", "2.4", "0.4", "0"),      # then a part of ours
    ("99", "1", "2", "9", "1", "0"),
    ("98", "1", "3", "9", "0", "3"),          # not at the touch
    ("100", "1", "0", "0.3", "0.3", "0"),     # improves the touch: first in line
    ("99", "1", "5", "0", "0", "2"),          # others left: the queue is what is displayed
    ("97", "1", None, "9", "0", None),        # deeper than the book shows
])
def test_takers_at_the_touch_consume_the_queue_and_then_us(  # noqa: PLR0917 - a table's row
    price: str, quantity: str, ahead: str | None, sells: str, gets: str, left: str | None,
) -> None:
    ours = order(1, Side.BUY, price, quantity, ahead)
    filled = resting_fills([ours], Side.BUY, book(sells=sells))
    assert filled == ([] if gets == "0" else [(ours, D(gets))])
    assert ours.queue_ahead == (None if left is None else D(left))


def test_the_better_price_and_then_the_older_order_is_served_first() -> None:
    old, young, improving = order(1, Side.SELL, "101", "1", "2"), order(2, Side.SELL, "101", "1", "2"), order(
        3, Side.SELL, "100.5", "0.5")
    filled = resting_fills([old, young, improving], Side.SELL, book(buys="3.8"))
    assert filled == [(improving, D("0.5")), (old, D(1)), (young, D("0.3"))]


def test_a_price_that_trades_through_fills_everything_at_it() -> None:
    ours = order(1, Side.BUY, "101.5", "7", "4")
    assert resting_fills([ours], Side.BUY, book()) == [(ours, D(7))]


def test_a_touch_at_our_price_alone_fills_nothing() -> None:
    ours = order(1, Side.BUY, "101", "7", "0")
    assert resting_fills([ours], Side.BUY, book()) == []


def test_an_order_out_of_sight_queues_behind_all_that_is_there_when_its_price_appears() -> None:
    ours = order(1, Side.BUY, "97", "1", None)
    assert resting_fills([ours], Side.BUY, book(sells="9", bids=levels(("97", "4")))) == []
    assert ours.queue_ahead == 4


def test_what_was_taken_is_gone_from_the_book() -> None:
    left = less(book(), {}, {D(101): D(2), D(102): D(1)})
    assert left.asks == levels(("102", "2"))
    assert left.bids == book().bids


def test_a_shifted_market_keeps_its_ticks_its_sides_and_its_quantities() -> None:
    dense = book(bids=levels(("99.9", "1"), ("99.8", "1")), asks=levels(("100", "1"), ("100.1", "1")))
    moved = shifted(MarketState(dense, dense, D(100), D(100)), paper_instrument(), D("0.333333333333"))
    assert moved.perp.bids == levels(("33.2", "2"))
    assert moved.perp.asks == levels(("33.4", "2"))
    assert moved.spot.bids == levels(("33.29", "1"), ("33.26", "1"))
    assert moved.mark == D("33.33333333")


def test_an_empty_book_shows_nothing_at_any_price() -> None:
    assert displayed_at((), Side.BUY, D(1)) == 0
