"""Evenly spaced rows of prices and funding: what a panel file or a scenario gives, and a story is told from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.core.market import Asset
from bot.core.times import Millis

_MEMORY = 24
_FIRST_SIGMA = 0.005
_LEAST_SIGMA = 0.0002


@dataclass(frozen=True, slots=True)
class Track:
    """One coin, row by row. Prices in quote units; floats, because paths are statistics until they are quoted.

    `sigma[k]` is the volatility of a row's log return as known at row k; `stale[k]`: spot had no trades up to row k
    and its price is carried forward. `funding`: rates by the instant at which they settle.
    """

    spot: tuple[float, ...]
    perp: tuple[float, ...]
    mark: tuple[float, ...]
    sigma: tuple[float, ...]
    stale: tuple[bool, ...]
    funding: Mapping[Millis, Decimal]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows at `start + k·spacing`, k = 0 … count − 1, of one or more coins."""

    start: Millis
    spacing: Millis
    count: int
    tracks: Mapping[Asset, Track]

    @property
    def end(self) -> Millis:
        """The instant of the last row."""
        return self.start + (self.count - 1) * self.spacing


def running_sigma(prices: Sequence[float] | Iterable[float]) -> tuple[float, ...]:
    """For each price, the exponentially weighted volatility (memory: 24 rows) of log returns up to it.

    Only the past counts, so cutting a story's end changes nothing; 0.5% stands for the unknown past of the first row.
    """
    variance = _FIRST_SIGMA**2
    last: float | None = None
    answer = []
    for price in prices:
        if last is not None:
            variance += (math.log(price / last) ** 2 - variance) / _MEMORY
        last = price
        answer.append(max(math.sqrt(variance), _LEAST_SIGMA))
    return tuple(answer)
