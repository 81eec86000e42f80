"""The journal fails, is old, or is not alone: nothing is sent without a committed intent, and no number given twice."""

from __future__ import annotations

import asyncio
import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rig import Rig, running

from bot.cli.exits import Code, code_of
from bot.core.market import Side
from bot.core.orders import OrderState
from bot.errors import JournalBehind, JournalError
from bot.journal import connect

VENUES = ("binance", "bybit")


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes: what a write meets then is the kernel's refusal."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.fault(35)
async def test_on_a_full_disk_nothing_is_sent_and_later_it_goes_on(rig: Rig) -> None:
    with full_disk(rig.settings.journal.with_name("rig.db-wal").stat().st_size), pytest.raises(JournalError) as caught:
        await rig.tick()
    assert str(rig.settings.journal) in str(caught.value)
    assert rig.asked("place") == 0
    await rig.restart()
    assert await rig.hedged() > 0


@pytest.mark.fault(35)
async def test_an_order_that_rests_when_the_disk_fills_is_not_forgotten(rig: Rig) -> None:
    await rig.bot.engine.tick()
    assert rig.resting("BTC")
    with full_disk(1), pytest.raises(JournalError):
        await rig.ticks(40)
    asked = rig.asked("place")
    await rig.restart()
    assert await rig.hedged() > 0
    assert rig.asked("place") <= asked + 1


