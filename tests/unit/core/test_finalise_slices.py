"""Finalising in the core: whatever fills when, coins and short go down together, and it ends (DOMAIN §5B)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_world import asset_policy, codes, guards_of, instrument, quote, world

from bot.core.decision import Action, Due, Finalising, Leg, Pace
from bot.core.explain import explain
from bot.core.finalise import Means, advance, begin, due, extend, sale_of
from bot.core.market import Instrument
from bot.core.money import ZERO, is_multiple, round_to_step
from bot.core.policy import ExecutionPolicy, FinalisePolicy, MarginPolicy, OnMargin, Policy
from bot.core.times import DAY, HOUR, MINUTE, SECOND

D = Decimal
BTC = instrument(spot_min_notional=D(5))
POLICY = Policy(assets=(asset_policy(),), cash_target=D("0.5"))


def means(
    short: str = "0.2", excess: str | None = "0.2", free: str = "1.2", price: str | None = "50000", **more: object,
) -> Means:
    return replace(Means(
        D(short), ZERO, None if excess is None else D(excess), D(free), None if price is None else D(price),
        D("0.001"), BTC), **more)  # type: ignore[arg-type]  # fields by name


# how much


@pytest.mark.parametrize(("given_", "sold", "locked"), [
    (means(), "0.2", "0"),
    (means(excess="0.15"), "0.15", "0"),
    (means(excess="0.1500099"), "0.15", "0"),
    (means(excess="-0.1"), "0", "0"),
    (means(free="0.05"), "0.05", "0.15"),
    (means(free="0"), "0", "0.2"),
    (means(excess=None), "0", "0"),
    (means(price=None), "0", "0"),
])
def test_the_least_of_short_excess_and_free_coins_is_sold_in_whole_lots(given_: Means, sold: str, locked: str) -> None:
    sale = sale_of(D("0.2"), given_)
    assert (sale.sold, sale.locked) == (D(sold), D(locked))


def test_what_the_spot_market_would_not_take_is_not_sold() -> None:
    sale = sale_of(D("0.2"), means(excess="0.00009"))
    assert (sale.sold, sale.wanted, sale.small) == (ZERO, ZERO, True)


def test_a_slice_is_whole_contracts_and_at_most_the_configured_slice() -> None:
    assert begin("x", 0, means(), goal=ZERO, to_sell=D("0.2"), policy=POLICY).slice == D("0.04")
    coarse = replace(means(), contract=D("0.1"))
    assert begin("x", 0, coarse, goal=ZERO, to_sell=D("0.2"), policy=POLICY).slice == D("0.1")
    fine = replace(POLICY, execution=ExecutionPolicy(slice=10))
    assert begin("x", 0, means(), goal=ZERO, to_sell=D("0.2"), policy=fine).slice == D("0.01")


@pytest.mark.parametrize("low", [replace(BTC, spot_min_notional=D(100)), replace(BTC, spot_min_amount=D("0.003"))])
def test_a_last_slice_that_would_be_too_small_goes_with_the_one_before(low: Instrument) -> None:
    policy = replace(POLICY, execution=ExecutionPolicy(slice=100))
    now = begin("x", 0, replace(means(short="0.202"), instrument=low), goal=ZERO, to_sell=D("0.202"), policy=replace(
        policy, finalise=FinalisePolicy(slices=1)))
    assert now.slice == D("0.1")
    half = advance(now, 1, replace(means(short="0.102"), sold=D("0.1"), excess=D("0.102"), instrument=low),
                   patience=MINUTE)
    half = advance(half, 2, replace(means(short="0.102"), sold=D("0.1"), excess=D("0.102"), instrument=low),
                   patience=MINUTE)
    assert (half.leg, half.sell_until) == (Leg.SELL, D("0.202")), "0.1 would leave 0.002 over, worth 100"


# any interleaving of fills


@dataclass
class Story:
    """A wallet, a short and what is due, with fills as they come."""

    start: Means
    now: Finalising
    patience: int = 2 * MINUTE
    at: int = 0
    sold: Decimal = ZERO
    short: Decimal = ZERO

    @property
    def seen(self) -> Means:
        excess = None if self.start.excess is None else self.start.excess - self.sold
        return replace(self.start, short=self.short, sold=self.sold, excess=excess, free=self.start.free - self.sold)

    def look(self, wait: int, price: Decimal | None = None) -> Due:
        self.at += wait
        seen = self.seen if price is None else replace(self.seen, price=price)
        self.now = advance(self.now, self.at, seen, patience=self.patience)
        return due(self.now, seen)


amounts = st.integers(1, 400).map(lambda count: D(count) * D("0.001"))
coins = st.integers(0, 60_000).map(lambda lots: D(lots) * D("0.00001"))


@settings(max_examples=150, deadline=None)
@given(short=amounts, excess=coins, free=coins, slices=st.integers(1, 8), most=st.none() | st.integers(1, 50),
       exempt=st.booleans(), spot_min=st.sampled_from([D(0), D(5), D(100)]),
       contract=st.sampled_from(["0.001", "0.01"]),
       parts=st.lists(st.tuples(st.integers(0, 100), st.integers(1, 300)), min_size=1, max_size=30))
def test_whatever_fills_exposure_stays_within_a_slice_and_it_ends(  # noqa: PLR0917 - a property over all of it
    short: Decimal, excess: Decimal, free: Decimal, slices: int, most: int | None, exempt: bool, spot_min: Decimal,
    contract: str, parts: list[tuple[int, int]],
) -> None:
    spec = replace(BTC, spot_min_notional=spot_min, reduce_only_exempt=exempt)
    short = max(round_to_step(short, D(contract)), D(contract))
    start = Means(short, ZERO, excess, free, D(50_000), D(contract), spec)
    policy = replace(POLICY, execution=ExecutionPolicy(slice=most), finalise=FinalisePolicy(slices=slices))
    sale = sale_of(short, start)
    story = Story(start, begin("x", 0, start, goal=ZERO, to_sell=sale.sold, policy=policy), short=short)
    smallest = spot_min * 2 / D(50_000) + spec.spot_lot
    for part, wait in (*parts, *[(100, 1)] * 2000):
        if story.short == 0:
            break
        wanted = story.look(wait * SECOND)
        assert wanted.quantity >= 0
        if wanted.leg is Leg.SELL:
            assert is_multiple(wanted.quantity, spec.spot_lot)
            story.sold += round_to_step(wanted.quantity * part / 100, spec.spot_lot)
        else:
            assert is_multiple(wanted.quantity, D(contract)) or wanted.quantity == story.short
            filled = round_to_step(wanted.quantity * part / 100, D("0.001"))
            story.short -= filled
            last = story.now.left <= 0
            assert last or short - story.short <= story.sold, "never more closed than sold, before the end"
        assert story.sold <= min(free, excess, short)
        assert story.short >= 0, "never long"
        uncovered = story.sold - (short - story.short)
        assert uncovered <= story.now.slice + smallest, "never less exposed by more than a slice"
    assert story.short == 0, "it ends"
    assert sale.sold - story.sold < max(spec.spot_lot, spot_min / D(50_000)), "less is left than can be ordered"


def test_what_of_the_short_is_more_than_the_sale_is_closed_at_the_very_end() -> None:
    start = means(excess="0.15")
    story = Story(start, begin("x", 0, start, goal=ZERO, to_sell=D("0.15"), policy=POLICY), short=D("0.2"))
    closes = []
    while story.short:
        wanted = story.look(SECOND)
        if wanted.leg is Leg.SELL:
            story.sold += wanted.quantity
        else:
            story.short -= wanted.quantity
            closes.append(wanted.quantity)
    assert closes == [D("0.03")] * 4 + [D("0.08")]


def test_a_small_reduction_that_becomes_the_whole_hedge_takes_few_slices() -> None:
    start = means(short="2", excess="2", free="5")
    small = begin("floor", 0, start, goal=D("1.99"), to_sell=D("0.01"), policy=POLICY, whole=True)
    assert small.slice == D("0.01")
    now = extend(small, "full", start, goal=ZERO, policy=POLICY)
    story, sales = Story(start, now, short=D(2)), []
    while story.short:
        wanted = story.look(SECOND)
        if wanted.leg is Leg.SELL:
            story.sold += wanted.quantity
            sales.append(wanted.quantity)
        else:
            story.short -= wanted.quantity
    assert sales == [D("0.01"), D("1.99")], "the slice that is being sold, then the rest at once"
    capped = replace(POLICY, execution=ExecutionPolicy(slice=100))
    assert extend(small, "full", start, goal=ZERO, policy=capped).slice == D("0.1")


def test_sales_that_the_excess_no_longer_allows_are_given_up() -> None:
    now = begin("x", 0, means(), goal=ZERO, to_sell=D("0.2"), policy=POLICY)
    assert advance(now, 1, means(excess="0.1"), patience=MINUTE).to_sell == D("0.1")
    assert advance(now, 1, means(excess="0.1", settled=False), patience=MINUTE).to_sell == D("0.2")
    assert advance(now, 1, means(excess=None), patience=MINUTE).to_sell == D("0.2")


def test_a_slice_that_is_not_sold_for_long_is_closed_as_far_as_it_is() -> None:
    now = begin("x", 0, means(), goal=ZERO, to_sell=D("0.2"), policy=POLICY)
    part = replace(means(), sold=D("0.0155"), excess=D("0.1845"))
    assert advance(now, MINUTE, part, patience=MINUTE).leg is Leg.SELL
    assert advance(now, 2 * MINUTE, replace(part, working=True), patience=MINUTE).leg is Leg.SELL
    late = advance(now, 2 * MINUTE, part, patience=MINUTE)
    assert due(late, part) == Due(Leg.CLOSE, D("0.015"), 2 * MINUTE)


# in a decision


def test_by_command_the_whole_hedge_ends_with_its_coins() -> None:
    story = world(short="0.2")
    story.standings["BTC"] = {"asked": ("finalize",)}
    decision = story.look()
    btc = decision.of("BTC")
    assert (btc.action, btc.goal, btc.urgent) == (Action.CLOSE, D(0), True)
    assert btc.due == Due(Leg.SELL, D("0.04"), story.at)
    memory = decision.state.of("BTC").finalising
    assert memory is not None
    assert (memory.to_sell, memory.slice, memory.cause) == (D("0.2"), D("0.04"), "finalise_requested")
    assert decision.state.of("BTC").disarmed is None


def test_a_command_makes_the_ladders_sale_of_a_part_one_of_the_whole() -> None:
    story = world(short="0.2", futures_share="0.06", margin=MarginPolicy(on_margin=OnMargin.FINALISE))
    part = story.look().state.of("BTC").finalising
    assert part is not None
    assert part.goal > 0
    story.at += SECOND
    story.standings["BTC"] = {"asked": ("finalize",)}
    decision = story.look()
    whole, btc = decision.state.of("BTC").finalising, decision.of("BTC")
    assert whole is not None
    assert (whole.goal, whole.to_sell, btc.goal, btc.urgent) == (ZERO, D("0.2"), ZERO, True)
    assert btc.pace is Pace.MARGIN, "the ladder stays in charge"


def test_our_own_sale_alarms_no_guard_and_somebody_elses_does() -> None:
    story = world(short="0.2")
    story.holdings["BTC"] -= D("0.04")
    story.cash += D(2000)
    assert set(guards_of(story.look().of("BTC"))) == {"holdings_changed", "cash_changed"}
    story.standings["BTC"] = {"coin_flow": D("-0.04"), "spot_sold": D("0.04")}
    story.standing["cash_flow"] = D(2000)
    assert not guards_of(story.later().of("BTC"))


def test_accepting_reckons_with_what_was_sold() -> None:
    story = world(short="0.2")
    story.standings["BTC"] = {"coin_flow": D("-0.04"), "accept_requested": True}
    story.look()
    story.standings["BTC"] = {"coin_flow": D("-0.04")}
    assert not guards_of(story.later().of("BTC"))


def test_it_ends_as_reached_and_disarms_nothing() -> None:
    story = world(short="0.2")
    story.standings["BTC"] = {"asked": ("finalize",)}
    story.look()
    story.shorts, story.holdings["BTC"], story.cash = {}, D("1.0"), story.cash + 10_000
    story.standings["BTC"] = {"coin_flow": D("-0.2"), "spot_sold": D("0.2"), "closed_at": story.at}
    story.standing["cash_flow"] = D(10_000)
    decision = story.later()
    assert "goal_reached" in codes(decision.of("BTC"))
    assert (decision.of("BTC").goal, decision.of("BTC").due) == (D(0), None)
    assert (decision.state.of("BTC").finalising, decision.state.of("BTC").disarmed) == (None, None)


@pytest.mark.parametrize(("changes", "said"), [
    ({"free": {"BTC": D(0)}}, "not free"),
    ({"shorts": {}}, "no hedge is open"),
])
def test_a_command_that_can_sell_nothing_does_nothing(changes: dict[str, object], said: str) -> None:
    story = world(short="0.2")
    for name, value in changes.items():
        setattr(story, name, value)
    story.standings["BTC"] = {"asked": ("finalize",)}
    btc = story.look().of("BTC")
    refused = next(reason for reason in btc.reasons if reason.code == "finalise_refused")
    assert said in refused.text
    assert btc.goal == btc.short


def test_coins_that_are_not_free_are_said_and_their_short_is_closed_as_by_close() -> None:
    story = world(short="0.2")
    story.free = {"BTC": D("0.05")}
    story.standings["BTC"] = {"asked": ("finalize",)}
    decision = story.look()
    told = next(reason for reason in decision.of("BTC").reasons if reason.code == "coins_not_free")
    assert "0.15 of 0.2 BTC" in told.text
    memory = decision.state.of("BTC").finalising
    assert memory is not None
    assert (memory.to_sell, memory.goal) == (D("0.05"), D(0))
    assert decision.state.of("BTC").disarmed == "close"


def test_a_command_acts_through_data_guards_and_policy_is_held_by_them() -> None:
    story = world(short="0.2")
    story.cash += D(5000)  # unasked
    story.standings["BTC"] = {"asked": ("finalize",)}
    asked = story.look().of("BTC")
    assert asked.due is not None
    assert not asked.held
    old = world(short="0.2")
    old.cash += D(5000)
    old.standings["BTC"] = {"opened_at": old.at - 91 * DAY}
    by_age = old.look().of("BTC")
    assert by_age.held
    assert by_age.due is None


@pytest.mark.parametrize(("days", "finalise", "begins"), [
    (90, FinalisePolicy(), True), (89, FinalisePolicy(), False), (9, FinalisePolicy(max_age=9 * DAY), True),
    (1000, FinalisePolicy(max_age=0), False),
])
def test_a_hedge_that_is_too_old_is_finalised(days: int, finalise: FinalisePolicy, begins: bool) -> None:
    story = world(short="0.2", finalise=finalise)
    story.standings["BTC"] = {"opened_at": story.at - days * DAY}
    btc = story.look().of("BTC")
    assert ("finalise_age" in codes(btc)) == begins
    assert (btc.due is not None) == begins
    assert not btc.urgent


@pytest.mark.parametrize(("trailing", "rate", "begins"), [
    ("0.25", "-0.0003", True), ("0.25", "0.0001", False), ("0.19", "-0.0003", False), (None, "-0.0003", False),
])
def test_a_hedge_that_has_been_too_dear_and_still_is_is_finalised(trailing: str, rate: str, begins: bool) -> None:
    story = world(short="0.2")
    story.quotes["BTC"] = {"funding_rate": D(rate)}  # every 8 hours: 0.03% is 32.85% a year
    story.standings["BTC"] = {"trailing_carry": None if trailing is None else D(trailing)}
    assert ("finalise_carry" in codes(story.look().of("BTC"))) == begins


def test_by_policy_a_hedge_waits_until_its_coins_are_free() -> None:
    story = world(short="0.2")
    story.standings["BTC"] = {"opened_at": story.at - 91 * DAY}
    story.free = {"BTC": D("0.19")}
    btc = story.look().of("BTC")
    assert "coins_not_free" in codes(btc)
    assert btc.goal == btc.short
    story.free = {}
    assert "finalise_age" in codes(story.later().of("BTC"))


def test_a_close_ends_the_selling_and_goes_on_without() -> None:
    story = world(short="0.2")
    story.standings["BTC"] = {"asked": ("finalize",)}
    story.look()
    story.standings["BTC"] = {"asked": ("close",), "close_requested": True}
    decision = story.later()
    assert decision.of("BTC").due is None
    assert decision.state.of("BTC").finalising is None
    assert (decision.of("BTC").goal, decision.state.of("BTC").disarmed) == (D(0), "close")


def test_deciding_again_on_the_same_instant_changes_nothing() -> None:
    story = world(short="0.2")
    story.standings["BTC"] = {"opened_at": story.at - 91 * DAY}
    first = story.look()
    assert story.look().state == first.state
    assert quote(0, D(1)).funding_interval == 8 * HOUR


@pytest.mark.parametrize("how", [{"asked": ("finalize",)}, {"opened_at": 0}])
def test_an_explanation_tells_the_sale_and_agrees(how: dict[str, object]) -> None:
    story = world(short="0.2")
    story.standings["BTC"] = how
    situation = story.situation()
    told = explain(situation, story.terms, story.look())
    assert told.disagreements == ()
    steps = {step.title: step for step in told.assets[0].steps}
    assert steps["coins to sell"].result == "0.2 BTC in slices of 0.04"
    assert steps["next leg"].result == "sell 0.04 BTC"
    story.standings["BTC"] = {"opened_at": 0} if "opened_at" in how else {}
    story.at += 30_000
    again = explain(story.situation(), story.terms, story.look())
    assert again.disagreements == ()
