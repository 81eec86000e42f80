"""From a file and the environment to Settings, or to one error that lists every problem."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from bot.settings.checks import check
from bot.settings.findings import bare_numbers, problem_of
from bot.settings.problems import Problem, config_error
from bot.settings.secrets import SecretSource
from bot.settings.settings import Settings
from bot.settings.source import Source
from bot.settings.sources import Following, FromFile, FromVariables


def load(path: Path | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the file (None: the environment alone) and `HEDGEROW_*` variables, which win.

    Raises ConfigError listing every problem, each with file and line or variable, key path, what is wrong, and what
    is allowed. Opens no secret and creates nothing.
    """
    file = FromFile(Settings, path)
    if any(not problem.key for problem in file.read.problems):
        raise config_error(file.read.problems)
    assets = file.read.values.get("assets")
    variables = FromVariables(Settings, environ, list(assets) if isinstance(assets, dict) else [])
    read = Source(
        origins=file.read.origins | variables.read.origins, problems=file.read.problems + variables.read.problems,
        file=path,
    )
    settings, problems = _validate(variables, file, read)
    problems = [*read.problems, *problems]
    if settings is None or problems:
        raise config_error(problems)
    return settings.read_from(path, read.origins, SecretSource.of(settings.secrets_dir, environ))


def _validate(variables: FromVariables, file: FromFile, read: Source) -> tuple[Settings | None, list[Problem]]:
    """The settings and what is wrong with them, cross-checks included wherever the parts are sound."""
    follows = Following(Settings, read.file)
    problems = [
        problem for problem in bare_numbers(read, file.read.values, ()) if problem.key not in variables.read.origins]
    try:
        settings = Settings.of(variables, file, follows)
    except ValidationError as error:
        problems = [*(problem_of(read, Settings, dict(each)) for each in error.errors(include_url=False)), *problems]
        unsound = {problem.key for problem in problems}
        try:
            rest = Settings.of(variables.without(unsound), file.without(unsound), follows)
        except ValidationError:
            return None, problems
        found = check(rest, read.origin)
        return None, [*problems, *(each.problem for each in found if not each.rests_on & unsound)]
    return settings, [*problems, *(each.problem for each in check(settings, read.origin))]
