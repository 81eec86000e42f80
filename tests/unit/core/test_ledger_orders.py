"""Executions of one order, taken together: what comes of it is what comes of them one by one."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.ledger import Costs, Execution, Ledger, Traded, Valuation
from bot.core.market import Side
from bot.core.orders import Fill

D = Decimal
CENTS = st.decimals(min_value="0.01", max_value="900", places=2)
EXECUTIONS = st.lists(st.tuples(st.integers(0, 5), CENTS, CENTS, CENTS, st.sampled_from(["USDT", "BNB"]), CENTS,
                                st.one_of(st.none(), CENTS)), min_size=1, max_size=4)
ORDERS = st.lists(st.tuples(st.sampled_from(Side), st.booleans(), EXECUTIONS, st.one_of(st.none(), CENTS),
                            st.one_of(st.none(), CENTS)), min_size=1, max_size=6)
FIGURES = [one.name for one in fields(Costs)]


def rounded(value: Any) -> Any:
    """Without the last digits of 50, in which sums of other terms may differ."""
    return round(value, 25) if isinstance(value, Decimal) else value


@settings(max_examples=120, deadline=None)
@given(ORDERS, CENTS)
def test_an_order_taken_at_once_is_its_executions_taken_one_by_one(orders: list[Any], last: Decimal) -> None:
    together, apart, at = Ledger("USDT"), Ledger("USDT"), 0
    for side, spot, rows, spot_mid, perp_mid in orders:
        run: list[Execution] = []
        for passed, quantity, price, fee, coin, realised, worth in rows:
            at += passed
            run.append((at, quantity, price, fee, coin, D(0) if spot else realised, worth, f"t{at}"))
            fill = Fill(f"t{at}", "o", "BTC/USDT", side, quantity, price, fee, coin, D(0) if spot else realised,
                        maker=True, at=at, fee_value=worth)
            apart.take(Traded(fill, spot_mid, perp_mid, spot=spot))
        together.take_order(side, run, spot_mid, perp_mid, spot=spot)
    for seen in (None, Valuation(at + 7, last, last + 1)):
        one, other = together.costs(seen), apart.costs(seen)
        assert {name: rounded(getattr(one, name)) for name in FIGURES} == {
            name: rounded(getattr(other, name)) for name in FIGURES}
