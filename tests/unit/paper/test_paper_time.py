"""What time does to the account: funding, liquidation on mark, takers; the same however the way is cut."""

from __future__ import annotations

from decimal import Decimal

import pytest
from feeds import START, FakeFeed, paper_instrument, scripted, steady
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_accounts import paper_exchange

from bot.core.market import MarginTier, Side, WalletKind
from bot.core.times import HOUR, MINUTE, SECOND, Millis
from bot.paper.exchange import PaperExchange
from bot.paper.records import IncomeKind, OrderStatus, PaperReject

D = Decimal
STEP = 5 * SECOND


def short(exchange: PaperExchange, quantity: str, asset: str = "BTC") -> None:
    lowest = exchange.state(asset).perp.bids[-1].price
    exchange.place("perp", asset, Side.SELL, D(quantity), lowest, time_in_force="IOC")


# --- funding ---

@pytest.mark.parametrize(("side", "rate", "received"), [
    (Side.SELL, "0.0003", "3"), (Side.SELL, "-0.0001", "-1"), (Side.BUY, "0.0003", "-3"), (Side.BUY, "-0.0001", "1"),
])
def test_a_positive_rate_is_paid_by_longs_to_shorts(side: Side, rate: str, received: str) -> None:
    exchange = paper_exchange(FakeFeed(rate=lambda _: D(rate)))
    exchange.place("perp", "BTC", side, D("0.2"), D(50_001 if side is Side.BUY else 49_999), time_in_force="IOC")
    before = exchange.wallets.futures["USDT"]
    exchange.advance(START + 8 * HOUR)
    (row,) = exchange.funding_rows
    assert (row.amount, row.rate, row.mark, row.at) == (D(received), D(rate), D(50_000), START + 8 * HOUR)
    assert exchange.wallets.futures["USDT"] - before == D(received)


