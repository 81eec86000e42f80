"""ccxt.pro, which we did not write, in front of both dialects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from ccxt_pro_door import pro_binance, pro_bybit, soon
from feeds import START, FakeFeed, scripted
from push_client import PushClient, pushing

from bot.core.times import DAY, SECOND
from bot.testnet.build import build
from bot.testnet.options import TestnetOptions

D = Decimal
PERP, SPOT = "BTC/USDT:USDT", "BTC/USDT"


@asynccontextmanager
async def both(venue: str, *prices: int) -> AsyncIterator[tuple[PushClient, Any]]:
    feed = FakeFeed({"BTC": scripted(*(prices or (50_000,)))}, end=START + 3 * DAY)
    testnet = build(TestnetOptions(venue=venue), feed)
    async with pushing(testnet=testnet) as client:
        make = pro_binance if venue == "binance" else pro_bybit
        watcher = make(client.url, testnet.world.now())
        try:
            await watcher.load_markets()
            yield client, watcher
        finally:
            await watcher.close()


async def while_watching(client: PushClient, awaited: Awaitable[Any], act: Callable[[], None]) -> Any:
    """Wait until the watcher's user stream is open and subscribed, act, and give what it saw."""
    task = asyncio.ensure_future(awaited)
    for _ in range(500):
        sockets = client.testnet.hub._sockets.values()
        if any(_subscribed(socket.session) for socket in sockets):
            break
        await asyncio.sleep(0.01)
    act()
    return await soon(task)


def _subscribed(session: Any) -> bool:
    """Whether a session would hear of the account: a stream of Binance is open, a topic of Bybit subscribed."""
    return bool(session.private and (getattr(session, "_open", None) or getattr(session, "_subscribed", None)))


def sell(client: PushClient, quantity: str = "0.1", price: str = "49900", market: Any = "perp") -> None:
    client.testnet.exchange.place(market, "BTC", "sell", D(quantity), D(price), client_order_id="mine")  # type: ignore[arg-type]  # the enum's own word


@pytest.mark.parametrize("venue", ["binance", "bybit"])
@pytest.mark.parametrize("symbol", [PERP, SPOT])
async def test_ccxt_watches_best_prices(venue: str, symbol: str) -> None:
    async with both(venue, 50_000, 50_100) as (client, watcher):
        first = await soon(watcher.watch_bids_asks([symbol]))
        assert (first[symbol]["bid"], first[symbol]["ask"]) == (49_999.5, 50_000.5)
        task = asyncio.ensure_future(watcher.watch_bids_asks([symbol]))
        await asyncio.sleep(0.05)
        await client.advance(5 * SECOND)
        assert (await soon(task))[symbol]["bid"] == 50_099.5


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_ccxt_watches_an_order_book(venue: str) -> None:
    async with both(venue, 50_000, 50_100) as (client, watcher):
        assert (await soon(watcher.watch_order_book(PERP)))["bids"][0][0] == 49_999.5
        task = asyncio.ensure_future(watcher.watch_order_book(PERP))
        await asyncio.sleep(0.05)
        await client.advance(5 * SECOND)
        assert (await soon(task))["bids"][:1] == [[50_099.5, 1.0]]


async def test_ccxt_watches_mark_prices_on_binance() -> None:
    async with both("binance") as (_, watcher):
        assert (await soon(watcher.watch_mark_price(PERP)))["markPrice"] == 50_000


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_ccxt_watches_orders_of_the_perpetual(venue: str) -> None:
    async with both(venue) as (client, watcher):
        seen = await while_watching(client, watcher.watch_orders(PERP), lambda: sell(client, price="50100"))
        assert (seen[0]["symbol"], seen[0]["status"], seen[0]["clientOrderId"]) == (PERP, "open", "mine")
        assert (seen[0]["amount"], seen[0]["price"]) == (0.1, 50_100)


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_ccxt_watches_orders_on_spot(venue: str) -> None:
    async with both(venue) as (client, watcher):
        seen = await while_watching(
            client, watcher.watch_orders(SPOT, params={"type": "spot"}),
            lambda: sell(client, "0.01", "50100", "spot"),
        )
        assert (seen[0]["symbol"], seen[0]["status"], seen[0]["clientOrderId"]) == (SPOT, "open", "mine")


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_ccxt_watches_its_trades(venue: str) -> None:
    async with both(venue) as (client, watcher):
        seen = await while_watching(client, watcher.watch_my_trades(PERP), lambda: sell(client))
        assert [(trade["side"], trade["amount"], trade["price"]) for trade in seen] == [("sell", 0.1, 49_999.5)]
        assert seen[0]["fee"]["currency"] == "USDT"
        assert seen[0]["fee"]["cost"] > 0


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_ccxt_watches_positions(venue: str) -> None:
    async with both(venue) as (client, watcher):
        watcher.options["watchPositions"]["fetchPositionsSnapshot"] = False
        seen = await while_watching(client, watcher.watch_positions([PERP]), lambda: sell(client))
        if venue == "bybit":  # which tells the position once more when the order is placed
            seen = await soon(watcher.watch_positions([PERP])) if not seen[0]["side"] else seen
        assert [(row["symbol"], row["side"], row["contracts"]) for row in seen][:1] == [(PERP, "short", 0.1)]


@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_ccxt_watches_the_balance(venue: str) -> None:
    async with both(venue) as (client, watcher):
        before = client.testnet.exchange.wallets.futures["USDT"]
        watch = watcher.watch_balance({"type": "swap", "subType": "linear"})
        seen = await while_watching(client, watch, lambda: sell(client))
        assert seen["USDT"]["total"] <= float(before)
        assert seen["USDT"]["total"] > 0


async def test_ccxt_watches_the_spot_balance_of_binance() -> None:
    async with both("binance") as (client, watcher):
        seen = await while_watching(
            client, watcher.watch_balance({"type": "spot"}), lambda: client.testnet.exchange.deposit("BTC", D(1)),
        )
        assert seen["BTC"]["free"] == 1


async def test_ccxt_is_told_that_its_key_is_wrong() -> None:
    async with both("bybit") as (_, watcher):
        watcher.apiKey = "another"
        with pytest.raises(Exception, match="Invalid apikey"):
            await soon(watcher.watch_orders(PERP))
