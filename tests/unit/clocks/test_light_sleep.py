"""Sleeping lightly: a story stops at every frame, goes on when it was read, and stands still when it woke somebody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.clocks import ScaledClock, SteppedClock, WallClock
from bot.errors import StoryEnded

START = 1_611_792_000_000
END = START + 60_000
OURS = "127.0.0.1:40000"


class Story:
    """An admin that sends a frame on our socket at planned instants."""

    def __init__(self) -> None:
        self.now = START
        self.frames_at = [START + 1_000, START + 2_500, START + 2_500]
        self.asked: list[dict[str, Any]] = []
        self.answers = asyncio.Event()
        self.answers.set()

    async def clock(self, _: web.Request) -> web.Response:
        return web.json_response({"now": self.now, "origin": START, "end": END, "mode": "stepped", "speed": None})

    async def advance(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body)
        until = min(body["until"], END)
        coming = [at for at in self.frames_at if at > self.now]
        self.now = max(self.now, min([until, *(coming if OURS in body.get("sockets", ()) else [])]))
        await self.answers.wait()
        return web.json_response({"now": self.now, "frames": {OURS: sum(at <= self.now for at in self.frames_at)}})


class Reader:
    """A stream that has read what it was asked to read, and wakes at the frames that it was told to."""

    def __init__(self, clock: SteppedClock, woken: asyncio.Event | None = None, wake_at: int = 0) -> None:
        self.read: list[tuple[int, int]] = []
        self._clock, self._woken, self._wake_at = clock, woken, wake_at

    def sockets(self) -> tuple[str, ...]:
        return (OURS,)

    async def settled(self) -> None:
        await asyncio.sleep(0)

    async def read_up_to(self, frames: Mapping[str, int]) -> None:
        await asyncio.sleep(0)
        self.read.append((self._clock.now() - START, frames[OURS]))
        if self._woken is not None and frames[OURS] >= self._wake_at:
            self._woken.set()


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
async def clock(story: Story) -> AsyncIterator[SteppedClock]:
    app = web.Application()
    app.router.add_get("/testnet/clock", story.clock)
    app.router.add_post("/testnet/advance", story.advance)
    server = TestServer(app)
    await server.start_server()
    clock = await SteppedClock.connect(str(server.make_url("")), "daemon", patience=0)
    yield clock
    await clock.close()
    await server.close()


async def test_a_story_stops_at_every_frame_and_goes_on_when_it_was_read(clock: SteppedClock) -> None:
    reader = Reader(clock)
    clock.follow(reader)
    await clock.sleep_until(START + 5_000)
    assert reader.read == [(1_000, 1), (2_500, 3), (5_000, 3)]
    assert clock.now() == START + 5_000


async def test_a_frame_that_wakes_ends_the_light_sleep_at_its_instant(clock: SteppedClock, story: Story) -> None:
    woken = asyncio.Event()
    clock.follow(Reader(clock, woken, wake_at=2))
    await clock.sleep_unless(START + 5_000, woken)
    assert clock.now() == story.now == START + 2_500


async def test_a_deep_sleep_is_not_ended_by_what_woke_the_daemon(clock: SteppedClock, story: Story) -> None:
    woken = asyncio.Event()
    clock.follow(Reader(clock, woken, wake_at=1))
    await clock.sleep_until(START + 5_000)
    assert (clock.now(), len(story.asked)) == (START + 5_000, 3)


async def test_without_a_stream_no_socket_is_named(clock: SteppedClock, story: Story) -> None:
    await clock.sleep_unless(START + 5_000, asyncio.Event())
    assert story.asked == [{"lease": "daemon", "until": START + 5_000}]


async def test_the_end_of_the_story_is_told_from_a_stop_at_a_frame(clock: SteppedClock) -> None:
    reader = Reader(clock)
    clock.follow(reader)
    with pytest.raises(StoryEnded):
        await clock.sleep_until(END + 1)
    assert clock.now() == END
    assert reader.read[-1] == (60_000, 3)


async def test_a_sleep_that_is_given_up_hears_where_time_went(clock: SteppedClock, story: Story) -> None:
    story.answers.clear()
    sleeping = asyncio.ensure_future(clock.sleep_until(START + 500))
    while not story.asked:  # noqa: ASYNC110 -- the request is on its way through a real socket
        await asyncio.sleep(0.001)
    sleeping.cancel()
    await asyncio.sleep(0.01)
    assert not sleeping.done()
    story.answers.set()
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    assert clock.now() == story.now == START + 500


async def test_the_wall_lets_itself_be_woken() -> None:
    woken = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, woken.set)
    clock = WallClock()
    began = clock.now()
    await clock.sleep_unless(began + 60_000, woken)
    assert clock.now() < began + 10_000
    woken.clear()
    await clock.sleep_unless(clock.now() + 5, woken)
    assert not woken.is_set()


async def test_a_fast_wall_lets_itself_be_woken_and_ends() -> None:
    clock = ScaledClock(now=0, origin=0, end=1_000, speed=100)
    woken = asyncio.Event()
    with pytest.raises(StoryEnded):
        await clock.sleep_unless(2_000, woken)
    woken.set()
    await clock.sleep_unless(2_000, woken)
