"""What is wrong in a configuration, collected, so that one reading reports everything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from bot.errors import ConfigError

Key: TypeAlias = tuple[str, ...]
"""A key path: ('assets', 'BTC', 'target')."""


def dotted(key: Key) -> str:
    """'assets.BTC.target'."""
    return ".".join(key)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: a file and line (counted from 1), or an environment variable."""

    file: Path | None = None
    line: int | None = None
    variable: str | None = None

    def __str__(self) -> str:
        """'demo.yaml:12', 'HEDGEROW_POLL' or 'configuration'."""
        if self.variable is not None:
            return self.variable
        if self.file is None:
            return "configuration"
        return f"{self.file}:{self.line}" if self.line is not None else str(self.file)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, where, and what would be right."""

    origin: Origin
    key: Key
    wrong: str
    allowed: str = ""

    def __str__(self) -> str:
        """'demo.yaml:12: assets.BTC.target: … Allowed: …'."""
        text = ": ".join(part for part in (str(self.origin), dotted(self.key), self.wrong) if part)
        return f"{text}. Allowed: {self.allowed}" if self.allowed else text


def closest_origin(origins: Mapping[Key, Origin], key: Key, file: Path | None) -> Origin:
    """Where the key was written, or the closest section above it."""
    for length in range(len(key), 0, -1):
        if key[:length] in origins:
            return origins[key[:length]]
    return Origin(file=file)


def config_error(problems: Iterable[Problem]) -> ConfigError:
    """All problems as one error, a line each, in the file's order, each key's first problem only."""
    first: dict[tuple[str, Key], Problem] = {}
    for problem in problems:
        first.setdefault((str(problem.origin) if not problem.key else "", problem.key), problem)
    ordered = sorted(first.values(), key=lambda each: (each.origin.variable or "", each.origin.line or 0))
    return ConfigError("\n".join(str(problem) for problem in ordered))
