"""One request in, one reply out: limits, who is asking, and the endpoint's handler, in the venue's own order.

No HTTP here, and nothing that waits: the whole of a request happens at one instant of the story.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from bot.testnet.binance.endpoint import Endpoint, Security, Table
from bot.testnet.binance.errors import ApiError
from bot.testnet.limits import futures_limits, spot_limits
from bot.testnet.params import parse
from bot.testnet.signing import Credentials
from bot.testnet.world import World


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: status, JSON, and headers beside the content type."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class BinanceApi:
    """Both of Binance's APIs over one world; they differ by path, and each has its own limits."""

    def __init__(self, world: World, credentials: Credentials, tables: tuple[Table, ...]) -> None:
        self._world = world
        self._credentials = credentials
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        for table in tables:
            self._endpoints.update(table)
        self._futures = futures_limits()
        self._spot = spot_limits()

    @property
    def endpoints(self) -> Mapping[tuple[str, str], Endpoint]:
        """What is spoken, by method and path."""
        return self._endpoints

    def answer(self, method: str, path: str, query: str, body: str, key: str | None) -> Reply:
        """The reply to one request; a refusal is a reply too."""
        endpoint = self._endpoints.get((method, path))
        if endpoint is None:
            return _refusal(ApiError(-5000, path, method), {})
        now = self._world.catch_up()
        limits = self._futures if path.startswith("/fapi/") else self._spot
        try:
            params = parse(query, body)
            limits.spend(endpoint.cost(params), now)
            if endpoint.security is Security.SIGNED:
                self._credentials.check_signed(key, params, query, body, now)
            elif endpoint.security is Security.KEY:
                self._credentials.check_key(key)
            if endpoint.order:
                limits.count_order(now)
            found = endpoint.handler(params)
        except ApiError as error:
            return _refusal(error, limits.headers())
        return Reply(200, orjson.dumps(found), limits.headers(with_orders=endpoint.order))


def _refusal(error: ApiError, headers: dict[str, str]) -> Reply:
    body = orjson.dumps({"code": error.code, "msg": error.message})
    return Reply(error.status, body, {**headers, **error.headers})
