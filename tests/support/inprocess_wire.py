"""The wire without sockets: each request of ccxt's goes straight to the testnet's handlers, faults and kills included.

A fault that costs a real client a timeout costs story time here (the gateway's door follows it), and no real time.
"""

from __future__ import annotations

import errno
import logging
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import aiohttp

from bot.core.times import SECOND, Millis
from bot.errors import StoryEnded
from bot.settings import Settings
from bot.testnet.build import Testnet
from bot.testnet.dialect import Reply, Request
from bot.testnet.faults import MISLEADING, Kind, Switch
from bot.venues.failures import CURRENT, InvalidReply
from bot.venues.makers import ACCOUNTS
from bot.venues.transport import Door, guarded

LEASE = "simulation"
_AROUND = {method: (f"before {method}", f"after {method}") for method in ("GET", "POST", "PUT", "DELETE")}
_HTML = b"<html><head><title>Service</title></head><body><h1>This is not JSON</h1></body></html>"


class Killed(BaseException):
    """The process is gone. Whatever still runs of it reaches neither the venue nor the journal."""


@dataclass
class Fate:
    """When the process dies: at the nth time that something of its work begins or ends.

    `kills`: place ('before POST order', 'after commit', …; '*' for any) and which time in the whole run, oldest first.
    """

    kills: list[tuple[str, int]]
    request: str = ""
    """What was last asked: method and path."""
    seen: Counter[str] = field(default_factory=Counter)
    dead: bool = False
    died: int = 0
    places: Counter[str] = field(default_factory=Counter)
    last: str = ""

    def meet(self, place: str) -> None:
        """Pass a place, or die there. Raises Killed, and goes on raising until `revive`."""
        if self.dead:
            raise Killed
        self.seen["*"] += 1
        self.seen[place] += 1
        for kill in self.kills:
            where, time = kill
            if where in ("*", place) and self.seen[where] >= time:
                self.kills.remove(kill)
                self.dead = True
                self.died += 1
                self.last = place
                self.places[place] += 1
                raise Killed

    def revive(self) -> None:
        """The process is started again."""
        self.dead = False


class StoryClock:
    """The stepped testnet's time, moved by sleeping, as the daemon's own clock does over HTTP."""

    def __init__(self, testnet: Testnet, fate: Fate, ends: Millis) -> None:
        self._world = testnet.world
        self._markets = testnet.world.exchange.markets
        self._fate = fate
        self._ends = ends
        self.origin = testnet.world.clock.origin

    def now(self) -> Millis:
        return self._markets.now

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self.now() + round(seconds * SECOND))

    async def sleep_until(self, at: Millis) -> None:
        self._fate.meet("before advance")
        reached = self._world.advance(LEASE, min(at, self._ends))
        if reached < at:
            raise StoryEnded("the story ended")

    async def close(self) -> None:
        pass


class _Answer:
    """What ccxt takes for aiohttp's response."""

    __slots__ = ("_body", "headers", "reason", "status")

    def __init__(self, reply: Reply) -> None:
        self.status = reply.status
        self.reason = ""
        self.headers = reply.headers
        self._body = reply.body

    async def text(self, errors: str = "strict") -> str:
        return self._body.decode(errors=errors)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


