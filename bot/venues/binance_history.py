"""What happened on a Binance account: orders, executions and funding, by pages, in spans of seven days.

Of the spot market `binance_spot_history` tells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from bot.core.income import IncomeRow
from bot.core.market import Asset
from bot.core.orders import PREFIX, Fill, FundingPayment, PastOrder
from bot.core.times import Millis
from bot.ports import Settlement
from bot.venues import binance_calls as calls
from bot.venues import binance_replies as replies
from bot.venues import binance_spot_history as spot
from bot.venues.gateway import CcxtVenue, Params
from bot.venues.names import Names
from bot.venues.replies import Row, count, identity, instant, number, of_symbol, positive_or_none, rows, text
from bot.venues.spans import spans

T = TypeVar("T")

PAGE = 1_000


async def fills(
    venue: CcxtVenue, names: Names, symbol: str, *, since: Millis, now: Millis,
) -> tuple[Fill, ...]:
    """Executions on one symbol, oldest first, each once. A full page is followed by trade id."""
    if names.is_spot(symbol):
        return await spot.fills(venue, names, symbol, since=since, now=now)
    found: dict[str, Fill] = {}
    wire = names.wire(symbol)

    def parse(reply: object) -> list[Fill]:
        return [replies.fill(entry, names) for entry in of_symbol(rows(reply, "userTrades"), wire, "userTrades")]

    for start, end in spans(since, now):
        params: Params = {"symbol": wire, "startTime": start, "endTime": end, "limit": PAGE}
        while True:
            page = await venue.read(calls.USER_TRADES, params, parse)
            found.update({fill.trade_id: fill for fill in page if fill.at <= end})
            # A page that is not full, or that reaches into the next span, is this span's last.
            if len(page) < PAGE or any(fill.at > end for fill in page):
                break
            params = {"symbol": wire, "fromId": max(int(fill.trade_id) for fill in page) + 1, "limit": PAGE}
    return tuple(
        replace(fill, client_order_id=venue.client_id(fill.symbol, fill.order_id))
        for fill in sorted(found.values(), key=lambda fill: (fill.at, int(fill.trade_id)))
    )


async def orders(
    venue: CcxtVenue, names: Names, symbol: str, *, since: Millis, now: Millis,
) -> tuple[PastOrder, ...]:
    """Orders of ours on one symbol, oldest first. Binance forgets an unfilled cancelled order after three days."""
    if names.is_spot(symbol):
        return await spot.orders(venue, names, symbol, since=since, now=now)
    found: dict[int, PastOrder | None] = {}
    wire = names.wire(symbol)

    def parse(reply: object) -> list[tuple[int, Millis, PastOrder | None]]:
        # Orders that others placed need not read like ours.
        return [
            (count(entry, "orderId"), instant(entry, "time"),
             replies.past_order(entry, names) if text(entry, "clientOrderId").startswith(PREFIX) else None)
            for entry in of_symbol(rows(reply, "allOrders"), wire, "allOrders")
        ]

    for start, end in spans(since, now):
        params: Params = {"symbol": wire, "startTime": start, "endTime": end, "limit": PAGE}
        while True:
            page = await venue.read(calls.ALL_ORDERS, params, parse)
            found.update({number: order for number, at, order in page if at <= end})
            if len(page) < PAGE or any(at > end for _, at, _ in page):
                break
            params = {"symbol": wire, "orderId": max(number for number, _, _ in page) + 1, "limit": PAGE}
    return tuple(order for _, order in sorted(found.items()) if order is not None)


FORCED = {"autoclose-": "liquidation", "adl_autoclose": "adl", "settlement_autoclose-": "settlement"}
"""By the beginning of its client id: why Binance placed an order on an account's behalf."""


async def forced_closes(
    venue: CcxtVenue, names: Names, symbol: str, *, since: Millis, now: Millis,
) -> dict[str, str]:
    """Ids of orders by which Binance closed a position, each with the reason."""
    found: dict[str, str] = {}
    wire = names.wire(symbol)

    def parse(reply: object) -> list[tuple[str, str]]:
        return [
            (identity(entry, "orderId"), text(entry, "clientOrderId"))
            for entry in of_symbol(rows(reply, "allOrders"), wire, "allOrders")
        ]

    for start, end in spans(since, now):
        params: Params = {"symbol": wire, "startTime": start, "endTime": end, "limit": PAGE}
        for order, client in await venue.read(calls.ALL_ORDERS, params, parse):
            why = next((why for prefix, why in FORCED.items() if client.startswith(prefix)), None)
            if why is not None:
                found[order] = why
    return found


async def funding(
    venue: CcxtVenue, names: Names, *, since: Millis, now: Millis,
) -> tuple[FundingPayment, ...]:
    """Funding settlements of the whole account, oldest first, each once."""
    paid = await _income(
        venue, {"incomeType": "FUNDING_FEE"}, lambda entry: replies.funding_payment(entry, names), lambda paid: paid.at,
        since=since, now=now)
    each = {(payment.payment_id, payment.symbol): payment for payment in paid}
    return tuple(sorted(each.values(), key=lambda payment: (payment.at, payment.symbol, payment.payment_id)))


async def income(venue: CcxtVenue, names: Names, *, since: Millis, now: Millis) -> tuple[IncomeRow, ...]:
    """Every movement of the futures wallet, oldest first, each once."""
    told = await _income(
        venue, {}, lambda entry: (identity(entry, "tranId"), replies.income_row(entry, names)),
        lambda told: told[1].at, since=since, now=now)
    # A transaction's number is its own among rows of one kind.
    each = {(row.called, row.symbol, row.currency, number): row for number, row in told}
    return tuple(sorted(each.values(), key=lambda row: row.at))


async def _income(
    venue: CcxtVenue, wanted: Params, parse: Callable[[Row], T], at: Callable[[T], Millis], *, since: Millis,
    now: Millis,
) -> list[T]:
    """What rows of income are read as, span by span and page by page; rows where pages meet come twice."""
    found: list[T] = []
    for first, end in spans(since, now):
        start = first
        while start <= end:
            params: Params = {**wanted, "startTime": start, "endTime": end, "limit": PAGE}
            page = await venue.read(
                calls.INCOME, params, lambda reply: [parse(entry) for entry in rows(reply, "income")])
            found += page
            if len(page) < PAGE:
                break
            # The next page starts within the last instant seen: settlements of many symbols share one.
            start = max(start + 1, *map(at, page))
    return found


async def settled(
    venue: CcxtVenue, names: Names, asset: Asset, *, since: Millis, now: Millis,
) -> list[Settlement]:
    """What was settled on one coin's market, page after page."""
    symbol = names.native(asset)
    found: list[Settlement] = []
    start = since
    while start <= now:
        params: Params = {"symbol": symbol, "startTime": start, "limit": PAGE}
        page = await venue.read(calls.FUNDING_RATE, params, lambda reply: _published(reply, asset, symbol))
        found += page
        if len(page) < PAGE:
            break
        start = max(each.at for each in page) + 1
    return found


def _published(reply: object, asset: Asset, symbol: str) -> list[Settlement]:
    return [
        Settlement(
            asset, number(entry, "fundingRate"), positive_or_none(entry, "markPrice"), instant(entry, "fundingTime"),
        )
        for entry in of_symbol(rows(reply, "fundingRate"), symbol, "fundingRate")
    ]
