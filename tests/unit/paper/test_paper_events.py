from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from feeds import START, FakeFeed, paper_instrument, scripted, steady

from bot.core.market import Side, WalletKind
from bot.core.orders import TimeInForce
from bot.core.times import HOUR, SECOND
from bot.paper.dump import dump_exchange
from bot.paper.events import (
    BalanceMoved,
    Change,
    Event,
    Filled,
    FundingSettled,
    LeverageSet,
    Liquidated,
    Movement,
    OrderChanged,
)
from bot.paper.exchange import PaperExchange
from bot.paper.records import PaperReject

D = Decimal


def exchange(**market: Any) -> PaperExchange:
    return PaperExchange(
        FakeFeed(**market), {"BTC": paper_instrument()}, balances_spot={"BTC": D(1), "USDT": D(10_000)},
        balances_futures={"USDT": D(5_000)}, wallet=WalletKind.SEPARATE,
    )


def heard(paper: PaperExchange) -> list[Event]:
    events: list[Event] = []
    paper.events.listen(events.append)
    return events


def kinds(events: list[Event]) -> list[str]:
    return [event.change.value if isinstance(event, OrderChanged) else type(event).__name__ for event in events]


def test_a_taker_is_placed_then_filled_level_by_level() -> None:
    paper = exchange()
    events = heard(paper)
    paper.place("perp", "BTC", Side.SELL, D("1.5"), D(49_000), time_in_force=TimeInForce.IOC)
    assert kinds(events) == ["placed", "Filled", "Filled"]
    first, second = events[1], events[2]
    assert isinstance(first, Filled)
    assert isinstance(second, Filled)
    assert (first.order.filled, first.order.status, second.order.status) == (D(1), "PARTIALLY_FILLED", "FILLED")
    assert first.position is not None
    assert first.position.quantity == D(-1)
    assert first.fill.realised == 0
    assert not first.liquidation


def test_an_event_keeps_what_was_while_the_order_goes_on() -> None:
    paper = exchange()
    events = heard(paper)
    order = paper.place("perp", "BTC", Side.SELL, D("0.1"), D(50_100))
    paper.amend(order, D(50_200))
    paper.cancel(order)
    assert [(event.order.price, event.order.status, event.change) for event in events
            if isinstance(event, OrderChanged)] == [
        (D(50_100), "NEW", Change.PLACED), (D(50_200), "NEW", Change.AMENDED), (D(50_200), "CANCELED", Change.CANCELED),
    ]


def test_the_rest_of_an_order_that_must_fill_at_once_expires() -> None:
    paper = exchange()
    events = heard(paper)
    paper.place("perp", "BTC", Side.SELL, D("1.5"), D("49999.5"), time_in_force=TimeInForce.IOC)
    assert kinds(events) == ["placed", "Filled", "expired"]


def test_a_resting_order_is_told_at_the_instant_of_the_grid_at_which_it_fills() -> None:
    paper = exchange(prices={"BTC": scripted(50_000, 50_000, 50_300)})
    paper.place("perp", "BTC", Side.SELL, D("0.1"), D(50_100), time_in_force=TimeInForce.GTX)
    events = heard(paper)
    paper.advance(START + HOUR)
    assert [(type(event), event.at - START) for event in events][:1] == [(Filled, 10 * SECOND)]


def test_funding_is_told_with_its_row() -> None:
    paper = exchange()
    paper.place("perp", "BTC", Side.SELL, D("0.1"), D(49_000), time_in_force=TimeInForce.IOC)
    events = heard(paper)
    paper.advance(START + 8 * HOUR)
    assert [event for event in events if isinstance(event, FundingSettled)] == [
        FundingSettled(paper.funding_rows[0], START + 8 * HOUR),
    ]


def test_a_liquidation_is_told_as_an_order_of_the_exchange_its_fill_and_what_was_lost() -> None:
    paper = exchange(prices={"BTC": scripted(*[50_000] * 12, 70_000)})
    paper.place("perp", "BTC", Side.SELL, D("0.8"), D(49_000), time_in_force=TimeInForce.IOC)
    events = heard(paper)
    paper.advance(START + HOUR)
    assert kinds(events) == ["placed", "Filled", "Liquidated", "BalanceMoved"]
    fill, insurance = events[1], events[3]
    assert isinstance(fill, Filled)
    assert fill.liquidation
    assert fill.fill.fee == 0
    assert isinstance(events[2], Liquidated)
    assert isinstance(insurance, BalanceMoved)
    assert insurance.why is Movement.INSURANCE
    assert insurance.futures > 0


def test_money_that_moves_and_a_leverage_that_is_set_are_told() -> None:
    paper = exchange()
    events = heard(paper)
    paper.deposit("BTC", D(1))
    paper.deposit("BTC", D(-2))
    paper.transfer("USDT", D(100), to_futures=True)
    paper.set_leverage("BTC", D(5))
    assert events == [
        BalanceMoved(Movement.DEPOSIT, "BTC", D(1), D(0), START),
        BalanceMoved(Movement.WITHDRAW, "BTC", D(-2), D(0), START),
        BalanceMoved(Movement.TRANSFER, "USDT", D(-100), D(100), START),
        LeverageSet("BTC", D(5), START),
    ]


def test_what_orders_hold_cannot_be_withdrawn() -> None:
    paper = exchange()
    paper.place("spot", "BTC", Side.SELL, D("0.6"), D(60_000))
    with pytest.raises(PaperReject):
        paper.deposit("BTC", D("-0.5"))
    assert paper.wallets.spot["BTC"] == 1


def test_who_left_hears_nothing_more() -> None:
    paper = exchange()
    events: list[Event] = []
    leave = paper.events.listen(events.append)
    assert paper.events.heard
    leave()
    leave()
    assert not paper.events.heard
    paper.deposit("BTC", D(1))
    assert events == []


def test_a_story_is_the_same_with_and_without_a_listener() -> None:
    def told(*, listen: bool) -> dict[str, object]:
        paper = exchange(
            prices={"BTC": lambda step: D(50_000) + (step * 37 % 101) * 10, "ETH": steady(1)},
            takers=lambda step: (D(step % 3), D(step % 2)),
        )
        events = heard(paper) if listen else []
        for round_ in range(40):
            side = Side.SELL if round_ % 3 else Side.BUY
            try:
                order = paper.place("perp", "BTC", side, D("0.05"), D(50_000) + round_ * 20)
                if round_ % 4 == 0 and order.open:
                    paper.amend(order, D(50_400))
            except PaperReject:
                pass
            paper.advance(START + (round_ + 1) * HOUR)
        assert bool(events) == listen
        return dump_exchange(paper)

    assert told(listen=True) == told(listen=False)
