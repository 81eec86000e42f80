"""What became of orders, asked for in as few requests as there are symbols: for one tick's settling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.core.orders import Fill, OrderRecord, OrderReport
from bot.core.times import MINUTE, Millis
from bot.ports import PastOrders, Venue

MANY = 3
"""From so many orders of one symbol on, its history is read once, where the venue tells it, instead of each order."""

SLACK: Millis = MINUTE
"""How much earlier than by our clock an order may have reached the venue by its own."""


class Lookups:
    """Answers for the orders `wanted`; what was read of a symbol serves all of its orders."""

    def __init__(self, venue: Venue, wanted: Iterable[OrderRecord]) -> None:
        self._venue = venue
        self._many: dict[str, int] = {}
        self._since: dict[str, Millis] = {}
        for record in wanted:
            symbol, since = record.intent.symbol, record.intent.created_at - SLACK
            self._many[symbol] = self._many.get(symbol, 0) + 1
            self._since[symbol] = min(since, self._since.get(symbol, since))
        self._histories: dict[str, Mapping[str, OrderReport]] = {}
        self._fills: dict[str, tuple[Fill, ...]] = {}

    async def find(self, record: OrderRecord) -> OrderReport | None:
        """See `Venue.find_order`. A valid history without the order has not found it either."""
        symbol, name = record.intent.symbol, record.intent.client_order_id
        if self._many.get(symbol, 0) < MANY or not isinstance(self._venue, PastOrders):
            return await self._venue.find_order(symbol, name)
        if symbol not in self._histories:
            past = await self._venue.orders(symbol, self._since[symbol])
            self._histories[symbol] = {order.report.client_order_id: order.report for order in past}
        return self._histories[symbol].get(name)

    async def fills(self, record: OrderRecord) -> tuple[Fill, ...]:
        """Executions on the order's symbol since before it was placed."""
        symbol, since = record.intent.symbol, record.intent.created_at - SLACK
        if symbol not in self._fills:
            self._fills[symbol] = await self._venue.fills(symbol, min(since, self._since.get(symbol, since)))
        return self._fills[symbol]
