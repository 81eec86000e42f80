"""Past SQLAlchemy's cursors, straight to the driver: nothing that the journal does waits longer than the disk takes.

SQLAlchemy's cursors cost as much as the disk does, and each call of the asynchronous driver is a journey to its thread
and back. Here a whole transaction is one journey. The statements stay SQLAlchemy's: they are compiled once, to text.
What is read comes as SQLite keeps it: amounts as text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import ClauseElement
from sqlalchemy.dialects.sqlite import aiosqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.journal import schema

T = TypeVar("T")


class Text:
    """A statement as the driver reads it: `columns` narrows an insert to these, in any order."""

    def __init__(self, statement: ClauseElement, columns: tuple[str, ...] | None = None) -> None:
        compiled: Any = statement.compile(
            dialect=aiosqlite.dialect(), column_keys=columns, compile_kwargs={"render_postcompile": True})
        self._text = str(compiled)
        self._names: tuple[str, ...] = tuple(compiled.positiontup or ())
        self._given: dict[str, object] = dict(compiled.params)

    def run(self, connection: sqlite3.Connection, row: Mapping[str, object] | None = None) -> sqlite3.Cursor:
        """Execute it with the values of `row`; amounts are written as the schema writes them."""
        values = {**self._given, **(row or {})}
        return connection.execute(self._text, [_plain(values[name]) for name in self._names])

    def rows(self, connection: sqlite3.Connection, row: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """What it finds, by column."""
        found = self.run(connection, row)
        names = [column[0] for column in found.description]
        return [dict(zip(names, values, strict=True)) for values in found]

    def value(self, connection: sqlite3.Connection, row: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - see `_plain`
        """The first column of the first that it finds; None: it finds none."""
        found = self.run(connection, row).fetchone()
        return None if found is None else found[0]


def _plain(value: object) -> Any:  # noqa: ANN401 - what sqlite3 takes
    return schema.money_text(value) if isinstance(value, Decimal) else value


async def driver_of(connection: AsyncConnection) -> Any:  # noqa: ANN401 - the driver's own type
    """The driver's connection under SQLAlchemy's."""
    return (await connection.get_raw_connection()).driver_connection


async def straight(driver: Any, work: Callable[[sqlite3.Connection], T]) -> T:  # noqa: ANN401 - see `driver_of`
    """Do `work` on the driver's thread, as one transaction: committed when it returns, undone when it raises."""

    def transact() -> T:
        connection: sqlite3.Connection = driver._conn  # noqa: SLF001 - the driver's own calls go through these two
        try:
            result = work(connection)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        return result

    done: T = await driver._execute(transact)  # noqa: SLF001 - it offers no public call for more than one statement
    return done
