"""What can be done next for one asset: send an order, move it, withdraw it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from bot.core.market import Side
from bot.core.orders import OrderRecord, TimeInForce


@dataclass(frozen=True, slots=True)
class Place:
    """Send a new limit order; quantity in base units. `spot`: on the coin's spot market, else its perpetual."""

    side: Side
    quantity: Decimal
    price: Decimal
    time_in_force: TimeInForce
    reduce_only: bool
    spot: bool = False


@dataclass(frozen=True, slots=True)
class Reprice:
    """Move the resting order to another price."""

    record: OrderRecord
    price: Decimal


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Cancel the order."""

    record: OrderRecord
    why: str


Step: TypeAlias = Place | Reprice | Withdraw | None
"""None: nothing, or wait."""
