"""Money, instants, orders and episodes: the values everything else is made of."""

from __future__ import annotations

import decimal
import itertools
from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, ROUND_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.episode import (
    EPISODE_TRANSITIONS,
    Episode,
    EpisodeState,
    apply_fill,
    apply_funding,
    cash_of_spot_fill,
    coins_of_spot_fill,
)
from bot.core.market import Side
from bot.core.money import is_multiple, parse_decimal, plain, round_to_step, steps, to_ledger
from bot.core.orders import (
    TRANSITIONS,
    Fill,
    FundingPayment,
    IllegalTransition,
    OrderIntent,
    OrderRecord,
    OrderState,
    TimeInForce,
    advance,
    base36,
    client_order_id,
)
from bot.core.times import iso, next_on_grid, parse_iso

D = Decimal


# money


def test_arithmetic_has_fifty_digits() -> None:
    assert decimal.getcontext().prec == 50
    assert len((D(1) / 3).as_tuple().digits) == 50


@pytest.mark.parametrize(("value", "number"), [
    ("0.1", "0.1"), (" 12 ", "12"), (7, "7"), (0.1, "0.1"), (D("1e3"), "1000"), ("-3", "-3"), ("1e-8", "0.00000001"),
])
def test_numbers_are_parsed_by_their_shortest_text(value: object, number: str) -> None:
    assert parse_decimal(value) == D(number)


@pytest.mark.parametrize("value", [None, True, False, "", "abc", "NaN", "Infinity", "-inf", float("nan"), float("inf"),
                                   [], {}, b"1", "1,000", D("sNaN")])
def test_what_is_no_finite_number_is_refused_by_name(value: object) -> None:
    with pytest.raises(ValueError, match=r"fee: .* number"):
        parse_decimal(value, "fee")


@pytest.mark.parametrize(("value", "step", "down"), [
    ("0.12", "0.05", "0.10"), ("0.15", "0.05", "0.15"), ("0.1499", "0.05", "0.10"), ("-0.12", "0.05", "-0.10"),
    ("1.239", "0.001", "1.239"), ("100000.05", "0.1", "100000.0"), ("7", "3", "6"), ("0", "0.05", "0"),
    ("123456789.987654321", "0.00000001", "123456789.98765432"),
])
def test_rounding_to_a_step_goes_toward_zero(value: str, step: str, down: str) -> None:
    assert round_to_step(D(value), D(step)) == D(down)


def test_rounding_can_be_told_otherwise() -> None:
    assert round_to_step(D("0.11"), D("0.05"), ROUND_UP) == D("0.15")
    assert round_to_step(D("0.125"), D("0.05"), ROUND_HALF_EVEN) == D("0.10")
    assert steps(D("0.11"), D("0.05")) == 2
    assert steps(D("0.11"), D("0.05"), ROUND_UP) == 3


@pytest.mark.parametrize("step", ["0", "-0.1"])
def test_a_step_is_positive(step: str) -> None:
    with pytest.raises(ValueError, match="step must be positive"):
        round_to_step(D(1), D(step))
    with pytest.raises(ValueError, match="step must be positive"):
        steps(D(1), D(step))


@given(st.decimals(D("-1e6"), D("1e6"), places=6), st.sampled_from(["0.05", "0.001", "0.3", "7", "0.00001"]))
def test_a_rounded_value_is_a_multiple_no_further_from_zero(value: Decimal, step: str) -> None:
    rounded = round_to_step(value, D(step))
    assert is_multiple(rounded, D(step))
    assert abs(rounded) <= abs(value)
    assert abs(value - rounded) < D(step)
    assert steps(value, D(step)) * D(step) == rounded


def test_the_books_round_once_half_to_even() -> None:
    assert to_ledger(D("0.000000005")) == 0
    assert to_ledger(D("0.000000015")) == D("0.00000002")
    assert to_ledger(D("-0.123456785")) == D("-0.12345678")


@pytest.mark.parametrize(("value", "text"), [
    ("0.100", "0.1"), ("50000", "50000"), ("5E+4", "50000"), ("1E-8", "0.00000001"), ("0", "0"), ("-0.0", "0"),
    ("-1.50", "-1.5"), ("100", "100"), ("0E+3", "0"), ("0E-9", "0"),
])
def test_plain_numbers_have_no_exponent_and_no_tail(value: str, text: str) -> None:
    assert plain(D(value)) == text


# times


def test_instants_are_told_in_utc() -> None:
    assert iso(1_611_792_000_000) == "2021-01-28T00:00:00Z"
    assert iso(1_611_792_000_001) == "2021-01-28T00:00:00.001Z"


@pytest.mark.parametrize("text", ["2021-01-28", "2021-01-28T00:00:00Z", "2021-01-28T01:00:00+01:00"])
def test_dates_are_read_as_utc(text: str) -> None:
    assert parse_iso(text) == 1_611_792_000_000


def test_what_is_no_date_is_refused() -> None:
    with pytest.raises(ValueError, match="yesterday"):
        parse_iso("yesterday")


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001 - hypothesis wants naive bounds
    lambda moment: round(moment.replace(tzinfo=UTC).timestamp() * 1000)))
