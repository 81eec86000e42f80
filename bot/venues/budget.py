"""How much may still be asked of a venue: a rolling window on our clock, in place of ccxt's own throttle.

ccxt's throttle reads the wall clock and makes a call pay for the one before it even after a long idle (EXCHANGES §9).
This one refills by time, waits only when the venue's real allowance is spent, and keeps a part of it for orders.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.core.times import MINUTE, SECOND, Millis
from bot.errors import RateLimited
from bot.ports import Clock


@dataclass(slots=True)
class Budget:
    """One allowance: at most `limit` in any `window`, of which only the urgent may use the last `reserve`."""

    clock: Clock
    limit: int
    reserve: int = 0
    window: Millis = MINUTE
    _spent: deque[tuple[Millis, int]] = field(default_factory=deque)
    _total: int = 0

    async def take(self, weight: int, *, urgent: bool = False) -> None:
        """Spend `weight`, first waiting until the window has room for it."""
        if self.spend(weight, urgent=urgent):
            return
        ceiling = self.limit if urgent else self.limit - self.reserve
        while (free_at := self._free_at(min(weight, ceiling), ceiling)) > self.clock.now():
            await self.clock.sleep_until(free_at)
        self._add(weight)

    def spend(self, weight: int, *, urgent: bool = False) -> bool:
        """Spend `weight` if there is room for it whatever the window has forgotten meanwhile."""
        if self._total + weight > (self.limit if urgent else self.limit - self.reserve):
            return False
        self._add(weight)
        return True

    def used(self) -> int:
        """What the window that ends now has seen."""
        self._forget()
        return self._total

    def correct(self, used: int) -> None:
        """Believe the venue when it counted more than we did (others share the address)."""
        if (unseen := used - self.used()) > 0:
            self._add(unseen)

    def _free_at(self, weight: int, ceiling: int) -> Millis:
        """The first instant at which `weight` more fits under `ceiling`."""
        self._forget()
        excess = self._total + weight - ceiling
        at = self.clock.now()
        for spent_at, spent in self._spent:
            if excess <= 0:
                break
            excess -= spent
            at = spent_at + self.window
        return at

    def _add(self, weight: int) -> None:
        if weight > 0:
            self._spent.append((self.clock.now(), weight))
            self._total += weight

    def _forget(self) -> None:
        horizon = self.clock.now() - self.window
        while self._spent and self._spent[0][0] <= horizon:
            self._total -= self._spent.popleft()[1]


@dataclass(slots=True)
class Budgets:
    """All allowances at one venue, by name, and the silence it may have asked for."""

    clock: Clock
    by_name: Mapping[str, Budget]
    _silent_until: Millis = 0

    async def take(self, costs: Mapping[str, int], *, urgent: bool) -> None:
        """Spend from each allowance named in `costs`. Raises RateLimited while the venue wants silence."""
        left = self._silent_until - self.clock.now()
        if left > 0:
            raise RateLimited(f"the venue wants silence for another {left / SECOND:.0f} s", left / SECOND)
        for name, weight in costs.items():
            budget = self.by_name[name]
            if not budget.spend(weight, urgent=urgent):
                await budget.take(weight, urgent=urgent)

    def silence(self, seconds: float) -> None:
        """Nothing may be asked for that long (429 with Retry-After, 418)."""
        self._silent_until = max(self._silent_until, self.clock.now() + int(seconds * SECOND))
