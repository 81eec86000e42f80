"""One perpetual position in one-way mode: signed quantity, average entry, realised profit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from bot.core.money import LEDGER_STEP, ROUND_HALF_EVEN, ZERO, to_ledger
from bot.core.swift import swift
from bot.core.times import Millis


@swift
@dataclass(frozen=True, slots=True)
class PaperPosition:
    """`quantity` in base units, negative when short; `entry` is the average price of what built it (0 when flat)."""

    quantity: Decimal = ZERO
    entry: Decimal = ZERO
    updated_at: Millis | None = None

    def unrealised(self, mark: Decimal) -> Decimal:
        """Profit if closed at `mark`, rounded once as the books carry money."""
        if not self.quantity:
            return ZERO
        return (self.quantity * (mark - self.entry)).quantize(LEDGER_STEP, ROUND_HALF_EVEN)  # asked at every look


def traded(position: PaperPosition, change: Decimal, price: Decimal, at: Millis) -> tuple[PaperPosition, Decimal]:
    """The position after buying (`change` > 0) or selling (< 0) at `price`, and the profit that realised.

    The average entry changes only on increases (DOMAIN §4); a trade beyond flat opens the other side at its price.
    """
    held, after = position.quantity, position.quantity + change
    if held == 0 or (held > 0) == (change > 0):
        entry = (position.entry * abs(held) + price * abs(change)) / abs(after)
        return PaperPosition(after, entry, at), ZERO
    closed = min(abs(held), abs(change))
    realised = to_ledger(closed * (price - position.entry) * (1 if held > 0 else -1))
    if after == 0:
        return PaperPosition(ZERO, ZERO, at), realised
    same_side = (after > 0) == (held > 0)
    return PaperPosition(after, position.entry if same_side else price, at), realised
