"""Whether a journal agrees with itself: the file, its rows, and everything that can be worked out again from them."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from bot.core.decision import Decision, Situation
from bot.core.episode import Episode, EpisodeState, apply_fill, apply_funding
from bot.core.money import ZERO
from bot.core.orders import (
    Fill,
    FundingPayment,
    IllegalTransition,
    OrderIntent,
    OrderRecord,
    OrderState,
    advance,
)
from bot.core.plan import decide
from bot.core.policy import Terms
from bot.core.times import iso
from bot.errors import JournalError
from bot.journal.codec import decode, digest, encode, terms_of
from bot.journal.reader import gaps, reading
from bot.journal.rows import from_row, records
from bot.journal.schema import APPEND_ONLY, HEAD

SHOWN = 20
"""How many problems of one kind are told one by one."""

Progress = Callable[[int, int], None]
"""Is told how many decisions were decided again, of how many."""

Row = Mapping[str, Any]
Problems = Iterator[str]


@dataclass(frozen=True, slots=True)
class Check:
    """One promise and what was found: `examined` things of it, `problems` in words (of many, the first ones)."""

    name: str
    promise: str
    examined: int
    failures: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether it holds."""
        return not self.failures


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What became of every check. `notes`: what the journal lacks by its own word, and cannot help."""

    path: Path
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all of them hold."""
        return all(check.ok for check in self.checks)


def check(path: Path, *, decisions: int | None = None, progress: Progress | None = None) -> CheckReport:
    """Look a journal through, at one instant, also beside a running bot.

    `decisions`: how many of the newest are decided again; None: all. Raises JournalError only when there is none to
    read: whatever is wrong in one is a finding.
    """
    found: list[Check] = []
    with reading(path) as connection:
        pages = _Pages(connection)
        for name, promise, work in (
            ("file", "SQLite finds every page and index whole", pages.file),
            ("schema", f"the tables are those of schema {HEAD}, and guarded", pages.schema),
            ("links", "no row names one that is not there", pages.links),
            ("binding", "it belongs to one account", pages.binding),
            ("orders", "every order lived as the life cycle allows", pages.orders),
            ("fills", "an order's executions sum to what it filled", pages.fills),
            ("doubles", "no execution or settlement is booked twice", pages.doubles),
            ("episodes", "every hedge is the sum of its fills and funding", pages.episodes),
            ("decisions", "deciding again gives the same decision", lambda: pages.decisions(decisions, progress)),
        ):
            found.append(_run(name, promise, work, pages))
        return CheckReport(path, tuple(found), tuple(_notes(connection)))


def _notes(connection: sqlite3.Connection) -> Iterator[str]:
    with suppress(sqlite3.Error, JournalError):  # the checks have said so
        for gap in gaps(connection):
            where = f" on {gap.symbol}" if gap.symbol else ""
            yield (f"the venue had forgotten the {gap.kind} of {iso(gap.since)} to {iso(gap.until)}{where}: the books "
                   "may lack some")


def _run(name: str, promise: str, work: Callable[[], Problems], pages: _Pages) -> Check:
    pages.examined = 0
    problems: list[str] = []
    count = 0
    try:
        for problem in work():
            count += 1
            if len(problems) < SHOWN:
                problems.append(problem)
    except (sqlite3.Error, JournalError, ArithmeticError, ValueError) as error:
        count += 1
        problems.append(f"cannot be read: {error}")
    return Check(name, promise, pages.examined, count, tuple(problems))


