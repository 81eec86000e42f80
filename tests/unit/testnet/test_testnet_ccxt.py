"""The unmodified ccxt client over real HTTP. The story runs with the wall clock: ccxt has no other."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import ccxt
import pytest
from ccxt_desk import ASK, BID, PERP, SPOT, BinanceDesk, binance_desk

from bot.core.times import HOUR

desk = pytest.fixture(binance_desk)


async def test_it_loads_both_kinds_of_markets_with_their_steps(desk: BinanceDesk) -> None:
    markets = await desk.client.load_markets()
    assert set(markets) == {"BTC/USDT", "ETH/USDT", "BTC/USDT:USDT", "ETH/USDT:USDT"}
    perp, spot = markets[PERP], markets[SPOT]
    assert (perp["precision"]["amount"], perp["precision"]["price"], perp["contractSize"], perp["linear"]) == (
        0.001, 0.1, 1.0, True)
    assert (perp["limits"]["cost"]["min"], perp["limits"]["amount"]["min"], perp["active"]) == (100.0, 0.001, True)
    assert (spot["precision"]["amount"], spot["precision"]["price"], spot["limits"]["cost"]["min"]) == (
        0.00001, 0.01, 5.0)


async def test_it_reads_both_wallets(desk: BinanceDesk) -> None:
    spot = await desk.client.fetch_balance({"type": "spot"})
    assert (spot["BTC"]["total"], spot["ETH"]["total"]) == (1.63934, 24.0)
    swap = await desk.client.fetch_balance({"type": "swap"})
    assert swap["USDT"]["total"] + spot["USDT"]["total"] == pytest.approx(20_000, abs=1)


async def test_it_reads_prices_books_and_funding(desk: BinanceDesk) -> None:
    client = desk.client
    await client.load_markets()
    assert (await client.fetch_ticker(PERP))["last"] == 30_500.0
    assert (await client.fetch_ticker(SPOT))["bid"] == BID
    both = await client.fetch_bids_asks([SPOT, "ETH/USDT"])
    assert (both[SPOT]["bid"], both[SPOT]["ask"]) == (BID, ASK)
    assert (await client.fetch_bids_asks([PERP]))[PERP]["ask"] == ASK
    book = await client.fetch_order_book(PERP, 5)
    assert (book["bids"][0], book["asks"][0]) == ([BID, 1.0], [ASK, 1.0])
    assert (await client.fetch_order_book(SPOT, 5))["bids"][0] == [BID, 1.0]
    rate = await client.fetch_funding_rate(PERP)
    assert (rate["fundingRate"], rate["markPrice"]) == (0.0001, 30_500.0)
    assert rate["fundingTimestamp"] == desk.caller.testnet.exchange.feed.start + 8 * HOUR
    assert set(await client.fetch_funding_rates([PERP, "ETH/USDT:USDT"])) == {PERP, "ETH/USDT:USDT"}
    assert (await client.fetch_funding_intervals([PERP]))[PERP]["interval"] == "8h"
    assert [row["fundingRate"] for row in await client.fetch_funding_rate_history(PERP)] == [0.0001]
    tiers = (await client.fetch_leverage_tiers([PERP]))[PERP]
    assert (tiers[0]["maintenanceMarginRate"], tiers[0]["maxLeverage"], tiers[1]["minNotional"]) == (
        0.004, 125.0, 300_000.0)


async def test_the_life_of_an_order(desk: BinanceDesk) -> None:
    client = desk.client
    placed = await desk.sell(0.1, ASK, postOnly=True, clientOrderId="hr_one")
    assert (placed["status"], placed["filled"], placed["clientOrderId"]) == ("open", 0.0, "hr_one")
    found = await client.fetch_order(None, PERP, {"clientOrderId": "hr_one"})
    assert (found["id"], found["price"], found["postOnly"]) == (placed["id"], ASK, True)
    assert [order["id"] for order in await client.fetch_open_orders(PERP)] == [placed["id"]]
    moved = await client.edit_order(placed["id"], PERP, "limit", "sell", 0.1, 30_510.0)
    assert (moved["id"], moved["price"]) == (placed["id"], 30_510.0)
    ended = await client.cancel_order(None, PERP, {"clientOrderId": "hr_one"})
    assert ended["status"] == "canceled"
    assert await client.fetch_open_orders(PERP) == []
    assert [order["status"] for order in await client.fetch_orders(PERP)] == ["canceled"]


async def test_a_short_is_opened_shown_and_closed(desk: BinanceDesk) -> None:
    client = desk.client
    done = await desk.sell(0.2, BID, timeInForce="IOC", clientOrderId="in")
    assert (done["status"], done["filled"], done["average"], done["cost"]) == ("closed", 0.2, BID, 6_099.9)
    (position,) = await client.fetch_positions()
    assert (position["side"], position["contracts"], position["entryPrice"], position["marginMode"]) == (
        "short", 0.2, BID, "cross")
    assert position["unrealizedPnl"] == pytest.approx(-0.1)
    assert position["liquidationPrice"] > 70_000
    assert position["maintenanceMargin"] == pytest.approx(24.4)
    closed = await desk.buy(0.5, ASK + 1, timeInForce="IOC", reduceOnly=True)
    assert closed["filled"] == 0.2, "never beyond the position"
    assert await client.fetch_positions() == []
    trades = await client.fetch_my_trades(PERP)
    assert [(trade["side"], trade["amount"], trade["takerOrMaker"], trade["fee"]["currency"]) for trade in trades] == [
        ("sell", 0.2, "taker", "USDT"), ("buy", 0.2, "taker", "USDT")]
    assert trades[0]["fee"]["cost"] == pytest.approx(6_099.9 * 0.0005)


async def test_funding_received_is_positive(desk: BinanceDesk) -> None:
    await desk.sell(0.2, BID, timeInForce="IOC")
    start = desk.caller.now
    desk.caller.testnet.world.clock.origin += 9 * HOUR  # the wall jumps: nine hours of the story at once
    await desk.client.load_markets(True)
    (row,) = await desk.client.fetch_funding_history(PERP, start)
    assert (row["amount"], row["code"]) == (pytest.approx(0.2 * 30_500 * 0.0001), "USDT")


async def test_the_account_is_set_up(desk: BinanceDesk) -> None:
    client = desk.client
    assert (await client.set_leverage(5, PERP))["leverage"] == 5
    assert (await client.fetch_leverages([PERP]))[PERP]["longLeverage"] == 5
    with pytest.raises(ccxt.MarginModeAlreadySet):
        await client.set_margin_mode("cross", PERP)
    assert (await client.set_margin_mode("isolated", PERP))["code"] == 200
    with pytest.raises(ccxt.OperationRejected, match="-4059"):
        await client.set_position_mode(False, PERP)
    assert (await client.set_position_mode(True, PERP))["code"] == 200
    assert (await client.fetch_position_mode(PERP))["hedged"] is True
    assert (await client.fapiPrivateGetMultiAssetsMargin())["multiAssetsMargin"] is False
    assert (await client.fapiPrivatePostCountdownCancelAll({"symbol": "BTCUSDT", "countdownTime": 1000})) == {
        "symbol": "BTCUSDT", "countdownTime": "1000"}


async def test_spot_is_traded_too(desk: BinanceDesk) -> None:
    client = desk.client
    done = await client.create_order(SPOT, "limit", "sell", 0.01, BID, {"timeInForce": "IOC"})
    assert (done["status"], done["filled"]) == ("closed", 0.01)
    rests = await client.create_order(SPOT, "limit", "sell", 0.01, 30_600, {"postOnly": True, "clientOrderId": "s1"})
    assert (rests["status"], rests["postOnly"]) == ("open", True)
    assert (await client.fetch_order(rests["id"], SPOT))["status"] == "open"
    assert [order["clientOrderId"] for order in await client.fetch_open_orders(SPOT)] == ["s1"]
    assert (await client.cancel_order(rests["id"], SPOT))["status"] == "canceled"
    (trade,) = await client.fetch_my_trades(SPOT)
    assert (trade["amount"], trade["fee"]["currency"]) == (0.01, "USDT")
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        await client.create_order(SPOT, "limit", "sell", 0.01, BID, {"postOnly": True})
    with pytest.raises(ccxt.InsufficientFunds):
        await client.create_order(SPOT, "limit", "sell", 50, 30_600)
    with pytest.raises(ccxt.OrderNotFound):
        await client.fetch_order("99", SPOT)


async def test_the_life_of_a_spot_order_under_its_own_name(desk: BinanceDesk) -> None:
    client = desk.client
    before = await client.fetch_balance({"type": "spot"})
    placed = await client.create_order(SPOT, "limit", "sell", 0.02, 30_600, {"postOnly": True, "clientOrderId": "mine"})
    assert (placed["clientOrderId"], placed["status"], placed["type"]) == ("mine", "open", "limit")
    assert (await client.fetch_balance({"type": "spot"}))["BTC"]["used"] == 0.02
    exchange = desk.caller.testnet.exchange
    exchange.take(exchange.open_orders("spot")[0], Decimal("0.005"))
    found = await client.fetch_order(None, SPOT, {"clientOrderId": "mine"})
    assert (found["id"], found["filled"], found["average"], found["cost"]) == (placed["id"], 0.005, 30_600.0, 153.0)
    (trade,) = await client.fetch_order_trades(placed["id"], SPOT)
    assert (trade["side"], trade["takerOrMaker"], trade["fee"]) == (
        "sell", "maker", {"cost": 0.153, "currency": "USDT"})
    gone = await client.cancel_order(None, SPOT, {"clientOrderId": "mine"})
    assert (gone["status"], gone["filled"], gone["info"]["origClientOrderId"]) == ("canceled", 0.005, "mine")
    assert gone["info"]["clientOrderId"] != "mine", "a cancellation has a name of its own"
    assert [order["clientOrderId"] for order in await client.fetch_canceled_orders(SPOT)] == ["mine"]
    after = await client.fetch_balance({"type": "spot"})
    assert after["USDT"]["total"] - before["USDT"]["total"] == pytest.approx(153 - 0.153)
    assert (after["BTC"]["used"], before["BTC"]["total"] - after["BTC"]["total"]) == (0.0, pytest.approx(0.005))


async def test_a_spot_purchase_is_charged_in_the_coin(desk: BinanceDesk) -> None:
    client = desk.client
    await client.create_order(SPOT, "limit", "buy", 0.01, ASK, {"timeInForce": "IOC"})
    (trade,) = await client.fetch_my_trades(SPOT, desk.caller.now - HOUR)
    assert (trade["side"], trade["fee"]) == ("buy", {"cost": 0.00001, "currency": "BTC"})


@pytest.mark.parametrize(("amount", "price", "kind", "words"), [
    (0.0001, 30_600, ccxt.BadRequest, "NOTIONAL"), (0.01, 0.001, ccxt.InvalidOrder, "PRICE_FILTER"),
    (50, 30_600, ccxt.InsufficientFunds, "insufficient balance"),
])
async def test_spots_filters_refuse_in_its_own_words(
    desk: BinanceDesk, amount: float, price: float, kind: type[Exception], words: str,
) -> None:
    await desk.client.load_markets()
    with pytest.raises(kind, match=words):
        await desk.client.privatePostOrder({
            "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": amount,
            "price": price})
    assert await desk.client.fetch_open_orders(SPOT) == []


async def test_refusals_arrive_as_the_classes_that_ccxt_has_for_them(desk: BinanceDesk) -> None:
    client = desk.client
    await desk.sell(0.1, ASK, postOnly=True, clientOrderId="once")

    async def refused(expected: type[Exception], code: int, amount: float, price: float, **params: Any) -> None:
        with pytest.raises(expected, match=f'"code":{code},'):
            await desk.sell(amount, price, **params)

    await refused(ccxt.OrderNotFillable, -5022, 0.1, BID, postOnly=True)
    await refused(ccxt.InsufficientFunds, -2019, 50, ASK)
    await refused(ccxt.InvalidOrder, -4116, 0.1, ASK, postOnly=True, clientOrderId="once")
    await refused(ccxt.InvalidOrder, -2022, 0.1, ASK, reduceOnly=True)
    await refused(ccxt.InvalidOrder, -4164, 0.001, ASK)
    await refused(ccxt.BadRequest, -4024, 0.1, 20_000.0)
    await refused(ccxt.OperationRejected, -4061, 0.1, ASK, positionSide="SHORT")
    with pytest.raises(ccxt.OrderNotFound):
        await client.fetch_order(None, PERP, {"clientOrderId": "never"})
    with pytest.raises(ccxt.OrderNotFound):
        await client.cancel_order("99", PERP)
    with pytest.raises(ccxt.OperationRejected, match="-5027"):
        await client.edit_order("1", PERP, "limit", "sell", 0.1, ASK)
    with pytest.raises(ccxt.BadSymbol):
        await client.fapiPublicGetTickerBookTicker({"symbol": "DOGEUSDT"})


async def test_credentials_and_clock_are_checked(desk: BinanceDesk) -> None:
    client = desk.client
    await client.load_markets()
    client.options["timeDifference"] -= 5_000
    with pytest.raises(ccxt.InvalidNonce):
        await client.fetch_balance({"type": "swap"})
    client.options["timeDifference"] += 5_000
    client.secret = "another"
    with pytest.raises(ccxt.AuthenticationError, match="-1022"):
        await client.fetch_balance({"type": "swap"})
    client.apiKey = "another"
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        await client.fetch_balance({"type": "swap"})


async def test_too_many_requests_are_ddos_protection(desk: BinanceDesk) -> None:
    client = desk.client
    await client.load_markets()
    client.enableRateLimit = False

    async def insist() -> None:
        for _ in range(200):  # a minute may end in between and begin a new budget
            await client.fapiPrivateGetIncome()

    with pytest.raises(ccxt.DDoSProtection, match="429"):
        await insist()
