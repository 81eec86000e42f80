"""The one door to a venue: every request of a ccxt exchange object leaves through it, and every WebSocket.

ccxt builds and signs the request and reads the answer; the door decides whether it may leave and where to, marks the
moment of sending, refuses to be redirected, and lets no answer pass that is none. In `local` the exchange object keeps
the addresses of the environment that it stands for (ccxt picks its error tables by them); only scheme and host change,
at the last moment, here.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import aiohttp
from yarl import URL

from bot.core.times import SECOND, Millis
from bot.environment import Environment
from bot.errors import HedgerowError, Refused, SafetyStop
from bot.ports import Clock
from bot.venues.budget import Budgets
from bot.venues.environments import allowed_hosts, logical, loopback_url, stream_hosts
from bot.venues.failures import CURRENT, FORBIDDEN, TOO_MUCH, Attempt, Endpoint, InvalidReply

Foreign: TypeAlias = Any
"""A value of ccxt's or aiohttp's whose type they do not tell."""

LOCAL_TIMEOUT = 0.5
REMOTE_TIMEOUT = 10.0
_DEFAULT_SILENCE = 60.0
_CODE = re.compile(r"-?[0-9]+")
_NO_ERROR = ("0", "200")

Silence: TypeAlias = Callable[[Attempt, Mapping[str, str], Millis], float | None]
"""Seconds of silence that an answer asks for, by its headers (names in small letters) at an instant; None: none."""


def retry_after(attempt: Attempt, headers: Mapping[str, str], _now: Millis) -> float | None:
    """As HTTP has it: 429 and 418 with Retry-After."""
    if attempt.status not in TOO_MUCH:
        return None
    asked = headers.get("retry-after", "")
    return float(asked) if asked.isdecimal() else _DEFAULT_SILENCE


@dataclass(frozen=True, slots=True)
class Place:
    """Where the requests of one path really go. `counted`: as in `Attempt`."""

    address: str
    host: str
    counted: Mapping[str, str]


@dataclass(slots=True)
class Door:
    """What may leave, and where to: one venue in one environment.

    `timeout`: real seconds. `silence`: what an answer asks for. `used_headers`: response header (by start of its host's
    first label, and name) → the allowance that it counts. Raises ConfigError for an environment that the
    venue does not have.
    """

    venue: str
    environment: Environment
    clock: Clock
    budgets: Budgets
    local_url: str | None = None
    read_only: bool = False
    timeout: float | None = None
    used_headers: Mapping[tuple[str, str], str] = field(default_factory=dict)
    silence: Silence = retry_after
    _hosts: frozenset[str] = frozenset()
    _logical_hosts: frozenset[str] = frozenset()
    _local: URL | None = None
    _places: dict[str, Place] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._hosts = allowed_hosts(self.venue, self.environment)
        self._logical_hosts = allowed_hosts(self.venue, self.logical)
        if self.environment is Environment.LOCAL:
            self._local = loopback_url(self.local_url or "")
        if self.timeout is None:
            self.timeout = LOCAL_TIMEOUT if self._local is not None else REMOTE_TIMEOUT

    @property
    def logical(self) -> Environment:
        """The environment whose addresses requests are made out to, up to here."""
        return logical(self.venue, self.environment)

    def admit(self, method: str) -> None:
        """Refuse what would change something, where only looking is allowed."""
        if self.read_only and method != "GET":
            raise Refused(f"a {method} request was stopped: this run only looks", "read_only")

    def wire(self, wanted: str) -> tuple[str, Place]:
        """Where the request really goes: in `local` to this machine, everywhere else where ccxt meant it to.

        What stands before a query alone decides that, so it is looked into once. Raises SafetyStop.
        """
        logical, mark, query = wanted.partition("?")
        place = self._places.get(logical)
        if place is None:
            place = self._places[logical] = self._found(URL(logical, encoded=True))
        return f"{place.address}{mark}{query}", place

    def _found(self, url: URL) -> Place:
        label = (url.host or "").removeprefix("demo-").partition(".")[0]
        counted = {header.lower(): budget for (host, header), budget in self.used_headers.items() if host == label}
        if self._local is not None:
            if url.host not in self._logical_hosts:
                raise SafetyStop(
                    f"{url.host} is not an address of {self.venue} {self.logical}, which the local testnet stands for")
            url = URL(f"{self._local}{url.raw_path}", encoded=True)
        self.check(url)
        return Place(str(url), url.host or "", counted)

    def check(self, wire: URL) -> None:
        """Let only this environment's own addresses pass. Raises SafetyStop."""
        if self._local is not None:
            passes = wire.origin() == self._local
        else:
            passes = wire.scheme == "https" and wire.host in self._hosts and wire.port == 443
        if not passes:
            raise SafetyStop(f"{wire.scheme}://{wire.host} is not an address of {self.venue} {self.environment.value}")

    def socket(self, wanted: str) -> URL:
        """Where a WebSocket for this address really goes. Raises SafetyStop for an address that is not one of these."""
        url = URL(wanted, encoded=True)
        known = stream_hosts(self.venue, self.logical)
        if url.scheme != "wss" or f"{url.host}:{url.port}" not in known:
            raise SafetyStop(f"{url.scheme}://{url.host}:{url.port} pushes nothing of {self.venue} {self.logical}")
        return url if self._local is None else URL(f"ws{str(self._local)[4:]}{url.raw_path_qs}", encoded=True)

    async def follow(self, attempt: Attempt) -> None:
        """A real timeout has passed: story time follows to where it would have ended, however many ran at once."""
        with suppress(HedgerowError):  # what the request failed of matters more; the next sleep will say it again
            await self.clock.sleep_until(attempt.started_at + int((self.timeout or 0) * SECOND))

    def heard(self, attempt: Attempt, headers: Mapping[str, str]) -> None:
        """Take over what an answer's headers say of allowances and of silence."""
        by_name = {name.lower(): value for name, value in headers.items()}
        for header, value in by_name.items():
            if header in attempt.counted and value.isdecimal():
                self.budgets.by_name[attempt.counted[header]].correct(int(value))
        attempt.retry_after = self.silence(attempt, by_name, self.clock.now())
        if attempt.retry_after is not None:
            self.budgets.silence(attempt.retry_after)


