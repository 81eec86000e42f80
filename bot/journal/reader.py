"""Reading a journal beside a running bot, and leaving it a command: for the command line, quick to import.

Plain SQLite, read-only, without SQLAlchemy; a reader never waits for the bot and never makes it wait. Every function
raises JournalError when the file is missing or cannot be read.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bot.core.advice import Advice
from bot.core.costing import AccountCosts, account_costs, costs_of
from bot.core.decision import AssetDecision, Decision, Situation
from bot.core.episode import Episode, EpisodeState
from bot.core.history import Gap, awaited
from bot.core.ledger import Costs
from bot.core.market import Asset, Snapshot
from bot.core.orders import Fill, FundingPayment, OrderIntent, OrderRecord
from bot.core.policy import Terms
from bot.core.states import FRESH
from bot.core.times import Millis
from bot.errors import JournalError
from bot.journal import fold
from bot.journal.codec import decode, terms_of
from bot.journal.rows import from_row, records
from bot.journal.views import (
    AssetStatus,
    Binding,
    Books,
    CommandAnswer,
    Heartbeat,
    RecordedDecision,
    StatusReport,
)
from bot.ports import Command


def read_heartbeat(path: Path) -> Heartbeat | None:
    """The last beat; None before the first decision."""
    with reading(path) as connection:
        return _heartbeat(connection)


def read_status(path: Path) -> StatusReport:
    """Where the bot stands, at one instant."""
    with reading(path) as connection:
        binding = _one(connection, "SELECT environment, venue, account, created_by, created_at FROM binding")
        if binding is None:
            raise JournalError(f"{path} belongs to no account yet: no bot has run on it")
        row = _one(connection, "SELECT d.seq, d.decision, d.situation, t.content AS terms FROM decisions d "
                               "JOIN terms t ON t.digest = d.terms ORDER BY d.seq DESC LIMIT 1")
        decision = decode(Decision, row["decision"]) if row else None
        episodes = fold.relevant_episodes(_episodes(connection))
        snapshot = decode(Situation, row["situation"]).snapshot if row else None
        paid = _one(connection, "SELECT * FROM funding ORDER BY at DESC, seq DESC LIMIT 1")
        return StatusReport(
            binding=Binding(**binding), heartbeat=_heartbeat(connection),
            decided_at=decision.at if decision else None, nav=decision.nav if decision else None,
            cash=decision.cash if decision else None, halted=decision.halted if decision else None,
            margin=decision.margin if decision else None,
            assets=_assets(decision, terms_of(row["terms"])) if decision and row else (),
            open_episodes=tuple(one for one in episodes if not one.state.ended),
            ended_episodes=tuple(one for one in episodes if one.state is EpisodeState.CLOSED),
            orders=_working(connection), last_funding=from_row(FundingPayment, paid) if paid else None,
            commands=tuple(answer.command for answer in _answers(connection, "acknowledged_at IS NULL", ())),
            seq=row["seq"] if row else None, ladder=decision.ladder if decision else None,
            state=decision.state.state if decision else FRESH, gaps=gaps(connection),
            funding_awaited=_awaited(connection, episodes, snapshot) if snapshot else {},
            costs=_costs(connection, [one for one in episodes if one.fills], snapshot),
        )


def read_episodes(path: Path) -> tuple[Episode, ...]:
    """All hedges ever begun, in that order."""
    with reading(path) as connection:
        return _episodes(connection)


def read_costs(path: Path) -> Mapping[str, Costs]:
    """What every hedge has cost, by id; what is open is valued at the prices of the last decision."""
    with reading(path) as connection:
        last = _one(connection, "SELECT situation FROM decisions ORDER BY seq DESC LIMIT 1")
        snapshot = decode(Situation, last["situation"]).snapshot if last else None
        return _costs(connection, [one for one in _episodes(connection) if one.fills], snapshot)


def read_account_costs(path: Path) -> AccountCosts:
    """What the account's hedges have cost in all, with what was charged outside of any; valued as `read_costs`."""
    hedges = read_costs(path)
    with reading(path) as connection:
        settle = settle_of(connection) or ""
        known = [(one, hedges[one.id]) for one in _episodes(connection) if one.id in hedges]
        fills, paid = outside(connection)
    return account_costs(known, settle, fills=fills, funding=paid)


