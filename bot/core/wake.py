"""Which pushed prices are worth a tick: those at which `decide` could answer otherwise than it did last.

A venue pushes its best bid and ask hundreds of times a second, and a tick costs a snapshot. Between two snapshots only
prices move, and NAV is a straight line of them (DOMAIN §2, the coins at spot, the position p at its mark)::

    NAV(S, M) = NAV₀ + Σ q·(S − S₀) + Σ p·(M − M₀)

so the rule itself (DOMAIN §3) can be asked what it wants at pushed prices, for microseconds: as long as it wants the
same kind of change of every asset, a new decision would begin nothing that the last one had not already wanted. What
is wanted but not confirmed, or refused by a guard, waits for time or for other readings: for a poll. A wake bypasses
nothing: the tick that follows reads its own snapshot, and `decide` counts its confirmations as ever.

No book ticker pushes the mark: NAV is taken to move by as much as the perpetual's mid does, and so is the mark where it
is not pushed by itself. The margin ladder (DOMAIN §6.3) acts before the rule and without confirmation: a price that
brings the account to another rung of it is worth a tick too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.core import triggers
from bot.core.decision import Action, Decision
from bot.core.ladder import FLOOR_CAUSE
from bot.core.market import Asset, Instrument, Side, Snapshot, spot_coin
from bot.core.money import ZERO, reckoned
from bot.core.orders import OrderRecord
from bot.core.policy import AssetPolicy, Terms
from bot.core.rule import unorderable
from bot.core.rung_watch import RungWatch, watch_rungs
from bot.core.times import Millis


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One asset's prices as pushed; None: not pushed (yet), the snapshot's stands."""

    spot_mid: Decimal | None = None
    perp_bid: Decimal | None = None
    perp_ask: Decimal | None = None
    mark: Decimal | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    """One asset at the last snapshot, and what the rule wanted of it there."""

    policy: AssetPolicy
    instrument: Instrument
    spot: Decimal
    perp: Decimal
    quantity: Decimal
    position: Decimal
    short: Decimal
    reference: Decimal
    mark: Decimal | None

    def moved(self, seen: Glimpse) -> Decimal:
        """How much NAV changes by this asset's pushed prices."""
        change = self.won(seen)
        if seen.spot_mid is not None:
            change += self.quantity * (seen.spot_mid - self.spot)
        return change

    def won(self, seen: Glimpse) -> Decimal:
        """How much of it the position does."""
        return self.position * self._perp_moved(seen) if self.position else ZERO

    def rise(self, seen: Glimpse) -> Decimal:
        """By which part of itself the mark is taken to have risen."""
        if not self.mark:
            return ZERO
        return (self._perp_moved(seen) if seen.mark is None else seen.mark - self.mark) / self.mark

    def _perp_moved(self, seen: Glimpse) -> Decimal:
        if seen.perp_bid is None or seen.perp_ask is None:
            return ZERO
        return (seen.perp_bid + seen.perp_ask) / 2 - self.perp

    def wanted(self, nav: Decimal, price: Decimal) -> Action:
        """What the rule wants here and the venue would take."""
        if nav <= 0:
            return Action.HOLD
        excess = self.quantity * price - self.policy.target * nav
        way = triggers.way_at(self.policy.direction, excess, self.reference or self.short)
        wish = triggers.wish(
            self.policy, triggers.levels(self.policy, nav), way.along(excess), price=price,
            reference=way.along(self.reference), contract=self.policy.contract_for(self.instrument), way=way)
        hedge = way.along(self.short)
        return wish.action if unorderable(wish, hedge, price, self.instrument) is None else Action.HOLD


@dataclass(frozen=True, slots=True)
class Resting:
    """An order of ours that rests: it follows a touch that moves away, from `from_at` on (DOMAIN §7)."""

    asset: Asset
    side: Side
    price: Decimal
    from_at: Millis

    def left_behind(self, seen: Glimpse, at: Millis) -> bool:
        """Whether the touch has moved away from it, and it may follow."""
        touch = seen.perp_ask if self.side is Side.SELL else seen.perp_bid
        if touch is None or at < self.from_at:
            return False
        return touch < self.price if self.side is Side.SELL else touch > self.price


