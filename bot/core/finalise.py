"""Ending a hedge by really selling its coins: in matching slices, spot first (DOMAIN §5B).

With h the short, g the short that stays (0, or more where the margin ladder only reduces) and x the excess in coins,

    s = min(h − g, x, coins that are free), rounded down to the spot lot

is sold, and h − g is closed. A slice at a time is sold on spot; then as much of the short is closed as was sold, in
whole contracts (the rest is carried to the next slice). So the exposure is never more than what it was at the start,
and never less by more than one slice; what h − g is larger than s is closed at the very end. Where the next slice but
one would be too small for the spot market, it is sold with the next one.

How far it has come is told by the executions in the journal, never by what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_UP, Decimal

from bot.core.decision import Due, Finalising, Leg
from bot.core.market import Instrument
from bot.core.money import ZERO, round_to_step
from bot.core.policy import Policy
from bot.core.times import SECOND, Millis

SALE_WITHIN: Millis = 20 * SECOND
"""How long the margin ladder lets a slice's sale come before its close: then the close goes alone."""

MARGIN_OF_SIZE = 2
"""A slice is worth at least so many times the venue's smallest order: prices move until it is sent."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a sale depends on at one instant, base units. `short` and `sold` (the episode's) are the journal's.

    `excess` in coins, `price` the best spot bid; None where they are unknown. `free`: coins that can be sold, those
    that an order of ours has locked included. `working`: an order of ours is live. `settled`: wallet and journal agree
    on the coins, so that an excess that shrank is the market's doing.
    """

    short: Decimal
    sold: Decimal
    excess: Decimal | None
    free: Decimal
    price: Decimal | None
    contract: Decimal
    instrument: Instrument
    working: bool = False
    settled: bool = True


@dataclass(frozen=True, slots=True)
class Sale:
    """What of a hedge's coins a finalisation would sell. `wanted` ≥ `sold`; `locked`: wanted coins that are not free.

    Base units in whole spot lots. `small`: what there is would be below the spot market's smallest order.
    """

    wanted: Decimal
    sold: Decimal
    locked: Decimal
    small: bool = False


def sale_of(part: Decimal, means: Means) -> Sale:
    """What is sold where `part` (h − g) of the short is ended. Nothing while price or excess are unknown."""
    lot = means.instrument.spot_lot
    if means.excess is None or means.price is None:
        return Sale(ZERO, ZERO, ZERO)
    wanted = round_to_step(max(ZERO, min(part, means.excess)), lot)
    if not _orderable(wanted, means):
        return Sale(ZERO, ZERO, ZERO, small=wanted > 0)
    free = round_to_step(max(ZERO, min(wanted, means.free)), lot)
    if not _orderable(free, means):
        free = ZERO
    return Sale(wanted, free, wanted - free)


def begin(
    cause: str, at: Millis, means: Means, *, goal: Decimal, to_sell: Decimal, policy: Policy, whole: bool = False,
) -> Finalising:
    """The short goes down to `goal`, and `to_sell` coins with it. `whole`: in as few slices as allowed."""
    fresh = Finalising(
        cause, at, means.short, goal, to_sell, _slice(to_sell, means, policy, whole=whole), sold_before=means.sold,
        leg_at=at)
    return _sell(fresh, at, means) if to_sell > 0 else replace(fresh, leg=Leg.CLOSE)


def extend(was: Finalising, cause: str, means: Means, *, goal: Decimal, policy: Policy) -> Finalising:
    """The same, down to `goal` at most, for a cause that is in a hurry: with as many more coins as can be sold.

    From the next slice on in as few as allowed: one that was made for a small part would take the whole forever.
    """
    down = min(was.goal, goal)
    more = sale_of(was.short - down - was.sold, means).sold if down < was.goal else was.left
    now = replace(was, cause=cause, goal=down, to_sell=max(was.to_sell, was.sold + more))
    return replace(now, slice=max(was.slice, _slice(now.left, means, policy, whole=True)))


