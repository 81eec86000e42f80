"""Reaching the file: its name, its connection, and what the database says as errors of ours."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from bot.core.times import Millis
from bot.errors import JournalError

BUSY_TIMEOUT: Millis = 5_000
"""How long a write waits for a command that is just being written by another process."""

_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", f"busy_timeout = {BUSY_TIMEOUT}")


def journal_path(url_or_path: str | Path) -> Path:
    """The file that a journal setting names. Raises JournalError for a database other than SQLite."""
    if isinstance(url_or_path, Path) or "://" not in url_or_path:
        return Path(url_or_path)
    try:
        url = make_url(url_or_path)
    except ArgumentError:
        raise JournalError(f"{url_or_path!r} is neither a file nor a database URL") from None
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        raise JournalError(f"a journal is an SQLite file, not {url.render_as_string(hide_password=True)!r}")
    return Path(url.database)


def make_engine(path: Path) -> AsyncEngine:
    """An engine of one kept connection: WAL, every commit on the disk, a bounded wait for other writers."""
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)), poolclass=StaticPool,
        connect_args={"timeout": BUSY_TIMEOUT / 1000},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: object) -> None:  # noqa: ANN401  # the driver's own type
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


WAY_OUT = ("put a backup in its place, or make a new journal of what the exchange knows: "
           "`hedgerow journal rebuild FILE`, look it over, `hedgerow journal confirm FILE`")
"""What to do about a journal that cannot be read any more (docs/journal.md)."""

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class explained:  # noqa: N801  # read as a word: `with explained(path)`
    """What the database, or the disk under it, says, as a JournalError that names the file and the cause."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, (SQLAlchemyError, sqlite3.Error, OSError)):
            cause = getattr(error, "orig", None) or error
            damaged = (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF in _DAMAGED
            raise JournalError(f"{self._path}: {cause}{f'; {WAY_OUT}' if damaged else ''}") from error