class _Session:
    """What ccxt takes for its aiohttp session: checks the address once more, and follows no redirect."""

    def __init__(self, door: Door, cafile: str) -> None:
        self._door = door
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_mark_sent)
        trace.on_request_redirect.append(_no_redirect)
        tls: ssl.SSLContext | bool = False  # the testnet on this machine speaks plain HTTP
        if door.environment is not Environment.LOCAL:
            tls = ssl.create_default_context()
            tls.load_verify_locations(cafile)
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls), trace_configs=[trace])
        # aiohttp sends PUT and DELETE a second time when a kept connection turns out closed: whether to is ours to say.
        self._session._retry_connection = False  # noqa: SLF001 - there is no public switch

    @property
    def headers(self) -> Mapping[str, str]:
        """What is sent with every request: nothing of its own."""
        return self._session.headers

    def __getattr__(self, verb: str) -> Foreign:
        if verb not in ("get", "post", "put", "delete"):
            raise AttributeError(verb)

        def send(url: URL, **options: Foreign) -> Foreign:
            self._door.admit(verb.upper())
            self._door.check(url)
            return self._session.request(verb.upper(), url, **{**options, "allow_redirects": False})

        return send

    def ws_connect(self, wanted: str, **settings: Foreign) -> Foreign:
        """A WebSocket, to where the door says."""
        return self._session.ws_connect(self._door.socket(wanted), **{**settings, "compress": 0})

    async def close(self) -> None:
        """Release the sockets."""
        await self._session.close()


async def _mark_sent(*_: object) -> None:
    """Called just before the first byte goes out: from here on the request may have arrived."""
    attempt = CURRENT.get()
    if attempt is not None:
        attempt.sent = True


async def _no_redirect(*_: object) -> None:
    raise InvalidReply("a redirect")


