"""What a report reads of a journal: plain SQL, read-only, beside a running bot; raises JournalError.

A journal of years has more executions than anything else, so these are read narrow, and those of one order go to the
ledger together.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from bot.core.costing import missing, valuation
from bot.core.decision import Situation
from bot.core.episode import Episode, purchased
from bot.core.history import Gap
from bot.core.income import Comparison, Residual
from bot.core.ledger import Costs, Ledger, OtherFee, Run, Valuation, run_of
from bot.core.market import Side, Snapshot, spot_coin
from bot.core.money import ZERO, reckoned
from bot.core.orders import Fill, FundingPayment
from bot.core.policy import Terms
from bot.core.times import Millis
from bot.errors import JournalError
from bot.journal.codec import decode
from bot.journal.reader import gaps, outside, reading
from bot.journal.rows import from_row
from bot.journal.views import Binding

_LATEST: Millis = 2**62
_SIGNS: Mapping[str, int] = {one.value: one.sign for one in Side}


class Order(NamedTuple):
    """What the costs need of an intent. `sign`: +1 where it buys."""

    episode: str
    symbol: str
    sign: int
    reason: str
    spot_mid: Decimal | None
    perp_mid: Decimal | None


Placed: TypeAlias = tuple[Order, Run]
"""Executions with their order."""


@dataclass(frozen=True, slots=True)
class Books:
    """What a journal tells of hedges and their money. `runs`: executions by hedge, in their order.

    `snapshot`: what the last decision saw. `nav`: at the first and at the last decision of the span that knew it.
    `stray_fills`, `stray_funding`: those of the span that belong to no hedge.
    """

    binding: Binding
    terms: Terms | None
    snapshot: Snapshot | None
    episodes: tuple[Episode, ...]
    settle: str
    runs: Mapping[str, Sequence[Placed]]
    funding: Mapping[str, Sequence[FundingPayment]]
    gaps: tuple[Gap, ...]
    incomplete: frozenset[str]
    comparisons: tuple[Comparison, ...]
    decided: tuple[Millis, Millis] | None
    nav: tuple[Decimal, Decimal] | None
    stray_fills: Sequence[Fill] = ()
    stray_funding: Sequence[FundingPayment] = ()


def settle_of(terms: Terms | None, episodes: Sequence[Episode]) -> str:
    """The settle coin; by the hedges' symbols where nothing was ever decided."""
    if terms is not None:
        return terms.policy.settle
    return next((one.symbol.rpartition(":")[2] for one in episodes if ":" in one.symbol), "USDT")


def read(path: Path, *, since: Millis | None = None, until: Millis | None = None) -> Books:
    """The books of the hedges that were open at any moment of `since` ≤ instant < `until`, each whole."""
    begin, end = since or 0, _LATEST if until is None else until
    with reading(path) as connection:
        owner = _one(connection, "SELECT environment, venue, account, created_by, created_at FROM binding")
        if owner is None:
            raise JournalError(f"{path} belongs to no account yet: no bot has run on it")
        terms = _one(connection, "SELECT content FROM terms ORDER BY first_at DESC, rowid DESC LIMIT 1")
        decoded = decode(Terms, terms["content"]) if terms else None
        last = _one(connection, "SELECT situation FROM decisions ORDER BY seq DESC LIMIT 1")
        episodes = tuple(
            one for one in (from_row(Episode, row) for row in _all(connection, "SELECT * FROM episodes ORDER BY seq"))
            if one.fills and one.opened_at is not None and one.opened_at < end
            and (one.closed_at is None or one.closed_at >= begin))
        names = {one.id for one in episodes}
        settle = settle_of(decoded, episodes)
        stray_fills, stray_funding = outside(connection, begin, end)
        return Books(
            binding=Binding(**owner), terms=decoded,
            snapshot=decode(Situation, last["situation"]).snapshot if last else None, episodes=episodes,
            settle=settle, runs=_runs(connection, _orders(connection), names, settle),
            funding=_funding(connection, names), gaps=gaps(connection), incomplete=_incomplete(connection),
            comparisons=tuple(_comparisons(connection, begin, end)),
            decided=_decided(connection, begin, end), nav=_nav(connection, begin, end),
            stray_fills=stray_fills, stray_funding=stray_funding,
        )


