"""What the idle daemon is held against, each a process of its own:

    python bench/pollers.py ccxt URL       two ccxt exchange objects, all markets loaded, seven calls a second
    python bench/pollers.py aiohttp URL    the seven reads a second through aiohttp, and nothing else
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
from exchange import Exchange
from sides_bare import KEY, SECRET, Bare


async def poll_plainly(url: str) -> None:
    import ccxt.async_support as ccxt  # noqa: PLC0415 - the other poller must not load it

    clients = [ccxt.binance({"apiKey": KEY, "secret": SECRET, "options": {
        "defaultType": kind, "fetchCurrencies": False, "fetchMargins": False,
        "fetchMarkets": {"types": ["spot", "linear"]}, "warnOnFetchOpenOrdersWithoutSymbol": False,
    }}) for kind in ("spot", "swap")]
    for client in clients:
        client.urls["api"] = {
            name: f"{url}/{address.split('/', 3)[3]}" if isinstance(address, str) else address
            for name, address in client.urls["api"].items()
        }
        client.enableRateLimit = False
        await client.load_markets()
    spot, swap = clients
    print(len(spot.markets), flush=True)
    while True:
        await asyncio.gather(
            spot.publicGetTickerBookTicker({"symbols": '["BTCUSDT","ETHUSDT"]'}), spot.privateGetAccount(),
            swap.fapiPublicGetTickerBookTicker(), swap.fapiPublicGetPremiumIndex(), swap.fapiPrivateV3GetAccount(),
            swap.fapiPrivateV3GetPositionRisk(), swap.fapiPrivateGetOpenOrders(),
        )
        await asyncio.sleep(1)


async def poll_barely(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        client = Bare(Exchange(url, ("BTC", "ETH")), session)
        print("ready", flush=True)
        while True:
            await client.poll()
            await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run({"ccxt": poll_plainly, "aiohttp": poll_barely}[sys.argv[1]](sys.argv[2]))
