"""The pictures of docs/concepts.md show what the core computes today."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest
from doc_scripts import doc_script

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    return doc_script("draw_concepts")


def test_the_pictures_are_what_the_script_draws(
    drawing: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drawing, "PICTURES", tmp_path)
    drawing.main()
    for picture in ("rule", "hedge", "margin"):
        drawn, kept = ((folder / f"{picture}.svg").read_text() for folder in (tmp_path, DOCS / "pictures"))
        assert drawn == kept, f"{picture}.svg is out of date: make docs"


def test_the_page_tells_the_story_of_the_pictures(drawing: ModuleType) -> None:
    page = " ".join((DOCS / "concepts.md").read_text().split())
    looks = list(drawing.lived())
    decided = [(look, look.decision.of("BTC")) for look in looks]
    opened, closed = (next(look.day for look, one in decided if one.action == action) for action in ("open", "close"))
    assert f"On day {opened:.0f} it passes 5pp" in page
    assert f"closed on day {closed:.0f} at 1pp" in page
    early = max(one.measure.drift for look, one in decided if look.day < 9)
    assert Decimal("0.035") < early < Decimal("0.04"), "almost 4pp"
    net = [one.measure.net_weight for _, one in decided if one.short]
    assert max(abs(weight - Decimal("0.5")) for weight in net) < Decimal("0.02"), "about a point, an increase apart"
    now, risen = drawing.runways(Decimal(10_000), [Decimal(0), Decimal("0.2")])
    assert f"{now:.2%}" in page
    assert re.search(rf"both coins 20% higher leave {risen:.0%} of it", page)


def test_no_picture_is_without_words_for_who_cannot_see_it() -> None:
    pages = "\n".join(page.read_text() for page in (DOCS.parent / "README.md", *sorted(DOCS.glob("*.md"))))
    for picture in (DOCS / "pictures").glob("*.svg"):
        shown = re.findall(rf"!\[([^\]]*)\]\((?:docs/)?pictures/{re.escape(picture.name)}\)", pages)
        assert shown, f"{picture.name} is shown nowhere"
        assert all(len(words) >= 15 for words in shown), picture.name
