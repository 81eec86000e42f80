"""Checks as values: what follows from one that fails, and how clocks, keys, strangers and specifications are judged."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.core import hygiene
from bot.core.hygiene import Check, Consequence, Verdict
from bot.core.market import Instrument, MarginTier, OpenOrder, Side
from bot.core.times import DAY

D = Decimal
NOW = 1_700_000_000_000
BTC = Instrument(
    "BTC", "BTC/USDT:USDT", "BTC/USDT", amount_step=D("0.001"), min_amount=D("0.001"), min_notional=D(100),
    price_tick=D("0.1"), spot_lot=D("0.00001"), spot_tick=D("0.01"),
)


def check(name: str, verdict: Verdict) -> Check:
    return Check(name, verdict, "this", "that", "do so")


@pytest.mark.parametrize("verdict", [Verdict.OK, Verdict.WARN, Verdict.UNKNOWN])
def test_only_a_failure_has_a_consequence(verdict: Verdict) -> None:
    assert hygiene.consequence(check(hygiene.POSITION_MODE, verdict)) is None


@pytest.mark.parametrize(("name", "follows"), [
    (hygiene.POSITION_MODE, Consequence.STOP), (hygiene.ASSET_MODE, Consequence.STOP),
    (hygiene.PORTFOLIO_MARGIN, Consequence.STOP), (hygiene.KEY_WITHDRAWAL, Consequence.STOP),
    (hygiene.KEY_TRANSFER, Consequence.STOP), (hygiene.KEY_TRADING, Consequence.STOP),
    (hygiene.KEY_EXPIRY, Consequence.STOP), (hygiene.LEVERAGE, Consequence.PAUSE),
    (hygiene.MARGIN_MODE, Consequence.PAUSE), (hygiene.TRADING, Consequence.PAUSE), (hygiene.CLOCK, Consequence.PAUSE),
    (hygiene.MARKET, Consequence.PAUSE), (hygiene.FOREIGN_ORDER, Consequence.PAUSE),
    ("anything else", Consequence.PAUSE),
])
def test_a_failure_stops_or_pauses(name: str, follows: Consequence) -> None:
    failed = check(name, Verdict.FAIL)
    assert hygiene.consequence(failed) is follows
    assert hygiene.stopping([failed]) == ((failed,) if follows is Consequence.STOP else ())
    assert hygiene.pausing([failed]) == ((failed,) if follows is Consequence.PAUSE else ())


@pytest.mark.fault(73)
@pytest.mark.parametrize(("ahead", "verdict"), [
    (0, Verdict.OK), (999, Verdict.OK), (-999, Verdict.OK), (2_000, Verdict.WARN), (-2_000, Verdict.WARN),
    (9_999, Verdict.WARN), (10_000, Verdict.FAIL), (-10_000, Verdict.FAIL),
])
def test_a_clock_may_be_off_by_less_than_a_second_and_by_ten_never(ahead: int, verdict: Verdict) -> None:
    found = hygiene.clock_check(ahead)
    assert found.verdict is verdict
    assert bool(found.remedy) == (verdict is not Verdict.OK)


@pytest.mark.parametrize(("expires_at", "verdict"), [
    (None, Verdict.OK), (NOW + 14 * DAY, Verdict.OK), (NOW + 14 * DAY - 1, Verdict.WARN), (NOW + 1, Verdict.WARN),
    (NOW, Verdict.FAIL), (NOW - DAY, Verdict.FAIL),
])
@pytest.mark.fault(71)
def test_a_key_that_expires_within_two_weeks_is_warned_of(expires_at: int | None, verdict: Verdict) -> None:
    assert hygiene.expiry_check(expires_at, NOW).verdict is verdict


def order(client_order_id: str, symbol: str = BTC.symbol) -> OpenOrder:
    return OpenOrder(symbol, "77", client_order_id, Side.SELL, D(1), D(1), D(0), reduce_only=False, created_at=NOW)


@pytest.mark.parametrize(("positions", "orders", "strange"), [
    ([], [], set()),
    ([(BTC.symbol, D("-0.1"))], [order("hrabcdef_btc1_1")], set()),
    ([(BTC.symbol, D("0.1"))], [], {hygiene.FOREIGN_POSITION}),
    ([("SOLUSDT", D(-1))], [], {hygiene.FOREIGN_POSITION}),
    ([("SOLUSDT", D(0))], [], set()),
    ([], [order("web_1")], {hygiene.FOREIGN_ORDER}),
    ([], [order("web_1", "SOLUSDT")], set()),
])
def test_longs_other_markets_and_orders_without_our_name_are_strangers(
    positions: list[tuple[str, Decimal]], orders: list[OpenOrder], strange: set[str],
) -> None:
    checks = hygiene.foreign_checks(positions, orders, [BTC.symbol])
    assert {found.name for found in checks} == {hygiene.FOREIGN_POSITION, hygiene.FOREIGN_ORDER}
    assert {found.name for found in checks if found.verdict is Verdict.FAIL} == strange
    assert all(found.remedy for found in checks if found.verdict is Verdict.FAIL)


def test_changes_of_a_specification_are_told_by_field_with_both_values() -> None:
    tier = MarginTier(D(0), None, D("0.01"))
    after = replace(BTC, amount_step=D("0.010"), tradable=False, max_amount=D(5), tiers=(tier,))
    assert hygiene.changes(BTC, BTC) == {}
    assert hygiene.changes(BTC, after) == {
        "amount_step": ("0.001", "0.01"), "tradable": ("true", "false"), "max_amount": ("unknown", "5"),
        "tiers": ("a table of 0 tiers", "a table of 1 tiers"),
    }
    assert hygiene.instrument_check("BTC", BTC, BTC).verdict is Verdict.OK
    assert hygiene.instrument_check("BTC", BTC, after).verdict is Verdict.WARN


def test_a_step_written_with_more_digits_is_no_change() -> None:
    assert hygiene.changes(BTC, replace(BTC, amount_step=D("0.00100"))) == {}


def test_a_check_is_said_in_one_line_with_the_way_out_only_where_one_is_needed() -> None:
    failed = replace(check("margin_mode", Verdict.FAIL), asset="BTC")
    assert hygiene.said(failed) == "BTC: margin mode is this, wanted that: do so"
    assert hygiene.said(replace(failed, verdict=Verdict.OK, asset=None)) == "margin mode is this, wanted that"
