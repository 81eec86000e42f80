"""Guards one by one: what is not believed, and what refuses an opening."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from rule_world import START, asset_policy, codes, guards_of, instrument, pp, quote, terms, world

from bot.core.decision import Action, AssetState
from bot.core.guards import Sight, position_refusal, price_refusal, watch_jump
from bot.core.market import OpenOrder, Position, Side
from bot.core.policy import GuardPolicy
from bot.core.times import DAY, HOUR, MINUTE

D = Decimal
LIMITS = GuardPolicy()


@pytest.mark.parametrize(("changes", "guard"), [
    ({}, None),
    *(({name: None}, "price_unknown") for name in ("spot_bid", "spot_ask", "perp_bid", "perp_ask", "mark", "index")),
    *(({name: D(0)}, "price_unknown") for name in ("spot_bid", "spot_ask", "perp_bid", "perp_ask", "mark", "index")),
    ({"spot_bid": D(-1)}, "price_unknown"),
    ({"spot_bid": D(101)}, "price_crossed"),
    ({"perp_bid": D("100.1")}, "price_crossed"),
    *(({name: None}, "price_stale") for name in ("spot_at", "perp_at", "mark_at")),
    *(({name: START - 60_001}, "price_stale") for name in ("spot_at", "perp_at", "mark_at")),
    *(({name: START - 60_000}, None) for name in ("spot_at", "perp_at", "mark_at")),
    ({"mark_at": START + 60_001}, "price_stale"),
    ({"mark": D(101)}, None),
    ({"mark": D("101.01")}, "divergence"),
    ({"index": D("98.9")}, "divergence"),
    ({"perp_bid": D("102"), "perp_ask": D("102")}, "divergence"),
    # each within the limit of the mark, but not of each other
    ({"index": D("99.4"), "perp_bid": D("100.6"), "perp_ask": D("100.6")}, "divergence"),
])
def test_prices_that_are_not_believed(changes: dict[str, Any], guard: str | None) -> None:
    refusal = price_refusal(quote(START, D(100), **changes), START, LIMITS)
    assert (refusal.guard if refusal else None) == guard
    assert refusal is None or refusal.scope == "data"


def test_no_quote_is_not_a_price() -> None:
    refusal = price_refusal(None, START, LIMITS)
    assert refusal is not None
    assert refusal.guard == "price_unknown"


def jump(state: AssetState, at: int, price: str, mark: str | None = None) -> tuple[Sight, bool]:
    sight, refusal = watch_jump(state, at, D(price), D(mark or price), D("0.05"))
    return sight, refusal is not None


SEEN = AssetState(seen_at=START, seen_spot=D(100), seen_mark=D(100))


@pytest.mark.parametrize(("later", "price", "mark", "waits"), [
    (5_000, "105", "105", False),
    (5_000, "105.01", "100", True),
    (5_000, "100", "94.99", True),
    (MINUTE, "105.01", "105.01", True),
    (2 * MINUTE, "110", "110", False),
    (2 * MINUTE, "110.01", "110", True),
    (15 * MINUTE, "160", "160", False),
])
def test_a_move_is_a_jump_above_five_percent_a_minute(later: int, price: str, mark: str, waits: bool) -> None:
    assert jump(SEEN, START + later, price, mark)[1] is waits


def test_the_first_price_ever_seen_passes() -> None:
    assert jump(AssetState(), START, "100") == (Sight(START, D(100), D(100)), False)


def pending(at: int, price: str) -> AssetState:
    return AssetState(seen_at=START, seen_spot=D(100), seen_mark=D(100),
                      pending_at=at, pending_spot=D(price), pending_mark=D(price))


@pytest.mark.fault(54)
def test_a_jump_waits_until_another_instant_agrees() -> None:
    sight, waits = jump(SEEN, START + 5_000, "120")
    assert waits
    assert sight == Sight(START, D(100), D(100), START + 5_000, D(120), D(120))
    first = pending(START + 5_000, "120")
    assert jump(first, START + 5_000, "120") == (sight, True)               # the same instant is no second look
    assert jump(first, START + 10_000, "124") == (Sight(START + 10_000, D(124), D(124)), False)
    disagrees, waits = jump(first, START + 10_000, "130")
    assert waits
    assert (disagrees.pending_at, disagrees.pending_spot) == (START + 10_000, D(130))
    assert jump(first, START + 10_000, "101") == (Sight(START + 10_000, D(101), D(101)), False)   # it came back


@pytest.mark.parametrize(("position", "journal", "guard"), [
    ("0", "0", None), ("-0.2", "0.2", None), ("-0.200", "0.2", None), ("-0.1", "0.2", "position_mismatch"),
    ("0", "0.2", "position_mismatch"), ("-0.2", "0", "position_mismatch"), ("0.2", "0.2", "position_mismatch"),
    ("0.2", "0", None),
])
def test_a_position_must_be_what_the_journal_adds_up_to(position: str, journal: str, guard: str | None) -> None:
    refusal = position_refusal(D(position), D(journal))
    assert (refusal.guard if refusal else None) == guard


def foreign_order(symbol: str, client: str) -> OpenOrder:
    return OpenOrder(symbol, "77", client, Side.SELL, D(1), D(1), D(0), reduce_only=False, created_at=START)


@pytest.mark.parametrize(("changes", "guard"), [
    ({"quotes": {"BTC": {"perp_bid": D("49749"), "perp_ask": D("49749")}}}, "basis"),
    ({"quotes": {"BTC": {"perp_bid": D("49750"), "perp_ask": D("49750")}}}, None),
    ({"quotes": {"BTC": {"funding_rate": D("-0.0002")}}}, "carry"),              # 21.9% a year at 8 h
    ({"quotes": {"BTC": {"funding_rate": D("-0.00018")}}}, None),
    ({"quotes": {"BTC": {"funding_rate": D("-0.00018"), "funding_interval": 4 * HOUR}}}, "carry"),
    ({"quotes": {"BTC": {"funding_rate": D("-0.00001"), "funding_interval": None}}}, "carry_unknown"),
    ({"quotes": {"BTC": {"funding_rate": None}}}, "carry_unknown"),
    ({"quotes": {"BTC": {"funding_interval": None}}}, None),                      # the short is paid, however often
    ({"standings": {"BTC": {"trailing_carry": D("0.21")}}}, "trailing_carry"),
    ({"standings": {"BTC": {"trailing_carry": D("0.2")}}}, None),
    ({"standings": {"BTC": {"orders_last_hour": 60}}}, "orders_per_hour"),
    ({"standings": {"BTC": {"orders_last_hour": 59}}}, None),
    ({"standings": {"BTC": {"unresolved": True}}}, "unresolved_order"),
    ({"standing": {"active": False}}, "not_active"),
    ({"positions": (Position("BTCUSDT", D("0.1"), D(1), D(1), D(0)),)}, "long_position"),
    ({"positions": (Position("SOLUSDT", D("-1"), D(100), D(100), D(0), D(1)),)}, "unlisted_position"),
    ({"open_orders": (foreign_order("BTCUSDT", "x1"),)}, "unknown_order"),
    ({"open_orders": (foreign_order("SOLUSDT", "x1"),)}, None),
    ({"open_orders": (foreign_order("BTCUSDT", "hr1"),), "standing": {"own_orders": frozenset({"hr1"})}}, None),
])
def test_opening_guards_refuse_an_opening_and_say_so(changes: dict[str, Any], guard: str | None) -> None:
    story = world()
    for name, value in changes.items():
        setattr(story, name, value)
    decided = story.settle().of("BTC")
    if guard is None:
        assert (decided.action, decided.goal, decided.refusals) == (Action.OPEN, D("0.2"), ())
    else:
        assert (decided.action, decided.goal, decided.intent) == (Action.HOLD, D(0), None)
        assert guards_of(decided) == [guard]
        assert decided.refusals[0].scope == "opening"
        assert "opening_refused" in codes(decided)
        assert not decided.held


def test_an_instrument_that_is_not_traded_is_not_opened() -> None:
    story = world(instruments={"BTC": instrument(tradable=False)})
    assert guards_of(story.settle().of("BTC")) == ["not_tradable"]


def test_a_stablecoin_off_its_peg_refuses_and_one_without_a_price_holds() -> None:
    story = world(cash=("USDT", "USDC"))
    story.holdings["USDC"] = D(0)
    story.stable_prices = {"USDC": D("0.98")}
    assert guards_of(story.settle().of("BTC")) == ["stablecoin_deviation"]
    story.stable_prices = {"USDC": D("0.99")}
    assert story.later().of("BTC").goal == D("0.2")
    story.holdings["USDC"] = D(5)
    story.stable_prices = {}
    decision = story.later()
    assert decision.nav is None
    assert guards_of(decision.of("BTC")) == ["stablecoin_unknown"]


def test_a_stablecoin_counts_at_its_market_in_nav_but_its_price_is_no_cash_flow() -> None:
    story = world(btc="1", nav="50000", cash=("USDT", "USDC"))
    story.holdings["USDC"] = D(50_000)
    story.stable_prices = {"USDC": D(1)}
    assert story.look().nav == D(100_000)
    story.stable_prices = {"USDC": D("0.995")}
    decision = story.later()
    assert decision.nav == D(99_750)
    assert not decision.of("BTC").held


def test_reductions_pass_opening_guards() -> None:
    story = world(btc="1.1", short="0.2")
    story.standing = {"active": False}
    story.standings = {"BTC": {"orders_last_hour": 1000, "trailing_carry": D(9)}}
    decided = story.settle().of("BTC")
    assert (decided.action, decided.goal, decided.refusals) == (Action.REDUCE, D("0.1"), ())


@pytest.mark.parametrize(("moved", "holds"), [("0.002", False), ("0.00201", True), ("-0.00201", True)])
def test_a_thousandth_of_nav_in_coins_is_the_limit(moved: str, holds: bool) -> None:
    story = world(btc="1.02")
    story.look()
    story.holdings["BTC"] += D(moved)
    story.cash -= D(moved) * 50_000 / 2
    decided = story.later().of("BTC")
    assert ("holdings_changed" in guards_of(decided)) is holds


def test_changed_holdings_hold_until_they_reverse_or_are_accepted() -> None:
    story = world(btc="1.02")
    story.look()
    story.holdings["BTC"] = D("1.2")
    assert guards_of(story.later().of("BTC")) == ["holdings_changed"]
    story.holdings["BTC"] = D("1.02")
    assert not story.later().of("BTC").held
    story.holdings["BTC"] = D("1.2")
    assert story.later().of("BTC").held
    story.standings = {"BTC": {"accept_requested": True}}
    assert "accepted" in codes(story.later().of("BTC"))
    story.standings = {}
    assert story.later().of("BTC").goal > 0


def test_cash_that_moves_without_us_holds_and_our_own_costs_do_not() -> None:
    story = world(btc="1.02")
    story.look()
    story.cash -= 500
    assert guards_of(story.later().of("BTC")) == ["cash_changed"]
    story.standing = {"cash_flow": D(-500)}
    assert not story.later().of("BTC").held
    story.cash += 7
    assert not story.later().of("BTC").held


def test_cash_that_moved_is_acknowledged_by_accept() -> None:
    story = world(btc="1.02")
    story.look()
    story.cash += 500
    assert guards_of(story.later().of("BTC")) == ["cash_changed"]
    story.standings = {"BTC": {"accept_requested": True}}
    assert not story.later().of("BTC").held
    story.standings = {}
    assert not story.later().of("BTC").held


def test_a_doubtful_reading_of_one_asset_holds_the_others_because_nav_is_doubtful() -> None:
    story = world()
    story.terms = terms(asset_policy(), asset_policy("ETH", "0.2"))
    story.holdings["ETH"], story.prices["ETH"] = D(4), D(2_500)
    story.quotes = {"ETH": {"spot_at": START - HOUR}}
    decision = story.settle()
    assert guards_of(decision.of("ETH")) == ["price_stale"]
    assert guards_of(decision.of("BTC")) == ["nav_unreliable"]
    assert decision.of("BTC").held
    assert decision.state.of("BTC").confirmed == 0


def test_a_position_that_disagrees_holds_its_own_asset_only() -> None:
    story = world(btc="1.3")
    story.terms = terms(asset_policy(), asset_policy("ETH", "0.2", open=pp("90")))
    story.holdings["ETH"], story.prices["ETH"] = D(4), D(2_500)
    story.shorts = {"ETH": D(1)}
    story.standings = {"ETH": {"short": D(2)}}
    decision = story.settle()
    assert guards_of(decision.of("ETH")) == ["position_mismatch"]
    assert decision.of("BTC").goal > 0


def test_the_cooldown_blocks_openings_only() -> None:
    story = world()
    story.standings = {"BTC": {"closed_at": START - DAY + MINUTE}}
    decided = story.settle().of("BTC")
    assert guards_of(decided) == ["cooldown"]
    assert "cooldown" in codes(decided)
    assert story.later(MINUTE - 30_000).of("BTC").action is Action.OPEN
    running = world(btc="1.3", short="0.2")
    running.standings = {"BTC": {"closed_at": START}}
    assert running.settle().of("BTC").action is Action.INCREASE
