"""From a file and the environment to Settings, or to one error that lists every problem."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from bot.settings.checks import check
from bot.settings.findings import bare_numbers, problem_of, without
from bot.settings.grammar import FILE
from bot.settings.problems import Key, Origin, Problem, config_error
from bot.settings.schema import form_of, leaves, resolve
from bot.settings.secrets import VARIABLES, SecretSource, from_environment
from bot.settings.settings import Settings
from bot.settings.source import Source, Value, read_yaml

PREFIX = "HEDGEROW_"
OTHER_VARIABLES = frozenset({*VARIABLES.values(), "HEDGEROW_CONFIG", "HEDGEROW_SHARED"})
"""Variables that are no keys: secrets, the file's own path (command line), a folder with data (tests)."""

LOCAL_DEFAULTS: Mapping[str, Value] = {"poll": "15m", "working_poll": "5s"}
"""Keys whose default is another one in `local`, where time is a story's."""


def load(path: Path | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the file (None: the environment alone) and `HEDGEROW_*` variables, which win.

    Raises ConfigError listing every problem, each with file and line or variable, key path, what is wrong, and what
    is allowed. Opens no secret and creates nothing.
    """
    source = read_yaml(path) if path is not None else Source()
    if any(not problem.key for problem in source.problems):
        raise config_error(source.problems)
    _read_environment(source, environ)
    _complete(source)
    settings, problems = _validate(source)
    problems = [*source.problems, *problems]
    if settings is None or problems:
        raise config_error(problems)
    secrets = SecretSource(settings.secrets_dir, from_environment(environ))
    return settings.read_from(source.file, source.origins, secrets)


def _read_environment(source: Source, environ: Mapping[str, str]) -> None:
    """Put every HEDGEROW_* variable over what the file said; report those that mean nothing."""
    taken: dict[Key, str] = {}
    for variable in sorted(environ):
        name = variable.upper()
        if not name.startswith(PREFIX) or name in OTHER_VARIABLES:
            continue
        origin = Origin(variable=variable)
        key = resolve(Settings, tuple(name.removeprefix(PREFIX).split("__")))
        if key is None:
            source.problems.append(_unknown_variable(source, origin, name))
        elif key in taken:
            source.problems.append(Problem(origin, key, f"is set by {taken[key]} too", "one of them"))
        else:
            taken[key] = variable
            source.set(key, environ[variable], origin)


def _unknown_variable(source: Source, origin: Origin, name: str) -> Problem:
    """Never shows the value: a misspelt HEDGEROW_API_KEY holds a key."""
    assets = source.values.get("assets")
    coins = list(assets) if isinstance(assets, dict) and assets else ["BTC"]
    known = list(VARIABLES.values())
    for key, _ in leaves(Settings):
        spelt = PREFIX + "__".join(key).upper()
        known += [spelt.replace("__COIN", f"__{coin}") for coin in coins] if "COIN" in key else [spelt]
    inside = [spelt for spelt in known if spelt.startswith(f"{name}__")]
    if inside:
        return Problem(origin, (), "names a section, which has no value of its own", f"its keys, such as {inside[0]}")
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    meant = f" (did you mean {close[0]}?)" if close else ""
    return Problem(origin, (), f"sets no known key{meant}", "HEDGEROW_ and a key, such as HEDGEROW_TRIGGERS__OPEN")


def _complete(source: Source) -> None:
    """Fill in what depends on the environment or the file's place, and make every path absolute."""
    if source.values.get("environment") == "local":
        for name, value in LOCAL_DEFAULTS.items():
            source.values.setdefault(name, value)
    source.values.setdefault("journal", f"{source.file.stem if source.file else 'hedgerow'}.db")
    for key, field in leaves(Settings):
        if form_of(field) is FILE:
            _make_absolute(source, key)
    log = source.values.setdefault("log", {})
    journal = source.values["journal"]
    if isinstance(log, dict) and log.get("file") is None and isinstance(journal, str):
        log["file"] = str(Path(journal).with_suffix(".log"))


def _make_absolute(source: Source, key: Key) -> None:
    """A path in the file starts at the file's folder, one in a variable at the present folder."""
    section: Value = source.values
    for name in key[:-1]:
        section = section.get(name) if isinstance(section, dict) else None
    written = section.get(key[-1]) if isinstance(section, dict) else None
    if not isinstance(section, dict) or not isinstance(written, str) or not written.strip() or "\0" in written:
        return
    base = source.file.parent if source.file is not None and source.origin(key).variable is None else Path()
    section[key[-1]] = os.path.abspath(base / Path(written).expanduser())  # noqa: PTH100 - resolve() follows links


def _validate(source: Source) -> tuple[Settings | None, list[Problem]]:
    """The settings and what is wrong with them, cross-checks included wherever the parts are sound."""
    problems = bare_numbers(source, source.values, ())
    try:
        settings = Settings.model_validate(source.values)
    except ValidationError as error:
        problems = [*(problem_of(source, Settings, dict(each)) for each in error.errors(include_url=False)), *problems]
        unsound = {problem.key for problem in problems}
        try:
            rest = Settings.model_validate(without(source.values, unsound, ()))
        except ValidationError:
            return None, problems
        found = check(rest, source.origin)
        return None, [*problems, *(each.problem for each in found if not each.rests_on & unsound)]
    return settings, [*problems, *(each.problem for each in check(settings, source.origin))]