def test_an_instant_survives_its_text(at: int) -> None:
    assert parse_iso(iso(at)) == at


@pytest.mark.parametrize(("now", "next_one"), [(0, 100), (99, 100), (100, 200), (101, 200), (-1, 0)])
def test_ticks_fall_on_the_grid_after_now(now: int, next_one: int) -> None:
    assert next_on_grid(now, 0, 100) == next_one
    assert next_on_grid(now + 7, 7, 100) == next_one + 7


# orders


LIVE = {OrderState.INTENDED, OrderState.UNCERTAIN, OrderState.OPEN, OrderState.PARTIAL}
ENDED = {OrderState.FILLED, OrderState.CANCELLED, OrderState.REFUSED, OrderState.NOT_SENT, OrderState.NOT_FOUND}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(OrderState, OrderState)))
def test_an_order_goes_only_where_the_table_lets_it(before: OrderState, after: OrderState) -> None:
    if after in TRANSITIONS[before]:
        assert advance(before, after) is after
    else:
        with pytest.raises(IllegalTransition, match=f"from {before} to {after}"):
            advance(before, after)


def test_the_table_knows_every_state_and_nothing_returns_to_intended() -> None:
    assert TRANSITIONS.keys() == set(OrderState)
    assert all(OrderState.INTENDED not in reachable for reachable in TRANSITIONS.values())
    assert {state for state in OrderState if state.live} == LIVE
    assert {state for state in OrderState if state.unresolved} == {OrderState.INTENDED, OrderState.UNCERTAIN}


@pytest.mark.parametrize(("before", "after", "legal"), [
    ("intended", "not_sent", True),
    ("uncertain", "not_sent", False),        # what may have left cannot be proven never to have left
    ("uncertain", "not_found", True),
    ("open", "not_found", False),            # the venue had it
    ("open", "uncertain", True),             # a cancel whose outcome is unknown
    ("cancelled", "filled", True),           # a fill that raced the cancel
    ("cancelled", "open", True),             # a cancel that was acknowledged and not done
    ("filled", "cancelled", False),
    ("filled", "open", False),
    ("refused", "open", False),
    ("not_found", "filled", True),           # a reply that came after all
    ("partial", "open", False),
    ("open", "open", True),
])
def test_the_surprising_transitions(before: str, after: str, legal: bool) -> None:
    assert (OrderState(after) in TRANSITIONS[OrderState(before)]) is legal


def test_what_remains_of_an_order() -> None:
    intent = OrderIntent("hrx_btc1_1", 1, "btc1", "BTC", "BTCUSDT", Side.SELL, D("0.2"), D(50_000), reduce_only=False,
                         time_in_force=TimeInForce.GTX, position_before=D(0), goal=D("0.2"), decided_at=1,
                         created_at=1, reason="above_open")
    assert OrderRecord(intent).remaining == D("0.2")
    assert OrderRecord(intent, filled=D("0.15")).remaining == D("0.05")
    assert (Side.BUY.sign, Side.SELL.sign) == (1, -1)


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (9, "9"), (35, "z"), (36, "10"), (46655, "zzz")])
def test_numbers_in_base_36(number: int, text: str) -> None:
    assert base36(number) == text
    assert int(text, 36) == number


def test_base_36_counts_up_from_zero() -> None:
    with pytest.raises(ValueError, match="negative"):
        base36(-1)


@given(st.text("abcxyz0189", min_size=6, max_size=6), st.sampled_from(["btc1", "eth9999", "pengu12", "1inch3"]),
       st.integers(0, 10**9))
def test_client_ids_are_legal_on_every_venue(tag: str, episode: str, number: int) -> None:
    identifier = client_order_id(tag, episode, number)
    assert len(identifier) <= 32
    assert set(identifier) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")
    assert identifier.startswith("hr")
    assert identifier != client_order_id(tag, episode, number + 1)


@pytest.mark.parametrize(("tag", "episode"), [
    ("abc123", "btc-3"), ("a b", "btc3"), ("abc123", "x" * 30), ("ä", "btc1"),
])
def test_client_ids_that_some_venue_would_not_take_are_refused(tag: str, episode: str) -> None:
    with pytest.raises(ValueError, match="not legal"):
        client_order_id(tag, episode, 1)


def test_client_ids_are_small_letters() -> None:
    assert client_order_id("AbC123", "BTC3", 36) == "hrabc123_btc3_10"


# episodes


def fill(side: Side, quantity: str, price: str, *, realised: str = "0", currency: str = "USDT", at: int = 1) -> Fill:
    return Fill(f"t{at}", "o1", "BTCUSDT", side, D(quantity), D(price), D(quantity) * D(price) * D("0.0002"), currency,
                D(realised), maker=True, at=at)


def funding(amount: Decimal, at: int) -> FundingPayment:
    return FundingPayment(f"f{at}", "BTCUSDT", amount, "USDT", at)


NEW = Episode("btc1", "BTC", "BTCUSDT", EpisodeState.OPENING, started_at=0)


