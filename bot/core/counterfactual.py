"""The account that really trades coins instead of hedging, beside the one that hedges (DOMAIN §4).

Two purses that are only ever added to and looked into, so that what the ledger says has something to agree with: no
sums over differences of prices, no average of anything but the entry that the venue's own figure needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from bot.core.ledger import Event, Traded, Valuation
from bot.core.money import ZERO, reckoned, to_ledger
from bot.core.orders import Fill, FundingPayment


@dataclass(slots=True)
class Purse:
    """Settle coin and coins, counted from when the hedge began."""

    cash: Decimal = ZERO
    coins: Decimal = ZERO

    def worth(self, spot: Decimal) -> Decimal:
        """Its value when a coin is worth `spot`."""
        return self.cash + self.coins * spot


class Counterfactual:
    """The hedged account and the one that sells each increase and rebuys each reduction at the decision's spot mid.

    Every price must be known, and every fee's value: raises ValueError where one is not.
    """

    def __init__(self, settle: str) -> None:
        self._settle = settle
        self._actual, self._other = Purse(), Purse()
        self._short = self._entry = self._uncovered = ZERO

    @reckoned
    def take(self, event: Event) -> None:
        """One more thing that happened; only executions concern the other account."""
        if isinstance(event, FundingPayment):
            self._actual.cash += event.amount
        elif event.spot:
            self._spot(event)
        else:
            self._perp(event)

    def _spot(self, event: Traded) -> None:
        sign = event.fill.side.sign
        self._actual.cash -= sign * event.fill.quantity * event.fill.price + self._fee(event.fill)
        self._actual.coins += sign * event.fill.quantity
        self._uncovered -= sign * event.fill.quantity

    def _perp(self, event: Traded) -> None:
        fill, sign = event.fill, event.fill.side.sign
        if event.spot_mid is None:
            raise ValueError(f"fill {fill.trade_id} has no spot mid")
        covering = min(fill.quantity, abs(self._uncovered)) if sign * self._uncovered > 0 else ZERO
        self._uncovered -= sign * covering
        traded = fill.quantity - covering  # what covers a slice stays sold
        self._other.cash -= sign * traded * event.spot_mid
        self._other.coins += sign * traded
        self._actual.cash += fill.realised - self._fee(fill)
        after = self._short - sign * fill.quantity
        if self._short * after <= 0:
            self._entry = fill.price
        elif abs(after) > abs(self._short):
            self._entry = (self._entry * abs(self._short) + fill.price * fill.quantity) / abs(after)
        self._short = after

    def _fee(self, fill: Fill) -> Decimal:
        worth = fill.fee_worth(self._settle)
        if worth is None:
            raise ValueError(f"the fee of fill {fill.trade_id} has no value")
        return worth

    @reckoned
    def difference(self, prices: Valuation) -> Decimal:
        """NAV(counterfactual) − NAV(actual) at these prices. Raises ValueError where one that it needs is missing."""
        unrealised = prices.unrealised
        if unrealised is None:
            if self._short and prices.mark is None:
                raise ValueError("there is no mark")
            unrealised = to_ledger(self._short * (self._entry - (prices.mark or ZERO))) if self._short else ZERO
        if prices.spot_mid is None:
            raise ValueError("there is no spot mid")
        return self._other.worth(prices.spot_mid) - self._actual.worth(prices.spot_mid) - unrealised

    @reckoned
    def against_nothing(self, prices: Valuation) -> Decimal:
        """NAV(actual) less that of an account that did nothing at all. Raises ValueError, as above."""
        if prices.spot_mid is None:
            raise ValueError("there is no spot mid")
        return self._other.worth(prices.spot_mid) - self.difference(prices)


def counterfactual(events: list[Event], settle: str) -> Counterfactual:
    """Both accounts after all of it."""
    both = Counterfactual(settle)
    for event in events:
        both.take(event)
    return both
