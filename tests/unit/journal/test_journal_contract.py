"""The journal suite over the journal on disk and the one in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from journal_suite import JournalSuite, Shelf
from memory_journal import MemoryJournal

from bot.core.times import Millis
from bot.journal.store import SqlJournal
from bot.ports import Journal


class DiskShelf:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._journal: SqlJournal | None = None

    async def open(self) -> Journal:
        await self.close()
        self._journal = await SqlJournal.open(
            self.path, environment="local", venue="binance", account="1", wall=lambda: 1_700_000_000_000)
        return self._journal

    def submit(self, kind: str, asset: str | None, at: Millis) -> int:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            cursor = connection.execute(
                "INSERT INTO commands (kind, asset, issued_at) VALUES (?, ?, ?)", (kind, asset, at))
            return cursor.lastrowid or 0

    async def close(self) -> None:
        if self._journal is not None:
            await self._journal.close()


class MemoryShelf:
    def __init__(self) -> None:
        self._journal = MemoryJournal()

    async def open(self) -> Journal:
        self._journal = self._journal.again()
        return self._journal

    def submit(self, kind: str, asset: str | None, at: Millis) -> int:
        return self._journal.submit(kind, asset, at)

    async def close(self) -> None:
        await self._journal.close()


class TestJournals(JournalSuite):
    @pytest.fixture(params=["disk", "memory"])
    async def shelf(self, request: pytest.FixtureRequest, journal_file: Path) -> AsyncIterator[Shelf]:
        shelf: Shelf = DiskShelf(journal_file) if request.param == "disk" else MemoryShelf()
        yield shelf
        await shelf.close()
