"""The calls of Binance's REST interfaces that are made, what each takes of which allowance, and its error codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.core.history import Retention
from bot.core.times import DAY, HOUR, MINUTE, SECOND
from bot.ports import Clock
from bot.venues.budget import Budget, Budgets
from bot.venues.failures import Codes, Endpoint

SPOT, FUTURES, ORDERS_10S, ORDERS_1M = "spot", "futures", "orders_10s", "orders_1m"
SPOT_ORDERS_10S, SPOT_ORDERS_1D = "spot_orders_10s", "spot_orders_1d"
FUNDING = "funding"


def _futures(weight: int) -> Mapping[str, int]:
    return {FUTURES: weight}


def _spot(weight: int) -> Mapping[str, int]:
    return {SPOT: weight}


_ORDER = {ORDERS_10S: 1, ORDERS_1M: 1}

REMEMBERS = Retention(funding=90 * DAY - HOUR, fills=180 * DAY - HOUR)
"""Income of the last three months, executions of the last six, less what a page may take; older ones are refused."""

SERVER_TIME = Endpoint("fapiPublic", "GET", "time", _futures(1))
EXCHANGE_INFO = Endpoint("fapiPublic", "GET", "exchangeInfo", _futures(1))
BOOK_TICKER = Endpoint("fapiPublic", "GET", "ticker/bookTicker", _futures(5))
PREMIUM_INDEX = Endpoint("fapiPublic", "GET", "premiumIndex", _futures(10))
FUNDING_INFO = Endpoint("fapiPublic", "GET", "fundingInfo", _futures(1))
FUNDING_RATE = Endpoint("fapiPublic", "GET", "fundingRate", {FUTURES: 1, FUNDING: 1})
KLINES = Endpoint("fapiPublic", "GET", "klines", _futures(5))  # for up to 1,000 candles
MARK_KLINES = Endpoint("fapiPublic", "GET", "markPriceKlines", _futures(5))
DEPTH = Endpoint("fapiPublic", "GET", "depth", _futures(2))  # for up to 50 levels

FUTURES_ACCOUNT = Endpoint("fapiPrivateV3", "GET", "account", _futures(5))
POSITION_RISK = Endpoint("fapiPrivateV3", "GET", "positionRisk", _futures(5))
OPEN_ORDERS = Endpoint("fapiPrivate", "GET", "openOrders", _futures(40))
ALL_ORDERS = Endpoint("fapiPrivate", "GET", "allOrders", _futures(5))
USER_TRADES = Endpoint("fapiPrivate", "GET", "userTrades", _futures(5))
INCOME = Endpoint("fapiPrivate", "GET", "income", _futures(30))
LEVERAGE_BRACKET = Endpoint("fapiPrivate", "GET", "leverageBracket", _futures(1))
COMMISSION_RATE = Endpoint("fapiPrivate", "GET", "commissionRate", _futures(20))
SYMBOL_CONFIG = Endpoint("fapiPrivate", "GET", "symbolConfig", _futures(5))
POSITION_MODE = Endpoint("fapiPrivate", "GET", "positionSide/dual", _futures(30))
ACCOUNT_CONFIG = Endpoint("fapiPrivate", "GET", "accountConfig", _futures(5))
MULTI_ASSETS = Endpoint("fapiPrivate", "GET", "multiAssetsMargin", _futures(30))

SET_POSITION_MODE = Endpoint("fapiPrivate", "POST", "positionSide/dual", _futures(1))
SET_MARGIN_TYPE = Endpoint("fapiPrivate", "POST", "marginType", _futures(1))
SET_LEVERAGE = Endpoint("fapiPrivate", "POST", "leverage", _futures(1))

FIND_ORDER = Endpoint("fapiPrivate", "GET", "order", _futures(1))
PLACE_ORDER = Endpoint("fapiPrivate", "POST", "order", _ORDER, at_most_once=True)
AMEND_ORDER = Endpoint("fapiPrivate", "PUT", "order", {**_futures(1), **_ORDER}, at_most_once=True)
CANCEL_ORDER = Endpoint("fapiPrivate", "DELETE", "order", _futures(1), at_most_once=True)

COUNTDOWN = Endpoint("fapiPrivate", "POST", "countdownCancelAll", _futures(10))

NEW_LISTEN_KEY = Endpoint("fapiPrivate", "POST", "listenKey", _futures(1))  # or the present one, its life renewed
KEEP_LISTEN_KEY = Endpoint("fapiPrivate", "PUT", "listenKey", _futures(1))

SPOT_EXCHANGE_INFO = Endpoint("public", "GET", "exchangeInfo", _spot(20))
SPOT_BOOK_TICKER = Endpoint("public", "GET", "ticker/bookTicker", _spot(4))
SPOT_DEPTH = Endpoint("public", "GET", "depth", _spot(5))  # for up to 100 levels
SPOT_ACCOUNT = Endpoint("private", "GET", "account", _spot(20))
SPOT_FIND_ORDER = Endpoint("private", "GET", "order", _spot(4))
SPOT_ALL_ORDERS = Endpoint("private", "GET", "allOrders", _spot(20))
SPOT_TRADES = Endpoint("private", "GET", "myTrades", _spot(20))
SPOT_KLINES = Endpoint("public", "GET", "klines", _spot(2))
SPOT_PLACE_ORDER = Endpoint(
    "private", "POST", "order", {**_spot(1), SPOT_ORDERS_10S: 1, SPOT_ORDERS_1D: 1}, at_most_once=True)
SPOT_CANCEL_ORDER = Endpoint("private", "DELETE", "order", _spot(1), at_most_once=True)
API_RESTRICTIONS = Endpoint("sapi", "GET", "account/apiRestrictions", _spot(1))

TRANSFER = Endpoint("sapi", "POST", "asset/transfer", _spot(1), at_most_once=True)

_FOR_ONE_SYMBOL = {BOOK_TICKER: 2, PREMIUM_INDEX: 1, OPEN_ORDERS: 1}
"""Futures weights when only one symbol is asked for."""


def of_one_symbol(endpoint: Endpoint) -> Endpoint:
    """The same call, as cheap as it is for a single symbol."""
    return replace(endpoint, costs=_futures(_FOR_ONE_SYMBOL[endpoint]))


def budgets(clock: Clock) -> Budgets:
    """Binance's published allowances, with headroom for looking up, moving and cancelling orders."""
    return Budgets(clock, {
        FUTURES: Budget(clock, 2_400, reserve=400),
        SPOT: Budget(clock, 6_000, reserve=600),
        FUNDING: Budget(clock, 500, reserve=50, window=5 * MINUTE),
        ORDERS_10S: Budget(clock, 300, window=10 * SECOND),
        ORDERS_1M: Budget(clock, 1_200, window=MINUTE),
        SPOT_ORDERS_10S: Budget(clock, 50, window=10 * SECOND),  # of its two published numbers, 50 and 100, the lower
        SPOT_ORDERS_1D: Budget(clock, 160_000, window=DAY),  # likewise, of 160,000 and 200,000
    })


