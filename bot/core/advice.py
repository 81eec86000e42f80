"""Hedge, or sell now: what either costs, for how long the hedge is the cheaper one, and what that says (DOMAIN §4).

For q coins of excess, in the settle coin, every cost positive:

- spot cost: one sale at the best bid: fee, and the bid's distance from the mid. Rebuying later costs as much again.
- perp in, perp out: a maker's fee at the perpetual's mid. Nothing is counted for the side of the spread that a resting
  order earns, nor against it for being filled when the price goes through it.
- basis: q·(spot mid − perp mid). That it is 0 when the hedge ends is what the figure expects.
- c: expected funding paid a day, from the mean of the last 30 days; where nothing was published, from the rate to come.

If the drift resolves, selling would have cost two spot trades: T = (2·spot cost − perp in − perp out − basis)/c days.
If it ends in a sale anyway, selling now would have cost nothing more: T = −(perp in + perp out + basis)/c. With c ≤ 0
the short is paid: then the hedge is the cheaper one from some day on instead of up to it.

A coin below its target is weighed likewise, where longs are opened: buying now at the best ask against a long, which
pays what a short receives.

Tax is told apart: not the tax is a cost of selling now, but paying it now instead of when the coins are really sold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

from bot.core.decision import AssetDecision, Decision, Reason
from bot.core.ledger import minus, total
from bot.core.market import Asset, Instrument, Quote, Snapshot
from bot.core.money import ZERO, reckoned, round_to_step
from bot.core.policy import Terms
from bot.core.tax import TaxPolicy, TaxView, tax_of
from bot.core.times import DAY, Millis
from bot.core.way import Way

LOOK_BACK: Millis = 30 * DAY


class Verdict(StrEnum):
    """What the figures say. DEPENDS: on how soon the drift resolves. UNKNOWN: a figure that it needs is not known."""

    HEDGE = "hedge"
    SELL = "sell"
    BUY = "buy"
    DEPENDS = "depends"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FundingOutlook:
    """What funding costs a hedge a day, as a fraction of its notional; negative: it is paid. None: not known.

    `now`: by the rate to come; `mean`, and the range `low` to `high` in which nine days out of ten were, over the last
    `days` for which settlements were published (30 at most).
    """

    now: Decimal | None = None
    mean: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    days: int = 0

    @property
    def expected(self) -> Decimal | None:
        """The mean where there is one, else what the rate to come makes."""
        return self.mean if self.mean is not None else self.now

    def along(self, way: Way) -> FundingOutlook:
        """A short's outlook as it is for a hedge of this way."""
        if way is Way.SHORT:
            return self
        return FundingOutlook(minus(self.now), minus(self.mean), minus(self.high), minus(self.low), self.days)


@dataclass(frozen=True, slots=True)
class BreakEven:
    """For how many days the hedge is the cheaper one. `until`: up to so many days; `since`: from so many days on.

    Neither: always (`ever`), or never. Both None and `ever` None: not known.
    """

    until: Decimal | None = None
    since: Decimal | None = None
    ever: bool | None = None

    def holds(self, days: Decimal) -> bool | None:
        """Whether the hedge is the cheaper one after so many days."""
        if self.until is not None:
            return days <= self.until
        if self.since is not None:
            return days >= self.since
        return self.ever


@dataclass(frozen=True, slots=True)
class Advice:
    """See the module. `horizon`: days after which a hedge is ended by selling anyway, where policy says so.

    `funding_day` and its range in the settle coin. `hedge_cost`, `sell_cost`: at the horizon, if the drift resolves.
    """

    asset: Asset
    at: Millis
    quantity: Decimal
    price: Decimal | None
    notional: Decimal | None
    spot_fee: Decimal | None
    spot_spread: Decimal | None
    spot_cost: Decimal | None
    perp_in: Decimal | None
    perp_out: Decimal | None
    basis: Decimal | None
    funding: FundingOutlook
    funding_day: Decimal | None
    funding_low: Decimal | None
    funding_high: Decimal | None
    resolves: BreakEven
    sold: BreakEven
    horizon: Decimal
    hedge_cost: Decimal | None
    sell_cost: Decimal | None
    tax: TaxView | None
    verdict: Verdict
    reasons: tuple[Reason, ...]
    way: Way = Way.SHORT


