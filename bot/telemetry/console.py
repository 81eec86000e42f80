"""The console: transitions, one event each, wrapped between words, indented where it goes on."""

from __future__ import annotations

import os
import string
import textwrap
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import IO

from bot.core.money import plain
from bot.core.times import iso
from bot.telemetry.encoding import spelt
from bot.telemetry.events import EVENTS, Level

WIDTH = 80
NARROWEST = 40
_COLOURS = {Level.INFO: "32", Level.WARNING: "33", Level.ERROR: "31;1"}
_INDENT = 19


class _Words(string.Formatter):
    """Values as people read them; a spec names how (`_SPECS`), or how many decimals. None is "unknown"."""

    def get_value(self, key: int | str, args: object, kwargs: Mapping[str, object]) -> object:
        del args
        return kwargs.get(str(key))

    def format_field(self, value: object, format_spec: str) -> str:
        if value is None:
            return "n/a" if format_spec == "runway" else "unknown"
        if isinstance(value, (list, tuple)):
            return ", ".join(str(item) for item in value)
        if isinstance(value, Mapping):
            if format_spec:
                return ", ".join(f"{name} {self.format_field(item, format_spec)}" for name, item in value.items())
            return "; ".join(f"{name}: {item}" for name, item in value.items())
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            return str(value)
        return _number(number, format_spec) if number.is_finite() else str(value)


def _price(number: Decimal) -> str:
    return f"{number:,.2f}" if abs(number) >= 1 or not number else plain(Decimal(f"{number:.5g}"))


_SPECS: Mapping[str, Callable[[Decimal], str]] = {
    "clock": lambda number: f"{iso(int(number))[11:16]} UTC",
    "funding": lambda number: f"funding {'received' if number < 0 else 'paid'} {abs(number):,.2f}",
    "hedge": lambda number: f"short {plain(number)}" if number >= 0 else f"long {plain(-number)}",
    "money": lambda number: f"{number:,.2f}",
    "percent": lambda number: f"{number * 100:+.1f}%",
    "points": lambda number: f"{number * 100:+z.1f}pp",
    "price": _price,
    "runway": lambda number: f"{number * 100:+.1f}%",
    "size": plain,
}


def _number(number: Decimal, spec: str) -> str:
    if spec in _SPECS:
        return _SPECS[spec](number)
    return f"{number:.{spec}f}" if spec else plain(number)


_WORDS = _Words()


def sentence(event: str, fields: Mapping[str, object]) -> str:
    """What the console says of an event, as one line without its name; its message where it is not for the console."""
    known = EVENTS.get(event)
    return _WORDS.vformat(known.says, (), fields) if known and known.says else str(fields.get("message", ""))


class Console:
    """Renders events for people, for a stream with this width (asked anew for each event), colour and encoding."""

    def __init__(
        self, *, colour: bool, width: Callable[[], int] = lambda: WIDTH, encoding: str | None = None,
    ) -> None:
        self._colour = colour
        self._width = width
        self._encoding = encoding

    def shows(self, fields: Mapping[str, object]) -> bool:
        """Whether the event belongs on a console: a transition, or anything grave."""
        event = EVENTS.get(str(fields.get("event")))
        grave = fields.get("level") in (Level.WARNING, Level.ERROR, "critical")
        return grave if event is None else event.says is not None

    def render(self, fields: Mapping[str, object]) -> str:
        """The lines of one event; each fits the width, no word is lost."""
        name = str(fields.get("event"))
        event = EVENTS.get(name)
        said = sentence(name, fields)
        level = event.level if event else Level.WARNING
        moment = str(fields.get("ts", ""))[:16].replace("T", " ")
        width = max(self._width(), NARROWEST)
        lines = textwrap.wrap(
            spelt(f"{moment} {name} {said}", self._encoding), width, subsequent_indent=" " * min(_INDENT, width // 4),
            break_on_hyphens=False,
        )
        if self._colour:
            lines[0] = lines[0].replace(name, f"\x1b[{_COLOURS[level]}m{name}\x1b[0m", 1)
        return "\n".join(lines)


def console_for(stream: IO[str]) -> Console:
    """The console of a stream: colours only on a terminal and without NO_COLOR; its own width there, else 80; signs
    that its encoding lacks are spelt in ASCII.
    """
    terminal = stream.isatty()
    plain_wanted = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"

    def width() -> int:
        try:
            return os.get_terminal_size(stream.fileno()).columns or WIDTH
        except (OSError, ValueError):
            return WIDTH

    return Console(
        colour=terminal and not plain_wanted, width=width if terminal else lambda: WIDTH,
        encoding=getattr(stream, "encoding", None),
    )
