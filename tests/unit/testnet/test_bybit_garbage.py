"""Whatever a client sends, Bybit's dialect answers in its envelope and does not fall over."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from bybit_caller import WINDOW, BybitCaller
from hypothesis import given, settings
from hypothesis import strategies as st
from testnet_caller import KEY

from bot.core.times import SECOND
from bot.testnet.dialect import Request

CALLER = BybitCaller()
PLACES = sorted(CALLER.testnet.dialect.endpoints)
NAMES = ("symbol", "limit", "cursor", "startTime", "endTime", "coin", "settleCoin", "orderId", "orderLinkId", "side",
         "orderType", "qty", "price", "timeInForce", "reduceOnly", "positionIdx", "buyLeverage", "sellLeverage",
         "interval", "type", "accountType", "status", "mode", "baseCoin", "execType")
WORDS = st.sampled_from((
    "BTCUSDT", "USDT", "UNIFIED", "Buy", "Limit", "PostOnly", "60", "0", "1", "-1", "0.1", "30500.5", "1E+999999",
    "1E-999999", "NaN", "Infinity", "9" * 5_000, "9" * 40, "²", "\x00", "%", "1:0,²:0", "true", "",
)) | st.text(max_size=8)
VALUES: Any = WORDS | st.none() | st.booleans() | st.integers() | st.floats() | st.lists(st.integers(), max_size=2)


def answered(method: str, path: str, payload: str) -> int:
    CALLER.advance(SECOND)  # a new second: the limits are not what is tried here
    reply = CALLER.raw(method, path, payload)
    envelope = orjson.loads(reply.body)
    assert set(envelope) == {"retCode", "retMsg", "result", "retExtInfo", "time"}
    return int(envelope["retCode"])


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(PLACES), st.sampled_from(("linear", "spot")),
       st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=9))
def test_any_parameters_are_answered(place: tuple[str, str], category: str, more: dict[str, Any]) -> None:
    method, path = place
    asked = {"category": category, **more}
    payload = urlencode(asked) if method == "GET" else json.dumps(asked)
    answered(method, path, payload)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PLACES), st.text(max_size=40))
def test_any_text_is_answered(place: tuple[str, str], payload: str) -> None:
    answered(*place, payload)


@pytest.mark.parametrize("odd", ["\udcff", "é", "²", "9" * 5_000, " 1"])
@pytest.mark.parametrize("name", ["API-KEY", "TIMESTAMP", "SIGN", "RECV-WINDOW"])
def test_odd_headers_are_refused_and_nothing_else(name: str, odd: str) -> None:
    CALLER.advance(SECOND)
    headers = {"X-BAPI-API-KEY": KEY, "X-BAPI-TIMESTAMP": str(CALLER.now), "X-BAPI-RECV-WINDOW": WINDOW,
               "X-BAPI-SIGN": "0" * 64, f"X-BAPI-{name}": odd}
    reply = CALLER.testnet.dialect.answer(Request("GET", "/v5/account/info", "", "", headers))
    assert orjson.loads(reply.body)["retCode"] in (10002, 10003, 10004)


@pytest.mark.parametrize("missing", ["API-KEY", "TIMESTAMP", "SIGN"])
def test_a_missing_header_is_named_with_the_odd_ones_there(missing: str) -> None:
    headers = {f"X-BAPI-{name}": "\udcff" for name in ("API-KEY", "TIMESTAMP", "SIGN") if name != missing}
    reply = CALLER.testnet.dialect.answer(Request("GET", "/v5/account/info", "", "", headers))
    assert orjson.loads(reply.body)["retCode"] == 10001