@dataclass(frozen=True, slots=True)
class CashFloor:
    """The share of NAV below which hedges are bought back (DOMAIN §6.3), and `cash` with unrealised profit then."""

    share: Decimal
    cash: Decimal

    def acts(self, nav: Decimal, won: Decimal) -> bool:
        """Whether it is undercut at this NAV, once the positions have `won` that much more."""
        return nav > 0 and self.cash + won < self.share * nav


@dataclass(frozen=True, slots=True)
class Watch:
    """What to look for in pushed prices until the next tick. `wanted`: what the rule wanted at the last one.

    `rungs`, `floor`: None where no short, or nothing that is known, could change the ladder's rung.
    """

    nav: Decimal
    lines: Mapping[Asset, _Line]
    wanted: Mapping[Asset, Action]
    resting: tuple[Resting, ...] = ()
    rungs: RungWatch | None = None
    floor: CashFloor | None = None

    @reckoned
    def crossed(self, seen: Mapping[Asset, Glimpse]) -> Asset | None:
        """An asset of which the rule wants another kind of change at these prices than it did; None: of none."""
        nav = self.nav
        for asset, line in self.lines.items():
            if asset in seen:
                nav += line.moved(seen[asset])
        for asset, line in self.lines.items():
            glimpse = seen.get(asset)
            price = line.spot if glimpse is None or glimpse.spot_mid is None else glimpse.spot_mid
            if line.wanted(nav, price) is not self.wanted[asset]:
                return asset
        return None

    @reckoned
    def on_another_rung(self, seen: Mapping[Asset, Glimpse]) -> bool:
        """Whether the margin ladder stands on another rung at these prices than it did."""
        pushed = [(asset, line, seen[asset]) for asset, line in self.lines.items() if asset in seen]
        if self.rungs is not None and self.rungs.another(
                {asset: rise for asset, line, glimpse in pushed if (rise := line.rise(glimpse))}):
            return True
        if self.floor is None:
            return False
        nav = self.nav + sum((line.moved(glimpse) for _, line, glimpse in pushed), ZERO)
        won = sum((line.won(glimpse) for _, line, glimpse in pushed), ZERO)
        return self.floor.acts(nav, won) is not self.floor.acts(self.nav, ZERO)

    def left_behind(self, seen: Mapping[Asset, Glimpse], at: Millis) -> Asset | None:
        """An asset whose resting order the touch has left behind; None where there is none."""
        for order in self.resting:
            if order.asset in seen and order.left_behind(seen[order.asset], at):
                return order.asset
        return None


@reckoned
def watch(
    snapshot: Snapshot, decision: Decision, terms: Terms, live: Collection[OrderRecord] = (),
) -> Watch | None:
    """What to look for after `decision` on `snapshot`; None where a price is unknown: then only polls tell.

    `live`: our resting orders.
    """
    if decision.nav is None:
        return None
    lines: dict[Asset, _Line] = {}
    for decided in decision.assets:
        quote, instrument = snapshot.quotes.get(decided.asset), terms.instruments[decided.asset]
        price = decided.measure.price
        if quote is None or price is None or quote.perp_mid is None:
            return None
        position = snapshot.position(instrument.symbol)
        lines[decided.asset] = _Line(
            terms.policy.asset(decided.asset), instrument, spot=price, perp=quote.perp_mid,
            quantity=decided.measure.quantity, position=ZERO if position is None else position.quantity,
            short=decided.short, reference=decided.goal, mark=quote.mark)
    after = terms.policy.execution.reprice_after
    return Watch(
        nav=decision.nav, lines=lines,
        wanted={asset: line.wanted(decision.nav, line.spot) for asset, line in lines.items()},
        resting=tuple(
            Resting(one.intent.asset, one.intent.side, one.intent.price if one.price is None else one.price,
                    one.changed_at + after)
            for one in live if not one.state.unresolved and spot_coin(one.intent.symbol) is None
        ),
        rungs=watch_rungs(snapshot, terms.instruments, terms.policy.margin, terms.longs), floor=_floor(decision, terms),
    )


def _floor(decision: Decision, terms: Terms) -> CashFloor | None:
    """The cash floor, where it could act: NAV is believed, and it has not acted on every hedge already."""
    share, nav = decision.ladder.cash_share, decision.nav
    waits = any(one.short and decision.state.of(one.asset).disarmed != FLOOR_CAUSE for one in decision.assets)
    if share is None or nav is None or not waits:
        return None
    return CashFloor(terms.policy.margin.cash_floor, share * nav)
