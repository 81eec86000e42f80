"""Faults on the way of an order to the venue and back."""

from __future__ import annotations

import pytest
from rig import Rig

from bot.testnet.faults import Kind

LOST_ANSWERS = (Kind.TIMEOUT_AFTER, Kind.CLOSE, Kind.RESET, Kind.TRUNCATE, Kind.HTML200, Kind.HTTP524, Kind.UNKNOWN)


@pytest.mark.fault(1)
async def test_an_order_whose_answer_is_lost_is_found_and_never_sent_again(rig: Rig) -> None:
    rig.arm("place", Kind.TIMEOUT_AFTER)
    await rig.until(lambda: bool(rig.said("order.uncertain")))
    assert rig.bot.book.frozen("BTC")
    assert len(rig.ours("BTC")) == 1
    await rig.until(lambda: bool(rig.said("order.resolved")))
    assert len(rig.ours("BTC")) == 1
    assert await rig.hedged() > 0
