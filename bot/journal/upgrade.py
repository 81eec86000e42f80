"""Bringing a journal file to the newest schema. Alembic is imported only when there is something to do."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from bot.errors import JournalError
from bot.journal.connect import WAY_OUT
from bot.journal.schema import HEAD

MAGIC = b"SQLite format 3\x00"


def bring_to_head(path: Path) -> bool:
    """Create or migrate the file at `path`; whether anything had to be done.

    Raises JournalError when the file is damaged, is no journal, or was written by a newer version.
    """
    revision = _revision(path)
    if revision == HEAD:
        return False
    _migrate(path, revision)
    return True


def _revision(path: Path) -> str | None:
    """The file's schema revision; None for a file that is to be created."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise JournalError(f"{path} is not a journal (not an SQLite database); move it away or name another file; "
                               f"if it was one: {WAY_OUT}")
    with closing(sqlite3.connect(path)) as connection:
        damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if damage != "ok":
            raise JournalError(f"{path} is damaged: {damage}; {WAY_OUT}")
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables:
            return None
        if "alembic_version" not in tables or not tables & {"binding"}:
            raise JournalError(f"{path} is an SQLite database, but not a journal; move it away or name another file")
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None


def _migrate(path: Path, revision: str | None) -> None:
    from alembic import command  # noqa: PLC0415  # 0.2 s that a journal at head need not pay
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from sqlalchemy import create_engine, event, pool  # noqa: PLC0415
    from sqlalchemy.engine import URL  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise JournalError(f"{path} has schema {revision}, which this version does not know: it was written by a newer "
                           "one; upgrade, or name another file")
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=pool.NullPool)
    # The driver would begin only at the first INSERT, and leave half a schema behind when killed between two tables.
    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.rollback()
            connection.connection.dbapi_connection.execute("PRAGMA journal_mode = WAL")  # type: ignore[union-attr]  # open
            with connection.begin():
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
    finally:
        engine.dispose()
