"""`hedgerow init` and `hedgerow completion`, as a newcomer's shell meets them."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typed import Call, typing

from bot.cli.completion import Shell
from bot.environment import OFFERS, Environment
from bot.settings import Venue, load

ROOT = Path(__file__).parents[3]


@pytest.fixture
def hedgerow(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Runs `hedgerow` in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    return typing(capsys, monkeypatch)


@pytest.mark.parametrize(
    ("venue", "environment"), [(venue, each) for venue in Venue for each in OFFERS[venue].environments])
def test_init_writes_a_private_file_that_loads_and_says_the_next_command(
    hedgerow: Call, tmp_path: Path, venue: Venue, environment: Environment,
) -> None:
    code, out, err = hedgerow("init", "--venue", venue, "--environment", environment, "my own.yaml")
    assert (code, err) == (0, "")
    file = tmp_path / "my own.yaml"
    assert load(file, {}).environment is environment
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = "demo" if environment is Environment.LOCAL else "run --dry-run"
    assert f"\n  hedgerow {first} -c 'my own.yaml'\n" in out
    assert ("mkdir -m 700 -p secrets" in out) == (environment is not Environment.LOCAL)
    assert ("opt-ins" in out) == (environment is Environment.LIVE)
    assert ("hedgerow run -c" in out) == (environment is not Environment.LIVE), "live is never one paste away"
    assert [path.name for path in tmp_path.iterdir()] == ["my own.yaml"]


def test_init_without_any_option_is_the_file_that_every_command_finds(hedgerow: Call, tmp_path: Path) -> None:
    assert hedgerow("init")[0] == 0
    assert load(tmp_path / "hedgerow.yaml", {}).environment is Environment.DEMO


@pytest.mark.parametrize("make", [lambda file: file.write_text("mine"), lambda file: file.symlink_to("nowhere")])
def test_init_overwrites_nothing(hedgerow: Call, tmp_path: Path, make: Callable[[Path], object]) -> None:
    file = tmp_path / "hedgerow.yaml"
    make(file)
    assert hedgerow("init") == (
        4, "", "hedgerow: hedgerow.yaml is there already and stays as it is. Allowed: another FILE\n")
    assert file.is_symlink() or file.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(("words", "says"), [
    (["--venue", "nyse"], "hedgerow: --venue: 'nyse' is not served. Allowed: binance"),
    (["--environment", "paper"], "Allowed: local, demo, live"),
    (["--environment", "testnet"], "Binance retired its futures testnet"),
    (["no/such/folder.yaml"], "no/such/folder.yaml cannot be written: No such file or directory"),
])
def test_init_says_what_is_allowed(hedgerow: Call, tmp_path: Path, words: list[str], says: str) -> None:
    code, out, err = hedgerow("init", *words)
    assert (code, out) == (4, "")
    assert says in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shell", Shell)
def test_completion_prints_a_script_that_asks_hedgerow(hedgerow: Call, shell: Shell) -> None:
    code, out, _ = hedgerow("completion", shell)
    assert code == 0
    assert f"_HEDGEROW_COMPLETE=complete_{shell}" in out


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(("typed", "offered"), [
    ("hedgerow sta", {"status"}), ("hedgerow testnet ", {"serve"}), ("hedgerow completion ", {"bash", "zsh", "fish"}),
    ("hedgerow run --o", {"--once"}),
])
def test_bash_completes_commands_and_options(tmp_path: Path, typed: str, offered: set[str]) -> None:
    command = tmp_path / "hedgerow"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m bot "$@"\n', encoding="utf-8")
    command.chmod(0o700)
    words = typed.split(" ")
    script = f"""
        eval "$(hedgerow completion bash)"
        COMP_WORDS=({' '.join(word or "''" for word in words)}); COMP_CWORD={len(words) - 1}
        $(complete -p hedgerow | sed 's/.*-F \\([^ ]*\\) .*/\\1/') hedgerow
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)},
    )
    assert set(done.stdout.split()) == offered, done.stderr
