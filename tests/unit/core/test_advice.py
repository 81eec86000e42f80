from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.advice import Advice, FundingOutlook, Verdict, advise, funding_outlook
from bot.core.market import Instrument, Quote
from bot.core.tax import Lot, LotMethod, TaxPolicy, cost_of, tax_of
from bot.core.times import DAY, HOUR

D = Decimal
NOW = 1_700_000_000_000
BTC = Instrument(
    "BTC", "BTC/USDT:USDT", "BTC/USDT", D("0.001"), D("0.001"), D(5), D("0.1"), D("0.00001"), D("0.01"),
    maker_fee=D("0.0002"), taker_fee=D("0.0005"), spot_taker_fee=D("0.001"))
QUOTE = Quote(D(49_990), D(50_010), NOW, D(50_009), D(50_011), NOW, D(50_000), D(50_000), NOW,
              funding_rate=D("0.0001"), next_funding_at=NOW + HOUR, funding_interval=8 * HOUR)


def at(cost_a_day: str, **more: str) -> FundingOutlook:
    return FundingOutlook(mean=D(cost_a_day), days=30, **{name: D(value) for name, value in more.items()})


def asked(funding: FundingOutlook, quote: Quote = QUOTE, tax: TaxPolicy | None = None) -> Advice:
    return advise(BTC, quote, funding, quantity=D("0.2"), at=NOW, horizon=90 * DAY, tax=tax)


def test_each_cost_is_counted_once_and_with_its_sign() -> None:
    advice = asked(at("0.0003"))
    assert advice.spot_fee == D("0.2") * 49_990 * D("0.001")
    assert advice.spot_spread == D("0.2") * 10
    assert advice.spot_cost == D("11.998")
    assert advice.perp_in == advice.perp_out == D("0.2") * 50_010 * D("0.0002")
    assert advice.basis == D("0.2") * -10
    assert advice.funding_day == D("0.0003") * 10_000
    assert advice.sell_cost == 2 * D("11.998")
    assert advice.hedge_cost == 2 * D("2.0004") - 2 + 90 * 3


def test_the_two_break_evens_are_the_formulas() -> None:
    """T = (2·spot cost − perp in − perp out − basis)/c, and T = −(perp in + perp out + basis)/c."""
    costly = asked(at("0.0003"))
    extra = 2 * D("2.0004") - 2
    assert costly.resolves.until == (2 * D("11.998") - extra) / 3
    assert (costly.sold.until, costly.sold.ever) == (None, False)
    paid = asked(at("-0.0003"))
    assert paid.resolves.ever is True
    assert paid.sold.since == extra / 3


def test_a_hedge_that_is_paid_and_begins_dearer_than_selling_pays_back() -> None:
    dear = replace(QUOTE, perp_bid=D(49_799), perp_ask=D(49_801))  # a basis of 200 against us
    advice = asked(at("-0.0003"), dear)
    numerator = 2 * D("11.998") - 2 * D("0.2") * 49_800 * D("0.0002") - 40
    assert numerator < 0
    assert advice.resolves.since == -numerator / 3
    assert advice.verdict is Verdict.DEPENDS


def test_a_good_basis_pays_for_a_while_even_where_the_coins_are_sold_in_the_end() -> None:
    good = replace(QUOTE, perp_bid=D(50_199), perp_ask=D(50_201))
    advice = asked(at("0.0003"), good)
    extra = 2 * D("0.2") * 50_200 * D("0.0002") - 40
    assert advice.sold.until == -extra / 3


@pytest.mark.parametrize(("cost", "verdict"), [
    ("-0.0001", Verdict.HEDGE), ("0", Verdict.HEDGE), ("0.00002", Verdict.HEDGE), ("0.0003", Verdict.DEPENDS),
])
def test_the_verdict_is_of_the_whole_time_that_a_hedge_may_last(cost: str, verdict: Verdict) -> None:
    assert asked(at(cost)).verdict is verdict


def test_selling_is_the_way_where_the_basis_costs_more_than_both_sales_and_funding_too() -> None:
    dear = replace(QUOTE, perp_bid=D(49_799), perp_ask=D(49_801))
    advice = asked(at("0.0003"), dear)
    assert advice.verdict is Verdict.SELL
    assert "at no time" in advice.reasons[0].text


@pytest.mark.parametrize("change", [
    {"spot_bid": None}, {"perp_bid": None},
])
def test_without_a_price_nothing_is_advised(change: dict[str, None]) -> None:
    advice = asked(at("0.0003"), replace(QUOTE, **change))
    assert advice.verdict is Verdict.UNKNOWN
    assert [reason.code for reason in advice.reasons] == ["unknown"]


def test_without_any_funding_rate_nothing_is_advised() -> None:
    advice = asked(FundingOutlook())
    assert (advice.verdict, advice.hedge_cost) == (Verdict.UNKNOWN, None)
    assert "funding" in advice.reasons[0].text


def test_the_dear_end_of_funding_is_told_beside_the_mean() -> None:
    advice = asked(at("0.0001", low="-0.0002", high="0.0009"))
    assert (advice.funding_low, advice.funding_high) == (D(-2), D(9))
    worst = next(reason for reason in advice.reasons if reason.code == "range")
    assert f"for {(2 * D('11.998') - 2 * D('2.0004') + 2) / 9:.1f} days" in worst.text


