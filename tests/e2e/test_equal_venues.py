"""Two venues with equal steps, minimums, fees and funding: the bot must do the same on both."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from play import ROOT


def told(folder: Path, venue: str) -> list[str]:
    """What the demo prints of its story told in 9 days, in which a hedge is opened, resized and closed again."""
    text = (ROOT / "config" / "demo.yaml").read_text()
    changes = {"venue: binance": f"venue: {venue}", "../var/": f"{folder}/", "days: 35": "days: 9",
               'futures_share: "50%"': 'futures_share: "100%"\n  specs: equal'}
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    config = folder / f"{venue}.yaml"
    config.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "bot", "demo", "-c", str(config)], cwd=ROOT, capture_output=True, text=True,
        timeout=240, check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line for line in (done.stderr + done.stdout).splitlines() if "daemon.started" not in line]


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    folder = tmp_path_factory.mktemp("venues")
    return {venue: told(folder, venue) for venue in ("binance", "bybit")}


def test_decisions_orders_fills_and_the_closing_account_are_the_same_on_both_venues(
    stories: dict[str, list[str]],
) -> None:
    assert stories["bybit"] == stories["binance"]
    text = "\n".join(stories["bybit"])
    for event in ("hedge.opened", "hedge.resized", "hedge.closed", "order.filled"):
        assert re.search(rf"{event} BTC", text), event
