"""Orders on the Bybit dialect: acknowledged at once, and found in the lists as what became of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from bybit_caller import BTC, BybitCaller
from feeds import START, FakeFeed, scripted, steady

from bot.core.times import DAY, HOUR, SECOND

D = Decimal
BID, ASK = "30499.5", "30500.5"


@pytest.fixture
def caller() -> BybitCaller:
    return BybitCaller()


def limit_size(caller: BybitCaller, most: str) -> None:
    """Have the venue take no larger order than this."""
    instruments = caller.exchange.instruments
    instruments["BTC"] = replace(instruments["BTC"], max_amount=D(most))


# --- placing ---


def test_an_order_is_acknowledged_with_its_ids_alone(caller: BybitCaller) -> None:
    ids = caller.create(orderLinkId="hr_one")
    assert set(ids) == {"orderId", "orderLinkId"}
    assert ids["orderLinkId"] == "hr_one"
    found = caller.order(ids["orderId"])
    assert (found["orderStatus"], found["price"], found["qty"], found["side"]) == ("New", ASK, "0.100", "Sell")
    assert (found["leavesQty"], found["avgPrice"], found["timeInForce"]) == ("0.100", "", "PostOnly")


def test_a_post_only_order_that_would_cross_is_accepted_and_then_found_cancelled(caller: BybitCaller) -> None:
    ids = caller.create(price=BID, orderLinkId="cross")
    assert caller.open() == []
    for path in ("/v5/order/realtime", "/v5/order/history"):
        (found,) = caller.get(path, category="linear", symbol=BTC, orderLinkId="cross")["list"]
        assert (found["orderId"], found["orderStatus"]) == (ids["orderId"], "Cancelled")
        assert (found["rejectReason"], found["cancelType"]) == ("EC_PostOnlyWillTakeLiquidity", "UNKNOWN")
        assert (found["cumExecQty"], found["leavesQty"]) == ("0.000", "0.000")
    assert caller.executions() == []
    assert caller.refused(orderLinkId="cross") == 110072, "its client id is used up"


def test_a_client_id_is_never_taken_twice_even_after_the_order_has_ended(caller: BybitCaller) -> None:
    caller.create(orderLinkId="once")
    assert caller.refused(orderLinkId="once") == 110072
    caller.post("/v5/order/cancel", category="linear", symbol=BTC, orderLinkId="once")
    assert caller.refused(orderLinkId="once") == 110072
    assert caller.refused(symbol="ETHUSDT", price="1250.5", orderLinkId="once") == 110072
    spot: dict[str, Any] = {"category": "spot", "qty": "0.01", "orderLinkId": "once"}
    caller.create(**spot)
    assert caller.refused(**spot) == 170141


def test_an_immediate_order_fills_what_is_there_and_is_then_cancelled(caller: BybitCaller) -> None:
    ids = caller.create(qty="1.5", price=BID, timeInForce="IOC")
    found = caller.order(ids["orderId"])
    assert (found["orderStatus"], found["cumExecQty"], found["avgPrice"]) == ("Cancelled", "1.000", BID)
    assert found["rejectReason"] == "EC_NoImmediateQtyToFill"
    assert found["cumFeeDetail"] == {"USDT": found["cumExecFee"]} == {"USDT": "16.774725"}


@pytest.mark.parametrize(("changes", "code"), [
    ({"qty": "0.0001"}, 10001),
    ({"qty": "0.0015"}, 10001),
    ({"qty": "0"}, 10001),
    ({"qty": "2000"}, 10001),
    ({"qty": 0.1}, 10001),
    ({"qty": None}, 10001),
    ({"price": None}, 10001),
    ({"price": "30500.55"}, 10001),
    ({"qty": "100"}, 110007),
    ({"reduceOnly": True}, 110017),
    ({"side": "sell"}, 10001),
    ({"orderType": "Market"}, 10001),
    ({"timeInForce": "FOK"}, 10001),
    ({"symbol": "DOGEUSDT"}, 10001),
    ({"category": "inverse"}, 10001),
    ({"positionIdx": 2}, 10001),
    ({"triggerPrice": "31000"}, 10001),
    ({"orderLinkId": "no spaces"}, 10001),
    ({"orderLinkId": "x" * 37}, 10001),
    ({"category": "spot", "qty": "20"}, 170131),
    ({"category": "spot", "qty": "0.0001"}, 170140),
    ({"category": "spot", "qty": "0.0000481"}, 170137),
    ({"category": "spot", "price": "30500.555"}, 170134),
    ({"category": "spot", "side": "Buy", "price": "33000"}, 170193),
    ({"category": "spot", "price": "28000"}, 170194),
    ({"category": "spot", "orderType": "Market"}, 170116),
    ({"category": "spot", "timeInForce": "FOK"}, 170115),
    ({"category": "spot", "side": "Short"}, 170117),
])
def test_what_cannot_be_placed_is_refused_with_the_venues_own_code(
    caller: BybitCaller, changes: dict[str, Any], code: int,
) -> None:
    assert caller.refused(**changes) == code
    assert caller.get("/v5/order/realtime", category="linear", settleCoin="USDT", openOnly=1)["list"] == []
    assert not caller.exchange.orders


def test_an_order_below_the_least_value_is_refused(caller: BybitCaller) -> None:
    envelope = caller.ask("POST", "/v5/order/create", category="linear", symbol="ETHUSDT", side="Buy",
                          orderType="Limit", qty="0.01", price="1249.5")
    assert envelope["retCode"] == 0
    instruments = caller.exchange.instruments
    instruments["ETH"] = replace(instruments["ETH"], min_notional=D(20))
    assert caller.refused(symbol="ETHUSDT", qty="0.01", price="1250.5") == 110094


def test_an_account_without_any_margin_is_told_that_its_wallet_is_empty() -> None:
    caller = BybitCaller(balances_spot={}, balances_futures={"USDT": D(0)})
    assert caller.refused() == 110004


# --- the price limit ---


def test_a_derivatives_price_beyond_the_limit_is_moved_to_it(caller: BybitCaller) -> None:
    ids = caller.create(side="Buy", price="40000", timeInForce="IOC")
    assert caller.order(ids["orderId"])["price"] == "32025.0", "five percent above the mark"
    low = caller.create(price="20000", timeInForce="IOC")
    assert caller.order(low["orderId"])["price"] == "28975.0"
    rests = caller.create()
    caller.post("/v5/order/amend", category="linear", symbol=BTC, orderId=rests["orderId"], price="31000")
    assert caller.order(rests["orderId"])["price"] == "31000.0", "a sell may be as high as it likes"


def test_an_account_may_have_such_prices_refused_instead(caller: BybitCaller) -> None:
    def choose(category: str, *, modify: bool) -> None:
        caller.post("/v5/account/set-limit-px-action", category=category, modifyEnable=modify)

    choose("linear", modify=False)
    assert caller.refused(side="Buy", price="40000") == 110120
    assert caller.refused(price="20000") == 110121
    choose("linear", modify=True)
    caller.create(price="20000", timeInForce="IOC")
    choose("spot", modify=True)
    ids = caller.create(category="spot", qty="0.01", price="20000", timeInForce="IOC")
    assert caller.order(ids["orderId"], "spot")["price"] == "28975.00"
    assert caller.code("POST", "/v5/account/set-limit-px-action", category="linear") == 10001


# --- reduce-only ---


def test_a_reduce_only_order_is_cut_to_the_position(caller: BybitCaller) -> None:
    caller.short("0.2")
    ids = caller.create(side="Buy", qty="5", price="30400", reduceOnly=True)
    found = caller.order(ids["orderId"])
    assert (found["qty"], found["reduceOnly"]) == ("0.200", True)
    assert caller.refused(side="Buy", qty="0.1", price="30400", reduceOnly=True) == 110017, "all of it is taken"
    assert caller.refused(side="Sell", reduceOnly=True) == 110017, "it would add"
    caller.create(side="Buy", qty="0.2", price=ASK, timeInForce="IOC")
    ended = caller.order(ids["orderId"])
    assert (ended["orderStatus"], ended["cancelType"]) == ("Cancelled", "CancelByReduceOnly")


def test_a_reduce_only_quantity_above_the_largest_order_is_split(caller: BybitCaller) -> None:
    caller.short("0.9")
    limit_size(caller, "0.4")
    assert caller.refused(qty="0.5") == 10001, "an order that opens is not split"
    ids = caller.create(side="Buy", qty="0.9", price="30400", reduceOnly=True, orderLinkId="parent")
    found = caller.open()
    assert [order["qty"] for order in found] == ["0.100", "0.400", "0.400"]
    assert [order["orderLinkId"] for order in found] == ["", "", "parent"]
    assert len({order["orderId"] for order in found}) == 3
    assert found[-1]["orderId"] == ids["orderId"]
    cancelled = caller.post("/v5/order/cancel-all", category="linear", symbol=BTC)
    assert (len(cancelled["list"]), cancelled["success"]) == (3, "1")
    assert caller.open() == []


# --- amending and cancelling ---


def test_an_amended_order_keeps_its_id_and_what_has_filled() -> None:
    def buyers_once(step: int) -> tuple[Decimal, Decimal]:
        return D(3) if step == 1 else D(0), D(0)

    caller = BybitCaller(feed=FakeFeed(
        {"BTC": steady(30_500), "ETH": steady(1_250)}, takers=buyers_once, end=START + DAY))
    ids = caller.create(qty="3", orderLinkId="part")
    caller.advance(5 * SECOND)
    found = caller.order(ids["orderId"])
    assert (found["orderStatus"], found["cumExecQty"], found["leavesQty"]) == ("PartiallyFilled", "2.000", "1.000")

    def amend(**changes: Any) -> Any:
        return caller.ask("POST", "/v5/order/amend", category="linear", symbol=BTC, orderLinkId="part", **changes)

    assert amend(qty="2")["retCode"] == 110063
    assert amend(qty="3")["retCode"] == 10001, "it remains unchanged"
    assert amend()["retCode"] == 10001
    assert amend(price="30510.05")["retCode"] == 10001
    assert amend(qty="100")["retCode"] == 110012
    assert amend(qty="2.5", price="30510")["result"] == ids
    found = caller.order(ids["orderId"])
    assert (found["qty"], found["price"], found["cumExecQty"], found["leavesQty"]) == (
        "2.500", "30510.0", "2.000", "0.500")
    assert amend(price=BID)["retCode"] == 0
    ended = caller.order(ids["orderId"])
    assert (ended["orderStatus"], ended["rejectReason"], ended["cumExecQty"]) == (
        "Cancelled", "EC_PostOnlyWillTakeLiquidity", "2.000")


@pytest.mark.parametrize("category", ["linear", "spot"])
def test_an_order_that_is_gone_can_neither_be_amended_nor_cancelled(caller: BybitCaller, category: str) -> None:
    done = caller.create(category=category, price=BID, qty="0.01", timeInForce="IOC")["orderId"]
    gone = caller.create(category=category, qty="0.01")["orderId"]
    caller.post("/v5/order/cancel", category=category, symbol=BTC, orderId=gone)
    codes = [
        caller.code("POST", f"/v5/order/{action}", category=category, symbol=BTC, orderId=order_id, **more)
        for action, more in (("cancel", {}), ("amend", {"qty": "0.02"}))
        for order_id in ("never", done, gone)
    ]
    assert codes == 2 * ([110001, 110008, 110010] if category == "linear" else [170213, 170139, 170142])
    assert caller.code("POST", "/v5/order/cancel", category=category, symbol=BTC) == 10001
    assert caller.code("POST", "/v5/order/cancel-all", category="linear") == 10001


def test_spot_orders_and_derivatives_orders_are_worlds_apart(caller: BybitCaller) -> None:
    ids = caller.create(category="spot", qty="0.01", orderLinkId="coin")
    assert caller.open() == []
    assert caller.get("/v5/order/realtime", category="linear", orderId=ids["orderId"])["list"] == []
    (found,) = caller.open("spot")
    assert (found["qty"], found["price"], found["isLeverage"]) == ("0.010000", "30500.50", "0")
    assert not {"tpslMode", "createType"} & set(found), "by which clients would take it for a contract's"
    caller.create(category="spot", side="Sell", qty="0.02", price=BID, timeInForce="GTC")
    (execution,) = caller.executions("spot")
    assert (execution["execType"], execution["feeCurrency"], execution["closedSize"]) == ("Trade", "USDT", "0.000000")
    assert caller.post("/v5/order/cancel-all", category="spot")["list"] == [ids]


# --- lists ---


def test_open_orders_come_newest_first_and_by_pages(caller: BybitCaller) -> None:
    made = [caller.create(qty="0.001", price=str(31_000 + place))["orderId"] for place in range(5)]
    first = caller.get("/v5/order/realtime", category="linear", settleCoin="USDT", limit=2)
    assert [order["orderId"] for order in first["list"]] == made[:2:-1]
    caller.create(qty="0.001")  # comes in between, and shifts nothing
    rest = caller.get("/v5/order/realtime", category="linear", settleCoin="USDT", limit=50,
                      cursor=first["nextPageCursor"])
    assert [order["orderId"] for order in rest["list"]] == made[2::-1]
    assert rest["nextPageCursor"] == ""
    assert caller.code("GET", "/v5/order/realtime", category="linear") == 10001


def test_ended_orders_are_asked_for_apart(caller: BybitCaller) -> None:
    ended = caller.create(price=BID)["orderId"]
    rests = caller.create()["orderId"]
    shown = caller.get("/v5/order/realtime", category="linear", symbol=BTC, openOnly=1)["list"]
    assert [order["orderId"] for order in shown] == [ended]
    history = caller.get("/v5/order/history", category="linear")["list"]
    assert [order["orderId"] for order in history] == [ended]
    assert caller.get("/v5/order/history", category="linear", orderId=rests)["list"] == []
    assert caller.code("GET", "/v5/order/realtime", category="linear", symbol=BTC, openOnly=7) == 10001


def test_only_the_last_five_hundred_ended_orders_are_kept_beside_the_open_ones(caller: BybitCaller) -> None:
    def cross(number: int) -> str:
        caller.exchange.place(
            "perp", "BTC", "sell", D("0.001"), D(BID), time_in_force="GTX", accept_crossing=True,
            client_order_id=f"x{number}",
        )
        return f"x{number}"

    links = [cross(number) for number in range(501)]

    def found(path: str, link: str) -> int:
        return len(caller.get(path, category="linear", symbol=BTC, orderLinkId=link)["list"])

    assert [found("/v5/order/realtime", link) for link in (links[0], links[1], links[-1])] == [0, 1, 1]
    assert found("/v5/order/history", links[0]) == 1


def test_the_history_forgets_what_was_cancelled_unfilled_after_a_day(caller: BybitCaller) -> None:
    caller.create(price=BID, orderLinkId="nothing")
    caller.create(price=BID, qty="0.1", timeInForce="IOC", orderLinkId="filled")

    def remembered() -> list[str]:
        return [order["orderLinkId"] for order in caller.get("/v5/order/history", category="linear")["list"]]

    caller.advance(DAY)
    assert remembered() == ["filled", "nothing"]
    caller.advance(SECOND)
    assert remembered() == ["filled"]


def test_histories_are_asked_for_a_week_at_most(caller: BybitCaller) -> None:
    for path in ("/v5/order/history", "/v5/execution/list"):
        assert caller.code("GET", path, category="linear", startTime=START, endTime=START + 7 * DAY + 1) == 10001
        assert caller.code("GET", path, category="linear", startTime=START + 1, endTime=START) == 10001
    long = BybitCaller(days=9)
    long.short("0.1")
    long.advance(7 * DAY)
    assert len(long.executions(execType="Trade")) == 1
    long.advance(1)
    assert long.executions(execType="Trade") == []
    assert len(long.executions(execType="Trade", startTime=START)) == 1
    assert long.get("/v5/order/history", category="linear")["list"] == []
    assert len(long.get("/v5/order/history", category="linear", startTime=START, endTime=START + DAY)["list"]) == 1


# --- executions ---


def test_funding_is_an_execution_whose_fee_is_positive_when_it_was_paid() -> None:
    rates = {START + 8 * HOUR: D("0.0001"), START + 16 * HOUR: D("-0.0002")}
    caller = BybitCaller(feed=FakeFeed(
        {"BTC": steady(30_500), "ETH": steady(1_250)}, rate=lambda at: rates[at], end=START + DAY - 1))
    caller.short("0.2")
    caller.advance(17 * HOUR)
    paid, received, trade = caller.executions(symbol=BTC)
    assert [row["execType"] for row in (paid, received, trade)] == ["Funding", "Funding", "Trade"]
    assert (received["execFee"], received["feeRate"], received["execValue"]) == ("-0.61", "0.0001", "6100")
    assert (paid["execFee"], paid["feeRate"], paid["side"], paid["execQty"]) == ("1.22", "-0.0002", "Sell", "0.200")
    assert caller.executions(execType="Funding") == [paid, received]
    assert caller.executions(orderId=trade["orderId"]) == [trade]
    assert caller.executions("spot") == []


def test_an_execution_says_what_it_left_and_what_it_closed(caller: BybitCaller) -> None:
    caller.short("0.3")
    ids = caller.create(side="Buy", qty="0.5", price=ASK, timeInForce="GTC", orderLinkId="turn")
    (row,) = caller.executions(orderId=ids["orderId"])
    assert (row["orderLinkId"], row["execQty"], row["leavesQty"], row["closedSize"]) == (
        "turn", "0.500", "0.000", "0.300")
    assert (row["execValue"], row["feeRate"], row["isMaker"], row["execFee"]) == (
        "15250.25", "0.00055", False, "8.3876375")
    assert caller.position()["side"] == "Buy"


def test_pages_of_executions_do_not_overlap(caller: BybitCaller) -> None:
    for _ in range(5):
        caller.short("0.001")
    seen: list[str] = []
    cursor = ""
    while True:
        reply = caller.get("/v5/execution/list", category="linear", limit=2, cursor=cursor)
        seen += [row["execId"] for row in reply["list"]]
        cursor = reply["nextPageCursor"]
        if not cursor:
            break
        caller.short("0.001")
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize(("prefix", "kind", "made_by"), [
    ("adl_autoclose-", "AdlTrade", "CreateByAdl_PassThrough"),
    ("settlement_autoclose-", "Settle", "CreateBySettle"),
])
def test_a_position_that_the_venue_takes_shows_why(
    caller: BybitCaller, prefix: str, kind: str, made_by: str,
) -> None:
    caller.short("0.2")
    rests = caller.create()["orderId"]
    caller.exchange.take_over("BTC", prefix)
    (row,) = caller.executions(execType=kind)
    assert (row["execQty"], row["closedSize"], row["orderLinkId"], row["createType"], row["execFee"]) == (
        "0.200", "0.200", "", made_by, "0")
    assert caller.position()["side"] == ""
    assert caller.order(rests)["cancelType"] == "CancelAllBeforeLiq"


def test_a_liquidation_is_a_bust_trade() -> None:
    caller = BybitCaller(
        feed=FakeFeed({"BTC": scripted(30_500, *[30_500] * 11, 45_000), "ETH": steady(1_250)}, end=START + DAY),
        balances_spot={}, balances_futures={"USDT": D(3_000)})
    caller.short("1")
    caller.advance(60 * SECOND)
    (row,) = caller.executions(execType="BustTrade")
    assert (row["execPrice"], row["side"], row["createType"]) == ("45000.0", "Buy", "CreateByTakeOver_PassThrough")


# --- rights ---


def test_a_key_without_the_right_is_refused(caller: BybitCaller) -> None:
    caller.settings.key.read_only = True
    assert caller.refused() == 10005
    assert caller.open() == [], "it may look"
    caller.settings.key.permissions["ContractTrade"] = []
    assert caller.code("GET", "/v5/order/realtime", category="linear", symbol=BTC) == 10005


def test_orders_are_limited_to_ten_a_second(caller: BybitCaller) -> None:
    for _ in range(10):
        caller.create(qty="0.001")
    assert caller.refused() == 10006
    caller.advance(SECOND)
    caller.create(qty="0.001")
