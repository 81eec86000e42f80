"""Opening a Binance account: through which door, with which of ccxt's options."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.market import Asset
from bot.core.times import Millis
from bot.environment import Environment
from bot.ports import Clock
from bot.venues import binance_calls as calls
from bot.venues.binance import NAME, RECV_WINDOW, BinanceVenue
from bot.venues.lean import exchange_class
from bot.venues.opening import account_maker
from bot.venues.portfolio import OPEN_ORDERS_EVERY
from bot.venues.transport import Door, guarded

DEMO_SAPI = "https://demo-api.binance.com/sapi/v1"


def open_binance(
    environment: Environment, *, clock: Clock, key: str, secret: str, assets: Sequence[Asset], settle: str,
    cash: Sequence[str], local_url: str | None, read_only: bool, timeout: float | None,
    open_orders_every: Millis = OPEN_ORDERS_EVERY,
) -> BinanceVenue:
    """See `bot.venues.opening.OpenVenue`."""
    door = Door(
        NAME, environment, clock, calls.budgets(clock), local_url=local_url, read_only=read_only, timeout=timeout,
        used_headers=calls.USED_HEADERS,
    )
    exchange = guarded(exchange_class(NAME), door, {
        "apiKey": key,
        "secret": secret,
        "options": {"recvWindow": RECV_WINDOW, "timeDifference": 0, "warnOnFetchOpenOrdersWithoutSymbol": False},
    })
    if environment is Environment.LOCAL:  # ccxt has no address for it in the demo, which `local` stands for
        exchange.urls["api"]["sapi"] = DEMO_SAPI
    return BinanceVenue(
        exchange, clock, assets=assets, settle=settle, cash=cash, open_orders_every=open_orders_every,
        tells_key=environment in (Environment.LOCAL, Environment.LIVE),
    )


make_binance = account_maker(NAME, open_binance)
"""Opens one Binance account."""
