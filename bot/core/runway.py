"""Maintenance margin by tiers, and how far marks may move until a margin account is liquidated (DOMAIN §6.2).

Shorts are liquidated by a rise, longs by a fall. A rise moves the shorts together and a fall the longs; what would gain
by the move stands still, which only shortens the runway. The joint runway is the shorter of the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import merge

from bot.core.market import Asset, MarginTier
from bot.core.money import ONE, ZERO
from bot.core.swift import swift
from bot.core.way import Way


@swift
@dataclass(frozen=True, slots=True)
class Exposure:
    """One short or long as the runway sees it: `notional` at mark (> 0), its tiers, and what moves with it.

    `maintenance` is today's; without tiers its rate is kept as the notional moves. `collateral` is the settle-coin
    value by which the wallet's coins gain per +100 % of this mark (0 in a separate wallet).
    """

    asset: Asset | None
    notional: Decimal
    maintenance: Decimal
    tiers: tuple[MarginTier, ...] = ()
    collateral: Decimal = ZERO
    mark: Decimal | None = None


@swift
@dataclass(frozen=True, slots=True)
class MarginAccount:
    """The margin account at one instant.

    `longs`: those on coins that may be hedged by one; `standing` is the maintenance margin of all others, which are
    somebody else's and do not move. `coins`: what the wallet's coins without a long count for less per −100 % of all
    marks, beyond what shorts on them gain (0 in a separate wallet, or without longs).
    """

    equity: Decimal
    shorts: tuple[Exposure, ...]
    standing: Decimal = ZERO
    longs: tuple[Exposure, ...] = ()
    coins: Decimal = ZERO

    @property
    def exposures(self) -> tuple[Exposure, ...]:
        """Shorts and longs."""
        return (*self.shorts, *self.longs) if self.longs else self.shorts

    def of(self, way: Way) -> tuple[Exposure, ...]:
        """The shorts, or the longs."""
        return self.shorts if way is Way.SHORT else self.longs

    @property
    def notional(self) -> Decimal:
        """Σ notional at mark, whichever way."""
        return sum((one.notional for one in self.exposures), ZERO)

    @property
    def maintenance(self) -> Decimal:
        """Maintenance margin of everything in the wallet."""
        return self.standing + sum((one.maintenance for one in self.exposures), ZERO)

    @property
    def effective_leverage(self) -> Decimal | None:
        """Σ notional / equity; None when there is no equity to divide by."""
        return self.notional / self.equity if self.equity > 0 else None


def tier_of(notional: Decimal, tiers: Sequence[MarginTier]) -> MarginTier:
    """The tier in whose [floor, cap) `notional` lies; the last one beyond the table. `tiers` ascend by floor.

    Raises ValueError for an empty table.
    """
    if not tiers:
        raise ValueError("the margin table has no tiers")
    found = tiers[0]
    for tier in tiers:
        if tier.floor > notional:
            break
        found = tier
    return found


def maintenance_margin(notional: Decimal, tiers: Sequence[MarginTier]) -> Decimal:
    """Maintenance margin of a position of `notional` (≥ 0, quote units): notional·rate − deduction of its tier."""
    if notional == 0:
        return ZERO
    tier = tier_of(notional, tiers)
    return notional * tier.rate - tier.deduction


def initial_margin(notional: Decimal, leverage: Decimal) -> Decimal:
    """What the venue sets aside for `notional` at the leverage set on it (> 0)."""
    if leverage <= 0:
        raise ValueError(f"leverage must be positive, not {leverage}")
    return notional / leverage


def joint_runway(account: MarginAccount) -> Decimal | None:
    """The shorter of both ways' runways; None: there is nothing, or no move liquidates."""
    return nearer(account)[1]


def nearer(account: MarginAccount) -> tuple[Way, Decimal | None]:
    """The way that is nearer to liquidation, and its runway; without longs the short one."""
    return nearest(runways(account))


def runways(account: MarginAccount) -> dict[Way, Decimal | None]:
    """The runway of each way that there is anything of."""
    return {way: runway_of(account, way) for way in Way if account.of(way)}


def nearest(lefts: Mapping[Way, Decimal | None]) -> tuple[Way, Decimal | None]:
    """As `nearer`, of the runways by way."""
    up = lefts.get(Way.SHORT)
    if Way.LONG not in lefts:
        return Way.SHORT, up
    down = lefts[Way.LONG]
    falls = Way.SHORT not in lefts or (down is not None and (up is None or down < up))
    return (Way.LONG, down) if falls else (Way.SHORT, up)


def runway_of(account: MarginAccount, way: Way) -> Decimal | None:
    """How far all shorted marks may rise together, or all marks of longs fall with every coin in the wallet."""
    if way is Way.SHORT:
        return runway(account, account.shorts)
    return runway(account, account.longs, falling=True, coins=account.coins)


def runway(
    account: MarginAccount, moving: Sequence[Exposure], *, falling: bool = False, coins: Decimal = ZERO,
) -> Decimal | None:
    """How far the marks of `moving` may rise together until equity == maintenance margin; they are shorts of `account`.

    Exact over the tier table: the surplus is linear between the moves at which some notional changes its tier.
    Negative where the account is already below its maintenance margin. None: nothing moves, or no move liquidates.
    With `falling`, how far marks of longs may fall: 0.3 = −30 %, and None at a price of 0. `coins`: see
    `MarginAccount`; 0 where the other coins stand still.
    """
    if not moving:
        return None
    # Positions are compared by identity: two equal ones are still two.
    still = account.standing + sum(
        (one.maintenance for one in account.exposures if not any(one is mover for mover in moving)), ZERO,
    )
    sign = -1 if falling else 1
    edges = merge(*(_edges(mover, falling=falling) for mover in moving))
    last = ONE if falling else None
    start: Decimal | None = ZERO
    while start is not None and start != last:
        end = next((edge for edge in edges if edge > start), last)
        # Tiers are chosen inside the segment, where no rounding of a boundary can pick the wrong side.
        inside = start + 1 if end is None else (start + end) / 2
        surplus, slope = account.equity - still, ZERO
        if coins:
            surplus, slope = surplus - coins * start, -coins
        for mover in moving:
            rate, deduction = _maintenance_line(mover, 1 + sign * inside)
            surplus -= mover.notional * start + mover.notional * (1 + sign * start) * rate - deduction
            surplus += sign * mover.collateral * start
            slope += sign * (mover.collateral - mover.notional * rate) - mover.notional
        if surplus <= 0:
            return start if start > 0 else surplus / -slope if slope < 0 else ZERO
        if slope < 0:
            reached = start + surplus / -slope
            if reached == last:
                return None
            if end is None or reached <= end:
                return reached
        start = end
    return None


def _edges(mover: Exposure, *, falling: bool) -> Iterator[Decimal]:
    """The moves at which its notional changes its tier, in order: most callers need the first of many."""
    if falling:
        return (1 - tier.floor / mover.notional for tier in reversed(mover.tiers) if 0 < tier.floor < mover.notional)
    return (tier.floor / mover.notional - 1 for tier in mover.tiers if tier.floor > mover.notional)


def _maintenance_line(mover: Exposure, grown: Decimal) -> tuple[Decimal, Decimal]:
    """Rate and deduction that hold once the notional has grown by the factor `grown`."""
    if not mover.tiers:
        return mover.maintenance / mover.notional, ZERO
    tier = tier_of(mover.notional * grown, mover.tiers)
    return tier.rate, tier.deduction
