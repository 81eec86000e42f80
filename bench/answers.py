"""What the bench's exchange answers: Binance's shapes, sizes like the real ones, the same bytes in every run.

600 perpetuals and 2,000 spot markets are listed; prices of strangers come from a seeded generator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import TypeAlias

import orjson

Row: TypeAlias = dict[str, object]

STAMP = 1_700_000_000_000
"""Stands for "now" in every answer; the exchange writes its own time over it."""

FAR_OFF = 2_000_000_000_000
"""The next funding settlement: none falls into a bench."""

PERPETUALS = 600
SPOTS = 2_000
NAV = Decimal(100_000)
BTC_TARGET, OTHERS_TARGET, CASH_TARGET = Decimal(50), Decimal(30), Decimal(20)
FUTURES_CASH = Decimal(10_000)
EXCESS = Decimal(5_000)
"""In `drift` and `hedged`: so much more BTC than its target, 5 % of the portfolio."""

BELOW = Decimal(48_500)
"""BTC's price in `below`; elsewhere it is 50,000."""


def pushed(symbol: str, mid: Decimal, number: int, *, at: int | None = None) -> bytes:
    """A frame of a book ticker; of a perpetual's, where it tells a time."""
    touch = _spot_touch(symbol, mid) if at is None else _touch(symbol, mid)
    head = {} if at is None else {"e": "bookTicker", "E": at, "T": at}
    return orjson.dumps(head | {"u": number, "s": symbol, "b": touch["bidPrice"], "B": touch["bidQty"],
                                "a": touch["askPrice"], "A": touch["askQty"]})


def pushed_mark(symbol: str, mid: Decimal, at: int) -> bytes:
    """A frame of a mark price."""
    return orjson.dumps({"e": "markPriceUpdate", "E": at, "s": symbol, "p": f"{mid:.8f}", "ap": f"{mid:.8f}",
                         "P": f"{mid:.8f}", "i": f"{mid:.8f}", "r": "0.00010000", "T": FAR_OFF})


def coins(count: int) -> tuple[str, ...]:
    """BTC, ETH and `count` − 2 others."""
    return ("BTC", "ETH", *(f"C{number:02d}" for number in range(count - 2)))


def targets(assets: Sequence[str]) -> dict[str, Decimal]:
    """In percent: BTC 50, the others 30 between them; what rounding leaves is cash's."""
    each = (OTHERS_TARGET / (len(assets) - 1)).quantize(Decimal("0.01"), "ROUND_DOWN")
    return {asset: BTC_TARGET if asset == "BTC" else each for asset in assets}


def price(symbol: str) -> Decimal:
    """A middle price."""
    known = {"BTCUSDT": Decimal(50_000), "ETHUSDT": Decimal(2_500)}
    return known.get(symbol) or Decimal(Random(symbol).randrange(100, 100_000)) / 100


