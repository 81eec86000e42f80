from __future__ import annotations

import decimal
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.counterfactual import counterfactual
from bot.core.ledger import Costs, Event, Ledger, Traded, Valuation, reckon
from bot.core.market import Side
from bot.core.money import CONTEXT, ZERO, to_ledger
from bot.core.orders import Fill, FundingPayment
from bot.core.times import DAY, YEAR

D = Decimal
USDT = "USDT"


def sell(quantity: str, price: str, **more: Any) -> Traded:
    return traded(Side.SELL, quantity, price, **more)


def buy(quantity: str, price: str, **more: Any) -> Traded:
    return traded(Side.BUY, quantity, price, **more)


def traded(side: Side, quantity: str, price: str, *, mids: tuple[str, str] | None = None, at: int = 0,
           realised: str = "0", fee: str | None = None, coin: str = USDT, value: str | None = None,
           spot: bool = False) -> Traded:
    charged = D(fee) if fee is not None else D(quantity) * D(price) * D("0.0002")
    fill = Fill(f"t{at}", "o1", "BTCUSDT", side, D(quantity), D(price), charged, coin, D(realised), maker=True, at=at,
                fee_value=None if value is None else D(value))
    return Traded(fill, D(mids[0]) if mids else None, D(mids[1]) if mids else None, spot=spot)


def paid(amount: str, at: int, coin: str = USDT) -> FundingPayment:
    return FundingPayment(f"f{at}", "BTCUSDT", D(amount), coin, at)


WORKED: list[Event] = [
    sell("0.2", "50010", mids=("50000", "50020"), at=0),
    sell("0.05", "56048", mids=("56000", "56050"), at=DAY),
    paid("4.203", 2 * DAY),  # 0.0003 of 56,040 · 0.25
    buy("0.1", "51995", mids=("52000", "51990"), at=3 * DAY, realised="-77.74"),
    paid("-0.77985", 4 * DAY),  # −0.0001 of 51,990 · 0.15
    buy("0.15", "46999", mids=("47000", "46995"), at=5 * DAY, realised="632.79"),
]


def test_the_worked_episode_comes_out_to_the_last_digit() -> None:
    costs = reckon(WORKED, USDT)
    assert costs.fees == D("5.01075")
    assert costs.funding_paid == D("-3.42315")
    assert (costs.realised, costs.unrealised) == (D("555.05"), D(0))
    assert costs.hedged_move == D(-550)
    assert (costs.basis, costs.slippage) == (D("-8.25"), D("3.20"))
    assert (costs.spot_slippage, costs.legging, costs.rounding) == (D(0), D(0), D(0))
    assert costs.net_cost == costs.net_by_parts == D("-3.4624")
    assert costs.against_holding == D("553.4624")
    assert costs.unknown == {}
    assert [payment.amount for payment in costs.funding] == [D("4.203"), D("-0.77985")]


def test_the_worked_episode_is_what_the_two_accounts_differ_by() -> None:
    both = counterfactual(WORKED, USDT)
    assert both.difference(Valuation(5 * DAY, D(47_000))) == D("-3.4624")
    assert both.against_nothing(Valuation(5 * DAY, D(47_000))) == D("553.4624")


def test_the_cost_of_a_year_counts_the_hedged_value_and_the_time() -> None:
    costs = reckon(WORKED, USDT)
    days = D("0.2") * (50_000 + 56_000) / 2 + D("0.25") * (56_000 + 52_000) + D("0.15") * (52_000 + 47_000)
    assert costs.exposure is not None
    assert costs.mean_notional is not None
    assert round(costs.exposure, 30) == round(days / 365, 30)
    assert round(costs.mean_notional, 30) == round(days / 5, 30)
    assert costs.bp_a_year is not None
    assert round(costs.bp_a_year, 8) == round(-10_000 * D("3.4624") * 365 / days, 8)


def test_effectiveness_is_what_the_short_made_of_the_move() -> None:
    assert reckon(WORKED, USDT).effectiveness == D("555.05") / 550


