"""A loopback server that answers like Bybit from a table, or as badly as a test asks (`fake_binance`'s spoilers)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from fake_binance import NOW, FakeBinance, Spoiler

HOUR = 3_600_000
LINK = "hrtest_btc1_1"
LIVE, PAST = "GET /v5/order/realtime", "GET /v5/order/history"
CREATE, AMEND, CANCEL = (f"POST /v5/order/{verb}" for verb in ("create", "amend", "cancel"))
WALLET, POSITIONS, TICKERS = "GET /v5/account/wallet-balance", "GET /v5/position/list", "GET /v5/market/tickers"
EXECUTIONS, LOG = "GET /v5/execution/list", "GET /v5/account/transaction-log"
INFO, KEY, LEVERAGE = "GET /v5/account/info", "GET /v5/user/query-api", "POST /v5/position/set-leverage"
COLLATERAL, INSTRUMENTS = "GET /v5/account/collateral-info", "GET /v5/market/instruments-info"
FEES, RISK, FUNDING = "GET /v5/account/fee-rate", "GET /v5/market/risk-limit", "GET /v5/market/funding/history"


@dataclass
class FakeBybit(FakeBinance):
    """As `FakeBinance`, with Bybit's calls; bodies are JSON."""

    def __post_init__(self) -> None:
        self.replies = defaults(self.assets, self.now) | self.replies

    async def params(self, request: web.Request) -> dict[str, Any]:
        # Not decoded: Bybit's cursors carry percent signs, and must come back as they were given.
        query = dict(pair.split("=", 1) for pair in request.rel_url.raw_query_string.split("&") if pair)
        body = await request.read()
        return query | (json.loads(body) if body else {})


def ok(result: object, *, time: int = NOW) -> dict[str, object]:
    """A good answer."""
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": time}


def listing(*rows: object, cursor: str | None = "", time: int = NOW) -> dict[str, object]:
    """A good answer with a list."""
    return ok({"category": "linear", "list": list(rows), "nextPageCursor": cursor}, time=time)


def no(code: int, message: str = "said no", status: int = 200, **headers: str) -> web.Response:
    """A refusal in Bybit's words."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    said = {"retCode": code, "retMsg": message, "result": {}, "retExtInfo": {}, "time": NOW}
    return web.json_response(said, status=status, headers=named)


def refusing(code: int, message: str = "said no", status: int = 200, **headers: str) -> Spoiler:
    """Answer with a refusal."""

    async def spoil(_request: web.Request, _said: object) -> web.StreamResponse:
        return no(code, message, status, **headers)

    return spoil


def acknowledged(link: str = LINK, order_id: str = "o-1") -> dict[str, object]:
    """What is answered to placing, moving and cancelling."""
    return ok({"orderId": order_id, "orderLinkId": link})


def order(**fields: object) -> dict[str, object]:
    """A row of a resting order of 0.2 BTC."""
    return {
        "orderId": "o-1", "orderLinkId": LINK, "symbol": "BTCUSDT", "price": "50000.0", "qty": "0.200", "side": "Sell",
        "positionIdx": 0, "orderStatus": "New", "cancelType": "UNKNOWN", "rejectReason": "EC_NoError", "avgPrice": "",
        "leavesQty": "0.200", "cumExecQty": "0.000", "cumExecValue": "0", "cumExecFee": "0", "timeInForce": "PostOnly",
        "orderType": "Limit", "reduceOnly": False, "createdTime": str(NOW), "updatedTime": str(NOW),
    } | fields


def position(symbol: str = "BTCUSDT", size: str = "0.200", **fields: object) -> dict[str, object]:
    """A row of the position list: a short."""
    return {
        "positionIdx": 0, "symbol": symbol, "side": "Sell" if size != "0" else "", "size": size,
        "avgPrice": "50000.0", "positionValue": "10000", "tradeMode": 0, "leverage": "5", "markPrice": "50100.00",
        "liqPrice": "", "positionMM": "54.12", "positionIM": "2004.00", "unrealisedPnl": "-20.00",
        "updatedTime": str(NOW - 1000),
    } | fields


def coin(name: str, balance: str, **fields: object) -> dict[str, object]:
    """A coin of the wallet."""
    return {
        "coin": name, "equity": balance, "usdValue": balance, "walletBalance": balance, "locked": "0",
        "spotBorrow": "0", "borrowAmount": "0", "accruedInterest": "0", "unrealisedPnl": "0", "totalPositionIM": "0",
        "totalPositionMM": "0", "collateralSwitch": True, "marginCollateral": True,
    } | fields


def wallet(*coins: dict[str, object], **fields: object) -> dict[str, object]:
    """The unified account with these coins."""
    return ok({"list": [{
        "accountType": "UNIFIED", "accountIMRate": "0.03", "accountMMRate": "0.0008", "totalEquity": "70000",
        "totalWalletBalance": "68000", "totalMarginBalance": "67980", "totalAvailableBalance": "65976",
        "totalPerpUPL": "-20", "totalInitialMargin": "2004", "totalMaintenanceMargin": "54.12",
        "coin": list(coins),
    } | fields]})


def ticker(symbol: str, **fields: object) -> dict[str, object]:
    """A row of the tickers; the spot ones have fewer fields."""
    return {
        "symbol": symbol, "bid1Price": "50009.90", "bid1Size": "2", "ask1Price": "50010.00", "ask1Size": "2",
        "lastPrice": "50010", "markPrice": "50100.00", "indexPrice": "50000.00", "fundingRate": "0.0001",
        "nextFundingTime": str(NOW + HOUR), "fundingIntervalHour": "8",
    } | fields


def execution(trade: str, **fields: object) -> dict[str, object]:
    """A row of the execution list: an opening sale."""
    return {
        "symbol": "BTCUSDT", "orderId": "o-1", "orderLinkId": LINK, "side": "Sell", "execFee": "2.00",
        "execId": trade, "execPrice": "50000.0", "execQty": "0.100", "execType": "Trade", "execTime": str(NOW),
        "feeCurrency": "USDT", "isMaker": True, "closedSize": "0.000", "seq": 1,
    } | fields


def logged(kind: str, **fields: object) -> dict[str, object]:
    """A row of the transaction log."""
    return {
        "id": "log-1", "symbol": "BTCUSDT", "type": kind, "funding": "", "fee": "0", "cashFlow": "0", "change": "0",
        "currency": "USDT", "tradeId": "", "transactionTime": str(NOW),
    } | fields


def linear(symbol: str, **fields: object) -> dict[str, object]:
    """A perpetual's specification."""
    return {
        "symbol": symbol, "contractType": "LinearPerpetual", "status": "Trading", "baseCoin": symbol[:-4],
        "quoteCoin": "USDT", "settleCoin": "USDT", "fundingInterval": 480,
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": "0.10", "maxPrice": "1999999.80", "tickSize": "0.10"},
        "lotSizeFilter": {"maxOrderQty": "1190.000", "minOrderQty": "0.001", "qtyStep": "0.001",
                          "postOnlyMaxOrderQty": "1190.000", "maxMktOrderQty": "119.000", "minNotionalValue": "5"},
    } | fields