def test_the_worked_episode() -> None:
    episode = apply_fill(NEW, fill(Side.SELL, "0.2", "50010", at=1), "USDT")
    assert (episode.state, episode.opened_at, episode.average_entry) == (EpisodeState.OPEN, 1, D(50_010))
    episode = apply_fill(episode, fill(Side.SELL, "0.05", "56048", at=2), "USDT")
    assert episode.average_entry == D("51217.6")
    episode = apply_funding(episode, funding(D("0.0003") * 56_040 * episode.short, 3))
    reduction = (episode.average_entry - 51_995) * D("0.1")
    episode = apply_fill(episode, fill(Side.BUY, "0.1", "51995", realised=str(reduction), at=4), "USDT")
    assert (episode.short, episode.average_entry) == (D("0.15"), D("51217.6"))
    episode = apply_funding(episode, funding(D("-0.0001") * 51_990 * episode.short, 5))
    rest = (episode.average_entry - 46_999) * D("0.15")
    episode = apply_fill(episode, fill(Side.BUY, "0.15", "46999", realised=str(rest), at=6), "USDT")
    assert episode.fees == D("5.01075")
    assert episode.realised == D("555.05")
    assert episode.funding_paid == D("-3.42315")
    assert (episode.state, episode.closed_at, episode.short) == (EpisodeState.CLOSED, 6, D(0))
    assert (episode.peak_short, episode.fills) == (D("0.25"), 4)
    assert episode.entry_price == D("51217.6")
    assert episode.exit_price == (D(51_995) * D("0.1") + D(46_999) * D("0.15")) / D("0.25")


def test_an_episode_without_fills_has_no_prices() -> None:
    assert NEW.entry_price is None
    assert NEW.exit_price is None


def test_a_buy_beyond_the_short_is_no_close() -> None:
    episode = apply_fill(NEW, fill(Side.SELL, "0.1", "50000"), "USDT")
    with pytest.raises(ValueError, match=r"buys 0\.2 of btc1, which is short 0\.1"):
        apply_fill(episode, fill(Side.BUY, "0.2", "50000"), "USDT")


def test_a_fee_in_another_coin_is_counted_and_not_added() -> None:
    episode = apply_fill(NEW, fill(Side.SELL, "0.1", "50000", currency="BNB"), "USDT")
    assert (episode.fees, episode.unpriced_fees) == (D(0), 1)


def test_a_fee_in_another_coin_counts_what_it_was_worth() -> None:
    charged = replace(fill(Side.SELL, "0.1", "50000", currency="BNB"), fee_value=D("0.98"))
    episode = apply_fill(NEW, charged, "USDT")
    assert (episode.fees, episode.unpriced_fees) == (D("0.98"), 0)
    free = apply_fill(NEW, replace(charged, fee=D(0), fee_value=None), "USDT")
    assert (free.fees, free.unpriced_fees) == (D(0), 0)


def test_coins_sold_on_spot_leave_the_short_where_it_is() -> None:
    """On any other symbol than the hedge's own; both legs' fees are the hedge's."""
    opened = apply_fill(NEW, fill(Side.SELL, "0.2", "50000"), "USDT")
    coins = replace(fill(Side.SELL, "0.1", "49990", at=2), symbol="BTC/USDT")
    sold = apply_fill(opened, coins, "USDT")
    assert (sold.short, sold.sold, sold.proceeds) == (D("0.2"), D("0.1"), D(4_999))
    assert (sold.state, sold.entry_price, sold.exit_price) == (EpisodeState.OPEN, D(50_000), None)
    assert sold.fees == opened.fees + coins.fee
    bought = apply_fill(sold, replace(coins, side=Side.BUY, trade_id="t3"), "USDT")
    assert (bought.sold, bought.proceeds, bought.short) == (D("0.1"), D(4_999), D("0.2")), "bought with the proceeds"


def test_what_a_trade_on_spot_moves() -> None:
    sale = replace(fill(Side.SELL, "0.1", "50000"), symbol="BTC/USDT", fee=D(5))
    assert (cash_of_spot_fill(sale, "USDT"), coins_of_spot_fill(sale, "BTC")) == (D(4_995), D("-0.1"))
    purchase = replace(sale, side=Side.BUY, fee=D("0.0001"), fee_currency="BTC")
    assert (cash_of_spot_fill(purchase, "USDT"), coins_of_spot_fill(purchase, "BTC")) == (D(-5_000), D("0.0999"))


def test_a_rebate_lowers_the_fees() -> None:
    rebate = Fill("t", "o", "BTCUSDT", Side.SELL, D(1), D(100), D("-0.01"), "USDT", D(0), maker=True, at=1)
    assert apply_fill(NEW, rebate, "USDT").fees == D("-0.01")


def test_the_episodes_table() -> None:
    states = EpisodeState
    assert EPISODE_TRANSITIONS.keys() == set(states)
    assert EPISODE_TRANSITIONS[states.CLOSED] == frozenset()
    assert EPISODE_TRANSITIONS[states.OPENING] == {states.OPEN, states.VOID}
    assert EPISODE_TRANSITIONS[states.VOID] == {states.OPEN}
    assert states.VOID not in EPISODE_TRANSITIONS[states.OPEN]
