"""What Binance says when it is in trouble: the answers of the testnet's faults that are in the venue's own words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import orjson

from bot.testnet.binance.errors import MESSAGES
from bot.testnet.dialect import Reply
from bot.testnet.faults import Kind, Switch


def spoiled(switch: Switch) -> Reply:
    """The reply of a venue that has this fault."""
    return _WORDS[switch.kind](switch)


def _says(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, orjson.dumps({"code": code, "msg": message}), headers or {})


def _silence(status: int, switch: Switch) -> Reply:
    return _says(status, -1003, "Too many requests.", {"Retry-After": str(switch.retry_after)})


def _unknown(code: int) -> Reply:
    return _says(408, code, MESSAGES.get(code, MESSAGES[-1007]))


def _error(switch: Switch) -> Reply:
    code = -1000 if switch.code is None else switch.code
    message = MESSAGES.get(code, MESSAGES[-1000]) if switch.message is None else switch.message
    return _says(switch.status or 400, code, message)


_WORDS: Mapping[Kind, Callable[[Switch], Reply]] = MappingProxyType({
    Kind.HTTP500: lambda _: _says(500, -1000, MESSAGES[-1000]),
    Kind.HTTP503: lambda _: _says(503, -1008, MESSAGES[-1008]),
    Kind.UNKNOWN: lambda switch: _unknown(-1007 if switch.code is None else switch.code),
    Kind.RATE_LIMIT: lambda switch: _silence(429, switch),
    Kind.BAN: lambda switch: _silence(418, switch),
    Kind.ERROR: _error,
})
