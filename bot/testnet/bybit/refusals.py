"""What Bybit says where the simulated exchange refuses: the derivatives' codes and those of spot."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bot.core.money import plain
from bot.paper.records import PaperReject, RejectCode
from bot.testnet.bybit.errors import ApiError
from bot.testnet.bybit.shapes import Symbol
from bot.testnet.options import SETTLE

_LINEAR: Mapping[RejectCode, int] = MappingProxyType({
    RejectCode.REDUCE_ONLY_REJECTED: 110017,
    RejectCode.REDUCE_ONLY_ORDERS_BLOCK: 110017,
    RejectCode.INSUFFICIENT_MARGIN: 110007,
    RejectCode.INSUFFICIENT_BALANCE: 110007,
    RejectCode.DUPLICATE_CLIENT_ID: 110072,
    RejectCode.PRICE_TOO_HIGH: 110120,
    RejectCode.PRICE_TOO_LOW: 110121,
    RejectCode.TOO_MANY_ORDERS: 110020,
    RejectCode.UNKNOWN_ORDER: 110001,
})
_LINEAR_WORDS: Mapping[RejectCode, str] = MappingProxyType({
    RejectCode.BELOW_MIN_QTY: "The number of contracts exceeds minimum limit allowed",
    RejectCode.ABOVE_MAX_QTY: "The number of contracts exceeds maximum limit allowed: too large",
    RejectCode.BAD_QTY_STEP: "Qty invalid",
    RejectCode.BAD_PRICE_TICK: "params error: Price invalid",
    RejectCode.UNKNOWN_SYMBOL: "params error: symbol invalid",
    RejectCode.NO_CHANGE: "The order remains unchanged as the parameters entered match the existing ones.",
})
"""Those that come with the code of a bad parameter, 10001."""
_SPOT: Mapping[RejectCode, int] = MappingProxyType({
    RejectCode.REDUCE_ONLY_REJECTED: 170130,
    RejectCode.INSUFFICIENT_MARGIN: 170131,
    RejectCode.INSUFFICIENT_BALANCE: 170131,
    RejectCode.DUPLICATE_CLIENT_ID: 170141,
    RejectCode.BELOW_MIN_NOTIONAL: 170140,
    RejectCode.BELOW_MIN_QTY: 170136,
    RejectCode.ABOVE_MAX_QTY: 170135,
    RejectCode.BAD_QTY_STEP: 170137,
    RejectCode.BAD_PRICE_TICK: 170134,
    RejectCode.TOO_MANY_ORDERS: 170200,
    RejectCode.UNKNOWN_SYMBOL: 170121,
    RejectCode.UNKNOWN_ORDER: 170213,
})


def refusal(reject: PaperReject, symbol: Symbol, category: str, *, leverage: str = "") -> ApiError:
    """The refusal of an order in the words of its category. `leverage`: what the position's size would allow."""
    code = reject.code
    if code is RejectCode.NO_CHANGE:
        return ApiError(10001, message=_LINEAR_WORDS[code])
    if category == "spot":
        return ApiError(_SPOT[code], *(("reduceOnly",) if code is RejectCode.REDUCE_ONLY_REJECTED else (500,)))
    if code is RejectCode.BELOW_MIN_NOTIONAL:
        return ApiError(110094, plain(symbol.instrument.min_notional), SETTLE)
    if code is RejectCode.MAX_POSITION_AT_LEVERAGE:
        return ApiError(110090, leverage)
    if code in _LINEAR_WORDS:
        return ApiError(10001, message=_LINEAR_WORDS[code])
    return ApiError(_LINEAR[code])