@reckoned
def funding_outlook(
    settled: Iterable[tuple[Millis, Decimal]], now: Millis, quote: Quote | None = None,
) -> FundingOutlook:
    """What is known of a short's funding. `settled`: instants and rates as published; it receives a positive one."""
    coming = None
    if quote is not None and quote.funding_rate is not None and quote.funding_interval:
        coming = -quote.funding_rate * DAY / quote.funding_interval
    recent = [(at, rate) for at, rate in settled if now - LOOK_BACK < at <= now]
    if not recent:
        return FundingOutlook(now=coming)
    first = min(at for at, _ in recent)
    count = max(1, min(LOOK_BACK // DAY, -(-(now - first) // DAY)))
    days = [ZERO] * count
    for at, rate in recent:
        days[min(count - 1, (now - at) // DAY)] -= rate
    ordered = sorted(days)
    return FundingOutlook(coming, sum(days, ZERO) / count, _rank(ordered, Decimal("0.05")),
                          _rank(ordered, Decimal("0.95")), count)


def _rank(ordered: Sequence[Decimal], share: Decimal) -> Decimal:
    """The value at this share of an ordered row: its nearest rank."""
    return ordered[max(1, int((share * len(ordered)).to_integral_value(ROUND_CEILING))) - 1]


@reckoned
def advise(
    instrument: Instrument, quote: Quote, funding: FundingOutlook, *, quantity: Decimal, at: Millis, horizon: Millis,
    tax: TaxPolicy | None = None, way: Way = Way.SHORT,
) -> Advice:
    """What hedging `quantity` coins costs against selling them now, or along the long way, against buying.

    `funding`: a short's. `horizon` 0: no end is set; 90 days are looked at.

    Raises ValueError for a quantity that is not positive.
    """
    if quantity <= 0:
        raise ValueError("there is nothing to hedge or to trade")
    funding = funding.along(way)
    spot, perp, touch = quote.spot_mid, quote.perp_mid, quote.spot_bid if way is Way.SHORT else quote.spot_ask
    fee = _product(quantity, touch, instrument.spot_taker_fee)
    spread = None if spot is None or touch is None else quantity * abs(spot - touch)
    one_way = total(fee, spread)
    leg = _product(quantity, perp, instrument.maker_fee)
    basis = None if spot is None or perp is None else quantity * way.along(spot - perp)
    value = _product(quantity, quote.mark if quote.mark is not None else perp)
    a_day = _product(funding.expected, value)
    extra = total(leg, leg, basis)
    saved = None if extra is None or one_way is None else 2 * one_way - extra
    resolves, sold = _break_even(saved, a_day), _break_even(None if extra is None else -extra, a_day)
    days = Decimal(horizon or 90 * DAY) / DAY
    hedge_cost = None if extra is None or a_day is None else extra + a_day * days
    taxed = tax if way is Way.SHORT else None  # a purchase is not
    view = None if taxed is None or spot is None else tax_of(
        taxed, instrument.asset, quantity, spot, fees=one_way or ZERO)
    verdict = _verdict(resolves, days, way)
    return Advice(
        asset=instrument.asset, at=at, quantity=quantity, price=spot, notional=_product(quantity, spot),
        spot_fee=fee, spot_spread=spread, spot_cost=one_way, perp_in=leg, perp_out=leg, basis=basis, funding=funding,
        funding_day=a_day, funding_low=_product(funding.low, value), funding_high=_product(funding.high, value),
        resolves=resolves, sold=sold, horizon=days, hedge_cost=hedge_cost,
        sell_cost=None if one_way is None else 2 * one_way, tax=view, verdict=verdict,
        reasons=tuple(_reasons(
            verdict, _lacking(instrument, quote, a_day), saved=saved, extra=extra, a_day=a_day, resolves=resolves,
            sold=sold, days=days, funding=funding, value=value, view=view, way=way)),
        way=way,
    )


def advise_all(
    decision: Decision, snapshot: Snapshot, terms: Terms, settled: Iterable[tuple[Asset, Millis, Decimal]],
    tax: TaxPolicy | None = None,
) -> dict[Asset, Advice]:
    """Advice on every coin that is off its target by a contract or more, the way that is hedged.

    `settled`: published funding by coin.
    """
    rates = list(settled)
    found: dict[Asset, Advice] = {}
    for decided in decision.assets:
        quantity, quote = excess_coins(decided), snapshot.quotes.get(decided.asset)
        if quantity > 0 and quote is not None:
            own = [(at, rate) for asset, at, rate in rates if asset == decided.asset]
            found[decided.asset] = advise(
                terms.instruments[decided.asset], quote, funding_outlook(own, snapshot.taken_at, quote),
                quantity=quantity, at=snapshot.taken_at, horizon=terms.policy.finalise.max_age, tax=tax,
                way=decided.way)
    return found


@reckoned
def excess_coins(decided: AssetDecision) -> Decimal:
    """What of a coin is too much (of a long: missing), in whole contracts; 0 where nothing is, or it is not known."""
    measured, price = decided.measure.excess, decided.measure.price
    excess = ZERO if measured is None else decided.way.along(measured)
    if price is None or excess <= 0 or price <= 0:
        return ZERO
    return round_to_step(excess / price, decided.contract)


def _product(*factors: Decimal | None) -> Decimal | None:
    made = Decimal(1)
    for factor in factors:
        if factor is None:
            return None
        made *= factor
    return made


def _break_even(saved: Decimal | None, a_day: Decimal | None) -> BreakEven:
    """The hedge is the cheaper one while `saved` − `a_day`·T ≥ 0."""
    if saved is None or a_day is None:
        return BreakEven()
    if a_day > 0:
        return BreakEven(until=saved / a_day) if saved > 0 else BreakEven(ever=False)
    if saved >= 0:
        return BreakEven(ever=True)
    return BreakEven(since=saved / a_day) if a_day < 0 else BreakEven(ever=False)


def _verdict(resolves: BreakEven, days: Decimal, way: Way) -> Verdict:
    """By the case that hedging is for: the drift resolves, some day before the horizon."""
    early, late = resolves.holds(ZERO), resolves.holds(days)
    if early is None or late is None:
        return Verdict.UNKNOWN
    if early and late:
        return Verdict.HEDGE
    if early or late:
        return Verdict.DEPENDS
    return Verdict.SELL if way is Way.SHORT else Verdict.BUY


def _lacking(instrument: Instrument, quote: Quote, a_day: Decimal | None) -> str:
    """What is not known, in words."""
    found = [name for name, value in (
        ("the spot price", quote.spot_mid), ("the perpetual's price", quote.perp_mid),
        ("the spot market's fee", instrument.spot_taker_fee), ("the perpetual's maker fee", instrument.maker_fee),
        ("what funding will cost", a_day),
    ) if value is None]
    return f"not known: {', '.join(found)}"


def _reasons(
    verdict: Verdict, lacking: str, *, saved: Decimal | None, extra: Decimal | None, a_day: Decimal | None,
    resolves: BreakEven, sold: BreakEven, days: Decimal, funding: FundingOutlook, value: Decimal | None,
    view: TaxView | None, way: Way,
) -> Iterable[Reason]:
    """Why, the weightiest first; never nothing."""
    if verdict is Verdict.UNKNOWN or saved is None or extra is None or a_day is None:
        yield Reason("unknown", lacking)
    else:
        yield Reason("resolves", f"if the drift resolves, hedging is the cheaper way {_span(resolves, days)}",
                     {"saved": str(saved), "funding_day": str(a_day)})
        trade = "sale" if way is Way.SHORT else "purchase"
        yield Reason("sold", f"if it ends in a {trade} anyway, hedging first is the cheaper way {_span(sold, days)}",
                     {"extra": str(extra), "funding_day": str(a_day)})
        if funding.high is not None and funding.low is not None and value is not None:
            worst = _break_even(saved, funding.high * value)
            yield Reason("range", f"at the dear end of the funding of {_days(funding.days)}, the first is so "
                                  f"{_span(worst, days)}", {"high": str(funding.high), "low": str(funding.low)})
    if view is not None:
        yield view.reason


def _days(count: int) -> str:
    return "the last day" if count == 1 else f"the last {count} days"


def _span(when: BreakEven, days: Decimal) -> str:
    """'for 12.5 days', 'for as long as it lasts', 'from day 3.1 on', 'at no time'."""
    if when.until is not None:
        enough = f", more than the {days:.0f} it may last" if when.until >= days else ""
        return f"for {when.until:.1f} days{enough}"
    if when.since is not None:
        return f"from day {when.since:.1f} on"
    return "for as long as it lasts" if when.ever else "at no time"
