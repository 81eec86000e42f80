"""What the Binance gateway asks of the spot market, and what it makes of proper answers, noes and silence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from fake_binance import NOW, FakeBinance, changed, cut, hang_up, lacking, refusing, saying, with_status
from venue_values import ManualClock, an_intent

from bot.core.market import Side
from bot.core.orders import Fill, OrderRecord, OrderReport, OrderState, PastOrder, TimeInForce
from bot.core.times import DAY, HOUR
from bot.environment import Environment
from bot.errors import RateLimited, Refused, SafetyStop, TooManyOrders, Unavailable, Uncertain
from bot.venues import binance_spot_history
from bot.venues.binance import BinanceVenue
from bot.venues.binance_open import make_binance

D = Decimal
SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"
INTENT = an_intent(symbol=SPOT, price=D("50000.01"), goal=D(0))
RECORD = OrderRecord(INTENT, OrderState.OPEN, order_id="28")
POST, DELETE, GET = (f"{verb} /api/v3/order" for verb in ("POST", "DELETE", "GET"))
TRADES, ORDERS = "GET /api/v3/myTrades", "GET /api/v3/allOrders"
NAME = INTENT.client_order_id


def order(**fields: object) -> dict[str, object]:
    """A row as a look-up shows it: a resting sale of 0.2 BTC."""
    return {
        "symbol": "BTCUSDT", "orderId": 28, "orderListId": -1, "clientOrderId": NAME, "price": "50000.01000000",
        "origQty": "0.20000000", "executedQty": "0.00000000", "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000", "status": "NEW", "timeInForce": "GTC", "type": "LIMIT_MAKER",
        "side": "SELL", "stopPrice": "0.00000000", "icebergQty": "0.00000000", "time": NOW, "updateTime": NOW + 1,
        "isWorking": True, "workingTime": NOW, "selfTradePreventionMode": "NONE",
    } | fields


def placed(**fields: object) -> dict[str, object]:
    """The reply to a new order."""
    row = {key: value for key, value in order().items() if key not in ("time", "updateTime", "isWorking")}
    return row | {"transactTime": NOW + 2} | fields


def cancelled(**fields: object) -> dict[str, object]:
    """The reply to a cancellation."""
    names = {"origClientOrderId": NAME, "clientOrderId": "a1b2c3", "status": "CANCELED", "transactTime": NOW + 3}
    return placed() | names | fields


def trade(number: int, at: int = NOW, **fields: object) -> dict[str, Any]:
    """A row of an execution: 0.1 BTC sold."""
    return {
        "symbol": "BTCUSDT", "id": number, "orderId": 28, "orderListId": -1, "price": "50000.01000000",
        "qty": "0.10000000", "quoteQty": "5000.00100000", "commission": "5.00000100", "commissionAsset": "USDT",
        "time": at, "isBuyer": False, "isMaker": True, "isBestMatch": True,
    } | fields


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def fake() -> AsyncIterator[FakeBinance]:
    fake = FakeBinance(replies={
        POST: placed(), DELETE: cancelled(), GET: order(), TRADES: [], ORDERS: [],
    })
    yield fake
    await fake.stop()


@pytest.fixture
async def venue(fake: FakeBinance, clock: ManualClock) -> AsyncIterator[Any]:
    venue = make_binance(
        Environment.LOCAL, clock=clock, key="k-planted", secret="s-planted", assets=("BTC", "ETH"),
        local_url=await fake.start(), timeout=0.5,
    )
    yield venue
    await venue.close()


# -- placing


async def test_a_post_only_order_is_of_a_type_of_its_own_and_nothing_is_said_of_reducing(
    venue: BinanceVenue, fake: FakeBinance,
) -> None:
    report = await venue.place(INTENT)
    (sent,) = fake.calls(POST)
    assert {name: sent[name] for name in sent if name not in ("timestamp", "recvWindow", "signature")} == {
        "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT_MAKER", "quantity": "0.2", "price": "50000.01",
        "newClientOrderId": NAME, "newOrderRespType": "RESULT",
    }
    assert report == OrderReport(
        NAME, SPOT, OrderState.OPEN, D(0), order_id="28", quantity=D("0.2"), price=D("50000.01"), at=NOW + 2)
    assert fake.calls("POST /fapi/v1/order") == []


@pytest.mark.parametrize("force", [TimeInForce.IOC, TimeInForce.GTC])
async def test_other_limit_orders_say_how_long_they_stand(
    venue: BinanceVenue, fake: FakeBinance, force: TimeInForce,
) -> None:
    fake.spoil[POST] = changed(executedQty="0.10000000", cummulativeQuoteQty="5000.00200000", status="EXPIRED")
    report = await venue.place(replace(INTENT, time_in_force=force, side=Side.BUY))
    (sent,) = fake.calls(POST)
    assert (sent["type"], sent["timeInForce"], sent["side"]) == ("LIMIT", force.value, "BUY")
    assert (report.state, report.filled, report.average) == (OrderState.CANCELLED, D("0.1"), D("50000.02"))


async def test_a_reduce_only_order_is_refused_here_for_spot_knows_none(venue: BinanceVenue, fake: FakeBinance) -> None:
    with pytest.raises(Refused, match="reduce-only"):
        await venue.place(replace(INTENT, reduce_only=True))
    assert fake.calls(POST) == []


async def test_a_post_only_order_that_would_cross_is_reported_cancelled_under_a_code_that_says_so(
    venue: BinanceVenue, fake: FakeBinance, clock: ManualClock,
) -> None:
    fake.spoil[POST] = refusing(400, -2010, "Order would immediately match and take.")
    report = await venue.place(INTENT)
    assert (report.state, report.filled, report.code, report.rejected, report.at) == (
        OrderState.CANCELLED, D(0), "POST_ONLY_WOULD_CROSS", False, clock.now())
    assert fake.calls(GET) == []


@pytest.mark.fault(12)
async def test_a_name_that_is_taken_is_looked_up_and_adopted(venue: BinanceVenue, fake: FakeBinance) -> None:
    fake.spoil[POST] = refusing(400, -2010, "Duplicate order sent.")
    report = await venue.place(INTENT)
    assert (report.state, report.order_id, len(fake.calls(POST))) == (OrderState.OPEN, "28", 1)


async def test_a_rejection_in_unknown_words_is_one_only_if_the_order_is_not_there(
    venue: BinanceVenue, fake: FakeBinance,
) -> None:
    fake.spoil[POST] = refusing(400, -2010, "Market is closed.")
    assert (await venue.place(INTENT)).state is OrderState.OPEN
    fake.spoil[GET] = refusing(400, -2013, "Order does not exist.")
    with pytest.raises(Refused, match="Market is closed"):
        await venue.place(INTENT)
    fake.spoil[GET] = hang_up
    with pytest.raises(Uncertain, match="looking it up"):
        await venue.place(INTENT)


@pytest.mark.parametrize(("code", "message", "kind"), [
    (-2010, "Account has insufficient balance for requested action.", Refused),
    (-1013, "Filter failure: NOTIONAL", Refused),
    (-1013, "Filter failure: LOT_SIZE", Refused),
    (-1013, "Filter failure: PRICE_FILTER", Refused),
    (-1111, "Precision is over the maximum defined for this asset.", Refused),
    (-1121, "Invalid symbol.", Refused),
    (-1013, "Filter failure: MAX_NUM_ORDERS", TooManyOrders),
    (-2010, "Filter failure: EXCHANGE_MAX_NUM_ORDERS", TooManyOrders),
    (-1015, "Too many new orders; current limit is 50 orders per 10 SECOND.", RateLimited),
    (-1003, "Too many requests.", RateLimited),
    (-2015, "Invalid API-key, IP, or permissions for action.", Refused),  # futures reads say whether the key is gone
    (-2014, "API-key format invalid.", SafetyStop),
    (-1021, "Timestamp for this request is outside of the recvWindow.", Unavailable),
])
async def test_each_no_to_an_order_means_what_its_code_says(
    venue: BinanceVenue, fake: FakeBinance, code: int, message: str, kind: type[Exception],
) -> None:
    fake.spoil[POST] = refusing(400, code, message)
    with pytest.raises(kind) as raised:
        await venue.place(INTENT)
    assert type(raised.value) is kind or kind is Unavailable
    if isinstance(raised.value, Refused):
        assert raised.value.code == str(code)
    assert (len(fake.calls(POST)), fake.calls(GET)) == (1, [])


@pytest.mark.fault(1, 3, 5, 6, 7, 8, 9)
@pytest.mark.parametrize("spoiler", [
    hang_up, cut, saying("<html>Just a moment...</html>", content_type="text/html"), saying("{}"), saying("[]"),
    with_status(524), refusing(503, -1008), refusing(408, -1007), refusing(400, -1006), refusing(500, -1000),
    changed(clientOrderId="another"), changed(symbol="ETHUSDT"), changed(status="WHATEVER"), changed(executedQty="1"),
    lacking("orderId"), lacking("executedQty"), changed(origQty="0"), lacking("transactTime"),
], ids=lambda spoiler: getattr(spoiler, "__qualname__", str(spoiler)))
@pytest.mark.parametrize("endpoint", [POST, DELETE])
async def test_whatever_else_comes_back_leaves_the_outcome_unknown(
    venue: BinanceVenue, fake: FakeBinance, endpoint: str, spoiler: Any,
) -> None:
    fake.spoil[endpoint] = spoiler
    if endpoint == DELETE and spoiler.__qualname__.startswith("changed"):
        fake.replies[DELETE] = cancelled(origClientOrderId="another")  # the name of the cancellation is not looked at
    call: Callable[[], Any] = {POST: lambda: venue.place(INTENT), DELETE: lambda: venue.cancel(RECORD)}[endpoint]
    with pytest.raises(Uncertain):
        await call()
    assert len(fake.calls(endpoint)) == 1


async def test_an_order_that_cannot_leave_was_never_sent(venue: BinanceVenue, fake: FakeBinance) -> None:
    await fake.stop()
    with pytest.raises(Unavailable, match="could not be reached"):
        await venue.place(INTENT)


# -- moving, cancelling, finding


async def test_no_order_is_moved_here(venue: BinanceVenue, fake: FakeBinance) -> None:
    assert (venue.amends(PERP), venue.amends(SPOT), venue.amends("ETH/USDT")) == (True, False, False)
    with pytest.raises(Refused, match="cannot be moved"):
        await venue.amend(RECORD, D(50_010))
    assert fake.seen == []


async def test_a_cancellation_is_of_the_order_that_it_names_as_the_original(
    venue: BinanceVenue, fake: FakeBinance,
) -> None:
    fake.spoil[DELETE] = changed(executedQty="0.05000000", cummulativeQuoteQty="2500.00050000")
    report = await venue.cancel(RECORD)
    assert (report.client_order_id, report.state, report.filled, report.average, report.at) == (
        NAME, OrderState.CANCELLED, D("0.05"), D("50000.01"), NOW + 3)
    (sent,) = fake.calls(DELETE)
    assert (sent["symbol"], sent["origClientOrderId"]) == ("BTCUSDT", NAME)


@pytest.mark.fault(19)
async def test_a_cancel_that_came_too_late_tells_how_the_order_ended(venue: BinanceVenue, fake: FakeBinance) -> None:
    fake.spoil[DELETE] = refusing(400, -2011, "Unknown order sent.")
    fake.replies[GET] = order(status="FILLED", executedQty="0.20000000", cummulativeQuoteQty="10000.00200000")
    report = await venue.cancel(RECORD)
    assert (report.state, report.filled, report.average) == (OrderState.FILLED, D("0.2"), D("50000.01"))
    fake.spoil[GET] = refusing(400, -2013)
    with pytest.raises(Uncertain, match="not found"):
        await venue.cancel(RECORD)


@pytest.mark.fault(13, 14)
async def test_only_the_venues_own_word_makes_an_order_unknown(venue: BinanceVenue, fake: FakeBinance) -> None:
    found = await venue.find_order(SPOT, NAME)
    assert found == OrderReport(
        NAME, SPOT, OrderState.OPEN, D(0), order_id="28", quantity=D("0.2"), price=D("50000.01"), at=NOW + 1)
    fake.spoil[GET] = refusing(400, -2013)
    assert await venue.find_order(SPOT, NAME) is None
    for spoiler in (saying("<html>", content_type="text/html"), saying("{}"), refusing(404, -1000), hang_up,
                    changed(clientOrderId="x")):
        fake.spoil[GET] = spoiler
        with pytest.raises(Unavailable):
            await venue.find_order(SPOT, NAME)


async def test_what_was_traded_may_be_known_and_at_what_price_not(venue: BinanceVenue, fake: FakeBinance) -> None:
    fake.replies[GET] = order(status="FILLED", executedQty="0.20000000", cummulativeQuoteQty="-1.00000000")
    found = await venue.find_order(SPOT, NAME)
    assert found is not None
    assert (found.filled, found.average) == (D("0.2"), None)


@pytest.mark.fault(23)
async def test_filled_on_a_part_is_believed_as_to_the_part(venue: BinanceVenue, fake: FakeBinance) -> None:
    fake.replies[GET] = order(status="FILLED", executedQty="0.10000000", cummulativeQuoteQty="5000.00")
    found = await venue.find_order(SPOT, NAME)
    assert found is not None
    assert (found.state, found.filled) == (OrderState.CANCELLED, D("0.1"))


async def test_there_is_no_dead_mans_switch_and_nothing_forced(venue: BinanceVenue, fake: FakeBinance) -> None:
    with pytest.raises(Refused, match="no such switch"):
        await venue.countdown(SPOT, 120_000)
    assert await venue.forced_closes(SPOT, 0) == {}
    assert fake.seen == []


# -- executions and past orders


async def test_an_execution_reads_as_the_venue_booked_it_whatever_coin_it_charged(
    venue: BinanceVenue, fake: FakeBinance, clock: ManualClock,
) -> None:
    await venue.place(INTENT)
    fake.replies[TRADES] = [
        trade(5), trade(6, commission="0.00009000", commissionAsset="BNB", isMaker=False, orderId=29),
        trade(7, commission="0.00010000", commissionAsset="BTC", isBuyer=True),
    ]
    sold, in_bnb, bought = await venue.fills(SPOT, clock.now() - HOUR)
    assert sold == Fill(
        "5", "28", SPOT, Side.SELL, D("0.1"), D("50000.01"), D("5.000001"), "USDT", D(0), maker=True, at=NOW,
        client_order_id=NAME)
    assert (in_bnb.fee, in_bnb.fee_currency, in_bnb.maker, in_bnb.client_order_id) == (D("0.00009"), "BNB", False, None)
    assert (bought.side, bought.fee_currency) == (Side.BUY, "BTC")


@pytest.mark.parametrize("spoiler", [
    changed(symbol="ETHUSDT"), lacking("isBuyer"), changed(isBuyer="false"), changed(qty="0"), changed(price="NaN"),
    lacking("commissionAsset"), changed(time=0), changed(id=0), saying("{}"), saying('{"code": 0}'),
], ids=range(10))
async def test_a_row_that_does_not_read_is_no_history(venue: BinanceVenue, fake: FakeBinance, spoiler: Any) -> None:
    fake.replies[TRADES] = [trade(5)]
    fake.spoil[TRADES] = spoiler
    with pytest.raises(Unavailable):
        await venue.fills(SPOT, NOW - HOUR)


def served(rows: list[dict[str, Any]], number: str, by: str, most: int) -> Callable[[dict[str, str]], object]:
    """Answer as Binance does: from a number on, within a day, or the latest."""

    def answer(params: dict[str, str]) -> object:
        if by in params:
            assert "startTime" not in params
            return [row for row in rows if row[number] >= int(params[by])][:most]
        if "startTime" not in params:
            return rows[-most:]
        start, end = int(params["startTime"]), int(params["endTime"])
        assert end - start <= DAY
        return [row for row in rows if start <= row["time"] <= end][:most]

    return answer


@pytest.mark.parametrize("case", [
    ((1, 2, 3), 20, 1),                     # within a day: asked for from the instant on
    ((50, 60, 70), 100, 1),                 # longer ago: the latest reach back
    ((1, 2, 3, 50, 60, 200), 55, 1),
    ((1, 2, 3, 30, 31, 40, 90), 100, 4),    # too many for one page: the first day that has some, then by number
    ((1, 2, 3, 4, 5, 6, 7), 20, 2),
    ((), 100, 1),
])
async def test_executions_are_found_by_instant_and_then_by_number_each_once(
    venue: BinanceVenue, fake: FakeBinance, clock: ManualClock, monkeypatch: pytest.MonkeyPatch,
    case: tuple[tuple[int, ...], int, int],
) -> None:
    ages, hours, requests = case
    since = hours * HOUR
    monkeypatch.setattr(binance_spot_history, "PAGE", 5)
    rows = [trade(number + 1, clock.now() - age * HOUR) for number, age in enumerate(sorted(ages, reverse=True))]
    fake.replies[TRADES] = served(rows, "id", "fromId", 5)
    found = await venue.fills(SPOT, clock.now() - since)
    assert [fill.at for fill in found] == [row["time"] for row in rows if row["time"] >= clock.now() - since]
    assert len({fill.trade_id for fill in found}) == len(found)
    assert len(fake.calls(TRADES)) == requests


async def test_pages_that_lead_nowhere_are_no_history(
    venue: BinanceVenue, fake: FakeBinance, clock: ManualClock, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(binance_spot_history, "PAGE", 1)
    fake.replies[TRADES] = [trade(5)]
    with pytest.raises(Unavailable, match="no order"):
        await venue.fills(SPOT, clock.now() - HOUR)


async def test_past_orders_are_ours_alone_and_read_as_they_were_placed(
    venue: BinanceVenue, fake: FakeBinance, clock: ManualClock,
) -> None:
    fake.replies[ORDERS] = [
        order(orderId=27, clientOrderId="web_1", type="MARKET", price="0.00000000", status="FILLED"),
        order(), order(orderId=30, clientOrderId="hrtest_btc1_2", type="LIMIT", timeInForce="IOC", status="CANCELED"),
    ]
    first, second = await venue.orders(SPOT, clock.now() - HOUR)
    assert first == PastOrder(
        OrderReport(NAME, SPOT, OrderState.OPEN, D(0), order_id="28", quantity=D("0.2"), price=D("50000.01"),
                    at=NOW + 1),
        Side.SELL, D("0.2"), D("50000.01"), reduce_only=False, time_in_force=TimeInForce.GTX, created_at=NOW)
    assert (second.report.state, second.time_in_force) == (OrderState.CANCELLED, TimeInForce.IOC)
    fake.spoil[ORDERS] = changed(type="STOP_LOSS")
    with pytest.raises(Unavailable):
        await venue.orders(SPOT, clock.now() - HOUR)


# -- allowances


async def test_orders_have_an_allowance_of_their_own_which_the_venues_count_corrects(
    venue: BinanceVenue, fake: FakeBinance,
) -> None:
    fake.headers = {"X-MBX-USED-WEIGHT-1M": "700", "X-MBX-ORDER-COUNT-10S": "9", "X-MBX-ORDER-COUNT-1D": "400"}
    await venue.place(INTENT)
    used = {name: budget.used() for name, budget in venue._exchange._door.budgets.by_name.items()}
    assert (used["spot"], used["spot_orders_10s"], used["spot_orders_1d"]) == (700, 9, 400)
    assert (used["orders_10s"], used["orders_1m"]) == (0, 0)


async def test_an_order_still_leaves_when_reads_have_spent_what_is_theirs(
    venue: BinanceVenue, clock: ManualClock,
) -> None:
    await venue.place(INTENT)
    venue._exchange._door.budgets.by_name["spot"].correct(5_500)
    began = clock.now()
    await venue.cancel(RECORD)
    await venue.find_order(SPOT, NAME)
    assert clock.now() == began, "headroom is kept for them"
    await venue.fills(SPOT, clock.now() - HOUR)
    assert clock.now() > began
