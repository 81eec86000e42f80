"""What a reading of a file found wrong, in this program's words: for a configuration and for a portfolio alike."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from bot.settings.grammar import BareNumber, GrammarError, shown
from bot.settings.problems import Key, Problem
from bot.settings.schema import entry_type, field_at, form_of, section_of
from bot.settings.source import Source, Value

_NO_TEST_ENVIRONMENT = ("mexc",)


def bare_numbers(source: Source, values: Mapping[str, Value], above: Key) -> list[Problem]:
    """No key takes a float, so each that stands there is reported, where its own parser did not already."""
    problems: list[Problem] = []
    for name, value in values.items():
        key = (*above, name)
        if isinstance(value, dict):
            problems += bare_numbers(source, value, key)
        elif isinstance(value, BareNumber):
            wrong = f"{value} stands without quotes, as a float, which is not exact"
            problems.append(Problem(source.origin(key), key, wrong, f'in quotes: "{value}"'))
    return problems


def without(values: Mapping[str, Value], keys: set[Key], above: Key) -> dict[str, Value]:
    """The values but those at `keys`."""
    return {
        name: without(value, keys, (*above, name)) if isinstance(value, dict) else value
        for name, value in values.items() if (*above, name) not in keys
    }


def problem_of(source: Source, root: type[BaseModel], error: Mapping[str, Any]) -> Problem:
    """One of pydantic's findings in this program's words."""
    key: Key = tuple(str(part) for part in error["loc"] if part != "[key]")
    cause = (error.get("ctx") or {}).get("error")
    if isinstance(cause, GrammarError):
        return Problem(source.origin(key), key, cause.wrong, cause.allowed)
    field = field_at(root, key)
    form = form_of(field) if field is not None else None
    allowed = form.written if form is not None else ""
    meaning = (field.description or "") if field is not None else ""
    value = error.get("input")
    section = (f"{'is empty' if value is None else shown(value) + ' is no section'}", "keys with values below it")
    wrong, allowed = {
        "extra_forbidden": _unknown_key(root, key),
        "missing": ("is missing", meaning if field is not None and entry_type(field.annotation) else allowed),
        "model_type": section,
        "dict_type": section,
        "too_short": ("is empty", meaning),
    }.get(error["type"], ("is empty" if value is None else f"{shown(value)} is not allowed", allowed or meaning))
    if key == ("venue",) and str(value).lower() in _NO_TEST_ENVIRONMENT:
        wrong = f"{value} has no test environment, so nothing can be tried there first"
    return Problem(source.origin(key), key, wrong, allowed)


def _unknown_key(root: type[BaseModel], key: Key) -> tuple[str, str]:
    """What to say of a key that its section does not have."""
    if key[-1] in ("api_key", "api_secret", "key", "secret"):
        return "does not belong into a file of settings", (
            "HEDGEROW_API_KEY and HEDGEROW_API_SECRET, or files in the folder that secrets_dir names")
    names = list((root if len(key) == 1 else _section_at(root, key[:-1])).model_fields)
    close = difflib.get_close_matches(key[-1], names, n=1)
    return f"is no known key{f' (did you mean {close[0]}?)' if close else ''}", ", ".join(names)


def _section_at(root: type[BaseModel], key: Key) -> type[BaseModel]:
    """The section at a key path that exists; for a coin's entry, what each entry holds."""
    field = field_at(root, key)
    annotation = field.annotation if field is not None else root
    return section_of(annotation) or section_of(entry_type(annotation)) or root
