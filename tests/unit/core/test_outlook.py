"""The next trigger is where the rule acts, not a tick before; the collateral it names is enough, and no less is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import assume, given, settings
from rule_world import NO_MARGIN_LIMITS, World, asset_policy, instrument, terms, world
from test_rule_properties import decimals, worlds

from bot.core.collateral import equity_for_runway, shifted, traded
from bot.core.decision import Action, AssetDecision, AssetStanding, Decision, RuleState, Situation, Standing
from bot.core.margin import increase_allowed, read_account
from bot.core.market import Snapshot
from bot.core.money import is_multiple
from bot.core.outlook import AssetOutlook, Outlook, outlook
from bot.core.plan import decide
from bot.core.policy import MarginPolicy, Terms
from bot.core.portfolio import measure
from bot.core.runway import runway
from bot.core.way import Way

D = Decimal


def look(story: World) -> Outlook:
    situation = story.situation()
    return outlook(situation, story.terms, decide(situation, story.terms))


def of(story: World, asset: str = "BTC") -> AssetOutlook:
    return look(story).of(asset)


def test_a_coin_on_target_opens_at_the_price_of_the_formula() -> None:
    seen = of(world(btc="1.0", policy=asset_policy(contract=D("0.001"))))
    # (0.50 + 0.05)·50,000 / (1·(1 − 0.55)) = 61,111.11…, on the next tick
    assert [(one.action, one.price) for one in seen.triggers] == [(Action.OPEN, D("61111.12"))]
    assert seen.triggers[0].move == D("61111.12") / 50_000 - 1
    assert seen.triggers[0].goal == D("0.090")


def test_the_collateral_of_a_trigger_is_the_largest_of_three_demands() -> None:
    story = world(btc="1.0", policy=asset_policy(contract=D("0.001")), futures_share="0.04")
    needs = of(story).triggers[0].collateral
    assert needs is not None
    notional = D("0.090") * D("61111.12")
    assert needs.equity == 2_000
    assert needs.initial_margin == notional / 5
    assert needs.for_margin == notional / 5
    assert needs.for_leverage == notional / 2
    assert needs.for_runway == notional * D("0.5") + notional * D("1.5") * D("0.004")
    assert needs.needed == needs.for_runway
    assert needs.missing == needs.for_runway - 2_000


def test_an_open_hedge_has_a_trigger_on_each_side_and_its_loss_is_counted() -> None:
    seen = of(world(short="0.2", policy=asset_policy(contract=D("0.001"))))
    assert [one.action for one in seen.triggers] == [Action.INCREASE, Action.REDUCE, Action.CLOSE]
    up, reduce, close = seen.triggers
    assert up.price > 50_000 > reduce.price > close.price
    assert up.goal > D("0.2") > reduce.goal > close.goal == 0
    assert up.collateral is not None
    # 20,000 in the wallet, less what the short has lost on the way
    assert up.collateral.equity == 20_000 - D("0.2") * (up.price - 50_000)


def test_a_coarse_contract_moves_the_trigger_to_where_a_whole_one_comes_closer() -> None:
    up, reduce, _ = of(world(short="0.2", policy=asset_policy(contract=D("0.1")))).triggers
    # one more contract: the excess must hold three; one less: the hedge must be off by more than half a contract
    assert up.goal == D("0.3")
    assert up.excess >= D("0.3") * up.price
    assert reduce.goal == D("0.1")
    assert D("0.2") * reduce.price - reduce.excess > D("0.05") * reduce.price


def test_what_is_reached_already_is_shown_at_the_present_price() -> None:
    trigger = of(world(policy=asset_policy(contract=D("0.1")))).triggers[0]
    assert (trigger.action, trigger.move, trigger.price, trigger.goal) == (
        Action.OPEN, D(0), D(50_000), D("0.2"))


def test_after_a_decision_that_acts_the_next_trigger_counts_from_its_goal() -> None:
    story = world(policy=asset_policy(contract=D("0.1")), confirm=1)
    assert [one.action for one in of(story).triggers] == [Action.INCREASE, Action.REDUCE, Action.CLOSE]
    assert of(story).triggers[0].move > 0


def test_a_coin_that_is_not_held_never_triggers_and_no_nav_means_no_outlook() -> None:
    assert of(world(btc="0")).triggers == ()
    story = world()
    story.quotes["BTC"] = {"spot_bid": None}
    assert of(story).triggers == ()


def test_the_venues_minimum_delays_the_trigger() -> None:
    plain = world(btc="1.0", policy=asset_policy(contract=D("0.001")))
    large = world(btc="1.0", policy=asset_policy(contract=D("0.001")),
                  instruments={"BTC": instrument(min_notional=D(9_000))})
    price = of(large).triggers[0].price
    assert price > of(plain).triggers[0].price
    assert of(large).triggers[0].goal * price >= 9_000


def test_a_price_between_two_ticks_may_trigger_on_the_very_next_one() -> None:
    # 61,111.1111… opens; seen from a hair below, between two ticks, with everything else worth 50,000.
    story = world(btc="1.0", policy=asset_policy(contract=D("0.001")))
    story.prices["BTC"] = D("61111.1105")
    assert of(story).triggers[0].price == D("61111.12")


def test_the_venues_minimum_is_asked_of_what_is_added() -> None:
    story = world(short="0.2", policy=asset_policy(contract=D("0.001")),
                  instruments={"BTC": instrument(min_notional=D(3_000))})
    up = of(story).triggers[0]
    assert (up.goal - D("0.2")) * up.price >= 3_000


def at_price(story: World, after: Snapshot, asset: str, factor: Decimal) -> Snapshot:
    return shifted(after, story.terms.instruments, asset, factor, story.terms.policy.margin.leverage)


def eager(chosen: Terms) -> Terms:
    """The terms with nothing to confirm, no margin limit and no limit on the basis: the rule alone."""
    return replace(chosen, policy=replace(
        chosen.policy, confirm=1, margin=NO_MARGIN_LIMITS, guards=replace(chosen.policy.guards, max_basis=D(9))))


def decided_at(story: World, situation: Situation, decision: Decision, asset: str, price: Decimal) -> AssetDecision:
    """What the rule alone decides once `decision` is carried out and one price is another."""
    after = traded(situation.snapshot, story.terms, decision)
    moved = at_price(story, after, asset, price / story.prices[asset])
    rich = replace(moved, futures=replace(moved.futures, equity=D(10) ** 9, available=D(10) ** 9))
    standing = Standing(assets={one.asset: AssetStanding(short=one.goal) for one in decision.assets})
    return decide(Situation(rich, standing, RuleState()), eager(story.terms)).of(asset)


@settings(max_examples=100, deadline=None)
@given(worlds(), decimals("0", "0.6", 3), decimals("0", "8", 2), decimals("0.8", "1.2", 2))
def test_decide_acts_at_a_trigger_and_not_a_tick_before(
    story: World, btc: Decimal, eth: Decimal, premium: Decimal,
) -> None:
    story.shorts = {"BTC": btc, "ETH": eth}
    # A price between two ticks, and a perpetual that is worth something else than the coin.
    story.prices["ETH"] += D("0.0037")
    perp = story.prices["BTC"] * premium
    story.quotes["BTC"] = {"mark": perp, "index": perp, "perp_bid": perp, "perp_ask": perp}
    situation = story.situation()
    decision = decide(situation, story.terms)
    assume(decision.nav is not None and decision.nav > 0)
    for one in outlook(situation, story.terms, decision).assets:
        tick = story.terms.instruments[one.asset].spot_tick
        for trigger in one.triggers:
            way = trigger.move.compare(D(0))
            if way == 0:
                continue
            # Half a tick further, so that the last digit of a quotient does not decide. It is worth some coins, where
            # these cost next to nothing many, and a contract.
            then = decided_at(story, situation, decision, one.asset, trigger.price + way * tick / 2)
            worth = then.contract + story.holdings[one.asset] * tick / trigger.price
            assert abs(then.goal - trigger.goal) <= worth
            last = then.action is Action.CLOSE and trigger.action is Action.REDUCE and abs(trigger.goal) <= worth
            assert then.action is trigger.action or last
            assert is_multiple(trigger.price, tick)
            before = trigger.price - way * tick
            if (before - story.prices[one.asset]) * way > 0:
                assert decided_at(story, situation, decision, one.asset, before).action is not trigger.action


def granted(
    chosen: Terms, moved: Snapshot, asset: str, extra: Decimal, *, hedge: Decimal, goal: Decimal, way: Way,
) -> Decimal:
    """The hedge that margin allows with so much more in the futures wallet, along its way."""
    wallet = moved.futures
    richer = replace(moved, futures=replace(
        wallet, equity=wallet.equity + extra, available=wallet.available + extra))
    contract = chosen.policy.asset(asset).contract_for(chosen.instruments[asset])
    return increase_allowed(
        richer, chosen.instruments, asset, hedge, goal, contract, chosen.policy.margin, {}, way=way,
        longs=chosen.longs).short


@settings(max_examples=100, deadline=None)
@given(worlds(), decimals("0", "0.3", 3), decimals("0.5", "3", 1), decimals("0.1", "2", 2))
def test_what_is_missing_is_enough_and_nothing_less_is(
    story: World, btc: Decimal, lever: Decimal, stop: Decimal,
) -> None:
    story.shorts = {"BTC": btc}
    margin = MarginPolicy(max_leverage=lever, stop_runway=stop)
    story.terms = replace(story.terms, policy=replace(story.terms.policy, margin=margin))
    situation = story.situation()
    decision = decide(situation, story.terms)
    after = traded(situation.snapshot, story.terms, decision)
    for one in outlook(situation, story.terms, decision).assets:
        for trigger in one.triggers:
            needs = trigger.collateral
            if needs is None:
                continue
            moved = at_price(story, after, one.asset, trigger.price / story.prices[one.asset])
            way, hair = trigger.way, D("0.000001")
            goal = way.along(trigger.goal)
            allowed = partial(granted, story.terms, moved, one.asset, hedge=way.along(decision.of(one.asset).goal),
                              goal=goal, way=way)
            assert allowed(needs.missing + hair) == goal
            assert allowed(needs.needed - needs.equity - hair) < goal


@settings(max_examples=100, deadline=None)
@given(worlds(), decimals("0.001", "2", 3), decimals("0", "20", 2), decimals("0.01", "3", 2))
def test_the_equity_for_a_runway_gives_that_runway(story: World, btc: Decimal, eth: Decimal, wanted: Decimal) -> None:
    story.shorts = {"BTC": btc, "ETH": eth}
    account = read_account(story.snapshot(), story.terms.instruments)
    assert account is not None
    exact = replace(account, equity=equity_for_runway(account, wanted))
    left = runway(exact, exact.shorts)
    assert left is not None
    assert abs(left - wanted) < D("1e-30")


@settings(max_examples=60, deadline=None)
@given(worlds(), decimals("0", "2", 3), decimals("0.5", "2", 3))
def test_a_shifted_account_is_worth_what_its_coins_and_its_short_make_of_it(
    story: World, btc: Decimal, factor: Decimal,
) -> None:
    story.shorts = {"BTC": btc}
    snapshot = story.snapshot()
    before = measure(snapshot, story.terms.policy, story.terms.instruments)
    after = measure(at_price(story, snapshot, "BTC", factor), story.terms.policy, story.terms.instruments)
    assert before.nav is not None
    assert after.nav is not None
    change = story.prices["BTC"] * (factor - 1)
    assert abs(after.nav - before.nav - (story.holdings["BTC"] - btc) * change) < D("1e-30")


def test_spot_cash_is_what_could_be_moved() -> None:
    story = World(
        terms=terms(asset_policy()), holdings={"BTC": D(1)}, prices={"BTC": D(50_000)}, cash=D(7), futures=D(3))
    assert look(story).spot_cash == D(7)


@pytest.mark.parametrize("short", ["0.1", "0.3"])
def test_the_notional_cap_bounds_the_goal_of_a_trigger(short: str) -> None:
    story = world(btc="1.5", short=short, policy=asset_policy(contract=D("0.01"), max_hedge_notional=D(15_000)))
    for trigger in of(story).triggers:
        assert trigger.goal * trigger.price <= 15_000 or trigger.goal <= D(short)


