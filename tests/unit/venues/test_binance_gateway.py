"""What the Binance gateway asks for and what it makes of proper answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest
from fake_binance import NOW, FakeBinance, error, futures_account, hang_up, holding, order, position, refusing, saying
from venue_values import BTC, ManualClock, an_intent

from bot.core.income import IncomeKind
from bot.core.market import FuturesWallet, Holding, OpenOrder, Position, Quote, Side
from bot.core.orders import Fill, OrderRecord, OrderReport, OrderState, TimeInForce
from bot.core.policy import AssetPolicy, MarginPolicy, Policy
from bot.core.times import DAY, HOUR, SECOND
from bot.environment import Environment
from bot.errors import RateLimited, Refused, SafetyStop, Unavailable, Uncertain
from bot.ports import CoinPrices, Income, Venue
from bot.venues.binance_open import make_binance
from bot.venues.gateway import CcxtVenue

INTENT = an_intent()
RECORD = OrderRecord(INTENT, OrderState.OPEN)
POST, PUT, DELETE, GET = (f"{verb} /fapi/v1/order" for verb in ("POST", "PUT", "DELETE", "GET"))

Open = Callable[..., Any]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def fake() -> AsyncIterator[FakeBinance]:
    fake = FakeBinance()
    yield fake
    await fake.stop()


@pytest.fixture
async def venue(fake: FakeBinance, clock: ManualClock) -> AsyncIterator[CcxtVenue]:
    venue = _open(await fake.start(), clock)
    yield venue
    await venue.close()


def _open(url: str, clock: ManualClock, **more: Any) -> CcxtVenue:
    given: dict[str, Any] = {"assets": ("BTC", "ETH"), "timeout": 0.5, **more}
    return make_binance(
        Environment.LOCAL, clock=clock, key="k", secret="s", local_url=url, **given,
    )


def as_the_port(venue: CcxtVenue) -> Venue:
    """Checked by mypy: the gateway has all that the engine needs."""
    return venue


async def test_a_snapshot_says_what_the_venue_shows(venue: CcxtVenue, clock: ManualClock) -> None:
    snapshot = await as_the_port(venue).snapshot()
    assert snapshot.taken_at == clock.now() == NOW
    assert snapshot.holdings == {
        "BTC": Holding(Decimal("1.1"), Decimal("0.1")), "ETH": Holding(Decimal("1.1"), Decimal("0.1")),
        "USDT": Holding(Decimal(10_000)),
    }
    assert snapshot.futures == FuturesWallet(
        balance=Decimal(10_000), unrealised=Decimal(-20), equity=Decimal(9_980), initial_margin=Decimal(2_004),
        maintenance_margin=Decimal("40.08"), available=Decimal(7_976),
    )
    assert snapshot.positions == (Position(
        symbol=BTC, quantity=Decimal("-0.2"), entry_price=Decimal(50_000), mark=Decimal(50_100),
        unrealised=Decimal(-20), maintenance_margin=Decimal("40.08"), initial_margin=Decimal(2_004),
        liquidation_price=Decimal("99000.5"), updated_at=NOW - 1000,
    ),)
    assert snapshot.quotes["BTC"] == Quote(
        spot_bid=Decimal(49_999), spot_ask=Decimal(50_001), spot_at=NOW, perp_bid=Decimal("50009.9"),
        perp_ask=Decimal(50_010), perp_at=NOW - 3, mark=Decimal(50_100), index=Decimal(50_000), mark_at=NOW - 5,
        funding_rate=Decimal("0.0001"), next_funding_at=NOW + HOUR, funding_interval=8 * HOUR,
    )
    assert snapshot.quotes["ETH"].funding_interval == 4 * HOUR
    assert snapshot.open_orders == ()
    assert snapshot.stable_prices == {}


async def test_any_coin_has_a_price_that_fees_are_reckoned_with(venue: CcxtVenue) -> None:
    assert isinstance(venue, CoinPrices)
    assert await venue.coin_price("BTC") == Decimal(50_000)


@pytest.mark.parametrize("count", [1, 2, 10, 50])
async def test_a_snapshot_takes_at_most_seven_requests(clock: ManualClock, count: int) -> None:
    assets = tuple(f"C{number}" for number in range(count))
    fake = FakeBinance(assets=assets)
    venue = _open(await fake.start(), clock, assets=assets, cash=("USDT", "USDC"))
    await venue.snapshot()
    await venue.cancel(OrderRecord(an_intent(), OrderState.OPEN))
    fake.seen.clear()
    snapshot = await venue.snapshot()
    assert len(snapshot.quotes) == count
    assert snapshot.open_orders is not None
    assert snapshot.stable_prices == {"USDC": Decimal(50_000)}
    assert len(fake.seen) == 7
    assert len({name for name, _ in fake.seen}) == 7
    await venue.close()
    await fake.stop()


@pytest.mark.fault(48)
async def test_unknown_stays_unknown(venue: CcxtVenue, fake: FakeBinance) -> None:
    fake.replies["GET /api/v3/ticker/bookTicker"] = [
        {"symbol": symbol, "bidPrice": "0.00000000", "bidQty": "0", "askPrice": "2.0", "askQty": "1"}
        for symbol in ("BTCUSDT", "ETHUSDT")
    ]
    fake.replies["GET /fapi/v1/premiumIndex"] = [
        {"symbol": symbol, "markPrice": "2.0", "indexPrice": "0", "lastFundingRate": "", "nextFundingTime": 0,
         "time": NOW} for symbol in ("BTCUSDT", "ETHUSDT")
    ]
    holding(fake, position(liquidationPrice="0", updateTime=0))
    snapshot = await venue.snapshot()
    quote = snapshot.quotes["BTC"]
    assert (quote.spot_bid, quote.spot_mid, quote.index, quote.funding_rate, quote.next_funding_at) == (None,) * 5
    assert (snapshot.positions[0].liquidation_price, snapshot.positions[0].updated_at) == (None, None)


async def test_foreign_positions_are_shown(venue: CcxtVenue, fake: FakeBinance) -> None:
    holding(fake, position(), position("XRPUSDT", "100"), position("BTCUSDC", "-1"), position("ETHUSDT", "0.000"))
    assert {held.symbol: held.quantity for held in (await venue.snapshot()).positions} == {
        BTC: Decimal("-0.2"), "XRP/USDT:USDT": Decimal(100), "BTCUSDC": Decimal(-1),
    }


async def test_a_position_in_hedge_mode_stops_everything(venue: CcxtVenue, fake: FakeBinance) -> None:
    holding(fake, position(positionSide="SHORT"))
    with pytest.raises(SafetyStop, match="hedge mode"):
        await venue.snapshot()


async def test_a_futures_wallet_that_was_never_used_is_zero(venue: CcxtVenue, fake: FakeBinance) -> None:
    fake.replies["GET /fapi/v3/positionRisk"] = []
    fake.replies["GET /fapi/v3/account"] = futures_account() | {"assets": [], "totalWalletBalance": "0.00000000"}
    assert (await venue.snapshot()).futures == FuturesWallet(*[Decimal(0)] * 6)


async def test_resting_orders_are_read_at_every_snapshot(
    venue: CcxtVenue, fake: FakeBinance, clock: ManualClock,
) -> None:
    fake.replies["GET /fapi/v1/openOrders"] = [order(executedQty="0.100")]
    expected = (OpenOrder(
        symbol=BTC, order_id="4242", client_order_id="hrtest_btc1_1", side=Side.SELL, price=Decimal(50_000),
        quantity=Decimal("0.2"), filled=Decimal("0.1"), reduce_only=False, created_at=NOW,
    ),)
    for _ in range(3):
        assert (await venue.snapshot()).open_orders == expected
        await clock.sleep(1)


async def test_open_orders_are_read_every_half_minute_while_none_rests(venue: CcxtVenue, clock: ManualClock) -> None:
    read = []
    for _ in range(13):
        read.append((await venue.snapshot()).open_orders is not None)
        await clock.sleep(5)
    assert read == [True, *[False] * 5, True, *[False] * 5, True]


async def test_a_second_look_at_one_instant_shows_what_the_first_did(venue: CcxtVenue) -> None:
    assert await venue.snapshot() == await venue.snapshot()


@pytest.mark.parametrize("act", [
    lambda venue: venue.place(INTENT), lambda venue: venue.cancel(RECORD),
    lambda venue: venue.amend(RECORD, Decimal(50_100)),
])
@pytest.mark.parametrize("lost", [False, True])
async def test_open_orders_are_read_after_every_change_even_an_uncertain_one(
    venue: CcxtVenue, fake: FakeBinance, act: Open, lost: bool,
) -> None:
    await venue.snapshot()
    await venue._clock.sleep(1)
    assert (await venue.snapshot()).open_orders is None
    if lost:
        fake.spoil |= dict.fromkeys((POST, PUT, DELETE), hang_up)
        with pytest.raises(Uncertain):
            await act(venue)
    else:
        await act(venue)
    assert (await venue.snapshot()).open_orders == ()


async def test_an_order_leaves_as_it_was_meant(venue: CcxtVenue, fake: FakeBinance) -> None:
    intent = an_intent(
        side=Side.BUY, quantity=Decimal("0.2000"), price=Decimal("1E+5") + Decimal("0.05"), reduce_only=True,
        time_in_force=TimeInForce.IOC,
    )
    fake.replies[POST] = order(side="BUY", status="EXPIRED", executedQty="0.050", avgPrice="49990.00000")
    report = await venue.place(intent)
    assert report == OrderReport(
        "hrtest_btc1_1", BTC, OrderState.CANCELLED, Decimal("0.05"), order_id="4242", quantity=Decimal("0.2"),
        price=Decimal(50_000), average=Decimal(49_990), at=NOW,
    )
    (sent,) = fake.calls(POST)
    assert {name: sent[name] for name in sorted(sent.keys() - {"timestamp", "signature", "recvWindow"})} == {
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "IOC", "quantity": "0.2",
        "price": "100000.05", "reduceOnly": "true", "newClientOrderId": "hrtest_btc1_1", "newOrderRespType": "RESULT",
    }
    assert sent["timestamp"] == str(NOW)


async def test_a_post_only_order_that_would_cross_is_cancelled_with_its_code(
    venue: CcxtVenue, fake: FakeBinance,
) -> None:
    fake.spoil[POST] = refusing(400, -5022, "Due to the order could not be executed as maker")
    report = await venue.place(INTENT)
    assert (report.state, report.filled, report.code) == (OrderState.CANCELLED, Decimal(0), "-5022")


async def test_a_rejected_order_is_refused(venue: CcxtVenue, fake: FakeBinance) -> None:
    fake.replies[POST] = order(status="REJECTED")
    with pytest.raises(Refused):
        await venue.place(INTENT)


async def test_a_duplicate_is_looked_up_and_adopted(venue: CcxtVenue, fake: FakeBinance) -> None:
    fake.spoil[POST] = refusing(400, -4116, "ClientOrderId is duplicated")
    fake.replies[GET] = order(status="PARTIALLY_FILLED", executedQty="0.100", avgPrice="50000.0")
    report = await venue.place(INTENT)
    assert (report.state, report.filled, report.order_id) == (OrderState.PARTIAL, Decimal("0.1"), "4242")
    assert len(fake.calls(POST)) == 1


@pytest.mark.parametrize("look_up", [refusing(400, -2013), hang_up, saying("{}"), refusing(400, -1121)])
@pytest.mark.parametrize(("endpoint", "code"), [(POST, -4116), (DELETE, -2011), (PUT, -2013)])
async def test_an_order_that_cannot_be_looked_up_is_uncertain(
    venue: CcxtVenue, fake: FakeBinance, endpoint: str, code: int, look_up: Any,
) -> None:
    fake.spoil |= {endpoint: refusing(400, code), GET: look_up}
    acts: dict[str, Open] = {
        POST: lambda: venue.place(INTENT), DELETE: lambda: venue.cancel(RECORD),
        PUT: lambda: venue.amend(RECORD, Decimal(50_100)),
    }
    with pytest.raises(Uncertain):
        await acts[endpoint]()


async def test_cancelling_an_order_that_was_filled_reports_the_fill(venue: CcxtVenue, fake: FakeBinance) -> None:
    fake.spoil[DELETE] = refusing(400, -2011, "Unknown order sent.")
    fake.replies[GET] = order(status="FILLED", executedQty="0.200", avgPrice="50000.0")
    report = await venue.cancel(RECORD)
    assert (report.state, report.filled) == (OrderState.FILLED, Decimal("0.2"))


@pytest.mark.fault(23)
async def test_an_order_called_filled_has_filled_what_it_says_and_no_more(
    venue: CcxtVenue, fake: FakeBinance,
) -> None:
    fake.replies[GET] = order(status="FILLED", executedQty="0.150", avgPrice="50000.0")
    report = await venue.find_order(INTENT.symbol, INTENT.client_order_id)
    assert report is not None
    assert (report.state, report.filled) == (OrderState.CANCELLED, Decimal("0.15"))


@pytest.mark.parametrize("code", [-2011, -2013, -5022, -5027])
async def test_an_order_that_cannot_be_moved_is_reported_as_it_is(
    venue: CcxtVenue, fake: FakeBinance, code: int,
) -> None:
    fake.spoil[PUT] = refusing(400, code)
    fake.replies[GET] = order(status="CANCELED")
    assert (await venue.amend(RECORD, Decimal(50_100))).state is OrderState.CANCELLED


async def test_moving_an_order_keeps_its_whole_quantity(venue: CcxtVenue, fake: FakeBinance) -> None:
    report = await venue.amend(RECORD, Decimal(50_100))
    assert (report.state, report.price) == (OrderState.OPEN, Decimal(50_100))
    (sent,) = fake.calls(PUT)
    assert {name: sent[name] for name in ("symbol", "origClientOrderId", "side", "quantity", "price")} == {
        "symbol": "BTCUSDT", "origClientOrderId": "hrtest_btc1_1", "side": "SELL", "quantity": "0.2",
        "price": "50100",
    }


def trade(number: int, at: int, **fields: object) -> dict[str, object]:
    return {
        "symbol": "BTCUSDT", "id": number, "orderId": 4242, "side": "SELL", "price": "50000.0", "qty": "0.001",
        "realizedPnl": "0.00000000", "quoteQty": "50.0", "commission": "0.01000000", "commissionAsset": "USDT",
        "time": at, "positionSide": "BOTH", "buyer": False, "maker": True,
    } | fields


def trading(trades: list[dict[str, Any]], page: int = 1000) -> Callable[[dict[str, str]], object]:
    """userTrades as Binance answers it: spans of at most seven days, or from an id on."""

    def answer(params: dict[str, str]) -> object:
        if "fromId" in params:
            assert "startTime" not in params
            found = [row for row in trades if row["id"] >= int(params["fromId"])]
        else:
            start, end = int(params["startTime"]), int(params["endTime"])
            if end - start > 7 * DAY:
                return error(400, -4165)
            found = [row for row in trades if start <= row["time"] <= end]
        return found[:min(page, int(params["limit"]))]

    return answer


@pytest.mark.fault(47)
async def test_fills_come_whole_once_and_in_order(venue: CcxtVenue, fake: FakeBinance) -> None:
    since = NOW - 20 * DAY
    trades = [trade(number, since + number * 10_000) for number in range(1, 2_501)]
    trades += [trade(3_000, NOW - 9 * DAY), trade(3_001, NOW - 9 * DAY, commission="-0.02", commissionAsset="BNB")]
    trades += [trade(4_000 + number, NOW - 1_000) for number in range(1_000)]
    fake.replies["GET /fapi/v1/userTrades"] = trading(trades)
    fills = await venue.fills(BTC, since)
    assert [fill.trade_id for fill in fills] == [str(row["id"]) for row in trades]
    assert fills[2_501] == Fill(
        trade_id="3001", order_id="4242", symbol=BTC, side=Side.SELL, quantity=Decimal("0.001"),
        price=Decimal(50_000), fee=Decimal("-0.02"), fee_currency="BNB", realised=Decimal(0), maker=True,
        at=NOW - 9 * DAY,
    )


async def test_fills_carry_the_client_id_of_orders_that_were_seen(venue: CcxtVenue, fake: FakeBinance) -> None:
    fake.replies["GET /fapi/v1/userTrades"] = trading([trade(1, NOW - 1), trade(2, NOW, orderId=7)])
    await venue.place(INTENT)
    assert [fill.client_order_id for fill in await venue.fills(BTC, NOW - 10)] == ["hrtest_btc1_1", None]


def settlement(number: int, at: int, symbol: str = "BTCUSDT") -> dict[str, object]:
    return {"symbol": symbol, "incomeType": "FUNDING_FEE", "income": "-0.37500000", "asset": "USDT", "info": "",
            "time": at, "tranId": number, "tradeId": ""}


@pytest.mark.fault(47)
async def test_funding_comes_whole_once_and_in_order(venue: CcxtVenue, fake: FakeBinance) -> None:
    since = NOW - 16 * DAY
    rows = [settlement(number, since + number // 2 * 60_000, ("BTCUSDT", "ETHUSDT")[number % 2])
            for number in range(1, 3_002)]

    def answer(params: dict[str, str]) -> object:
        assert int(params["endTime"]) - int(params["startTime"]) <= 7 * DAY
        assert params["incomeType"] == "FUNDING_FEE"
        return [row for row in rows if int(params["startTime"]) <= int(str(row["time"])) <= int(params["endTime"])][
            :int(params["limit"])]

    fake.replies["GET /fapi/v1/income"] = answer
    payments = await venue.funding(since)
    assert [payment.payment_id for payment in payments] == [str(number) for number in range(1, 3_002)]
    assert (payments[0].symbol, payments[1].amount, payments[1].currency) == (
        "ETH/USDT:USDT", Decimal("-0.375"), "USDT",
    )


async def test_income_tells_every_movement_of_the_wallet_under_our_words(venue: CcxtVenue, fake: FakeBinance) -> None:
    def moved(number: int, kind: str, amount: str, *, trade: str = "", symbol: str = "BTCUSDT",
              coin: str = "USDT") -> dict[str, object]:
        return settlement(number, NOW - 100 + number, symbol) | {
            "incomeType": kind, "income": amount, "tradeId": trade, "asset": coin}

    fake.replies["GET /fapi/v1/income"] = [
        moved(1, "TRANSFER", "500", symbol=""), moved(2, "REALIZED_PNL", "20.5", trade="77"),
        moved(2, "COMMISSION", "-0.001", trade="77", coin="BNB"), moved(3, "FUNDING_FEE", "-0.375"),
        moved(4, "API_REBATE", "0.2", symbol="")]
    assert isinstance(venue, Income)
    assert not venue.income_of_spot
    rows = await venue.income(NOW - DAY)
    assert [(row.kind, row.reference, row.symbol, row.amount, row.currency) for row in rows] == [
        (IncomeKind.TRANSFER, "1", None, Decimal(500), "USDT"),
        (IncomeKind.REALISED, "77", BTC, Decimal("20.5"), "USDT"),
        (IncomeKind.FEE, "77", BTC, Decimal("-0.001"), "BNB"),
        (IncomeKind.FUNDING, "3", BTC, Decimal("-0.375"), "USDT"),
        (IncomeKind.OTHER, "4", None, Decimal("0.2"), "USDT"),
    ]


async def test_a_read_pauses_on_the_clock_and_is_tried_three_times(
    venue: CcxtVenue, fake: FakeBinance, clock: ManualClock,
) -> None:
    await venue.account()
    fake.spoil[GET] = hang_up
    with pytest.raises(Unavailable):
        await venue.find_order(BTC, "hrtest_btc1_1")
    assert len(fake.calls(GET)) == 3
    assert [at - NOW for at in clock.slept] == [250, 750]


async def test_of_several_failures_the_gravest_is_told(venue: CcxtVenue, fake: FakeBinance) -> None:
    await venue.account()
    fake.spoil |= {
        "GET /api/v3/account": hang_up, "GET /fapi/v3/account": refusing(401, -2015),
        "GET /fapi/v3/positionRisk": refusing(400, -1121),
    }
    with pytest.raises(SafetyStop):
        await venue.snapshot()
    del fake.spoil["GET /fapi/v3/account"]
    with pytest.raises(Refused):
        await venue.snapshot()


async def test_a_timeout_costs_its_time_once_however_many_waited(
    venue: CcxtVenue, fake: FakeBinance, clock: ManualClock,
) -> None:
    await venue.snapshot()
    fake.spoil |= dict.fromkeys(("GET /fapi/v3/account", "GET /api/v3/account", "GET /fapi/v3/positionRisk"), fake.hang)
    with pytest.raises(Unavailable):
        await venue.snapshot()
    assert [at - NOW for at in clock.slept] == [500, 750, 1250, 1750, 2250]


async def test_the_clock_is_measured_at_first_and_then_hourly(
    venue: CcxtVenue, fake: FakeBinance, clock: ManualClock,
) -> None:
    fake.replies["GET /fapi/v1/time"] = {"serverTime": NOW + 1_500}
    for _ in range(5):
        await venue.account()
        await clock.sleep(30 * 60)
    assert len(fake.calls("GET /fapi/v1/time")) == 3
    assert fake.calls("GET /api/v3/account")[0]["timestamp"] == str(NOW + 1_500)


@pytest.mark.fault(73)
async def test_prices_are_as_old_as_they_are_even_where_the_clocks_differ(
    venue: CcxtVenue, fake: FakeBinance,
) -> None:
    fake.replies["GET /fapi/v1/time"] = {"serverTime": NOW - 90_000}
    fake.replies["GET /fapi/v1/premiumIndex"] = [
        {"symbol": symbol, "markPrice": "2.0", "indexPrice": "2.0", "lastFundingRate": "0.0001",
         "nextFundingTime": NOW, "time": NOW - 91_000} for symbol in ("BTCUSDT", "ETHUSDT")
    ]
    quote = (await venue.snapshot()).quotes["BTC"]
    assert (quote.mark_at, quote.next_funding_at) == (NOW - 1_000, NOW + 90_000)
    assert quote.perp_at == NOW - 3 + 90_000


async def test_a_clock_that_cannot_be_measured_again_keeps_its_last_measure(
    venue: CcxtVenue, fake: FakeBinance, clock: ManualClock,
) -> None:
    await venue.account()
    await clock.sleep(3_600)
    fake.spoil["GET /fapi/v1/time"] = hang_up
    await venue.account()
    await venue.account()
    assert len(fake.calls("GET /fapi/v1/time")) == 2
    await clock.sleep(60)
    await venue.account()
    assert len(fake.calls("GET /fapi/v1/time")) == 3


@pytest.mark.fault(73)
async def test_a_timestamp_that_is_refused_leads_to_a_new_measure(venue: CcxtVenue, fake: FakeBinance) -> None:
    await venue.account()
    fake.replies["GET /fapi/v1/time"] = {"serverTime": NOW - 60_000}
    fake.replies["GET /api/v3/account"] = lambda params, said=fake.replies["GET /api/v3/account"]: (
        said if int(params["timestamp"]) < NOW - 59_000 else error(400, -1021)
    )
    assert await venue.account() == "354937868"


async def test_a_429_silences_everything_until_it_is_over(
    venue: CcxtVenue, fake: FakeBinance, clock: ManualClock,
) -> None:
    await venue.account()
    fake.spoil["GET /api/v3/account"] = refusing(429, -1003, Retry_After="7")
    with pytest.raises(RateLimited) as limited:
        await venue.account()
    assert limited.value.retry_after == 7
    fake.spoil.clear()
    before = len(fake.seen)
    with pytest.raises(RateLimited):
        await venue.place(INTENT)
    assert len(fake.seen) == before
    await clock.sleep(7)
    await venue.place(INTENT)


async def test_the_weight_that_the_venue_counted_is_believed(
    venue: CcxtVenue, fake: FakeBinance, clock: ManualClock,
) -> None:
    await venue.snapshot()
    fake.headers["X-MBX-USED-WEIGHT-1M"] = "1990"
    await venue.find_order(BTC, "hrtest_btc1_1")
    fake.headers.clear()
    assert clock.slept == []
    await venue.snapshot()
    assert clock.now() == NOW + 60 * SECOND
    await venue.place(INTENT)
    assert clock.now() == NOW + 60 * SECOND


async def test_intervals_are_read_hourly_and_their_failure_fails_nothing(
    venue: CcxtVenue, fake: FakeBinance, clock: ManualClock,
) -> None:
    fake.spoil["GET /fapi/v1/fundingInfo"] = saying("{}")
    assert (await venue.snapshot()).quotes["ETH"].funding_interval is None
    fake.spoil.clear()
    await clock.sleep(60)
    assert (await venue.snapshot()).quotes["ETH"].funding_interval == 4 * HOUR
    fake.spoil["GET /fapi/v1/fundingInfo"] = hang_up
    await clock.sleep(3_600)
    assert (await venue.snapshot()).quotes["ETH"].funding_interval == 4 * HOUR


def a_policy(leverage: str = "5") -> Policy:
    return Policy(
        assets=(AssetPolicy("BTC", Decimal("0.5")), AssetPolicy("ETH", Decimal("0.3"))), cash_target=Decimal("0.2"),
        margin=MarginPolicy(leverage=Decimal(leverage)),
    )


class Settings:
    """The venue's settings as they react to being set."""

    def __init__(self, fake: FakeBinance) -> None:
        self.symbols = {name: {"symbol": name, "marginType": "ISOLATED", "leverage": 20}
                        for name in ("BTCUSDT", "ETHUSDT")}
        self.hedge = True
        fake.replies |= {
            "GET /fapi/v1/symbolConfig": lambda _: list(self.symbols.values()),
            "GET /fapi/v1/positionSide/dual": lambda _: {"dualSidePosition": self.hedge},
            "POST /fapi/v1/positionSide/dual": self.mode,
            "POST /fapi/v1/marginType": self.margin,
            "POST /fapi/v1/leverage": self.leverage,
        }

    def mode(self, params: dict[str, str]) -> object:
        self.hedge = params["dualSidePosition"] == "true"
        return {"code": 200, "msg": "success"}

    def margin(self, params: dict[str, str]) -> object:
        self.symbols[params["symbol"]]["marginType"] = params["marginType"]
        return {"code": 200, "msg": "success"}

    def leverage(self, params: dict[str, str]) -> object:
        self.symbols[params["symbol"]]["leverage"] = int(params["leverage"])
        return {"leverage": int(params["leverage"]), "maxNotionalValue": "1000000", "symbol": params["symbol"]}


