from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from panels import made_up_panel, recorded_panel
from typer.testing import CliRunner

from bot.cli.exits import CommandFailed
from bot.cli.main import CLI
from bot.errors import ConfigError
from bot.lab.check import Finding, check_panel

Rows = list[list[str]]


def spoil(folder: Path, change: Callable[[Rows], object], rows: int = 120) -> Path:
    """A made-up panel after `change` of its cells; line 1 is the header."""
    path = made_up_panel(folder, rows)
    cells = [line.split(",") for line in path.read_text().splitlines()]
    change(cells)
    path.write_text("\n".join(map(",".join, cells)) + "\n")
    return path


def put(line: int, column: int, text: str) -> Callable[[Rows], object]:
    def change(cells: Rows) -> None:
        cells[line - 1][column] = text

    return change


def test_a_sound_file_has_no_findings(tmp_path: Path) -> None:
    report = check_panel(made_up_panel(tmp_path, 120))
    assert report.ok
    assert (report.assets, report.rows, report.spacing, report.stale_rows) == (("BTC", "ETH"), 120, 3_600_000, 1)


def test_recorded_history_can_be_relied_on() -> None:
    report = check_panel(recorded_panel())
    assert report.findings == ()
    assert report.stale_rows == 49


@pytest.mark.parametrize(("change", "finding"), [
    (lambda rows: rows.pop(9), Finding(
        10, "gap: 2021-01-01T09:00:00Z follows 2021-01-01T07:00:00Z; rows are 1 h apart")),
    (lambda rows: rows.insert(10, rows[9]), Finding(11, "2021-01-01T08:00:00Z appears twice")),
    (put(10, 1, "0"), Finding(10, "btc_spot is '0', not a price above 0")),
    (put(10, 2, "-5"), Finding(10, "btc_perp is '-5', not a price above 0")),
    (put(10, 7, "NaN"), Finding(10, "eth_mark is 'NaN', not a price above 0")),
    (put(10, 4, ""), Finding(18, "btc_funding: 16 h after the settlement before, the interval is 8 h")),
    (put(10, 4, "1.5"), Finding(10, "btc_funding is '1.5', not a rate between -1 and 1")),
    (put(10, 9, "2"), Finding(10, "spot_stale is '2', neither 0 nor 1")),
    (put(10, 0, "yesterday"), Finding(10, "ts_utc is 'yesterday', no date")),
    (lambda rows: rows[9].pop(), Finding(10, "9 columns, the header has 10")),
])
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, change: Callable[[Rows], object], finding: Finding,
) -> None:
    assert finding in check_panel(spoil(tmp_path, change)).findings


def test_rows_out_of_order_are_named(tmp_path: Path) -> None:
    def swap(rows: Rows) -> None:
        rows[9], rows[10] = rows[10], rows[9]

    texts = [found.text for found in check_panel(spoil(tmp_path, swap)).findings]
    assert any("comes after" in text for text in texts)


def test_an_interval_that_changed_for_good_is_no_fault(tmp_path: Path) -> None:
    def four_hourly(rows: Rows) -> None:
        for row in rows[81::4]:
            row[4] = "0.0001"

    assert check_panel(spoil(tmp_path, four_hourly)).ok


def test_a_file_of_which_too_much_is_stale_is_told(tmp_path: Path) -> None:
    def stale(rows: Rows) -> None:
        for row in rows[1:10]:
            row[9] = "1"

    assert any("no spot trades" in found.text for found in check_panel(spoil(tmp_path, stale)).findings)


def test_a_damaged_file_is_told_with_what_came_before_it(tmp_path: Path) -> None:
    whole = gzip.compress(made_up_panel(tmp_path, 500).read_bytes())
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    report = check_panel(path)
    assert report.rows > 0
    assert any("gzip data ends early" in found.text for found in report.findings)


def test_what_is_no_panel_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match="unknown column 'a'"):
        check_panel(path)


def test_the_command_exits_with_4_where_something_was_found(tmp_path: Path) -> None:
    runner = CliRunner()
    good = runner.invoke(CLI, ["data", "check", str(made_up_panel(tmp_path)), "--json"])
    assert good.exit_code == 0
    assert json.loads(good.output)["findings"] == []
    bad = runner.invoke(CLI, ["data", "check", str(spoil(tmp_path, put(10, 1, "0")))])
    assert isinstance(bad.exception, CommandFailed)
    assert bad.exception.code == 4
    assert "line 10: btc_spot is '0', not a price above 0" in bad.output