USED_HEADERS: Mapping[tuple[str, str], str] = {
    ("fapi", "X-MBX-USED-WEIGHT-1M"): FUTURES,
    ("api", "X-MBX-USED-WEIGHT-1M"): SPOT,
    ("fapi", "X-MBX-ORDER-COUNT-10S"): ORDERS_10S,
    ("fapi", "X-MBX-ORDER-COUNT-1M"): ORDERS_1M,
    ("api", "X-MBX-ORDER-COUNT-10S"): SPOT_ORDERS_10S,
    ("api", "X-MBX-ORDER-COUNT-1D"): SPOT_ORDERS_1D,
}
"""Host (without 'demo-') and header → the allowance that it counts."""

INVALID_SYMBOL = "-1121"
DISCONNECTED, TOO_MANY_ORDERS, TOO_MANY_REQUESTS = "-1001", "-1015", "-1003"
CANCEL_REJECTED, NO_SUCH_ORDER = "-2011", "-2013"
NO_NEED_TO_CHANGE_MARGIN_TYPE, NO_NEED_TO_CHANGE_POSITION_MODE = "-4046", "-4059"
FILTER_FAILURE, NEW_ORDER_REJECTED = "-1013", "-2010"
LACKS_RIGHT = frozenset({"-1002", "-2015"})
DUPLICATE_CLIENT_ID, WOULD_CROSS, NO_NEED_TO_MODIFY = "-4116", "-5022", "-5027"

CODES = Codes(
    outcome_unknown=frozenset({"-1000", DISCONNECTED, "-1006", "-1007", "-1008"}),
    slow_down=frozenset({TOO_MANY_REQUESTS, TOO_MANY_ORDERS}),
    clock=frozenset({"-1021"}),
    full=frozenset({"-2025", "-4045"}),
    stop={
        "-1002": "the key may not do this",
        "-1022": "the secret does not fit the key",
        "-2014": "the key has the wrong form",
        "-2015": "the key is wrong, revoked, bound to another address, or lacks a permission",
        "-2023": "the account is being liquidated",
        "-4061": "the futures account is in hedge mode; hedgerow needs one-way mode",
        "-4088": "the venue does not let this account open orders",
        "-1109": "this is no ordinary futures account; with portfolio margin hedgerow cannot work",
    },
)
