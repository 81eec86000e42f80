"""The tables of reasons and guards say all that the code can say, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import bot.core
from bot.core.ending import BY_AGE, BY_CARRY, BY_USER
from bot.core.reasons import GUARDS, REASONS
from bot.core.rule import BY_COMMAND, BY_PANIC
from bot.core.triggers import ACTIONS

ELSEWHERE = {"reasons.py", "advice.py", "tax.py"}
"""The tables themselves; advice and its tax have reasons of their own."""
SOURCES = {path.name: path.read_text() for path in Path(bot.core.__path__[0]).glob("*.py")
           if path.name not in ELSEWHERE}


def said_by(pattern: str) -> set[str]:
    return {code for text in SOURCES.values() for code in re.findall(pattern, text)}


def test_every_reason_in_the_code_has_a_meaning_and_every_meaning_a_reason() -> None:
    codes = said_by(r'(?:Reason|say|_invalid)\(\s*"([a-z_]+)"') | {
        BY_COMMAND, BY_PANIC, BY_USER, BY_AGE, BY_CARRY, "disarmed", "opening_refused"}
    # The rule's own are keys of a table in `triggers`.
    codes |= ACTIONS.keys()
    # The caps' codes are keys of a table in `margin`.
    codes |= said_by(r'"(capped_by_[a-z]+)"')
    # The ladder's are values of a table in `protect`.
    codes |= said_by(r'Rung\.[A-Z_]+: "(margin_[a-z_]+)"')
    assert codes == REASONS.keys()


def test_every_guard_in_the_code_has_a_meaning_that_names_its_scope() -> None:
    data, opening = said_by(r'\bheld\(\s*"([a-z_]+)"'), said_by(r'\brefused\(\s*"([a-z_]+)"')
    assert data | opening == GUARDS.keys()
    assert {guard for guard, meaning in GUARDS.items() if meaning.startswith("data: ")} == data
    assert {guard for guard, meaning in GUARDS.items() if meaning.startswith("opening: ")} == opening
