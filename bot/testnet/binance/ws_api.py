"""Binance's WebSocket API of spot (`/ws-api/v3`), as far as the user stream needs it.

Spec: developers.binance.com "Spot / WebSocket API": requests `{id, method, params}`, replies `{id, status, result}`,
events `{subscriptionId, event}`. The signature is that of the parameters in alphabetical order.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from bot.core.times import DAY, Millis
from bot.testnet.binance.errors import ApiError
from bot.testnet.binance.params import Params
from bot.testnet.binance.signing import check_signed
from bot.testnet.binance.user_feed import UserFeed
from bot.testnet.dialect import Credentials, Request, Send
from bot.testnet.numbers import Row


class WsApi:
    """One socket of the WebSocket API. `now`: the venue's clock."""

    life: Millis | None = DAY
    heartbeat: float | None = 20.0
    private = True
    watches = False

    def __init__(self, now: Callable[[], Millis], credentials: Credentials, feed: UserFeed, send: Send) -> None:
        self._now = now
        self._credentials = credentials
        self._feed = feed
        self._send = send
        self._subscribed: dict[int, Callable[[], None]] = {}
        self._numbered = 0
        self._methods: dict[str, Callable[[Params], object]] = {
            "ping": lambda _: {},
            "time": lambda _: {"serverTime": now()},
            "userDataStream.subscribe.signature": self._subscribe,
            "userDataStream.unsubscribe": self._unsubscribe,
            "session.subscriptions": lambda _: [{"subscriptionId": number} for number in self._subscribed],
        }

    def hear(self, text: str) -> None:
        """One request."""
        try:
            asked = orjson.loads(text)
        except orjson.JSONDecodeError:
            asked = None
        if not isinstance(asked, dict):
            self._refuse(None, ApiError(-1135, message="Invalid JSON Request"))
            return
        number, params = asked.get("id"), asked.get("params") or {}
        handler = self._methods.get(str(asked.get("method")))
        if handler is None or not isinstance(params, dict):
            self._refuse(number, ApiError(-1000, message="Unknown method."))
            return
        try:
            result = handler(Params({name: _text(value) for name, value in params.items()}))
        except ApiError as error:
            self._refuse(number, error)
        else:
            self._tell({"id": number, "status": 200, "result": result, "rateLimits": self._limits()})

    def market(self) -> None:
        """See `Session`: nothing here is about markets."""

    def close(self) -> None:
        """See `Session`."""
        for leave in self._subscribed.values():
            leave()
        self._subscribed.clear()

    def _subscribe(self, params: Params) -> Row:
        signed = "&".join(f"{name}={value}" for name, value in sorted(params.items()))
        headers = {"X-MBX-APIKEY": params.required("apiKey")}
        check_signed(self._credentials, Request("GET", "", signed, headers=headers), params, self._now())
        number = self._numbered
        self._numbered += 1
        self._subscribed[number] = self._feed.join(lambda row: self._tell({"subscriptionId": number, "event": row}))
        return {"subscriptionId": number}

    def _unsubscribe(self, params: Params) -> Row:
        wanted = params.integer("subscriptionId")
        for number in [number for number in self._subscribed if wanted in (None, number)]:
            self._subscribed.pop(number)()
        return {}

    def _limits(self) -> list[Row]:
        return [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000, "count": 2}]

    def _refuse(self, number: object, error: ApiError) -> None:
        self._tell({"id": number, "status": error.status, "error": {"code": error.code, "msg": error.message},
                    "rateLimits": self._limits()})

    def _tell(self, row: Row) -> None:
        self._send(orjson.dumps(row).decode())


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
