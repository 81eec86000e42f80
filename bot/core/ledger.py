"""What a hedge cost: one honest number, its parts, and why a figure is not known (DOMAIN §4).

Net cost = NAV(counterfactual) − NAV(actual), where the counterfactual sells each increase on spot, and rebuys each
reduction, at the spot mid of that decision, for no fee. Where DOMAIN's sentence leaves something open, it is read so:

- Prices of a decision. S of Σ hᵢ·(Sᵢ₊₁ − Sᵢ) is the spot mid at the decision of a fill, whenever it was filled; several
  fills of one decision share it. After the last event of an ended hedge nothing moves any more.
- While open, the contracts count as if bought back at the mark, against the spot mid of the valuation: `basis` contains
  h·(mark − spot mid), besides what was filled.
- Which reductions stay sold. A buy first covers coins that were sold on spot and not covered yet: that is the second
  leg of a finalised slice, which the counterfactual does not rebuy. The rest of it is a reduction.
- Between the legs. From the decision of the spot leg to that of the perpetual leg the account is sold twice. What that
  made is `legging` = Σ u·ΔS, u: coins sold and not yet covered; 0 where one decision prices both legs.
- Booked money. Futures PnL is what the venue booked, each amount rounded by it once; basis and slippage come from
  prices. `rounding` is what the prices made and the venue did not book: at most 1e-8 a row unless somebody is wrong.

So, for every hedge and exactly:

    net cost = fees + funding paid − futures PnL − Σ h·ΔS + spot slippage + legging
             = fees + funding paid + basis + slippage + spot slippage + legging + rounding

- ∫ h·S dt takes S between two events on the straight line between their mids.
- Coins bought with what a finalisation brought (`finalise.reinvest`) belong to the hedge that it ended. The
  counterfactual buys as many as came, at the spot mid of that decision, for no fee: what they cost is fees and spot
  slippage.
- A fee that was taken out of the coins bought is so many coins fewer, for so much less.
- Against holding: with a finalised slice, "if nothing had been done" still has the coins, worth S at the end (the spot
  mid of the valuation, else of the last decision): + Σ q·(fill − S), which DOMAIN's short form does not need. Coins
  bought count at the mid of their last decision.

For a long (`direction: both`) every sign is mirrored: h < 0, and a slice is a spot purchase that a perpetual sale
covers. What is not known makes a figure None, with the reason under its name in `unknown`; it never counts as 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from bot.core.market import Asset, spot_coin
from bot.core.money import ZERO, reckoned, to_ledger
from bot.core.orders import Fill, FundingPayment
from bot.core.times import YEAR, Millis

EFFECTIVE_FROM = Decimal("0.001")
"""Hedge effectiveness says something only where |Σ h·ΔS| is at least this share of the mean notional (10 bp)."""
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Traded:
    """A fill with the mids at its decision; None: not known. `spot`: the sold slice of a finalised hedge.

    `bought`: the coin that was bought with what the hedge brought, which `spot_mid` is of; None for the hedge's legs.
    """

    fill: Fill
    spot_mid: Decimal | None
    perp_mid: Decimal | None = None
    spot: bool = False
    bought: Asset | None = None


@dataclass(frozen=True, slots=True)
class Valuation:
    """Prices at one instant, for what is open. `unrealised`: the venue's own figure; None: reckoned from entry."""

    at: Millis
    spot_mid: Decimal | None
    mark: Decimal | None = None
    unrealised: Decimal | None = None


Event: TypeAlias = Traded | FundingPayment
"""What happens to a hedge's money."""


class OtherFee(NamedTuple):
    """A fee in another coin than the settle coin; `worth`: in it, None: not known. `trade`: whose it is."""

    amount: Decimal
    currency: str
    worth: Decimal | None
    trade: str


class Run(NamedTuple):
    """Executions of one order, oldest first and with no other of the hedge in between, summed.

    `at`, `price` and `trade` are the first one's; `notional` = Σ quantity·price; `fees` in the settle coin, None where
    all are `others`. There are `fills` of them; `passed`: ms from the first to the last; `ripened`: Σ of the quantity
    so far · ms to the next one.
    """

    at: Millis
    quantity: Decimal
    notional: Decimal
    price: Decimal
    fees: Decimal | None
    realised: Decimal
    trade: str
    others: tuple[OtherFee, ...] = ()
    fills: int = 1
    passed: Millis = 0
    ripened: Decimal = ZERO


