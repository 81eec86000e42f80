"""Binance's market data for dry runs: what it shows to anybody, and with a read-only key what it shows to an account.

Nothing but GET ever leaves: the door is opened for looking only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.core.market import Asset, Instrument, WalletKind
from bot.core.times import Millis
from bot.environment import Environment
from bot.ports import Balances, Clock, Depth, MarketData, Prices, Settlement
from bot.venues import binance_calls as calls
from bot.venues import binance_specs as specs
from bot.venues.binance import BinanceVenue, open_binance
from bot.venues.depth import depth
from bot.venues.gateway import Params, valid
from bot.venues.replies import row

LEVELS = 50


class BinanceMarket:
    """`bot.ports.MarketData` of Binance. Without a key, fees and margin tiers are cautious ones (`binance_specs`)."""

    def __init__(self, venue: BinanceVenue, *, keyed: bool) -> None:
        self._venue = venue
        self._keyed = keyed

    @property
    def name(self) -> str:
        """'binance'."""
        return self._venue.name

    @property
    def wallet(self) -> WalletKind:
        """Spot and futures apart."""
        return WalletKind.SEPARATE

    async def instruments(self, assets: Sequence[Asset]) -> Mapping[Asset, Instrument]:
        """Specifications; with a key with the account's own fees and tiers."""
        if self._keyed:
            return await self._venue.instruments(assets)
        markets = await self._venue.markets(assets)
        return valid(lambda: {
            asset: specs.instrument(
                asset, market=market, tiers=specs.CAUTIOUS_TIERS, fees=specs.REGULAR_FEES, names=self._venue.names,
            )
            for asset, market in markets.items()
        })

    async def prices(self) -> Prices:
        """Three requests at once."""
        return await self._venue.prices()

    async def depth(self, asset: Asset) -> Depth:
        """The best fifty levels of each side."""
        params: Params = {"symbol": self._venue.names.native(asset), "limit": LEVELS}
        return await self._venue.read(calls.DEPTH, params, _depth)

    async def settlements(self, assets: Sequence[Asset], since: Millis) -> tuple[Settlement, ...]:
        """By coin, page after page."""
        return await self._venue.settlements(assets, since)

    async def balances(self) -> Balances | None:
        """With a key the account's own."""
        return await self._venue.balances() if self._keyed else None

    async def close(self) -> None:
        """Release sockets."""
        await self._venue.close()


def make_binance_market(
    environment: Environment, *, clock: Clock, key: str, secret: str, assets: Sequence[Asset],
    settle: str = "USDT", cash: Sequence[str] = ("USDT",), local_url: str | None = None, timeout: float | None = None,
) -> MarketData:
    """Open Binance's market data, without `key` and `secret` as anybody. No request is made yet.

    Raises ConfigError for an environment that Binance lacks, or an address that is not this machine.
    """
    venue = open_binance(
        environment, clock=clock, key=key, secret=secret, assets=assets, settle=settle, cash=cash,
        local_url=local_url, read_only=True, timeout=timeout,
    )
    return BinanceMarket(venue, keyed=bool(key and secret))


def _depth(reply: object) -> Depth:
    book = row(reply, "depth")
    return depth(book.get("bids"), book.get("asks"))
