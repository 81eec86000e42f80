"""Which function opens which venue: the one table. Nothing of ccxt is loaded until one of them is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.core.market import Asset
from bot.environment import Environment
from bot.ports import Clock, MarketData, Venue
from bot.venues.binance import make_binance
from bot.venues.binance_market import make_binance_market
from bot.venues.binance_stream import make_binance_stream
from bot.venues.bybit import make_bybit
from bot.venues.bybit_market import make_bybit_market
from bot.venues.bybit_stream import make_bybit_stream
from bot.venues.gateway import CcxtVenue
from bot.venues.stream import PushStream


class MakeVenue(Protocol):
    """Opens one account. No request is made yet.

    `timeout` in real seconds, by default the environment's own. `read_only`: nothing but GET ever leaves.
    Raises ConfigError for an environment that the venue lacks, an address that is not this machine, a missing key.
    """

    def __call__(
        self, environment: Environment, *, clock: Clock, key: str, secret: str, assets: Sequence[Asset],
        settle: str = ..., cash: Sequence[str] = ..., local_url: str | None = ..., read_only: bool = ...,
        timeout: float | None = ...,
    ) -> Venue:
        """See above."""


class MakeMarket(Protocol):
    """Opens a venue's market data, without `key` and `secret` as anybody. Otherwise as `MakeVenue`."""

    def __call__(
        self, environment: Environment, *, clock: Clock, key: str, secret: str, assets: Sequence[Asset],
        settle: str = ..., cash: Sequence[str] = ..., local_url: str | None = ..., timeout: float | None = ...,
    ) -> MarketData:
        """See above."""


class MakeStream(Protocol):
    """Opens what a venue pushes of these coins and of the account of `venue`. No connection is made yet.

    `silence`: real seconds. `marks`: marks and indexes too. Raises as `MakeVenue`.
    """

    def __call__(
        self, venue: CcxtVenue, environment: Environment, *, clock: Clock, key: str, secret: str,
        assets: Sequence[Asset], settle: str, local_url: str | None, silence: float, marks: bool = ...,
    ) -> PushStream:
        """See above."""


ACCOUNTS: Mapping[str, MakeVenue] = {"binance": make_binance, "bybit": make_bybit}
MARKETS: Mapping[str, MakeMarket] = {"binance": make_binance_market, "bybit": make_bybit_market}
STREAMS: Mapping[str, MakeStream] = {"binance": make_binance_stream, "bybit": make_bybit_stream}
