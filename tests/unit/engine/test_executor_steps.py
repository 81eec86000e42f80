"""The executor's policy, one line of DOMAIN §7 at a time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.decision import Action, AssetDecision, Measure, Reason
from bot.core.market import Instrument, Quote, Side
from bot.core.orders import OrderIntent, OrderRecord, OrderState, TimeInForce
from bot.core.policy import ExecutionPolicy, OnTimeout
from bot.engine.executor import bounded_price, next_step
from bot.engine.steps import Place, Reprice, Withdraw

D = Decimal
T = 1_600_000_000_000
BTC = Instrument(
    "BTC", "BTC/USDT:USDT", "BTC/USDT", amount_step=D("0.001"), min_amount=D("0.001"), min_notional=D(100),
    price_tick=D("0.1"), spot_lot=D("0.00001"), spot_tick=D("0.01"),
)
QUOTE = Quote(D(49999), D(50001), T, D("50009.9"), D(50010), T, D(50005), D(50000), T)
POLICY = ExecutionPolicy()
CROSS = replace(POLICY, on_timeout=OnTimeout.CROSS)


def decided(short: str, goal: str, *, held: bool = False) -> AssetDecision:
    measure = Measure(D(1), D(50000), D(50000), D(45000), D(5000), D("0.05"), D("0.5"), D(0))
    return AssetDecision("BTC", Action.HOLD, D(short), D(goal), D("0.001"), measure, (Reason("x", "x"),), held=held)


def order(
    side: Side = Side.SELL, *, quantity: str = "0.2", price: str = "50010", filled: str = "0",
    state: OrderState = OrderState.OPEN, changed_at: int = T,
) -> OrderRecord:
    intent = OrderIntent(
        "hrabc_btc1_1", 1, "btc1", "BTC", BTC.symbol, side, D(quantity), D(price), side is Side.BUY, TimeInForce.GTX,
        D(0), D("0.2"), T, T, "above_open",
    )
    return OrderRecord(intent, state, D(filled), "1", D(price), changed_at)


def step(
    what: AssetDecision, *live: OrderRecord, policy: ExecutionPolicy = POLICY, after: int = 0, quote: Quote = QUOTE,
) -> object:
    return next_step(what, live, quote, BTC, policy, now=T + after, working_since=T)


def test_an_increase_rests_post_only_at_the_best_ask() -> None:
    assert step(decided("0", "0.2")) == Place(Side.SELL, D("0.2"), D(50010), TimeInForce.GTX, reduce_only=False)


@given(
    side=st.sampled_from([Side.SELL, Side.BUY]), tick=st.sampled_from(["0.1", "0.05", "0.5", "0.001", "3"]),
    bid=st.decimals("100", "99999", places=4, allow_nan=False, allow_infinity=False),
    spread=st.decimals("0", "9", places=4, allow_nan=False, allow_infinity=False),
)
def test_a_resting_order_is_on_the_tick_on_the_passive_side_and_within_a_tick_of_the_touch(
    side: Side, tick: str, bid: Decimal, spread: Decimal,
) -> None:
    spec = replace(BTC, price_tick=D(tick))
    quote = replace(QUOTE, perp_bid=bid, perp_ask=bid + spread)
    what = decided("0", "0.2") if side is Side.SELL else decided("0.2", "0")
    resting = order(side, price="1000000" if side is Side.SELL else "1")
    placed = next_step(what, (), quote, spec, POLICY, now=T, working_since=T)
    moved = next_step(what, (resting,), quote, spec, POLICY, now=T + 60_000, working_since=T)
    assert isinstance(placed, Place)
    assert isinstance(moved, Reprice)
    touch = bid + spread if side is Side.SELL else bid
    for price in (placed.price, moved.price):
        away = price - touch if side is Side.SELL else touch - price
        assert price % D(tick) == 0
        assert 0 <= away < D(tick)


def test_a_reduction_rests_post_only_at_the_best_bid_and_is_reduce_only() -> None:
    assert step(decided("0.2", "0.05")) == Place(Side.BUY, D("0.15"), D("50009.9"), TimeInForce.GTX, reduce_only=True)


def test_a_close_never_buys_more_than_the_short() -> None:
    placed = step(decided("0.137", "0"))
    assert isinstance(placed, Place)
    assert placed.quantity == D("0.137")
    assert placed.reduce_only


def test_large_hedges_go_out_in_slices() -> None:
    placed = step(decided("0", "0.2"), policy=replace(POLICY, slice=50))
    assert isinstance(placed, Place)
    assert placed.quantity == D("0.050")


@pytest.mark.parametrize(
    ("missing", "contracts", "sent"),
    [
        ("0.2", 1, "0.002"),      # a slice below the minimum notional grows to it
        ("0.101", 100, "0.101"),  # a rest below the minimum goes with the last slice
        ("0.03", 50, "0.03"),
    ],
)
def test_a_slice_is_never_less_than_the_venue_takes_nor_leaves_less(missing: str, contracts: int, sent: str) -> None:
    placed = step(decided("0", missing), policy=replace(POLICY, slice=contracts))
    assert isinstance(placed, Place)
    assert placed.quantity == D(sent)


def test_nothing_is_sent_at_the_goal() -> None:
    assert step(decided("0.2", "0.2")) is None


def test_a_resting_order_at_the_touch_is_left_alone() -> None:
    assert step(decided("0", "0.2"), order(), after=60_000) is None


@pytest.mark.parametrize(("after", "moves"), [(9_999, False), (10_000, True)])
def test_an_order_follows_the_touch_at_most_every_reprice_after(after: int, moves: bool) -> None:
    fallen = replace(QUOTE, perp_bid=D("49989.9"), perp_ask=D(49990))
    resting = order()
    expected = Reprice(resting, D(49990)) if moves else None
    assert step(decided("0", "0.2"), resting, after=after, quote=fallen) == expected


def test_a_touch_that_moves_beyond_our_price_is_no_reason_to_reprice() -> None:
    risen = replace(QUOTE, perp_bid=D("50019.9"), perp_ask=D(50020))
    assert step(decided("0", "0.2"), order(), after=60_000, quote=risen) is None


def test_only_the_remainder_of_a_partly_filled_order_counts() -> None:
    assert step(decided("0.15", "0.2"), order(filled="0.15", state=OrderState.PARTIAL)) is None


@pytest.mark.parametrize(
    ("what", "resting"),
    [
        (decided("0.2", "0.2"), order()),                       # the goal is reached
        (decided("0.2", "0"), order(filled="0.1")),             # the goal turned round
        (decided("0.1", "0.2"), order()),                       # more rests than is wanted
        (decided("0", "0.2", held=True), order()),              # a data guard holds
    ],
)
def test_an_order_that_is_no_longer_wanted_is_withdrawn(what: AssetDecision, resting: OrderRecord) -> None:
    assert isinstance(step(what, resting), Withdraw)


def test_a_second_order_on_the_asset_is_withdrawn() -> None:
    first, second = order(quantity="0.1"), order(quantity="0.1")
    assert step(decided("0", "0.2"), first, second) == Withdraw(second, "no longer wanted")


@pytest.mark.parametrize("state", [OrderState.INTENDED, OrderState.UNCERTAIN])
def test_an_unknown_outcome_freezes_the_asset(state: OrderState) -> None:
    assert step(decided("0.2", "0"), order(state=state), after=600_000, policy=CROSS) is None


def test_a_held_asset_sends_nothing() -> None:
    assert step(decided("0", "0.2", held=True)) is None


def test_patience_ends_by_withdrawing_and_then_crossing_bounded() -> None:
    assert step(decided("0", "0.2"), order(), policy=CROSS, after=120_000) == Withdraw(order(), "patience ended")
    assert step(decided("0", "0.2"), policy=CROSS, after=120_000) == Place(
        Side.SELL, D("0.2"), D("49959.9"), TimeInForce.IOC, reduce_only=False,
    )


def test_who_waits_keeps_resting_after_patience() -> None:
    assert step(decided("0", "0.2"), order(), policy=POLICY, after=600_000) is None


def test_an_empty_book_sends_nothing() -> None:
    assert step(decided("0", "0.2"), quote=replace(QUOTE, perp_ask=None)) is None


@pytest.mark.parametrize(("side", "bound"), [(Side.SELL, "49959.9"), (Side.BUY, "50060")])
def test_a_crossing_order_is_bounded_on_the_tick_and_never_looser_than_max_slippage(side: Side, bound: str) -> None:
    price = bounded_price(side, QUOTE, BTC, D("0.001"))
    assert price == D(bound)
    assert price % BTC.price_tick == 0
