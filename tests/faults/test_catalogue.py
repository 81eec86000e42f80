"""The catalogue of faults against the tests that inject them, and the page that shows both."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from doc_scripts import doc_script
from fault_catalogue import FAULTS
from fault_protections import PROTECTIONS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """docs/generate_faults.py, which is no package's module."""
    return doc_script("generate_faults")


def test_every_fault_is_injected_by_a_test(generator: ModuleType) -> None:
    injected = generator.marked(ROOT / "tests")
    assert sorted(FAULTS.keys() - injected.keys()) == []
    assert sorted(injected.keys() - FAULTS.keys()) == []


def test_the_page_shows_the_tests_as_they_are(generator: ModuleType) -> None:
    page = generator.page(generator.marked(ROOT / "tests"))
    assert (ROOT / "docs" / "faults.md").read_text() == page, "`make docs` writes it anew"


def test_at_least_ten_protections_across_the_sections_are_taken_out_to_see_their_tests_fail() -> None:
    assert len(PROTECTIONS) >= 10
    assert all(one.fault in FAULTS for one in PROTECTIONS)
