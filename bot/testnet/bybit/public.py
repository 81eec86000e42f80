"""What anybody may ask of the markets' present and past (`/v5/market/…`): time, prices, books, funding, candles."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from bot.core.market import Asset
from bot.core.money import plain
from bot.core.times import DAY, HOUR, MINUTE, SECOND, Millis
from bot.paper.records import MarketName
from bot.testnet.bybit.endpoint import Endpoint, Table
from bot.testnet.bybit.errors import ApiError, bad
from bot.testnet.bybit.markets import Markets
from bot.testnet.bybit.params import Params
from bot.testnet.bybit.settings import AccountSettings
from bot.testnet.bybit.shapes import Symbol, market_of
from bot.testnet.candles import Candle, Candles, Charted
from bot.testnet.days import best, mid
from bot.testnet.numbers import Row, fixed

FUNDING_CAP = Decimal("0.005")
_FUNDING_CAP = plain(FUNDING_CAP)
BOOK_DEPTHS = {"linear": (25, 500), "spot": (1, 200)}
"""Levels a side: how many when not asked, and at most."""
INTERVALS: dict[str, Millis] = {
    **{str(minutes): minutes * MINUTE for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)}, "D": DAY, "W": 7 * DAY,
}

STATUS_PAGE = "/v5/system/status"
"""The one page that stays up in maintenance."""


class PublicMarket:
    """Public endpoints; `settings` for the clock, which may be wrong."""

    def __init__(self, markets: Markets, settings: AccountSettings) -> None:
        self._markets = markets
        self._world = markets.world
        self._feed = markets.feed
        self._settings = settings
        self._candles = Candles(markets.world)

    def table(self) -> Table:
        """Endpoints by method and path."""
        return {
            ("GET", "/v5/market/time"): Endpoint(self.time),
            ("GET", "/v5/market/tickers"): Endpoint(self.tickers),
            ("GET", "/v5/market/orderbook"): Endpoint(self.order_book),
            ("GET", "/v5/market/funding/history"): Endpoint(self.funding_history),
            ("GET", "/v5/market/kline"): Endpoint(self.candles),
            ("GET", "/v5/market/mark-price-kline"): Endpoint(self.mark_candles),
            ("GET", STATUS_PAGE): Endpoint(self.status),
        }

    def status(self, _: Params) -> Row:
        """The maintenance that is under way, if any."""
        now = self._world.now()
        return {"list": [] if not self._settings.maintenance else [{
            "id": "4d95b2a0-587f-11f0-bcc9-56f28c94d6ea", "title": "System maintenance", "state": "ongoing",
            "begin": str(now - HOUR), "end": str(now + HOUR), "href": "", "serviceTypes": [1, 2, 3, 4, 5],
            "product": [1, 2], "uidSuffix": [], "maintainType": 1, "env": 1,
        }]}

    def time(self, _: Params) -> Row:
        """The venue's clock; its nanoseconds are whole milliseconds."""
        now = self._world.now() + self._settings.clock_skew
        return {"timeSecond": str(now // SECOND), "timeNano": f"{now}000000"}

    def tickers(self, params: Params) -> Row:
        """Best prices, the last day, and for perpetuals mark, index and funding."""
        category = params.category()
        row: Callable[[Symbol], Row] = self.linear if category == "linear" else self.spot
        return {"category": category, "list": [row(symbol) for symbol in self._markets.several(params)]}

    def _touch_and_day(self, symbol: Symbol, market: MarketName) -> Row:
        shown, day = self._markets.book(symbol, market), self._markets.day(symbol, market)
        bid, ask = best(shown.bids), best(shown.asks)
        return {
            "symbol": symbol.id,
            "bid1Price": symbol.price(bid.price, market) if bid.price else "",
            "bid1Size": symbol.quantity(bid.quantity, market) if bid.price else "",
            "ask1Price": symbol.price(ask.price, market) if ask.price else "",
            "ask1Size": symbol.quantity(ask.quantity, market) if ask.price else "",
            "lastPrice": symbol.price(day.last, market),
            "prevPrice24h": symbol.price(day.open, market),
            "price24hPcnt": fixed((day.last - day.open) / day.open, 6),
            "highPrice24h": symbol.price(day.high, market),
            "lowPrice24h": symbol.price(day.low, market),
            "turnover24h": fixed(day.quote_volume, 4),
            "volume24h": symbol.quantity(day.volume, market),
        }

    def spot(self, symbol: Symbol) -> Row:
        """The spot market's ticker."""
        state = self._markets.state(symbol)
        return {**self._touch_and_day(symbol, "spot"), "usdIndexPrice": fixed(state.index, 6)}

    def linear(self, symbol: Symbol) -> Row:
        """The perpetual's ticker."""
        state, now = self._markets.state(symbol), self._world.now()
        rate, settlement, interval = self._world.exchange.funding(symbol.asset)
        an_hour_ago = self._feed.at(symbol.asset, max(self._feed.start, now - HOUR))
        return {
            **self._touch_and_day(symbol, "perp"),
            "indexPrice": symbol.price(state.index),
            "markPrice": symbol.price(state.mark),
            "prevPrice1h": symbol.price(mid(an_hour_ago.perp)),
            "openInterest": "0",
            "openInterestValue": "0",
            "fundingRate": plain(rate),
            "nextFundingTime": str(settlement),
            "fundingIntervalHour": str(interval // HOUR),
            "fundingCap": _FUNDING_CAP,
            "predictedDeliveryPrice": "",
            "basisRate": "",
            "basis": "",
            "basisRateYear": "",
            "deliveryFeeRate": "",
            "deliveryTime": "0",
            "preOpenPrice": "",
            "preQty": "",
            "curPreListingPhase": "",
        }

    def order_book(self, params: Params) -> Row:
        """The book of others, best first."""
        category = params.category()
        market = market_of(category)
        symbol = self._markets.one(params)
        levels = params.limit(*BOOK_DEPTHS[category])
        shown, now = self._markets.book(symbol, market), self._world.now()

        def side(name: str) -> list[list[str]]:
            found = shown.bids if name == "b" else shown.asks
            return [[symbol.price(level.price, market), symbol.quantity(level.quantity, market)]
                    for level in found[:levels]]

        return {
            "s": symbol.id, "b": side("b"), "a": side("a"), "ts": now, "u": now // SECOND, "seq": now, "cts": now,
        }

    def funding_history(self, params: Params) -> Row:
        """Settled rates, newest first; a beginning without an end is refused."""
        category = params.category()
        if category != "linear":
            raise ApiError(10001, message="params error: Illegal category")
        symbol, limit = self._markets.one(params), params.limit(200, 200)
        start, end = params.integer("startTime"), params.integer("endTime")
        if start is not None and end is None:
            raise bad("endTime")
        last = self._world.now() if end is None else min(end, self._world.now())
        settled = self._settlements(symbol.asset, start, last, limit)
        return {"category": category, "list": [
            {"symbol": symbol.id, "fundingRate": plain(self._feed.funding_rate(symbol.asset, at)),
             "fundingRateTimestamp": str(at)}
            for at in reversed(settled[-limit:])
        ]}

    def _settlements(self, asset: Asset, start: Millis | None, last: Millis, limit: int) -> list[Millis]:
        first = self._feed.start if start is None else max(start, self._feed.start)
        # An interval is at most 8 hours: no need to walk from the story's beginning for the newest page.
        at = self._feed.next_funding(asset, max(first, last - (limit + 1) * 8 * HOUR) - 1)
        found = []
        while at <= last:
            found.append(at)
            at = self._feed.next_funding(asset, at)
        return found

    def candles(self, params: Params) -> Row:
        """Candles of the mid price, newest first; the youngest is still open."""
        category = params.category()
        market = market_of(category)

        def shown(symbol: Symbol, candle: Candle) -> list[str]:
            return [*_prices(symbol, candle, market), symbol.quantity(candle.volume, market),
                    fixed(candle.volume * candle.close, 4)]

        return self._charted(params, category, market, shown)

    def mark_candles(self, params: Params) -> Row:
        """The same of the mark, without volume."""
        category = params.category()
        if category != "linear":
            raise ApiError(10001, message="params error: Illegal category")
        return self._charted(params, category, "mark", lambda symbol, candle: _prices(symbol, candle, "perp"))

    def _charted(
        self, params: Params, category: str, charted: Charted, shown: Callable[[Symbol, Candle], list[str]],
    ) -> Row:
        """From `start` and `end` the latest; from `start` alone the first ones."""
        symbol, limit, length = self._markets.one(params), params.limit(200, 1000), self._interval(params)
        start, end = params.integer("start"), params.integer("end")
        chosen = self._candles.earliest if start is not None and end is None else self._candles.latest
        found = chosen(symbol.asset, charted, length, start=start, end=end, limit=limit)
        return {"category": category, "symbol": symbol.id, "list": [shown(symbol, each) for each in reversed(found)]}

    @staticmethod
    def _interval(params: Params) -> Millis:
        name = params.required("interval")
        if name not in INTERVALS:
            raise ApiError(10001, message="Invalid period!")
        return INTERVALS[name]


def _prices(symbol: Symbol, candle: Candle, market: MarketName) -> list[str]:
    prices = (candle.open, candle.high, candle.low, candle.close)
    return [str(candle.opened), *(symbol.price(price, market) for price in prices)]
