"""PaperVenue keeps the promises of the Venue port."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from fake_market import HandClock
from feeds import START, FakeFeed, scripted, steady
from paper_accounts import paper_exchange

from bot.core.margin import figures
from bot.core.market import Holding, Side, WalletKind
from bot.core.orders import OrderIntent, OrderRecord, OrderReport, OrderState, TimeInForce
from bot.core.policy import AssetPolicy, MarginPolicy, Policy
from bot.core.times import HOUR, SECOND
from bot.errors import Refused
from bot.paper.exchange import PaperExchange
from bot.paper.venue import PaperVenue
from bot.ports import Venue

D = Decimal
STEP = 5 * SECOND


def intent(number: int = 1, *, side: Side = Side.SELL, quantity: str = "0.2", price: str = "49999.5",
           tif: TimeInForce = TimeInForce.IOC, reduce_only: bool = False, symbol: str = "BTCUSDT") -> OrderIntent:
    return OrderIntent(
        client_order_id=f"hrtest00_btc1_{number}", number=number, episode="btc1", asset="BTC", symbol=symbol, side=side,
        quantity=D(quantity), price=D(price), reduce_only=reduce_only, time_in_force=tif, position_before=D(0),
        goal=D(quantity), decided_at=START, created_at=START, reason="opened",
    )


def venue_of(exchange: PaperExchange | None = None, clock: HandClock | None = None) -> PaperVenue:
    return PaperVenue(exchange or paper_exchange(), clock)


async def test_it_is_a_venue_with_a_name_and_an_account() -> None:
    venue: Venue = venue_of()
    assert (venue.name, await venue.account(), venue.lookup_patience) == ("paper", "paper", 0)
    await venue.close()


async def test_instruments_of_listed_coins_and_a_refusal_for_others() -> None:
    venue = venue_of()
    assert (await venue.instruments(["BTC"]))["BTC"].symbol == "BTCUSDT"
    with pytest.raises(Refused, match="DOGE"):
        await venue.instruments(["BTC", "DOGE"])


async def test_prepare_sets_the_leverage_once_and_says_so() -> None:
    venue = venue_of()
    policy = Policy((AssetPolicy("BTC", D("0.5")),), D("0.5"))
    assert await venue.prepare(policy) == ("leverage of BTC set to 5",)
    assert await venue.prepare(policy) == ()
    with pytest.raises(Refused, match="BAD_LEVERAGE"):
        await venue.prepare(replace(policy, margin=MarginPolicy(leverage=D(500))))
    with pytest.raises(Refused, match="UNKNOWN_SYMBOL"):
        await venue.prepare(Policy((AssetPolicy("DOGE", D("0.5")),), D("0.5")))


async def test_a_snapshot_shows_the_whole_account_at_one_instant() -> None:
    exchange = paper_exchange()
    venue = venue_of(exchange)
    await venue.place(intent())
    await venue.place(intent(2, side=Side.BUY, quantity="0.1", price="49000", tif=TimeInForce.GTX, reduce_only=True))
    exchange.place("spot", "BTC", Side.SELL, D("0.2"), D(60_000))
    seen = await venue.snapshot()
    quote = seen.quotes["BTC"]
    assert seen.taken_at == quote.spot_at == quote.perp_at == quote.mark_at == START
    assert seen.holdings == {"BTC": Holding(D("1.0"), D("0.2")), "USDT": Holding(D(10_000))}
    assert (quote.spot_mid, quote.mark, quote.index) == (D(50_000), D(50_000), D(50_000))
    assert (quote.funding_rate, quote.next_funding_at, quote.funding_interval) == (
        D("0.0001"), START + 8 * HOUR, 8 * HOUR,
    )
    (position,) = seen.positions
    assert (position.quantity, position.entry_price, position.leverage) == (D("-0.2"), D("49999.5"), D(20))
    assert seen.futures.equity == seen.futures.balance + seen.futures.unrealised
    assert seen.futures.available == seen.futures.equity - seen.futures.initial_margin
    assert seen.open_orders is not None
    assert [(order.client_order_id, order.reduce_only) for order in seen.open_orders] == [("hrtest00_btc1_2", True)]
    own = figures(seen, exchange.instruments)
    assert (own.maintenance, own.liquidation_prices["BTC"]) == (
        seen.futures.maintenance_margin, position.liquidation_price,
    )


async def test_a_unified_snapshot_counts_cash_once_and_shows_debt_as_borrowed() -> None:
    exchange = paper_exchange(
        FakeFeed(prices={"BTC": scripted(50_000, 90_000)}), wallet=WalletKind.UNIFIED, futures={"USDT": "-9000"},
    )
    venue = venue_of(exchange)
    await venue.place(intent())
    exchange.advance(START + STEP)
    await venue.place(intent(2, side=Side.BUY, price="90001", reduce_only=True))
    seen = await venue.snapshot()
    assert seen.wallet is WalletKind.UNIFIED
    assert seen.futures.balance == 0
    assert seen.holdings["USDT"].free == 0
    assert seen.holdings["USDT"].total == -seen.holdings["USDT"].borrowed == exchange.wallets.spot["USDT"] < 0
    assert seen.futures.equity == exchange.wallets.spot["USDT"] + D("1.2") * 90_000 * D("0.95")


@pytest.mark.parametrize(("order", "state", "filled"), [
    (intent(), OrderState.FILLED, "0.2"),
    (intent(quantity="1.2"), OrderState.CANCELLED, "1"),
    (intent(quantity="1.2", tif=TimeInForce.GTC), OrderState.PARTIAL, "1"),
    (intent(price="50010", tif=TimeInForce.GTX), OrderState.OPEN, "0"),
    (intent(price="50010"), OrderState.CANCELLED, "0"),
    (intent(tif=TimeInForce.GTX), OrderState.CANCELLED, "0"),
])
async def test_placing_reports_where_the_order_stands(order: OrderIntent, state: OrderState, filled: str) -> None:
    report = await venue_of().place(order)
    assert (report.client_order_id, report.state, report.filled) == (order.client_order_id, state, D(filled))


async def test_what_the_exchange_refuses_is_refused_with_its_code() -> None:
    venue = venue_of()
    for order, code in [(intent(price="50000.05"), "BAD_PRICE_TICK"), (intent(quantity="7"), "INSUFFICIENT_MARGIN"),
                        (intent(reduce_only=True), "REDUCE_ONLY_REJECTED"), (intent(symbol="XUSDT"), "UNKNOWN_SYMBOL")]:
        with pytest.raises(Refused) as refused:
            await venue.place(order)
        assert refused.value.code == code


async def test_an_order_is_amended_found_and_cancelled_by_its_client_id() -> None:
    venue = venue_of()
    resting = intent(price="50010", tif=TimeInForce.GTX)
    record = OrderRecord(resting)
    await venue.place(resting)
    assert (await venue.amend(record, D("50020"))).price == 50_020
    assert (await venue.amend(record, D("50020"))).state is OrderState.OPEN
    with pytest.raises(Refused, match="BAD_PRICE_TICK"):
        await venue.amend(record, D("50020.05"))
    found = await venue.find_order("BTCUSDT", resting.client_order_id)
    assert isinstance(found, OrderReport)
    assert (found.price, found.order_id) == (D(50_020), "1")
    assert (await venue.cancel(record)).state is OrderState.CANCELLED
    assert (await venue.cancel(record)).state is OrderState.CANCELLED
    assert (await venue.amend(record, D("50030"))).state is OrderState.CANCELLED


async def test_what_was_never_sent_is_not_found_and_cannot_be_cancelled() -> None:
    venue = venue_of()
    assert await venue.find_order("BTCUSDT", "hrtest00_btc1_9") is None
    with pytest.raises(Refused, match="not known"):
        await venue.cancel(OrderRecord(intent(9)))


async def test_fills_and_funding_come_oldest_first_from_the_instant_asked_for() -> None:
    clock = HandClock()
    exchange = paper_exchange(FakeFeed(prices={"BTC": steady(50_000), "ETH": steady(2_500)}))
    venue = venue_of(exchange, clock)
    await venue.place(intent(quantity="1"))
    clock.at += STEP
    await venue.place(intent(2, side=Side.BUY, quantity="0.5", price="50001", reduce_only=True))
    fills = await venue.fills("BTCUSDT", START)
    assert [(fill.trade_id, fill.side, fill.quantity, fill.realised) for fill in fills] == [
        ("1", Side.SELL, D(1), D(0)), ("2", Side.BUY, D("0.5"), D("-0.5")),
    ]
    assert await venue.fills("BTCUSDT", START + STEP) == fills[1:]
    assert await venue.fills("ETHUSDT", START) == ()
    clock.at = START + 16 * HOUR
    payments = await venue.funding(START + 8 * HOUR + 1)
    assert [(row.payment_id, row.amount, row.currency, row.at) for row in payments] == [
        ("2", D("2.5"), "USDT", START + 16 * HOUR),
    ]


async def test_the_exchange_follows_the_clock_before_it_answers() -> None:
    clock = HandClock()
    exchange = paper_exchange(FakeFeed(takers=lambda _: (D(9), D(0))))
    venue = venue_of(exchange, clock)
    resting = intent(price="50000.5", tif=TimeInForce.GTX)
    await venue.place(resting)
    clock.at += STEP
    found = await venue.find_order("BTCUSDT", resting.client_order_id)
    assert found is not None
    assert (found.state, found.at, found.average) == (OrderState.FILLED, START + STEP, D("50000.5"))
    assert (await venue.snapshot()).taken_at == START + STEP
