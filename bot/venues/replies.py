"""Reading a venue's JSON strictly: what is missing, empty or of the wrong type is no answer (InvalidReply)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias, TypeVar

from bot.core.money import parse_decimal
from bot.core.orders import OrderState
from bot.core.times import Millis
from bot.venues.failures import InvalidReply

T = TypeVar("T")
Row: TypeAlias = Mapping[str, object]


def row(value: object, what: str) -> Row:
    """A JSON object."""
    if not isinstance(value, dict) or not value:
        raise InvalidReply(f"{what}: expected an object with content, got {_shown(value)}")
    return value


def rows(value: object, what: str) -> tuple[Row, ...]:
    """A JSON list of objects; it may be empty."""
    if not isinstance(value, list):
        raise InvalidReply(f"{what}: expected a list, got {_shown(value)}")
    for place, element in enumerate(value):
        if not isinstance(element, dict) or not element:
            raise InvalidReply(f"{what}[{place}]: expected an object with content, got {_shown(element)}")
    return tuple(value)


def by_key(found: Sequence[Row], key: str, what: str) -> dict[str, Row]:
    """Rows by a text field. A key that comes twice contradicts itself."""
    result: dict[str, Row] = {}
    for entry in found:
        name = text(entry, key)
        if name in result:
            raise InvalidReply(f"{what}: {name} comes twice")
        result[name] = entry
    return result


def picked(found: object, wanted: Iterable[str], what: str) -> dict[str, Row]:
    """The rows of the wanted native symbols, which must all be there; the hundreds of others are not looked into."""
    names = frozenset(wanted)
    listed: Any = found
    try:
        ours = [entry for entry in listed if entry.get("symbol") in names]
    except (AttributeError, TypeError):
        raise InvalidReply(f"{what}: expected a list of objects, each with its symbol") from None
    by_symbol = by_key(rows(ours, what), "symbol", what)
    if missing := names - by_symbol.keys():
        raise InvalidReply(f"{what}: no row for {', '.join(sorted(missing))}")
    return by_symbol


def of_symbol(found: Sequence[Row], symbol: str, what: str) -> Sequence[Row]:
    """The same rows, which must all be about one native symbol."""
    if any(entry.get("symbol") != symbol for entry in found):
        raise InvalidReply(f"{what}: the answer is about another symbol")
    return found


def known(source: Row, key: str, meanings: Mapping[str, T]) -> T:
    """What a word means; one that is not among the `meanings` is no answer."""
    word = text(source, key)
    if word not in meanings:
        raise InvalidReply(f"{key}: {word!r}")
    return meanings[word]


def text(source: Row, key: str) -> str:
    """A text with content."""
    value = source.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidReply(f"{key}: expected text, got {_shown(value)}")
    return value


def words_or_none(source: Row, key: str) -> str | None:
    """The same where there may be nothing: None for what is absent, null or empty."""
    return None if source.get(key) in (None, "") else text(source, key)


def flag(source: Row, key: str) -> bool:
    """A true or false."""
    value = source.get(key)
    if not isinstance(value, bool):
        raise InvalidReply(f"{key}: expected true or false, got {_shown(value)}")
    return value


def whole(source: Row, key: str) -> int:
    """A whole number: an id, or an instant in ms. Also as text, which clients use for large ones."""
    value = source.get(key)
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidReply(f"{key}: expected a whole number, got {_shown(value)}")
    return value


def instant(source: Row, key: str) -> Millis:
    """An instant in ms after 1970."""
    at = whole(source, key)
    if at <= 0:
        raise InvalidReply(f"{key}: {at} is no instant")
    return at


def count(source: Row, key: str) -> int:
    """A whole number from 1 on: hours, a leverage."""
    return int(identity(source, key))


def instant_or_none(source: Row, key: str) -> Millis | None:
    """An instant in ms, where the venue has one: 0, or an empty text, stands for none."""
    return None if source.get(key) in (None, 0, "0", "") else instant(source, key)


def identity(source: Row, key: str) -> str:
    """The number that a venue gave to an order, a trade, an account; from 1 on."""
    given = whole(source, key)
    if given <= 0:
        raise InvalidReply(f"{key}: {given} is nobody's number")
    return str(given)


def number(source: Row, key: str) -> Decimal:
    """A finite number, written as text: so do venues with amounts, prices and rates, and a bare 0 is a default."""
    value = source.get(key)
    if not isinstance(value, str):
        raise InvalidReply(f"{key}: expected a number as text, got {_shown(value)}")
    return _finite(value, key)


def figure(source: Row, key: str) -> Decimal:
    """A finite number, also as JSON's own: where the venue writes it so."""
    return _finite(source.get(key), key)


def _finite(value: object, key: str) -> Decimal:
    try:
        return parse_decimal(value, key)
    except ValueError as error:
        raise InvalidReply(f"{key}: expected a number, got {_shown(value)}") from error


def amount(source: Row, key: str) -> Decimal:
    """A number of 0 or more: a balance, a margin, a quantity."""
    value = number(source, key)
    if value < 0:
        raise InvalidReply(f"{key}: expected no negative number, got {value}")
    return value


def amount_or_none(source: Row, key: str) -> Decimal | None:
    """A number of 0 or more, or None where the venue leaves it out."""
    return None if source.get(key) in (None, "") else amount(source, key)


def number_or_none(source: Row, key: str) -> Decimal | None:
    """A finite number, or None where the venue leaves it out."""
    return None if source.get(key) in (None, "") else number(source, key)


def positive(source: Row, key: str) -> Decimal:
    """A number above 0: a step, a mark, a price that was paid."""
    value = number(source, key)
    if value <= 0:
        raise InvalidReply(f"{key}: expected more than 0, got {value}")
    return value


def positive_or_none(source: Row, key: str) -> Decimal | None:
    """A number above 0, or None: 0 stands for an empty book side, for no liquidation price."""
    return amount_or_none(source, key) or None


def price_or_none(source: Row, key: str) -> Decimal | None:
    """A price above 0, or None for what is none: an empty book's 0 or "", null, NaN, less than 0.

    A price that is not known holds every order of the rule (`bot.core.guards`); refusing the whole reply would keep the
    margin ladder from acting by what else is in it.
    """
    value = source.get(key)
    if key not in source or not isinstance(value, str | None):
        raise InvalidReply(f"{key}: expected a price as text, got {_shown(value)}")
    try:
        price = parse_decimal(value, key)
    except ValueError:
        return None
    return price if price > 0 else None


def midway(touch: Row, bid: str, ask: str) -> Decimal | None:
    """Between best bid and ask, by their keys; None where a side is empty."""
    low, high = price_or_none(touch, bid), price_or_none(touch, ask)
    return None if low is None or high is None else (low + high) / 2


def reached(state: OrderState, filled: Decimal, quantity: Decimal, *, said: str) -> OrderState:
    """The state of an order, told by the word `said`, that its filled quantity allows.

    One that is called filled and is not wholly so has ended, with what it says that it filled and no more: cancelled.
    """
    if not 0 <= filled <= quantity or (state is OrderState.FILLED and not filled):
        raise InvalidReply(f"{said}: filled {filled} of {quantity}")
    return OrderState.CANCELLED if state is OrderState.FILLED and filled != quantity else state


def _shown(value: object) -> str:
    return repr(value)[:60]
