"""From what a stream brings to an earlier tick: what is worth one, and how many the request budget bears.

A wake ends the daemon's sleep. The tick reads a full snapshot and decides from it, so that what is pushed too early,
too late, twice or wrongly costs a few requests; a tick that a price has woken may decide on pushed prices, where these
are fresh and the account is known to be as it was last read (`shown`, `bot.core.pushed`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace

from bot.core.market import Asset
from bot.core.pushed import Pushed
from bot.core.times import MINUTE, Millis
from bot.core.wake import Glimpse, Watch
from bot.engine.shown import Shown
from bot.ports import Learnt, Marked, Market, Stream, Touch, WakefulClock
from bot.telemetry.events import Emit


class Allowance:
    """How soon and how often a wake may lead to a tick: `floor` after the last one, `per_minute` in any minute.

    Prices may use up half of it only: the rest is kept for what happens to our own orders.
    """

    def __init__(self, *, floor: Millis, per_minute: int) -> None:
        self._floor = floor
        self._per_minute = per_minute
        self._woken: deque[Millis] = deque()
        self._ticked_at: Millis | None = None

    def ticked(self, at: Millis, *, woken: bool) -> None:
        """A tick began at `at`, because of a wake or by itself."""
        self._ticked_at = at
        if woken:
            self._woken.append(at)

    def from_at(self, now: Millis, *, urgent: bool) -> Millis:
        """The earliest instant at which a wake may lead to a tick."""
        while self._woken and self._woken[0] <= now - MINUTE:
            self._woken.popleft()
        most = self._per_minute if urgent else max(1, self._per_minute // 2)
        free = now if len(self._woken) < most else self._woken[len(self._woken) - most] + MINUTE
        return free if self._ticked_at is None else max(free, self._ticked_at + self._floor)


class Wakes:
    """Hears a stream, and sleeps for the daemon. Implements `bot.ports.Hears`.

    `enabled` False: what is pushed is heard, and wakes nobody. `fresh`: how old pushed prices to decide on may be, 0:
    every tick reads in full.
    """

    def __init__(
        self, stream: Stream, clock: WakefulClock, emit: Emit, *, allowance: Allowance, enabled: bool = True,
        fresh: Millis = 0,
    ) -> None:
        self.seen: dict[Asset, Glimpse] = {}
        self.learnt_last: Learnt | None = None
        self.shown = Shown(fresh)
        self._stream = stream
        self._clock = clock
        self._emit = emit
        self._allowance = allowance
        self._enabled = enabled
        self._watch: Watch | None = None
        self._woken = asyncio.Event()
        self._urgent = asyncio.Event()
        self._early = False
        self._moved = False

    # -- what the stream says

    def touched(self, touch: Touch) -> None:
        """See `Hears`: a wake where rule or ladder would want something else here, or an order is left behind."""
        self.shown.touched(touch)
        before = self.seen.get(touch.asset, Glimpse())
        if touch.market is Market.PERP:
            self.seen[touch.asset] = replace(before, perp_bid=touch.bid, perp_ask=touch.ask)
        else:
            mid = None if touch.bid is None or touch.ask is None else (touch.bid + touch.ask) / 2
            self.seen[touch.asset] = replace(before, spot_mid=mid)
        self._moved = True
        self._look()

    def marked(self, marked: Marked) -> None:
        """See `Hears`: a wake where it brings the account to another rung of the margin ladder."""
        self.shown.marked(marked)
        self.seen[marked.asset] = replace(self.seen.get(marked.asset, Glimpse()), mark=marked.mark)
        self._moved = True
        self._look()

    def learnt(self, what: Learnt) -> None:
        """See `Hears`: always a wake, and to a full reading."""
        self.learnt_last = what
        self.shown.shaken()
        self._wake(urgent=True)

    def lost(self, stream: str, why: str) -> None:
        """See `Hears`: prices that were pushed are forgotten, polls go on."""
        self.seen.clear()
        self.shown.forget()
        self._emit("stream.lost", stream=stream, message=why)

    def back(self, stream: str) -> None:
        """See `Hears`: what happened meanwhile is worth a look."""
        self.shown.shaken()
        self._emit("stream.back", stream=stream)
        self._wake(urgent=False)

    # -- what the daemon does

    async def start(self) -> None:
        """Have the stream connect."""
        await self._stream.start(self)

    def ticking(self) -> Pushed | None:
        """A tick begins: what was pushed so far is answered by it; prices wake nobody until it has decided.

        What it may decide on instead of a reading; None: it is to read.
        """
        self._allowance.ticked(self._clock.now(), woken=self._early)
        whole = not self._stream.lost
        pushed = self.shown.offer(whole=whole) if self._early and not self._urgent.is_set() else None
        if pushed is None:
            self.shown.reading(whole=whole)
        self._early = self._moved = False
        self._woken.clear()
        self._urgent.clear()
        self._watch = None
        self._stream.tend()
        return pushed

    def ticked(self, watch: Watch | None, *, acted: bool) -> None:
        """A tick has ended: what to look for in prices until the next. `acted`: an order was sent or changed."""
        self._watch = watch
        if self._moved:
            self._look()
        if acted:
            self._stream.expect()

    async def sleep_until(self, at: Millis) -> None:
        """Sleep up to `at`, or until a wake that the allowance lets through."""
        await self._clock.sleep_unless(at, self._woken)
        while self._woken.is_set() and (now := self._clock.now()) < at:
            free = self._allowance.from_at(now, urgent=self._urgent.is_set())
            if free <= now:
                self._early = True
                return
            if self._urgent.is_set():
                await self._clock.sleep_until(min(free, at))
            else:
                await self._clock.sleep_unless(min(free, at), self._urgent)

    def _look(self) -> None:
        watch = self._watch
        if watch is None or self._woken.is_set():
            return
        left_behind = watch.left_behind(self.seen, self._clock.now())
        if watch.crossed(self.seen) is not None or left_behind is not None or watch.on_another_rung(self.seen):
            self._wake(urgent=False)

    def _wake(self, *, urgent: bool) -> None:
        if not self._enabled:
            return
        self._woken.set()
        if urgent:
            self._urgent.set()
