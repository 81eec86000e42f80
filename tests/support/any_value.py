"""Any value of a type, by its annotations: quicker than asking hypothesis for each leaf of a deep dataclass."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from random import Random
from typing import Any, Union, get_args, get_origin, get_type_hints

_LETTERS = 'aZ09 _-"\\/{}[]:,\n\t\x00\x1b€𝄞'


def any_value(kind: Any, chance: Random) -> Any:
    """A value of `kind`: a dataclass, enum, scalar, or a union, tuple, frozenset or mapping of such."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, Union):
        return any_value(chance.choice(arguments), chance)
    if origin is tuple:
        return tuple(any_value(arguments[0], chance) for _ in range(chance.randint(0, 2)))
    if origin is frozenset:
        return frozenset(any_value(arguments[0], chance) for _ in range(chance.randint(0, 4)))
    if origin is Mapping:
        return {any_value(arguments[0], chance): any_value(arguments[1], chance) for _ in range(chance.randint(0, 2))}
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{field.name: any_value(hints[field.name], chance) for field in fields(kind)})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return chance.choice(list(kind))
    return _scalar(kind, chance)


def _scalar(kind: Any, chance: Random) -> Any:
    if kind is Decimal:
        digits = tuple(chance.randint(0, 9) for _ in range(chance.randint(1, 40)))
        return Decimal((chance.randint(0, 1), digits, chance.randint(-30, 8)))
    if kind is str:
        return "".join(chance.choice(_LETTERS) for _ in range(chance.randint(0, 6)))
    if kind is int:
        return chance.randint(-(2**62), 2**62)
    if kind is bool:
        return chance.random() < 0.5
    if kind is type(None):
        return None
    raise TypeError(f"no value of {kind} is known")
