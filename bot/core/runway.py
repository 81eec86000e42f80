"""Maintenance margin by tiers, and how far marks may move until a margin account is liquidated (DOMAIN §6.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import merge

from bot.core.market import Asset, MarginTier
from bot.core.money import ONE, ZERO
from bot.core.swift import swift


@swift
@dataclass(frozen=True, slots=True)
class Exposure:
    """One short as the runway sees it: `notional` at mark (> 0), its tiers, and what rises against it.

    `maintenance` is today's; without tiers its rate is kept as the notional rises. `collateral` is the settle-coin
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
    """The margin account at one instant. `standing` is the maintenance margin of what does not rise (the longs)."""

    equity: Decimal
    shorts: tuple[Exposure, ...]
    standing: Decimal = ZERO

    @property
    def notional(self) -> Decimal:
        """Σ short notional at mark."""
        return sum((short.notional for short in self.shorts), ZERO)

    @property
    def maintenance(self) -> Decimal:
        """Maintenance margin of everything in the wallet."""
        return self.standing + sum((short.maintenance for short in self.shorts), ZERO)

    @property
    def effective_leverage(self) -> Decimal | None:
        """Σ short notional / equity; None when there is no equity to divide by."""
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


def runway(account: MarginAccount, moving: Sequence[Exposure], *, falling: bool = False) -> Decimal | None:
    """How far the marks of `moving` may rise together until equity == maintenance margin; they are shorts of `account`.

    Exact over the tier table: the surplus is linear between the moves at which some notional changes its tier.
    Negative where the account is already below its maintenance margin. None: nothing moves, or no move liquidates.
    With `falling`, how far marks of longs (not in `account`) may fall: 0.3 = −30 %, and None below a price of 0.
    """
    if not moving:
        return None
    # Shorts are compared by identity: two equal positions are still two.
    still = account.standing + sum(
        (short.maintenance for short in account.shorts if not any(short is mover for mover in moving)), ZERO,
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
        for mover in moving:
            rate, deduction = _maintenance_line(mover, 1 + sign * inside)
            surplus -= mover.notional * start + mover.notional * (1 + sign * start) * rate - deduction
            surplus += sign * mover.collateral * start
            slope += sign * (mover.collateral - mover.notional * rate) - mover.notional
        if surplus <= 0:
            return start if start > 0 else surplus / -slope if slope < 0 else ZERO
        if slope < 0:
            reached = start + surplus / -slope
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
