"""`direction: both` (DOMAIN §3): a coin below its target gets a long, by the same rule seen in a mirror."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_world import NO_MARGIN_LIMITS, SPACING, World, asset_policy, codes, guards_of, instrument, terms, world

from bot.core.advice import Verdict, advise_all
from bot.core.decision import Action, AssetDecision, AssetState, Decision, Leg, Pace, RuleState, Rung
from bot.core.explain import explain
from bot.core.ladder import longs_of
from bot.core.margin import figures, increase_allowed, read_account
from bot.core.market import MarginTier, Position, WalletKind
from bot.core.money import ZERO
from bot.core.outlook import outlook
from bot.core.policy import Direction, FinalisePolicy, GuardPolicy, MarginPolicy, OnMargin
from bot.core.runway import joint_runway, runway_of
from bot.core.times import DAY, HOUR
from bot.core.way import Way, went

D = Decimal
BOTH = asset_policy(direction=Direction.BOTH)
ONE_PERCENT = (MarginTier(D(0), None, D("0.01")),)


def below(btc: str = "0.8", *, long: str = "0", **changes: Any) -> World:
    """0.2 BTC are missing: 10pp below target at 50,000."""
    return world(btc=btc, short=f"-{long}" if D(long) else "0", policy=BOTH, **changes)


def btc(decision: Decision) -> AssetDecision:
    return decision.of("BTC")


# -- the rule ----------------------------------------------------------------------------------------------------------


def test_a_coin_below_its_target_gets_a_long_once_confirmed_and_no_short_only_rule_does() -> None:
    story = below()
    assert btc(story.look()).intent is None
    decided = btc(story.later())
    assert (decided.action, decided.short, decided.goal, decided.way) == (Action.OPEN, ZERO, D("-0.2"), Way.LONG)
    assert "shortfall 10000.00 has reached the open level 5000.00: long 0.2 wanted" in decided.reasons[0].text
    assert btc(world(btc="0.8").settle()).action is Action.HOLD


@pytest.mark.parametrize(("held", "action", "goal"), [
    ("0.818", Action.HOLD, "-0.200"), ("0.820", Action.REDUCE, "-0.180"), ("0.980", Action.CLOSE, "0"),
    ("0.770", Action.INCREASE, "-0.230"),
])
def test_the_examples_of_an_open_hedge_hold_in_the_mirror(held: str, action: Action, goal: str) -> None:
    decided = btc(below(held, long="0.2").settle())
    assert (decided.action, decided.goal) == (action, D(goal))


def test_a_change_of_sign_passes_through_a_confirmed_zero_and_the_cooldown() -> None:
    story = below("1.2", long="0.2")
    closing = btc(story.settle())
    assert (closing.action, closing.goal) == (Action.CLOSE, ZERO)
    assert btc(story.later(HOUR)).goal == 0  # the long is still there: no short is thought of
    story.shorts, story.standings = {}, {"BTC": {"closed_at": story.at}}
    assert "cooldown" in codes(btc(story.settle(3)))
    opening = btc(story.later(DAY))
    assert (opening.action, opening.goal) == (Action.OPEN, D("0.2"))


def test_what_is_confirmed_one_way_is_not_confirmed_the_other() -> None:
    story = below(guards=GuardPolicy(holdings_tolerance=D(10)))
    story.look()
    assert story.state.of("BTC").way is Way.LONG
    story.holdings, story.cash = {"BTC": D("1.2")}, story.cash - 20_000
    decided = btc(story.later())
    assert decided.action is Action.HOLD
    assert "open seen on 1 of 2 snapshots" in decided.reasons[-1].text
    assert btc(story.later()).goal == D("0.2")


def test_a_long_ends_where_the_direction_no_longer_allows_one() -> None:
    story = world(btc="0.8", short="-0.2")
    decided = btc(story.settle())
    assert (decided.action, decided.goal, decided.way) == (Action.CLOSE, ZERO, Way.LONG)
    assert "not_directed" in codes(decided)


def test_a_closed_long_stays_closed_until_its_drift_resolves() -> None:
    story = below(long="0.2")
    story.standings = {"BTC": {"close_requested": True}}
    closed = btc(story.look())
    assert (closed.goal, story.state.of("BTC").disarmed) == (ZERO, "close")
    story.standings, story.shorts = {}, {}
    assert "disarmed" in guards_of(btc(story.settle(3)))
    story.terms = terms(BOTH, guards=GuardPolicy(holdings_tolerance=D(10)))
    story.holdings, story.cash = {"BTC": D("0.985")}, story.cash - 9_250
    story.later()
    assert story.state.of("BTC").disarmed is None


paths = st.lists(st.tuples(st.integers(-240, 240), st.integers(0, 4), st.integers(-400, 400), st.integers(-9, 9)),
                 min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(paths, st.sampled_from(["0.001", "0.03", "0.07"]))
def test_a_long_is_a_short_in_the_mirror(path: list[tuple[int, int, int, int]], contract: str) -> None:
    """Coins too many become coins too few, dear becomes cheap, received becomes paid: all else is the same."""
    policy = replace(BOTH, contract=D(contract))
    stories = [world(btc="1", policy=policy, margin=NO_MARGIN_LIMITS, cooldown=HOUR,
                     guards=GuardPolicy(holdings_tolerance=D(10))) for _ in Way]
    for off, quarters, basis, rate in path:
        looks = []
        for way, story in zip(Way, stories, strict=True):
            story.holdings = {"BTC": 1 + way.sign * D(off) / 1000}
            story.cash = 75_000 - 50_000 * story.holdings["BTC"]
            perp = 50_000 - way.sign * D(basis)
            story.quotes = {"BTC": {"perp_bid": perp, "perp_ask": perp, "funding_rate": way.sign * D(rate) / 10_000}}
            looks.append([story.later(), story.later()])
            seen = btc(looks[-1][-1])
            filled = seen.short + ((seen.goal - seen.short) * quarters / 4).quantize(D("0.001"))
            story.shorts = {"BTC": seen.goal if quarters == 4 else filled}
        for one, other in zip(*looks, strict=True):
            left, right = btc(one), btc(other)
            assert (left.action, left.short, left.goal) == (right.action, -right.short, -right.goal)
            assert (codes(left), guards_of(left)) == (codes(right), guards_of(right))


def test_every_step_of_a_long_is_explained_and_agrees() -> None:
    story = below()
    for _ in range(3):
        story.at += SPACING
        situation = story.situation()
        explained = explain(situation, story.terms, story.look())
        assert explained.disagreements == ()
    titles = [step.title for step in explained.assets[0].steps]
    assert "shortfall" in titles
    assert "reference long" in titles


# -- guards, carry, advice ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("changes", "standing", "guard"), [
    ({"perp_bid": D(50_300), "perp_ask": D(50_300)}, {}, "basis"),
    ({"funding_rate": D("0.0003")}, {}, "carry"),
    ({"funding_interval": None}, {}, "carry_unknown"),
    ({}, {"trailing_carry": D("-0.25")}, "trailing_carry"),
])
def test_what_would_be_dear_for_a_long_refuses_it(changes: Any, standing: Any, guard: str) -> None:
    story = below()
    story.quotes, story.standings = {"BTC": changes}, {"BTC": standing}
    decided = btc(story.settle())
    assert guard in guards_of(decided)
    assert decided.intent is None


def test_a_long_that_nobody_booked_holds_where_longs_are_opened() -> None:
    story = below()
    story.positions = (Position("BTCUSDT", D("0.1"), D(50_000), D(50_000), ZERO),)
    assert "position_mismatch" in guards_of(btc(story.settle()))


def test_advice_weighs_a_long_against_buying() -> None:
    story = below()
    story.quotes = {"BTC": {"spot_ask": D(50_010), "spot_bid": D(49_990), "funding_rate": D("0.0001")}}
    spec = instrument(maker_fee=D("0.0002"), spot_taker_fee=D("0.001"))
    story.terms = terms(BOTH, instruments={"BTC": spec})
    found = advise_all(story.look(), story.snapshot(), story.terms, [])["BTC"]
    assert found.way is Way.LONG
    assert found.funding_day == 3 * D("0.0001") * found.quantity * 50_000  # paid: a cost
    assert found.spot_fee == found.quantity * 50_010 * D("0.001")
    assert found.verdict in (Verdict.DEPENDS, Verdict.BUY)
    assert any("purchase" in reason.text for reason in found.reasons)


# -- margin ------------------------------------------------------------------------------------------------------------


def leaning(equity: str, *, btc: str = "-0.2", eth: str = "0", **margin: Any) -> World:
    """Hedges (negative: long) at 50,000 and 2,500 with a maintenance margin of 1%, on this equity."""
    coins = [BOTH, asset_policy("ETH", "0.3", direction=Direction.BOTH)]
    chosen = terms(*coins, instruments={one.asset: instrument(one.asset, tiers=ONE_PERCENT) for one in coins},
                   margin=MarginPolicy(**margin))
    holdings = {"BTC": 1 + D(btc), "ETH": 12 + D(eth)}
    story = World(terms=chosen, holdings=holdings, prices={"BTC": D(50_000), "ETH": D(2_500)}, cash=D(25_000),
                  futures=D(equity), shorts={"BTC": D(btc), "ETH": D(eth)})
    story.state = RuleState({coin: AssetState(holding=q) for coin, q in holdings.items()}, 25_000 + D(equity))
    return story


def test_a_long_is_liquidated_by_a_fall() -> None:
    story = leaning("2600")
    seen = figures(story.snapshot(), story.terms.instruments, story.terms.longs)
    fall = (D(2_600) - 100) / (10_000 * D("0.99"))
    assert seen.joint_runway == seen.runways["BTC"] == fall
    assert seen.liquidation_prices["BTC"] == 50_000 * (1 - fall)
    assert seen.effective_leverage == D(10_000) / 2_600


def test_longs_below_a_rung_are_sold_and_the_runway_is_there_again() -> None:
    story = leaning("2400")
    decision = story.look()
    decided = btc(decision)
    assert (decision.ladder.rung, decision.ladder.way) == (Rung.REDUCE, Way.LONG)
    assert (decided.action, decided.pace, decided.goal) == (Action.REDUCE, Pace.MARGIN, D("-0.118"))
    assert "of each long is sold" in decision.ladder.text
    after = read_account(
        story.snapshot(), story.terms.instruments, {"BTC": decided.goal}, longs=story.terms.longs)
    assert after is not None
    assert D("0.40") <= (joint_runway(after) or 0) < D("0.41")
    assert story.state.of("BTC").disarmed == "margin"


def test_the_cash_floor_and_finalising_for_margin_only_ever_close_a_long() -> None:
    story = leaning("2400", on_margin=OnMargin.FINALISE)
    decided = btc(story.look())
    assert decided.due is None
    assert "margin_keeps_coins" in codes(decided)


def test_each_way_is_reduced_by_its_own_runway() -> None:
    story = leaning("2400", btc="-0.2", eth="1.6")
    account = read_account(story.snapshot(), story.terms.instruments, longs=longs_of(story.situation(), story.terms))
    assert account is not None
    down, up = runway_of(account, Way.LONG), runway_of(account, Way.SHORT)
    assert down is not None
    assert up is not None
    assert down == (D(2_400) - 140) / 9_900
    assert up == (D(2_400) - 140) / 4_040
    decision = story.look()
    assert decision.ladder.runway == down
    assert btc(decision).action is Action.REDUCE
    assert decision.of("ETH").goal == D("1.6"), "the short has room enough"


def test_coins_fall_with_the_longs_in_a_unified_wallet() -> None:
    story = leaning("12000", btc="-0.2")
    ratio = {asset: replace(spec, collateral_ratio=D("0.9")) for asset, spec in story.terms.instruments.items()}
    unified = replace(story.snapshot(), wallet=WalletKind.UNIFIED)
    account = read_account(unified, ratio, longs=story.terms.longs)
    assert account is not None
    assert account.coins == 12 * 2_500 * D("0.9")
    fall = joint_runway(account)
    assert fall == (D(12_000) - 100) / (10_000 * D("0.99") + D("0.8") * 50_000 * D("0.9") + 27_000)
    with_short = replace(unified, positions=(
        *unified.positions, Position("ETHUSDT", D(-2), D(2_500), D(2_500), ZERO)))
    shorted = read_account(with_short, ratio, longs=story.terms.longs)
    assert shorted is not None
    assert shorted.coins == 27_000 - 5_000


def test_an_increase_of_a_long_is_capped_by_what_a_fall_leaves() -> None:
    story = leaning("5000", btc="0")
    cap = increase_allowed(
        story.snapshot(), story.terms.instruments, "BTC", ZERO, D("0.3"), D("0.001"), story.terms.policy.margin, {},
        way=Way.LONG, longs=story.terms.longs)
    assert [reason.code for reason in cap.reasons] == ["capped_by_leverage", "capped_by_runway"]
    after = read_account(story.snapshot(), story.terms.instruments, {"BTC": -cap.short}, longs=story.terms.longs)
    more = read_account(
        story.snapshot(), story.terms.instruments, {"BTC": -cap.short - D("0.001")}, longs=story.terms.longs)
    assert after is not None
    assert more is not None
    assert (joint_runway(after) or 0) >= D("0.5") > (joint_runway(more) or 0)


def test_no_long_of_somebody_else_falls_where_none_are_opened() -> None:
    snapshot = replace(leaning("2600").snapshot())
    short_only = terms(asset_policy(), instruments={"BTC": instrument(tiers=ONE_PERCENT)})
    assert figures(snapshot, short_only.instruments, short_only.longs).joint_runway is None


# -- ending with the coins ---------------------------------------------------------------------------------------------


def finalised(story: World, looks: int = 40) -> list[tuple[Leg, Decimal]]:
    """Play a finalisation of which every order is filled at once; what was traded, leg by leg."""
    traded: list[tuple[Leg, Decimal]] = []
    story.standings = {"BTC": {"asked": ("finalize",)}}
    bought = ZERO
    for _ in range(looks):
        decided = btc(story.later())
        if decided.due is None:
            return traded
        due = decided.due
        traded.append((due.leg, due.quantity))
        if due.leg is Leg.BUY:
            bought += due.quantity
            story.holdings["BTC"] += due.quantity
            story.cash -= due.quantity * story.prices["BTC"]
        else:
            story.shorts["BTC"] += due.quantity
        story.standings = {"BTC": {"spot_sold": -bought, "coin_flow": bought}}
        story.standing = {"cash_flow": -bought * story.prices["BTC"]}
        exposure = story.holdings["BTC"] - story.shorts["BTC"]
        assert 1 <= exposure <= 1 + D("0.04"), "within one slice of where it was"
    raise AssertionError("it does not end")


def test_a_long_is_finalised_by_buying_its_coins_slice_by_slice() -> None:
    story = below(long="0.2")
    traded = finalised(story)
    assert {leg for leg, _ in traded} == {Leg.BUY, Leg.CLOSE}
    assert sum(q for leg, q in traded if leg is Leg.BUY) == D("0.2")
    assert story.shorts["BTC"] == 0
    assert story.state.of("BTC").goal is None


def test_a_long_is_finalised_as_far_as_the_cash_goes_and_it_is_said() -> None:
    story = below(long="0.2", futures_share="0.9")  # 6,000 in the spot wallet, 10,000 are needed
    story.standings = {"BTC": {"asked": ("finalize",)}}
    decided = btc(story.look())
    assert "coins_not_free" in codes(decided)
    assert decided.due is not None
    assert decided.due.leg is Leg.BUY
    said = next(reason.text for reason in decided.reasons if reason.code == "coins_not_free")
    assert "cannot be paid from the spot wallet" in said


def test_without_any_cash_finalising_a_long_is_refused_with_one_message() -> None:
    story = below(long="0.2", futures_share="1")
    story.standings = {"BTC": {"asked": ("finalize",)}}
    decided = btc(story.look())
    assert codes(decided)[0] == "finalise_refused"
    assert decided.goal == D("-0.2")


def test_policy_ends_an_old_long_with_its_coins_and_a_dear_one() -> None:
    old = below(long="0.2", finalise=FinalisePolicy(max_age=DAY))
    old.standings = {"BTC": {"opened_at": old.at - DAY}}
    assert "finalise_age" in codes(btc(old.look()))
    dear = below(long="0.2")
    dear.quotes = {"BTC": {"funding_rate": D("0.0004")}}
    dear.standings = {"BTC": {"trailing_carry": D("-0.3")}}
    assert "finalise_carry" in codes(btc(dear.look()))
    paid = below(long="0.2")
    paid.quotes = {"BTC": {"funding_rate": D("-0.0004")}}
    paid.standings = {"BTC": {"trailing_carry": D("0.3")}}
    assert "finalise_carry" not in codes(btc(paid.look()))


# -- what would happen next --------------------------------------------------------------------------------------------


def test_without_a_hedge_a_rise_opens_a_short_and_a_fall_a_long() -> None:
    story = below("1")
    decision = story.look()
    found = outlook(story.situation(), story.terms, decision).of("BTC").triggers
    assert [(one.action, one.way, one.move > 0) for one in found] == [
        (Action.OPEN, Way.SHORT, True), (Action.OPEN, Way.LONG, False)]
    assert found[1].goal < 0
    assert found[1].collateral is not None
    assert found[1].collateral.for_runway > 0


def test_an_open_long_grows_with_a_fall_and_ends_with_a_rise() -> None:
    story = below(long="0.2")
    found = outlook(story.situation(), story.terms, story.look()).of("BTC").triggers
    assert [(one.action, one.move > 0) for one in found] == [
        (Action.INCREASE, False), (Action.REDUCE, True), (Action.CLOSE, True)]


def test_coins_that_a_long_ended_with_are_told_as_bought() -> None:
    assert [went(D(sold)) for sold in ("0.2", "-0.2")] == ["sold", "bought"]
