"""Binance's market streams: what each name subscribes to, and the frames that it gives.

A stream gives its first frame at once and later ones when something in it has changed, at most one per look. Where a
market stands still Binance repeats some of them (mark prices every second, or every three); here it is silent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeAlias

from bot.core.money import ZERO
from bot.core.times import Millis
from bot.paper.feed import Level
from bot.paper.records import MarketName
from bot.testnet.binance.markets import Markets
from bot.testnet.binance.shapes import Symbol
from bot.testnet.days import best, book
from bot.testnet.numbers import Row, money

FUTURES_ONLY = re.compile(r"![bm].*|[a-z0-9]+@markPrice(@1s)?")
_NAME = re.compile(
    r"([a-z0-9]+)@(bookTicker|markPrice|depth(?:5|10|20)?|miniTicker|ticker)(@(?:0|100|250|500|1000)ms|@1s)?",
)
_EVERY = re.compile(r"!(bookTicker|markPrice@arr(?:@1s)?)")


class Stream(Protocol):
    """One subscribed stream."""

    def look(self) -> list[object]:
        """What it has to say now: nothing where nothing has changed since the last look."""


Levels: TypeAlias = dict[Decimal, Decimal]


@dataclass(slots=True)
class OnChange:
    """A stream whose whole content is one row. `told` is what of it counts as news."""

    row: Callable[[], Row]
    told: Callable[[Row], object]
    last: object = None

    def look(self) -> list[object]:
        """The row, where it is news."""
        row = self.row()
        news = self.told(row)
        if news == self.last:
            return []
        self.last = news
        return [row]


@dataclass(slots=True)
class Several:
    """Streams of all symbols under one name; `as_list`: they come as one frame."""

    parts: list[OnChange]
    as_list: bool

    def look(self) -> list[object]:
        """The rows that are news; as one list of all of them where that is how they come."""
        found = [row for part in self.parts for row in part.look()]
        return [[part.row() for part in self.parts]] if self.as_list and found else found


class DepthChanges:
    """`<symbol>@depth`: levels that changed since the last frame; quantity 0: the level is gone."""

    def __init__(self, shapes: Shapes, symbol: Symbol) -> None:
        self._shapes = shapes
        self._symbol = symbol
        self._bids, self._asks = shapes.levels(symbol)
        self._last_id = shapes.now()

    def look(self) -> list[object]:
        """The changes, with the ids of the first and last update in them."""
        bids, asks = self._shapes.levels(self._symbol)
        changed = _changes(self._bids, bids), _changes(self._asks, asks)
        if not any(changed):
            return []
        first, before = self._last_id + 1, self._last_id
        self._bids, self._asks, self._last_id = bids, asks, max(first, self._shapes.now())
        return [self._shapes.depth_update(self._symbol, (first, self._last_id, before), *changed)]


class Shapes:
    """One market's rows as its streams show them: 'perp' is USD-M, 'spot' is spot."""

    def __init__(self, markets: Markets, market: MarketName) -> None:
        self.market = market
        self._markets = markets
        self._futures = market == "perp"

    def now(self) -> Millis:
        """The present instant."""
        return self._markets.world.now()

    def stream(self, name: str) -> Stream | None:
        """The stream of that name; None where there is no such stream, which Binance does not complain about."""
        every = _EVERY.fullmatch(name)
        if every and self._futures:
            symbols = self._markets.symbols.values()
            if every[1] == "bookTicker":
                return Several([self._touches(symbol) for symbol in symbols], as_list=False)
            return Several([self._marks(symbol) for symbol in symbols], as_list=True)
        found = _NAME.fullmatch(name)
        symbol = None if found is None else self._markets.symbols.get(found[1].upper())
        if found is None or symbol is None:
            return None
        return self._stream(symbol, found[2])

    def _stream(self, symbol: Symbol, kind: str) -> Stream | None:
        if kind == "bookTicker":
            return self._touches(symbol)
        if kind == "markPrice":
            return self._marks(symbol) if self._futures else None
        if kind == "depth":
            return DepthChanges(self, symbol)
        if kind in ("ticker", "miniTicker"):
            return OnChange(lambda: self.day(symbol, mini=kind == "miniTicker"), lambda row: row["c"])
        levels = int(kind.removeprefix("depth"))
        return OnChange(lambda: self.top(symbol, levels), _top_news)

    def _touches(self, symbol: Symbol) -> OnChange:
        return OnChange(lambda: self.touch(symbol), _touch_news)

    def _marks(self, symbol: Symbol) -> OnChange:
        return OnChange(lambda: self.mark(symbol), _mark_news)

    def touch(self, symbol: Symbol) -> Row:
        """Best bid and ask."""
        shown, now = book(self._markets.state(symbol), self.market), self.now()
        bid, ask = best(shown.bids), best(shown.asks)
        head: Row = {"e": "bookTicker", "u": now, "E": now, "T": now} if self._futures else {"u": now}
        return {**head, "s": symbol.id, "b": self._price(symbol, bid.price), "B": self._quantity(symbol, bid.quantity),
                "a": self._price(symbol, ask.price), "A": self._quantity(symbol, ask.quantity)}

    def mark(self, symbol: Symbol) -> Row:
        """Mark and index price, and the funding to come."""
        state, now, feed = self._markets.state(symbol), self.now(), self._markets.feed
        settlement = feed.next_funding(symbol.asset, now)
        return {
            "e": "markPriceUpdate", "E": now, "s": symbol.id, "p": money(state.mark), "i": money(state.index),
            "P": money(state.index), "r": money(feed.funding_rate(symbol.asset, settlement)), "T": settlement,
        }

    def day(self, symbol: Symbol, *, mini: bool) -> Row:
        """The last twenty-four hours."""
        day, now = self._markets.day(symbol, self.market), self.now()
        price, quantity = self._price, self._quantity
        row: Row = {
            "e": "24hrMiniTicker" if mini else "24hrTicker", "E": now, "s": symbol.id, "c": price(symbol, day.last),
            "o": price(symbol, day.open), "h": price(symbol, day.high), "l": price(symbol, day.low),
            "v": quantity(symbol, day.volume), "q": money(day.quote_volume),
        }
        if mini:
            return row
        change = day.last - day.open
        return {
            **row, "p": price(symbol, change), "P": f"{change / day.open * 100:.3f}", "w": price(symbol, day.average),
            "Q": quantity(symbol, ZERO), "O": day.opened_at, "C": now, "F": 1, "L": max(1, day.trades),
            "n": day.trades,
        }

    def top(self, symbol: Symbol, count: int) -> Row:
        """The first levels of the book."""
        shown, now = book(self._markets.state(symbol), self.market), self.now()
        bids, asks = self._rows(symbol, shown.bids[:count]), self._rows(symbol, shown.asks[:count])
        if not self._futures:
            return {"lastUpdateId": now, "bids": bids, "asks": asks}
        return {"e": "depthUpdate", "E": now, "T": now, "s": symbol.id, "U": now, "u": now, "pu": now - 1,
                "b": bids, "a": asks}

    def levels(self, symbol: Symbol) -> tuple[Levels, Levels]:
        """Both sides of the book as quantity by price."""
        shown = book(self._markets.state(symbol), self.market)
        return ({level.price: level.quantity for level in shown.bids},
                {level.price: level.quantity for level in shown.asks})

    def depth_update(self, symbol: Symbol, ids: tuple[int, int, int], bids: Iterable[Level],
                     asks: Iterable[Level]) -> Row:
        """A frame of changed levels; `ids`: the first and last update in it, and the last one before it."""
        first, last, before = ids
        now = self.now()
        rows: Row = {"b": self._rows(symbol, bids), "a": self._rows(symbol, asks)}
        if not self._futures:
            return {"e": "depthUpdate", "E": now, "s": symbol.id, "U": first, "u": last, **rows}
        return {"e": "depthUpdate", "E": now, "T": now, "s": symbol.id, "U": first, "u": last, "pu": before, **rows}

    def _rows(self, symbol: Symbol, levels: Iterable[Level]) -> list[list[str]]:
        return [[self._price(symbol, level.price), self._quantity(symbol, level.quantity)] for level in levels]

    def _price(self, symbol: Symbol, value: Decimal) -> str:
        return symbol.price(value) if self._futures else money(value)

    def _quantity(self, symbol: Symbol, value: Decimal) -> str:
        return symbol.quantity(value) if self._futures else money(value)


def _changes(before: Levels, after: Levels) -> list[Level]:
    gone = [Level(price, ZERO) for price in before if price not in after]
    return [*gone, *(Level(price, quantity) for price, quantity in after.items() if before.get(price) != quantity)]


def _touch_news(row: Row) -> object:
    return row["b"], row["B"], row["a"], row["A"]


def _top_news(row: Row) -> object:
    return [row.get(side) for side in ("b", "a", "bids", "asks")]


def _mark_news(row: Row) -> object:
    return row["p"], row["i"], row["r"], row["T"]
