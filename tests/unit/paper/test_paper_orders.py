"""Orders on the simulated exchange: what it accepts, refuses, fills, ends; and what each fill costs."""

from __future__ import annotations

from decimal import Decimal

import pytest
from feeds import START, FakeFeed, paper_instrument, scripted, steady
from paper_accounts import paper_exchange

from bot.core.market import Side, WalletKind
from bot.core.times import SECOND
from bot.paper.exchange import PaperExchange
from bot.paper.records import MarketName, OrderStatus, PaperOrder, PaperReject, RejectCode

D = Decimal
STEP = 5 * SECOND


def sell(exchange: PaperExchange, quantity: str, price: str = "49000", tif: str = "IOC", *, reduce_only: bool = False,
         client: str = "") -> PaperOrder:
    return exchange.place("perp", "BTC", Side.SELL, D(quantity), D(price), time_in_force=tif, reduce_only=reduce_only,
                          client_order_id=client)


def buy(exchange: PaperExchange, quantity: str, price: str = "51000", tif: str = "IOC", *, reduce_only: bool = False,
        client: str = "") -> PaperOrder:
    return exchange.place("perp", "BTC", Side.BUY, D(quantity), D(price), time_in_force=tif, reduce_only=reduce_only,
                          client_order_id=client)


def code_of(refused: pytest.ExceptionInfo[PaperReject]) -> RejectCode:
    return refused.value.code


def test_an_ioc_walks_the_depth_and_its_remainder_expires() -> None:
    exchange = paper_exchange()
    order = sell(exchange, "1.5", "49998.5")
    assert (order.status, order.filled, order.average) == (
        OrderStatus.FILLED, D("1.5"), (D("49999.5") + D("49998.5") / 2) / D("1.5"),
    )
    assert [(fill.price, fill.quantity, fill.maker) for fill in exchange.fills] == [
        (D("49999.5"), D(1), False), (D("49998.5"), D("0.5"), False),
    ]
    rest = sell(exchange, "1", "49998.5")
    assert (rest.status, rest.filled) == (OrderStatus.EXPIRED, D("0.5"))
    assert not exchange.open_orders()


def test_what_was_taken_comes_back_with_the_next_grid_instant_only() -> None:
    exchange = paper_exchange()
    sell(exchange, "1")
    assert exchange.state("BTC").perp.bids[0].price == D("49998.5")
    assert exchange.state("BTC").spot.bids[0].price == D("49999.5")
    exchange.advance(START + STEP - 1)
    assert exchange.state("BTC").perp.bids[0].price == D("49998.5")
    exchange.advance(START + STEP)
    assert exchange.state("BTC").perp.bids[0].price == D("49999.5")


def test_a_marketable_gtc_fills_what_is_there_and_rests_with_the_remainder() -> None:
    exchange = paper_exchange(FakeFeed(size=D("0.1")))
    order = sell(exchange, "0.2", "49999.5", "GTC")
    assert (order.status, order.filled, order.queue_ahead) == (OrderStatus.PARTIALLY_FILLED, D("0.1"), D(0))


def test_a_post_only_order_that_would_cross_is_refused_and_leaves_nothing() -> None:
    exchange = paper_exchange()
    with pytest.raises(PaperReject) as refused:
        sell(exchange, "0.1", "49999.5", "GTX")
    assert code_of(refused) is RejectCode.POST_ONLY_WOULD_CROSS
    assert (exchange.orders, exchange.fills) == ({}, [])


def test_a_resting_order_fills_in_parts_as_takers_reach_it() -> None:
    feed = FakeFeed(size=D("0.3"), takers=lambda _: (D("0.2"), D(0)))
    exchange = paper_exchange(feed)
    order = sell(exchange, "0.25", "50000.5", "GTX")
    seen = []
    for step in range(1, 5):
        exchange.advance(START + step * STEP)
        seen.append((order.status.value, order.filled))
    assert seen == [
        ("NEW", D(0)), ("PARTIALLY_FILLED", D("0.1")), ("FILLED", D("0.25")), ("FILLED", D("0.25")),
    ]
    assert [(fill.quantity, fill.maker, fill.fee) for fill in exchange.fills] == [
        (D("0.1"), True, D("1.00001")), (D("0.15"), True, D("1.500015")),
    ]


