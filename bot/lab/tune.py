"""`tune`: what other triggers would have meant for the user's own weights, and in one sentence what that says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.core.money import plain
from bot.core.policy import Policy
from bot.lab.grid import Axis, Point, axis, points_of
from bot.lab.sweep import Figures

OPENS = ("2pp", "3pp", "4pp", "5pp", "7pp", "10pp")
YOURS = "yours"


@dataclass(frozen=True, slots=True)
class Tuned:
    """The user's own triggers, the others, and the sentence."""

    yours: Figures
    others: tuple[tuple[Point, Figures], ...]
    meaning: str


def trials(policy: Policy) -> tuple[Point, ...]:
    """The user's own triggers first, then other open levels with close and resize at 1pp."""
    axes: tuple[Axis, ...] = (axis("open", OPENS), axis("close", ("1pp",)), axis("resize", ("1pp",)))
    own = Point(0, ((YOURS, own_levels(policy)),), policy)
    return (own, *(Point(each.number + 1, each.settings, each.policy) for each in points_of(axes, policy).points))


def own_levels(policy: Policy) -> str:
    """'5/1/1pp', or coin by coin where they differ."""
    found = {one.asset: "/".join(_pp(level.of_nav(one.target)) for level in (one.open, one.close, one.resize))
             for one in policy.assets}
    if len(set(found.values())) == 1:
        return f"{next(iter(found.values()))}pp"
    return ", ".join(f"{asset} {levels}pp" for asset, levels in found.items())


def tuned(points: Sequence[Point], figures: Sequence[Figures]) -> Tuned:
    """What came of the trials."""
    others = tuple(zip(points[1:], figures[1:], strict=True))
    return Tuned(figures[0], others, meaning(figures[0], others))


def meaning(yours: Figures, others: Sequence[tuple[Point, Figures]]) -> str:
    """One sentence: what the user's triggers came to, and what one that tracks better or costs less would have."""
    if yours.refused is not None:
        return f"Your triggers do not fit this account: {yours.refused}."
    if not yours.hedges:
        said = (f"Over these {yours.years:.1f} years your triggers opened no hedge: the net weights were "
                f"{yours.off_pp:.2f}pp from target on average")
    else:
        said = (f"Over these {yours.years:.1f} years your triggers came to {yours.hedges_a_year:.1f} hedges a year, "
                f"{cost_in_words(yours.net_cost_bp)}, and net weights {yours.off_pp:.2f}pp from target on average "
                f"(coins alone: {yours.spot_off_pp:.2f}pp)")
    if yours.liquidations:
        said += f", with {yours.liquidations} liquidations"
    known = [(point, found) for point, found in others if found.refused is None and not found.liquidations]
    closer = min(known, key=lambda each: (each[1].off_pp, each[0].number), default=None)
    cheaper = min(known, key=lambda each: (each[1].net_cost_bp, each[0].number), default=None)
    if closer is not None and closer[1].off_pp < yours.off_pp:
        said += (f"; open {_open(closer[0])} would have kept them at {closer[1].off_pp:.2f}pp for "
                 f"{closer[1].hedges_a_year:.1f} hedges a year and {cost_in_words(closer[1].net_cost_bp)}")
    if cheaper is not None and cheaper[1].net_cost_bp < yours.net_cost_bp and cheaper is not closer:
        said += f"; cheapest was open {_open(cheaper[0])} with {cost_in_words(cheaper[1].net_cost_bp)}"
    return f"{said}. That is the past, chosen after the fact: `sweep --train --test` tells what such a choice is worth."


def cost_in_words(cost: Decimal) -> str:
    """'a net cost of 12 bp of NAV a year' or '158 bp of NAV a year earned'."""
    return f"{-cost:.1f} bp of NAV a year earned" if cost < 0 else f"a net cost of {cost:.1f} bp of NAV a year"


def _pp(part: Decimal) -> str:
    return plain((part * 100).normalize())


def _open(point: Point) -> str:
    return dict(point.settings)["open"]
