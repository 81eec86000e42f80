"""USD-M futures: placing, amending, cancelling and finding orders; executions."""

from __future__ import annotations

import re
from decimal import Decimal

from bot.core.market import Side
from bot.core.money import is_multiple, plain
from bot.core.orders import TimeInForce
from bot.paper.records import PaperOrder, PaperReject, RejectCode
from bot.testnet.binance.book import WEEK, OrderBook, futures_refusal
from bot.testnet.binance.endpoint import Endpoint, Security, Table, by_symbol
from bot.testnet.binance.errors import ApiError
from bot.testnet.binance.futures_market import PRICE_BAND
from bot.testnet.binance.markets import Markets
from bot.testnet.binance.params import Params
from bot.testnet.binance.settings import FuturesSettings
from bot.testnet.binance.shapes import Symbol, futures_ack, futures_order, futures_trade
from bot.testnet.numbers import Row

_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
_DONE = {"code": 200, "msg": "The operation of cancel all open order is done."}


class FuturesOrders:
    """Signed order endpoints of the futures API."""

    def __init__(self, markets: Markets, settings: FuturesSettings) -> None:
        self._markets = markets
        self._world = markets.world
        self._exchange = markets.world.exchange
        self._settings = settings
        self._book = OrderBook(markets.world, "perp")
        self._modified = 0

    def table(self) -> Table:
        """Endpoints by method and path."""
        signed = Security.SIGNED
        return {
            ("POST", "/fapi/v1/order"): Endpoint(self.place, 0, signed, order=True),
            ("PUT", "/fapi/v1/order"): Endpoint(self.amend, 0, signed, order=True),
            ("GET", "/fapi/v1/order"): Endpoint(self.find, 1, signed),
            ("DELETE", "/fapi/v1/order"): Endpoint(self.cancel, 1, signed),
            ("GET", "/fapi/v1/openOrder"): Endpoint(self.find_open, 1, signed),
            ("GET", "/fapi/v1/openOrders"): Endpoint(self.open, by_symbol(1, 40), signed),
            ("DELETE", "/fapi/v1/allOpenOrders"): Endpoint(self.cancel_all, 1, signed),
            ("GET", "/fapi/v1/allOrders"): Endpoint(self.history, 5, signed),
            ("GET", "/fapi/v1/userTrades"): Endpoint(self.trades, 5, signed),
            ("POST", "/fapi/v1/countdownCancelAll"): Endpoint(self.countdown, 10, signed),
        }

    # --- orders that change something ---

    def place(self, params: Params) -> Row:
        """A new limit order. A post-only order that would cross is refused with −5022 and leaves no trace."""
        symbol = self._markets.one(params)
        side = _side(params)
        if params.required("type") != "LIMIT":
            raise ApiError(-1116)
        time_in_force = _time_in_force(params)
        quantity, price = _quantity(params, symbol), _price(params, symbol)
        self._check_position_side(params)
        if not symbol.instrument.tradable:
            raise ApiError(-4141)
        if self._settings.reduce_only and not params.flag("reduceOnly"):
            raise ApiError(-4401)
        client_id = params.get("newClientOrderId") or f"testnet_{len(self._exchange.orders) + 1}"
        if not _CLIENT_ID.fullmatch(client_id):
            raise ApiError(-4015)
        try:
            order = self._exchange.place(
                "perp", symbol.asset, side, quantity, price, time_in_force=time_in_force,
                reduce_only=params.flag("reduceOnly"), client_order_id=client_id,
            )
        except PaperReject as reject:
            raise self._refusal(reject, symbol) from reject
        return futures_ack(order, symbol)

    def amend(self, params: Params) -> Row:
        """Another price or quantity for a resting order; its filled part stays.

        As on Binance a post-only order whose new price would cross, and one whose new quantity is already filled,
        is cancelled.
        """
        symbol = self._markets.one(params)
        side = _side(params)
        quantity, price = _quantity(params, symbol), _price(params, symbol)
        order = self._book.find(symbol, params)
        if order is None or not order.open or order.side is not side:
            raise ApiError(-2013)
        try:
            self._exchange.amend(order, price, quantity)
        except PaperReject as reject:
            raise self._refusal(reject, symbol) from reject
        self._modified += 1
        return {**futures_ack(order, symbol), "pair": symbol.id, "modifyId": self._modified}

    def cancel(self, params: Params) -> Row:
        """Cancel a resting order. −2011 for one that is not there or not open any more."""
        symbol = self._markets.one(params)
        order = self._book.find(symbol, params)
        if order is None or not order.open:
            raise ApiError(-2011)
        return futures_ack(self._exchange.cancel(order), symbol)

    def cancel_all(self, params: Params) -> Row:
        """Cancel every resting order on the symbol."""
        self._cancel_all(self._markets.one(params))
        return dict(_DONE)

    def _cancel_all(self, symbol: Symbol) -> None:
        for order in self._book.resting(symbol):
            self._exchange.cancel(order)

    def countdown(self, params: Params) -> Row:
        """The dead-man's switch: cancel the symbol's orders after so much story time, unless it is renewed. 0: off."""
        symbol = self._markets.one(params)
        wait = params.integer("countdownTime")
        if wait is None or wait < 0:
            raise ApiError(-1102, "countdownTime")
        name = f"countdown {symbol.id}"
        if wait:
            self._world.schedule(name, self._world.now() + wait, lambda: self._cancel_all(symbol))
        else:
            self._world.unschedule(name)
        return {"symbol": symbol.id, "countdownTime": str(wait)}

    def _check_position_side(self, params: Params) -> None:
        """In one-way mode only BOTH is right. Positions of hedge mode are not simulated: there nothing is."""
        if self._settings.hedge_mode or params.get("positionSide", "BOTH") != "BOTH":
            raise ApiError(-4061)

    def _refusal(self, reject: PaperReject, symbol: Symbol) -> ApiError:
        if reject.code in (RejectCode.PRICE_TOO_HIGH, RejectCode.PRICE_TOO_LOW):
            mark = self._markets.state(symbol).mark
            sign = 1 if reject.code is RejectCode.PRICE_TOO_HIGH else -1
            return futures_refusal(reject, symbol.price(mark * (1 + sign * PRICE_BAND)))
        return futures_refusal(reject, plain(symbol.instrument.min_notional))

    # --- orders and executions that are only looked at ---

    def find(self, params: Params) -> Row:
        """One order, open or ended. −2013 when it is not there, or forgotten."""
        symbol = self._markets.one(params)
        return futures_order(self._known(symbol, params), symbol)

    def find_open(self, params: Params) -> Row:
        """One order, only while it is open."""
        symbol = self._markets.one(params)
        order = self._known(symbol, params)
        if not order.open:
            raise ApiError(-2013)
        return futures_order(order, symbol)

    def _known(self, symbol: Symbol, params: Params) -> PaperOrder:
        order = self._book.find(symbol, params)
        if order is None:
            raise ApiError(-2013)
        return order

    def open(self, params: Params) -> list[Row]:
        """Resting orders, of one symbol or of all."""
        symbol = self._markets.wanted(params)
        return [futures_order(order, self._markets.by_asset[order.asset]) for order in self._book.resting(symbol)]

    def history(self, params: Params) -> list[Row]:
        """Orders of one symbol, at most seven days at a time."""
        symbol = self._markets.one(params)
        held = self._book.history(symbol, params, WEEK, too_long=ApiError(-4165, 7))
        return [futures_order(order, symbol) for order in held]

    def trades(self, params: Params) -> list[Row]:
        """Executions on one symbol, at most seven days at a time."""
        symbol = self._markets.one(params)
        held = self._book.fills(symbol, params, WEEK, too_long=ApiError(-4165, 7))
        return [futures_trade(fill, symbol) for fill in held]

    @property
    def resting(self) -> list[PaperOrder]:
        """Our open orders on all symbols."""
        return self._book.resting(None)


def _side(params: Params) -> Side:
    text = params.required("side")
    if text not in ("BUY", "SELL"):
        raise ApiError(-1117)
    return Side.BUY if text == "BUY" else Side.SELL


def _time_in_force(params: Params) -> TimeInForce:
    text = params.required("timeInForce")
    if text not in ("GTC", "IOC", "GTX"):
        raise ApiError(-1115)
    return TimeInForce(text)


def _quantity(params: Params, symbol: Symbol) -> Decimal:
    quantity = params.decimal("quantity")
    if quantity <= 0:
        raise ApiError(-4003)
    if not is_multiple(quantity, Decimal(1).scaleb(-symbol.quantity_places)):
        raise ApiError(-1111)
    return quantity


def _price(params: Params, symbol: Symbol) -> Decimal:
    price = params.decimal("price")
    if price <= 0:
        raise ApiError(-4001, message="Price less than or equal to zero.")
    if not is_multiple(price, Decimal(1).scaleb(-symbol.price_places)):
        raise ApiError(-1111)
    return price