def test_a_market_that_trades_through_fills_at_our_price() -> None:
    exchange = paper_exchange(FakeFeed(prices={"BTC": scripted(50_000, 50_001, 50_200)}))
    order = sell(exchange, "0.2", "50010.5", "GTX")
    exchange.advance(START + STEP)
    assert order.filled == 0
    exchange.advance(START + 2 * STEP)
    assert (order.status, order.average, order.updated_at) == (OrderStatus.FILLED, D("50010.5"), START + 2 * STEP)


@pytest.mark.parametrize(("market", "side", "quantity", "price", "code"), [
    ("perp", Side.SELL, "0.1", "50000.05", RejectCode.BAD_PRICE_TICK),
    ("perp", Side.SELL, "0.1", "-1", RejectCode.BAD_PRICE_TICK),
    ("spot", Side.SELL, "0.1", "50000.005", RejectCode.BAD_PRICE_TICK),
    ("perp", Side.SELL, "0.0015", "50000", RejectCode.BAD_QTY_STEP),
    ("perp", Side.SELL, "0", "50000", RejectCode.BELOW_MIN_QTY),
    ("perp", Side.SELL, "0.0001", "50000", RejectCode.BELOW_MIN_QTY),
    ("perp", Side.SELL, "1001", "50000", RejectCode.ABOVE_MAX_QTY),
    ("perp", Side.BUY, "0.001", "49000", RejectCode.BELOW_MIN_NOTIONAL),
    ("spot", Side.BUY, "0.00009", "50000", RejectCode.BELOW_MIN_NOTIONAL),
    ("spot", Side.BUY, "0.3", "50000", RejectCode.INSUFFICIENT_BALANCE),
    ("spot", Side.SELL, "1.3", "50000", RejectCode.INSUFFICIENT_BALANCE),
    ("perp", Side.SELL, "5", "50000", RejectCode.INSUFFICIENT_MARGIN),
    ("perp", Side.BUY, "0.1", "50100", RejectCode.PRICE_TOO_HIGH),
    ("perp", Side.SELL, "0.1", "49900", RejectCode.PRICE_TOO_LOW),
    ("perp", Side.BUY, "0.1", "49000", RejectCode.REDUCE_ONLY_REJECTED),
])
def test_what_breaks_a_rule_is_refused_and_changes_nothing(
    market: MarketName, side: Side, quantity: str, price: str, code: RejectCode,
) -> None:
    exchange = paper_exchange(price_band=D("0.001") if "PRICE_TOO" in code else None)
    before = exchange.dump()
    with pytest.raises(PaperReject) as refused:
        exchange.place(market, "BTC", side, D(quantity), D(price),
                       reduce_only=code is RejectCode.REDUCE_ONLY_REJECTED)
    assert code_of(refused) is code
    assert exchange.dump() == before


def test_a_notional_at_the_minimum_is_enough() -> None:
    assert sell(paper_exchange(), "0.001", "50000", "GTC").status is OrderStatus.NEW


def test_an_account_short_of_margin_may_still_close() -> None:
    exchange = paper_exchange(FakeFeed(size=D(5), half_spread=D(0)))
    sell(exchange, "4", "50000")
    assert exchange.figures().equity < exchange.figures().initial_margin
    with pytest.raises(PaperReject) as refused:
        sell(exchange, "0.1", "50000")
    assert code_of(refused) is RejectCode.INSUFFICIENT_MARGIN
    assert buy(exchange, "1", "50000").status is OrderStatus.FILLED


def test_an_unknown_coin_is_refused() -> None:
    with pytest.raises(PaperReject) as refused:
        paper_exchange().place("perp", "DOGE", Side.BUY, D(1), D(1))
    assert code_of(refused) is RejectCode.UNKNOWN_SYMBOL


