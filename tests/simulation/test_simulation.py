"""A few of the runs that `make simulate` has thousands of."""

from __future__ import annotations

import pytest
from sim_plan import plan
from simulate import KINDS, VENUES, judge

from bot.engine.settle import Settler

BATCH = 25


@pytest.mark.parametrize("first", range(0, 200, BATCH))
def test_whatever_fails_no_promise_is_broken_and_once_it_stops_every_hedge_reaches_its_target(first: int) -> None:
    for seed in range(first, first + BATCH):
        found, history = judge(plan(seed, VENUES, KINDS))
        assert found.problems == (), "\n".join([f"seed {seed}", *history])


def test_one_seed_is_one_run() -> None:
    first, again = (judge(plan(11, VENUES, KINDS)) for _ in range(2))
    assert first == again
    assert first[0].orders > 0


def test_a_bot_that_forgets_what_it_sent_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checker can fail: without the journal's memory of unresolved orders, something is sent twice or lost."""
    async def overlook(*_: object) -> bool:
        return False

    monkeypatch.setattr(Settler, "settle", overlook)
    assert any(judge(plan(seed, VENUES, KINDS))[0].problems for seed in range(20))


