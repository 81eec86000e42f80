"""The power fails behind any write or sync: what was committed is there, the file whole, and a bot goes on from it."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from inprocess_disk import migrated
from journal_values import T0, TERMS, decision, intent, situation
from power_loss import Op, left_over, library, recorded

from bot.core.orders import OrderReport, OrderState
from bot.core.times import MINUTE
from bot.journal import connect
from bot.journal.store import SqlJournal

LIBRARY = library()
INTENTS = 7

pytestmark = [
    pytest.mark.fault(38),
    pytest.mark.skipif(LIBRARY is None, reason="this Python has its SQLite built in: nothing can be put under it"),
]


async def opened(path: Path) -> SqlJournal:
    return await SqlJournal.open(path, environment="local", venue="binance", account="1", wall=lambda: T0)


async def lived(path: Path) -> list[Op]:
    """Decisions, intents, reports and fills, with checkpoints in between; a mark behind each intent that is told of."""
    with recorded(LIBRARY, path.parent) as ops:
        journal = await opened(path)
        await journal._straight(lambda connection: connection.execute("PRAGMA wal_autocheckpoint = 15"))
        for number in range(1, INTENTS + 1):
            at = T0 + number * MINUTE
            await journal.record_decision(situation(at), TERMS, decision(at))
            wanted = replace(intent(number), created_at=at)
            await journal.record_intent(wanted)
            ops.append(Op("mark", mark=number))
            await journal.record_report(OrderReport(
                wanted.client_order_id, wanted.symbol, OrderState.CANCELLED, wanted.quantity * 0), at)
        noted = list(ops)
        await journal.close()
    return noted


def reopened(folder: Path, files: Mapping[str, bytes]) -> Path:
    for old in folder.glob("journal.db*"):
        old.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder / "journal.db"


def intents_of(journal: Path) -> int | None:
    """How many are there; None in a file that is damaged."""
    with closing(sqlite3.connect(journal)) as connection:
        try:
            connection.execute("PRAGMA synchronous = OFF")
            sound = connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            return int(connection.execute("SELECT count(*) FROM intents").fetchone()[0]) if sound else None
        except sqlite3.DatabaseError:
            return None


def losses(start: Mapping[str, bytes], ops: Sequence[Op], folder: Path) -> list[str]:
    """The first power loss after which an intent was gone that somebody had been told of."""
    chance, told = random.Random(38), 0
    for end in range(1, len(ops) + 1):
        told = ops[end - 1].mark or told
        for name, luck, keep in (("all kept", None, True), ("all lost", None, False), ("torn", chance, False)):
            kept = intents_of(reopened(folder, left_over(start, ops[:end], luck, keep=keep)))
            if kept is None or kept < told:
                return [f"after {end} operations, {name}: {kept} of {told} intents"]
    return []


@pytest.fixture
def start(tmp_path: Path) -> dict[str, bytes]:
    (tmp_path / "live").mkdir()
    (tmp_path / "later").mkdir()
    journal = tmp_path / "live" / "journal.db"
    journal.write_bytes(migrated())
    asyncio.run(made(journal))
    return {"journal.db": journal.read_bytes()}


async def made(journal: Path) -> None:
    """Its first start: it is somebody's, and has a write-ahead log from here on."""
    await (await opened(journal)).close()


def test_behind_any_write_or_sync_every_intent_that_was_told_of_is_there(
    start: dict[str, bytes], tmp_path: Path,
) -> None:
    ops = asyncio.run(lived(tmp_path / "live" / "journal.db"))
    assert {op.what for op in ops} >= {"write", "sync", "mark"}
    assert any(op.file == "journal.db" and op.what == "write" for op in ops), "a checkpoint was among it"
    assert losses(start, ops, tmp_path / "later") == []


def test_a_bot_goes_on_from_what_a_power_loss_left(start: dict[str, bytes], tmp_path: Path) -> None:
    asyncio.run(goes_on(start, tmp_path))


async def goes_on(start: dict[str, bytes], tmp_path: Path) -> None:
    ops, chance = await lived(tmp_path / "live" / "journal.db"), random.Random(39)
    told = 0
    for end in range(1, len(ops) + 1):
        told = ops[end - 1].mark or told
        if end % 25:
            continue
        journal = await opened(reopened(tmp_path / "later", left_over(start, ops[:end], chance, keep=False)))
        memory = await journal.recall("USDT")
        assert memory.intents >= told
        await journal.record_intent(replace(intent(memory.intents + 1), created_at=T0 + MINUTE * 60))
        await journal.close()


def test_without_waiting_for_the_disk_the_same_losses_would_be_noticed(
    start: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    hasty = tuple(pragma.replace("synchronous = FULL", "synchronous = OFF") for pragma in connect._PRAGMAS)
    monkeypatch.setattr(connect, "_PRAGMAS", hasty)
    ops = asyncio.run(lived(tmp_path / "live" / "journal.db"))
    assert losses(start, ops, tmp_path / "later")
