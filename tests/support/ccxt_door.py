"""The unmodified ccxt client in front of a local testnet: only where its requests go is changed (EXCHANGES §8)."""

from __future__ import annotations

from typing import Any

import ccxt.async_support as ccxt

LOGICAL = ("https://demo-api.binance.com", "https://demo-fapi.binance.com")


class LocalBinance(ccxt.binance):  # type: ignore[misc]  # ccxt ships no usable types
    """Its `urls` stay those of the demo environment, so that it picks its error tables as it would there."""

    wire = ""

    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        for host in LOGICAL:
            if url.startswith(host + "/"):
                return await super().fetch(self.wire + url.removeprefix(host), method, headers, body)
        raise AssertionError(f"a request to {url}")

    def handle_errors(self, code: int, reason: str, url: str, *rest: Any) -> Any:
        return super().handle_errors(code, reason, url.replace(self.wire, _host(url)), *rest)


def _host(url: str) -> str:
    return LOGICAL[1] if "/fapi/" in url else LOGICAL[0]


def local_binance(url: str, **config: Any) -> LocalBinance:
    """A client of the testnet at `url`, with the testnet's own key."""
    client = LocalBinance({
        "apiKey": "local-key", "secret": "local-secret", "rateLimit": 1,
        "options": {"fetchCurrencies": False, "fetchMargins": False, "fetchMarkets": {"types": ["spot", "linear"]},
                    "adjustForTimeDifference": True},
        **config,
    })
    client.enable_demo_trading(True)
    client.wire = url
    return client
