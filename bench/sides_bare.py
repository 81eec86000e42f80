"""The least that could poll and order: aiohttp, and nothing of ours or of ccxt."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from urllib.parse import urlencode

import aiohttp
import orjson
from exchange import Exchange

KEY, SECRET = "local-key", "local-secret"

READS = (
    ("GET /api/v3/ticker/bookTicker", False), ("GET /fapi/v1/ticker/bookTicker", False),
    ("GET /fapi/v1/premiumIndex", False), ("GET /api/v3/account", True), ("GET /fapi/v3/account", True),
    ("GET /fapi/v3/positionRisk", True), ("GET /fapi/v1/openOrders", True),
)
"""The seven reads of a whole snapshot (EXCHANGES §9): call, signed."""

ORDER = "POST /fapi/v1/order"


class Bare:
    """An aiohttp client that does the same and nothing else: it reads, reads the JSON, and sends one order."""

    def __init__(self, exchange: Exchange, session: aiohttp.ClientSession) -> None:
        self._url = exchange.url
        self._session = session
        names = ",".join(f'"{asset}USDT"' for asset in exchange.assets)
        self._queries = {"GET /api/v3/ticker/bookTicker": {"symbols": f"[{names}]"},
                         "GET /api/v3/account": {"omitZeroBalances": "true"}}

    async def poll(self) -> list[object]:
        """The seven reads at once."""
        return await asyncio.gather(*(self._call(key, self._queries.get(key, {}), signed) for key, signed in READS))

    async def place(self, number: int) -> object:
        """One signed order."""
        return await self._call(ORDER, {
            "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTX", "quantity": "0.1",
            "price": "50010", "reduceOnly": "false", "newClientOrderId": f"bare_{number}",
            "newOrderRespType": "RESULT",
        }, signed=True)

    async def _call(self, key: str, params: dict[str, str], signed: bool) -> object:
        method, path = key.split(" ")
        query = urlencode(params)
        headers = {}
        if signed:
            query = urlencode(params | {"timestamp": str(time.time_ns() // 1_000_000), "recvWindow": "10000"})
            query += "&signature=" + hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
            headers = {"X-MBX-APIKEY": KEY}
        body = query if method == "POST" else None
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        url = f"{self._url}{path}" + (f"?{query}" if query and body is None else "")
        async with self._session.request(method, url, data=body, headers=headers) as reply:
            assert reply.status == 200
            return orjson.loads(await reply.read())
