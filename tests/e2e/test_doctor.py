"""`hedgerow doctor` against testnets that are broken on purpose: it names what is wrong and the way out.

Each test has a testnet of its own in a thread, asked over HTTP.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from play import get, post, write_config
from typer.testing import CliRunner

from bot.cli.main import CLI
from bot.testnet.options import TestnetOptions
from bot.testnet.server import running

BINANCE, BYBIT = "binance", "bybit"
STORY = "scenario: calm\n  days: 2\n  seed: 7"


@contextmanager
def serving_in_thread(venue: str) -> Iterator[str]:
    """A testnet in a thread of its own; gives its URL."""
    ready: list[str] = []
    loop, up = asyncio.new_event_loop(), threading.Event()
    over = asyncio.Event()

    async def serve() -> None:
        async with running(TestnetOptions(venue=venue, scenario="calm", days=2, seed=7)) as url:
            ready.append(url)
            up.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert up.wait(20)
    try:
        yield ready[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(20)
        loop.close()


@dataclass
class Patient:
    """A configuration and the testnet that it means."""

    config: Path
    url: str

    def run(self, *words: str) -> Any:
        return CliRunner().invoke(
            CLI, [words[0], "-c", str(self.config), *words[1:]],
            env={"HEDGEROW_TESTNET__URL": self.url, "COLUMNS": "100"}, catch_exceptions=True,
        )

    def examined(self) -> tuple[int, list[dict[str, Any]]]:
        """Exit code and findings."""
        done = self.run("doctor", "--json")
        return done.exit_code, json.loads(done.stdout)["findings"]

    def break_it(self, **setup: object) -> None:
        post(self.url, "/testnet/setup", setup)


@pytest.fixture(params=[BINANCE, BYBIT])
def venue(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def patient(venue: str, tmp_path: Path) -> Iterator[Patient]:
    config = write_config(tmp_path, "patient", story=STORY)
    config.write_text(config.read_text().replace("venue: binance", f"venue: {venue}"))
    with serving_in_thread(venue) as url:
        yield Patient(config, url)


def failures(findings: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {found["check"]["name"]: found["check"] for found in findings if found["check"]["verdict"] == "fail"}


def test_a_sound_account_fails_in_nothing_and_every_check_is_shown(patient: Patient, venue: str) -> None:
    code, findings = patient.examined()
    assert failures(findings) == {}
    assert code == 0
    shown = {found["check"]["name"] for found in findings}
    assert shown >= {
        "configuration", "environment", "contracts_and_triggers", "secrets", "journal", "lock", "disk", "venue",
        "position_mode", "asset_mode", "portfolio_margin", "margin_mode", "leverage", "clock", "key_withdrawal",
        "key_trading", "key_spot", "key_expiry", "key_address", "foreign_position", "foreign_order",
        "dead_mans_switch", "streams", "market", "instrument", "hedge", "collateral",
    }
    unknown = {found["check"]["name"] for found in findings if found["check"]["verdict"] == "unknown"}
    assert unknown == ({"dead_mans_switch"} if venue == BYBIT else set())


def test_streams_are_listened_to_where_they_are_configured(patient: Patient, venue: str) -> None:
    patient.config.write_text(f"{patient.config.read_text()}streams: {{enabled: true}}\n")
    code, findings = patient.examined()
    found = [found["check"] for found in findings if found["check"]["name"] == "streams"]
    # Binance's stream of the account is opened by asking for a key, which is more than to look.
    assert [check["verdict"] for check in found] == (["ok"] if venue == BYBIT else ["unknown"])
    assert code == 0
    assert {name.split()[0] for name in get(patient.url, "/testnet/fault")["calls"]} == {"GET", "WS"}


SETUPS = {
    "hedge mode": ({"setup": "hedge_mode"}, "position_mode", 6, "one-way"),
    "withdraw key": ({"setup": "withdraw_key"}, "key_withdrawal", 6, "API"),
    "skewed clock": ({"setup": "clock", "skew": 30_000}, "clock", 6, "NTP"),
    "clock behind": ({"setup": "clock", "skew": -30_000}, "clock", 6, "NTP"),
    "foreign order": ({"setup": "foreign_order", "asset": "BTC"}, "foreign_order", 6, "cancel"),
    "foreign position": ({"setup": "foreign_position", "asset": "BTC"}, "foreign_position", 6, "close"),
    "foreign short": (
        {"setup": "foreign_position", "asset": "BTC", "quantity": "-0.02"}, "foreign_position", 6, "journal rebuild"),
    "delisted symbol": ({"setup": "delisted", "asset": "ETH"}, "market", 6, "hedgerow close ETH"),
    "step changed": ({"setup": "step", "asset": "BTC", "step": "0.01"}, "contracts_and_triggers", 4, "configuration"),
    "expired key": ({"setup": "expired_key"}, "key_expiry", 6, "key"),
    "missing permission": ({"setup": "missing_permission"}, "key_trading", 6, "API"),
}


@pytest.mark.fault(85)
@pytest.mark.parametrize("setup", SETUPS.values(), ids=[name.replace(" ", "-") for name in SETUPS])
def test_what_is_broken_is_named_with_the_way_out(
    patient: Patient, setup: tuple[dict[str, object], str, int, str],
) -> None:
    asked, name, code, way = setup
    patient.break_it(**asked)
    found_code, findings = patient.examined()
    found = failures(findings)
    assert name in found, found
    assert way in found[name]["remedy"]
    assert found_code == code


def test_a_key_that_may_not_sell_coins_is_a_warning_until_the_margin_ladder_would_have_to(patient: Patient) -> None:
    patient.break_it(setup="missing_spot_permission")
    code, findings = patient.examined()
    (check,) = (found["check"] for found in findings if found["check"]["name"] == "key_spot")
    assert (check["verdict"], code) == ("warn", 0)
    patient.config.write_text(patient.config.read_text().replace("on_margin: close", "on_margin: finalise"))
    code, findings = patient.examined()
    assert "spot" in failures(findings)["key_spot"]["remedy"].lower()
    assert code == 6


@pytest.mark.parametrize("venue", [BINANCE], indirect=True)
def test_margin_in_several_coins_is_named_where_that_is_a_mode_only_on_binance(patient: Patient) -> None:
    patient.break_it(setup="multi_assets")
    code, findings = patient.examined()
    assert "single-asset" in failures(findings)["asset_mode"]["remedy"]
    assert code == 6


@pytest.mark.parametrize("venue", [BYBIT], indirect=True)
def test_an_account_that_is_isolated_as_a_whole_is_named_only_on_bybit(patient: Patient) -> None:
    patient.break_it(setup="isolated")
    code, findings = patient.examined()
    check = failures(findings)["margin_mode"]
    assert check["asset"] is None
    assert "cross" in check["remedy"]
    assert code == 6


@pytest.mark.parametrize("venue", [BYBIT], indirect=True)
def test_the_testnet_says_which_setup_a_venue_has_not(patient: Patient) -> None:
    with pytest.raises(HTTPError, match="400"):
        patient.break_it(setup="multi_assets")


def test_a_wrong_leverage_fails_once_the_bot_has_set_it_and_before_that_says_that_it_will_be_set(
    patient: Patient,
) -> None:
    code, findings = patient.examined()
    first = [found["check"] for found in findings if found["check"]["name"] == "leverage"]
    assert {(check["verdict"], check["found"], check["wanted"]) for check in first} == {("warn", "20", "5")}
    assert code == 0
    done = patient.run("run", "--once")
    assert done.exit_code == 0, done.output
    patient.break_it(setup="leverage", asset="BTC", leverage="10")
    code, findings = patient.examined()
    check = failures(findings)["leverage"]
    assert (check["asset"], check["found"], check["wanted"]) == ("BTC", "10", "5")
    assert "run" in check["remedy"]
    assert code == 6


def test_it_sends_no_order_moves_no_time_and_leaves_no_file(patient: Patient) -> None:
    before = get(patient.url, "/testnet/state")
    patient.run("doctor")
    calls = get(patient.url, "/testnet/fault")["calls"]
    assert {name.split()[0] for name in calls} == {"GET"}
    assert get(patient.url, "/testnet/state") == before
    assert [file.name for file in patient.config.parent.iterdir()] == [patient.config.name]


@pytest.mark.parametrize("venue", [BINANCE], indirect=True)
def test_the_table_shows_the_check_what_was_wanted_and_what_to_do(patient: Patient) -> None:
    patient.break_it(setup="hedge_mode")
    done = patient.run("doctor")
    assert done.exit_code == 6
    lines = done.stdout.splitlines()
    line = next(number for number, text in enumerate(lines) if "FAIL" in text)
    assert "position mode" in lines[line]
    assert "hedge mode" in lines[line]
    assert "wanted: one-way" in lines[line + 1]
    assert "1 failed" in lines[-1]


@pytest.mark.parametrize("venue", [BINANCE], indirect=True)
def test_a_venue_that_is_not_there_and_a_configuration_that_is_none_have_their_own_codes(patient: Patient) -> None:
    patient.url = "http://127.0.0.1:9"
    done = patient.run("doctor", "--json")
    assert done.exit_code == 5
    assert failures(json.loads(done.stdout)["findings"])["venue"]["remedy"].startswith("start it")
    patient.config.write_text(patient.config.read_text().replace('"50%"', '"70%"'))
    done = patient.run("doctor", "--json")
    assert done.exit_code == 4
    assert set(failures(json.loads(done.stdout)["findings"])) == {"configuration"}


@pytest.mark.fault(86)
@pytest.mark.parametrize("venue", [BINANCE], indirect=True)
def test_secrets_that_others_can_read_end_it_before_they_are_used(patient: Patient, tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name in ("api_key", "api_secret"):
        (folder / name).write_text("x")
        (folder / name).chmod(0o644)
    patient.config.write_text(f"{patient.config.read_text()}secrets_dir: {folder}\n")
    code, findings = patient.examined()
    assert "chmod 600" in failures(findings)["secrets"]["found"]
    assert code == 4
    assert get(patient.url, "/testnet/fault")["calls"] == {}