class GuardedExchange:
    """Mixed in before a ccxt exchange class, by `guarded`. Overrides what ccxt leaves open."""

    _door: Door
    session: Foreign

    def open(self, lazy: bool = False) -> None:
        """Ccxt's sessions are made here, so that none is without the door."""
        this = cast("Any", self)
        if lazy and this.closed_by_user:
            raise InvalidReply("the connection was closed")
        this.closed_by_user = False
        if this.asyncio_loop is None:
            this.asyncio_loop = asyncio.get_running_loop()
        if self.session is None:
            self.session = _Session(self._door, this.cafile)

    async def fetch2(
        self, path: str, api: Foreign, method: str = "GET", params: Foreign = None,
        config: Foreign = None,  # noqa: ARG002 - ccxt's own idea of the cost
    ) -> Foreign:
        """Sign and send once: ccxt's own way has a loop in it that could send a request again.

        Our budget is asked before signing, so that no timestamp grows old while waiting.
        """
        attempt = CURRENT.get()
        if attempt is not None:
            await self._door.budgets.take(attempt.endpoint.costs, urgent=attempt.urgent)
        signed = cast("Any", self).sign(path, api, method, params or {})
        return await self.fetch(signed["url"], signed["method"], signed["headers"], signed["body"])

    async def fetch(self, url: str, method: str = "GET", headers: Foreign = None, body: Foreign = None) -> Foreign:
        """Send one signed request, if it may leave; what was sent and answered is noted in the current Attempt."""
        attempt = CURRENT.get()
        if attempt is None:
            attempt = Attempt(Endpoint("unnamed", method, ""))
            CURRENT.set(attempt)
        self._door.admit(method)
        wire, place = self._door.wire(url)
        attempt.host, attempt.counted = place.host, place.counted
        attempt.started_at = self._door.clock.now()
        try:
            return await cast("Any", super()).fetch(wire, method, headers, body)
        except Exception as error:
            if isinstance(error.__cause__, TimeoutError):
                await self._door.follow(attempt)
            raise

    def check_proxy_url_settings(self, *_request: object) -> None:
        """Ccxt's question before each request: none goes to another address in place of the venue's."""

    def check_proxy_settings(self, *_request: object) -> tuple[None, None, None]:
        """The same question for HTTP, HTTPS and SOCKS proxies: the door leads straight to the venue."""
        return None, None, None

    def check_conflicting_proxies(self, *_proxies: object) -> None:
        """Where there is none, none contradicts another."""

    def check_required_credentials(self, error: bool = True) -> bool:
        """Ccxt's question before it signs. With key and secret there is nothing left to look for."""
        this = cast("Any", self)
        return bool(this.apiKey and this.secret) or super().check_required_credentials(error)  # type: ignore[misc]  # ccxt's

    def handle_errors(
        self, code: int, _reason: str, _url: str, _method: str, headers: Mapping[str, str], body: str,
        response: object, *_request: object,
    ) -> None:
        """Ccxt lets an HTML page, a redirect or a cut answer pass as an empty one: here only JSON with 2xx passes."""
        attempt = CURRENT.get()
        if attempt is None:
            raise InvalidReply("an answer to a question that nobody asked")
        attempt.status = code
        attempt.code, message = error_code(code, response)
        if code == FORBIDDEN and message is None:
            message = body  # a wall in front of the venue says it in words of its own
        attempt.message = self._without_credentials(message)
        self._door.heard(attempt, headers)
        if attempt.code is not None:
            raise InvalidReply("the venue reports an error")
        if not 200 <= code < 300:
            raise InvalidReply(f"HTTP {code} without an error code")
        if response is None:
            raise InvalidReply("the answer is not JSON")

    def _without_credentials(self, text: str | None) -> str | None:
        """Venues have been seen to repeat what they were sent."""
        this = cast("Any", self)
        for secret in (this.apiKey, this.secret) if text else ():
            text = text.replace(secret, "***") if text and secret else text
        return text

    def milliseconds(self) -> int:
        """Story time, where there is a story."""
        return self._door.clock.now()

    def seconds(self) -> int:
        """The same in seconds."""
        return self._door.clock.now() // SECOND

    def microseconds(self) -> int:
        """The same in microseconds."""
        return self._door.clock.now() * SECOND


def error_code(status: int, response: object) -> tuple[str | None, str | None]:
    """The code and message of an error reply such as {"code": -1021, "msg": "..."}; (None, None) where it is none.

    A code of 0 or 200 is no error: with a good status it is Binance's answer to a setting. Bybit's {"retCode": 0, ...}
    surrounds every answer. What is no whole number is no code: it refuses nothing.
    """
    if not isinstance(response, dict):
        return None, None
    key, words = ("retCode", "retMsg") if "retCode" in response else ("code", "msg")
    code = str(response.get(key))
    if code in _NO_ERROR:
        return None, (None if 200 <= status < 300 else str(response.get(words, "")))
    return (code, str(response.get(words, ""))) if _CODE.fullmatch(code) else (None, None)


def guarded(exchange_class: type, door: Door, config: Mapping[str, object]) -> Foreign:
    """An exchange object of ccxt's `exchange_class` that reaches the world through `door` only."""
    # At DEBUG this logger prints the key and the signed address.
    logging.getLogger("ccxt.base.exchange").setLevel(logging.INFO)
    name = f"Guarded{exchange_class.__name__.capitalize()}"
    combined: Foreign = type(name, (GuardedExchange, exchange_class), {"_door": door})
    exchange = combined({
        **config,
        "enableRateLimit": True,
        "timeout": int((door.timeout or 0) * SECOND),
        "verbose": False,
    })
    if door.logical is Environment.DEMO:
        exchange.enable_demo_trading(True)
    elif door.logical is Environment.TESTNET:
        exchange.set_sandbox_mode(True)
    exchange.timeout_on_exit = 0 if door.environment is Environment.LOCAL else exchange.timeout_on_exit
    return exchange