async def test_preparing_sets_what_is_not_as_it_must_be(venue: CcxtVenue, fake: FakeBinance) -> None:
    settings = Settings(fake)
    holding(fake)
    assert await venue.prepare(a_policy()) == (
        "position mode set to one-way",
        "BTCUSDT: margin mode set to cross", "BTCUSDT: leverage set from 20 to 5",
        "ETHUSDT: margin mode set to cross", "ETHUSDT: leverage set from 20 to 5",
    )
    assert settings.symbols["ETHUSDT"] == {"symbol": "ETHUSDT", "marginType": "CROSSED", "leverage": 5}
    assert await venue.prepare(a_policy()) == ()


async def test_preparing_changes_nothing_where_all_is_in_order(venue: CcxtVenue, fake: FakeBinance) -> None:
    assert await venue.prepare(a_policy()) == ()
    assert {name.split()[0] for name, _ in fake.seen} == {"GET"}


async def test_hedge_mode_is_not_switched_under_a_position(venue: CcxtVenue, fake: FakeBinance) -> None:
    Settings(fake)
    with pytest.raises(SafetyStop, match="in use"):
        await venue.prepare(a_policy())
    assert fake.calls("POST /fapi/v1/positionSide/dual") == []


async def test_hedge_mode_is_not_switched_under_a_resting_order(venue: CcxtVenue, fake: FakeBinance) -> None:
    Settings(fake)
    holding(fake)
    fake.replies["GET /fapi/v1/openOrders"] = [order()]
    with pytest.raises(SafetyStop, match="in use"):
        await venue.prepare(a_policy())


