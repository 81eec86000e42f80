"""The books balance: coins and cash are only moved, charged as fee, or paid as funding and realised profit."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from decimal import Decimal

import pytest
from feeds import START, FakeFeed
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_accounts import paper_exchange

from bot.core.market import Side, WalletKind
from bot.core.money import is_multiple
from bot.core.times import MINUTE, SECOND
from bot.paper.exchange import PaperExchange
from bot.paper.records import IncomeKind, MarketName, PaperReject

D = Decimal
COINS = ("BTC", "ETH")
START_SPOT = {"BTC": "0.1", "ETH": "1", "USDT": "6000"}
START_FUTURES = {"USDT": "3000"}


def stormy(seed: int) -> FakeFeed:
    """A random walk with odd prices, thin books and takers, so that every kind of fill and ending occurs."""
    paths: dict[str, list[Decimal]] = {}
    for coin, first in (("BTC", 50_000.0), ("ETH", 2_500.0)):
        chance = random.Random(f"{seed}/{coin}")
        path, price = [], first
        for _ in range(3_000):
            price *= 1 + chance.gauss(0, 0.006)
            path.append(D(str(round(price, 3))))
        paths[coin] = path
    return FakeFeed(
        prices={coin: lambda step, path=path: path[min(step, 2_999)] for coin, path in paths.items()},  # type: ignore[misc] # a default binds the loop's value
        takers=lambda step: (D(step * 31 % 17) / 10, D(step * 17 % 13) / 10),
        rate=lambda at: D("0.00037123") if at // MINUTE % 3 else D("-0.0011"),
        size=D("0.7"), interval=5 * MINUTE, half_spread=D("0.3"),
    )


def random_request(exchange: PaperExchange, chance: random.Random) -> None:
    """One request of any kind, sensible or not; may be refused."""
    asset = chance.choice(COINS)
    market: MarketName = chance.choice(("perp", "perp", "spot"))
    open_orders = exchange.open_orders()
    kind = chance.choice(("place",) * 6 + ("cancel", "amend", "transfer", "leverage", "all"))
    state = exchange.state(asset)
    price = state.mark * D(chance.randint(990, 1010)) / 1000
    price -= price % D("0.1")
    if kind == "place":
        scale = 1 if asset == "BTC" else 20
        quantity = D(chance.randint(1, 700) * scale) / 1000
        exchange.place(
            market, asset, chance.choice(tuple(Side)), quantity, price,
            time_in_force=chance.choice(("GTC", "GTX", "IOC")), reduce_only=chance.random() < 0.25,
        )
    elif kind == "cancel" and open_orders:
        exchange.cancel(chance.choice(open_orders))
    elif kind == "amend" and open_orders:
        order = chance.choice(open_orders)
        exchange.amend(order, order.price + D(chance.randint(-50, 50)), order.quantity * chance.choice((1, 2)))
    elif kind == "transfer":
        exchange.transfer("USDT", D(chance.randint(1, 3_000)) / 7 // D("0.01") / 100, to_futures=chance.random() < 0.5)
    elif kind == "leverage":
        exchange.set_leverage(asset, D(chance.choice((5, 10, 20, 50))))
    elif kind == "all":
        exchange.cancel_all(f"{asset}USDT", market)


def storm(seed: int, wallet: WalletKind) -> PaperExchange:
    exchange = paper_exchange(stormy(seed), wallet=wallet, spot=START_SPOT, futures=START_FUTURES, leverage="50")
    chance = random.Random(seed)
    for _ in range(150):
        with suppress(PaperReject):
            random_request(exchange, chance)
        exchange.advance(exchange.now + chance.randint(0, 60) * SECOND)
    return exchange


def assert_books_balance(exchange: PaperExchange) -> None:
    moved: dict[str, Decimal] = {}

    def move(coin: str, amount: Decimal) -> None:
        moved[coin] = moved.get(coin, D(0)) + amount

    positions = dict.fromkeys(COINS, D(0))
    for fill in exchange.fills:
        move(fill.fee_currency, -fill.fee)
        move("USDT", fill.realised)
        if fill.market == "perp":
            positions[fill.asset] += fill.side.sign * fill.quantity
        else:
            move(fill.asset, fill.side.sign * fill.quantity)
            move("USDT", -fill.side.sign * fill.quantity * fill.price)
    for row in exchange.funding_rows:
        move("USDT", row.amount)
    for income in exchange.income:
        if income.kind is IncomeKind.INSURANCE_CLEAR:
            move("USDT", income.amount)
    unified = exchange.wallets.kind is WalletKind.UNIFIED
    for coin in (*COINS, "USDT"):
        start = D(START_SPOT.get(coin, "0")) + D(START_FUTURES.get(coin, "0"))
        held = exchange.wallets.spot.get(coin, D(0))
        if not unified:
            held += exchange.wallets.futures.get(coin, D(0))
        assert held == start + moved.get(coin, D(0)), coin
    assert {asset: exchange.position(asset).quantity for asset in COINS} == positions


def assert_rows_explain_the_margin_account(exchange: PaperExchange) -> None:
    by_kind: Counter[str] = Counter()
    total = D(0)
    for row in exchange.income:
        total += row.amount
        by_kind[row.kind] += 1
    perp = [fill for fill in exchange.fills if fill.market == "perp"]
    assert by_kind[IncomeKind.COMMISSION] == sum(1 for fill in perp if fill.fee)
    assert by_kind[IncomeKind.REALIZED_PNL] == sum(1 for fill in perp if fill.realised)
    if exchange.wallets.kind is WalletKind.SEPARATE:
        assert exchange.wallets.futures["USDT"] == D(START_FUTURES["USDT"]) + total


def assert_every_amount_is_on_the_ledger_grid(exchange: PaperExchange) -> None:
    amounts = [fill.fee for fill in exchange.fills] + [fill.realised for fill in exchange.fills]
    amounts += [row.amount for row in exchange.funding_rows]
    assert all(is_multiple(amount, D("0.00000001")) for amount in amounts)


def assert_orders_agree_with_their_fills(exchange: PaperExchange) -> None:
    filled: dict[int, Decimal] = {}
    paid: dict[int, Decimal] = {}
    for fill in exchange.fills:
        filled[fill.order_id] = filled.get(fill.order_id, D(0)) + fill.quantity
        paid[fill.order_id] = paid.get(fill.order_id, D(0)) + fill.quantity * fill.price
    for order in exchange.orders.values():
        assert order.filled == filled.get(order.order_id, D(0)) <= order.quantity
        assert order.cum_quote == paid.get(order.order_id, D(0))
        assert (order.remaining == 0) == (order.status == "FILLED")
    locked: dict[str, Decimal] = {}
    for order in exchange.open_orders("spot"):
        coin, unit = ("USDT", order.price) if order.side is Side.BUY else (order.asset, D(1))
        locked[coin] = locked.get(coin, D(0)) + order.remaining * unit
    assert {coin: amount for coin, amount in exchange.wallets.locked.items() if amount} == locked


@pytest.mark.parametrize("wallet", list(WalletKind))
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_books_balance_to_the_last_digit(wallet: WalletKind, seed: int) -> None:
    exchange = storm(seed, wallet)
    assert_books_balance(exchange)
    assert_rows_explain_the_margin_account(exchange)
    assert_every_amount_is_on_the_ledger_grid(exchange)
    assert_orders_agree_with_their_fills(exchange)
    if wallet is WalletKind.SEPARATE:
        assert all(amount >= 0 for amount in exchange.wallets.spot.values())


@pytest.mark.parametrize("wallet", list(WalletKind))
def test_the_storms_contain_what_they_are_meant_to_test(wallet: WalletKind) -> None:
    storms = [storm(seed, wallet) for seed in range(12)]
    fills = [fill for exchange in storms for fill in exchange.fills]
    assert {(fill.market, fill.maker) for fill in fills} == {
        ("perp", True), ("perp", False), ("spot", True), ("spot", False),
    }
    statuses = {order.status.value for exchange in storms for order in exchange.orders.values()}
    assert statuses >= {"NEW", "FILLED", "CANCELED", "EXPIRED"}
    assert any(0 < order.filled < order.quantity for exchange in storms for order in exchange.orders.values())
    assert any(fill.realised > 0 for fill in fills)
    assert any(exchange.funding_rows for exchange in storms)
    assert any(exchange.liquidations for exchange in storms)


def test_equal_requests_make_equal_accounts() -> None:
    assert storm(7, WalletKind.SEPARATE).dump() == storm(7, WalletKind.SEPARATE).dump()
    assert storm(7, WalletKind.SEPARATE).now > START
