"""The journal's file: durable, locked, bound, and refused when it is not what it should be."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from journal_values import T0, TERMS, decision, episode, fill, intent, payment, situation
from sqlalchemy import create_engine

from bot.errors import JournalError, JournalForeign, JournalLocked
from bot.journal import schema, upgrade
from bot.journal.connect import journal_path
from bot.journal.store import SqlJournal

ROOT = Path(__file__).resolve().parents[3]


async def opened(path: Path | str, *, account: str = "1", environment: str = "local") -> SqlJournal:
    return await SqlJournal.open(
        path, environment=environment, venue="binance", account=account, wall=lambda: 1_700_000_000_000, poll=5_000)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def spawn(path: Path, body: str) -> subprocess.Popen[str]:
    """Another process with the journal open as `journal`; it runs `body`, says so, and then waits to be killed."""
    code = textwrap.dedent(f"""
        import asyncio, time
        from bot.journal.store import SqlJournal
        from journal_values import *
        async def main():
            journal = await SqlJournal.open({str(path)!r}, environment="local", venue="binance", account="1",
                                            wall=lambda: 0)
            {body}
            print("done", flush=True)
            time.sleep(60)
        asyncio.run(main())
    """)
    path_of_helpers = str(ROOT / "tests" / "support")
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                            env=os.environ | {"PYTHONPATH": path_of_helpers})


def kill_when_done(process: subprocess.Popen[str]) -> None:
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        process.send_signal(signal.SIGKILL)


@pytest.mark.fault(38)
async def test_an_intent_is_there_after_the_process_was_killed_right_behind_it(journal_file: Path) -> None:
    kill_when_done(spawn(journal_file, "await journal.record_intent(intent())"))
    journal = await opened(journal_file)
    memory = await journal.recall("USDT")
    assert [record.intent for record in memory.orders] == [intent()]
    assert [found.id for found in memory.episodes] == ["btc1"]
    await journal.close()


@pytest.mark.fault(40)
async def test_a_killed_holder_leaves_no_lock_behind(journal_file: Path) -> None:
    process = spawn(journal_file, "pass")
    assert process.stdout is not None
    assert process.stdout.readline() == "done\n"
    with pytest.raises(JournalLocked, match=f"held by process {process.pid}"):
        await opened(journal_file)
    with process:
        process.kill()
    await (await opened(journal_file)).close()


def modes_in(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


@pytest.mark.fault(86)
async def test_a_new_journal_and_what_lies_beside_it_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        journal = await opened(tmp_path / "new.db")
        await journal.beat(1)
    finally:
        os.umask(before)
    modes = modes_in(tmp_path)
    await journal.close()
    assert modes.keys() >= {"new.db", "new.db-wal"}
    assert set(modes.values()) == {0o600}


@pytest.mark.fault(40)
async def test_one_process_cannot_open_it_twice_either(journal_file: Path) -> None:
    journal = await opened(journal_file)
    with pytest.raises(JournalLocked):
        await opened(journal_file)
    await journal.close()
    await (await opened(journal_file)).close()


@pytest.mark.fault(41)
@pytest.mark.parametrize(("account", "environment"), [("2", "local"), ("1", "live")])
async def test_a_journal_of_another_account_or_environment_is_refused_naming_both(
    journal_file: Path, account: str, environment: str,
) -> None:
    await (await opened(journal_file)).close()
    with pytest.raises(JournalForeign) as caught:
        await opened(journal_file, account=account, environment=environment)
    assert "local / binance / 1" in str(caught.value)
    assert f"{environment} / binance / {account}" in str(caught.value)
    await (await opened(journal_file)).close()  # the refusal left neither a lock nor a trace


@pytest.mark.fault(38)
async def test_every_commit_waits_for_the_disk(journal_file: Path) -> None:
    journal = await opened(journal_file)
    said = await journal._straight(lambda connection: {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")})
    assert said == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    await journal.close()


def content(path: Path) -> bytes:
    return path.read_bytes()


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5_000])


def scribbled(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:12_288] = os.urandom(8_192)
    path.write_bytes(content)


def text_file(path: Path) -> None:
    path.write_text("targets:\n  BTC: 50%\n", "utf-8")


def other_database(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title)")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.fault(37)
@pytest.mark.parametrize(("spoil", "says"), [
    (truncated, "damaged|malformed"), (scribbled, "damaged|malformed"), (text_file, "is not a journal"),
    (other_database, "not a journal"), (newer, "newer"),
])
async def test_what_is_no_sound_journal_is_refused_by_name(
    journal_file: Path, spoil: Callable[[Path], None], says: str,
) -> None:
    spoil(journal_file)
    before = content(journal_file)
    with pytest.raises(JournalError, match=says) as caught:
        await opened(journal_file)
    assert str(journal_file) in str(caught.value)
    assert content(journal_file) == before


async def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    with pytest.raises(JournalError, match="cannot be made"):
        await opened(tmp_path / "file" / "journal.db")


@pytest.mark.fault(35)
async def test_a_full_disk_is_an_error_of_ours_and_nothing_half_stays(journal_file: Path) -> None:
    journal = await opened(journal_file)
    # What a full disk looks like to SQLite.
    await journal._straight(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchall())

    async def fill_the_disk() -> None:
        for number in range(1, 2_000):
            await journal.record_intent(replace(intent(number), reason="x" * 1_000))

    with pytest.raises(JournalError, match="full"):
        await fill_the_disk()
    kept = (await journal.recall("USDT")).intents
    assert rows(journal_file, "SELECT count(*) FROM intents") == [(kept,)]
    await journal.close()


@pytest.mark.fault(36)
async def test_a_writer_that_never_lets_go_is_an_error_after_the_bounded_wait(
    journal_file: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.journal.connect._PRAGMAS", ("busy_timeout = 50",))
    journal = await opened(journal_file)
    with closing(sqlite3.connect(journal_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="locked"):
            await journal.record_intent(intent())
        other.execute("ROLLBACK")
    await journal.record_intent(intent())
    await journal.close()


async def test_calls_from_several_tasks_take_turns(journal_file: Path) -> None:
    journal = await opened(journal_file)
    await asyncio.gather(*(journal.record_intent(intent(number)) for number in range(1, 20)),
                         *(journal.beat(T0 + number) for number in range(20)))
    assert (await journal.recall("USDT")).intents == 19
    await journal.close()


@pytest.mark.fault(34)
async def test_a_cancelled_write_leaves_the_journal_usable(journal_file: Path) -> None:
    journal = await opened(journal_file)
    for number in range(1, 15):
        task = asyncio.ensure_future(journal.record_intent(intent(number)))
        for _ in range(number % 7):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    journal._episodes.clear()  # as when the commit went through and its caller never heard
    kept = len((await journal.recall("USDT")).orders)
    await journal.record_intent(intent(100))
    assert len((await journal.recall("USDT")).orders) == kept + 1
    await journal.close()


async def test_a_repeated_decision_is_no_second_row_and_a_changed_one_is_a_revision(journal_file: Path) -> None:
    journal = await opened(journal_file)
    await journal.record_decision(situation(), TERMS, decision())
    await journal.close()
    journal = await opened(journal_file)
    await journal.record_decision(situation(), TERMS, decision())
    await journal.record_decision(situation(), TERMS, decision(goal="0.150"))
    await journal.record_decision(situation(), TERMS, decision(goal="0.150"))
    await journal.close()
    assert rows(journal_file, "SELECT at, revision FROM decisions ORDER BY seq") == [(T0, 0), (T0, 1)]
    assert rows(journal_file, "SELECT count(*) FROM terms") == [(1,)]


async def test_money_is_kept_as_the_text_it_was(journal_file: Path) -> None:
    journal = await opened(journal_file)
    await journal.record_intent(intent())
    await journal.record_fills([fill(price=Decimal("1E+2"), fee=Decimal("-0.10"))], [], T0)
    await journal.close()
    kept = rows(journal_file, "SELECT quantity, typeof(quantity), price FROM intents")
    assert kept == [("0.200", "text", "50000.10")]
    assert rows(journal_file, "SELECT price, fee FROM fills") == [("100", "-0.10")]


@pytest.mark.parametrize("table", ["binding", "intents", "order_events", "fills", "funding", "decisions", "terms"])
async def test_what_was_recorded_cannot_be_changed_or_deleted(journal_file: Path, table: str) -> None:
    names = {name for (name,) in rows(journal_file, "SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    assert {f"{table}_no_update", f"{table}_no_delete"} <= names
    journal = await opened(journal_file)
    await journal.close()
    with closing(sqlite3.connect(journal_file)) as connection:
        for change in ("DELETE FROM binding", "UPDATE binding SET account = '2'"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(change)


async def test_an_url_and_a_path_name_the_same_file(journal_file: Path) -> None:
    assert journal_path(f"sqlite+aiosqlite:///{journal_file}") == journal_path(str(journal_file)) == journal_file
    with pytest.raises(JournalError, match="SQLite file"):
        journal_path("postgresql://bot:hush@host/db")
    with pytest.raises(JournalError) as caught:
        journal_path("postgresql://bot:hush@host/db")
    assert "hush" not in str(caught.value)


async def test_the_settlement_of_no_known_hedge_is_refused_whole(journal_file: Path) -> None:
    journal = await opened(journal_file)
    with pytest.raises(JournalError):
        await journal.record_funding([(payment(), "btc9")], [episode("btc1")], T0)
    assert (await journal.recall("USDT")).episodes == ()
    await journal.close()


def test_tables_and_migrations_agree(tmp_path: Path) -> None:
    path = tmp_path / "fresh.db"
    assert upgrade.bring_to_head(path)
    assert not upgrade.bring_to_head(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    engine.dispose()
    config = Config()
    config.set_main_option("script_location", str(Path(upgrade.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_a_migration_that_breaks_off_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic.operations import Operations  # noqa: PLC0415

    def broken(*_: object, **__: object) -> None:
        raise OSError("the disk is gone")

    path = tmp_path / "fresh.db"
    with monkeypatch.context() as patch:
        patch.setattr(Operations, "create_index", broken, raising=False)
        with pytest.raises(OSError, match="gone"):
            upgrade.bring_to_head(path)
    assert rows(path, "SELECT name FROM sqlite_master") == []
    assert upgrade.bring_to_head(path)


def test_opening_at_head_does_not_import_alembic(journal_file: Path) -> None:
    code = ("import sys, asyncio; from pathlib import Path; from bot.journal.upgrade import bring_to_head; "
            f"assert not bring_to_head(Path({str(journal_file)!r})); print('alembic' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