def answers(assets: Sequence[str], scene: str) -> dict[str, bytes]:
    """By 'METHOD /path'. `scene`: 'calm', 'drift' (an order is due), 'below' (the same account, BTC 3 % cheaper),
    'hedged' (that order has been filled).
    """
    mids = {"BTCUSDT": BELOW} if scene == "below" else {}
    symbols = [f"{asset}USDT" for asset in assets]
    perpetuals = [*symbols, *(f"F{number:03d}USDT" for number in range(PERPETUALS - len(symbols)))]
    spots = [*symbols, *(f"S{number:04d}USDT" for number in range(SPOTS - len(symbols)))]
    short = EXCESS / price("BTCUSDT") if scene == "hedged" else Decimal(0)
    found: dict[str, object] = {
        "GET /testnet/clock": {"now": STAMP, "origin": 0, "end": None, "mode": "wall", "speed": 1},
        "GET /fapi/v1/time": {"serverTime": STAMP},
        "GET /api/v3/time": {"serverTime": STAMP},
        "GET /fapi/v1/fundingInfo": [{"symbol": symbol, "fundingIntervalHours": 4} for symbol in perpetuals[-200:]],
        "GET /fapi/v1/exchangeInfo": {"timezone": "UTC", "serverTime": STAMP, "rateLimits": [],
                                      "symbols": [_perpetual(symbol) for symbol in perpetuals]},
        "GET /api/v3/exchangeInfo": {"timezone": "UTC", "serverTime": STAMP, "rateLimits": [],
                                     "symbols": [_spot(symbol) for symbol in spots]},
        "GET /api/v3/account": _spot_account(assets, drifted=scene != "calm"),
        "GET /api/v3/ticker/bookTicker": [_spot_touch(symbol, mids.get(symbol)) for symbol in symbols],
        "GET /fapi/v3/account": _futures_account(short),
        "GET /fapi/v3/positionRisk": [_position(short)] if short else [],
        "GET /fapi/v1/ticker/bookTicker": [_touch(symbol, mids.get(symbol)) for symbol in perpetuals],
        "GET /fapi/v1/premiumIndex": [_premium(symbol, mids.get(symbol)) for symbol in perpetuals],
        "GET /fapi/v1/openOrders": [],
        "GET /fapi/v1/leverageBracket": [_brackets(symbol) for symbol in perpetuals],
        "GET /fapi/v1/commissionRate": {"symbol": "BTCUSDT", "makerCommissionRate": "0.000200",
                                        "takerCommissionRate": "0.000500"},
        "GET /fapi/v1/positionSide/dual": {"dualSidePosition": False},
        "GET /fapi/v1/multiAssetsMargin": {"multiAssetsMargin": False},
        "GET /fapi/v1/symbolConfig": [{"symbol": symbol, "marginType": "CROSSED", "isAutoAddMargin": False,
                                       "leverage": 5, "maxNotionalValue": "1000000"} for symbol in symbols],
        "GET /fapi/v1/fundingRate": [],
        "GET /sapi/v1/account/apiRestrictions": {
            "ipRestrict": True, "createTime": STAMP, "enableReading": True, "enableWithdrawals": False,
            "enableInternalTransfer": False, "enableMargin": False, "enableFutures": True,
            "permitsUniversalTransfer": False, "enableSpotAndMarginTrading": True},
        "GET /fapi/v1/accountConfig": {
            "feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": True, "dualSidePosition": False,
            "multiAssetsMargin": False, "tradeGroupId": -1, "updateTime": 0},
        "POST /fapi/v1/listenKey": {"listenKey": "bench"},
        "PUT /fapi/v1/listenKey": {"listenKey": "bench"},
        "GET /fapi/v1/userTrades": [],
        "GET /fapi/v1/allOrders": [],
        "GET /api/v3/allOrders": [],
        "GET /api/v3/myTrades": [],
        "GET /api/v3/openOrders": [],
        "GET /fapi/v1/income": [],
    }
    return {key: orjson.dumps(value) for key, value in found.items()}


def spot_market(symbols: Sequence[str]) -> bytes:
    """The spot exchangeInfo of these symbols only."""
    return orjson.dumps({"timezone": "UTC", "serverTime": STAMP, "rateLimits": [],
                         "symbols": [_spot(symbol) for symbol in symbols]})


def placed(sent: Mapping[str, str]) -> bytes:
    """The answer to a new order: it rests."""
    return orjson.dumps({
        "orderId": 4242, "symbol": sent["symbol"], "status": "NEW", "clientOrderId": sent["newClientOrderId"],
        "price": sent["price"], "avgPrice": "0.00", "origQty": sent["quantity"], "executedQty": "0", "cumQty": "0",
        "cumQuote": "0", "timeInForce": sent["timeInForce"], "type": "LIMIT", "reduceOnly": False,
        "closePosition": False, "side": sent["side"], "positionSide": "BOTH", "stopPrice": "0",
        "workingType": "CONTRACT_PRICE", "priceProtect": False, "origType": "LIMIT", "priceMatch": "NONE",
        "selfTradePreventionMode": "NONE", "goodTillDate": 0, "updateTime": STAMP,
    })


