"""A new journal's file, migrated once for all tests of the room."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.journal.upgrade import bring_to_head


@pytest.fixture(scope="session")
def fresh_journal(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("journal") / "fresh.db"
    bring_to_head(path)
    return path.read_bytes()


@pytest.fixture
def journal_file(tmp_path: Path, fresh_journal: bytes) -> Path:
    (tmp_path / "journal.db").write_bytes(fresh_journal)
    return tmp_path / "journal.db"
