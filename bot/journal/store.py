"""The journal on SQLite: SQLAlchemy Core, async, one kept connection, one writer.

Every write is one transaction that is on the disk (WAL, synchronous=FULL) when the call returns. Readers
(`bot.journal.reader`) and the command line's commands come through other connections, beside this one.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot import __version__
from bot.core.advice import Advice
from bot.core.decision import Decision, Situation
from bot.core.episode import Episode, EpisodeState
from bot.core.history import Gap
from bot.core.income import Comparison
from bot.core.ledger import Event
from bot.core.market import Asset
from bot.core.orders import Fill, FundingPayment, OrderIntent, OrderReport
from bot.core.policy import Terms
from bot.core.times import Millis
from bot.errors import JournalError, JournalForeign, JournalUnconfirmed
from bot.journal import fold
from bot.journal import queries as q
from bot.journal.codec import decode, digest, encode
from bot.journal.connect import explained, journal_path, make_engine
from bot.journal.lock import FileLock
from bot.journal.rows import from_row, records, report_row, to_row
from bot.journal.straight import Text, driver_of, straight
from bot.journal.upgrade import bring_to_head
from bot.ports import NO_ADVICE, Command, Decided, Memory

T = TypeVar("T")


class SqlJournal:
    """The `Journal` port on a file. `await SqlJournal.open(...)`; then `close()`."""

    def __init__(self, engine: AsyncEngine, connection: AsyncConnection, lock: FileLock, *, path: Path,
                 wall: Callable[[], int], poll: Millis | None, begun_at: Millis | None = None) -> None:
        self.path = path
        self._begun_at = begun_at
        self._engine = engine
        self._connection = connection
        self._lock = lock
        self._wall = wall
        self._poll = poll
        self._turn = asyncio.Lock()
        self._episodes: set[str] = set()
        self._terms: set[str] = set()
        self._driver: Any = None
        self._encoded: tuple[Terms, str, str] | None = None

    @classmethod
    async def open(cls, url_or_path: str | Path, *, environment: str, venue: str, account: str,
                   wall: Callable[[], int], poll: Millis | None = None, begun_at: Millis | None = None) -> Self:
        """Open, and where needed create or migrate, the journal of one account.

        `url_or_path`: a file, or an SQLite URL of one. `wall`: the machine's time in ms (for the heartbeat).
        `begun_at`: the bot's time now, by which a new journal is told from others; None: the machine's. `poll`: the
        engine's poll in ms, told to `hedgerow health`. Raises JournalLocked when another process has it,
        JournalForeign when it is another account's, JournalError when it cannot be used.
        """
        path = journal_path(url_or_path)
        lock = FileLock(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise JournalError(f"{path.parent} cannot be made: {error.strerror}") from None
        lock.acquire()
        engine = make_engine(path)
        try:
            with explained(path):
                _for_its_owner_alone(path)
                await asyncio.to_thread(bring_to_head, path)
                connection = await engine.connect()
                journal = cls(engine, connection, lock, path=path, wall=wall, poll=poll, begun_at=begun_at)
                journal._driver = await driver_of(connection)
                await journal._bind(environment, venue, account)
        except BaseException:
            await engine.dispose()
            lock.release()
            raise
        return journal

    async def close(self) -> None:
        """Release the file and the lock."""
        async with self._turn:
            try:
                await self._connection.close()
                await self._engine.dispose()
            finally:
                self._lock.release()

    async def recall(self, settle: str) -> Memory:
        """What is needed to go on."""
        return await self._straight(lambda connection: _recalled(connection, settle))

    async def record_decision(
        self, situation: Situation, terms: Terms, decision: Decision, episodes: Sequence[Episode] = (),
        advice: Mapping[Asset, Advice] = NO_ADVICE,
    ) -> None:
        """Keep a decision with everything it depended on, and `episodes`, whose accounts it changed.

        Taken again at the same instant it is no second row when nothing about it changed, else the instant's next
        revision, which then is the one that counts.
        """
        row, content = self._decision_row(Decided(situation, terms, decision, advice))
        accounts = [to_row(episode, updated_at=decision.at) | {"which": episode.id} for episode in episodes]

        def write(connection: sqlite3.Connection) -> None:
            _keep_decision(connection, row, content)
            for account in accounts:
                q.CHANGE_EPISODE.run(connection, account)

        await self._straight(write)
        self._terms.add(row["terms"])

    async def record_intent(self, intent: OrderIntent, because: Decided | None = None) -> None:
        """Commit an intent before its request leaves, with the decision it came from where that is not kept yet.

        Its episode's row is begun with the first: OPENING, started when the intent was decided. Raises JournalError,
        and keeps nothing, when the id or number was used before.
        """
        row = to_row(intent)
        begun = None if intent.episode in self._episodes else to_row(
            Episode(id=intent.episode, asset=intent.asset, symbol=intent.symbol, state=EpisodeState.OPENING,
                    started_at=intent.decided_at), updated_at=intent.created_at)
        decided = self._decision_row(because) if because else None

        def write(connection: sqlite3.Connection) -> None:
            if decided is not None:
                _keep_decision(connection, *decided)
            if begun is not None:
                q.BEGIN_EPISODE.run(connection, begun)
            q.INSERT_INTENT.run(connection, row)

        await self._straight(write)
        self._episodes.add(intent.episode)
        if decided is not None:
            self._terms.add(decided[0]["terms"])

    async def record_taken(
        self, intent: OrderIntent, fills: Sequence[Fill], report: OrderReport, episode: Episode, at: Millis,
    ) -> None:
        """Take an order of somebody else's into the books, whole: see the port."""
        begun, account = to_row(episode, updated_at=at), to_row(episode, updated_at=at) | {"which": episode.id}
        row, booked = to_row(intent), [to_row(fill, booked_at=at) for fill in fills]
        ended = q.EMPTY_EVENT | report_row(report, at)

        def write(connection: sqlite3.Connection) -> None:
            q.BEGIN_EPISODE.run(connection, begun)
            q.CHANGE_EPISODE.run(connection, account)
            q.INSERT_INTENT.run(connection, row)
            for fill in booked:
                q.ADD_FILL.run(connection, fill)
            q.ADD_EVENT.run(connection, ended)

        await self._straight(write)
        self._episodes.add(intent.episode)

    async def record_report(self, report: OrderReport, at: Millis) -> None:
        """Append an order event."""
        await self._append(q.ADD_EVENT, [q.EMPTY_EVENT | report_row(report, at)])

    async def record_miss(self, client_order_id: str, at: Millis) -> None:
        """Append a look-up that found nothing."""
        miss = {"client_order_id": client_order_id, "kind": "miss", "at": at}
        await self._append(q.ADD_EVENT, [q.EMPTY_EVENT | miss])

    async def unbooked_fills(self, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        """Those not in the books yet (by symbol and trade id), in order, each once."""
        booked = await self._booked(q.FILL_BOOKED, [fold.fill_key(fill) for fill in fills])
        return fold.fresh(fills, fold.fill_key, booked)

    async def record_fills(self, fills: Sequence[Fill], episodes: Sequence[Episode], at: Millis) -> None:
        """Book new fills of ours together with their episodes' accounts after them, in one transaction.

        Raises JournalError, and books nothing, when one of them is in the books already.
        """
        await self._append(q.ADD_FILL, [to_row(fill, booked_at=at) for fill in fills], episodes, at)

    async def booked(self, since: Millis) -> tuple[tuple[Fill, ...], tuple[FundingPayment, ...]]:
        """Executions and settlements of `since` and later that are in the books."""
        since_then = {"since": since}
        fills, paid = await self._straight(lambda connection: (
            q.FILLS_SINCE.rows(connection, since_then), q.FUNDING_SINCE.rows(connection, since_then)))
        return tuple(from_row(Fill, row) for row in fills), tuple(from_row(FundingPayment, row) for row in paid)

    async def unbooked_funding(self, payments: Sequence[FundingPayment]) -> tuple[FundingPayment, ...]:
        """Those not in the books yet (by symbol and payment id), in order, each once."""
        booked = await self._booked(q.FUNDING_BOOKED, [fold.funding_key(payment) for payment in payments])
        return fold.fresh(payments, fold.funding_key, booked)

    async def record_funding(
        self, payments: Sequence[tuple[FundingPayment, str | None]], episodes: Sequence[Episode], at: Millis,
    ) -> None:
        """Book new settlements, each with its episode's id (None: no hedge of ours was open), and the accounts after.

        Raises JournalError, and books nothing, when one of them is in the books already.
        """
        rows = [to_row(payment, episode=episode, booked_at=at) for payment, episode in payments]
        await self._append(q.ADD_FUNDING, rows, episodes, at)

    async def record_gap(self, gap: Gap) -> None:
        """Mark what the venue had forgotten."""
        await self._append(q.ADD_GAP, [to_row(gap)])

    async def record_comparison(self, comparison: Comparison) -> None:
        """Keep what comparing the books with the venue's own account came to."""
        row = to_row(comparison) | {"residuals": encode(comparison.residuals)}
        await self._append(q.ADD_COMPARISON, [row])

    async def record_episode(self, episode: Episode, at: Millis) -> None:
        """Keep an episode's present account (insert or update by id)."""
        await self._append(None, [], [episode], at)

    async def commands(self) -> tuple[Command, ...]:
        """Commands not yet acknowledged, oldest first."""
        rows = await self._straight(lambda connection: q.COMMANDS.run(connection).fetchall())
        return tuple(Command(*row) for row in rows)

    async def acknowledge(self, command: Command, result: str, at: Millis) -> None:
        """Answer a command. Answering it again changes nothing; one that is not there raises JournalError."""
        answer = {"which": command.id, "answer": result, "time": at}
        if not await self._straight(lambda connection: (
                q.ACKNOWLEDGE.run(connection, answer).rowcount or q.COMMAND.value(connection, answer))):
            raise JournalError(f"there is no command {command.id} in {self.path}")

    async def beat(self, at: Millis) -> None:
        """The heartbeat: a decision was reached at `at`."""
        row = {"id": 1, "decided_at": at, "wall_at": self._wall(), "pid": os.getpid(), "poll": self._poll}
        await self._straight(lambda connection: q.BEAT.run(connection, row))

    # -- inside ------------------------------------------------------------------------------------------------------

    async def _straight(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """One transaction: undone where it does not end well, and what goes wrong is a JournalError."""
        async with self._turn:
            if self._connection.closed:
                raise JournalError(f"{self.path} is closed")
            with explained(self.path):
                return await straight(self._driver, work)

    def _decision_row(self, decided: Decided) -> tuple[dict[str, Any], str | None]:
        """A row of decisions but for its revision, and the content of terms that are not kept yet."""
        situation, terms, decision = decided.situation, decided.terms, decided.decision
        if self._encoded is None or self._encoded[0] is not terms:
            content = encode(terms)
            self._encoded = terms, content, digest(content)
        _, content, name = self._encoded
        return {
            "at": decision.at, "signature": digest(encode(decision.signature())), "nav": decision.nav,
            "halted": decision.halted, "terms": name, "situation": encode(situation), "decision": encode(decision),
            "advice": encode(decided.advice) if decided.advice else None,
            "reasons": encode({d.asset: {"reasons": d.reasons, "refusals": d.refusals} for d in decision.assets}),
        }, None if name in self._terms else content

    async def _append(self, statement: Text | None, rows: Sequence[Mapping[str, Any]],
                      episodes: Sequence[Episode] = (), at: Millis = 0) -> None:
        if not rows and not episodes:
            return
        accounts = [to_row(episode, updated_at=at) for episode in episodes]

        def write(connection: sqlite3.Connection) -> None:
            for account in accounts:
                if not q.CHANGE_EPISODE.run(connection, {**account, "which": account["id"]}).rowcount:
                    q.ADD_EPISODE.run(connection, account)
            if statement is not None:
                for row in rows:
                    statement.run(connection, row)

        await self._straight(write)
        self._episodes.update(episode.id for episode in episodes)

    async def _booked(self, query: Text, keys: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        def look(connection: sqlite3.Connection) -> set[tuple[str, str]]:
            return {key for key in keys
                    if query.value(connection, {"symbol": key[0], "name": key[1]}) is not None}

        return await self._straight(look) if keys else set()

    async def _bind(self, environment: str, venue: str, account: str) -> None:
        """Make it the journal of this account, or see that it is; know what is kept in it."""
        wanted = {"environment": environment, "venue": venue, "account": account}
        first = wanted | {"id": 1, "created_by": f"hedgerow {__version__}",
                          "created_at": self._wall() if self._begun_at is None else self._begun_at}

        def bind(connection: sqlite3.Connection) -> list[dict[str, Any]]:
            if q.UNCONFIRMED.value(connection) is not None:
                raise JournalUnconfirmed(
                    f"{self.path} was rebuilt from the venue and no human has confirmed it; look it over with "
                    f"`hedgerow journal check {self.path}`, then `hedgerow journal confirm {self.path}`")
            found = q.BINDING.rows(connection)
            if not found:
                q.BIND.run(connection, first)
            self._episodes = {name for (name,) in q.EPISODE_IDS.run(connection)}
            self._terms = {name for (name,) in q.TERMS.run(connection)}
            return found

        found = await self._straight(bind)
        if found and any(found[0][name] != value for name, value in wanted.items()):
            ours, theirs = (" / ".join(row[name] for name in wanted) for row in (wanted, found[0]))
            raise JournalForeign(f"{self.path} is the journal of {theirs}, not of {ours}; name another journal file")


def _recalled(connection: sqlite3.Connection, settle: str) -> Memory:
    decision = q.LAST_DECISION.value(connection)
    firsts = [query.value(connection) for query in q.FIRST]
    intents = [from_row(OrderIntent, row) for row in q.UNENDED_INTENTS.rows(connection)]
    recalled = fold.memory(
        decision=None if decision is None else decode(Decision, decision), settle=settle,
        orders=records(intents, q.UNENDED_EVENTS.rows(connection)).values(),
        episodes=[from_row(Episode, row) for row in q.EPISODES.rows(connection)],
        intents=q.COUNT_INTENTS.value(connection), times=q.RECENT_INTENTS.run(connection),
        fills=[from_row(Fill, row) for row in q.FILLS.rows(connection)],
        funding=[from_row(FundingPayment, row) for row in q.FUNDING.rows(connection)],
        since=min((at for at in firsts if at is not None), default=None),
        gaps=[from_row(Gap, row) for row in q.GAPS.rows(connection)], begun_at=q.BEGUN_AT.value(connection),
        names=(name for (name,) in q.INTENT_NAMES.run(connection)),
    )
    return replace(recalled, events=_events(connection, recalled.episodes))


def _events(connection: sqlite3.Connection, episodes: Sequence[Episode]) -> Mapping[str, tuple[Event, ...]]:
    """What happened to the money of these hedges."""
    owners = [{"episode": episode.id} for episode in episodes]
    fills = [row for owner in owners for row in q.COST_FILLS.rows(connection, owner)]
    paid = [row for owner in owners for row in q.COST_FUNDING.rows(connection, owner)]
    return fold.events(
        episodes, [(row["episode"], from_row(Fill, row), _money(row["spot_mid"]), _money(row["perp_mid"]))
                   for row in fills],
        [(from_row(FundingPayment, row), row["episode"]) for row in paid])


def _money(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _for_its_owner_alone(path: Path) -> None:
    """A new journal is nobody else's to read: it tells what an account holds. SQLite's own files beside it follow."""
    with suppress(OSError):  # it is there, or SQLite will say why it cannot be
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _keep_decision(connection: sqlite3.Connection, row: Mapping[str, Any], content: str | None) -> None:
    before = q.DECISION_AT.run(connection, row).fetchone()
    if before is not None and before[1:] == (row["situation"], row["decision"], row["terms"]):
        return
    if content is not None:
        q.INSERT_TERMS.run(connection, {"digest": row["terms"], "first_at": row["at"], "content": content})
    q.INSERT_DECISION.run(connection, {**row, "revision": before[0] + 1 if before is not None else 0})
