"""What a report's charts show: how the account went, decision by decision, and what hedging had cost by when."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from bot.core.episode import Episode
from bot.core.ledger import Costs, Ledger, Valuation, total
from bot.core.market import Asset
from bot.core.money import ZERO, reckoned
from bot.core.policy import AssetPolicy, Terms
from bot.core.times import Millis
from bot.journal.codec import decode
from bot.journal.reader import reading
from bot.lab import report_books
from bot.lab.report_books import Books

POINTS = 1_500
"""So many points of a line are drawn at most: a page for reading has no room for more."""

COMPONENTS = ("fees", "funding", "basis", "slippage")
"""What the net cost is made of; what is rounding or came between two legs is in `slippage`."""


@dataclass(frozen=True, slots=True)
class Weights:
    """One coin, decision by decision, in fractions of NAV: its weight without and with the hedge, and the levels that
    hold then: the target, and where a hedge is opened and closed. None: not known.
    """

    asset: Asset
    at: tuple[Millis, ...]
    before: tuple[Decimal | None, ...]
    after: tuple[Decimal | None, ...]
    target: tuple[Decimal, ...]
    opens: tuple[Decimal, ...]
    closes: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Runway:
    """How far all shorted prices may rise together before liquidation, as a fraction; None: no short, or no limit."""

    at: tuple[Millis, ...]
    joint: tuple[Decimal | None, ...]
    warn: Decimal
    stop: Decimal
    reduce: Decimal


@dataclass(frozen=True, slots=True)
class Spent:
    """What had been spent on hedging by then, by component; the last point is the report's."""

    at: tuple[Millis, ...]
    parts: Mapping[str, tuple[Decimal, ...]]


@dataclass(frozen=True, slots=True)
class Series:
    """All of it. `runway` None: nothing was ever decided."""

    weights: tuple[Weights, ...]
    runway: Runway | None
    spent: Spent


def read(path: Path, books: Books, *, since: Millis | None = None, until: Millis | None = None) -> Series:
    """The series of `since` ≤ instant < `until`. Raises JournalError."""
    with reading(path) as connection:
        rows, terms = _decisions(connection, since or 0, 2**62 if until is None else until)
    return Series(_weights(rows, terms), _runway(rows, books.terms), spent(books))


@dataclass(frozen=True, slots=True)
class _Seen:
    at: Millis
    terms: str
    assets: Mapping[Asset, Mapping[str, Any]]
    runway: str | None


