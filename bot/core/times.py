"""Instants are integers: milliseconds since 1970-01-01T00:00:00Z, as the exchanges speak them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeAlias

Millis: TypeAlias = int

SECOND: Millis = 1_000
MINUTE: Millis = 60 * SECOND
HOUR: Millis = 60 * MINUTE
DAY: Millis = 24 * HOUR
YEAR: Millis = 365 * DAY


def iso(at: Millis) -> str:
    """'2021-01-28T00:00:00Z', with milliseconds only where there are any."""
    moment = datetime.fromtimestamp(at / 1000, tz=UTC)
    return moment.isoformat(timespec="milliseconds" if at % SECOND else "seconds").replace("+00:00", "Z")


def parse_iso(text: str) -> Millis:
    """Milliseconds of an ISO date or date-time; UTC where no offset is given. Raises ValueError."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def next_on_grid(now: Millis, origin: Millis, period: Millis) -> Millis:
    """The first instant after `now` that is a whole number of `period`s (> 0) from `origin`."""
    return origin + ((now - origin) // period + 1) * period
