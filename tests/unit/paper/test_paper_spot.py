"""Spot orders through the port: on a simulated account, in a dry run, and after a restart."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from fake_market import FakeMarket, HandClock
from feeds import START, FakeFeed, paper_instrument, scripted
from paper_accounts import paper_exchange

from bot.core.market import Holding, Side, WalletKind
from bot.core.money import ZERO
from bot.core.orders import OrderIntent, OrderRecord, OrderReport, OrderState, TimeInForce, after_report, begin
from bot.core.times import SECOND
from bot.errors import Refused, Unavailable
from bot.paper.dry import DryVenue
from bot.paper.exchange import PaperExchange
from bot.paper.restore import Past
from bot.paper.venue import PaperVenue
from bot.ports import Balances

D = Decimal
SPOT, PERP = "BTC/USDT", "BTCUSDT"
FEE = D("0.001")
BALANCES = Balances({"BTC": D("1.2"), "USDT": D(10_000)}, {"USDT": D(10_000)})


def intent(number: int = 1, *, side: Side = Side.SELL, quantity: str = "0.2", price: str = "49999.50",
           tif: TimeInForce = TimeInForce.IOC, **more: object) -> OrderIntent:
    made = OrderIntent(
        client_order_id=f"hrtest00_btc1_{number}", number=number, episode="btc1", asset="BTC", symbol=SPOT, side=side,
        quantity=D(quantity), price=D(price), reduce_only=False, time_in_force=tif, position_before=D(0),
        goal=D(quantity), decided_at=START, created_at=START, reason="finalised",
    )
    return replace(made, **more)  # type: ignore[arg-type] # the names are checked by replace itself


def account(wallet: WalletKind = WalletKind.SEPARATE, *prices: str) -> tuple[PaperExchange, PaperVenue]:
    exchange = paper_exchange(FakeFeed({"BTC": scripted(*(prices or ("50000",)))}), wallet=wallet)
    return exchange, PaperVenue(exchange)


def known(order: OrderIntent, report: OrderReport) -> OrderRecord:
    return after_report(begin(order), report, START)


@pytest.mark.parametrize("wallet", list(WalletKind))
async def test_a_sale_moves_the_coin_for_cash_less_the_fee_in_cash(wallet: WalletKind) -> None:
    exchange, venue = account(wallet)
    before = exchange.wallets.spot["USDT"]
    report = await venue.place(intent())
    assert (report.state, report.filled, report.average, report.symbol) == (
        OrderState.FILLED, D("0.2"), D("49999.5"), SPOT)
    (fill,) = await venue.fills(SPOT, START)
    proceeds = D("0.2") * D("49999.5")
    assert (fill.symbol, fill.fee, fill.fee_currency, fill.realised, fill.maker) == (
        SPOT, proceeds * FEE, "USDT", ZERO, False)
    assert exchange.wallets.spot["BTC"] == D("1.0")
    assert exchange.wallets.spot["USDT"] == before + proceeds - fill.fee
    assert await venue.fills(PERP, START) == ()
    assert (await venue.snapshot()).positions == ()


async def test_a_purchase_is_charged_in_the_coin() -> None:
    exchange, venue = account()
    await venue.place(intent(side=Side.BUY, quantity="0.1", price="50000.50"))
    (fill,) = await venue.fills(SPOT, START)
    assert (fill.side, fill.fee, fill.fee_currency) == (Side.BUY, D("0.0001"), "BTC")
    assert exchange.wallets.spot == {"BTC": D("1.2999"), "USDT": D(10_000) - D("5000.05")}


async def test_a_resting_order_holds_its_coins_and_is_found_by_name_but_not_among_the_perpetuals_orders() -> None:
    _, venue = account()
    order = intent(price="60000", tif=TimeInForce.GTX)
    sent = await venue.place(order)
    seen = await venue.snapshot()
    assert (sent.state, seen.open_orders) == (OrderState.OPEN, ())
    assert seen.holdings["BTC"] == Holding(D("1.0"), D("0.2"))
    found = await venue.find_order(SPOT, order.client_order_id)
    assert found == sent
    assert await venue.find_order(PERP, order.client_order_id) is None, "the other market has another order book"
    gone = await venue.cancel(known(order, sent))
    assert (gone.state, gone.filled) == (OrderState.CANCELLED, ZERO)
    assert (await venue.snapshot()).holdings["BTC"] == Holding(D("1.2"))
    assert (await venue.cancel(known(order, sent))).state is OrderState.CANCELLED


async def test_what_rests_fills_as_the_market_passes_and_the_rest_of_a_partial_fill_is_let_go() -> None:
    exchange, venue = account(WalletKind.SEPARATE, "50000", "50100")
    order = intent(price="50050", tif=TimeInForce.GTX)
    await venue.place(order)
    exchange.take(exchange.open_orders("spot")[0], D("0.05"))
    part = await venue.find_order(SPOT, order.client_order_id)
    assert part is not None
    assert (part.state, part.filled) == (OrderState.PARTIAL, D("0.05"))
    assert (await venue.snapshot()).holdings["BTC"] == Holding(D("1.0"), D("0.15"))
    exchange.advance(START + 5 * SECOND)
    whole = await venue.find_order(SPOT, order.client_order_id)
    assert whole is not None
    assert (whole.state, whole.average) == (OrderState.FILLED, D(50_050))
    assert [(fill.quantity, fill.maker) for fill in await venue.fills(SPOT, START)] == [
        (D("0.05"), True), (D("0.15"), True)]
    assert (await venue.snapshot()).holdings["BTC"] == Holding(D("1.0"))


async def test_a_post_only_sale_that_would_cross_ends_cancelled_with_its_code() -> None:
    _, venue = account()
    report = await venue.place(intent(tif=TimeInForce.GTX))
    assert (report.state, report.filled, report.code, report.rejected) == (
        OrderState.CANCELLED, ZERO, "POST_ONLY_WOULD_CROSS", False)


@pytest.mark.parametrize(("change", "code"), [
    ({"quantity": D("1.3")}, "INSUFFICIENT_BALANCE"), ({"quantity": D("0.000001")}, "BAD_QTY_STEP"),
    ({"quantity": D("0.00002")}, "BELOW_MIN_NOTIONAL"), ({"price": D("49999.505")}, "BAD_PRICE_TICK"),
    ({"reduce_only": True}, "REDUCE_ONLY_REJECTED"), ({"symbol": "DOGE/USDT"}, "UNKNOWN_SYMBOL"),
    ({"side": Side.BUY, "quantity": D("0.3")}, "INSUFFICIENT_BALANCE"),
])
async def test_an_order_that_may_not_be_is_refused_and_moves_nothing(change: dict[str, object], code: str) -> None:
    exchange, venue = account()
    with pytest.raises(Refused, match=code):
        await venue.place(intent(**change))  # type: ignore[arg-type] # the names are checked by replace itself
    assert (exchange.orders, exchange.wallets.spot["BTC"], exchange.wallets.locked) == ({}, D("1.2"), {})


async def test_fewer_coins_than_the_market_takes_are_refused_whatever_they_are_worth() -> None:
    exchange = paper_exchange(instruments={"BTC": paper_instrument("BTC", spot_min_amount=D("0.005"))})
    venue = PaperVenue(exchange)
    with pytest.raises(Refused, match="BELOW_MIN_QTY"):
        await venue.place(intent(quantity="0.004"))
    assert (await venue.place(intent(quantity="0.005"))).state is OrderState.FILLED


async def test_coins_that_an_order_holds_cannot_be_sold_twice() -> None:
    _, venue = account()
    await venue.place(intent(1, quantity="1.0", price="60000", tif=TimeInForce.GTX))
    with pytest.raises(Refused, match="INSUFFICIENT_BALANCE"):
        await venue.place(intent(2, quantity="0.3"))


async def test_an_order_is_moved_where_the_wallet_is_one_and_where_they_are_two_the_account_says_that_it_is_not(
) -> None:
    for kind in WalletKind:
        _, venue = account(kind)
        assert venue.amends(PERP)
        order = intent(price="60000", tif=TimeInForce.GTX)
        rests = known(order, await venue.place(order))
        assert venue.amends(SPOT) == (kind is WalletKind.UNIFIED)
        if venue.amends(SPOT):
            assert (await venue.amend(rests, D(61_000))).price == D(61_000)
        else:
            with pytest.raises(Refused, match="cannot be moved"):
                await venue.amend(rests, D(61_000))


# -- a dry run


async def dry(market: FakeMarket, past: Past | None = None) -> DryVenue:
    async def start() -> Balances | Past:
        return BALANCES if past is None else past

    venue = DryVenue(market, market.clock, start, settle="USDT", leverage=D(5))
    await venue.instruments(list(market.touch))
    return venue


async def test_a_dry_run_sells_against_the_displayed_spot_book() -> None:
    market = FakeMarket(HandClock())
    venue = await dry(market)
    report = await venue.place(intent(quantity="0.3", price="49999.80"))
    assert (report.state, report.filled, report.average) == (OrderState.CANCELLED, D("0.2"), D("49999.85"))
    assert market.asked[-1] == "spot depth"
    assert (await venue.snapshot()).holdings["BTC"] == Holding(D("1.0"))
    market.fails = Unavailable("no answer")
    with pytest.raises(Unavailable):
        await venue.place(intent(2))
    market.fails = None
    assert await venue.find_order(SPOT, intent(2).client_order_id) is None, "it never left"


async def test_a_resting_dry_sale_fills_only_once_the_price_is_seen_beyond_it() -> None:
    market = FakeMarket(HandClock())
    venue = await dry(market)
    assert not venue.amends(SPOT)
    order = intent(price="50010", tif=TimeInForce.GTX)
    await venue.place(order)
    for bid, state in (("50010", OrderState.OPEN), ("50010.1", OrderState.FILLED)):
        market.clock.at += SECOND
        market.touch["BTC"] = (bid, "50010.2")
        await venue.snapshot()
        found = await venue.find_order(SPOT, order.client_order_id)
        assert found is not None
        assert found.state is state


async def test_a_restarted_dry_run_has_the_wallets_of_before_and_its_order_rests_on() -> None:
    market = FakeMarket(HandClock())
    first = await dry(market)
    sold = intent(1, price="49999.80")
    await first.place(sold)
    bought = intent(2, side=Side.BUY, quantity="0.01", price="50000.10")
    await first.place(bought)
    rests = intent(3, quantity="0.5", price="60000", tif=TimeInForce.GTX)
    resting = known(rests, await first.place(rests))
    fills = await first.fills(SPOT, 0)
    again = await dry(market, Past(BALANCES, fills=fills, orders=(resting,), last_order_id=3))
    before, after = await first.snapshot(), await again.snapshot()
    assert after.holdings == before.holdings
    assert after.holdings["BTC"].locked == D("0.5")
    assert (after.futures, await again.fills(SPOT, 0)) == (before.futures, fills)
    assert (await again.cancel(resting)).state is OrderState.CANCELLED
    assert (await again.snapshot()).holdings["BTC"].locked == 0


async def test_a_coin_that_is_listed_no_more_keeps_what_its_sale_brought() -> None:
    market = FakeMarket(HandClock())
    first = await dry(market)
    await first.place(intent(1, price="49999.80"))
    (*fills,) = (replace(fill, symbol="ETC/USDT") for fill in await first.fills(SPOT, 0))
    again = await dry(market, Past(BALANCES, fills=tuple(fills)))
    assert (await again.snapshot()).holdings["USDT"] == (await first.snapshot()).holdings["USDT"]
    assert again.exchange.position("BTC").quantity == 0
