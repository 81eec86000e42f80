"""`hedgerow journal` as users meet it: its own process, a real file, a bot beside it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from lived_journal import Lived, opened

ROOT = Path(__file__).resolve().parents[3]
CONFIG = """\
venue: binance
environment: local
assets: {BTC: {target: "50%"}, ETH: {target: "30%"}}
cash: {USDT: "20%"}
margin: {on_margin: close}
journal: mine.db
"""


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return Lived(tmp_path_factory.mktemp("lived"), days=6).content


@pytest.fixture
def folder(tmp_path: Path, content: bytes) -> Path:
    (tmp_path / "hedgerow.yaml").write_text(CONFIG)
    (tmp_path / "mine.db").write_bytes(content)
    return tmp_path


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("HEDGEROW_")}
    return subprocess.run(
        [sys.executable, "-m", "bot", "journal", *words], cwd=folder, capture_output=True, text=True, timeout=60,
        check=False, env={**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "80"},
    )


def test_check_says_that_it_agrees_and_exits_with_0(folder: Path) -> None:
    told = call(folder, "check")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "The journal agrees with itself." in told.stdout
    assert max(len(line) for line in told.stdout.splitlines()) <= 80
    assert told.stderr == ""


def test_check_exits_with_7_and_names_what_is_wrong(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "mine.db")) as connection:
        connection.execute("UPDATE episodes SET fees = '99'")
        connection.commit()
    told = call(folder, "check", "--json", "--decisions", "2")
    assert told.returncode == 7
    assert "does not agree with itself" in told.stderr
    report = json.loads(told.stdout)
    assert report["ok"] is False
    assert [one["name"] for one in report["checks"] if not one["ok"]] == ["episodes"]
    assert next(one["examined"] for one in report["checks"] if one["name"] == "decisions") == 2


def test_a_copy_is_made_beside_a_bot_once_and_can_be_checked(folder: Path) -> None:
    told = call(folder, "backup", "copy.db")
    assert told.returncode == 0, told.stderr
    assert call(folder, "check", "copy.db", "--decisions", "0").returncode == 0
    again = call(folder, "backup", "copy.db")
    assert again.returncode == 2
    assert "never overwrites" in " ".join(again.stderr.split())


async def test_prune_is_refused_beside_a_bot_and_says_who_holds_it(folder: Path) -> None:
    journal = await opened(folder / "mine.db")
    try:
        told, dry = call(folder, "prune"), call(folder, "prune", "--older-than", "1d", "--dry-run")
    finally:
        await journal.close()
    assert told.returncode == 1
    assert f"held by process {os.getpid()}" in told.stderr
    assert dry.returncode == 0
    assert dry.stdout.startswith("would go: ")


def test_prune_says_what_went_and_leaves_a_journal_that_agrees(folder: Path) -> None:
    told = call(folder, "prune", "--older-than", "1d")
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("gone: ")
    assert call(folder, "check").returncode == 0
    nothing = json.loads(call(folder, "prune", "--older-than", "1d", "--json").stdout)
    assert nothing["decisions"] == 0


def test_bad_words_are_usage_errors_and_a_missing_journal_is_not_running(folder: Path) -> None:
    assert call(folder, "prune", "--older-than", "soon").returncode == 2
    assert call(folder, "check", "--decisions", "-1").returncode == 2
    (folder / "mine.db").unlink()
    for words in (("check",), ("backup", "copy.db"), ("prune",)):
        told = call(folder, *words)
        assert told.returncode == 3, words
        assert "no bot has run" in told.stderr


def test_rebuild_without_a_venue_leaves_no_file(folder: Path) -> None:
    told = call(folder, "rebuild", "new.db")
    assert told.returncode == 5, told.stderr
    assert not (folder / "new.db").exists()


def test_only_a_rebuilt_journal_can_be_confirmed(folder: Path) -> None:
    told = call(folder, "confirm", "mine.db")
    assert told.returncode == 1
    assert "was not rebuilt" in told.stderr