def test_the_leverage_table_limits_the_position() -> None:
    exchange = paper_exchange(futures={"USDT": "10000000"}, leverage="75")
    with pytest.raises(PaperReject) as refused:
        sell(exchange, "6", "50000.5", "GTC")
    assert code_of(refused) is RejectCode.MAX_POSITION_AT_LEVERAGE
    sell(exchange, "4", "50000.5", "GTC")
    with pytest.raises(PaperReject) as beside:
        sell(exchange, "2", "50000.5", "GTC")
    assert code_of(beside) is RejectCode.MAX_POSITION_AT_LEVERAGE


def test_a_resting_reduce_only_order_builds_no_position() -> None:
    exchange = paper_exchange(futures={"USDT": "10000000"}, leverage="75")
    sell(exchange, "1")
    buy(exchange, "1", "49000", "GTC", reduce_only=True)
    assert buy(exchange, "5", "49000", "GTC").status is OrderStatus.NEW


def test_a_client_id_is_unique_among_open_orders_only() -> None:
    exchange = paper_exchange()
    first = sell(exchange, "0.1", "50010", "GTC", client="mine")
    with pytest.raises(PaperReject) as refused:
        sell(exchange, "0.1", "50020", "GTC", client="mine")
    assert code_of(refused) is RejectCode.DUPLICATE_CLIENT_ID
    exchange.cancel(first)
    second = sell(exchange, "0.1", "50020", "GTC", client="mine")
    assert exchange.find("perp", "BTCUSDT", "mine") is second
    assert exchange.find("spot", "BTCUSDT", "mine") is None


def test_open_orders_are_limited_in_number() -> None:
    exchange = paper_exchange(futures={"USDT": "10000000"})
    for _ in range(200):
        sell(exchange, "0.01", "50010", "GTC")
    with pytest.raises(PaperReject) as refused:
        sell(exchange, "0.01", "50010", "GTC")
    assert code_of(refused) is RejectCode.TOO_MANY_ORDERS


# --- reduce-only ---

def test_a_reduce_only_order_larger_than_the_position_fills_the_position_and_expires() -> None:
    exchange = paper_exchange()
    sell(exchange, "0.2")
    order = buy(exchange, "0.5", tif="GTC", reduce_only=True)
    assert (order.status, order.filled, exchange.position("BTC").quantity) == (OrderStatus.EXPIRED, D("0.2"), D(0))


def test_a_resting_reduce_only_order_never_flips_the_position() -> None:
    exchange = paper_exchange(FakeFeed(prices={"BTC": scripted(50_000, 49_000)}))
    sell(exchange, "0.2")
    order = buy(exchange, "0.5", "49500", "GTX", reduce_only=True)
    exchange.advance(START + STEP)
    assert (order.status, order.filled, exchange.position("BTC").quantity) == (OrderStatus.EXPIRED, D("0.2"), D(0))


def test_a_resting_reduce_only_order_ends_when_the_position_is_gone() -> None:
    exchange = paper_exchange()
    sell(exchange, "0.2")
    resting = buy(exchange, "0.2", "49000", "GTX", reduce_only=True)
    buy(exchange, "0.2")
    assert (resting.status, resting.filled) == (OrderStatus.EXPIRED, D(0))


def test_a_reduce_only_order_on_the_wrong_side_is_refused() -> None:
    exchange = paper_exchange()
    sell(exchange, "0.2")
    with pytest.raises(PaperReject) as refused:
        sell(exchange, "0.1", reduce_only=True)
    assert code_of(refused) is RejectCode.REDUCE_ONLY_REJECTED


def test_resting_reduce_only_orders_block_another_beyond_the_position() -> None:
    exchange = paper_exchange()
    sell(exchange, "0.2")
    buy(exchange, "0.2", "49000", "GTX", reduce_only=True)
    with pytest.raises(PaperReject) as refused:
        buy(exchange, "0.1", reduce_only=True)
    assert code_of(refused) is RejectCode.REDUCE_ONLY_ORDERS_BLOCK


