"""What holds after every decision, over random portfolios, prices and fills."""

from __future__ import annotations

import decimal
from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from rule_world import NO_MARGIN_LIMITS, SPACING, World, asset_policy, guards_of, instrument, pp, terms, world

from bot.core.decision import Action, AssetDecision, Decision, Pace
from bot.core.money import is_multiple
from bot.core.plan import decide
from bot.core.policy import Direction, MarginPolicy, Rounding
from bot.core.reasons import GUARDS, REASONS
from bot.core.triggers import levels

D = Decimal
EXCUSES = {"confirming", "below_minimum", "held", "halted", "opening_refused", "cooldown", "disarmed"}


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(D(low), D(high), places=places, allow_nan=False, allow_infinity=False)


@st.composite
def worlds(draw: st.DrawFn, *, rounding: Rounding | None = None, free: bool = False) -> World:
    """Two coins with random weights, triggers and contracts; `free`: no margin limit and nothing to confirm."""
    policies, instruments = [], {}
    for asset, target in (("BTC", "0.5"), ("ETH", "0.3")):
        opens = draw(st.integers(2, 8))
        policies.append(asset_policy(
            asset, target, open=pp(str(opens)), close=pp(str(draw(st.integers(0, opens - 1)))),
            resize=pp(str(draw(st.sampled_from(["0.25", "1", "2"])))),
            contract=D(draw(st.sampled_from(["0.001", "0.005", "0.03", "0.07"]))),
            rounding=rounding or draw(st.sampled_from(Rounding)), direction=draw(st.sampled_from(Direction)),
        ))
        instruments[asset] = instrument(asset, min_notional=D(draw(st.sampled_from([0, 5, 100]))),
                                        reduce_only_exempt=draw(st.booleans()))
    chosen = terms(*policies, instruments=instruments, margin=NO_MARGIN_LIMITS if free else MarginPolicy())
    if free:
        chosen = replace(chosen, policy=replace(chosen.policy, confirm=1, confirm_spacing=0))
    return World(
        terms=chosen,
        holdings={"BTC": draw(decimals("0", "2", 3)), "ETH": draw(decimals("0", "30", 2))},
        prices={"BTC": draw(decimals("20000", "60000", 1)), "ETH": draw(decimals("1000", "4000", 2))},
        cash=draw(decimals("100", "50000", 2)), futures=draw(decimals("100", "40000", 2)),
    )


moves = st.lists(st.tuples(decimals("0.7", "1.4", 3), decimals("0.7", "1.4", 3), st.sampled_from([0, 1, 2, 4])),
                 min_size=1, max_size=12)


def run(story: World, path: list[tuple[Decimal, Decimal, int]]) -> list[Decision]:
    """Walk the prices, looking twice at each, then filling a share (quarters) of what is wanted."""
    made = []
    for btc, eth, quarters in path:
        story.prices = {
            "BTC": (story.prices["BTC"] * btc).quantize(D("0.1")),
            "ETH": (story.prices["ETH"] * eth).quantize(D("0.01")),
        }
        made.append(story.later(1000 * SPACING))
        decision = story.later()
        made.append(decision)
        for decided in decision.assets:
            rest = (decided.goal - decided.short) * quarters / 4
            story.shorts[decided.asset] = decided.short + rest.quantize(D("0.001"))
            if quarters == 4:
                story.shorts[decided.asset] = decided.goal
    return made


def nav_of(decision: Decision) -> Decimal:
    assert decision.nav is not None
    return decision.nav


def excess_of(decided: AssetDecision) -> Decimal:
    """Along the way of the hedge; so are `hedge_of` and `goal_of`."""
    assert decided.measure.excess is not None
    return decided.way.along(decided.measure.excess)


def hedge_of(decided: AssetDecision) -> Decimal:
    return decided.way.along(decided.short)


def goal_of(decided: AssetDecision) -> Decimal:
    return decided.way.along(decided.goal)


def price_of(decided: AssetDecision) -> Decimal:
    assert decided.measure.price is not None
    return decided.measure.price


@settings(max_examples=60, deadline=None)
@given(worlds(rounding=Rounding.DOWN), moves)
def test_an_increase_never_hedges_more_than_the_excess(story: World, path: list[tuple[Decimal, Decimal, int]]) -> None:
    for decision in run(story, path):
        for decided in decision.assets:
            if decided.action in (Action.OPEN, Action.INCREASE):
                assert goal_of(decided) * price_of(decided) <= excess_of(decided)


