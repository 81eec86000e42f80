from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.core.income import IncomeKind, IncomeRow, entries, reconcile
from bot.core.market import Side
from bot.core.orders import Fill, FundingPayment

D = Decimal
PERP, SPOT = "BTC/USDT:USDT", "BTC/USDT"
SYMBOLS = {PERP, SPOT}

CLOSED = Fill("7", "o", PERP, Side.BUY, D("0.1"), D(50_000), D(1), "USDT", D(20), maker=True, at=100)
SOLD = Fill("8", "o", SPOT, Side.SELL, D("0.1"), D(50_000), D("0.0083"), "BNB", D(0), maker=True, at=101)
PAID = FundingPayment("f1", PERP, D("-0.5"), "USDT", 102)
BOOKS = ([CLOSED, SOLD], [PAID])


def differing(rows: list[IncomeRow], booked: list[IncomeRow], since: int = 0, until: int = 1_000) -> list[str]:
    found = reconcile(rows, booked, symbols=SYMBOLS, since=since, until=until)
    return [one.text for one in found.residuals]


def test_a_venue_must_have_a_row_for_every_profit_fee_and_settlement() -> None:
    assert entries(*BOOKS, spot=False) == [
        IncomeRow(IncomeKind.REALISED, "7", PERP, D(20), "USDT", 100),
        IncomeRow(IncomeKind.FEE, "7", PERP, D(-1), "USDT", 100),
        IncomeRow(IncomeKind.FUNDING, "f1", PERP, D("-0.5"), "USDT", 102),
    ]


def test_where_the_wallet_is_one_it_tells_of_both_coins_of_a_spot_trade() -> None:
    spot = [row for row in entries(*BOOKS, spot=True) if row.symbol == SPOT]
    assert spot == [
        IncomeRow(IncomeKind.TRADE, "8", SPOT, D("-0.1"), "BTC", 101),
        IncomeRow(IncomeKind.TRADE, "8", SPOT, D(5_000), "USDT", 101),
        IncomeRow(IncomeKind.FEE, "8", SPOT, D("-0.0083"), "BNB", 101),
    ]


def test_books_that_agree_have_no_residual() -> None:
    booked = entries(*BOOKS, spot=True)
    found = reconcile(reversed(booked), booked, symbols=SYMBOLS, since=0, until=1_000)
    assert (found.matched, found.residuals) == (6, ())


def test_a_row_that_the_books_lack_is_named() -> None:
    booked = entries(*BOOKS, spot=False)
    stranger = IncomeRow(IncomeKind.FEE, "9", PERP, D("-0.3"), "USDT", 105)
    assert differing([*booked, stranger], booked) == [
        f"fee 9 on {PERP}: the venue tells -0.3 USDT, the books have none of it"]


def test_a_row_that_the_venue_lacks_is_named() -> None:
    booked = entries(*BOOKS, spot=False)
    assert differing(booked[:-1], booked) == [
        f"funding f1 on {PERP}: the books have -0.5 USDT, the venue tells none of it"]


def test_an_amount_that_differs_in_the_last_digit_is_named() -> None:
    booked = entries(*BOOKS, spot=False)
    other = [replace(booked[0], amount=D("20.00000001")), *booked[1:]]
    assert differing(other, booked) == [
        f"realised 7 on {PERP}: the books have 20 USDT, the venue tells 20.00000001"]


def test_a_fee_in_another_coin_than_we_believe_is_a_residual_of_both() -> None:
    booked = entries(*BOOKS, spot=False)
    other = [booked[0], replace(booked[1], currency="BNB"), booked[2]]
    assert len(differing(other, booked)) == 2


def test_nothing_realised_and_no_row_of_it_is_the_same() -> None:
    opened = replace(CLOSED, realised=D(0))
    booked = entries([opened], [], spot=False)
    assert differing(booked[1:], booked) == []


def test_transfers_and_other_symbols_are_not_ours_to_explain_but_a_rebate_is() -> None:
    rows = [
        IncomeRow(IncomeKind.TRANSFER, "1", None, D(500), "USDT", 1),
        IncomeRow(IncomeKind.FEE, "2", "DOGE/USDT:USDT", D(-1), "USDT", 2),
        IncomeRow(IncomeKind.OTHER, "3", None, D("0.2"), "USDT", 3, "COMMISSION_REBATE"),
    ]
    assert differing(rows, []) == ["other 3: the venue tells 0.2 USDT, the books have none of it"]


def test_the_rows_of_one_trade_count_together() -> None:
    booked = entries([CLOSED], [], spot=False)
    parts = [replace(booked[0], amount=D(12)), replace(booked[0], amount=D(8)), booked[1]]
    assert differing(parts, booked) == []


def test_a_row_outside_the_window_is_no_residual_but_may_be_a_counterpart() -> None:
    booked = entries([CLOSED], [], spot=False)
    late = [replace(row, at=row.at + 3) for row in booked]
    assert differing(late, booked, since=0, until=101) == []
    assert differing([], booked, since=101) == []
    assert len(differing([], booked, since=100, until=101)) == 2


AMOUNTS = st.integers(-10**6, 10**6).map(lambda units: D(units) / 100)
ROWS = st.lists(st.builds(
    IncomeRow, st.sampled_from([IncomeKind.FEE, IncomeKind.FUNDING]), st.sampled_from("abcd"), st.just(PERP), AMOUNTS,
    st.just("USDT"), st.integers(0, 50)), max_size=12)


@given(ROWS, ROWS)
def test_residuals_are_all_that_the_two_sums_differ_by(theirs: list[IncomeRow], ours: list[IncomeRow]) -> None:
    found = reconcile(theirs, ours, symbols=SYMBOLS, since=0, until=1_000)
    apart = sum((one.theirs or D(0)) - (one.ours or D(0)) for one in found.residuals)
    assert apart == sum(row.amount for row in theirs) - sum(row.amount for row in ours)
