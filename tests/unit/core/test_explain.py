"""An explanation has the decision's numbers in it, and never comes to anything else than the decision."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_world import World, asset_policy, terms, world
from test_rule_properties import decimals, moves, worlds

from bot.core.decision import Decision, Situation
from bot.core.explain import AssetExplanation, explain
from bot.core.figures import equals, figure
from bot.core.gauges import account_gauges, asset_gauges
from bot.core.plan import decide
from bot.core.policy import MarginPolicy, Terms

D = Decimal


def first_row() -> World:
    return World(
        terms=terms(asset_policy(contract=D("0.1")), asset_policy("ETH", "0.3"), confirm=1),
        holdings={"BTC": D("1.2"), "ETH": D(8)}, prices={"BTC": D(50_000), "ETH": D(2_500)},
        cash=D(10_000), futures=D(10_000),
    )


def steps_of(explained: AssetExplanation) -> dict[str, tuple[tuple[str, ...], str]]:
    return {step.title: (step.numbers, step.result) for step in explained.steps}


def test_the_first_worked_example_is_told_with_its_numbers() -> None:
    story = first_row()
    situation = story.situation()
    told = explain(situation, story.terms, decide(situation, story.terms))
    assert told.disagreements == ()
    account = {step.title: (step.numbers, step.result) for step in told.account}
    assert account["cash"] == (("USDT 10,000 + 10,000",), "20,000 USDT")
    assert account["NAV"] == (
        ("BTC 1.2·50,000 + ETH 8·2,500 + 20,000 + 0 − 0",), "100,000 USDT")
    btc = steps_of(told.assets[0])
    assert btc["value"] == (("1.2 · 50,000",), "60,000 USDT")
    assert btc["target value"] == (("50% · 100,000",), "50,000 USDT")
    assert btc["excess"] == (("60,000 − 50,000",), "10,000 USDT, a drift of 10pp")
    assert btc["levels"][0] == (
        "open 5pp · 100,000 = 5,000", "close 1pp · 100,000 = 1,000", "resize 1pp · 100,000 = 1,000")
    assert btc["reference short"] == (("position 0 BTC",), "0 BTC")
    assert btc["wanted contracts"] == (("10,000 / (50,000 · 0.1 = 5,000) = 2",), "2 contracts = 0.2 BTC")
    assert btc["confirmation"] == (("before: 0 for nothing",), "1 of 1")
    assert "basis: 0%, at most 0.5%: ok" in btc["opening guards"][0]
    assert btc["margin caps"][0] == (
        "leverage: 10,000 / 10,000 = 1×, at most 2×", "joint runway: a rise of ≈ 99.20318725%, at least 50%",
        "initial margin: 10,000 / 5 = 2,000, available 10,000")
    assert btc["goal"] == (("0 → 0.2 BTC",), "0.2 BTC, 2 contracts: open, as decided")
    assert "gap" not in btc
    eth = steps_of(told.assets[1])
    assert eth["excess"][1] == "−10,000 USDT, a drift of −10pp"
    assert eth["goal"][1] == "0 ETH, 0 contracts: hold, as decided"


def test_a_resize_tells_the_gap_and_its_level() -> None:
    story = world(btc="1.180", short="0.2", policy=asset_policy(contract=D("0.001")), confirm=1)
    situation = story.situation()
    told = steps_of(explain(situation, story.terms, decide(situation, story.terms)).assets[0])
    assert told["gap"] == (("9,000 − 0.2 · 50,000",), "−1,000 USDT, to be compared with resize 1,000")
    assert told["wanted contracts"][1] == "180 contracts = 0.18 BTC"
    assert told["goal"] == (("0.2 → 0.18 BTC",), "0.18 BTC, 180 contracts: reduce, as decided")


def test_what_holds_and_what_refuses_is_told_with_reading_and_limit() -> None:
    story = first_row()
    story.quotes["BTC"] = {"mark": D(51_000), "funding_rate": D("-0.0003")}
    situation = story.situation()
    told = steps_of(explain(situation, story.terms, decide(situation, story.terms)).assets[0])
    assert "divergence: 2%, at most 1%: HOLDS" in told["data guards"][0]
    assert told["data guards"][1].startswith("held: mark 51000")
    story.quotes["BTC"] = {"funding_rate": D("-0.0003")}
    situation = story.situation()
    told = steps_of(explain(situation, story.terms, decide(situation, story.terms)).assets[0])
    assert "carry: 32.85%, at most 20%: REFUSES" in told["opening guards"][0]
    assert told["opening guards"][1].startswith("refused: funding would cost")


def test_a_cap_is_told_with_the_account_after_the_whole_wish() -> None:
    story = world(policy=asset_policy(contract=D("0.01")), futures_share="0.1", confirm=1)
    situation = story.situation()
    told = steps_of(explain(situation, story.terms, decide(situation, story.terms)).assets[0])
    assert told["margin caps"][0][0] == "leverage: 10,000 / 4,000 = 2.5×, at most 2×"
    assert "capped at" in told["margin caps"][1]
    assert told["goal"][1].endswith("open, as decided")


def test_scarce_margin_is_told_as_it_was_shared_the_largest_drift_first() -> None:
    story = World(
        terms=terms(asset_policy("BTC", "0.3", contract=D("0.01")), asset_policy("ETH", "0.3", contract=D("0.1")),
                    confirm=1),
        holdings={"BTC": D("0.8"), "ETH": D(18)}, prices={"BTC": D(50_000), "ETH": D(2_500)},
        cash=D(7_000), futures=D(8_000),
    )
    for order in (("BTC", "ETH"), ("ETH", "BTC")):
        policy = story.terms.policy
        chosen = replace(story.terms, policy=replace(policy, assets=tuple(policy.asset(coin) for coin in order)))
        situation = story.situation()
        decision = decide(situation, chosen)
        assert decision.of("ETH").goal == D(6)
        assert decision.of("BTC").goal == D("0.01")
        assert explain(situation, chosen, decision).disagreements == ()


def test_a_close_by_command_is_told_to_go_to_nothing() -> None:
    story = world(short="0.2", policy=asset_policy(contract=D("0.1")))
    story.standings["BTC"] = {"close_requested": True}
    situation = story.situation()
    told = explain(situation, story.terms, decide(situation, story.terms))
    assert told.disagreements == ()
    assert steps_of(told.assets[0])["goal"] == (("0.2 → 0 BTC",), "0 BTC, 0 contracts: close, as decided")


def test_a_decision_that_was_altered_is_found_out() -> None:
    story = first_row()
    situation = story.situation()
    made = decide(situation, story.terms)
    btc = made.of("BTC")
    altered = replace(made, assets=(replace(btc, goal=D("0.3")), made.assets[1]))
    told = explain(situation, story.terms, altered)
    assert any("other actions, goals" in text for text in told.disagreements)
    assert any("BTC: the steps come to a short of 0.2, the decision to 0.3" in text for text in told.disagreements)
    told = explain(situation, story.terms, replace(made, nav=D(1)))
    assert any("other figures" in text for text in told.disagreements)


@pytest.mark.parametrize(("value", "text"), [
    (D(60_000), "60,000"), (D("-1234.50"), "−1,234.5"), (D("0.2"), "0.2"), (D(1) / 3, "≈ 0.33333333"), (None, "?"),
    (D("0E+3"), "0"), (D("1E+4"), "10,000"), (D("-0.001"), "−0.001"),
])
def test_figures_keep_their_digits(value: Decimal | None, text: str) -> None:
    assert figure(value) == text


def test_an_equation_is_exact_or_says_that_it_is_not() -> None:
    assert (equals(D(2)), equals(D(2) / 3)) == ("= 2", "≈ 0.66666667")


def walk(story: World, path: list[tuple[Decimal, Decimal, int]]) -> list[tuple[Situation, Terms, Decision]]:
    """Walk the prices, filling a share (quarters) of what is wanted after each look."""
    made = []
    for btc, eth, quarters in path:
        story.prices = {"BTC": story.prices["BTC"] * btc, "ETH": story.prices["ETH"] * eth}
        story.at += 600_000
        for _ in range(2):
            situation = story.situation()
            decision = decide(situation, story.terms)
            made.append((situation, story.terms, decision))
            story.state = decision.state
            story.at += 30_000
        for decided in decision.assets:
            part = (decided.goal - decided.short) * quarters / 4
            step = story.terms.instruments[decided.asset].amount_step
            story.shorts[decided.asset] = decided.short + (part / step).to_integral_value() * step
    return made


@st.composite
def troubled(draw: st.DrawFn) -> World:
    """A random account with whatever can get in the way."""
    story = draw(worlds())
    story.terms = replace(story.terms, policy=replace(
        story.terms.policy, confirm=draw(st.sampled_from([1, 2])), margin=MarginPolicy(
            max_leverage=draw(decimals("0.5", "3", 1)), stop_runway=draw(decimals("0.1", "2", 1))),
        assets=tuple(replace(one, max_hedge_notional=draw(st.sampled_from([None, D(700), D(9_000)])))
                     for one in story.terms.policy.assets)))
    for asset in ("BTC", "ETH"):
        story.quotes[asset] = draw(st.sampled_from([
            {}, {}, {"funding_rate": D("-0.001")}, {"funding_rate": None}, {"index": D(1)}, {"mark": None},
        ]))
        story.standings[asset] = draw(st.sampled_from([
            {}, {}, {}, {"close_requested": True}, {"unresolved": True}, {"working": True}, {"orders_last_hour": 60},
            {"closed_at": story.at}, {"accept_requested": True}, {"trailing_carry": D("0.3")},
        ]))
    story.standing = {"active": draw(st.sampled_from([True, True, True, False]))}
    return story


@settings(max_examples=120, deadline=None)
@given(troubled(), moves)
def test_an_explanation_never_disagrees_with_its_decision(
    story: World, path: list[tuple[Decimal, Decimal, int]],
) -> None:
    for situation, chosen, decision in walk(story, path):
        told = explain(situation, chosen, decision)
        assert told.disagreements == ()
        assert [one.goal for one in told.assets] == [decided.goal for decided in decision.assets]


@settings(max_examples=80, deadline=None)
@given(troubled(), moves)
def test_a_guard_that_refused_shows_a_gauge_beyond_its_limit(
    story: World, path: list[tuple[Decimal, Decimal, int]],
) -> None:
    for situation, chosen, decision in walk(story, path):
        for decided in decision.assets:
            gauges = (*asset_gauges(situation, chosen, decision, decided), *account_gauges(situation, chosen, decision))
            known = {gauge.guard for gauge in gauges}
            tripped = {gauge.guard for gauge in gauges if gauge.tripped and gauge.scope != "cap"}
            refused = {refusal.guard for refusal in decided.refusals}
            assert refused & known <= tripped
            for gauge in gauges:
                if gauge.tripped and gauge.room is not None and gauge.guard not in ("jump", "position_mismatch"):
                    assert gauge.room <= 0
            if decided.refusals and decided.held:
                assert not (tripped - refused) & {"jump", "holdings_changed", "position_mismatch", "cash_changed"}
