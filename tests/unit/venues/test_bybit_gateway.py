"""What the Bybit gateway asks for and what it makes of proper answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from fake_binance import NOW
from fake_bybit import (
    AMEND,
    CANCEL,
    CREATE,
    HOUR,
    LINK,
    LIVE,
    PAST,
    POSITIONS,
    TICKERS,
    WALLET,
    FakeBybit,
    acknowledged,
    coin,
    listing,
    no,
    ok,
    order,
    position,
    ticker,
    wallet,
)
from venue_values import BTC, ManualClock, an_intent

from bot.core.market import FuturesWallet, Holding, OpenOrder, Position, Quote, Side, WalletKind
from bot.core.orders import OrderRecord, OrderReport, OrderState, TimeInForce
from bot.core.policy import AssetPolicy, Policy
from bot.core.portfolio import measure
from bot.environment import Environment
from bot.errors import ConfigError, Refused, SafetyStop, Unavailable, Uncertain
from bot.ports import CoinPrices, PastOrders, Venue
from bot.venues.bybit_open import make_bybit
from bot.venues.gateway import CcxtVenue

D = Decimal
INTENT = an_intent()
RECORD = OrderRecord(INTENT, OrderState.OPEN, order_id="o-1", price=D(50_000))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def fake() -> AsyncIterator[FakeBybit]:
    fake = FakeBybit()
    yield fake
    await fake.stop()


@pytest.fixture
async def venue(fake: FakeBybit, clock: ManualClock) -> AsyncIterator[CcxtVenue]:
    venue = _open(await fake.start(), clock)
    yield venue
    await venue.close()


def _open(url: str, clock: ManualClock, **more: Any) -> CcxtVenue:
    given: dict[str, Any] = {"assets": ("BTC", "ETH"), "timeout": 0.5, **more}
    return make_bybit(Environment.LOCAL, clock=clock, key="k", secret="s", local_url=url, **given)


def as_the_port(venue: CcxtVenue) -> Venue:
    """Checked by mypy: the gateway has all that the engine needs."""
    return venue


async def test_a_snapshot_says_what_the_venue_shows(venue: CcxtVenue, clock: ManualClock) -> None:
    snapshot = await as_the_port(venue).snapshot()
    assert isinstance(venue, PastOrders)
    assert snapshot.taken_at == clock.now() == NOW
    assert snapshot.wallet is WalletKind.UNIFIED
    assert snapshot.holdings == {
        "BTC": Holding(D("1.1"), D("0.1")), "ETH": Holding(D("1.1"), D("0.1")), "USDT": Holding(D(10_000)),
    }
    assert snapshot.futures == FuturesWallet(
        balance=D(0), unrealised=D(-20), equity=D(67_980), initial_margin=D(2_004), maintenance_margin=D("54.12"),
        available=D(65_976),
    )
    assert snapshot.positions == (Position(
        symbol=BTC, quantity=D("-0.2"), entry_price=D(50_000), mark=D(50_100), unrealised=D(-20),
        maintenance_margin=D("54.12"), initial_margin=D(2_004), liquidation_price=None, leverage=D(5),
        updated_at=NOW - 1000,
    ),)
    assert snapshot.quotes["BTC"] == Quote(
        spot_bid=D(49_999), spot_ask=D(50_001), spot_at=NOW - 3, perp_bid=D("50009.9"), perp_ask=D(50_010),
        perp_at=NOW - 3, mark=D(50_100), index=D(50_000), mark_at=NOW - 3, funding_rate=D("0.0001"),
        next_funding_at=NOW + HOUR, funding_interval=8 * HOUR,
    )
    assert snapshot.open_orders == ()
    assert snapshot.stable_prices == {}
    assert snapshot.liabilities == 0


async def test_any_coin_has_a_price_that_fees_are_reckoned_with(venue: CcxtVenue) -> None:
    assert isinstance(venue, CoinPrices)
    assert await venue.coin_price("BTC") == D(50_000)


@pytest.mark.parametrize("count", [1, 2, 10, 50])
async def test_a_snapshot_takes_at_most_five_requests(clock: ManualClock, count: int) -> None:
    assets = tuple(f"C{number}" for number in range(count))
    fake = FakeBybit(assets=assets)
    venue = _open(await fake.start(), clock, assets=assets, cash=("USDT", "USDC"))
    await venue.snapshot()
    fake.seen.clear()
    fake.replies[LIVE] = listing(order(symbol="C0USDT"))
    fake.replies[CANCEL] = no(110001)
    with pytest.raises(Uncertain):
        await venue.cancel(RECORD)
    fake.seen.clear()
    snapshot = await venue.snapshot()
    assert len(snapshot.quotes) == count
    assert snapshot.open_orders is not None
    assert snapshot.stable_prices == {"USDC": D(50_000)}
    assert len(fake.seen) == 5
    await venue.close()
    await fake.stop()


async def test_the_worked_example_of_a_unified_account(venue: CcxtVenue, fake: FakeBybit) -> None:
    """DOMAIN §3: USDT wallet 41,200, spotBorrow 1,200, uPnL −2,000, 1.2 BTC at 50,000: NAV 98,000, excess 0.22 BTC."""
    fake.replies[WALLET] = wallet(
        coin("BTC", "1.2"), coin("USDT", "41200", spotBorrow="1200", equity="38000", unrealisedPnl="-2000"))
    fake.replies[POSITIONS] = listing(position(unrealisedPnl="-2000"))
    snapshot = await venue.snapshot()
    terms = Policy((AssetPolicy("BTC", D("0.5")), AssetPolicy("ETH", D("0.3"))), cash_target=D("0.2"))
    seen = measure(snapshot, terms, await venue.instruments(["BTC", "ETH"]))
    assert (seen.nav, seen.cash) == (D(98_000), D(40_000))
    excess = seen.measures["BTC"].excess
    assert excess is not None
    assert excess / 50_000 == D("0.22")


async def test_interest_due_is_owed_and_a_wallet_below_zero_is_a_debt(venue: CcxtVenue, fake: FakeBybit) -> None:
    fake.replies[WALLET] = wallet(
        coin("BTC", "1.2", accruedInterest="0.01", spotBorrow="0.2"), coin("USDT", "-500", borrowAmount="500"))
    snapshot = await venue.snapshot()
    assert snapshot.holdings["BTC"] == Holding(D("1.2"), D(0), D("0.21"))
    assert snapshot.holdings["USDT"].total == -500
    assert snapshot.liabilities == 0


async def test_a_debt_in_a_coin_outside_the_portfolio_is_a_liability(venue: CcxtVenue, fake: FakeBybit) -> None:
    fake.replies[WALLET] = wallet(
        coin("BTC", "1.2"), coin("SOL", "0", spotBorrow="2", usdValue="-300"), coin("XRP", "100", usdValue="50"))
    assert (await venue.snapshot()).liabilities == 300


@pytest.mark.fault(48)
async def test_unknown_stays_unknown(venue: CcxtVenue, fake: FakeBybit) -> None:
    fake.replies[TICKERS] = lambda _: listing(*(
        ticker(symbol, bid1Price="", indexPrice="", fundingRate="", nextFundingTime="0", fundingIntervalHour="")
        for symbol in ("BTCUSDT", "ETHUSDT")
    ))
    fake.replies[POSITIONS] = listing(position(liqPrice="", updatedTime="", positionMM=""))
    snapshot = await venue.snapshot()
    quote = snapshot.quotes["BTC"]
    assert (quote.spot_bid, quote.spot_mid, quote.index, quote.funding_rate, quote.next_funding_at,
            quote.funding_interval) == (None,) * 6
    held = snapshot.positions[0]
    assert (held.liquidation_price, held.updated_at, held.maintenance_margin) == (None, None, None)


async def test_foreign_positions_are_shown_and_flat_rows_are_not(venue: CcxtVenue, fake: FakeBybit) -> None:
    fake.replies[POSITIONS] = listing(
        position(), position("XRPUSDT", "100", side="Buy"), position("SOLUSDT", "0", avgPrice="0"))
    assert {held.symbol: held.quantity for held in (await venue.snapshot()).positions} == {
        BTC: D("-0.2"), "XRP/USDT:USDT": D(100),
    }


@pytest.mark.fault(45)
async def test_a_list_of_positions_is_read_to_its_end(venue: CcxtVenue, fake: FakeBybit) -> None:
    many = [position(f"C{number}USDT") for number in range(200)]
    fake.replies[POSITIONS] = lambda params: (
        listing(position(), cursor="x%2Cy") if params.get("cursor") == "page%2C2"
        else listing(cursor="") if "cursor" in params else listing(*many, cursor="page%2C2"))
    assert len((await venue.snapshot()).positions) == 201


@pytest.mark.fault(45)
async def test_pages_without_an_end_are_no_answer(venue: CcxtVenue, fake: FakeBybit) -> None:
    fake.replies[POSITIONS] = listing(*(position(f"C{number}USDT") for number in range(200)), cursor="round")
    with pytest.raises(Unavailable, match="no end"):
        await venue.snapshot()


@pytest.mark.fault(42)
async def test_flat_is_believed_only_where_no_margin_is_set_aside(venue: CcxtVenue, fake: FakeBybit) -> None:
    fake.replies[POSITIONS] = listing()
    with pytest.raises(Unavailable, match="do not show the same positions"):
        await venue.snapshot()
    fake.replies[WALLET] = wallet(coin("USDT", "10000"))
    assert (await venue.snapshot()).positions == ()


async def test_hedge_mode_and_isolated_margin_stop_everything(venue: CcxtVenue, fake: FakeBybit) -> None:
    fake.replies[POSITIONS] = listing(position("BTCUSDT", "0", positionIdx=1), position("BTCUSDT", positionIdx=2))
    with pytest.raises(SafetyStop, match="hedge mode"):
        await venue.snapshot()
    fake.replies[POSITIONS] = listing(position())
    fake.replies[WALLET] = wallet(coin("USDT", "1"), totalMarginBalance="", accountMMRate="")
    with pytest.raises(SafetyStop, match="isolated"):
        await venue.snapshot()


async def test_resting_orders_are_shown_and_ended_ones_are_not(venue: CcxtVenue, fake: FakeBybit) -> None:
    fake.replies[LIVE] = listing(
        order(orderStatus="PartiallyFilled", cumExecQty="0.05"), order(orderId="o-2", orderStatus="Cancelled"),
        order(orderId="o-3", orderLinkId="", symbol="XRPUSDT"))
    found = (await venue.snapshot()).open_orders
    assert found is not None
    assert found[0] == OpenOrder(BTC, "o-1", LINK, Side.SELL, D(50_000), D("0.2"), D("0.05"),
                                 reduce_only=False, created_at=NOW)
    assert [each.order_id for each in found] == ["o-1", "o-3"]


# -- orders ------------------------------------------------------------------------------------------------------------


async def test_an_acknowledged_order_is_open_and_no_more_is_believed(venue: CcxtVenue, fake: FakeBybit) -> None:
    assert await venue.place(INTENT) == OrderReport(
        LINK, BTC, OrderState.OPEN, D(0), order_id="o-1", quantity=D("0.2"), price=D(50_000), at=NOW)
    assert fake.calls(CREATE) == [{
        "category": "linear", "symbol": "BTCUSDT", "side": "Sell", "orderType": "Limit", "qty": "0.2",
        "price": "50000", "timeInForce": "PostOnly", "orderLinkId": LINK, "reduceOnly": False, "positionIdx": 0,
    }]


async def test_a_close_is_reduce_only(venue: CcxtVenue, fake: FakeBybit) -> None:
    await venue.place(an_intent(side=Side.BUY, reduce_only=True, time_in_force=TimeInForce.IOC))
    sent = fake.calls(CREATE)[0]
    assert (sent["side"], sent["reduceOnly"], sent["timeInForce"]) == ("Buy", True, "IOC")


async def test_a_post_only_order_that_crossed_is_learnt_to_be_cancelled(venue: CcxtVenue, fake: FakeBybit) -> None:
    assert (await venue.place(INTENT)).state is OrderState.OPEN
    fake.replies[PAST] = listing(order(orderStatus="Cancelled", rejectReason="EC_PostOnlyWillTakeLiquidity"))
    found = await venue.find_order(BTC, LINK)
    assert found is not None
    assert (found.state, found.code) == (OrderState.CANCELLED, "EC_PostOnlyWillTakeLiquidity")


async def test_a_rejected_order_keeps_what_it_had_filled(venue: CcxtVenue, fake: FakeBybit) -> None:
    fake.replies[LIVE] = listing(order(
        orderStatus="Rejected", rejectReason="EC_InsufficientMargin", cumExecQty="0.05", avgPrice="50000"))
    found = await venue.find_order(BTC, LINK)
    assert found is not None
    assert (found.state, found.filled, found.code) == (OrderState.CANCELLED, D("0.05"), "EC_InsufficientMargin")


async def test_an_order_of_the_same_name_is_the_one_that_was_sent_before(venue: CcxtVenue, fake: FakeBybit) -> None:
    fake.replies[CREATE] = no(110072)
    fake.replies[LIVE] = listing(order(orderStatus="Filled", cumExecQty="0.2", avgPrice="50001"))
    report = await venue.place(INTENT)
    assert (report.state, report.average) == (OrderState.FILLED, D(50_001))


@pytest.mark.fault(23)
async def test_an_order_called_filled_has_filled_what_it_says_and_no_more(venue: CcxtVenue, fake: FakeBybit) -> None:
    fake.replies[LIVE] = listing(order(orderStatus="Filled", cumExecQty="0.15", avgPrice="50001"))
    report = await venue.find_order(INTENT.symbol, INTENT.client_order_id)
    assert report is not None
    assert (report.state, report.filled) == (OrderState.CANCELLED, D("0.15"))


@pytest.mark.fault(25)
async def test_a_price_that_the_venue_changed_is_told(venue: CcxtVenue, fake: FakeBybit) -> None:
    await venue.place(INTENT)
    fake.replies[LIVE] = listing(order(price="50250.0"))
    found = await venue.find_order(BTC, LINK)
    assert found is not None
    assert found.price == D(50_250)


async def test_a_split_order_is_one(venue: CcxtVenue, fake: FakeBybit) -> None:
    parts = [
        order(orderStatus="Filled", qty="0.1", cumExecQty="0.1", avgPrice="50000"),
        order(orderId="o-2", orderStatus="PartiallyFilled", qty="0.1", cumExecQty="0.06", avgPrice="50010"),
    ]
    fake.replies[LIVE] = listing(*parts)
    found = await venue.find_order(BTC, LINK)
    assert found is not None
    assert (found.state, found.filled, found.quantity, found.order_id) == (
        OrderState.PARTIAL, D("0.16"), D("0.2"), "o-1")
    assert found.average == D("50003.75")
    fake.replies[LIVE] = listing(parts[0], parts[1] | {"orderStatus": "Cancelled"})
    found = await venue.find_order(BTC, LINK)
    assert found is not None
    assert (found.state, found.filled) == (OrderState.CANCELLED, D("0.16"))


async def test_an_order_is_looked_for_among_the_live_and_then_the_ended(venue: CcxtVenue, fake: FakeBybit) -> None:
    assert await venue.find_order(BTC, LINK) is None
    assert len(fake.calls(LIVE)) == len(fake.calls(PAST)) == 1
    assert fake.calls(PAST)[0]["orderLinkId"] == LINK
    fake.replies[PAST] = listing(order(orderStatus="Filled", cumExecQty="0.2", avgPrice="1"))
    found = await venue.find_order(BTC, LINK)
    assert found is not None


@pytest.mark.parametrize("place", [LIVE, PAST])
@pytest.mark.parametrize("bad", [{}, [], {"retCode": 0, "retMsg": "OK"}, ok({}), ok({"list": None}), ok({"list": {}})])
async def test_not_found_counts_only_where_both_lists_are_valid(
    venue: CcxtVenue, fake: FakeBybit, place: str, bad: object,
) -> None:
    fake.replies[place] = bad
    with pytest.raises(Unavailable):
        await venue.find_order(BTC, LINK)


async def test_the_row_of_another_order_is_no_answer(venue: CcxtVenue, fake: FakeBybit) -> None:
    fake.replies[LIVE] = listing(order(orderLinkId="other"))
    with pytest.raises(Unavailable, match="another order"):
        await venue.find_order(BTC, LINK)
    fake.replies[CREATE] = acknowledged("other")
    with pytest.raises(Uncertain, match="another order"):
        await venue.place(INTENT)


async def test_an_amended_order_keeps_its_filled_part(venue: CcxtVenue, fake: FakeBybit) -> None:
    partly = OrderRecord(INTENT, OrderState.PARTIAL, D("0.05"), "o-1", D(50_000))
    report = await venue.amend(partly, D(50_100))
    assert (report.state, report.filled, report.price) == (OrderState.PARTIAL, D("0.05"), D(50_100))
    assert fake.calls(AMEND) == [
        {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": LINK, "price": "50100"}]


@pytest.mark.parametrize("code", [110001, 110008, 110010, 10001])
async def test_an_order_that_cannot_be_moved_any_more_is_looked_up(
    venue: CcxtVenue, fake: FakeBybit, code: int,
) -> None:
    fake.replies[AMEND] = no(code)
    fake.replies[PAST] = listing(order(orderStatus="Filled", cumExecQty="0.2", avgPrice="50000"))
    assert (await venue.amend(RECORD, D(50_100))).state is OrderState.FILLED


async def test_a_cancel_says_what_the_order_came_to(venue: CcxtVenue, fake: FakeBybit) -> None:
    fake.replies[LIVE] = listing(order(orderStatus="Cancelled", cumExecQty="0.05", avgPrice="50000",
                                       rejectReason="EC_PerCancelRequest"))
    report = await venue.cancel(RECORD)
    assert (report.state, report.filled, report.code) == (OrderState.CANCELLED, D("0.05"), None)


async def test_a_cancel_that_is_not_done_yet_is_not_believed(venue: CcxtVenue, fake: FakeBybit) -> None:
    fake.replies[LIVE] = listing(order())
    assert (await venue.cancel(RECORD)).state is OrderState.OPEN


async def test_a_cancelled_order_that_cannot_be_found_is_uncertain(venue: CcxtVenue, fake: FakeBybit) -> None:
    with pytest.raises(Uncertain):
        await venue.cancel(RECORD)
    fake.replies[CANCEL] = no(110001)
    fake.replies[PAST] = listing(order(orderStatus="Filled", cumExecQty="0.2", avgPrice="50000"))
    assert (await venue.cancel(RECORD)).state is OrderState.FILLED


async def test_a_plain_no_is_a_refusal(venue: CcxtVenue, fake: FakeBybit) -> None:
    fake.replies[CREATE] = no(110007, "ab not enough for new order")
    with pytest.raises(Refused, match="110007") as caught:
        await venue.place(INTENT)
    assert caught.value.code == "110007"
    assert not isinstance(caught.value, SafetyStop)


# -- the account -------------------------------------------------------------------------------------------------------


async def test_the_account_is_the_user_of_the_key(venue: CcxtVenue) -> None:
    assert await venue.account() == "1448939"


async def test_in_the_demo_the_account_is_known_by_its_key_alone() -> None:
    venue = make_bybit(Environment.DEMO, clock=ManualClock(), key="abcd", secret="s", assets=("BTC",))
    assert await venue.account() == "key-88d4266fd4e6"
    await venue.close()


def test_an_account_needs_a_key() -> None:
    with pytest.raises(ConfigError, match="bybit testnet needs an API key"):
        make_bybit(Environment.TESTNET, clock=ManualClock(), key="", secret="x", assets=("BTC",))


async def test_a_read_only_door_lets_no_order_pass(fake: FakeBybit, clock: ManualClock) -> None:
    venue = _open(await fake.start(), clock, read_only=True)
    await venue.snapshot()
    with pytest.raises(Refused, match="only looks"):
        await venue.place(INTENT)
    assert fake.calls(CREATE) == []
    await venue.close()


@pytest.mark.parametrize(("environment", "host"), [
    (Environment.TESTNET, "https://api-testnet.bybit.com"), (Environment.DEMO, "https://api-demo.bybit.com"),
    (Environment.LIVE, "https://api.bybit.com"), (Environment.LOCAL, "https://api-testnet.bybit.com"),
])
async def test_requests_are_made_out_to_the_environment(environment: Environment, host: str) -> None:
    local = "http://127.0.0.1:1" if environment is Environment.LOCAL else None
    venue = make_bybit(environment, clock=ManualClock(), key="k", secret="s", assets=("BTC",), local_url=local)
    exchange = venue._exchange
    assert exchange.sign("v5/order/create", ["private"], "POST", {})["url"] == f"{host}/v5/order/create"
    await venue.close()


