"""Replies and frames about prices, made wrong: a spike, a crossed or empty book, no number, zero, below zero.

Only what is shown is wrong; the simulated exchange trades on as before. The names of prices are those of both venues:
tickers, order books, mark and index, REST and WebSocket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

import orjson

from bot.core.money import parse_decimal, plain
from bot.testnet.faults import SPIKE, Kind

_SIDES = (("bidPrice", "askPrice"), ("bid1Price", "ask1Price"), ("bids", "asks"))
_FRAME_SIDES = (*_SIDES, ("b", "a"))
_PRICES = frozenset({
    "bidPrice", "askPrice", "bid1Price", "ask1Price", "markPrice", "indexPrice", "lastPrice", "price",
    "estimatedSettlePrice", "usdIndexPrice",
})
_FRAME_PRICES = _PRICES | {"p", "i", "P", "c", "b", "a"}
_SIZES = {"bidPrice": "bidQty", "askPrice": "askQty", "bid1Price": "bid1Size", "ask1Price": "ask1Size"}


def falsified(kind: Kind, body: bytes, factor: Decimal = SPIKE) -> bytes:
    """A reply's JSON with its prices made wrong. What holds no price stays as it is."""
    return orjson.dumps(_walk(orjson.loads(body), _way(kind, factor), _SIDES, _PRICES))


def falsified_frame(kind: Kind, text: str) -> str:
    """The same for a frame, whose prices have shorter names; an event's own fields (`e`, `E`) are none of them."""
    return orjson.dumps(_walk(orjson.loads(text), _way(kind, SPIKE), _FRAME_SIDES, _FRAME_PRICES)).decode()


Json: TypeAlias = Any
"""What was read from JSON."""
_Way: TypeAlias = Callable[[dict[str, Json], str, str, frozenset[str]], None]


def _walk(found: Json, way: _Way, sides: tuple[tuple[str, str], ...], prices: frozenset[str]) -> Json:
    if isinstance(found, list):
        return [_walk(each, way, sides, prices) for each in found]
    if not isinstance(found, dict):
        return found
    changed = {name: _walk(value, way, sides, prices) for name, value in found.items()}
    for bid, ask in sides:
        if bid in changed and ask in changed:
            way(changed, bid, ask, frozenset())
    way(changed, "", "", prices & changed.keys())
    return changed


def _way(kind: Kind, factor: Decimal) -> _Way:
    if kind is Kind.CROSSED:
        return _cross
    if kind is Kind.EMPTY_BOOK:
        return _empty
    return _each(_NUMBERS.get(kind) or (lambda price: plain(price * factor)))


_NUMBERS: Mapping[Kind, Callable[[Decimal], str]] = {
    Kind.NAN_PRICE: lambda _: "NaN",
    Kind.ZERO_PRICE: lambda _: "0",
    Kind.NEGATIVE_PRICE: lambda price: plain(-price),
}


def _cross(row: dict[str, Json], bid: str, ask: str, _: frozenset[str]) -> None:
    """Who buys offers more than who sells asks for."""
    if bid:
        row[bid], row[ask] = row[ask], row[bid]


def _empty(row: dict[str, Json], bid: str, ask: str, _: frozenset[str]) -> None:
    """Nobody buys and nobody sells: no levels, or a price of nothing."""
    for name in (bid, ask) if bid else ():
        row[name] = [] if isinstance(row[name], list) else ""
        if name in _SIZES and _SIZES[name] in row:
            row[_SIZES[name]] = ""


def _each(number: Callable[[Decimal], str]) -> _Way:
    def change(row: dict[str, Json], bid: str, ask: str, prices: frozenset[str]) -> None:
        for name in prices:
            row[name] = _changed(row[name], number)
        for name in (bid, ask) if bid else ():
            if isinstance(row[name], list):
                row[name] = [[_changed(level[0], number), *level[1:]] for level in row[name]]

    return change


def _changed(value: Json, number: Callable[[Decimal], str]) -> Json:
    """A price as text made wrong; what is no number stays."""
    if not isinstance(value, str):
        return value
    try:
        return number(parse_decimal(value))
    except ValueError:
        return value
