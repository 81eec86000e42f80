from __future__ import annotations

from decimal import Decimal

import orjson
import pytest
from testnet_caller import BTC, Caller, order

from bot.core.times import DAY, HOUR
from bot.testnet.build import build
from bot.testnet.options import TestnetOptions

ORDER = "/fapi/v1/order"


@pytest.fixture
def caller() -> Caller:
    return Caller()


def code(caller: Caller, **params: object) -> int:
    return caller.code("POST", ORDER, **params)


def above(price: str, factor: str) -> str:
    return f"{Decimal(price) * Decimal(factor):.1f}"


def test_a_post_only_order_rests_and_is_found_by_both_of_its_ids(caller: Caller) -> None:
    placed = caller.sell("0.1", newClientOrderId="hr_1")
    assert (placed["status"], placed["timeInForce"], placed["executedQty"]) == ("NEW", "GTX", "0.000")
    by_client = caller.ok("GET", ORDER, symbol=BTC, origClientOrderId="hr_1")
    assert by_client == caller.ok("GET", ORDER, symbol=BTC, orderId=placed["orderId"])
    assert caller.ok("GET", "/fapi/v1/openOrders") == [by_client] == caller.ok("GET", "/fapi/v1/openOrders", symbol=BTC)
    assert caller.ok("GET", "/fapi/v1/openOrder", symbol=BTC, origClientOrderId="hr_1") == by_client


def test_a_post_only_order_that_would_cross_is_refused_and_leaves_no_trace(caller: Caller) -> None:
    bid, _ = caller.touch()
    assert code(caller, **order("SELL", "0.1", bid, newClientOrderId="hr_1")) == -5022
    assert caller.code("GET", ORDER, symbol=BTC, origClientOrderId="hr_1") == -2013
    assert caller.ok("GET", "/fapi/v1/allOrders", symbol=BTC) == []


def test_an_ioc_order_takes_what_is_there_and_the_rest_expires(caller: Caller) -> None:
    book = caller.public("/fapi/v1/depth", symbol=BTC, limit=5)
    price, there = book["bids"][0]
    done = caller.sell(f"{Decimal(there) + 1:.3f}", price, "IOC")
    assert (done["status"], done["executedQty"]) == ("EXPIRED", there)
    assert Decimal(done["cumQuote"]) == Decimal(price) * Decimal(there)


@pytest.mark.parametrize(("params", "expected"), [
    (order("SELL", "0.1", "30000", symbol="DOGEUSDT"), -1121),
    ({**order("SELL", "0.1", "30000"), "symbol": ""}, -1102),
    ({**order("SELL", "0.1", "30000"), "side": "UP"}, -1117),
    ({**order("SELL", "0.1", "30000"), "type": "MARKET"}, -1116),
    (order("SELL", "0.1", "30000", "FOK"), -1115),
    (order("SELL", "0.1", "30000.05"), -1111),
    (order("SELL", "0.1005", "30000"), -1111),
    (order("SELL", "0", "30000"), -4003),
    (order("SELL", "1001", "30000"), -4005),
    (order("SELL", "0.001", "30500"), -4164),
    (order("SELL", "x", "30000"), -1102),
    (order("SELL", "0.1", "30600", newClientOrderId="ö"), -4015),
    (order("SELL", "0.1", "30600", newClientOrderId="x" * 37), -4015),
    (order("SELL", "0.1", "30600", positionSide="SHORT"), -4061),
    (order("SELL", "50", "30500", "GTC"), -2019),
    (order("BUY", "0.1", "29000", reduceOnly="true"), -2022),
    (order("SELL", "0.1", "30600", reduceOnly="maybe"), -1102),
])
def test_what_binance_refuses_is_refused_with_its_code(
    caller: Caller, params: dict[str, object], expected: int,
) -> None:
    assert code(caller, **params) == expected
    assert caller.testnet.exchange.orders == {}


