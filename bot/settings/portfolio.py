"""Every key of a portfolio file: an account as somebody describes it, for a plan without any exchange.

The wishes (`assets`, `cash`, `triggers`, `guards`, `margin`) are a configuration's own sections; they stand here or in
a configuration beside the file, never in both. The rest is what an exchange would show.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, TypeAlias

from pydantic import Field, PlainValidator

from bot.core.market import WalletKind
from bot.settings import grammar
from bot.settings.model import (
    Amount,
    AnyCoin,
    AssetSettings,
    Cash,
    Coin,
    Duration,
    GuardSettings,
    Instant,
    MarginSettings,
    Part,
    Section,
    TriggerSettings,
    Venue,
    Weight,
    key,
)

Quantity: TypeAlias = Annotated[Decimal, PlainValidator(grammar.quantity), grammar.QUANTITY]
Rate: TypeAlias = Annotated[Decimal, PlainValidator(grammar.rate), grammar.RATE]

WISHES = ("assets", "cash", "triggers", "guards", "margin")
"""Sections that a configuration has too."""


class MarketSettings(Section):
    """One coin's prices and its perpetual's specification."""

    price: Amount = Field(description="Spot price of one coin (mid of bid and ask).")
    perp: Amount | None = key(None, "The perpetual's price (mid). Default: price.")
    mark: Amount | None = key(None, "The perpetual's mark price. Default: perp.")
    index: Amount | None = key(None, "The perpetual's index price. Default: price.")
    funding_rate: Rate = key("0%", "Funding rate of one interval; negative: the short pays.")
    funding_interval: Duration = key("8h", "Time between two funding settlements.")
    maker_fee: Rate = key("0.02%", "The perpetual's fee for an order that rests; negative: a rebate.")
    spot_fee: Rate = key("0.1%", "The spot market's fee.")
    step: Amount = Field(description="The perpetual's smallest size, in coins.")
    min_amount: Amount | None = key(None, "Smallest order, in coins. Default: step.")
    min_notional: Quantity = key("0", "Smallest order, in the settle coin.")
    tick: Amount = key("0.01", "Smallest step of a price.")
    tiers: dict[Quantity, Part] = key(
        {"0": "1%"}, "Maintenance margin: the rate of the part of a position's notional from each amount on.")
    collateral_ratio: Part = key("0%", "Part of the coin's value that counts as margin; `wallet: unified` only.")


class HedgeSettings(Section):
    """A hedge that is open already."""

    short: Amount | None = key(None, "The short position, in coins.")
    long: Amount | None = key(None, "The long position, in coins, where it is one (`direction: both`).")
    entry: Amount | None = key(None, "Its average entry price. Default: mark, so that nothing is unrealised.")


class FuturesSettings(Section):
    """The futures wallet."""

    wallet: Quantity = key("0", "Its balance in the settle coin, without unrealised profit.")


class PortfolioSettings(Section):
    """A portfolio file."""

    venue: Venue = key("binance", "The exchange, which decides in which coin shorts settle. With -c: its own.")
    at: Instant | None = key(None, "The instant at which everything is so. Default: now.")
    wallet: WalletKind = key(
        "separate", "`separate`: spot and futures wallets apart. `unified`: one wallet, coins are collateral.")
    assets: dict[Coin, AssetSettings] | None = key(None, "As in a configuration: the coins and their targets.")
    cash: dict[Cash, Weight] | None = key(None, "As in a configuration: the stablecoins and their weight.")
    triggers: TriggerSettings | None = key(None, "As in a configuration.")
    guards: GuardSettings | None = key(None, "As in a configuration.")
    margin: MarginSettings | None = key(None, "As in a configuration.")
    market: dict[Coin, MarketSettings] = Field(
        min_length=1, description='Prices and contract of each coin, such as BTC: {price: "50000", step: "0.001"}.')
    holdings: dict[AnyCoin, Quantity] = Field(
        min_length=1, description='What lies in the spot (or unified) wallet, such as BTC: "1.2".')
    borrowed: dict[AnyCoin, Quantity] = key({}, "How much of each holding is borrowed.")
    stablecoins: dict[Cash, Amount] = key({}, "Prices of other stablecoins in the settle coin.")
    futures: FuturesSettings = Field(default_factory=FuturesSettings, description="The futures wallet.")
    hedges: dict[Coin, HedgeSettings] = key({}, "Hedges that are open already.")
    acknowledged: dict[Coin, Quantity] = key(
        {}, "The holdings that the bot knew of before. Default: the present ones.")
