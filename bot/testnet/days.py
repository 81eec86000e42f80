"""The markets in numbers that every dialect shows: best levels, last prices, the last twenty-four hours.

The book shown is the book of others: our own resting orders are not drawn into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.core.market import Asset
from bot.core.money import ZERO
from bot.core.swift import swift
from bot.core.times import DAY, HOUR, Millis
from bot.paper.feed import BookState, Level, MarketState
from bot.paper.records import MarketName
from bot.testnet.world import World

_NOTHING = Level(ZERO, ZERO)


@swift
@dataclass(frozen=True, slots=True)
class DayStatistics:
    """Twenty-four hours of one market, seen once an hour."""

    opened_at: Millis
    open: Decimal
    high: Decimal
    low: Decimal
    last: Decimal
    volume: Decimal
    quote_volume: Decimal
    trades: int

    @property
    def average(self) -> Decimal:
        """Volume-weighted price; the last one where nothing was traded."""
        return self.quote_volume / self.volume if self.volume else self.last


class Days:
    """The last day of each market, as of the present instant."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._feed = world.exchange.feed
        self._held: dict[tuple[MarketName, Asset], tuple[Millis, DayStatistics]] = {}

    def day(self, asset: Asset, market: MarketName) -> DayStatistics:
        """The last twenty-four hours; computed anew each hour of the story, with the present price as the last."""
        now = self._world.now()
        hour = now - (now - self._feed.start) % HOUR
        held = self._held.get((market, asset))
        if held is None or held[0] != hour:
            held = (hour, self._sample(asset, market, hour))
            self._held[market, asset] = held
        last = self.last(asset, market)
        day = held[1]
        return DayStatistics(
            now - DAY, day.open, max(day.high, last), min(day.low, last), last, day.volume, day.quote_volume,
            day.trades,
        )

    def last(self, asset: Asset, market: MarketName) -> Decimal:
        """The last price: the mid of the book of others."""
        return mid(book(self._world.exchange.state(asset), market))

    def _sample(self, asset: Asset, market: MarketName, until: Millis) -> DayStatistics:
        states = [self._feed.at(asset, max(self._feed.start, until - hours * HOUR)) for hours in range(24, -1, -1)]
        books = [book(state, market) for state in states]
        prices = [mid(shown) for shown in books]
        a_step_is = Decimal(HOUR) / self._feed.step
        volumes = [(shown.taker_buys + shown.taker_sells) * a_step_is for shown in books[1:]]
        quote = sum((volume * price for volume, price in zip(volumes, prices[1:], strict=True)), ZERO)
        volume = sum(volumes, ZERO)
        return DayStatistics(
            until - DAY, prices[0], max(prices), min(prices), prices[-1], volume, quote,
            int(volume / self._world.exchange.instruments[asset].amount_step),
        )


def book(state: MarketState, market: MarketName) -> BookState:
    """One of the coin's two books."""
    return state.spot if market == "spot" else state.perp


def best(levels: Sequence[Level]) -> Level:
    """The first level; price and quantity 0, as exchanges show it, where the side is empty."""
    return levels[0] if levels else _NOTHING


def mid(shown: BookState) -> Decimal:
    """Half way between best bid and best ask; the one there is where a side is empty."""
    bid, ask = best(shown.bids).price, best(shown.asks).price
    return (bid + ask) / 2 if bid and ask else bid or ask
