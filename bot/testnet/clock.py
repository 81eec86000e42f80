"""The story's time: stepped by one client that holds the lease, or tied to the wall clock at a chosen speed."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

from bot.core.times import SECOND, Millis


class LeaseHeld(Exception):
    """Another client moves the time; this one is a passenger."""


class NotStepped(Exception):
    """Time follows the wall clock; nobody moves it."""


class StoryClock:
    """The instant at which the testnet is. Never goes back, never beyond the story's end.

    `speed` None: stepped, moved by `advance` alone. Otherwise story seconds per wall second, from the first reading.
    `monotonic` is the wall, in seconds.
    """

    def __init__(
        self, origin: Millis, end: Millis, *, speed: Decimal | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.origin = origin
        self.end = end
        self.speed = speed
        self.holder: str | None = None
        self._now = origin
        self._monotonic = monotonic
        self._started = monotonic() if speed is not None else 0.0

    @property
    def mode(self) -> str:
        """'stepped' or 'wall'."""
        return "stepped" if self.speed is None else "wall"

    def now(self) -> Millis:
        """The present instant."""
        if self.speed is not None:
            elapsed = int((self._monotonic() - self._started) * float(self.speed) * SECOND)
            self._now = max(self._now, min(self.origin + elapsed, self.end))
        return self._now

    def advance(self, lease: str, until: Millis) -> Millis:
        """Take the lease, or hold it on, and step to `until`; where that lies behind, nothing moves.

        `until` is absolute, so a repeat is harmless; it is capped at the story's end. Returns the present instant.
        Raises LeaseHeld for another client, NotStepped when the wall clock rules.
        """
        if self.speed is not None:
            raise NotStepped
        if self.holder is None:
            self.holder = lease
        if self.holder != lease:
            raise LeaseHeld(self.holder)
        self._now = max(self._now, min(until, self.end))
        return self._now
