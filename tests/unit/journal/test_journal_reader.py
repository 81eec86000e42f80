"""What the command line reads of a journal, beside the bot that writes it."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from journal_values import T0, TERMS, decision, episode, fill, intent, payment, report, situation

from bot.core.decision import Action
from bot.core.episode import EpisodeState
from bot.core.orders import OrderState
from bot.core.plan import decide
from bot.core.times import MINUTE
from bot.errors import JournalError
from bot.journal.reader import (
    Heartbeat,
    read_books,
    read_command,
    read_decisions,
    read_episodes,
    read_heartbeat,
    read_status,
    submit_command,
)
from bot.journal.store import SqlJournal
from bot.ports import Command

ROOT = Path(__file__).resolve().parents[3]
D = Decimal


async def opened(path: Path) -> SqlJournal:
    return await SqlJournal.open(
        path, environment="local", venue="binance", account="1", wall=lambda: 1_700_000_000_000, poll=5_000)


async def test_the_status_shows_what_a_running_bot_recorded(journal_file: Path) -> None:
    journal = await opened(journal_file)
    await journal.record_episode(episode("btc0", EpisodeState.CLOSED), T0)
    await journal.record_decision(situation(), TERMS, decision())
    await journal.record_intent(intent())
    await journal.record_report(report(OrderState.PARTIAL, "0.100", order_id="7"), T0 + 1)
    after = episode(state=EpisodeState.OPEN, short=D("0.100"), fees=D("1.00000200"))
    await journal.record_fills([fill()], [after], T0 + 2)
    await journal.record_funding([(payment("p1"), "btc1"), (payment("p2", "-1", T0 + 9), "btc1")], [], T0 + 9)
    await journal.beat(T0)
    command = submit_command(journal_file, "close", "BTC", T0 + 3)

    status = read_status(journal_file)  # while the bot holds the journal

    assert (status.binding.environment, status.binding.venue, status.binding.account) == ("local", "binance", "1")
    assert status.heartbeat is not None
    assert (status.heartbeat.decided_at, status.heartbeat.poll) == (T0, 5_000)
    assert (status.decided_at, status.nav, status.halted) == (T0, D("100000.10"), None)
    assert status.margin == decision().margin
    (btc,) = status.assets
    assert (btc.asset, btc.action, btc.target, btc.short, btc.goal) == ("BTC", Action.OPEN, D("0.5"), D(0), D("0.200"))
    assert btc.weight == D(60_000) / D("100000.10")
    assert [reason.code for reason in btc.reasons] == ["above_open"]
    assert [refusal.guard for refusal in btc.refusals] == ["basis"]
    assert status.open_episodes == (after,)
    assert [ended.id for ended in status.ended_episodes] == ["btc0"]
    assert [(order.state, order.filled) for order in status.orders] == [(OrderState.PARTIAL, D("0.100"))]
    assert status.last_funding == payment("p2", "-1", T0 + 9)
    assert status.commands == (Command(command, "close", "BTC", T0 + 3),)
    await journal.close()
    assert read_status(journal_file).orders == status.orders


async def test_a_bot_that_has_not_decided_yet_has_a_status(journal_file: Path) -> None:
    await (await opened(journal_file)).close()
    status = read_status(journal_file)
    assert (status.decided_at, status.assets, status.heartbeat) == (None, (), None)


async def test_the_age_of_a_heartbeat_is_counted_on_the_machines_clock(journal_file: Path) -> None:
    assert read_heartbeat(journal_file) is None
    journal = await opened(journal_file)
    await journal.beat(T0)
    await journal.beat(T0 + MINUTE)
    beat = read_heartbeat(journal_file)
    await journal.close()
    assert isinstance(beat, Heartbeat)
    assert beat.decided_at == T0 + MINUTE
    assert beat.age(1_700_000_004_000) == 4_000


async def test_a_command_is_answered_across_processes(journal_file: Path) -> None:
    first = submit_command(journal_file, "close", "BTC", T0)  # nobody runs: it waits
    journal = await opened(journal_file)
    (command,) = await journal.commands()
    waiting = read_command(journal_file, first)
    assert waiting is not None
    assert (waiting.command, waiting.result) == (command, None)
    await journal.acknowledge(command, "closing 0.2 BTC", T0 + 5)
    answer = read_command(journal_file, first)
    assert answer is not None
    assert (answer.result, answer.acknowledged_at) == ("closing 0.2 BTC", T0 + 5)
    assert read_command(journal_file, first + 1) is None
    await journal.close()


async def test_books_are_read_to_the_last_digit(journal_file: Path) -> None:
    journal = await opened(journal_file)
    await journal.record_intent(intent())
    fills = [fill("t1", fee=D("0.00000001"), realised=D("1.5")), fill("t2", fee=D("0.1"), fee_currency="BNB")]
    await journal.record_fills(fills, [episode()], T0)
    await journal.record_funding([(payment("p1"), "btc1"), (payment("p2", "-1"), None)], [], T0)
    await journal.close()
    books = read_books(journal_file)
    assert books.fills == tuple(fills)
    assert books.funding == (payment("p1"), payment("p2", "-1"))
    assert books.funding_episodes == ("btc1", None)
    assert books.fees == {"USDT": D("0.00000001"), "BNB": D("0.1")}
    assert (books.realised, books.funding_received) == (D("1.5"), D("2.00000001"))
    assert read_episodes(journal_file) == (episode(),)


async def test_a_recorded_decision_can_be_decided_again(journal_file: Path) -> None:
    journal = await opened(journal_file)
    state = situation().state
    for step in range(3):
        now = situation(T0 + step * MINUTE)
        now = type(now)(snapshot=now.snapshot, standing=now.standing, state=state)
        made = decide(now, TERMS)
        await journal.record_decision(now, TERMS, made)
        state = made.state
    recorded = list(read_decisions(journal_file))
    assert len(recorded) == 3
    for row in recorded:
        assert decide(row.situation, row.terms) == row.decision
    await journal.close()


async def test_decisions_are_read_by_time_and_by_revision(journal_file: Path) -> None:
    journal = await opened(journal_file)
    await journal.record_decision(situation(), TERMS, decision())
    await journal.record_decision(situation(), TERMS, decision(goal="0.1"))
    await journal.record_decision(situation(T0 + MINUTE), TERMS, decision(T0 + MINUTE))
    await journal.close()
    assert [(row.decision.at - T0, row.revision) for row in read_decisions(journal_file)] == [
        (0, 0), (0, 1), (MINUTE, 0)]
    assert [row.revision for row in read_decisions(journal_file, until=T0, latest_only=True)] == [1]
    assert [row.decision.at for row in read_decisions(journal_file, since=T0 + 1)] == [T0 + MINUTE]
    assert next(read_decisions(journal_file)).situation == situation()


def test_a_journal_that_is_not_there_is_said_clearly(tmp_path: Path) -> None:
    missing = tmp_path / "none.db"
    for read in (read_heartbeat, read_status, read_episodes, read_books, lambda path: list(read_decisions(path)),
                 lambda path: submit_command(path, "close", "BTC", T0), lambda path: read_command(path, 1)):
        with pytest.raises(JournalError, match="there is no journal at"):
            read(missing)
    assert not missing.exists()


@pytest.mark.parametrize("content", [b"", b"text, not a database", b"SQLite format 3\x00" + b"\x00" * 200])
def test_what_is_no_journal_is_said_clearly(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.db"
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"odd\.db cannot be read"):
        read_status(path)


def test_a_journal_that_nobody_has_used_says_so(journal_file: Path) -> None:
    with pytest.raises(JournalError, match="no bot has run"):
        read_status(journal_file)


def test_a_read_only_folder_can_be_read(journal_file: Path) -> None:
    journal_file.parent.chmod(0o555)
    journal_file.chmod(0o444)
    try:
        assert read_heartbeat(journal_file) is None
        assert read_episodes(journal_file) == ()
    finally:
        journal_file.parent.chmod(0o755)
        journal_file.chmod(0o644)


def test_reading_needs_neither_sqlalchemy_nor_ccxt() -> None:
    code = ("import sys, bot.journal.reader; "
            "print(sorted({'sqlalchemy', 'ccxt', 'alembic', 'aiosqlite'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
