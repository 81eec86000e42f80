"""Hedges that end with their coins, in the drafts of a decision: begun by command or policy, and taken on (DOMAIN §5B).

The margin ladder begins its own (`bot.core.protect`). By policy a hedge is finalised whose episode is older than
`max_age`, or whose funding has cost more than `max_carry` a year over the last three days and would cost more than
that now: a rate that is high once is no reason to sell. Policy takes the rule's way: data guards hold it, and it waits
until all the coins are free. A command acts through data guards, sells what is free, and says what is not.

A long is ended by buying the coins that it stands for (`bot.core.way`): what is free then is what the settle coin in
the spot wallet can pay, at the best ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from bot.core import triggers
from bot.core.decision import Action, AssetStanding, Decision, HedgeIntent, Leg, Measure, Situation
from bot.core.finalise import SALE_WITHIN, Means, Sale, advance, begin, due, extend, sale_of
from bot.core.market import Asset, Holding, Instrument, Quote, Snapshot
from bot.core.money import ZERO, plain, reckoned
from bot.core.policy import Policy, Terms
from bot.core.reinvest import ROOM
from bot.core.times import DAY, YEAR, Millis, iso
from bot.core.way import Way, way_of

if TYPE_CHECKING:
    from bot.core.rule import Draft

BY_USER = "finalise_requested"
BY_AGE, BY_CARRY = "finalise_age", "finalise_carry"
"""The goal's reason by what began it."""


@dataclass(frozen=True, slots=True)
class _Words:
    """What is said of a hedge that is ended with its coins."""

    traded: str
    trade: str
    cannot: str
    where: str


WORDS: Mapping[Way, _Words] = {
    Way.SHORT: _Words("sold", "sell", "are not free in the spot wallet", "that it should sell"),
    Way.LONG: _Words("bought", "buy", "cannot be paid from the spot wallet", "that it should buy"),
}


def means_of(draft: Draft, snapshot: Snapshot, policy: Policy) -> Means:
    """What a sale of this asset's coins depends on now; of a long: a purchase."""
    agreed = abs(draft.measure.quantity - draft.holding - draft.standing.coin_flow) < draft.instrument.spot_lot
    return means_at(
        snapshot, draft.measure, draft.standing, instrument=draft.instrument, contract=draft.contract,
        settle=policy.settle, way=draft.way, settled=agreed and not draft.standing.unresolved and not draft.holds)


def means_at(
    snapshot: Snapshot, measure: Measure, standing: AssetStanding, *, instrument: Instrument, contract: Decimal,
    settle: Asset, way: Way, settled: bool = True,
) -> Means:
    """The same of one asset as it was measured. `settled`: see `Means`."""
    quote, wallet = snapshot.quotes.get(instrument.asset), snapshot.holdings
    excess = None if measure.excess is None or not measure.price else way.along(measure.excess / measure.price)
    told = None if quote is None else quote.spot_bid if way is Way.SHORT else quote.spot_ask
    price = told if told is not None and told > 0 else None
    if way is Way.SHORT:
        free = _free(wallet.get(instrument.asset), standing)
    else:
        free = ZERO if price is None else ROOM * _free(wallet.get(settle), standing) / price
    return Means(way.along(standing.short), way.along(standing.spot_sold), excess, free, price, contract, instrument,
                 standing.working, settled)