class _Pages:
    """The checks. Each yields what it finds wrong, and counts in `examined` what it looked at."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.examined = 0

    def _rows(self, text: str, *values: object) -> list[Row]:
        return [dict(row) for row in self._connection.execute(text, values)]

    def file(self) -> Problems:
        self.examined = self._connection.execute("PRAGMA page_count").fetchone()[0]
        for (line,) in self._connection.execute("PRAGMA integrity_check"):
            if line != "ok":
                yield line

    def schema(self) -> Problems:
        revisions = [row["version_num"] for row in self._rows("SELECT version_num FROM alembic_version")]
        if revisions != [HEAD]:
            yield f"it has schema {', '.join(revisions) or 'none'}; a start of the bot brings an older one to {HEAD}"
        guards = {row["name"] for row in self._rows("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
        for table in APPEND_ONLY:
            for change in ("update", "delete"):
                self.examined += 1
                if f"{table}_no_{change}" not in guards:
                    yield f"{table} may be changed: its guard against {change} is not there"

    def links(self) -> Problems:
        self.examined = len(self._rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND sql LIKE '%FOREIGN KEY%'"))
        for row in self._connection.execute("PRAGMA foreign_key_check"):
            yield f"{row[0]} row {row[1]} names a row of {row[2]} that is not there"

    def binding(self) -> Problems:
        found = self._rows("SELECT * FROM binding")
        self.examined = len(found)
        if len(found) != 1 or not all(found[0][name] for name in ("environment", "venue", "account")):
            yield "it names no account"

    def orders(self) -> Problems:
        rebuilt = self._rebuilt()
        events: dict[str, list[Row]] = {}
        for event in self._rows("SELECT * FROM order_events ORDER BY seq"):
            events.setdefault(event["client_order_id"], []).append(event)
        last = 0
        for row in self._rows("SELECT * FROM intents ORDER BY number"):
            self.examined += 1
            intent = from_row(OrderIntent, row)
            if intent.number != last + 1 and rebuilt is None:
                yield f"intent {intent.number} follows intent {last}"
            last = intent.number
            yield from _life(intent, events.get(intent.client_order_id, []))

    def fills(self) -> Problems:
        sums: dict[str, Decimal] = {}
        orders = self._records()
        for row in self._rows("SELECT * FROM fills ORDER BY seq"):
            self.examined += 1
            fill = from_row(Fill, row)
            record = orders.get(fill.client_order_id or "")
            if record is None:
                yield f"execution {fill.trade_id} on {fill.symbol} belongs to no order of ours"
                continue
            name = record.intent.client_order_id
            sums[name] = sums.get(name, ZERO) + fill.quantity
            if (fill.symbol, fill.side) != (record.intent.symbol, record.intent.side):
                yield (f"execution {fill.trade_id}, a {fill.side} of {fill.symbol}, is booked to {name}, "
                       f"a {record.intent.side} of {record.intent.symbol}")
        for name, record in orders.items():
            booked = sums.get(name, ZERO)
            # Executions are booked before the report that tells of them: a live order may be one report behind.
            if booked != record.filled and not (record.state.live and booked > record.filled):
                yield f"order {name} filled {record.filled}, its executions sum to {booked}"

    def doubles(self) -> Problems:
        for table, key in (("fills", "trade_id"), ("funding", "payment_id")):
            self.examined += self._rows(f"SELECT count(*) AS n FROM {table}")[0]["n"]  # noqa: S608  # constants
            # The rows themselves are read: the unique index would only say what it believes.
            for row in self._rows(f"SELECT symbol, {key} AS id, count(*) AS times FROM {table} NOT INDEXED "  # noqa: S608
                                  f"GROUP BY symbol, {key} HAVING count(*) > 1"):
                yield f"{table}: {row['id']} on {row['symbol']} is booked {row['times']} times"

    def episodes(self) -> Problems:
        newest = self._rows("SELECT content FROM terms ORDER BY first_at DESC, rowid DESC LIMIT 1")
        settle = terms_of(newest[0]["content"]).policy.settle if newest else None
        every = [from_row(Episode, row) for row in self._rows("SELECT * FROM episodes ORDER BY seq")]
        fills: dict[str, list[Fill]] = {}
        for row in self._rows("SELECT f.*, i.episode FROM fills f JOIN intents i USING (client_order_id) "
                              "ORDER BY f.seq"):
            fills.setdefault(row["episode"], []).append(from_row(Fill, row))
        funding: dict[str, list[FundingPayment]] = {}
        for row in self._rows("SELECT * FROM funding WHERE episode IS NOT NULL ORDER BY seq"):
            funding.setdefault(row["episode"], []).append(from_row(FundingPayment, row))
        rebuilt = self._rebuilt()
        incomplete = json.loads(rebuilt["incomplete"]) if rebuilt else []
        for episode in every:
            if episode.id in incomplete:
                continue  # its first fills are not known: there is nothing that it could be the sum of
            self.examined += 1
            if settle is None and fills.get(episode.id):
                yield f"{episode.id}: no terms say which coin it settles in"
                continue
            yield from _account(episode, fills.get(episode.id, []), funding.get(episode.id, []), settle or "")
        unended = Counter(one.asset for one in every if not one.state.ended)
        yield from (f"{asset} has {count} hedges open at once" for asset, count in unended.items() if count > 1)

    def decisions(self, newest: int | None, progress: Progress | None) -> Problems:
        total = self._rows("SELECT count(*) AS n FROM decisions")[0]["n"]
        wanted = total if newest is None else min(newest, total)
        terms = {row["digest"]: row["content"] for row in self._rows("SELECT digest, content FROM terms")}
        yield from (f"terms {name} do not have that digest" for name, text in terms.items() if digest(text) != name)
        known: dict[str, Terms] = {}
        for row in islice(self._connection.execute("SELECT * FROM decisions ORDER BY seq DESC"), wanted):
            self.examined += 1
            try:
                if row["terms"] not in known:
                    known[row["terms"]] = terms_of(terms[row["terms"]])
                yield from _decided_again(row, known[row["terms"]])
            except (JournalError, KeyError, ArithmeticError, ValueError) as error:
                yield f"decision {row['seq']} of {iso(row['at'])}: {error}"
            if progress is not None:
                progress(self.examined, wanted)

    def _rebuilt(self) -> Row | None:
        """The mark of a journal that was rebuilt from the venue, which has forgotten some of it."""
        known = self._rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'rebuilt'")
        return next(iter(self._rows("SELECT * FROM rebuilt")), None) if known else None

    def _records(self) -> dict[str, OrderRecord]:
        intents = [from_row(OrderIntent, row) for row in self._rows("SELECT * FROM intents ORDER BY number")]
        return records(intents, self._rows("SELECT * FROM order_events ORDER BY seq"))


def _life(intent: OrderIntent, events: list[Row]) -> Problems:
    """An order's way through the table of `bot.core.orders`, event by event."""
    name, state, filled, at = intent.client_order_id, OrderState.INTENDED, ZERO, intent.created_at
    for event in events:
        if event["at"] < at:
            yield f"order {name}: an event of {iso(event['at'])} follows one of {iso(at)}"
        at = event["at"]
        if event["kind"] == "miss":
            if not state.unresolved:
                yield f"order {name}: looked up in vain while {state}"
            continue
        try:
            state = advance(state, OrderState(event["state"]))
        except IllegalTransition as illegal:
            yield f"order {name}: {illegal}"
        more = Decimal(event["filled"])
        if not filled <= more <= intent.quantity:
            yield f"order {name}: filled {more} of {intent.quantity} after {filled}"
        filled = max(filled, more)
    if state is OrderState.FILLED and filled != intent.quantity:
        yield f"order {name}: is called filled with {filled} of {intent.quantity}"