def test_effectiveness_says_nothing_where_the_price_hardly_moved() -> None:
    still = reckon([sell("1", "1000", mids=("1000", "1000")),
                    buy("1", "1000.9", mids=("1000.9", "1000.9"), at=DAY, realised="-0.9")], USDT)
    moved = reckon([sell("1", "1000", mids=("1000", "1000")),
                    buy("1", "1001.1", mids=("1001.1", "1001.1"), at=DAY, realised="-1.1")], USDT)
    assert still.effectiveness is None
    assert still.unknown == {}
    assert moved.effectiveness == 1


def test_what_is_open_counts_at_its_mark() -> None:
    costs = reckon([sell("0.2", "50010", mids=("50000", "50020"), fee="0")], USDT,
                   Valuation(DAY, D(51_000), D(51_040)))
    assert costs.unrealised == D("0.2") * (50_010 - 51_040)
    assert costs.basis == D("0.2") * (50_000 - 50_020) + D("0.2") * (51_040 - 51_000)
    assert costs.net_cost == costs.net_by_parts == D(206) - D(200)
    assert costs.against_holding == D(-206)


def test_what_the_venue_says_is_unrealised_comes_before_what_is_reckoned() -> None:
    opened = sell("0.2", "50010", mids=("50000", "50020"), fee="0")
    costs = reckon([opened], USDT, Valuation(DAY, D(51_000), D(51_040), unrealised=D("-205.99999999")))
    assert costs.unrealised == D("-205.99999999")
    assert costs.rounding == D("-0.00000001")
    assert costs.net_cost == costs.net_by_parts


def test_a_bnb_fee_counts_what_it_was_worth_and_a_rebate_is_negative() -> None:
    costs = reckon([sell("1", "100", mids=("100", "100"), fee="0.00004", coin="BNB", value="0.024"),
                    buy("1", "100", mids=("100", "100"), fee="-0.01", at=1)], USDT)
    assert costs.fees == D("0.014")
    assert costs.fees_charged == {"BNB": D("0.00004"), USDT: D("-0.01")}


def test_a_fee_without_a_price_makes_the_net_cost_unknown_and_says_why() -> None:
    costs = reckon([sell("1", "100", mids=("100", "100"), fee="0.00004", coin="BNB"),
                    buy("1", "99", mids=("99", "99"), realised="1", at=1)], USDT)
    assert (costs.fees, costs.net_cost, costs.against_holding, costs.bp_a_year) == (None, None, None, None)
    assert costs.futures_pnl == 1
    assert "0.00004 BNB" in costs.why_unknown()
    assert costs.fees_charged == {"BNB": D("0.00004"), USDT: D("0.0198")}


def test_no_fee_in_another_coin_needs_no_price() -> None:
    assert reckon([sell("1", "100", fee="0", coin="BNB", mids=("100", "100"))], USDT).futures_fees == 0


def test_a_fill_whose_spot_mid_is_unknown_leaves_what_needs_no_price() -> None:
    costs = reckon([sell("1", "100", fee="0.02"), buy("1", "90", mids=("91", "90"), fee="0.02", realised="10", at=1)],
                   USDT)
    assert (costs.net_cost, costs.net_by_parts, costs.basis, costs.hedged_move) == (None, None, None, None)
    assert costs.exposure is None
    assert costs.against_holding == D("9.96")
    assert "spot mid at the decision of fill t0" in costs.why_unknown()


def test_a_perpetual_mid_that_is_unknown_hides_the_parts_but_not_the_sum() -> None:
    without = replace(WORKED[0], perp_mid=None)  # type: ignore[arg-type]  # a Traded
    costs = reckon([without, *WORKED[1:]], USDT)
    assert (costs.basis, costs.slippage, costs.net_by_parts) == (None, None, None)
    assert costs.net_cost == D("-3.4624")


def test_what_is_open_has_no_cost_without_a_price() -> None:
    opened = sell("0.2", "50010", mids=("50000", "50020"))
    for prices in (None, Valuation(DAY, None, D(50_000)), Valuation(DAY, D(50_000), None)):
        costs = reckon([opened], USDT, prices)
        assert costs.net_cost is None
        assert costs.why_unknown()
        assert costs.fees is not None


