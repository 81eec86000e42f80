"""Killed before or after any request and any commit of a whole hedge: the next life goes on as if nothing had been.

`make crash` tries every single place; here are the ones with a name, and a sample of the rest.
"""

from __future__ import annotations

from functools import lru_cache

import pytest
from crash_sweep import Lived, live, problems_of

VENUES = ("binance", "bybit")
ORDER = {"binance": "/fapi/v1/order", "bybit": "/v5/order/create"}
AMEND = {"binance": "PUT /fapi/v1/order", "bybit": "POST /v5/order/amend"}
CANCEL = {"binance": "DELETE /fapi/v1/order", "bybit": "POST /v5/order/cancel"}
FILLS = {"binance": "GET /fapi/v1/userTrades", "bybit": "GET /v5/execution/list"}
FUNDING = {"binance": "GET /fapi/v1/income", "bybit": "GET /v5/account/transaction-log"}
SAMPLE = 12

pytestmark = pytest.mark.parametrize("venue", VENUES)


@lru_cache(maxsize=4)
def whole(venue: str, free: bool = False) -> Lived:
    unbroken = live(venue, free=free)
    assert unbroken.problems == []
    return unbroken


def killed(venue: str, *places: int, free: bool = False) -> Lived:
    broken = live(venue, kills=places, free=free)
    assert broken.died == len(places)
    assert problems_of(whole(venue, free), broken, free=free) == []
    return broken


def test_the_story_is_one_whole_hedge_with_every_kind_of_request(venue: str) -> None:
    story = whole(venue)
    assert [action for action, _ in story.goals] == ["open", "increase", "reduce", "close"]
    assert story.positions[-1] == 0
    for request in (f"POST {ORDER[venue]}", AMEND[venue], CANCEL[venue], FILLS[venue], FUNDING[venue]):
        assert f"after {request}" in story.trace, request


@pytest.mark.fault(29)
@pytest.mark.parametrize("order", [1, 3])
def test_killed_between_an_intent_and_its_request(venue: str, order: int) -> None:
    place = whole(venue).number_of(f"before POST {ORDER[venue]}", order)
    assert whole(venue).trace[place - 2] == "after commit"
    killed(venue, place)


@pytest.mark.fault(30)
@pytest.mark.parametrize("what", ["open", "close", "amend", "cancel"])
def test_killed_between_a_request_and_its_reply(venue: str, what: str) -> None:
    story = whole(venue)
    orders = story.trace.count(f"after POST {ORDER[venue]}")
    killed(venue, {
        "open": story.number_of(f"after POST {ORDER[venue]}"),
        "close": story.number_of(f"after POST {ORDER[venue]}", orders),
        "amend": story.number_of(f"after {AMEND[venue]}"),
        "cancel": story.number_of(f"after {CANCEL[venue]}"),
    }[what])


@pytest.mark.fault(31)
@pytest.mark.parametrize("step", [0, 1, 2])
def test_killed_between_a_fill_and_the_journal(venue: str, step: int) -> None:
    """Its fills were read; then before the commit that books them, and right after that one."""
    killed(venue, whole(venue).number_of(f"after {FILLS[venue]}", 2) + step)


@pytest.mark.fault(31)
def test_killed_between_the_fill_that_closed_a_hedge_and_the_end_of_its_order(venue: str) -> None:
    """Nothing is short any more, and the order must end all the same: else it is looked up at every tick for ever."""
    story = whole(venue)
    assert story.live == []
    last = story.number_of(f"after {FILLS[venue]}", story.trace.count(f"after {FILLS[venue]}"))
    killed(venue, next(number for number in range(last, story.places) if story.trace[number - 1] == "after commit"))


@pytest.mark.fault(31)
def test_killed_between_a_settlement_and_the_journal(venue: str) -> None:
    killed(venue, whole(venue).number_of(f"after {FUNDING[venue]}"))


@pytest.mark.fault(32)
@pytest.mark.parametrize("later", [8, 16, 22, 26])
def test_killed_again_while_the_next_life_settles_what_the_last_one_left_open(venue: str, later: int) -> None:
    first = whole(venue).number_of(f"after POST {ORDER[venue]}")
    killed(venue, first, first + later)


def test_killed_at_a_sample_of_all_places(venue: str) -> None:
    places = whole(venue).places
    for number in range(5, places, places // SAMPLE):
        killed(venue, number)


def test_on_a_free_path_the_promises_hold_wherever_it_was_killed(venue: str) -> None:
    places = whole(venue, free=True).places
    for number in range(9, places, places // SAMPLE):
        killed(venue, number, free=True)
