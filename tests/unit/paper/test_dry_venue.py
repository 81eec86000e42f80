"""A dry run's venue: real prices, cautious fills, published funding, and the account of the journal after a restart."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from fake_market import FakeMarket, HandClock
from feeds import START
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.market import Side, Snapshot
from bot.core.money import ZERO
from bot.core.orders import OrderIntent, OrderRecord, OrderReport, OrderState, TimeInForce, after_report, begin
from bot.core.policy import AssetPolicy, MarginPolicy, Policy
from bot.core.times import HOUR, MINUTE, SECOND
from bot.errors import Refused, Unavailable
from bot.paper.dry import DryVenue
from bot.paper.restore import Past
from bot.ports import Balances, Settlement, Venue

D = Decimal
BTC = "BTCUSDT"
BALANCES = Balances({"BTC": D("1.2"), "USDT": D(10_000)}, {"USDT": D(10_000)})
POLICY = Policy((AssetPolicy("BTC", D("0.5")),), D("0.5"), margin=MarginPolicy(leverage=D(5)))


async def opened(market: FakeMarket, past: Past | None = None) -> DryVenue:
    async def start() -> Balances | Past:
        return BALANCES if past is None else past

    venue = DryVenue(market, market.clock, start, settle="USDT", leverage=D(5))
    await venue.instruments(list(market.touch))
    return venue


@pytest.fixture
def market() -> FakeMarket:
    return FakeMarket(HandClock())


def intent(number: int, *, side: Side = Side.SELL, quantity: str = "0.2", price: str = "50000",
           tif: TimeInForce = TimeInForce.GTX, at: int = START) -> OrderIntent:
    return OrderIntent(
        client_order_id=f"hrdry000_btc1_{number}", number=number, episode="btc1", asset="BTC", symbol=BTC, side=side,
        quantity=D(quantity), price=D(price), reduce_only=side is Side.BUY, time_in_force=tif, position_before=ZERO,
        goal=D(quantity), decided_at=at, created_at=at, reason="opened",
    )


async def look(venue: DryVenue, market: FakeMarket, bid: str, ask: str, after: int = 5 * SECOND) -> Snapshot:
    market.clock.at += after
    market.touch["BTC"] = (bid, ask)
    return await venue.snapshot()


async def test_it_is_a_venue_of_the_account_dry(market: FakeMarket) -> None:
    venue: Venue = await opened(market)
    assert (venue.name, await venue.account(), venue.lookup_patience) == ("binance", "dry", 0)
    assert await venue.prepare(POLICY) == ()
    await venue.close()
    assert market.closed


async def test_the_account_is_opened_by_asking_for_instruments(market: FakeMarket) -> None:
    async def start() -> Balances:
        return BALANCES

    venue = DryVenue(market, market.clock, start, settle="USDT", leverage=D(5))
    assert await venue.account() == "dry"
    with pytest.raises(ValueError, match="instruments"):
        await venue.snapshot()
    with pytest.raises(Refused, match="DOGE"):
        await venue.instruments(["DOGE"])


async def test_a_snapshot_shows_the_venues_prices_and_the_simulated_account(market: FakeMarket) -> None:
    venue = await opened(market)
    snapshot = await venue.snapshot()
    assert snapshot.quotes == (await market.prices()).quotes
    assert snapshot.stable_prices == {"USDC": D("0.9999")}
    assert snapshot.holdings["BTC"].total == D("1.2")
    assert (snapshot.futures.balance, snapshot.positions, snapshot.open_orders) == (D(10_000), (), ())


async def test_a_resting_order_is_not_filled_by_a_touch_at_its_own_price(market: FakeMarket) -> None:
    venue = await opened(market)
    assert (await venue.place(intent(1))).state is OrderState.OPEN
    for bid, ask in (("49999.9", "50000"), ("50000", "50000.1"), ("49000", "49000.1"), ("50000", "50000.1")):
        snapshot = await look(venue, market, bid, ask)
        assert snapshot.positions == ()
        assert [order.filled for order in snapshot.open_orders or ()] == [ZERO]


async def test_a_resting_order_fills_whole_at_its_own_price_once_the_price_trades_through_it(
    market: FakeMarket,
) -> None:
    venue = await opened(market)
    await venue.place(intent(1))
    snapshot = await look(venue, market, "50000.1", "50000.2")
    assert (snapshot.positions[0].quantity, snapshot.positions[0].entry_price) == (D("-0.2"), D(50_000))
    fill = (await venue.fills(BTC, 0))[0]
    assert (fill.maker, fill.fee, fill.at) == (True, D("0.2") * 50_000 * D("0.0002"), market.clock.now())
    report = await venue.find_order(BTC, intent(1).client_order_id)
    assert report is not None
    assert report.state is OrderState.FILLED


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.integers(-30, 30), min_size=1, max_size=30), buys=st.booleans())
def test_a_resting_order_fills_exactly_when_an_observation_lies_strictly_beyond_it(
    steps: list[int], buys: bool,
) -> None:
    async def story() -> None:
        market = FakeMarket(HandClock())
        venue = await opened(market)
        price = D("50000")
        market.touch["BTC"] = ("49999.9", "50000.1")
        if buys:
            await venue.place(intent(1, price="49999", tif=TimeInForce.IOC))  # something to reduce
        order = intent(2, price="50000", quantity="0.2", side=Side.BUY if buys else Side.SELL)
        await venue.place(order)
        beyond = False
        middle = price
        for step in steps:
            middle += D(step) / 10
            beyond |= middle + D("0.1") < price if buys else middle - D("0.1") > price
            await look(venue, market, str(middle - D("0.1")), str(middle + D("0.1")))
            report = await venue.find_order(BTC, order.client_order_id)
            assert report is not None
            assert (report.filled == D("0.2")) == beyond

    asyncio.run(story())


async def test_a_taker_walks_the_displayed_book_up_to_its_bound_and_pays_the_taker_fee(market: FakeMarket) -> None:
    venue = await opened(market)
    report = await venue.place(intent(1, quantity="0.3", price="49999.8", tif=TimeInForce.IOC))
    assert (report.state, report.filled, report.average) == (OrderState.CANCELLED, D("0.2"), D("49999.85"))
    fills = await venue.fills(BTC, 0)
    assert [(fill.price, fill.quantity, fill.maker) for fill in fills] == [
        (D("49999.9"), D("0.1"), False), (D("49999.8"), D("0.1"), False)]
    assert [fill.fee for fill in fills] == [fill.price * fill.quantity * D("0.0005") for fill in fills]


async def test_a_taker_takes_nothing_beyond_its_bound(market: FakeMarket) -> None:
    venue = await opened(market)
    report = await venue.place(intent(1, quantity="0.3", price="49999.9", tif=TimeInForce.IOC))
    assert (report.state, report.filled) == (OrderState.CANCELLED, D("0.1"))
    assert (await venue.place(intent(2, price="50000", tif=TimeInForce.IOC))).filled == ZERO


async def test_every_order_meets_the_book_as_it_is_when_it_comes_and_not_as_the_last_snapshot_saw_it(
    market: FakeMarket,
) -> None:
    venue = await opened(market)
    await venue.snapshot()
    market.touch["BTC"] = ("50000", "50000.1")  # the bid has come up to our price since
    report = await venue.place(intent(1))
    assert (report.state, report.code) == (OrderState.CANCELLED, "POST_ONLY_WOULD_CROSS")


async def test_an_order_whose_look_at_the_book_failed_never_left(market: FakeMarket) -> None:
    venue = await opened(market)
    market.fails = Unavailable("gone")
    with pytest.raises(Unavailable):
        await venue.place(intent(1))
    market.fails = None
    assert await venue.find_order(BTC, intent(1).client_order_id) is None
    with pytest.raises(Refused):
        await venue.place(replace(intent(1), symbol="DOGEUSDT"))


async def test_amend_and_cancel_work_on_the_resting_order(market: FakeMarket) -> None:
    venue = await opened(market)
    report = await venue.place(intent(1))
    record = after_report(begin(intent(1)), report, market.clock.now())
    moved = await venue.amend(record, D("50010"))
    assert (moved.state, moved.price) == (OrderState.OPEN, D("50010"))
    assert (await venue.cancel(record)).state is OrderState.CANCELLED


async def test_funding_is_the_published_rate_at_the_published_mark_on_the_position_carried_into_it(
    market: FakeMarket,
) -> None:
    venue = await opened(market)
    market.size = "1"
    await venue.place(intent(1, price="49000", tif=TimeInForce.IOC))
    due = START + 8 * HOUR
    market.clock.at = due
    market.published.append(Settlement("BTC", D("0.0003"), D(51_000), due))
    await venue.place(intent(2, quantity="0.1", price="49000", tif=TimeInForce.IOC, at=due))  # after the settlement
    payments = await venue.funding(START)
    assert [(payment.amount, payment.at, payment.payment_id) for payment in payments] == [
        (D("0.2") * 51_000 * D("0.0003"), due, str(due))]
    before = (await venue.snapshot()).futures.balance
    assert await venue.funding(START) == payments
    assert (await venue.snapshot()).futures.balance == before


async def test_a_settlement_that_is_published_late_is_booked_late_on_the_position_of_its_instant(
    market: FakeMarket,
) -> None:
    venue = await opened(market)
    market.size = "1"
    await venue.place(intent(1, price="49000", tif=TimeInForce.IOC))
    market.clock.at = START + 8 * HOUR + MINUTE
    assert await venue.funding(START) == ()
    await venue.place(intent(2, side=Side.BUY, price="51000", tif=TimeInForce.IOC, at=market.clock.at))
    market.published.append(Settlement("BTC", D("0.0001"), None, START + 8 * HOUR))
    payments = await venue.funding(START)
    assert [payment.amount for payment in payments] == [D("0.2") * D("49999.9") * D("0.0001")]


async def test_a_coin_that_was_never_traded_asks_for_no_settlements(market: FakeMarket) -> None:
    venue = await opened(market)
    assert await venue.funding(START) == ()
    assert "settlements" not in market.asked


async def test_a_short_is_liquidated_on_the_observed_mark(market: FakeMarket) -> None:
    venue = await opened(market)
    market.size = "1"
    await venue.place(intent(1, quantity="0.9", price="49000", tif=TimeInForce.IOC))
    market.marks["BTC"] = "62000"
    snapshot = await look(venue, market, "61999.9", "62000")
    assert snapshot.positions == ()
    assert venue.exchange.liquidations


async def test_a_coin_without_a_mark_price_is_no_market(market: FakeMarket) -> None:
    venue = await opened(market)
    seen = await market.prices()
    blind = replace(seen, quotes={"BTC": replace(seen.quotes["BTC"], mark=None)})
    venue._open.feed.see(blind)
    assert venue.exchange.mark("BTC") == D("49999.9"), "the last known one serves"
    with pytest.raises(Unavailable, match="mark"):
        type(venue._open.feed)(blind)


# -- restart ----------------------------------------------------------------------------------------------------------


class Keeper:
    """What a journal would keep of one venue: intents, reports, fills, funding."""

    def __init__(self) -> None:
        self.orders: dict[str, OrderRecord] = {}
        self.last_order_id = 0

    def intended(self, meant: OrderIntent) -> None:
        self.orders[meant.client_order_id] = begin(meant)

    def reported(self, report: OrderReport, at: int) -> None:
        record = self.orders[report.client_order_id]
        self.orders[report.client_order_id] = after_report(record, report, at)
        self.last_order_id = max(self.last_order_id, int(report.order_id or 0))

    async def past(self, venue: DryVenue) -> Past:
        for record in list(self.orders.values()):
            report = await venue.find_order(BTC, record.intent.client_order_id)
            if report is not None:
                self.reported(report, report.at or 0)
        return Past(
            BALANCES, await venue.fills(BTC, 0), await venue.funding(0),
            tuple(record for record in self.orders.values() if record.state.live), self.last_order_id,
        )


def account(snapshot: Snapshot) -> tuple[object, ...]:
    orders = [replace(order, created_at=0) for order in snapshot.open_orders or ()]
    return snapshot.holdings, snapshot.futures, snapshot.positions, orders


OPERATIONS = st.one_of(
    st.tuples(st.just("rest"), st.sampled_from([Side.SELL, Side.BUY]), st.integers(1, 60)),
    st.tuples(st.just("take"), st.sampled_from([Side.SELL, Side.BUY]), st.integers(1, 60)),
    st.tuples(st.just("move"), st.none(), st.integers(-400, 400)),
    st.tuples(st.just("fund"), st.none(), st.integers(-5, 5)),
    st.tuples(st.just("cancel"), st.none(), st.integers(0, 5)),
)


@settings(max_examples=40, deadline=None)
@given(operations=st.lists(OPERATIONS, max_size=25), later=st.lists(OPERATIONS, max_size=6))
def test_an_account_rebuilt_from_the_journal_is_the_one_that_never_stopped(
    operations: list[tuple[str, Side | None, int]], later: list[tuple[str, Side | None, int]],
) -> None:
    async def story() -> None:
        market = FakeMarket(HandClock(), size="0.05")
        venue, keeper = await opened(market), Keeper()
        await venue.prepare(POLICY)
        for number, operation in enumerate(operations, 1):
            await do(venue, market, keeper, number, operation)
        again = await opened(market, await keeper.past(venue))
        await again.prepare(POLICY)
        assert account(await again.snapshot()) == account(await venue.snapshot())
        assert await again.fills(BTC, 0) == await venue.fills(BTC, 0)
        assert await again.funding(0) == await venue.funding(0)
        for number, operation in enumerate(later, 1_000):
            for one in (venue, again):
                at, touch, published = market.clock.at, dict(market.touch), list(market.published)
                await do(one, market, keeper, number, operation)
                if one is venue:
                    market.clock.at, market.touch, market.published = at, touch, published
        assert account(await again.snapshot()) == account(await venue.snapshot())
        assert await again.fills(BTC, 0) == await venue.fills(BTC, 0), "order and trade ids go on"

    asyncio.run(story())


async def do(
    venue: DryVenue, market: FakeMarket, keeper: Keeper, number: int, operation: tuple[str, Side | None, int],
) -> None:
    """One thing that happens to a bot. What the account refuses was not sent."""
    kind, side, size = operation
    market.clock.at += MINUTE
    bid, ask = market.touch["BTC"]
    if kind in ("rest", "take") and side is not None:
        resting = kind == "rest"
        price = (ask if resting else bid) if side is Side.SELL else (bid if resting else ask)
        meant = intent(number, side=side, quantity=str(D(size) / 1000), price=price, at=market.clock.at,
                       tif=TimeInForce.GTX if resting else TimeInForce.IOC)
        try:
            report = await venue.place(meant)
        except Refused:
            return
        keeper.intended(meant)
        keeper.reported(report, market.clock.at)
    elif kind == "move":
        moved = [str(D(price) + D(size) / 10) for price in (bid, ask)]
        market.touch["BTC"] = (moved[0], moved[1])
        await venue.snapshot()
    elif kind == "fund":
        market.published.append(Settlement("BTC", D(size) / 10_000, D(bid), market.clock.at))
        await venue.funding(0)
    elif kind == "cancel":
        resting_orders = [record for record in keeper.orders.values()
                          if any(order.client_order_id == record.intent.client_order_id
                                 for order in venue.exchange.open_orders())]
        if resting_orders:
            record = resting_orders[size % len(resting_orders)]
            keeper.reported(await venue.cancel(record), market.clock.at)


async def test_an_intent_that_was_never_reported_has_not_happened(market: FakeMarket) -> None:
    meant = intent(7)
    again = await opened(market, Past(BALANCES, orders=(begin(meant),), last_order_id=3))
    assert await again.find_order(BTC, meant.client_order_id) is None
    assert (await again.place(meant)).order_id == "4"


async def test_an_order_whose_fill_was_booked_before_its_report_is_found_as_it_ended(market: FakeMarket) -> None:
    venue = await opened(market)
    meant = intent(1, quantity="0.1", price="49999.9", tif=TimeInForce.IOC)
    await venue.place(meant)
    again = await opened(market, Past(BALANCES, await venue.fills(BTC, 0), orders=(begin(meant),)))
    report = await again.find_order(BTC, meant.client_order_id)
    assert report is not None
    assert (report.state, report.filled, report.order_id) == (OrderState.FILLED, D("0.1"), "1")
    assert (await again.place(intent(2, price="50001"))).order_id == "2"


async def test_a_resting_order_with_a_booked_part_rests_on_with_the_rest(market: FakeMarket) -> None:
    venue = await opened(market)
    report = await venue.place(intent(1))
    await look(venue, market, "50000.1", "50000.2")
    fill = replace((await venue.fills(BTC, 0))[0], quantity=D("0.05"))
    record = after_report(begin(intent(1)), report, START)
    market.touch["BTC"] = ("49999.9", "50000")
    again = await opened(market, Past(BALANCES, (fill,), orders=(record,), last_order_id=1))
    order = ((await again.snapshot()).open_orders or ())[0]
    assert (order.filled, order.quantity, order.order_id) == (D("0.05"), D("0.2"), "1")


async def test_past_trades_of_a_coin_that_is_no_longer_configured_still_count_in_the_balance(
    market: FakeMarket,
) -> None:
    venue = await opened(market)
    await venue.place(intent(1, quantity="0.1", price="49999.9", tif=TimeInForce.IOC))
    fill = replace((await venue.fills(BTC, 0))[0], symbol="DOGEUSDT", realised=D(5))
    again = await opened(market, Past(BALANCES, (fill,)))
    assert (await again.snapshot()).futures.balance == 10_005 - fill.fee
    assert (await again.place(intent(1, price="50001"))).order_id == "2"


async def test_an_order_that_was_moved_rests_where_the_journal_saw_it_last(market: FakeMarket) -> None:
    venue = await opened(market)
    record = after_report(begin(intent(1)), await venue.place(intent(1)), START)
    record = after_report(record, await venue.amend(record, D("50010")), START)
    again = await opened(market, Past(BALANCES, orders=(record,), last_order_id=1))
    assert [order.price for order in (await again.snapshot()).open_orders or ()] == [D("50010")]


async def test_a_taker_that_was_filled_in_part_before_the_crash_does_not_rest_after_it(market: FakeMarket) -> None:
    venue = await opened(market)
    meant = intent(1, quantity="0.3", price="49999.9", tif=TimeInForce.IOC)
    await venue.place(meant)
    again = await opened(market, Past(BALANCES, await venue.fills(BTC, 0), orders=(begin(meant),)))
    assert (await again.snapshot()).open_orders == ()
    report = await again.find_order(BTC, meant.client_order_id)
    assert report is not None
    assert (report.state, report.filled) == (OrderState.CANCELLED, D("0.1"))


async def test_trade_ids_go_on_after_the_last_even_where_some_are_not_in_the_journal(market: FakeMarket) -> None:
    venue = await opened(market)
    meant = intent(1, quantity="0.1", price="49999.9", tif=TimeInForce.IOC)
    await venue.place(meant)
    fill = replace((await venue.fills(BTC, 0))[0], trade_id="7")  # six went to a liquidation, which no journal books
    again = await opened(market, Past(BALANCES, (fill,), last_order_id=1))
    await again.place(intent(2, quantity="0.1", price="49999.9", tif=TimeInForce.IOC))
    assert [one.trade_id for one in await again.fills(BTC, 0)] == ["7", "8"]
