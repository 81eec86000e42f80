"""Looking after a journal's file: a copy of it, room in it, and a human's word on a rebuilt one.

Plain SQLite, quick to import. Nothing here touches intents, order events, fills, funding, episodes or commands.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.core.times import Millis
from bot.errors import JournalError
from bot.journal.connect import BUSY_TIMEOUT
from bot.journal.lock import FileLock
from bot.journal.reader import reading


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy that was made and looked through. `size` in bytes."""

    source: Path
    file: Path
    size: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was, or with `dry_run` would be, let go: rows, and their text in bytes.

    `before`: decisions older than this instant, the journal's newest decision less the age asked for; None: there is
    no decision at all. `kept`: old decisions that stay for what they did. `size` of the file afterwards.
    """

    before: Millis | None
    dry_run: bool
    decisions: int
    terms: int
    kept: int
    text: int
    size: int


def backup(path: Path, file: Path) -> Backup:
    """Copy a journal as it is at one instant, also beside a running bot; the copy is looked through before it counts.

    The copy is one file, readable by its owner alone. Raises JournalError: no journal, `file` exists or cannot be
    written, or the copy is damaged (then it is removed).
    """
    with reading(path) as source:
        try:
            # Made by us and by nobody else: a file, or a link to one, that is there already is never written over.
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            raise JournalError(f"{file} is there already; a backup never overwrites: name another file") from None
        except OSError as error:
            raise JournalError(f"{file} cannot be made: {error.strerror}") from None
        try:
            _copy(source, file)
        except BaseException:
            remove(file)
            raise
    return Backup(path, file, file.stat().st_size)


def _copy(source: sqlite3.Connection, file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # a copy is one file: no log lies beside it
        damage = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if damage != "ok":
        raise JournalError(f"the copy is damaged, and so may the journal be: {damage}; see `hedgerow journal check`")
    for place in (file, file.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove(file: Path) -> None:
    """Take an unfinished file of ours away, with what SQLite laid beside it."""
    for end in ("", "-wal", "-shm", "-journal"):
        file.with_name(file.name + end).unlink(missing_ok=True)


_ACTED = (
    "EXISTS (SELECT 1 FROM json_each(d.decision, '$.assets') WHERE json_extract(value, '$.intent') IS NOT NULL) "
    "OR EXISTS (SELECT 1 FROM intents i WHERE i.decided_at = d.at)"
)
"""Whether a decision set a goal, or an order names it as its cause."""

_OLD = "d.at < :before AND d.seq NOT IN (SELECT max(seq) FROM decisions UNION SELECT min(seq) FROM decisions)"
"""What age alone would let go: the first decision tells since when there is a record, the newest one is the memory."""

_GONE = f"{_OLD} AND NOT ({_ACTED})"
_UNUSED = "NOT EXISTS (SELECT 1 FROM decisions d WHERE d.terms = t.digest) AND EXISTS (SELECT 1 FROM decisions)"


def confirm(path: Path, at: Millis) -> bool:
    """Let bots work with a rebuilt journal; whether that was news. `at`: the machine's time.

    Raises JournalLocked, and JournalError when it is none or was not rebuilt.
    """
    with reading(path) as connection:
        row = connection.execute("SELECT confirmed_at FROM rebuilt").fetchone()
    if row is None:
        raise JournalError(f"{path} was not rebuilt from a venue: there is nothing to confirm")
    lock = FileLock(path)
    lock.acquire()
    try:
        with writing(path) as connection:
            connection.execute("UPDATE rebuilt SET confirmed_at = ? WHERE confirmed_at IS NULL", (at,))
    finally:
        lock.release()
    return row["confirmed_at"] is None


def prune(path: Path, older_than: Millis, *, dry_run: bool = False) -> Pruned:
    """Let decisions older than `older_than` go, with the situations they were reached in, and terms that none names.

    Age counts back from the newest decision, not from today: a journal that lay still loses nothing by lying still.
    The first and the newest decision stay, and each that set a goal or that an order names. The file is made smaller.
    Raises JournalLocked while a bot has the journal (not for a `dry_run`), JournalError when it cannot be written.
    """
    if dry_run:
        with reading(path) as connection:
            return _count(connection, path, older_than)
    with reading(path):
        pass  # there is a journal: only then a lock may be laid beside it
    lock = FileLock(path)
    lock.acquire()
    try:
        with writing(path) as connection:
            found = _count(connection, path, older_than)
            with _deletable(connection, "decisions", "terms"):
                gone = connection.execute(f"DELETE FROM decisions AS d WHERE {_GONE}", {"before": found.before})  # noqa: S608  # constants
                unused = connection.execute(f"DELETE FROM terms AS t WHERE {_UNUSED}")  # noqa: S608  # constants
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return Pruned(found.before, dry_run, gone.rowcount, unused.rowcount, found.kept, found.text,
                      path.stat().st_size)
    finally:
        lock.release()


def _count(connection: sqlite3.Connection, path: Path, older_than: Millis) -> Pruned:
    newest = connection.execute("SELECT max(at) FROM decisions").fetchone()[0]
    before = None if newest is None else newest - older_than
    text = "length(CAST(situation AS BLOB)) + length(CAST(decision AS BLOB)) + length(reasons)"
    gone = f"SELECT count(*), coalesce(sum({text}), 0) FROM decisions d WHERE {_GONE}"  # noqa: S608  # constants
    old = f"SELECT count(*) FROM decisions d WHERE {_OLD}"  # noqa: S608  # constants
    terms = (f"SELECT count(*) FROM terms t WHERE EXISTS (SELECT 1 FROM decisions) AND NOT EXISTS "  # noqa: S608
             f"(SELECT 1 FROM decisions d WHERE d.terms = t.digest AND NOT ({_GONE}))")
    values = {"before": before}
    count, size = connection.execute(gone, values).fetchone()
    return Pruned(
        before=before, dry_run=True, decisions=count, terms=connection.execute(terms, values).fetchone()[0],
        kept=connection.execute(old, values).fetchone()[0] - count, text=size, size=path.stat().st_size,
    )


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that writes; every statement is on the disk when it returns. The caller holds the lock."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=BUSY_TIMEOUT / 1000)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection
    except sqlite3.Error as error:
        raise JournalError(f"{path} cannot be written: {error}") from error


@contextmanager
def _deletable(connection: sqlite3.Connection, *tables: str) -> Iterator[None]:
    """One transaction in which rows of append-only tables may be deleted: outside of it, nobody ever sees them so.

    Their guards are taken down and put up again, as they were, within it; a kill in between undoes all of it.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        guards = {name: _guard(connection, name) for name in (f"{table}_no_delete" for table in tables)}
        for name in guards:
            connection.execute(f"DROP TRIGGER {name}")
        yield
        for text in guards.values():
            connection.execute(text)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _guard(connection: sqlite3.Connection, name: str) -> str:
    row = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?", (name,)).fetchone()
    if row is None:
        raise JournalError(f"the journal lacks its guard {name}; see `hedgerow journal check`")
    return str(row[0])
