"""What is written down is what is read back, exactly."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from random import Random
from types import MappingProxyType
from typing import Any

import pytest
from any_value import any_value
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_values import TERMS, decision, situation

from bot.core.decision import Decision, RuleState, Situation, Standing
from bot.core.episode import Episode
from bot.core.market import Instrument, Snapshot
from bot.core.orders import Fill, FundingPayment, OrderIntent, OrderReport, OrderState
from bot.core.policy import Policy, Terms
from bot.errors import JournalError
from bot.journal.codec import decode, digest, encode
from bot.journal.rows import from_row, report_row, to_row
from bot.journal.schema import Money, money_text

amounts = st.decimals(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("kind", [Decision, Situation, Standing, RuleState, Snapshot, Terms, Policy, Instrument])
@settings(max_examples=20, deadline=None)
@given(chance=st.randoms(use_true_random=True))
def test_every_value_comes_back_exactly(kind: type[object], chance: Random) -> None:
    value = any_value(kind, chance)
    back = decode(kind, encode(value))
    assert back == value
    assert encode(back) == encode(value)


@pytest.mark.parametrize("kind", [OrderIntent, Fill, FundingPayment, Episode])
@settings(max_examples=20, deadline=None)
@given(chance=st.randoms(use_true_random=True))
def test_every_row_comes_back_as_the_value_it_was(kind: type[Any], chance: Random) -> None:
    value = any_value(kind, chance)
    stored = {name: money_text(item) if isinstance(item, Decimal) else item for name, item in to_row(value).items()}
    assert from_row(kind, stored) == value


@given(amounts)
def test_money_is_kept_as_plain_text_with_all_its_digits(amount: Decimal) -> None:
    text = Money().process_bind_param(amount, None)  # type: ignore[arg-type]  # the dialect plays no part
    assert text is not None
    assert "e" not in text.lower()
    assert Money().process_result_value(text, None) == amount  # type: ignore[arg-type]  # the dialect plays no part


@pytest.mark.parametrize("wrong", [1.5, "1.5", Decimal("NaN"), Decimal("Infinity")])
def test_what_is_no_finite_decimal_is_not_kept_as_money(wrong: Decimal) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        Money().process_bind_param(wrong, None)  # type: ignore[arg-type]  # the dialect plays no part


def test_trailing_zeros_survive() -> None:
    assert encode({"size": Decimal("0.100")}) == '{"size":"0.100"}'
    assert money_text(Decimal("0.100")) == "0.100"


def test_the_same_value_is_always_the_same_text() -> None:
    assert '"own_orders":["hrabc_btc1_1","hrabc_btc1_2","hrabc_btc1_3"]' in encode(situation())
    assert digest(encode(TERMS)) == digest(encode(decode(Terms, encode(TERMS))))


def test_a_damaged_record_names_its_place() -> None:
    text = encode(decision()).replace('"100000.10"', '"a lot"')
    with pytest.raises(JournalError, match=r"a recorded Decision cannot be read: nav"):
        decode(Decision, text)


def test_a_report_keeps_all_its_fields_but_the_symbol_in_an_event() -> None:
    names = {field.name for field in fields(OrderReport)} - {"symbol"}
    row = report_row(OrderReport("id", "BTCUSDT", OrderState.OPEN, Decimal(1), at=5), 9)
    assert names <= set(row)
    assert (row["venue_at"], row["at"]) == (5, 9)


def test_a_read_only_mapping_is_kept_like_any_other() -> None:
    assert encode(MappingProxyType({"BTC": Decimal(1)})) == '{"BTC":"1"}'


def test_what_has_no_place_in_the_journal_is_refused() -> None:
    with pytest.raises(TypeError):
        encode({"socket": object()})