def test_a_price_off_a_coarse_tick_and_a_quantity_off_a_coarse_step_have_their_own_codes() -> None:
    # Ticks that are no power of ten: the precision allows what the filter does not.
    from dataclasses import replace  # noqa: PLC0415 - only this test bends a specification

    caller = Caller()
    exchange = caller.testnet.exchange
    exchange.instruments["BTC"] = replace(
        exchange.instruments["BTC"], price_tick=Decimal("0.5"), amount_step=Decimal("0.005"))
    assert code(caller, **order("SELL", "0.1", "30600.3")) == -4014
    assert code(caller, **order("SELL", "0.101", "30600.5")) == -4023


def test_a_price_far_from_the_mark_names_the_border(caller: Caller) -> None:
    mark = Decimal(caller.public("/fapi/v1/premiumIndex", symbol=BTC)["markPrice"])
    for side, share, expected in (("BUY", "1.06", -4016), ("SELL", "0.94", -4024)):
        reply = orjson.loads(caller.signed("POST", ORDER, **order(side, "0.1", above(str(mark), share), "IOC")).body)
        border = mark * (Decimal("1.05") if side == "BUY" else Decimal("0.95"))
        assert reply["code"] == expected
        assert f"{border:.1f}" in reply["msg"]


def test_a_client_id_is_unique_among_open_orders_only(caller: Caller) -> None:
    _, ask = caller.touch()
    caller.sell("0.1", ask, newClientOrderId="twice")
    assert code(caller, **order("SELL", "0.1", ask, newClientOrderId="twice")) == -4116
    caller.ok("DELETE", ORDER, symbol=BTC, origClientOrderId="twice")
    again = caller.sell("0.2", ask, newClientOrderId="twice")
    assert caller.ok("GET", ORDER, symbol=BTC, origClientOrderId="twice")["orderId"] == again["orderId"]


def test_an_order_may_not_exceed_what_the_leverage_allows() -> None:
    caller = Caller(nav=Decimal(100_000_000), leverage=Decimal(125))
    assert code(caller, **order("SELL", "11", caller.touch()[1])) == -2027


def test_a_reduce_only_order_never_flips_the_position(caller: Caller) -> None:
    caller.short("0.1")
    _, ask = caller.touch()
    done = caller.ok("POST", ORDER, **order("BUY", "0.5", above(ask, "1.001"), "IOC", reduceOnly="true"))
    assert done["executedQty"] == "0.100"
    assert caller.ok("GET", "/fapi/v3/positionRisk") == []


def test_reduce_only_orders_that_rest_for_the_whole_position_block_another(caller: Caller) -> None:
    caller.short("0.1")
    bid, _ = caller.touch()
    closing = order("BUY", "0.1", bid, reduceOnly="true")
    assert caller.ok("POST", ORDER, **closing)["reduceOnly"] is True
    assert code(caller, **closing) == -4118


def test_more_open_orders_than_a_symbol_may_have_are_refused(caller: Caller) -> None:
    _, ask = caller.touch()
    for _ in range(200):
        caller.sell("0.004", ask)
    assert code(caller, **order("SELL", "0.004", ask)) == -2025


def test_more_orders_than_ten_seconds_allow_are_refused(caller: Caller) -> None:
    for _ in range(300):
        assert code(caller, **order("SELL", "0.1", "1")) == -4164
    assert code(caller, **order("SELL", "0.1", "1")) == -1015
    assert caller.signed("GET", "/fapi/v3/account").status == 200, "reading goes on"
    caller.advance(10_000)
    assert caller.sell("0.1")["status"] == "NEW"


def test_amending_keeps_the_order_and_moves_it(caller: Caller) -> None:
    _, ask = caller.touch()
    placed = caller.sell("0.1", ask)
    moved = caller.ok("PUT", ORDER, symbol=BTC, side="SELL", orderId=placed["orderId"], quantity="0.2",
                      price=above(ask, "1.001"))
    assert (moved["orderId"], moved["price"], moved["origQty"], moved["modifyId"]) == (
        placed["orderId"], above(ask, "1.001"), "0.200", 1)


