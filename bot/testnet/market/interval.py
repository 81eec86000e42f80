"""One coin from one row to the next: where its prices are at each step between them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bot.core.swift import swift
from bot.testnet.market.bridge import Bridge
from bot.testnet.market.chance import Strip
from bot.testnet.market.rows import Track

BASIS_SIGMA = 0.0001
"""Volatility over one row of the perpetual against spot, beyond what the rows show, at activity 1."""


@swift
@dataclass(frozen=True, slots=True)
class Prices:
    """Where spot and perpetual trade, before they are quoted on ticks."""

    spot: float
    perp: float


class Interval:
    """The path over `steps` steps from row `row` of a track to the row after it.

    Log prices run straight, plus one bridge that spot, perpetual and mark share and one of the perpetual's own.
    `still`: the chance that a step repeats the step before.
    """

    __slots__ = ("_basis", "_chance", "_logs", "_own", "_path", "_row", "_sigma", "_steps", "_still", "_track")

    def __init__(self, place: str, track: Track, row: int, *, steps: int, still: float, busy: float) -> None:
        self._track = track
        self._row = row
        self._steps = steps
        self._still = still
        self._chance = Strip(f"{place}:still")
        self._path = Bridge(f"{place}:path", steps)
        self._basis = Bridge(f"{place}:basis", steps)
        self._sigma = track.sigma[row + 1]
        self._own = BASIS_SIGMA * busy
        self._logs = tuple(math.log(column[row + 1] / column[row]) for column in (track.spot, track.perp, track.mark))

    def moved(self, offset: int) -> int:
        """The step, at or before `offset`, at which prices last moved. They always do at a row."""
        while offset and self._chance.uniform(offset) < self._still:
            offset -= 1
        return offset

    def mark(self, offset: int) -> float:
        """The mark price at a step at which prices moved, 0 ≤ offset < steps."""
        exponent = self._logs[2] * offset / self._steps + self._sigma * self._path.at(offset)
        return self._track.mark[self._row] * math.exp(exponent)

    def prices(self, offset: int) -> Prices:
        """Spot and perpetual at a step at which prices moved. Halted spot stays where it was."""
        track, row = self._track, self._row
        share = offset / self._steps
        common = self._sigma * self._path.at(offset)
        own = self._own * self._basis.at(offset)
        halted = track.stale[row + 1]
        return Prices(
            spot=track.spot[row] * (1 if halted else math.exp(self._logs[0] * share + common)),
            perp=track.perp[row] * math.exp(self._logs[1] * share + common + own),
        )
