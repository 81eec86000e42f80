"""The parameters of one request: read once, typed where they are used, refused as Binance refuses them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from urllib.parse import unquote_plus

from bot.testnet.binance.errors import ApiError


def pairs(raw: str) -> Iterator[tuple[str, str]]:
    """Name and decoded value of each parameter in a query string or form body, in order."""
    for part in raw.split("&"):
        if part:
            name, _, value = part.partition("=")
            yield name, unquote_plus(value) if "%" in value or "+" in value else value


def parse(query: str, body: str) -> Params:
    """Parameters of query and body together; where both name one, the query's value counts."""
    values = dict(pairs(body)) if body else {}
    if query:
        values.update(pairs(query))
    return Params(values)


class Params(dict[str, str]):
    """Decoded parameters by name. Every reader raises ApiError −1102 when the value is not what it should be."""

    def required(self, name: str) -> str:
        """The text, which must be there and not empty."""
        value = self.get(name)
        if not value:
            raise ApiError(-1102, name)
        return value

    def integer(self, name: str) -> int | None:
        """A whole number, or None when it was not sent."""
        value = self.get(name)
        if value is None:
            return None
        try:
            return int(value)
        except ValueError:
            raise ApiError(-1102, name) from None

    def decimal(self, name: str) -> Decimal:
        """A finite number that must be there."""
        try:
            number = Decimal(self.required(name))
        except InvalidOperation:
            raise ApiError(-1102, name) from None
        if not number.is_finite():
            raise ApiError(-1102, name)
        return number

    def flag(self, name: str, default: bool = False) -> bool:
        """'true' or 'false', whatever the case."""
        value = self.get(name)
        if value is None:
            return default
        lowered = value.lower()
        if lowered not in ("true", "false"):
            raise ApiError(-1102, name)
        return lowered == "true"

    def limit(self, default: int, most: int) -> int:
        """The page size: `default` when not sent, never more than `most`."""
        value = self.integer("limit")
        if value is None:
            return default
        if value <= 0:
            raise ApiError(-1130, "limit")
        return min(value, most)