class Wire:
    """What ccxt takes for its session: counts what was asked, spoils what a switch says."""

    headers: Mapping[str, str] = {}

    def __init__(self, testnet: Testnet, fate: Fate, door: Door, spoilt: Counter[str]) -> None:
        self._testnet = testnet
        self._fate = fate
        self._door = door
        self._spoilt = spoilt
        self.get, self.post, self.put, self.delete = (
            partial(self._ask, method) for method in ("GET", "POST", "PUT", "DELETE"))

    def _ask(
        self, method: str, url: Any, data: bytes | None = None, headers: Mapping[str, str] | None = None, **_: Any,
    ) -> _Answer:
        self._door.admit(method)
        self._door.check(url)
        return self._send(Request(
            method, url.raw_path, url.raw_query_string, data.decode() if data else "", dict(headers or {}),
        ))

    def _send(self, request: Request) -> _Answer:
        place = f"{request.method} {request.path}"
        self._fate.request = place
        before, after = _AROUND[request.method]
        self._fate.meet(before)
        attempt = CURRENT.get()
        if attempt is not None:
            attempt.sent = True
        switch = self._testnet.faults.strike(place, lambda: self._testnet.dialect.market(request))
        mischief = self._testnet.mischief
        reply = mischief.plain(request) if switch is None else mischief.answer(request, switch)
        self._fate.meet(after)
        if switch is None:
            assert reply is not None
            return _Answer(reply)
        self._spoilt[str(switch.kind)] += 1
        return self._spoil(switch, reply)

    def _spoil(self, switch: Switch, reply: Reply | None) -> _Answer:
        """What the client meets, as the testnet's server would make it meet it."""
        said = reply if reply is not None else Reply(200, b"{}")
        kind = switch.kind
        if kind in (Kind.TIMEOUT_BEFORE, Kind.TIMEOUT_AFTER, Kind.PARTIAL_SILENCE):
            raise TimeoutError
        if kind is Kind.CLOSE:
            raise aiohttp.ServerDisconnectedError
        if kind is Kind.RESET:
            raise aiohttp.ClientOSError(errno.ECONNRESET, "Connection reset by peer")
        if kind is Kind.TRUNCATE:
            raise aiohttp.ClientPayloadError("Response payload is not completed")
        if kind is Kind.REDIRECT:
            raise InvalidReply("a redirect")
        if kind is Kind.CUT_JSON:
            return _Answer(Reply(said.status, said.body[: max(1, len(said.body) // 2)], said.headers))
        if kind is Kind.DELAY or kind in MISLEADING:
            return _Answer(said)
        if kind is Kind.HTML200:
            return _Answer(Reply(200, _HTML))
        if kind is Kind.HTTP524:
            return _Answer(Reply(524, _HTML))
        if kind is Kind.EMPTY_OBJECT:
            return _Answer(Reply(200, b"{}"))
        if kind is Kind.EMPTY_LIST:
            return _Answer(Reply(200, b"[]"))
        return _Answer(self._testnet.dialect.spoiled(switch))

    async def close(self) -> None:
        pass


def wired_venue(settings: Settings, testnet: Testnet, clock: StoryClock, fate: Fate, spoilt: Counter[str]) -> Any:
    """The configured venue's real gateway, its session replaced by this wire."""
    policy = settings.policy()
    module = vars(sys.modules[f"bot.venues.{settings.venue}_open"])
    real, module["guarded"] = module["guarded"], _guarded
    try:
        venue: Any = ACCOUNTS[settings.venue](
            settings.environment, clock=clock, key="local-key", secret="local-secret", assets=list(settings.assets),
            settle=policy.settle, cash=policy.cash, local_url=settings.testnet.url, timeout=settings.request_timeout,
        )
    finally:
        module["guarded"] = real
    exchange = venue._exchange
    exchange.session = Wire(testnet, fate, exchange._door, spoilt)
    exchange.logger = _UNHEARD
    return venue


_TEMPLATES: dict[str, Any] = {}
_UNHEARD = logging.getLogger("unheard")
_UNHEARD.disabled = True
"""ccxt complains of an exchange that nobody closed: so it is with each that a kill left behind."""


def _guarded(exchange_class: type, door: Door, config: Mapping[str, object]) -> Any:
    """As `guarded`, and cheaper: ccxt composes an exchange object once, and others like it are copies."""
    like = f"{exchange_class.__name__} {door.environment} {door.timeout} {config}"
    if like not in _TEMPLATES:
        _TEMPLATES[like] = guarded(exchange_class, door, config)
    template = _TEMPLATES[like]
    # Of the same class: what the interpreter has learnt about that is good for all of them.
    copied: Any = object.__new__(type(template))
    vars(copied).update(vars(template), options=dict(template.options), _door=door)
    return copied
