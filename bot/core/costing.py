"""From the books to the ledger: a hedge's events in their order, prices for what is open, and what the books lack."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.core.episode import Episode, purchased
from bot.core.history import Gap, hedged_within
from bot.core.ledger import Costs, Event, Traded, Valuation, minus, reckon, total
from bot.core.market import Asset, Snapshot
from bot.core.money import ZERO, reckoned
from bot.core.orders import Fill, FundingPayment
from bot.core.times import iso

_OF_FUNDING = ("funding_paid",)
_OF_FILLS = ("futures_fees", "spot_fees", "realised", "basis", "slippage", "spot_slippage", "legging", "hedged_move",
             "exposure")


def traded(fill: Fill, episode: Episode, spot_mid: Decimal | None, perp_mid: Decimal | None) -> Traded:
    """An execution of the hedge's, with the mids at its order's decision."""
    return Traded(fill, spot_mid, perp_mid, spot=fill.symbol != episode.symbol,
                  bought=purchased(episode, fill.symbol, fill.side))


def in_order(events: Iterable[Event]) -> list[Event]:
    """As they happened; executions of one instant in the order of booking."""
    return sorted(events, key=lambda event: event.fill.at if isinstance(event, Traded) else event.at)


def valuation(snapshot: Snapshot, asset: Asset, symbol: str, short: Decimal) -> Valuation:
    """The prices of a snapshot for a hedge that is `short`; where the venue shows just that, by its own figures."""
    quote, position = snapshot.quotes.get(asset), snapshot.position(symbol)
    spot, mark = (quote.spot_mid, quote.mark) if quote is not None else (None, None)
    if position is not None and position.quantity == -short and position.mark is not None:
        return Valuation(snapshot.taken_at, spot, position.mark, position.unrealised)
    return Valuation(snapshot.taken_at, spot, mark)


def missing(episode: Episode, gaps: Iterable[Gap] = (), incomplete: Collection[str] = ()) -> Mapping[str, str]:
    """Figures of a hedge that its books do not tell whole, and why: what the venue had forgotten."""
    found: dict[str, str] = {}
    if episode.id in incomplete:
        found |= dict.fromkeys((*_OF_FUNDING, *_OF_FILLS), "it began before what the venue remembered: not all of its "
                                                           "executions are known")
    for gap in gaps:
        if gap.symbol in (None, episode.symbol) and hedged_within([episode], gap.since, gap.until):
            why = f"the venue had forgotten the {gap.kind} of {iso(gap.since)} to {iso(gap.until)}"
            found |= dict.fromkeys(_OF_FUNDING if gap.kind == "funding" else _OF_FILLS, why)
    return found


def costs_of(
    episode: Episode, events: Iterable[Event], settle: str, snapshot: Snapshot | None = None, *,
    gaps: Iterable[Gap] = (), incomplete: Collection[str] = (),
) -> Costs:
    """What a hedge cost, by its books. `snapshot`: what values it while it is open."""
    ordered = in_order(events)
    short = sum((-event.fill.side.sign * event.fill.quantity for event in ordered
                 if isinstance(event, Traded) and not event.spot), ZERO)
    seen = None
    if short and snapshot is not None:
        seen = valuation(snapshot, episode.asset, episode.symbol, short)
    return reckon(ordered, settle, seen, missing(episode, gaps, incomplete))


@dataclass(frozen=True, slots=True)
class AccountCosts:
    """What all hedges of an account have cost, and what was charged outside of any. Signs as in `Costs`.

    `outside_fees`, `outside_funding`: of executions and settlements that belong to no hedge; they are in `fees`,
    `funding_paid`, `net_cost` and `against_holding`, as what executions outside realised is. `sold`, `bought`: by coin;
    `spent`: what those bought cost. `unknown`: why a sum is None, by hedge ('' for what is outside).
    """

    net_cost: Decimal | None
    net_by_parts: Decimal | None
    bp_a_year: Decimal | None
    against_holding: Decimal | None
    fees: Decimal | None
    futures_fees: Decimal | None
    spot_fees: Decimal | None
    outside_fees: Decimal | None
    fees_charged: Mapping[str, Decimal]
    funding_paid: Decimal | None
    outside_funding: Decimal | None
    futures_pnl: Decimal | None
    realised: Decimal
    unrealised: Decimal | None
    basis: Decimal | None
    slippage: Decimal | None
    spot_slippage: Decimal | None
    legging: Decimal | None
    rounding: Decimal | None
    exposure: Decimal | None
    sold: Mapping[Asset, Decimal]
    proceeds: Decimal
    bought: Mapping[Asset, Decimal]
    spent: Decimal
    unknown: Mapping[str, str]


@reckoned
def account_costs(
    hedges: Iterable[tuple[Episode, Costs]], settle: str, *, fills: Iterable[Fill] = (),
    funding: Iterable[FundingPayment] = (),
) -> AccountCosts:
    """The sum over all hedges, and `fills` and `funding` that belong to none. A figure that one lacks has no sum."""
    told, loose, paid = list(hedges), list(fills), list(funding)
    every = [costs for _, costs in told]
    unknown = {episode.id: why for episode, costs in told if (why := costs.why_unknown())}
    outside_fees = total(*(one.fee_worth(settle) for one in loose))
    outside_funding = total(*(-one.amount if one.currency == settle else None for one in paid))
    outside_pnl = sum((one.realised for one in loose), ZERO)
    if outside_fees is None or outside_funding is None:
        unknown[""] = "something outside of all hedges was charged in a coin without a price"
    outside = total(outside_fees, outside_funding, -outside_pnl)
    net = total(*(one.net_cost for one in every), outside)
    exposure = total(*(one.exposure for one in every))
    return AccountCosts(
        net_cost=net, net_by_parts=total(*(one.net_by_parts for one in every), outside),
        bp_a_year=10_000 * net / exposure if net is not None and exposure else None,
        against_holding=total(*(one.against_holding for one in every), minus(outside)),
        fees=total(*(one.fees for one in every), outside_fees),
        futures_fees=total(*(one.futures_fees for one in every)), spot_fees=total(*(one.spot_fees for one in every)),
        outside_fees=outside_fees,
        fees_charged=_by_coin([{one.fee_currency: one.fee} for one in loose] + [
            charged for one in every for charged in (one.fees_charged, one.spot_fees_charged)]),
        funding_paid=total(*(one.funding_paid for one in every), outside_funding), outside_funding=outside_funding,
        futures_pnl=total(*(one.futures_pnl for one in every), outside_pnl),
        realised=sum((one.realised for one in every), outside_pnl),
        unrealised=total(*(one.unrealised for one in every)), basis=total(*(one.basis for one in every)),
        slippage=total(*(one.slippage for one in every)),
        spot_slippage=total(*(one.spot_slippage for one in every)),
        legging=total(*(one.legging for one in every)), rounding=total(*(one.rounding for one in every)),
        exposure=exposure, sold=_by_coin({episode.asset: costs.sold} for episode, costs in told if costs.sold),
        proceeds=sum((one.proceeds for one in every), ZERO), bought=_by_coin(one.bought for one in every),
        spent=sum((one.spent for one in every), ZERO), unknown=unknown,
    )


def _by_coin(amounts: Iterable[Mapping[str, Decimal]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for each in amounts:
        for coin, amount in each.items():
            found[coin] = found.get(coin, ZERO) + amount
    return dict(sorted(found.items()))
