"""What the Bybit gateway asks of the spot market, and what it makes of proper answers, noes and silence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from fake_binance import NOW, hang_up, saying
from fake_bybit import (
    AMEND,
    CANCEL,
    CREATE,
    EXECUTIONS,
    HOUR,
    LINK,
    LIVE,
    LOG,
    PAST,
    FakeBybit,
    execution,
    listing,
    no,
    order,
)
from venue_values import ManualClock, an_intent

from bot.core.market import Side
from bot.core.orders import Fill, OrderRecord, OrderReport, OrderState, TimeInForce
from bot.environment import Environment
from bot.errors import RateLimited, Refused, SafetyStop, TooManyOrders, Unavailable, Uncertain
from bot.venues.bybit_open import make_bybit

D = Decimal
SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"
INTENT = an_intent(symbol=SPOT, price=D("50000.01"), goal=D(0))
RECORD = OrderRecord(INTENT, OrderState.OPEN, order_id="o-1", price=D("50000.01"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def fake() -> AsyncIterator[FakeBybit]:
    fake = FakeBybit()
    yield fake
    await fake.stop()


@pytest.fixture
async def venue(fake: FakeBybit, clock: ManualClock) -> AsyncIterator[Any]:
    venue = make_bybit(
        Environment.LOCAL, clock=clock, key="k-planted", secret="s-planted", assets=("BTC", "ETH"),
        local_url=await fake.start(), timeout=0.5,
    )
    yield venue
    await venue.close()


def spot_order(**fields: object) -> dict[str, object]:
    """A row of a resting sale of 0.2 BTC on spot."""
    return order(price="50000.01", qty="0.200000", isLeverage="0", **fields)


def sold(trade: str, **fields: object) -> dict[str, object]:
    """A row of an execution on spot: 0.1 BTC sold. Nothing there is closed, or numbered by a margin log."""
    return {key: value for key, value in execution(trade, **fields).items() if key != "closedSize"}


# -- placing


async def test_an_order_names_its_market_borrows_nothing_and_says_nothing_of_reducing(
    venue: Any, fake: FakeBybit,
) -> None:
    report = await venue.place(INTENT)
    (sent,) = fake.calls(CREATE)
    assert sent == {
        "category": "spot", "symbol": "BTCUSDT", "side": "Sell", "orderType": "Limit", "qty": "0.2",
        "price": "50000.01", "timeInForce": "PostOnly", "orderLinkId": LINK, "isLeverage": 0,
    }
    assert (report.symbol, report.state, report.order_id, report.filled) == (SPOT, OrderState.OPEN, "o-1", D(0))


async def test_a_reduce_only_order_is_refused_here_for_spot_knows_none(venue: Any, fake: FakeBybit) -> None:
    with pytest.raises(Refused, match="reduce-only"):
        await venue.place(replace(INTENT, reduce_only=True))
    assert fake.calls(CREATE) == []


@pytest.mark.fault(12)
async def test_a_name_that_is_taken_is_looked_up_and_adopted(venue: Any, fake: FakeBybit) -> None:
    fake.replies[CREATE] = no(170141, "Duplicate clientOrderId")
    fake.replies[LIVE] = listing(spot_order(orderId="o-7"))
    report = await venue.place(INTENT)
    assert (report.state, report.order_id, len(fake.calls(CREATE))) == (OrderState.OPEN, "o-7", 1)


async def test_a_post_only_order_that_is_not_even_taken_is_reported_cancelled(venue: Any, fake: FakeBybit) -> None:
    fake.replies[CREATE] = no(170218, "The LIMIT-MAKER order is rejected due to invalid price.")
    report = await venue.place(INTENT)
    assert (report.state, report.filled, report.code, report.rejected) == (
        OrderState.CANCELLED, D(0), "EC_PostOnlyWillTakeLiquidity", False)


@pytest.mark.parametrize(("code", "kind"), [
    (170131, Refused), (170136, Refused), (170137, Refused), (170140, Refused), (170134, Refused), (170194, Refused),
    (170121, Refused), (170810, TooManyOrders), (170005, RateLimited), (170222, RateLimited), (10006, RateLimited),
    (170007, Uncertain), (170146, Uncertain), (170001, Uncertain), (170032, Uncertain), (170234, Uncertain),
    (10016, Uncertain), (10005, Refused), (10003, SafetyStop), (10002, Unavailable),
])
async def test_each_no_to_an_order_means_what_its_code_says(
    venue: Any, fake: FakeBybit, code: int, kind: type[Exception],
) -> None:
    fake.replies[CREATE] = no(code, "said no")
    with pytest.raises(kind) as raised:
        await venue.place(INTENT)
    assert type(raised.value) is kind or kind is Unavailable
    if isinstance(raised.value, Refused):
        assert raised.value.code == str(code)
    assert (len(fake.calls(CREATE)), fake.calls(LIVE)) == (1, [])


@pytest.mark.fault(3, 6)
@pytest.mark.parametrize("spoiler", [hang_up, saying("<html>", content_type="text/html"), saying("{}")])
async def test_whatever_else_comes_back_leaves_the_outcome_unknown(venue: Any, fake: FakeBybit, spoiler: Any) -> None:
    fake.spoil[CREATE] = spoiler
    with pytest.raises(Uncertain):
        await venue.place(INTENT)
    assert len(fake.calls(CREATE)) == 1


# -- moving, cancelling, finding


async def test_a_resting_order_can_be_moved_under_its_name(venue: Any, fake: FakeBybit) -> None:
    assert venue.amends(SPOT)
    report = await venue.amend(RECORD, D(50_010))
    (sent,) = fake.calls(AMEND)
    assert sent == {"category": "spot", "symbol": "BTCUSDT", "orderLinkId": LINK, "price": "50010"}
    assert (report.state, report.price, report.symbol) == (OrderState.OPEN, D(50_010), SPOT)


@pytest.mark.fault(19)
@pytest.mark.parametrize("code", [170213, 170139, 170142, 170143, 170190])
async def test_what_came_too_late_tells_how_the_order_ended(venue: Any, fake: FakeBybit, code: int) -> None:
    fake.replies |= {
        CANCEL: no(code, "gone"), AMEND: no(code, "gone"),
        PAST: listing(spot_order(orderStatus="Filled", cumExecQty="0.200000", avgPrice="50000.01")),
    }
    for report in (await venue.cancel(RECORD), await venue.amend(RECORD, D(50_010))):
        assert (report.state, report.filled, report.average) == (OrderState.FILLED, D("0.2"), D("50000.01"))


async def test_a_cancelled_order_that_had_filled_in_part_keeps_its_part(venue: Any, fake: FakeBybit) -> None:
    fake.replies[PAST] = listing(spot_order(
        orderStatus="PartiallyFilledCanceled", cumExecQty="0.050000", avgPrice="50000.01",
        rejectReason="EC_PerCancelRequest"))
    report = await venue.cancel(RECORD)
    assert (report.state, report.filled, report.code) == (OrderState.CANCELLED, D("0.05"), None)
    (sent,) = fake.calls(CANCEL)
    assert sent["category"] == "spot"


@pytest.mark.fault(13, 14)
async def test_an_order_is_looked_for_on_its_own_market_among_live_and_ended_ones(
    venue: Any, fake: FakeBybit,
) -> None:
    assert await venue.find_order(SPOT, LINK) is None
    assert [params["category"] for key in (LIVE, PAST) for params in fake.calls(key)] == ["spot", "spot"]
    fake.replies[PAST] = listing(spot_order(orderStatus="Cancelled", rejectReason="EC_PostOnlyWillTakeLiquidity"))
    found = await venue.find_order(SPOT, LINK)
    assert found is not None
    assert (found.symbol, found.state, found.code) == (SPOT, OrderState.CANCELLED, "EC_PostOnlyWillTakeLiquidity")
    fake.spoil[PAST] = saying("{}")
    with pytest.raises(Unavailable):
        await venue.find_order(SPOT, LINK)


# -- executions and past orders


async def test_an_execution_realises_nothing_and_no_log_is_asked_for_it(venue: Any, fake: FakeBybit) -> None:
    fake.replies[EXECUTIONS] = listing(sold("e-1", execPrice="50000.01", isMaker=False, seq=7))
    (fill,) = await venue.fills(SPOT, NOW - HOUR)
    assert fill == Fill(
        "e-1", "o-1", SPOT, Side.SELL, D("0.1"), D("50000.01"), D(2), "USDT", D(0), maker=False, at=NOW,
        client_order_id=LINK)
    assert {params["category"] for params in fake.calls(EXECUTIONS)} == {"spot"}
    assert fake.calls(LOG) == []


@pytest.mark.parametrize(("fields", "coin"), [
    ({"feeCurrency": "BTC", "side": "Buy"}, "BTC"), ({"feeCurrency": "MNT"}, "MNT"),
    ({"feeCurrency": ""}, "USDT"), ({"feeCurrency": "", "side": "Buy"}, "BTC"),
    ({"feeCurrency": "", "execFee": "-0.5"}, "BTC"), ({"feeCurrency": "", "execFee": "-0.5", "isMaker": False}, "USDT"),
    ({"feeCurrency": "", "execFee": "-0.5", "side": "Buy"}, "USDT"),
])
async def test_a_fee_is_in_the_coin_that_is_told_else_in_the_one_that_the_rule_says(
    venue: Any, fake: FakeBybit, fields: dict[str, Any], coin: str,
) -> None:
    fake.replies[EXECUTIONS] = listing(sold("e-1", **fields))
    (fill,) = await venue.fills(SPOT, NOW - HOUR)
    assert fill.fee_currency == coin


@pytest.mark.parametrize("fields", [
    {"symbol": "ETHUSDT"}, {"execQty": "0"}, {"execPrice": ""}, {"isMaker": "no"}, {"execType": "Whatever"},
    {"execTime": "0"}, {"side": ""}, {"execFee": None}, {"seq": "x"},
])
async def test_a_row_that_does_not_read_is_no_history(venue: Any, fake: FakeBybit, fields: dict[str, Any]) -> None:
    fake.replies[EXECUTIONS] = listing(sold("e-1", **fields))
    with pytest.raises(Unavailable):
        await venue.fills(SPOT, NOW - HOUR)


async def test_past_orders_are_of_the_spot_market_and_none_of_them_reduced_anything(
    venue: Any, fake: FakeBybit,
) -> None:
    fake.replies[PAST] = listing(spot_order(orderStatus="Cancelled", timeInForce="IOC", reduceOnly=""))
    (past,) = await venue.orders(SPOT, NOW - HOUR)
    assert (past.report, past.reduce_only, past.time_in_force) == (
        OrderReport(LINK, SPOT, OrderState.CANCELLED, D(0), order_id="o-1", quantity=D("0.2"), price=D("50000.01"),
                    at=NOW), False, TimeInForce.IOC)
    assert {params["category"] for key in (LIVE, PAST) for params in fake.calls(key)} == {"spot"}


async def test_nothing_is_ever_forced_there(venue: Any, fake: FakeBybit) -> None:
    assert await venue.forced_closes(SPOT, 0) == {}
    assert fake.calls(EXECUTIONS) == []
