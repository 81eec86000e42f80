"""Binance's market data for dry runs. See `watching`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.core.market import Asset, Instrument, WalletKind
from bot.ports import Depth, Market
from bot.venues import binance_calls as calls
from bot.venues import binance_specs as specs
from bot.venues.binance import BinanceVenue
from bot.venues.binance_open import open_binance
from bot.venues.depth import depth
from bot.venues.gateway import Params, valid
from bot.venues.opening import market_maker
from bot.venues.replies import row
from bot.venues.watching import LEVELS, WatchedMarket


class BinanceMarket(WatchedMarket[BinanceVenue]):
    """`bot.ports.MarketData` of Binance. Without a key, fees and margin tiers are cautious ones (`binance_specs`)."""

    kind = WalletKind.SEPARATE

    async def _public(self, assets: Sequence[Asset]) -> Mapping[Asset, Instrument]:
        markets = await self._venue.markets(assets)
        return valid(lambda: {
            asset: specs.instrument(
                asset, market=market, tiers=specs.CAUTIOUS_TIERS, fees=specs.REGULAR_FEES, names=self._venue.names,
            )
            for asset, market in markets.items()
        })

    async def depth(self, asset: Asset, market: Market = Market.PERP) -> Depth:
        """The best fifty levels of each side."""
        params: Params = {"symbol": self._venue.names.native(asset), "limit": LEVELS}
        return await self._venue.read(calls.SPOT_DEPTH if market is Market.SPOT else calls.DEPTH, params, _depth)


def _depth(reply: object) -> Depth:
    book = row(reply, "depth")
    return depth(book.get("bids"), book.get("asks"))


make_binance_market = market_maker(open_binance, BinanceMarket)
"""Opens Binance's market data."""
