"""Decimal money: one precision, one parser, one rounding rule.

Importing this module sets the decimal context of the process to 50 digits (DOMAIN: context precision 50). What must
come out the same whenever it is reckoned again says `@reckoned` and brings its own context: others change the shared
one (ccxt's number formatting sets its rounding to half up, for good).
"""

from __future__ import annotations

import decimal
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Decimal
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

PRECISION = 50
CONTEXT = decimal.Context(prec=PRECISION, rounding=ROUND_HALF_EVEN)
# DefaultContext is what new threads start from; getcontext() is this thread, and the tasks made from it.
decimal.DefaultContext.prec = PRECISION
decimal.getcontext().prec = PRECISION


def reckoned(function: Callable[P, R]) -> Callable[P, R]:
    """Have a pure function reckon with 50 digits, half to even, whatever the decimal context of its caller is.

    Where the caller reckons so already, its context serves: one that is entered for nothing costs more than it reckons.
    """

    @wraps(function)
    def in_own_context(*args: P.args, **kwargs: P.kwargs) -> R:
        context = decimal.getcontext()
        if context.prec == PRECISION and context.rounding == ROUND_HALF_EVEN:
            return function(*args, **kwargs)
        with decimal.localcontext(CONTEXT):
            return function(*args, **kwargs)

    return in_own_context

ZERO = Decimal(0)
ONE = Decimal(1)
LEDGER_STEP = Decimal("0.00000001")


def parse_decimal(value: object, what: str = "value") -> Decimal:
    """A finite Decimal of a string, int or Decimal; of a float by its shortest text.

    Raises ValueError naming `what` for anything else, NaN and the infinities included.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise ValueError(f"{what}: {value!r} is not a number")
    try:
        number = Decimal(value if isinstance(value, str) else str(value))
    except decimal.InvalidOperation:
        raise ValueError(f"{what}: {value!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{what}: {value!r} is not a finite number")
    return number


def round_to_step(value: Decimal, step: Decimal, rounding: str = ROUND_DOWN) -> Decimal:
    """`value` as a whole multiple of `step` (> 0), toward zero unless told otherwise.

    Not `quantize(step)`, which is wrong for steps such as 0.05.
    """
    if step <= 0:
        raise ValueError(f"step must be positive, not {step}")
    return (value / step).to_integral_value(rounding) * step


def steps(value: Decimal, step: Decimal, rounding: str = ROUND_DOWN) -> int:
    """How many whole `step`s (> 0) are in `value`, toward zero unless told otherwise."""
    if step <= 0:
        raise ValueError(f"step must be positive, not {step}")
    return int((value / step).to_integral_value(rounding))


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Whether `value` is a whole multiple of `step` (> 0)."""
    return round_to_step(value, step) == value


def to_ledger(amount: Decimal) -> Decimal:
    """A fee, profit or funding amount as the books carry it: rounded once, half to even, to 1e-8 (DOMAIN §4)."""
    return amount.quantize(LEDGER_STEP, ROUND_HALF_EVEN)


def plain(value: Decimal) -> str:
    """The number without exponent and without trailing zeros: '0.1', '50000', '0'."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


__all__ = [
    "CONTEXT", "LEDGER_STEP", "ONE", "PRECISION", "ROUND_DOWN", "ROUND_HALF_EVEN", "ROUND_UP", "ZERO",
    "is_multiple", "parse_decimal", "plain", "reckoned", "round_to_step", "steps", "to_ledger",
]
