"""What the benches' exchange answers in Bybit's shapes: a calm unified account, 600 perpetuals, 700 spot markets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import orjson
from answers import FAR_OFF, NAV, STAMP, Row, price, targets

PERPETUALS, SPOTS = 600, 700
BY_SYMBOL = frozenset({"GET /v5/market/risk-limit", "GET /v5/account/fee-rate"})
"""Calls whose answer is that of the symbol asked for."""


def answers(assets: Sequence[str]) -> dict[str, bytes]:
    """By 'METHOD /path', with ' category' behind it where the call has one that matters."""
    symbols = [f"{asset}USDT" for asset in assets]
    perpetuals = [*symbols, *(f"F{number:03d}USDT" for number in range(PERPETUALS - len(symbols)))]
    spots = [*symbols, *(f"S{number:04d}USDT" for number in range(SPOTS - len(symbols)))]
    found = {
        "GET /testnet/clock": {"now": STAMP, "origin": 0, "end": None, "mode": "wall", "speed": 1},
        "GET /v5/market/time": _ok({"timeSecond": str(STAMP), "timeNano": str(STAMP)}),
        "GET /v5/market/tickers linear": _list([_ticker(symbol) for symbol in perpetuals]),
        "GET /v5/market/tickers spot": _list([_touch(symbol) for symbol in spots]),
        "GET /v5/market/instruments-info linear": _list([_perpetual(symbol) for symbol in perpetuals]),
        "GET /v5/market/instruments-info spot": _list([_spot(symbol) for symbol in spots]),
        "GET /v5/account/wallet-balance": _list([_wallet(assets)]),
        "GET /v5/account/collateral-info": _list([
            {"currency": asset, "collateralRatio": "0.95", "marginCollateral": True, "collateralSwitch": True}
            for asset in (*assets, "USDT")]),
        "GET /v5/account/info": _ok(
            {"marginMode": "REGULAR_MARGIN", "unifiedMarginStatus": 5, "updatedTime": str(STAMP)}),
        "GET /v5/user/query-api": _ok({
            "id": "1", "apiKey": "k", "readOnly": 0, "userID": 1448939, "ips": ["203.0.113.7"], "deadlineDay": -2,
            "expiredAt": "1970-01-01T00:00:00Z", "uta": 1,
            "permissions": {"ContractTrade": ["Order", "Position"], "Spot": ["SpotTrade"], "Wallet": []}}),
        "GET /v5/position/list linear": _list([]),
        "GET /v5/order/realtime linear": _list([]),
        "GET /v5/market/funding/history linear": _list([]),
    }
    return {key: orjson.dumps(value) for key, value in found.items()}


def of_symbol(key: str, asked: Mapping[str, str]) -> bytes:
    """The answer to one of `BY_SYMBOL`."""
    symbol = asked["symbol"]
    if key.endswith("fee-rate"):
        return orjson.dumps(_list([{"symbol": symbol, "makerFeeRate": "0.0002", "takerFeeRate": "0.00055"}]))
    caps = [2_000_000, 10_000_000, 50_000_000]
    return orjson.dumps(_list([
        {"id": place, "symbol": symbol, "riskLimitValue": str(cap), "maintenanceMargin": f"0.0{place}",
         "maxLeverage": str(100 // place), "mmDeduction": ""}
        for place, cap in enumerate(caps, 1)]))


def position(symbol: str) -> bytes:
    """The flat row that is answered when one symbol is asked for."""
    return orjson.dumps(_list([{
        "positionIdx": 0, "symbol": symbol, "side": "", "size": "0", "avgPrice": "0", "positionValue": "",
        "tradeMode": 0, "leverage": "5", "markPrice": f"{price(symbol)}", "liqPrice": "", "positionMM": "",
        "positionIM": "", "unrealisedPnl": "", "updatedTime": str(STAMP)}]))


def _ok(result: object) -> Row:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": STAMP}


def _list(rows: Sequence[object]) -> Row:
    return _ok({"category": "linear", "list": rows, "nextPageCursor": ""})


def _touch(symbol: str) -> Row:
    mid = price(symbol)
    return {"symbol": symbol, "bid1Price": f"{mid * Decimal('0.9999'):.2f}", "bid1Size": "2",
            "ask1Price": f"{mid * Decimal('1.0001'):.2f}", "ask1Size": "2", "lastPrice": f"{mid}"}


def _ticker(symbol: str) -> Row:
    mid = price(symbol)
    return _touch(symbol) | {
        "markPrice": f"{mid}", "indexPrice": f"{mid}", "fundingRate": "0.0001", "nextFundingTime": str(FAR_OFF),
        "fundingIntervalHour": "8", "openInterest": "51000", "turnover24h": "500000000", "volume24h": "10000"}


def _perpetual(symbol: str) -> Row:
    return {
        "symbol": symbol, "contractType": "LinearPerpetual", "status": "Trading", "baseCoin": symbol[:-4],
        "quoteCoin": "USDT", "settleCoin": "USDT", "fundingInterval": 480,
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": "0.01", "maxPrice": "1999999.80", "tickSize": "0.01"},
        "lotSizeFilter": {"maxOrderQty": "119000.000", "minOrderQty": "0.001", "qtyStep": "0.001",
                          "postOnlyMaxOrderQty": "119000.000", "maxMktOrderQty": "119.000", "minNotionalValue": "5"},
    }


def _spot(symbol: str) -> Row:
    return {
        "symbol": symbol, "baseCoin": symbol[:-4], "quoteCoin": "USDT", "status": "Trading",
        "lotSizeFilter": {"basePrecision": "0.000001", "quotePrecision": "0.0000001", "minOrderQty": "0.000048",
                          "maxOrderQty": "71.7", "minOrderAmt": "1", "maxOrderAmt": "4000000"},
        "priceFilter": {"tickSize": "0.01"},
    }


def _wallet(assets: Sequence[str]) -> Row:
    coins = {asset: NAV * targets(assets)[asset] / 100 / price(f"{asset}USDT") for asset in assets}
    coins["USDT"] = NAV * (100 - sum(targets(assets).values())) / 100
    return {
        "accountType": "UNIFIED", "accountIMRate": "0", "accountMMRate": "0", "totalEquity": f"{NAV}",
        "totalWalletBalance": f"{NAV}", "totalMarginBalance": f"{NAV}", "totalAvailableBalance": f"{NAV}",
        "totalPerpUPL": "0", "totalInitialMargin": "0", "totalMaintenanceMargin": "0",
        "coin": [{
            "coin": coin, "equity": f"{held:.8f}", "usdValue": f"{held:.8f}", "walletBalance": f"{held:.8f}",
            "locked": "0", "spotBorrow": "0", "borrowAmount": "0", "accruedInterest": "0", "unrealisedPnl": "0",
            "totalPositionIM": "0", "totalPositionMM": "0", "collateralSwitch": True, "marginCollateral": True,
        } for coin, held in coins.items()],
    }
