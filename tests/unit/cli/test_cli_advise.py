from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal

import pytest
from rich.console import Console, RenderableType

from bot.answers import AdviceReport
from bot.cli import render, render_advice
from bot.core.advice import FundingOutlook, advise
from bot.core.decision import Measure
from bot.core.market import Instrument, Quote
from bot.core.tax import Lot, TaxPolicy
from bot.core.times import DAY, HOUR

D = Decimal
AT = 1_611_792_000_000
MEASURE = Measure(D("1.2"), D(50_000), D(60_000), D(50_000), D(10_000), D("0.1"), D("0.6"), D("0.1"))
BTC = Instrument(
    "BTC", "BTC/USDT:USDT", "BTC/USDT", D("0.001"), D("0.001"), D(5), D("0.1"), D("0.00001"), D("0.01"),
    maker_fee=D("0.0002"), spot_taker_fee=D("0.001"))
QUOTE = Quote(D(49_990), D(50_010), AT, D(50_009), D(50_011), AT, D(50_000), D(50_000), AT,
              funding_rate=D("0.0001"), next_funding_at=AT + HOUR, funding_interval=8 * HOUR)
FUNDING = FundingOutlook(D("-0.0003"), D("0.0001"), D("-0.0005"), D("0.0009"), 30)
LOTS = TaxPolicy(D("0.25"), lots=(Lot("BTC", D(2), D(30_000), 0),))


def report(tax: TaxPolicy | None = None, funding: FundingOutlook = FUNDING) -> AdviceReport:
    found = advise(BTC, QUOTE, funding, quantity=D("0.2"), at=AT, horizon=90 * DAY, tax=tax)
    return AdviceReport("BTC", AT, "USDT", MEASURE, D("0.001"), found)


def printed(what: RenderableType, width: int = 80) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, markup=False, emoji=False, highlight=False).print(what)
    return stream.getvalue()


def cells(text: str, begins: str) -> list[str]:
    return next(line for line in text.splitlines() if line.startswith(begins)).removeprefix(begins).split()


def test_the_table_shows_what_either_way_costs() -> None:
    text = printed(render_advice.advice(report()))
    assert cells(text, "fees") == ["4.00", "20.00"]
    assert cells(text, "spread") == ["-", "4.00"]
    assert cells(text, "basis") == ["-2.00", "-"]
    assert cells(text, "funding a day") == ["1.00", "-"]
    assert cells(text, "in 90 days, if it resolves") == ["92.00", "24.00"]
    assert "up to day 22.0" in text
    assert "mean -0.0100%" in text
    assert "it depends" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_tax_is_a_row_of_its_own() -> None:
    text = printed(render_advice.advice(report(LOTS)))
    assert cells(text, "tax now") == ["-", "997.00"]
    assert cells(text, "paid sooner, for each year") == ["-", "49.85"]


def test_what_is_not_known_is_a_question_mark_and_no_advice() -> None:
    text = printed(render_advice.advice(report(funding=FundingOutlook())))
    assert cells(text, "in 90 days, if it resolves")[0] == "?"
    assert "no advice, for want of a figure" in text
    assert "Not known: what funding will cost." in text


def test_a_coin_that_is_not_above_its_target_needs_no_advice() -> None:
    text = printed(render_advice.advice(replace(report(), advice=None)))
    assert "Nothing to hedge or to trade" in text


@pytest.mark.parametrize("tax", [None, LOTS])
def test_as_json_everything_is_text_or_null(tax: TaxPolicy | None) -> None:
    told = render.to_json(report(tax))
    assert '"verdict": "depends"' in told
    assert '"funding_day": "1"' in told


def test_in_a_plan_it_is_one_line() -> None:
    found = report().advice
    assert found is not None
    text = " ".join(printed(render_advice.in_plan(found)).split())
    assert text.startswith("BTC: depends: if the drift resolves, hedging is the cheaper way for 22.0 days;")
