"""Killed before or after any request and commit between the legs of a finalisation: exactly what was sold is closed.

Position, coins sold and goals come out as if nothing had been; see `test_crash_sweep` for the rest of a hedge's life.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

import pytest
from crash_sweep import FINALISED, Lived, live, problems_of

VENUES = ("binance", "bybit")
SPOT = {"binance": "POST /api/v3/order", "bybit": "POST /v5/order/create"}
CLOSE = {"binance": "POST /fapi/v1/order", "bybit": "POST /v5/order/create"}
FIRST = {"binance": (1, 4), "bybit": (4, 5)}
"""Of the orders of those names, the first sale and the first close after it."""
SAMPLE = 6

pytestmark = pytest.mark.parametrize("venue", VENUES)


@lru_cache(maxsize=2)
def whole(venue: str) -> Lived:
    unbroken = live(venue, more=FINALISED)
    assert unbroken.problems == []
    return unbroken


def killed(venue: str, *places: int) -> None:
    broken = live(venue, kills=places, more=FINALISED)
    assert broken.died == len(places)
    assert problems_of(whole(venue), broken, free=False) == []


def place(venue: str, when: str, leg: int) -> int:
    """The number of the place before or after the request of the first sale (0) or of the close after it (1)."""
    name = (SPOT, CLOSE)[leg][venue]
    return whole(venue).number_of(f"{when} {name}", FIRST[venue][leg])


def test_the_story_is_a_hedge_that_is_ended_with_its_coins(venue: str) -> None:
    story = whole(venue)
    assert story.goals[-1] == ("close", Decimal(0))
    assert story.positions[2] == 0
    (hedge,) = story.hedges
    assert 0 < hedge[-1] <= hedge[3]  # type: ignore[operator]  # coins sold; contracts opened
    assert place(venue, "before", 0) < place(venue, "before", 1)


@pytest.mark.fault(29, 30)
@pytest.mark.parametrize("leg", [0, 1], ids=["sale", "close"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_around_the_request_of_a_leg(venue: str, when: str, leg: int) -> None:
    killed(venue, place(venue, when, leg))


@pytest.mark.fault(31)
@pytest.mark.parametrize("step", [2, 4, 6])
def test_killed_between_the_sales_fill_and_the_journal(venue: str, step: int) -> None:
    """The places that come right before the close's request: reading the fill, booking it, committing the close."""
    killed(venue, place(venue, "before", 1) - step)


@pytest.mark.fault(32)
def test_killed_again_while_the_next_life_settles_the_sale(venue: str) -> None:
    first = place(venue, "after", 0)
    killed(venue, first, first + 30)


def test_killed_at_a_sample_of_all_places_of_the_finalisation(venue: str) -> None:
    begins, ends = place(venue, "before", 0), whole(venue).places
    for number in range(begins + 3, ends - 40, (ends - begins) // SAMPLE):
        killed(venue, number)
