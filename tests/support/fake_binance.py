"""A loopback server that answers like Binance from a table, or as badly as a test asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from aiohttp import web
from aiohttp.test_utils import TestServer

NOW = 1_700_000_000_000
Reply: TypeAlias = object
Spoiler: TypeAlias = Callable[[web.Request, object], Any]


@dataclass
class FakeBinance:
    """`replies`: 'METHOD /path' → JSON, or a function of the parameters. `spoil`: the same key → how to go wrong."""

    assets: tuple[str, ...] = ("BTC", "ETH")
    now: int = NOW
    replies: dict[str, Any] = field(default_factory=dict)
    spoil: dict[str, Spoiler] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    _server: TestServer | None = None
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.replies = defaults(self.assets, self.now) | self.replies

    async def start(self) -> str:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._server = TestServer(app)
        await self._server.start_server(access_log=None)
        return str(self._server.make_url("")).rstrip("/")

    async def stop(self) -> None:
        self._closing.set()
        if self._server is not None:
            await self._server.close()

    def calls(self, key: str) -> list[dict[str, Any]]:
        """The parameters of every request to 'METHOD /path'."""
        return [params for name, params in self.seen if name == key]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        key = f"{request.method} {request.path}"
        params = await self.params(request)
        self.seen.append((key, params))
        said = self.replies.get(key)
        if callable(said):
            said = said(params)
        if key in self.spoil:
            spoiled: web.StreamResponse = await self.spoil[key](request, said)
            return spoiled
        if said is None:
            return error(404, -1000, f"no such call: {key}")
        if isinstance(said, web.Response):
            return said
        return web.json_response(said, headers=self.headers)

    async def params(self, request: web.Request) -> dict[str, Any]:
        """What was asked, in query and body."""
        query = parse_qs(request.query_string) | parse_qs((await request.read()).decode())
        return {name: values[-1] for name, values in query.items()}

    async def hang(self, _request: web.Request, _said: object) -> web.StreamResponse:
        """No answer at all."""
        await self._closing.wait()
        return web.Response()


def error(status: int, code: int, message: str = "said no", **headers: str) -> web.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response({"code": code, "msg": message}, status=status, headers=named)


def saying(text: str, status: int = 200, content_type: str = "application/json", **headers: str) -> Spoiler:
    """Answer this text instead."""

    async def spoil(_request: web.Request, _said: object) -> web.StreamResponse:
        return web.Response(text=text, status=status, content_type=content_type, headers=headers)

    return spoil


def refusing(status: int, code: int, message: str = "said no", **headers: str) -> Spoiler:
    """Answer with an error code."""

    async def spoil(_request: web.Request, _said: object) -> web.StreamResponse:
        return error(status, code, message, **headers)

    return spoil


def with_status(status: int) -> Spoiler:
    """The usual answer, under a status that says it is none."""

    async def spoil(_request: web.Request, said: object) -> web.StreamResponse:
        return web.json_response(said, status=status)

    return spoil


async def hang_up(request: web.Request, _said: object) -> web.StreamResponse:
    """Close without a reply."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def cut(request: web.Request, _said: object) -> web.StreamResponse:
    """Close in the middle of the body."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = 100
    await response.prepare(request)
    await response.write(b'{"orderId": 1')
    assert request.transport is not None
    request.transport.close()
    return response


def changed(**fields: object) -> Spoiler:
    """The usual object, or every row of the usual list, with fields replaced."""

    async def spoil(_request: web.Request, said: object) -> web.StreamResponse:
        if isinstance(said, dict):
            return web.json_response({**said, **fields})
        assert isinstance(said, list)
        return web.json_response([{**row, **fields} for row in said])

    return spoil


def lacking(*names: str) -> Spoiler:
    """The usual object, or every row of the usual list, without these fields."""

    async def spoil(_request: web.Request, said: object) -> web.StreamResponse:
        found: list[Any] = said if isinstance(said, list) else [said]
        rows = [{name: value for name, value in row.items() if name not in names} for row in found]
        return web.json_response(rows if isinstance(said, list) else rows[0])

    return spoil


def order(**fields: object) -> dict[str, object]:
    """A row of a resting order of 0.2 BTC."""
    return {
        "orderId": 4242, "symbol": "BTCUSDT", "status": "NEW", "clientOrderId": "hrtest_btc1_1", "price": "50000.0",
        "avgPrice": "0.00000", "origQty": "0.200", "executedQty": "0.000", "cumQty": "0.000", "cumQuote": "0.00000",
        "timeInForce": "GTX", "type": "LIMIT", "reduceOnly": False, "closePosition": False, "side": "SELL",
        "positionSide": "BOTH", "stopPrice": "0.0", "workingType": "CONTRACT_PRICE", "origType": "LIMIT",
        "time": NOW, "updateTime": NOW,
    } | fields


def position(symbol: str = "BTCUSDT", amount: str = "-0.200", **fields: object) -> dict[str, object]:
    """A row of positionRisk."""
    return {
        "symbol": symbol, "positionSide": "BOTH", "positionAmt": amount, "entryPrice": "50000.0",
        "breakEvenPrice": "50010.0", "markPrice": "50100.00000000", "unRealizedProfit": "-20.00000000",
        "liquidationPrice": "99000.5", "isolatedMargin": "0.00000000", "notional": "-10020.00000000",
        "marginAsset": "USDT", "isolatedWallet": "0", "initialMargin": "2004.00000000", "maintMargin": "40.08000000",
        "positionInitialMargin": "2004.00000000", "openOrderInitialMargin": "0", "adl": 2, "bidNotional": "0",
        "askNotional": "0", "updateTime": NOW - 1000,
    } | fields


def futures_account(rows: Iterable[dict[str, object]] = ()) -> dict[str, object]:
    """A futures account with 10,000 USDT that holds these positions."""
    amounts = {
        "walletBalance": "10000.00000000", "unrealizedProfit": "-20.00000000", "marginBalance": "9980.00000000",
        "maintMargin": "40.08000000", "initialMargin": "2004.00000000", "availableBalance": "7976.00000000",
    }
    return {
        "totalInitialMargin": "2004.00000000", "totalMaintMargin": "40.08000000",
        "totalWalletBalance": "10000.00000000", "totalUnrealizedProfit": "-20.00000000",
        "totalMarginBalance": "9980.00000000", "availableBalance": "7976.00000000",
        "assets": [{"asset": "USDT", **amounts, "updateTime": NOW}],
        "positions": [
            {key: row[key] for key in ("symbol", "positionSide", "positionAmt", "notional", "updateTime")}
            for row in rows
        ],
    }


def holding(fake: FakeBinance, *rows: dict[str, object]) -> None:
    """Let the account show these positions."""
    fake.replies["GET /fapi/v3/positionRisk"] = list(rows)
    fake.replies["GET /fapi/v3/account"] = futures_account(rows)


def defaults(assets: tuple[str, ...], now: int) -> dict[str, Any]:
    """An account that is in order, with a short of 0.2 BTC."""
    symbols = [f"{asset}USDT" for asset in assets]
    short = [position(symbols[0])]

    def narrowed(make: Callable[[str], dict[str, object]]) -> Callable[[dict[str, str]], object]:
        # Like the venue: all of hundreds when no symbol is named, so there are strangers among them.
        def answer(params: dict[str, str]) -> object:
            if "symbol" in params:
                return make(params["symbol"])
            return [make(symbol) for symbol in (*symbols, "DOGEUSDT", "BTCUSDC")]

        return answer

    def spot_books(params: dict[str, str]) -> object:
        asked = params["symbols"].strip("[]").replace('"', "").split(",")
        return [{"symbol": symbol, "bidPrice": "49999.00000000", "bidQty": "1.00000000", "askPrice": "50001.00000000",
                 "askQty": "1.00000000"} for symbol in asked]

    return {
        "GET /fapi/v1/time": {"serverTime": now},
        "GET /fapi/v1/fundingInfo": [{"symbol": symbols[-1], "fundingIntervalHours": 4}],
        "GET /api/v3/account": {
            "makerCommission": 10, "commissionRates": {"maker": "0.00100000", "taker": "0.00100000"},
            "canTrade": True, "accountType": "SPOT", "uid": 354937868,
            "balances": [{"asset": asset, "free": "1.10000000", "locked": "0.10000000"} for asset in assets]
            + [{"asset": "USDT", "free": "10000.00000000", "locked": "0.00000000"}],
        },
        "GET /api/v3/ticker/bookTicker": spot_books,
        "GET /fapi/v3/account": futures_account(short),
        "GET /fapi/v3/positionRisk": short,
        "GET /fapi/v1/ticker/bookTicker": narrowed(lambda symbol: {
            "symbol": symbol, "bidPrice": "50009.90", "bidQty": "2.000", "askPrice": "50010.00", "askQty": "2.000",
            "time": now - 3, "lastUpdateId": 1,
        }),
        "GET /fapi/v1/premiumIndex": narrowed(lambda symbol: {
            "symbol": symbol, "markPrice": "50100.00000000", "indexPrice": "50000.00000000",
            "estimatedSettlePrice": "50000.00000000", "lastFundingRate": "0.00010000", "interestRate": "0.00010000",
            "nextFundingTime": now + 3_600_000, "time": now - 5,
        }),
        "GET /fapi/v1/openOrders": [],
        "GET /fapi/v1/order": order(),
        "POST /fapi/v1/order": order(),
        "PUT /fapi/v1/order": order(price="50100.0"),
        "DELETE /fapi/v1/order": order(status="CANCELED"),
        "GET /fapi/v1/userTrades": [],
        "GET /fapi/v1/income": [],
        "GET /fapi/v1/positionSide/dual": {"dualSidePosition": False},
        "GET /fapi/v1/multiAssetsMargin": {"multiAssetsMargin": False},
        "GET /fapi/v1/symbolConfig": [
            {"symbol": symbol, "marginType": "CROSSED", "isAutoAddMargin": False, "leverage": 5,
             "maxNotionalValue": "1000000"} for symbol in symbols
        ],
    }
