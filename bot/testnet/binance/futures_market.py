"""USD-M futures: what anybody may ask (`/fapi/v1/…` market data)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from bot.core.times import DAY, HOUR, Millis
from bot.testnet.binance.endpoint import Endpoint, Table, by_symbol, depth_weight
from bot.testnet.binance.errors import ApiError
from bot.testnet.binance.klines import MOST_FUTURES, futures_weight, klines
from bot.testnet.binance.markets import Markets, statistics_row
from bot.testnet.binance.params import Params
from bot.testnet.binance.settings import FuturesSettings
from bot.testnet.binance.shapes import Symbol
from bot.testnet.days import best
from bot.testnet.numbers import Row, digits, fixed, money
from bot.testnet.options import SETTLE

PRICE_BAND = Decimal("0.05")
"""PERCENT_PRICE: limit prices stay within this share of the mark."""
DEPTHS = (5, 10, 20, 50, 100, 500, 1000)
FOREVER: Millis = 4_133_404_800_000
"""The delivery date that Binance gives to perpetuals."""
MAX_QUANTITY = Decimal(1000)
FUNDING_CAP = Decimal("0.02")
_DEPTH_WEIGHTS = ((50, 2), (100, 5), (500, 10), (1000, 20))


class FuturesMarket:
    """Public endpoints of the futures API."""

    def __init__(self, markets: Markets, settings: FuturesSettings) -> None:
        self._markets = markets
        self._settings = settings
        self._world = markets.world
        self._feed = markets.feed

    def table(self) -> Table:
        """Endpoints by method and path."""
        return {
            ("GET", "/fapi/v1/ping"): Endpoint(lambda _: {}),
            ("GET", "/fapi/v1/time"): Endpoint(self.server_time),
            ("GET", "/fapi/v1/exchangeInfo"): Endpoint(self.exchange_info),
            ("GET", "/fapi/v1/depth"): Endpoint(self.depth, depth_weight(_DEPTH_WEIGHTS, 500)),
            ("GET", "/fapi/v1/ticker/24hr"): Endpoint(self._each(self._day), by_symbol(1, 40)),
            ("GET", "/fapi/v1/ticker/bookTicker"): Endpoint(self._each(self._touch), by_symbol(2, 5)),
            ("GET", "/fapi/v1/ticker/price"): Endpoint(self._each(self._price), by_symbol(1, 2)),
            ("GET", "/fapi/v2/ticker/price"): Endpoint(self._each(self._price), by_symbol(1, 2)),
            ("GET", "/fapi/v1/premiumIndex"): Endpoint(self._each(self._premium), by_symbol(1, 10)),
            ("GET", "/fapi/v1/fundingRate"): Endpoint(self.funding_rates),
            ("GET", "/fapi/v1/fundingInfo"): Endpoint(self.funding_info),
            ("GET", "/fapi/v1/klines"): Endpoint(klines(self._markets, "perp", MOST_FUTURES), futures_weight()),
            ("GET", "/fapi/v1/markPriceKlines"): Endpoint(
                klines(self._markets, "mark", MOST_FUTURES), futures_weight()),
        }

    def server_time(self, _: Params) -> Row:
        """What the venue's clock shows."""
        return {"serverTime": self._world.now() + self._settings.clock_skew}

    def _each(self, row: Callable[[Symbol], Row]) -> Callable[[Params], object]:
        def answer(params: Params) -> object:
            if "symbol" in params:
                return row(self._markets.one(params))
            return [row(symbol) for symbol in self._markets.symbols.values()]

        return answer

    def exchange_info(self, _: Params) -> Row:
        """Contract specifications."""
        return {
            "timezone": "UTC",
            "serverTime": self._world.now(),
            "futuresType": "U_MARGINED",
            "rateLimits": [
                {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
                {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
                {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
            ],
            "exchangeFilters": [],
            "assets": [{"asset": SETTLE, "marginAvailable": True, "autoAssetExchange": "-10000"}],
            "symbols": [_specification(symbol, self._feed.start) for symbol in self._markets.symbols.values()],
        }

    def depth(self, params: Params) -> Row:
        """The order book of others, best first."""
        symbol = self._markets.one(params)
        limit = params.integer("limit") or 500
        if limit not in DEPTHS:
            raise ApiError(-4021, message=f"{limit} is not valid depth limit")
        book = self._markets.state(symbol).perp
        now = self._world.now()
        return {
            "lastUpdateId": now,
            "E": now,
            "T": now,
            "bids": [[symbol.price(level.price), symbol.quantity(level.quantity)] for level in book.bids[:limit]],
            "asks": [[symbol.price(level.price), symbol.quantity(level.quantity)] for level in book.asks[:limit]],
        }

    def _touch(self, symbol: Symbol) -> Row:
        book = self._markets.state(symbol).perp
        bid, ask, now = best(book.bids), best(book.asks), self._world.now()
        return {
            "symbol": symbol.id,
            "bidPrice": symbol.price(bid.price),
            "bidQty": symbol.quantity(bid.quantity),
            "askPrice": symbol.price(ask.price),
            "askQty": symbol.quantity(ask.quantity),
            "time": now,
            "lastUpdateId": now,
        }

    def _price(self, symbol: Symbol) -> Row:
        return {
            "symbol": symbol.id, "price": symbol.price(self._markets.last(symbol, "perp")), "time": self._world.now(),
        }

    def _day(self, symbol: Symbol) -> Row:
        day = self._markets.day(symbol, "perp")
        return statistics_row(symbol.id, day, self._world.now(), symbol.price_places, symbol.quantity_places)

    def _premium(self, symbol: Symbol) -> Row:
        state = self._markets.state(symbol)
        now, index = self._world.now(), money(state.index)
        settlement = self._feed.next_funding(symbol.asset, now)
        return {
            "symbol": symbol.id,
            "markPrice": money(state.mark),
            "indexPrice": index,
            "estimatedSettlePrice": index,
            "lastFundingRate": money(self._feed.funding_rate(symbol.asset, settlement)),
            "interestRate": "0.00010000",
            "nextFundingTime": settlement,
            "time": now,
        }

    def funding_rates(self, params: Params) -> list[Row]:
        """Settled rates, oldest first: from `startTime`, or the latest ones before `endTime`."""
        symbols = [self._markets.one(params)] if "symbol" in params else list(self._markets.symbols.values())
        limit = params.limit(100, 1000)
        start, end = params.integer("startTime"), params.integer("endTime")
        last = min(self._world.now(), end if end is not None else self._world.now())
        marks = {(row.asset, row.at): row.mark for row in self._world.exchange.funding_rows}
        rows: list[tuple[Millis, str, Row]] = []
        for symbol in symbols:
            first = start if start is not None else last - limit * DAY
            at = self._feed.next_funding(symbol.asset, max(first, self._feed.start) - 1)
            while at <= last:
                # Where we settled, the mark is the one that was used: prices may have been shifted since.
                mark = marks.get((symbol.asset, at)) or self._feed.mark(symbol.asset, at)
                rows.append((at, symbol.id, self._settled(symbol, at, mark)))
                at = self._feed.next_funding(symbol.asset, at)
        rows.sort(key=lambda row: row[:2])
        chosen = rows[:limit] if start is not None else rows[-limit:]
        return [row for _, _, row in chosen]

    def _settled(self, symbol: Symbol, at: Millis, mark: Decimal) -> Row:
        return {
            "symbol": symbol.id,
            "fundingRate": money(self._feed.funding_rate(symbol.asset, at)),
            "fundingTime": at,
            "markPrice": money(mark),
            "rateType": "Regular",
        }

    def funding_info(self, _: Params) -> list[Row]:
        """The interval in force, per symbol."""
        now = self._world.now()
        return [
            {
                "symbol": symbol.id,
                "adjustedFundingRateCap": money(FUNDING_CAP),
                "adjustedFundingRateFloor": money(-FUNDING_CAP),
                "fundingIntervalHours": self._feed.funding_interval(symbol.asset, now) // HOUR,
                "disclaimer": False,
            }
            for symbol in self._markets.symbols.values()
        ]


def most(symbol: Symbol) -> Decimal:
    """The largest quantity of one order."""
    return symbol.instrument.max_amount or MAX_QUANTITY


def _specification(symbol: Symbol, since: Millis) -> Row:
    instrument = symbol.instrument
    tick, step = instrument.price_tick, instrument.amount_step
    maintenance = instrument.tiers[0].rate * 100 if instrument.tiers else Decimal("2.5")
    lot = {"minQty": symbol.quantity(instrument.min_amount), "maxQty": symbol.quantity(most(symbol)),
           "stepSize": symbol.quantity(step)}
    return {
        "symbol": symbol.id,
        "pair": symbol.id,
        "contractType": "PERPETUAL",
        "deliveryDate": FOREVER,
        "onboardDate": since,
        "status": "TRADING" if instrument.tradable else "SETTLING",
        "maintMarginPercent": fixed(maintenance, 4),
        "requiredMarginPercent": "5.0000",
        "baseAsset": symbol.asset,
        "quoteAsset": SETTLE,
        "marginAsset": SETTLE,
        "pricePrecision": digits(tick),
        "quantityPrecision": digits(step),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "settlePlan": 0,
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": symbol.price(tick), "maxPrice": "10000000",
             "tickSize": symbol.price(tick)},
            {"filterType": "LOT_SIZE", **lot},
            {"filterType": "MARKET_LOT_SIZE", **lot},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": format(instrument.min_notional, "f")},
            {"filterType": "PERCENT_PRICE", "multiplierUp": fixed(1 + PRICE_BAND, 4),
             "multiplierDown": fixed(1 - PRICE_BAND, 4), "multiplierDecimal": "4"},
        ],
        "orderTypes": ["LIMIT"],
        "timeInForce": ["GTC", "IOC", "GTX"],
    }