def _free(held: Holding | None, standing: AssetStanding) -> Decimal:
    """What can be traded away, that which an order of ours has locked included."""
    return ZERO if held is None else held.free + (held.locked if standing.working else ZERO)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What ending a hedge with its coins would come to now. `by`: when policy does, by the age of the hedge.

    `hedge` is along `way`.
    """

    asset: Asset
    hedge: Decimal
    sale: Sale
    slice: Decimal
    by: Millis | None
    way: Way = Way.SHORT

    @property
    def text(self) -> str:
        """In one sentence, with the coins that are not free."""
        words = WORDS[self.way]
        said = f"finalising would close {plain(self.hedge)} {self.asset} and {words.trade} {plain(self.sale.sold)}"
        if self.sale.sold:
            said += f", in slices of {plain(self.slice)}"
        if self.sale.locked:
            said += f"; {plain(self.sale.locked)} {self.asset} {words.where} {words.cannot}"
        return said + (f"; policy does on {iso(self.by)}" if self.by is not None else "")


@reckoned
def foresee(situation: Situation, terms: Terms, decision: Decision, asset: Asset) -> Foreseen | None:
    """For a hedge that is open; None where there is none."""
    standing, instrument = situation.standing.of(asset), terms.instruments[asset]
    if standing.short == 0:
        return None
    way = way_of(standing.short)
    means = means_at(
        situation.snapshot, decision.of(asset).measure, standing, instrument=instrument, settle=terms.policy.settle,
        way=way, contract=terms.policy.asset(asset).contract_for(instrument))
    sale, age = sale_of(means.short, means), terms.policy.finalise.max_age
    begun = begin(BY_USER, decision.at, means, goal=ZERO, to_sell=sale.sold, policy=terms.policy)
    by = standing.opened_at + age if age and standing.opened_at is not None else None
    return Foreseen(asset, means.short, sale, begun.slice, by, way)


def obey_finalise(
    draft: Draft, snapshot: Snapshot, policy: Policy, nav: Decimal | None, *, hurried: bool,
) -> None:
    """The user's word: end this hedge and sell its coins. Where nothing can be sold, nothing is done, and it is said.

    `hurried`: the margin ladder is at it already, and stays in charge.
    """
    at, means = snapshot.taken_at, means_of(draft, snapshot, policy)
    hedge = draft.booked
    if draft.finalising is not None:
        _take_over(draft, at, means, policy)
        draft.goal_reason = draft.goal_reason if hurried else BY_USER
        return
    if hedge == 0:
        draft.say("finalise_refused", f"no hedge is open on {draft.policy.asset}")
        return
    sale, without = sale_of(hedge, means), "a sale" if draft.way is Way.SHORT else "a purchase"
    if means.excess is None or means.price is None:
        draft.say("finalise_refused", "a price is unknown, and with it how many coins are too many: try again, or "
                  f"`close` to end the hedge without {without}")
        return
    if sale.wanted > 0 and sale.sold == 0:
        draft.say("finalise_refused", _locked(draft, sale) + f"; `close` ends the hedge without {without}")
        return
    _begin(draft, BY_USER, at, means=means, sale=sale, policy=policy)
    draft.say(BY_USER, _words(draft, hedge, sale), **_facts(draft, hedge, sale))
    if sale.locked:
        draft.say("coins_not_free", _locked(draft, sale), **_facts(draft, hedge, sale))
        # What is closed without its coins is exposure that the user takes back, as with `close`.
        if nav is None or sale.locked * means.price >= triggers.levels(draft.policy, nav).resize:
            draft.disarmed = draft.disarmed or "close"


def _take_over(draft: Draft, at: Millis, means: Means, policy: Policy) -> None:
    """A sale that is going on becomes the user's: of the whole hedge, where the margin ladder wanted a part of it."""
    going = draft.finalising
    if going is None or going.goal == 0:
        draft.finalising = None if going is None else replace(going, cause=BY_USER)
        return
    draft.intent = HedgeIntent(draft.policy.asset, Action.CLOSE, draft.reference, ZERO, BY_USER)
    draft.goal, draft.goal_action, draft.goal_at = ZERO, Action.CLOSE, at
    draft.finalising = extend(going, BY_USER, means, goal=ZERO, policy=policy)


def finalise_by_policy(draft: Draft, snapshot: Snapshot, policy: Policy) -> None:
    """Begin where the hedge is too old or too dear, its coins are free, and nothing is on its way to be sold."""
    at, hedge = snapshot.taken_at, draft.booked
    found = _too_old(draft, at, policy) or _too_dear(draft, policy)
    if found is None or hedge == 0 or draft.rising:
        return
    code, why = found
    means = means_of(draft, snapshot, policy)
    sale = sale_of(hedge, means)
    if sale.locked:
        draft.say("coins_not_free", f"{why}; {_locked(draft, sale)}: the hedge stays", **_facts(draft, hedge, sale))
    elif sale.sold:
        _begin(draft, code, at, means=means, sale=sale, policy=policy)
        draft.say(code, f"{why}: {_words(draft, hedge, sale)}", **_facts(draft, hedge, sale))


