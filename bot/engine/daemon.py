"""The loop: ticks on a grid, or earlier where a stream wakes it; back-off while the venue is away, an orderly stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from bot.core.times import SECOND, Millis, next_on_grid
from bot.engine.tick import Engine
from bot.engine.wakes import Wakes
from bot.errors import RateLimited, SafetyStop, StoryEnded, Unavailable
from bot.ports import Clock
from bot.telemetry.events import Emit

FIRST_RETRY = 5 * SECOND
LONGEST_RETRY = 300 * SECOND


class Daemon:
    """Runs an engine until told to stop, or until the story ends. `ticked` is told the instant of each decision."""

    def __init__(
        self, engine: Engine, clock: Clock, *, poll: Millis, working_poll: Millis, emit: Emit,
        wakes: Wakes | None = None, ticked: Callable[[Millis], None] = lambda _: None,
    ) -> None:
        self._ticked = ticked
        self._engine = engine
        self._clock = clock
        self._poll = poll
        self._working_poll = working_poll
        self._emit = emit
        self._stop = asyncio.Event()
        self._failures = 0
        self._wakes = wakes

    def request_stop(self) -> None:
        """Finish the tick that is under way, then stop. Safe to call from a signal handler."""
        self._stop.set()

    async def run(self) -> None:
        """Tick until stopped. Raises what no retry can mend: Refused, SafetyStop, JournalError."""
        if self._wakes is not None:
            await self._wakes.start()
        try:
            with suppress(StoryEnded):  # in the middle of a tick: a read that was to be tried again later
                while not self._stop.is_set() and await self._wait(await self._one()):
                    pass
        except SafetyStop as stop:
            self._emit("safety.stopped", message=str(stop), code=stop.code)
            raise
        await self._withdraw()

    async def _one(self) -> Millis:
        """One tick; the instant of the next."""
        pushed = self._wakes.ticking() if self._wakes is not None else None
        try:
            report = await self._engine.tick(pushed)
        except Unavailable as away:
            return self._retry_at(away)
        if self._wakes is not None:
            self._wakes.ticked(self._engine.watch(), acted=report.acted)
        self._ticked(report.at)
        if self._failures:
            self._emit("venue.back", failures=self._failures)
            self._failures = 0
        return next_on_grid(
            self._clock.now(), self._clock.origin, self._working_poll if report.working else self._poll,
        )

    def _retry_at(self, away: Unavailable) -> Millis:
        if not self._failures:
            self._emit("venue.unavailable", message=str(away))
        delay = min(FIRST_RETRY << min(self._failures, 10), LONGEST_RETRY)
        if isinstance(away, RateLimited) and away.retry_after is not None:
            delay = max(delay, round(away.retry_after * SECOND))
        self._failures += 1
        return self._clock.now() + delay

    async def _wait(self, until: Millis) -> bool:
        """Sleep; False when the story has ended."""
        # While the venue is away, no stream hurries the next attempt.
        sleeper = self._clock if self._wakes is None or self._failures else self._wakes
        sleeping = asyncio.ensure_future(sleeper.sleep_until(until))
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({sleeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if sleeping.done():
                sleeping.result()
        except StoryEnded:
            return False
        except Unavailable as away:
            # The clock itself is away (a testnet that was stopped): wait in the only time that is left.
            self._retry_at(away)
            await asyncio.sleep(min(self._failures, 10))
        finally:
            for task in (sleeping, stopping):
                task.cancel()
            await asyncio.gather(sleeping, stopping, return_exceptions=True)
        return True

    async def _withdraw(self) -> None:
        try:
            withdrawn = await self._engine.stop()
        except (Unavailable, StoryEnded) as away:
            self._emit("daemon.stopped", withdrawn=0, message=f"resting increases could not be withdrawn: {away}")
        else:
            self._emit("daemon.stopped", withdrawn=withdrawn, message="hedges stay as they are")