def test_funding_settles_on_the_mark_at_each_interval_and_not_without_a_position() -> None:
    feed = FakeFeed(interval=HOUR, marks={"BTC": lambda step: D(50_000) + step // 720})
    exchange = paper_exchange(feed)
    exchange.advance(START + HOUR)
    assert not exchange.funding_rows
    short(exchange, "0.1")
    exchange.advance(START + 3 * HOUR)
    assert [(row.at - START, row.mark, row.amount) for row in exchange.funding_rows] == [
        (2 * HOUR, D(50_002), D("0.50002")), (3 * HOUR, D(50_003), D("0.50003")),
    ]


def test_funding_settles_before_the_orders_that_fill_at_the_same_instant() -> None:
    feed = FakeFeed(interval=HOUR, takers=lambda step: (D(0), D(9) if step == 720 else D(0)))
    exchange = paper_exchange(feed)
    short(exchange, "0.1")
    closing = exchange.place("perp", "BTC", Side.BUY, D("0.1"), D("49999.5"), time_in_force="GTX", reduce_only=True)
    exchange.advance(START + HOUR)
    assert closing.status is OrderStatus.FILLED
    assert [row.amount for row in exchange.funding_rows] == [D("0.5")]


# --- liquidation ---

FLAT = (MarginTier(D(0), None, D("0.004")),)


def test_liquidation_follows_the_mark_and_never_the_traded_price() -> None:
    # The market trades far above; the mark stays.
    feed = FakeFeed(prices={"BTC": scripted(50_000, 99_000)}, marks={"BTC": steady(50_000)})
    exchange = paper_exchange(feed)
    short(exchange, "0.9")
    exchange.advance(START + HOUR)
    assert not exchange.liquidations


def test_the_position_is_taken_over_at_the_first_minute_whose_mark_is_beyond_the_liquidation_price() -> None:
    def mark(step: int) -> Decimal:
        return D(50_000) + 100 * (step // 12)

    feed = FakeFeed(marks={"BTC": mark})
    exchange = paper_exchange(feed, instruments={"BTC": paper_instrument(tiers=FLAT)})
    short(exchange, "1")
    price = exchange.liquidation_price("BTC")
    assert price is not None
    resting = exchange.place("perp", "BTC", Side.SELL, D("0.001"), D(90_000))
    exchange.advance(START + 24 * HOUR)
    (liquidation,) = exchange.liquidations
    assert liquidation.mark == mark((liquidation.at - START) // STEP)
    # The liquidation price is of the day of opening; fees and no funding came between.
    assert liquidation.mark - 100 <= price < liquidation.mark
    assert exchange.position("BTC").quantity == 0
    assert resting.status is OrderStatus.CANCELED
    order = exchange.orders[exchange.fills[-1].order_id]
    assert order.client_order_id.startswith("autoclose-")
    assert (exchange.fills[-1].fee, exchange.fills[-1].price) == (D(0), liquidation.mark)


def test_a_cent_below_the_maintenance_margin_is_liquidation_and_a_cent_above_is_not() -> None:
    for cents, liquidated in ((1, True), (-1, False)):
        exchange = paper_exchange(instruments={"BTC": paper_instrument(tiers=FLAT)})
        short(exchange, "1")
        price = exchange.liquidation_price("BTC")
        assert price is not None
        exchange.shift_price("BTC", (price + D(cents) / 100) / 50_000)
        exchange.advance(START + MINUTE)
        assert bool(exchange.liquidations) is liquidated


def test_between_whole_minutes_the_mark_liquidates_nobody() -> None:
    exchange = paper_exchange(FakeFeed(marks={"BTC": scripted(50_000, 99_000, 50_000)}))
    short(exchange, "1")
    exchange.advance(START + MINUTE)
    assert not exchange.liquidations


def test_a_loss_beyond_the_margin_is_lifted_to_zero_and_recorded() -> None:
    exchange = paper_exchange(FakeFeed(marks={"BTC": scripted(50_000, 70_000)}))
    short(exchange, "1")
    exchange.advance(START + MINUTE)
    assert exchange.wallets.futures["USDT"] == 0
    row = exchange.income[-1]
    assert (row.kind, row.amount) == (IncomeKind.INSURANCE_CLEAR, D("10025.49975"))


def test_a_unified_account_is_carried_by_its_coins() -> None:
    feed = FakeFeed(prices={"BTC": scripted(50_000, 90_000)})
    assert feed.mark("BTC", START + STEP) == 90_000
    carried = paper_exchange(feed, wallet=WalletKind.UNIFIED, futures={})
    apart = paper_exchange(feed, futures={"USDT": "10000"})
    for exchange in (carried, apart):
        short(exchange, "1")
        exchange.advance(START + MINUTE)
    assert not carried.liquidations
    assert apart.liquidations


@pytest.mark.parametrize("wallet", list(WalletKind))
@pytest.mark.parametrize("asset", ["BTC", "ETH"])
def test_the_liquidation_price_is_where_equity_meets_maintenance(asset: str, wallet: WalletKind) -> None:
    exchange = paper_exchange(
        FakeFeed(prices={"BTC": steady(50_000), "ETH": steady(2_500)}, size=D(20)), spot={"BTC": "0.1", "ETH": "1"},
        wallet=wallet, futures={"USDT": "15000"},
    )
    short(exchange, "0.9")
    exchange.place("perp", "ETH", Side.BUY, D(18), D(2_600), time_in_force="IOC")
    price = exchange.liquidation_price(asset)
    assert price is not None
    assert (price > 50_000) if asset == "BTC" else (price < 2_500)
    exchange.shift_price(asset, price / exchange.mark(asset))
    figures = exchange.figures()
    assert abs(figures.equity - figures.maintenance_margin) < D("0.001")


def test_a_position_that_no_mark_can_liquidate_has_no_liquidation_price() -> None:
    exchange = paper_exchange()
    assert exchange.liquidation_price("BTC") is None
    exchange.place("perp", "BTC", Side.BUY, D("0.1"), D("50000.5"), time_in_force="IOC")
    assert exchange.liquidation_price("BTC") is None


# --- time itself ---

def test_time_never_goes_back_and_ends_with_the_story() -> None:
    feed = FakeFeed()
    exchange = paper_exchange(feed)
    exchange.advance(START + HOUR)
    exchange.advance(START)
    assert exchange.now == START + HOUR
    exchange.advance(feed.end + HOUR)
    assert exchange.now == feed.end


def test_a_price_shift_reaches_books_marks_and_orders_that_rest() -> None:
    exchange = paper_exchange()
    short(exchange, "0.1")
    closing = exchange.place("perp", "BTC", Side.BUY, D("0.1"), D(49_000), time_in_force="GTX", reduce_only=True)
    exchange.shift_price("BTC", D("0.98"))
    exchange.shift_price("BTC", D("0.99"))
    state = exchange.state("BTC")
    assert (state.mark, state.spot.bids[0].price) == (D(48_510), D("48509.51"))
    assert exchange.figures().unrealised == D("0.1") * (D("49999.5") - 48_510)
    exchange.advance(START + STEP)
    assert (closing.status, closing.average) == (OrderStatus.FILLED, D(49_000))
    with pytest.raises(ValueError, match="positive"):
        exchange.shift_price("BTC", D(0))


class Counting(FakeFeed):
    """A feed that counts how often its books are asked for."""

    books = 0

    def at(self, asset: str, at: Millis):  # type: ignore[no-untyped-def] # noqa: ANN201 - as the base class has it
        self.books += 1
        return super().at(asset, at)


def test_without_resting_orders_time_costs_no_books() -> None:
    feed = Counting()
    exchange = paper_exchange(feed)
    short(exchange, "0.1")
    before = feed.books
    exchange.advance(START + 15 * MINUTE)
    assert feed.books == before


def busy_feed() -> FakeFeed:
    """Prices that swing far enough to fill, to trade through and, at times, to liquidate."""
    def price(base: int) -> object:
        return lambda step: D(base) * (1_000 + (step * 7919 % 61 - 30) + (step // 40) * 3) / 1_000

    return FakeFeed(
        prices={"BTC": price(50_000), "ETH": price(2_500)},  # type: ignore[dict-item] # a lambda is what it is
        takers=lambda step: (D(step * 31 % 17) / 10, D(step * 17 % 13) / 10), interval=10 * MINUTE, size=D("0.4"),
    )


def play(exchange: PaperExchange, orders: list[tuple[int, str, bool, int, int]], cuts: list[int]) -> dict[str, object]:
    """Place at given minutes; between them advance at once, or with extra stops at `cuts` (seconds)."""
    for minute, asset, sells, size, off in sorted(orders):
        at = START + minute * MINUTE
        for cut in sorted(cuts):
            if exchange.now < START + cut * SECOND < at:
                exchange.advance(START + cut * SECOND)
        exchange.advance(at)
        middle = exchange.state(asset).mark
        offset = middle * off / 1_000
        price = (middle + offset if sells else middle - offset) // 1
        quantity = D(size) / 10
        try:
            exchange.place("perp", asset, Side.SELL if sells else Side.BUY, quantity, price)
        except PaperReject:
            continue
    exchange.advance(START + HOUR)
    return exchange.dump()


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.sampled_from(["BTC", "ETH"]), st.booleans(), st.integers(1, 12),
                       st.integers(-5, 20)), min_size=1, max_size=6),
    st.lists(st.integers(0, 3_000), max_size=25),
    st.sampled_from(list(WalletKind)),
)
def test_the_way_through_time_may_be_cut_anywhere(orders: list[tuple[int, str, bool, int, int]], cuts: list[int],
                                                  wallet: WalletKind) -> None:
    whole, cut = (paper_exchange(busy_feed(), wallet=wallet, leverage="50") for _ in range(2))
    assert play(whole, orders, []) == play(cut, orders, cuts)