def test_a_reduce_only_close_is_not_blocked_by_the_minimum_notional_that_the_venue_waives() -> None:
    exchange = paper_exchange()
    sell(exchange, "0.002")
    buy(exchange, "0.001", "50000.5")
    assert exchange.position("BTC").quantity == D("-0.001")
    exchange.advance(START + STEP)
    with pytest.raises(PaperReject) as refused:
        buy(exchange, "0.001", "49000", "GTC")
    assert code_of(refused) is RejectCode.BELOW_MIN_NOTIONAL
    assert buy(exchange, "0.001", "49000", "GTC", reduce_only=True).status is OrderStatus.NEW


def test_reduce_only_means_nothing_on_spot() -> None:
    with pytest.raises(PaperReject) as refused:
        paper_exchange().place("spot", "BTC", Side.SELL, D("0.1"), D(50_000), reduce_only=True)
    assert code_of(refused) is RejectCode.REDUCE_ONLY_REJECTED


# --- cancel and amend ---

def test_an_ended_order_cannot_be_cancelled_or_amended() -> None:
    exchange = paper_exchange()
    order = exchange.cancel(sell(exchange, "0.1", "50010", "GTC"))
    assert order.status is OrderStatus.CANCELED
    with pytest.raises(PaperReject) as cancelled:
        exchange.cancel(order)
    with pytest.raises(PaperReject) as amended:
        exchange.amend(order, D(50_020))
    assert code_of(cancelled) is code_of(amended) is RejectCode.UNKNOWN_ORDER


def test_cancel_all_withdraws_one_market_of_one_symbol() -> None:
    exchange = paper_exchange(FakeFeed(prices={"BTC": steady(50_000), "ETH": steady(2_500)}))
    ours = [sell(exchange, "0.1", "50010", "GTC"), sell(exchange, "0.1", "50020", "GTC")]
    spot = exchange.place("spot", "BTC", Side.SELL, D("0.1"), D(50_010))
    eth = exchange.place("perp", "ETH", Side.SELL, D(1), D(2_510))
    assert exchange.cancel_all("BTCUSDT") == ours
    assert exchange.open_orders() == [spot, eth]


def test_an_amended_order_keeps_its_filled_part_and_goes_to_the_back_of_the_queue() -> None:
    feed = FakeFeed(size=D("0.3"), takers=lambda step: (D("0.4") if step == 1 else D(0), D(0)))
    exchange = paper_exchange(feed)
    order = sell(exchange, "0.25", "50000.5", "GTX")
    exchange.advance(START + STEP)
    assert (order.filled, order.queue_ahead) == (D("0.1"), D(0))
    exchange.amend(order, D("50001.5"))
    assert (order.filled, order.remaining, order.queue_ahead) == (D("0.1"), D("0.15"), D("0.3"))
    exchange.amend(order, D("50001.5"), D("0.2"))
    assert (order.status, order.remaining) == (OrderStatus.PARTIALLY_FILLED, D("0.1"))


def test_a_larger_quantity_goes_to_the_back_of_the_queue_and_a_smaller_one_keeps_its_place() -> None:
    feed = FakeFeed(size=D("0.3"), takers=lambda step: (D("0.2") if step == 1 else D(0), D(0)))
    exchange = paper_exchange(feed)
    order = sell(exchange, "0.2", "50000.5", "GTX")
    exchange.advance(START + STEP)
    exchange.amend(order, D("50000.5"), D("0.1"))
    assert order.queue_ahead == D("0.1")
    exchange.amend(order, D("50000.5"), D("0.3"))
    assert order.queue_ahead == D("0.3")


@pytest.mark.parametrize(("price", "quantity"), [("49999.5", "0.25"), ("50001.5", "0.1")])
def test_an_amendment_that_would_cross_or_is_filled_already_cancels(price: str, quantity: str) -> None:
    feed = FakeFeed(size=D("0.3"), takers=lambda _: (D("0.4"), D(0)))
    exchange = paper_exchange(feed)
    order = sell(exchange, "0.25", "50000.5", "GTX")
    exchange.advance(START + STEP)
    exchange.amend(order, D(price), D(quantity))
    assert (order.status, order.filled) == (OrderStatus.CANCELED, D("0.1"))


