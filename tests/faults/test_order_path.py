"""Faults on the way of an order to the venue and back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from rig import Rig

from bot.core.orders import OrderState
from bot.core.times import SECOND
from bot.testnet.faults import Kind

LOST_ANSWERS = [
    pytest.param(Kind.TIMEOUT_AFTER, marks=pytest.mark.fault(1)),
    pytest.param(Kind.CLOSE, marks=pytest.mark.fault(3)),
    pytest.param(Kind.RESET, marks=pytest.mark.fault(4)),
    pytest.param(Kind.TRUNCATE, marks=pytest.mark.fault(5)),
    pytest.param(Kind.CUT_JSON, marks=pytest.mark.fault(5)),
    pytest.param(Kind.HTML200, marks=pytest.mark.fault(6)),
    pytest.param(Kind.HTTP524, marks=pytest.mark.fault(7)),
    pytest.param(Kind.UNKNOWN, marks=pytest.mark.fault(8, 10)),
    pytest.param(Kind.HTTP500, marks=pytest.mark.fault(8)),
    pytest.param(Kind.EMPTY_OBJECT, marks=pytest.mark.fault(5)),
    pytest.param(Kind.EMPTY_LIST, marks=pytest.mark.fault(5)),
    pytest.param(Kind.REDIRECT, marks=pytest.mark.fault(83)),
]


@pytest.mark.parametrize("kind", LOST_ANSWERS)
async def test_an_order_whose_answer_is_lost_is_found_and_never_sent_again(rig: Rig, kind: Kind) -> None:
    rig.arm("place", kind, applied=True)
    await rig.until(lambda: bool(rig.said("order.uncertain")))
    assert rig.bot.book.frozen("BTC")
    assert len(rig.ours("BTC")) == 1
    asked = rig.asked("place")
    await rig.until(lambda: bool(rig.said("order.resolved")))
    assert rig.asked("place") == asked
    assert len(rig.ours("BTC")) == 1
    assert await rig.hedged() > 0


@pytest.mark.fault(9)
@pytest.mark.parametrize("applied", [True, False])
async def test_an_overloaded_venue_may_or_may_not_have_taken_the_order(rig: Rig, applied: bool) -> None:
    rig.arm("place", Kind.HTTP503, applied=applied)
    await rig.until(lambda: bool(rig.said("order.uncertain")))
    await rig.until(lambda: bool(rig.said("order.resolved")), most=100)
    assert str(rig.said("order.resolved")[0]["state"]) in (
        {"open", "partial", "filled", "cancelled"} if applied else {"not_found"})
    assert await rig.hedged() > 0


@pytest.mark.fault(2)
async def test_an_order_that_never_arrived_is_given_up_by_the_protocol_and_a_new_intent_goes(rig: Rig) -> None:
    rig.arm("place", Kind.TIMEOUT_BEFORE)
    await rig.until(lambda: bool(rig.said("order.uncertain")))
    left_at, looked = rig.clock.now(), rig.asked("find")
    await rig.until(lambda: bool(rig.said("order.resolved")), most=100)
    assert rig.said("order.resolved")[0]["state"] == str(OrderState.NOT_FOUND)
    assert rig.clock.now() - left_at >= rig.bot.venue.lookup_patience - 2 * rig.settings.working_poll
    assert rig.asked("find") - looked >= 3
    assert await rig.hedged() > 0
    lost = rig.said("order.uncertain")[0]["client_order_id"]
    assert lost not in {order.client_order_id for order in rig.ours()}


@pytest.mark.fault(12)
async def test_a_duplicate_client_id_is_looked_up_and_adopted(rig: Rig) -> None:
    code, status = ("-4116", 400) if rig.bot.venue.name == "binance" else ("110072", 200)
    rig.arm("place", Kind.ERROR, code=int(code), status=status, message="duplicate", applied=True)
    await rig.hedged()
    assert len({order.client_order_id for order in rig.ours()}) == len(rig.ours())


@pytest.mark.fault(13)
async def test_not_found_right_after_it_was_created_is_not_final(rig: Rig) -> None:
    rig.arm("place", Kind.TIMEOUT_AFTER)
    missing = (-2013, 400) if rig.bot.venue.name == "binance" else (0, 200)
    if missing[0]:
        rig.arm("find", Kind.ERROR, code=missing[0], status=missing[1], message="Order does not exist.", count=2)
    await rig.until(lambda: bool(rig.said("order.resolved")))
    assert rig.said("order.resolved")[0]["state"] != str(OrderState.NOT_FOUND)
    assert len(rig.ours("BTC")) == 1


@pytest.mark.fault(14)
@pytest.mark.parametrize("kind", [Kind.HTML200, Kind.EMPTY_OBJECT, Kind.EMPTY_LIST, Kind.CUT_JSON, Kind.HTTP524])
async def test_a_look_up_without_a_valid_answer_is_never_not_found(rig: Rig, kind: Kind) -> None:
    rig.arm("place", Kind.TIMEOUT_AFTER)
    await rig.until(lambda: bool(rig.said("order.uncertain")))
    rig.arm("find", kind, count=None)
    await rig.ticks(8)
    assert rig.bot.book.frozen("BTC")
    assert not rig.said("order.resolved")
    rig.disarm()
    await rig.until(lambda: bool(rig.said("order.resolved")))
    assert len(rig.ours("BTC")) == 1


@pytest.mark.fault(15)
async def test_a_ban_is_silence_until_it_ends(rig: Rig) -> None:
    rig.arm("prices", Kind.BAN, retry_after=90)
    lasts = 60 * SECOND if rig.bot.venue.name == "binance" else 590 * SECOND  # Bybit's 403 names no end: ten minutes
    await rig.tick()
    banned_at, asked = rig.clock.now(), rig.asked("any")
    while rig.clock.now() < banned_at + lasts:
        await rig.tick()
    assert rig.asked("any") == asked
    assert await rig.hedged() > 0


@pytest.mark.fault(15)
async def test_too_many_requests_are_answered_by_patience_and_no_order_is_lost(rig: Rig) -> None:
    rig.arm("place", Kind.RATE_LIMIT, retry_after=10)
    await rig.until(lambda: bool(rig.spoilt))
    assert rig.ours("BTC") == []
    assert await rig.hedged() > 0


@pytest.mark.fault(26)
async def test_without_margin_nothing_is_increased_and_closes_go_on(rig: Rig) -> None:
    code, status = (-2019, 400) if rig.bot.venue.name == "binance" else (110007, 200)
    rig.arm("place", Kind.ERROR, code=code, status=status, message="margin is insufficient", count=3)
    await rig.until(lambda: len(rig.said("order.refused")) >= 2, most=100)
    assert rig.ours("BTC") == []
    short = await rig.hedged(most=200)
    rig.testnet.exchange.shift_price("BTC", Decimal("0.70"))
    await rig.until(lambda: rig.short() == 0, most=100)
    assert short > 0
