"""What happened on the spot market of a Binance account: orders and executions, by pages.

Spot answers of one day at most where an instant is named, and from a number on without end. So an instant longer ago is
looked for in the latest page; only where that does not reach back to it, day by day, for the first row: from there on
numbers lead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from bot.core.orders import PREFIX, Fill, PastOrder
from bot.core.times import DAY, Millis
from bot.errors import Unavailable
from bot.venues import binance_calls as calls
from bot.venues import binance_spot_replies as replies
from bot.venues.failures import Endpoint
from bot.venues.gateway import CcxtVenue
from bot.venues.names import Names
from bot.venues.replies import count, instant, of_symbol, rows, text
from bot.venues.spans import spans

PAGE = 1_000

T = TypeVar("T")
Numbered = tuple[int, Millis, T]
"""A row's number, its instant, and what it says."""


async def fills(
    venue: CcxtVenue, names: Names, symbol: str, *, since: Millis, now: Millis,
) -> tuple[Fill, ...]:
    """Executions on one spot market, oldest first, each once."""
    wire = names.wire(symbol)

    def parse(reply: object) -> list[Numbered[Fill]]:
        return [
            (count(entry, "id"), instant(entry, "time"), replies.fill(entry, symbol))
            for entry in of_symbol(rows(reply, "myTrades"), wire, "myTrades")
        ]

    found = await _since(venue, calls.SPOT_TRADES, wire, "fromId", parse, since=since, now=now)
    return tuple(replace(fill, client_order_id=venue.client_id(symbol, fill.order_id)) for fill in found)


async def orders(
    venue: CcxtVenue, names: Names, symbol: str, *, since: Millis, now: Millis,
) -> tuple[PastOrder, ...]:
    """Orders of ours on one spot market, oldest first."""
    wire = names.wire(symbol)

    def parse(reply: object) -> list[Numbered[PastOrder | None]]:
        # Orders that others placed need not read like ours.
        return [
            (count(entry, "orderId"), instant(entry, "time"),
             replies.past_order(entry, names) if text(entry, "clientOrderId").startswith(PREFIX) else None)
            for entry in of_symbol(rows(reply, "allOrders"), wire, "allOrders")
        ]

    found = await _since(venue, calls.SPOT_ALL_ORDERS, wire, "orderId", parse, since=since, now=now)
    return tuple(order for order in found if order is not None)


async def _since(
    venue: CcxtVenue, endpoint: Endpoint, wire: str, from_number: str, parse: Callable[[object], list[Numbered[T]]], *,
    since: Millis, now: Millis,
) -> list[T]:
    """All rows from `since` on, by number. `from_number`: the parameter that names the first one of a page."""

    async def page(where: Mapping[str, int]) -> list[Numbered[T]]:
        return await venue.read(endpoint, {"symbol": wire, **where, "limit": PAGE}, parse)

    found, complete = await _first_page(page, since=since, now=now)
    told = {number: (at, value) for number, at, value in found}
    while not complete:
        last = max(told)
        found = await page({from_number: last + 1})
        if any(number <= last for number, _, _ in found):
            raise Unavailable(f"{endpoint}: its pages have no order")
        told |= {number: (at, value) for number, at, value in found}
        complete = len(found) < PAGE
    return [value for _, (at, value) in sorted(told.items()) if at >= since]


async def _first_page(
    page: Callable[[Mapping[str, int]], Awaitable[list[Numbered[T]]]], *, since: Millis, now: Millis,
) -> tuple[list[Numbered[T]], bool]:
    """A page with which the rows from `since` on begin, and whether it has all of them."""
    if now - since >= DAY:
        latest = await page({})
        if len(latest) < PAGE or min(at for _, at, _ in latest) < since:
            return latest, True
    for start, end in spans(since, now, DAY):
        found = await page({"startTime": start, "endTime": end})
        if found:
            return found, len(found) < PAGE and end > now
    return [], True
