"""What happens to the simulated account, told to whoever listens at the instant it happens.

An event carries copies and records that never change again. Listening changes nothing; without a listener nothing is
made. At the moment of telling, the account already is as the event says: a listener may read the exchange, and must
not act on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from bot.core.market import Asset
from bot.core.times import Millis
from bot.paper.positions import PaperPosition
from bot.paper.records import FundingRow, Liquidation, PaperFill, PaperOrder


class Change(StrEnum):
    """What happened to an order besides fills."""

    PLACED = "placed"
    AMENDED = "amended"
    CANCELED = "canceled"
    EXPIRED = "expired"


class Movement(StrEnum):
    """Why a balance moved without an order of the account or funding."""

    DEPOSIT = "deposit"
    WITHDRAW = "withdraw"
    TRANSFER = "transfer"
    INSURANCE = "insurance"


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An order was placed, amended or ended; `order` is a copy of it then."""

    order: PaperOrder
    change: Change
    at: Millis


@dataclass(frozen=True, slots=True)
class Filled:
    """An execution was booked; `order` is a copy after it. `position` is the perpetual's after it, None on spot.

    `liquidation`: the exchange closed the position by an order of its own.
    """

    order: PaperOrder
    fill: PaperFill
    position: PaperPosition | None
    liquidation: bool
    at: Millis


@dataclass(frozen=True, slots=True)
class FundingSettled:
    """Funding was booked."""

    row: FundingRow
    at: Millis


@dataclass(frozen=True, slots=True)
class BalanceMoved:
    """Money came or went; `spot` and `futures` are the changes of the two wallets (of a unified one: `spot`)."""

    why: Movement
    coin: str
    spot: Decimal
    futures: Decimal
    at: Millis


@dataclass(frozen=True, slots=True)
class LeverageSet:
    """A coin's leverage was set."""

    asset: Asset
    leverage: Decimal
    at: Millis


@dataclass(frozen=True, slots=True)
class Liquidated:
    """A position was liquidated. The fill that closed it was told before."""

    record: Liquidation
    at: Millis


Event: TypeAlias = OrderChanged | Filled | FundingSettled | BalanceMoved | LeverageSet | Liquidated
Listener: TypeAlias = Callable[[Event], None]


class Events:
    """The account's listeners. Whoever tells asks `heard` first, so that events nobody wants are not even made."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Hear every event from now on, after those who listened before; what is returned ends it."""
        self._listeners.append(listener)

        def leave() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return leave

    def tell(self, event: Event) -> None:
        """Tell everybody, in the order in which they came."""
        for listener in tuple(self._listeners):
            listener(event)
