"""A venue's market data for dry runs: what it shows to anybody, and with a read-only key what it shows to an account.

Nothing but GET ever leaves: the door is opened for looking only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

from bot.core.market import Asset, Instrument, WalletKind
from bot.core.times import Millis
from bot.ports import Balances, Depth, Market, Prices, Settlement
from bot.venues.portfolio import PortfolioVenue

V = TypeVar("V", bound=PortfolioVenue)
LEVELS = 50


class WatchedMarket(ABC, Generic[V]):
    """`bot.ports.MarketData` of one venue's object, which has a key or (`keyed` False) not."""

    kind: ClassVar[WalletKind]

    def __init__(self, venue: V, *, keyed: bool) -> None:
        self._venue = venue
        self._keyed = keyed

    @property
    def name(self) -> str:
        """The exchange."""
        return self._venue.name

    @property
    def wallet(self) -> WalletKind:
        """Which kind of account the venue has."""
        return self.kind

    async def instruments(self, assets: Sequence[Asset]) -> Mapping[Asset, Instrument]:
        """Specifications; with a key with what the venue tells the account alone."""
        return await self._venue.instruments(assets) if self._keyed else await self._public(assets)

    @abstractmethod
    async def _public(self, assets: Sequence[Asset]) -> Mapping[Asset, Instrument]:
        """Specifications without a key."""

    async def prices(self) -> Prices:
        """All at once."""
        return await self._venue.prices()

    @abstractmethod
    async def depth(self, asset: Asset, market: Market = Market.PERP) -> Depth:
        """The best fifty levels of each side."""

    async def settlements(self, assets: Sequence[Asset], since: Millis) -> tuple[Settlement, ...]:
        """By coin, page after page."""
        return await self._venue.settlements(assets, since)

    async def balances(self) -> Balances | None:
        """With a key the account's own."""
        return await self._venue.balances() if self._keyed else None

    async def close(self) -> None:
        """Release sockets."""
        await self._venue.close()
