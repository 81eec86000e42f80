"""Writes docs/faults.md: every fault that must be survived, and the tests that inject it, as their marks say."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from fault_catalogue import SECTIONS  # noqa: E402 -- the tests are no package
from fault_protections import PROTECTIONS  # noqa: E402 -- the same

HEAD = """# Faults

What can go wrong, what must be true afterwards, and the tests that make it go wrong. This page is written from the
tests themselves (`make docs`); all of them run in `make test`.

After **every** one of them these promises are checked (`tests/support/invariants.py`):

- after an increase, the short is at most the excess at that decision;
- we are never net long through us, and no hedge sells more coins than it was short;
- at most one intent a symbol is unresolved;
- every order at the venue that carries our prefix maps to exactly one intent;
- the venue's executions of our orders are the journal's, each once;
- no secret is in the journal, the log or an export.

Beside these tests, `make simulate` plays thousands of seeded runs in which faults, kills and meddling come together
([simulation.md](simulation.md)).
"""

PROOF = """
## Tests that can fail

A test that cannot fail proves nothing. For these faults the protection is taken out of the code, one at a time, and the
test is seen to fail (`tests/faults/test_protections.py`):

| # | what is taken out | where |
|---|---|---|
"""


class Test(NamedTuple):
    """One test function."""

    path: Path
    name: str


def marked(tests: Path) -> dict[int, list[Test]]:
    """The tests by the numbers of the faults that they, or the parameters that they are given, are marked with."""
    found: dict[int, list[Test]] = defaultdict(list)
    for path in sorted(tests.rglob("test_*.py")):
        if "mark.fault(" not in (text := path.read_text()):
            continue
        module = ast.parse(text)
        tables = {name.id: set(_numbers(node.value)) for node in module.body if isinstance(node, ast.Assign)
                  for name in node.targets if isinstance(name, ast.Name)}
        for test in module.body:
            if not isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef) or not test.name.startswith("test_"):
                continue
            numbers = {number for decorator in test.decorator_list for number in _numbers(decorator)}
            named = (one.id for decorator in test.decorator_list for one in ast.walk(decorator)
                     if isinstance(one, ast.Name))
            for number in numbers.union(*(tables.get(name, ()) for name in named)):
                found[number].append(Test(path.relative_to(ROOT), test.name))
    return found


def _numbers(node: ast.AST) -> Iterator[int]:
    for call in (one for one in ast.walk(node) if isinstance(one, ast.Call)):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "fault":
            yield from (one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, int))


def page(tests: dict[int, list[Test]]) -> str:
    """The page's text."""
    parts = [HEAD]
    for section in SECTIONS:
        parts.append(f"\n## {section.name}\n\n| # | fault | afterwards | tests |\n|---|---|---|---|\n")
        for number, fault in section.faults.items():
            names = "<br>".join(f"[{_words(test.name)}](../{test.path})" for test in tests.get(number, []))
            parts.append(f"| {number} | {fault.what} | {fault.expected} | {names} |\n")
    parts.append(PROOF)
    parts += [f"| {one.fault} | {one.what} | `{one.path}` |\n" for one in PROTECTIONS]
    return "".join(parts)


def _words(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


if __name__ == "__main__":
    (ROOT / "docs" / "faults.md").write_text(page(marked(ROOT / "tests")))
