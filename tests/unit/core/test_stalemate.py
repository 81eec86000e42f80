"""Increases that stay refused: what is found in passing is what the whole decision says, memory included."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_world import D, World, codes, world
from test_rule_properties import decimals, worlds

from bot.core.decision import Action, Decision, Rung
from bot.core.market import WalletKind
from bot.core.plan import decide_in_full, in_passing
from bot.core.policy import MarginPolicy
from bot.core.times import HOUR

moves = st.lists(
    st.tuples(decimals("0.97", "1.05", 3), decimals("0.97", "1.05", 3), st.sampled_from([0, 2, 4])),
    min_size=4, max_size=16)


def check(story: World, *, unified: bool = False) -> Decision | None:
    """What is found in passing, held against the whole decision; the story remembers the whole one."""
    situation = story.situation()
    if unified:
        situation = replace(situation, snapshot=replace(situation.snapshot, wallet=WalletKind.UNIFIED))
    found, full = in_passing(situation, story.terms, stuck=True), decide_in_full(situation, story.terms)
    if found is not None:
        assert [one.action for one in full.assets] == [Action.HOLD] * len(full.assets)
        assert all(one.goal == one.short and not one.held and not one.urgent and not one.due for one in full.assets)
        assert full.halted is None
        assert full.ladder.rung in (Rung.CLEAR, Rung.WARN, Rung.STOP)
        assert not full.ladder.moving
        assert (found.at, found.nav, found.cash, found.state) == (full.at, full.nav, full.cash, full.state)
        assert found == full
    story.state = full.state
    return found


@settings(max_examples=150, deadline=None)
@given(worlds(), moves, st.booleans(), st.sampled_from([None, "margin", "cash_floor", "liquidation"]),
       st.sampled_from(["0.3", "1", "5"]))
def test_what_is_found_in_passing_is_the_whole_decision(
    story: World, path: list[tuple[Decimal, Decimal, int]], unified: bool, disarmed: str | None, richer: str,
) -> None:
    story.futures = (story.futures * D(richer)).quantize(D("0.01"))
    for place, (btc, eth, quarters) in enumerate(path):
        story.prices = {"BTC": (story.prices["BTC"] * btc).quantize(D("0.1")),
                        "ETH": (story.prices["ETH"] * eth).quantize(D("0.01"))}
        story.at += HOUR
        check(story, unified=unified)
        for asset, memory in story.state.assets.items():
            if memory.goal is not None:
                short = story.shorts.get(asset, D(0))
                story.shorts[asset] = short + ((memory.goal - short) * quarters / 4).quantize(D("0.001"))
        if place == 1 and disarmed is not None:
            story.asset_state("BTC", disarmed=disarmed)


def wanting(**changes: Any) -> World:
    """A coin far above its target, looked at until the increase is confirmed."""
    story = world(btc="1.4", **changes)
    for _ in range(3):
        story.at += HOUR
        check(story)
        story.asset_state("BTC", goal=None, goal_at=None, goal_action=None, goal_reason="")
    story.at += HOUR
    return story


def full_of(story: World) -> list[str]:
    return codes(decide_in_full(story.situation(), story.terms).of("BTC"))


def test_a_hedge_that_margin_does_not_carry_is_found_in_passing() -> None:
    story = world(btc="1.4", short="0.13", futures_share="0.1")
    found = Counter[bool]()
    for _ in range(10):
        story.at += HOUR
        found[check(story) is not None] += 1
    assert "capped_by_runway" in full_of(story)
    assert found[True] >= 8, found


@pytest.mark.parametrize(("memory", "known", "said"), [
    ({"disarmed": "close"}, {}, "disarmed"), ({"disarmed": "liquidation"}, {}, "disarmed"),
    ({}, {"closed_at": 1_600_000_000_000}, "cooldown"),
    ({"candidate": None, "confirmed": 0}, {}, "confirming"),
])
def test_whatever_refuses_an_increase_by_itself_is_found_in_passing(
    memory: dict[str, Any], known: dict[str, Any], said: str,
) -> None:
    story = wanting()
    story.asset_state("BTC", candidate=Action.OPEN, confirmed=2, counted_at=story.at - HOUR)
    assert in_passing(story.situation(), story.terms, stuck=True) is None, "nothing refuses it"
    story.asset_state("BTC", **memory)
    story.standings["BTC"] = known
    assert said in full_of(story)
    assert check(story) is not None


@pytest.mark.parametrize(("memory", "known"), [
    ({"goal": D("0.1"), "goal_action": Action.OPEN}, {}), ({"quarantined_at": 3}, {}), ({"foreign": D("-0.1")}, {}),
    ({}, {"working": True}), ({}, {"rearm_requested": True}), ({}, {"short": D("0.1")}),
])
def test_whatever_is_under_way_makes_the_whole_decision(memory: dict[str, Any], known: dict[str, Any]) -> None:
    story = wanting()
    story.asset_state("BTC", **{"disarmed": "close", **memory})
    story.standings["BTC"] = known
    assert check(story) is None


def test_a_drift_that_resolved_rearms_in_a_whole_decision() -> None:
    story = world(btc="1.0")
    story.settle()
    story.at += HOUR
    story.asset_state("BTC", disarmed="close")
    assert check(story) is None
    assert story.state.of("BTC").disarmed is None


def test_a_transfer_that_is_permitted_is_asked_for_by_a_whole_decision() -> None:
    story = world(btc="1.4", short="0.1", futures_share="0.05", margin=MarginPolicy(top_up=True))
    story.settle(4)
    story.at += HOUR
    story.standing["can_top_up"] = False
    assert check(story) is None
    story.terms = replace(story.terms, policy=replace(story.terms.policy, margin=MarginPolicy()))
    story.at += HOUR
    assert check(story) is not None
