"""What a sweep has found, line by line in a file: a sweep that was stopped goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Generic, TypeVar

from bot.core.money import plain
from bot.errors import ConfigError

T = TypeVar("T")
_KIND = "hedgerow sweep"
_HEAD = f'{{"kind": "{_KIND}"'.encode()
"""How every line begins."""


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """A job's key and its figures: a flat dataclass of texts, whole numbers and Decimals."""

    key: str
    figures: T


class SweepFile:
    """A file of results, JSON line by line. A line that a kill has torn is taken off; what was there is never lost."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, kind: type[T]) -> Mapping[str, T]:
        """All results by key, the last of each. Raises ConfigError for a file that no sweep has written."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be read ({error.strerror})") from None
        whole, _, torn = data.rpartition(b"\n")
        found = {}
        for number, line in enumerate(whole.split(b"\n") if whole else (), 1):
            try:
                kept = _read(line, kind)
            except (ValueError, KeyError, TypeError, InvalidOperation):
                self._refuse(number)
            found[kept.key] = kept.figures
        if torn:
            if torn[:len(_HEAD)] != _HEAD[:len(torn)]:
                self._refuse(whole.count(b"\n") + 2 if whole else 1)
            os.truncate(self.path, len(data) - len(torn))
        return found

    def append(self, kept: Kept[Any]) -> None:
        """Add one result. Raises ConfigError where it cannot be written."""
        cells = {each.name: _written(getattr(kept.figures, each.name)) for each in fields(kept.figures)}
        line = json.dumps({"kind": _KIND, "key": kept.key, **cells}, ensure_ascii=False) + "\n"
        try:
            with self.path.open("ab") as file:
                file.write(line.encode())
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be written ({error.strerror})") from None

    def _refuse(self, line: int) -> None:
        raise ConfigError(f"{self.path}, line {line}: is no result of a sweep. Allowed: a file that a sweep has "
                          "written, or a new one")


def _written(value: object) -> object:
    return {"decimal": plain(value)} if isinstance(value, Decimal) else value


def _read(line: bytes, kind: type[T]) -> Kept[T]:
    found = json.loads(line)
    if found.pop("kind") != _KIND:
        raise ValueError
    key = found.pop("key")
    values = {name: Decimal(value["decimal"]) if isinstance(value, dict) else value for name, value in found.items()}
    return Kept(key, kind(**values))
