"""Orders that may not be as they were asked for: crossing, too small, too many; and what never left this machine."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from rig import Rig

from bot.core.orders import TimeInForce
from bot.core.times import MINUTE
from bot.testnet.faults import Kind

D = Decimal
UP = D("1.001")
TIMES = 3


@pytest.mark.fault(16)
async def test_a_post_only_order_that_would_cross_is_priced_again_at_most_so_often_and_never_takes(rig: Rig) -> None:
    rig.meanwhile("place", lambda: rig.testnet.exchange.shift_price("BTC", UP), times=TIMES)
    await rig.hedged(most=100)
    posted = rig.rows("SELECT * FROM intents WHERE time_in_force = 'GTX' ORDER BY number")
    assert len(posted) > TIMES
    apart = [after["created_at"] - before["created_at"] for before, after in pairwise(posted)]
    assert min(apart) >= rig.settings.policy().execution.reprice_after
    assert all(D(after["price"]) > D(before["price"]) for before, after in pairwise(posted[:TIMES + 1]))
    resting_kind = {order.order_id for order in rig.ours() if order.time_in_force is TimeInForce.GTX}
    assert all(fill.maker for fill in rig.testnet.exchange.fills if fill.order_id in resting_kind)


@pytest.mark.fault(27)
@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_what_is_below_the_minimum_is_not_asked_for_again_and_again_and_the_drift_adds_up(
    venue: str, tmp_path: Path,
) -> None:
    rig = Rig(tmp_path, venue)
    listed = rig.testnet.exchange.instruments
    listed["BTC"] = replace(listed["BTC"], min_notional=D(10_000))
    await rig.start()
    await rig.ticks(12)
    assert rig.decision is not None
    assert "below_minimum" in {reason.code for reason in rig.decision.of("BTC").reasons}
    assert rig.asked("place") == 0
    rig.testnet.exchange.shift_price("BTC", D("1.12"))
    await rig.until(lambda: rig.short() > 0)
    assert rig.short() * rig.testnet.exchange.mark("BTC") >= D(10_000) * D("0.99")
    await rig.ticks(2)
    await rig.stop()
    assert rig.broken() == []


@pytest.mark.fault(28)
async def test_too_many_open_orders_stop_opening_and_tell_a_human(rig: Rig) -> None:
    code, status = (-2025, 400) if rig.bot.venue.name == "binance" else (110020, 200)
    rig.arm("place", Kind.ERROR, code=code, status=status, message="Reach max open order limit.")
    await rig.until(lambda: bool(rig.said("venue.full")))
    full_at, asked = rig.clock.now(), rig.asked("place")
    while rig.clock.now() < full_at + 13 * MINUTE:
        await rig.tick()
        assert rig.asked("place") == asked
    assert await rig.hedged() > 0
    assert len(rig.said("venue.full")) == 1
