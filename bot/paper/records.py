"""What the simulated account writes down: orders, fills, funding, income, liquidations; and how it says no."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Literal, TypeAlias

from bot.core.market import Asset, Side
from bot.core.money import ZERO
from bot.core.orders import TimeInForce
from bot.core.swift import swift
from bot.core.times import Millis

MarketName: TypeAlias = Literal["perp", "spot"]
"""Which of a coin's two markets: the two may share one symbol."""


class OrderStatus(StrEnum):
    """Where an order stands. EXPIRED: the exchange ended it (IOC remainder, reduce-only without a position)."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


class Ending(StrEnum):
    """Why an order ended with something left to fill."""

    USER = "USER"
    POST_ONLY = "POST_ONLY"        # it would have traded at once
    IOC = "IOC"                    # nothing more was there
    REDUCE_ONLY = "REDUCE_ONLY"    # nothing was left to reduce
    FILLED_BEFORE = "FILLED_BEFORE"  # amended to a quantity that had filled already
    TAKE_OVER = "TAKE_OVER"        # the exchange took the position


class RejectCode(StrEnum):
    """Why the exchange refuses. The testnet's dialects translate these into their vendors' codes."""

    POST_ONLY_WOULD_CROSS = "POST_ONLY_WOULD_CROSS"
    REDUCE_ONLY_REJECTED = "REDUCE_ONLY_REJECTED"
    REDUCE_ONLY_ORDERS_BLOCK = "REDUCE_ONLY_ORDERS_BLOCK"
    INSUFFICIENT_MARGIN = "INSUFFICIENT_MARGIN"
    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    MAX_POSITION_AT_LEVERAGE = "MAX_POSITION_AT_LEVERAGE"
    DUPLICATE_CLIENT_ID = "DUPLICATE_CLIENT_ID"
    BELOW_MIN_NOTIONAL = "BELOW_MIN_NOTIONAL"
    BELOW_MIN_QTY = "BELOW_MIN_QTY"
    ABOVE_MAX_QTY = "ABOVE_MAX_QTY"
    BAD_PRICE_TICK = "BAD_PRICE_TICK"
    BAD_QTY_STEP = "BAD_QTY_STEP"
    PRICE_TOO_HIGH = "PRICE_TOO_HIGH"
    PRICE_TOO_LOW = "PRICE_TOO_LOW"
    TOO_MANY_ORDERS = "TOO_MANY_ORDERS"
    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    NO_CHANGE = "NO_CHANGE"
    BAD_LEVERAGE = "BAD_LEVERAGE"
    TRANSFER_NOT_SUPPORTED = "TRANSFER_NOT_SUPPORTED"


class PaperReject(Exception):
    """The exchange refuses a request; nothing was changed."""

    def __init__(self, code: RejectCode, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else str(code))
        self.code = code
        self.detail = detail


class IncomeKind(StrEnum):
    """What moved the settle balance of the margin account."""

    REALIZED_PNL = "REALIZED_PNL"
    COMMISSION = "COMMISSION"
    FUNDING_FEE = "FUNDING_FEE"
    TRANSFER = "TRANSFER"
    INSURANCE_CLEAR = "INSURANCE_CLEAR"


@dataclass(slots=True, eq=False)
class PaperOrder:
    """One order from its placement on: a live record, equal to itself only.

    Quantities in base units; `cum_quote` is Σ price·quantity of its fills.
    `queue_ahead`: others' quantity in front of it at its price; None while its price is deeper than the book shows.
    `ending`: why it ended, unless it filled.
    """

    order_id: int
    client_order_id: str
    symbol: str
    asset: Asset
    market: MarketName
    side: Side
    price: Decimal
    quantity: Decimal
    time_in_force: TimeInForce
    reduce_only: bool
    created_at: Millis
    updated_at: Millis
    filled: Decimal = ZERO
    cum_quote: Decimal = ZERO
    status: OrderStatus = OrderStatus.NEW
    queue_ahead: Decimal | None = ZERO
    ending: Ending | None = None

    @property
    def remaining(self) -> Decimal:
        """What is not filled yet."""
        return self.quantity - self.filled

    @property
    def average(self) -> Decimal | None:
        """Average price of its fills; None before the first."""
        return self.cum_quote / self.filled if self.filled else None

    @property
    def open(self) -> bool:
        """Whether it may still fill."""
        return self.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


@swift
@dataclass(frozen=True, slots=True)
class PaperFill:
    """One execution. `fee` in `fee_currency` (negative: a rebate); `realised` in the settle coin, 0 on spot."""

    trade_id: int
    order_id: int
    client_order_id: str
    symbol: str
    asset: Asset
    market: MarketName
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    realised: Decimal
    maker: bool
    at: Millis


@swift
@dataclass(frozen=True, slots=True)
class FundingRow:
    """One funding settlement: `amount` positive when received, for `quantity` (signed) at `mark`."""

    id: int
    symbol: str
    asset: Asset
    amount: Decimal
    rate: Decimal
    mark: Decimal
    quantity: Decimal
    at: Millis


@swift
@dataclass(frozen=True, slots=True)
class IncomeRow:
    """One movement of the margin account's settle balance. `trade_id` and `symbol` where there is one."""

    id: int
    kind: IncomeKind
    symbol: str
    amount: Decimal
    currency: str
    at: Millis
    trade_id: int | None = None


@dataclass(frozen=True, slots=True)
class Liquidation:
    """A position taken over by the exchange at the mark price; no liquidation fee is charged."""

    symbol: str
    asset: Asset
    quantity: Decimal
    mark: Decimal
    realised: Decimal
    at: Millis