def settle_of(connection: sqlite3.Connection) -> str | None:
    """The settle coin; None where nothing was ever decided."""
    newest = _one(connection, "SELECT content FROM terms ORDER BY first_at DESC, rowid DESC LIMIT 1")
    return terms_of(newest["content"]).policy.settle if newest else None


def outside(
    connection: sqlite3.Connection, since: Millis = 0, until: Millis = 2**62,
) -> tuple[list[Fill], list[FundingPayment]]:
    """Executions and settlements of `since` ≤ instant < `until` that belong to no hedge."""
    fills = _all(connection, "SELECT f.* FROM fills f LEFT JOIN intents i USING (client_order_id) "
                             "WHERE i.client_order_id IS NULL AND f.at >= ? AND f.at < ? ORDER BY f.seq",
                 (since, until))
    paid = _all(connection, "SELECT * FROM funding WHERE episode IS NULL AND at >= ? AND at < ? ORDER BY seq",
                (since, until))
    return [from_row(Fill, row) for row in fills], [from_row(FundingPayment, row) for row in paid]


def read_decisions(path: Path, *, since: Millis | None = None, until: Millis | None = None,
                   latest_only: bool = False) -> Iterator[RecordedDecision]:
    """The recorded decisions of `since` ≤ instant ≤ `until`, in the order of recording.

    `latest_only`: of the revisions of one instant only the one that counts.
    """
    text = "SELECT d.* FROM decisions d WHERE d.at >= ? AND d.at <= ?"
    if latest_only:
        text += " AND d.revision = (SELECT max(o.revision) FROM decisions o WHERE o.at = d.at)"
    bounds = (0 if since is None else since, 2**62 if until is None else until)
    known: dict[str, Terms] = {}
    with reading(path) as connection:
        for row in connection.execute(text + " ORDER BY d.seq", bounds):
            if row["terms"] not in known:
                content = _one(connection, "SELECT content FROM terms WHERE digest = ?", (row["terms"],))
                known[row["terms"]] = terms_of(content["content"] if content else "")
            yield RecordedDecision(row["seq"], row["revision"], decode(Situation, row["situation"]),
                                   known[row["terms"]], decode(Decision, row["decision"]), advice_of(dict(row)))


def read_books(path: Path) -> Books:
    """Every fill and settlement booked, and their sums: fees by the coin charged, funding positive when received."""
    with reading(path) as connection:
        fills = tuple(from_row(Fill, row) for row in _all(connection, "SELECT * FROM fills ORDER BY seq"))
        paid = _all(connection, "SELECT * FROM funding ORDER BY seq")
    funding = tuple(from_row(FundingPayment, row) for row in paid)
    fees: dict[str, Decimal] = {}
    for fill in fills:
        fees[fill.fee_currency] = fees.get(fill.fee_currency, Decimal(0)) + fill.fee
    return Books(
        fills=fills, funding=funding, funding_episodes=tuple(row["episode"] for row in paid), fees=fees,
        realised=sum((fill.realised for fill in fills), Decimal(0)),
        funding_received=sum((payment.amount for payment in funding), Decimal(0)),
    )


def read_last_order_id(path: Path) -> int:
    """The highest order id that any report named, of a venue that counts its orders; 0 before the first."""
    with reading(path) as connection:
        row = _one(connection, "SELECT max(CAST(order_id AS INTEGER)) AS last FROM order_events")
    return row["last"] or 0 if row else 0


