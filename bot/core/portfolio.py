"""What the account is worth and where it stands: cash, NAV, weights, excess, drift, residual (DOMAIN §2).

The same arithmetic serves separate and unified wallets: a unified account's cash is in its holdings (each balance
once, less what was borrowed), its futures balance is 0, and unrealised PnL is added once, for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.core.decision import Measure
from bot.core.market import Asset, Instrument, Quote, Snapshot
from bot.core.money import ZERO
from bot.core.policy import Policy
from bot.core.swift import swift


@swift
@dataclass(frozen=True, slots=True)
class Portfolio:
    """The account at one instant, in the settle coin. None where a price that it needs is unknown.

    `cash` values stablecoins at their market; `par_cash` counts them one for one, so that it moves only when coins
    do.
    """

    nav: Decimal | None
    cash: Decimal | None
    par_cash: Decimal
    measures: Mapping[Asset, Measure]


def quantity_of(snapshot: Snapshot, asset: Asset) -> Decimal:
    """Coins owned. A coin that the wallet does not list is one of which it has none."""
    holding = snapshot.holdings.get(asset)
    return ZERO if holding is None else holding.total


def spot_price(quote: Quote | None) -> Decimal | None:
    """The spot mid where there is a usable one: both sides known and positive."""
    if quote is None:
        return None
    bid, ask = quote.spot_bid, quote.spot_ask
    if bid is None or ask is None or bid <= ZERO or ask <= ZERO:
        return None
    return bid if bid is ask else (bid + ask) / 2


def par_cash(snapshot: Snapshot, policy: Policy) -> Decimal:
    """Stablecoins one for one, plus the futures wallet's balance without unrealised PnL."""
    total = snapshot.futures.balance
    for coin in policy.cash:
        total += quantity_of(snapshot, coin)
    return total


def cash_value(snapshot: Snapshot, policy: Policy) -> Decimal | None:
    """Stablecoins at their market plus the futures wallet's balance. None when one that is held has no price."""
    total = snapshot.futures.balance
    for coin in policy.cash:
        quantity = quantity_of(snapshot, coin)
        if coin == policy.settle:
            total += quantity
        elif quantity:
            price = snapshot.stable_prices.get(coin)
            if price is None or price <= 0:
                return None
            total += quantity * price
    return total


def measure(snapshot: Snapshot, policy: Policy, instruments: Mapping[Asset, Instrument]) -> Portfolio:
    """NAV = Σ q·S + cash + unrealised PnL − liabilities, and every configured asset measured against it."""
    quantities = [quantity_of(snapshot, one.asset) for one in policy.assets]
    prices = [spot_price(snapshot.quotes.get(one.asset)) for one in policy.assets]
    cash = cash_value(snapshot, policy)
    nav = None if cash is None else cash + snapshot.futures.unrealised - snapshot.liabilities
    values: list[Decimal | None] = []
    for quantity, price in zip(quantities, prices, strict=True):
        value = None if price is None else quantity * price
        values.append(value)
        nav = None if nav is None or value is None else nav + value
    positions = {position.symbol: position.quantity for position in snapshot.positions}
    measures = {
        one.asset: _measure(
            quantity, price, value, target=one.target, nav=nav,
            position=positions.get(instruments[one.asset].symbol, ZERO),
        )
        for one, quantity, price, value in zip(policy.assets, quantities, prices, values, strict=True)
    }
    return Portfolio(nav=nav, cash=cash, par_cash=par_cash(snapshot, policy), measures=measures)


def _measure(
    quantity: Decimal, price: Decimal | None, value: Decimal | None, *, target: Decimal, nav: Decimal | None,
    position: Decimal,
) -> Measure:
    """One asset. Fractions of NAV are for showing only; they are unknown where NAV is not positive."""
    if nav is None or price is None or value is None:
        return Measure(quantity, price, value, None, None, None, None, None)
    target_value = target * nav
    excess = value - target_value
    if nav <= 0:
        return Measure(quantity, price, value, target_value, excess, None, None, None)
    net_weight = (value + position * price) / nav
    return Measure(quantity, price, value, target_value, excess, excess / nav, net_weight, net_weight - target)
