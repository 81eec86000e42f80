"""Levels, hysteresis, confirmation, sizes: the rule's parts, each against a table."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from rule_world import asset_policy, instrument, pp, terms

from bot.core.decision import Action, AssetState
from bot.core.plan import check_terms
from bot.core.policy import AssetPolicy, MarginPolicy, Rounding, Threshold
from bot.core.sizing import below_minimum, brings_closer, contract_findings, notional_cap, wanted_hedge
from bot.core.triggers import Count, cooling_until, count, level_findings, levels, wish

D = Decimal
NAV = D(100_000)


@pytest.mark.parametrize(("target", "threshold", "value"), [
    ("0.5", pp("5"), "5000"),
    ("0.5", Threshold(D("0.10"), relative=True), "5000"),
    ("0.3", Threshold(D("0.10"), relative=True), "3000"),
    ("0", pp("5"), "5000"),
])
def test_a_level_is_points_of_nav_or_a_share_of_the_target(target: str, threshold: Threshold, value: str) -> None:
    assert levels(asset_policy(target=target, open=threshold), NAV).open == D(value)


@pytest.mark.parametrize(("changes", "said"), [
    ({}, None),
    ({"close": pp("0")}, None),
    ({"close": pp("5")}, "must be below open"),
    ({"close": pp("6")}, "must be below open"),
    ({"close": pp("-0.1")}, "at least 0"),
    ({"resize": pp("0")}, "above 0"),
    ({"resize": pp("-1")}, "above 0"),
    ({"open": pp("0"), "close": pp("0")}, "must be below open"),
    # 10% of a target of 50% is 5pp: below it is fine, at it is not.
    ({"open": Threshold(D("0.10"), relative=True), "close": pp("4.9")}, None),
    ({"open": Threshold(D("0.10"), relative=True), "close": pp("5")}, "must be below open"),
    ({"target": D(0)}, None),
    ({"target": D(0), "resize": Threshold(D("0.1"), relative=True)}, "relative to a target of 0"),
])
def test_triggers_that_contradict_each_other_are_named(changes: dict[str, Any], said: str | None) -> None:
    found = level_findings(asset_policy(**changes))
    if said is None:
        assert found == ()
    else:
        assert len(found) == 1
        assert said in found[0].text
        assert found[0].code == "levels_invalid"


def ask(excess: str, reference: str, contract: str = "0.001", price: str = "50000", **changes: Any) -> object:
    chosen = asset_policy(**changes)
    answer = wish(chosen, levels(chosen, NAV), D(excess), price=D(price), reference=D(reference), contract=D(contract))
    return answer.reason.code, answer.action, answer.goal


@pytest.mark.parametrize(("excess", "reference", "contract", "answer"), [
    ("4999.99", "0", "0.001", ("below_open", Action.HOLD, D(0))),
    ("5000", "0", "0.001", ("above_open", Action.OPEN, D("0.1"))),
    ("-9000", "0", "0.001", ("below_open", Action.HOLD, D(0))),
    ("5000", "0", "0.11", ("below_contract", Action.HOLD, D(0))),
    # Between close and open: without a hedge nothing, with one it stays. That is the hysteresis.
    ("3000", "0", "0.001", ("below_open", Action.HOLD, D(0))),
    ("3000", "0.06", "0.001", ("within_resize", Action.HOLD, D("0.06"))),
    ("1000.01", "0.02", "0.001", ("within_resize", Action.HOLD, D("0.02"))),
    ("1000", "0.02", "0.001", ("resolved", Action.CLOSE, D(0))),
    ("-1", "0.02", "0.001", ("resolved", Action.CLOSE, D(0))),
    ("10000", "0.18", "0.001", ("under_hedged", Action.INCREASE, D("0.2"))),
    ("9999.99", "0.18", "0.001", ("within_resize", Action.HOLD, D("0.18"))),
    ("10000", "0.22", "0.001", ("over_hedged", Action.REDUCE, D("0.2"))),
    ("10999", "0.2", "0.02", ("within_resize", Action.HOLD, D("0.2"))),
    ("11000", "0.2", "0.05", ("not_closer", Action.HOLD, D("0.2"))),
    ("2400", "0.1", "0.05", ("rounds_to_zero", Action.CLOSE, D(0))),
    ("2500", "0.1", "0.05", ("over_hedged", Action.REDUCE, D("0.05"))),
])
def test_what_the_rule_wants(excess: str, reference: str, contract: str, answer: object) -> None:
    assert ask(excess, reference, contract) == answer


def test_a_wanted_size_that_leaves_exactly_as_much_is_not_traded() -> None:
    # Off by +1,250 now, by −1,250 with one contract more (nearest): no better.
    assert ask("6250", "0.1", "0.05", rounding=Rounding.NEAREST) == ("not_closer", Action.HOLD, D("0.1"))


OPEN = Action.OPEN


@pytest.mark.parametrize(("state", "action", "at", "expected"), [
    (AssetState(), OPEN, 1000, Count(OPEN, 1, 1000)),
    (AssetState(candidate=OPEN, confirmed=1, counted_at=1000), OPEN, 31_000, Count(OPEN, 2, 31_000)),
    # too soon: neither counted nor reset
    (AssetState(candidate=OPEN, confirmed=1, counted_at=1000), OPEN, 30_999, Count(OPEN, 1, 1000)),
    # the same instant again, even where no spacing is asked for
    (AssetState(candidate=OPEN, confirmed=1, counted_at=1000), OPEN, 1000, Count(OPEN, 1, 1000)),
    # the instant on which the rule acted does not confirm the next change
    (AssetState(counted_at=1000), Action.INCREASE, 1000, Count(None, 0, 1000)),
    (AssetState(counted_at=1000), Action.INCREASE, 1001, Count(Action.INCREASE, 1, 1001)),
    # another kind of change starts again
    (AssetState(candidate=Action.REDUCE, confirmed=1, counted_at=1000), Action.CLOSE, 31_000,
     Count(Action.CLOSE, 1, 31_000)),
    # what is confirmed does not count on
    (AssetState(candidate=OPEN, confirmed=2, counted_at=1000), OPEN, 99_000, Count(OPEN, 2, 1000)),
    # no change resets, and keeps the instant
    (AssetState(candidate=OPEN, confirmed=1, counted_at=1000), Action.HOLD, 31_000, Count(None, 0, 1000)),
])
def test_confirmation_counts_spaced_snapshots(
    state: AssetState, action: Action, at: int, expected: Count,
) -> None:
    assert count(state, action, at, needed=2, spacing=30_000) == expected


def test_without_spacing_one_instant_still_counts_once() -> None:
    assert count(AssetState(candidate=OPEN, confirmed=1, counted_at=5), OPEN, 5, needed=2, spacing=0).confirmed == 1
    assert count(AssetState(candidate=OPEN, confirmed=1, counted_at=5), OPEN, 6, needed=2, spacing=0).confirmed == 2


def test_a_cooldown_ends_on_its_instant() -> None:
    assert cooling_until(None, 100, 50) is None
    assert cooling_until(1000, 100, 1099) == 1100
    assert cooling_until(1000, 100, 1100) is None


@pytest.mark.parametrize(("excess", "contract", "rounding", "short"), [
    ("10000", "0.1", Rounding.DOWN, "0.2"),
    ("9999.99", "0.1", Rounding.DOWN, "0.1"),
    ("4999", "0.1", Rounding.DOWN, "0"),
    ("-12000", "0.1", Rounding.DOWN, "0"),
    ("0", "0.1", Rounding.NEAREST, "0"),
    ("7501", "0.1", Rounding.NEAREST, "0.2"),
    ("7500", "0.1", Rounding.NEAREST, "0.1"),
    ("-7501", "0.1", Rounding.NEAREST, "0"),
    ("10000", "0.07", Rounding.DOWN, "0.14"),
    ("12500", "0.05", Rounding.DOWN, "0.25"),
])
def test_an_excess_becomes_whole_contracts(excess: str, contract: str, rounding: Rounding, short: str) -> None:
    assert wanted_hedge(D(excess), D(50_000), D(contract), rounding) == D(short)


def test_closer_means_strictly_closer() -> None:
    assert brings_closer(D(10), D(1), D(5), D(11))
    assert not brings_closer(D(10), D(1), D(9), D(11))
    assert not brings_closer(D(10), D(1), D(9), D(12))


@pytest.mark.parametrize(("action", "quantity", "exempt", "blocked"), [
    (Action.OPEN, "0.002", True, None),
    (Action.OPEN, "0.001", True, "min_notional"),
    (Action.OPEN, "0.0005", True, "min_amount"),
    (Action.INCREASE, "0.001", True, "min_notional"),
    (Action.REDUCE, "0.001", True, None),
    (Action.REDUCE, "0.001", False, "min_notional"),
    (Action.REDUCE, "0.0005", True, "min_amount"),
    (Action.CLOSE, "0.0005", True, None),
    (Action.CLOSE, "0.0005", False, None),
    (Action.OPEN, "0", True, None),
])
def test_minimums_block_what_the_venue_would_not_take_and_never_a_close(
    action: Action, quantity: str, exempt: bool, blocked: str | None,
) -> None:
    market = instrument(min_amount=D("0.001"), min_notional=D(100), reduce_only_exempt=exempt)
    reason = below_minimum(action, D(quantity), D(50_000), market)
    if blocked is None:
        assert reason is None
    else:
        assert reason is not None
        assert reason.code == "below_minimum"
        assert blocked in reason.facts


def test_a_notional_limit_cuts_to_whole_contracts() -> None:
    assert notional_cap(None, D(50_000), D("0.1"), D("0.3")) == D("0.3")
    assert notional_cap(D(15_000), D(50_000), D("0.1"), D("0.3")) == D("0.3")
    assert notional_cap(D(14_999), D(50_000), D("0.1"), D("0.3")) == D("0.2")
    assert notional_cap(D(1), D(50_000), D("0.1"), D("0.3")) == 0


@pytest.mark.parametrize(("contract", "step", "errors", "warnings"), [
    ("0.001", "0.001", [], []),
    ("0.0015", "0.001", ["contract_not_multiple"], []),
    ("0", "0.001", ["contract_not_multiple"], []),
    ("-0.001", "0.001", ["contract_not_multiple"], []),
    ("0.02", "0.001", [], []),                       # 1,000 is the resize level itself
    ("0.021", "0.001", [], ["contract_coarse"]),
    ("0.1", "0.001", [], ["contract_coarse"]),       # 5,000 is the open level itself
    ("0.101", "0.001", ["contract_too_large"], []),
    ("0.05", "0.05", [], ["contract_coarse"]),
])
def test_a_contract_is_checked_against_step_open_and_resize(
    contract: str, step: str, errors: list[str], warnings: list[str],
) -> None:
    found = contract_findings(asset_policy(contract=D(contract)), instrument(step=step), NAV, D(50_000))
    assert [[one.code for one in part] for part in found] == [errors, warnings]


def test_a_contract_below_the_venues_smallest_order_is_a_warning() -> None:
    found = contract_findings(asset_policy(), instrument(min_notional=D(100)), NAV, D(50_000))
    assert [one.code for one in found[1]] == ["contract_below_minimum"]


def start_errors(policy: AssetPolicy, nav: str | None = "100000", price: str | None = "50000", **market: Any,
                 ) -> list[str]:
    chosen = terms(policy, instruments={"BTC": instrument(**market)})
    errors, _ = check_terms(chosen, None if nav is None else D(nav), {"BTC": None if price is None else D(price)})
    return [error.code for error in errors]


def test_terms_are_checked_at_start() -> None:
    fine = asset_policy()
    assert start_errors(fine) == []
    assert start_errors(fine, nav="0") == ["nav_unusable"]
    assert start_errors(fine, nav=None) == ["nav_unusable"]
    assert start_errors(fine, price=None) == ["nav_unusable"]
    assert start_errors(fine, inverse=True) == ["inverse_contract"]
    assert start_errors(asset_policy(close=pp("5"))) == ["levels_invalid"]
    missing = check_terms(terms(fine, instruments={"ETH": instrument("ETH")}), NAV, {"BTC": D(50_000)})
    assert [error.code for error in missing[0]] == ["instrument_missing"]
    tight = check_terms(terms(fine, margin=MarginPolicy(leverage=D(2))), NAV, {"BTC": D(50_000)})
    assert [error.code for error in tight[0]] == ["leverage_too_low"]
