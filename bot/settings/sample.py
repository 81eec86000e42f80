"""A first configuration, written from the settings' model so that it cannot drift from it: `hedgerow init`.

What must be chosen stands there; every other key stands at its default behind a `#`, with its meaning above it.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping

from pydantic.fields import FieldInfo

from bot.environment import Environment
from bot.settings.model import AssetSettings, Section, TriggerSettings, Venue
from bot.settings.problems import Key
from bot.settings.schema import entry_type, form_of, section_of
from bot.settings.settings import SETTLE, Settings
from bot.settings.sources import LOCAL_DEFAULTS

WIDTH = 100
_ONLY: Mapping[str, Environment] = {
    "testnet": Environment.LOCAL, "story": Environment.LOCAL, "live": Environment.LIVE,
}
"""Sections that a configuration of another environment may not have, or has no use for."""

_BALANCES: Mapping[Key, str] = {
    ("starting_balances", "spot"): '{{BTC: "0.6", ETH: "10", {settle}: "10000"}}',
    ("starting_balances", "futures"): '{{{settle}: "10000"}}',
}
"""Examples, for want of a default: nobody owns the same."""

_HEAD = """\
# hedgerow on {venue}, environment {environment}. It is complete as it stands: change the coins and their weights.
#
# A line that begins with # and a key, such as #poll, shows a default; take the # away to change it, and the # of the
# section's name above it too. Comments explain the key below them. How values are written:
#   "50%"    a share (of the portfolio, of a target, of a price)     "50bp"  hundredths of a percent
#   "5pp"    percentage points of the portfolio's value              "15m"   a duration: ms, s, m, h, d
#   "0.001"  an amount, in quotes so that it stays exact; a bare 0.001 is refused
"""


def sample(venue: Venue, environment: Environment, stem: str) -> str:
    """The text of a configuration file whose name is `stem` without its ending."""
    head = _HEAD.format(venue=venue, environment=environment)
    return "\n".join([head, *_Writer(venue, environment, stem).lines(), ""])


class _Writer:
    """Knows what is chosen (`values`) and what the defaults are in this environment (`defaults`)."""

    def __init__(self, venue: Venue, environment: Environment, stem: str) -> None:
        self._environment = environment
        self._values: dict[Key, str] = {
            ("venue",): venue, ("environment",): environment,
            ("assets", "BTC", "target"): '"50%"', ("assets", "ETH", "target"): '"30%"',
            ("cash", SETTLE[venue]): '"20%"',
        }
        self._examples = {key: text.format(settle=SETTLE[venue]) for key, text in _BALANCES.items()}
        if environment is not Environment.LOCAL:
            self._values |= {("margin", "on_margin"): "close", ("secrets_dir",): "secrets"} | self._examples
        self._defaults: dict[Key, object] = {("journal",): f"{stem}.db", ("log", "file"): f"{stem}.log"}
        if environment is Environment.LOCAL:
            self._defaults |= {(name,): value for name, value in LOCAL_DEFAULTS.items()}
        for name in AssetSettings.model_fields.keys() & TriggerSettings.model_fields.keys():
            self._defaults["assets", "BTC", name] = TriggerSettings.model_fields[name].default

    def lines(self) -> Iterator[str]:
        """Single keys and sections in the model's order, a blank line between sections."""
        before = False
        for name, field in Settings.model_fields.items():
            if _ONLY.get(name, self._environment) is not self._environment:
                continue
            inner = section_of(field.annotation) or entry_type(field.annotation)
            if inner is not None or before:
                yield ""
            before = inner is not None
            yield from self._one((name,), field)

    def _one(self, key: Key, field: FieldInfo) -> Iterator[str]:
        indent = "  " * (len(key) - 1)
        inner, entry = section_of(field.annotation), entry_type(field.annotation)
        yield from _comment(field.description or "", indent)
        if inner is not None:
            yield f"{indent}{self._mark(key)}{key[-1]}:"
            yield from self._section(key, inner)
        elif entry is not None and key not in self._values and not self._mark(key):
            yield f"{indent}{key[-1]}:"
            yield from self._entries(key, section_of(entry))
        else:
            yield from self._value(key, field, indent)

    def _section(self, key: Key, section: type[Section]) -> Iterator[str]:
        for name, field in section.model_fields.items():
            yield from self._one((*key, name), field)

    def _entries(self, key: Key, section: type[Section] | None) -> Iterator[str]:
        """The entries of a mapping by coin; every key of the first one, only the chosen ones of the others."""
        coins = list(dict.fromkeys(chosen[1] for chosen in self._values if chosen[:1] == key))
        for index, coin in enumerate(coins):
            if section is None:
                yield f"  {coin}: {self._values[*key, coin]}"
            elif index == 0:
                yield f"  {coin}:"
                yield from self._section((*key, coin), section)
            else:
                chosen = ((each[2], text) for each, text in self._values.items() if each[:2] == (*key, coin))
                yield f"  {coin}: {{{', '.join(f'{name}: {text}' for name, text in chosen)}}}"

    def _value(self, key: Key, field: FieldInfo, indent: str) -> Iterator[str]:
        default = self._defaults.get(key, field.get_default(call_default_factory=True))
        form = form_of(field)
        words = form is not None and form.name == "word"
        if form is not None and (words or default in (None, {})) and key not in self._examples and len(key) > 1:
            yield from _comment(f"({form.written})", indent)
        text = self._values.get(key) or self._examples.get(key) or _written(default, bare=words)
        yield f"{indent}{self._mark(key)}{key[-1]}: {text}"

    def _mark(self, key: Key) -> str:
        """Nothing where the key, or one inside it, is chosen; else the sign that makes it a comment."""
        return "" if any(chosen[: len(key)] == key for chosen in self._values) else "#"


def _written(default: object, *, bare: bool) -> str:
    """A default as the file writes it; words, whole numbers and truth values need no quotes."""
    if default in (None, {}):
        return "null" if default is None else "{}"
    return str(default) if bare else json.dumps(default if isinstance(default, (bool, int)) else str(default))


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
