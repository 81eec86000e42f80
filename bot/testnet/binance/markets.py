"""What both of Binance's market-data APIs need: symbols by name, books, and the last day in numbers.

The book shown is the book of others: our own resting orders are not drawn into it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import orjson

from bot.core.market import Asset, Instrument
from bot.core.times import DAY, HOUR, Millis
from bot.paper.feed import BookState, Feed, Level, MarketState
from bot.testnet.binance.errors import ApiError
from bot.testnet.binance.params import Params
from bot.testnet.binance.shapes import Row, Symbol, fixed, money
from bot.testnet.world import World

_NOTHING = Level(Decimal(0), Decimal(0))


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


class Markets:
    """The coins of the story by their names on Binance, and their books at the present instant."""

    def __init__(self, world: World, feed: Feed, instruments: Mapping[Asset, Instrument]) -> None:
        self.world = world
        self.feed = feed
        self.symbols: dict[str, Symbol] = {}
        self.by_asset: dict[Asset, Symbol] = {}
        for asset in feed.assets:
            symbol = Symbol.of(asset, instruments[asset])
            self.symbols[symbol.id] = self.by_asset[asset] = symbol
        self._days: dict[tuple[str, Asset], tuple[Millis, DayStatistics]] = {}

    def one(self, params: Params) -> Symbol:
        """The symbol that must be named. −1102 without, −1121 when unknown."""
        return self.named(params.required("symbol"))

    def wanted(self, params: Params) -> Symbol | None:
        """The symbol that narrows the question, or None for all of them."""
        return self.one(params) if "symbol" in params else None

    def named(self, name: str) -> Symbol:
        """The symbol of that name, or −1121."""
        symbol = self.symbols.get(name)
        if symbol is None:
            raise ApiError(-1121)
        return symbol

    def several(self, params: Params) -> list[Symbol] | None:
        """Those of `symbols=["A","B"]`; None when it was not sent."""
        text = params.get("symbols")
        if text is None:
            return None
        try:
            names = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise ApiError(-1130, "symbols") from None
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise ApiError(-1130, "symbols")
        return [self.named(name) for name in names]

    def state(self, symbol: Symbol) -> MarketState:
        """The coin's markets now."""
        return self.world.exchange.state(symbol.asset)

    def day(self, symbol: Symbol, market: str) -> DayStatistics:
        """The last twenty-four hours; computed anew each hour of the story, with the present price as the last."""
        now = self.world.now()
        hour = now - (now - self.feed.start) % HOUR
        held = self._days.get((market, symbol.asset))
        if held is None or held[0] != hour:
            held = (hour, self._sample(symbol, market, hour))
            self._days[market, symbol.asset] = held
        last = self.last(symbol, market)
        day = held[1]
        return DayStatistics(
            now - DAY, day.open, max(day.high, last), min(day.low, last), last, day.volume, day.quote_volume,
            day.trades,
        )

    def _sample(self, symbol: Symbol, market: str, until: Millis) -> DayStatistics:
        states = [self.feed.at(symbol.asset, max(self.feed.start, until - hours * HOUR)) for hours in range(24, -1, -1)]
        books = [_book(state, market) for state in states]
        prices = [mid(book) for book in books]
        a_step_is = Decimal(HOUR) / self.feed.step
        volumes = [(book.taker_buys + book.taker_sells) * a_step_is for book in books[1:]]
        quote = sum((volume * price for volume, price in zip(volumes, prices[1:], strict=True)), Decimal(0))
        volume = sum(volumes, Decimal(0))
        return DayStatistics(
            until - DAY, prices[0], max(prices), min(prices), prices[-1], volume, quote,
            int(volume / symbol.instrument.amount_step),
        )

    def last(self, symbol: Symbol, market: str) -> Decimal:
        """The last price: the mid of the book of others."""
        return mid(_book(self.state(symbol), market))


def _book(state: MarketState, market: str) -> BookState:
    return state.spot if market == "spot" else state.perp


def best(levels: tuple[Level, ...]) -> Level:
    """The first level; price and quantity 0, as Binance shows it, where the side is empty."""
    return levels[0] if levels else _NOTHING


def mid(book: BookState) -> Decimal:
    """Half way between best bid and best ask; the one there is where a side is empty."""
    bid, ask = best(book.bids).price, best(book.asks).price
    return (bid + ask) / 2 if bid and ask else bid or ask


def statistics_row(symbol: str, day: DayStatistics, now: Millis, places: int, quantity_places: int) -> Row:
    """What the ticker/24hr replies of both APIs share."""
    change = day.last - day.open
    return {
        "symbol": symbol,
        "priceChange": fixed(change, places),
        "priceChangePercent": fixed(change / day.open * 100, 3),
        "weightedAvgPrice": fixed(day.average, places),
        "lastPrice": fixed(day.last, places),
        "lastQty": fixed(Decimal(0), quantity_places),
        "openPrice": fixed(day.open, places),
        "highPrice": fixed(day.high, places),
        "lowPrice": fixed(day.low, places),
        "volume": fixed(day.volume, quantity_places),
        "quoteVolume": money(day.quote_volume),
        "openTime": day.opened_at,
        "closeTime": now,
        "firstId": 1,
        "lastId": max(1, day.trades),
        "count": day.trades,
    }