@settings(max_examples=80, deadline=None)
@given(worlds(), moves)
def test_the_goal_stays_within_the_excess_and_one_resize_or_contract(
    story: World, path: list[tuple[Decimal, Decimal, int]],
) -> None:
    for decision in run(story, path):
        for decided in decision.assets:
            if EXCUSES & {reason.code for reason in decided.reasons} or decided.pace is Pace.MARGIN:
                continue
            policy = story.terms.policy.asset(decided.asset)
            slack = max(levels(policy, nav_of(decision)).resize / price_of(decided), decided.contract)
            assert goal_of(decided) <= max(excess_of(decided), D(0)) / price_of(decided) + slack


@settings(max_examples=80, deadline=None)
@given(worlds(), moves)
def test_goals_are_whole_contracts_and_reductions_never_flip(
    story: World, path: list[tuple[Decimal, Decimal, int]],
) -> None:
    for decision in run(story, path):
        for decided in decision.assets:
            assert goal_of(decided) >= 0
            assert hedge_of(decided) >= 0, "a change of sign passes through zero"
            if story.terms.policy.asset(decided.asset).direction is Direction.SHORT:
                assert decided.goal >= 0
            assert decided.reasons
            intent = decided.intent
            if intent is None:
                assert decided.action is Action.HOLD
                continue
            assert intent.goal == decided.goal != intent.current
            # Or it stops where it is: a reduction in progress that is wanted no more.
            assert is_multiple(intent.goal, decided.contract) or intent.goal == decided.short
            goal, current = decided.way.along(intent.goal), decided.way.along(intent.current)
            if intent.action in (Action.REDUCE, Action.CLOSE):
                assert 0 <= goal < current
            else:
                assert goal > current
            assert (intent.action is Action.CLOSE) == (intent.goal == 0)


@settings(max_examples=60, deadline=None)
@given(worlds(), moves, st.booleans(), decimals("0.9", "1.1", 3))
def test_deciding_twice_is_the_same_and_changes_nothing(
    story: World, path: list[tuple[Decimal, Decimal, int]], second_look: bool, move: Decimal,
) -> None:
    run(story, path)
    story.at += 1000 * SPACING
    story.prices["BTC"] *= move
    if second_look:
        story.look()
        story.at += SPACING
    situation = story.situation()
    first = decide(situation, story.terms)
    assert decide(situation, story.terms) == first
    again = decide(replace(situation, state=first.state), story.terms)
    assert again.state == first.state
    assert [one.goal for one in again.assets] == [one.goal for one in first.assets]
    assert all(one.intent is None for one in again.assets)


@settings(max_examples=80, deadline=None)
@given(worlds(free=True), moves)
def test_what_is_filled_at_once_leaves_nothing_to_do(story: World, path: list[tuple[Decimal, Decimal, int]]) -> None:
    # The last once more: a change of sign takes two orders.
    run(story, [*((btc, eth, 4) for btc, eth, _ in path), (D(1), D(1), 4)])
    decision = story.later()
    assert all(one.intent is None and one.goal == one.short for one in decision.assets)


@settings(max_examples=60, deadline=None)
@given(worlds(), moves, st.sampled_from(["mark", "spot_bid", "index"]), st.integers(0, 11))
def test_a_data_guard_holds_every_order_and_every_code_is_documented(
    story: World, path: list[tuple[Decimal, Decimal, int]], broken: str, when: int,
) -> None:
    before = run(story, path[:when])
    story.quotes = {"BTC": {broken: None}}
    held = run(story, path[when:])
    for decision in held:
        for decided in decision.assets:
            if decided.pace is Pace.MARGIN:
                continue  # the margin ladder alone acts through
            assert decided.held
            assert decided.intent is None
    for decision in before + held:
        for decided in decision.assets:
            assert {reason.code for reason in decided.reasons} <= REASONS.keys()
            assert set(guards_of(decided)) <= GUARDS.keys()
            facts = [*(reason.facts for reason in decided.reasons), *(refusal.facts for refusal in decided.refusals)]
            assert not any("E+" in fact or "E-" in fact for numbers in facts for fact in numbers.values())


@settings(max_examples=60, deadline=None)
@given(worlds(), moves)
def test_a_close_command_always_wins(story: World, path: list[tuple[Decimal, Decimal, int]]) -> None:
    run(story, path)
    story.standings = {"BTC": {"close_requested": True}}
    story.quotes = {"BTC": {"spot_ask": D(0)}}
    decided = story.later().of("BTC")
    assert decided.goal == 0
    assert decided.urgent
    assert not decided.held


def test_a_decision_does_not_depend_on_the_decimal_context_of_its_caller() -> None:
    """ccxt sets the shared context's rounding to half up; a decision must come out the same when it is checked."""
    hedged = world(price="49999.93", short="0.137")
    situation = hedged.situation()
    expected = decide(situation, hedged.terms)
    assert expected.margin.joint_runway is not None
    with decimal.localcontext(decimal.Context(prec=12, rounding=decimal.ROUND_UP)):
        assert decide(situation, hedged.terms) == expected