def test_funding_in_another_coin_is_not_taken_for_money() -> None:
    costs = reckon([*WORKED, paid("-0.1", 5 * DAY, coin="BTC")], USDT)
    assert (costs.funding_paid, costs.net_cost) == (None, None)
    assert "BTC" in costs.why_unknown()


def test_what_a_purchase_cost_is_its_fee_and_its_slippage() -> None:
    """0.01 ETH of 1 are the fee: 0.99 came for 2,010."""
    fee = Fill("t", "o", "ETH/USDT", Side.BUY, D(1), D(2_010), D("0.01"), "ETH", D(0), maker=False, at=6 * DAY,
               fee_value=D("20.1"))
    costs = reckon([*WORKED, Traded(fee, D(2_000), spot=True, bought="ETH")], USDT)
    assert (costs.spot_fees, costs.spot_slippage) == (D("20.1"), D("1989.9") - D("0.99") * 2_000)
    assert costs.net_cost == costs.net_by_parts == D("-3.4624") + 2_010 - D("0.99") * 2_000
    assert costs.against_holding == D("553.4624") + D("0.99") * 2_000 - 2_010
    assert (costs.bought, costs.spent, costs.bought_worth) == ({"ETH": D("0.99")}, D("1989.9"), D(1_980))
    assert (costs.hedged_move, costs.exposure, costs.short) == (D(-550), reckon(WORKED, USDT).exposure, D(0))


def test_a_purchase_without_a_price_leaves_the_cost_unknown() -> None:
    bought = Fill("t", "o", "ETH/USDT", Side.BUY, D(1), D(2_010), D(2), USDT, D(0), maker=False, at=6 * DAY)
    costs = reckon([*WORKED, Traded(bought, None, spot=True, bought="ETH")], USDT)
    assert (costs.net_cost, costs.against_holding, costs.hedged_move) == (None, None, D(-550))
    assert "fill t is not known" in costs.why_unknown()


FINALISED: list[Event] = [
    sell("0.3", "1000", mids=("1000", "1000"), fee="0.1"),
    sell("0.1", "1099", mids=("1100", "1102"), fee="0.2", spot=True, at=DAY),
    buy("0.1", "1103", mids=("1100", "1102"), fee="0.01", realised="-10.3", at=DAY + 1),
    buy("0.2", "1103", mids=("1100", "1102"), fee="0.02", realised="-20.6", at=DAY + 2),
]


def test_a_finalised_slice_stays_sold() -> None:
    costs = reckon(FINALISED, USDT)
    assert (costs.futures_fees, costs.spot_fees, costs.fees) == (D("0.13"), D("0.2"), D("0.33"))
    assert costs.spot_slippage == D("0.1")
    assert (costs.legging, costs.sold, costs.proceeds) == (D(0), D("0.1"), D("109.9"))
    assert costs.net_cost == costs.net_by_parts
    assert costs.net_cost == counterfactual(FINALISED, USDT).difference(Valuation(DAY + 2, D(1_100)))


@pytest.mark.parametrize("price", ["1100", "900", "2000"])
def test_what_was_sold_counts_against_holding_at_the_price_of_then(price: str) -> None:
    now = Valuation(9 * DAY, D(price))
    costs = reckon(FINALISED, USDT, now)
    assert costs.against_holding == counterfactual(FINALISED, USDT).against_nothing(now)
    assert costs.net_cost == reckon(FINALISED, USDT).net_cost  # once over, no price changes it


def test_a_price_that_moves_between_the_legs_of_a_slice_is_told_apart() -> None:
    """0.1 sold twice while the price rose from 1,100 to 1,150."""
    apart: list[Event] = [*FINALISED[:2], buy("0.3", "1151", mids=("1150", "1152"), fee="0.03", realised="-45.3",
                                              at=2 * DAY)]
    costs = reckon(apart, USDT)
    assert costs.legging == D(5)
    assert costs.net_cost == costs.net_by_parts == counterfactual(apart, USDT).difference(
        Valuation(2 * DAY, D(1_150)))