def test_an_amendment_that_changes_nothing_or_names_nothing_is_refused(caller: Caller) -> None:
    _, ask = caller.touch()
    placed = caller.sell("0.1", ask)
    same = {"symbol": BTC, "side": "SELL", "quantity": "0.1", "price": ask}
    assert caller.code("PUT", ORDER, **same, orderId=placed["orderId"]) == -5027
    assert caller.code("PUT", ORDER, **same, orderId=99) == -2013
    assert caller.code("PUT", ORDER, **{**same, "side": "BUY"}, orderId=placed["orderId"]) == -2013


def test_amending_a_post_only_order_across_the_book_cancels_it(caller: Caller) -> None:
    bid, ask = caller.touch()
    placed = caller.sell("0.1", ask)
    ended = caller.ok("PUT", ORDER, symbol=BTC, side="SELL", orderId=placed["orderId"], quantity="0.1", price=bid)
    assert ended["status"] == "CANCELED"


def test_cancelling_twice_is_unknown_the_second_time(caller: Caller) -> None:
    placed = caller.sell("0.1")
    assert caller.ok("DELETE", ORDER, symbol=BTC, orderId=placed["orderId"])["status"] == "CANCELED"
    assert caller.code("DELETE", ORDER, symbol=BTC, orderId=placed["orderId"]) == -2011
    assert caller.code("DELETE", ORDER, symbol=BTC) == -1102


def test_an_order_of_another_symbol_or_market_is_not_found(caller: Caller) -> None:
    placed = caller.sell("0.1")
    assert caller.code("GET", ORDER, symbol="ETHUSDT", orderId=placed["orderId"]) == -2013
    assert caller.code("GET", "/api/v3/order", symbol=BTC, orderId=placed["orderId"]) == -2013


def test_cancelling_all_leaves_other_symbols_alone(caller: Caller) -> None:
    caller.sell("0.1")
    caller.ok("POST", ORDER, **order("SELL", "1", caller.touch("ETHUSDT")[1], symbol="ETHUSDT"))
    assert caller.ok("DELETE", "/fapi/v1/allOpenOrders", symbol=BTC)["code"] == 200
    assert [row["symbol"] for row in caller.ok("GET", "/fapi/v1/openOrders")] == ["ETHUSDT"]


def test_a_cancelled_order_without_fill_is_forgotten_after_three_days_a_filled_one_is_not() -> None:
    caller = Caller(days=5)
    caller.sell("0.1", newClientOrderId="gone")
    caller.ok("DELETE", ORDER, symbol=BTC, origClientOrderId="gone")
    caller.sell("0.1", caller.touch()[0], "IOC", newClientOrderId="kept")
    caller.advance(3 * DAY)
    assert caller.ok("GET", ORDER, symbol=BTC, origClientOrderId="gone")["status"] == "CANCELED"
    caller.advance(1)
    assert caller.code("GET", ORDER, symbol=BTC, origClientOrderId="gone") == -2013
    assert caller.ok("GET", ORDER, symbol=BTC, origClientOrderId="kept")["status"] == "FILLED"


# --- executions, funding, account ---


