"""Opening a venue's account, its market data or its pushes: the same for every venue but for what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from bot.core.market import Asset
from bot.core.times import Millis
from bot.environment import Environment
from bot.errors import ConfigError
from bot.ports import Clock, MarketData
from bot.venues.budget import Budgets
from bot.venues.gateway import CcxtVenue
from bot.venues.lean import stream_class
from bot.venues.portfolio import OPEN_ORDERS_EVERY, PortfolioVenue
from bot.venues.transport import Door, Foreign, guarded

V = TypeVar("V", bound=PortfolioVenue)
V_co = TypeVar("V_co", bound=PortfolioVenue, covariant=True)
V_contra = TypeVar("V_contra", bound=PortfolioVenue, contravariant=True)


class MakeVenue(Protocol):
    """Opens one account. No request is made yet.

    `timeout` in real seconds; by default 0.5 in `local`, 10 elsewhere. `read_only`: nothing but GET ever leaves.
    Raises ConfigError for an environment that the venue lacks, an address that is not this machine, a missing key.
    """

    def __call__(
        self, environment: Environment, *, clock: Clock, key: str, secret: str, assets: Sequence[Asset],
        settle: str = ..., cash: Sequence[str] = ..., local_url: str | None = ..., read_only: bool = ...,
        timeout: float | None = ..., open_orders_every: Millis = ...,
    ) -> CcxtVenue:
        """See above."""


class MakeMarket(Protocol):
    """Opens a venue's market data, without `key` and `secret` as anybody. Otherwise as `MakeVenue`."""

    def __call__(
        self, environment: Environment, *, clock: Clock, key: str, secret: str, assets: Sequence[Asset],
        settle: str = ..., cash: Sequence[str] = ..., local_url: str | None = ..., timeout: float | None = ...,
    ) -> MarketData:
        """See above."""


class OpenVenue(Protocol[V_co]):
    """A venue's own part of it. Without a key, what needs none can be read. Otherwise as `MakeVenue`."""

    def __call__(
        self, environment: Environment, *, clock: Clock, key: str, secret: str, assets: Sequence[Asset], settle: str,
        cash: Sequence[str], local_url: str | None, read_only: bool, timeout: float | None,
        open_orders_every: Millis = ...,
    ) -> V_co:
        """See above."""


def account_maker(name: str, open_account: OpenVenue[PortfolioVenue]) -> MakeVenue:
    """A `MakeVenue` of the venue that is called `name`."""

    def make(
        environment: Environment, *, clock: Clock, key: str, secret: str, assets: Sequence[Asset],
        settle: str = "USDT", cash: Sequence[str] = ("USDT",), local_url: str | None = None, read_only: bool = False,
        timeout: float | None = None, open_orders_every: Millis = OPEN_ORDERS_EVERY,
    ) -> CcxtVenue:
        if not key or not secret:
            raise ConfigError(f"{name} {environment.value} needs an API key and its secret")
        return open_account(
            environment, clock=clock, key=key, secret=secret, assets=assets, settle=settle, cash=cash,
            local_url=local_url, read_only=read_only, timeout=timeout, open_orders_every=open_orders_every,
        )

    return make


class ShowMarket(Protocol[V_contra]):
    """Makes market data of a venue's object; `keyed`: whether that has a key."""

    def __call__(self, venue: V_contra, *, keyed: bool) -> MarketData:
        """See above."""


def market_maker(open_account: OpenVenue[V], show: ShowMarket[V]) -> MakeMarket:
    """A `MakeMarket` from what opens the venue; nothing but GET ever leaves."""

    def make(
        environment: Environment, *, clock: Clock, key: str, secret: str, assets: Sequence[Asset],
        settle: str = "USDT", cash: Sequence[str] = ("USDT",), local_url: str | None = None,
        timeout: float | None = None,
    ) -> MarketData:
        venue = open_account(
            environment, clock=clock, key=key, secret=secret, assets=assets, settle=settle, cash=cash,
            local_url=local_url, read_only=True, timeout=timeout,
        )
        return show(venue, keyed=bool(key and secret))

    return make


def stream_exchange(
    name: str, environment: Environment, clock: Clock, budgets: Budgets, *, key: str, secret: str,
    recv_window: Millis, local_url: str | None,
) -> Foreign:
    """Ccxt.pro's object of a venue, behind a door that lets nothing but GET out. Raises as `MakeVenue`."""
    door = Door(name, environment, clock, budgets, local_url=local_url, read_only=True)
    return guarded(stream_class(name), door, {
        "apiKey": key, "secret": secret, "options": {"recvWindow": recv_window, "timeDifference": 0},
    })
