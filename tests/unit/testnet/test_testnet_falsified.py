"""Prices made wrong on their way out: what is shown changes, what is traded does not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest
from bybit_caller import BybitCaller
from testnet_caller import Caller

from bot.testnet.dialect import Request
from bot.testnet.falsified import falsified_frame
from bot.testnet.faults import Kind, Switch

D = Decimal
SPOILT = {Kind.SPIKE, Kind.NAN_PRICE, Kind.ZERO_PRICE, Kind.NEGATIVE_PRICE}


def shown(venue: str, kind: Kind | None) -> tuple[Any, Any]:
    """Best bid and ask of the perpetual, and its mark: (bid, ask, mark) as text."""
    caller: Any = Caller() if venue == "binance" else BybitCaller()
    mischief = caller.testnet.mischief

    def ask(path: str, query: str) -> Any:
        request = Request("GET", path, query)
        reply = mischief.plain(request) if kind is None else mischief.answer(request, Switch("* *", kind))
        return orjson.loads(reply.body)

    if venue == "binance":
        touch = ask("/fapi/v1/ticker/bookTicker", "symbol=BTCUSDT")
        return (touch["bidPrice"], touch["askPrice"]), ask("/fapi/v1/premiumIndex", "symbol=BTCUSDT")["markPrice"]
    row = ask("/v5/market/tickers", "category=linear&symbol=BTCUSDT")["result"]["list"][0]
    return (row["bid1Price"], row["ask1Price"]), row["markPrice"]


@pytest.mark.parametrize("venue", ["binance", "bybit"])
def test_each_kind_of_false_price_is_what_it_says(venue: str) -> None:
    (bid, ask), mark = shown(venue, None)
    assert shown(venue, Kind.CROSSED) == ((ask, bid), mark)
    assert shown(venue, Kind.EMPTY_BOOK) == (("", ""), mark)
    assert shown(venue, Kind.NAN_PRICE) == (("NaN", "NaN"), "NaN")
    assert shown(venue, Kind.ZERO_PRICE) == (("0", "0"), "0")
    touch, wrong = shown(venue, Kind.SPIKE)
    assert [D(price) for price in (*touch, wrong)] == [D(price) * D("1.2") for price in (bid, ask, mark)]
    touch, wrong = shown(venue, Kind.NEGATIVE_PRICE)
    assert [D(price) for price in (*touch, wrong)] == [-D(price) for price in (bid, ask, mark)]


def test_frames_have_shorter_names_for_the_same() -> None:
    ticker = '{"e":"bookTicker","u":1,"s":"BTCUSDT","b":"100.5","B":"3","a":"100.6","A":"4","E":1}'
    crossed = orjson.loads(falsified_frame(Kind.CROSSED, ticker))
    assert (crossed["b"], crossed["a"], crossed["e"], crossed["B"]) == ("100.6", "100.5", "bookTicker", "3")
    book = '{"topic":"orderbook.1.BTCUSDT","data":{"s":"BTCUSDT","b":[["100.5","3"]],"a":[["100.6","4"]]}}'
    assert orjson.loads(falsified_frame(Kind.EMPTY_BOOK, book))["data"] == {"s": "BTCUSDT", "b": [], "a": []}
    assert orjson.loads(falsified_frame(Kind.NAN_PRICE, book))["data"]["b"] == [["NaN", "3"]]
