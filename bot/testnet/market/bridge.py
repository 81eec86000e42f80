"""Brownian bridges on integer steps, so that a path between two known points can be asked at any step.

Lévy's construction: the value half-way between two known steps is their interpolation plus a normal number whose
variance is σ²·(m − a)·(b − m)/(b − a). Each such number is a function of its place, so a single step costs O(log n)
and its value does not depend on which steps were asked before.
"""

from __future__ import annotations

import math

from bot.testnet.market.chance import Strip, normal


class Bridge:
    """A standard bridge over `steps` steps: 0 at both ends, unit variance per `steps` steps of the free motion."""

    __slots__ = ("_chance", "_steps", "_values")

    def __init__(self, place: str, steps: int) -> None:
        if steps < 1:
            raise ValueError(f"a bridge needs at least one step, not {steps}")
        self._chance = Strip(place)
        self._steps = steps
        self._values = {0: 0.0, steps: 0.0}

    def at(self, step: int) -> float:
        """The bridge's value at `step`, 0 ≤ step ≤ steps. Raises ValueError outside."""
        known = self._values.get(step)
        if known is not None:
            return known
        if not 0 <= step <= self._steps:
            raise ValueError(f"step {step} is not on a bridge of {self._steps} steps")
        return self._descend(step)

    def _descend(self, step: int) -> float:
        values = self._values
        low, high = 0, self._steps
        while True:
            middle = (low + high) // 2
            value = values.get(middle)
            if value is None:
                value = values[middle] = self._between(low, middle, high)
            if middle == step:
                return value
            if middle < step:
                low = middle
            else:
                high = middle

    def _between(self, low: int, middle: int, high: int) -> float:
        span = high - low
        share = (middle - low) / span
        line = self._values[low] * (1 - share) + self._values[high] * share
        deviation = math.sqrt((middle - low) * (high - middle) / span / self._steps)
        return line + deviation * normal(self._chance.uniform(middle))
