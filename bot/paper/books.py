"""Order books as the account meets them: others' levels, price-shifted, less what it has already taken from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import groupby

from bot.core.market import Instrument, Side
from bot.core.money import ONE, ROUND_DOWN, ROUND_UP, ZERO, round_to_step, to_ledger
from bot.paper.feed import BookState, Level, MarketState

Taken = Mapping[Decimal, Decimal]
"""Quantity that the account took at each price since the last grid instant."""


def shifted(state: MarketState, instrument: Instrument, factor: Decimal) -> MarketState:
    """The markets with every price times `factor`, on the ticks; sides move apart, never into each other."""
    if factor == ONE:
        return state
    return MarketState(
        _shifted_book(state.spot, instrument.spot_tick, factor),
        _shifted_book(state.perp, instrument.price_tick, factor),
        to_ledger(state.mark * factor), to_ledger(state.index * factor),
    )


def _shifted_book(book: BookState, tick: Decimal, factor: Decimal) -> BookState:
    return replace(
        book, bids=_shifted_levels(book.bids, tick, factor, ROUND_DOWN),
        asks=_shifted_levels(book.asks, tick, factor, ROUND_UP),
    )


def _shifted_levels(levels: Iterable[Level], tick: Decimal, factor: Decimal, rounding: str) -> tuple[Level, ...]:
    """Levels that fall onto one tick become one level."""
    moved = (Level(round_to_step(level.price * factor, tick, rounding), level.quantity) for level in levels)
    return tuple(
        Level(price, sum((level.quantity for level in same), ZERO))
        for price, same in groupby(moved, key=lambda level: level.price) if price > 0
    )


def less(book: BookState, bids_taken: Taken, asks_taken: Taken) -> BookState:
    """The book without what the account took; emptied levels are gone."""
    if not bids_taken and not asks_taken:
        return book
    return replace(book, bids=_left(book.bids, bids_taken), asks=_left(book.asks, asks_taken))


def _left(levels: Iterable[Level], taken: Taken) -> tuple[Level, ...]:
    left = (Level(level.price, level.quantity - taken.get(level.price, ZERO)) for level in levels)
    return tuple(level for level in left if level.quantity > 0)


def own_side(book: BookState, side: Side) -> Sequence[Level]:
    """The levels among which a resting order of `side` stands."""
    return book.bids if side is Side.BUY else book.asks


def other_side(book: BookState, side: Side) -> Sequence[Level]:
    """The levels that a taker of `side` hits."""
    return book.asks if side is Side.BUY else book.bids


def reaches(side: Side, price: Decimal, level: Decimal) -> bool:
    """Whether a limit of `side` at `price` may trade at `level`."""
    return price >= level if side is Side.BUY else price <= level


def better(side: Side, price: Decimal, than: Decimal) -> bool:
    """Whether `price` stands strictly before `than` in the queue of `side`."""
    return price > than if side is Side.BUY else price < than


def displayed_at(levels: Sequence[Level], side: Side, price: Decimal) -> Decimal | None:
    """Others' quantity at exactly `price`: 0 inside the visible book, None when `price` is deeper than it shows."""
    for level in levels:
        if level.price == price:
            return level.quantity
        if better(side, price, level.price):
            return ZERO
    if levels and better(side, levels[-1].price, price):
        return None
    return ZERO
