"""The journal without a disk: the real store on a copy of a migrated journal, kept in memory by SQLite itself.

A kill closes the connection in the middle: what was not committed is dropped, as the kernel would have it. Whoever
opens the journal's path in this process, the user who looks and the verdict among them, reaches that copy, over a
connection that an earlier one has closed: SQLite has read the schema there, and compiled what is asked again.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import aiosqlite
from inprocess_wire import Fate
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from bot.journal import store
from bot.journal.upgrade import bring_to_head


class InlineConnection(aiosqlite.Connection):
    """The asynchronous driver without its thread: every call is done where it is made."""

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    def __await__(self) -> Any:
        self._connection = self._connector()
        yield from asyncio.sleep(0).__await__()
        return self

    async def close(self) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        """End the connection; what was not committed is lost."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


IN_MEMORY = "&vfs=memdb" if sqlite3.sqlite_version_info >= (3, 36) else ""
"""SQLite's own files in memory, which all connections of a process share; before 3.36 it is the file system's."""


class Disk:
    """Where one run's journal lies, until it is closed. Its path names a file that stays as it was made."""

    def __init__(self, folder: Path, template: bytes) -> None:
        self.path = folder / "journal.db"
        if not self.path.exists():
            self.path.write_bytes(template)
        template_of = _copied(self.path)
        self._real = sqlite3.connect
        self._lent: dict[tuple[object, ...], list[_Lent]] = {}
        self._kept: sqlite3.Connection = sqlite3.connect(f"file:{self.path}?mode=rwc{IN_MEMORY}", uri=True)
        template_of.backup(self._kept)
        vars(sqlite3)["connect"] = self._connect

    def close(self) -> None:
        """Forget what was written."""
        vars(sqlite3)["connect"] = self._real
        for lent in self._lent.values():
            for connection in lent:
                connection.end()
        self._kept.close()

    def _connect(self, database: str | Path, **how: Any) -> sqlite3.Connection:
        name, uri = str(database), how.pop("uri", False)
        if str(self.path) not in name:
            elsewhere: sqlite3.Connection = self._real(database, uri=uri, **how)
            return elsewhere
        name = f"{name if uri else f'file:{name}?mode=rwc'}{IN_MEMORY}"
        if how.keys() - {"timeout"}:
            special: sqlite3.Connection = self._real(name, uri=True, **how)
            return special
        lent = self._lent.setdefault((name, how.get("timeout")), [])
        free = next((connection for connection in lent if connection.closed), None)
        if free is None:
            free = self._real(name, uri=True, factory=_Lent, **how)
            lent.append(free)
        free.closed = False
        return free

    @contextmanager
    def mounted(self, fate: Fate) -> Iterator[None]:
        """Journals that are opened meanwhile are opened here; a commit is a place to die before and after."""
        drive, real = _drive(), vars(store)["make_engine"]
        drive.connect = partial(sqlite3.connect, self.path, factory=partial(_Committing, fate))
        vars(store)["make_engine"] = lambda _: drive.engine
        try:
            yield
        finally:
            vars(store)["make_engine"] = real
            drive.eject()


class _Lent(sqlite3.Connection):
    """A connection that is as new once it was closed, but for what SQLite knows by then."""

    closed = False

    def close(self) -> None:
        self.rollback()
        self.row_factory = None
        self.closed = True

    def end(self) -> None:
        super().close()


@lru_cache(maxsize=1)
def _copied(path: Path) -> sqlite3.Connection:
    """The journal that every run's is a copy of."""
    kept = sqlite3.connect(":memory:")
    with closing(sqlite3.connect(path)) as connection:
        connection.backup(kept)
    return kept


class _Drive:
    """SQLAlchemy's engine, one for all disks of this process: what it has compiled once serves every run."""

    def __init__(self) -> None:
        self.connect: Callable[[], sqlite3.Connection] | None = None
        self._connections: list[InlineConnection] = []
        self.engine: AsyncEngine = create_async_engine(
            "sqlite+aiosqlite:///", poolclass=StaticPool, connect_args={"async_creator_fn": self._inline},
        )
        event.listen(self.engine.sync_engine, "connect", _prepare)

    def _inline(self, *_: Any, **__: Any) -> InlineConnection:
        assert self.connect is not None, "no disk is mounted"
        connection = InlineConnection(self.connect, 64)
        self._connections.append(connection)
        return connection

    def eject(self) -> None:
        """Whatever is still connected is cut off."""
        for connection in self._connections:
            connection.hang_up()
        self._connections.clear()
        self.connect = None
        self.engine.sync_engine.dispose(close=False)


@lru_cache(maxsize=1)
def _drive() -> _Drive:
    return _Drive()


def _prepare(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode = MEMORY", "synchronous = OFF", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


class _Committing(sqlite3.Connection):
    """A connection on which one may die before and after a commit."""

    def __init__(self, fate: Fate, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fate = fate

    def commit(self) -> None:
        if not self.in_transaction:
            return
        self._fate.meet("before commit")
        super().commit()
        self._fate.meet("after commit")


def migrated() -> bytes:
    """A journal at the newest schema that nobody has written to."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        bring_to_head(path)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
        return path.read_bytes()
