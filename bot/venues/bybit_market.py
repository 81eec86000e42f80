"""Bybit's market data for dry runs. See `watching`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.core.market import Asset, Instrument, WalletKind
from bot.ports import Depth, Market
from bot.venues import bybit_calls as calls
from bot.venues import bybit_specs as specs
from bot.venues.bybit import BybitVenue
from bot.venues.bybit_open import open_bybit
from bot.venues.bybit_replies import result
from bot.venues.depth import depth
from bot.venues.gateway import Params
from bot.venues.opening import market_maker
from bot.venues.watching import LEVELS, WatchedMarket


class BybitMarket(WatchedMarket[BybitVenue]):
    """`bot.ports.MarketData` of Bybit. Margin tiers are public there.

    Without a key, fees are the regular ones, and no coin counts as collateral: how much of it does, only an account is
    told.
    """

    kind = WalletKind.UNIFIED

    async def _public(self, assets: Sequence[Asset]) -> Mapping[Asset, Instrument]:
        markets = await self._venue.markets(assets)
        return await self._venue.specified(markets, dict.fromkeys(assets, specs.REGULAR_FEES), {})

    async def depth(self, asset: Asset, market: Market = Market.PERP) -> Depth:
        """The best fifty levels of each side."""
        category = "spot" if market is Market.SPOT else "linear"
        params: Params = {"category": category, "symbol": self._venue.names.native(asset), "limit": LEVELS}
        return await self._venue.read(calls.ORDER_BOOK, params, _depth)


def _depth(reply: object) -> Depth:
    book = result(reply, "orderbook")
    return depth(book.get("b"), book.get("a"))


make_bybit_market = market_maker(open_bybit, BybitMarket)
"""Opens Bybit's market data."""
