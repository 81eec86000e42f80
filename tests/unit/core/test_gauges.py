"""Every guard's reading, on its scale, beside its limit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from rule_world import World, asset_policy, terms, world

from bot.core.decision import AssetState, RuleState
from bot.core.gauges import Gauge, Unit, account_gauges, asset_gauges
from bot.core.plan import decide
from bot.core.times import DAY, HOUR, MINUTE

D = Decimal


def read(story: World) -> dict[str, Gauge]:
    situation = story.situation()
    decision = decide(situation, story.terms)
    return {gauge.guard: gauge for gauge in (
        *asset_gauges(situation, story.terms, decision, decision.of("BTC")),
        *account_gauges(situation, story.terms, decision))}


def test_a_quiet_account_reads_nothing_and_trips_nothing() -> None:
    seen = read(world())
    assert set(seen) == {
        "price_stale", "divergence", "jump", "holdings_changed", "position_mismatch", "basis", "carry",
        "orders_per_hour", "cash_changed", "leverage", "runway", "cash_floor"}
    assert not any(gauge.tripped for gauge in seen.values())
    assert seen["carry"].now == D("-0.1095"), "a rate of 0.01% in 8 h pays the short"
    assert seen["basis"] == Gauge("basis", "opening", Unit.SHARE, D(0), D("0.005"), tripped=False)


def test_the_oldest_price_counts() -> None:
    story = world()
    story.quotes["BTC"] = {"spot_at": story.at - 10_000, "mark_at": story.at - 70_000}
    gauge = read(story)["price_stale"]
    assert (gauge.now, gauge.limit, gauge.tripped, gauge.room) == (D(70_000), D(60_000), True, D(-10_000))
    story.quotes["BTC"] = {"perp_at": None}
    gauge = read(story)["price_stale"]
    assert (gauge.now, gauge.tripped, gauge.room) == (None, True, None)


@pytest.mark.parametrize(("changes", "guard", "now", "tripped"), [
    ({"mark": D(50_600)}, "divergence", "0.012", True),
    ({"mark": D(50_100), "index": D(49_800)}, "divergence", D(300) / 49_800, False),
    ({"perp_bid": D(49_700), "perp_ask": D(49_700)}, "basis", "0.006", True),
    ({"perp_bid": D(50_300), "perp_ask": D(50_300)}, "basis", "-0.006", False),
    ({"funding_rate": D("-0.0002")}, "carry", "0.219", True),
    ({"funding_rate": D("-0.0002"), "funding_interval": 24 * HOUR}, "carry", "0.073", False),
])
def test_a_price_is_read_as_the_guard_compares_it(
    changes: dict[str, object], guard: str, now: str | Decimal, *, tripped: bool,
) -> None:
    story = world()
    story.quotes["BTC"] = changes
    gauge = read(story)[guard]
    assert (gauge.now, gauge.tripped) == (D(now), tripped)


@pytest.mark.parametrize(("rate", "interval", "tripped"), [
    (None, 8 * HOUR, True), (D("-0.0001"), None, True), (D("0.0001"), None, False)])
def test_a_carry_that_is_not_known_trips_unless_it_pays(
    rate: Decimal | None, interval: int | None, *, tripped: bool,
) -> None:
    story = world()
    story.quotes["BTC"] = {"funding_rate": rate, "funding_interval": interval}
    gauge = read(story)["carry"]
    assert (gauge.now, gauge.tripped) == (None, tripped)


@pytest.mark.parametrize(("ago", "limit", "tripped"), [(MINUTE // 2, "0.05", True), (3 * MINUTE, "0.15", False)])
def test_a_move_is_measured_against_what_its_time_allows(ago: int, limit: str, *, tripped: bool) -> None:
    story = world()
    story.state = RuleState({"BTC": AssetState(
        seen_at=story.at - ago, seen_spot=D(46_000), seen_mark=D(50_000), holding=D("1.2"))})
    gauge = read(story)["jump"]
    assert (gauge.now, gauge.limit, gauge.tripped) == (D(4_000) / 46_000, D(limit), tripped)


def test_coins_cash_and_position_are_compared_with_what_was_known() -> None:
    story = world(short="0.1")
    story.state = RuleState({"BTC": AssetState(holding=D("1.19"))}, D(39_950))
    story.standings["BTC"] = {"short": D("0.2")}
    seen = read(story)
    assert (seen["holdings_changed"].now, seen["holdings_changed"].limit) == (D(500), D(100))
    assert seen["holdings_changed"].tripped
    assert (seen["cash_changed"].now, seen["cash_changed"].tripped) == (D(50), False)
    assert (seen["position_mismatch"].now, seen["position_mismatch"].tripped) == (D("0.1"), True)


def test_a_position_that_is_left_to_somebody_else_is_no_mismatch() -> None:
    story = world(short="0.3")
    story.standings["BTC"] = {"short": D("0.2")}
    assert read(story)["position_mismatch"].tripped
    story.asset_state("BTC", foreign=D("-0.1"))
    seen = read(story)["position_mismatch"]
    assert (seen.now, seen.tripped) == (D(0), False)


def test_a_coins_own_limits_are_read_where_they_are_set() -> None:
    story = world(short="0.2", policy=asset_policy(max_hedge_notional=D(12_000)))
    story.standings["BTC"] = {"orders_last_hour": 60, "trailing_carry": D("0.3")}
    seen = read(story)
    assert (seen["max_hedge_notional"].now, seen["max_hedge_notional"].room) == (D(10_000), D(2_000))
    assert (seen["orders_per_hour"].now, seen["orders_per_hour"].tripped) == (D(60), True)
    assert (seen["trailing_carry"].now, seen["trailing_carry"].tripped) == (D("0.3"), True)
    assert seen["leverage"].now == D("0.5")


@pytest.mark.parametrize(("passed", "tripped"), [(HOUR, True), (DAY, False)])
def test_the_cooldown_is_a_time_that_must_have_passed(passed: int, *, tripped: bool) -> None:
    story = world()
    story.standings["BTC"] = {"closed_at": story.at - passed}
    gauge = read(story)["cooldown"]
    assert (gauge.now, gauge.limit, gauge.tripped, gauge.least) == (D(passed), D(DAY), tripped, True)
    assert gauge.room == passed - DAY


def test_a_runway_must_not_fall_below_its_limit() -> None:
    story = world(short="0.5", futures_share="0.2")
    gauge = read(story)["runway"]
    assert gauge.tripped
    assert gauge.now is not None
    assert gauge.now < D("0.5")
    assert gauge.room == gauge.now - D("0.5")


@pytest.mark.parametrize(("price", "away", "tripped"), [("0.98", "0.02", True), ("1.005", "0.005", False)])
def test_another_stablecoin_is_read_by_its_distance_from_one(price: str, away: str, *, tripped: bool) -> None:
    story = world()
    story.terms = replace(story.terms, policy=replace(terms().policy, cash=("USDT", "USDC")))
    story.stable_prices = {"USDC": D(price)}
    gauge = read(story)["stablecoin_deviation"]
    assert (gauge.now, gauge.tripped) == (D(away), tripped)
