"""One story on both venues: with equal specifications nothing differs, and docs/venues.md says what does otherwise."""

from __future__ import annotations

import importlib

import pytest
from play import ROOT

DOCS = ROOT / "docs"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))


def test_with_equal_specifications_both_venues_decide_and_fill_alike_and_the_page_says_what_differs_otherwise() -> None:
    compare = importlib.import_module("compare_venues")
    generate = importlib.import_module("generate_venues")
    first, second = compare.play_both(generate.STORY, specs="equal", environ=generate.ALIKE)
    assert len(first.fills) > 10
    alike = compare.differences(first, second)
    assert [one.what for one in alike if one.different] == []
    own = compare.differences(*compare.play_both(generate.STORY, specs="venue"))
    page = generate.page(compare.table(alike), compare.table(own))
    assert (DOCS / "venues.md").read_text(encoding="utf-8") == page, "run `make docs`"


def test_a_difference_is_found_and_named() -> None:
    compare = importlib.import_module("compare_venues")
    fill = {"at": 1, "quantity": "0.1", "price": "50000", "fee": "1"}
    one = compare.Played({}, [fill], [], {"BTC": "1"})
    other = compare.Played({}, [{**fill, "price": "50000.1"}, fill], [{"at": 1, "symbol": "x", "amount": "1"}],
                           {"BTC": "1.00"})
    found = {each.what: each.different for each in compare.differences(one, other) if each.different}
    assert found == {"fills: instant": 1, "fills: quantity": 1, "fills: price": 2, "fills: fee": 1,
                     "funding payments": 1}
