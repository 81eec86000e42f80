"""USD-M futures: what the account is set to, its margin tables and fees."""

from __future__ import annotations

from decimal import Decimal

from bot.core.money import plain
from bot.paper.account import perp_fee
from bot.paper.exchange import PaperExchange
from bot.paper.records import PaperReject, RejectCode
from bot.testnet.binance.book import futures_refusal
from bot.testnet.binance.endpoint import Endpoint, Security, Table
from bot.testnet.binance.errors import ApiError
from bot.testnet.binance.markets import Markets
from bot.testnet.binance.params import Params
from bot.testnet.binance.settings import FuturesSettings
from bot.testnet.binance.shapes import Symbol
from bot.testnet.numbers import Row

_OK = {"code": 200, "msg": "success"}
_UNBOUNDED = 9_223_372_036_854_775_807
"""What the last bracket shows as its cap."""


def rights() -> Row:
    """What the account may do, as several replies begin."""
    return {
        "feeTier": 0, "feeBurn": False, "canTrade": True, "canDeposit": True, "canWithdraw": False,
        "updateTime": 0, "tradeGroupId": -1,
    }


def max_notional(exchange: PaperExchange, symbol: Symbol) -> str:
    """The largest position that the present leverage allows."""
    leverage = exchange.leverage(symbol.asset)
    caps = [tier.cap for tier in symbol.instrument.tiers
            if tier.max_leverage is None or tier.max_leverage >= leverage]
    return str(_UNBOUNDED) if not caps or caps[-1] is None else plain(caps[-1])


class FuturesModes:
    """Signed endpoints of the futures API that read or change settings."""

    def __init__(self, markets: Markets, settings: FuturesSettings) -> None:
        self._markets = markets
        self._exchange = markets.world.exchange
        self._settings = settings

    def table(self) -> Table:
        """Endpoints by method and path."""
        signed = Security.SIGNED
        return {
            ("GET", "/fapi/v1/leverageBracket"): Endpoint(self.brackets, 1, signed),
            ("POST", "/fapi/v1/leverage"): Endpoint(self.set_leverage, 1, signed),
            ("POST", "/fapi/v1/marginType"): Endpoint(self.set_margin_type, 1, signed),
            ("GET", "/fapi/v1/positionSide/dual"): Endpoint(self.position_mode, 30, signed),
            ("POST", "/fapi/v1/positionSide/dual"): Endpoint(self.set_position_mode, 1, signed),
            ("GET", "/fapi/v1/multiAssetsMargin"): Endpoint(self.multi_assets, 30, signed),
            ("POST", "/fapi/v1/multiAssetsMargin"): Endpoint(self.set_multi_assets, 1, signed),
            ("GET", "/fapi/v1/symbolConfig"): Endpoint(self.symbol_config, 5, signed),
            ("GET", "/fapi/v1/accountConfig"): Endpoint(self.account_config, 5, signed),
            ("GET", "/fapi/v1/commissionRate"): Endpoint(self.commission, 20, signed),
        }

    def brackets(self, params: Params) -> list[Row]:
        """The margin tables."""
        wanted = self._markets.wanted(params)
        return [
            {"symbol": symbol.id, "notionalCoef": 1.0, "brackets": _brackets(symbol)}
            for symbol in self._markets.symbols.values() if wanted in (None, symbol)
        ]

    def set_leverage(self, params: Params) -> Row:
        """Set a symbol's leverage."""
        symbol = self._markets.one(params)
        leverage = params.integer("leverage")
        if leverage is None:
            raise ApiError(-1102, "leverage")
        try:
            self._exchange.set_leverage(symbol.asset, Decimal(leverage))
        except PaperReject as reject:
            if reject.code is RejectCode.BAD_LEVERAGE:
                raise ApiError(-4028, leverage) from reject
            raise futures_refusal(reject) from reject
        return {"leverage": leverage, "maxNotionalValue": max_notional(self._exchange, symbol), "symbol": symbol.id}

    def set_margin_type(self, params: Params) -> Row:
        """ISOLATED or CROSSED, while there is neither position nor order on the symbol."""
        symbol = self._markets.one(params)
        wanted = params.required("marginType")
        if wanted not in ("ISOLATED", "CROSSED"):
            raise ApiError(-1130, "marginType")
        if wanted == self._settings.margin_type(symbol.asset):
            raise ApiError(-4046)
        if self._exchange.open_orders("perp", symbol.asset):
            raise ApiError(-4047)
        if self._exchange.position(symbol.asset).quantity:
            raise ApiError(-4048)
        if wanted == "ISOLATED":
            self._settings.isolated.add(symbol.asset)
        else:
            self._settings.isolated.discard(symbol.asset)
        return dict(_OK)

    def position_mode(self, _: Params) -> Row:
        """Whether the account is in hedge mode."""
        return {"dualSidePosition": self._settings.hedge_mode}

    def set_position_mode(self, params: Params) -> Row:
        """Hedge mode on or off, while there is neither position nor order."""
        params.required("dualSidePosition")
        wanted = params.flag("dualSidePosition")
        if wanted == self._settings.hedge_mode:
            raise ApiError(-4059)
        if self._exchange.open_orders("perp"):
            raise ApiError(-4067)
        if self._exchange.account.held:
            raise ApiError(-4068)
        self._settings.hedge_mode = wanted
        return dict(_OK)

    def multi_assets(self, _: Params) -> Row:
        """Whether the account is in multi-assets mode."""
        return {"multiAssetsMargin": self._settings.multi_assets}

    def set_multi_assets(self, params: Params) -> Row:
        """Multi-assets mode on or off."""
        params.required("multiAssetsMargin")
        wanted = params.flag("multiAssetsMargin")
        if wanted == self._settings.multi_assets:
            raise ApiError(-4171)
        self._settings.multi_assets = wanted
        return dict(_OK)

    def symbol_config(self, params: Params) -> list[Row]:
        """Margin type and leverage per symbol."""
        wanted = self._markets.wanted(params)
        return [
            {
                "symbol": symbol.id,
                "marginType": self._settings.margin_type(symbol.asset),
                "isAutoAddMargin": False,
                "leverage": int(self._exchange.leverage(symbol.asset)),
                "maxNotionalValue": max_notional(self._exchange, symbol),
            }
            for symbol in self._markets.symbols.values() if wanted in (None, symbol)
        ]

    def account_config(self, _: Params) -> Row:
        """The account's rights and modes."""
        shown = rights()
        del shown["feeBurn"]
        return {
            **shown, "dualSidePosition": self._settings.hedge_mode, "multiAssetsMargin": self._settings.multi_assets,
        }

    def commission(self, params: Params) -> Row:
        """Fee rates on one symbol."""
        symbol = self._markets.one(params)
        return {
            "symbol": symbol.id,
            "makerCommissionRate": plain(perp_fee(symbol.instrument, maker=True)),
            "takerCommissionRate": plain(perp_fee(symbol.instrument, maker=False)),
            "rpiCommissionRate": "0",
        }


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _brackets(symbol: Symbol) -> list[Row]:
    return [
        {
            "bracket": place,
            "initialLeverage": int(tier.max_leverage or 1),
            "notionalCap": _UNBOUNDED if tier.cap is None else int(tier.cap),
            "notionalFloor": int(tier.floor),
            "maintMarginRatio": float(tier.rate),
            "cum": _number(tier.deduction),
        }
        for place, tier in enumerate(symbol.instrument.tiers, 1)
    ]