def spot(symbol: str, **fields: object) -> dict[str, object]:
    """A spot market's specification."""
    return {
        "symbol": symbol, "baseCoin": symbol[:-4], "quoteCoin": "USDT", "status": "Trading",
        "lotSizeFilter": {"basePrecision": "0.000001", "quotePrecision": "0.0000001", "minOrderQty": "0.000048",
                          "maxOrderQty": "71.7", "minOrderAmt": "1", "maxOrderAmt": "4000000"},
        "priceFilter": {"tickSize": "0.01"},
    } | fields


def key(**fields: object) -> dict[str, object]:
    """A key that may do what is needed and no more."""
    return ok({
        "id": "1", "apiKey": "k", "readOnly": 0, "userID": 1448939, "ips": ["203.0.113.7"], "deadlineDay": -2,
        "expiredAt": "1970-01-01T00:00:00Z", "uta": 1, "unified": 0,
        "permissions": {"ContractTrade": ["Order", "Position"], "Spot": ["SpotTrade"], "Wallet": []},
    } | fields)


def defaults(assets: tuple[str, ...], now: int) -> dict[str, Any]:
    """An account that is in order, with a short of 0.2 BTC."""
    symbols = [f"{asset}USDT" for asset in assets]

    def tickers(params: dict[str, str]) -> object:
        prices = {} if params["category"] == "linear" else {"bid1Price": "49999.00", "ask1Price": "50001.00"}
        asked = [params["symbol"]] if "symbol" in params else [*symbols, "DOGEUSDT", "USDCUSDT", "BTCPERP"]
        return listing(*(ticker(symbol, **prices) for symbol in asked), time=now - 3)

    def held(params: dict[str, str]) -> object:
        if "cursor" in params:
            return listing(cursor=None)
        if "symbol" in params:
            return listing(position(params["symbol"], "0.200" if params["symbol"] == symbols[0] else "0"))
        return listing(position(symbols[0]), cursor="BTCUSDT%2C1")  # given even where nothing follows

    def instruments(params: dict[str, str]) -> object:
        make = linear if params["category"] == "linear" else spot
        return listing(*(make(symbol) for symbol in [*symbols, "DOGEUSDT", "USDCUSDT"]))

    return {
        "GET /v5/market/time": ok({"timeSecond": str(now // 1000), "timeNano": str(now * 1_000_000)}, time=now),
        TICKERS: tickers,
        WALLET: wallet(*(coin(asset, "1.2", locked="0.1") for asset in assets),
                       coin("USDT", "10000", totalPositionMM="54.12", totalPositionIM="2004")),
        POSITIONS: held,
        LIVE: listing(),
        PAST: listing(),
        CREATE: acknowledged(), AMEND: acknowledged(), CANCEL: acknowledged(),
        EXECUTIONS: listing(), LOG: listing(),
        INFO: ok({"marginMode": "REGULAR_MARGIN", "unifiedMarginStatus": 5, "updatedTime": str(now)}),
        KEY: key(),
        LEVERAGE: ok({}),
        COLLATERAL: listing(*(
            {"currency": asset, "collateralRatio": "0.95", "marginCollateral": True, "collateralSwitch": True}
            for asset in (*assets, "USDT")
        )),
        INSTRUMENTS: instruments,
        FEES: lambda params: listing({
            "symbol": params["symbol"], "makerFeeRate": "0.0002",
            "takerFeeRate": "0.00055" if params["category"] == "linear" else "0.001",
        }),
        RISK: lambda params: listing(
            {"id": 1, "symbol": params["symbol"], "riskLimitValue": "2000000", "maintenanceMargin": "0.005",
             "initialMargin": "0.01", "maxLeverage": "100.00", "mmDeduction": ""},
            {"id": 2, "symbol": params["symbol"], "riskLimitValue": "2600000", "maintenanceMargin": "0.0056",
             "initialMargin": "0.0111", "maxLeverage": "90.00", "mmDeduction": "1200"},
        ),
        FUNDING: listing(),
    }
