"""Candles of the local testnet: paged as each venue pages them, and of the story's own prices."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from bybit_caller import BybitCaller
from ccxt_desk import PERP, SPOT, BinanceDesk, BybitDesk, binance_desk, bybit_desk
from testnet_caller import BTC, Caller

from bot.core.times import HOUR, MINUTE
from bot.testnet.build import build
from bot.testnet.options import TestnetOptions

D = Decimal
BINANCE = ("/api/v3/klines", "/fapi/v1/klines", "/fapi/v1/markPriceKlines")


def binance() -> Caller:
    return Caller(build(TestnetOptions(scenario="demo", days=4)))


def bybit() -> BybitCaller:
    return BybitCaller(build(TestnetOptions(venue="bybit", scenario="demo", days=4)))


@pytest.mark.parametrize("path", BINANCE)
def test_binance_gives_the_first_ones_from_a_start_and_else_the_latest(path: str) -> None:
    caller = binance()
    start = caller.now
    caller.advance(10 * HOUR + 30 * MINUTE)
    every = caller.public(path, symbol=BTC, interval="1h")
    assert [row[0] for row in every] == [start + k * HOUR for k in range(11)]
    assert caller.public(path, symbol=BTC, interval="1h", startTime=start + 1, limit=3) == every[1:4]
    assert caller.public(path, symbol=BTC, interval="1h", endTime=start + 5 * HOUR - 1, limit=2) == every[3:5]
    assert caller.public(path, symbol=BTC, interval="1h", startTime=start, endTime=start) == every[:1]
    assert {row[6] - row[0] for row in every} == {HOUR - 1}
    assert caller.code("GET", path, symbol=BTC, interval="7m") == -1120
    assert caller.code("GET", path, symbol="NONE", interval="1h") == -1121


def test_binance_gives_no_more_than_it_says() -> None:
    caller = binance()
    caller.advance(30 * HOUR)
    assert len(caller.public("/api/v3/klines", symbol=BTC, interval="1m", limit=5000)) == 1000
    assert len(caller.public("/fapi/v1/klines", symbol=BTC, interval="1m", limit=5000)) == 1500
    assert len(caller.public("/fapi/v1/klines", symbol=BTC, interval="1m")) == 500


@pytest.mark.parametrize(("path", "category"), [
    ("/v5/market/kline", "spot"), ("/v5/market/kline", "linear"), ("/v5/market/mark-price-kline", "linear")])
def test_bybit_gives_the_newest_first(path: str, category: str) -> None:
    caller = bybit()
    start = caller.now
    caller.advance(10 * HOUR + 30 * MINUTE)

    def ask(**more: Any) -> list[Any]:
        rows: list[Any] = caller.get(path, category=category, symbol=BTC, interval="60", **more)["list"]
        return rows

    every = ask()
    assert [int(row[0]) for row in every] == [start + k * HOUR for k in range(10, -1, -1)]
    assert ask(start=start, end=start + 5 * HOUR, limit=2) == every[5:7]
    assert ask(start=start + 1, limit=3) == every[7:10], "from a start alone the first ones"
    assert {len(row) for row in every} == {5 if "mark-price" in path else 7}


def test_marks_have_no_spot_candles_on_bybit() -> None:
    assert bybit().code("GET", "/v5/market/mark-price-kline", category="spot", symbol=BTC, interval="60") == 10001


def test_a_candle_closes_where_the_next_one_opens_and_at_the_storys_price() -> None:
    caller = binance()
    caller.advance(6 * HOUR)
    feed = caller.testnet.exchange.feed
    rows = caller.public("/fapi/v1/markPriceKlines", symbol=BTC, interval="1h")[:-1]
    assert [row[4] for row in rows[:-1]] == [row[1] for row in rows[1:]]
    assert [D(row[4]) for row in rows] == [feed.mark("BTC", row[0] + HOUR) for row in rows]
    assert all(D(row[3]) <= min(D(row[1]), D(row[4])) <= max(D(row[1]), D(row[4])) <= D(row[2]) for row in rows)


@pytest.fixture(params=[binance_desk, bybit_desk])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[BinanceDesk | BybitDesk]:
    async for desk in request.param():
        yield desk


async def test_the_unmodified_client_reads_history(desk: BinanceDesk | BybitDesk) -> None:
    client, feed = desk.client, desk.caller.testnet.exchange.feed
    desk.caller.testnet.world.clock.origin += 20 * HOUR  # the wall jumps
    await client.load_markets()
    for symbol, more in ((SPOT, {}), (PERP, {}), (PERP, {"price": "mark"})):
        bars = await client.fetch_ohlcv(symbol, "1h", feed.start + HOUR, 5, more)
        assert [bar[0] for bar in bars] == [feed.start + k * HOUR for k in range(1, 6)]
        assert {bar[4] for bar in bars} == {30_500.0}
        until = await client.fetch_ohlcv(symbol, "1h", feed.start, 4, {**more, "until": feed.start + 3 * HOUR})
        assert [bar[0] for bar in until] == [feed.start + k * HOUR for k in range(4)]
    rates = await client.fetch_funding_rate_history(PERP, feed.start + 1)
    assert [(rate["timestamp"], rate["fundingRate"]) for rate in rates] == [
        (feed.start + 8 * HOUR, 0.0001), (feed.start + 16 * HOUR, 0.0001)]