async def test_multi_assets_mode_is_a_safety_stop(venue: CcxtVenue, fake: FakeBinance) -> None:
    fake.replies["GET /fapi/v1/multiAssetsMargin"] = {"multiAssetsMargin": True}
    with pytest.raises(SafetyStop, match="multi-assets"):
        await venue.prepare(a_policy())


async def test_a_setting_that_does_not_stick_is_a_safety_stop(venue: CcxtVenue, fake: FakeBinance) -> None:
    Settings(fake)
    holding(fake)
    fake.replies["POST /fapi/v1/leverage"] = {"leverage": 5, "symbol": "BTCUSDT", "maxNotionalValue": "1"}
    with pytest.raises(SafetyStop, match="stays at"):
        await venue.prepare(a_policy())


@pytest.mark.parametrize(("code", "passes"), [(-4046, True), (-4047, False), (-4048, False)])
async def test_a_margin_mode_that_is_so_already_is_no_failure(
    venue: CcxtVenue, fake: FakeBinance, code: int, passes: bool,
) -> None:
    settings = Settings(fake)
    settings.hedge = False

    def answer(params: dict[str, str]) -> object:
        settings.margin(params)
        return error(400, code)

    fake.replies["POST /fapi/v1/marginType"] = answer
    if passes:
        await venue.prepare(a_policy())
    else:
        with pytest.raises(SafetyStop, match=str(code)):
            await venue.prepare(a_policy())


async def test_a_setting_without_an_answer_may_be_tried_again(venue: CcxtVenue, fake: FakeBinance) -> None:
    settings = Settings(fake)
    settings.hedge = False
    fake.spoil["POST /fapi/v1/leverage"] = hang_up
    with pytest.raises(Unavailable):
        await venue.prepare(a_policy())
    fake.spoil.clear()
    await venue.prepare(a_policy())
    assert {found["leverage"] for found in settings.symbols.values()} == {5}


@pytest.mark.parametrize("leverage", ["2.5", "0.5"])
async def test_a_leverage_that_binance_cannot_set_is_a_safety_stop(venue: CcxtVenue, leverage: str) -> None:
    with pytest.raises(SafetyStop, match="whole numbers"):
        await venue.prepare(a_policy(leverage))
