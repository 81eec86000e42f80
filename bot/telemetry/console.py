"""The console: transitions, one event each, wrapped between words, indented where it goes on."""

from __future__ import annotations

import os
import shutil
import string
import textwrap
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import IO

from bot.core.money import plain
from bot.telemetry.events import EVENTS, Level

WIDTH = 80
_COLOURS = {Level.INFO: "32", Level.WARNING: "33", Level.ERROR: "31;1"}
_INDENT = 19


class _Words(string.Formatter):
    """Numbers as people read them. Specs: `money` (two decimals), `price`, `percent`, or how many decimals."""

    def get_value(self, key: int | str, args: object, kwargs: Mapping[str, object]) -> object:
        del args
        return kwargs.get(str(key))

    def format_field(self, value: object, format_spec: str) -> str:
        if value is None:
            return "unknown"
        if isinstance(value, (list, tuple)):
            return ", ".join(str(item) for item in value)
        if isinstance(value, Mapping):
            return "; ".join(f"{name}: {item}" for name, item in value.items())
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            return str(value)
        return _number(number, format_spec) if number.is_finite() else str(value)


def _number(number: Decimal, spec: str) -> str:
    if spec == "percent":
        return f"{number * 100:+.1f}%"
    if spec == "money":
        return f"{number:,.2f}"
    if spec == "price":
        return f"{number:,.2f}" if abs(number) >= 1 or not number else plain(Decimal(f"{number:.5g}"))
    return f"{number:.{spec}f}" if spec else plain(number)


_WORDS = _Words()


class Console:
    """Renders events for people. `colour` and `width` are those of the stream it is made for."""

    def __init__(self, *, colour: bool, width: int = WIDTH) -> None:
        self._colour = colour
        self._width = max(width, 40)

    def shows(self, fields: Mapping[str, object]) -> bool:
        """Whether the event belongs on a console: a transition, or anything grave."""
        event = EVENTS.get(str(fields.get("event")))
        grave = fields.get("level") in (Level.WARNING, Level.ERROR, "critical")
        return grave if event is None else event.says is not None

    def render(self, fields: Mapping[str, object]) -> str:
        """The lines of one event; each fits the width, no word is lost."""
        name = str(fields.get("event"))
        event = EVENTS.get(name)
        said = _WORDS.vformat(event.says, (), fields) if event and event.says else str(fields.get("message", ""))
        level = event.level if event else Level.WARNING
        moment = str(fields.get("ts", ""))[:16].replace("T", " ")
        lines = textwrap.wrap(
            f"{moment} {name} {said}", self._width, subsequent_indent=" " * min(_INDENT, self._width // 4),
            break_on_hyphens=False,
        )
        if self._colour:
            lines[0] = lines[0].replace(name, f"\x1b[{_COLOURS[level]}m{name}\x1b[0m", 1)
        return "\n".join(lines)


def console_for(stream: IO[str]) -> Console:
    """The console of a stream: colours only on a terminal and without NO_COLOR; its own width there, else 80."""
    terminal = stream.isatty()
    plain_wanted = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    width = shutil.get_terminal_size((WIDTH, 24)).columns if terminal else WIDTH
    return Console(colour=terminal and not plain_wanted, width=width)
