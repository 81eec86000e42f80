"""From the books to the ledger: a hedge's events in their order, prices for what is open, and what the books lack."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from bot.core.episode import Episode
from bot.core.history import Gap, hedged_within
from bot.core.ledger import Costs, Event, Traded, Valuation, reckon
from bot.core.market import Asset, Snapshot
from bot.core.money import ZERO
from bot.core.orders import Fill
from bot.core.times import iso

_OF_FUNDING = ("funding_paid",)
_OF_FILLS = ("futures_fees", "spot_fees", "realised", "basis", "slippage", "spot_slippage", "legging", "hedged_move",
             "exposure")


def traded(fill: Fill, symbol: str, spot_mid: Decimal | None, perp_mid: Decimal | None) -> Traded:
    """An execution of a hedge of the perpetual `symbol`, with the mids at its order's decision."""
    return Traded(fill, spot_mid, perp_mid, spot=fill.symbol != symbol)


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
