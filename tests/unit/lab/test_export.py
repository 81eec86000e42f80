from __future__ import annotations

import csv
import io
import re
import string
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kept_books import FINALISED, WORKED, kept
from typer.testing import CliRunner

from bot.cli.main import CLI
from bot.core.market import Side
from bot.core.money import plain
from bot.core.orders import Fill, FundingPayment
from bot.core.times import DAY
from bot.journal.views import Binding
from bot.lab.export import GENERIC, STARTS_FORMULA, Booked, Format, Kind, read, sheets, stamp, text, written

D = Decimal
PERP, SPOT = "BTC/USDT:USDT", "BTC/USDT"


def table(content: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content, newline="")))


def exported(path: Path, *words: str) -> str:
    done = CliRunner().invoke(CLI, ["export", "--journal", str(path), *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_every_fill_and_settlement_is_one_row_oldest_first(tmp_path: Path) -> None:
    rows = table(exported(kept(tmp_path, WORKED)))
    assert tuple(rows[0]) == GENERIC
    assert [row["kind"] for row in rows] == ["fill", "fill", "fill", "funding", "fill", "funding", "fill"]
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    assert rows[-1] == {
        "kind": "fill", "at": "1970-01-06T00:00:00.000Z", "hedge": "btc1", "asset": "BTC", "market": "perp",
        "symbol": PERP, "side": "buy", "quantity": "0.15", "price": "46999", "amount": "632.79", "currency": "USDT",
        "fee": "1.40997", "fee_currency": "USDT", "fee_value": "1.40997", "maker": "yes", "spot_mid": "47000",
        "perp_mid": "46995", "id": "t6.0", "order_id": "o6", "client_order_id": "hrmade_btc1_6"}


def test_the_amounts_less_the_fees_are_what_the_account_has_more(tmp_path: Path) -> None:
    rows = table(exported(kept(tmp_path, WORKED)))
    assert sum(D(row["amount"]) for row in rows) - sum(D(row["fee"] or 0) for row in rows) == D("553.4624")
    fees = table(exported(tmp_path / "kept.db", "--kind", "fees"))
    assert {row["kind"] for row in fees} == {"fee"}
    assert sum(D(row["amount"]) for row in fees) == D("-5.01075")
    funding = table(exported(tmp_path / "kept.db", "--kind", "funding"))
    assert [row["amount"] for row in funding] == ["4.203", "-0.77985"]


def test_coins_sold_bring_cash_on_the_spot_market(tmp_path: Path) -> None:
    sale = next(row for row in table(exported(kept(tmp_path, FINALISED))) if row["market"] == "spot")
    assert (sale["symbol"], sale["side"], sale["amount"], sale["currency"]) == (SPOT, "sell", "11998", "USDT")


def test_a_span_takes_its_rows_only(tmp_path: Path) -> None:
    path = kept(tmp_path, WORKED)
    rows = table(exported(path, "--from", "1970-01-02", "--to", "1970-01-04"))
    assert [row["kind"] for row in rows] == ["fill", "fill", "funding"]


def test_rotki_is_given_its_trades_and_its_events(tmp_path: Path) -> None:
    exported(kept(tmp_path, FINALISED), "--format", "rotki", "--out", str(tmp_path / "mine.csv"))
    trades = table((tmp_path / "mine-trades.csv").read_text())
    events = table((tmp_path / "mine-events.csv").read_text())
    assert trades == [{
        "Location": "external", "Spend Currency": "BTC", "Receive Currency": "USDT", "Receive Amount": "11998",
        "Spend Amount": "0.2", "Fee": "11.998", "Fee Currency": "USDT",
        "Description": f"sell of btc1, {SPOT}, t2.0", "Timestamp": str(DAY)}]
    assert [(row["Type"], row["Amount"], row["Currency"], row["Description"].split()[0]) for row in events] == [
        ("Spend", "2.0004", "USDT", "fee"), ("Loss", "0.25", "USDT", "funding"), ("Loss", "2000", "USDT", "realised"),
        ("Income", "0.5", "USDT", "fee")]
    assert tuple(events[0]) == (
        "Type", "Location", "Currency", "Amount", "Fee", "Fee Currency", "Description", "Timestamp")


def test_rotki_knows_a_live_account_by_its_venue(tmp_path: Path) -> None:
    booked = read(kept(tmp_path, FINALISED))
    live = replace(booked, binding=replace(booked.binding, environment="live"))
    found = sheets(live, Format.ROTKI, Kind.ALL)
    assert {row["Location"] for content in found.values() for row in table(content)} == {"binance"}


def test_bittytax_is_given_margin_records_and_trades(tmp_path: Path) -> None:
    rows = table(exported(kept(tmp_path, FINALISED), "--format", "bittytax"))
    told = [(row["Type"], row["Buy Quantity"], row["Buy Asset"], row["Sell Quantity"], row["Sell Asset"],
             row["Fee Quantity"]) for row in rows]
    assert told == [
        ("Margin-Fee", "", "", "2.0004", "USDT", ""), ("Margin-Fee", "", "", "0.25", "USDT", ""),
        ("Trade", "11998", "USDT", "0.2", "BTC", "11.998"), ("Margin-Loss", "", "", "2000", "USDT", ""),
        ("Margin-Fee-Rebate", "0.5", "USDT", "", "", "")]
    assert {row["Wallet"] for row in rows} == {"Binance"}
    assert {row["Note"] for row in rows} == {f"btc1 {PERP}", f"btc1 {SPOT}"}


def test_every_kind_of_every_format_adds_up_to_all_of_it(tmp_path: Path) -> None:
    path = kept(tmp_path, FINALISED)
    whole = table(exported(path, "--format", "bittytax"))
    parts = [row for kind in ("fills", "funding", "fees")
             for row in table(exported(path, "--format", "bittytax", "--kind", kind))]

    def cash(rows: list[dict[str, str]]) -> Decimal:
        return sum((D(row[f"{side} Quantity"]) * sign for row in rows for side, sign in (
            ("Buy", 1), ("Sell", -1), ("Fee", -1)) if row[f"{side} Asset"] == "USDT"), D(0))

    assert cash(whole) == cash(parts) == D(11_998) - D("11.998") - 2000 - D("2.0004") + D("0.5") - D("0.25")


# -- safety ------------------------------------------------------------------------------------------------------------


@pytest.mark.fault(93)
@settings(max_examples=150, deadline=None)
@given(st.sampled_from([*STARTS_FORMULA, ""]), st.text(max_size=12))
def test_no_text_begins_a_formula_and_all_of_it_can_be_read_back(start: str, rest: str) -> None:
    cell = start + rest
    content = written(["a", "b"], [{"a": cell, "b": D("-1.50")}])
    ((read_back, number),) = list(csv.reader(io.StringIO(content, newline="")))[1:]
    assert not read_back.startswith(STARTS_FORMULA)
    assert read_back.removeprefix("'") == cell.replace("\0", "").removeprefix("'")
    assert number == "-1.5"


@pytest.mark.fault(93)
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1", "\0=1"]),
       st.sampled_from(Format))
def test_names_that_a_venue_gives_do_not_become_formulas(evil: str, form: Format) -> None:
    fill = Fill(evil, evil, f"{evil}/USDT:USDT", Side.SELL, D(1), D(100), D("0.1"), evil, D("-5"), maker=True, at=1)
    sale = replace(fill, symbol=f"{evil}/USDT")
    booked = Booked(Binding("live", evil, evil, evil, 0), (fill, sale),
                    ((FundingPayment(evil, fill.symbol, D(-1), evil, 2), evil),), {(fill.symbol, evil): evil})
    for content in sheets(booked, form, Kind.ALL).values():
        rows = list(csv.reader(io.StringIO(content, newline="")))
        assert all(len(row) == len(rows[0]) for row in rows)
        for cell in (cell for row in rows for cell in row):
            assert not cell.startswith(STARTS_FORMULA) or re.fullmatch(r"-\d+(\.\d+)?", cell), cell


@pytest.mark.fault(93)
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-10**12, max_value=10**12, places=8))
def test_a_negative_number_stays_a_number(amount: Decimal) -> None:
    assert text(amount) == plain(amount)
    assert D(text(amount)) == amount


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**12), st.sampled_from(Side), st.decimals("0.001", "9", places=3),
                          st.decimals("1", "99999", places=2), st.decimals("-9", "9", places=8),
                          st.text(string.printable, max_size=6)), max_size=6))
