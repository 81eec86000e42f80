"""Two days of one hedge by hand on the Bybit dialect: what it tells afterwards is the account, to the last digit."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from bybit_caller import BTC, BybitCaller

from bot.core.times import DAY, HOUR, MINUTE
from bot.testnet.market.scenarios import scenario_story
from bot.testnet.specs import BYBIT

D = Decimal


def begun() -> BybitCaller:
    """An account of two millions in a market that rises over a month."""
    return BybitCaller(feed=scenario_story("bull", days=35, seed=11, instruments=BYBIT), nav=D(2_000_000))


def logged(caller: BybitCaller) -> list[Any]:
    """Every movement of the wallet, oldest first."""
    start = caller.exchange.feed.start
    return everything(caller, "/v5/account/transaction-log", startTime=start, endTime=start + 3 * DAY)


def wallet(caller: BybitCaller) -> dict[str, Decimal]:
    """Balances as the wallet page shows them."""
    (account,) = caller.get("/v5/account/wallet-balance", accountType="UNIFIED")["list"]
    return {row["coin"]: D(row["walletBalance"]) for row in account["coin"]}


def everything(caller: BybitCaller, path: str, **params: Any) -> list[Any]:
    """All pages of a list, oldest first."""
    rows: list[Any] = []
    cursor = ""
    while True:
        reply = caller.get(path, limit=7, cursor=cursor, **params)
        rows += reply["list"]
        cursor = reply["nextPageCursor"]
        if not cursor:
            return rows[::-1]


def total(rows: Iterable[Any], name: str) -> Decimal:
    """The sum of a field; '' counts nothing."""
    return sum((D(row[name] or "0") for row in rows), D(0))


def bid(caller: BybitCaller) -> Decimal:
    return D(caller.touch()[0])


def ask(caller: BybitCaller) -> Decimal:
    return D(caller.touch()[1])


def until_filled(caller: BybitCaller, order_id: str, side: str) -> None:
    """Keep a post-only order at the touch, keeping what has filled, until it is done."""
    for _ in range(400):
        order = caller.order(order_id)
        if order["orderStatus"] == "Filled":
            return
        assert order["orderStatus"] in ("New", "PartiallyFilled"), order
        touch = ask(caller) if side == "Sell" else bid(caller)
        if D(order["price"]) != touch:
            caller.post("/v5/order/amend", category="linear", symbol=BTC, orderId=order_id, price=str(touch))
        caller.advance(MINUTE // 4)
    raise AssertionError("no taker came")


def live_two_days(caller: BybitCaller) -> None:
    """Sell in two ways, move and drop an order, take part of it back, sit through six settlements, close it all."""
    first = caller.create(qty="16.5", price=str(ask(caller)), orderLinkId="open_1")
    until_filled(caller, first["orderId"], "Sell")
    caller.advance(9 * HOUR)
    caller.create(qty="2.345", price=str(bid(caller)), timeInForce="IOC", orderLinkId="open_2")
    caller.create(qty="1", price=str(ask(caller) + 200), orderLinkId="dropped")
    caller.post("/v5/order/amend", category="linear", symbol=BTC, orderLinkId="dropped", qty="0.5")
    caller.post("/v5/order/cancel", category="linear", symbol=BTC, orderLinkId="dropped")
    caller.create(qty="1", price=str(bid(caller)), orderLinkId="crossed")
    caller.create(category="spot", side="Sell", qty="1.234567", price=spot_bid(caller), timeInForce="IOC")
    caller.advance(15 * HOUR)
    held = caller.position()["size"]
    part = caller.create(side="Buy", qty="3.1", price=str(bid(caller)), reduceOnly=True, orderLinkId="reduce_1")
    until_filled(caller, part["orderId"], "Buy")
    assert D(caller.position()["size"]) == D(held) - D("3.1")
    caller.advance(23 * HOUR)
    last = caller.create(side="Buy", qty="50", price=str(bid(caller)), reduceOnly=True, orderLinkId="close")
    until_filled(caller, last["orderId"], "Buy")
    assert caller.position()["side"] == ""
    assert caller.open() == []


def spot_bid(caller: BybitCaller) -> str:
    """Best bid of the spot market."""
    return str(caller.get("/v5/market/orderbook", category="spot", symbol=BTC)["b"][0][0])


@pytest.fixture(scope="module")
def lived() -> tuple[BybitCaller, dict[str, Decimal]]:
    """The account after its two days, and the balances that it began with."""
    caller = begun()
    before = wallet(caller)
    live_two_days(caller)
    return caller, before


def test_the_hedge_was_opened_moved_reduced_paid_for_and_closed(lived: tuple[BybitCaller, Any]) -> None:
    caller, _ = lived
    rows = everything(caller, "/v5/execution/list", category="linear", symbol=BTC)
    kinds = {row["execType"] for row in rows}
    trades = [row for row in rows if row["execType"] == "Trade"]
    assert kinds == {"Trade", "Funding"}
    assert len(rows) - len(trades) >= 5
    assert {row["isMaker"] for row in trades} == {True, False}
    by_link = {link: [row for row in trades if row["orderLinkId"] == link]
               for link in ("open_1", "open_2", "reduce_1", "close", "dropped", "crossed")}
    assert [len(by_link[link]) > 0 for link in by_link] == [True, True, True, True, False, False]
    assert len(by_link["close"]) > 1, "in parts"
    assert total(by_link["open_1"], "execQty") == D("16.5")
    assert all(D(row["closedSize"]) == D(row["execQty"]) for row in by_link["close"])
    assert caller.now < caller.exchange.feed.start + 3 * DAY


def test_the_log_the_executions_and_the_account_agree_to_the_last_digit(
    lived: tuple[BybitCaller, dict[str, Decimal]],
) -> None:
    caller, before = lived
    exchange = caller.exchange
    log = logged(caller)
    usdt = [row for row in log if row["currency"] == "USDT"]
    linear = everything(caller, "/v5/execution/list", category="linear")
    spot = everything(caller, "/v5/execution/list", category="spot")

    # the balances are the changes, coin by coin
    after = wallet(caller)
    for coin in ("BTC", "ETH", "USDT"):
        assert after[coin] == before[coin] + total([row for row in log if row["currency"] == coin], "change")
        assert after[coin] == exchange.wallets.spot[coin]

    # fees: of the executions, of the log, of the account
    fees = total([row for row in linear if row["execType"] == "Trade"], "execFee")
    assert fees == total([row for row in usdt if row["category"] == "linear"], "fee")
    assert fees == sum(fill.fee for fill in exchange.fills if fill.market == "perp")
    assert total(spot, "execFee") == total([row for row in usdt if row["category"] == "spot"], "fee")

    # funding: the executions' sign is the opposite of the log's
    funding = total([row for row in linear if row["execType"] == "Funding"], "execFee")
    assert funding != 0
    assert -funding == total(usdt, "funding") == sum(row.amount for row in exchange.funding_rows)

    # profit: the log's cash flow is what the position realised; with fees and funding, the position's own figure
    realised = total([row for row in usdt if row["category"] == "linear"], "cashFlow")
    assert realised == sum(fill.realised for fill in exchange.fills)
    assert D(caller.position()["cumRealisedPnl"]) == realised - fees - funding
    assert realised - fees - funding == sum(row.amount for row in exchange.income)


def test_each_execution_has_its_row_in_the_log(lived: tuple[BybitCaller, Any]) -> None:
    caller, _ = lived
    told = {(row["tradeId"], row["orderId"], row["transactionTime"]) for row in logged(caller)}
    executed = {
        (row["execId"], row["orderId"], row["execTime"])
        for category in ("linear", "spot") for row in everything(caller, "/v5/execution/list", category=category)
    }
    assert told == executed


def test_orders_add_up_to_their_executions(lived: tuple[BybitCaller, Any]) -> None:
    caller, _ = lived
    start = caller.exchange.feed.start
    orders = everything(caller, "/v5/order/history", category="linear", startTime=start, endTime=start + 3 * DAY)
    rows = everything(caller, "/v5/execution/list", category="linear", execType="Trade")
    assert {order["orderLinkId"] for order in orders} >= {"open_1", "open_2", "reduce_1", "close"}
    for order in orders:
        mine = [row for row in rows if row["orderId"] == order["orderId"]]
        assert D(order["cumExecQty"]) == total(mine, "execQty")
        assert D(order["cumExecValue"]) == total(mine, "execValue")
        assert D(order["cumExecFee"]) == total(mine, "execFee")
        if mine:
            assert D(mine[-1]["leavesQty"]) == D(order["qty"]) - D(order["cumExecQty"])


def test_the_same_two_days_are_the_same_again(lived: tuple[BybitCaller, Any]) -> None:
    caller, _ = lived
    again = begun()
    live_two_days(again)
    assert again.exchange.dump() == caller.exchange.dump()
    for category in ("linear", "spot"):
        assert everything(again, "/v5/execution/list", category=category) == everything(
            caller, "/v5/execution/list", category=category)
