"""What every reply of Bybit is wrapped in."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from bot.core.times import Millis
from bot.testnet.bybit.errors import ApiError
from bot.testnet.dialect import Reply
from bot.testnet.numbers import Row


def success(result: Row, now: Millis, headers: Mapping[str, str], message: str = "OK") -> Reply:
    """The reply that says yes."""
    return Reply(200, _wrapped(0, message, result, now), headers)


def refusal(error: ApiError, now: Millis, headers: Mapping[str, str]) -> Reply:
    """The reply that says no, mostly with status 200 all the same."""
    return Reply(error.status, _wrapped(error.code, error.message, {}, now), headers)


def _wrapped(code: int, message: str, result: Row, now: Millis) -> bytes:
    return orjson.dumps({"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": now})
