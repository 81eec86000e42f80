from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from testnet_caller import KEY, SECRET, Caller, order

from bot.testnet.admin import BadRequest, read_switch
from bot.testnet.binance.signing import sign
from bot.testnet.faults import Faults, Kind, Switch, chance
from bot.testnet.server import running

ORDER = "POST /fapi/v1/order"


class Wire:
    """A bare client over a real socket."""

    def __init__(self, caller: Caller, url: str, session: aiohttp.ClientSession) -> None:
        self.caller = caller
        self.url = url
        self.session = session

    async def arm(self, kind: str, **more: object) -> None:
        body = {"endpoint": ORDER, "kind": kind, **more}
        async with self.session.post(f"{self.url}/testnet/fault", json=body) as reply:
            assert reply.status == 200, await reply.text()

    async def place(self, client_id: str = "mine") -> tuple[int, Any]:
        params = order("SELL", "0.1", self.caller.touch()[1], newClientOrderId=client_id, timestamp=self.caller.now)
        body = "&".join(f"{name}={value}" for name, value in params.items())
        body += "&signature=" + sign(SECRET, body.encode())
        async with self.session.post(
            f"{self.url}/fapi/v1/order", data=body, headers={"X-MBX-APIKEY": KEY}, allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=0.3),
        ) as reply:
            return reply.status, await reply.json(content_type=None)

    @property
    def placed(self) -> int:
        return len(self.caller.testnet.exchange.orders)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    caller = Caller()
    async with running(caller.testnet) as url, aiohttp.ClientSession() as session:
        yield Wire(caller, url, session)


@pytest.mark.parametrize(("kind", "error", "placed"), [
    ("timeout_before", TimeoutError, 0),
    ("timeout_after", TimeoutError, 1),
    ("close", aiohttp.ServerDisconnectedError, 1),
    ("reset", aiohttp.ClientOSError, 1),
    ("truncate", aiohttp.ClientPayloadError, 1),
    ("html200", ValueError, 1),
    ("http524", ValueError, 1),
    ("cut_json", ValueError, 1),
])
async def test_a_broken_reply_says_nothing_about_whether_the_order_exists(
    wire: Wire, kind: str, error: type[Exception], placed: int,
) -> None:
    await wire.arm(kind)
    with pytest.raises(error):
        await wire.place()
    assert wire.placed == placed
    assert (await wire.place("next"))[0] == 200, "the next call is as it should be"


@pytest.mark.parametrize(("kind", "status", "code", "placed"), [
    ("http500", 500, -1000, 1), ("unknown", 408, -1007, 1), ("http503", 503, -1008, 0), ("rate_limit", 429, -1003, 0),
    ("ban", 418, -1003, 0), ("error", 400, -1000, 0),
])
async def test_a_spoken_fault_says_so(wire: Wire, kind: str, status: int, code: int, placed: int) -> None:
    await wire.arm(kind)
    found = await wire.place()
    assert (found[0], found[1]["code"], wire.placed) == (status, code, placed)


async def test_a_switch_may_say_whether_the_order_takes_effect(wire: Wire) -> None:
    await wire.arm("close", applied=False)
    await wire.arm("http503", applied=True)
    with pytest.raises(aiohttp.ClientConnectionError):
        await wire.place("one")
    assert wire.placed == 0
    await wire.place("two")
    assert wire.placed == 1


async def test_empty_bodies_and_a_redirect_are_as_told(wire: Wire) -> None:
    for kind in ("empty_object", "empty_list"):
        await wire.arm(kind)
    assert [await wire.place("one"), await wire.place("two")] == [(200, {}), (200, [])]
    await wire.arm("redirect")
    assert (await wire.place("three"))[0] == 307
    assert wire.placed == 2


async def test_any_error_of_the_venue_can_be_had(wire: Wire) -> None:
    await wire.arm("error", status=400, code=-2019, message="Margin is insufficient.")
    assert await wire.place() == (400, {"code": -2019, "msg": "Margin is insufficient."})


async def test_a_delayed_reply_is_the_reply(wire: Wire) -> None:
    await wire.arm("delay", milliseconds=30)
    assert (await wire.place())[1]["status"] == "NEW"


async def test_faults_move_no_time(wire: Wire) -> None:
    before = wire.caller.now
    await wire.arm("timeout_after")
    with pytest.raises(TimeoutError):
        await wire.place()
    assert wire.caller.now == before


