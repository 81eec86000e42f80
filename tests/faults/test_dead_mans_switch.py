"""The bot falls silent with an order resting: where the venue has a dead man's switch, the venue withdraws it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from inprocess_wire import LEASE
from rig import Rig, running

from bot.answers import read_status
from bot.core.orders import RENEW, SILENCE
from bot.core.times import MINUTE, SECOND, iso
from bot.testnet.faults import Kind

COUNTDOWN = "POST /fapi/v1/countdownCancelAll"
RESTS = 'execution: {patience: "2h", on_timeout: wait, reprice_after: "3m"}'


def patient(text: str) -> str:
    """Orders that rest for long."""
    return text.replace('execution: {patience: "1m", on_timeout: cross}', RESTS)


async def resting(rig: Rig) -> None:
    """Tick until an order of ours rests, and let the market leave it behind."""
    for _ in range(20):
        await rig.bot.engine.tick()
        if rig.resting("BTC"):
            rig.testnet.exchange.shift_price("BTC", Decimal("0.98"))
            return
        await rig.tick()
    pytest.fail("no order rests")


def deadlines(rig: Rig) -> dict[str, int]:
    return {name: at for name, at in rig.testnet.world.deadlines().items() if name.startswith("countdown")}


@pytest.mark.fault(33)
async def test_an_order_that_a_killed_bot_leaves_is_withdrawn_by_the_countdown(tmp_path: Path) -> None:
    async with running(tmp_path, "binance", edit=patient) as rig:
        await resting(rig)
        (order,) = rig.resting("BTC")
        (due,) = deadlines(rig).values()
        await rig.stop()
        assert rig.testnet.world.advance(LEASE, due - 1) == due - 1
        assert order.open, "not before its instant"
        rig.testnet.world.advance(LEASE, due)
        assert not order.open
        assert order.filled == 0
        await rig.start()
        assert await rig.hedged() > 0, "the restart goes on by itself"


async def test_the_switch_is_renewed_while_an_order_rests_and_costs_one_request_in_half_a_minute(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, "binance", edit=patient) as rig:
        await resting(rig)
        began, asked = rig.clock.now(), rig.asked(COUNTDOWN)
        while rig.clock.now() < began + 5 * MINUTE and rig.resting("BTC"):
            await rig.tick()
            due = deadlines(rig)
            if rig.resting("BTC"):
                assert min(due.values()) - rig.clock.now() > SILENCE - RENEW - 10 * SECOND
        spans = (rig.clock.now() - began) / RENEW
        assert spans / 2 <= rig.asked(COUNTDOWN) - asked <= 2 * spans + 2


async def test_status_tells_by_when_an_order_that_rests_is_withdrawn(tmp_path: Path) -> None:
    async with running(tmp_path, "binance", edit=patient) as rig:
        await rig.bot.engine.tick()
        await resting(rig)
        for _ in range(6):
            await rig.bot.engine.tick()
            told = read_status(rig.settings).dead_mans_switch
            assert told is not None
            (due,) = deadlines(rig).values()
            by = f"{iso(rig.clock.now() + SILENCE)[:19].replace('T', ' ')} UTC"
            assert told.endswith(f"those on BTC by {by} unless it is renewed")
            assert due <= rig.clock.now() + SILENCE < due + RENEW + 10 * SECOND
            await rig.clock.sleep_until(rig.clock.now() + 5 * SECOND)
        await rig.bot.engine.stop()
        assert str(read_status(rig.settings).dead_mans_switch).endswith("none rests, and none is set")


async def test_where_nothing_rests_any_more_the_switch_is_taken_back(tmp_path: Path) -> None:
    async with running(tmp_path, "binance") as rig:
        await rig.hedged()
        await rig.tick()
        assert rig.asked(COUNTDOWN) >= 2
        assert deadlines(rig) == {}, "an order that comes next must not meet an old countdown"


async def test_a_clean_stop_takes_the_switch_back(tmp_path: Path) -> None:
    async with running(tmp_path, "binance", edit=patient) as rig:
        await resting(rig)
        assert deadlines(rig) != {}
        await rig.bot.engine.stop()
        assert rig.resting("BTC") == []
        assert deadlines(rig) == {}


async def test_a_switch_that_cannot_be_set_is_said_once_and_trading_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path, "binance") as rig:
        rig.arm(COUNTDOWN, Kind.HTTP500, count=None)
        await rig.hedged()
        (said,) = rig.said("switch.failed")
        assert "dead man's switch was not set" in str(said["message"])


async def test_a_switch_that_is_set_after_all_is_said_too(tmp_path: Path) -> None:
    async with running(tmp_path, "binance", edit=patient) as rig:
        rig.arm(COUNTDOWN, Kind.TIMEOUT_BEFORE, count=1)
        await resting(rig)
        await rig.until(lambda: bool(rig.said("switch.set")), most=60)
        assert len(rig.said("switch.failed")) == 1


async def test_nobody_asks_for_a_switch_that_is_not_wanted_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "off").mkdir()
    (tmp_path / "bybit").mkdir()
    async with running(tmp_path / "off", "binance", more="dead_mans_switch: false") as rig:
        await rig.hedged()
        assert rig.asked(COUNTDOWN) == 0
    async with running(tmp_path / "bybit", "bybit") as rig:
        await rig.hedged()
        assert rig.said("switch.set") == rig.said("switch.failed") == []
