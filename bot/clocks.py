"""Where time comes from: the wall, a story that is stepped by whoever holds its lease, or a wall that runs faster.

A stepped story stands still between two advances: only `POST /testnet/advance {lease, until}` moves it. `until` is
absolute, so repeating an advance (after a lost reply, after a crash) is harmless.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

import aiohttp

from bot.core.times import SECOND, Millis, iso
from bot.errors import Refused, StoryEnded, Unavailable
from bot.ports import WakefulClock

_C = TypeVar("_C")
_PASSENGER_WAIT = 0.05
_FIRST_PAUSE = 0.05


class ClosableClock(WakefulClock, Protocol):
    """A clock that may hold a connection."""

    async def close(self) -> None:
        """Release it."""


class Frames(Protocol):
    """The WebSockets of a stream, as the story's clock needs to know them."""

    def sockets(self) -> tuple[str, ...]:
        """Our own ends of those that are open: '127.0.0.1:51234'."""

    async def read_up_to(self, frames: Mapping[str, int]) -> None:
        """Return once the frames of these numbers were read, or their sockets are gone. Does not wait for ever."""

    async def settled(self) -> None:
        """Return once no connection is in the making. Does not wait for ever."""


class WallClock:
    """The machine's clock. Where the machine's time is set back, this one stands until it is caught up."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._latest: Millis = 0

    @property
    def origin(self) -> Millis:
        """0: ticks fall on whole multiples of the poll."""
        return 0

    def now(self) -> Millis:
        """Milliseconds since 1970, never going back."""
        self._latest = max(self._latest, int(self._wall() * SECOND))
        return self._latest

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        await asyncio.sleep(seconds)

    async def sleep_until(self, at: Millis) -> None:
        """Wait for that instant."""
        while (left := at - self.now()) > 0:  # noqa: ASYNC110 - the wall has no event to wait for
            await asyncio.sleep(left / SECOND)

    async def sleep_unless(self, at: Millis, woken: asyncio.Event) -> None:
        """Wait for that instant, or to be woken."""
        while (left := at - self.now()) > 0 and not woken.is_set():
            await _wait(woken, left / SECOND)

    async def close(self) -> None:
        """Nothing to release."""


async def _wait(woken: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):  # `wait_for` would wake a task of its own first
            await woken.wait()


@dataclass(frozen=True, slots=True)
class _Reading:
    """One answer of `GET /testnet/clock`."""

    now: Millis
    origin: Millis
    end: Millis | None
    mode: str
    speed: float


class _Admin:
    """The two calls of the testnet's admin that concern time.

    A lost connection is retried with real pauses for `patience` real seconds (both calls may be repeated), then it is
    Unavailable. A refusal is Refused.
    """

    def __init__(self, base_url: str, *, patience: float, reply_within: float) -> None:
        self._base_url = base_url.rstrip("/")
        self._patience = patience
        self._timeout = aiohttp.ClientTimeout(total=reply_within)
        self._session: aiohttp.ClientSession | None = None

    async def read(self) -> _Reading:
        """The story's clock."""
        reply = await self._call("GET", "/testnet/clock", None)
        end, speed = reply.get("end"), reply.get("speed")
        return _Reading(
            now=_millis(reply, "now"),
            origin=_millis(reply, "origin"),
            end=None if end is None else _millis(reply, "end"),
            mode=str(reply.get("mode")),
            speed=float(speed) if isinstance(speed, int | float) and speed > 0 else 1.0,
        )

    async def advance(self, lease: str, until: Millis, sockets: Sequence[str]) -> tuple[Millis, Mapping[str, int]]:
        """Move the story to `until`, to its end, or to the first frame on one of these sockets.

        Where it then stands, and the number of the last frame sent on each open socket.
        """
        asked: dict[str, object] = {"lease": lease, "until": until}
        reply = await self._call("POST", "/testnet/advance", asked | {"sockets": list(sockets)} if sockets else asked)
        frames = reply.get("frames")
        return _millis(reply, "now"), frames if isinstance(frames, dict) else {}

    async def close(self) -> None:
        """Release the sockets."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _call(self, method: str, path: str, body: Mapping[str, object] | None) -> Mapping[str, object]:
        gives_up_at = time.monotonic() + self._patience
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._once(method, path, body)
            except Unavailable:
                if time.monotonic() + pause > gives_up_at:
                    raise
            await asyncio.sleep(pause)
            pause *= 2

    async def _once(self, method: str, path: str, body: Mapping[str, object] | None) -> Mapping[str, object]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        try:
            async with self._session.request(
                method, self._base_url + path, json=body, allow_redirects=False,
            ) as response:
                if 400 <= response.status < 500:
                    text = (await response.text())[:200]
                    raise Refused(f"the testnet refused {path}: {text}", str(response.status))
                reply = await response.json(content_type=None) if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unavailable(
                f"no testnet answers at {self._base_url} ({type(error).__name__}); `hedgerow testnet serve` starts one",
            ) from error
        if not isinstance(reply, dict):
            raise Unavailable(f"no testnet at {self._base_url}: HTTP {response.status}, unreadable")
        return reply


def _millis(reply: Mapping[str, object], key: str) -> Millis:
    value = reply.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unavailable(f"the testnet's clock says {key}={value!r}, which is no instant")
    return value


class SteppedClock:
    """The testnet's own time. Whoever holds the `lease` moves it by sleeping; a passenger (no lease) only watches.

    Raises StoryEnded when a sleep reaches past the story's end, Unavailable when the testnet is gone, Refused when
    another process holds the lease.
    """

    def __init__(self, admin: _Admin, lease: str | None, reading: _Reading) -> None:
        self._admin = admin
        self._lease = lease
        self._origin = reading.origin
        self._end = reading.end
        self._now = reading.now
        self._frames: Frames | None = None

    @classmethod
    async def connect(
        cls, base_url: str, lease: str | None, *, patience: float = 3.0, reply_within: float = 30.0,
    ) -> Self:
        """Read where the story stands. `patience`: real seconds for which a lost connection is retried."""
        admin = _Admin(base_url, patience=patience, reply_within=reply_within)
        return await _or_close(admin, lambda reading: cls(admin, lease, reading))

    @property
    def origin(self) -> Millis:
        """The story's start."""
        return self._origin

    def now(self) -> Millis:
        """Story time as last heard of."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Move the story on by that much."""
        await self.sleep_until(self._now + math.ceil(seconds * SECOND))

    async def sleep_until(self, at: Millis) -> None:
        """Move the story on to `at`. A passenger waits a short real moment instead and looks again."""
        if at <= self._now:
            await asyncio.sleep(0)  # other tasks get their turn, as in any sleep
            return
        if self._lease is None:
            await asyncio.sleep(min(_PASSENGER_WAIT, (at - self._now) / SECOND))
            self._heard((await self._admin.read()).now)
            return
        while self._now < at:
            await self._step(self._lease, at)

    async def sleep_unless(self, at: Millis, woken: asyncio.Event) -> None:
        """Move the story on to `at`, or to the first instant of which a frame tells that sets `woken`."""
        if self._lease is None:
            await self.sleep_until(at)
            return
        while self._now < at and not woken.is_set():
            await self._step(self._lease, at)

    def follow(self, frames: Frames) -> None:
        """Pass no frame of these sockets unread: the story stops at each, and goes on when it was read."""
        self._frames = frames

    async def close(self) -> None:
        """Release the connection; the lease stays taken."""
        await self._admin.close()

    async def _step(self, lease: str, at: Millis) -> None:
        """Move to `at`, or to the next frame on a socket that is followed.

        A sleep that is given up while its request is out ends when that is answered: time that moved has been heard of.
        """
        stepping = asyncio.ensure_future(self._advance(lease, at))
        try:
            await asyncio.shield(stepping)
        except asyncio.CancelledError:
            await asyncio.wait({stepping})
            if not stepping.cancelled():
                stepping.exception()
            raise

    async def _advance(self, lease: str, at: Millis) -> None:
        if self._frames is not None:
            await self._frames.settled()
        sockets = () if self._frames is None else self._frames.sockets()
        reached, frames = await self._admin.advance(lease, at, sockets)
        self._heard(reached)
        if self._frames is not None:
            await self._frames.read_up_to(frames)
        stopped_early = bool(sockets) and self._end is not None and reached < self._end
        if reached < at and not stopped_early:
            raise StoryEnded(f"the story ended at {iso(reached)}")

    def _heard(self, instant: Millis) -> None:
        self._now = max(self._now, instant)