def run_of(fill: Fill, settle: str) -> Run:
    """One execution."""
    own = fill.fee_currency == settle
    others = () if own else (OtherFee(fill.fee, fill.fee_currency, fill.fee_value, fill.trade_id),)
    return Run(fill.at, fill.quantity, fill.quantity * fill.price, fill.price, fill.fee if own else None, fill.realised,
               fill.trade_id, others)


@dataclass(frozen=True, slots=True)
class Costs:
    """A hedge's account in the settle coin. Every cost is positive, every gain negative; PnL is positive when earned.

    `net_cost`: against real sales and purchases at the mid, for no fee; `net_by_parts`: the same, summed from its
    parts. `against_holding`: what the account has more than if nothing had been done. `fees_charged`: by currency as
    charged, futures and spot apart. `funding`: the settlements, oldest first. `hedged_move`: Σ hᵢ·(Sᵢ₊₁ − Sᵢ).
    `exposure`: ∫ h·S dt in quote-years; `bp_a_year`: net cost per exposure in basis points; `mean_notional`: exposure
    by the time open. `effectiveness`: −futures PnL / hedged move, 1 is a perfect hedge; None without an entry in
    `unknown` where the price hardly moved ("n/a"). `sold`: coins sold on spot (negative: bought), for `proceeds` before
    fees, now worth `sold_worth`. `bought`: by coin, what was bought with them for `spent`, worth `bought_worth` at the
    last decision. `unknown`: why a figure is None, by its name; of a sum, ask `why_unknown`.
    """

    short: Decimal
    net_cost: Decimal | None
    net_by_parts: Decimal | None
    against_holding: Decimal | None
    bp_a_year: Decimal | None
    effectiveness: Decimal | None
    fees: Decimal | None
    futures_fees: Decimal | None
    spot_fees: Decimal | None
    fees_charged: Mapping[str, Decimal]
    spot_fees_charged: Mapping[str, Decimal]
    funding_paid: Decimal | None
    funding: tuple[FundingPayment, ...]
    futures_pnl: Decimal | None
    realised: Decimal
    unrealised: Decimal | None
    basis: Decimal | None
    slippage: Decimal | None
    spot_slippage: Decimal | None
    legging: Decimal | None
    rounding: Decimal | None
    hedged_move: Decimal | None
    exposure: Decimal | None
    mean_notional: Decimal | None
    sold: Decimal
    proceeds: Decimal
    sold_worth: Decimal | None
    bought: Mapping[Asset, Decimal]
    spent: Decimal
    bought_worth: Decimal | None
    unknown: Mapping[str, str] = field(default_factory=dict)

    def why_unknown(self, *figures: str) -> str:
        """Why these figures (default: those of the net cost) are None, in words; '' where they are not."""
        wanted = figures or _OF_NET
        return "; ".join(dict.fromkeys(self.unknown[name] for name in wanted if name in self.unknown))


_OF_NET = (
    "futures_fees", "spot_fees", "funding_paid", "realised", "unrealised", "hedged_move", "spot_slippage", "legging",
)


