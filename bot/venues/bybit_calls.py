"""The calls of Bybit's v5 REST interface that are made, what each takes of which allowance, and its error codes."""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.history import Retention
from bot.core.times import DAY, HOUR, SECOND, Millis
from bot.ports import Clock
from bot.venues.budget import Budget, Budgets
from bot.venues.failures import FORBIDDEN, Attempt, Codes, Endpoint
from bot.venues.transport import retry_after

IP = "ip"
_IP_LIMIT, _IP_WINDOW = 600, 5 * SECOND
_PER_SECOND: dict[str, int] = {}
"""Requests a second that the account may make to each path of its own."""


def _public(path: str) -> Endpoint:
    return Endpoint("public", "GET", f"v5/{path}", {IP: 1})


def _private(method: str, path: str, per_second: int, *, at_most_once: bool = False) -> Endpoint:
    _PER_SECOND[path] = per_second
    return Endpoint("private", method, f"v5/{path}", {IP: 1, path: 1}, at_most_once)


REMEMBERS = Retention(funding=730 * DAY - HOUR, fills=730 * DAY - HOUR)
"""The transaction log and executions of the last two years, less what a page may take."""

SERVER_TIME = _public("market/time")
INSTRUMENTS = _public("market/instruments-info")
TICKERS = _public("market/tickers")
ORDER_BOOK = _public("market/orderbook")
RISK_LIMIT = _public("market/risk-limit")
FUNDING_HISTORY = _public("market/funding/history")
CANDLES = _public("market/kline")
MARK_CANDLES = _public("market/mark-price-kline")

KEY = _private("GET", "user/query-api", 10)
ACCOUNT_INFO = _private("GET", "account/info", 50)
WALLET = _private("GET", "account/wallet-balance", 50)
COLLATERAL = _private("GET", "account/collateral-info", 50)
FEE_RATE = _private("GET", "account/fee-rate", 5)  # 10 for perpetuals, 5 for spot
TRANSACTIONS = _private("GET", "account/transaction-log", 25)
POSITIONS = _private("GET", "position/list", 50)
SET_LEVERAGE = _private("POST", "position/set-leverage", 10)

LIVE_ORDERS = _private("GET", "order/realtime", 50)
PAST_ORDERS = _private("GET", "order/history", 50)
EXECUTIONS = _private("GET", "execution/list", 50)
PLACE_ORDER = _private("POST", "order/create", 10, at_most_once=True)
AMEND_ORDER = _private("POST", "order/amend", 10, at_most_once=True)
CANCEL_ORDER = _private("POST", "order/cancel", 10, at_most_once=True)


def budgets(clock: Clock) -> Budgets:
    """Bybit's published allowances (of a user of no VIP level), with headroom for orders on the shared one."""
    return Budgets(clock, {
        IP: Budget(clock, _IP_LIMIT, reserve=60, window=_IP_WINDOW),
        **{path: Budget(clock, limit, window=SECOND) for path, limit in _PER_SECOND.items()},
    })


_TOO_MANY_VISITS, _TOO_MANY_FROM_HERE = "10006", "10018"
_BAN = 600.0
_LONGEST_RESET, _USUAL_RESET = 5.0, 1.0


def silence(attempt: Attempt, headers: Mapping[str, str], now: Millis) -> float | None:
    """Ten minutes after a 403, whatever its reason; after 10006 until the allowance of the second is there again.

    The venue's clock says when that is, so the wait is believed within bounds only.
    """
    if attempt.status == FORBIDDEN or attempt.code == _TOO_MANY_FROM_HERE:
        return _BAN
    if attempt.code != _TOO_MANY_VISITS:
        return retry_after(attempt, headers, now)
    reset = headers.get("x-bapi-limit-reset-timestamp", "")
    left = (int(reset) - now) / SECOND if reset.isdecimal() else _USUAL_RESET
    return min(left, _LONGEST_RESET) if left > 0 else _USUAL_RESET


GONE = frozenset({"110001", "110008", "110010", "170139", "170142", "170143", "170190", "170213"})
"""The order does not exist (any more), was finished, was cancelled: of perpetuals, and (17…) of spot."""
NOT_MODIFIED = "10001"
"""Of an amendment that changes nothing; of many other requests that are wrong."""
LEVERAGE_NOT_MODIFIED = "110043"
DUPLICATE_CLIENT_ID = frozenset({"110072", "170141"})
LACKS_RIGHT = frozenset({"10005"})
WOULD_CROSS = "EC_PostOnlyWillTakeLiquidity"
WOULD_CROSS_AT_ONCE = "170218"
"""How spot says it where it does not take such an order at all."""

CODES = Codes(
    outcome_unknown=frozenset({
        "10000", "10016", "170001", "170007", "170032", "170146", "170147", "170234"}),
    slow_down=frozenset({_TOO_MANY_VISITS, _TOO_MANY_FROM_HERE, "170005", "170222"}),
    clock=frozenset({"10002"}),
    full=frozenset({"110020", "110021", "170810"}),
    stop={
        "10003": "the key is wrong, revoked, or of another environment",
        "10004": "the secret does not fit the key",
        "10005": "the key may not do this",
        "10007": "the key is not accepted",
        "10008": "the account is banned",
        "10009": "this address is banned",
        "10010": "the key is bound to another address",
        "10024": "the venue does not serve this account",
        "10027": "trading is banned for this account",
        "10028": "this is no unified account; hedgerow needs one",
        "33004": "the key has expired",
    },
    forbidden_is_ban=True,
)