def test_trades_of_seven_days_at_most_in_the_order_of_their_ids() -> None:
    caller = Caller(days=15)
    start = caller.now
    for _ in range(3):
        caller.short("0.02")
        caller.advance(4 * DAY)
    path = "/fapi/v1/userTrades"
    assert [row["id"] for row in caller.ok("GET", path, symbol=BTC)] == [3], "the last seven days without a time"
    assert [row["id"] for row in caller.ok("GET", path, symbol=BTC, startTime=start)] == [1, 2]
    assert [row["id"] for row in caller.ok("GET", path, symbol=BTC, fromId=2)] == [2, 3]
    assert [row["id"] for row in caller.ok("GET", path, symbol=BTC, fromId=1, limit=1)] == [1]
    assert [row["id"] for row in caller.ok("GET", path, symbol=BTC, orderId=2)] == [2]
    assert caller.code("GET", path, symbol=BTC, startTime=start, endTime=start + 7 * DAY + 1) == -4165
    assert caller.code("GET", path, symbol=BTC, startTime=start, fromId=1) == -1128
    assert caller.ok("GET", path, symbol="ETHUSDT", startTime=start) == []


def test_a_trade_is_booked_with_its_fee_and_the_wallet_pays_it(caller: Caller) -> None:
    before = Decimal(caller.ok("GET", "/fapi/v3/account")["totalWalletBalance"])
    caller.short("0.1")
    (trade,) = caller.ok("GET", "/fapi/v1/userTrades", symbol=BTC)
    assert Decimal(trade["commission"]) == Decimal(trade["price"]) * Decimal("0.1") * Decimal("0.0005")
    assert Decimal(caller.ok("GET", "/fapi/v3/account")["totalWalletBalance"]) == before - Decimal(trade["commission"])
    (row,) = caller.ok("GET", "/fapi/v1/income", incomeType="COMMISSION")
    assert (Decimal(row["income"]), row["tradeId"]) == (-Decimal(trade["commission"]), str(trade["id"]))


@pytest.mark.parametrize("factor", ["1", "1.1"])
def test_funding_is_received_by_a_short_at_a_positive_rate_and_is_an_income_row(caller: Caller, factor: str) -> None:
    caller.short("0.1")
    caller.testnet.exchange.shift_price("BTC", Decimal(factor))
    caller.advance(9 * HOUR)
    (row,) = caller.ok("GET", "/fapi/v1/income", incomeType="FUNDING_FEE", symbol=BTC)
    (rate,) = [rate for rate in caller.public("/fapi/v1/fundingRate", symbol=BTC) if rate["fundingTime"] == row["time"]]
    paid = Decimal(rate["fundingRate"]) * Decimal(rate["markPrice"]) * Decimal("0.1")
    assert Decimal(row["income"]) == round(paid, 8)
    assert (row["symbol"], row["asset"], row["incomeType"]) == (BTC, "USDT", "FUNDING_FEE")


