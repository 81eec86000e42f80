"""Request budgets in story time: 600 per 5 seconds and address, and each account's per second and endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.core.times import MINUTE, SECOND, Millis
from bot.testnet.bybit.errors import ApiError

ADDRESS_WINDOW: Millis = 5 * SECOND
ADDRESS_MOST = 600
SHUT_OUT: Millis = 10 * MINUTE
"""How long an address that asked too often is refused."""


@dataclass(slots=True)
class AddressLimit:
    """Requests of one address. All times are the story's."""

    _started: Millis = -1
    _count: int = 0
    _until: Millis = 0

    def spend(self, now: Millis) -> None:
        """Count a request. Raises ApiError 10018 (HTTP 403) beyond the limit, and for ten minutes after."""
        if now < self._until:
            raise ApiError(10018)
        started = now - now % ADDRESS_WINDOW
        if started != self._started:
            self._started, self._count = started, 0
        self._count += 1
        if self._count > ADDRESS_MOST:
            self._until = now + SHUT_OUT
            raise ApiError(10018)


@dataclass(slots=True)
class AccountLimits:
    """Signed requests of one account, per endpoint (and category) and second."""

    _windows: dict[tuple[str, ...], tuple[Millis, int]] = field(default_factory=dict)

    def spend(self, place: tuple[str, ...], most: int, now: Millis) -> dict[str, str]:
        """Count a request and give the headers that tell so. Raises TooMany beyond the limit."""
        second = now - now % SECOND
        started, count = self._windows.get(place, (second, 0))
        if started != second:
            count = 0
        if count >= most:
            raise TooMany(headers(most, 0, second + SECOND))
        self._windows[place] = (second, count + 1)
        return headers(most, most - count - 1, now)


class TooMany(ApiError):
    """10006, with the headers that say when the budget is new."""

    def __init__(self, sent: dict[str, str]) -> None:
        super().__init__(10006)
        self.headers = sent


def headers(most: int, left: int, reset: Millis) -> dict[str, str]:
    """The counters as Bybit sends them: the limit, what is left of it, and when it is new."""
    return {
        "X-Bapi-Limit": str(most), "X-Bapi-Limit-Status": str(left), "X-Bapi-Limit-Reset-Timestamp": str(reset),
    }
