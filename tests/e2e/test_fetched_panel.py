"""`hedgerow data fetch` as a user types it, from a testnet in another process, over real sockets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from play import ROOT, post
from play import testnet as serving
from typer.testing import CliRunner

from bot.cli.main import CLI
from bot.core.times import DAY, HOUR, iso
from bot.testnet.market.scenarios import STORY_START, scenario_rows

STORY = ("--scenario", "demo", "--days", "4", "--seed", "3")
FIRST, UNTIL = STORY_START + HOUR, STORY_START + 3 * DAY
ROUNDED = {"binance": Decimal("0.01"), "bybit": Decimal("0.05")}
"""By how much a mark in a bar may differ from the mark itself: Bybit's bars have whole ticks of 0.1."""
INTERRUPTIBLE = ("import runpy, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
                 "sys.argv[0] = 'hedgerow'; runpy.run_module('bot', run_name='__main__', alter_sys=True)")
"""Whatever started these tests may have its children ignore interrupts."""


def command(url: str, venue: str, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-c", INTERRUPTIBLE, "data", "fetch", "--venue", venue, "--assets", "BTC,ETH", "--from",
            iso(FIRST), "--to", iso(UNTIL), "--out", str(out), "--url", url, *more]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)


@pytest.mark.parametrize("venue", ["binance", "bybit"])
def test_the_storys_own_prices_come_back_as_a_panel_that_replays(venue: str, tmp_path: Path) -> None:
    out = tmp_path / "panel.csv.gz"
    with serving("--venue", venue, *STORY) as url:
        ahead = run(*command(url, venue, out))
        assert (ahead.returncode, "lies ahead" in ahead.stderr) == (4, True)
        post(url, "/testnet/advance", {"lease": "test", "until": UNTIL + HOUR})
        done = run(*command(url, venue, out, "--json"))
        assert (done.returncode, done.stderr) == (0, ""), "no bar where there is no terminal"
        before = out.read_bytes()
        again = run(*command(url, venue, out))
        assert (again.returncode, "0 of 8 pieces downloaded" in again.stdout) == (0, True)
        assert out.read_bytes() == before
    told = json.loads(done.stdout)
    assert (told["rows"], told["stale_rows"], told["gaps"], told["downloaded"]) == ((UNTIL - FIRST) // HOUR, 0, [], 8)
    story = scenario_rows("demo", days=4, seed=3)
    from bot.lab.panel import Panel  # noqa: PLC0415 -- what replay reads the file with

    for number, row in enumerate(Panel(out).rows(FIRST, UNTIL, ("BTC", "ETH")), 1):
        assert row.at == STORY_START + number * HOUR
        for asset, track in story.tracks.items():
            mark, spot = row.quotes[asset].mark, row.quotes[asset].spot_bid
            assert mark is not None
            assert spot is not None
            assert abs(mark - Decimal(str(track.mark[number]))) <= ROUNDED[venue]
            assert abs(spot / Decimal(str(track.spot[number])) - 1) < Decimal("0.0005")
            assert row.settled.get(asset) == (track.funding[row.at].normalize() if row.at in track.funding else None)
    replayed = run(sys.executable, "-m", "bot", "replay", str(out), "--bare", "--fill", "immediate", "--json")
    assert json.loads(replayed.stdout)["rows"] == told["rows"]


def test_an_interrupt_keeps_what_is_there_and_the_same_command_goes_on(tmp_path: Path) -> None:
    out, whole = tmp_path / "panel.csv", tmp_path / "whole.csv"
    with serving(*STORY) as url:
        post(url, "/testnet/advance", {"lease": "test", "until": UNTIL + HOUR})
        words = command(url, "binance", out, "--interval", "5m")
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        ends = time.monotonic() + 60
        parts = tmp_path / "panel.csv.parts"
        while not list(parts.glob("*.csv")) and process.poll() is None:
            assert time.monotonic() < ends
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGINT)
        said, errors = process.communicate(timeout=30)
        assert (process.returncode, said, "the same command goes on" in errors) == (0, "", True), errors
        assert not out.exists()
        kept = len(list(parts.glob("*.csv")))
        assert 0 < kept < 8
        done = run(*words)
        assert (done.returncode, f"{8 - kept} of 8 pieces downloaded" in done.stdout) == (0, True), done.stderr
        assert run(*command(url, "binance", whole, "--interval", "5m")).returncode == 0
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(("change", "said"), [
    (("--venue", "mexc"), "--venue"), (("--interval", "1d"), "--interval"), (("--assets", "BTC,BTC"), "twice"),
    (("--assets", "BTC,USDT"), "priced in"), (("--from", "yesterday"), "is no date"),
    (("--to", "2020-01-01"), "--from must be before"), (("--from", "2020-01-01T00:30:00Z"), "multiples of 1h"),
    (("--out", "/nowhere/panel.csv"), "no folder"), (("--out", "panel.txt"), "NAME.csv.gz"),
])
def test_what_cannot_be_meant_is_refused_with_what_can(change: tuple[str, ...], said: str, tmp_path: Path) -> None:
    words = command("http://127.0.0.1:9", "binance", tmp_path / "panel.csv")[3:]
    done = CliRunner().invoke(CLI, [*words, *change])
    assert (done.exit_code, said in " ".join(done.output.split())) == (2, True), done.output


@pytest.mark.parametrize(("url", "code", "said"), [
    ("http://192.0.2.1:80", 4, "not on this machine"), ("http://127.0.0.1:9", 5, "no testnet"),
])
def test_what_cannot_be_is_said_with_its_exit_code(url: str, code: int, said: str, tmp_path: Path) -> None:
    done = run(*command(url, "binance", tmp_path / "panel.csv"))
    assert (done.returncode, said in " ".join(done.stderr.split())) == (code, True), done.stderr
    assert list(tmp_path.iterdir()) == []
