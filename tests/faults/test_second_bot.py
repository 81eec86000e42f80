"""Two bots on one account, each on a machine of its own: the newcomer stops, and neither takes the other's orders."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from inprocess_wire import StoryClock
from rig import Rig

from bot import app, upkeep
from bot.cli.exits import Code, code_of
from bot.core.times import DAY, MINUTE
from bot.errors import JournalBehind, SafetyStop
from bot.journal.check import check
from bot.journal.rebuild import rebuild, write
from bot.journal.upkeep import confirm

VENUES = ("binance", "bybit")


@asynccontextmanager
async def twin(rig: Rig, folder: Path) -> AsyncIterator[Rig]:
    """A second bot on the same account, as on another machine: with a journal of its own."""
    folder.mkdir()  # noqa: ASYNC240 -- nothing else runs meanwhile
    second = Rig(folder, rig.settings.venue)
    second.testnet = rig.testnet
    second.clock = StoryClock(rig.testnet, second.fate, rig.testnet.world.clock.end)
    try:
        yield second
    finally:
        await second.stop()


@pytest.mark.fault(40)
async def test_a_second_bot_does_not_start_where_another_has_traded(rig: Rig, tmp_path: Path) -> None:
    await rig.hedged()
    async with twin(rig, tmp_path / "second") as second:
        with pytest.raises(JournalBehind, match="another bot works on this account"):
            await second.start()


@pytest.mark.fault(40)
async def test_a_second_bot_that_started_at_the_same_time_stops_at_the_first_order_that_is_not_its_own(
    rig: Rig, tmp_path: Path,
) -> None:
    async with twin(rig, tmp_path / "second") as second:
        await second.start()
        await rig.bot.engine.tick()
        assert rig.resting("BTC")
        with pytest.raises(SafetyStop, match="second bot") as caught:
            await second.bot.engine.tick()
        assert code_of(caught.value) is Code.SAFETY_STOP
        assert second.asked("place") == rig.asked("place") == 1


@pytest.mark.fault(40)
async def test_a_second_bot_stops_at_a_position_that_an_order_of_its_twin_made(rig: Rig, tmp_path: Path) -> None:
    async with twin(rig, tmp_path / "second") as second:
        await second.start()
        await rig.hedged()
        assert not rig.resting("BTC")
        with pytest.raises(SafetyStop, match="second bot"):
            await second.bot.engine.tick()


@pytest.fixture(params=VENUES)
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Rig, Rig]]:
    """Two bots that began within a minute, with fresh journals. No single journal explains what both do."""
    (tmp_path / "first").mkdir()
    first = Rig(tmp_path / "first", request.param)
    await first.start()
    await first.clock.sleep_until(first.clock.now() + MINUTE)
    try:
        async with twin(first, tmp_path / "second") as second:
            await second.start()
            yield first, second
    finally:
        await first.stop()


async def abreast(*rigs: Rig) -> None:
    """One tick of each, of which none sees the account later than another."""
    all_have_looked = asyncio.Barrier(len(rigs))
    for rig in rigs:
        venue: Any = rig.bot.venue

        async def looked(read: Any = venue.snapshot) -> Any:
            seen = await read()
            await all_have_looked.wait()
            return seen

        venue.snapshot = looked
    await asyncio.gather(*(rig.bot.engine.tick() for rig in rigs))
    for rig in rigs:
        del vars(rig.bot.venue)["snapshot"]


@pytest.mark.fault(40)
async def test_two_bots_that_order_at_one_instant_both_stop_and_neither_takes_the_others_order_for_its_own(
    pair: tuple[Rig, Rig],
) -> None:
    first, second = pair
    first.calm()
    await abreast(first, second)
    names = [order.client_order_id for order in first.resting("BTC")]
    assert len(names) == len({*names}) == 2
    booked = [one.bot.book.live("BTC")[0].intent for one in pair]
    assert [intent.number for intent in booked] == [1, 1]
    assert {intent.client_order_id for intent in booked} == {*names}
    for one in pair:
        with pytest.raises(SafetyStop, match="second bot") as caught:
            await one.bot.engine.tick()
        assert code_of(caught.value) is Code.SAFETY_STOP
    assert first.asked("place") == 2


@pytest.mark.fault(40)
async def test_a_bot_with_as_many_orders_of_its_own_stops_at_anothers(pair: tuple[Rig, Rig]) -> None:
    first, second = pair
    first.calm()
    await abreast(first, second)
    theirs = second.bot.book.live("BTC")[0]
    first.testnet.exchange.cancel(next(
        order for order in first.resting() if order.client_order_id == theirs.intent.client_order_id))
    with pytest.raises(SafetyStop, match="second bot"):
        await second.bot.engine.tick()
    await first.bot.engine.tick()
    assert len(first.resting("BTC")) == 1


@pytest.mark.fault(40)
async def test_a_newcomer_with_a_fresh_journal_does_not_start_where_another_has_traded(
    pair: tuple[Rig, Rig], tmp_path: Path,
) -> None:
    first, second = pair
    await second.stop()
    await first.hedged()
    async with twin(first, tmp_path / "third") as third:
        with pytest.raises(JournalBehind, match="another bot works on this account") as caught:
            await third.start()
        assert code_of(caught.value) is Code.JOURNAL_DISAGREES
    assert first.alive
    await first.tick()


async def rebuilt(rig: Rig) -> None:
    """The rig's journal is lost, made anew of what the venue knows, and confirmed."""
    bot, file = rig.bot, rig.settings.journal
    seen = await upkeep.remembered(bot.venue, rig.clock, bot.terms, 90 * DAY)
    await rig.stop()
    found = rebuild(seen, bot.terms, app.account_tag(rig.settings.venue, "local", seen.account))
    for path in (file, file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm")):
        path.unlink(missing_ok=True)
    write(file, found, seen, bot.terms, environment="local", venue=rig.settings.venue, wall=1)
    confirm(file, 2)
    report = check(file)
    assert report.ok, report


@pytest.mark.fault(37, 40)
async def test_a_rebuilt_journal_takes_the_orders_of_earlier_ones_over_and_stops_the_bot_that_kept_one(
    rig: Rig,
) -> None:
    first = await rig.hedged()
    kept = rig.settings.journal.with_suffix(".kept")
    for lost in range(2):  # the second time the orders are of two journals
        with closing(sqlite3.connect(rig.settings.journal)) as source, closing(sqlite3.connect(kept)) as target:
            source.backup(target)
        await rebuilt(rig)
        await rig.start()
        assert rig.bot.book.short("BTC") == rig.short("BTC")
        number = rig.rows("SELECT max(number) FROM intents")[0][0]
        assert number == len(rig.ours())
        await rig.ask("close", "BTC")
        await rig.until(lambda: rig.short("BTC") == 0 and not rig.live())
        await rig.ask("rearm")
        assert await rig.hedged(most=150) > 0, lost
        assert {order.client_order_id[:11] for order in rig.ours()} == {
            row[0] for row in rig.rows("SELECT DISTINCT substr(client_order_id, 1, 11) FROM intents")}
    assert first > 0
    assert len({row["episode"] for row in rig.rows("SELECT episode FROM intents WHERE asset = 'BTC'")}) == 3
    newest, old = rig.settings.journal.with_suffix(".newest"), rig.settings.journal
    await rig.stop()
    shutil.copy(old, newest)
    shutil.copy(kept, old)
    with pytest.raises(JournalBehind, match="never gave out"):
        await rig.start()
    await rig.stop()
    shutil.copy(newest, old)
    await rig.start()
