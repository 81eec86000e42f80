"""docs/costs.md walks a real hedge: every number of it is looked up in the report and in the rows."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from kept_books import WORKED, kept
from panels import recorded_panel
from typer.testing import CliRunner

from bot.cli.main import CLI

D = Decimal
PAGE = (Path(__file__).parents[3] / "docs" / "costs.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"(?<![\w.])\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![\w.])\d+\.\d+")


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def run(*words: object) -> str:
    done = CliRunner().invoke(CLI, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return done.stdout


def amounts(text: str) -> set[Decimal]:
    """The numbers with a point or a comma in a text, without their signs."""
    return {D(found.replace(",", "")) for found in NUMBER.findall(text)}


def test_the_worked_example_is_what_the_report_says(tmp_path: Path) -> None:
    costs = json.loads(run("report", "--journal", kept(tmp_path, WORKED), "--json"))["episodes"][0]["costs"]
    said = amounts(section("A worked example"))
    for name in ("fees", "funding_paid", "basis", "slippage", "net_cost", "realised", "against_holding"):
        assert abs(D(costs[name])) in said, name


def test_every_number_of_the_real_episode_is_in_the_report_or_in_the_rows(tmp_path: Path) -> None:
    text, journal = section("A real episode"), tmp_path / "real.db"
    typed = re.search(r"hedgerow (replay .*?) --journal real.db", text.replace("\\\n", " "), re.DOTALL)
    assert typed is not None
    words = [str(recorded_panel()) if word.startswith("panel") else word for word in typed[1].split()]
    run(*words, "--journal", journal)
    (told,) = [one for one in json.loads(run("report", "--journal", journal, "--json"))["episodes"]
               if one["id"] == "btc1"]
    rows = [row for row in csv.DictReader(io.StringIO(run("export", "--journal", journal))) if row["hedge"] == "btc1"]
    known = _numbers(told) | {abs(D(cell)) for row in rows for cell in row.values() if _is_number(cell)}
    known |= _numbers(decisions(journal))
    basis = {abs(D(row["perp_mid"]) - D(row["spot_mid"])) for row in rows if row["perp_mid"]}
    for number in amounts(text.partition("**The trigger.**")[2]):
        digits = -int(number.as_tuple().exponent)
        assert any(round(each, digits) == number for each in known | basis), number


def decisions(journal: Path) -> Any:
    """The decisions' own numbers: NAV, value, excess and levels."""
    with closing(sqlite3.connect(journal)) as connection:
        rows = connection.execute("SELECT decision FROM decisions WHERE at IN (SELECT decided_at FROM intents "
                                  "WHERE episode = 'btc1')").fetchall()
    return [json.loads(row[0]) for row in rows]


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", cell) is not None


def _numbers(value: Any) -> set[Decimal]:
    """Every number in a JSON value, without its sign."""
    if isinstance(value, dict):
        return set().union(*(_numbers(each) for each in value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*(_numbers(each) for each in value)) if value else set()
    if isinstance(value, str) and _is_number(value):
        return {abs(D(value))}
    return {D(value)} if isinstance(value, int) and not isinstance(value, bool) else set()