def take_on(draft: Draft, snapshot: Snapshot, policy: Policy, *, hurried: bool) -> None:
    """How far a finalisation has come, and what it trades next. `hurried`: by the margin ladder, which waits for no
    sale: one that does not come in time is given up, and the close goes alone.
    """
    if draft.finalising is None:
        return
    at, means = snapshot.taken_at, means_of(draft, snapshot, policy)
    now = advance(draft.finalising, at, means, patience=policy.execution.patience)
    if hurried and now.leg is Leg.SELL and at - now.leg_at > SALE_WITHIN:
        draft.finalising = None
        draft.say("sale_given_up", f"{plain(now.left)} {draft.policy.asset} could not be sold in time: the short is "
                  "bought back without them", left=plain(now.left))
        return
    draft.finalising, draft.due = now, due(now, means)
    if draft.way is Way.LONG and draft.due.leg is Leg.SELL:
        draft.due = replace(draft.due, leg=Leg.BUY)
    traded = WORDS[draft.way].traded
    draft.say("finalising", f"{plain(now.sold)} of {plain(now.to_sell)} {draft.policy.asset} {traded}, "
              f"{plain(now.closed)} of {plain(now.short - now.goal)} closed",
              sold=plain(now.sold), to_sell=plain(now.to_sell), closed=plain(now.closed), leg=now.leg.value)


def _begin(draft: Draft, code: str, at: Millis, *, means: Means, sale: Sale, policy: Policy) -> None:
    before = draft.reference
    draft.finalising = begin(code, at, means, goal=ZERO, to_sell=sale.sold, policy=policy)
    draft.intent = HedgeIntent(draft.policy.asset, Action.CLOSE, before, ZERO, code)
    draft.goal, draft.goal_action, draft.goal_reason, draft.goal_at = ZERO, Action.CLOSE, code, at
    draft.count = triggers.Count(None, 0, at)


def too_old(opened: Millis | None, at: Millis, policy: Policy) -> bool:
    """Whether policy ends a hedge that was opened then."""
    limit = policy.finalise.max_age
    return opened is not None and limit > 0 and at - opened >= limit


def _too_old(draft: Draft, at: Millis, policy: Policy) -> tuple[str, str] | None:
    opened, limit = draft.standing.opened_at, policy.finalise.max_age
    if opened is None or not too_old(opened, at, policy):
        return None
    return BY_AGE, f"the hedge is {(at - opened) / DAY:.1f} days old, {limit / DAY:.1f} allowed"


def _too_dear(draft: Draft, policy: Policy) -> tuple[str, str] | None:
    limit, trailing, expected = policy.finalise.max_carry, draft.trailing_carry, expected_carry(draft.quote, draft.way)
    if not limit or trailing is None or expected is None or trailing <= limit or expected <= limit:
        return None
    return BY_CARRY, (f"funding has cost {trailing * 100:.1f}% a year over three days and would cost "
                      f"{expected * 100:.1f}% now, {plain(limit * 100)}% allowed")


def expected_carry(quote: Quote | None, way: Way = Way.SHORT) -> Decimal | None:
    """What the present rate costs a hedge a year, as a fraction of its notional; negative: it is paid."""
    if quote is None or quote.funding_rate is None or not quote.funding_interval:
        return None
    return way.along(-quote.funding_rate) * YEAR / quote.funding_interval


def _words(draft: Draft, hedge: Decimal, sale: Sale) -> str:
    asset, way, traded = draft.policy.asset, draft.way, WORDS[draft.way].traded
    if not sale.sold:
        return f"no {asset} is to be {traded} (the drift has resolved): the {way} of {plain(hedge)} is closed"
    slices = f"in slices of {plain(draft.finalising.slice)}" if draft.finalising is not None else ""
    return f"{plain(sale.sold)} {asset} are {traded} and the {way} of {plain(hedge)} is closed, {slices}"


def _locked(draft: Draft, sale: Sale) -> str:
    words = WORDS[draft.way]
    return (f"{plain(sale.locked)} of {plain(sale.wanted)} {draft.policy.asset} to be {words.traded} {words.cannot}")


def _facts(draft: Draft, hedge: Decimal, sale: Sale) -> dict[str, str]:
    return {draft.way.value: plain(hedge), "wanted": plain(sale.wanted), WORDS[draft.way].trade: plain(sale.sold),
            "locked": plain(sale.locked)}
