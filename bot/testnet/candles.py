"""Candles of a story: what both venues show of a market's past. A market is looked at a few times in each."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from bot.core.market import Asset
from bot.core.money import ZERO
from bot.core.times import Millis
from bot.testnet.days import book, mid
from bot.testnet.world import World

Charted: TypeAlias = Literal["spot", "perp", "mark"]
"""What candles are drawn of: mid prices of the two markets, and the mark."""

_LOOKS = 4
"""At how many places of a candle its market is looked at, beside its end."""


@dataclass(frozen=True, slots=True)
class Candle:
    """Prices from `opened` on; `volume` in base units, 0 of marks and of a halted market."""

    opened: Millis
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class Candles:
    """Candles that have begun by now. The youngest is still open."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._feed = world.exchange.feed

    def latest(
        self, asset: Asset, charted: Charted, length: Millis, *, start: Millis | None, end: Millis | None, limit: int,
    ) -> list[Candle]:
        """The last `limit` that open from `start` to `end`, both inclusive (None: open), oldest first."""
        places = self._places(length, start, end)
        return [self._candle(asset, charted, at, length) for at in places[-limit:]]

    def earliest(
        self, asset: Asset, charted: Charted, length: Millis, *, start: Millis | None, end: Millis | None, limit: int,
    ) -> list[Candle]:
        """The first `limit` of them, oldest first."""
        places = self._places(length, start, end)
        return [self._candle(asset, charted, at, length) for at in places[:limit]]

    def _places(self, length: Millis, start: Millis | None, end: Millis | None) -> range:
        now, begun = self._world.now(), self._feed.start - self._feed.start % length
        first = begun if start is None else max(begun, -(-start // length) * length)
        last = now if end is None else min(end, now)
        # What opens at this very instant has no price yet but its first.
        return range(first, last - last % length + 1, length)

    def _candle(self, asset: Asset, charted: Charted, opened: Millis, length: Millis) -> Candle:
        feed = self._feed
        begun, closed = max(opened, feed.start), min(opened + length, self._world.now())
        places = [begun + (closed - begun) * look // _LOOKS for look in range(_LOOKS + 1)]
        if charted == "mark":
            prices, volume = [feed.mark(asset, at) for at in places], ZERO
        else:
            books = [book(feed.at(asset, at), charted) for at in places]
            prices = [mid(shown) for shown in books]
            steps = Decimal(closed - begun) / feed.step
            volume = sum((shown.taker_buys + shown.taker_sells for shown in books[1:]), ZERO) / _LOOKS * steps
        return Candle(opened, prices[0], max(prices), min(prices), prices[-1], volume)