def test_income_can_be_paged_and_asked_by_time(caller: Caller) -> None:
    start = caller.now
    for _ in range(3):
        caller.short("0.02")
        caller.advance(HOUR)
    path = "/fapi/v1/income"
    everything = caller.ok("GET", path, startTime=start, limit=1000)
    pages = [caller.ok("GET", path, startTime=start, limit=2, page=page)
             for page in range(1, len(everything) // 2 + 2)]
    assert [row for page in pages for row in page] == everything
    assert caller.ok("GET", path, startTime=start, endTime=start) == everything[:1]
    assert caller.code("GET", path, incomeType="GIFT") == -1130


def test_positions_show_only_symbols_with_a_position_or_an_order(caller: Caller) -> None:
    path = "/fapi/v3/positionRisk"
    assert caller.ok("GET", path) == []
    caller.sell("0.1")
    (resting,) = caller.ok("GET", path)
    assert (resting["positionAmt"], resting["entryPrice"]) == ("0.000", "0.0")
    assert Decimal(resting["openOrderInitialMargin"]) > 0
    caller.short("0.1")
    (held,) = caller.ok("GET", path, symbol=BTC)
    assert held["positionAmt"] == "-0.100"
    assert Decimal(held["notional"]) == Decimal(held["markPrice"]) * Decimal("-0.1")
    assert Decimal(held["liquidationPrice"]) > Decimal(held["markPrice"])
    assert caller.ok("GET", path, symbol="ETHUSDT") == []
    assert {row["symbol"] for row in caller.ok("GET", "/fapi/v2/positionRisk")} == {BTC, "ETHUSDT"}


def test_the_account_adds_up(caller: Caller) -> None:
    caller.short("0.2")
    caller.sell("0.1")
    caller.advance(HOUR)
    account = {name: Decimal(value) for name, value in caller.ok("GET", "/fapi/v3/account").items()
               if isinstance(value, str)}
    assert account["totalMarginBalance"] == account["totalWalletBalance"] + account["totalUnrealizedProfit"]
    assert account["totalInitialMargin"] == (
        account["totalPositionInitialMargin"] + account["totalOpenOrderInitialMargin"])
    assert account["availableBalance"] == account["totalMarginBalance"] - account["totalInitialMargin"]
    positions = caller.ok("GET", "/fapi/v3/positionRisk")
    assert sum(Decimal(row["maintMargin"]) for row in positions) == account["totalMaintMargin"]
    assert sum(Decimal(row["initialMargin"]) for row in positions) == account["totalInitialMargin"]


def test_an_empty_futures_wallet_shows_no_asset() -> None:
    caller = Caller(futures_share=Decimal(0))
    assert caller.ok("GET", "/fapi/v3/account")["assets"] == []
    assert [row["asset"] for row in caller.ok("GET", "/fapi/v2/account")["assets"]] == ["USDT"]


# --- settings ---


def test_settings_that_are_already_so_have_their_codes(caller: Caller) -> None:
    dual = "/fapi/v1/positionSide/dual"
    margin = {"symbol": BTC, "marginType": "CROSSED"}
    assert caller.code("POST", "/fapi/v1/marginType", **margin) == -4046
    assert caller.code("POST", dual, dualSidePosition="false") == -4059
    assert caller.code("POST", "/fapi/v1/multiAssetsMargin", multiAssetsMargin="false") == -4171
    caller.sell("0.1")
    assert caller.code("POST", "/fapi/v1/marginType", symbol=BTC, marginType="ISOLATED") == -4047
    assert caller.code("POST", dual, dualSidePosition="true") == -4067
    caller.short("0.1")
    caller.ok("DELETE", "/fapi/v1/allOpenOrders", symbol=BTC)
    assert caller.code("POST", "/fapi/v1/marginType", symbol=BTC, marginType="ISOLATED") == -4048
    assert caller.code("POST", dual, dualSidePosition="true") == -4068


def test_modes_can_be_set_and_are_shown(caller: Caller) -> None:
    caller.ok("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
    caller.ok("POST", "/fapi/v1/multiAssetsMargin", multiAssetsMargin="true")
    caller.ok("POST", "/fapi/v1/marginType", symbol=BTC, marginType="ISOLATED")
    assert caller.ok("GET", "/fapi/v1/positionSide/dual") == {"dualSidePosition": True}
    assert caller.ok("GET", "/fapi/v1/multiAssetsMargin") == {"multiAssetsMargin": True}
    assert caller.ok("GET", "/fapi/v1/accountConfig")["dualSidePosition"] is True
    assert caller.ok("GET", "/fapi/v1/symbolConfig", symbol=BTC)[0]["marginType"] == "ISOLATED"
    assert code(caller, **order("SELL", "0.1", caller.touch()[1])) == -4061, "hedge mode has no BOTH"


def test_leverage_is_set_within_the_table(caller: Caller) -> None:
    path = "/fapi/v1/leverage"
    assert caller.ok("POST", path, symbol=BTC, leverage=5) == {
        "leverage": 5, "maxNotionalValue": "480000000", "symbol": BTC}
    assert caller.ok("GET", "/fapi/v1/symbolConfig", symbol=BTC)[0]["leverage"] == 5
    for bad in (0, 126):
        assert caller.code("POST", path, symbol=BTC, leverage=bad) == -4028
    assert caller.code("POST", path, symbol=BTC) == -1102


def test_a_listen_key_lives_an_hour_of_the_story_unless_renewed(caller: Caller) -> None:
    path = "/fapi/v1/listenKey"
    first = caller.ok("POST", path)
    caller.advance(59 * 60_000)
    assert caller.ok("PUT", path) == first
    caller.advance(59 * 60_000)
    assert caller.ok("POST", path) == first
    caller.advance(HOUR)
    second = caller.ok("POST", path)
    assert second != first
    assert caller.ok("DELETE", path) == {}
    assert caller.ok("POST", path) != second


# --- spot ---


def test_a_spot_sale_moves_coins_and_cash_and_shows_its_fills(caller: Caller) -> None:
    def balances() -> dict[str, Decimal]:
        return {row["asset"]: Decimal(row["free"]) for row in caller.ok("GET", "/api/v3/account")["balances"]}

    before = balances()
    bid = caller.public("/api/v3/ticker/bookTicker", symbol=BTC)["bidPrice"]
    done = caller.ok("POST", "/api/v3/order", **order("SELL", "0.01", bid, "IOC", newOrderRespType="FULL"))
    assert (done["status"], done["executedQty"]) == ("FILLED", "0.01000000")
    fee = sum(Decimal(fill["commission"]) for fill in done["fills"])
    assert balances()["BTC"] == before["BTC"] - Decimal("0.01")
    assert balances()["USDT"] == before["USDT"] + Decimal(done["cummulativeQuoteQty"]) - fee
    assert [row["id"] for row in caller.ok("GET", "/api/v3/myTrades", symbol=BTC)] == [
        fill["tradeId"] for fill in done["fills"]]


@pytest.mark.parametrize(("params", "expected", "message"), [
    (order("SELL", "100", "30500", "GTC"), -2010, "Account has insufficient balance for requested action."),
    (order("SELL", "0.0001", "30500", "GTC"), -1013, "Filter failure: NOTIONAL"),
    (order("SELL", "0.000015", "30500", "GTC"), -1013, "Filter failure: LOT_SIZE"),
    (order("SELL", "0.01", "30500.001", "GTC"), -1013, "Filter failure: PRICE_FILTER"),
    (order("SELL", "0.000000001", "30500", "GTC"), -1111, "Precision is over the maximum defined for this asset."),
    ({"symbol": BTC, "side": "SELL", "type": "LIMIT_MAKER", "quantity": "0.01", "price": "30000"}, -2010,
     "Order would immediately match and take."),
    (order("SELL", "0.01", "30500", "GTX"), -1115, "Invalid timeInForce."),
    ({**order("SELL", "0.01", "30500"), "type": "MARKET"}, -1116, "Invalid orderType."),
])
def test_what_spot_refuses_is_refused_in_its_words(
    caller: Caller, params: dict[str, object], expected: int, message: str,
) -> None:
    reply = caller.signed("POST", "/api/v3/order", **params)
    assert (reply.status, orjson.loads(reply.body)) == (400, {"code": expected, "msg": message})


def test_a_resting_spot_order_locks_its_coins_until_it_is_cancelled(caller: Caller) -> None:
    caller.ok("POST", "/api/v3/order", symbol=BTC, side="SELL", type="LIMIT_MAKER", quantity="0.5", price="31000",
              newClientOrderId="s1")
    (btc,) = [row for row in caller.ok("GET", "/api/v3/account")["balances"] if row["asset"] == "BTC"]
    assert btc["locked"] == "0.50000000"
    (resting,) = caller.ok("GET", "/api/v3/openOrders", symbol=BTC)
    assert (resting["type"], resting["clientOrderId"]) == ("LIMIT_MAKER", "s1")
    assert caller.ok("GET", "/fapi/v1/openOrders") == []
    assert caller.ok("DELETE", "/api/v3/openOrders", symbol=BTC)[0]["status"] == "CANCELED"
    assert caller.code("DELETE", "/api/v3/openOrders", symbol=BTC) == -2011
    assert caller.code("DELETE", "/api/v3/order", symbol=BTC, origClientOrderId="s1") == -2011


def test_a_day_is_the_longest_window_of_spot(caller: Caller) -> None:
    start = caller.now
    for path in ("/api/v3/myTrades", "/api/v3/allOrders"):
        assert caller.ok("GET", path, symbol=BTC, startTime=start, endTime=start + DAY) == []
        assert caller.code("GET", path, symbol=BTC, startTime=start, endTime=start + DAY + 1) == -1127


# --- market data ---


def test_one_symbol_is_an_object_and_several_are_a_list(caller: Caller) -> None:
    for path in ("/fapi/v1/ticker/24hr", "/fapi/v1/ticker/bookTicker", "/fapi/v1/ticker/price",
                 "/fapi/v1/premiumIndex", "/api/v3/ticker/24hr", "/api/v3/ticker/bookTicker", "/api/v3/ticker/price"):
        one = caller.public(path, symbol=BTC)
        assert one in caller.public(path)
        assert caller.code("GET", path, symbol="DOGEUSDT") == -1121
    for path in ("/api/v3/ticker/24hr", "/api/v3/ticker/bookTicker", "/api/v3/ticker/price"):
        assert [row["symbol"] for row in caller.public(path, symbols='["ETHUSDT","BTCUSDT"]')] == ["ETHUSDT", BTC]
        assert caller.code("GET", path, symbols='["DOGEUSDT"]') == -1121
        assert caller.code("GET", path, symbols="BTCUSDT") == -1130


def test_funding_history_is_by_time_oldest_first(caller: Caller) -> None:
    start = caller.now
    caller.advance(25 * HOUR)
    path = "/fapi/v1/fundingRate"
    times = [row["fundingTime"] for row in caller.public(path, symbol=BTC)]
    assert times == sorted(times)
    assert len(times) == 4, "the settlement at the beginning, and three more"
    assert [row["fundingTime"] for row in caller.public(path, symbol=BTC, startTime=start + 1, limit=1)] == times[1:2]
    assert [row["fundingTime"] for row in caller.public(path, symbol=BTC, limit=2)] == times[-2:]
    premium = caller.public("/fapi/v1/premiumIndex", symbol=BTC)
    assert premium["nextFundingTime"] == times[-1] + 8 * HOUR
    assert [row["fundingIntervalHours"] for row in caller.public("/fapi/v1/fundingInfo")] == [8, 8]


def test_an_odd_depth_is_refused(caller: Caller) -> None:
    assert caller.code("GET", "/fapi/v1/depth", symbol=BTC, limit=7) == -4021
    assert len(caller.public("/fapi/v1/depth", symbol=BTC, limit=5)["bids"]) <= 5


def test_an_unknown_path_is_404_in_binances_words(caller: Caller) -> None:
    reply = caller.raw("GET", "/fapi/v1/aggTrades")
    assert (reply.status, orjson.loads(reply.body)) == (
        404, {"code": -5000, "msg": "Path /fapi/v1/aggTrades, Method GET is invalid"})


def test_balances_can_be_given_outright() -> None:
    caller = Caller(build(TestnetOptions(
        days=1, balances_spot={"BTC": Decimal("0.055"), "BNB": Decimal(2)}, balances_futures={"USDT": Decimal(10)})))
    balances = {row["asset"]: row["free"] for row in caller.ok("GET", "/api/v3/account")["balances"]}
    assert balances == {"BTC": "0.05500000", "ETH": "0.00000000", "USDT": "0.00000000", "BNB": "2.00000000"}
    short = caller.ok("GET", "/api/v3/account", omitZeroBalances="true")["balances"]
    assert [row["asset"] for row in short] == ["BTC", "BNB"]
    assert caller.ok("GET", "/fapi/v3/account")["totalWalletBalance"] == "10.00000000"
