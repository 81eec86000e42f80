from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from panels import made_up_panel, recorded_panel
from plain_replay import reckon
from typer.testing import CliRunner

from bot.cli.main import CLI

KEYS = ("rows", "stale_rows", "trades", "nav", "cash", "unrealised_pnl", "episodes", "funding", "fees", "realised_pnl",
        "short_base", "holdings")


def run(panel: Path, begin: str, end: str, *more: str) -> dict[str, Any]:
    """`hedgerow replay --bare` at the levels of the comparison."""
    done = CliRunner().invoke(CLI, [
        "replay", str(panel), "--from", begin, "--to", end, "--fill", "immediate", "--nav", "100000", "--open", "0.05",
        "--close", "0.01", "--resize", "0.01", "--bare", "--json", *more])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def numbers(found: Any) -> Any:
    """Texts as the numbers that they are."""
    if isinstance(found, dict):
        return {key: numbers(value) for key, value in found.items()}
    return Decimal(found) if isinstance(found, (str, int)) else found


def agree(panel: Path, begin: str, end: str) -> dict[str, Any]:
    found = run(panel, begin, end)
    expected = reckon(panel, begin, end, nav=100_000, opens="0.05", close="0.01", resize="0.01")
    assert {key: numbers(found[key]) for key in KEYS} == {key: expected[key] for key in KEYS}
    return found


def test_a_bare_replay_comes_to_what_a_second_reckoning_comes_to(tmp_path: Path) -> None:
    found = agree(made_up_panel(tmp_path), "2021-01-01", "2021-01-25")
    assert found["rows"] == 576
    assert found["stale_rows"] == 4
    assert found["trades"] > 20
    assert min(found["episodes"].values()) >= 2


def test_so_it_does_on_recorded_history() -> None:
    found = agree(recorded_panel(), "2020-02-01", "2020-03-15")
    assert found["trades"] > 10


@pytest.mark.slow
def test_five_recorded_years_come_to_the_known_account() -> None:
    found = agree(recorded_panel(), "2020-01-01", "2024-12-31")
    assert (found["rows"], found["stale_rows"], found["trades"]) == (43_824, 49, 537)
    assert found["episodes"] == {"BTC": 2, "ETH": 2}
    assert round(Decimal(found["nav"]), 2) == Decimal("1477569.90")
    assert {coin: round(Decimal(text), 2) for coin, text in found["funding"].items()} == {
        "BTC": Decimal("1862.29"), "ETH": Decimal("192854.06")}
    assert {coin: round(Decimal(text), 2) for coin, text in found["fees"].items()} == {
        "BTC": Decimal("48.84"), "ETH": Decimal("808.08")}
    # The second reckoning found −0.40455524…; both of the lowest instant, before and after its own trades, are it.
    assert Decimal(found["lowest_cash_share"]).quantize(Decimal("0.000001")) == Decimal("-0.404555")


def test_two_runs_of_the_same_input_print_the_same_but_for_the_seconds(tmp_path: Path) -> None:
    panel = made_up_panel(tmp_path, 300)
    first, second = (run(panel, "2021-01-01", "2021-01-10") for _ in range(2))
    assert first.pop("seconds") > 0
    assert second.pop("seconds") > 0
    assert json.dumps(first) == json.dumps(second)


def test_without_json_it_says_the_lowest_runway_and_cash_where_margins_are_reckoned(tmp_path: Path) -> None:
    config = tmp_path / "hedgerow.yaml"
    config.write_text(
        'venue: binance\nenvironment: local\nassets:\n  BTC: {target: "50%"}\n  ETH: {target: "30%"}\n'
        'cash: {USDT: "20%"}\nmargin: {on_margin: close}\njournal: replay.db\n')
    done = CliRunner().invoke(CLI, ["replay", str(made_up_panel(tmp_path, 60)), "-c", str(config)])
    assert done.exit_code == 0, done.output
    assert re.search(r"lowest \(cash \+ unrealised\) / NAV: 0\.\d{5}\nlowest joint runway: \d+\.\d\d%", done.output)


@pytest.mark.parametrize("wrong", [["--nav", "0"], ["--nav", "-5"], ["--open", "5pp"], ["--to", "soon"],
                                   ["--fill", "never"]])
def test_what_makes_no_sense_is_a_usage_error(wrong: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(CLI, ["replay", str(made_up_panel(tmp_path, 9)), "--bare", *wrong])
    assert (done.exit_code, wrong[0] in done.output) == (2, True), done.output
