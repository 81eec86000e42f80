"""Why an order ended, post-only orders that are accepted although they would cross, positions that are taken."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from feeds import FakeFeed, steady
from paper_accounts import paper_exchange

from bot.core.orders import TimeInForce
from bot.paper.events import Change, Event, OrderChanged
from bot.paper.exchange import ADL_PREFIX, LIQUIDATION_PREFIX, PaperExchange
from bot.paper.records import Ending, OrderStatus, PaperOrder, PaperReject, RejectCode

D = Decimal
BID, ASK = "49999.5", "50000.5"


@pytest.fixture
def exchange() -> PaperExchange:
    return paper_exchange(FakeFeed({"BTC": steady(50_000)}))


def sell(exchange: PaperExchange, quantity: str, price: str, force: str = "GTX", **more: Any) -> PaperOrder:
    return exchange.place("perp", "BTC", more.pop("side", "sell"), D(quantity), D(price), time_in_force=force, **more)


def test_a_crossing_post_only_order_is_refused_unless_it_is_to_be_accepted(exchange: PaperExchange) -> None:
    with pytest.raises(PaperReject) as refused:
        sell(exchange, "0.1", BID)
    assert refused.value.code is RejectCode.POST_ONLY_WOULD_CROSS
    order = sell(exchange, "0.1", BID, accept_crossing=True)
    assert (order.status, order.ending, order.filled) == (OrderStatus.CANCELED, Ending.POST_ONLY, D(0))
    assert (exchange.open_orders(), exchange.fills, list(exchange.orders)) == ([], [], [order.order_id])


def test_an_accepted_crossing_order_is_told_as_placed_and_as_cancelled(exchange: PaperExchange) -> None:
    heard: list[Event] = []
    exchange.events.listen(heard.append)
    sell(exchange, "0.1", BID, accept_crossing=True)
    assert [event.change for event in heard if isinstance(event, OrderChanged)] == [Change.PLACED, Change.CANCELED]


def test_accepting_does_not_waive_the_margin(exchange: PaperExchange) -> None:
    with pytest.raises(PaperReject) as refused:
        sell(exchange, "900", BID, accept_crossing=True)
    assert refused.value.code is RejectCode.INSUFFICIENT_MARGIN


def test_spot_balance_is_free_again_after_an_accepted_crossing_order(exchange: PaperExchange) -> None:
    exchange.place("spot", "BTC", "sell", D("0.5"), D(BID), time_in_force=TimeInForce.GTX, accept_crossing=True)  # type: ignore[arg-type]  # sides may come as text
    assert exchange.wallets.free("BTC") == D("1.2")


def test_each_end_has_its_reason(exchange: PaperExchange) -> None:
    immediate = sell(exchange, "1.5", BID, "IOC")
    late = sell(exchange, "0.1", BID, "IOC")
    withdrawn = sell(exchange, "0.1", "50100")
    exchange.cancel(withdrawn)
    moved = sell(exchange, "0.1", "50100")
    exchange.amend(moved, D(BID) - 1)  # the best bid is taken
    reduce = sell(exchange, "0.5", "49000", "GTC", side="buy", reduce_only=True)
    closing = sell(exchange, "1", ASK, "IOC", side="buy", reduce_only=True)
    assert [order.ending for order in (immediate, late, withdrawn, moved, reduce)] == [
        Ending.IOC, Ending.IOC, Ending.USER, Ending.POST_ONLY, Ending.REDUCE_ONLY]
    assert (closing.status, closing.ending) == (OrderStatus.FILLED, None)
    assert sell(exchange, "0.1", "50100").ending is None


def test_a_position_is_taken_at_the_mark_without_a_fee_and_its_orders_with_it(exchange: PaperExchange) -> None:
    sell(exchange, "0.2", BID, "IOC")
    rests = sell(exchange, "0.1", "50100")
    taken = exchange.take_over("BTC", ADL_PREFIX)
    assert taken is not None
    assert taken.client_order_id == f"{ADL_PREFIX}{taken.order_id}"
    assert not taken.client_order_id.startswith(LIQUIDATION_PREFIX)
    fill = exchange.fills[-1]
    assert (exchange.position("BTC").quantity, fill.price, fill.fee) == (D(0), D(50_000), D(0))
    assert (rests.status, rests.ending) == (OrderStatus.CANCELED, Ending.TAKE_OVER)
    assert exchange.take_over("BTC", ADL_PREFIX) is None
