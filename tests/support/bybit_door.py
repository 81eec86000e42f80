"""The unmodified ccxt client of Bybit in front of a local testnet: only where its requests go is changed."""

from __future__ import annotations

from typing import Any

import ccxt.async_support as ccxt

LOGICAL = "https://api-testnet.bybit.com"


class LocalBybit(ccxt.bybit):  # type: ignore[misc]  # ccxt ships no usable types
    """Its `urls` stay those of the test environment."""

    wire = ""

    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        if not url.startswith(LOGICAL + "/"):
            raise AssertionError(f"a request to {url}")
        return await super().fetch(self.wire + url.removeprefix(LOGICAL), method, headers, body)


def local_bybit(url: str, **config: Any) -> LocalBybit:
    """A client of the testnet at `url`, with the testnet's own key."""
    client = LocalBybit({
        "apiKey": "local-key", "secret": "local-secret", "rateLimit": 1,
        "options": {"fetchMarkets": {"types": ["spot", "linear"]}, "adjustForTimeDifference": True},
        **config,
    })
    client.has["fetchCurrencies"] = False
    client.set_sandbox_mode(True)
    client.wire = url
    return client
