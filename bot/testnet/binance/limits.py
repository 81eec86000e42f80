"""Request weights and order counts, per story minute, with Binance's headers, 429 and 418 (EXCHANGES §8)."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.core.times import DAY, MINUTE, SECOND, Millis
from bot.testnet.binance.errors import ApiError

STUBBORN = 20
"""Requests after a 429 in the same minute that turn it into a ban. Binance does not publish its number."""
FIRST_BAN: Millis = 2 * MINUTE
LONGEST_BAN: Millis = 3 * DAY


@dataclass(slots=True)
class _Window:
    """Counts within one interval: "300 orders per 10 seconds"."""

    header: str
    words: str
    length: Millis
    most: int
    started: Millis = -1
    count: int = 0

    def turn(self, now: Millis) -> None:
        started = now - now % self.length
        if started != self.started:
            self.started, self.count = started, 0


@dataclass(slots=True)
class Limits:
    """The budget of one address on one of the two APIs. All times are the story's."""

    weight: _Window
    orders: tuple[_Window, ...]
    _stubborn: int = 0
    _banned_until: Millis = 0
    _next_ban: Millis = field(default=FIRST_BAN)

    def spend(self, weight: int, now: Millis) -> None:
        """Charge a request. Raises ApiError −1003: 429 when the minute is spent, 418 when the caller goes on."""
        if now < self._banned_until:
            raise self._ban(now)
        if self.weight.started != now - now % MINUTE:
            self._stubborn = 0
        self.weight.turn(now)
        if self.weight.count + weight <= self.weight.most:
            self.weight.count += weight
            return
        self._stubborn += 1
        if self._stubborn > STUBBORN:
            self._banned_until = now + self._next_ban
            self._next_ban = min(self._next_ban * 4, LONGEST_BAN)
            self._stubborn = 0
            raise self._ban(now)
        wait = _seconds(self.weight.started + MINUTE - now)
        raise ApiError(-1003, self.weight.most, headers={"Retry-After": wait, **self.headers()})

    def _ban(self, now: Millis) -> ApiError:
        return ApiError(
            -1003, status=418, headers={"Retry-After": _seconds(self._banned_until - now)},
            message=f"Way too many requests; IP banned until {self._banned_until}. Please use the websocket for live "
                    "updates to avoid bans.",
        )

    def count_order(self, now: Millis) -> None:
        """Charge one new or amended order. Raises ApiError −1015 (429 without Retry-After) when a window is full."""
        for window in self.orders:
            window.turn(now)
            if window.count >= window.most:
                raise ApiError(-1015, window.most, window.words, headers=self.headers())
        for window in self.orders:
            window.count += 1

    def headers(self, with_orders: bool = False) -> dict[str, str]:
        """The counters as Binance sends them back; order counts only on replies to orders."""
        found = {self.weight.header: str(self.weight.count)}
        if with_orders:
            found.update({window.header: str(window.count) for window in self.orders})
        return found


def _seconds(wait: Millis) -> str:
    return str(max(1, -(-wait // SECOND)))


def futures_limits() -> Limits:
    """USD-M: weight 2400 a minute, 300 orders per 10 seconds and 1200 a minute."""
    return Limits(
        _Window("X-MBX-USED-WEIGHT-1M", "1 MINUTE", MINUTE, 2_400),
        (_Window("X-MBX-ORDER-COUNT-10S", "10 SECOND", 10 * SECOND, 300),
         _Window("X-MBX-ORDER-COUNT-1M", "1 MINUTE", MINUTE, 1_200)),
    )


def spot_limits() -> Limits:
    """Spot: weight 6000 a minute, 100 orders per 10 seconds and 200000 a day."""
    return Limits(
        _Window("X-MBX-USED-WEIGHT-1M", "1 MINUTE", MINUTE, 6_000),
        (_Window("X-MBX-ORDER-COUNT-10S", "10 SECOND", 10 * SECOND, 100),
         _Window("X-MBX-ORDER-COUNT-1D", "1 DAY", DAY, 200_000)),
    )