def test_a_price_seen_on_the_way_moves_nothing_but_the_exposure() -> None:
    straight, bent = Ledger(USDT), Ledger(USDT)
    for ledger in (straight, bent):
        ledger.take(sell("1", "100", mids=("100", "100"), fee="0"))
    bent.see(Valuation(DAY, D(300)))
    for ledger in (straight, bent):
        ledger.take(buy("1", "100", mids=("100", "100"), fee="0", at=2 * DAY))
    assert bent.costs().net_cost == straight.costs().net_cost == 0
    assert bent.costs().exposure == D(400) * DAY / YEAR
    assert straight.costs().exposure == D(200) * DAY / YEAR


def test_nothing_that_happened_costs_nothing() -> None:
    costs = reckon([], USDT)
    assert (costs.net_cost, costs.against_holding, costs.bp_a_year, costs.effectiveness) == (D(0), D(0), None, None)


def test_it_reckons_the_same_in_any_decimal_context() -> None:
    expected = reckon(WORKED, USDT)
    with decimal.localcontext(decimal.Context(prec=5, rounding=decimal.ROUND_UP)):
        costs = reckon(WORKED, USDT)
        assert costs == expected
        assert costs.net_cost == D("-3.4624")
        assert costs.effectiveness == expected.effectiveness


# random hedges


@dataclass
class Venue:
    """Books money as a venue does: every amount rounded once. Mirrored, it is long."""

    mirrored: bool = False
    events: list[Event] = field(default_factory=list)
    at: int = 0
    short: Decimal = ZERO
    entry: Decimal = ZERO

    def trade(self, quantity: Decimal, price: Decimal, mids: tuple[Decimal, Decimal], fee: tuple[str, Decimal]) -> None:
        """Enlarge the hedge by `quantity`, or reduce it (< 0)."""
        realised = D(0)
        if quantity > 0:
            self.entry = (self.entry * self.short + price * quantity) / (self.short + quantity)
        else:
            realised = to_ledger(quantity * (price - self.entry) * (-1 if self.mirrored else 1))
        self.short += quantity
        self._book((quantity > 0) != self.mirrored, abs(quantity), price, mids, fee, realised=realised)

    def sell_coins(self, quantity: Decimal, price: Decimal, mids: tuple[Decimal, Decimal],
                   fee: tuple[str, Decimal]) -> None:
        self._book(not self.mirrored, quantity, price, mids, fee, realised=D(0), spot=True)

    def _book(self, sells: bool, quantity: Decimal, price: Decimal, mids: tuple[Decimal, Decimal],
              fee: tuple[str, Decimal], *, realised: Decimal, spot: bool = False) -> None:
        self.at += 1
        coin, charged = fee
        worth = to_ledger(charged * 613) if coin == "BNB" else None
        if spot and not sells and coin == "BNB":  # or out of what is bought
            coin, charged = "BTC", to_ledger(quantity / 1000)
            worth = to_ledger(charged * price)
        fill = Fill(f"t{self.at}", "o", "BTC/USDT" if spot else "BTC/USDT:USDT", Side.SELL if sells else Side.BUY,
                    quantity, price, charged, coin, realised, maker=True, at=self.at, fee_value=worth)
        self.events.append(Traded(fill, mids[0], None if spot else mids[1], spot=spot))

    def buy_coins(self, coin: str, quantity: Decimal, price: Decimal, mid: Decimal, fee: tuple[str, Decimal]) -> None:
        """With what was sold: coins of any kind."""
        self.at += 1
        charged, amount = fee
        if charged == "BNB":  # or out of what is bought
            charged, amount = coin, to_ledger(quantity / 1000)
        worth = to_ledger(amount * price) if charged == coin else None
        fill = Fill(f"t{self.at}", "o", f"{coin}/USDT", Side.BUY, quantity, price, amount, charged, D(0), maker=True,
                    at=self.at, fee_value=worth)
        self.events.append(Traded(fill, mid, D(7), spot=True, bought=coin))

    def settle(self, amount: Decimal) -> None:
        self.at += 1
        self.events.append(FundingPayment(f"f{self.at}", "BTCUSDT", amount, USDT, self.at))


