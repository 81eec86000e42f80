import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from bot.cli.main import CLI
from bot.testnet.market.regimes import SCENARIOS

COMMANDS = [
    [], ["run"], ["plan"], ["advise"], ["status"], ["health"], ["close"], ["finalize"], ["pause"], ["resume"],
    ["panic"], ["accept"], ["rearm"], ["adopt"], ["ignore"], ["resolve"], ["demo"], ["doctor"],
    ["init"], ["report"], ["export"], ["completion"], ["version"], ["testnet"], ["testnet", "serve"], ["data", "fetch"],
    ["replay"], ["sweep"], ["tune"], ["data"], ["data", "check"],
]
HEAVY = ("ccxt", "sqlalchemy", "aiohttp", "alembic", "matplotlib", "jinja2", "rich", "yaml", "bot.app", "bot.settings")


def help_of(words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    assert typer.main.get_command(CLI).main([*words, "--help"], prog_name="hedgerow", standalone_mode=False) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "hedgerow")
def test_help_fits_80_columns_with_nothing_cut(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = help_of(words, capsys, monkeypatch)
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert re.search(r"\w\.\.\.", text.replace("COMMAND [ARGS]...", "")) is None


@pytest.mark.parametrize(
    "words", [words for words in COMMANDS if words not in ([], ["version"], ["testnet"], ["data"])], ids=" ".join)
def test_every_command_shows_an_example(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = help_of(words, capsys, monkeypatch)
    assert "Example" in text
    assert f"  hedgerow {' '.join(words)}" in text


def test_the_scenarios_that_help_names_are_those_that_there_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = " ".join(help_of(["testnet", "serve"], capsys, monkeypatch).split())
    assert f"A made-up market: {', '.join(SCENARIOS)}." in text


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["testnet", "serve", "--help"], ["version"]],
                         ids=" ".join)
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "bot", *words], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[3],
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "bot.cli.main" in imported
    assert sorted(imported & set(HEAVY)) == []
