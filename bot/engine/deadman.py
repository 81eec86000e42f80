"""The venue's own dead-man's switch: should the bot fall silent, the venue withdraws the orders that rest.

Set after the first order on a symbol, renewed while one rests, taken back when none does and at an orderly stop. The
venue then withdraws every order on the symbol, whoever's, reduce-only ones too. Nothing depends on it: where it cannot
be set, that is said, and trading goes on.
"""

from __future__ import annotations

from collections.abc import Collection

from bot.core.orders import RENEW, SILENCE
from bot.core.times import SECOND, Millis
from bot.engine.report import Reporter
from bot.errors import Refused, SafetyStop, Unavailable, Uncertain
from bot.ports import Clock, DeadMansSwitch, Venue


class DeadMan:
    """Keeps the switches of the symbols on which something of ours rests."""

    def __init__(self, venue: Venue, clock: Clock, report: Reporter, *, wanted: bool = True) -> None:
        self._switch = venue if wanted and isinstance(venue, DeadMansSwitch) else None
        self._clock = clock
        self._report = report
        self._set: dict[str, Millis] = {}
        self._asked: dict[str, Millis] = {}
        self._failing: set[str] = set()

    async def tend(self, resting: Collection[str]) -> None:
        """Set, renew and take back, where it is due. `resting`: the symbols with orders of ours. Raises SafetyStop."""
        if self._switch is None:
            return
        now = self._clock.now()
        for symbol in sorted(resting):
            if now - self._asked.get(symbol, now - RENEW) >= RENEW:
                self._asked[symbol] = now
                await self._count(symbol, SILENCE)
        for symbol in sorted(self._set.keys() - set(resting)):
            await self._count(symbol, 0)
        for symbol in sorted(self._failing - set(resting)):
            self._failing.discard(symbol)
            self._asked.pop(symbol, None)
            self._report.say("switch.idle", symbol=symbol, message=(
                f"{symbol}: no order rests any more, so the dead man's switch is not needed"))

    async def release(self) -> None:
        """Take all back: an orderly stop."""
        await self.tend(())

    async def _count(self, symbol: str, wait: Millis) -> None:
        if self._switch is None:
            return
        try:
            await self._switch.countdown(symbol, wait)
        except SafetyStop:
            raise
        except (Unavailable, Refused, Uncertain) as error:
            if wait:
                self._failed(symbol, str(error))
            elif self._clock.now() - self._set[symbol] > SILENCE:
                self._forget(symbol)  # it has run out by itself
        else:
            if not wait:
                self._forget(symbol)
                return
            if symbol not in self._set or symbol in self._failing:
                self._report.say("switch.set", symbol=symbol, message=(
                    f"{symbol}: the venue withdraws every order there, should the bot be silent for {wait // SECOND} "
                    "s"))
            self._failing.discard(symbol)
            self._set[symbol] = self._clock.now()

    def _failed(self, symbol: str, why: str) -> None:
        if symbol not in self._failing:
            self._failing.add(symbol)
            self._report.say("switch.failed", symbol=symbol, message=(
                f"{symbol}: the dead man's switch was not set: {why}; orders that rest stay where they are should the "
                "bot fall silent"))

    def _forget(self, symbol: str) -> None:
        self._set.pop(symbol, None)
        self._asked.pop(symbol, None)
