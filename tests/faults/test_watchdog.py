"""The process itself in trouble: a loop that stands still, a whole process paused, descriptors that stay open."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from alert_service import AlertService
from inprocess_wire import LEASE
from play import serving, write_config
from rig import Rig

from bot import app
from bot.attention import Attention, attended
from bot.clocks import WallClock
from bot.core.decision import Decision
from bot.core.market import Snapshot
from bot.core.times import MINUTE, SECOND
from bot.errors import JournalError
from bot.settings import load
from bot.telemetry.apprise_alerts import AppriseAlerts
from bot.telemetry.redaction import Redactor
from bot.telemetry.watchdog import Watchdog


class Said:
    """What was said, from whichever thread."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def __call__(self, event: str, **fields: object) -> None:
        self.events.append((event, fields))

    def names(self) -> list[str]:
        return [name for name, _ in self.events]


async def until(reached: Callable[[], bool], within: float = 10.0) -> None:
    ends = time.monotonic() + within
    while not reached():
        assert time.monotonic() < ends, "never"
        await asyncio.sleep(0.01)


def hang_on_the_loop(seconds: float, secret: str) -> int:
    """Blocks the loop; `secret` is a value on its stack."""
    time.sleep(seconds)
    return len(secret)


@pytest.mark.fault(75)
async def test_a_loop_that_stands_still_is_reported_with_the_place_and_no_value_and_so_is_its_return() -> None:
    said = Said()
    dog = Watchdog(said, stall=0.3, stale=60.0)
    dog.start()
    await asyncio.sleep(0.1)
    hang_on_the_loop(1.0, "planted-secret")
    await until(lambda: "daemon.turning" in said.names())
    dog.stop()
    assert said.names() == ["daemon.stalled", "daemon.turning"]
    assert "test_watchdog.py" in str(said.events[0][1]["message"])
    assert "hang_on_the_loop" in str(said.events[0][1]["where"])
    assert "planted-secret" not in str(said.events)


@pytest.mark.fault(75)
async def test_an_alert_of_a_stalled_loop_leaves_while_it_still_stands(tmp_path: Path) -> None:
    config = write_config(tmp_path, "mine", story="scenario: calm")
    settings = load(config, {"HEDGEROW_ALERTS__STALLED": "300ms"})
    with AlertService().serving() as service:
        attention = Attention(
            settings, WallClock(), Said(), alerts=AppriseAlerts([service.url]), redactor=Redactor())
        attention.watch()
        await asyncio.sleep(0.1)
        hang_on_the_loop(1.5, "")
        during = service.titles()
        await until(lambda: len(service.titles()) > 1)
        await attention.close()
    assert during == ["hedgerow binance local: Stalled"]
    assert service.titles()[1:] == ["hedgerow binance local: Stalled, mended"]


@pytest.mark.fault(75)
async def test_a_daemon_that_decides_nothing_is_reported_and_so_is_its_return() -> None:
    said = Said()
    dog = Watchdog(said, stall=0.25, stale=0.5)
    dog.start()
    for _ in range(8):
        await asyncio.sleep(0.1)
        dog.decided()
    assert said.names() == []
    await until(lambda: "heartbeat.stale" in said.names())
    dog.decided()
    await until(lambda: "heartbeat.back" in said.names())
    dog.stop()


@pytest.mark.fault(74)
async def test_a_process_that_was_paused_whole_is_no_stalled_loop() -> None:
    said, away = Said(), [0.0]
    dog = Watchdog(said, stall=0.5, stale=60.0, monotonic=lambda: time.monotonic() + away[0])
    dog.start()
    await asyncio.sleep(0.25)
    away[0] = 50.0  # every clock of the process moves on at once, as after a suspension
    await until(lambda: bool(said.events))
    await asyncio.sleep(0.3)
    dog.stop()
    assert said.names() == ["process.paused"]


@pytest.mark.fault(74)
async def test_a_decision_that_grew_old_while_the_process_was_paused_sends_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch,
) -> None:
    act = rig.bot.engine._executor.act

    async def paused(decision: Decision, snapshot: Snapshot) -> bool:
        rig.testnet.world.advance(LEASE, rig.clock.now() + MINUTE + SECOND)
        return await act(decision, snapshot)

    with monkeypatch.context() as patched:
        patched.setattr(rig.bot.engine._executor, "act", paused)
        await rig.bot.engine.tick()
        assert rig.asked("place") == 0, "what was decided a minute ago is not done now"
    assert await rig.hedged() > 0


DESCRIPTORS = Path("/proc/self/fd")


def _descriptors() -> int:
    return len(list(DESCRIPTORS.iterdir()))


@pytest.mark.fault(76)
@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="this system does not list a process's descriptors under /proc")
async def test_hundreds_of_ticks_over_real_sockets_leave_no_descriptor_task_or_thread(tmp_path: Path) -> None:
    """The number of ticks is LEAK_TICKS; 300 unless that says more."""
    ticks = int(os.environ.get("LEAK_TICKS", "300"))
    config = write_config(tmp_path, "leak", story="scenario: sideways\n  days: 150", poll="15m")
    with serving(config) as url:
        settings = load(config, {"HEDGEROW_TESTNET__URL": url})
        before = (_descriptors(), len(asyncio.all_tasks()), threading.active_count())
        async with app.compose_bot(settings, settings.credentials()) as bot:
            counts = []
            for number in range(ticks):
                await bot.engine.tick()
                await bot.clock.sleep_until(bot.clock.now() + settings.poll)
                if number in (ticks // 10, ticks - 1):
                    counts.append((_descriptors(), len(asyncio.all_tasks()), threading.active_count()))
        await asyncio.sleep(0.1)
        after = (_descriptors(), len(asyncio.all_tasks()), threading.active_count())
    assert all(last <= early + 1 for early, last in zip(*counts, strict=True)), counts
    assert all(end <= begin + 1 for begin, end in zip(before, after, strict=True)), (before, after)


async def test_an_error_that_ends_the_bot_is_told_before_it_ends(tmp_path: Path) -> None:
    settings = load(write_config(tmp_path, "mine", story="scenario: calm"), {})
    with AlertService().serving() as service:
        with pytest.raises(JournalError):
            async with attended(
                settings, WallClock(), Said(), alerts=AppriseAlerts([service.url]), redactor=Redactor(),
            ):
                raise JournalError("the disk is full")
        assert service.titles() == ["hedgerow binance local: Bot ended"]
