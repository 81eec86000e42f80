"""What funding has cost a short lately: the three days behind the opening guard (DOMAIN §6.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from bot.core.advice import LOOK_BACK, Advice, advise_all
from bot.core.decision import Action, Decision
from bot.core.market import Asset, Snapshot
from bot.core.money import ZERO
from bot.core.policy import Terms
from bot.core.tax import TaxPolicy
from bot.core.times import DAY, HOUR, MINUTE, YEAR, Millis
from bot.errors import Unavailable
from bot.ports import NO_ADVICE, Clock, Settlement, Venue

TRAILING = 3 * DAY


def trailing_carry(settlements: Sequence[Settlement], asset: Asset, now: Millis) -> Decimal | None:
    """A short's funding cost over the last three days as a fraction of notional a year; negative when it was paid.

    A positive rate is received by the short. None where nothing was settled in that time.
    """
    rates = [settled.rate for settled in settlements if settled.asset == asset and now - TRAILING < settled.at <= now]
    return -sum(rates, ZERO) * YEAR / TRAILING if rates else None


class Carry:
    """Keeps the last three days' settlements, read again after each. An outage leaves what is known, for a while.

    `advises`: a month of them is kept, and what opens a hedge comes with advice.
    """

    def __init__(
        self, venue: Venue, clock: Clock, assets: Sequence[Asset], *, advises: bool = False,
        tax: TaxPolicy | None = None,
    ) -> None:
        self._venue = venue
        self._clock = clock
        self._assets = tuple(assets)
        self._settlements: tuple[Settlement, ...] = ()
        self._due: Millis | None = None
        self._advises = advises
        self._tax = tax

    async def follow(self, snapshot: Snapshot) -> None:
        """Read the settlements where one has passed since the last reading."""
        now = self._clock.now()
        if self._due is not None and now < self._due:
            return
        try:
            since = now - (LOOK_BACK if self._advises else TRAILING)
            self._settlements = await self._venue.settlements(self._assets, since)
        except Unavailable:
            # It guards openings only: nothing else has to wait for it.
            self._due = now + MINUTE
            return
        coming = [quote.next_funding_at for quote in snapshot.quotes.values() if quote.next_funding_at is not None]
        self._due = max(min(coming, default=now + HOUR), now + MINUTE)

    def costs(self) -> Mapping[Asset, Decimal | None]:
        """Each coin's trailing cost now."""
        return {asset: trailing_carry(self._settlements, asset, self._clock.now()) for asset in self._assets}

    def advice(self, decision: Decision, snapshot: Snapshot, terms: Terms) -> Mapping[Asset, Advice]:
        """On every coin of which this decision opens a hedge: was that, or a sale, the cheaper way?"""
        opened = {one.asset for one in decision.assets if one.intent is not None and one.intent.action is Action.OPEN}
        if not self._advises or not opened:
            return NO_ADVICE
        rates = [(one.asset, one.at, one.rate) for one in self._settlements]
        found = advise_all(decision, snapshot, terms, rates, self._tax)
        return {asset: advice for asset, advice in found.items() if asset in opened}