def _spot_account(assets: Sequence[str], *, drifted: bool) -> Row:
    def held(asset: str) -> Decimal:
        value = NAV * targets(assets)[asset] / 100 + (EXCESS if drifted and asset == "BTC" else 0)
        return value / price(f"{asset}USDT")

    cash = NAV - FUTURES_CASH - (EXCESS if drifted else 0) - NAV * sum(targets(assets).values()) / 100
    return {
        "makerCommission": 10, "takerCommission": 10, "buyerCommission": 0, "sellerCommission": 0,
        "commissionRates": {"maker": "0.00100000", "taker": "0.00100000", "buyer": "0.00000000",
                            "seller": "0.00000000"},
        "canTrade": True, "canWithdraw": True, "canDeposit": True, "brokered": False, "requireSelfTradePrevention":
        False, "preventSor": False, "updateTime": STAMP, "accountType": "SPOT", "uid": 354937868,
        "permissions": ["SPOT"],
        "balances": [{"asset": asset, "free": f"{held(asset):.8f}", "locked": "0.00000000"} for asset in assets]
        + [{"asset": "USDT", "free": f"{cash:.8f}", "locked": "0.00000000"}],
    }


def _spot_touch(symbol: str, mid: Decimal | None = None) -> Row:
    mid = mid or price(symbol)
    return {"symbol": symbol, "bidPrice": f"{mid * Decimal('0.9999'):.8f}", "bidQty": "1.50000000",
            "askPrice": f"{mid * Decimal('1.0001'):.8f}", "askQty": "2.50000000"}


def _touch(symbol: str, mid: Decimal | None = None) -> Row:
    mid = mid or price(symbol)
    return {"symbol": symbol, "bidPrice": f"{mid * Decimal('0.9998'):.2f}", "bidQty": "12.345",
            "askPrice": f"{mid * Decimal('1.0002'):.2f}", "askQty": "23.456", "time": STAMP,
            "lastUpdateId": 7_000_000_000_000}


def _premium(symbol: str, mid: Decimal | None = None) -> Row:
    mid = mid or price(symbol)
    return {"symbol": symbol, "markPrice": f"{mid:.8f}", "indexPrice": f"{mid:.8f}",
            "estimatedSettlePrice": f"{mid:.8f}", "lastFundingRate": "0.00010000", "interestRate": "0.00010000",
            "nextFundingTime": FAR_OFF, "time": STAMP}


def _position(short: Decimal) -> Row:
    notional = short * price("BTCUSDT")
    return {
        "symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": f"-{short}", "entryPrice": "50000.0",
        "breakEvenPrice": "49990.0", "markPrice": "50000.00000000", "unRealizedProfit": "0.00000000",
        "liquidationPrice": "140000.5", "isolatedMargin": "0", "notional": f"-{notional}", "marginAsset": "USDT",
        "isolatedWallet": "0", "initialMargin": f"{notional / 5}", "maintMargin": f"{notional / 250}",
        "positionInitialMargin": f"{notional / 5}", "openOrderInitialMargin": "0", "adl": 2, "bidNotional": "0",
        "askNotional": "0", "updateTime": STAMP,
    }


def _futures_account(short: Decimal) -> Row:
    notional = short * price("BTCUSDT")
    amounts = {
        "walletBalance": f"{FUTURES_CASH}", "unrealizedProfit": "0.00000000", "marginBalance": f"{FUTURES_CASH}",
        "maintMargin": f"{notional / 250}", "initialMargin": f"{notional / 5}",
        "availableBalance": f"{FUTURES_CASH - notional / 5}",
    }
    position = {"symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": f"-{short}", "notional": f"-{notional}",
                "unrealizedProfit": "0", "isolatedMargin": "0", "isolatedWallet": "0",
                "initialMargin": f"{notional / 5}", "maintMargin": f"{notional / 250}", "updateTime": STAMP}
    return {
        "totalInitialMargin": amounts["initialMargin"], "totalMaintMargin": amounts["maintMargin"],
        "totalWalletBalance": amounts["walletBalance"], "totalUnrealizedProfit": "0.00000000",
        "totalMarginBalance": amounts["marginBalance"], "availableBalance": amounts["availableBalance"],
        "assets": [{"asset": "USDT", **amounts, "updateTime": STAMP}], "positions": [position] if short else [],
    }