PRICES = st.integers(80_000, 120_000).map(lambda tick: D(tick) / 10)
MIDS = st.tuples(PRICES, st.integers(-400, 400)).map(lambda pair: (pair[0], pair[0] + D(pair[1]) / 20))
LOTS = st.integers(1, 500).map(lambda lots: D(lots) / 1000)
FEES = st.tuples(st.sampled_from([USDT, USDT, "BNB"]), st.integers(-10**7, 10**9).map(lambda cents: D(cents) / 10**8))
SLIPS = st.integers(-300, 300).map(lambda ticks: D(ticks) / 10)


@st.composite
def hedges(draw: st.DrawFn, *, closed: bool) -> Venue:
    venue = Venue(mirrored=draw(st.booleans()))
    with decimal.localcontext(CONTEXT):
        for _ in range(draw(st.integers(1, 12))):
            venue.at += draw(st.integers(0, 30)) * DAY
            mids = draw(MIDS)
            what = draw(st.sampled_from(["open", "open", "reduce", "slice", "apart", "funding", "buy"]))
            if what == "buy":
                venue.buy_coins(draw(st.sampled_from(["ETH", "BTC", "SOL"])), draw(LOTS), mids[0] + draw(SLIPS),
                                mids[0], draw(FEES))
            elif what == "funding":
                venue.settle(draw(st.integers(-10**10, 10**10).map(lambda cents: D(cents) / 10**8)))
            elif what == "open" or not venue.short:
                for _ in range(draw(st.integers(1, 3))):  # several fills of one decision
                    venue.trade(draw(LOTS), mids[1] + draw(SLIPS), mids, draw(FEES))
            elif what == "reduce":
                venue.trade(-min(venue.short, draw(LOTS)), mids[1] + draw(SLIPS), mids, draw(FEES))
            else:
                _finalise(draw, venue, mids, draw(MIDS) if what == "apart" else mids)
        if closed and venue.short:
            mids = draw(MIDS)
            venue.trade(-venue.short, mids[1] + draw(SLIPS), mids, draw(FEES))
    return venue


def _finalise(draw: st.DrawFn, venue: Venue, first: tuple[Decimal, Decimal], second: tuple[Decimal, Decimal]) -> None:
    """A slice: coins in one or two fills, then the perpetual for all of it; `second`: its decision's mids."""
    wanted = min(venue.short, draw(LOTS))
    part = wanted if draw(st.booleans()) else wanted / 2
    for quantity in (part, wanted - part):
        if quantity:
            venue.sell_coins(quantity, first[0] + draw(SLIPS), first, draw(FEES))
    venue.trade(-wanted, second[1] + draw(SLIPS), second, draw(FEES))


def agree(venue: Venue, prices: Valuation, costs: Costs) -> None:
    both = counterfactual(venue.events, USDT)
    assert costs.net_cost is not None
    assert costs.net_cost == costs.net_by_parts == both.difference(prices)
    assert costs.against_holding == both.against_nothing(prices)
    assert costs.rounding is not None
    rows = sum(isinstance(event, Traded) for event in venue.events) + 1
    assert abs(costs.rounding) <= rows * D("1e-8")


@settings(max_examples=150, deadline=None)
@given(hedges(closed=True))
def test_both_definitions_and_both_accounts_agree_when_it_is_over(venue: Venue) -> None:
    last = [event.spot_mid for event in venue.events if isinstance(event, Traded) and not event.bought]
    costs = reckon(venue.events, USDT)
    assert costs.short == venue.short == 0
    agree(venue, Valuation(venue.at, last[-1] if last else D(1)), costs)


@settings(max_examples=150, deadline=None)
@given(hedges(closed=False), MIDS)
def test_both_definitions_and_both_accounts_agree_while_it_is_open(venue: Venue, mids: tuple[Decimal, Decimal]) -> None:
    prices = Valuation(venue.at + DAY, mids[0], mids[1])
    agree(venue, prices, reckon(venue.events, USDT, prices))


@settings(deadline=None)
@given(hedges(closed=True), st.data())
def test_every_event_can_be_looked_at_on_the_way(venue: Venue, data: st.DataObject) -> None:
    """What was asked for in between changes nothing."""
    ledger = Ledger(USDT)
    for event in venue.events:
        ledger.take(event)
        ledger.costs(Valuation(venue.at, *data.draw(MIDS)))
    assert ledger.costs() == reckon(venue.events, USDT)
