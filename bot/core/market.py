"""What the venue shows at one instant: contract specifications, quotes, wallets, positions, orders.

Quantities are base units (coins), prices and money are quote units. None is "unknown", never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from bot.core.money import ZERO
from bot.core.swift import swift
from bot.core.times import Millis

Asset: TypeAlias = str
"""A coin's code in capitals: 'BTC'."""


def spot_coin(symbol: str) -> Asset | None:
    """The coin that a spot market trades, by our names of markets: 'BTC/USDT'. None for a perpetual's."""
    coin, slash, quoted = symbol.partition("/")
    return coin if slash and ":" not in quoted else None


class Side(StrEnum):
    """The side of an order or fill."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, −1 for a sell."""
        return 1 if self is Side.BUY else -1


class WalletKind(StrEnum):
    """`separate`: spot and futures wallets apart (Binance). `unified`: one wallet, coins are collateral (Bybit UTA)."""

    SEPARATE = "separate"
    UNIFIED = "unified"


@dataclass(frozen=True, slots=True)
class MarginTier:
    """One step of the maintenance margin table: from `floor` (quote notional, inclusive) up to `cap` (None: no end).

    Maintenance margin = notional·rate − deduction.
    """

    floor: Decimal
    cap: Decimal | None
    rate: Decimal
    deduction: Decimal = ZERO
    max_leverage: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Instrument:
    """One coin's perpetual and spot market as the venue specifies them.

    `amount_step`, `min_amount`, `max_amount` are base units (already × contract size);
    `contract_size` is base units per venue contract (1 where the venue counts in coins). `spot_min_amount` 0: one lot.
    """

    asset: Asset
    symbol: str
    spot_symbol: str
    amount_step: Decimal
    min_amount: Decimal
    min_notional: Decimal
    price_tick: Decimal
    spot_lot: Decimal
    spot_tick: Decimal
    spot_min_notional: Decimal = ZERO
    contract_size: Decimal = Decimal(1)
    max_amount: Decimal | None = None
    tiers: tuple[MarginTier, ...] = ()
    maker_fee: Decimal | None = None
    taker_fee: Decimal | None = None
    spot_taker_fee: Decimal | None = None
    collateral_ratio: Decimal = ZERO
    reduce_only_exempt: bool = True
    inverse: bool = False
    tradable: bool = True
    spot_min_amount: Decimal = ZERO

    @property
    def least_sale(self) -> Decimal:
        """The fewest coins that the spot market takes an order of, whatever they are worth."""
        return max(self.spot_lot, self.spot_min_amount)


@swift
@dataclass(frozen=True, slots=True)
class Quote:
    """Spot and perpetual prices of one coin, each side with the time at which the venue stood behind it."""

    spot_bid: Decimal | None
    spot_ask: Decimal | None
    spot_at: Millis | None
    perp_bid: Decimal | None
    perp_ask: Decimal | None
    perp_at: Millis | None
    mark: Decimal | None
    index: Decimal | None
    mark_at: Millis | None
    funding_rate: Decimal | None = None
    next_funding_at: Millis | None = None
    funding_interval: Millis | None = None

    @property
    def spot_mid(self) -> Decimal | None:
        """Mid of best spot bid and ask; None when either is unknown."""
        return _mid(self.spot_bid, self.spot_ask)

    @property
    def perp_mid(self) -> Decimal | None:
        """Mid of best perpetual bid and ask; None when either is unknown."""
        return _mid(self.perp_bid, self.perp_ask)


def _mid(bid: Decimal | None, ask: Decimal | None) -> Decimal | None:
    return None if bid is None or ask is None else (bid + ask) / 2


@swift
@dataclass(frozen=True, slots=True)
class Holding:
    """Coins in the spot (or unified) wallet, base units."""

    free: Decimal
    locked: Decimal = ZERO
    borrowed: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """What the investor owns: free + locked − borrowed."""
        if not self.locked and not self.borrowed:
            return self.free
        return self.free + self.locked - self.borrowed


@swift
@dataclass(frozen=True, slots=True)
class FuturesWallet:
    """The margin account in the settle coin. `balance` is without unrealised PnL; it is 0 for a unified account,
    whose cash is counted once, in the holdings. `equity` is the account's margin balance.
    """

    balance: Decimal
    unrealised: Decimal
    equity: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    available: Decimal


@swift
@dataclass(frozen=True, slots=True)
class Position:
    """One perpetual position; `quantity` in base units, negative when short."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    mark: Decimal | None
    unrealised: Decimal
    maintenance_margin: Decimal | None = None
    initial_margin: Decimal | None = None
    liquidation_price: Decimal | None = None
    leverage: Decimal | None = None
    updated_at: Millis | None = None


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """A resting order on a perpetual, ours or not; quantities in base units."""

    symbol: str
    order_id: str
    client_order_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    filled: Decimal
    reduce_only: bool
    created_at: Millis


@swift
@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the venue shows at `taken_at`.

    `open_orders` is None when they were not read this time. `stable_prices`: other stablecoins in the settle coin.
    `positions` holds every non-zero position of the wallet, foreign ones included.
    """

    taken_at: Millis
    holdings: Mapping[Asset, Holding]
    futures: FuturesWallet
    quotes: Mapping[Asset, Quote]
    positions: tuple[Position, ...] = ()
    open_orders: tuple[OpenOrder, ...] | None = None
    wallet: WalletKind = WalletKind.SEPARATE
    stable_prices: Mapping[str, Decimal | None] = field(default_factory=dict)
    liabilities: Decimal = ZERO

    def position(self, symbol: str) -> Position | None:
        """The position on `symbol`, or None when flat."""
        for held in self.positions:
            if held.symbol == symbol:
                return held
        return None