def test_an_amendment_that_changes_nothing_or_costs_too_much_is_refused() -> None:
    exchange = paper_exchange()
    order = sell(exchange, "0.1", "50010", "GTC")
    with pytest.raises(PaperReject) as same:
        exchange.amend(order, D(50_010))
    with pytest.raises(PaperReject) as large:
        exchange.amend(order, D(50_010), D(5))
    assert (code_of(same), code_of(large)) == (RejectCode.NO_CHANGE, RejectCode.INSUFFICIENT_MARGIN)
    assert (order.price, order.quantity, order.open) == (D(50_010), D("0.1"), True)


def test_an_amended_spot_order_locks_what_it_now_needs() -> None:
    exchange = paper_exchange()
    order = exchange.place("spot", "BTC", Side.BUY, D("0.1"), D(49_000))
    exchange.amend(order, D(49_500), D("0.2"))
    assert exchange.wallets.locked["USDT"] == 9_900
    with pytest.raises(PaperReject):
        exchange.amend(order, D(49_500), D("0.21"))
    exchange.cancel(order)
    assert exchange.wallets.locked["USDT"] == 0


# --- fees and money ---

def test_a_spot_purchase_is_charged_in_the_coin_and_a_sale_in_cash() -> None:
    exchange = paper_exchange(instruments={"BTC": paper_instrument(spot_taker_fee=D("0.00033333333"))})
    exchange.place("spot", "BTC", Side.BUY, D("0.1"), D("50000.5"), time_in_force="IOC")
    assert exchange.wallets.spot == {"BTC": D("1.3") - D("0.00003333"), "USDT": D("4999.95")}
    exchange.place("spot", "BTC", Side.SELL, D("0.1"), D("49999.5"), time_in_force="IOC")
    bought, sold = exchange.fills
    assert (bought.fee, bought.fee_currency, sold.fee, sold.fee_currency) == (
        D("0.00003333"), "BTC", D("1.66664998"), "USDT",
    )
    assert exchange.wallets.spot["USDT"] == D("4999.95") + D("4999.95") - D("1.66664998")
    assert exchange.wallets.locked == {"USDT": 0, "BTC": 0}


def test_a_fee_is_rounded_once_to_the_ledger() -> None:
    exchange = paper_exchange(instruments={"BTC": paper_instrument(taker_fee=D("0.00033333"))})
    sell(exchange, "0.003", "49999.5")
    assert exchange.fills[0].fee == D("0.049999")  # not 0.049999000005
    assert exchange.wallets.futures["USDT"] == 10_000 - exchange.fills[0].fee


def test_a_negative_maker_fee_is_a_rebate() -> None:
    feed = FakeFeed(takers=lambda _: (D(9), D(0)))
    exchange = paper_exchange(feed, instruments={"BTC": paper_instrument(maker_fee=D("-0.0001"))})
    sell(exchange, "0.1", "50000.5", "GTX")
    exchange.advance(START + STEP)
    assert exchange.wallets.futures["USDT"] == D(10_000) + D("0.500005")


def test_the_first_hedge_of_the_worked_examples() -> None:
    exchange = paper_exchange(FakeFeed(half_spread=D(0)), leverage="2")
    sell(exchange, "0.2", "50000")
    figures = exchange.figures()
    assert (figures.position_margin, figures.maintenance_margin, figures.unrealised) == (D(5_000), D(40), D(0))
    assert (figures.equity, figures.available) == (D(9_995), D(4_995))


def test_open_orders_set_margin_aside_and_opposite_ones_only_once() -> None:
    exchange = paper_exchange(leverage="2")
    sell(exchange, "0.1", "50000.5", "GTC")
    assert exchange.figures().order_margin == D("2500.025")
    buy(exchange, "0.1", "49000", "GTC")
    assert exchange.figures().order_margin == D("2500.025")
    sell(exchange, "0.1")
    buy(exchange, "0.05", "49000", "GTC", reduce_only=True)
    assert exchange.figures().initial_margin == D("5000.025")


