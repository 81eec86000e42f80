"""A grid: which settings are to be tried, and every combination of them as a policy.

A grid file is YAML with a configuration's own sections and keys, each with the values to try:

    triggers: {open: ["3pp", "5pp"], close: "1pp"}
    finalise: {max_age: ["0s", "90d"]}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from bot.core.policy import Direction, OnMargin, Policy, Rounding, Threshold
from bot.errors import ConfigError
from bot.settings import grammar
from bot.settings.grammar import BareNumber, GrammarError, shown
from bot.settings.problems import Key, Origin, Problem, config_error

MOST = 100_000
"""More points than this are a slip of the pen."""


def _level(value: object) -> Threshold:
    found = grammar.level(value)
    if found.value == 0:
        raise GrammarError(f"{shown(value)} is zero", "a level above zero")
    return found


def _leverage(value: object) -> Decimal:
    found = grammar.amount(value)
    if found != found.to_integral_value():
        raise GrammarError(f"{shown(value)} is no whole number", "a whole number such as 5")
    return found


def _one_of(kind: type[StrEnum]) -> Callable[[object], StrEnum]:
    def parse(value: object) -> StrEnum:
        try:
            return kind(str(value))
        except ValueError:
            raise GrammarError(f"{shown(value)} is not known", " or ".join(kind)) from None

    return parse


AXES: Mapping[str, tuple[str, Callable[[object], object]]] = {
    "open": ("triggers", _level),
    "close": ("triggers", grammar.level),
    "resize": ("triggers", _level),
    "rounding": ("triggers", _one_of(Rounding)),
    "direction": ("triggers", _one_of(Direction)),
    "max_age": ("finalise", grammar.pause),
    "max_carry": ("finalise", grammar.tolerated),
    "on_margin": ("margin", _one_of(OnMargin)),
    "leverage": ("margin", _leverage),
    "max_leverage": ("margin", grammar.amount),
}
"""What can be tried: by key, its section in a configuration and how its values are written."""

_SECTIONS = tuple(dict.fromkeys(section for section, _ in AXES.values()))


@dataclass(frozen=True, slots=True)
class Axis:
    """One setting and its values, as they were written and as they are understood."""

    name: str
    written: tuple[str, ...]
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One combination. `number` counts from 0 in the grid's order; `settings`: key and value, as written."""

    number: int
    settings: tuple[tuple[str, str], ...]
    policy: Policy

    def __str__(self) -> str:
        """'open 5pp, close 1pp'."""
        return ", ".join(f"{name} {value}" for name, value in self.settings)


@dataclass(frozen=True, slots=True)
class Points:
    """Every combination that can be; `left_out`: how many cannot, such as a close level above the open one."""

    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    left_out: int


def read_grid(path: Path) -> tuple[Axis, ...]:
    """The axes of a grid file. Raises ConfigError listing every problem with file, line, key and what is allowed."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file. Allowed: a grid (see docs/tuning.md)") from None
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise ConfigError(f"{path}: cannot be read: {what}. Allowed: a grid (see docs/tuning.md)") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = str(path) if mark is None else f"{path}:{mark.line + 1}"
        raise ConfigError(f"{where}: is no valid YAML: {getattr(error, 'problem', None) or 'it breaks off'}") from None
    except RecursionError:
        raise ConfigError(f"{path}: nests too deeply to be a grid") from None
    reader = _Reader(path)
    axes = reader.read(root)
    if reader.problems:
        raise config_error(reader.problems)
    return axes


def axis(name: str, values: Sequence[str]) -> Axis:
    """An axis from values in a configuration's own words. Raises GrammarError."""
    return Axis(name, tuple(values), tuple(AXES[name][1](value) for value in values))