class ScaledClock:
    """A testnet that runs by itself, `speed` times as fast as the wall. Sleeps are real, divided by `speed`.

    So is what a request takes: at 1,000 times, 10 ms on the way are 10 s of story, by which a signature grows too old.
    """

    def __init__(
        self, *, now: Millis, origin: Millis, end: Millis | None = None, speed: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._speed = speed
        self._origin = origin
        self._end = end
        self._start = now
        self._started = monotonic()

    @property
    def origin(self) -> Millis:
        """The story's start."""
        return self._origin

    def now(self) -> Millis:
        """Story time: where it stood when we joined, plus what the wall did since, times the speed."""
        return self._start + int((self._monotonic() - self._started) * self._speed * SECOND)

    async def sleep(self, seconds: float) -> None:
        """Let that much story time pass."""
        await self.sleep_until(self.now() + math.ceil(seconds * SECOND))

    async def sleep_until(self, at: Millis) -> None:
        """Wait for that story instant. Raises StoryEnded at the story's end."""
        until = at if self._end is None else min(at, self._end)
        while (left := until - self.now()) > 0:  # noqa: ASYNC110 - nor has a faster wall
            await asyncio.sleep(left / SECOND / self._speed)
        if until < at:
            raise StoryEnded(f"the story ended at {iso(until)}")

    async def sleep_unless(self, at: Millis, woken: asyncio.Event) -> None:
        """Wait for that story instant, or to be woken."""
        until = at if self._end is None else min(at, self._end)
        while (left := until - self.now()) > 0 and not woken.is_set():
            await _wait(woken, left / SECOND / self._speed)
        if until < at and not woken.is_set():
            raise StoryEnded(f"the story ended at {iso(until)}")

    async def close(self) -> None:
        """Nothing to release."""


async def story_clock(
    base_url: str, lease: str | None, *, patience: float = 3.0, reply_within: float = 30.0,
) -> SteppedClock | ScaledClock:
    """The clock that fits the testnet at `base_url`: stepped, or running at a speed. Raises Unavailable."""
    admin = _Admin(base_url, patience=patience, reply_within=reply_within)

    def choose(reading: _Reading) -> SteppedClock | ScaledClock:
        if reading.mode == "stepped":
            return SteppedClock(admin, lease, reading)
        return ScaledClock(now=reading.now, origin=reading.origin, end=reading.end, speed=reading.speed)

    clock = await _or_close(admin, choose)
    if isinstance(clock, ScaledClock):
        await admin.close()
    return clock


async def _or_close(admin: _Admin, build: Callable[[_Reading], _C]) -> _C:
    try:
        return build(await admin.read())
    except BaseException:
        await admin.close()
        raise
