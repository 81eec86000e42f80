"""Contract specifications and margin tables (`/v5/market/instruments-info`, `/v5/market/risk-limit`)."""

from __future__ import annotations

from decimal import Decimal

from bot.core.market import MarginTier
from bot.core.money import ONE, ZERO, plain
from bot.core.times import MINUTE, Millis
from bot.testnet.bybit.endpoint import Endpoint, Table
from bot.testnet.bybit.errors import ApiError
from bot.testnet.bybit.markets import Markets
from bot.testnet.bybit.paging import page
from bot.testnet.bybit.params import Params
from bot.testnet.bybit.shapes import Symbol
from bot.testnet.numbers import Row, digits, fixed
from bot.testnet.options import SETTLE

MAX_QUANTITY = Decimal(1000)
"""The largest order where the specification names none."""
UNBOUNDED = Decimal(10_000_000_000)
"""What the last tier of a margin table shows as its limit."""


class Specifications:
    """Public endpoints that describe the markets."""

    def __init__(self, markets: Markets) -> None:
        self._markets = markets

    def table(self) -> Table:
        """Endpoints by method and path."""
        return {
            ("GET", "/v5/market/instruments-info"): Endpoint(self.instruments),
            ("GET", "/v5/market/risk-limit"): Endpoint(self.risk_limits),
        }

    def instruments(self, params: Params) -> Row:
        """Steps, minimums and limits of each symbol."""
        category = params.category()
        symbols = self._markets.several(params)
        status = params.text("status")
        if status is not None:
            symbols = [symbol for symbol in symbols if status == _status(symbol)]
        if category == "spot":
            return {"category": category, "nextPageCursor": "", "list": [_spot(symbol) for symbol in symbols]}
        numbered = list(enumerate(symbols))
        shown, cursor = page(numbered, lambda row: len(numbered) - row[0], params, 500, 1000)
        rows = [self._linear(symbol) for _, symbol in shown]
        return {"category": category, "nextPageCursor": cursor, "list": rows}

    def _linear(self, symbol: Symbol) -> Row:
        feed, now = self._markets.feed, self._markets.world.now()
        return _linear(symbol, feed.start, feed.funding_interval(symbol.asset, now))

    def risk_limits(self, params: Params) -> Row:
        """The margin tables, one row a tier."""
        category = params.category()
        if category != "linear":
            raise ApiError(10001, message="params error: Illegal category")
        rows = [row for symbol in self._markets.several(params) for row in _tiers(symbol)]
        return {"category": category, "list": rows, "nextPageCursor": ""}


def _status(symbol: Symbol) -> str:
    return "Trading" if symbol.instrument.tradable else "Closed"


def _linear(symbol: Symbol, since: Millis, interval: Millis) -> Row:
    instrument = symbol.instrument
    most = instrument.max_amount or MAX_QUANTITY
    return {
        "symbol": symbol.id,
        "contractType": "LinearPerpetual",
        "status": _status(symbol),
        "baseCoin": symbol.asset,
        "quoteCoin": SETTLE,
        "launchTime": str(since),
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(digits(instrument.price_tick)),
        "leverageFilter": {
            "minLeverage": "1", "maxLeverage": fixed(max_leverage(instrument.tiers[0]), 2), "leverageStep": "0.01",
        },
        "priceFilter": {
            "minPrice": symbol.price(instrument.price_tick), "maxPrice": symbol.price(Decimal(1_999_999)),
            "tickSize": symbol.price(instrument.price_tick),
        },
        "lotSizeFilter": {
            "maxOrderQty": symbol.quantity(most),
            "minOrderQty": symbol.quantity(instrument.min_amount),
            "qtyStep": symbol.quantity(instrument.amount_step),
            "postOnlyMaxOrderQty": symbol.quantity(most),
            "maxMktOrderQty": symbol.quantity(most),
            "minNotionalValue": plain(instrument.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": interval // MINUTE,
        "settleCoin": SETTLE,
    }


def _spot(symbol: Symbol) -> Row:
    instrument = symbol.instrument
    return {
        "symbol": symbol.id,
        "baseCoin": symbol.asset,
        "quoteCoin": SETTLE,
        "innovation": "0",
        "status": _status(symbol),
        "marginTrading": "utaOnly",
        "lotSizeFilter": {
            "basePrecision": plain(instrument.spot_lot),
            "quotePrecision": "0.00000001",
            "minOrderQty": plain(instrument.least_sale),
            "maxOrderQty": plain(instrument.max_amount or MAX_QUANTITY),
            "minOrderAmt": plain(instrument.spot_min_notional),
            "maxOrderAmt": "4000000",
        },
        "priceFilter": {"tickSize": plain(instrument.spot_tick)},
    }


def max_leverage(tier: MarginTier) -> Decimal:
    """The highest leverage of a tier; 1 where the table names none."""
    return tier.max_leverage or ONE


def _tiers(symbol: Symbol) -> list[Row]:
    return [
        {
            "id": number,
            "symbol": symbol.id,
            "riskLimitValue": plain(tier.cap or UNBOUNDED),
            "maintenanceMargin": plain(tier.rate),
            "initialMargin": plain(round(ONE / max_leverage(tier), 6)),
            "isLowestRisk": 1 if tier.floor == ZERO else 0,
            "maxLeverage": fixed(max_leverage(tier), 2),
            "mmDeduction": plain(tier.deduction) if tier.deduction else "",
        }
        for number, tier in enumerate(symbol.instrument.tiers, start=1)
    ]
