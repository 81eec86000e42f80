"""What would happen next: the prices at which the rule acts again, and the collateral that it would need there.

One asset moves and the others stand still. Its spot price goes from S₀ to S; its mark, index and perpetual prices go
with it in proportion, so a position p (negative when short) gains p·M₀/S₀·(S − S₀), and with q coins

    NAV(S) = NAV₀ + k·(S − S₀),   k = q + p·M₀/S₀          (DOMAIN §2: unrealised PnL counts, at mark)
    x(S)   = q·S − target·NAV(S)                            (DOMAIN §2: the excess)

The rule (DOMAIN §3) opens where x ≥ open·NAV. Without a hedge and with whole contracts small enough that is at

    S = (t + o)·R / (q·(1 − t − o)),   R = NAV₀ − q·S₀ (everything else), t the target, o the open level

A long (`direction: both`) opens where −x ≥ open·NAV, the same with −o, as the price falls.

Rounding to contracts, minimum orders and the test "does it come closer" move that a little, so the price is searched
for on the price tick by asking the rule itself; both sides are monotone in S, and bisection finds the first tick.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from bot.core import sizing, triggers
from bot.core.collateral import Collateral, collateral_for, traded
from bot.core.decision import Action, AssetDecision, Decision, Situation
from bot.core.ending import Foreseen, foresee
from bot.core.gauges import Gauge, account_gauges, asset_gauges
from bot.core.ladder import longs_of
from bot.core.market import Asset, Instrument, Snapshot, WalletKind
from bot.core.money import ZERO, reckoned, steps
from bot.core.policy import AssetPolicy, Direction, Terms
from bot.core.way import Way, way_of

FURTHEST = 1000
"""Prices beyond so many times today's are not looked at."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A price (on the tick) at which the rule wants something else than after this decision.

    `move`: the price's change from now, as a fraction; 0: it is reached. `goal`: the hedge wanted there, coins;
    negative: a long.
    """

    action: Action
    price: Decimal
    move: Decimal
    excess: Decimal
    goal: Decimal
    collateral: Collateral | None = None
    way: Way = Way.SHORT


@dataclass(frozen=True, slots=True)
class AssetOutlook:
    """One asset's next triggers (increases first, then what the way back brings) and the state of its guards.

    `ending`: what finalising its hedge would come to; None where there is none.
    """

    asset: Asset
    triggers: tuple[Trigger, ...]
    gauges: tuple[Gauge, ...]
    ending: Foreseen | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would happen next. `spot_cash`: free settle coin outside the futures wallet; None in a unified account."""

    assets: tuple[AssetOutlook, ...]
    gauges: tuple[Gauge, ...]
    spot_cash: Decimal | None

    def of(self, asset: Asset) -> AssetOutlook:
        """The outlook of one asset. Raises KeyError."""
        for one in self.assets:
            if one.asset == asset:
                return one
        raise KeyError(asset)


@reckoned
def outlook(situation: Situation, terms: Terms, decision: Decision) -> Outlook:
    """What comes after `decision`, once its goals are reached at the present prices."""
    snapshot = situation.snapshot
    after = traded(snapshot, terms, decision)
    settle = snapshot.holdings.get(terms.policy.settle)
    return Outlook(
        assets=tuple(
            AssetOutlook(decided.asset, _triggers(after, situation, terms, decision, decided),
                         asset_gauges(situation, terms, decision, decided),
                         foresee(situation, terms, decision, decided.asset))
            for decided in decision.assets
        ),
        gauges=account_gauges(situation, terms, decision),
        spot_cash=None if snapshot.wallet is WalletKind.UNIFIED else settle.free if settle is not None else ZERO,
    )


# -- triggers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Line:
    """One asset along its price and along a way: NAV and excess are straight lines of it. `hedge`: along the way."""

    way: Way
    policy: AssetPolicy
    instrument: Instrument
    price: Decimal
    nav: Decimal
    slope: Decimal
    quantity: Decimal
    hedge: Decimal

    def nav_at(self, price: Decimal) -> Decimal:
        return self.nav + self.slope * (price - self.price)

    def excess_at(self, price: Decimal) -> Decimal:
        return self.quantity * price - self.policy.target * self.nav_at(price)

    def wish_at(self, price: Decimal) -> triggers.Wish | None:
        """What the rule wants at a price and the venue would take; None where that is nothing."""
        nav = self.nav_at(price)
        if nav <= 0:
            return None
        wish = triggers.wish(
            self.policy, triggers.levels(self.policy, nav), self.way.along(self.excess_at(price)), price=price,
            reference=self.hedge, contract=self.policy.contract_for(self.instrument), way=self.way)
        kind = Action.INCREASE if wish.goal > self.hedge else wish.action
        refused = sizing.below_minimum(kind, abs(wish.goal - self.hedge), price, self.instrument)
        return None if wish.action is Action.HOLD or refused is not None else wish


def _triggers(
    after: Snapshot, situation: Situation, terms: Terms, decision: Decision, decided: AssetDecision,
) -> tuple[Trigger, ...]:
    measure, nav, instrument = decided.measure, decision.nav, terms.instruments[decided.asset]
    quote = after.quotes.get(decided.asset)
    price = measure.price
    if nav is None or nav <= 0 or price is None or quote is None or quote.mark is None:
        return ()
    position, policy = after.position(instrument.symbol), terms.policy.asset(decided.asset)
    slope = measure.quantity + (position.quantity if position is not None else ZERO) * quote.mark / price
    ways = (way_of(decided.goal),) if decided.goal else tuple(Way)[:1 if policy.direction is Direction.SHORT else 2]
    found: list[Trigger] = []
    for way in ways:
        line = _Line(way, policy, instrument, price, nav, slope, measure.quantity, way.along(decided.goal))
        more = _first(line, {Action.OPEN, Action.INCREASE}, way.sign)
        if more is not None:
            found.append(replace(more, collateral=collateral_for(
                after, terms, decided.asset, goal=more.goal, factor=more.price / price,
                longs=longs_of(situation, terms))))
        if decided.goal:
            for wanted in ({Action.REDUCE, Action.CLOSE}, {Action.CLOSE}):
                less = _first(line, wanted, -way.sign)
                if less is not None and less not in found:
                    found.append(less)
    return tuple(found)


def _first(line: _Line, wanted: set[Action], to: int) -> Trigger | None:
    """The first tick, from the present price upward (+1) or downward (−1), at which the rule wants one of `wanted`."""
    tick = line.instrument.spot_tick
    start = steps(line.price, tick, ROUND_FLOOR if to > 0 else ROUND_CEILING)

    def price_of(count: int) -> Decimal:
        return line.price if count == 0 else (start + to * count) * tick

    def holds(count: int) -> bool:
        price = price_of(count)
        wish = line.wish_at(price) if price > 0 else None
        return wish is not None and wish.action in wanted

    count = _least(holds, steps(line.price * FURTHEST, tick) if to > 0 else start - 1)
    wish = None if count is None else line.wish_at(price_of(count))
    if count is None or wish is None:
        return None
    price = price_of(count)
    goal = sizing.notional_cap(
        line.policy.max_hedge_notional, price, line.policy.contract_for(line.instrument), wish.goal)
    return Trigger(wish.action, price, price / line.price - 1, line.excess_at(price), line.way.along(goal),
                   way=line.way)


def _least(holds: Callable[[int], bool], most: int) -> int | None:
    """The smallest count in [0, most] from which on it holds; None when there is none. Gallops, then bisects."""
    low, high = -1, 0
    while not holds(high):
        if high >= most:
            return None
        low, high = high, min(most, max(1, high * 2))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