def test_a_sell_order_below_the_mark_sets_aside_what_it_would_be_worth_at_the_mark() -> None:
    exchange = paper_exchange(FakeFeed(depth=1, size=D("0.1")), leverage="2")
    order = sell(exchange, "0.3", "49990", "GTC")
    assert order.remaining == D("0.2")
    assert exchange.figures().order_margin == D("0.2") * 50_000 / 2


def test_leverage_is_whole_within_the_table_and_within_the_margin() -> None:
    exchange = paper_exchange()
    sell(exchange, "0.4")
    for leverage, code in [("0", RejectCode.BAD_LEVERAGE), ("2.5", RejectCode.BAD_LEVERAGE),
                           ("126", RejectCode.BAD_LEVERAGE), ("1", RejectCode.INSUFFICIENT_MARGIN)]:
        with pytest.raises(PaperReject) as refused:
            exchange.set_leverage("BTC", D(leverage))
        assert code_of(refused) is code
        assert exchange.leverage("BTC") == 20
    exchange.set_leverage("BTC", D(5))
    assert exchange.figures().position_margin == 4_000


def test_transfers_move_what_is_free_and_nothing_else() -> None:
    exchange = paper_exchange()
    exchange.place("spot", "BTC", Side.BUY, D("0.1"), D(49_000))
    exchange.transfer("USDT", D(5_000), to_futures=True)
    assert (exchange.wallets.spot["USDT"], exchange.wallets.futures["USDT"]) == (D(5_000), D(15_000))
    for coin, amount, to_futures in [("USDT", "101", True), ("USDT", "15001", False), ("BTC", "1", False),
                                     ("USDT", "-1", True)]:
        with pytest.raises(PaperReject) as refused:
            exchange.transfer(coin, D(amount), to_futures=to_futures)
        assert code_of(refused) is RejectCode.INSUFFICIENT_BALANCE
    sell(exchange, "1")
    with pytest.raises(PaperReject):
        exchange.transfer("USDT", D(13_000), to_futures=False)


def test_a_unified_wallet_has_nothing_to_transfer() -> None:
    with pytest.raises(PaperReject) as refused:
        paper_exchange(wallet=WalletKind.UNIFIED).transfer("USDT", D(1), to_futures=True)
    assert code_of(refused) is RejectCode.TRANSFER_NOT_SUPPORTED


def test_coins_are_collateral_in_a_unified_wallet() -> None:
    exchange = paper_exchange(wallet=WalletKind.UNIFIED, futures={})
    assert exchange.figures().equity == D(10_000) + D("1.2") * 50_000 * D("0.95")


def test_a_unified_purchase_may_not_take_the_collateral_that_positions_need() -> None:
    exchange = paper_exchange(FakeFeed(size=D(5)), wallet=WalletKind.UNIFIED, spot={"USDT": "10000"}, futures={})
    sell(exchange, "3.9")
    assert exchange.figures().available < 200
    with pytest.raises(PaperReject) as refused:
        exchange.place("spot", "BTC", Side.BUY, D("0.1"), D("50000.5"))
    assert code_of(refused) is RejectCode.INSUFFICIENT_BALANCE
    assert exchange.place("spot", "BTC", Side.BUY, D("0.01"), D("50000.5")).status is OrderStatus.FILLED


def test_specifications_the_simulation_cannot_work_with_are_refused() -> None:
    for change in ({"maker_fee": None}, {"taker_fee": None}, {"spot_taker_fee": None}, {"tiers": ()},
                   {"inverse": True}):
        with pytest.raises(ValueError, match=r"BTC/?USDT"):
            paper_exchange(instruments={"BTC": paper_instrument(**change)})
    with pytest.raises(ValueError, match="no market for ETH"):
        paper_exchange(instruments={"ETH": paper_instrument("ETH")})
