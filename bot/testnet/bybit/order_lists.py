"""Orders and executions that are only looked at (`/v5/order/realtime`, `/v5/order/history`, `/v5/execution/list`).

Rules: bybit-exchange.github.io/docs/v5/order/open-order, /order/order-list and /order/execution. A question by
`orderId` or `orderLinkId` ignores every other parameter.
"""

from __future__ import annotations

from bot.core.times import DAY, Millis
from bot.paper.records import OrderStatus, PaperOrder
from bot.testnet.bybit.endpoint import Endpoint, Table
from bot.testnet.bybit.errors import ApiError, bad
from bot.testnet.bybit.keeping import Execution, Funded, Keeping, execution_type
from bot.testnet.bybit.markets import Markets
from bot.testnet.bybit.order_entry import traded_category
from bot.testnet.bybit.order_shapes import execution_row, order_row, status_word
from bot.testnet.bybit.orders import named_order
from bot.testnet.bybit.paging import page, window
from bot.testnet.bybit.params import Params
from bot.testnet.bybit.settings import AccountSettings
from bot.testnet.bybit.shapes import market_of
from bot.testnet.numbers import Row

FORGOTTEN: Millis = DAY
"""Cancelled orders without a fill are not found any more after this long (EXCHANGES §4)."""


class OrderLists:
    """Signed endpoints that list orders and executions."""

    def __init__(self, markets: Markets, settings: AccountSettings, keeping: Keeping) -> None:
        self._markets = markets
        self._world = markets.world
        self._exchange = markets.world.exchange
        self._settings = settings
        self._keeping = keeping

    def table(self) -> Table:
        """Endpoints by method and path."""
        return {
            ("GET", "/v5/order/realtime"): Endpoint(self.realtime, 50),
            ("GET", "/v5/order/history"): Endpoint(self.history, 50),
            ("GET", "/v5/execution/list"): Endpoint(self.executions, 50),
        }

    def realtime(self, params: Params) -> Row:
        """Open orders, or the last that ended (`openOnly` 1); by id an order of either kind. Newest first."""
        category = traded_category(params, self._settings, writes=False)
        narrowed = any(params.text(name) for name in ("symbol", "baseCoin", "settleCoin"))
        if _by_id(params):
            orders = self._shown_by_id(params, category)
        elif category == "linear" and not narrowed:
            raise ApiError(10001, message="params error: symbol, baseCoin or settleCoin is required")
        else:
            orders = self._shown(params, category)
        return self._listed(orders, params, category)

    def _shown_by_id(self, params: Params, category: str) -> list[PaperOrder]:
        order = named_order(params, self._keeping, category)
        if order is None:
            return []
        return [order] if order.open or order in self._keeping.recently_ended(order.market) else []

    def _shown(self, params: Params, category: str) -> list[PaperOrder]:
        market, open_only = market_of(category), params.integer("openOnly") or 0
        if open_only not in (0, 1, 2):
            raise bad("openOnly")
        wanted = {symbol.asset for symbol in self._markets.several(params)}
        orders = self._keeping.recently_ended(market) if open_only else self._exchange.open_orders(market)[::-1]
        return [order for order in orders if order.asset in wanted]

    def history(self, params: Params) -> Row:
        """Ended orders that were placed within the time asked for (the last seven days), newest first."""
        category = traded_category(params, self._settings, writes=False)
        if _by_id(params):
            order = named_order(params, self._keeping, category)
            orders = [] if order is None or order.open or self._forgotten(order) else [order]
        else:
            orders = self._ended(params, category)
        return self._listed(orders, params, category)

    def _ended(self, params: Params, category: str) -> list[PaperOrder]:
        first, last = window(params, self._world.now())
        wanted = {symbol.asset for symbol in self._markets.several(params)}
        market, status = market_of(category), params.text("orderStatus")
        found: list[PaperOrder] = []
        for order in reversed(self._exchange.orders.values()):
            if order.created_at < first:
                break
            if (order.market == market and order.asset in wanted and not order.open and order.created_at <= last
                    and not self._forgotten(order) and status in (None, status_word(order))):
                found.append(order)
        return found

    def _forgotten(self, order: PaperOrder) -> bool:
        unfilled = order.status is not OrderStatus.FILLED and not order.filled
        return unfilled and self._world.now() - order.updated_at > FORGOTTEN

    def _listed(self, orders: list[PaperOrder], params: Params, category: str) -> Row:
        shown, cursor = page(orders, lambda order: order.order_id, params, 20, 50)
        rows = [order_row(order, self._markets.of(order.asset), self._keeping) for order in shown]
        return {"list": rows, "nextPageCursor": cursor, "category": category}

    def executions(self, params: Params) -> Row:
        """Fills and, on derivatives, funding settlements within the time asked for, newest first."""
        category = traded_category(params, self._settings, writes=False)
        shown, cursor = page(self._executed(params, category), lambda row: row[0], params, 50, 100)
        rows = [execution_row(execution, self._markets.of(_asset(execution))) for _, execution in shown]
        return {"nextPageCursor": cursor, "category": category, "list": rows}

    def _executed(self, params: Params, category: str) -> list[tuple[int, Execution]]:
        """Executions with their number in the account's life."""
        executions = self._keeping.executions
        if _by_id(params):
            order = named_order(params, self._keeping, category)
            return [] if order is None else self._of_order(order)
        first, last = window(params, self._world.now())
        wanted = {symbol.asset for symbol in self._markets.several(params)}
        kind = params.text("execType")
        found: list[tuple[int, Execution]] = []
        for place in reversed(range(len(executions))):
            execution = executions[place]
            if _at(execution) < first:
                break
            if (_at(execution) <= last and _asset(execution) in wanted and _category(execution) == category
                    and kind in (None, _kind(execution))):
                found.append((place, execution))
        return found

    def _of_order(self, order: PaperOrder) -> list[tuple[int, Execution]]:
        """An order's fills; none came before it was placed."""
        executions = self._keeping.executions
        found: list[tuple[int, Execution]] = []
        for place in reversed(range(len(executions))):
            execution = executions[place]
            if _at(execution) < order.created_at:
                break
            if not isinstance(execution, Funded) and execution.fill.order_id == order.order_id:
                found.append((place, execution))
        return found


def _by_id(params: Params) -> bool:
    return params.text("orderId") is not None or params.text("orderLinkId") is not None


def _asset(execution: Execution) -> str:
    return execution.row.asset if isinstance(execution, Funded) else execution.fill.asset


def _at(execution: Execution) -> Millis:
    return execution.row.at if isinstance(execution, Funded) else execution.fill.at


def _kind(execution: Execution) -> str:
    return "Funding" if isinstance(execution, Funded) else execution_type(execution.fill)


def _category(execution: Execution) -> str:
    return "spot" if not isinstance(execution, Funded) and execution.fill.market == "spot" else "linear"
