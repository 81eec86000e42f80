"""The margin ladder against DOMAIN §6.2 and §6.3: which rung, how much, and what it does not wait for."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_world import SPACING, World, asset_policy, codes, guards_of, instrument, terms

from bot.core.decision import Action, AssetState, Due, Leg, Pace, RuleState, Rung
from bot.core.explain import explain
from bot.core.ladder import Proceeds, climb, reduced_fraction
from bot.core.margin import read_account
from bot.core.market import MarginTier, Position, WalletKind
from bot.core.plan import decide
from bot.core.policy import MarginPolicy, OnMargin
from bot.core.runway import Exposure, MarginAccount, runway

D = Decimal
ONE_PERCENT = (MarginTier(D(0), None, D("0.01")),)


def hedged(equity: str, *, btc: str = "0.2", eth: str = "0", margin: MarginPolicy | None = None, cash: str = "30000",
           **changes: Any) -> World:
    """Short `btc` at 50,000 and `eth` at 2,500, each with a maintenance margin of 1%, on this equity."""
    coins = [asset_policy(), asset_policy("ETH", "0.3")]
    chosen = terms(*coins, instruments={one.asset: instrument(one.asset, tiers=ONE_PERCENT) for one in coins},
                   margin=margin or MarginPolicy())
    holdings = {"BTC": D("1.2"), "ETH": D(10)}
    story = World(
        terms=chosen, holdings=holdings, prices={"BTC": D(50_000), "ETH": D(2_500)}, cash=D(cash), futures=D(equity),
        shorts={"BTC": D(btc), "ETH": D(eth)}, **changes,
    )
    story.state = RuleState(
        {asset: AssetState(holding=held) for asset, held in holdings.items()}, D(cash) + D(equity))
    return story


def reading(story: World) -> Any:
    return story.look().ladder


def test_the_worked_example_closes_0_075_without_a_transfer() -> None:
    story = hedged("2600")
    decision = story.look()
    assert decision.ladder.rung is Rung.REDUCE
    assert decision.ladder.runway is not None
    assert round(decision.ladder.runway * 100, 2) == D("24.75")
    btc = decision.of("BTC")
    assert (btc.short, btc.goal, btc.action) == (D("0.2"), D("0.125"), Action.REDUCE)
    assert btc.pace is Pace.MARGIN
    after = read_account(story.snapshot(), story.terms.instruments, {"BTC": btc.goal})
    assert after is not None
    left = runway(after, after.shorts)
    assert left is not None
    assert round(left * 100, 2) == D("40.20")


def test_the_worked_example_sells_0_022_with_the_proceeds_transferred() -> None:
    account = MarginAccount(D(2600), (Exposure("BTC", D(10_000), D(100), ONE_PERCENT),))
    with_transfer = reduced_fraction(account, {"BTC": D(1)}, D("0.40"), proceeds=Proceeds(D(10_000)))
    assert D("0.021") < with_transfer * D("0.2") <= D("0.022")
    without = reduced_fraction(account, {"BTC": D(1)}, D("0.40"))
    assert without == 1 - D(2600) / D(4140)


@pytest.mark.parametrize(("equity", "rung"), [
    ("8000", Rung.CLEAR), ("7600", Rung.WARN), ("5100", Rung.STOP), ("2600", Rung.REDUCE), ("1300", Rung.FULL),
    ("90", Rung.FULL), ("-50", Rung.FULL),
])
def test_each_runway_has_its_rung(equity: str, rung: Rung) -> None:
    assert reading(hedged(equity)).rung is rung


def test_exactly_at_a_rung_it_is_not_below_it() -> None:
    # X = (E − 100) / 10,100
    assert reading(hedged("2625")).rung is Rung.STOP
    assert reading(hedged("2624.99")).rung is Rung.REDUCE


def test_every_hedge_is_reduced_pro_rata_and_rounded_up_to_contracts() -> None:
    story = hedged("3900", eth="2")  # N 15,000, X 24.75%, f = 1 − 3900/6210
    decision = story.look()
    assert (decision.of("BTC").goal, decision.of("ETH").goal) == (D("0.125"), D("1.256"))


def test_the_last_rung_closes_everything() -> None:
    decision = hedged("1300", eth="2").look()
    assert [decision.of(asset).goal for asset in ("BTC", "ETH")] == [0, 0]
    assert codes(decision.of("BTC"))[0] == "margin_full"


def test_there_is_no_confirming_no_cooldown_and_one_look_is_enough() -> None:
    story = hedged("2600")
    story.standings = {"BTC": {"closed_at": story.at - 1, "orders_last_hour": 10_000}}
    assert story.look().of("BTC").intent is not None


@pytest.mark.parametrize("broken", [
    {"spot_at": 0, "perp_at": 0, "mark_at": 0}, {"perp_bid": D(60_000)}, {"spot_bid": None}, {"index": D(10)},
])
def test_prices_that_are_not_to_be_believed_do_not_hold_it(broken: dict[str, Any]) -> None:
    story = hedged("2600")
    story.quotes = {"BTC": broken}
    btc = story.look().of("BTC")
    assert (btc.goal, btc.held, btc.urgent) == (D("0.125"), False, True)
    assert "acts_through" in codes(btc)
    assert guards_of(btc)


@pytest.mark.parametrize("mark", [None, D(0), D(-5)])
def test_without_a_mark_of_its_own_it_takes_the_one_of_the_position(mark: Decimal | None) -> None:
    story = hedged("2600")
    story.quotes = {"BTC": {"mark": mark}}
    assert story.look().of("BTC").goal == D("0.125")


def test_without_any_mark_it_says_that_the_runway_is_unknown() -> None:
    story = hedged("2600", btc="0")
    story.positions = (Position("BTCUSDT", D("-0.2"), D(50_000), None, D(0)),)
    story.standings = {"BTC": {"short": D("0.2")}}
    story.quotes = {"BTC": {"mark": None}}
    decision = story.look()
    assert "unknown" in decision.ladder.text
    assert decision.of("BTC").held


def test_holdings_that_changed_do_not_hold_it() -> None:
    story = hedged("2600")
    story.holdings["BTC"] = D("0.9")
    btc = story.look().of("BTC")
    assert "holdings_changed" in guards_of(btc)
    assert btc.goal == D("0.125")


def test_a_foreign_short_counts_and_is_not_touched() -> None:
    story = hedged("2600", btc="0.1")
    foreign = Position("SOLUSDT", D(-50), D(100), D(100), D(0), maintenance_margin=D(50))
    story.positions = (foreign,)
    decision = story.look()
    assert decision.ladder.rung is Rung.REDUCE
    assert decision.of("BTC").goal == D("0.025"), "ours alone must bring the whole account to 40%"
    after = read_account(replace(story.snapshot()), story.terms.instruments, {"BTC": D("0.025")})
    assert after is not None
    left = runway(after, after.shorts)
    assert left is not None
    assert left >= D("0.40")


def test_a_position_larger_than_the_journal_knows_is_closed_only_as_far_as_it_is_ours() -> None:
    story = hedged("1000")
    story.standings = {"BTC": {"short": D("0.15")}}
    btc = story.look().of("BTC")
    assert (btc.short, btc.goal) == (D("0.2"), D("0.05"))


def test_with_an_unknown_outcome_the_position_tells() -> None:
    story = hedged("1000")
    story.standings = {"BTC": {"short": D("0.15"), "unresolved": True}}
    btc = story.look().of("BTC")
    assert (btc.goal, btc.pace, btc.held) == (D(0), Pace.MARGIN, False)


def test_a_position_read_before_our_last_fill_is_not_sized_on() -> None:
    story = hedged("2600", btc="0")
    story.positions = (Position("BTCUSDT", D("-0.2"), D(50_000), D(50_000), D(0), updated_at=story.at - 10),)
    story.standings = {"BTC": {"short": D("0.125"), "last_fill_at": story.at - 5}}
    btc = story.look().of("BTC")
    assert btc.intent is None
    story.asset_state("BTC", goal=D("0.125"), goal_action=Action.REDUCE, goal_reason="margin_reduce", goal_at=story.at)
    btc = story.look().of("BTC")
    assert btc.held
    assert "position_lags" in codes(btc)


def test_after_a_margin_close_the_asset_is_disarmed_until_the_drift_resolves_or_rearm() -> None:
    story = hedged("2600")
    story.holdings["BTC"] = D("1.6")
    story.asset_state("BTC", holding=D("1.6"))
    story.look()
    assert story.state.of("BTC").disarmed == "margin"
    story.shorts["BTC"] = D("0.125")
    story.futures = D(9_000)
    story.state = replace(story.state, cash=story.cash + story.futures)
    for _ in range(4):
        btc = story.later().of("BTC")
    assert btc.intent is None
    assert "disarmed" in guards_of(btc)
    story.standings = {"BTC": {"rearm_requested": True}}
    rearmed = story.later().of("BTC")
    assert "rearmed" in codes(rearmed)
    assert rearmed.action is Action.INCREASE


def test_a_reduction_goes_on_until_it_is_there_and_then_says_so() -> None:
    story = hedged("2600")
    story.look()
    story.shorts["BTC"] = D("0.15")  # half of it filled: 33% of runway
    btc = story.later().of("BTC")
    assert (btc.goal, btc.pace, btc.intent) == (D("0.125"), Pace.MARGIN, None)
    story.shorts["BTC"] = D("0.125")
    btc = story.later().of("BTC")
    assert (btc.goal, btc.pace) == (D("0.125"), Pace.PATIENT)
    assert "goal_reached" in codes(btc)


def test_a_rise_during_the_reduction_lowers_its_goal_further() -> None:
    story = hedged("2600")
    story.look()
    story.futures = D(1000)
    assert story.later().of("BTC").goal == 0


def test_an_opening_in_progress_is_given_up_when_the_account_reduces() -> None:
    story = hedged("2600")
    story.asset_state("ETH", goal=D(1), goal_action=Action.OPEN, goal_reason="above_open", goal_at=story.at)
    eth = story.look().of("ETH")
    assert eth.goal == 0
    assert "goal_dropped" in codes(eth)


def test_a_close_by_command_becomes_a_margin_close_and_stays_at_nothing() -> None:
    story = hedged("2600")
    story.standings = {"BTC": {"close_requested": True}}
    btc = story.look().of("BTC")
    assert (btc.goal, btc.pace) == (D(0), Pace.MARGIN)


def selling(equity: str = "2600", **changes: Any) -> World:
    """The same, ended with its coins where margin runs out; the excess is worth 11,000."""
    margin = MarginPolicy(on_margin=OnMargin.FINALISE, top_up=True)
    story = hedged(equity, margin=changes.pop("margin", margin), cash=changes.pop("cash", "10400"), **changes)
    story.standing["can_move"] = True
    return story


def test_finalise_with_the_proceeds_transferred_sells_and_closes_0_022() -> None:
    btc = selling().look().of("BTC")
    assert (btc.goal, btc.pace) == (D("0.178"), Pace.MARGIN)
    assert btc.due is not None
    assert (btc.due.leg, btc.due.quantity) == (Leg.SELL, D("0.022"))
    assert "margin_keeps_coins" not in codes(btc)


def test_finalise_without_a_transfer_sells_and_closes_0_075() -> None:
    btc = selling(margin=MarginPolicy(on_margin=OnMargin.FINALISE)).look().of("BTC")
    assert btc.goal == D("0.125")
    assert btc.due is not None
    assert (btc.due.leg, btc.due.quantity) == (Leg.SELL, D("0.075"))


def test_a_margin_finalisation_closes_what_it_sold_and_disarms_nothing() -> None:
    story = selling()
    story.look()
    story.holdings["BTC"] -= D("0.022")
    story.standings["BTC"] = {"spot_sold": D("0.022"), "coin_flow": D("-0.022")}
    story.cash += D(1100)
    story.standing["cash_flow"] = D(1100)
    btc = story.later(5_000).of("BTC")
    assert btc.goal == D("0.178"), "its goal stays, although the proceeds are not in the margin account yet"
    assert btc.due is not None
    assert (btc.due.leg, btc.due.quantity) == (Leg.CLOSE, D("0.022"))
    story.shorts["BTC"], story.futures, story.cash = D("0.178"), D(3700), story.cash - D(1100)
    decision = story.later(5_000)
    assert decision.of("BTC").due is None
    assert story.state.of("BTC").finalising is None
    assert story.state.of("BTC").disarmed is None
    assert decision.ladder.runway is not None
    assert round(decision.ladder.runway * 100, 2) == D("40.17")


def test_a_margin_finalisation_does_not_wait_for_a_sale_that_does_not_come() -> None:
    story = selling()
    story.look()
    for _ in range(4):
        assert story.later(5_000).of("BTC").due is not None
    given_up = story.later(5_000).of("BTC")
    assert "sale_given_up" in codes(given_up)
    assert (given_up.due, given_up.goal) == (None, D("0.178"))
    again = story.later(5_000).of("BTC")
    assert again.due is None, "the close goes alone, and no sale is begun anew"
    assert story.state.of("BTC").disarmed == "margin"


def test_only_free_coins_in_excess_count_as_proceeds() -> None:
    locked = selling()
    locked.free = {"BTC": D("0.01")}
    btc = locked.look().of("BTC")
    # (4140 - 2600 - 500) / 4140 = 25.1%, of which 0.01 with its coins
    assert btc.goal == D("0.149")
    assert btc.due is not None
    assert (btc.due.leg, btc.due.quantity) == (Leg.SELL, D("0.01"))


@settings(max_examples=80, deadline=None)
@given(st.integers(2_000, 9_000), st.integers(0, 100), st.integers(0, 300))
def test_in_a_unified_account_what_is_sold_and_closed_leaves_the_runway_that_was_wanted(
    equity: int, percent: int, coins: int,
) -> None:
    """The proceeds are there at once, and the coins are collateral no more."""
    ratio, to, hedge = D(percent) / 100, D("0.40"), D(10_000)
    account = MarginAccount(D(equity), (Exposure("BTC", hedge, D(100), ONE_PERCENT, coins * D(100) * ratio),))
    sold = min(hedge, coins * D(100))
    f = reduced_fraction(
        account, {"BTC": D(1)}, to, proceeds=Proceeds(), sold=Proceeds(sold, sold * ratio)) if sold < hedge else (
        reduced_fraction(account, {"BTC": D(1)}, to, proceeds=Proceeds(hedge, hedge * ratio)))
    brought = sold if sold < hedge else f * hedge
    short, = account.shorts
    kept = replace(short, notional=hedge * (1 - f), maintenance=100 * (1 - f),
                   collateral=short.collateral - brought * ratio)
    left = runway(MarginAccount(account.equity + brought * (1 - ratio), (kept,)), (kept,)) if f < 1 else None
    assert left is None or left >= to - D("1e-20")


def test_where_no_coin_can_be_sold_it_is_said_and_the_hedge_reduced_as_with_close() -> None:
    story = selling()
    story.free = {"BTC": D(0)}
    btc = story.look().of("BTC")
    assert (btc.goal, btc.due) == (D("0.125"), None)
    assert "margin_keeps_coins" in codes(btc)


# cash floor


def test_below_the_cash_floor_every_hedge_is_reduced_once() -> None:
    story = hedged("4000", cash="0", btc="0.1")  # 4,000 of 89,000 is 4.5%; the runway is 78%
    decision = story.look()
    assert decision.ladder.rung is Rung.CASH_FLOOR
    goal = decision.of("BTC").goal
    assert goal == D("0.091")  # 450 are lacking, 9% of the hedge's 5,000
    story.shorts["BTC"] = goal
    again = story.later()
    assert again.ladder.rung is Rung.CLEAR
    assert again.of("BTC").goal == goal
    assert story.state.of("BTC").disarmed == "cash_floor"


def test_what_the_floor_lacks_is_sold_with_its_coins_however_little_it_is() -> None:
    story = selling("4473", cash="0", btc="0.1")  # 0.65 are lacking: less than the spot market's smallest order
    fine = instrument("BTC", step="0.00001", tiers=ONE_PERCENT, spot_min_notional=D(5), reduce_only_exempt=True)
    story.terms = replace(story.terms, instruments={**story.terms.instruments, "BTC": fine})
    decision = story.look()
    btc = decision.of("BTC")
    assert decision.ladder.rung is Rung.CASH_FLOOR
    assert btc.due == Due(Leg.SELL, D("0.0002"), story.at)
    assert btc.goal == D("0.0998")


def test_the_cash_floor_waits_for_prices_that_are_believed() -> None:
    story = hedged("4000", cash="0", btc="0.1")
    story.quotes = {"BTC": {"spot_at": 0}}
    decision = story.look()
    assert decision.ladder.rung is Rung.CLEAR
    assert decision.of("BTC").held


def test_below_the_cash_floor_nothing_is_opened() -> None:
    story = hedged("4000", cash="0", btc="0")
    assert "cash_floor" in guards_of(story.settle().of("BTC"))


# top-up


def test_below_half_the_futures_wallet_is_to_be_topped_up_to_three_quarters() -> None:
    ladder = reading(hedged("5000"))
    assert ladder.rung is Rung.STOP
    assert ladder.needed == ladder.top_up == D(2675)  # 100 + 0.75·10,100 − 5,000
    assert not ladder.moving
    assert "needs 2675 USDT more to reach 75%" in ladder.text


def test_it_is_moved_where_the_user_and_the_venue_permit() -> None:
    story = hedged("5000", margin=MarginPolicy(top_up=True), standing={"can_top_up": True})
    assert reading(story).moving
    assert not reading(replace(story, standing={})).moving
    assert not reading(hedged("5000", standing={"can_top_up": True})).moving


def test_no_more_is_moved_than_is_free() -> None:
    story = hedged("5000", cash="1000.019", margin=MarginPolicy(top_up=True), standing={"can_top_up": True})
    ladder = reading(story)
    assert (ladder.needed, ladder.top_up) == (D(2675), D("1000.01"))
    assert not reading(hedged("5000", cash="0")).top_up


def test_where_the_money_is_there_it_is_moved_before_anything_is_bought_back() -> None:
    rich = hedged("2600", margin=MarginPolicy(top_up=True), standing={"can_top_up": True})
    decision = rich.look()
    assert decision.ladder.moving
    assert decision.of("BTC").intent is None
    refused = replace(rich, standing={"can_top_up": False}, at=rich.at + SPACING).look()
    assert refused.of("BTC").goal == D("0.125"), "it was refused: reduced after all"
    poor = hedged("2600", cash="500", margin=MarginPolicy(top_up=True), standing={"can_top_up": True}).look()
    assert poor.of("BTC").goal == D("0.125")
    late = hedged("1200", margin=MarginPolicy(top_up=True), standing={"can_top_up": True}).look()
    assert late.of("BTC").goal == 0, "below the last rung nothing is waited for"


# unified


def test_in_a_unified_wallet_the_coins_carry_the_short() -> None:
    story = hedged("2600")
    carried = replace(story.terms, instruments={
        asset: replace(one, collateral_ratio=D("0.95")) for asset, one in story.terms.instruments.items()})
    situation = story.situation()
    unified = replace(situation, snapshot=replace(situation.snapshot, wallet=WalletKind.UNIFIED))
    ladder = decide(unified, carried).ladder
    assert ladder.runway is None
    assert ladder.rung is Rung.CLEAR
    assert ladder.text == "no upside liquidation while the coins stay collateral"


# what always holds


tables = st.sampled_from([
    ONE_PERCENT, (MarginTier(D(0), D(20_000), D("0.004")), MarginTier(D(20_000), None, D("0.02"), D(320))),
    (MarginTier(D(0), D(5_000), D("0.01")), MarginTier(D(5_000), None, D("0.05"))),
])


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 12_000), st.integers(0, 400), st.integers(0, 80), st.integers(0, 60), tables)
def test_what_is_left_after_a_reduction_has_the_runway_it_aims_at(
    equity: int, btc: int, eth: int, foreign: int, tiers: tuple[MarginTier, ...],
) -> None:
    story = hedged(str(equity), btc=str(D(btc) / 1000), eth=str(D(eth) / 10), cash="60000")
    story.terms = replace(story.terms, instruments={
        asset: replace(one, tiers=tiers) for asset, one in story.terms.instruments.items()})
    if foreign:
        story.positions = (Position("SOLUSDT", D(-foreign), D(100), D(100), D(0), maintenance_margin=D(foreign)),)
    situation = story.situation()
    found = climb(situation, story.terms, nav=None, cash=None)
    margin = story.terms.policy.margin
    for asset, goal in found.goals.items():
        assert 0 <= goal < story.shorts[asset]
        assert goal % story.terms.instruments[asset].amount_step == 0
    assert bool(found.goals) == (found.ladder.rung.reduces and bool(btc or eth))
    if found.ladder.rung is Rung.REDUCE and found.ladder.fraction < 1:
        after = read_account(story.snapshot(), story.terms.instruments, found.goals)
        assert after is not None
        left = runway(after, after.shorts)
        assert left is None or left >= margin.reduce_to
        story.shorts.update(found.goals)
        assert not climb(story.situation(), story.terms, nav=None, cash=None).goals, "once is enough"


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9_000), st.integers(0, 300), st.booleans())
def test_an_explanation_comes_to_the_ladder_s_goal(equity: int, btc: int, broken: bool) -> None:
    story = hedged(str(equity), btc=str(D(btc) / 1000))
    if broken:
        story.quotes = {"BTC": {"spot_at": 0}}
    for _ in range(3):
        situation = story.situation()
        decision = story.look()
        told = explain(situation, story.terms, decision)
        assert told.disagreements == ()
        story.at += SPACING
        story.shorts["BTC"] = decision.of("BTC").goal
