"""Reading a YAML file and the environment into one tree of values that remembers where each came from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import yaml

from bot.settings.grammar import BareNumber, shown
from bot.settings.problems import Key, Origin, Problem, closest_origin

Value: TypeAlias = "str | int | bool | dict[str, Value] | None"


@dataclass(slots=True)
class Source:
    """Values by key, each key path's origin, and what was wrong already while reading."""

    values: dict[str, Value] = field(default_factory=dict)
    origins: dict[Key, Origin] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    file: Path | None = None

    def origin(self, key: Key) -> Origin:
        """Where the key (or the closest one above it that exists) was written."""
        return closest_origin(self.origins, key, self.file)

    def set(self, key: Key, value: Value, origin: Origin) -> None:
        """Put a value at a key path, over what was there; sections in between are made."""
        section = self.values
        for name in key[:-1]:
            inner = section.get(name)
            if not isinstance(inner, dict):
                inner = section[name] = {}
            section = inner
        section[key[-1]] = value
        self.origins[key] = origin


def read_yaml(path: Path) -> Source:
    """The file's values. Problems found while reading are in the result; nothing is raised."""
    source = Source(file=path)
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except FileNotFoundError:
        source.problems.append(Problem(Origin(file=path), (), "there is no such file"))
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        source.problems.append(Problem(Origin(file=path), (), f"cannot be read: {what}"))
    except yaml.YAMLError as error:
        source.problems.append(_syntax(path, error))
    except RecursionError:
        source.problems.append(Problem(Origin(file=path), (), "nests too deeply to be a file of settings"))
    else:
        if isinstance(root, yaml.MappingNode):
            _Reader(source, path).section(root, ())
        else:
            source.problems.append(Problem(Origin(path, 1), (), "holds no settings", "keys with values, as in config/"))
    return source


def _syntax(path: Path, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or "is no YAML"
    return Problem(Origin(path, mark.line + 1 if mark is not None else None), (), f"is no valid YAML: {what}")


_INTEGER = re.compile(r"[-+]?\d{1,18}")
_POINTED = re.compile(
    r"[-+]?(\d+\.\d*|\.\d+)([eE][-+]?\d+)?|[-+]?\d+[eE][-+]?\d+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_BY_COIN = frozenset({
    ("assets",), ("cash",), ("story", "weights"), ("market",), ("holdings",), ("borrowed",), ("stablecoins",),
    ("hedges",), ("acknowledged",),
})
_WORDS: Mapping[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}


class _Reader:
    """Turns YAML nodes into values by the core schema of YAML 1.2: no 'yes', no octal, no clock times as numbers."""

    def __init__(self, source: Source, path: Path) -> None:
        self._source = source
        self._path = path
        self._open: set[int] = set()

    def section(self, node: yaml.MappingNode, key: Key) -> None:
        """Read every entry of a mapping into the tree."""
        seen: dict[str, int] = {}
        for name_node, value_node in node.value:
            name = self._name(name_node, key)
            if name is None:
                continue
            origin = Origin(self._path, name_node.start_mark.line + 1)
            inner = (*key, name)
            if name in seen:
                self._problem(inner, origin, f"stands twice, first on line {seen[name]}", "each key once")
                continue
            seen[name] = origin.line or 0
            if not isinstance(value_node, yaml.MappingNode):
                self._source.set(inner, self._value(value_node, inner, origin), origin)
            elif id(value_node) in self._open:
                self._problem(inner, origin, "contains itself")
            else:
                self._source.set(inner, {}, origin)
                self._open.add(id(value_node))
                self.section(value_node, inner)
                self._open.discard(id(value_node))

    def _name(self, node: yaml.Node, key: Key) -> str | None:
        if isinstance(node, yaml.ScalarNode):
            # Coins are written in capitals or not; a file that has both has one coin twice.
            return node.value.upper() if key in _BY_COIN else str(node.value)
        self._problem(key, Origin(self._path, node.start_mark.line + 1), "has a key that is no word")
        return None

    def _value(self, node: yaml.Node, key: Key, origin: Origin) -> Value:
        if not isinstance(node, yaml.ScalarNode):
            self._problem(key, origin, "is a list", "a single value, or keys with values")
            return None
        text = str(node.value)
        if node.tag.startswith("!") or "python" in node.tag:
            self._problem(key, origin, f"carries the tag {shown(node.tag)}", "plain values")
            return text
        if node.style is not None:
            return text
        if text.lower() in _WORDS:
            return _WORDS[text.lower()]
        if _INTEGER.fullmatch(text):
            return int(text)
        return BareNumber(text) if _POINTED.fullmatch(text) else text

    def _problem(self, key: Key, origin: Origin, wrong: str, allowed: str = "") -> None:
        self._source.problems.append(Problem(origin, key, wrong, allowed))
