"""The unmodified ccxt client trades on the Bybit dialect over real HTTP. The story runs with the wall clock."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import ccxt
import pytest
from ccxt_desk import ASK, BID, PERP, SPOT, BybitDesk, bybit_desk

from bot.core.times import HOUR

desk = pytest.fixture(bybit_desk)


async def test_the_life_of_an_order(desk: BybitDesk) -> None:
    client = desk.client
    placed = await desk.sell(0.1, ASK, postOnly=True, clientOrderId="hr_one")
    assert (placed["status"], placed["filled"], placed["clientOrderId"]) == (None, None, "hr_one"), "ids alone"
    (found,) = await client.fetch_open_orders(PERP, params={"orderLinkId": "hr_one"})
    assert (found["id"], found["price"], found["postOnly"], found["status"], found["remaining"]) == (
        placed["id"], ASK, True, "open", 0.1)
    moved = await client.edit_order(placed["id"], PERP, "limit", "sell", 0.2, 30_510.0)
    assert moved["id"] == placed["id"]
    found = await client.fetch_open_order(placed["id"], PERP)
    assert (found["amount"], found["price"]) == (0.2, 30_510.0)
    assert (await client.cancel_order(None, PERP, {"orderLinkId": "hr_one"}))["id"] == placed["id"]
    assert await client.fetch_open_orders(PERP) == []
    assert [order["status"] for order in await client.fetch_canceled_orders(PERP)] == ["canceled"]
    assert (await client.fetch_closed_order(placed["id"], PERP))["status"] == "canceled"


async def test_a_crossing_post_only_order_is_found_cancelled(desk: BybitDesk) -> None:
    placed = await desk.sell(0.1, BID, postOnly=True, clientOrderId="cross")
    assert placed["id"]
    (found,) = (await desk.client.private_get_v5_order_history({"category": "linear", "orderLinkId": "cross"})
                )["result"]["list"]
    assert (found["orderStatus"], found["rejectReason"]) == ("Cancelled", "EC_PostOnlyWillTakeLiquidity")
    assert (await desk.client.fetch_closed_order(placed["id"], PERP))["filled"] == 0


async def test_a_short_is_opened_shown_and_closed(desk: BybitDesk) -> None:
    client = desk.client
    done = await desk.sell(0.2, BID, timeInForce="IOC", clientOrderId="in")
    found = await client.fetch_closed_order(done["id"], PERP)
    assert (found["status"], found["filled"], found["average"], found["cost"]) == ("closed", 0.2, BID, 6_099.9)
    assert found["fee"]["cost"] == pytest.approx(6_099.9 * 0.00055)
    (position,) = await client.fetch_positions()
    assert (position["side"], position["contracts"], position["entryPrice"], position["markPrice"]) == (
        "short", 0.2, BID, 30_500.0)
    assert (position["leverage"], position["initialMargin"], position["liquidationPrice"]) == (20.0, 305.0, None)
    assert position["unrealizedPnl"] == pytest.approx(-0.1)
    await desk.buy(0.5, ASK + 1, timeInForce="IOC", reduceOnly=True)
    assert await client.fetch_positions() == []
    assert (await client.fetch_position(PERP))["contracts"] == 0
    trades = await client.fetch_my_trades(PERP)
    assert [(trade["side"], trade["amount"], trade["takerOrMaker"], trade["fee"]["currency"]) for trade in trades] == [
        ("sell", 0.2, "taker", "USDT"), ("buy", 0.2, "taker", "USDT")]


async def test_funding_in_ccxt_is_positive_when_paid(desk: BybitDesk) -> None:
    """The raw sign of `execFee`: here the short receives, so it is negative (EXCHANGES §6)."""
    await desk.sell(0.2, BID, timeInForce="IOC")
    desk.caller.testnet.world.clock.origin += 9 * HOUR  # the wall jumps: nine hours of the story at once
    await desk.client.load_markets(True)
    (row,) = await desk.client.fetch_funding_history(PERP)
    assert (row["amount"], row["code"]) == (pytest.approx(-0.2 * 30_500 * 0.0001), "USDT")


async def test_the_account_is_set_up(desk: BybitDesk) -> None:
    client = desk.client
    await client.set_leverage(5, PERP)
    assert (await client.fetch_leverage(PERP))["longLeverage"] == 5
    with pytest.raises(ccxt.BadRequest, match="110043"):
        await client.set_leverage(5, PERP)
    with pytest.raises(ccxt.NoChange, match="110025"):
        await client.set_position_mode(False, PERP)
    await client.set_position_mode(True, PERP)
    assert desk.caller.settings.hedge_mode == {"BTC"}
    await client.set_position_mode(False)


async def test_spot_is_traded_too(desk: BybitDesk) -> None:
    client = desk.client
    done = await client.create_order(SPOT, "limit", "sell", 0.01, BID, {"timeInForce": "IOC"})
    assert (await client.fetch_closed_order(done["id"], SPOT))["filled"] == 0.01
    rests = await client.create_order(SPOT, "limit", "sell", 0.01, 30_600, {"postOnly": True, "clientOrderId": "s1"})
    assert [order["clientOrderId"] for order in await client.fetch_open_orders(SPOT)] == ["s1"]
    assert [order["symbol"] for order in await client.fetch_open_orders(params={"type": "spot"})] == [SPOT]
    assert (await client.cancel_order(rests["id"], SPOT))["id"] == rests["id"]
    (trade,) = await client.fetch_my_trades(SPOT)
    assert (trade["amount"], trade["fee"]["currency"]) == (0.01, "USDT")
    with pytest.raises(ccxt.InsufficientFunds, match="170131"):
        await client.create_order(SPOT, "limit", "sell", 30, 30_600)
    with pytest.raises(ccxt.InvalidOrder, match="170141"):
        await client.create_order(SPOT, "limit", "sell", 0.01, 30_600, {"clientOrderId": "s1"})


async def test_the_life_of_a_spot_order_under_its_own_name(desk: BybitDesk) -> None:
    client, exchange = desk.client, desk.caller.exchange
    before = await client.fetch_balance()
    placed = await client.create_order(SPOT, "limit", "sell", 0.02, 30_600, {"postOnly": True, "clientOrderId": "mine"})
    exchange.take(exchange.open_orders("spot")[0], Decimal("0.005"))
    (found,) = await client.fetch_open_orders(SPOT, params={"orderLinkId": "mine"})
    assert (found["id"], found["filled"], found["average"], found["remaining"]) == (
        placed["id"], 0.005, 30_600.0, 0.015)
    moved = await client.edit_order(placed["id"], SPOT, "limit", "sell", None, 30_700)
    assert moved["id"] == placed["id"]
    assert (await client.fetch_open_orders(SPOT))[0]["price"] == 30_700.0
    await client.cancel_order(None, SPOT, {"orderLinkId": "mine"})
    (gone,) = await client.fetch_canceled_and_closed_orders(SPOT)
    assert (gone["status"], gone["filled"], gone["info"]["orderStatus"]) == (
        "closed", 0.005, "PartiallyFilledCanceled")  # what ccxt calls it; spot has this state of its own
    (trade,) = await client.fetch_my_trades(SPOT)
    assert (trade["side"], trade["takerOrMaker"], trade["fee"]["currency"], trade["order"]) == (
        "sell", "maker", "USDT", placed["id"])
    after = await client.fetch_balance()
    assert after["USDT"]["total"] - before["USDT"]["total"] == pytest.approx(153 - 0.153)


async def test_a_spot_purchase_is_charged_in_the_coin(desk: BybitDesk) -> None:
    await desk.client.create_order(SPOT, "limit", "buy", 0.01, 30_501, {"timeInForce": "IOC"})
    (trade,) = await desk.client.fetch_my_trades(SPOT)
    assert (trade["side"], trade["fee"]["cost"], trade["fee"]["currency"]) == ("buy", 0.00001, "BTC")


async def test_all_orders_are_cancelled_at_once(desk: BybitDesk) -> None:
    for number in range(3):
        await desk.sell(0.01, 30_600 + number)
    assert len(await desk.client.cancel_all_orders(PERP)) == 3
    assert await desk.client.fetch_open_orders(PERP) == []


async def test_refusals_arrive_as_the_classes_that_ccxt_has_for_them(desk: BybitDesk) -> None:
    client = desk.client
    await desk.sell(0.1, ASK, postOnly=True, clientOrderId="once")

    async def refused(expected: type[Exception], code: int, amount: float, price: float, **params: Any) -> None:
        with pytest.raises(expected, match=f'"retCode":{code},'):
            await desk.sell(amount, price, **params)

    await refused(ccxt.InsufficientFunds, 110007, 100, ASK)
    await refused(ccxt.InvalidOrder, 110072, 0.1, ASK, clientOrderId="once")
    await refused(ccxt.InvalidOrder, 110017, 0.1, ASK, reduceOnly=True)
    await refused(ccxt.BadRequest, 10001, 2000, ASK)
    with pytest.raises(ccxt.OrderNotFound, match="110001"):
        await client.cancel_order("99", PERP)
    (order,) = await client.fetch_open_orders(PERP)
    with pytest.raises(ccxt.BadRequest, match="10001"):
        await client.edit_order(order["id"], PERP, "limit", "sell", 0.1, ASK)
