"""Spot: balances, orders and executions of the account (`/api/v3/…`, signed)."""

from __future__ import annotations

import re
from decimal import Decimal

from bot.core.market import Side
from bot.core.money import ZERO, is_multiple
from bot.core.orders import TimeInForce
from bot.paper.account import spot_fee
from bot.paper.records import PaperOrder, PaperReject
from bot.testnet.binance.book import SPOT_WINDOW, OrderBook, spot_refusal
from bot.testnet.binance.endpoint import Endpoint, Security, Table, by_symbol
from bot.testnet.binance.errors import ApiError
from bot.testnet.binance.markets import Markets
from bot.testnet.binance.params import Params
from bot.testnet.binance.shapes import spot_cancelled, spot_order, spot_placed, spot_trade
from bot.testnet.numbers import Row, money
from bot.testnet.options import SETTLE

_CLIENT_ID = re.compile(r"[a-zA-Z0-9-_]{1,36}")
_STEP = Decimal("0.00000001")
UID = 354_937_868
"""The account's number: one that a testnet always has."""


class SpotAccount:
    """Signed endpoints of the spot API."""

    def __init__(self, markets: Markets) -> None:
        self._markets = markets
        self._world = markets.world
        self._exchange = markets.world.exchange
        self._book = OrderBook(markets.world, "spot")

    def table(self) -> Table:
        """Endpoints by method and path."""
        signed = Security.SIGNED
        return {
            ("GET", "/api/v3/account"): Endpoint(self.account, 20, signed),
            ("GET", "/api/v3/account/commission"): Endpoint(self.commission, 20, signed),
            ("POST", "/api/v3/order"): Endpoint(self.place, 1, signed, order=True, trades=True),
            ("GET", "/api/v3/order"): Endpoint(self.find, 4, signed),
            ("DELETE", "/api/v3/order"): Endpoint(self.cancel, 1, signed, trades=True),
            ("GET", "/api/v3/openOrders"): Endpoint(self.open, by_symbol(6, 80), signed),
            ("DELETE", "/api/v3/openOrders"): Endpoint(self.cancel_all, 1, signed, trades=True),
            ("GET", "/api/v3/allOrders"): Endpoint(self.history, 20, signed),
            ("GET", "/api/v3/myTrades"): Endpoint(self.trades, 20, signed),
            ("POST", "/sapi/v1/asset/transfer"): Endpoint(self.transfer, 1, signed),
        }

    def transfer(self, params: Params) -> Row:
        """Move coin between the spot and the futures wallet; its number is the instant."""
        way = params.required("type")
        if way not in ("MAIN_UMFUTURE", "UMFUTURE_MAIN"):
            raise ApiError(-1130, "type")
        try:
            self._exchange.transfer(
                params.required("asset"), params.decimal("amount"), to_futures=way == "MAIN_UMFUTURE")
        except PaperReject as reject:
            raise ApiError(-5013, message="Asset transfer failed: insufficient balance") from reject
        return {"tranId": self._exchange.now}

    def account(self, params: Params) -> Row:
        """Rights, fee rates and balances."""
        wallets, listed = self._exchange.wallets, self._markets.by_asset
        coins = [*listed, SETTLE, *sorted(set(wallets.spot) - set(listed) - {SETTLE})]
        balances = [
            (coin, wallets.spot.get(coin, ZERO), wallets.locked.get(coin, ZERO)) for coin in coins
        ]
        if params.flag("omitZeroBalances"):
            balances = [row for row in balances if row[1]]
        rate = self._rate()
        return {
            "makerCommission": int(rate * 10_000),
            "takerCommission": int(rate * 10_000),
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {"maker": money(rate), "taker": money(rate), "buyer": money(ZERO),
                                "seller": money(ZERO)},
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": True,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": self._exchange.fills[-1].at if self._exchange.fills else self._markets.feed.start,
            "accountType": "SPOT",
            "balances": [{"asset": coin, "free": money(total - locked), "locked": money(locked)}
                         for coin, total, locked in balances],
            "permissions": ["SPOT"],
            "uid": UID,
        }

    def _rate(self) -> Decimal:
        return spot_fee(next(iter(self._markets.symbols.values())).instrument)

    def commission(self, params: Params) -> Row:
        """Fee rates on one symbol; there is no discount coin."""
        symbol = self._markets.one(params)
        rate = money(spot_fee(symbol.instrument))
        nothing = {"maker": money(ZERO), "taker": money(ZERO), "buyer": money(ZERO), "seller": money(ZERO)}
        return {
            "symbol": symbol.id,
            "standardCommission": {"maker": rate, "taker": rate, "buyer": money(ZERO), "seller": money(ZERO)},
            "specialCommission": nothing,
            "taxCommission": dict(nothing),
            "discount": {"enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB",
                         "discount": "1.00000000"},
        }

    def place(self, params: Params) -> Row:
        """A new LIMIT or LIMIT_MAKER order."""
        symbol = self._markets.one(params)
        side = params.required("side")
        if side not in ("BUY", "SELL"):
            raise ApiError(-1117)
        time_in_force = _time_in_force(params)
        quantity, price = params.decimal("quantity"), params.decimal("price")
        if not is_multiple(quantity, _STEP) or not is_multiple(price, _STEP):
            raise ApiError(-1111)
        client_id = _client_id(params) or f"testnet_{len(self._exchange.orders) + 1}"
        reply = params.get("newOrderRespType") or "FULL"
        if reply not in ("ACK", "RESULT", "FULL"):
            raise ApiError(-1122, "newOrderRespType")
        if not symbol.instrument.tradable:
            raise ApiError(-1013, message="Market is closed.")
        done = len(self._exchange.fills)
        try:
            order = self._exchange.place(
                "spot", symbol.asset, Side(side.lower()), quantity, price, time_in_force=time_in_force,
                client_order_id=client_id,
            )
        except PaperReject as reject:
            raise spot_refusal(reject) from reject
        return spot_placed(order, symbol, self._exchange.fills[done:], reply)

    def cancel(self, params: Params) -> Row:
        """Cancel a resting order. −2011 for one that is not there or not open any more."""
        symbol, name = self._markets.one(params), _client_id(params)
        order = self._book.find(symbol, params)
        if order is None or not order.open:
            raise ApiError(-2011)
        return spot_cancelled(self._exchange.cancel(order), symbol, self._world.now(), name)

    def cancel_all(self, params: Params) -> list[Row]:
        """Cancel every resting order on the symbol; −2011 when there is none."""
        symbol = self._markets.one(params)
        resting = self._book.resting(symbol)
        if not resting:
            raise ApiError(-2011)
        return [spot_cancelled(self._exchange.cancel(order), symbol, self._world.now()) for order in resting]

    def find(self, params: Params) -> Row:
        """One order, open or ended."""
        symbol = self._markets.one(params)
        order = self._book.find(symbol, params)
        if order is None:
            raise ApiError(-2013)
        return spot_order(order, symbol)

    def open(self, params: Params) -> list[Row]:
        """Resting orders, of one symbol or of all."""
        symbol = self._markets.wanted(params)
        return [self._row(order) for order in self._book.resting(symbol)]

    def history(self, params: Params) -> list[Row]:
        """Orders of one symbol, at most 24 hours at a time."""
        symbol = self._markets.one(params)
        return [self._row(order) for order in self._book.history(symbol, params, SPOT_WINDOW, too_long=ApiError(-1127))]

    def trades(self, params: Params) -> list[Row]:
        """Executions on one symbol, at most 24 hours at a time."""
        symbol = self._markets.one(params)
        held = self._book.fills(symbol, params, SPOT_WINDOW, too_long=ApiError(-1127))
        return [spot_trade(fill, symbol) for fill in held]

    def _row(self, order: PaperOrder) -> Row:
        return spot_order(order, self._markets.by_asset[order.asset])


def _client_id(params: Params) -> str | None:
    """The name that the client gives to what it asks for; None where it gives none."""
    name = params.get("newClientOrderId") or None
    if name is not None and not _CLIENT_ID.fullmatch(name):
        raise ApiError(-1100, message="Illegal characters found in parameter 'newClientOrderId'.")
    return name


def _time_in_force(params: Params) -> TimeInForce:
    kind = params.required("type")
    if kind == "LIMIT_MAKER":
        if "timeInForce" in params:
            raise ApiError(-1106, "timeInForce")
        return TimeInForce.GTX
    if kind != "LIMIT":
        raise ApiError(-1116)
    text = params.required("timeInForce")
    if text not in ("GTC", "IOC"):
        raise ApiError(-1115)
    return TimeInForce(text)
