"""A margin table, believed only where it makes sense as one."""

from __future__ import annotations

from itertools import pairwise

from bot.core.market import MarginTier
from bot.core.money import ZERO
from bot.venues.failures import InvalidReply


def ascending(tiers: tuple[MarginTier, ...]) -> tuple[MarginTier, ...]:
    """The same tiers, lowest first. Raises InvalidReply where one does not begin at the last one's end or asks less."""
    first = tiers[0]
    builds = first.floor == first.deduction == ZERO < first.rate and all(
        lower.cap == upper.floor > lower.floor and upper.rate >= lower.rate
        and (upper.deduction > lower.deduction or upper.rate == lower.rate)
        for lower, upper in pairwise(tiers)
    )
    if not builds:
        raise InvalidReply("margin tiers: they do not build on each other")
    return tiers
