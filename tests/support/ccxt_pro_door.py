"""The unmodified ccxt.pro clients in front of a local testnet: only where their requests and sockets go is changed."""

from __future__ import annotations

import asyncio
from typing import Any

import ccxt.pro as ccxtpro
from bybit_door import LocalBybit
from ccxt_door import LocalBinance
from yarl import URL


def lead_home(client: Any, wire: str) -> Any:
    """Have a socket of ccxt.pro open at the testnet, while its `url` stays the venue's own."""
    logical = URL(client.url)
    local = URL(wire.replace("http", "ws", 1)).with_path(logical.path).with_query(logical.query)

    async def create_connection(session: Any) -> Any:
        return await session.ws_connect(str(local), autoping=False, autoclose=False, compress=15)

    client.create_connection = create_connection
    return client


class ProBinance(LocalBinance, ccxtpro.binance):  # type: ignore[misc]  # ccxt ships no usable types
    """Spot and USD-M on the demo environment's addresses. Its clock is the story's, as far as it was last heard of."""

    story = 0

    def milliseconds(self) -> int:
        return self.story

    def client(self, url: Any) -> Any:
        found = super().client(url)
        return found if "://" not in url else lead_home(found, self.wire)


class ProBybit(LocalBybit, ccxtpro.bybit):  # type: ignore[misc]  # ccxt ships no usable types
    """Bybit on its testnet's addresses."""

    story = 0

    def milliseconds(self) -> int:
        return self.story

    def client(self, url: Any) -> Any:
        return lead_home(super().client(url), self.wire)


def pro_binance(url: str, now: int) -> ProBinance:
    """A client of the testnet at `url`, with the testnet's own key."""
    client = ProBinance({
        "apiKey": "local-key", "secret": "local-secret", "enableRateLimit": False, "newUpdates": True,
        "options": {"fetchCurrencies": False, "fetchMargins": False, "fetchMarkets": {"types": ["spot", "linear"]}},
    })
    client.enable_demo_trading(True)
    client.wire, client.story = url, now
    return client


def pro_bybit(url: str, now: int) -> ProBybit:
    """A client of the testnet at `url`, with the testnet's own key."""
    client = ProBybit({
        "apiKey": "local-key", "secret": "local-secret", "enableRateLimit": False, "newUpdates": True,
        "options": {"fetchMarkets": {"types": ["spot", "linear"]}, "enableUnifiedAccount": True,
                    "enableUnifiedMargin": False},
    })
    client.has["fetchCurrencies"] = False
    client.set_sandbox_mode(True)
    client.wire, client.story = url, now
    return client


async def soon(awaited: Any) -> Any:
    """What comes, within a few seconds."""
    return await asyncio.wait_for(awaited, 8)
