"""Whatever a venue answers, the gateway believes what is true, or knows that it does not know.

Every call of the port is made on our testnet once, and its replies are kept; then it is made again with each field
that it reads spoilt in each way, each body replaced, each status wrong. The outcome must be the true one, the true one
with None where a value may be unknown, or an error of ours: for a change that was sent, Uncertain.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from recorded_calls import CALLS, CHANGES, recordings
from replayed import Recording, wrong

from bot.errors import HedgerowError, Refused, Unavailable, Uncertain
from bot.venues import gateway

_recorded: dict[str, dict[str, Recording]] = {}

TRUE_TOO = {
    "GET /fapi/v1/openOrders: []": "nothing rests",
    "GET /fapi/v1/userTrades: []": "nothing was traded; who has a filled order asks again until its fills are there",
    "GET /fapi/v1/income: []": "nothing was settled",
    "GET /fapi/v1/fundingRate: []": "nothing was settled",
    "GET /fapi/v1/allOrders: []": "nothing was ordered",
    "GET /api/v3/allOrders: []": "nothing was ordered",
    "GET /api/v3/myTrades: []": "as userTrades",
    "GET /v5/order/*.orderLinkId: empty": "an order that was placed without a name",
    "GET /fapi/v3/positionRisk *.positionAmt: negative": "inspect alone: snapshots hold it against the account's list",
}
"""Replies that a venue may truly give, with nothing in the same call to tell them from the truth by."""


async def recording(venue: str, call: str) -> Recording:
    if venue not in _recorded:
        _recorded[venue] = await recordings(venue)
    return _recorded[venue][call]


def judged(call: str, found: object, truth: object) -> str | None:
    """What is wrong with an outcome; None: nothing."""
    if not isinstance(found, HedgerowError):
        return wrong(found, truth) if not isinstance(truth, HedgerowError) else f"believed {found!r:.160}"
    if isinstance(truth, Refused) and isinstance(found, Refused):
        return None
    fits = Uncertain if call in CHANGES else (Unavailable, Refused)
    return None if isinstance(found, fits) else f"raised {found!r:.160}"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_no_reply_leads_to_a_wrong_belief(venue: str, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    played = await recording(venue, call)
    monkeypatch.setattr(gateway, "_passes_soon", lambda _: False)  # a second attempt would read the same
    believed: dict[str, str] = {}
    count = 0
    for how, tape in played.spoilt():
        count += 1
        if said := judged(call, await played.repeated(tape), played.truth):
            believed[how] = said
    await played.close()
    assert {how: said for how, said in believed.items() if not any(fnmatchcase(how, one) for one in TRUE_TOO)} == {}
    assert count > 20


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_what_is_not_spoilt_is_read_as_it_was(venue: str) -> None:
    for call in CALLS:
        played = await recording(venue, call)
        assert judged(call, await played.repeated(), played.truth) is None
        assert played.truth is not None or call.endswith("find nothing")
        await played.close()


def test_a_wrong_belief_would_be_seen() -> None:
    assert wrong((), (1,)) is not None
    assert wrong(0, 5) is not None
    assert wrong({"BTC": 0}, {"BTC": 1}) is not None
    assert judged("place, resting", Refused("no"), object()) is not None
    assert judged("snapshot", Uncertain("what"), object()) is not None
