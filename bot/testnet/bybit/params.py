"""The parameters of one request: a query string or a JSON body, typed where they are used, refused as Bybit does."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from urllib.parse import unquote_plus

import orjson

from bot.testnet.bybit.errors import ApiError, bad

_LARGEST_EXPONENT = 30
"""Numbers beyond this power of ten are no amounts, and reckoning with them could overflow."""
CATEGORIES = ("spot", "linear")
"""Product types that are traded here; the venue's others are refused."""


def parse(method: str, query: str, body: str) -> Params:
    """Parameters of a GET from its query, of every other method from its JSON body. Raises ApiError 10001."""
    if method == "GET":
        return Params(_pairs(query))
    if not body:
        return Params()
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ApiError(10001, message="params error: JSON format invalid") from None
    if not isinstance(found, dict):
        raise ApiError(10001, message="params error: JSON format invalid")
    return Params(found)


def _pairs(query: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name:
            found[name] = unquote_plus(value) if "%" in value or "+" in value else value
    return found


class Params(dict[str, object]):
    """Parameters by name: text from a query, any JSON value from a body. An empty text counts as not sent.

    Every reader raises ApiError 10001 when the value is not what it should be.
    """

    def text(self, name: str) -> str | None:
        """Text, or None when it was not sent."""
        value = self.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise bad(name)
        return value

    def required(self, name: str) -> str:
        """The text, which must be there and not empty."""
        value = self.text(name)
        if value is None:
            raise bad(name)
        return value

    def category(self) -> str:
        """`spot` or `linear`."""
        value = self.required("category")
        if value not in CATEGORIES:
            raise ApiError(10001, message="params error: Illegal category")
        return value

    def integer(self, name: str) -> int | None:
        """A whole number, or None when it was not sent."""
        value = self.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise bad(name)
        try:
            return int(value)
        except ValueError:
            raise bad(name) from None

    def decimal(self, name: str) -> Decimal | None:
        """A finite number as text, or None when it was not sent; JSON numbers are refused, as the venue does."""
        value = self.text(name)
        if value is None:
            return None
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise bad(name) from None
        if not number.is_finite() or abs(number.adjusted()) > _LARGEST_EXPONENT:
            raise bad(name)
        return number

    def flag(self, name: str, default: bool = False) -> bool:
        """A JSON boolean, or its word in a query."""
        value = self.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, bool):
            return value
        if value not in ("true", "false"):
            raise bad(name)
        return value == "true"

    def limit(self, default: int, most: int) -> int:
        """The page size: `default` when not sent, never more than `most`."""
        value = self.integer("limit")
        if value is None:
            return default
        if value <= 0:
            raise bad("limit")
        return min(value, most)
