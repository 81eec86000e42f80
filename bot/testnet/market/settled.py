"""A market story whose funding is settled at other intervals than it tells, from some instant on."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.core.market import Asset
from bot.core.money import reckoned, to_ledger
from bot.core.times import Millis
from bot.paper.feed import Feed


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """From `since` on settlements are `interval` ms apart, at whole multiples of it."""

    since: Millis
    interval: Millis


class SettledAnew:
    """`feed`, but for its settlements. What a position pays in a day stays: a shorter interval has a smaller rate."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._changes: dict[Asset, list[Change]] = {}
        # Asked all the time, and not altered: no further call in between.
        self.at = feed.at
        self.mark = feed.mark

    @property
    def assets(self) -> Sequence[Asset]:
        """See `Feed`."""
        return self._feed.assets

    @property
    def start(self) -> Millis:
        """See `Feed`."""
        return self._feed.start

    @property
    def end(self) -> Millis:
        """See `Feed`."""
        return self._feed.end

    @property
    def step(self) -> Millis:
        """See `Feed`."""
        return self._feed.step

    def settle_every(self, asset: Asset, interval: Millis, since: Millis) -> None:
        """Settle this coin's funding at that interval after `since`."""
        insort(self._changes.setdefault(asset, []), Change(since, interval))

    def funding_interval(self, asset: Asset, at: Millis) -> Millis:
        """See `Feed`."""
        change = self._in_force(asset, at)
        return self._feed.funding_interval(asset, at) if change is None else change.interval

    def next_funding(self, asset: Asset, after: Millis) -> Millis:
        """See `Feed`."""
        changes = self._changes.get(asset)
        settlement = self._feed.next_funding(asset, after)
        if not changes or settlement <= changes[0].since:
            return settlement
        for place, change in enumerate(changes, 1):
            settlement = (max(after, change.since) // change.interval + 1) * change.interval
            if place == len(changes) or settlement <= changes[place].since:
                break
        return settlement

    @reckoned
    def funding_rate(self, asset: Asset, settlement: Millis) -> Decimal:
        """See `Feed`."""
        change = self._in_force(asset, settlement - 1)
        if change is None:
            return self._feed.funding_rate(asset, settlement)
        told = self._feed.next_funding(asset, settlement - 1)
        share = change.interval / Decimal(self._feed.funding_interval(asset, settlement))
        return to_ledger(self._feed.funding_rate(asset, told) * share)

    def _in_force(self, asset: Asset, at: Millis) -> Change | None:
        return next((change for change in reversed(self._changes.get(asset, ())) if change.since <= at), None)