def test_what_is_written_is_read_back_as_it_was(rows: list[tuple[int, Side, Decimal, Decimal, Decimal, str]]) -> None:
    ordered = enumerate(sorted(rows, key=lambda row: row[0]))
    fills = tuple(Fill(f"t{number}", f"o{order}", PERP, side, quantity, price, fee, "USDT", -fee, maker=False, at=at)
                  for number, (at, side, quantity, price, fee, order) in ordered)
    booked = Booked(Binding("live", "bybit", "1", "x", 0), fills, (), {})
    found = table(sheets(booked, Format.GENERIC, Kind.FILLS)[""])
    assert [(row["at"], row["side"], D(row["quantity"]), D(row["price"]), D(row["fee"]), D(row["amount"]),
             row["order_id"]) for row in found] == [
        (stamp(fill.at), fill.side.value, fill.quantity, fill.price, fill.fee, fill.realised, fill.order_id)
        for fill in fills]


def test_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    path, target = kept(tmp_path, WORKED), tmp_path / "mine-events.csv"
    target.write_text("mine")
    words = ["export", "--journal", str(path), "--format", "rotki", "--out", str(tmp_path / "mine.csv")]
    done = CliRunner().invoke(CLI, words)
    assert done.exit_code != 0
    assert "--force" in str(done.exception)
    assert target.read_text() == "mine"
    assert sorted(one.name for one in tmp_path.iterdir() if one.suffix == ".csv") == ["mine-events.csv"]
    assert CliRunner().invoke(CLI, [*words, "--force"]).exit_code == 0
    assert target.read_text().startswith("Type,")
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


@pytest.mark.parametrize(("words", "said"), [
    (("--format", "excel"), "generic, rotki, bittytax"), (("--kind", "tax"), "all, fills, funding, fees"),
    (("--format", "rotki"), "--out"), (("--from", "someday"), "no date"),
    (("--from", "2021-01-02", "--to", "2021-01-02"), "not after"), (("--force",), "belongs to --out"),
])
def test_what_cannot_be_meant_is_refused_with_what_can(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(CLI, ["export", "--journal", str(kept(tmp_path, WORKED)), *words])
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", " ").split())
