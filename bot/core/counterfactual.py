"""The account that really trades coins instead of hedging, beside the one that hedges (DOMAIN §4).

Two purses that are only ever added to and looked into, so that what the ledger says has something to agree with: no
sums over differences of prices, no average of anything but the entry that the venue's own figure needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from bot.core.ledger import Event, Traded, Valuation
from bot.core.market import Asset, spot_coin
from bot.core.money import ZERO, reckoned, to_ledger
from bot.core.orders import Fill, FundingPayment


@dataclass(slots=True)
class Purse:
    """Settle coin and coins, counted from when the hedge began; `bought`: those bought with what it brought."""

    cash: Decimal = ZERO
    coins: Decimal = ZERO
    bought: dict[Asset, Decimal] = field(default_factory=dict)

    def buy(self, coin: Asset, quantity: Decimal, cost: Decimal) -> None:
        """So many coins for so much."""
        self.bought[coin] = self.bought.get(coin, ZERO) + quantity
        self.cash -= cost

    def worth(self, spot: Decimal, prices: Mapping[Asset, Decimal]) -> Decimal:
        """Its value when a coin is worth `spot`, and those bought are worth `prices`."""
        return self.cash + self.coins * spot + sum((held * prices[coin] for coin, held in self.bought.items()), ZERO)


class Counterfactual:
    """The hedged account and the one that sells each increase and rebuys each reduction at the decision's spot mid.

    Every price must be known, and every fee's value: raises ValueError where one is not.
    """

    def __init__(self, settle: str) -> None:
        self._settle = settle
        self._actual, self._other = Purse(), Purse()
        self._short = self._entry = self._uncovered = ZERO
        self._bought_at: dict[Asset, Decimal] = {}

    @reckoned
    def take(self, event: Event) -> None:
        """One more thing that happened; only executions concern the other account."""
        if isinstance(event, FundingPayment):
            self._actual.cash += event.amount
        elif event.bought is not None:
            self._purchase(event, event.bought)
        elif event.spot:
            self._spot(event)
        else:
            self._perp(event)

    def _spot(self, event: Traded) -> None:
        fill, sign = event.fill, event.fill.side.sign
        taken = _taken(fill) if sign > 0 else ZERO
        self._actual.cash -= sign * fill.quantity * fill.price + (ZERO if taken else self._fee(fill))
        self._actual.coins += sign * fill.quantity - taken
        self._uncovered -= sign * fill.quantity - taken

    def _purchase(self, event: Traded, coin: Asset) -> None:
        fill = event.fill
        if event.spot_mid is None:
            raise ValueError(f"fill {fill.trade_id} has no spot mid")
        taken = _taken(fill)
        came, cost = fill.quantity - taken, fill.quantity * fill.price
        self._actual.buy(coin, came, cost if taken else cost + self._fee(fill))
        self._other.buy(coin, came, came * event.spot_mid)
        self._bought_at[coin] = event.spot_mid

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
        other, actual = (one.worth(prices.spot_mid, self._bought_at) for one in (self._other, self._actual))
        return other - actual - unrealised

    @reckoned
    def against_nothing(self, prices: Valuation) -> Decimal:
        """NAV(actual) less that of an account that did nothing at all. Raises ValueError, as above."""
        if prices.spot_mid is None:
            raise ValueError("there is no spot mid")
        return self._other.worth(prices.spot_mid, self._bought_at) - self.difference(prices)


def _taken(fill: Fill) -> Decimal:
    """The fee, where it was taken out of the coins bought."""
    return fill.fee if fill.fee_currency == spot_coin(fill.symbol) else ZERO


def counterfactual(events: list[Event], settle: str) -> Counterfactual:
    """Both accounts after all of it."""
    both = Counterfactual(settle)
    for event in events:
        both.take(event)
    return both
