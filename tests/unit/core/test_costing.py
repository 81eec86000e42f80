from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.core.costing import account_costs, costs_of, in_order, traded, valuation
from bot.core.episode import Episode, EpisodeState, apply_fill
from bot.core.history import Gap
from bot.core.ledger import Traded, Valuation
from bot.core.market import FuturesWallet, Position, Quote, Side, Snapshot
from bot.core.orders import Fill, FundingPayment

D = Decimal
PERP, SPOT = "BTC/USDT:USDT", "BTC/USDT"
HEDGE = Episode("btc1", "BTC", PERP, EpisodeState.CLOSED, 0, opened_at=0, closed_at=20)

SECOND = replace(HEDGE, id="btc2")


def fill(side: Side, price: int, *, at: int, symbol: str = PERP, realised: int = 0, coin: str = "USDT") -> Fill:
    return Fill(f"t{at}", "o", symbol, side, D("0.1"), D(price), D(1), coin, D(realised), maker=True, at=at)


OPENED = Traded(fill(Side.SELL, 50_000, at=0), D(50_000), D(50_000))
CLOSED = Traded(fill(Side.BUY, 49_000, at=20, realised=100), D(49_000), D(49_000))
PAID = FundingPayment("f1", PERP, D(3), "USDT", 10)


def snapshot(position: Position | None = None) -> Snapshot:
    quote = Quote(D(49_990), D(50_010), 5, D(50_019), D(50_021), 5, D(50_030), D(50_000), 5)
    return Snapshot(5, {}, FuturesWallet(*[D(0)] * 6), {"BTC": quote}, positions=(position,) if position else ())


def test_an_ended_hedge_needs_no_prices() -> None:
    costs = costs_of(HEDGE, [OPENED, PAID, CLOSED], "USDT")
    assert (costs.net_cost, costs.against_holding) == (D(2 - 3 - 100 + 100), D(100 + 3 - 2))


def test_what_was_learnt_late_is_taken_where_it_happened() -> None:
    assert in_order([CLOSED, PAID, OPENED]) == [OPENED, PAID, CLOSED]
    assert costs_of(HEDGE, [CLOSED, PAID, OPENED], "USDT") == costs_of(HEDGE, [OPENED, PAID, CLOSED], "USDT")


def test_an_open_hedge_is_valued_by_the_venues_own_figures() -> None:
    held = Position(PERP, D("-0.1"), D(50_000), D(50_040), D("-4.00000001"))
    assert valuation(snapshot(held), "BTC", PERP, D("0.1")) == Valuation(5, D(50_000), D(50_040), D("-4.00000001"))
    costs = costs_of(HEDGE, [OPENED], "USDT", snapshot(held))
    assert (costs.unrealised, costs.short) == (D("-4.00000001"), D("0.1"))
    assert costs.net_cost == costs.net_by_parts


def test_a_position_that_is_not_the_hedge_does_not_value_it() -> None:
    more = Position(PERP, D("-0.3"), D(50_000), D(50_040), D(-12))
    assert valuation(snapshot(more), "BTC", PERP, D("0.1")) == Valuation(5, D(50_000), D(50_030))
    assert costs_of(HEDGE, [OPENED], "USDT", snapshot()).unrealised == D(-3)


@pytest.mark.parametrize(("gap", "figure"), [
    (Gap("funding", 5, 15, 99), "funding_paid"), (Gap("fills", 5, 15, 99, PERP), "futures_fees"),
])
def test_what_the_venue_had_forgotten_makes_the_cost_unknown(gap: Gap, figure: str) -> None:
    costs = costs_of(HEDGE, [OPENED, CLOSED], "USDT", gaps=[gap])
    assert (costs.net_cost, costs.against_holding, getattr(costs, figure)) == (None, None, None)
    assert "had forgotten the" in costs.why_unknown()


@pytest.mark.parametrize("gap", [Gap("funding", 20, 30, 99), Gap("fills", 5, 15, 99, "ETH/USDT:USDT")])
def test_what_it_had_forgotten_of_other_times_and_symbols_does_not_matter(gap: Gap) -> None:
    assert costs_of(HEDGE, [OPENED, CLOSED], "USDT", gaps=[gap]).net_cost is not None


def test_a_hedge_that_began_before_the_venues_memory_has_no_cost() -> None:
    costs = costs_of(HEDGE, [CLOSED], "USDT", snapshot(), incomplete=["btc1"])
    assert costs.net_cost is None
    assert "began before" in costs.why_unknown()


@pytest.mark.parametrize(("side", "symbol", "spot", "bought"), [
    (Side.BUY, PERP, False, None), (Side.SELL, PERP, False, None), (Side.SELL, SPOT, True, None),
    (Side.BUY, SPOT, True, "BTC"), (Side.BUY, "ETH/USDT", True, "ETH"),
])
def test_what_buys_coins_is_no_leg_of_a_short(side: Side, symbol: str, spot: bool, bought: str | None) -> None:
    found = traded(fill(side, 1, at=1, symbol=symbol), HEDGE, None, None)
    assert (found.spot, found.bought) == (spot, bought)


def test_a_purchase_adds_its_fee_to_the_hedge_and_nothing_to_what_it_sold() -> None:
    sold = apply_fill(HEDGE, fill(Side.SELL, 50_000, at=30, symbol=SPOT), "USDT")
    for symbol in (SPOT, "ETH/USDT"):
        after = apply_fill(sold, fill(Side.BUY, 3_000, at=31, symbol=symbol), "USDT")
        assert after == replace(sold, fees=sold.fees + 1, fills=sold.fills + 1)


def test_the_account_is_the_sum_of_its_hedges_and_of_what_is_outside() -> None:
    costs = costs_of(HEDGE, [OPENED, PAID, CLOSED], "USDT")
    account = account_costs(
        [(HEDGE, costs), (SECOND, costs)], "USDT", fills=[fill(Side.BUY, 3_000, at=30, symbol="ETH/USDT")],
        funding=[replace(PAID, amount=D("-0.5"))])
    assert (account.fees, account.outside_fees, account.outside_funding) == (D(5), D(1), D("0.5"))
    assert account.funding_paid == D("-5.5")
    assert account.net_cost == 2 * D(-1) + 1 + D("0.5")
    assert account.against_holding == 2 * 101 - 1 - D("0.5")
    assert account.net_by_parts == account.net_cost
    assert account.fees_charged == {"USDT": D(5)}
    assert account.unknown == {}


def test_what_somebody_realised_outside_of_all_hedges_is_in_the_account() -> None:
    """An order that no intent of ours names: what it made moved the account all the same."""
    account = account_costs([], "USDT", fills=[fill(Side.BUY, 49_000, at=30, realised=100)])
    assert (account.net_cost, account.against_holding, account.realised) == (D(-99), D(99), D(100))


def test_one_hedge_without_a_cost_leaves_the_account_without_one() -> None:
    known = costs_of(HEDGE, [OPENED, CLOSED], "USDT")
    unknown = costs_of(HEDGE, [replace(OPENED, spot_mid=None), CLOSED], "USDT")
    account = account_costs([(HEDGE, known), (SECOND, unknown)], "USDT")
    assert account.net_cost is None
    assert account.against_holding == 2 * D(98)
    assert account.unknown.keys() == {"btc2"}


def test_a_fee_outside_of_all_hedges_without_a_price_is_said() -> None:
    account = account_costs([], "USDT", fills=[fill(Side.BUY, 3_000, at=30, symbol="ETH/USDT", coin="BNB")])
    assert (account.net_cost, account.fees) == (None, None)
    assert "" in account.unknown
