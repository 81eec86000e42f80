"""A testnet over real HTTP, and ccxt's own client at it, trading one perpetual."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Generic, TypeAlias, TypeVar

from bybit_caller import BybitCaller
from bybit_door import LocalBybit, local_bybit
from ccxt_door import LocalBinance, local_binance
from testnet_caller import Caller

from bot.testnet.server import running

PERP, SPOT = "BTC/USDT:USDT", "BTC/USDT"
BID, ASK = 30_499.5, 30_500.5

P = TypeVar("P", bound=Caller | BybitCaller)
C = TypeVar("C", bound=LocalBinance | LocalBybit)


class Desk(Generic[P, C]):
    """The testnet's own side (`caller`) and ccxt's (`client`)."""

    def __init__(self, caller: P, client: C) -> None:
        self.caller = caller
        self.client = client

    async def sell(self, amount: float, price: float, **params: Any) -> Any:
        return await self.client.create_order(PERP, "limit", "sell", amount, price, params)

    async def buy(self, amount: float, price: float, **params: Any) -> Any:
        return await self.client.create_order(PERP, "limit", "buy", amount, price, params)


BinanceDesk: TypeAlias = Desk[Caller, LocalBinance]
BybitDesk: TypeAlias = Desk[BybitCaller, LocalBybit]


@asynccontextmanager
async def _at(caller: P, connect: Callable[[str], C]) -> AsyncIterator[Desk[P, C]]:
    async with running(caller.testnet) as url:
        client = connect(url)
        try:
            yield Desk(caller, client)
        finally:
            await client.close()


async def binance_desk() -> AsyncIterator[BinanceDesk]:
    """The body of a fixture."""
    async with _at(Caller(speed=Decimal(1)), local_binance) as desk:
        yield desk


async def bybit_desk() -> AsyncIterator[BybitDesk]:
    """The body of a fixture."""
    async with _at(BybitCaller(speed=Decimal(1)), local_bybit) as desk:
        yield desk
