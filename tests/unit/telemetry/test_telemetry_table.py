"""The table of events against the code that says them."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import bot
from bot.telemetry.events import EVENTS, FIELDS

PACKAGE = Path(bot.__file__).parent


def said() -> list[tuple[str, int, ast.Call, set[str]]]:
    """Every call of an `emit` in the package: file, line, call, and the event names in its first argument."""
    calls = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.is_relative_to(PACKAGE / "telemetry"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = getattr(getattr(node, "func", None), "attr", getattr(getattr(node, "func", None), "id", ""))
            if isinstance(node, ast.Call) and name in {"emit", "_emit"} and node.args:
                names = {part.value for part in ast.walk(node.args[0])
                         if isinstance(part, ast.Constant) and isinstance(part.value, str)}
                calls.append((path.name, node.lineno, node, names))
    return calls


def test_every_event_that_the_code_says_is_in_the_table() -> None:
    assert [(file, line, names - set(EVENTS)) for file, line, _, names in said() if names - set(EVENTS)] == []


def test_every_field_that_the_code_names_is_in_the_table() -> None:
    strange = [(file, line, word.arg) for file, line, call, _ in said() for word in call.keywords
               if word.arg is not None and word.arg not in FIELDS]
    assert strange == []


def test_the_page_of_events_is_the_one_that_the_table_gives() -> None:
    docs = PACKAGE.parent / "docs"
    script = runpy.run_path(str(docs / "generate_events.py"))
    assert (docs / "events.md").read_text("utf-8") == script["events_page"](), "run: python docs/generate_events.py"
