"""What moves the simulated exchange: prices, depth and takers as pure functions of place (seed, market, instant)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, overload

from bot.core.market import Asset
from bot.core.swift import swift
from bot.core.times import Millis


@swift
@dataclass(frozen=True, slots=True)
class Level:
    """One price level of a book; quantity in base units."""

    price: Decimal
    quantity: Decimal


class Levels(Sequence[Level]):
    """One side of a book: `best`, and behind it what `deeper` comes to, which is not reckoned before somebody looks.

    Nearly everybody looks at the touch alone. Equal to any sequence of the same levels.
    """

    __slots__ = ("_all", "_best", "_deeper")

    def __init__(self, best: Level, deeper: Callable[[], Sequence[Level]]) -> None:
        self._best = best
        self._deeper = deeper
        self._all: tuple[Level, ...] | None = None

    def _whole(self) -> tuple[Level, ...]:
        if self._all is None:
            self._all = (self._best, *self._deeper())
        return self._all

    @overload
    def __getitem__(self, place: int) -> Level: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Level, ...]: ...

    def __getitem__(self, place: int | slice) -> Level | tuple[Level, ...]:
        return self._best if place == 0 else self._whole()[place]

    def __len__(self) -> int:
        return len(self._whole())

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Level]:
        yield self._best
        yield from self._whole()[1:]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._whole() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._whole())

    def __repr__(self) -> str:
        return repr(self._whole())


@swift
@dataclass(frozen=True, slots=True)
class BookState:
    """One market's resting liquidity of others, best level first, and the takers that hit it since the step before.

    `taker_buys` and `taker_sells`: base units that arrive at the touch during the step that ends here.
    """

    bids: Sequence[Level]
    asks: Sequence[Level]
    taker_buys: Decimal
    taker_sells: Decimal


@swift
@dataclass(frozen=True, slots=True)
class MarketState:
    """One coin's markets at a grid instant: spot and perpetual books, mark and index price."""

    spot: BookState
    perp: BookState
    mark: Decimal
    index: Decimal


class Feed(Protocol):
    """A market story. Every answer depends on its arguments only, never on what was asked before."""

    @property
    def assets(self) -> Sequence[Asset]:
        """Coins with a spot and a perpetual market."""

    @property
    def start(self) -> Millis:
        """First instant of the story; grid instants are `start + k·step`."""

    @property
    def end(self) -> Millis:
        """Last instant of the story."""

    @property
    def step(self) -> Millis:
        """The grid: books and takers change at its instants only."""

    def at(self, asset: Asset, at: Millis) -> MarketState:
        """The markets of one coin at the grid instant at or before `at`."""

    def mark(self, asset: Asset, at: Millis) -> Decimal:
        """The mark price alone (cheap): equals `at(asset, at).mark`."""

    def funding_interval(self, asset: Asset, at: Millis) -> Millis:
        """The funding interval in force at `at`."""

    def next_funding(self, asset: Asset, after: Millis) -> Millis:
        """The first settlement strictly after `after`."""

    def funding_rate(self, asset: Asset, settlement: Millis) -> Decimal:
        """The rate that settles at `settlement` (positive: longs pay shorts)."""
