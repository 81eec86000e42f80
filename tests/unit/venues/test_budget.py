from __future__ import annotations

import asyncio

import pytest
from venue_values import ManualClock

from bot.core.times import MINUTE
from bot.errors import RateLimited
from bot.venues.budget import Budget, Budgets


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def test_nothing_waits_while_there_is_room(clock: ManualClock) -> None:
    budget = Budget(clock, 100, reserve=20)
    for _ in range(8):
        await budget.take(10)
    assert clock.slept == []
    assert budget.used() == 80


async def test_a_read_waits_for_exactly_what_it_needs(clock: ManualClock) -> None:
    began = clock.now()
    budget = Budget(clock, 100, reserve=20)
    await budget.take(50)
    await clock.sleep(10)
    await budget.take(30)
    await budget.take(10)
    assert clock.now() == began + MINUTE
    assert budget.used() == 40


async def test_an_order_may_use_the_headroom(clock: ManualClock) -> None:
    budget = Budget(clock, 100, reserve=20)
    await budget.take(80)
    await budget.take(20, urgent=True)
    assert clock.slept == []


async def test_the_headroom_ends_too(clock: ManualClock) -> None:
    began = clock.now()
    budget = Budget(clock, 100, reserve=20)
    await budget.take(100, urgent=True)
    await budget.take(1, urgent=True)
    assert clock.now() == began + MINUTE


async def test_idle_time_refills_everything(clock: ManualClock) -> None:
    budget = Budget(clock, 100)
    await budget.take(100)
    await clock.sleep(60)
    slept = len(clock.slept)
    await budget.take(100)
    assert len(clock.slept) == slept


async def test_a_request_larger_than_the_allowance_is_not_stuck(clock: ManualClock) -> None:
    budget = Budget(clock, 10)
    await budget.take(50)
    await budget.take(1)
    assert budget.used() == 1


async def test_the_venues_own_count_is_believed_when_it_is_higher(clock: ManualClock) -> None:
    budget = Budget(clock, 100)
    await budget.take(10)
    budget.correct(70)
    assert budget.used() == 70
    budget.correct(5)
    assert budget.used() == 70


async def test_many_at_once_never_spend_more_than_there_is(clock: ManualClock) -> None:
    budget = Budget(clock, 100)
    most = 0

    async def spend() -> None:
        nonlocal most
        await budget.take(30)
        most = max(most, budget.used())

    await asyncio.gather(*(spend() for _ in range(20)))
    assert most <= 100


async def test_silence_is_kept_for_as_long_as_the_venue_wants(clock: ManualClock) -> None:
    budgets = Budgets(clock, {"one": Budget(clock, 100)})
    budgets.silence(30)
    budgets.silence(10)
    await clock.sleep(12)
    with pytest.raises(RateLimited) as limited:
        await budgets.take({"one": 1}, urgent=True)
    assert limited.value.retry_after == 18
    await clock.sleep(18)
    await budgets.take({"one": 1}, urgent=False)
    assert budgets.by_name["one"].used() == 1