class Ledger:
    """Takes a hedge's events one by one, in their order, and tells its costs at any moment between two."""

    def __init__(self, settle: str) -> None:
        self._settle = settle
        self._short = self._uncovered = ZERO
        self._entered = self._entered_size = ZERO
        self._realised = self._traded = self._mids = self._spreads = ZERO
        self._charged: dict[str, Decimal] = {}
        self._spot_charged: dict[str, Decimal] = {}
        self._fees = self._spot_fees = self._paid = ZERO
        self._funding: list[FundingPayment] = []
        self._sold = self._proceeds = self._spot_slippage = ZERO
        self._bought: dict[Asset, Decimal] = {}
        self._bought_at: dict[Asset, Decimal] = {}
        self._spent = ZERO
        self._move = self._legging = ZERO
        self._area = ZERO  # twice the exposure, in quote-milliseconds: divided once, when it is asked for
        self._held: Millis = 0
        self._at: Millis | None = None
        self._spot: Decimal | None = None
        self._unknown: dict[str, str] = {}

    @property
    def short(self) -> Decimal:
        """The contracts open now, base units; negative: long."""
        return self._short

    @reckoned
    def take(self, event: Event) -> None:
        """One more thing that happened."""
        if isinstance(event, FundingPayment):
            self._funding.append(event)
            if event.currency == self._settle:
                self._paid -= event.amount
            elif event.amount:
                self._cannot("funding_paid", f"funding of {event.payment_id} is in {event.currency}")
            return
        fill = event.fill
        self.take_run(fill.side.sign, run_of(fill, self._settle), event.spot_mid, event.perp_mid, spot=event.spot,
                      bought=event.bought, coin=spot_coin(fill.symbol))

    @reckoned
    def take_run(
        self, sign: int, run: Run, spot_mid: Decimal | None, perp_mid: Decimal | None = None, *, spot: bool = False,
        bought: Asset | None = None, coin: Asset | None = None,
    ) -> None:
        """What `take` makes of executions one by one. They share a decision, its mids and a side (+1: bought).

        `coin`: what they trade on spot.

        Raises ValueError, and has changed nothing, where several executions take the short through 0.
        """
        if bought is not None:
            self._purchase(bought, run, spot_mid)
            return
        before = self._short
        if run.fills > 1 and not spot and before * (before - sign * run.quantity) < 0:
            raise ValueError(f"the executions from {run.trade} on go through 0: take them one by one")
        if spot_mid is not None:
            self._move_to(run.at, spot_mid)
            if run.passed:  # between the executions of one decision time goes on, and the mid stays
                after = before if spot else before - sign * run.ripened / run.passed
                self._area += 2 * abs(after) * run.passed * spot_mid
                self._held += run.passed if after else 0
                self._at = max(self._at or 0, run.at + run.passed)
        else:
            self._cannot_follow(run.trade, spot=spot)
        if spot:
            self._spot_fees += self._charge(run, self._spot_charged, "spot_fees")
            self._slice(sign, run, spot_mid, coin)
        else:
            self._fees += self._charge(run, self._charged, "futures_fees")
            self._trade(sign, run, spot_mid, perp_mid)

    @reckoned
    def see(self, seen: Valuation) -> None:
        """A price on the way: ∫ h·S dt follows it. Changes no other figure."""
        if seen.spot_mid is not None:
            self._move_to(seen.at, seen.spot_mid)

    @reckoned
    def costs(self, valuation: Valuation | None = None, missing: Mapping[str, str] = NOTHING) -> Costs:
        """The account so far. `valuation`: prices for what is open; an ended hedge needs none.

        `missing`: figures that the events do not tell whole, by name, and why.
        """
        unknown = dict(missing) | self._unknown
        spot, mark = (valuation.spot_mid, valuation.mark) if valuation is not None else (None, None)
        last = self._spot if not self._short and valuation is None else spot
        unrealised, open_basis, open_rounding = self._open(valuation, unknown)
        moved, twice, area, held = self._ahead(valuation)
        if self._short and spot is None:
            for name in ("hedged_move", "exposure", "legging"):
                unknown.setdefault(name, "there is no spot mid to value what is open")
        if self._sold and last is None:
            unknown.setdefault("sold_worth", "there is no spot mid to value what was sold")
        bought_worth = known_sum(self._bought, self._bought_at)
        if bought_worth is None:
            unknown.setdefault("bought_worth", "there is no spot mid to value what was bought")
        made = -self._traded - self._short * (mark or ZERO)

        def known(name: str, value: Decimal | None) -> Decimal | None:
            return None if name in unknown else value

        futures_fees, spot_fees = known("futures_fees", self._fees), known("spot_fees", self._spot_fees)
        fees, paid = total(futures_fees, spot_fees), known("funding_paid", self._paid)
        pnl = known("realised", total(self._realised, unrealised))
        rounding = total(made, minus(pnl)) if open_rounding else None
        basis, slippage = known("basis", total(self._mids, open_basis)), known("slippage", self._spreads)
        spot_slippage, legging = known("spot_slippage", self._spot_slippage), known("legging", twice)
        move, exposure = known("hedged_move", moved), known("exposure", area / (2 * YEAR))
        mean = exposure * YEAR / held if exposure is not None and held else None
        worth = ZERO if not self._sold else None if last is None else self._sold * last
        net = total(fees, paid, minus(pnl), minus(move), spot_slippage, legging)
        return Costs(
            short=self._short, net_cost=net,
            net_by_parts=total(fees, paid, basis, slippage, spot_slippage, legging, rounding),
            against_holding=total(pnl, minus(fees), minus(paid), self._proceeds, minus(worth), -self._spent,
                                  bought_worth),
            bp_a_year=10_000 * net / exposure if net is not None and exposure else None,
            effectiveness=_effectiveness(pnl, move, mean),
            fees=fees, futures_fees=futures_fees, spot_fees=spot_fees,
            fees_charged=dict(self._charged), spot_fees_charged=dict(self._spot_charged),
            funding_paid=paid, funding=tuple(self._funding), futures_pnl=pnl, realised=self._realised,
            unrealised=unrealised, basis=basis, slippage=slippage, spot_slippage=spot_slippage, legging=legging,
            rounding=rounding, hedged_move=move, exposure=exposure, mean_notional=mean,
            sold=self._sold, proceeds=self._proceeds, sold_worth=worth, bought=dict(self._bought), spent=self._spent,
            bought_worth=bought_worth, unknown=unknown,
        )

    # -- events --------------------------------------------------------------------------------------------------------

    def _charge(self, run: Run, charged: dict[str, Decimal], figure: str) -> Decimal:
        """The fees in the settle coin."""
        fees = ZERO
        if run.fees is not None:
            charged[self._settle] = charged.get(self._settle, ZERO) + run.fees
            fees = run.fees
        for fee in run.others:
            charged[fee.currency] = charged.get(fee.currency, ZERO) + fee.amount
            if fee.amount and fee.worth is None:
                self._cannot(figure, f"the fee of fill {fee.trade} is {fee.amount} {fee.currency}, whose price then "
                                     "is not known")
            elif fee.amount and fee.worth is not None:
                fees += fee.worth
        return fees

    def _trade(self, sign: int, run: Run, spot_mid: Decimal | None, perp_mid: Decimal | None) -> None:
        """Executions of the perpetual."""
        quantity, notional = (run.quantity, run.notional) if sign > 0 else (-run.quantity, -run.notional)
        self._realised += run.realised
        self._traded += notional
        if perp_mid is None:
            why = f"the perpetual's mid at the decision of fill {run.trade} is not known"
            self._cannot("slippage", why)
            self._cannot("basis", why)
        else:
            self._spreads += notional - quantity * perp_mid
            if spot_mid is not None:
                self._mids += quantity * (perp_mid - spot_mid)
        if self._uncovered and sign * self._uncovered > 0:
            self._uncovered -= sign * min(run.quantity, abs(self._uncovered))
        before, self._short = self._short, self._short - quantity
        self._enter(before, run)

    def _enter(self, before: Decimal, run: Run) -> None:
        """The average entry: changed by increases only, and divided once, when it is asked for."""
        size, held = abs(self._short), abs(before)
        if before * self._short < 0:
            self._entered, self._entered_size = run.price * size, size
        elif size > held:
            kept = self._entered if held == self._entered_size else self._entry() * held
            self._entered, self._entered_size = kept + run.notional, size

    def _entry(self) -> Decimal:
        """The average price at which what is open was opened."""
        return self._entered / self._entered_size if self._entered_size else ZERO

    def _slice(self, sign: int, run: Run, spot_mid: Decimal | None, coin: Asset | None) -> None:
        """Executions on spot."""
        quantity, notional = _came(run, coin) if sign > 0 else (run.quantity, run.notional)
        self._sold -= sign * quantity
        self._proceeds -= sign * notional
        self._uncovered -= sign * quantity
        if spot_mid is not None:
            self._spot_slippage += sign * (notional - quantity * spot_mid)

    def _purchase(self, coin: Asset, run: Run, mid: Decimal | None) -> None:
        """Coins that were bought with what the hedge brought."""
        self._spot_fees += self._charge(run, self._spot_charged, "spot_fees")
        came, spent = _came(run, coin)
        self._bought[coin] = self._bought.get(coin, ZERO) + came
        self._spent += spent
        if mid is None:
            self._cannot("spot_slippage", f"the spot mid at the decision of fill {run.trade} is not known")
            return
        self._bought_at[coin] = mid
        self._spot_slippage += spent - came * mid

    def _move_to(self, at: Millis, spot: Decimal) -> None:
        """Time and the spot mid go on with what was open."""
        self._move, self._legging, self._area, self._held = self._gone(at, spot)
        self._at, self._spot = at if self._at is None else max(at, self._at), spot

    def _cannot_follow(self, trade: str, *, spot: bool) -> None:
        """What changed at an unknown price: h in a fill of the perpetual, u in a slice and in what covers it."""
        why = f"the spot mid at the decision of fill {trade} is not known"
        for name in ("spot_slippage",) if spot else ("hedged_move", "exposure", "basis"):
            self._cannot(name, why)
        if spot or self._uncovered:
            self._cannot("legging", why)

    def _gone(self, at: Millis, spot: Decimal) -> tuple[Decimal, Decimal, Decimal, Millis]:
        """Σ h·ΔS, Σ u·ΔS, 2·∫ h·S dt (in ms) and the time open, when the next mid is `spot` at `at`."""
        if self._spot is None or self._at is None:
            return self._move, self._legging, self._area, self._held
        change, passed, short = spot - self._spot, max(0, at - self._at), self._short
        return (self._move + short * change, self._legging + self._uncovered * change,
                self._area + abs(short) * (spot + self._spot) * passed, self._held + (passed if short else 0))

    def _cannot(self, figure: str, why: str) -> None:
        self._unknown.setdefault(figure, why)

    # -- what is open --------------------------------------------------------------------------------------------------

    def _ahead(self, valuation: Valuation | None) -> tuple[Decimal, Decimal, Decimal, Millis]:
        if not self._short or valuation is None or valuation.spot_mid is None:
            return self._move, self._legging, self._area, self._held
        return self._gone(valuation.at, valuation.spot_mid)

    def _open(
        self, valuation: Valuation | None, unknown: dict[str, str],
    ) -> tuple[Decimal | None, Decimal | None, bool]:
        """Unrealised PnL, the open basis, and whether the mark is known."""
        if not self._short:
            return ZERO, ZERO, True
        mark = valuation.mark if valuation is not None else None
        unrealised = valuation.unrealised if valuation is not None else None
        spot = valuation.spot_mid if valuation is not None else None
        if unrealised is None and mark is not None:
            unrealised = to_ledger(self._short * (self._entry() - mark))
        if unrealised is None:
            unknown["unrealised"] = "there is no mark to value what is open"
        if mark is None or spot is None:
            unknown.setdefault("basis", "there are no prices to value what is open")
            return unrealised, None, mark is not None
        return unrealised, self._short * (mark - spot), True


