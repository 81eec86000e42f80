"""The promises of the `Venue` port, kept by all that implement it: paper, and both gateways by wire and by HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest
from port_stage import ASSETS, BTC, KINDS, POLICY, RICH, Stage, record, staged
from venue_values import an_intent

from bot.core.hygiene import Verdict
from bot.core.market import Side, WalletKind
from bot.core.orders import OrderState, TimeInForce
from bot.core.times import DAY, HOUR
from bot.errors import Refused

D = Decimal
CROSSED = {"paper": "POST_ONLY_WOULD_CROSS", "binance": "-5022", "bybit": "EC_PostOnlyWillTakeLiquidity"}


@pytest.fixture(params=KINDS)
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with staged(request.param) as opened:
        yield opened


async def test_an_account_has_an_id_that_stays(stage: Stage) -> None:
    assert await stage.venue.account() == await stage.venue.account() != ""


async def test_instruments_are_told_in_base_units_and_an_unknown_coin_is_refused(stage: Stage) -> None:
    found = await stage.venue.instruments(ASSETS)
    assert [found[asset].symbol for asset in ASSETS] == [BTC, "ETH/USDT:USDT"]
    for spec in found.values():
        assert spec.tradable
        assert 0 < spec.amount_step <= spec.min_amount
        assert spec.tiers[0].floor == 0
        assert spec.tiers[-1].cap is None
    with pytest.raises(Refused):
        await stage.venue.instruments(["BTC", "DOGE"])


async def test_preparing_twice_changes_nothing_the_second_time_and_every_check_passes(stage: Stage) -> None:
    assert len(await stage.venue.prepare(POLICY)) == len(ASSETS)
    assert await stage.venue.prepare(POLICY) == ()
    verdicts = {check.name: check.verdict for check in await stage.venue.inspect(POLICY)}
    assert set(verdicts.values()) <= {Verdict.OK, Verdict.UNKNOWN}


async def test_a_fresh_account_is_flat_and_each_balance_is_counted_once(stage: Stage) -> None:
    seen = await stage.venue.snapshot()
    assert (seen.positions, seen.open_orders, seen.taken_at) == ((), (), stage.clock.now())
    assert set(seen.quotes) == set(ASSETS)
    worth = sum(
        seen.holdings[asset].total * mid for asset in ASSETS if (mid := seen.quotes[asset].spot_mid) is not None)
    cash = seen.holdings["USDT"].total + seen.futures.balance
    assert abs(worth + cash - RICH) < RICH / 1_000
    assert (seen.wallet is WalletKind.UNIFIED) == (seen.futures.balance == 0)


async def test_a_snapshot_takes_at_most_seven_requests(stage: Stage) -> None:
    if stage.requests is None:
        pytest.skip("nothing is requested here, or not counted")
    await stage.venue.snapshot()
    await stage.resting()
    await stage.later(60_000)
    before = stage.requests
    assert len((await stage.venue.snapshot()).open_orders or ()) == 1
    assert 0 < stage.requests - before <= 7


async def test_quantities_are_in_base_units_everywhere(stage: Stage) -> None:
    begun = stage.clock.now()
    report = await stage.taking(quantity="0.03")
    assert (report.quantity, report.filled) == (D("0.03"), D("0.03"))
    assert await stage.position() == D("-0.03")
    assert sum(fill.quantity for fill in await stage.venue.fills(BTC, begun)) == D("0.03")
    resting = await stage.resting(quantity=D("0.02"))
    orders = (await stage.venue.snapshot()).open_orders
    assert orders is not None
    assert [(order.client_order_id, order.quantity, order.filled, order.side) for order in orders] == [
        (resting.intent.client_order_id, D("0.02"), D(0), Side.SELL)]


async def test_a_close_never_flips_the_position(stage: Stage) -> None:
    await stage.taking(quantity="0.02")
    for _ in range(2):
        with contextlib.suppress(Refused):  # larger than the position, or flat already: a no flips nothing either
            await stage.taking(Side.BUY, "0.05", reduce_only=True)
        assert D("-0.02") <= await stage.position() <= 0
    if await stage.position():
        await stage.taking(Side.BUY, "0.02", reduce_only=True)
    assert await stage.position() == 0


async def test_a_post_only_order_that_would_cross_ends_cancelled_with_its_code(stage: Stage) -> None:
    intent = stage.intent(await stage.venue.snapshot(), away="-50")
    sent = await stage.venue.place(intent)
    report = sent if sent.state is OrderState.CANCELLED else await stage.venue.find_order(BTC, intent.client_order_id)
    assert report is not None
    venue = "paper" if not stage.gateway else stage.venue.name
    assert (report.state, report.filled, report.code) == (OrderState.CANCELLED, D(0), CROSSED[venue])
    assert not report.rejected
    assert await stage.position() == 0


async def test_an_immediate_order_that_finds_nobody_ends_cancelled(stage: Stage) -> None:
    intent = stage.intent(await stage.venue.snapshot(), away="300", time_in_force=TimeInForce.IOC)
    report = await stage.ended(intent)
    assert (report.state, report.filled) == (OrderState.CANCELLED, D(0))


async def test_an_order_that_may_not_be_is_refused_with_a_code_and_does_not_exist(stage: Stage) -> None:
    intent = stage.intent(await stage.venue.snapshot(), quantity=D(5_000))
    with pytest.raises(Refused) as refused:
        await stage.venue.place(intent)
    assert refused.value.code
    assert await stage.venue.find_order(BTC, intent.client_order_id) is None


async def test_what_was_never_sent_is_not_found(stage: Stage) -> None:
    assert await stage.venue.find_order(BTC, an_intent(client_order_id="hrtest_btc1_none").client_order_id) is None


async def test_an_order_is_found_resting_filled_and_cancelled(stage: Stage) -> None:
    resting = await stage.resting()
    found = await stage.venue.find_order(BTC, resting.intent.client_order_id)
    assert found is not None
    assert (found.state, found.price, found.order_id) == (OrderState.OPEN, resting.intent.price, resting.order_id)
    await stage.venue.cancel(resting)
    gone = await stage.venue.find_order(BTC, resting.intent.client_order_id)
    assert gone is not None
    assert (gone.state, gone.filled) == (OrderState.CANCELLED, D(0))
    assert (await stage.taking()).state is OrderState.FILLED


async def test_a_cancel_of_an_ended_order_is_reported_not_an_error(stage: Stage) -> None:
    resting = await stage.resting()
    first, again = await stage.venue.cancel(resting), await stage.venue.cancel(resting)
    assert (first.state, again.state) == (OrderState.CANCELLED, OrderState.CANCELLED)
    done = stage.intent(await stage.venue.snapshot(), away="-50", time_in_force=TimeInForce.IOC)
    await stage.ended(done)
    report = await stage.venue.cancel(replace(resting, intent=done))
    assert (report.state, report.filled) == (OrderState.FILLED, done.quantity)


async def test_an_amended_order_stands_at_its_new_price_under_its_name(stage: Stage) -> None:
    resting = await stage.resting()
    price = resting.intent.price + 10
    for _ in range(2):  # the second time it stands there already
        assert (await stage.venue.amend(resting, price)).price == price
    found = await stage.venue.find_order(BTC, resting.intent.client_order_id)
    assert found is not None
    assert (found.state, found.price, found.order_id) == (OrderState.OPEN, price, resting.order_id)
    await stage.venue.cancel(resting)
    assert (await stage.venue.amend(resting, price + 10)).state is OrderState.CANCELLED


async def test_an_amend_keeps_the_filled_part(stage: Stage) -> None:
    """More than the book holds near the touch is sold: a part fills at once, and the rest stays at the limit."""
    intent = stage.intent(
        await stage.venue.snapshot(), away="-1", quantity=D(60), time_in_force=TimeInForce.GTC)
    report = await stage.ended(intent)
    assert report.state is OrderState.PARTIAL
    assert 0 < report.filled < intent.quantity
    resting = record(intent, report)
    await stage.venue.amend(resting, intent.price + 200)
    found = await stage.venue.find_order(BTC, intent.client_order_id)
    assert found is not None
    assert (found.state, found.filled, found.price) == (OrderState.PARTIAL, report.filled, intent.price + 200)
    assert (await stage.venue.cancel(resting)).filled == report.filled


async def test_a_client_id_that_was_used_never_makes_a_second_order_while_the_first_rests(stage: Stage) -> None:
    resting = await stage.resting()
    with contextlib.suppress(Refused):
        assert (await stage.venue.place(resting.intent)).order_id == resting.order_id
    assert [order.client_order_id for order in (await stage.venue.snapshot()).open_orders or ()] == [
        resting.intent.client_order_id]


async def test_fills_come_once_each_oldest_first_from_the_instant_asked_for(stage: Stage) -> None:
    begun = stage.clock.now()
    for side in (Side.SELL, Side.SELL, Side.BUY):
        await stage.taking(side, "0.02", reduce_only=side is Side.BUY)
        await stage.later(HOUR)
    fills = await stage.venue.fills(BTC, begun)
    assert len({fill.trade_id for fill in fills}) == len(fills) >= 3
    assert [fill.at for fill in fills] == sorted(fill.at for fill in fills)
    assert {fill.symbol for fill in fills} == {BTC}
    assert sum(fill.quantity * fill.side.sign for fill in fills) == await stage.position() == D("-0.02")
    assert fills[0].realised == 0 != fills[-1].realised
    assert all(fill.fee > 0 and not fill.maker for fill in fills)
    assert await stage.venue.fills(BTC, fills[-1].at) == fills[-1:]
    assert await stage.venue.fills("ETH/USDT:USDT", begun) == ()


async def test_what_a_fill_and_funding_moved_is_what_the_cash_changed_by(stage: Stage) -> None:
    before, begun = await stage.venue.snapshot(), stage.clock.now()
    await stage.taking(quantity="0.05")
    await stage.later(DAY)
    await stage.taking(Side.BUY, "0.05", reduce_only=True)
    after = await stage.venue.snapshot()
    fills, paid = await stage.venue.fills(BTC, begun), await stage.venue.funding(begun)
    cash = [seen.holdings["USDT"].total + seen.futures.balance for seen in (before, after)]
    assert cash[1] - cash[0] == sum(fill.realised - fill.fee for fill in fills) + sum(each.amount for each in paid)


async def test_funding_is_positive_where_the_short_received_it(stage: Stage) -> None:
    begun = stage.clock.now()
    await stage.taking(quantity="0.05")
    await stage.later(DAY + HOUR)
    paid, published = await stage.venue.funding(begun), await stage.venue.settlements(["BTC"], begun + 1)
    assert len(paid) == len(published) == 3
    assert [payment.at for payment in paid] == [settled.at for settled in published]
    for payment, settled in zip(paid, published, strict=True):
        assert (payment.amount > 0) == (settled.rate > 0)  # longs pay shorts
        assert payment.symbol == BTC
    assert len({payment.payment_id for payment in paid}) == 3
    assert await stage.venue.funding(paid[1].at) == paid[1:]


async def test_a_position_carries_its_entry_and_what_it_earned_so_far(stage: Stage) -> None:
    report = await stage.taking(quantity="0.05")
    await stage.shift("1.1")
    held = (await stage.venue.snapshot()).position(BTC)
    assert held is not None
    assert held.mark is not None
    assert held.entry_price == report.average
    assert abs(held.unrealised - held.quantity * (held.mark - held.entry_price)) < D("0.01")
    assert held.unrealised < 0


async def test_closing_twice_does_no_harm(stage: Stage) -> None:
    await stage.venue.close()
    await stage.venue.close()
