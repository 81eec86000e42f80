"""What a venue pushes, over ccxt.pro's WebSockets: kept connected, read strictly, never relied on.

One `Feed` is one connection with what is subscribed on it; a venue's own file says which there are and how their
frames read. Each is attended by a task of its own: connect, subscribe, read until something is wrong, say so once,
pause, again. Wrong is: refused, closed, silent (no new frame for `silence` where frames are due; a frame that repeats
the last one is not new), or a frame that is none. Nothing of ccxt.pro's own caches and parsers is used: they need all
markets, and floats.

Real by decision, not by the bot's clock: silence, pauses, ping and pong (a story may stand still, or run through a day
while a socket answers). Listen keys and signatures go by the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bot.errors import HedgerowError
from bot.ports import Hears, Learnt, Marked, Touch
from bot.venues.failures import InvalidReply
from bot.venues.sockets import FAILED, Broken, open_wire
from bot.venues.transport import Foreign

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
_LOOK_EVERY = 0.25
_FRAMES_TAKE = 2.0
_CONNECTING_TAKES = 10.0


@dataclass(frozen=True, slots=True)
class Answered:
    """The venue has taken a subscription (or a signature)."""


Heard: TypeAlias = Touch | Marked | Learnt | Answered


class Feed(ABC):
    """One connection: where to, what to ask for, how to read. `name` is told to users ('account', 'spot prices').

    `due`: frames come all the time, so that none for a while is a fault. `owes`: a frame follows whatever we change,
    here or on another feed of the account. `trouble`: why it can tell no more, where it has noticed that itself.
    """

    name: str
    due: bool = True
    owes: bool = False
    trouble: str | None = None

    @abstractmethod
    async def address(self) -> str:
        """The logical address (ccxt's) to connect to."""

    @abstractmethod
    def asks(self) -> Sequence[Mapping[str, object]]:
        """What is sent once connected; each is to be answered before the feed counts as up."""

    def next_asks(self) -> Sequence[Mapping[str, object]]:
        """What is sent once all of `asks` were answered: what may only be asked after a signature."""
        return ()

    @abstractmethod
    def read(self, message: object) -> Sequence[Heard]:
        """What a frame tells; nothing where it concerns nobody, or repeats the last. Raises InvalidReply."""

    def tend(self) -> None:  # noqa: B027 - most have nothing to tend
        """Do what is due by the clock; returns at once."""


class _Lost(Exception):
    """Why a feed tells nothing."""


class _Line:
    """One feed and the state of its connection."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.client: Foreign = None
        self.connecting = True
        self.up = False
        self.said_lost = False
        self.why = "not connected yet"
        self.heard_at = 0.0
        self.owed_since: float | None = None
        self.unanswered = 0
        self.asked_next = False


class PushStream:
    """The feeds of one venue. Implements `bot.ports.Stream` and `bot.clocks.Frames`. `silence` in real seconds."""

    def __init__(self, exchange: Foreign, feeds: Sequence[Feed], *, silence: float) -> None:
        self._exchange = exchange
        self._lines = [_Line(feed) for feed in feeds]
        self._silence = silence
        self._hears: Hears | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._moved = asyncio.Event()

    # -- bot.ports.Stream

    async def start(self, hears: Hears) -> None:
        """See `Stream`."""
        self._hears = hears
        self._exchange.open()
        self._tasks = [asyncio.create_task(self._attend(line), name=line.feed.name) for line in self._lines]

    def tend(self) -> None:
        """See `Stream`."""
        for line in self._lines:
            if line.up:
                line.feed.tend()

    def expect(self) -> None:
        """See `Stream`."""
        for line in self._lines:
            if line.up and line.feed.owes and line.owed_since is None:
                line.owed_since = time.monotonic()

    @property
    def lost(self) -> Mapping[str, str]:
        """See `Stream`."""
        return {line.feed.name: line.why for line in self._lines if not line.up}

    async def close(self) -> None:
        """See `Stream`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._exchange.close()

    # -- bot.clocks.Frames

    def sockets(self) -> tuple[str, ...]:
        """See `Frames`."""
        return tuple(end for line in self._lines if line.client is not None and (end := line.client.own_end()))

    async def read_up_to(self, frames: Mapping[str, int]) -> None:
        """See `Frames`."""
        await self._until(lambda: all(
            line.client.frames >= frames.get(end, 0)
            for line in self._lines if line.client is not None and (end := line.client.own_end())
        ), _FRAMES_TAKE)

    async def settled(self) -> None:
        """See `Frames`."""
        await self._until(lambda: not self._tasks or not any(line.connecting for line in self._lines),
                          _CONNECTING_TAKES)

    async def _until(self, holds: Callable[[], bool], seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not holds():
                    self._moved.clear()
                    await self._moved.wait()

    # -- one feed

    async def _attend(self, line: _Line) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                await self._talk(line)
            except (_Lost, Broken, HedgerowError, InvalidReply) as error:
                why = str(error)
            except Exception as error:  # noqa: BLE001 - a stream must not fall for any reason; ccxt's texts hold addresses
                why = f"the connection was lost or refused ({type(error).__name__})"
            if line.up:
                pause = FIRST_PAUSE
            self._down(line, why)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            line.connecting = True

    async def _talk(self, line: _Line) -> None:
        """Connect and listen; raises when that is over."""
        url = await line.feed.address()
        client = open_wire(self._exchange, url, lambda message: self._frame(line, message), self._silence)
        client.follow(self._moved.set)
        over = client.future(FAILED)
        line.client = client
        try:
            connected = client.connect(self._exchange.session)
            await asyncio.wait({connected, over}, timeout=_CONNECTING_TAKES, return_when=asyncio.FIRST_COMPLETED)
            if over.done():
                over.result()
            if not connected.done():
                raise _Lost(f"no connection within {_CONNECTING_TAKES:g} s")
            line.heard_at = time.monotonic()
            await self._ask(line, line.feed.asks())
            while not over.done():
                await asyncio.wait({over}, timeout=_LOOK_EVERY)
                self._listen(line)
            over.result()
        finally:
            line.client = None
            with contextlib.suppress(Exception):
                over.cancel()
            await client.shut()

    async def _ask(self, line: _Line, asks: Sequence[Mapping[str, object]]) -> None:
        line.unanswered = len(asks)
        for ask in asks:
            await line.client.send(ask)
        if not asks:
            self._answered(line)

    def _listen(self, line: _Line) -> None:
        """Raise where it has been quiet for too long."""
        now = time.monotonic()
        if line.feed.trouble is not None:
            raise _Lost(line.feed.trouble)
        if not line.up and now - line.heard_at > self._silence:
            raise _Lost("no answer to the subscription")
        if line.feed.due and now - line.heard_at > self._silence:
            raise _Lost(f"nothing new for {self._silence:g} s")
        if line.owed_since is not None and now - line.owed_since > self._silence:
            raise _Lost(f"not a word about our order within {self._silence:g} s")

    def _frame(self, line: _Line, message: object) -> None:
        """One frame; raises InvalidReply where it is none."""
        for heard in line.feed.read(message):
            if isinstance(heard, Answered):
                self._took(line)
                continue
            line.heard_at = time.monotonic()
            if isinstance(heard, Learnt):
                # Of which account, where a venue has two: whichever the order was on tells of it.
                for each in self._lines:
                    each.owed_since = None
            if line.up:
                self._tell(heard)

    def _took(self, line: _Line) -> None:
        line.unanswered -= 1
        if line.unanswered <= 0:
            self._answered(line)

    def _answered(self, line: _Line) -> None:
        """All that was asked is granted: ask the rest, or be up."""
        if not line.asked_next and (asks := line.feed.next_asks()):
            line.asked_next = True
            line.unanswered = len(asks)
            for ask in asks:
                line.client.send_soon(ask)
            return
        if line.up:
            return
        line.up, line.connecting, line.heard_at = True, False, time.monotonic()
        if line.said_lost and self._hears is not None:
            self._hears.back(line.feed.name)
        line.said_lost = False
        self._moved.set()

    def _tell(self, heard: Touch | Marked | Learnt) -> None:
        if self._hears is None:
            return
        if isinstance(heard, Touch):
            self._hears.touched(heard)
        elif isinstance(heard, Marked):
            self._hears.marked(heard)
        else:
            self._hears.learnt(heard)

    def _down(self, line: _Line, why: str) -> None:
        line.up = line.connecting = line.asked_next = False
        line.owed_since = None
        line.why = why
        if not line.said_lost and self._hears is not None:
            line.said_lost = True
            self._hears.lost(line.feed.name, why)
        self._moved.set()


class Fresh:
    """Tells frames that repeat the last one of the same market from new ones: a stale stream is a silent one."""

    def __init__(self) -> None:
        self._last: dict[str, object] = {}

    def new(self, market: str, content: object) -> bool:
        """Whether this differs from what was last seen of the market."""
        if self._last.get(market) == content:
            return False
        self._last[market] = content
        return True

