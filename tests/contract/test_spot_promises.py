"""The promises of the `Venue` port for orders on the spot market, kept by all that implement it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from port_stage import BTC, KINDS, SPOT, Stage, record, staged

from bot.core.market import Holding, Side
from bot.core.orders import OrderState, TimeInForce
from bot.core.times import DAY, HOUR
from bot.errors import Refused
from bot.ports import ForcedCloses, PastOrders

D = Decimal
CROSSED = {"bybit": "EC_PostOnlyWillTakeLiquidity"}
IOC = TimeInForce.IOC


@pytest.fixture(params=KINDS)
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with staged(request.param) as opened:
        yield opened


async def coins(stage: Stage) -> dict[str, Holding]:
    held = (await stage.venue.snapshot()).holdings
    return {coin: held[coin] for coin in ("BTC", "USDT")}


async def test_a_sale_moves_the_coin_for_cash_less_its_fee_and_no_position(stage: Stage) -> None:
    before, begun = await coins(stage), stage.clock.now()
    report = await stage.taking(quantity="0.03", symbol=SPOT)
    assert (report.symbol, report.state, report.quantity, report.filled) == (
        SPOT, OrderState.FILLED, D("0.03"), D("0.03"))
    assert report.average is not None
    fills = await stage.venue.fills(SPOT, begun)
    assert {(fill.symbol, fill.side, fill.fee_currency, fill.realised, fill.maker) for fill in fills} == {
        (SPOT, Side.SELL, "USDT", D(0), False)}
    assert sum(fill.quantity for fill in fills) == D("0.03")
    proceeds = sum((fill.quantity * fill.price - fill.fee for fill in fills), D(0))
    after = await coins(stage)
    assert after["BTC"].total == before["BTC"].total - D("0.03")
    assert after["USDT"].total == before["USDT"].total + proceeds
    assert all(fill.fee > 0 for fill in fills)
    assert await stage.position() == 0
    assert await stage.venue.fills(BTC, begun) == ()


async def test_a_purchase_costs_cash_and_is_charged_in_what_was_bought(stage: Stage) -> None:
    before, begun = await coins(stage), stage.clock.now()
    assert (await stage.taking(Side.BUY, symbol=SPOT)).state is OrderState.FILLED
    fills, after = await stage.venue.fills(SPOT, begun), await coins(stage)
    assert {(fill.side, fill.fee_currency) for fill in fills} == {(Side.BUY, "BTC")}
    assert after["BTC"].total - before["BTC"].total == sum(fill.quantity - fill.fee for fill in fills)
    assert before["USDT"].total - after["USDT"].total == sum(fill.quantity * fill.price for fill in fills)


async def test_a_resting_sale_is_found_by_name_holds_its_coins_and_is_no_perpetual_order(stage: Stage) -> None:
    before = await coins(stage)
    resting = await stage.resting(symbol=SPOT)
    found = await stage.venue.find_order(SPOT, resting.intent.client_order_id)
    assert found is not None
    assert (found.state, found.symbol, found.price, found.order_id, found.filled, found.average) == (
        OrderState.OPEN, SPOT, resting.intent.price, resting.order_id, D(0), None)
    seen = await stage.venue.snapshot()
    assert seen.open_orders in ((), None)
    assert seen.holdings["BTC"] == Holding(before["BTC"].free - D("0.02"), D("0.02"))
    gone = await stage.venue.cancel(resting)
    assert (gone.state, gone.filled, gone.code) == (OrderState.CANCELLED, D(0), None)
    assert (await coins(stage)) == before
    again = await stage.venue.find_order(SPOT, resting.intent.client_order_id)
    assert again is not None
    assert again.state is OrderState.CANCELLED


async def test_a_resting_order_fills_as_a_maker_when_the_market_passes_it(stage: Stage) -> None:
    begun, resting = stage.clock.now(), await stage.resting(symbol=SPOT, away="50")
    await stage.shift("1.02")
    await stage.later(60_000)
    found = await stage.venue.find_order(SPOT, resting.intent.client_order_id)
    assert found is not None
    assert (found.state, found.average) == (OrderState.FILLED, resting.intent.price)
    fills = await stage.venue.fills(SPOT, begun)
    assert sum(fill.quantity for fill in fills) == D("0.02")
    assert all(fill.maker and fill.order_id == found.order_id for fill in fills)
    report = await stage.venue.cancel(resting)
    assert (report.state, report.filled) == (OrderState.FILLED, D("0.02"))


async def test_the_markets_have_order_books_of_their_own(stage: Stage) -> None:
    on_spot = await stage.resting(symbol=SPOT)
    assert await stage.venue.find_order(BTC, on_spot.intent.client_order_id) is None
    on_perpetual = await stage.resting()
    assert await stage.venue.find_order(SPOT, on_perpetual.intent.client_order_id) is None
    assert (await stage.venue.cancel(on_spot)).state is OrderState.CANCELLED
    kept = await stage.venue.find_order(BTC, on_perpetual.intent.client_order_id)
    assert kept is not None
    assert kept.state is OrderState.OPEN


async def test_what_was_never_sent_is_not_found(stage: Stage) -> None:
    assert await stage.venue.find_order(SPOT, "hrtest_btc1_none") is None


async def test_a_post_only_order_that_would_cross_ends_cancelled_with_its_code(stage: Stage) -> None:
    before = await coins(stage)
    intent = stage.intent(await stage.venue.snapshot(), away="-50", symbol=SPOT)
    sent = await stage.venue.place(intent)
    report = sent if sent.state is OrderState.CANCELLED else await stage.venue.find_order(SPOT, intent.client_order_id)
    assert report is not None
    code = CROSSED.get(stage.venue.name, "POST_ONLY_WOULD_CROSS")
    assert (report.state, report.filled, report.code, report.rejected) == (OrderState.CANCELLED, D(0), code, False)
    assert await coins(stage) == before


async def test_an_immediate_order_that_finds_nobody_ends_cancelled(stage: Stage) -> None:
    intent = stage.intent(await stage.venue.snapshot(), away="300", time_in_force=IOC, symbol=SPOT)
    report = await stage.ended(intent)
    assert (report.state, report.filled) == (OrderState.CANCELLED, D(0))


async def test_an_order_keeps_what_it_filled_when_the_rest_is_cancelled(stage: Stage) -> None:
    begun = stage.clock.now()
    intent = stage.intent(
        await stage.venue.snapshot(), away="-1", quantity=D(60), time_in_force=TimeInForce.GTC, symbol=SPOT)
    report = await stage.ended(intent)
    assert report.state is OrderState.PARTIAL
    assert 0 < report.filled < intent.quantity
    gone = await stage.venue.cancel(record(intent, report))
    assert (gone.state, gone.filled) == (OrderState.CANCELLED, report.filled)
    assert sum(fill.quantity for fill in await stage.venue.fills(SPOT, begun)) == report.filled


@pytest.mark.parametrize("change", [
    {"quantity": D(5_000)}, {"quantity": D("0.00001")}, {"quantity": D("0.0000001")}, {"reduce_only": True},
], ids=["more than there is", "below the minimum", "off the lot", "reduce-only"])
async def test_an_order_that_may_not_be_is_refused_and_does_not_exist(stage: Stage, change: dict[str, Any]) -> None:
    before = await coins(stage)
    intent = stage.intent(await stage.venue.snapshot(), symbol=SPOT, **change)
    with pytest.raises(Refused):
        await stage.venue.place(intent)
    assert await stage.venue.find_order(SPOT, intent.client_order_id) is None
    assert await coins(stage) == before


async def test_a_cancel_of_an_ended_order_is_reported_not_an_error(stage: Stage) -> None:
    resting = await stage.resting(symbol=SPOT)
    first, again = await stage.venue.cancel(resting), await stage.venue.cancel(resting)
    assert (first.state, again.state) == (OrderState.CANCELLED, OrderState.CANCELLED)
    done = stage.intent(await stage.venue.snapshot(), away="-50", time_in_force=IOC, symbol=SPOT)
    await stage.ended(done)
    report = await stage.venue.cancel(replace(resting, intent=done))
    assert (report.state, report.filled) == (OrderState.FILLED, done.quantity)


async def test_a_resting_order_is_moved_where_the_venue_says_that_it_can_be(stage: Stage) -> None:
    assert stage.venue.amends(BTC)
    resting = await stage.resting(symbol=SPOT)
    price = resting.intent.price + 10
    if not stage.venue.amends(SPOT):
        with pytest.raises(Refused):
            await stage.venue.amend(resting, price)
        price = resting.intent.price
    else:
        for _ in range(2):  # the second time it stands there already
            assert (await stage.venue.amend(resting, price)).price == price
    found = await stage.venue.find_order(SPOT, resting.intent.client_order_id)
    assert found is not None
    assert (found.state, found.price, found.order_id) == (OrderState.OPEN, price, resting.order_id)


async def test_a_client_id_that_was_used_never_makes_a_second_order_while_the_first_rests(stage: Stage) -> None:
    before = await coins(stage)
    resting = await stage.resting(symbol=SPOT)
    with contextlib.suppress(Refused):
        assert (await stage.venue.place(resting.intent)).order_id == resting.order_id
    assert (await coins(stage))["BTC"].locked == before["BTC"].locked + D("0.02")


async def test_fills_come_once_each_oldest_first_from_the_instant_asked_for_however_long_ago(stage: Stage) -> None:
    begun = stage.clock.now()
    for wait in (HOUR, 2 * DAY, HOUR):
        await stage.taking(symbol=SPOT)
        await stage.later(wait)
    fills = await stage.venue.fills(SPOT, begun)
    assert len({fill.trade_id for fill in fills}) == len(fills) >= 3
    assert [fill.at for fill in fills] == sorted(fill.at for fill in fills)
    assert sum(fill.quantity for fill in fills) == D("0.06")
    assert await stage.venue.fills(SPOT, fills[-1].at) == fills[-1:]
    assert await stage.venue.fills("ETH/USDT", begun) == ()


async def test_past_orders_are_told_as_they_were_placed_and_none_was_forced(stage: Stage) -> None:
    if not isinstance(stage.venue, PastOrders):
        pytest.skip("its orders are in the journal")
    begun = stage.clock.now()
    done = await stage.taking(symbol=SPOT)
    await stage.later(3 * DAY)
    resting = (await stage.resting(symbol=SPOT)).intent
    first, last = await stage.venue.orders(SPOT, begun)
    assert (first.report, first.side, first.time_in_force) == (done, Side.SELL, IOC)
    assert (last.report.client_order_id, last.report.state, last.quantity, last.price, last.reduce_only) == (
        resting.client_order_id, OrderState.OPEN, resting.quantity, resting.price, False)
    assert (last.time_in_force, last.created_at) == (TimeInForce.GTX, stage.clock.now())
    assert await stage.venue.orders(BTC, begun) == ()
    assert isinstance(stage.venue, ForcedCloses)
    assert await stage.venue.forced_closes(SPOT, begun) == {}


async def test_a_snapshot_takes_no_more_requests_while_a_spot_order_rests(stage: Stage) -> None:
    if stage.requests is None:
        pytest.skip("nothing is requested here, or not counted")
    await stage.resting(symbol=SPOT)
    await stage.resting()
    await stage.later(60_000)
    await stage.venue.snapshot()
    before = stage.requests
    await stage.venue.snapshot()
    assert 0 < stage.requests - before <= 7