Row: TypeAlias = dict[str, Any]


def _all(connection: sqlite3.Connection, text: str, values: Sequence[object] = ()) -> Iterator[Row]:
    return (dict(row) for row in connection.execute(text, values))


def _one(connection: sqlite3.Connection, text: str, values: Sequence[object] = ()) -> Row | None:
    return next(_all(connection, text, values), None)


def has(connection: sqlite3.Connection, table: str, column: str | None = None) -> bool:
    """Whether the journal has that table, or column: an older one, which no bot of this version has opened, may not."""
    columns = {row["name"] for row in connection.execute(f"PRAGMA table_info({table})")}
    return bool(columns) if column is None else column in columns


_Raw: TypeAlias = tuple[str, str, str, str, str, str | None, str | None]
"""An intent as it stands in the journal: name, hedge, market, side, reason, and both mids."""


@contextmanager
def _as_tuples(connection: sqlite3.Connection) -> Iterator[None]:
    """Rows as the driver has them: there may be hundreds of thousands."""
    connection.row_factory = None
    try:
        yield
    finally:
        connection.row_factory = sqlite3.Row


def _orders(connection: sqlite3.Connection) -> Mapping[str, _Raw]:
    """Every intent by its name. Only what is needed of one becomes an `Order`."""
    with _as_tuples(connection):
        return {row[0]: row for row in connection.execute(
            "SELECT client_order_id, episode, symbol, side, reason, spot_mid, perp_mid FROM intents")}


def _order(raw: _Raw) -> Order:
    _, episode, symbol, side, reason, spot, perp = raw
    return Order(episode, symbol, _SIGNS[side], reason, None if spot is None else Decimal(spot),
                 None if perp is None else Decimal(perp))


def _runs(
    connection: sqlite3.Connection, orders: Mapping[str, _Raw], names: Collection[str], settle: str,
) -> Mapping[str, Sequence[Placed]]:
    """Executions by hedge, in their order, those of one order summed."""
    found: dict[str, list[Placed]] = defaultdict(list)
    last: dict[str, Millis] = {}
    worth = "fee_value" if has(connection, "fills", "fee_value") else "NULL"
    with _as_tuples(connection):
        booked = connection.execute(
            "SELECT client_order_id, at, quantity, price, fee, fee_currency, realised, "  # noqa: S608 - a name of ours
            f"{worth}, trade_id FROM fills ORDER BY seq")
        for name, rows in groupby(booked, itemgetter(0)):
            raw = orders.get(name)
            if raw is None or (hedge := raw[1]) not in names:
                continue
            run = _summed(rows, settle)
            if run is None or run.at < last.get(hedge, 0):
                break
            last[hedge] = run.at + run.passed
            found[hedge].append((_order(raw), run))
        else:
            return found
    return _one_by_one(connection, orders, names, settle)


def _summed(rows: Iterator[tuple[Any, ...]], settle: str) -> Run | None:
    """Executions of one order; None where they do not stand in the order of time."""
    money = Decimal
    _, first, size, paid, fee, currency, made, worth, trade = next(rows)
    quantity, price, realised = money(size), money(paid), money(made)
    notional, now, count, ripened = quantity * price, first, 1, ZERO
    fees = money(fee) if currency == settle else None
    others = [] if fees is not None else [_other(fee, currency, worth, trade)]
    for _, at, size, paid, fee, currency, made, worth, number in rows:
        if at != now:
            if at < now:
                return None
            ripened += quantity * (at - now)
            now = at
        amount = money(size)
        count += 1
        quantity += amount
        notional += amount * money(paid)
        realised += money(made)
        if currency == settle:
            fees = money(fee) if fees is None else fees + money(fee)
        else:
            others.append(_other(fee, currency, worth, number))
    return Run(first, quantity, notional, price, fees, realised, trade, tuple(others), count, now - first, ripened)


def _other(fee: str, currency: str, worth: str | None, trade: str) -> OtherFee:
    return OtherFee(Decimal(fee), currency, None if worth is None else Decimal(worth), trade)


