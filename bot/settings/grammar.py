"""How values are written in a configuration: one small parser per kind, each with the words for what it allows.

A parser takes what a file or variable holds (text, a whole number, a truth value, `BareNumber`) and returns the exact
value, or raises GrammarError. Nothing here is ever a binary float.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from bot.core.money import parse_decimal
from bot.core.policy import Threshold
from bot.core.times import DAY, HOUR, MINUTE, SECOND, Millis, parse_iso


class GrammarError(ValueError):
    """A value that is not written as its kind demands: what is wrong, and what is allowed."""

    def __init__(self, wrong: str, allowed: str) -> None:
        super().__init__(f"{wrong}; allowed: {allowed}")
        self.wrong = wrong
        self.allowed = allowed


class BareNumber(str):
    """A number with a point or exponent that stood without quotes: text here, a binary float to most readers."""

    __slots__ = ()


@dataclass(frozen=True)
class Form:
    """The words for one kind of value: its `name` and how it is written. Stands beside the parser in annotations."""

    name: str
    written: str


def shown(value: object) -> str:
    """A value as an error message repeats it: quoted, control characters escaped, clipped."""
    text = str(value)
    text = text if len(text) <= 40 else text[:37] + "..."
    return '"' + text.encode("unicode_escape").decode().replace('"', '\\"') + '"'


WEIGHT = Form("weight", 'a share of the portfolio from "0%" to "100%", such as "50%"')
SHARE = Form("share", 'a share such as "10%", "0.1%" or "50bp" (100bp = 1%)')
LEVEL = Form("level", '"5pp" (percentage points of the portfolio\'s value) or "10%" (of the asset\'s target)')
DURATION = Form("duration", 'a whole number with its unit: "500ms", "5s", "15m", "24h" or "90d"')
AMOUNT = Form("amount", 'a positive number in quotes, such as "0.001"')
QUANTITY = Form("quantity", 'a number from 0 in quotes, such as "1.2"')
RATE = Form("rate", 'a share with its sign, such as "0.01%", "-0.01%" or "-1bp"')
COUNT = Form("whole number", "a whole number from 1")
SEED = Form("whole number", "a whole number from 0")
INSTANT = Form("instant", 'a UTC date or time in quotes: "2021-01-28" or "2021-01-28T12:00:00Z"')
LOOPBACK = Form("loopback address", "http://127.0.0.1:PORT or http://localhost:PORT, with a port from 1 to 65535")
LOTS = Form("lots", '"0.5 at 30000 on 2020-05-01", several with ";" between them')
FILE = Form("path", "a path; relative paths start at the configuration file's folder")


def weight(value: object) -> Decimal:
    """'50%' → 0.5, from 0 to 1."""
    return _limited(_scaled(value, WEIGHT, {"%": Decimal(100)}), WEIGHT, value, Decimal(0))


def share(value: object) -> Decimal:
    """'50bp' → 0.005, greater than 0."""
    number = _scaled(value, SHARE, {"%": Decimal(100), "bp": Decimal(10_000)})
    if number <= 0:
        raise GrammarError(f"{shown(value)} is not above zero", SHARE.written)
    return number


def tolerated(value: object) -> Decimal:
    """A share that may be 0: '0%' means no tolerance."""
    number = _scaled(value, SHARE, {"%": Decimal(100), "bp": Decimal(10_000)})
    if number < 0:
        raise GrammarError(f"{shown(value)} is negative", SHARE.written)
    return number


def part(value: object) -> Decimal:
    """A share of something that has no more than itself: 0 to 1."""
    return _limited(_scaled(value, SHARE, {"%": Decimal(100), "bp": Decimal(10_000)}), SHARE, value, Decimal(0))


def level(value: object) -> Threshold:
    """'5pp' → 0.05 of NAV; '10%' → 0.10 of the target."""
    number = _scaled(value, LEVEL, {"pp": Decimal(100), "%": Decimal(100)})
    if number < 0:
        raise GrammarError(f"{shown(value)} is negative", LEVEL.written)
    return Threshold(number, relative=str(value).strip().endswith("%"))


_UNITS: dict[str, Millis] = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}


def duration(value: object) -> Millis:
    """'15m' → 900000 ms; 0 only where the field allows it (see `pause`)."""
    number = pause(value)
    if number == 0:
        raise GrammarError(f"{shown(value)} is no time at all", DURATION.written)
    return number


def pause(value: object) -> Millis:
    """A duration that may be '0s'."""
    match = re.fullmatch(r"(\d{1,12})\s*(ms|s|m|h|d)", _text(value, DURATION).strip())
    if match is None:
        raise GrammarError(f"{shown(value)} is no duration", DURATION.written)
    return int(match[1]) * _UNITS[match[2]]


def amount(value: object) -> Decimal:
    """'0.001' → Decimal, greater than 0. Whole numbers need no quotes."""
    number = _exact(value, AMOUNT)
    if number <= 0:
        raise GrammarError(f"{shown(value)} is not above zero", AMOUNT.written)
    return number


def quantity(value: object) -> Decimal:
    """An amount that may be 0: what an account has of something."""
    number = _exact(value, QUANTITY)
    if number < 0:
        raise GrammarError(f"{shown(value)} is negative", QUANTITY.written)
    return number


def rate(value: object) -> Decimal:
    """'-0.01%' → -0.0001: a share that may be negative."""
    return _scaled(value, RATE, {"%": Decimal(100), "bp": Decimal(10_000)})


def count(value: object) -> int:
    """2 → 2; from 1."""
    return _whole(value, COUNT, 1)


def seed(value: object) -> int:
    """0 → 0; from 0."""
    return _whole(value, SEED, 0)


def instant(value: object) -> Millis:
    """'2021-01-28' → milliseconds, UTC."""
    try:
        return parse_iso(_text(value, INSTANT))
    except GrammarError:
        raise
    except ValueError:
        raise GrammarError(f"{shown(value)} is no date or time", INSTANT.written) from None


def lots(value: object) -> tuple[tuple[Decimal, Decimal, Millis], ...]:
    """'0.5 at 30000 on 2020-05-01; 1 at 9000 on 2019-03-01' → quantity, price of a coin, and when, of each."""
    found = []
    for part in _text(value, LOTS).split(";"):
        match = re.fullmatch(r"\s*(\S+)\s+at\s+(\S+)\s+on\s+(\S+)\s*", part)
        if match is None:
            raise GrammarError(f"{shown(part.strip())} is no lot", LOTS.written)
        found.append((amount(match[1]), quantity(match[2]), instant(match[3])))
    return tuple(found)


def file(value: object) -> Path:
    """A path as written; the loader makes it absolute."""
    text = value.as_posix() if isinstance(value, Path) else _text(value, FILE)
    if not text.strip() or "\0" in text:
        raise GrammarError(f"{shown(text)} is no path", FILE.written)
    return Path(text).expanduser()


def loopback(value: object) -> str:
    """An address on this machine: 'http://127.0.0.1:8420'. Nothing else is ever a testnet's."""
    text = _text(value, LOOPBACK).strip().removesuffix("/")
    match = re.fullmatch(r"http://(?:127\.0\.0\.1|localhost|\[::1\]):(\d{1,5})", text)
    if match is None or not 1 <= int(match[1]) <= 65_535:
        raise GrammarError(f"{shown(value)} is no {LOOPBACK.name}", LOOPBACK.written)
    return text


