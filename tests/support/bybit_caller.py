"""A client of the testnet's Bybit dialect without HTTP: signs and asks, returns the envelope."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
from testnet_caller import KEY, SECRET, calm

from bot.core.times import SECOND
from bot.testnet.build import Testnet, build
from bot.testnet.bybit.signing import sign
from bot.testnet.dialect import Reply, Request
from bot.testnet.options import TestnetOptions

BTC = "BTCUSDT"
WINDOW = "5000"


class BybitCaller:
    """Asks one testnet as a client with the right key would. Prices stand still: BTC at 30500, ETH at 1250."""

    def __init__(self, testnet: Testnet | None = None, days: int = 2, feed: Any = None, **options: Any) -> None:
        wanted = TestnetOptions(venue="bybit", **options)
        self.testnet = testnet if testnet is not None else build(wanted, feed or calm(days))

    @property
    def now(self) -> int:
        return self.testnet.world.now()

    @property
    def exchange(self) -> Any:
        return self.testnet.exchange

    @property
    def settings(self) -> Any:
        return self.testnet.dialect.settings

    def raw(self, method: str, path: str, payload: str, *, key: str = KEY, secret: str = SECRET,
            at: int | None = None) -> Reply:
        at_text = str(self.now if at is None else at)
        headers = {
            "X-BAPI-API-KEY": key, "X-BAPI-TIMESTAMP": at_text, "X-BAPI-RECV-WINDOW": WINDOW,
            "X-BAPI-SIGN": sign(secret, at_text, key, WINDOW, payload),
        }
        query, body = (payload, "") if method == "GET" else ("", payload)
        return self.testnet.dialect.answer(Request(method, path, query, body, headers))

    def ask(self, method: str, path: str, **params: Any) -> Any:
        """The whole envelope."""
        payload = urlencode(params) if method == "GET" else orjson.dumps(params).decode()
        return orjson.loads(self.raw(method, path, payload).body)

    def get(self, path: str, **params: Any) -> Any:
        """The result of a question that is answered."""
        return _result(self.ask("GET", path, **params))

    def post(self, path: str, **params: Any) -> Any:
        """The result of a request that is accepted."""
        return _result(self.ask("POST", path, **params))

    def code(self, method: str, path: str, **params: Any) -> int:
        """The code of the refusal that must come."""
        envelope = self.ask(method, path, **params)
        assert envelope["retCode"] != 0, envelope
        return int(envelope["retCode"])

    # --- orders on the perpetual, unless told otherwise ---

    def create(self, **changes: Any) -> Any:
        """Ids of a new order."""
        return self.post("/v5/order/create", **ticket(**changes))

    def refused(self, **changes: Any) -> int:
        """The code with which a new order is refused."""
        return self.code("POST", "/v5/order/create", **ticket(**changes))

    def short(self, quantity: str) -> Any:
        """A sell that fills at once."""
        return self.create(qty=quantity, price=self.touch()[0], timeInForce="IOC")

    def touch(self, symbol: str = BTC) -> tuple[str, str]:
        """Best bid and ask of the perpetual."""
        book = self.get("/v5/market/orderbook", category="linear", symbol=symbol)
        return book["b"][0][0], book["a"][0][0]

    def order(self, order_id: str, category: str = "linear") -> Any:
        """The order as the realtime list shows it."""
        (found,) = self.get("/v5/order/realtime", category=category, orderId=order_id)["list"]
        return found

    def open(self, category: str = "linear") -> Any:
        """Open orders, newest first."""
        return self.get("/v5/order/realtime", category=category, symbol=BTC)["list"]

    def position(self, symbol: str = BTC) -> Any:
        """The one position row of a symbol."""
        (found,) = self.get("/v5/position/list", category="linear", symbol=symbol)["list"]
        return found

    def executions(self, category: str = "linear", **more: Any) -> Any:
        """Executions, newest first."""
        return self.get("/v5/execution/list", category=category, **more)["list"]

    def advance(self, milliseconds: int = SECOND) -> int:
        return self.testnet.world.advance("test", self.now + milliseconds)


def ticket(**changes: Any) -> dict[str, Any]:
    """A post-only sell of 0.1 BTC at the best ask; `changes` replace fields, None leaves them out."""
    asked = {
        "category": "linear", "symbol": BTC, "side": "Sell", "orderType": "Limit", "qty": "0.1", "price": "30500.5",
        "timeInForce": "PostOnly", **changes,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _result(envelope: Any) -> Any:
    assert envelope["retCode"] == 0, envelope
    return envelope["result"]
