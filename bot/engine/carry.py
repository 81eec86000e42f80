"""What funding has cost a short lately: the three days behind the opening guard (DOMAIN §6.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from bot.core.market import Asset, Snapshot
from bot.core.money import ZERO
from bot.core.times import DAY, HOUR, MINUTE, YEAR, Millis
from bot.errors import Unavailable
from bot.ports import Clock, Settlement, Venue

TRAILING = 3 * DAY


def trailing_carry(settlements: Sequence[Settlement], asset: Asset, now: Millis) -> Decimal | None:
    """A short's funding cost over the last three days as a fraction of notional a year; negative when it was paid.

    A positive rate is received by the short. None where nothing was settled in that time.
    """
    rates = [settled.rate for settled in settlements if settled.asset == asset and now - TRAILING < settled.at <= now]
    return -sum(rates, ZERO) * YEAR / TRAILING if rates else None


class Carry:
    """Keeps the last three days' settlements, read again after each. An outage leaves what is known, for a while."""

    def __init__(self, venue: Venue, clock: Clock, assets: Sequence[Asset]) -> None:
        self._venue = venue
        self._clock = clock
        self._assets = tuple(assets)
        self._settlements: tuple[Settlement, ...] = ()
        self._due: Millis | None = None

    async def follow(self, snapshot: Snapshot) -> None:
        """Read the settlements where one has passed since the last reading."""
        now = self._clock.now()
        if self._due is not None and now < self._due:
            return
        try:
            self._settlements = await self._venue.settlements(self._assets, now - TRAILING)
        except Unavailable:
            # It guards openings only: nothing else has to wait for it.
            self._due = now + MINUTE
            return
        coming = [quote.next_funding_at for quote in snapshot.quotes.values() if quote.next_funding_at is not None]
        self._due = max(min(coming, default=now + HOUR), now + MINUTE)

    def costs(self) -> Mapping[Asset, Decimal | None]:
        """Each coin's trailing cost now."""
        return {asset: trailing_carry(self._settlements, asset, self._clock.now()) for asset in self._assets}
