from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.clocks import ScaledClock, SteppedClock, WallClock, story_clock
from bot.errors import Refused, StoryEnded, Unavailable

START = 1_611_792_000_000
END = START + 3_600_000


class FakeStory:
    """The two clock calls of a testnet's admin."""

    def __init__(self) -> None:
        self.now = START
        self.mode = "stepped"
        self.speed: float | None = None
        self.holder: str | None = None
        self.advances: list[dict[str, Any]] = []
        self.drop_next = False
        self.reply: Any = None

    async def clock(self, _: web.Request) -> web.Response:
        return web.json_response(self.reply if self.reply is not None else {
            "now": self.now, "origin": START, "end": END, "mode": self.mode, "speed": self.speed,
        })

    async def advance(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.advances.append(body)
        if self.holder not in (None, body["lease"]):
            return web.json_response({"error": f"the lease is held by {self.holder}"}, status=409)
        self.holder = body["lease"]
        self.now = min(max(self.now, body["until"]), END)
        if self.drop_next:
            self.drop_next = False
            assert request.transport is not None
            request.transport.close()
        return web.json_response({"now": self.now, "frames": {}})


@pytest.fixture
def story() -> FakeStory:
    return FakeStory()


@pytest.fixture
async def server(story: FakeStory) -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_get("/testnet/clock", story.clock)
    app.router.add_post("/testnet/advance", story.advance)
    server = TestServer(app)
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
async def base_url(server: TestServer) -> str:
    return str(server.make_url(""))


@pytest.fixture
async def clock(base_url: str) -> AsyncIterator[SteppedClock]:
    clock = await SteppedClock.connect(base_url, "daemon", patience=0)
    yield clock
    await clock.close()


async def test_sleeping_moves_the_story_to_an_absolute_instant(clock: SteppedClock, story: FakeStory) -> None:
    assert (clock.origin, clock.now()) == (START, START)
    await clock.sleep(1.5)
    await clock.sleep_until(START + 10_000)
    assert [sent["until"] for sent in story.advances] == [START + 1_500, START + 10_000]
    assert clock.now() == story.now == START + 10_000


async def test_time_does_not_move_by_itself(clock: SteppedClock) -> None:
    await asyncio.sleep(0.01)
    assert clock.now() == START


async def test_an_instant_that_has_passed_asks_for_nothing(clock: SteppedClock, story: FakeStory) -> None:
    await clock.sleep_until(START - 5)
    await clock.sleep(0)
    assert story.advances == []


async def test_sleeping_past_the_end_ends_the_story(clock: SteppedClock) -> None:
    with pytest.raises(StoryEnded, match="2021-01-28T01:00:00Z"):
        await clock.sleep_until(END + 1)
    assert clock.now() == END


async def test_reaching_the_end_exactly_is_no_end(clock: SteppedClock) -> None:
    await clock.sleep_until(END)
    assert clock.now() == END


async def test_a_lost_reply_is_asked_again_and_time_moves_once(base_url: str, story: FakeStory) -> None:
    clock = await SteppedClock.connect(base_url, "daemon")
    story.drop_next = True
    await clock.sleep(60)
    assert [sent["until"] for sent in story.advances] == [START + 60_000] * 2
    assert clock.now() == START + 60_000
    await clock.close()


async def test_a_second_lease_is_refused(clock: SteppedClock, base_url: str) -> None:
    await clock.sleep(1)
    other = await SteppedClock.connect(base_url, "other", patience=0)
    with pytest.raises(Refused, match="held by daemon"):
        await other.sleep(1)
    await other.close()


async def test_a_passenger_never_moves_the_story_but_sees_it_move(base_url: str, story: FakeStory) -> None:
    passenger = await SteppedClock.connect(base_url, None, patience=0)
    await passenger.sleep(0.01)
    assert passenger.now() == START
    story.now = START + 5_000
    await passenger.sleep_until(START + 60_000)
    assert passenger.now() == START + 5_000
    assert story.advances == []
    await passenger.close()


@pytest.mark.fault(73)
async def test_a_story_never_goes_back(base_url: str, story: FakeStory) -> None:
    story.now = START + 5_000
    passenger = await SteppedClock.connect(base_url, None, patience=0)
    story.now = START
    await passenger.sleep(1)
    assert passenger.now() == START + 5_000
    await passenger.close()


async def test_a_testnet_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable, match=r"no testnet answers at http://127\.0\.0\.1:9"):
        await SteppedClock.connect("http://127.0.0.1:9", "daemon", patience=0)


async def test_a_testnet_that_goes_away_is_unavailable(clock: SteppedClock, server: TestServer) -> None:
    await server.close()
    with pytest.raises(Unavailable):
        await clock.sleep(1)
    assert clock.now() == START


@pytest.mark.parametrize("reply", [[], {}, {"now": "1"}, {"now": None, "origin": 1}, {"now": True, "origin": 1}])
async def test_a_clock_that_says_nonsense_is_unavailable(base_url: str, story: FakeStory, reply: object) -> None:
    story.reply = reply
    with pytest.raises(Unavailable):
        await SteppedClock.connect(base_url, "daemon", patience=0)


async def test_the_servers_mode_picks_the_clock(base_url: str, story: FakeStory) -> None:
    stepped = await story_clock(base_url, "daemon", patience=0)
    assert isinstance(stepped, SteppedClock)
    await stepped.close()
    story.mode, story.speed = "wall", 3_600
    scaled = await story_clock(base_url, "daemon", patience=0)
    assert isinstance(scaled, ScaledClock)
    assert scaled.origin == START
    began = time.monotonic()
    await scaled.sleep(60)
    assert time.monotonic() - began < 1
    assert scaled.now() >= START + 60_000


async def test_a_scaled_story_ends_too() -> None:
    clock = ScaledClock(now=START, origin=START, end=START + 100, speed=100)
    with pytest.raises(StoryEnded):
        await clock.sleep_until(START + 200)
    assert clock.now() >= START + 100


async def test_scaled_time_is_wall_time_times_speed() -> None:
    wall = [10.0]
    clock = ScaledClock(now=START, origin=START, speed=60, monotonic=lambda: wall[0])
    wall[0] += 2.5
    assert clock.now() == START + 150_000


@pytest.mark.fault(73)
def test_the_wall_clock_never_goes_back() -> None:
    wall = iter([100.0, 99.0, 100.5])
    clock = WallClock(lambda: next(wall))
    assert [clock.now(), clock.now(), clock.now()] == [100_000, 100_000, 100_500]


async def test_the_wall_clock_waits_for_an_instant() -> None:
    clock = WallClock()
    at = clock.now() + 20
    await clock.sleep_until(at)
    assert clock.now() >= at
    assert clock.origin == 0
