"""SECURITY.md: what it names is there, and a reader of the README finds it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"tests/[\w/]+\.py", PAGE))
    assert len(named) > 12
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_the_page_is_linked_from_the_readme_and_its_own_links_lead_somewhere() -> None:
    assert "(SECURITY.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([\w/.-]+)(?:#[\w-]+)?\)", PAGE)
    assert [link for link in links if not (ROOT / link).is_file()] == []
