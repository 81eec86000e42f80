"""What happened on a Bybit account: orders, executions and funding, by pages, in spans of seven days."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from bot.core.income import IncomeRow
from bot.core.market import Asset
from bot.core.money import ZERO
from bot.core.orders import PREFIX, Fill, FundingPayment, PastOrder
from bot.core.times import Millis
from bot.ports import Settlement
from bot.venues import bybit_calls as calls
from bot.venues import bybit_orders as said
from bot.venues.bybit_pages import every
from bot.venues.bybit_replies import link_of, listed
from bot.venues.gateway import CcxtVenue, Params, valid
from bot.venues.names import Names
from bot.venues.replies import Row, instant, number, number_or_none, of_symbol, text, whole
from bot.venues.spans import spans

EXECUTIONS_PAGE, ORDERS_PAGE, LOG_PAGE, RATES_PAGE = 100, 50, 50, 200


def category(names: Names, symbol: str) -> str:
    """How Bybit calls the kind of market that one of our symbols is on."""
    return "spot" if names.is_spot(symbol) else "linear"


async def fills(
    venue: CcxtVenue, names: Names, symbol: str, *, since: Millis, now: Millis,
) -> tuple[Fill, ...]:
    """Executions on one symbol, oldest first, each once; those that the venue forced are told as nobody's.

    On spot nothing is realised. What an execution of a perpetual realised stands in the transaction log. One that is
    not in the log yet is left out: it comes with the next reading.
    """
    rows = await _executions(venue, names, symbol, since=since, now=now)
    executed = valid(lambda: {text(entry, "execId"): entry for entry in rows if said.changes_position(entry)})
    spot = names.is_spot(symbol)
    told = valid(lambda: {trade: ZERO if spot else _told(entry) for trade, entry in executed.items()})
    silent = [executed[trade] for trade, amount in told.items() if amount is None]
    log = [
        entry for kind in sorted({said.LOGGED_AS[text(each, "execType")] for each in silent})
        for entry in await _log(
            venue, names, kind, since=min(instant(each, "execTime") for each in silent), now=now)
    ]
    told |= valid(lambda: {text(entry, "tradeId"): number(entry, "cashFlow") for entry in log})
    found = valid(lambda: [
        said.fill(entry, realised, names, spot=spot)
        for trade, entry in sorted(executed.items(), key=_place) if (realised := told[trade]) is not None
    ])
    return tuple(found)


async def forced_closes(
    venue: CcxtVenue, names: Names, symbol: str, *, since: Millis, now: Millis,
) -> dict[str, str]:
    """Ids of orders by which Bybit closed a position, each with the reason."""
    rows = await _executions(venue, names, symbol, since=since, now=now)
    return valid(lambda: {
        text(entry, "orderId"): said.FORCED[kind]
        for entry in rows if (kind := text(entry, "execType")) in said.FORCED
    })


async def _executions(venue: CcxtVenue, names: Names, symbol: str, *, since: Millis, now: Millis) -> Sequence[Row]:
    scope: Params = {"category": category(names, symbol), "symbol": names.wire(symbol), "limit": EXECUTIONS_PAGE}
    found: list[Row] = []
    for start, end in spans(since, now):
        found += await every(venue, calls.EXECUTIONS, {**scope, "startTime": start, "endTime": end})
    return valid(lambda: of_symbol(found, names.wire(symbol), "execution list"))


def _place(executed: tuple[str, Row]) -> tuple[Millis, int, str]:
    """Executions of one instant are numbered in their order."""
    trade, entry = executed
    return instant(entry, "execTime"), whole(entry, "seq"), trade


def _told(entry: Row) -> Decimal | None:
    """What an execution itself says that it realised: nothing where it closed nothing; None: the log must say it."""
    instant(entry, "execTime")
    told = number_or_none(entry, "execPnl")
    return told if told is not None or said.closes(entry) else ZERO


async def _log(venue: CcxtVenue, names: Names, kind: str, *, since: Millis, now: Millis) -> list[Row]:
    """Rows of one kind in the transaction log, oldest span first."""
    found: list[Row] = []
    for start, end in spans(since, now):
        params: Params = {
            "accountType": "UNIFIED", "category": "linear", "currency": names.settle, "type": kind,
            "startTime": start, "endTime": end, "limit": LOG_PAGE,
        }
        found += await every(venue, calls.TRANSACTIONS, params)
    return found


async def funding(
    venue: CcxtVenue, names: Names, *, since: Millis, now: Millis,
) -> tuple[FundingPayment, ...]:
    """Funding settlements of the whole account, oldest first, each once."""
    rows = await _log(venue, names, "SETTLEMENT", since=since, now=now)
    payments = valid(lambda: [
        said.funding_payment(entry, names) for entry in rows if text(entry, "type") == "SETTLEMENT"
    ])
    each = {(payment.payment_id, payment.symbol): payment for payment in payments}
    return tuple(sorted(each.values(), key=lambda payment: (payment.at, payment.symbol, payment.payment_id)))


async def income(venue: CcxtVenue, names: Names, *, since: Millis, now: Millis) -> tuple[IncomeRow, ...]:
    """Every movement of the unified wallet, oldest first, each once."""
    found: dict[str, tuple[IncomeRow, ...]] = {}
    for start, end in spans(since, now):
        params: Params = {"accountType": "UNIFIED", "startTime": start, "endTime": end, "limit": LOG_PAGE}
        page = await every(venue, calls.TRANSACTIONS, params)
        found |= valid(lambda page=page: {  # type: ignore[misc]  # bound now, called at once
            text(entry, "id"): said.income_rows(entry, names) for entry in page})
    return tuple(sorted((row for each in found.values() for row in each), key=lambda row: row.at))


async def orders(
    venue: CcxtVenue, names: Names, symbol: str, *, since: Millis, now: Millis,
) -> tuple[PastOrder, ...]:
    """Orders of ours on one symbol, oldest first: live ones, and ended ones as long as Bybit remembers them.

    It forgets an unfilled cancelled order after a day (in the demo after seven).
    """
    scope: Params = {"category": category(names, symbol), "symbol": names.wire(symbol), "limit": ORDERS_PAGE}
    rows = list(await every(venue, calls.LIVE_ORDERS, scope))
    for start, end in spans(since, now):
        rows += await every(venue, calls.PAST_ORDERS, {**scope, "startTime": start, "endTime": end})

    def grouped() -> tuple[PastOrder, ...]:
        ours: dict[str, list[Row]] = {}
        for entry in of_symbol(rows, names.wire(symbol), "orders"):
            # Orders that others placed need not read like ours.
            if link_of(entry).startswith(PREFIX) and instant(entry, "createdTime") >= since:
                ours.setdefault(link_of(entry), []).append(entry)
        past = [said.past_order(parts, symbol, names) for parts in ours.values()]
        return tuple(sorted(past, key=lambda order: (order.created_at, order.report.client_order_id)))

    return valid(grouped)


async def settled(
    venue: CcxtVenue, names: Names, asset: Asset, *, since: Millis, now: Millis,
) -> list[Settlement]:
    """What was settled on one coin's market, page after page from now back: Bybit gives the newest first.

    It does not say at which mark.
    """
    symbol = names.native(asset)
    found: dict[Millis, Settlement] = {}
    end = now
    while since <= end:
        params: Params = {"category": "linear", "symbol": symbol, "startTime": since, "endTime": end,
                          "limit": RATES_PAGE}
        page = await venue.read(calls.FUNDING_HISTORY, params, lambda reply: _published(reply, asset, symbol))
        found.update({each.at: each for each in page})
        if len(page) < RATES_PAGE:
            break
        end = min(each.at for each in page) - 1
    return list(found.values())


def _published(reply: object, asset: Asset, symbol: str) -> list[Settlement]:
    rates = of_symbol(listed(reply, "funding history"), symbol, "funding history")
    return [
        Settlement(asset, number(entry, "fundingRate"), None, instant(entry, "fundingRateTimestamp"))
        for entry in rates
    ]
