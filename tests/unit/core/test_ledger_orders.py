"""Executions of one order, taken together: what comes of it is what comes of them one by one."""

from __future__ import annotations

import itertools
from dataclasses import fields
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.ledger import Costs, Ledger, OtherFee, Run, Traded, Valuation
from bot.core.market import Side
from bot.core.orders import Fill

D = Decimal
CENTS = st.decimals(min_value="0.01", max_value="900", places=2)
EXECUTIONS = st.lists(st.tuples(st.integers(0, 5), CENTS, CENTS, CENTS, st.sampled_from(["USDT", "BNB"]), CENTS,
                                st.one_of(st.none(), CENTS)), min_size=1, max_size=4)
ORDERS = st.lists(
    st.tuples(st.sampled_from(Side), st.booleans(), st.sampled_from([None, None, "BNB"]), EXECUTIONS,
              st.one_of(st.none(), CENTS), st.one_of(st.none(), CENTS)), min_size=1, max_size=6)
FIGURES = [one.name for one in fields(Costs)]


def rounded(value: Any) -> Any:
    """Without the last digits of 50, in which sums of other terms may differ."""
    return round(value, 25) if isinstance(value, Decimal) else value


def run(fills: list[Fill]) -> Run:
    """The sums, in the plainest words."""
    others = tuple(OtherFee(one.fee, one.fee_currency, one.fee_value, one.trade_id)
                   for one in fills if one.fee_currency != "USDT")
    own = [one.fee for one in fills if one.fee_currency == "USDT"]
    ripened, quantity = D(0), D(0)
    for one, following in itertools.pairwise(fills):
        quantity += one.quantity
        ripened += quantity * (following.at - one.at)
    return Run(
        fills[0].at, sum((one.quantity for one in fills), D(0)), sum((one.quantity * one.price for one in fills), D(0)),
        fills[0].price, sum(own, D(0)) if own else None, sum((one.realised for one in fills), D(0)), fills[0].trade_id,
        others, len(fills), fills[-1].at - fills[0].at, ripened)


@settings(max_examples=120, deadline=None)
@given(ORDERS, CENTS)
def test_an_order_taken_at_once_is_its_executions_taken_one_by_one(orders: list[Any], last: Decimal) -> None:
    together, apart, at, fills = Ledger("USDT"), Ledger("USDT"), 0, list[Fill]()
    for side, spot, bought, rows, spot_mid, perp_mid in orders:
        fills = []
        for passed, quantity, price, fee, coin, realised, worth in rows:
            at += passed
            fills.append(Fill(f"t{at}", "o", "BTC/USDT", side, quantity, price, fee, coin, D(0) if spot else realised,
                              maker=True, at=at, fee_value=worth))
            apart.take(Traded(fills[-1], spot_mid, perp_mid, spot=spot, bought=bought))
        try:
            together.take_run(side.sign, run(fills), spot_mid, perp_mid, spot=spot, bought=bought)
        except ValueError:
            for fill in fills:
                together.take(Traded(fill, spot_mid, perp_mid, spot=spot, bought=bought))
    for seen in (None, Valuation(at + 7, last, last + 1)):
        one, other = together.costs(seen), apart.costs(seen)
        assert {name: rounded(getattr(one, name)) for name in FIGURES} == {
            name: rounded(getattr(other, name)) for name in FIGURES}


def test_executions_that_go_through_zero_are_refused_and_change_nothing() -> None:
    ledger = Ledger("USDT")
    ledger.take(Traded(Fill("1", "o", "B", Side.SELL, D(1), D(100), D(0), "USDT", D(0), maker=True, at=1), D(100)))
    before = ledger.costs(Valuation(9, D(100), D(100)))
    with pytest.raises(ValueError, match="one by one"):
        ledger.take_run(1, Run(2, D(2), D(200), D(100), None, D(0), "2", fills=2, passed=1, ripened=D(1)), D(100))
    assert ledger.costs(Valuation(9, D(100), D(100))) == before
