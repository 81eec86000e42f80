"""The margin ladder: what the joint runway asks for at every tick, before the rule (DOMAIN §6.2, §6.3).

It acts from marks and positions alone; only the cash floor needs net asset value, and so prices that are believed.
With K the equity at which the joint runway would be `reduce_to`, part of it by the shorts that may be bought back
(K_ours), E the equity and V the coin value of those shorts that is sold and moved to the margin account (0 where the
coins stay), the fraction of every hedge to be bought back is

    f = (K − E) / (K_ours + V)

With one margin rate, no foreign positions and V = 0 that is 1 − E/K, K = MM + reduce_to·N·(1 + m). Over a table of
rates the maintenance of a part is at most that part of the maintenance, so f is never too small.

Where the coins stay (`on_margin: close`) V is 0, and buying back does not bring the cash back either: the cash floor
then acts once per hedge, by the share of the hedges' value that cash lacks, and leaves the rest to the rungs of the
runway. With `on_margin: finalise` coins are sold with what is bought back, as many as are free and in excess. Their
worth is V where the bot may move the proceeds to the margin account (`top_up`), and 0 where it may not. In a unified
account the proceeds are there at once, but the coins were collateral: with r the ratio at which they count, a rise X
finds V·(1 − r·(1 + X)).

Longs (`direction: both`) stand on the same ladder with a runway of their own, down to a fall. The rung is that of the
nearer liquidation; each way is reduced by what its own runway asks for, the cash floor reduces both. A long is only
ever closed: coins in its place would cost the cash that is lacking.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from bot.core.collateral import demanded, equity_for_runway
from bot.core.decision import AssetStanding, Ladder, Rung, Situation
from bot.core.finalise import smallest_sale
from bot.core.margin import mark_of, read_account
from bot.core.market import Asset, Instrument, Position, Snapshot, WalletKind
from bot.core.money import ONE, ZERO, plain, reckoned, round_to_step
from bot.core.policy import MarginPolicy, OnMargin, Terms
from bot.core.portfolio import measure
from bot.core.runway import MarginAccount, nearest, runways
from bot.core.way import Way, way_of

CENT = Decimal("0.01")
LEAST_TOP_UP = ONE
"""Smaller amounts are not moved."""

FLOOR_CAUSE = "cash_floor"
MARGIN_CAUSE = "margin"
"""Causes of disarming after a margin close without sale: by the cash floor, and by the runway."""


@dataclass(frozen=True, slots=True)
class Hedge:
    """What the ladder may close on one symbol, along its `way`. `position`: the venue's; `hedge`: less what is ignored
    of it; `closable`: as much of it as is ours.

    `closable` is 0 while the position's reading is older than our last fill. `floored`: the cash floor has acted.
    `sellable`: coins that can be sold with it; `sold`: those that were sold for it already, and not closed yet.
    """

    asset: Asset
    position: Decimal
    hedge: Decimal
    closable: Decimal
    contract: Decimal
    mark: Decimal
    instrument: Instrument
    floored: bool = False
    sellable: Decimal = ZERO
    sold: Decimal = ZERO
    way: Way = Way.SHORT

    @property
    def covered(self) -> Decimal:
        """What of it may be closed with its coins."""
        return min(self.closable, self.sellable + self.sold)


@dataclass(frozen=True, slots=True)
class Climb:
    """The ladder's reading; by asset, the hedge (base units, along its way) to go down to, and coins to be sold with
    what is closed.
    """

    ladder: Ladder
    goals: Mapping[Asset, Decimal]
    sales: Mapping[Asset, Decimal] = field(default_factory=dict)


def is_lagging(position: Position | None, standing: AssetStanding) -> bool:
    """Whether the position was read before our last fill arrived in it: its size is not to be traded on."""
    way = way_of(standing.short)
    if standing.unresolved or position is None or way.held(position) == way.along(standing.short):
        return False
    seen, filled = position.updated_at, standing.last_fill_at
    return seen is not None and filled is not None and seen < filled


def longs_of(situation: Situation, terms: Terms) -> frozenset[Asset]:
    """Coins that may be hedged by a long, or still are."""
    held = [asset for asset, standing in situation.standing.assets.items() if standing.short < 0]
    return terms.longs.union(held) if held else terms.longs


def hedges_of(situation: Situation, terms: Terms, longs: Collection[Asset] = ()) -> tuple[Hedge, ...]:
    """The hedges of a snapshot that the ladder may close.

    No more than the journal knows of is ours, except while the outcome of an order is unknown: then the position tells.
    """
    found = []
    for policy in terms.policy.assets:
        instrument, standing = terms.instruments[policy.asset], situation.standing.of(policy.asset)
        position = situation.snapshot.position(instrument.symbol)
        way = Way.LONG if policy.asset in longs and Way.LONG.held(position) else Way.SHORT
        held, mark = way.held(position), mark_of(situation.snapshot, policy.asset, position)
        hedge = max(ZERO, held + way.along(situation.state.of(policy.asset).foreign))
        if not held or not hedge or mark is None:
            continue
        closable = min(held, hedge if standing.unresolved else min(hedge, max(ZERO, way.along(standing.short))))
        if is_lagging(position, standing):
            closable = ZERO
        found.append(Hedge(
            policy.asset, held, hedge, closable, policy.contract_for(instrument), mark, instrument,
            situation.state.of(policy.asset).disarmed == FLOOR_CAUSE, way=way,
        ))
    return tuple(found)


@reckoned
def climb(situation: Situation, terms: Terms, *, nav: Decimal | None, cash: Decimal | None) -> Climb:
    """Read the ladder. `nav` and `cash` (stablecoins and futures balance) None: not to be believed, no cash floor."""
    snapshot, policy = situation.snapshot, terms.policy.margin
    longs = longs_of(situation, terms)
    account = read_account(snapshot, terms.instruments, longs=longs)
    if account is None:
        return Climb(Ladder(text="the joint runway is unknown: a mark price is missing"), {})
    hedges = hedges_of(situation, terms, longs)
    share = None if nav is None or cash is None or nav <= 0 else (cash + snapshot.futures.unrealised) / nav
    if not account.exposures:
        return Climb(Ladder(cash_share=share, text="no short: nothing to liquidate"), {})
    lefts = runways(account)
    near, left = nearest(lefts)
    rung = _rung(left, share, hedges, policy)
    if rung.reduces and policy.on_margin is OnMargin.FINALISE:
        hedges = with_coins(hedges, situation, terms)
    needed = ZERO
    if left is not None and left < policy.stop_runway:
        needed = max(ZERO, equity_for_runway(account, policy.top_up_to) - account.equity)
    top_up = _available(snapshot, terms.policy.settle, needed)
    moving = top_up > 0 and policy.top_up and situation.standing.can_top_up
    fractions = {
        way: _fraction(rung if rung is Rung.CASH_FLOOR else rung_of(lefts[way], policy), account, hedges, policy,
                       way=way, share=share, nav=nav, situation=situation) for way in lefts}
    if rung is Rung.REDUCE and moving and account.equity + top_up >= equity_for_runway(account, policy.reduce_to):
        fractions = {}  # the money is there: moved first, and nothing is closed unless that fails
    fraction = max(fractions.values(), default=ZERO)
    ladder = Ladder(rung, left, share, fraction, needed.quantize(CENT, ROUND_UP), top_up, moving, way=near)
    closed = {hedge.asset: part for hedge in hedges if (part := _closed(hedge, fractions.get(hedge.way, ZERO), rung))}
    sales = {
        hedge.asset: sale for hedge in hedges if hedge.asset in closed
        and (sale := round_to_step(min(closed[hedge.asset], hedge.sellable), hedge.instrument.spot_lot))}
    acting = [way for way, part in fractions.items() if part]
    return Climb(
        replace(ladder, text=words(ladder, policy, terms.policy.settle, sales=bool(sales), acting=acting)),
        {hedge.asset: hedge.hedge - closed[hedge.asset] for hedge in hedges if hedge.asset in closed}, sales)


def with_coins(hedges: Sequence[Hedge], situation: Situation, terms: Terms) -> tuple[Hedge, ...]:
    """The same, with the coins that could be sold for each: in excess by the prices as they are, and free."""
    snapshot = situation.snapshot
    book, found = measure(snapshot, terms.policy, terms.instruments), []
    for hedge in hedges:
        if hedge.way is Way.LONG:
            found.append(hedge)
            continue
        standing, held = situation.standing.of(hedge.asset), snapshot.holdings.get(hedge.asset)
        measured, quote = book.measures[hedge.asset], snapshot.quotes.get(hedge.asset)
        sellable = ZERO
        if measured.excess is not None and measured.price and held is not None and quote and quote.spot_bid:
            free = held.free + (held.locked if standing.working else ZERO)
            sellable = max(ZERO, min(hedge.closable, measured.excess / measured.price, free))
            sellable = round_to_step(sellable, hedge.instrument.spot_lot)
            spec = hedge.instrument
            if sellable < spec.least_sale or sellable * quote.spot_bid < spec.spot_min_notional:
                sellable = ZERO
        going = situation.state.of(hedge.asset).finalising
        sold = ZERO if going is None else max(
            ZERO, standing.spot_sold - going.sold_before - max(ZERO, going.short - standing.short))
        found.append(replace(hedge, sellable=sellable, sold=sold))
    return tuple(found)


def rung_of(left: Decimal | None, policy: MarginPolicy) -> Rung:
    """The rung that a joint runway alone stands on."""
    if left is None or left >= policy.warn_runway:
        return Rung.CLEAR
    if left < policy.full_runway:
        return Rung.FULL
    if left < policy.reduce_runway:
        return Rung.REDUCE
    return Rung.STOP if left < policy.stop_runway else Rung.WARN


def _rung(left: Decimal | None, share: Decimal | None, hedges: Sequence[Hedge], policy: MarginPolicy) -> Rung:
    rung = rung_of(left, policy)
    floored = share is not None and share < policy.cash_floor and any(not hedge.floored for hedge in hedges)
    return Rung.CASH_FLOOR if floored and rung not in (Rung.FULL, Rung.REDUCE) else rung


def _fraction(
    rung: Rung, account: MarginAccount, hedges: Sequence[Hedge], policy: MarginPolicy, *, way: Way,
    share: Decimal | None, nav: Decimal | None, situation: Situation,
) -> Decimal:
    """Of every hedge that is ours, this way: how much is closed on this rung."""
    if rung is Rung.FULL:
        return ONE
    if not rung.reduces:
        return ZERO
    fraction = _selling_fraction(account, [hedge for hedge in hedges if hedge.way is way], policy, situation, way)
    if rung is Rung.CASH_FLOOR and share is not None and nav is not None:
        worth = sum((hedge.closable * hedge.mark for hedge in hedges), ZERO)
        lacking = (policy.cash_floor - share) * nav
        fraction = max(fraction, min(ONE, lacking / worth) if worth else ZERO)
    return fraction


def _selling_fraction(
    account: MarginAccount, hedges: Sequence[Hedge], policy: MarginPolicy, situation: Situation, way: Way,
) -> Decimal:
    """f, where each hedge sells as many coins as it buys back, up to those that it can: of these, more is no proceeds.

    Whatever was found to sell all it can is counted with just that, and f asked again.
    """
    unified = situation.snapshot.wallet is WalletKind.UNIFIED
    if way is Way.LONG or (not unified and not (policy.top_up and situation.standing.can_move)):
        return reduced_fraction(account, _parts(hedges), policy.reduce_to, way=way)
    spent: set[Asset] = {hedge.asset for hedge in hedges if not hedge.covered}
    while True:
        more, whole = Proceeds(), Proceeds()
        for hedge in hedges:
            counts = hedge.instrument.collateral_ratio if unified else ZERO
            if hedge.asset in spent:
                whole += Proceeds(hedge.covered * hedge.mark, hedge.covered * hedge.mark * counts)
            else:
                more += Proceeds(hedge.closable * hedge.mark, hedge.closable * hedge.mark * counts)
        fraction = reduced_fraction(account, _parts(hedges), policy.reduce_to, proceeds=more, sold=whole)
        empty = {hedge.asset for hedge in hedges if fraction * hedge.closable > hedge.covered} - spent
        if not empty:
            return fraction
        spent |= empty


def _parts(hedges: Sequence[Hedge]) -> dict[Asset, Decimal]:
    return {hedge.asset: hedge.closable / hedge.position for hedge in hedges}


@dataclass(frozen=True, slots=True)
class Proceeds:
    """What a sale brings to the margin account, in the settle coin: V, and r·V, for which its coins counted there."""

    worth: Decimal = ZERO
    counted: Decimal = ZERO

    def __add__(self, other: Proceeds) -> Proceeds:
        return Proceeds(self.worth + other.worth, self.counted + other.counted)

    def at(self, rise: Decimal) -> Decimal:
        """What it adds to the equity after a rise: the proceeds, less what the coins would have counted for then."""
        return self.worth - self.counted * (ONE + rise)


@reckoned
def reduced_fraction(
    account: MarginAccount, ours: Mapping[Asset, Decimal], to: Decimal, *, proceeds: Proceeds = Proceeds(),
    sold: Proceeds = Proceeds(), way: Way = Way.SHORT,
) -> Decimal:
    """The fraction f of the module's formula, from 0 to 1. `ours`: by asset, the part of its hedge to be reckoned with.

    `proceeds`: V, of which f comes in; `sold`: what comes in besides, whatever f is. The surplus over the maintenance
    margin is a concave function of the move, so what holds at none and at one of `to` holds between them.
    """
    fraction = ZERO
    still = account.standing + sum(
        (one.maintenance for other in Way if other is not way for one in account.of(other)), ZERO)
    for move in (ZERO, to):
        needed, mine = still - sold.at(move), proceeds.at(move)
        if way is Way.LONG:
            needed += account.coins * min(ONE, move)
        for one in account.of(way):
            own = max(one.maintenance, demanded(replace(one, collateral=ZERO), move, way))
            needed += own - way.sign * one.collateral * move
            mine += own * (ours.get(one.asset, ZERO) if one.asset is not None else ZERO)
        if needed > account.equity:
            fraction = max(fraction, (needed - account.equity) / mine if mine > 0 else ONE)
    return min(ONE, fraction)


def _closed(hedge: Hedge, fraction: Decimal, rung: Rung) -> Decimal:
    """What is closed of one hedge: no less than the venues take, and whole contracts stay.

    With coins to be sold it is no less than can be sold: a part too small for that would be closed without them, which
    brings no cash, and be asked for again.
    """
    if not fraction or not hedge.closable or (rung is Rung.CASH_FLOOR and hedge.floored):
        return ZERO
    wanted = max(fraction * hedge.closable, hedge.instrument.min_amount)
    if not hedge.instrument.reduce_only_exempt:
        wanted = max(wanted, hedge.instrument.min_notional / hedge.mark)
    wanted = max(wanted, min(hedge.sellable, smallest_sale(hedge.instrument, hedge.mark)))
    return hedge.closable - round_to_step(max(ZERO, hedge.closable - wanted), hedge.contract)


def _available(snapshot: Snapshot, settle: str, needed: Decimal) -> Decimal:
    """What of the needed amount the spot wallet has free; 0 in a unified account, whose one wallet has it already."""
    held = snapshot.holdings.get(settle)
    if snapshot.wallet is WalletKind.UNIFIED or held is None:
        return ZERO
    amount = min(needed.quantize(CENT, ROUND_UP), held.free.quantize(CENT, ROUND_DOWN))
    return amount if amount >= LEAST_TOP_UP else ZERO


def words(
    ladder: Ladder, policy: MarginPolicy, settle: str, *, sales: bool = False, acting: Collection[Way] = (Way.SHORT,),
) -> str:
    """The reading in one sentence. `acting`: the ways of which hedges are closed."""
    if ladder.runway is None and ladder.way is Way.LONG:
        said = "no fall liquidates the longs"
    elif ladder.runway is None:
        said = "no upside liquidation while the coins stay collateral"
    elif ladder.runway <= 0:
        said = "the margin account is below its maintenance margin"
    elif ladder.way is Way.LONG:
        said = f"all marks may fall {ladder.runway * 100:.2f}% together before the longs are liquidated"
    else:
        said = f"all shorted marks may rise {ladder.runway * 100:.2f}% together before liquidation"
    if ladder.rung is Rung.CASH_FLOOR and ladder.cash_share is not None:
        share = f"{ladder.cash_share * 100:.2f}% of NAV"
        said += f"; cash and unrealised profit are {share}, below {_percent(policy.cash_floor)}"
    below = {Rung.WARN: policy.warn_runway, Rung.STOP: policy.stop_runway, Rung.REDUCE: policy.reduce_runway,
             Rung.FULL: policy.full_runway}.get(ladder.rung)
    if below is not None:
        said += f", below {_percent(below)}"
    if ladder.fraction:
        coins = "and as many coins are sold as are free and in excess" if sales else "the coins stay"
        what = "hedge is bought back" if Way.LONG not in acting else "long is sold"
        if len(acting) > 1:
            what = "hedge is closed"
        said += f": {_percent(ladder.fraction)} of each {what}, {coins}"
    return said + _asked(ladder, policy, settle)


def _asked(ladder: Ladder, policy: MarginPolicy, settle: str) -> str:
    """What is said of a top-up."""
    if not ladder.needed:
        return ""
    goal = f"to reach {_percent(policy.top_up_to)}"
    if ladder.moving:
        return f"; {plain(ladder.top_up)} {settle} are moved from the spot wallet {goal}"
    free = plain(ladder.top_up) if ladder.top_up else "none"
    return f"; the futures wallet needs {plain(ladder.needed)} {settle} more {goal}, and {free} can come from spot"


def _percent(fraction: Decimal) -> str:
    return f"{plain((fraction * 100).quantize(CENT, ROUND_UP))}%"