def _one_by_one(
    connection: sqlite3.Connection, orders: Mapping[str, _Raw], names: Collection[str], settle: str,
) -> Mapping[str, Sequence[Placed]]:
    """The same for books in which something was booked late: every execution alone, as they happened."""
    found: dict[str, list[Placed]] = defaultdict(list)
    for row in _all(connection, "SELECT * FROM fills ORDER BY at, seq"):
        raw = orders.get(row["client_order_id"])
        if raw is not None and raw[1] in names:
            found[raw[1]].append((_order(raw), run_of(from_row(Fill, row), settle)))
    return found


def _funding(connection: sqlite3.Connection, names: set[str]) -> Mapping[str, Sequence[FundingPayment]]:
    found: dict[str, list[FundingPayment]] = defaultdict(list)
    for row in _all(connection, "SELECT * FROM funding ORDER BY seq"):
        if row["episode"] in names:
            found[row["episode"]].append(from_row(FundingPayment, row))
    return found


def _incomplete(connection: sqlite3.Connection) -> frozenset[str]:
    row = _one(connection, "SELECT incomplete FROM rebuilt") if has(connection, "rebuilt") else None
    return frozenset(json.loads(row["incomplete"])) if row else frozenset()


def _comparisons(connection: sqlite3.Connection, begin: Millis, end: Millis) -> Iterator[Comparison]:
    if not has(connection, "comparisons"):
        return
    for row in _all(connection, "SELECT * FROM comparisons WHERE until > ? AND since < ? ORDER BY seq", (begin, end)):
        residuals = decode(tuple[Residual, ...], row["residuals"])
        yield Comparison(row["since"], row["until"], row["matched"], residuals, row["at"])


def _decided(connection: sqlite3.Connection, begin: Millis, end: Millis) -> tuple[Millis, Millis] | None:
    row = _one(connection, "SELECT min(at) AS first, max(at) AS last FROM decisions WHERE at >= ? AND at < ?",
               (begin, end))
    return None if row is None or row["first"] is None else (row["first"], row["last"])


def _nav(connection: sqlite3.Connection, begin: Millis, end: Millis) -> tuple[Decimal, Decimal] | None:
    """What the account was worth at the first and the last decision that knew it."""
    text = "SELECT nav FROM decisions WHERE nav IS NOT NULL AND at >= ? AND at < ? ORDER BY seq {} LIMIT 1"
    first, last = (_one(connection, text.format(way), (begin, end)) for way in ("ASC", "DESC"))
    return None if first is None or last is None else (Decimal(first["nav"]), Decimal(last["nav"]))


# -- to the ledger -----------------------------------------------------------------------------------------------------


def take(ledger: Ledger, episode: Episode, order: Order, run: Run) -> None:
    """Executions of the hedge's, into its ledger."""
    ledger.take_run(
        order.sign, run, order.spot_mid, order.perp_mid, spot=order.symbol != episode.symbol,
        bought=purchased(episode, order.symbol, Side.BUY if order.sign > 0 else Side.SELL),
        coin=spot_coin(order.symbol))


@reckoned
def costs_of(books: Books, episode: Episode) -> Costs:
    """What this hedge cost; what is open is valued at the prices of the last decision."""
    ledger = Ledger(books.settle)
    for order, run in books.runs.get(episode.id, ()):
        take(ledger, episode, order, run)
    for payment in funding_of(books, episode):
        ledger.take(payment)
    return ledger.costs(seen(books, episode, ledger.short), missing(episode, books.gaps, books.incomplete))


def funding_of(books: Books, episode: Episode) -> list[FundingPayment]:
    """A hedge's settlements, oldest first."""
    return sorted(books.funding.get(episode.id, ()), key=lambda one: one.at)


def seen(books: Books, episode: Episode, short: Decimal) -> Valuation | None:
    """The prices that value what is open of a hedge; None where nothing is, or nothing was ever seen."""
    if not short or books.snapshot is None:
        return None
    return valuation(books.snapshot, episode.asset, episode.symbol, short)


__all__ = ["Books", "Order", "Placed", "costs_of", "funding_of", "has", "read", "seen", "take"]
