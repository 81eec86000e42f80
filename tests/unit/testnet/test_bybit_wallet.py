"""The unified account's money: each balance once, coins at their ratio, debts, and every movement with its sign."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from bybit_caller import BybitCaller
from feeds import START, FakeFeed, scripted, steady

from bot.core.market import Side
from bot.core.times import DAY, HOUR, MINUTE, SECOND
from bot.testnet.bybit.settings import MarginMode

D = Decimal
WALLET, LOG = "/v5/account/wallet-balance", "/v5/account/transaction-log"


def poor(debt: str = "0", coins: str = "1", **changes: Any) -> BybitCaller:
    """One coin (at 30500, counting for 0.95) and a debt in the settle coin."""
    feed = FakeFeed({"BTC": steady(30_500)}, end=START + 2 * DAY)
    return BybitCaller(feed=feed, weights={"BTC": D("0.5"), "USDT": D("0.5")}, balances_spot={"BTC": D(coins)},
                       balances_futures={"USDT": -D(debt)}, **changes)


def account(caller: BybitCaller) -> Any:
    (found,) = caller.get(WALLET, accountType="UNIFIED")["list"]
    return found


def coin(caller: BybitCaller, name: str) -> Any:
    (found,) = [row for row in account(caller)["coin"] if row["coin"] == name]
    return found


def log(caller: BybitCaller, **more: Any) -> list[dict[str, str]]:
    found: list[dict[str, str]] = caller.get(LOG, accountType="UNIFIED", **more)["list"]
    return found


# --- the wallet ---


def test_coins_are_margin_at_their_ratio_and_worth_their_price() -> None:
    seen = account(poor())
    assert D(seen["totalEquity"]) == 30_500
    assert D(seen["totalMarginBalance"]) == D(seen["totalAvailableBalance"]) == D("0.95") * 30_500
    assert (seen["accountIMRate"], seen["accountMMRate"], seen["totalPerpUPL"]) == ("0", "0", "0")


def test_a_debt_shows_as_borrowed_and_counts_in_full() -> None:
    caller = poor("10000")
    seen, cash = account(caller), coin(caller, "USDT")
    assert (cash["walletBalance"], cash["borrowAmount"], cash["equity"]) == ("-10000", "10000", "-10000")
    assert D(seen["totalEquity"]) == 20_500
    assert D(seen["totalMarginBalance"]) == D("0.95") * 30_500 - 10_000


def test_a_loan_that_is_shown_apart_changes_nothing_that_is_owned() -> None:
    caller = poor("10000")
    before = account(caller)
    caller.settings.spot_borrow["USDT"] = D(12_000)
    caller.settings.accrued_interest["USDT"] = D("0.5")
    cash = coin(caller, "USDT")
    assert (cash["walletBalance"], cash["spotBorrow"], cash["accruedInterest"]) == ("2000", "12000", "0.5")
    assert D(cash["walletBalance"]) - D(cash["spotBorrow"]) == D(cash["equity"]) == -10_000
    assert {**account(caller), "coin": 0} == {**before, "coin": 0}


def test_a_short_that_loses_lowers_equity_and_margin_but_not_the_wallet() -> None:
    feed = FakeFeed({"BTC": scripted(*[30_500] * 12, 31_500)}, end=START + DAY)
    caller = BybitCaller(feed=feed, weights={"BTC": D("0.5"), "USDT": D("0.5")}, balances_spot={"BTC": D(1)},
                         balances_futures={"USDT": D(1_000)})
    caller.short("0.5")
    cash = coin(caller, "USDT")["walletBalance"]
    caller.advance(MINUTE)
    row, seen = coin(caller, "USDT"), account(caller)
    assert row["walletBalance"] == cash
    assert D(seen["totalPerpUPL"]) == D(row["unrealisedPnl"]) == D("0.5") * (D("30499.5") - 31_500)
    assert D(row["equity"]) == D(cash) + D(row["unrealisedPnl"])
    assert D(seen["totalMarginBalance"]) == D("0.95") * 31_500 + D(row["equity"])
    assert D(seen["totalMaintenanceMargin"]) == D("0.5") * 31_500 * D("0.005") == D(row["totalPositionMM"])
    assert D(seen["totalInitialMargin"]) == D("0.5") * 31_500 / 20 == D(row["totalPositionIM"])
    assert D(seen["accountMMRate"]) == round(D(seen["totalMaintenanceMargin"]) / D(seen["totalMarginBalance"]), 4)


def test_a_resting_order_sets_margin_aside_and_a_spot_order_locks_its_coins() -> None:
    caller = BybitCaller()
    caller.create(qty="0.1")
    caller.exchange.place("spot", "BTC", Side.SELL, D("0.2"), D(31_000))
    assert D(coin(caller, "USDT")["totalOrderIM"]) == D("0.1") * D("30500.5") / 20
    assert coin(caller, "BTC")["locked"] == "0.2"


def test_only_coins_that_are_there_are_listed_and_others_when_asked_for() -> None:
    caller = BybitCaller()
    caller.exchange.wallets.add(caller.exchange.wallets.spot, "ETH", D(-24))
    caller.exchange.wallets.add(caller.exchange.wallets.spot, "DOGE", D(5))
    assert [row["coin"] for row in account(caller)["coin"]] == ["BTC", "USDT", "DOGE"]
    (asked,) = caller.get(WALLET, accountType="UNIFIED", coin="USDT,BTC")["list"]
    assert [row["coin"] for row in asked["coin"]] == ["BTC", "USDT"]
    assert asked["totalEquity"] == account(caller)["totalEquity"]
    assert (coin(caller, "DOGE")["usdValue"], coin(caller, "DOGE")["marginCollateral"]) == ("0", False)


def test_in_isolated_mode_the_account_has_no_margin_of_its_own() -> None:
    caller = BybitCaller()
    caller.settings.margin_mode = MarginMode.ISOLATED
    seen = account(caller)
    assert (seen["totalMarginBalance"], seen["accountMMRate"], seen["totalAvailableBalance"]) == ("", "", "")
    assert D(seen["totalEquity"]) > 0
    caller.settings.margin_mode = MarginMode.PORTFOLIO
    assert account(caller)["totalMarginBalance"]
    assert caller.get("/v5/account/info")["marginMode"] == "PORTFOLIO_MARGIN"


def test_there_is_no_other_account() -> None:
    assert BybitCaller().code("GET", WALLET, accountType="CONTRACT") == 10001
    assert BybitCaller().code("GET", WALLET) == 10001


def test_equal_specifications_leave_coins_out_of_the_margin() -> None:
    caller = poor(specs="equal")
    assert (coin(caller, "BTC")["collateralSwitch"], account(caller)["totalMarginBalance"]) == (False, "0")
    ratios = {row["currency"]: row for row in caller.get("/v5/account/collateral-info")["list"]}
    assert (ratios["BTC"]["collateralSwitch"], ratios["USDT"]["collateralRatio"]) == (False, "1")


@pytest.mark.parametrize(("more", "liquidated"), [("0", True), ("-0.01", False), ("0.01", True)])
def test_the_account_is_liquidated_where_its_maintenance_rate_reaches_one(more: str, liquidated: bool) -> None:
    caller = poor()
    caller.short("0.5")
    figures = caller.exchange.figures()
    # The debt grows to what leaves exactly the maintenance margin.
    caller.exchange.wallets.add(
        caller.exchange.wallets.spot, "USDT", figures.maintenance_margin - figures.equity - D(more))
    caller.advance(MINUTE)
    assert bool(caller.exchange.liquidations) is liquidated


# --- the log ---


def test_funding_is_positive_when_received_and_negative_when_paid() -> None:
    feed = FakeFeed({"BTC": steady(30_500)}, rate=lambda at: D("0.0001") if at < START + 10 * HOUR else D("-0.0003"),
                    end=START + 2 * DAY)
    caller = BybitCaller(feed=feed, weights={"BTC": D("0.5"), "USDT": D("0.5")})
    caller.short("0.2")
    caller.advance(17 * HOUR)
    paid, received = log(caller, type="SETTLEMENT", category="linear", currency="USDT")
    assert (received["funding"], received["change"], received["feeRate"]) == ("0.61", "0.61", "0.0001")
    assert (paid["funding"], paid["change"], paid["feeRate"]) == ("-1.83", "-1.83", "-0.0003")
    assert (paid["side"], paid["size"], paid["qty"], paid["fee"], paid["cashFlow"]) == ("Sell", "-0.2", "0.2", "0", "0")
    assert int(received["transactionTime"]) == START + 8 * HOUR


def test_a_trade_says_its_profit_its_fee_and_the_position_it_leaves() -> None:
    caller = BybitCaller()
    caller.short("0.2")
    caller.create(
        side="Buy", qty="0.1", price=caller.touch()[1], timeInForce="IOC", reduceOnly=True, orderLinkId="back")
    closed, opened = log(caller, type="TRADE")
    assert (opened["side"], opened["size"], opened["cashFlow"], opened["funding"]) == ("Sell", "-0.2", "0", "")
    assert (closed["side"], closed["size"]) == ("Buy", "-0.1")
    assert (closed["cashFlow"], closed["orderLinkId"]) == ("-0.1", "back")
    assert D(closed["fee"]) == D("0.1") * D("30500.5") * D("0.00055")
    assert D(closed["change"]) == D(closed["cashFlow"]) - D(closed["fee"])
    first, second = reversed(caller.executions(symbol="BTCUSDT"))
    assert [(row["execId"], row["orderId"]) for row in (first, second)] == [
        (row["tradeId"], row["orderId"]) for row in (opened, closed)]


def test_a_spot_trade_is_two_rows_and_the_fee_is_in_the_coin_received() -> None:
    caller = BybitCaller()
    caller.exchange.place("spot", "BTC", Side.BUY, D("0.1"), D("30500.5"), time_in_force="IOC")
    cash, coins = log(caller)
    assert (coins["currency"], coins["change"], coins["fee"], coins["category"]) == ("BTC", "0.0999", "0.0001", "spot")
    assert (cash["currency"], cash["change"], cash["fee"]) == ("USDT", "-3050.05", "0")
    assert [row["currency"] for row in log(caller, currency="BTC")] == ["BTC"]
    assert log(caller, category="linear") == []


def test_the_log_explains_the_wallet_to_the_last_digit() -> None:
    caller = BybitCaller()
    before = dict(caller.exchange.wallets.spot)
    caller.short("0.2")
    caller.advance(9 * HOUR)
    caller.exchange.place("spot", "BTC", Side.SELL, D("0.1"), D("30499.5"), time_in_force="IOC")
    caller.testnet.admin.answer("POST", "/testnet/deposit", b'{"coin": "ETH", "amount": "2"}')
    caller.create(side="Buy", qty="0.2", price=caller.touch()[1], timeInForce="IOC")
    caller.testnet.admin.answer("POST", "/testnet/deposit", b'{"coin": "USDT", "amount": "-100"}')
    rows = log(caller)
    assert {row["type"] for row in rows} == {"TRADE", "SETTLEMENT", "TRANSFER_IN", "TRANSFER_OUT"}
    for name, began in before.items():
        moved = [row for row in rows if row["currency"] == name]
        assert began + sum(D(row["change"]) for row in moved) == caller.exchange.wallets.spot[name]
        after = caller.exchange.wallets.spot[name]
        for row in moved:
            assert D(row["cashBalance"]) == after
            after -= D(row["change"])


def test_a_liquidation_has_a_kind_of_its_own() -> None:
    caller = poor()
    caller.short("0.5")
    caller.exchange.wallets.add(caller.exchange.wallets.spot, "USDT", D(-40_000))
    caller.advance(MINUTE)
    rows = log(caller)
    assert [row["type"] for row in rows] == ["BONUS", "LIQUIDATION", "TRADE"]
    assert (rows[1]["orderLinkId"], rows[1]["size"], rows[1]["fee"]) == ("", "0", "0")


def test_the_log_comes_in_pages_that_new_rows_do_not_shift() -> None:
    caller = BybitCaller()
    for _ in range(5):
        caller.short("0.1")
        caller.advance(SECOND * 5)
    first = caller.get(LOG, limit=2)
    caller.short("0.1")
    second = caller.get(LOG, limit=2, cursor=first["nextPageCursor"])
    third = caller.get(LOG, limit=2, cursor=second["nextPageCursor"])
    sizes = [row["size"] for found in (first, second, third) for row in found["list"]]
    assert (sizes, third["nextPageCursor"]) == (["-0.5", "-0.4", "-0.3", "-0.2", "-0.1"], "")


def test_the_log_is_asked_by_windows_of_a_week_at_most() -> None:
    caller = BybitCaller(days=12)
    start = caller.now
    caller.short("0.1")
    caller.advance(10 * DAY)
    assert [row["type"] for row in log(caller)] == ["SETTLEMENT"] * 4  # the last day, both ends included
    assert [row["type"] for row in log(caller, startTime=start, endTime=start + HOUR)] == ["TRADE"]
    assert len(log(caller, startTime=start, endTime=start + 7 * DAY, limit=50)) == 22
    assert len(log(caller, startTime=start)) == 4
    assert caller.code("GET", LOG, startTime=start, endTime=start + 7 * DAY + 1) == 10001
    assert caller.code("GET", LOG, startTime=start + 1, endTime=start) == 10001
