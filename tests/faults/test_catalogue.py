"""The catalogue of faults against the tests that inject them, and the page that shows both."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from fault_catalogue import FAULTS
from fault_protections import PROTECTIONS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """docs/generate_faults.py, which is no package's module."""
    spec = importlib.util.spec_from_file_location("generate_faults", ROOT / "docs" / "generate_faults.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


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
