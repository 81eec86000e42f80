"""Which way a hedge goes: a short against coins above their target, a long in place of coins that are missing.

Everywhere outside the rule a hedge is one signed number, as in the ledger: base units short, negative when long. The
rule itself is written once. It looks along a way: an excess, a hedge, a cost are turned so that what calls for a
hedge is positive, and a hedge is at least 0. Turning a number twice gives it back.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from bot.core.market import Position, Side
from bot.core.money import ZERO, plain


class Way(StrEnum):
    """SHORT: a synthetic sale. LONG: a synthetic purchase (`direction: both`, DOMAIN §3)."""

    SHORT = "short"
    LONG = "long"

    @property
    def sign(self) -> int:
        """+1 for a short, −1 for a long."""
        return 1 if self is Way.SHORT else -1

    def along(self, value: Decimal) -> Decimal:
        """A signed number (excess, hedge, cost of a short) as it is along this way, and back again."""
        return value if self is Way.SHORT else -value

    @property
    def opens(self) -> Side:
        """The side of an order on the perpetual that enlarges the hedge, and of one on spot that undoes it."""
        return Side.SELL if self is Way.SHORT else Side.BUY

    @property
    def closes(self) -> Side:
        """The side of an order on the perpetual that reduces the hedge."""
        return Side.BUY if self is Way.SHORT else Side.SELL

    @property
    def closed(self) -> str:
        """What is done to a hedge that is reduced."""
        return "bought back" if self is Way.SHORT else "sold"

    def held(self, position: Position | None) -> Decimal:
        """How large a position is this way, base units, ≥ 0."""
        if position is None or not position.quantity:
            return ZERO
        return max(ZERO, self.along(-position.quantity))


def way_of(hedge: Decimal) -> Way:
    """The way of a signed hedge; of none: SHORT."""
    return Way.LONG if hedge < 0 else Way.SHORT


def hedge_in(position: Position | None, *, may_be_long: bool) -> Decimal:
    """The signed hedge that a position can be; a long where none are opened is somebody else's."""
    if position is None or (position.quantity > 0 and not may_be_long):
        return ZERO
    return -position.quantity


def said(hedge: Decimal) -> str:
    """'short 0.2', 'long 0.2'."""
    return f"{way_of(hedge)} {plain(abs(hedge))}"


def enlarges(before: Decimal, after: Decimal) -> bool:
    """Whether going from one signed hedge to another makes it larger."""
    return abs(after) > abs(before)


def went(sold: Decimal) -> str:
    """What happened to coins of which so many were sold: a long that ends with its coins sells fewer than none."""
    return "sold" if sold >= 0 else "bought"
