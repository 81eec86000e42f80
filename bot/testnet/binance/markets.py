"""What both of Binance's market-data APIs need: symbols by name, books, and the last day in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import orjson

from bot.core.market import Asset, Instrument
from bot.core.times import Millis
from bot.paper.feed import Feed, MarketState
from bot.paper.records import MarketName
from bot.testnet.binance.errors import ApiError
from bot.testnet.binance.params import Params
from bot.testnet.binance.shapes import Symbol
from bot.testnet.days import Days, DayStatistics
from bot.testnet.numbers import Row, fixed, money
from bot.testnet.options import SETTLE
from bot.testnet.world import World


class Markets:
    """The coins of the story by their names on Binance, and their books at the present instant."""

    def __init__(self, world: World, feed: Feed, instruments: Mapping[Asset, Instrument]) -> None:
        self.world = world
        self.feed = feed
        self._instruments = instruments
        self._symbols: dict[str, Symbol] = {}
        self._days = Days(world)

    @property
    def symbols(self) -> Mapping[str, Symbol]:
        """By name, as they are specified now."""
        for symbol in self._symbols.values():
            if symbol.instrument is not self._instruments[symbol.asset]:
                break
        else:
            if self._symbols:
                return self._symbols
        made = [Symbol.of(asset, self._instruments[asset], before=self._symbols.get(asset + SETTLE))
                for asset in self.feed.assets]
        self._symbols = {symbol.id: symbol for symbol in made}
        return self._symbols

    @property
    def by_asset(self) -> Mapping[Asset, Symbol]:
        """The same by coin."""
        return {symbol.asset: symbol for symbol in self.symbols.values()}

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

    def day(self, symbol: Symbol, market: MarketName) -> DayStatistics:
        """The last twenty-four hours of the market."""
        return self._days.day(symbol.asset, market)

    def last(self, symbol: Symbol, market: MarketName) -> Decimal:
        """The last price: the mid of the book of others."""
        return self._days.last(symbol.asset, market)


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
