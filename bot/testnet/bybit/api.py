"""One request in, one reply out: limits, who is asking, and the endpoint's handler, in the venue's own order.

No HTTP here, and nothing that waits: the whole of a request happens at one instant of the story.
"""

from __future__ import annotations

from collections.abc import Collection

from bot.core.times import SECOND
from bot.paper.records import MarketName
from bot.testnet.bybit.endpoint import Endpoint, Table
from bot.testnet.bybit.envelope import refusal, success
from bot.testnet.bybit.errors import MESSAGES, ApiError
from bot.testnet.bybit.limits import AccountLimits, AddressLimit, TooMany, headers
from bot.testnet.bybit.params import CATEGORIES, parse
from bot.testnet.bybit.public import STATUS_PAGE
from bot.testnet.bybit.settings import AccountSettings
from bot.testnet.bybit.shapes import market_of, uuid_of
from bot.testnet.bybit.signing import check_signed
from bot.testnet.bybit.streams import Streams
from bot.testnet.dialect import Credentials, Reply, Request, Send, Session
from bot.testnet.faults import Kind, Switch
from bot.testnet.world import World


class BybitApi:
    """Bybit's v5 API over one world."""

    def __init__(
        self, world: World, credentials: Credentials, settings: AccountSettings, tables: tuple[Table, ...],
        streams: Streams,
    ) -> None:
        self._world = world
        self._credentials = credentials
        self.settings = settings
        self._streams = streams
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        for table in tables:
            self._endpoints.update(table)
        self._address = AddressLimit()
        self._account = AccountLimits()

    @property
    def endpoints(self) -> Collection[tuple[str, str]]:
        """What is spoken, by method and path."""
        return self._endpoints.keys()

    def answer(self, request: Request) -> Reply:
        """The reply to one request; a refusal is a reply too."""
        now = self._world.catch_up()
        shown = now + self.settings.clock_skew
        counters: dict[str, str] = {}
        try:
            self._address.spend(now)
            endpoint = self._route(request)
            if endpoint.signed:
                check_signed(self._credentials, self.settings, request, shown)
            params = parse(request.method, request.query, request.body)
            if endpoint.signed:
                asked = params.get("category")
                category = asked if isinstance(asked, str) and asked in CATEGORIES else ""
                place = (request.method, request.path, category)
                counters = self._account.spend(place, endpoint.most(category), now)
            return success(endpoint.handler(params), shown, counters, endpoint.message)
        except TooMany as error:
            return refusal(error, shown, error.headers)
        except ApiError as error:
            return refusal(error, shown, counters)

    def _route(self, request: Request) -> Endpoint:
        endpoint = self._endpoints.get((request.method, request.path))
        if endpoint is None:
            raise ApiError(10017)
        if self.settings.maintenance and request.path != STATUS_PAGE:
            raise ApiError(10016, message=_CLOSED, status=503)
        return endpoint

    def market(self, request: Request) -> MarketName | None:
        """The category tells."""
        try:
            category = parse(request.method, request.query, request.body).get("category")
        except ApiError:
            return None
        return market_of(category) if isinstance(category, str) and category in CATEGORIES else None

    def execution_id(self, number: int) -> str:
        """An id in Bybit's own form."""
        return uuid_of("execution", number)

    def spoiled(self, switch: Switch) -> Reply:
        """Bybit's words in the trouble that the switch names."""
        now = self._world.now()
        if switch.kind is Kind.RATE_LIMIT:
            return refusal(ApiError(10006), now, headers(10, 0, now + switch.retry_after * SECOND))
        if switch.kind is Kind.BAN:
            return refusal(ApiError(10018), now, {})
        if switch.kind is Kind.ERROR or (switch.kind is Kind.UNKNOWN and switch.code is not None):
            return refusal(_error(switch), now, {})
        return refusal(ApiError(10016, status=_STATUSES[switch.kind]), now, {})

    def open(self, path: str, _query: str, send: Send, /) -> Session | None:
        """A WebSocket with topics."""
        return self._streams.open(path, send)


_CLOSED = "Service is restarting due to system maintenance, please try again later"

_STATUSES = {Kind.HTTP500: 500, Kind.HTTP503: 503, Kind.UNKNOWN: 200}
"""With which status the venue says that it is in trouble itself."""


def _error(switch: Switch) -> ApiError:
    code = 10016 if switch.code is None else switch.code
    message = MESSAGES.get(code, MESSAGES[10016]) if switch.message is None else switch.message
    return ApiError(code, message=message, status=switch.status or 200)
