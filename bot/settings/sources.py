"""Where a configuration's values come from, as pydantic-settings' sources: variables, then the file, then what follows.

Each source remembers where it found every value, and what was wrong already while reading.
"""

from __future__ import annotations

import copy
import difflib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from bot.settings.findings import without
from bot.settings.grammar import FILE
from bot.settings.handed import PREFIX
from bot.settings.problems import Key, Origin, Problem
from bot.settings.schema import form_of, leaves, resolve
from bot.settings.secrets import ALERT_URLS, VARIABLES
from bot.settings.source import Source, Value, read_yaml

OTHER_VARIABLES = frozenset({*VARIABLES.values(), ALERT_URLS, "HEDGEROW_CONFIG", "HEDGEROW_SHARED"})
"""Variables that are no keys: secrets, the file's own path (command line), a folder with data (tests)."""

LOCAL_DEFAULTS: Mapping[str, Value] = {"poll": "15m", "working_poll": "5s"}
"""Keys whose default is another one in `local`, where time is a story's."""


class Remembered(PydanticBaseSettingsSource):
    """Values that know where they were written: `read` has them, their origins and the problems of reading them."""

    def __init__(self, settings_cls: type[BaseSettings], read: Source) -> None:
        super().__init__(settings_cls)
        self.read = read

    def without(self, keys: set[Key]) -> Self:
        """The same source, had nobody written these keys."""
        fewer = copy.copy(self)
        fewer.read = replace(self.read, values=without(self.read.values, keys, ()))
        return fewer

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the port's
        """One top-level key's value."""
        return self.read.values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """All values, section in section."""
        return dict(self.read.values)


class FromFile(Remembered):
    """The YAML file; None: there is none. Its relative paths start at its folder."""

    def __init__(self, settings_cls: type[BaseSettings], path: Path | None) -> None:
        super().__init__(settings_cls, read_yaml(path) if path is not None else Source())
        _make_absolute(self, path.parent if path is not None else Path())


class FromVariables(Remembered):
    """The HEDGEROW_* variables; their relative paths start at the present folder. `coins`: for better suggestions."""

    def __init__(self, settings_cls: type[BaseSettings], environ: Mapping[str, str], coins: list[str]) -> None:
        super().__init__(settings_cls, Source())
        taken: dict[str, str] = {}
        for variable in sorted(environ):
            name = variable.upper()
            if not name.startswith(PREFIX):
                continue
            key = resolve(settings_cls, tuple(name.removeprefix(PREFIX).split("__")))
            origin = Origin(variable=variable)
            if key is None and name not in OTHER_VARIABLES:
                self.read.problems.append(self._unknown(origin, name, coins))
            elif name in taken:
                self.read.problems.append(Problem(origin, key or (), f"is set by {taken[name]} too", "one of them"))
            elif key is not None:
                self.read.set(key, environ[variable], origin)
            taken.setdefault(name, variable)
        _make_absolute(self, Path())

    def _unknown(self, origin: Origin, name: str, coins: list[str]) -> Problem:
        """Never shows the value: a misspelt HEDGEROW_API_KEY holds a key."""
        known = [*VARIABLES.values(), ALERT_URLS]
        own = self.read.values.get("assets")
        coins = [*coins, *(own if isinstance(own, dict) else ())] or ["BTC"]
        for key, _ in leaves(self.settings_cls):
            spelt = PREFIX + "__".join(key).upper()
            known += [spelt.replace("__COIN", f"__{coin}") for coin in coins] if "COIN" in key else [spelt]
        inside = [spelt for spelt in known if spelt.startswith(f"{name}__")]
        if inside:
            wrong, allowed = "names a section, which has no value of its own", f"its keys, such as {inside[0]}"
            return Problem(origin, (), wrong, allowed)
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
        meant = f" (did you mean {close[0]}?)" if close else ""
        return Problem(origin, (), f"sets no known key{meant}", "HEDGEROW_ and a key, such as HEDGEROW_TRIGGERS__OPEN")


class Following(PydanticBaseSettingsSource):
    """Defaults that follow from what the sources before it said, and from the file's place."""

    def __init__(self, settings_cls: type[BaseSettings], file: Path | None) -> None:
        super().__init__(settings_cls)
        self._journal = _absolute(f"{file.stem}.db", file.parent) if file else _absolute("hedgerow.db", Path())

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the port's
        """One top-level key's value."""
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """The defaults that follow; where something was said, it has gone before."""
        said = self.current_state
        journal = said.get("journal", self._journal)
        follows: dict[str, Any] = {"journal": self._journal}
        if said.get("environment") == "local":
            follows |= LOCAL_DEFAULTS
        if isinstance(journal, str) and Path(journal).name:
            follows["log"] = {"file": str(Path(journal).with_suffix(".log"))}
        return follows


def _make_absolute(source: Remembered, base: Path) -> None:
    """Make every path start at the root instead of at `base`. What is no path is left for its parser to refuse."""
    for key, field in leaves(source.settings_cls):
        section: Value = source.read.values
        for name in key[:-1]:
            section = section.get(name) if isinstance(section, dict) else None
        written = section.get(key[-1]) if isinstance(section, dict) else None
        if form_of(field) is FILE and isinstance(section, dict) and isinstance(written, str):
            section[key[-1]] = _absolute(written, base)


def _absolute(written: str, base: Path) -> str:
    if not written.strip() or "\0" in written:
        return written
    return os.path.abspath(base / Path(written).expanduser())  # noqa: PTH100 - resolve() follows links
