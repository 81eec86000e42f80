"""Alerts of real processes: the daemon's, health's, and the test message; to a real service on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from alert_service import TOKEN, AlertService
from play import ROOT, serving, write_config


@pytest.fixture
def service() -> Iterator[AlertService]:
    with AlertService().serving() as one:
        yield one


def hedgerow(*words: str, url: str, code: int = 0, more: Mapping[str, str] | None = None) -> str:
    """Run a command; what it said, on both streams."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", *words], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "HEDGEROW_ALERT_URLS": url, **(more or {})},
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert TOKEN not in done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_daemon_sends_its_day_and_the_supervisor_its_death_once(tmp_path: Path, service: AlertService) -> None:
    config = write_config(tmp_path, "mine", story="scenario: sideways\n  days: 3\n  seed: 7", poll="1h")
    with serving(config) as url:
        hedgerow("run", "-c", str(config), url=service.url, more={"HEDGEROW_TESTNET__URL": url})
    days = [one for one in service.taken if one["title"].endswith("Daily summary")]
    assert len(days) >= 1
    assert "NAV" in days[0]["message"]
    assert "fees" in days[0]["message"]
    assert TOKEN not in config.with_suffix(".log").read_text()

    service.taken.clear()
    stale = ("health", "-c", str(config), "--max-age", "1ms", "--alert")
    for _ in range(2):
        hedgerow(*stale, url=service.url, code=3)
    assert service.titles() == ["hedgerow binance local: Stale heartbeat"]
    hedgerow("health", "-c", str(config), "--max-age", "1h", "--alert", url=service.url)
    assert service.titles()[1:] == ["hedgerow binance local: Stale heartbeat, mended"]


def test_a_dead_service_changes_nothing_of_the_story_but_a_line_in_its_log(
    tmp_path: Path, service: AlertService,
) -> None:
    service.status = 500
    config = write_config(tmp_path, "mine", story="scenario: demo\n  days: 7\n  seed: 7", poll="1h")
    with serving(config, "--weights", "BTC=60%,ETH=25%,USDT=15%") as url:
        hedgerow("run", "-c", str(config), url=service.url,
                 more={"HEDGEROW_TESTNET__URL": url, "HEDGEROW_ALERTS__TIMEOUT": "1s"})
    log = config.with_suffix(".log").read_text()
    assert "hedge.opened" in log
    assert log.count('"alert.failed"') == 1
    assert TOKEN not in log


def test_one_message_tries_every_address(tmp_path: Path, service: AlertService) -> None:
    config = write_config(tmp_path, "mine", story="scenario: calm")
    said = hedgerow("alerts", "test", "-c", str(config), url=f"{service.url}\njson://127.0.0.1:9/{TOKEN}", code=5)
    assert said.splitlines()[:2] == ["1. json: taken", "2. json: not taken"]
    assert service.titles() == ["hedgerow binance local: test"]
    hedgerow("alerts", "test", "-c", str(config), url="", code=4)


@pytest.mark.fault(86)
def test_addresses_that_others_can_read_are_refused(tmp_path: Path, service: AlertService) -> None:
    config = write_config(tmp_path, "mine", story="scenario: calm")
    file = tmp_path / "alert_urls"
    file.write_text(f"# where I read\n{service.url}\n")
    file.chmod(0o644)
    environment = {name: text for name, text in os.environ.items() if name != "HEDGEROW_ALERT_URLS"}
    command = [sys.executable, "-m", "bot", "alerts", "test", "-c", str(config)]
    for mode, code in ((0o644, 4), (0o600, 0)):
        file.chmod(mode)
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
                              env={**environment, "HEDGEROW_SECRETS_DIR": str(tmp_path)})
        assert done.returncode == code, done.stderr
    assert service.titles() == ["hedgerow binance local: test"]
