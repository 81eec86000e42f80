"""Numbers as exchanges write them: strings with a fixed count of decimals."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

Row: TypeAlias = dict[str, object]
"""One JSON object of a reply."""

_FORMS = tuple(f".{places}f" for places in range(64))
"""How `format` is told so many decimals: more than any step has."""


def digits(step: Decimal) -> int:
    """Decimals that a multiple of `step` can have."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def fixed(value: Decimal, places: int) -> str:
    """The number with exactly so many decimals, half to even; never '-0.00'."""
    text = format(value, _FORMS[places])
    return text[1:] if text[0] == "-" and not value.__round__(places) else text


def money(value: Decimal) -> str:
    """An amount of money: eight decimals."""
    return fixed(value, 8)
