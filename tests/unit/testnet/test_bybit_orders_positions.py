"""Positions, leverage and position mode on the Bybit dialect."""

from __future__ import annotations

from decimal import Decimal

import pytest
from bybit_caller import BTC, BybitCaller

from bot.core.times import HOUR
from bot.testnet.bybit.settings import MarginMode

D = Decimal


@pytest.fixture
def caller() -> BybitCaller:
    return BybitCaller()


def test_a_symbol_that_is_asked_for_has_a_row_when_it_is_flat(caller: BybitCaller) -> None:
    row = caller.position()
    assert (row["side"], row["size"], row["positionIdx"], row["liqPrice"], row["seq"]) == ("", "0", 0, "", -1)
    assert caller.get("/v5/position/list", category="linear", settleCoin="USDT")["list"] == []
    assert caller.code("GET", "/v5/position/list", category="linear") == 10001
    assert caller.code("GET", "/v5/position/list", category="spot", symbol=BTC) == 10001


def test_coin_margined_positions_can_be_asked_for_and_are_none(caller: BybitCaller) -> None:
    assert caller.get("/v5/position/list", category="inverse")["list"] == []


def test_a_short_is_shown_with_its_margin_and_what_it_earned(caller: BybitCaller) -> None:
    caller.short("0.2")
    row = caller.position()
    assert (row["side"], row["size"], row["avgPrice"], row["positionValue"]) == ("Sell", "0.200", "30499.5", "6099.9")
    assert (row["positionIM"], row["positionMM"], row["unrealisedPnl"], row["leverage"]) == (
        "305", "30.5", "-0.1", "20")
    caller.advance(8 * HOUR)
    assert D(caller.position()["cumRealisedPnl"]) == D("-3.354945") + D("0.61"), "the fee, and funding received"
    caller.create(side="Buy", qty="0.2", price="30500.5", timeInForce="IOC", reduceOnly=True)
    after = caller.position()
    assert (after["size"], after["curRealisedPnl"]) == ("0", "0")
    assert D(after["cumRealisedPnl"]) == D("-3.354945") + D("0.61") - D("0.2") - D("3.355055")


def test_the_liquidation_price_is_an_estimate_or_nothing() -> None:
    covered = BybitCaller()
    covered.short("0.2")
    assert covered.position()["liqPrice"] == "", "the coins cover any rise"
    bare = BybitCaller(balances_spot={}, balances_futures={"USDT": D(10_000)})
    bare.short("0.5")
    assert 45_000 < float(bare.position()["liqPrice"]) < 55_000


def test_settled_in_usdt_lists_what_is_held(caller: BybitCaller) -> None:
    caller.short("0.1")
    caller.create(symbol="ETHUSDT", side="Buy", qty="1", price="1250.5", timeInForce="IOC")
    rows = caller.get("/v5/position/list", category="linear", settleCoin="USDT", limit=200)["list"]
    assert [(row["symbol"], row["side"]) for row in rows] == [("BTCUSDT", "Sell"), ("ETHUSDT", "Buy")]
    first = caller.get("/v5/position/list", category="linear", settleCoin="USDT", limit=1)
    rest = caller.get("/v5/position/list", category="linear", settleCoin="USDT", limit=1,
                      cursor=first["nextPageCursor"])
    assert [row["symbol"] for row in (*first["list"], *rest["list"])] == ["BTCUSDT", "ETHUSDT"]
    assert rest["nextPageCursor"] == ""


def test_hedge_mode_has_a_row_for_each_side(caller: BybitCaller) -> None:
    caller.short("0.1")
    caller.settings.hedge_mode = {"BTC"}
    rows = caller.get("/v5/position/list", category="linear", symbol=BTC)["list"]
    assert [(row["positionIdx"], row["side"], row["size"]) for row in rows] == [(1, "", "0"), (2, "Sell", "0.100")]
    held = caller.get("/v5/position/list", category="linear", settleCoin="USDT")["list"]
    assert [row["positionIdx"] for row in held] == [2]
    assert caller.refused() == caller.refused(positionIdx=2) == 10001


def test_the_position_mode_is_switched_only_where_nothing_is(caller: BybitCaller) -> None:
    def switch(mode: int, **where: str) -> int:
        return int(caller.ask("POST", "/v5/position/switch-mode", category="linear", mode=mode, **where)["retCode"])

    assert switch(0, symbol=BTC) == 110025
    assert switch(0, coin="USDT") == 110025
    assert switch(3, symbol=BTC) == 0
    assert switch(3, symbol=BTC) == 110025
    assert switch(0, symbol=BTC) == 0
    caller.create()
    assert switch(3, symbol=BTC) == 110028
    caller.short("0.1")
    assert switch(3, symbol=BTC) == 110024
    assert switch(3, coin="USDT") == 0
    assert caller.settings.hedge_mode == {"ETH"}, "the one with neither position nor order"
    assert switch(1, symbol=BTC) == 10001
    assert switch(3) == 10001


def test_leverage_is_set_for_both_sides_at_once(caller: BybitCaller) -> None:
    def lever(buy: str, sell: str | None = None) -> int:
        return int(caller.ask("POST", "/v5/position/set-leverage", category="linear", symbol=BTC, buyLeverage=buy,
                              sellLeverage=buy if sell is None else sell)["retCode"])

    assert lever("5") == 0
    assert caller.position()["leverage"] == "5"
    assert lever("5") == 110043
    assert lever("5.0") == 110043
    assert lever("5", "6") == 10001
    assert lever("0.5") == 10001
    assert lever("101") == 110013
    caller.settings.margin_mode = MarginMode.PORTFOLIO
    assert lever("4") == 110038
    assert caller.position()["leverage"] == ""


def test_lower_leverage_needs_the_margin_for_it() -> None:
    caller = BybitCaller(balances_spot={}, balances_futures={"USDT": D(10_000)})
    caller.short("0.9")
    assert caller.code("POST", "/v5/position/set-leverage", category="linear", symbol=BTC, buyLeverage="2",
                       sellLeverage="2") == 110044


def test_a_unified_account_knows_no_isolated_margin_of_a_symbol(caller: BybitCaller) -> None:
    assert caller.code("POST", "/v5/position/switch-isolated", category="linear", symbol=BTC, tradeMode=1,
                       buyLeverage="5", sellLeverage="5") == 100028


def test_what_the_venue_does_to_a_position_is_shown(caller: BybitCaller) -> None:
    caller.short("0.1")
    caller.settings.position_status["BTC"] = "Adl"
    caller.settings.reduce_only.add("BTC")
    row = caller.position()
    assert (row["positionStatus"], row["isReduceOnly"]) == ("Adl", True)
    assert caller.refused() == 110023
    caller.create(side="Buy", price="30400", reduceOnly=True)
