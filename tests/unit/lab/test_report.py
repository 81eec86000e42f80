from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import fields, replace
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from kept_books import WORKED, Deal, kept
from lived_journal import Lived, opened
from typer.testing import CliRunner

from bot.cli.main import CLI
from bot.core.income import Comparison, IncomeKind, IncomeRow, Residual
from bot.core.ledger import Costs
from bot.core.market import Side
from bot.core.orders import FundingPayment
from bot.core.times import DAY, HOUR
from bot.journal.reader import read_costs
from bot.lab import charts, report_books, report_series
from bot.lab.report import Compared, make
from bot.lab.report_page import page, page_of

D = Decimal
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Lived(tmp_path_factory.mktemp("lived"), days=30).path


def run(*words: object) -> str:
    done = CliRunner().invoke(CLI, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return done.output


def near(costs: Costs) -> dict[str, Any]:
    """Its figures without the last of 50 digits, in which sums of other terms may differ."""
    return {one.name: round(value, 30) if isinstance(value := getattr(costs, one.name), Decimal) else value
            for one in fields(Costs)}


def test_the_worked_episode_is_in_the_report_to_the_last_digit(tmp_path: Path) -> None:
    told = json.loads(run("report", "--journal", kept(tmp_path, WORKED), "--json"))
    (one,) = told["episodes"]
    assert {name: one["costs"][name] for name in (
        "fees", "funding_paid", "realised", "hedged_move", "basis", "slippage", "net_cost", "net_by_parts",
        "against_holding", "unrealised", "spot_slippage", "legging", "rounding")} == {
        "fees": "5.01075", "funding_paid": "-3.42315", "realised": "555.05", "hedged_move": "-550", "basis": "-8.25",
        "slippage": "3.2", "net_cost": "-3.4624", "net_by_parts": "-3.4624", "against_holding": "553.4624",
        "unrealised": "0", "spot_slippage": "0", "legging": "0", "rounding": "0"}
    assert (one["id"], one["peak_short"], one["ended_by"], one["fills"]) == ("btc1", "0.25", "resolved", 5)
    assert (one["opened_at"], one["closed_at"], one["compared"]) == (0, 5 * DAY, None)
    assert [each["amount"] for each in one["costs"]["funding"]] == ["4.203", "-0.77985"]
    assert told["account"]["net_cost"] == "-3.4624"
    assert told["account"]["fees_charged"] == {"USDT": "5.01075"}
    assert (told["account"]["nav_start"], told["first"]) == (None, None)


def test_it_tells_what_the_status_tells(lived: Path) -> None:
    known = read_costs(lived)
    told = {one.id: one.costs for one in make(lived).episodes}
    assert set(told) == set(known)
    assert len(told) >= 2
    assert {name: near(costs) for name, costs in told.items()} == {name: near(costs) for name, costs in known.items()}


def test_the_account_is_the_sum_of_its_hedges(lived: Path) -> None:
    told = make(lived)
    for name in ("net_cost", "fees", "funding_paid", "basis", "slippage", "against_holding", "realised", "rounding"):
        assert getattr(told.account, name) == sum(getattr(one.costs, name) for one in told.episodes)
    assert told.account.fills == sum(one.fills for one in told.episodes)
    assert told.account.net_cost == told.account.net_by_parts
    assert told.account.nav_start == 100_000


def test_a_span_takes_the_hedges_that_were_open_in_it_and_tells_them_whole(lived: Path) -> None:
    first, second = make(lived).episodes
    assert first.closed_at is not None
    assert second.opened_at is not None
    assert [one.id for one in make(lived, until=second.opened_at).episodes] == [first.id]
    assert [one.id for one in make(lived, since=first.closed_at + 1).episodes] == [second.id]
    within = make(lived, since=second.opened_at + DAY, until=second.opened_at + DAY + 1)
    assert within.episodes == (second,)


def test_executions_booked_late_come_to_the_same(tmp_path: Path) -> None:
    late = (WORKED[0], WORKED[3], WORKED[1], *WORKED[4:], WORKED[2])
    told, right = (make(kept(tmp_path / name, happened)) for name, happened in _folders(tmp_path, late, WORKED))
    assert near(told.episodes[0].costs) == near(right.episodes[0].costs)


def _folders(folder: Path, *books: Any) -> list[tuple[str, Any]]:
    for number in range(len(books)):
        (folder / str(number)).mkdir()
    return [(str(number), each) for number, each in enumerate(books)]


def test_coins_that_were_sold_are_told_with_what_they_brought(tmp_path: Path) -> None:
    told = make(kept(tmp_path, (
        Deal(Side.SELL, ((0, "0.1", "50000", "1", "0"),), ("50000", "50000")),
        Deal(Side.SELL, ((DAY, "0.1", "59990", "5.999", "0"),), ("60000", "60010"), symbol="BTC/USDT",
             reason="finalise_age"),
        Deal(Side.BUY, ((DAY + 9, "0.1", "60010", "1.2", "-1001"),), ("60000", "60010"), reason="finalise_age"),
    )))
    (one,) = told.episodes
    assert (one.costs.sold, one.costs.proceeds, one.costs.spot_fees) == (D("0.1"), D(5999), D("5.999"))
    assert one.costs.spot_slippage == 1
    assert one.ended_by == "finalise_age"
    assert told.account.sold == {"BTC": D("0.1")}


def test_what_was_bought_with_the_proceeds_costs_and_counts_in_every_form(tmp_path: Path) -> None:
    path = kept(tmp_path, (
        Deal(Side.SELL, ((0, "0.1", "50000", "1", "0"),), ("50000", "50000")),
        Deal(Side.SELL, ((DAY, "0.1", "60000", "6", "0"),), ("60000", "60000"), symbol="BTC/USDT"),
        Deal(Side.BUY, ((DAY + 9, "0.1", "60000", "1", "-1000"),), ("60000", "60000"), reason="finalise_age"),
        Deal(Side.BUY, ((DAY + 99, "2", "3001", "0.002", "0"),), ("3000", "3001"), symbol="ETH/USDT",
             reason="reinvesting", fee_currency="ETH", fee_value="6.002"),
    ))
    told = make(path)
    (one,) = told.episodes
    assert one.costs.net_cost == told.account.net_cost == 1 + 6 + 1 + D("6.002") + (D("5995.998") - D("1.998") * 3_000)
    assert (one.costs.bought, one.costs.spent) == ({"ETH": D("1.998")}, D("5995.998"))
    assert near(read_costs(path)["btc1"]) == near(one.costs)
    assert (one.ended_by, told.account.bought) == ("finalise_age", {"ETH": D("1.998")})
    assert json.loads(run("report", "--journal", path, "--json"))["account"]["bought"] == {"ETH": "1.998"}
    text = run("report", "--journal", path)
    assert "ETH bought with the proceeds" in text
    assert "5,996.00" in text
    assert "ETH bought with the proceeds</td><td>1.998<" in page(path)


def test_what_belongs_to_no_hedge_is_in_the_accounts_sums(tmp_path: Path) -> None:
    path = kept(tmp_path, WORKED)

    async def pay() -> None:
        journal = await opened(path)
        await journal.record_funding([(FundingPayment("x", "BTC/USDT:USDT", D("-0.5"), "USDT", 9 * DAY), None)], [], 0)
        await journal.close()

    asyncio.run(pay())
    told = make(path)
    assert (told.account.net_cost, told.account.outside_funding) == (D("-2.9624"), D("0.5"))
    assert (told.episodes[0].costs.net_cost, told.stray_settlements) == (D("-3.4624"), 1)
    assert make(path, until=9 * DAY).account.net_cost == D("-3.4624"), "of another time"
    assert "funding of no hedge" in run("report", "--journal", path)
    assert "funding of no hedge</td><td>0.50<" in page(path)


def test_what_is_not_known_is_null_and_the_reason_is_told(tmp_path: Path) -> None:
    first = WORKED[0]
    assert isinstance(first, Deal)
    path = kept(tmp_path, (replace(first, fee_currency="BNB"), *WORKED[1:]))
    told = json.loads(run("report", "--journal", path, "--json"))
    assert told["account"]["net_cost"] is None
    assert told["episodes"][0]["costs"]["net_cost"] is None
    assert "2.0004 BNB" in told["account"]["unknown"]["btc1"]
    assert "its net cost is not known" in run("report", "--journal", path)


def test_the_terminal_shows_every_figure_within_80_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = run("report", "--journal", kept(tmp_path, WORKED))
    for figure in ("5.01", "-3.42", "555.05", "-8.25", "3.20", "-3.46", "553.46", "resolved", "1970-01-06", "0.25 BTC",
                   "not compared"):
        assert figure in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_journal_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(CLI, ["report", "--journal", str(tmp_path / "none.db")])
    assert done.exit_code != 0
    assert "none.db" in str(done.exception)


def test_neither_report_nor_export_imports_what_it_does_not_need(lived: Path) -> None:
    code = ("import sys; from bot.cli.main import CLI; import typer\n"
            "typer.main.get_command(CLI).main(sys.argv[1:], standalone_mode=False)\n"
            "print(sorted({'ccxt', 'sqlalchemy', 'aiohttp', 'matplotlib', 'jinja2'} & set(sys.modules)), "
            "file=sys.stderr)")
    for words in (["report"], ["export"]):
        done = subprocess.run([sys.executable, "-c", code, *words, "--journal", str(lived)], cwd=ROOT,
                              capture_output=True, text=True, check=True)
        assert done.stderr == "[]\n"


def test_a_row_that_the_venue_tells_otherwise_is_shown_with_its_hedge(tmp_path: Path) -> None:
    path = kept(tmp_path, WORKED)
    assert make(path).compared is None

    def row(symbol: str, at: int) -> IncomeRow:
        return IncomeRow(IncomeKind.FEE, f"t{at}", symbol, D("-0.5"), "USDT", at)

    ours = Residual(row("BTC/USDT:USDT", DAY), D("-0.5"), D("-0.6"))
    other = Residual(row("ETH/USDT:USDT", DAY), None, D("-0.6"))

    async def compare() -> None:
        journal = await opened(path)
        await journal.record_comparison(Comparison(0, 2 * DAY, 5, (ours, other), 3 * DAY))
        await journal.record_comparison(Comparison(2 * DAY, 6 * DAY, 4, (), 7 * DAY))
        await journal.close()

    asyncio.run(compare())
    told = make(path)
    assert told.compared == Compared(9, (ours, other), 6 * DAY)
    assert told.episodes[0].compared == Compared(9, (ours,), 6 * DAY)
    text = run("report", "--journal", path)
    assert "1 rows differ" in text
    assert "9 rows of the venue's own account agree" in " ".join(text.split())
    assert "fee t86400000 on BTC/USDT:USDT" in text
    shown = page(path)
    assert "the books have -0.5 USDT, the venue tells -0.6" in shown


def test_a_row_that_was_told_late_agrees_by_now_and_no_row_counts_twice(tmp_path: Path) -> None:
    path = kept(tmp_path, WORKED)
    late = Residual(IncomeRow(IncomeKind.FEE, "t1", "BTC/USDT:USDT", D("-0.5"), "USDT", DAY), D("-0.5"), None)

    async def compare() -> None:
        journal = await opened(path)
        await journal.record_comparison(Comparison(0, 2 * DAY, 5, (late,), 2 * DAY))
        await journal.record_comparison(Comparison(2 * DAY, 6 * DAY, 4, (), 6 * DAY))
        await journal.record_comparison(Comparison(0, 6 * DAY, 10, (), 7 * DAY))
        await journal.close()

    asyncio.run(compare())
    told = make(path)
    assert told.compared == told.episodes[0].compared == Compared(10, (), 6 * DAY)


# -- the page ----------------------------------------------------------------------------------------------------------


class Seen(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def pictures(text: str) -> list[ET.Element]:
    return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]  # noqa: S314  # ours


def test_the_page_stands_alone_and_shows_all_charts(lived: Path) -> None:
    text = page(lived)
    seen = Seen()
    seen.feed(text)
    assert not {"script", "link", "iframe", "object", "embed", "form", "img"} & set(seen.tags)
    references = [value for name, value in seen.attributes if name in ("href", "src", "xlink:href", "action")]
    assert references
    assert all(value.startswith("#") for value in references)
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert "url(http" not in text
    assert "@import" not in text
    ids = [value for name, value in seen.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    words = [" ".join(svg.itertext()) for svg in pictures(text)]
    assert len(words) == 5
    for found, expected in zip(words, (("coins alone", "with the hedge", "target", "open", "close"),) * 2 + (
            ("fees", "funding", "basis", "slippage", "net cost"), ("joint runway", "warn", "stop", "reduce"),
            ("btc1", "eth1", "BTC", "ETH")), strict=True):
        assert all(word in found for word in expected)


def test_names_on_the_line_of_time_never_overlap() -> None:
    hedges = [charts.Bar(f"btc{day}", "BTC", day * DAY, day * DAY + HOUR, over=True) for day in range(1, 400, 3)]
    drawn = [word for svg in pictures(charts.timeline([*hedges, charts.Bar("eth1", "ETH", DAY, 2 * DAY, over=False)]))
             for word in svg.itertext() if re.fullmatch(r"(btc|eth)\d+", word)]
    assert {"btc1", "eth1"} < set(drawn)
    assert 10 < len(drawn) < 25


def test_a_runway_that_is_cut_says_so() -> None:
    rungs = (D("0.75"), D("0.5"), D("0.25"))
    for far, said in (("9", True), ("2", False)):
        (svg,) = pictures(charts.runway(report_series.Runway((0, HOUR, DAY), (None, D(1), D(far)), *rungs)))
        assert ("cut at 300%" in " ".join(svg.itertext())) is said


def test_the_same_journal_makes_the_same_bytes(lived: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one.html", tmp_path / "other.html"
    run("report", "--journal", lived, "--html", one)
    subprocess.run([sys.executable, "-m", "bot", "report", "--journal", str(lived), "--html", str(other)], cwd=ROOT,
                   check=True, capture_output=True)
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.fault(91)
def test_nothing_that_others_wrote_becomes_markup(lived: Path) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>$x^2$"
    books = report_books.read(lived)
    told = make(lived)
    told = replace(told, journal=replace(told.journal, account=evil), episodes=tuple(
        replace(one, id=evil, asset=evil, ended_by=evil, ended_why=evil, costs=replace(
            one.costs, net_cost=None, unknown={"fees": evil, "futures_fees": evil})) for one in told.episodes))
    series = report_series.read(lived, books)
    text = page_of(told, replace(series, weights=tuple(replace(one, asset=evil) for one in series.weights)))
    seen = Seen()
    seen.feed(text)
    assert "script" not in seen.tags
    assert "img" not in seen.tags
    assert not [name for name, _ in seen.attributes if name == "onerror"]
    assert text.count("alert(1)") > 5
    assert len(pictures(text)) == 5


def test_what_was_spent_ends_at_the_net_cost(lived: Path) -> None:
    spent = report_series.spent(report_books.read(lived))
    assert sum(line[-1] for line in spent.parts.values()) == make(lived).account.net_cost
    assert spent.parts["funding"][-1] == make(lived).account.funding_paid
    assert list(spent.at) == sorted(spent.at)


def test_the_levels_on_a_chart_are_those_of_the_policy(lived: Path) -> None:
    series = report_series.read(lived, report_books.read(lived))
    btc = next(one for one in series.weights if one.asset == "BTC")
    assert (btc.target[0], btc.opens[0], btc.closes[0]) == (D("0.5"), D("0.53"), D("0.51"))
    apart = [before - after for before, after in zip(btc.before, btc.after, strict=True)
             if before is not None and after is not None]
    assert max(apart) > D("0.03")
    assert min(apart) > -D("1e-40")


def test_an_open_hedge_is_valued_at_the_last_decision(lived: Path, tmp_path: Path) -> None:
    path = tmp_path / "open.db"
    with closing(sqlite3.connect(lived)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)
        first = target.execute("SELECT opened_at FROM episodes ORDER BY seq").fetchone()[0] + DAY
        for table in ("decisions", "fills"):
            target.execute(f"DROP TRIGGER {table}_no_delete")
        target.execute("DELETE FROM decisions WHERE at > ?", (first,))
        target.execute("DELETE FROM fills WHERE at > ?", (first,))
        target.execute("UPDATE episodes SET state = 'open', closed_at = NULL WHERE id = 'btc1'")
        target.commit()
    one = make(path).episodes[0]
    assert one.ended_by is None
    assert one.costs.unrealised
    assert one.costs.net_cost == one.costs.net_by_parts
    assert near(one.costs) == near(read_costs(path)["btc1"])


def test_funding_of_one_instant_with_a_fill_is_taken_after_it(tmp_path: Path) -> None:
    paid = FundingPayment("f3", "BTC/USDT:USDT", D("1.5"), "USDT", 5 * DAY)
    (one,) = make(kept(tmp_path, (*WORKED, paid))).episodes
    assert one.costs.funding_paid == D("-4.92315")
