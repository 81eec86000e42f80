"""Pushed prices: inside the levels nothing new would be decided, at them the tick is woken."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from journal_values import intent
from rule_world import World, pp, quote, world
from test_rule_properties import decimals, moves, run, worlds

from bot.core.decision import Action, Decision, Situation
from bot.core.market import Asset, Side, Snapshot
from bot.core.orders import OrderRecord, OrderState
from bot.core.plan import decide
from bot.core.times import SECOND
from bot.core.wake import Glimpse, Resting, Watch, watch

D = Decimal


def pushed(price: Decimal) -> Glimpse:
    return Glimpse(price, price, price)


def at_prices(story: World, prices: dict[Asset, Decimal]) -> Snapshot:
    """The world's snapshot a moment later at other prices; the shorts gain and lose with their marks."""
    before = story.snapshot()
    gain = sum((story.shorts.get(asset, D(0)) * (story.prices[asset] - price) for asset, price in prices.items()), D(0))
    at = before.taken_at + SECOND
    return replace(
        before, taken_at=at, quotes={asset: quote(at, price) for asset, price in prices.items()},
        futures=replace(before.futures, unrealised=before.futures.unrealised + gain,
                        equity=before.futures.equity + gain),
    )


def looked(story: World) -> tuple[Decision, Watch]:
    decision = story.look()
    found = watch(story.snapshot(), decision, story.terms)
    assert found is not None
    return decision, found


@settings(max_examples=150, deadline=None)
@given(worlds(free=True), moves, st.tuples(decimals("0.93", "1.07", 4), decimals("0.93", "1.07", 4)))
def test_inside_the_levels_a_new_decision_begins_nothing(
    story: World, path: list[tuple[Decimal, Decimal, int]], step: tuple[Decimal, Decimal],
) -> None:
    run(story, path)
    _, levels = looked(story)
    prices = {asset: story.prices[asset] * factor for asset, factor in zip(("BTC", "ETH"), step, strict=True)}
    again = decide(Situation(at_prices(story, prices), story.situation().standing, story.state), story.terms)
    begun = [d.asset for d in again.assets if d.intent is not None and levels.wanted[d.asset] is not d.action]
    assert not begun or levels.crossed({asset: pushed(price) for asset, price in prices.items()}) is not None


def test_the_price_at_which_the_rule_opens_wakes_and_a_tick_below_it_does_not() -> None:
    story = world(btc="1.0")  # 50,000 of 100,000 in BTC, target 50%: it opens where 0.45·price = 0.55·50,000
    _, levels = looked(story)
    assert levels.crossed({"BTC": pushed(D("61111.1"))}) is None
    assert levels.crossed({"BTC": pushed(D("61111.2"))}) == "BTC"


def test_what_is_wanted_but_not_confirmed_wakes_no_second_time() -> None:
    story = world(btc="1.2")
    decision, levels = looked(story)
    assert decision.of("BTC").intent is None  # one of two snapshots
    assert levels.wanted == {"BTC": Action.OPEN}
    assert levels.crossed({"BTC": pushed(D(50_500))}) is None
    assert levels.crossed({"BTC": pushed(D(40_000))}) == "BTC"  # it is no longer wanted


def test_the_perpetual_moves_the_value_of_a_hedge() -> None:
    story = world(btc="1.2", short="0.2")
    _, levels = looked(story)
    still = Glimpse(None, D(49_000), D(49_000))  # the short gains: NAV grows, and the excess shrinks
    assert levels.crossed({"BTC": still}) is None
    assert levels.crossed({"BTC": Glimpse(None, D(35_000), D(35_000))}) == "BTC"


def test_without_a_price_only_polls_tell() -> None:
    story = world(btc="1.2")
    story.quotes["BTC"] = {"perp_bid": None}
    assert watch(story.snapshot(), story.look(), story.terms) is None
    story.quotes["BTC"] = {"spot_ask": None}
    assert watch(story.snapshot(), story.look(), story.terms) is None


def test_an_order_that_the_touch_left_behind_wakes_once_it_may_follow() -> None:
    sell = Resting("BTC", Side.SELL, D(100), from_at=10)
    assert sell.left_behind(Glimpse(None, D(98), D(99)), 10)
    assert not sell.left_behind(Glimpse(None, D(98), D(99)), 9)  # too soon
    assert not sell.left_behind(Glimpse(None, D(99), D(100)), 10)
    assert not sell.left_behind(Glimpse(None, D(99), None), 10)
    buy = Resting("BTC", Side.BUY, D(100), from_at=10)
    assert buy.left_behind(Glimpse(None, D(101), D(102)), 10)
    assert not buy.left_behind(Glimpse(None, D(100), D(102)), 10)


def test_a_resting_order_is_watched_at_its_present_price_from_its_last_change_on() -> None:
    story = world(btc="1.2")
    decision = story.look()
    record = OrderRecord(intent(), OrderState.OPEN, price=D(50_100), changed_at=story.at)
    unresolved = replace(record, state=OrderState.UNCERTAIN)
    found = watch(story.snapshot(), decision, story.terms, (record, unresolved))
    assert found is not None
    assert found.resting == (Resting("BTC", record.intent.side, D(50_100), story.at + 10 * SECOND),)
    seen = {"BTC": Glimpse(None, D(50_000), D(50_050))}
    assert found.left_behind(seen, story.at) is None
    assert found.left_behind(seen, story.at + 10 * SECOND) == "BTC"


def test_a_narrow_trigger_is_watched_as_the_policy_says() -> None:
    story = world(btc="1.0", policy=replace(world().terms.policy.assets[0], open=pp("1"), close=pp("0.2")))
    _, levels = looked(story)
    assert levels.crossed({"BTC": pushed(D(52_041))}) == "BTC"
    assert levels.crossed({"BTC": pushed(D(52_040))}) is None
