"""Which function opens which venue: the one table. Nothing of ccxt is loaded until one of them is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.core.market import Asset
from bot.environment import Environment
from bot.ports import Clock
from bot.venues.binance_market import make_binance_market
from bot.venues.binance_open import make_binance
from bot.venues.binance_stream import make_binance_stream
from bot.venues.bybit_market import make_bybit_market
from bot.venues.bybit_open import make_bybit
from bot.venues.bybit_stream import make_bybit_stream
from bot.venues.gateway import CcxtVenue
from bot.venues.opening import MakeMarket, MakeVenue
from bot.venues.stream import PushStream


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