def points_of(axes: Sequence[Axis], policy: Policy) -> Points:
    """Every combination of the axes' values, put into the policy. Raises ConfigError where none can be."""
    count = 1
    for each in axes:
        count *= len(each.values)
    if count > MOST:
        raise ConfigError(f"the grid has {count:,} points. Allowed: {MOST:,} at most")
    found: list[Point] = []
    for combination in product(*(zip(each.written, each.values, strict=True) for each in axes)):
        tried = _applied(policy, {each.name: value for each, (_, value) in zip(axes, combination, strict=True)})
        if _possible(tried):
            settings = tuple((each.name, text) for each, (text, _) in zip(axes, combination, strict=True))
            found.append(Point(len(found), settings, tried))
    if not found:
        raise ConfigError("no combination of the grid is possible. Allowed: close below open, leverage above "
                          "max_leverage; what the grid does not name is the configuration's")
    return Points(tuple(axes), tuple(found), count - len(found))


def _applied(policy: Policy, values: Mapping[str, object]) -> Policy:
    """The policy with these values, for every coin alike."""
    changes: dict[str, dict[str, Any]] = {section: {} for section in _SECTIONS}
    for name, value in values.items():
        changes[AXES[name][0]][name] = value
    return replace(
        policy, assets=tuple(replace(one, **changes["triggers"]) for one in policy.assets),
        finalise=replace(policy.finalise, **changes["finalise"]), margin=replace(policy.margin, **changes["margin"]),
    )


def _possible(policy: Policy) -> bool:
    """What a configuration demands of these settings together."""
    return policy.margin.max_leverage < policy.margin.leverage and all(
        one.close.of_nav(one.target) < one.open.of_nav(one.target) and one.resize.of_nav(one.target) > 0
        for one in policy.assets)


class _Reader:
    """Reads a grid's YAML nodes, and collects what is wrong with them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def read(self, root: yaml.Node | None) -> tuple[Axis, ...]:
        """The axes, in the file's order."""
        known = f"{', '.join(_SECTIONS)} with values to try"
        if not isinstance(root, yaml.MappingNode) or not root.value:
            self._say(root, (), "holds no grid", known)
            return ()
        found: list[Axis] = []
        seen: set[Key] = set()
        for name, node in root.value:
            section = str(name.value)
            if section not in _SECTIONS:
                self._say(name, (section,), "is no part of a grid", known)
            elif not isinstance(node, yaml.MappingNode):
                self._say(name, (section,), "is no section", f"keys among {', '.join(_keys(section))}")
            else:
                found += self._section(section, node, seen)
        return tuple(found)

    def _section(self, section: str, node: yaml.MappingNode, seen: set[Key]) -> Iterator[Axis]:
        for name, values in node.value:
            key = (section, str(name.value))
            if key[1] not in _keys(section):
                self._say(name, key, "cannot be tried", ", ".join(_keys(section)))
            elif key in seen:
                self._say(name, key, "stands twice", "each key once")
            else:
                seen.add(key)
                yield self._axis(key, name, values)

    def _axis(self, key: Key, name: yaml.Node, node: yaml.Node) -> Axis:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if not nodes:
            self._say(name, key, "has no values", "one or more")
        written: list[str] = []
        values: list[object] = []
        for each in nodes:
            if not isinstance(each, yaml.ScalarNode):
                self._say(each, key, "holds what is no value", "values, or a list of them")
                continue
            try:
                value = AXES[key[1]][1](_scalar(each))
            except GrammarError as error:
                self._say(each, key, error.wrong, error.allowed)
                continue
            if value in values:
                self._say(each, key, f"{shown(each.value)} stands twice", "each value once")
                continue
            written.append(str(each.value))
            values.append(value)
        return Axis(key[1], tuple(written), tuple(values))

    def _say(self, node: yaml.Node | None, key: Key, wrong: str, allowed: str) -> None:
        line = 1 if node is None else node.start_mark.line + 1
        self.problems.append(Problem(Origin(self.path, line), key, wrong, allowed))


def _keys(section: str) -> tuple[str, ...]:
    return tuple(name for name, (its, _) in AXES.items() if its == section)


def _scalar(node: yaml.ScalarNode) -> str | int:
    """A number with a point and without quotes is no exact one, as in a configuration."""
    text = str(node.value)
    if node.style is not None:
        return text
    if node.tag.endswith(":int"):
        return int(text) if text.isdecimal() else text
    return BareNumber(text) if node.tag.endswith(":float") else text