def submit_command(
    path: Path, kind: str, asset: Asset | None, at: Millis, *, order: str | None = None, says: str | None = None,
    by: str | None = None,
) -> int:
    """Leave a command for the bot; its id. It stays until a bot answers it, across restarts."""
    row: dict[str, object] = {"kind": kind, "asset": asset, "issued_at": at}
    if says is not None:  # a journal that no bot of this version has opened yet has no room for more
        row |= {"about": order, "says": says, "said_by": by}
    with reading(path, writable=True) as connection:
        cursor = connection.execute(
            f"INSERT INTO commands ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608  # our names
            tuple(row.values()))
        connection.commit()
        return cursor.lastrowid or 0


def read_command(path: Path, command_id: int) -> CommandAnswer | None:
    """A command and its answer; None when there is no such command."""
    with reading(path) as connection:
        return next(iter(_answers(connection, "id = ?", (command_id,))), None)


@contextmanager
def reading(path: Path, *, writable: bool = False) -> Iterator[sqlite3.Connection]:
    """One consistent view of the file."""
    if not path.is_file():
        raise JournalError(f"there is no journal at {path}: no bot has run with it yet")
    try:
        connection = _connect(path, writable=writable)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous = FULL" if writable else "BEGIN")
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as error:
        reason = "it is not a journal" if "no such table" in str(error) else str(error)
        raise JournalError(f"{path} cannot be {'written' if writable else 'read'}: {reason}") from error


def _connect(path: Path, *, writable: bool) -> sqlite3.Connection:
    # Without write permission SQLite cannot make the index of the write-ahead log; when nobody writes, and there is no
    # log, the file alone is the whole truth.
    mode = "rw" if writable else "ro"
    still = not writable and not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists()
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}{'&immutable=1' if still else ''}"
    return sqlite3.connect(uri, uri=True, timeout=5)


def _all(connection: sqlite3.Connection, text: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(text, tuple(values))]


def _one(connection: sqlite3.Connection, text: str, values: Sequence[object] = ()) -> dict[str, Any] | None:
    return next(iter(_all(connection, text, values)), None)


def _heartbeat(connection: sqlite3.Connection) -> Heartbeat | None:
    row = _one(connection, "SELECT decided_at, wall_at, pid, poll FROM heartbeats WHERE id = 1")
    return Heartbeat(**row) if row else None


def gaps(connection: sqlite3.Connection) -> tuple[Gap, ...]:
    """What the venue had forgotten, oldest find first."""
    if not _all(connection, "SELECT 1 FROM sqlite_master WHERE name = 'gaps'"):
        return ()  # an older journal, which no bot of this version has opened yet
    return tuple(from_row(Gap, row) for row in _all(connection, "SELECT * FROM gaps ORDER BY seq"))


def _awaited(
    connection: sqlite3.Connection, episodes: Sequence[Episode], snapshot: Snapshot,
) -> Mapping[Asset, Millis]:
    open_ones = [one for one in episodes if one.opened_at is not None and not one.state.ended]
    beat = _heartbeat(connection)
    if not open_ones or beat is None:
        return {}
    first = min(one.opened_at for one in open_ones if one.opened_at is not None)
    booked = [from_row(FundingPayment, row)
              for row in _all(connection, "SELECT * FROM funding WHERE at >= ?", (first,))]
    return awaited(open_ones, snapshot.quotes, booked, beat.decided_at)


def _episodes(connection: sqlite3.Connection) -> tuple[Episode, ...]:
    return tuple(from_row(Episode, row) for row in _all(connection, "SELECT * FROM episodes ORDER BY seq"))


def _costs(
    connection: sqlite3.Connection, episodes: Sequence[Episode], snapshot: Snapshot | None,
) -> Mapping[str, Costs]:
    """What these hedges have cost, by id."""
    settle, names = settle_of(connection), [one.id for one in episodes]
    if settle is None or not episodes:
        return {}
    marks = ", ".join("?" * len(names))
    fills = _all(connection, "SELECT f.*, i.episode, i.spot_mid, i.perp_mid FROM fills f JOIN intents i "  # noqa: S608
                             f"USING (client_order_id) WHERE i.episode IN ({marks}) ORDER BY f.seq", names)
    paid = _all(connection, f"SELECT * FROM funding WHERE episode IN ({marks}) ORDER BY seq", names)  # noqa: S608
    happened = fold.events(
        episodes, ((row["episode"], from_row(Fill, row), _money(row["spot_mid"]), _money(row["perp_mid"]))
                   for row in fills), ((from_row(FundingPayment, row), row["episode"]) for row in paid))
    known, incomplete = gaps(connection), _incomplete(connection)
    return {one.id: costs_of(one, happened.get(one.id, ()), settle, snapshot, gaps=known, incomplete=incomplete)
            for one in episodes}


