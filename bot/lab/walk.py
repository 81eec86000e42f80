"""Walk-forward: what is chosen on one stretch of history is judged on the next, which it has not seen."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from bot.core.money import ZERO, reckoned
from bot.core.times import DAY, Millis
from bot.errors import ConfigError
from bot.lab.grid import Point
from bot.lab.sweep import Figures, Span

LENGTH_WRITTEN = '"12m" (calendar months) or "90d" (days)'

FIGURES: Mapping[str, tuple[str, Callable[[Figures], Decimal | None]]] = {
    "net_cost_bp": ("net cost, bp of NAV a year", lambda found: found.net_cost_bp),
    "off_pp": ("mean |net − target|, pp", lambda found: found.off_pp),
    "hedges_a_year": ("hedges a year", lambda found: found.hedges_a_year),
    "lowest_runway": ("lowest joint runway", lambda found: found.lowest_runway),
    "lowest_cash": ("lowest (cash + unrealised) / NAV", lambda found: found.lowest_cash),
    "liquidations": ("liquidations", lambda found: Decimal(found.liquidations)),
}
"""Figures by name: in words, and where they are found."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the best point is: the lowest `by` of those whose mean |net − target| is at most `most_off` (pp)."""

    by: str = "net_cost_bp"
    most_off: Decimal | None = None

    def rank(self, found: Figures) -> tuple[int, Decimal, Decimal]:
        """Lower is better. A point that was refused is never better than one that ran; liquidations come last."""
        if found.refused is not None:
            return (3, ZERO, ZERO)
        value = FIGURES[self.by][1](found)
        if value is None:
            return (2, ZERO, found.off_pp)
        too_far = self.most_off is not None and found.off_pp > self.most_off
        return (2 if found.liquidations else 1 if too_far else 0, value, found.off_pp)


def best(points: Sequence[Point], figures: Sequence[Figures], wish: Wish) -> int | None:
    """The place of the point to choose, the grid's first among equals; None where none is fit to be chosen."""
    place = min(range(len(points)), key=lambda each: (*wish.rank(figures[each]), each))
    return place if wish.rank(figures[place])[0] == 0 else None


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch to choose on and the one after it to judge on: from `begin` to `turn`, from `turn` to `end`."""

    begin: Millis
    turn: Millis
    end: Millis


@dataclass(frozen=True, slots=True)
class Step:
    """One window: what was chosen on the first stretch, and how it did there and on the next. None: nothing was fit."""

    window: Window
    chosen: Point | None
    seen: Figures | None
    unseen: Figures | None


@dataclass(frozen=True, slots=True)
class Sum:
    """All windows together, weighted by their length: on what was chosen, and on what came after it."""

    years: Decimal
    hedges_a_year: Decimal
    net_cost_bp: Decimal
    off_pp: Decimal
    liquidations: int


def length_of(text: str) -> Length:
    """'12m' or '90d'. Raises ValueError saying what is allowed."""
    match = re.fullmatch(r"([1-9]\d{0,4})([md])", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no stretch of time; allowed: {LENGTH_WRITTEN}")
    return Length(int(match[1]), months=match[2] == "m")


@dataclass(frozen=True, slots=True)
class Length:
    """So many calendar months, or days."""

    count: int
    months: bool

    def after(self, at: Millis) -> Millis:
        """The instant that much later; a day that its month does not have is its last."""
        if not self.months:
            return at + self.count * DAY
        then = datetime.fromtimestamp(at / 1000, tz=UTC)
        year, month = divmod(then.year * 12 + then.month - 1 + self.count, 12)
        day = min(then.day, calendar.monthrange(year, month + 1)[1])
        return round(then.replace(year=year, month=month + 1, day=day).timestamp() * 1000)


def windows(span: Span, train: Length, test: Length) -> tuple[Window, ...]:
    """As many as fit, each beginning one test stretch after the last. Raises ConfigError where none does."""
    found, begin = [], span.first
    while (end := test.after(turn := train.after(begin))) <= span.until:
        found.append(Window(begin, turn, end))
        begin = test.after(begin)
    if not found:
        days = (span.until - span.first) / DAY
        raise ConfigError(f"--train and --test together are longer than the {days:.0f} days that there are. Allowed: "
                          f"shorter ones, such as {LENGTH_WRITTEN}")
    return tuple(found)


@reckoned
def summed(all_figures: Iterable[Figures]) -> Sum | None:
    """The mean over stretches, weighted by their length; None where there is none."""
    known = [each for each in all_figures if each.refused is None]
    years = sum((each.years for each in known), ZERO)
    if not years:
        return None

    def mean(value: Callable[[Figures], Decimal]) -> Decimal:
        return (sum((value(each) * each.years for each in known), ZERO) / years).quantize(Decimal("1e-6"))

    return Sum(years, mean(lambda each: each.hedges_a_year), mean(lambda each: each.net_cost_bp),
               mean(lambda each: each.off_pp), sum(each.liquidations for each in known))