def _came(run: Run, coin: Asset | None) -> tuple[Decimal, Decimal]:
    """The coins that were received, and what they cost before their fee."""
    own = [fee for fee in run.others if fee.currency == coin]
    return (run.quantity - sum((fee.amount for fee in own), ZERO),
            run.notional - sum((fee.worth or ZERO for fee in own), ZERO))


def _effectiveness(pnl: Decimal | None, move: Decimal | None, mean: Decimal | None) -> Decimal | None:
    if pnl is None or not move or not mean or abs(move) < EFFECTIVE_FROM * mean:
        return None
    return -pnl / move


def reckon(
    events: Iterable[Event], settle: str, valuation: Valuation | None = None, missing: Mapping[str, str] = NOTHING,
) -> Costs:
    """The costs of a hedge from everything that happened to it, in its order; the rest as `Ledger.costs`."""
    ledger = Ledger(settle)
    for event in events:
        ledger.take(event)
    return ledger.costs(valuation, missing)


def total(*parts: Decimal | None) -> Decimal | None:
    """The sum; None where a part is not known."""
    summed = ZERO
    for part in parts:
        if part is None:
            return None
        summed += part
    return summed


def known_sum(amounts: Mapping[Asset, Decimal], prices: Mapping[Asset, Decimal]) -> Decimal | None:
    """What these coins are worth; None where a price is not known."""
    return total(*(amount * prices[coin] if coin in prices else None for coin, amount in amounts.items()))


def minus(value: Decimal | None) -> Decimal | None:
    """−value; None stays unknown."""
    return None if value is None else -value
