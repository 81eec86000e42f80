"""The commands as a user types them, against a testnet of their own: answers, exit codes, one line for each error."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from play import ROOT, get, post, serving, write_config

from bot.errors import JournalError
from bot.journal.reader import read_episodes

STORY = "scenario: bull\n  days: 10\n  seed: 7"


def hedgerow(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *words], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, **environment},
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A bot that ran until a hedge was open, and the testnet on which it ran."""
    config = write_config(tmp_path_factory.mktemp("played"), "played", story=STORY, poll="1h")
    with serving(config) as url:
        done = hedgerow("run", "-c", str(config), HEDGEROW_TESTNET__URL=url)
        assert done.returncode == 0, done.stderr
        yield config, url


def test_status_and_plan_answer_beside_a_bot_and_health_tells_that_none_runs_any_more(played: tuple[Path, str]) -> None:
    config, url = played
    status = hedgerow("status", "-c", str(config), "--json")
    assert status.returncode == 0, status.stderr
    assert json.loads(status.stdout)["open_episodes"]
    plan = hedgerow("plan", "-c", str(config), "--json", HEDGEROW_TESTNET__URL=url)
    assert plan.returncode == 0, plan.stderr
    assert {asset["asset"] for asset in json.loads(plan.stdout)["decision"]["assets"]} == {"BTC", "ETH"}
    health = hedgerow("health", "-c", str(config), "--max-age", "1ms")
    assert health.returncode == 3
    for command in ("status", "plan"):
        shown = hedgerow(command, "-c", str(config), COLUMNS="80", HEDGEROW_TESTNET__URL=url).stdout
        assert shown
        assert max(map(len, shown.splitlines())) <= 80
        assert "…" not in shown, "nothing is cut"


def test_a_coin_whose_hedge_is_open_cannot_be_removed_from_the_configuration(
    played: tuple[Path, str], tmp_path: Path,
) -> None:
    config, url = played
    hedged = next(episode.asset for episode in read_episodes(config.with_suffix(".db")) if episode.short)
    other = {"BTC": "ETH", "ETH": "BTC"}[hedged]
    text = config.read_text().replace(f"  {hedged}: {{target:", "  #").replace('USDT: "20%"', 'USDT: "50%"', 1)
    text = text.replace('target: "50%"', 'target: "50%"').replace('{target: "30%"', '{target: "50%"')
    changed = tmp_path / "played.yaml"
    changed.write_text(text.split("story:")[0])
    shutil.copy(config.with_suffix(".db"), changed.with_suffix(".db"))
    done = hedgerow("run", "-c", str(changed), "--once", HEDGEROW_TESTNET__URL=url)
    assert done.returncode == 4, done.stderr
    message = one_line(done)
    assert hedged in message
    assert f"hedgerow close {hedged}" in message, "it says the way out"
    assert other in text


def test_a_contract_that_is_no_multiple_of_the_venues_step_is_refused_with_its_line(
    played: tuple[Path, str], tmp_path: Path,
) -> None:
    _, url = played
    config = write_config(tmp_path, "odd", story=STORY)
    config.write_text(config.read_text().replace('contract: "0.001"', 'contract: "0.0015"'))
    done = hedgerow("run", "-c", str(config), "--once", HEDGEROW_TESTNET__URL=url)
    assert done.returncode == 4
    line = next(n for n, text in enumerate(config.read_text().splitlines(), 1) if "0.0015" in text)
    assert f"odd.yaml:{line}: assets.BTC.contract" in one_line(done)
    assert "0.001" in done.stderr


def test_without_keys_the_demo_environment_says_in_one_line_which_and_how() -> None:
    done = hedgerow("run", "-c", "config/binance-demo.yaml", "--once", HEDGEROW_JOURNAL="/nonexistent/never.db")
    assert done.returncode == 4
    for word in ("api_key", "api_secret", "HEDGEROW_API_KEY", "HEDGEROW_API_SECRET"):
        assert word in one_line(done)


@pytest.mark.skipif(shutil.which("unshare") is None or os.geteuid() != 0, reason="needs root to take the network away")
def test_with_keys_and_no_network_it_says_what_could_not_be_reached(tmp_path: Path) -> None:
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-m", "bot", "run", "-c", "config/binance-demo.yaml", "--once"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "HEDGEROW_API_KEY": "planted-key", "HEDGEROW_API_SECRET": "planted-secret",
             "HEDGEROW_JOURNAL": str(tmp_path / "none.db"), "HEDGEROW_LOG__FILE": str(tmp_path / "none.log")},
    )
    assert done.returncode == 5
    assert "binance.com could not be reached" in one_line(done)
    assert "planted" not in done.stdout + done.stderr


def test_a_testnet_that_is_not_there_is_one_clear_message_and_exit_5_with_once(tmp_path: Path) -> None:
    config = write_config(tmp_path, "alone", story=STORY)
    done = hedgerow("run", "-c", str(config), "--once", HEDGEROW_TESTNET__URL="http://127.0.0.1:9")
    assert done.returncode == 5
    assert "127.0.0.1:9" in one_line(done)
    assert "hedgerow testnet serve" in one_line(done)


def test_a_request_counts_as_lost_after_the_configured_timeout_and_not_before(tmp_path: Path) -> None:
    config = write_config(tmp_path, "slow", story=STORY)
    with serving(config) as url:
        slow = {"endpoint": "GET /fapi/v3/account", "kind": "delay", "milliseconds": 700, "count": None}
        post(url, "/testnet/fault", slow)
        patient = hedgerow("run", "-c", str(config), "--once", HEDGEROW_TESTNET__URL=url)
        assert patient.returncode == 0, patient.stderr
        hasty = hedgerow(
            "run", "-c", str(config), "--once", HEDGEROW_TESTNET__URL=url, HEDGEROW_TESTNET__TIMEOUT="200ms",
        )
        assert hasty.returncode == 5
        assert "account" in one_line(hasty)


def test_a_daemon_waits_for_its_testnet_and_stops_on_sigterm(tmp_path: Path) -> None:
    config = write_config(tmp_path, "waiting", story=STORY, poll="1h")
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "run", "-c", str(config)], cwd=ROOT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, "HEDGEROW_TESTNET__URL": "http://127.0.0.1:9"},
    ) as process:
        assert process.stdout is not None
        assert "trying again" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_close_is_obeyed_by_a_running_bot_and_survives_in_the_journal(tmp_path: Path) -> None:
    config = write_config(tmp_path, "closing", story="scenario: demo\n  days: 30\n  seed: 7", poll="1h")
    with serving(config) as url, subprocess.Popen(
        [sys.executable, "-m", "bot", "run", "-c", str(config)], cwd=ROOT, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env={**os.environ, "HEDGEROW_TESTNET__URL": url},
    ) as process:
        journal = config.with_suffix(".db")
        wait_for(lambda: hedged(journal))
        assert hedgerow("health", "-c", str(config)).returncode == 0
        done = hedgerow("close", "BTC", "-c", str(config))
        assert done.returncode == 0, done.stderr
        assert "BTC" in done.stdout
        wait_for(lambda: not any(e.short for e in read_episodes(journal) if e.asset == "BTC"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        bought = [fill for fill in get(url, "/testnet/state")["fills"] if fill["side"] == "buy"]
        assert bought


def hedged(journal: Path) -> bool:
    """Whether the bot has opened a hedge; a journal that is only being made is none yet."""
    try:
        return any(episode.short for episode in read_episodes(journal))
    except JournalError:
        return False


def wait_for(condition: object, seconds: float = 60) -> None:
    assert callable(condition)
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come to that"
        time.sleep(0.05)
