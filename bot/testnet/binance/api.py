"""One request in, one reply out: limits, who is asking, and the endpoint's handler, in the venue's own order.

No HTTP here, and nothing that waits: the whole of a request happens at one instant of the story.
"""

from __future__ import annotations

from collections.abc import Collection

import orjson

from bot.core.times import Millis
from bot.paper.records import MarketName
from bot.testnet.binance.endpoint import Endpoint, Security, Table
from bot.testnet.binance.errors import ApiError
from bot.testnet.binance.key import STATUS_PAGE
from bot.testnet.binance.limits import futures_limits, spot_limits
from bot.testnet.binance.params import parse
from bot.testnet.binance.settings import FuturesSettings
from bot.testnet.binance.signing import check_key, check_signed
from bot.testnet.binance.streams import Streams
from bot.testnet.binance.trouble import spoiled
from bot.testnet.dialect import Credentials, Reply, Request, Send, Session
from bot.testnet.faults import Switch
from bot.testnet.world import World


class BinanceApi:
    """Both of Binance's APIs over one world; they differ by path, and each has its own limits."""

    def __init__(
        self, world: World, credentials: Credentials, settings: FuturesSettings, tables: tuple[Table, ...],
        streams: Streams,
    ) -> None:
        self._world = world
        self._credentials = credentials
        self.settings = settings
        self._streams = streams
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        for table in tables:
            self._endpoints.update(table)
        self._futures = futures_limits()
        self._spot = spot_limits()

    @property
    def endpoints(self) -> Collection[tuple[str, str]]:
        """What is spoken, by method and path."""
        return self._endpoints.keys()

    def answer(self, request: Request) -> Reply:
        """The reply to one request; a refusal is a reply too."""
        path = request.path
        endpoint = self._endpoints.get((request.method, path))
        if endpoint is None:
            return _refusal(ApiError(-5000, path, request.method), {})
        now = self._world.catch_up()
        limits = self._futures if path.startswith("/fapi/") else self._spot
        if self.settings.maintenance and path != STATUS_PAGE:
            return _refusal(ApiError(-1016), {})
        try:
            params = parse(request.query, request.body)
            limits.spend(endpoint.cost(params), now)
            if endpoint.security is Security.SIGNED:
                check_signed(self._credentials, request, params, now + self.settings.clock_skew)
            elif endpoint.security is Security.KEY:
                check_key(self._credentials, request)
            if endpoint.security is not Security.NONE:
                self._check_right(now, futures=limits is self._futures, trades=endpoint.trades)
            if endpoint.order:
                limits.count_order(now)
            found = endpoint.handler(params)
        except ApiError as error:
            return _refusal(error, limits.headers())
        return Reply(200, orjson.dumps(found), limits.headers(with_orders=endpoint.order))

    def _check_right(self, now: Millis, *, futures: bool, trades: bool) -> None:
        key = self.settings.key
        if key.revoked or (futures and not key.may_use_futures(now)):
            raise ApiError(-2015)
        if trades and not futures and not key.spot:
            raise ApiError(-2015)
        if futures and self.settings.portfolio_margin:
            raise ApiError(-1109)  # its account is behind another API

    def market(self, request: Request) -> MarketName | None:
        """The path tells."""
        return "spot" if request.path.startswith("/api/") else "perp" if request.path.startswith("/fapi/") else None

    def execution_id(self, number: int) -> str:
        """The number itself."""
        return str(number)

    def spoiled(self, switch: Switch) -> Reply:
        """Binance's words in the trouble that the switch names."""
        return spoiled(switch)

    def open(self, path: str, query: str, send: Send, /) -> Session | None:
        """A WebSocket with streams, or the WebSocket API's."""
        return self._streams.open(path, query, send)


def _refusal(error: ApiError, headers: dict[str, str]) -> Reply:
    body = orjson.dumps({"code": error.code, "msg": error.message})
    return Reply(error.status, body, {**headers, **error.headers})