_COIN = re.compile(r"[A-Z0-9]{2,12}")
STABLECOINS = ("USDT", "USDC", "FDUSD", "TUSD", "DAI", "USDE", "BUSD")
_COIN_WRITTEN = "a coin's own code such as BTC"


def coin(value: object) -> str:
    """'btc' → 'BTC'. A market symbol such as BTCUSDT or BTC/USDT is refused: its coin alone is meant."""
    text = _text(value, Form("coin", _COIN_WRITTEN)).strip().upper()
    head = re.split(r"[/:\-_]", text)[0]
    for stable in STABLECOINS:
        if head.endswith(stable) and head != stable:
            head = head.removesuffix(stable)
    if head != text and _COIN.fullmatch(head):
        raise GrammarError(f"{shown(value)} is a market, not a coin", f"the coin alone: {head}")
    if not _COIN.fullmatch(text):
        raise GrammarError(f"{shown(value)} is no coin", _COIN_WRITTEN)
    return text


def cash_coin(value: object) -> str:
    """A stablecoin that may count as cash."""
    text = coin(value)
    if text not in STABLECOINS:
        raise GrammarError(f"{shown(value)} is no stablecoin known here", ", ".join(STABLECOINS))
    return text


def risky_coin(value: object) -> str:
    """A coin that may have a target and a hedge: any but the stablecoins."""
    text = coin(value)
    if text in STABLECOINS:
        raise GrammarError(f"{shown(value)} is a stablecoin", f"list it under cash: {text}")
    return text


def _text(value: object, form: Form) -> str:
    """The value as text, or GrammarError: other types have lost what the user wrote."""
    if isinstance(value, BareNumber):
        raise _bare(value, form.written)
    if isinstance(value, str):
        return value
    if value is None:
        raise GrammarError("is empty", form.written)
    if isinstance(value, int) and not isinstance(value, bool):
        raise GrammarError(f"{value} has no unit", form.written)
    raise GrammarError(f"{shown(value)} is no {form.name}", form.written)


def _exact(value: object, form: Form) -> Decimal:
    if isinstance(value, bool):
        raise GrammarError(f"{shown(value)} is no number", form.written)
    if isinstance(value, BareNumber):
        raise _bare(value, f'write it in quotes: "{value}"')
    return _number(str(value) if isinstance(value, int) else _text(value, form), form, value)


def _whole(value: object, form: Form, least: int) -> int:
    text = str(value).strip()
    if isinstance(value, BareNumber):
        raise _bare(value, form.written)
    if isinstance(value, bool) or not re.fullmatch(r"[+-]?\d{1,18}", text) or int(text) < least:
        raise GrammarError("is empty" if value is None else f"{shown(value)} is no {form.name}", form.written)
    return int(text)


def _bare(value: str, allowed: str) -> GrammarError:
    return GrammarError(f"{value} stands without quotes, as a float, which is not exact", allowed)


def _number(text: str, form: Form, value: object) -> Decimal:
    try:
        number = parse_decimal(text)
    except ValueError:
        number = None
    if number is None or not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", text.strip()):
        raise GrammarError(f"{shown(value)} is no finite number", form.written)
    return number


def _scaled(value: object, form: Form, units: dict[str, Decimal]) -> Decimal:
    text = _text(value, form).strip()
    for unit, scale in units.items():
        if text.endswith(unit):
            return _number(text.removesuffix(unit), form, value) / scale
    raise GrammarError(f"{shown(text)} has no unit", form.written)


def _limited(number: Decimal, form: Form, value: object, low: Decimal) -> Decimal:
    if number < low:
        raise GrammarError(f"{shown(value)} is negative", form.written)
    if number > 1:
        raise GrammarError(f"{shown(value)} is more than the whole", form.written)
    return number
