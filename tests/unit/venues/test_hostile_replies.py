"""What either venue may answer badly over a socket: which of the errors comes out, and that nothing is sent twice.

What only one of them says, in codes or against itself: test_{binance,bybit}_hostile_replies.py. A reply with a field,
or all of it, spoilt: tests/contract/test_gateway_replies.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hostile_venues import BOTH, INTENT, Stage, outcome

from bot.errors import Unavailable, Uncertain

READS = [pytest.param(side, endpoint, id=f"{side.name} {endpoint}") for side in BOTH for endpoint in side.reads]
CHANGES = [pytest.param(side, endpoint, id=f"{side.name} {endpoint}") for side in BOTH for endpoint in side.changes]


@pytest.fixture
async def at(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with request.param.opened() as stage:
        yield stage


@pytest.mark.fault(42)
@pytest.mark.parametrize(("at", "endpoint"), READS, indirect=["at"])
async def test_a_read_without_a_valid_answer_is_unavailable(at: Stage, endpoint: str) -> None:
    found = {}
    for answer, spoiler in at.side.no_answer.items():
        at.fake.spoil[endpoint] = spoiler
        found[answer] = await outcome(at.side.reads[endpoint](at.venue))
    assert found == dict.fromkeys(at.side.no_answer, "Unavailable")


@pytest.mark.parametrize(("at", "endpoint"), CHANGES, indirect=["at"])
async def test_a_change_without_a_valid_answer_is_uncertain_and_sent_once(at: Stage, endpoint: str) -> None:
    hostile = {**at.side.no_answer, **at.side.no_report}
    found = {}
    for answer, spoiler in hostile.items():
        at.fake.spoil[endpoint] = spoiler
        at.fake.seen.clear()
        found[answer] = await outcome(at.side.changes[endpoint](at.venue)), len(at.fake.calls(endpoint))
    assert found == dict.fromkeys(hostile, ("Uncertain", 1))


@pytest.mark.parametrize(("at", "endpoint"), CHANGES, indirect=["at"])
async def test_a_change_that_times_out_is_uncertain(at: Stage, endpoint: str) -> None:
    at.fake.spoil[endpoint] = at.fake.hang
    with pytest.raises(Uncertain):
        await at.side.changes[endpoint](at.venue)
    assert len(at.fake.calls(endpoint)) == 1


@pytest.mark.parametrize(("at", "endpoint"), CHANGES, indirect=["at"])
async def test_a_change_that_cannot_leave_is_unavailable(at: Stage, endpoint: str) -> None:
    await at.fake.stop()
    with pytest.raises(Unavailable, match="could not be reached"):
        await at.side.changes[endpoint](at.venue)


@pytest.mark.fault(87)
@pytest.mark.parametrize("at", BOTH, indirect=True, ids=[side.name for side in BOTH])
async def test_no_error_shows_the_key_the_secret_or_the_signature(at: Stage) -> None:
    for spoiler in (*at.side.no_answer.values(), at.side.echo):
        at.fake.spoil[at.side.placing] = spoiler
        with pytest.raises(Uncertain) as raised:
            await at.venue.place(INTENT)
        shown = str(raised.value)
        assert not any(secret in shown for secret in ("k-planted", "s-planted", "signature", "\x1b"))
        assert raised.value.__context__ is None
        assert raised.value.__cause__ is None
