"""Replies of our own testnet, recorded as a call of a gateway fetched them, and served again with one field spoilt.

`recorded` notes every request of one call with its reply. `Replay` answers a fresh gateway from these notes, so that a
call can be repeated a thousand times without a testnet. `Watched` says which fields of a reply the gateway looks at.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields, is_dataclass
from decimal import Decimal
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

from inprocess_wire import Wire, _Answer
from port_stage import wired
from venue_values import ManualClock

from bot.errors import HedgerowError
from bot.testnet.dialect import Reply, Request
from bot.venues.failures import CURRENT
from bot.venues.makers import ACCOUNTS, MARKETS

Call = Callable[[Any], Awaitable[object]]
Key = tuple[str, tuple[tuple[str, str], ...]]
Place = tuple[str | int, ...]
"""Where in a reply: keys and indices from its root."""

_SIGNING = frozenset({"timestamp", "signature", "recvWindow"})
_NO_ANSWER = Reply(502, b"nobody has recorded this")


def key_of(request: Request) -> Key:
    """A request without what signing adds to it."""
    named = [pair for pair in parse_qsl(request.query, keep_blank_values=True) if pair[0] not in _SIGNING]
    body = request.body if request.body.startswith("{") else "&".join(
        part for part in request.body.split("&") if part.partition("=")[0] not in _SIGNING)
    return f"{request.method} {request.path}", (*named, ("", body))


class RecordingWire(Wire):
    """The wire to the testnet, noting what goes over it."""

    tape: dict[Key, Reply]

    def _send(self, request: Request) -> _Answer:
        answer = super()._send(request)
        self.tape[key_of(request)] = Reply(answer.status, answer._body, answer.headers)
        return answer


class ReplayWire:
    """What ccxt takes for its session: answers from a tape."""

    headers: Mapping[str, str] = {}

    def __init__(self, tape: Mapping[Key, Reply]) -> None:
        self.tape = tape
        self.asked: list[str] = []

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        if verb not in ("get", "post", "put", "delete"):
            raise AttributeError(verb)

        def send(url: Any, data: bytes | None = None, headers: Mapping[str, str] | None = None, **_: Any) -> _Answer:
            request = Request(verb.upper(), url.raw_path, url.raw_query_string, data.decode() if data else "",
                              dict(headers or {}))
            attempt = CURRENT.get()
            if attempt is not None:
                attempt.sent = True
            self.asked.append(f"{request.method} {request.path}")
            return _Answer(self.tape.get(key_of(request), _NO_ANSWER))

        return send

    async def close(self) -> None:
        pass


class Watched(dict[str, object]):
    """A JSON object that notes which of its fields are looked at."""

    def __init__(self, content: Mapping[str, object], place: Place, seen: set[Place]) -> None:
        super().__init__({name: watch(value, (*place, name), seen) for name, value in content.items()})
        self._place, self._seen = place, seen

    def get(self, key: str, default: object = None) -> Any:
        self._seen.add((*self._place, key))
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self._seen.add((*self._place, key))
        return super().__getitem__(key)


def watch(value: Any, place: Place, seen: set[Place]) -> Any:
    """The same JSON, watched."""
    if isinstance(value, dict):
        return Watched(value, place, seen)
    if isinstance(value, list):
        return [watch(each, (*place, number), seen) for number, each in enumerate(value)]
    return value


@dataclass
class Recording:
    """One call, the replies it met, and what came of it: a value, or an error of ours."""

    venue: str
    call: Call
    at: int
    tape: dict[Key, Reply]
    market: bool = False
    truth: object = None
    read: dict[Key, set[Place]] = field(default_factory=dict)
    _opened: Any = None

    async def repeated(self, tape: Mapping[Key, Reply] | None = None) -> object:
        """Make the call again, of a gateway that knows nothing yet; its value or error."""
        wire = ReplayWire(self.tape if tape is None else tape)
        if self._opened is None:
            self._opened = wired(
                self.venue, ManualClock(), lambda _: wire, make=MARKETS if self.market else ACCOUNTS)
        account = self._opened._venue if self.market else self._opened
        exchange, clock = account._exchange, account._clock
        fresh = deepcopy(self._opened, {id(exchange): exchange, id(clock): clock})
        exchange.session, exchange.options["timeDifference"], clock.at = wire, 0, self.at
        for budget in exchange._door.budgets.by_name.values():
            budget._spent.clear()
            budget._total = 0
        try:
            return await self.call(fresh)
        except HedgerowError as error:
            return error

    async def close(self) -> None:
        """Put the gateway away."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    def _watch(self, exchange: Any) -> None:
        bodies: dict[str, Key] = {reply.body.decode(): key for key, reply in self.tape.items()}
        parse = exchange.parse_json

        def parsed(body: str) -> Any:
            value = parse(body)
            return watch(value, (), self.read.setdefault(bodies[body], set())) if body in bodies else value

        exchange.parse_json = parsed

    async def learn(self) -> None:
        """Find out what is true, and which fields of the replies it is made from."""
        self.truth = await self.repeated()
        exchange = (self._opened._venue if self.market else self._opened)._exchange
        parse = exchange.parse_json
        self._watch(exchange)
        assert same(await self.repeated(), self.truth)
        exchange.parse_json = parse

    def spoilt(self) -> Iterator[tuple[str, dict[Key, Reply]]]:
        """Every spoilt tape, named: each field that is read, in each way; of rows of a list the last one's.

        Of several answers with the same fields (one for each coin), one is spoilt.
        """
        done: set[object] = set()
        for key, reply in self.tape.items():
            chosen = _chosen(self.read.get(key, set()))
            alike = key[0], frozenset(chosen)
            if alike in done:
                continue
            done.add(alike)
            body = json.loads(reply.body, parse_float=Decimal)
            for place in chosen.values():
                found = place_in(body, place)
                for how, value in ways(place, found):
                    changed = deepcopy(body)
                    put_in(changed, place, value)
                    yield (
                        f"{key[0]} {_spoken(place)}: {how}",
                        {**self.tape, key: Reply(reply.status, _encoded(changed), reply.headers)},
                    )
            for how, whole in BODIES.items():
                yield f"{key[0]}: {how}", {**self.tape, key: Reply(200, whole, reply.headers)}
            cut = reply.body[: max(1, len(reply.body) * 2 // 3)]
            yield f"{key[0]}: truncated", {**self.tape, key: Reply(reply.status, cut, reply.headers)}
            yield f"{key[0]}: wrong status", {**self.tape, key: Reply(500, reply.body, reply.headers)}


BODIES = {
    "HTML": b"<html><body>Just a moment...</body></html>", "{}": b"{}", "[]": b"[]", "null": b"null", "nothing": b"",
    "a text": b'"ok"', "a number": b"1", "true": b"true", "[{}]": b"[{}]", "[null]": b"[null]", "cut": b'{"retCode":0,',
}

MISSING = object()

VOCABULARY = frozenset({"status", "orderStatus", "side", "positionSide", "timeInForce", "execType", "accountType"})
"""Fields whose words are known: another word is no answer. Any other text may be any text."""

MAY_BE_NEGATIVE = frozenset({
    "walletBalance", "unrealizedProfit", "marginBalance", "availableBalance", "unRealizedProfit", "lastFundingRate",
    "fundingRate", "commission", "realizedPnl", "income", "makerCommissionRate", "takerCommissionRate", "taker",
    "totalMarginBalance", "totalAvailableBalance", "unrealisedPnl", "execFee", "execPnl", "cashFlow", "makerFeeRate",
    "takerFeeRate", "retCode", "code",
})
"""Numbers whose sign the venue tells and nothing else does: the other sign is another truth."""

MAY_BE_NOTHING = MAY_BE_NEGATIVE | {
    "free", "initialMargin", "maintMargin", "totalInitialMargin", "totalMaintenanceMargin", "positionIM", "positionMM",
    "totalPositionMM", "totalPositionIM", "price", "origQty", "qty", "notional", "minNotional", "minNotionalValue",
    "minOrderAmt", "collateralRatio", "closedSize", "spotBorrow", "accruedInterest", "locked", "usdValue",
    "orderStatus",
}
"""Numbers that are 0 in some true answer, with nothing in the same answers to tell it by."""


def ways(place: Place, found: object) -> Iterator[tuple[str, object]]:
    """How a value may be said wrongly: not at all, as another type, or as one that cannot be."""
    name = str(place[-1])
    yield "missing", MISSING
    yield from {"None": None, "empty": "", "NaN": float("nan"), "an object": {"a": 1}}.items()
    if found is MISSING:
        return
    others: dict[str, object] = {"0": 0, "true": True, "-1": -1, "a list": [0]}
    for how, value in others.items():
        if found != value and not (name in MAY_BE_NEGATIVE and isinstance(found, int)) and not isinstance(found, bool):
            yield how, value
    number = _number(found)
    of_market = name == "status" and place[0] in ("symbols", "result")  # whatever else it says, it is not trading
    if (name in VOCABULARY and not of_market) or number is not None or not isinstance(found, str):
        yield "a word", "many"
        yield "NaN as text", "NaN"
        yield "infinite", "Infinity"
    if number is None:
        return
    if isinstance(found, str):
        yield "as a number", number
        if number and name not in MAY_BE_NEGATIVE:
            yield "negative", found.removeprefix("-") if found.startswith("-") else f"-{found}"
        if number and name not in MAY_BE_NOTHING:
            yield "nought", "0"
    else:
        yield "as text", str(found)
        if number and name not in MAY_BE_NEGATIVE:
            yield "negative", -number


def _number(found: object) -> float | int | None:
    if isinstance(found, bool) or not isinstance(found, (str, int, Decimal)):
        return None
    try:
        return float(found) if "." in str(found) else int(found)
    except ValueError:
        return None


def _encoded(value: object) -> bytes:
    return json.dumps(value, default=float).encode()


def read_places(read: Callable[[Any], object], reply: Any) -> list[Place]:
    """Where `read` looks in a reply; of rows of a list the last one's."""
    seen: set[Place] = set()
    read(watch(reply, (), seen))
    return list(_chosen(seen).values())


def place_in(body: Any, place: Place) -> Any:
    """What stands there; MISSING where nothing does."""
    for step in place:
        if isinstance(body, dict):
            body = body.get(step, MISSING)
            if body is MISSING:
                return MISSING
        else:
            body = body[step]
    return body


def put_in(body: Any, place: Place, value: object) -> None:
    """Put another value there, or none."""
    inner = place_in(body, place[:-1])
    if value is MISSING:
        inner.pop(place[-1], None)
    else:
        inner[place[-1]] = value


def _chosen(read: set[Place]) -> dict[tuple[str, ...], Place]:
    """Of each field that was read, its last place."""
    found: dict[tuple[str, ...], Place] = {}
    for place in sorted(read, key=lambda each: [(isinstance(step, str), str(step).zfill(6)) for step in each]):
        found[tuple("" if isinstance(step, int) else step for step in place)] = place
    return found


def _spoken(place: Place) -> str:
    return ".".join(str(step) for step in place)


# -- what is a wrong belief

_WORDS = frozenset({"message"})
"""What is only ever shown."""


def same(found: object, truth: object) -> bool:
    """Whether two calls came to the same."""
    if isinstance(truth, HedgerowError):
        return type(found) is type(truth) and getattr(found, "code", None) == getattr(truth, "code", None)
    return found == truth


def wrong(found: Any, truth: Any, kind: Any = Any) -> str | None:
    """Where a belief differs from the truth, other than by being unknown where its type lets it; None: nowhere."""
    if found == truth or (found is None and _optional(kind)):
        return None
    if is_dataclass(truth) and type(found) is type(truth):
        hints = get_type_hints(type(truth))
        return next((f"{each.name} {said}" for each in fields(truth) if (
            said := wrong(getattr(found, each.name), getattr(truth, each.name), hints[each.name]))
            and each.name not in _WORDS), None)
    if isinstance(truth, Mapping) and isinstance(found, Mapping) and found.keys() == truth.keys():
        inner = get_args(kind)[1] if len(get_args(kind)) == 2 else Any
        return next((f"{name} {said}" for name in truth if (said := wrong(found[name], truth[name], inner))), None)
    if isinstance(truth, tuple) and isinstance(found, tuple) and len(found) == len(truth):
        inner = get_args(kind)[0] if get_origin(kind) is tuple else Any
        return next((f"[{number}] {said}" for number, (one, other) in enumerate(zip(found, truth, strict=True)) if (
            said := wrong(one, other, inner))), None)
    return f"believed {found!r:.160}, true is {truth!r:.160}"


def _optional(kind: Any) -> bool:
    return get_origin(kind) in (UnionType, Union) and type(None) in get_args(kind)
