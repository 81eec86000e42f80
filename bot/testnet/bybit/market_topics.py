"""Bybit's public topics: tickers and order books, a snapshot first and then what has changed.

Fields: bybit-exchange.github.io/docs/v5/websocket/public (ticker, orderbook). A topic speaks when something in it has
changed, at most once per look; Bybit repeats a still order book of one level every three seconds, here it is silent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Protocol

from bot.core.money import ZERO
from bot.paper.feed import Level
from bot.paper.records import MarketName
from bot.testnet.bybit.markets import Markets
from bot.testnet.bybit.public import PublicMarket
from bot.testnet.bybit.shapes import Symbol
from bot.testnet.numbers import Row

_BOOK = re.compile(r"orderbook\.(1|50|200|500|1000)\.(\w+)")
_TICKERS = re.compile(r"tickers\.(\w+)")
_SILENT = re.compile(r"(publicTrade|kline|liquidation|allLiquidation)\..+")
_LINEAR_FIELDS = (
    "symbol", "price24hPcnt", "lastPrice", "prevPrice24h", "highPrice24h", "lowPrice24h", "prevPrice1h", "markPrice",
    "indexPrice", "openInterest", "openInterestValue", "turnover24h", "volume24h", "nextFundingTime", "fundingRate",
    "bid1Price", "bid1Size", "ask1Price", "ask1Size", "fundingIntervalHour",
)
_SPOT_FIELDS = (
    "symbol", "lastPrice", "highPrice24h", "lowPrice24h", "prevPrice24h", "volume24h", "turnover24h", "price24hPcnt",
    "usdIndexPrice",
)


class Topic(Protocol):
    """One subscribed topic."""

    def look(self) -> Row | None:
        """What it has to say now; None where nothing has changed since the last look."""


class Silent:
    """A topic that exists and has nothing to say here: there are no public trades, candles or liquidations."""

    def look(self) -> None:
        """Nothing."""


class NoSuchTopic(Exception):
    """The venue knows no such topic; the text is what it says."""


class MarketTopics:
    """The topics of one category's socket."""

    def __init__(self, markets: Markets, public: PublicMarket, market: MarketName) -> None:
        self._markets = markets
        self._public = public
        self._market = market

    def topic(self, name: str) -> Topic:
        """The topic of that name. Raises NoSuchTopic."""
        if _SILENT.fullmatch(name):
            return Silent()
        found, tickers = _BOOK.fullmatch(name), _TICKERS.fullmatch(name)
        wanted = found[2] if found else tickers[1] if tickers else None
        symbol = next((symbol for symbol in self._markets.symbols if symbol.id == wanted), None)
        if wanted is None or symbol is None:
            raise NoSuchTopic(f"error:handler not found,topic:{name}")
        if found:
            return Book(name, int(found[1]), self._markets, symbol, self._market)
        return Ticker(name, self._markets, self._public, symbol, self._market)


class Ticker:
    """`tickers.SYMBOL`: of a perpetual a snapshot and then the fields that changed, of spot always a snapshot."""

    def __init__(self, name: str, markets: Markets, public: PublicMarket, symbol: Symbol, market: MarketName) -> None:
        self._name = name
        self._markets = markets
        self._public = public
        self._symbol = symbol
        self._spot = market == "spot"
        self._told: Row = {}

    def look(self) -> Row | None:
        """See `Topic`."""
        found = self._public.spot(self._symbol) if self._spot else self._public.linear(self._symbol)
        row: Row = {name: found[name] for name in (_SPOT_FIELDS if self._spot else _LINEAR_FIELDS)}
        changed: Row = {name: value for name, value in row.items() if self._told.get(name) != value}
        if not changed:
            return None
        if not self._spot and "lastPrice" in changed:
            before = Decimal(str(self._told.get("lastPrice", "0")))
            changed["tickDirection"] = "PlusTick" if Decimal(str(row["lastPrice"])) > before else "MinusTick"
        first, self._told = not self._told, row
        now = self._markets.world.now()
        data: Row = row if self._spot else {"symbol": self._symbol.id, **changed}
        kind = "snapshot" if first or self._spot else "delta"
        return {"topic": self._name, "type": kind, "data": data, "cs": now, "ts": now}


class Book:
    """`orderbook.DEPTH.SYMBOL`: one level always as a snapshot, more levels as a snapshot and then changes."""

    def __init__(self, name: str, depth: int, markets: Markets, symbol: Symbol, market: MarketName) -> None:
        self._name = name
        self._depth = depth
        self._markets = markets
        self._symbol = symbol
        self._market = market
        self._told: tuple[Sequence[Level], Sequence[Level]] | None = None
        self._updates = 1  # Bybit's 1 means that its service has restarted

    def look(self) -> Row | None:
        """See `Topic`."""
        shown = self._markets.book(self._symbol, self._market)
        now = shown.bids[:self._depth], shown.asks[:self._depth]
        before, self._told = self._told, now
        if now == before:
            return None
        self._updates += 1
        if before is None or self._depth == 1:
            return self._frame("snapshot", *now)
        return self._frame("delta", _changes(before[0], now[0]), _changes(before[1], now[1]))

    def _frame(self, kind: str, bids: Iterable[Level], asks: Iterable[Level]) -> Row:
        at = self._markets.world.now()
        data = {"s": self._symbol.id, "b": self._rows(bids), "a": self._rows(asks), "u": self._updates, "seq": at}
        return {"topic": self._name, "type": kind, "ts": at, "data": data, "cts": at}

    def _rows(self, levels: Iterable[Level]) -> list[list[str]]:
        symbol, market = self._symbol, self._market
        return [[symbol.price(level.price, market), symbol.quantity(level.quantity, market) if level.quantity else "0"]
                for level in levels]


def _changes(before: Iterable[Level], after: Iterable[Level]) -> list[Level]:
    """Levels that are new or other than before; quantity 0: the level is gone."""
    had, have = ({level.price: level.quantity for level in side} for side in (before, after))
    gone = [Level(price, ZERO) for price in had if price not in have]
    return [*gone, *(Level(price, quantity) for price, quantity in have.items() if had.get(price) != quantity)]