def advance(was: Finalising, at: Millis, means: Means, *, patience: Millis) -> Finalising:
    """How far it has come, and which leg is next. Sales that the excess no longer allows are given up.

    A slice that is not sold within twice the patience, with no order of it live, is closed as far as it is sold.
    """
    sold, closed = max(ZERO, means.sold - was.sold_before), max(ZERO, was.short - means.short)
    now = replace(was, sold=sold, closed=closed, to_sell=max(sold, min(was.to_sell, _most(sold, means))))
    if now.left > 0 and not means.working and not _orderable(now.left, means):
        now = replace(now, to_sell=sold)
    if now.leg is Leg.SELL:
        stuck = not means.working and at - now.leg_at >= 2 * patience and _closable(now, means) > 0
        sliced = sold >= now.sell_until or (not means.working and not _orderable(now.sell_until - sold, means))
        if now.left > 0 and not stuck and not sliced:
            return now
        if now.left <= 0 or _closable(now, means) > 0:
            return replace(now, leg=Leg.CLOSE, leg_at=at)
        return _sell(now, at, means)
    if now.left > 0 and not means.working and not _closable(now, means):
        return _sell(now, at, means)
    return now


def due(now: Finalising, means: Means) -> Due:
    """What is to be traded now. The close leg's quantity is exactly what was sold before; at the end, what is left."""
    if now.leg is Leg.SELL:
        left = min(now.sell_until - now.sold, now.left, max(ZERO, means.free))
        return Due(Leg.SELL, round_to_step(max(ZERO, left), means.instrument.spot_lot), now.leg_at)
    rest = max(ZERO, means.short - now.goal)
    return Due(Leg.CLOSE, rest if now.left <= 0 else min(rest, _closable(now, means)), now.leg_at)


def _sell(now: Finalising, at: Millis, means: Means) -> Finalising:
    """The next slice: what was sold and not closed is part of it; a last one that would be too small goes along."""
    size = min(max(now.slice - now.uncovered, ZERO), now.left)
    if now.left - size < smallest_sale(means.instrument, means.price):
        size = now.left
    return replace(now, leg=Leg.SELL, leg_at=at, sell_until=now.sold + size)


def _most(sold: Decimal, means: Means) -> Decimal:
    """Coins that may be sold in all by what the wallet shows now; no limit while that is not to be compared."""
    if means.excess is None or not means.settled:
        return Decimal("Infinity")
    return sold + round_to_step(max(ZERO, min(means.excess, means.free)), means.instrument.spot_lot)


def _closable(now: Finalising, means: Means) -> Decimal:
    """What of the short may be closed after the sales so far: whole contracts, as the venue takes them."""
    whole = round_to_step(max(ZERO, now.uncovered), means.contract)
    price, spec = means.price, means.instrument
    if whole < spec.min_amount:
        return ZERO
    too_small = not spec.reduce_only_exempt and (price is None or whole * price < spec.min_notional)
    return ZERO if too_small else whole


def _orderable(quantity: Decimal, means: Means) -> bool:
    """Whether the spot market takes an order of so many coins."""
    if quantity < means.instrument.least_sale:
        return False
    return means.price is not None and quantity * means.price >= means.instrument.spot_min_notional


def smallest_sale(spec: Instrument, price: Decimal | None) -> Decimal:
    """The fewest coins that are sold at once; as few as the market takes where no price is known."""
    if price is None or price <= 0:
        return spec.least_sale
    return max(spec.least_sale, round_to_step(
        MARGIN_OF_SIZE * spec.spot_min_notional / price, spec.spot_lot, ROUND_UP))


def _slice(to_sell: Decimal, means: Means, policy: Policy, *, whole: bool) -> Decimal:
    """Whole contracts: `to_sell` by the least number of slices, at most `slice`, and no less than both venues take."""
    spec, contract, most = means.instrument, means.contract, policy.execution.slice
    wanted = to_sell if whole else to_sell / policy.finalise.slices
    smallest = max(spec.min_amount, smallest_sale(spec, means.price))
    if not spec.reduce_only_exempt and means.price:
        smallest = max(smallest, MARGIN_OF_SIZE * spec.min_notional / means.price)
    size = wanted if most is None else min(wanted, most * contract)
    return round_to_step(max(size, smallest), contract, ROUND_UP)