async def test_disarmed_is_disarmed(wire: Wire) -> None:
    await wire.arm("close", count=None)
    async with wire.session.delete(f"{wire.url}/testnet/fault") as reply:
        assert await reply.json() == {"faults": []}
    assert (await wire.place())[0] == 200


async def test_a_waiting_timeout_does_not_hold_up_the_end_of_the_server() -> None:
    caller = Caller()
    async with aiohttp.ClientSession() as session:
        async with running(caller.testnet) as url:
            caller.testnet.faults.arm(Switch("GET /fapi/v1/time", Kind.TIMEOUT_BEFORE))
            pending = asyncio.ensure_future(session.get(f"{url}/fapi/v1/time"))
            await asyncio.sleep(0.05)
        with pytest.raises(aiohttp.ClientError):
            await asyncio.wait_for(pending, 2)


def struck(faults: Faults, calls: int, endpoint: str = ORDER) -> list[int]:
    return [nth for nth in range(calls) if faults.strike(endpoint) is not None]


def test_count_and_after_say_which_calls_are_hit() -> None:
    faults = Faults(1)
    faults.arm(Switch(ORDER, Kind.CLOSE, count=2, after=3))
    assert struck(faults, 10) == [3, 4]


def test_chance_depends_on_seed_endpoint_and_call_and_on_nothing_else() -> None:
    def run(seed: int, others: int) -> list[int]:
        faults = Faults(seed)
        faults.arm(Switch("* /fapi/*", Kind.CLOSE, count=None, probability=Decimal("0.3")))
        struck(faults, others, "GET /fapi/v1/time")
        return struck(faults, 200)

    assert run(1, 0) == run(1, 50) != run(2, 0)
    assert 40 <= len(run(1, 0)) <= 80
    assert all(0 <= chance(1, Kind.CLOSE, ORDER, nth) < 1 for nth in range(50))


def test_several_chances_do_not_hide_each_other() -> None:
    faults = Faults(1)
    for kind in (Kind.CLOSE, Kind.HTML200, Kind.UNKNOWN):
        faults.arm(Switch(ORDER, kind, count=None, probability=Decimal("0.3")))
    hit = [switch.kind for _ in range(300) if (switch := faults.strike(ORDER)) is not None]
    assert {kind for kind in Kind if hit.count(kind) > 20} == {Kind.CLOSE, Kind.HTML200, Kind.UNKNOWN}


def test_a_pattern_hits_what_it_names() -> None:
    faults = Faults(1)
    faults.arm(Switch("GET /api/*", Kind.CLOSE, count=None))
    assert faults.strike("GET /api/v3/account")
    assert faults.strike("GET /fapi/v3/account") is None


@pytest.mark.parametrize("body", [
    {}, {"endpoint": ORDER}, {"endpoint": ORDER, "kind": "boom"}, {"endpoint": "order", "kind": "close"},
    {"endpoint": ORDER, "kind": "close", "count": -1}, {"endpoint": ORDER, "kind": "close", "count": "1"},
    {"endpoint": ORDER, "kind": "close", "probability": 2}, {"endpoint": ORDER, "kind": "close", "often": 1},
    {"endpoint": ORDER, "kind": "close", "applied": "no"}, {"endpoint": ORDER, "kind": "close", "after": True},
    {"endpoint": ORDER, "kind": "close", "market": "margin"},
])
def test_a_malformed_switch_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        read_switch(body)


def test_every_field_of_a_switch_can_be_set() -> None:
    body = {"endpoint": ORDER, "kind": "error", "count": 3, "after": 1, "probability": "0.25", "applied": True,
            "milliseconds": 7, "retry_after": 9, "code": -2027, "status": 503, "message": "No.", "market": "spot"}
    assert read_switch(body) == Switch(
        ORDER, Kind.ERROR, count=3, after=1, probability=Decimal("0.25"), applied=True, milliseconds=7, retry_after=9,
        code=-2027, status=503, message="No.", market="spot")


def test_a_switch_of_one_market_passes_the_others_calls_by() -> None:
    faults = Faults(1)
    faults.arm(Switch("POST /v5/order/create", Kind.CLOSE, market="spot"))
    assert faults.strike("POST /v5/order/create", lambda: "perp") is None
    assert faults.strike("POST /v5/order/create") is None
    assert faults.strike("POST /v5/order/create", lambda: "spot")