@pytest.mark.fault(36)
@pytest.mark.parametrize("venue", VENUES)
async def test_while_another_process_writes_it_waits_and_then_sends_nothing(
    venue: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    short = [pragma if "busy" not in pragma else "busy_timeout = 50" for pragma in connect._PRAGMAS]
    monkeypatch.setattr(connect, "_PRAGMAS", tuple(short))
    async with running(tmp_path, venue) as rig:
        with closing(sqlite3.connect(rig.settings.journal, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(JournalError, match="locked"):
                await rig.tick()
            assert rig.asked("place") == 0
            other.execute("ROLLBACK")
        await rig.restart()
        assert await rig.hedged() > 0


def flip(path: Path, *places: int) -> None:
    content = bytearray(path.read_bytes())
    for place in places:
        content[place] ^= 0xFF
    path.write_bytes(content)


def header(journal: Path) -> None:
    flip(journal, *range(16))


def page(journal: Path) -> None:
    """The heads of some pages in the middle."""
    flip(journal, *(number * 4096 + place for number in range(3, 12) for place in range(8)))


def end(journal: Path) -> None:
    journal.write_bytes(journal.read_bytes()[: journal.stat().st_size // 2 // 4096 * 4096])


@pytest.mark.fault(37)
@pytest.mark.parametrize("damage", [header, page, end])
async def test_a_damaged_journal_is_refused_with_the_way_out(rig: Rig, damage: Callable[[Path], None]) -> None:
    await rig.hedged()
    await rig.stop()
    journal, copy = rig.settings.journal, rig.settings.journal.with_suffix(".copy")
    shutil.copy(journal, copy)
    damage(journal)
    asked = rig.asked("any")
    with pytest.raises(JournalError, match="hedgerow journal rebuild"):
        await rig.start()
    await rig.stop()
    assert rig.asked("any") <= asked + 2  # who it is, and what time: nothing of the account
    shutil.copy(copy, journal)
    await rig.start()


@pytest.mark.fault(37, 38)
async def test_what_a_damaged_log_lost_is_noticed_before_its_numbers_are_given_out_again(rig: Rig) -> None:
    """SQLite drops what follows the first bad frame of its log, and says nothing: the journal is then an old one."""
    journal = rig.settings.journal
    log = journal.with_name(journal.name + "-wal")
    early = shutil.copy(journal, journal.with_suffix(".early")), shutil.copy(log, journal.with_suffix(".early-wal"))
    await rig.hedged()
    late = journal.with_suffix(".late")
    with closing(sqlite3.connect(journal)) as source, closing(sqlite3.connect(late)) as target:
        source.backup(target)
    whole = log.read_bytes()
    await rig.stop()
    shutil.copy(early[0], journal)
    log.write_bytes(whole)
    journal.with_name(journal.name + "-shm").unlink(missing_ok=True)
    flip(log, 32 + 24 + 100)
    with pytest.raises(JournalError):
        await rig.start()
    await rig.stop()
    for path in (journal, log, journal.with_name(journal.name + "-shm")):
        path.unlink(missing_ok=True)
    shutil.copy(late, journal)
    await rig.start()


@pytest.mark.fault(39)
async def test_an_old_backup_is_refused_before_it_gives_a_number_out_twice(rig: Rig) -> None:
    journal = rig.settings.journal
    await rig.stop()
    backup = shutil.copy(journal, journal.with_suffix(".monday"))
    await rig.start()
    await rig.hedged()
    await rig.stop()
    asked, kept = rig.asked("place"), shutil.copy(journal, journal.with_suffix(".kept"))
    shutil.copy(backup, journal)
    with pytest.raises(JournalBehind, match="hedgerow journal rebuild") as caught:
        await rig.start()
    assert code_of(caught.value) is Code.JOURNAL_DISAGREES
    assert rig.said("safety.stopped")[-1]["code"] == "journal_behind"
    assert rig.asked("place") == asked
    await rig.stop()
    shutil.copy(kept, journal)
    await rig.start()


@pytest.mark.fault(39)
async def test_a_number_that_was_given_out_for_a_sale_of_coins_is_not_given_out_again(rig: Rig) -> None:
    await rig.hedged()
    await rig.stop()
    name = rig.ours("BTC")[-1].client_order_id.rpartition("_")[0]
    later = rig.testnet.exchange.place(
        "spot", "BTC", Side.SELL, Decimal("0.01"), rig.testnet.exchange.state("BTC").spot.asks[0].price,
        client_order_id=f"{name}_zz")
    with pytest.raises(JournalBehind, match="hedgerow journal rebuild"):
        await rig.start()
    rig.testnet.exchange.cancel(later)
    del rig.testnet.exchange.orders[later.order_id]  # no intent of this journal was ever behind it


@pytest.mark.fault(39)
async def test_a_backup_to_which_no_order_is_unknown_goes_on_and_takes_what_the_venue_did_since(rig: Rig) -> None:
    await rig.bot.engine.tick()
    assert rig.resting("BTC")
    journal = rig.settings.journal
    await rig.stop()
    backup = shutil.copy(journal, journal.with_suffix(".monday"))
    await rig.start()
    await rig.until(lambda: not rig.resting("BTC"))
    await rig.stop()
    assert len(rig.ours("BTC")) == 1
    shutil.copy(backup, journal)
    await rig.start()
    assert await rig.hedged() > 0


@pytest.mark.fault(34)
async def test_cancelled_while_an_order_is_created_its_outcome_is_unknown_and_looked_up(rig: Rig) -> None:
    venue: Any = rig.bot.venue
    session = venue._exchange.session
    left = asyncio.Event()

    class _Hangs:
        """The request arrives, and its reply never comes."""

        def __init__(self, answer: Any) -> None:
            self._answer = answer

        async def __aenter__(self) -> Any:
            left.set()
            await asyncio.Event().wait()

        async def __aexit__(self, *_: object) -> None:
            return None

    class _Slow:
        headers = session.headers

        def __getattr__(self, verb: str) -> Any:
            send = getattr(session, verb)
            if verb != "post":
                return send
            return lambda *args, **kwargs: _Hangs(send(*args, **kwargs))

    venue._exchange.session = _Slow()
    ticking = asyncio.ensure_future(rig.bot.engine.tick())
    await left.wait()
    ticking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ticking
    venue._exchange.session = session
    assert rig.bot.book.frozen("BTC")
    assert rig.bot.book.live("BTC")[0].state in (OrderState.INTENDED, OrderState.UNCERTAIN)
    assert rig.asked("place") == len(rig.ours("BTC")) == 1
    await rig.restart()
    assert rig.bot.book.frozen("BTC")
    await rig.until(lambda: not rig.bot.book.frozen("BTC"))
    assert rig.asked("place") == 1
    assert await rig.hedged() > 0
