"""JSON of the core's values, exact both ways.

Decimals travel as strings, instants as integers, enums by value, sets sorted: the same value is always the same text,
and the text gives the same value back, so that a recorded decision can be decided again.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from decimal import Decimal
from functools import cache, lru_cache
from hashlib import sha256
from typing import TypeVar, cast

import orjson
from pydantic import TypeAdapter, ValidationError

from bot.core import money as _money  # noqa: F401  # sets the decimal context that every decoder of money needs
from bot.core.policy import Terms
from bot.errors import JournalError

T = TypeVar("T")


def encode(value: object) -> str:
    """The JSON text of a core value (a dataclass, or a collection of such)."""
    return orjson.dumps(value, default=_plain).decode()


def decode(kind: type[T], text: str | bytes) -> T:
    """The value of type `kind` in this text. Raises JournalError when the text is not one."""
    try:
        return cast("TypeAdapter[T]", _adapter(cast("Hashable", kind))).validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the text"
        raise JournalError(
            f"a recorded {kind.__name__} cannot be read: {place}: {first['msg']} ({error.error_count()} in all)",
        ) from None


@lru_cache(maxsize=32)
def terms_of(text: str) -> Terms:
    """The terms in this text, which thousands of decisions share. Raises JournalError when there are none."""
    return decode(Terms, text)


def digest(text: str) -> str:
    """A name for a text by its content: 32 hexadecimal digits of its SHA-256."""
    return sha256(text.encode()).hexdigest()[:32]


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (frozenset, set)):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} has no place in the journal")


@cache
def _adapter(kind: Hashable) -> object:
    return TypeAdapter(cast("type[object]", kind))


__all__ = ["decode", "digest", "encode", "terms_of"]
