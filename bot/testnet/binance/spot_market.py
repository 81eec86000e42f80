"""Spot: what anybody may ask (`/api/v3/…` market data)."""

from __future__ import annotations

from collections.abc import Callable

from bot.testnet.binance.endpoint import Endpoint, Table, Weight, depth_weight
from bot.testnet.binance.errors import ApiError
from bot.testnet.binance.klines import MOST_SPOT, klines
from bot.testnet.binance.markets import Markets, statistics_row
from bot.testnet.binance.params import Params
from bot.testnet.binance.settings import FuturesSettings
from bot.testnet.binance.shapes import Symbol
from bot.testnet.days import best
from bot.testnet.numbers import Row, money
from bot.testnet.options import SETTLE

_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (5000, 250))


class SpotMarket:
    """Public endpoints of the spot API."""

    def __init__(self, markets: Markets, settings: FuturesSettings) -> None:
        self._markets = markets
        self._settings = settings
        self._world = markets.world

    def table(self) -> Table:
        """Endpoints by method and path."""
        return {
            ("GET", "/api/v3/ping"): Endpoint(lambda _: {}),
            ("GET", "/api/v3/time"): Endpoint(self.server_time),
            ("GET", "/api/v3/exchangeInfo"): Endpoint(self.exchange_info, 20),
            ("GET", "/api/v3/depth"): Endpoint(self.depth, depth_weight(_DEPTH_WEIGHTS, 100)),
            ("GET", "/api/v3/ticker/24hr"): Endpoint(self._each(self._day), _narrowed(2, 80)),
            ("GET", "/api/v3/ticker/bookTicker"): Endpoint(self._each(self._touch), _narrowed(2, 4)),
            ("GET", "/api/v3/ticker/price"): Endpoint(self._each(self._price), _narrowed(2, 4)),
            ("GET", "/api/v3/klines"): Endpoint(klines(self._markets, "spot", MOST_SPOT), 2),
        }

    def server_time(self, _: Params) -> Row:
        """What the venue's clock shows."""
        return {"serverTime": self._world.now() + self._settings.clock_skew}

    def _asked(self, params: Params) -> list[Symbol]:
        """The symbols of `symbol`, of `symbols`, or all."""
        if "symbol" in params:
            if "symbols" in params:
                raise ApiError(-1128)
            return [self._markets.one(params)]
        return self._markets.several(params) or list(self._markets.symbols.values())

    def _each(self, row: Callable[[Symbol], Row]) -> Callable[[Params], object]:
        def answer(params: Params) -> object:
            rows = [row(symbol) for symbol in self._asked(params)]
            return rows[0] if "symbol" in params else rows

        return answer

    def exchange_info(self, params: Params) -> Row:
        """Specifications of the spot markets."""
        return {
            "timezone": "UTC",
            "serverTime": self._world.now(),
            "rateLimits": [
                {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
                {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
                {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200000},
            ],
            "exchangeFilters": [],
            "symbols": [_specification(symbol) for symbol in self._asked(params)],
            "sors": [],
        }

    def depth(self, params: Params) -> Row:
        """The order book of others, best first."""
        symbol = self._markets.one(params)
        limit = params.limit(100, 5000)
        book = self._markets.state(symbol).spot
        return {
            "lastUpdateId": self._world.now(),
            "bids": [[money(level.price), money(level.quantity)] for level in book.bids[:limit]],
            "asks": [[money(level.price), money(level.quantity)] for level in book.asks[:limit]],
        }

    def _touch(self, symbol: Symbol) -> Row:
        book = self._markets.state(symbol).spot
        bid, ask = best(book.bids), best(book.asks)
        return {
            "symbol": symbol.id,
            "bidPrice": money(bid.price),
            "bidQty": money(bid.quantity),
            "askPrice": money(ask.price),
            "askQty": money(ask.quantity),
        }

    def _price(self, symbol: Symbol) -> Row:
        return {"symbol": symbol.id, "price": money(self._markets.last(symbol, "spot"))}

    def _day(self, symbol: Symbol) -> Row:
        row = statistics_row(symbol.id, self._markets.day(symbol, "spot"), self._world.now(), 8, 8)
        touch = self._touch(symbol)
        row["prevClosePrice"] = row["openPrice"]
        return {**row, **touch}


def _narrowed(one: int, every: int) -> Weight:
    return lambda params: one if "symbol" in params else every


def _specification(symbol: Symbol) -> Row:
    instrument = symbol.instrument
    tick, lot = money(instrument.spot_tick), money(instrument.spot_lot)
    least = money(instrument.least_sale)
    return {
        "symbol": symbol.id,
        "status": "TRADING" if instrument.tradable else "BREAK",
        "baseAsset": symbol.asset,
        "baseAssetPrecision": 8,
        "quoteAsset": SETTLE,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": False,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "10000000.00000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": least, "maxQty": "9000.00000000", "stepSize": lot},
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "NOTIONAL", "minNotional": money(instrument.spot_min_notional), "applyMinToMarket": True,
             "maxNotional": "9000000.00000000", "applyMaxToMarket": False, "avgPriceMins": 5},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }
