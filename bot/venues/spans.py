"""A long time in spans as long as one query may ask for."""

from __future__ import annotations

from collections.abc import Iterator

from bot.core.times import DAY, Millis

LONGEST_SPAN: Millis = 7 * DAY
"""How far apart start and end of one query may be, on Binance (spot apart: a day) and on Bybit."""


def spans(since: Millis, now: Millis, longest: Millis = LONGEST_SPAN) -> Iterator[tuple[Millis, Millis]]:
    """Consecutive spans from `since` that reach past `now`."""
    start = since
    while start <= now:
        yield start, start + longest - 1
        start += longest