def _money(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _incomplete(connection: sqlite3.Connection) -> frozenset[str]:
    """Hedges of a rebuilt journal that began before what the venue remembered."""
    if not _all(connection, "SELECT 1 FROM sqlite_master WHERE name = 'rebuilt'"):
        return frozenset()
    row = _one(connection, "SELECT incomplete FROM rebuilt")
    return frozenset(json.loads(row["incomplete"])) if row else frozenset()


def advice_of(row: Mapping[str, Any]) -> Mapping[Asset, Advice]:
    """The advice in a row of decisions; none in one of an older journal."""
    text = row.get("advice")
    return decode(dict[Asset, Advice], text) if text else {}


def _working(connection: sqlite3.Connection) -> tuple[OrderRecord, ...]:
    unended = ("NOT EXISTS (SELECT 1 FROM order_events e WHERE e.client_order_id = i.client_order_id "
               "AND e.state IN ('filled', 'cancelled') AND NOT EXISTS (SELECT 1 FROM order_events r WHERE "
               "r.client_order_id = e.client_order_id AND r.seq > e.seq AND r.state IN ('open', 'partial')))")
    intents = _all(connection, f"SELECT * FROM intents i WHERE {unended} ORDER BY i.number")  # noqa: S608  # constant
    events = _all(connection, "SELECT v.* FROM order_events v JOIN intents i USING (client_order_id) "  # noqa: S608
                              f"WHERE {unended} ORDER BY v.seq")
    found = records((from_row(OrderIntent, row) for row in intents), events)
    return tuple(record for record in found.values() if record.state.live)


def _answers(connection: sqlite3.Connection, where: str, values: Sequence[object]) -> list[CommandAnswer]:
    rows = _all(connection, f"SELECT * FROM commands WHERE {where} ORDER BY id", values)  # noqa: S608  # constant
    return [CommandAnswer(
        Command(row["id"], row["kind"], row["asset"], row["issued_at"], row.get("about"), row.get("says"),
                row.get("said_by")), row["result"], row["acknowledged_at"],
    ) for row in rows]


def _assets(decision: Decision, terms: Terms) -> tuple[AssetStatus, ...]:
    targets = {policy.asset: policy.target for policy in terms.policy.assets}
    return tuple(_asset(decided, decision, targets.get(decided.asset)) for decided in decision.assets)


def _asset(decided: AssetDecision, decision: Decision, target: Decimal | None) -> AssetStatus:
    measure, nav = decided.measure, decision.nav
    return AssetStatus(
        asset=decided.asset, action=decided.action, target=target,
        weight=measure.value / nav if measure.value is not None and nav else None,
        net_weight=measure.net_weight, drift=measure.drift, residual=measure.residual, quantity=measure.quantity,
        price=measure.price, short=decided.short, goal=decided.goal, contract=decided.contract, held=decided.held,
        disarmed=decision.state.of(decided.asset).disarmed,
        liquidation_price=decision.margin.liquidation_prices.get(decided.asset),
        reasons=decided.reasons, refusals=decided.refusals, state=decision.state.of(decided.asset).permitted,
    )


__all__ = [
    "AssetStatus", "Binding", "Books", "CommandAnswer", "Heartbeat", "RecordedDecision", "StatusReport",
    "gaps", "outside", "read_account_costs", "read_books", "read_command", "read_costs", "read_decisions",
    "read_episodes", "read_heartbeat", "read_last_order_id", "read_status", "settle_of", "submit_command",
]
