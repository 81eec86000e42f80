from __future__ import annotations

from urllib.parse import urlencode

import orjson
import pytest
from testnet_caller import KEY, SECRET, Caller

from bot.testnet.binance.signing import sign, without_signature
from bot.testnet.dialect import Reply

ACCOUNT = "/fapi/v3/account"


@pytest.fixture
def caller() -> Caller:
    return Caller()


def code(reply: Reply) -> int:
    return int(orjson.loads(reply.body)["code"])


def query_at(timestamp: int, **more: object) -> str:
    query = urlencode({"timestamp": timestamp, **more})
    return f"{query}&signature={sign(SECRET, query.encode())}"


def test_the_documented_example_has_the_documented_signature() -> None:
    # The example of Binance's own documentation, "SIGNED Endpoint Examples for POST /fapi/v1/order".
    payload = ("symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
               "&timestamp=1499827319559")
    secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    assert sign(secret, payload.encode()) == "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"


def test_query_and_body_are_signed_as_one_text_wherever_the_signature_stands() -> None:
    assert without_signature("a=1&signature=x&b=2", "c=3") == b"a=1&b=2c=3"
    assert without_signature("a=1", "c=3&signature=x") == b"a=1c=3"


def test_a_signed_request_is_accepted_with_parameters_in_the_query_in_the_body_or_in_both(caller: Caller) -> None:
    path = "/fapi/v1/leverage"
    whole = urlencode({"symbol": "BTCUSDT", "leverage": 7, "timestamp": caller.now})
    signature = "&signature=" + sign(SECRET, whole.encode())
    head, tail = "symbol=BTCUSDT&leverage=7", f"timestamp={caller.now}"
    split = "&signature=" + sign(SECRET, (head + tail).encode())
    for query, body in ((whole + signature, ""), ("", whole + signature), (head, tail + split), (head + split, tail)):
        assert caller.raw("POST", path, query, body).status == 200


def test_where_query_and_body_disagree_the_query_counts(caller: Caller) -> None:
    query = "leverage=3"
    body = urlencode({"symbol": "BTCUSDT", "leverage": 9, "timestamp": caller.now})
    body += "&signature=" + sign(SECRET, (query + body).encode())
    assert orjson.loads(caller.raw("POST", "/fapi/v1/leverage", query, body).body)["leverage"] == 3


def test_a_changed_parameter_breaks_the_signature(caller: Caller) -> None:
    reply = caller.raw("GET", ACCOUNT, query_at(caller.now, symbol="BTCUSDT").replace("BTC", "ETH"))
    assert (reply.status, code(reply)) == (400, -1022)


@pytest.mark.parametrize(("key", "expected"), [(None, -2014), ("", -2014), ("not a key!", -2014), ("other-key", -2015)])
def test_another_key_is_refused(caller: Caller, key: str | None, expected: int) -> None:
    reply = caller.raw("GET", ACCOUNT, query_at(caller.now), key=key)
    assert (reply.status, code(reply)) == (401, expected)


@pytest.mark.parametrize(("offset", "window", "accepted"), [
    (999, None, True), (1000, None, False), (-5000, None, True), (-5001, None, False), (-60000, 60000, True),
    (-10, 9, False),
])
def test_the_timestamp_must_lie_within_the_window(
    caller: Caller, offset: int, window: int | None, accepted: bool,
) -> None:
    more = {} if window is None else {"recvWindow": window}
    reply = caller.raw("GET", ACCOUNT, query_at(caller.now + offset, **more))
    assert reply.status == 200 if accepted else code(reply) == -1021


def test_a_window_beyond_a_minute_is_refused(caller: Caller) -> None:
    assert code(caller.raw("GET", ACCOUNT, query_at(caller.now, recvWindow=60001))) == -1131


def test_without_timestamp_or_signature_nothing_is_answered(caller: Caller) -> None:
    unsigned = f"timestamp={caller.now}"
    assert code(caller.raw("GET", ACCOUNT, unsigned)) == -1102
    assert code(caller.raw("GET", ACCOUNT, "signature=" + sign(SECRET, b""))) == -1102


def test_a_listen_key_needs_the_key_alone(caller: Caller) -> None:
    assert caller.raw("POST", "/fapi/v1/listenKey", key=KEY).status == 200
    assert caller.raw("POST", "/fapi/v1/listenKey", key=None).status == 401
