"""Bybit's market data for dry runs: what it shows to anybody, and with a read-only key what it shows to an account.

Nothing but GET ever leaves: the door is opened for looking only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.core.market import Asset, Instrument, WalletKind
from bot.core.times import Millis
from bot.environment import Environment
from bot.ports import Balances, Clock, Depth, MarketData, Prices, Settlement
from bot.venues import bybit_calls as calls
from bot.venues import bybit_specs as specs
from bot.venues.bybit import BybitVenue, open_bybit
from bot.venues.bybit_replies import result
from bot.venues.depth import depth
from bot.venues.gateway import Params

LEVELS = 50


class BybitMarket:
    """`bot.ports.MarketData` of Bybit. Margin tiers are public there.

    Without a key, fees are the regular ones, and no coin counts as collateral: how much of it does, only an account is
    told.
    """

    def __init__(self, venue: BybitVenue, *, keyed: bool) -> None:
        self._venue = venue
        self._keyed = keyed

    @property
    def name(self) -> str:
        """'bybit'."""
        return self._venue.name

    @property
    def wallet(self) -> WalletKind:
        """One for both."""
        return WalletKind.UNIFIED

    async def instruments(self, assets: Sequence[Asset]) -> Mapping[Asset, Instrument]:
        """Specifications; with a key with the account's own fees and collateral ratios."""
        if self._keyed:
            return await self._venue.instruments(assets)
        markets = await self._venue.markets(assets)
        return await self._venue.specified(markets, dict.fromkeys(assets, specs.REGULAR_FEES), {})

    async def prices(self) -> Prices:
        """Two requests at once."""
        return await self._venue.prices()

    async def depth(self, asset: Asset) -> Depth:
        """The best fifty levels of each side."""
        params: Params = {"category": "linear", "symbol": self._venue.names.native(asset), "limit": LEVELS}
        return await self._venue.read(calls.ORDER_BOOK, params, _depth)

    async def settlements(self, assets: Sequence[Asset], since: Millis) -> tuple[Settlement, ...]:
        """By coin, page after page."""
        return await self._venue.settlements(assets, since)

    async def balances(self) -> Balances | None:
        """With a key the account's own."""
        return await self._venue.balances() if self._keyed else None

    async def close(self) -> None:
        """Release sockets."""
        await self._venue.close()


def make_bybit_market(
    environment: Environment, *, clock: Clock, key: str, secret: str, assets: Sequence[Asset],
    settle: str = "USDT", cash: Sequence[str] = ("USDT",), local_url: str | None = None, timeout: float | None = None,
) -> MarketData:
    """Open Bybit's market data, without `key` and `secret` as anybody. No request is made yet.

    Raises ConfigError for an environment that Bybit lacks, or an address that is not this machine.
    """
    venue = open_bybit(
        environment, clock=clock, key=key, secret=secret, assets=assets, settle=settle, cash=cash,
        local_url=local_url, read_only=True, timeout=timeout,
    )
    return BybitMarket(venue, keyed=bool(key and secret))


def _depth(reply: object) -> Depth:
    book = result(reply, "orderbook")
    return depth(book.get("b"), book.get("a"))
