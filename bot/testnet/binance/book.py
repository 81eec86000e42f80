"""Orders and fills of one of the two markets as its API may be asked for them: by id, by client id, by time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from bot.core.times import DAY, HOUR, Millis
from bot.paper.records import MarketName, OrderStatus, PaperFill, PaperOrder, PaperReject, RejectCode
from bot.testnet.binance.errors import ApiError
from bot.testnet.binance.params import Params
from bot.testnet.binance.shapes import Symbol
from bot.testnet.world import World

FORGOTTEN: Millis = 3 * DAY
"""Cancelled and expired orders without a fill are not found any more after this long (EXCHANGES §4)."""
RETENTION: Millis = 90 * DAY
WEEK: Millis = 7 * DAY

_Row = TypeVar("_Row")


class OrderBook:
    """Our orders on one market, indexed as they come."""

    def __init__(self, world: World, market: MarketName) -> None:
        self._world = world
        self._exchange = world.exchange
        self._market = market
        self._by_client_id: dict[tuple[str, str], list[int]] = {}
        self._indexed = 0

    def find(self, symbol: Symbol, params: Params, client_name: str = "origClientOrderId") -> PaperOrder | None:
        """The order that `orderId` or else the client id names; of several with one client id, the newest.

        −1102 when neither was sent. None when it is not there, or forgotten.
        """
        order_id = params.integer("orderId")
        if order_id is None:
            order = self._of_client(symbol, params.get(client_name))
        else:
            order = self._exchange.orders.get(order_id)
        if order is None or order.market != self._market or order.asset != symbol.asset or self.forgotten(order):
            return None
        return order

    def _of_client(self, symbol: Symbol, client_id: str | None) -> PaperOrder | None:
        if not client_id:
            raise ApiError(-1102, "orderId")
        self._index()
        ids = self._by_client_id.get((symbol.asset, client_id))
        return self._exchange.orders[ids[-1]] if ids else None

    def _index(self) -> None:
        """Take in the orders placed since the last look; they are kept in the order of their ids."""
        orders = self._exchange.orders
        if len(orders) == self._indexed:
            return
        fresh = list(orders.values())[self._indexed:]
        for order in fresh:
            if order.market == self._market:
                self._by_client_id.setdefault((order.asset, order.client_order_id), []).append(order.order_id)
        self._indexed = len(orders)

    def forgotten(self, order: PaperOrder) -> bool:
        """Whether the venue has let go of it."""
        if order.open:
            return False
        age = self._world.now() - order.created_at
        unfilled = order.status in (OrderStatus.CANCELED, OrderStatus.EXPIRED) and not order.filled
        return age > (FORGOTTEN if unfilled else RETENTION)

    def resting(self, symbol: Symbol | None) -> list[PaperOrder]:
        """Open orders, oldest first."""
        return self._exchange.open_orders(self._market, None if symbol is None else symbol.asset)

    def history(self, symbol: Symbol, params: Params, window: Millis, *, too_long: ApiError) -> list[PaperOrder]:
        """`allOrders`: from `orderId` on, or placed within the window that was asked for."""
        limit = params.limit(500, 1000)
        held = [order for order in self._exchange.orders.values()
                if order.market == self._market and order.asset == symbol.asset and not self.forgotten(order)]
        order_id = params.integer("orderId")
        if order_id is not None:
            return [order for order in held if order.order_id >= order_id][:limit]
        return _page(held, lambda order: order.created_at, self._window(params, window, too_long), limit)

    def fills(self, symbol: Symbol, params: Params, window: Millis, *, too_long: ApiError) -> list[PaperFill]:
        """`userTrades` and `myTrades`: from `fromId` on, of one order, or within the window that was asked for."""
        limit = params.limit(500, 1000)
        order_id, from_id = params.integer("orderId"), params.integer("fromId")
        if from_id is not None and ("startTime" in params or "endTime" in params):
            raise ApiError(-1128)
        held = [fill for fill in self._exchange.fills if fill.market == self._market and fill.asset == symbol.asset
                and (order_id is None or fill.order_id == order_id)]
        if from_id is not None:
            return [fill for fill in held if fill.trade_id >= from_id][:limit]
        if order_id is not None and "startTime" not in params and "endTime" not in params:
            return held[-limit:]
        return _page(held, lambda fill: fill.at, self._window(params, window, too_long), limit)

    def _window(self, params: Params, longest: Millis, too_long: ApiError) -> tuple[Millis, Millis, bool]:
        """First and last instant (both inclusive), and whether the page is taken from the beginning."""
        start, end = params.integer("startTime"), params.integer("endTime")
        if start is not None and end is not None:
            if start > end:
                raise ApiError(-1128)
            if end - start > longest:
                raise too_long
            return start, end, True
        if start is not None:
            return start, start + longest, True
        last = end if end is not None else self._world.now()
        if self._market == "spot" and end is None:
            return 0, last, False  # without an instant, spot shows the latest, however old they are
        return last - longest, last, False


def _page(
    rows: Sequence[_Row], at: Callable[[_Row], Millis], window: tuple[Millis, Millis, bool], limit: int,
) -> list[_Row]:
    first, last, from_beginning = window
    found = [row for row in rows if first <= at(row) <= last]
    return found[:limit] if from_beginning else found[-limit:]


SPOT_WINDOW: Millis = 24 * HOUR

FUTURES_CODES: dict[RejectCode, int] = {
    RejectCode.POST_ONLY_WOULD_CROSS: -5022,
    RejectCode.REDUCE_ONLY_REJECTED: -2022,
    RejectCode.REDUCE_ONLY_ORDERS_BLOCK: -4118,
    RejectCode.INSUFFICIENT_MARGIN: -2019,
    RejectCode.INSUFFICIENT_BALANCE: -2019,
    RejectCode.MAX_POSITION_AT_LEVERAGE: -2027,
    RejectCode.DUPLICATE_CLIENT_ID: -4116,
    RejectCode.BELOW_MIN_NOTIONAL: -4164,
    RejectCode.BELOW_MIN_QTY: -4003,
    RejectCode.ABOVE_MAX_QTY: -4005,
    RejectCode.BAD_PRICE_TICK: -4014,
    RejectCode.BAD_QTY_STEP: -4023,
    RejectCode.PRICE_TOO_HIGH: -4016,
    RejectCode.PRICE_TOO_LOW: -4024,
    RejectCode.TOO_MANY_ORDERS: -2025,
    RejectCode.UNKNOWN_SYMBOL: -1121,
    RejectCode.UNKNOWN_ORDER: -2011,
    RejectCode.NO_CHANGE: -5027,
    RejectCode.BAD_LEVERAGE: -4028,
}
"""What the futures API says where the simulated exchange refuses."""

_INSUFFICIENT = "Account has insufficient balance for requested action."
_SPOT_WORDS: dict[RejectCode, tuple[int, str]] = {
    RejectCode.POST_ONLY_WOULD_CROSS: (-2010, "Order would immediately match and take."),
    RejectCode.INSUFFICIENT_BALANCE: (-2010, _INSUFFICIENT),
    RejectCode.INSUFFICIENT_MARGIN: (-2010, _INSUFFICIENT),
    RejectCode.DUPLICATE_CLIENT_ID: (-2010, "Duplicate order sent."),
    RejectCode.BELOW_MIN_NOTIONAL: (-1013, "NOTIONAL"),
    RejectCode.BELOW_MIN_QTY: (-1013, "LOT_SIZE"),
    RejectCode.ABOVE_MAX_QTY: (-1013, "LOT_SIZE"),
    RejectCode.BAD_PRICE_TICK: (-1013, "PRICE_FILTER"),
    RejectCode.BAD_QTY_STEP: (-1013, "LOT_SIZE"),
    RejectCode.PRICE_TOO_HIGH: (-1013, "PERCENT_PRICE"),
    RejectCode.PRICE_TOO_LOW: (-1013, "PERCENT_PRICE"),
    RejectCode.TOO_MANY_ORDERS: (-1013, "MAX_NUM_ORDERS"),
    RejectCode.UNKNOWN_SYMBOL: (-1121, ""),
    RejectCode.UNKNOWN_ORDER: (-2011, ""),
}


def futures_refusal(reject: PaperReject, *values: object) -> ApiError:
    """The futures API's words for it; `values` are what its message names."""
    return ApiError(FUTURES_CODES[reject.code], *values)


def spot_refusal(reject: PaperReject) -> ApiError:
    """The spot API's words for it."""
    code, words = _SPOT_WORDS[reject.code]
    return ApiError(code, words)