_NOT_BY_FOLDING = {"state", "started_at", "resizes"}
"""What of an episode its fills and funding do not tell."""


def _account(episode: Episode, fills: list[Fill], funding: list[FundingPayment], settle: str) -> Problems:
    """An episode against the fold of everything booked to it."""
    folded = Episode(episode.id, episode.asset, episode.symbol, EpisodeState.OPENING, episode.started_at)
    for fill in fills:
        folded = apply_fill(folded, fill, settle)
    for payment in funding:
        folded = apply_funding(folded, payment)
    for field in fields(Episode):
        ours, worked_out = getattr(episode, field.name), getattr(folded, field.name)
        if field.name not in _NOT_BY_FOLDING and ours != worked_out:
            yield f"{episode.id}: {field.name} is {ours}, its fills and funding make {worked_out}"
    unfilled = folded.state is EpisodeState.OPENING and episode.state is EpisodeState.VOID
    if episode.state is not folded.state and not unfilled:
        yield f"{episode.id}: is {episode.state}, its fills make it {folded.state}"


def _decided_again(row: sqlite3.Row, terms: Terms) -> Problems:
    recorded = decode(Decision, row["decision"])
    what = f"decision {row['seq']} of {iso(row['at'])}"
    again = decide(decode(Situation, row["situation"]), terms)
    if recorded != again:
        different = [field.name for field in fields(Decision)
                     if getattr(recorded, field.name) != getattr(again, field.name)]
        yield f"{what}: this version decides otherwise ({', '.join(different)})"
    if row["at"] != recorded.at or row["signature"] != digest(encode(recorded.signature())):
        yield f"{what}: its columns do not say what it says"
