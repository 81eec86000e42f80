import os
import sys
from pathlib import Path
from typing import Any

import pytest

from bot import app
from bot.cli.main import main
from bot.settings import Settings

CONFIG = """\
venue: binance
environment: live
assets: {BTC: {target: "80%"}}
cash: {USDT: "20%"}
margin: {on_margin: close}
"""


def call(monkeypatch: pytest.MonkeyPatch, folder: Path, *words: str) -> int:
    """Runs `hedgerow` with a configuration for real money; the exit code."""
    for name in [name for name in os.environ if name.upper().startswith("HEDGEROW_")]:
        monkeypatch.delenv(name)
    config = folder / "mine.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["hedgerow", *words, "-c", str(config)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the daemon was started with."""
    found: list[dict[str, Any]] = []

    async def run_daemon(_settings: Settings, **options: Any) -> int:
        found.append(options)
        return 0

    monkeypatch.setattr(app, "run_daemon", run_daemon)
    return found


def test_a_dry_run_on_live_prices_needs_none_of_the_opt_ins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: list[dict[str, Any]],
) -> None:
    assert call(monkeypatch, tmp_path, "run", "--dry-run", "--once") == 0
    assert [(options["dry_run"], options["once"]) for options in asked] == [(True, True)]
    assert call(monkeypatch, tmp_path, "run") == 4
    assert len(asked) == 1, "without --dry-run the opt-ins are asked for"


@pytest.mark.parametrize("words", [["--live"], ["--account", "7"]])
def test_dry_and_live_contradict_each_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str],
    words: list[str],
) -> None:
    assert call(monkeypatch, tmp_path, "run", "--dry-run", *words) == 2
    assert asked == []
    assert "--dry-run" in capsys.readouterr().err


def test_a_dry_run_without_key_and_balances_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(monkeypatch, tmp_path, "run", "--dry-run", "--once") == 4
    assert "set starting_balances, and no key is needed" in capsys.readouterr().err