def test_nothing_is_no_quantity() -> None:
    with pytest.raises(ValueError, match="nothing"):
        advise(BTC, QUOTE, at("0"), quantity=D(0), at=NOW, horizon=0)


# funding


def test_a_positive_rate_pays_the_short() -> None:
    assert funding_outlook([], NOW, QUOTE) == FundingOutlook(now=D("-0.0003"))
    assert funding_outlook([], NOW, replace(QUOTE, funding_interval=None)).expected is None


def test_the_mean_counts_days_whatever_the_interval() -> None:
    """Ten days at three settlements, ten at six: −0.0003 and −0.0012 a day."""
    rows = [(NOW - 20 * DAY + n * 8 * HOUR, D("0.0001")) for n in range(30)]
    rows += [(NOW - 10 * DAY + n * 4 * HOUR, D("0.0002")) for n in range(60)]
    outlook = funding_outlook([(moment + 1, rate) for moment, rate in rows], NOW)
    assert (outlook.days, outlook.mean) == (20, D("-0.00075"))
    assert (outlook.low, outlook.high) == (D("-0.0012"), D("-0.0003"))


def test_what_is_older_than_thirty_days_or_yet_to_come_does_not_count() -> None:
    rows = [(NOW - 31 * DAY, D(1)), (NOW + 1, D(1)), (NOW, D("0.0001")), (NOW - 30 * DAY + 1, D("0.0002"))]
    outlook = funding_outlook(rows, NOW)
    assert (outlook.days, outlook.mean) == (30, D("-0.00001"))


def test_nine_days_of_ten_lie_in_the_range() -> None:
    """30 days of 1, 2, … 30: the second and the 29th."""
    rows = [(NOW - day * DAY - HOUR, D(-day - 1)) for day in range(30)]
    outlook = funding_outlook(rows, NOW)
    assert (outlook.low, outlook.high, outlook.mean, outlook.days) == (D(2), D(29), D("15.5"), 30)


@given(st.lists(st.tuples(st.integers(0, 40 * DAY), st.integers(-100, 100)), max_size=60))
def test_the_range_holds_its_days_whatever_was_published(rows: list[tuple[int, int]]) -> None:
    outlook = funding_outlook([(NOW - age, D(rate) / 10_000) for age, rate in rows], NOW)
    if outlook.mean is None:
        assert all(age >= 30 * DAY for age, _ in rows)
        return
    assert outlook.low is not None
    assert outlook.high is not None
    assert outlook.low <= outlook.high
    recent = [rate for age, rate in rows if age < 30 * DAY]
    assert abs(outlook.mean * outlook.days + D(sum(recent)) / 10_000) < D("1e-40")


# tax

LOTS = (
    Lot("BTC", D("0.3"), D(30_000), 2), Lot("BTC", D("0.1"), D(10_000), 1), Lot("ETH", D(9), D(2_000), 0),
    Lot("BTC", D("0.6"), D(60_000), 3),
)


@pytest.mark.parametrize(("method", "quantity", "cost"), [
    (LotMethod.FIFO, "0.05", "500"), (LotMethod.FIFO, "0.2", "4000"), (LotMethod.FIFO, "1.0", "46000"),
    (LotMethod.AVERAGE, "0.2", "9200"), (LotMethod.AVERAGE, "1.0", "46000"),
])
def test_what_coins_had_cost(method: LotMethod, quantity: str, cost: str) -> None:
    assert cost_of(LOTS, "BTC", D(quantity), method) == (D(cost), D(0))


def test_coins_in_no_lot_make_the_tax_unknown() -> None:
    assert cost_of(LOTS, "BTC", D("1.2"), LotMethod.FIFO) == (D(46_000), D("0.2"))
    view = tax_of(TaxPolicy(D("0.25"), lots=LOTS), "BTC", D("1.2"), D(50_000))
    assert (view.gain, view.tax, view.lacking) == (None, None, D("0.2"))
    assert view.reason.code == "tax_unknown"


def test_the_tax_is_on_the_gain_and_what_it_costs_is_its_interest() -> None:
    policy = TaxPolicy(D("0.25"), D("0.04"), LotMethod.FIFO, LOTS)
    view = tax_of(policy, "BTC", D("0.2"), D(50_000), fees=D(12))
    assert (view.cost, view.gain) == (D(4_000), D(5_988))
    assert (view.tax, view.forward_a_year) == (D(1_497), D("59.88"))
    assert "1497.00 forward" in view.reason.text


def test_a_loss_is_not_taxed() -> None:
    view = tax_of(TaxPolicy(D("0.25"), lots=LOTS, method=LotMethod.AVERAGE), "BTC", D("0.2"), D(20_000))
    assert (view.gain, view.tax, view.forward_a_year) == (D(-5_200), D(0), D(0))
    assert view.reason.code == "tax_none"


def test_tax_is_told_beside_the_break_even_and_never_in_it() -> None:
    plain, taxed = asked(at("0.0003")), asked(at("0.0003"), tax=TaxPolicy(D("0.25"), lots=LOTS))
    assert taxed.tax is not None
    assert (taxed.resolves, taxed.sold, taxed.verdict) == (plain.resolves, plain.sold, plain.verdict)
    assert taxed.reasons[-1] == taxed.tax.reason
