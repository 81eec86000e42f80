"""What is found in passing is what the whole decision says, word by word."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_world import SPACING, World, asset_policy, terms, world
from test_rule_properties import decimals, worlds

from bot.core import plan
from bot.core.decision import Action, AssetState, Decision, Rung
from bot.core.lull import lull
from bot.core.plan import decide, decide_in_full
from bot.core.times import HOUR

D = Decimal
small_moves = st.lists(
    st.tuples(decimals("0.95", "1.06", 3), decimals("0.95", "1.06", 3), st.sampled_from([0, 2, 4])),
    min_size=3, max_size=20)
SWITCHES = st.sampled_from([(True, True), (False, False), (True, False), (False, True)])


def check(story: World) -> Decision:
    situation = story.situation()
    decision, full = decide(situation, story.terms), decide_in_full(situation, story.terms)
    if decision.still:
        assert [one.action for one in full.assets] == [Action.HOLD] * len(full.assets)
        assert all(one.goal == one.short and not one.held and not one.urgent for one in full.assets)
        assert full.halted is None
        assert full.ladder.rung in (Rung.CLEAR, Rung.WARN)
        assert not full.ladder.moving
        assert (decision.at, decision.nav, decision.cash) == (full.at, full.nav, full.cash)
        assert decision.state == full.state
    assert decision == full
    story.state = decision.state
    return decision


@settings(max_examples=120, deadline=None)
@given(worlds(), small_moves, SWITCHES)
def test_a_decision_found_in_passing_is_the_whole_one(
    story: World, path: list[tuple[Decimal, Decimal, int]], switches: tuple[bool, bool],
) -> None:
    policy = story.terms.policy
    story.terms = replace(story.terms, policy=replace(
        policy, guards=replace(policy.guards, enabled=switches[0]), margin=replace(policy.margin, enabled=switches[1])))
    for btc, eth, quarters in path:
        story.prices = {"BTC": (story.prices["BTC"] * btc).quantize(D("0.1")),
                        "ETH": (story.prices["ETH"] * eth).quantize(D("0.01"))}
        story.at += HOUR
        for decided in check(story).assets:
            rest = (decided.goal - decided.short) * quarters / 4
            story.shorts[decided.asset] = decided.short + rest.quantize(D("0.001")) if quarters < 4 else decided.goal


@settings(max_examples=80, deadline=None)
@given(worlds(), small_moves)
def test_a_lull_that_is_kept_says_of_every_price_what_the_whole_decision_says(
    story: World, path: list[tuple[Decimal, Decimal, int]],
) -> None:
    policy = story.terms.policy
    story.terms = replace(story.terms, policy=replace(
        policy, guards=replace(policy.guards, enabled=False), margin=replace(policy.margin, enabled=False),
        finalise=replace(policy.finalise, max_age=0, max_carry=D(0))))
    story.shorts = {one.asset: one.goal for one in story.settle().assets}
    story.later()
    kept = lull(story.situation(), story.terms)
    for btc, eth, _ in path:
        story.prices = {"BTC": (story.prices["BTC"] * btc).quantize(D("0.1")),
                        "ETH": (story.prices["ETH"] * eth).quantize(D("0.01"))}
        story.at += HOUR
        situation = story.situation()
        full, snapshot = decide_in_full(situation, story.terms), situation.snapshot
        spots = [snapshot.quotes[rule.asset].spot_mid or D(0) for rule in story.terms.rules]
        seen = None if kept is None else kept.at(spots, snapshot.futures.unrealised)
        if seen is None:
            continue
        assert kept is not None
        assert kept.prices_only
        assert (seen[0], kept.cash, story.state) == (full.nav, full.cash, full.state)
        assert [one.action for one in full.assets] == [Action.HOLD] * len(full.assets)
        for (excess, gap), one, price in zip(seen[1], full.assets, spots, strict=True):
            assert excess == one.measure.excess
            assert gap == excess - one.short * price


def test_most_looks_at_a_quiet_account_are_found_in_passing() -> None:
    story, found = world(btc="1.0", short="0"), Counter[bool]()
    for k in range(50):
        story.at += HOUR
        story.prices = {"BTC": D(50_000 + k % 7)}
        found[check(story).still] += 1
    assert found == {False: 1, True: 49}  # the first look has nothing to remember


@pytest.mark.parametrize("memory", [
    {"goal": D("0.1"), "goal_action": Action.OPEN}, {"candidate": Action.OPEN, "confirmed": 1}, {"pending_at": 5},
    {"disarmed": "close"}, {"foreign": D("-0.1")}, {"ignored_orders": ("7",)}, {"quarantined_at": 3}, {"holding": None},
    {"holding": D("1.3")},
])
def test_whatever_the_rule_has_in_mind_makes_the_whole_decision(memory: dict[str, Any]) -> None:
    story = world(btc="1.0")
    story.settle()
    story.at += SPACING
    story.asset_state("BTC", **memory)
    assert not check(story).still


@pytest.mark.parametrize("known", [
    {"working": True}, {"unresolved": True}, {"asked": ("close",), "close_requested": True}, {"forced": "adl"},
    {"rearm_requested": True}, {"accept_requested": True}, {"quarantined_at": 3}, {"short": D("0.1")},
    {"coin_flow": D(1)},
])
def test_whatever_the_journal_knows_to_be_under_way_makes_the_whole_decision(known: dict[str, Any]) -> None:
    story = world(btc="1.0")
    story.settle()
    story.at += SPACING
    story.standings["BTC"] = known
    assert not check(story).still


@pytest.mark.parametrize("prices", [
    {"spot_bid": None}, {"mark": D(60_000)}, {"spot_at": 1}, {"perp_ask": D(1)},
])
def test_a_reading_that_is_not_to_be_believed_makes_the_whole_decision(prices: dict[str, Any]) -> None:
    story = world(btc="1.0")
    story.settle()
    story.at += SPACING
    story.quotes["BTC"] = prices
    assert not check(story).still


def test_a_coin_that_the_rule_remembers_and_the_policy_lacks_makes_the_whole_decision() -> None:
    story = world(btc="1.0")
    story.settle()
    story.state = replace(story.state, assets={**story.state.assets, "ETH": AssetState(holding=D(1))})
    story.at += SPACING
    assert not check(story).still


def test_what_nobody_reads_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    story = world(btc="1.0", policy=asset_policy())
    story.settle()
    story.at += SPACING
    situation, made = story.situation(), Counter[str]()
    whole = decide_in_full
    monkeypatch.setattr(plan, "decide_in_full", lambda *given: made.update(["made"]) or whole(*given))
    decision = decide(situation, terms())
    assert decision.nav is not None
    assert not made
    assert decision.of("BTC").reasons[0].code == "below_open"
    assert decision.ladder.text == "no short: nothing to liquidate"
    assert made == {"made": 1}