def _decisions(
    connection: sqlite3.Connection, begin: Millis, end: Millis,
) -> tuple[list[_Seen], Mapping[str, Mapping[Asset, AssetPolicy]]]:
    """The recorded decisions, thinned to what can be drawn; of the revisions of one instant the last counts."""
    found = connection.execute("SELECT count(*) AS rows FROM decisions WHERE at >= ? AND at < ?", (begin, end))
    step = max(1, found.fetchone()["rows"] // POINTS)
    seen: dict[Millis, _Seen] = {}
    for row in connection.execute(
            "SELECT at, terms, decision FROM (SELECT at, terms, decision, seq, row_number() OVER (ORDER BY seq) AS n, "
            "max(seq) OVER () AS last FROM decisions WHERE at >= ? AND at < ?) WHERE n % ? = 0 OR seq = last "
            "ORDER BY seq", (begin, end, step)):
        told = orjson.loads(row["decision"])
        seen[row["at"]] = _Seen(row["at"], row["terms"], {one["asset"]: one for one in told["assets"]},
                                told["margin"]["joint_runway"])
    policies = {
        row["digest"]: {one.asset: one for one in decode(Terms, row["content"]).policy.assets}
        for row in connection.execute("SELECT digest, content FROM terms")}
    return list(seen.values()), policies


@reckoned
def _weights(
    rows: Sequence[_Seen], terms: Mapping[str, Mapping[Asset, AssetPolicy]],
) -> tuple[Weights, ...]:
    found = []
    for asset in sorted({asset for row in rows for asset in row.assets}):
        points = [(row.at, row.assets[asset]["measure"], terms[row.terms][asset]) for row in rows
                  if asset in row.assets and asset in terms.get(row.terms, {})]
        if not points:
            continue
        drifts = [_number(measure["drift"]) for _, measure, _ in points]
        found.append(Weights(
            asset, tuple(at for at, _, _ in points),
            tuple(None if drift is None else policy.target + drift
                  for drift, (_, _, policy) in zip(drifts, points, strict=True)),
            tuple(_number(measure["net_weight"]) for _, measure, _ in points),
            tuple(policy.target for _, _, policy in points),
            tuple(policy.target + policy.open.of_nav(policy.target) for _, _, policy in points),
            tuple(policy.target + policy.close.of_nav(policy.target) for _, _, policy in points)))
    return tuple(found)


def _runway(rows: Sequence[_Seen], terms: Terms | None) -> Runway | None:
    if not rows or terms is None:
        return None
    margin = terms.policy.margin
    return Runway(tuple(row.at for row in rows), tuple(_number(row.runway) for row in rows), margin.warn_runway,
                  margin.stop_runway, margin.reduce_runway)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


@reckoned
def spent(books: Books) -> Spent:
    """Component by component; between two orders what is open counts as if bought back at the last one's mids.

    Where a component is not known, it stays where it was. What was between the legs of a sale, and what is rounding,
    is told with the slippage. The last point values what is open at the last decision's prices.
    """
    steps = [step for episode in books.episodes for step in _steps(books, episode)]
    steps.sort(key=lambda one: one[0])
    sums, times = dict.fromkeys(COMPONENTS, ZERO), list[Millis]()
    lines: dict[str, list[Decimal]] = {name: [] for name in COMPONENTS}
    for at, added in steps:
        times.append(at)
        for name in COMPONENTS:
            sums[name] += added[name]
            lines[name].append(sums[name])
    return Spent(tuple(times), {name: tuple(line) for name, line in lines.items()})


def _steps(books: Books, episode: Episode) -> list[tuple[Millis, Mapping[str, Decimal]]]:
    """What each order and each settlement of a hedge added to the components."""
    ledger, found = Ledger(books.settle), list[tuple[Millis, Mapping[str, Decimal]]]()
    happened: list[tuple[Millis, int, Any]] = [
        *((run.at, 0, (order, run)) for order, run in books.runs.get(episode.id, ())),
        *((paid.at, 1, paid) for paid in books.funding.get(episode.id, ()))]
    happened.sort(key=lambda one: one[:2])
    step, mids, before = max(1, len(happened) // POINTS), (None, None), dict.fromkeys(COMPONENTS, ZERO)

    def note(at: Millis, costs: Costs) -> None:
        nonlocal before
        now = {name: before[name] if value is None else value for name, value in _parts(costs).items()}
        found.append((at, {name: now[name] - before[name] for name in COMPONENTS}))
        before = now

    for number, (at, kind, what) in enumerate(happened):
        if kind:
            ledger.take(what)
        else:
            order, run = what
            report_books.take(ledger, episode, order, run)
            mids = (order.spot_mid, order.perp_mid) if order.perp_mid is not None else mids
        if number % step == 0 or number == len(happened) - 1:
            note(at, ledger.costs(Valuation(at, *mids) if ledger.short else None))
    last = report_books.seen(books, episode, ledger.short)
    if last is not None and happened and last.at >= happened[-1][0]:
        note(last.at, ledger.costs(last))
    return found


def _parts(costs: Costs) -> Mapping[str, Decimal | None]:
    return {
        "fees": costs.fees, "funding": costs.funding_paid, "basis": costs.basis,
        "slippage": total(costs.slippage, costs.spot_slippage, costs.legging, costs.rounding),
    }
