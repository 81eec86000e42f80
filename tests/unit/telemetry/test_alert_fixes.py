"""docs/operations.md leads from each kind of alert to its fix."""

from __future__ import annotations

import re
from pathlib import Path

from bot.telemetry.alert_kinds import KINDS

PAGE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")


def sections() -> dict[str, str]:
    """Below "Alerts", by their titles."""
    alerts = re.search(r"^## Alerts$(.*?)(?=^## )", PAGE, re.DOTALL | re.MULTILINE)
    assert alerts is not None
    title, *rest = re.split(r"^### (.*)$", alerts[1], flags=re.MULTILINE)
    assert title
    return dict(zip(rest[::2], rest[1::2], strict=True))


def test_every_kind_of_alert_has_its_section_and_no_section_is_of_none() -> None:
    assert set(sections()) == {kind.title for kind in KINDS.values()}


def test_every_section_has_a_command_that_is_run_against_the_testnet() -> None:
    for title, text in sections().items():
        assert re.search(r"^```sh\nhedgerow ", text, re.MULTILINE), title


def test_an_alert_names_the_anchor_of_its_section() -> None:
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in sections()}
    assert {kind.fix.partition("#")[2] for kind in KINDS.values()} == anchors
