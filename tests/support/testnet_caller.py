"""A client of the testnet without HTTP: signs and asks, returns status and JSON."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
from feeds import START, FakeFeed, steady

from bot.core.times import DAY
from bot.testnet.binance.signing import sign
from bot.testnet.build import Testnet, build
from bot.testnet.dialect import Reply, Request
from bot.testnet.options import TestnetOptions

KEY, SECRET = "local-key", "local-secret"
BTC = "BTCUSDT"


def calm(days: int) -> FakeFeed:
    """Markets that do not move, with funding every eight hours."""
    return FakeFeed({"BTC": steady(30_500), "ETH": steady(1_250)}, end=START + days * DAY)


class Caller:
    """Asks one testnet as a client with the right key would. Prices stand still: BTC at 30500, ETH at 1250."""

    def __init__(self, testnet: Testnet | None = None, days: int = 2, **options: Any) -> None:
        self.testnet = testnet if testnet is not None else build(TestnetOptions(**options), calm(days))

    @property
    def now(self) -> int:
        return self.testnet.world.now()

    def raw(self, method: str, path: str, query: str = "", body: str = "", key: str | None = KEY) -> Reply:
        headers = {} if key is None else {"X-MBX-APIKEY": key}
        return self.testnet.dialect.answer(Request(method, path, query, body, headers))

    def signed(self, method: str, path: str, **params: object) -> Reply:
        query = urlencode({"timestamp": self.now, **params})
        query += "&signature=" + sign(SECRET, query.encode())
        return self.raw(method, path, "", query) if method in ("POST", "PUT") else self.raw(method, path, query)

    def public(self, path: str, **params: object) -> Any:
        return _loaded(self.raw("GET", path, urlencode(params), key=None))

    def ok(self, method: str, path: str, **params: object) -> Any:
        return _loaded(self.signed(method, path, **params))

    def code(self, method: str, path: str, **params: object) -> int:
        """The code of the refusal that must come."""
        reply = self.signed(method, path, **params)
        found = orjson.loads(reply.body)
        assert reply.status != 200, found
        return int(found["code"])

    def touch(self, symbol: str = BTC) -> tuple[str, str]:
        """Best bid and ask of the perpetual."""
        book = self.public("/fapi/v1/ticker/bookTicker", symbol=symbol)
        return book["bidPrice"], book["askPrice"]

    def sell(self, quantity: str, price: str | None = None, tif: str = "GTX", **more: Any) -> Any:
        """A sell on the perpetual, at the best ask unless told otherwise."""
        return self.ok("POST", "/fapi/v1/order",
                       **order("SELL", quantity, price if price is not None else self.touch()[1], tif, **more))

    def short(self, quantity: str) -> Any:
        """A sell that fills at once."""
        return self.sell(quantity, self.touch()[0], "IOC")

    def advance(self, milliseconds: int) -> int:
        return self.testnet.world.advance("test", self.now + milliseconds)


def order(side: str, quantity: str, price: str, tif: str = "GTX", symbol: str = BTC, **more: Any) -> dict[str, Any]:
    """Parameters of a limit order on the perpetual."""
    return {"symbol": symbol, "side": side, "type": "LIMIT", "quantity": quantity, "price": price,
            "timeInForce": tif, **more}


def _loaded(reply: Reply) -> Any:
    found = orjson.loads(reply.body)
    assert reply.status == 200, found
    return found
