"""Faults on the way of a spot order, through the real gateways: whatever happens, its outcome can be learnt."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from port_stage import SPOT, Stage, record, staged

from bot.core.orders import OrderState, TimeInForce
from bot.core.times import SECOND
from bot.errors import RateLimited, Refused, TooManyOrders, Unavailable, Uncertain
from bot.testnet.faults import Kind, Switch
from bot.testnet.owner import Switchable

D = Decimal
PLACE = {"binance": "POST /api/v3/order", "bybit": "POST /v5/order/create"}
CANCEL = {"binance": "DELETE /api/v3/order", "bybit": "POST /v5/order/cancel"}
FIND = {"binance": "GET /api/v3/order", "bybit": "GET /v5/order/*"}
FILLS = {"binance": "GET /api/v3/myTrades", "bybit": "GET /v5/execution/list"}


@pytest.fixture(params=["binance", "bybit"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with staged(request.param) as opened:
        yield opened


def arm(stage: Stage, where: dict[str, str], kind: Kind, **more: Any) -> None:
    assert stage.testnet is not None
    stage.testnet.faults.arm(Switch(where[stage.kind], kind, market="spot", **more))


async def locked(stage: Stage) -> Decimal:
    return (await stage.venue.snapshot()).holdings["BTC"].locked


@pytest.mark.fault(1, 3, 4, 5, 6, 7, 8, 10)
@pytest.mark.parametrize("kind", [
    Kind.TIMEOUT_AFTER, Kind.CLOSE, Kind.RESET, Kind.TRUNCATE, Kind.CUT_JSON, Kind.HTML200, Kind.HTTP524, Kind.HTTP500,
    Kind.UNKNOWN, Kind.EMPTY_OBJECT, Kind.EMPTY_LIST,
])
async def test_an_order_that_was_taken_and_not_confirmed_is_uncertain_found_by_name_and_there_once(
    stage: Stage, kind: Kind,
) -> None:
    intent = stage.intent(await stage.venue.snapshot(), away="500", symbol=SPOT)
    arm(stage, PLACE, kind)
    with pytest.raises(Uncertain):
        await stage.venue.place(intent)
    found = await stage.venue.find_order(SPOT, intent.client_order_id)
    assert found is not None
    assert (found.state, found.filled) == (OrderState.OPEN, D(0))
    assert await locked(stage) == intent.quantity


@pytest.mark.fault(2)
async def test_an_order_that_never_arrived_is_uncertain_and_then_not_found(stage: Stage) -> None:
    intent = stage.intent(await stage.venue.snapshot(), away="500", symbol=SPOT)
    arm(stage, PLACE, Kind.TIMEOUT_BEFORE)
    with pytest.raises(Uncertain):
        await stage.venue.place(intent)
    assert await stage.venue.find_order(SPOT, intent.client_order_id) is None
    assert await locked(stage) == 0


@pytest.mark.fault(17)
async def test_what_filled_before_the_line_went_dead_is_found_with_its_executions(stage: Stage) -> None:
    begun = stage.clock.now()
    intent = stage.intent(await stage.venue.snapshot(), away="500", quantity=D("0.0004"), symbol=SPOT)
    arm(stage, PLACE, Kind.PARTIAL_SILENCE)
    with pytest.raises(Uncertain):
        await stage.venue.place(intent)
    found = await stage.venue.find_order(SPOT, intent.client_order_id)
    assert found is not None
    assert (found.state, found.filled) == (OrderState.PARTIAL, D("0.0002"))
    fills = await stage.venue.fills(SPOT, begun)
    assert [(fill.quantity, fill.client_order_id) for fill in fills] == [(D("0.0002"), intent.client_order_id)]
    assert await locked(stage) == D("0.0002")


@pytest.mark.fault(15)
async def test_too_many_requests_end_in_silence_and_no_order(stage: Stage) -> None:
    intent = stage.intent(await stage.venue.snapshot(), away="500", symbol=SPOT)
    arm(stage, PLACE, Kind.RATE_LIMIT)
    with pytest.raises(RateLimited):
        await stage.venue.place(intent)
    await stage.later(10 * SECOND)
    assert await stage.venue.find_order(SPOT, intent.client_order_id) is None


@pytest.mark.fault(28)
async def test_too_many_open_orders_are_told_as_such(stage: Stage) -> None:
    intent = stage.intent(await stage.venue.snapshot(), away="500", symbol=SPOT)
    said: dict[str, Any] = (
        {"code": -1013, "message": "Filter failure: MAX_NUM_ORDERS"} if stage.kind == "binance" else {"code": 170810})
    if stage.kind == "bybit":
        said["message"] = "Cannot exceed maximum of 500 conditional, TP/SL and active orders."
    arm(stage, PLACE, Kind.ERROR, **said)
    with pytest.raises(TooManyOrders):
        await stage.venue.place(intent)


@pytest.mark.fault(1, 3)
@pytest.mark.parametrize("kind", [Kind.TIMEOUT_AFTER, Kind.CLOSE, Kind.HTML200])
async def test_a_cancel_that_was_not_confirmed_is_uncertain_and_then_found_done(stage: Stage, kind: Kind) -> None:
    resting = await stage.resting(symbol=SPOT)
    arm(stage, CANCEL, kind)
    with pytest.raises(Uncertain):
        await stage.venue.cancel(resting)
    assert (await stage.venue.cancel(resting)).state is OrderState.CANCELLED
    assert await locked(stage) == 0


@pytest.mark.fault(20)
async def test_a_cancel_that_is_done_later_is_found_to_be_not_done_yet(stage: Stage) -> None:
    resting = await stage.resting(symbol=SPOT)
    arm(stage, CANCEL, Kind.ASYNC_CANCEL, milliseconds=5_000)
    await stage.venue.cancel(resting)
    found = await stage.venue.find_order(SPOT, resting.intent.client_order_id)
    assert found is not None
    assert found.state is OrderState.OPEN
    await stage.later(6 * SECOND)
    gone = await stage.venue.find_order(SPOT, resting.intent.client_order_id)
    assert gone is not None
    assert gone.state is OrderState.CANCELLED


@pytest.mark.fault(14)
@pytest.mark.parametrize("kind", [Kind.HTML200, Kind.EMPTY_OBJECT, Kind.EMPTY_LIST, Kind.CLOSE, Kind.HTTP503])
async def test_no_answer_to_a_look_up_is_never_not_found(stage: Stage, kind: Kind) -> None:
    resting = await stage.resting(symbol=SPOT)
    arm(stage, FIND, kind, count=None)
    with pytest.raises(Unavailable):
        await stage.venue.find_order(SPOT, resting.intent.client_order_id)


@pytest.mark.fault(47)
async def test_rows_that_come_twice_count_once(stage: Stage) -> None:
    begun = stage.clock.now()
    await stage.taking(symbol=SPOT)
    arm(stage, FILLS, Kind.DUPLICATE, count=None)
    fills = await stage.venue.fills(SPOT, begun)
    assert sum(fill.quantity for fill in fills) == D("0.02")
    assert len({fill.trade_id for fill in fills}) == len(fills)


@pytest.mark.fault(16)
async def test_no_silent_taker_where_a_post_only_order_would_cross(stage: Stage) -> None:
    begun = stage.clock.now()
    intent = stage.intent(await stage.venue.snapshot(), away="-50", symbol=SPOT)
    await stage.venue.place(intent)
    assert await stage.venue.fills(SPOT, begun) == ()
    assert await locked(stage) == 0


async def test_a_key_that_may_not_sell_coins_is_a_no_and_the_hedges_care_goes_on(stage: Stage) -> None:
    assert stage.testnet is not None
    resting = await stage.resting()
    stage.testnet.dialect.settings.arrange(
        Switchable.MISSING_SPOT_PERMISSION, broken=True, now=stage.clock.now(), assets=("BTC", "ETH"))
    intent = stage.intent(await stage.venue.snapshot(), away="500", symbol=SPOT)
    with pytest.raises(Refused, match="may not trade on the spot market") as refused:
        await stage.venue.place(intent)
    assert type(refused.value) is Refused
    with contextlib.suppress(Refused):  # where reading, too, wants the right
        assert await stage.venue.find_order(SPOT, intent.client_order_id) is None
        assert await stage.venue.fills(SPOT, stage.clock.now()) == ()
    assert (await stage.venue.cancel(resting)).state is OrderState.CANCELLED


async def test_a_fault_of_one_market_leaves_the_other_alone(stage: Stage) -> None:
    intent = stage.intent(await stage.venue.snapshot(), away="500")
    arm(stage, {"binance": "* *", "bybit": "* *"}, Kind.CLOSE, count=None)
    resting = record(intent, await stage.venue.place(intent))
    assert (await stage.venue.cancel(resting)).state is OrderState.CANCELLED
    with pytest.raises(Unavailable):
        await stage.venue.fills(SPOT, stage.clock.now())


@pytest.mark.fault(18)
async def test_a_part_that_filled_stays_filled_when_the_rest_is_cancelled(stage: Stage) -> None:
    assert stage.testnet is not None
    begun = stage.clock.now()
    intent = stage.intent(
        await stage.venue.snapshot(), away="500", time_in_force=TimeInForce.GTC, symbol=SPOT)
    sent = await stage.venue.place(intent)
    exchange = stage.testnet.exchange
    exchange.take(exchange.open_orders("spot")[0], D("0.005"))
    gone = await stage.venue.cancel(record(intent, sent))
    assert (gone.state, gone.filled) == (OrderState.CANCELLED, D("0.005"))
    assert [fill.quantity for fill in await stage.venue.fills(SPOT, begun)] == [D("0.005")]
    assert await locked(stage) == 0
