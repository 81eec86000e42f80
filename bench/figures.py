"""What a measurement comes to: two sides, their quantiles, the ratio, and whether the goal is met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio (or, without `bare`, a number) that must not be above `most`."""

    name: str
    most: float
    ours: float
    bare: float | None = None
    unit: str = ""

    @property
    def value(self) -> float:
        """What is held against the goal."""
        return self.ours if self.bare is None else self.ours / self.bare

    @property
    def verdict(self) -> str:
        """'met', or by how much it is short."""
        return "met" if self.value <= self.most else f"SHORT by {self.value / self.most - 1:.0%}"


@dataclass(frozen=True, slots=True)
class Timed:
    """Both sides of one thing, measured in turns."""

    name: str
    unit: str
    ours: Sequence[float]
    bare: Sequence[float]

    def row(self) -> str:
        """Both sides' p50 and p99."""
        cells = [f"{quantile(side, share):10.3f}" for side in (self.ours, self.bare) for share in (0.5, 0.99)]
        return f"  {self.name:<44}{''.join(cells)}  {self.unit:<3} n={len(self.ours)}"

    def goal(self, name: str, share: float, most: float) -> Goal:
        """The ratio at one quantile."""
        return Goal(f"{name}, p{share * 100:.0f}", most, quantile(self.ours, share), quantile(self.bare, share),
                    self.unit)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One bench: its measurements, its goals, and what else is worth a line."""

    title: str
    timed: Sequence[Timed] = ()
    goals: Sequence[Goal] = ()
    notes: Sequence[str] = ()

    def lines(self) -> list[str]:
        """For the screen."""
        head = f"  {'':<44}{'ours p50':>10}{'p99':>10}{'bare p50':>10}{'p99':>10}" if self.timed else ""
        return [f"\n{self.title}", *([head] if head else []), *(timed.row() for timed in self.timed),
                *(f"  {note}" for note in self.notes)]


def table(goals: Sequence[Goal]) -> list[str]:
    """Every goal, one line each."""
    lines = ["", f"{'goal':<56}{'ours':>11}{'bare':>11}{'value':>9}{'at most':>9}  verdict", "-" * 110]
    for goal in goals:
        bare = f"{goal.bare:.3f}" if goal.bare is not None else ""
        sign = "x" if goal.bare is not None else ""
        lines.append(f"{goal.name:<56}{goal.ours:>11.3f}{bare:>11}{f'{goal.value:.2f}{sign}':>9}"
                     f"{f'{goal.most:g}{sign}':>9}  {goal.verdict}")
    return lines
