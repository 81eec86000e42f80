"""Every reply against the examples of Binance's own connectors: the same keys, the same JSON types."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from testnet_caller import BTC, Caller, order

from bot.core.times import HOUR

_SHARED = Path(os.environ.get("HEDGEROW_SHARED") or Path(__file__).parents[4] / "shared")
_FILE = _SHARED / "fixtures" / "binance_examples.json"
FUTURES, SPOT = "derivatives_trading_usds_futures", "spot"

_COIN_MARGINED = "the connectors share one model with COIN-M; USD-M's documentation does not list it"
_OTHER_ORDER_TYPES = "only with order types that the testnet does not take (trailing, iceberg, pegged, routed)"
_CUT = "the connectors' examples leave out what their models mark optional; the documentation lists it, ccxt reads it"

MISSING: dict[str, dict[str, str]] = {
    "GET /fapi/v1/userTrades": {"baseQty": _COIN_MARGINED, "marginAsset": _COIN_MARGINED, "pair": _COIN_MARGINED},
    "GET /fapi/v1/allOrders": {"cumBase": _COIN_MARGINED, "pair": _COIN_MARGINED},
    **dict.fromkeys(
        ("GET /api/v3/order", "GET /api/v3/openOrders", "GET /api/v3/allOrders", "DELETE /api/v3/order"),
        dict.fromkeys(("preventedMatchId", "preventedQuantity", "strategyId", "strategyType", "trailingDelta",
                       "trailingTime", "usedSor", "workingFloor", "pegPriceType", "pegOffsetType", "pegOffsetValue",
                       "peggedPrice", "expiryReason"), _OTHER_ORDER_TYPES),
    ),
    "GET /api/v3/exchangeInfo": {
        "count": "only in replies about the order count",
    },
}
for _path in ("GET /fapi/v1/order", "GET /fapi/v1/openOrder", "GET /fapi/v1/openOrders", "DELETE /fapi/v1/order",
              "GET /fapi/v1/allOrders"):
    MISSING.setdefault(_path, {}).update(dict.fromkeys(("activatePrice", "priceRate"), _OTHER_ORDER_TYPES))
for _name in ("stopPrice", "icebergQty"):
    MISSING["DELETE /api/v3/order"] = {**MISSING["DELETE /api/v3/order"], _name: _OTHER_ORDER_TYPES}
"""Keys of the examples that the testnet does not send, by endpoint, each with its reason."""

EXTRA: dict[str, dict[str, str]] = {
    "POST /fapi/v1/order": {"cumQuote": _CUT, "avgPrice": _CUT},
    "PUT /fapi/v1/order": {"cumQuote": _CUT, "avgPrice": _CUT},
    "DELETE /fapi/v1/order": {"cumQuote": _CUT, "avgPrice": _CUT},
    "GET /fapi/v1/ticker/bookTicker": {"lastUpdateId": "documented since 2025"},
    "GET /fapi/v1/exchangeInfo": {"futuresType": "sent by the venue"},
    "POST /api/v3/order": dict.fromkeys(("price", "origQty", "executedQty", "origQuoteOrderQty",
                                        "cummulativeQuoteQty", "qty", "commission"), _CUT),
    "GET /api/v3/ticker/bookTicker": dict.fromkeys(("bidPrice", "bidQty", "askPrice", "askQty"), _CUT),
    "GET /api/v3/ticker/price": {"price": _CUT},
    "GET /api/v3/ticker/24hr": dict.fromkeys((
        "priceChange", "priceChangePercent", "weightedAvgPrice", "prevClosePrice", "lastPrice", "lastQty", "bidPrice",
        "bidQty", "askPrice", "askQty", "openPrice", "highPrice", "lowPrice", "volume", "quoteVolume"), _CUT),
}
"""Keys that the testnet sends beyond the examples, each with its reason."""

EMPTY: dict[str, str] = {
    "exchangeFilters": "there are no filters across symbols",
    "sors": "no smart order routing",
    "symbols[].permissions": "deprecated for permissionSets; the venue sends an empty list",
}
"""Lists that may be empty."""


def read_examples() -> dict[str, dict[str, Any]]:
    if not _FILE.is_file():
        pytest.skip(f"no examples at {_FILE}: HEDGEROW_SHARED names the folder")
    return dict(json.loads(_FILE.read_text()))


def prepared() -> Caller:
    """An account that has something to show everywhere."""
    caller = Caller()
    caller.short("0.2")
    caller.advance(9 * HOUR)
    caller.sell("0.1", newClientOrderId="rest")
    ask = caller.public("/api/v3/ticker/bookTicker", symbol=BTC)["askPrice"]
    caller.ok("POST", "/api/v3/order", **order("BUY", "0.01", ask, "IOC"))
    caller.ok("POST", "/api/v3/order", **order("SELL", "0.01", "31500", "GTC", newClientOrderId="spot"))
    return caller


def reply_to(caller: Caller, endpoint: str) -> Any:
    method, path = endpoint.split(" ")
    if method == "GET" and endpoint in _NARROW:
        return caller.ok(method, path, **_NARROW[endpoint])
    if method == "GET":
        return caller.ok(method, path)
    return caller.ok(method, path, **_CHANGES[endpoint](caller))


_NARROW: dict[str, dict[str, object]] = {
    **{f"GET {path}": {"symbol": BTC} for path in (
        "/fapi/v1/depth", "/fapi/v1/ticker/24hr", "/fapi/v1/ticker/bookTicker", "/fapi/v1/ticker/price",
        "/fapi/v2/ticker/price", "/fapi/v1/premiumIndex", "/fapi/v1/fundingRate", "/fapi/v1/userTrades",
        "/fapi/v1/allOrders", "/fapi/v1/commissionRate", "/api/v3/depth", "/api/v3/ticker/24hr",
        "/api/v3/ticker/bookTicker", "/api/v3/ticker/price", "/api/v3/account/commission", "/api/v3/allOrders",
        "/api/v3/myTrades")},
    "GET /fapi/v1/order": {"symbol": BTC, "origClientOrderId": "rest"},
    "GET /fapi/v1/openOrder": {"symbol": BTC, "origClientOrderId": "rest"},
    "GET /api/v3/order": {"symbol": BTC, "origClientOrderId": "spot"},
}
_CHANGES: dict[str, Any] = {
    "POST /fapi/v1/order": lambda caller: order("SELL", "0.1", caller.touch()[1]),
    "PUT /fapi/v1/order": lambda caller: {"symbol": BTC, "side": "SELL", "quantity": "0.3", "price": caller.touch()[1],
                                          "origClientOrderId": "rest"},
    "DELETE /fapi/v1/order": lambda _: {"symbol": BTC, "origClientOrderId": "rest"},
    "DELETE /fapi/v1/allOpenOrders": lambda _: {"symbol": BTC},
    "POST /fapi/v1/countdownCancelAll": lambda _: {"symbol": BTC, "countdownTime": 100000},
    "POST /fapi/v1/leverage": lambda _: {"symbol": BTC, "leverage": 21},
    "POST /fapi/v1/marginType": lambda _: {"symbol": "ETHUSDT", "marginType": "ISOLATED"},
    "POST /fapi/v1/multiAssetsMargin": lambda _: {"multiAssetsMargin": "true"},
    "POST /fapi/v1/listenKey": lambda _: {},
    "PUT /fapi/v1/listenKey": lambda caller: caller.ok("POST", "/fapi/v1/listenKey"),
    "POST /api/v3/order": lambda caller: order(
        "SELL", "0.01", caller.public("/api/v3/ticker/bookTicker", symbol=BTC)["bidPrice"], "IOC"),
    "DELETE /api/v3/order": lambda _: {"symbol": BTC, "origClientOrderId": "spot"},
    "DELETE /api/v3/openOrders": lambda _: {"symbol": BTC},
}
SPOKEN: list[tuple[str, str]] = [
    *((FUTURES, name) for name in (
        "GET /fapi/v1/time", "GET /fapi/v1/exchangeInfo", "GET /fapi/v1/fundingInfo", "GET /fapi/v2/account",
        "GET /fapi/v3/account", "GET /fapi/v2/balance", "GET /fapi/v3/balance", "GET /fapi/v1/accountConfig",
        "GET /fapi/v1/multiAssetsMargin", "GET /fapi/v1/positionSide/dual", "GET /fapi/v1/income",
        "GET /fapi/v1/leverageBracket", "GET /fapi/v1/symbolConfig", "GET /fapi/v2/positionRisk",
        "GET /fapi/v3/positionRisk", "GET /fapi/v1/openOrders",
        *(name for name in (*_NARROW, *_CHANGES) if "/fapi/" in name))),
    *((SPOT, name) for name in (
        "GET /api/v3/time", "GET /api/v3/exchangeInfo", "GET /api/v3/account", "GET /api/v3/openOrders",
        *(name for name in (*_NARROW, *_CHANGES) if "/api/v3" in name))),
]


def kind(value: object) -> str:
    if value is None or isinstance(value, bool):
        return type(value).__name__
    if isinstance(value, (int, float)):
        return "number"
    return type(value).__name__


@dataclass
class Comparison:
    """What differs between an example and a reply: keys by name, types by place."""

    missing: set[str] = field(default_factory=set)
    extra: set[str] = field(default_factory=set)
    types: list[str] = field(default_factory=list)

    def compare(self, example: Any, found: Any, place: str = "") -> Comparison:
        if kind(example) != kind(found):
            self.types.append(f"{place or 'reply'}: example {kind(example)}, testnet {kind(found)}")
        elif isinstance(example, list):
            if example and not found and place not in EMPTY:
                self.types.append(f"{place}: nothing to compare")
            for item in found[:3] if example else ():
                self.compare(example[0], item, f"{place}[]")
        elif isinstance(example, dict):
            if not place.endswith(".filters[]"):  # the examples melt all filters into one; each has its own keys
                self.missing |= set(example) - set(found)
                self.extra |= set(found) - set(example)
            for key in set(example) & set(found):
                self.compare(example[key], found[key], f"{place}.{key}".lstrip("."))
        return self


@pytest.mark.parametrize(("product", "endpoint"), SPOKEN, ids=[name for _, name in SPOKEN])
def test_a_reply_has_the_keys_and_types_of_the_example(product: str, endpoint: str) -> None:
    example = read_examples()[product][endpoint]
    assert Comparison().compare(example, reply_to(prepared(), endpoint)) == Comparison(
        set(MISSING.get(endpoint, {})), set(EXTRA.get(endpoint, {})))


def test_every_spoken_endpoint_is_compared_or_has_no_example() -> None:
    examples = read_examples()
    held = {name for product in (FUTURES, SPOT) for name in examples[product]}
    spoken = {f"{method} {path}" for method, path in prepared().testnet.dialect.endpoints}
    without = {
        "POST /fapi/v1/positionSide/dual",  # refused while the prepared account has a position
        "GET /fapi/v1/klines", "GET /api/v3/klines",  # their examples show one column of twelve
    }
    assert spoken & held - {name for _, name in SPOKEN} - without == set()


def test_every_allowed_difference_is_of_an_endpoint_that_is_compared() -> None:
    assert {*MISSING, *EXTRA} <= {name for _, name in SPOKEN}


def test_money_has_eight_digits_and_quantities_those_of_the_step() -> None:
    caller = prepared()
    account = caller.ok("GET", "/fapi/v3/account")
    assert all(len(value.split(".")[1]) == 8 for value in account.values() if isinstance(value, str))
    (position,) = account["positions"]
    assert position["positionAmt"] == "-0.200"
    (resting,) = caller.ok("GET", "/fapi/v1/openOrders")
    assert (resting["origQty"], resting["avgPrice"], len(resting["price"].split(".")[1])) == ("0.100", "0.00000", 1)
    (trade, *_) = caller.ok("GET", "/api/v3/myTrades", symbol=BTC)
    assert all(len(trade[name].split(".")[1]) == 8 for name in ("price", "qty", "quoteQty", "commission"))