def _brackets(symbol: str) -> Row:
    caps = [0, 50_000, 600_000, 3_000_000, 12_000_000, 70_000_000, 100_000_000, 230_000_000, 480_000_000, 600_000_000]
    rates = [Decimal(rate) for rate in ("0.004", "0.005", "0.01", "0.025", "0.05", "0.1", "0.125", "0.15", "0.25")]
    found: list[Row] = []
    deduction = Decimal(0)
    for level, rate in enumerate(rates):
        deduction += caps[level] * (rate - (rates[level - 1] if level else Decimal(0)))
        found.append({"bracket": level + 1, "initialLeverage": max(1, 125 // (level + 1) ** 2),
                      "notionalCap": caps[level + 1], "notionalFloor": caps[level], "maintMarginRatio": float(rate),
                      "cum": float(deduction)})
    return {"symbol": symbol, "notionalCoef": 1.0, "brackets": found}


def _perpetual(symbol: str) -> Row:
    return {
        "symbol": symbol, "pair": symbol, "contractType": "PERPETUAL", "deliveryDate": 4_133_404_800_000,
        "onboardDate": 1_569_398_400_000, "status": "TRADING", "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000", "baseAsset": symbol.removesuffix("USDT"), "quoteAsset": "USDT",
        "marginAsset": "USDT", "pricePrecision": 2, "quantityPrecision": 3, "baseAssetPrecision": 8,
        "quotePrecision": 8, "underlyingType": "COIN", "underlyingSubType": ["PoW"], "triggerProtect": "0.0500",
        "liquidationFee": "0.012500", "marketTakeBound": "0.05", "maxMoveOrderLimit": 10_000,
        "filters": [
            {"filterType": "PRICE_FILTER", "maxPrice": "4529764", "minPrice": "0.01", "tickSize": "0.01"},
            {"filterType": "LOT_SIZE", "stepSize": "0.001", "maxQty": "100000", "minQty": "0.001"},
            {"filterType": "MARKET_LOT_SIZE", "maxQty": "120", "minQty": "0.001", "stepSize": "0.001"},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200}, {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
            {"filterType": "MIN_NOTIONAL", "notional": "50"},
            {"filterType": "PERCENT_PRICE", "multiplierDecimal": "4", "multiplierDown": "0.9500",
             "multiplierUp": "1.0500"},
            {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
        ],
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET",
                       "TRAILING_STOP_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"], "permissionSets": ["GRID", "COPY"],
    }


def _spot(symbol: str) -> Row:
    return {
        "symbol": symbol, "status": "TRADING", "baseAsset": symbol.removesuffix("USDT"), "baseAssetPrecision": 8,
        "quoteAsset": "USDT", "quotePrecision": 8, "quoteAssetPrecision": 8, "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8, "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS",
                                                      "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"],
        "icebergAllowed": True, "ocoAllowed": True, "otoAllowed": True, "opoAllowed": True,
        "quoteOrderQtyMarketAllowed": True, "allowTrailingStop": True, "cancelReplaceAllowed": True,
        "amendAllowed": True, "pegInstructionsAllowed": True, "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": True,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00000000",
             "tickSize": "0.01000000"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
            {"filterType": "ICEBERG_PARTS", "limit": 100},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": "74.83", "stepSize": "0.00000000"},
            {"filterType": "TRAILING_DELTA", "minTrailingAboveDelta": 10, "maxTrailingAboveDelta": 2000,
             "minTrailingBelowDelta": 10, "maxTrailingBelowDelta": 2000},
            {"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "5", "bidMultiplierDown": "0.2",
             "askMultiplierUp": "5", "askMultiplierDown": "0.2", "avgPriceMins": 5},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True,
             "maxNotional": "9000000.00000000", "applyMaxToMarket": False, "avgPriceMins": 5},
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        ],
        "permissions": [], "permissionSets": [["SPOT", "MARGIN", *(f"TRD_GRP_{group:03d}" for group in range(4, 40))]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }
