"""One position: average entry, realised profit, crossing zero."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.paper.positions import PaperPosition, traded

D = Decimal


@pytest.mark.parametrize(("held", "entry", "change", "price", "after", "new_entry", "realised"), [
    ("0", "0", "-0.2", "50010", "-0.2", "50010", "0"),
    ("-0.2", "50010", "-0.05", "56048", "-0.25", "51217.6", "0"),
    ("-0.25", "51217.6", "0.1", "51995", "-0.15", "51217.6", "-77.74"),
    ("-0.15", "51217.6", "0.15", "46999", "0", "0", "632.79"),
    ("0.3", "100", "-0.1", "110", "0.2", "100", "1"),
    ("0.3", "100", "-0.5", "90", "-0.2", "90", "-3"),
    ("-0.3", "100", "0.5", "90", "0.2", "90", "3"),
])
def test_the_entry_changes_only_on_increases(  # noqa: PLR0917 - a table's row
    held: str, entry: str, change: str, price: str, after: str, new_entry: str, realised: str,
) -> None:
    position, profit = traded(PaperPosition(D(held), D(entry)), D(change), D(price), 7)
    assert (position, profit) == (PaperPosition(D(after), D(new_entry), 7), D(realised))


def test_profit_is_rounded_once_to_the_ledger() -> None:
    _, profit = traded(PaperPosition(D(3), D(1) / 3), D(-1), D(1), 0)
    assert profit == D("0.66666667")
    assert PaperPosition(D(1), D(1) / 3).unrealised(D(1)) == D("0.66666667")
    assert PaperPosition().unrealised(D(5)) == 0


@given(st.lists(st.tuples(st.integers(-50, 50).filter(bool), st.integers(1, 1000)), max_size=20), st.integers(1, 1000))
def test_realised_and_unrealised_are_the_cash_flow_of_the_trades(trades: list[tuple[int, int]], mark: int) -> None:
    position, realised, paid = PaperPosition(), D(0), D(0)
    for change, price in trades:
        position, profit = traded(position, D(change), D(price), 0)
        realised, paid = realised + profit, paid + D(change) * price
    assert position.quantity == sum(change for change, _ in trades)
    assert abs(realised + position.unrealised(D(mark)) - (position.quantity * mark - paid)) < D("1e-6")
