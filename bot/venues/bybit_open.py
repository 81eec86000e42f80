"""Opening a Bybit account: through which door, with which of ccxt's options."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from bot.core.market import Asset
from bot.core.times import Millis
from bot.environment import Environment
from bot.ports import Clock
from bot.venues import bybit_calls as calls
from bot.venues.bybit import NAME, RECV_WINDOW, BybitVenue
from bot.venues.lean import exchange_class
from bot.venues.opening import account_maker
from bot.venues.portfolio import OPEN_ORDERS_EVERY
from bot.venues.transport import Door, guarded


def open_bybit(
    environment: Environment, *, clock: Clock, key: str, secret: str, assets: Sequence[Asset], settle: str,
    cash: Sequence[str], local_url: str | None, read_only: bool, timeout: float | None,
    open_orders_every: Millis = OPEN_ORDERS_EVERY,
) -> BybitVenue:
    """See `bot.venues.opening.OpenVenue`."""
    door = Door(
        NAME, environment, clock, calls.budgets(clock), local_url=local_url, read_only=read_only, timeout=timeout,
        silence=calls.silence,
    )
    exchange = guarded(exchange_class(NAME), door, {
        "apiKey": key, "secret": secret, "options": {"recvWindow": RECV_WINDOW, "timeDifference": 0},
    })
    return BybitVenue(
        exchange, clock, assets=assets, settle=settle, cash=cash, open_orders_every=open_orders_every,
        key_id=f"key-{hashlib.sha256(key.encode()).hexdigest()[:12]}",
        tells_key=environment is not Environment.DEMO,
    )


make_bybit = account_maker(NAME, open_bybit)
"""Opens one Bybit account."""
