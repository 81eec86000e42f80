"""What the feeds of prices of both venues have in common: which coins, on whose clock, and that nothing comes twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from bot.core.market import Asset
from bot.core.times import Millis
from bot.ports import Marked, Market
from bot.venues.names import Names
from bot.venues.stream import Feed, Fresh, Heard
from bot.venues.transport import Foreign


class PriceFeed(Feed):
    """Prices of some coins. `ahead`: by how much our clock is ahead of the venue's, in ms."""

    def __init__(
        self, exchange: Foreign, names: Names, assets: Sequence[Asset], *, ahead: Callable[[], Millis] = lambda: 0,
    ) -> None:
        self._exchange = exchange
        self._ahead = ahead
        self._assets = {names.native(asset): asset for asset in assets}
        self._fresh = Fresh()


class TouchFeed(PriceFeed):
    """Best bids and asks of one market."""

    def __init__(
        self, exchange: Foreign, names: Names, assets: Sequence[Asset], market: Market, *,
        ahead: Callable[[], Millis] = lambda: 0,
    ) -> None:
        super().__init__(exchange, names, assets, ahead=ahead)
        self.name = "spot prices" if market is Market.SPOT else "perpetual prices"
        self._market = market


class MarkFeed(PriceFeed):
    """Marks, indexes and the funding to come."""

    name = "mark prices"

    def _marked(
        self, name: str, mark: Decimal, index: Decimal | None, at: Millis, *, rate: Decimal | None,
        following: Millis | None,
    ) -> Sequence[Heard]:
        """What a frame tells of the coin that the venue calls `name`; both instants are the venue's."""
        if name not in self._assets or not self._fresh.new(name, (at, mark, index)):
            return ()
        ahead = self._ahead()
        return (Marked(self._assets[name], mark, index, at + ahead, rate,
                       None if following is None else following + ahead),)
