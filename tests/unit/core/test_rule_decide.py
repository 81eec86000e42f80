"""`decide` over several looks: confirmation, goals in progress, commands, caps, and what is remembered."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from rule_world import (
    NO_MARGIN_LIMITS,
    SPACING,
    World,
    asset_policy,
    codes,
    guards_of,
    instrument,
    pp,
    terms,
    world,
)

from bot.core.decision import Action, RuleState
from bot.core.market import Holding
from bot.core.plan import decide
from bot.core.policy import MarginPolicy, Rounding
from bot.core.times import HOUR, MINUTE

D = Decimal


def test_two_spaced_snapshots_confirm_and_the_last_one_gives_the_size() -> None:
    story = world()
    first = story.look().of("BTC")
    assert (first.action, first.goal, first.intent) == (Action.HOLD, D(0), None)
    assert codes(first) == ["above_open", "confirming"]
    assert codes(story.later(5_000).of("BTC")) == ["above_open", "confirming"]
    story.prices["BTC"] = D(51_000)
    second = story.later(25_000).of("BTC")
    assert second.intent is not None
    assert (second.intent.action, second.intent.current, second.intent.goal) == (Action.OPEN, D(0), D("0.207"))
    assert second.goal == D("0.207")


def test_a_snapshot_on_which_the_condition_does_not_hold_resets() -> None:
    story = world()
    story.look()
    story.prices["BTC"] = D(37_000)
    assert codes(story.later(HOUR).of("BTC")) == ["below_open"]
    story.prices["BTC"] = D(50_000)
    assert "confirming" in codes(story.later(HOUR).of("BTC"))
    assert story.later().of("BTC").action is Action.OPEN


def test_a_held_snapshot_neither_counts_nor_resets() -> None:
    story = world()
    story.look()
    story.quotes = {"BTC": {"mark": None}}
    held = story.later().of("BTC")
    assert held.held
    assert codes(held) == ["held"]
    assert story.state.of("BTC").confirmed == 1
    story.quotes = {}
    assert story.later().of("BTC").action is Action.OPEN


def test_a_jump_holds_until_seen_twice_and_then_confirms_as_usual() -> None:
    story = world(btc="1.02")
    assert codes(story.look().of("BTC")) == ["below_open"]
    story.prices["BTC"] = D(75_000)
    assert guards_of(story.later(5_000).of("BTC")) == ["jump"]
    assert codes(story.later(5_000).of("BTC")) == ["above_open", "confirming"]
    assert story.later().of("BTC").action is Action.OPEN


def test_an_intent_is_told_once_and_the_goal_stays_until_reached() -> None:
    story = world()
    assert story.settle().of("BTC").intent is not None
    working = story.later(5_000).of("BTC")
    assert (working.action, working.goal, working.intent) == (Action.HOLD, D("0.2"), None)
    assert codes(working)[0] == "goal_in_progress"
    story.shorts["BTC"] = D("0.15")
    assert story.later(5_000).of("BTC").goal == D("0.2")
    story.shorts["BTC"] = D("0.2")
    reached = story.later(5_000).of("BTC")
    assert codes(reached) == ["goal_reached", "within_resize"]
    assert story.state.of("BTC").goal is None
    assert codes(story.later(5_000).of("BTC")) == ["within_resize"]


def test_a_goal_remembers_since_when_it_is_worked() -> None:
    story = world()
    story.settle()
    since = story.at
    story.shorts["BTC"] = D("0.05")
    story.later(5_000)
    assert story.state.of("BTC").goal_at == since
    story.standings = {"BTC": {"close_requested": True}}
    story.later(5_000)
    story.later(5_000)
    assert story.state.of("BTC").goal_at == since + 10_000
    story.shorts = {}
    story.later(5_000)
    story.standings = {}
    story.later(5_000)
    assert story.state.of("BTC").goal_at is None


def test_a_goal_is_not_reached_before_the_journal_agrees() -> None:
    story = world()
    story.settle()
    story.shorts["BTC"] = D("0.2")
    story.standings = {"BTC": {"short": D("0.1")}}
    assert guards_of(story.later(5_000).of("BTC")) == ["position_mismatch"]
    assert story.state.of("BTC").goal == D("0.2")


def test_a_goal_in_progress_gives_way_to_a_confirmed_other_one() -> None:
    story = world()
    story.settle()
    story.prices["BTC"] = D(34_000)        # the drift is gone before anything was filled
    assert "confirming" in codes(story.later(HOUR).of("BTC"))
    decided = story.later().of("BTC")
    assert decided.intent is not None
    assert (decided.intent.action, decided.intent.current, decided.goal) == (Action.CLOSE, D("0.2"), D(0))
    assert story.state.of("BTC").goal is None


def test_a_reduction_of_the_goal_compares_with_the_goal_not_the_position() -> None:
    story = world()
    story.settle()
    story.shorts["BTC"] = D("0.05")
    story.prices["BTC"] = D(49_000)        # excess 9,400: off by 400 from the goal, by 6,950 from the position
    assert codes(story.later(5 * MINUTE).of("BTC")) == ["goal_in_progress", "within_resize"]


@pytest.mark.parametrize("short", ["0", "0.05"])
def test_an_increase_in_progress_is_dropped_when_an_opening_guard_refuses(short: str) -> None:
    story = world()
    story.settle()
    story.shorts["BTC"] = D(short)
    story.standing = {"active": False}
    dropped = story.later(5_000).of("BTC")
    assert dropped.goal == D(short)
    assert "goal_dropped" in codes(dropped)
    assert guards_of(dropped) == ["not_active"]
    assert story.state.of("BTC").goal is None


def test_a_reduction_in_progress_is_never_dropped_by_opening_guards() -> None:
    story = world(btc="1.1", short="0.2")
    assert story.settle().of("BTC").goal == D("0.1")
    story.standing = {"active": False}
    story.shorts["BTC"] = D("0.15")
    assert story.later(5_000).of("BTC").goal == D("0.1")


def test_an_increase_in_progress_waits_for_the_look_up_of_its_own_order() -> None:
    story = world()
    story.settle()
    story.standings = {"BTC": {"unresolved": True}}
    frozen = story.later(5_000).of("BTC")
    assert frozen.goal == D("0.2")
    assert guards_of(frozen) == ["unresolved_order"]


def test_a_rest_that_cannot_be_ordered_ends_the_goal() -> None:
    story = world(instruments={"BTC": instrument(min_notional=D(100))})
    story.settle()
    story.shorts["BTC"] = D("0.199")
    story.standings = {"BTC": {"working": True}}
    assert story.later(5_000).of("BTC").goal == D("0.2")
    story.standings = {}
    ended = story.later(5_000).of("BTC")
    assert ended.goal == D("0.199")
    assert codes(ended) == ["below_minimum", "goal_dropped", "within_resize"]


def test_an_order_below_the_minimum_waits_and_says_so() -> None:
    story = world(instruments={"BTC": instrument(min_notional=D(20_000))})
    decided = story.settle().of("BTC")
    assert (decided.action, codes(decided)) == (Action.HOLD, ["above_open", "below_minimum"])


def test_a_close_below_the_minimum_goes_out() -> None:
    story = world(btc="1.0", short="0.01", instruments={"BTC": instrument(min_notional=D(20_000))})
    decided = story.settle().of("BTC")
    assert (decided.action, decided.goal) == (Action.CLOSE, D(0))


def test_close_acts_through_data_guards_at_once_and_disarms() -> None:
    story = world(btc="1.2", short="0.2")
    story.quotes = {"BTC": {"mark": None}}
    story.standings = {"BTC": {"close_requested": True}}
    decided = story.look().of("BTC")
    assert (decided.action, decided.goal, decided.urgent, decided.held) == (Action.CLOSE, D(0), True, False)
    assert guards_of(decided) == ["price_unknown"]
    assert codes(decided) == ["close_requested", "acts_through"]
    assert story.state.of("BTC").disarmed == "close"
    # The command is answered; the close goes on through the guards until the position is gone.
    story.standings = {}
    on = story.later(5_000).of("BTC")
    assert (on.action, on.goal, on.urgent, on.held, on.intent) == (Action.HOLD, D(0), True, False, None)
    story.shorts = {}
    story.quotes = {}
    done = story.later(5_000).of("BTC")
    assert (done.urgent, done.goal) == (False, D(0))
    assert story.state.of("BTC").goal is None


def test_a_disarmed_asset_does_not_reopen_until_its_drift_resolves() -> None:
    story = world()
    story.asset_state("BTC", disarmed="close")
    refused = story.settle(3).of("BTC")
    assert guards_of(refused) == ["disarmed"]
    assert "disarmed" in codes(refused)
    story.prices["BTC"] = D(34_000)
    assert "rearmed" in codes(story.later(HOUR).of("BTC"))
    story.prices["BTC"] = D(50_000)
    story.later(HOUR)
    assert story.later().of("BTC").action is Action.OPEN


def test_a_liquidation_is_re_armed_by_command_only() -> None:
    story = world(btc="1")
    story.asset_state("BTC", disarmed="liquidation")
    story.settle()
    assert story.state.of("BTC").disarmed == "liquidation"
    story.standings = {"BTC": {"rearm_requested": True}}
    assert codes(story.later().of("BTC"))[0] == "rearmed"
    assert story.state.of("BTC").disarmed is None


def test_closing_where_there_is_nothing_disarms_and_tells_no_intent() -> None:
    story = world()
    story.standings = {"BTC": {"close_requested": True}}
    decided = story.look().of("BTC")
    assert (decided.intent, decided.goal, decided.action) == (None, D(0), Action.HOLD)
    assert story.state.of("BTC").disarmed == "close"


def test_a_close_command_stops_an_opening() -> None:
    story = world()
    story.settle()
    story.standings = {"BTC": {"close_requested": True}}
    decided = story.later(5_000).of("BTC")
    assert decided.intent is not None
    assert (decided.intent.current, decided.goal) == (D("0.2"), D(0))


@pytest.mark.parametrize("cash", ["-60000", "-60001"])
def test_no_net_asset_value_halts(cash: str) -> None:
    story = world()
    story.cash, story.futures = D(cash), D(0)
    decision = story.look()
    assert decision.halted == "nav_not_positive"
    assert codes(decision.of("BTC")) == ["halted"]
    assert decision.of("BTC").held
    assert decision.of("BTC").measure.drift is None


def test_a_close_command_acts_even_where_nothing_can_be_decided() -> None:
    story = world(short="0.2")
    story.cash, story.futures = D(-60_000), D(0)
    story.standings = {"BTC": {"close_requested": True}}
    decision = story.look()
    assert decision.halted is not None
    assert (decision.of("BTC").goal, decision.of("BTC").urgent, decision.of("BTC").held) == (D(0), True, False)


def two_coins(btc: str, eth: str, futures: str, margin: MarginPolicy) -> World:
    """BTC at 50,000 with target 50%, ETH at 2,500 with target 30%, cash that makes 100,000."""
    cash = 100_000 - D(btc) * 50_000 - D(eth) * 2_500
    return World(
        terms=terms(asset_policy("ETH", "0.3", contract=D("0.1")), asset_policy("BTC", contract=D("0.01")),
                    margin=margin),
        holdings={"BTC": D(btc), "ETH": D(eth)}, prices={"BTC": D(50_000), "ETH": D(2_500)},
        cash=cash - D(futures), futures=D(futures),
    )


def test_when_margin_is_short_the_largest_drift_is_served_first() -> None:
    # Excess: BTC 8,000, ETH 6,000. At most 5,000 × 2 of shorts.
    story = two_coins("1.16", "14.4", "5000", MarginPolicy(stop_runway=D("-100")))
    decision = story.settle()
    assert [decided.asset for decided in decision.assets] == ["ETH", "BTC"]
    assert decision.of("BTC").goal == D("0.16")
    assert decision.of("ETH").goal == D("0.8")
    assert "capped_by_leverage" in codes(decision.of("ETH"))
    intent = decision.of("ETH").intent
    assert intent is not None
    assert intent.goal == D("0.8")


def test_the_post_trade_runway_caps_an_increase() -> None:
    # (E − MM)/(N(1 + m)) ≥ 0.5 with E = 2,600 and m = 0.4% → N ≤ 5,157.
    story = two_coins("1.2", "8", "2600", MarginPolicy())
    decided = story.settle().of("BTC")
    assert decided.goal == D("0.1")
    assert "capped_by_runway" in codes(decided)


def test_initial_margin_that_is_not_there_caps_an_increase() -> None:
    story = two_coins("1.2", "8", "9000", MarginPolicy())
    story.available = D(800)
    decided = story.settle().of("BTC")
    assert decided.goal == D("0.08")
    assert "capped_by_margin" in codes(decided)


def test_the_notional_limit_of_an_asset_caps_an_increase() -> None:
    story = world(policy=asset_policy(max_hedge_notional=D(7_777), contract=D("0.01")))
    decided = story.settle().of("BTC")
    assert decided.goal == D("0.15")
    assert "capped_by_notional" in codes(decided)
    again = story.later(5_000).of("BTC")
    assert (again.goal, again.intent) == (D("0.15"), None)


def test_an_increase_in_progress_is_cut_when_margin_no_longer_carries_it_unless_its_order_rests() -> None:
    story = two_coins("1.2", "8", "9000", MarginPolicy())
    assert story.settle().of("BTC").goal == D("0.2")
    story.available = D(800)
    story.standings = {"BTC": {"working": True}}
    assert story.later(5_000).of("BTC").goal == D("0.2")
    story.standings = {}
    cut = story.later(5_000).of("BTC")
    assert cut.goal == D("0.08")
    assert "goal_dropped" in codes(cut)


def test_an_increase_in_progress_is_committed_against_the_others() -> None:
    story = two_coins("1.16", "14.4", "5000", MarginPolicy(stop_runway=D("-100")))
    story.asset_state("ETH", disarmed="close")
    decision = story.settle()
    assert (decision.of("BTC").goal, decision.of("ETH").goal) == (D("0.16"), D(0))
    story.standings = {"ETH": {"rearm_requested": True}, "BTC": {"working": True}}
    decision = story.later(5_000)
    assert (decision.of("BTC").goal, decision.of("ETH").goal) == (D("0.16"), D("0.8"))
    assert "capped_by_leverage" in codes(decision.of("ETH"))


def test_nearest_rounding_may_over_hedge_by_half_a_contract() -> None:
    story = world(btc="1.19", policy=asset_policy(contract=D("0.1"), rounding=Rounding.NEAREST))
    assert story.settle().of("BTC").goal == D("0.2")


def test_the_same_nav_decides_all_assets() -> None:
    story = two_coins("1.2", "8", "10000", MarginPolicy())
    decision = story.look()
    assert decision.nav == D(100_000)
    assert decision.of("BTC").measure.target_value == D(50_000)
    assert decision.of("ETH").measure.target_value == D(30_000)
    assert decision.of("ETH").measure.drift == D("-0.1")


def test_deciding_again_on_the_same_instant_changes_nothing() -> None:
    story = world(margin=NO_MARGIN_LIMITS)
    for look in range(8):
        decision = story.look()
        again = decide(story.situation(), story.terms)
        assert again.state == decision.state
        assert [one.goal for one in again.assets] == [one.goal for one in decision.assets]
        assert all(one.intent is None for one in again.assets)
        story.at += SPACING
        if look == 4:
            story.shorts["BTC"] = D("0.2")


def test_the_instant_on_which_the_rule_acted_does_not_confirm_what_a_cap_left_over() -> None:
    story = world(policy=asset_policy(max_hedge_notional=D(7_777), contract=D("0.01")), confirm=1)
    decision = story.look()
    assert decision.of("BTC").goal == D("0.15")
    assert story.look().state == decision.state


def test_what_was_confirmed_for_one_change_does_not_make_another() -> None:
    story = world()
    story.asset_state("BTC", candidate=Action.CLOSE, confirmed=2, counted_at=story.at)
    assert story.look().of("BTC").intent is None
    assert "confirming" in codes(story.later().of("BTC"))


def test_a_close_in_progress_that_is_wanted_smaller_is_still_a_reduction_for_the_minimum() -> None:
    market = instrument(min_notional=D(6_000))
    story = world(short="0.3", instruments={"BTC": market})
    story.asset_state("BTC", goal=D(0), goal_action=Action.CLOSE, goal_reason="resolved")
    decided = story.settle().of("BTC")
    assert (decided.action, decided.short, decided.goal) == (Action.OPEN, D("0.3"), D("0.2"))


def test_a_goal_lowered_while_it_is_still_above_the_position_is_an_increase_for_the_minimum() -> None:
    story = world(btc="1.3", instruments={"BTC": instrument(min_notional=D(9_000))})
    assert story.settle().of("BTC").goal == D("0.3")
    story.shorts["BTC"] = D("0.1")
    story.standings = {"BTC": {"working": True}}
    story.prices["BTC"] = D(47_000)        # 0.277 wanted: an order of 8,319
    story.later(5 * MINUTE)
    decided = story.later().of("BTC")
    assert (decided.intent, decided.goal) == (None, D("0.3"))
    assert "below_minimum" in codes(decided)


def test_a_restart_in_between_changes_nothing() -> None:
    story = world()
    story.look()
    story.at += SPACING
    reborn = world()
    reborn.at, reborn.state = story.at, RuleState(dict(story.state.assets), story.state.cash)
    assert reborn.look() == story.look()


def test_coins_locked_in_orders_and_borrowed_ones_count_as_owned_and_owed() -> None:
    story = world()
    situation = story.situation()
    snapshot = replace(situation.snapshot, holdings={
        **situation.snapshot.holdings, "BTC": Holding(D("0.7"), locked=D("0.6"), borrowed=D("0.1"))})
    decided = decide(replace(situation, snapshot=snapshot), story.terms)
    assert decided.nav == D(100_000)
    assert decided.of("BTC").measure.quantity == D("1.2")


def test_a_long_that_is_not_ours_shows_in_the_net_weight() -> None:
    story = world(btc="1.2", short="-0.1")
    story.standings = {"BTC": {"short": D(0)}}
    story.state = RuleState()
    decided = story.settle().of("BTC")
    assert decided.short == 0
    assert decided.measure.net_weight == D("0.65")
    assert guards_of(decided) == ["long_position"]


def test_the_rule_wants_less_while_it_still_opens() -> None:
    story = world(btc="1.3", policy=asset_policy(resize=pp("1")))
    assert story.settle().of("BTC").goal == D("0.3")
    story.shorts["BTC"] = D("0.1")
    story.prices["BTC"] = D(47_000)        # excess 13,050: 0.277 wanted, still more than the position
    story.later(5 * MINUTE)
    decided = story.later().of("BTC")
    assert decided.intent is not None
    assert (decided.intent.action, decided.intent.current, decided.goal) == (Action.REDUCE, D("0.3"), D("0.277"))
