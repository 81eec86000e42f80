"""Buying the coins that are below their targets with what a finalisation brought (`finalise.reinvest: targets`).

With P the money that is to be invested, sᵢ = max(0, −xᵢ) what each coin is below its target, c the same of the cash,
and F the settle coin that is free in the spot wallet, a coin is bought for

    sᵢ · min(P, Σ sᵢ + c, F) / (Σ sᵢ + c)

in whole spot lots at the best ask, where the venue takes so small an order; what is left stays cash. It is the rule's
own doing: data guards hold it, and a state that opens nothing begins no purchase. A coin with a hedge buys nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from bot.core.decision import Buying, Due, Leg
from bot.core.market import Instrument, Snapshot
from bot.core.money import ONE, ZERO, plain, round_to_step
from bot.core.policy import Policy, Reinvest
from bot.core.portfolio import Portfolio, par_cash
from bot.core.states import Mode
from bot.core.way import Way

if TYPE_CHECKING:
    from bot.core.rule import Draft

ROOM = Decimal("0.99")
"""Of the free settle coin no more is spent: prices move until an order is sent, and fees are to be paid."""


def earned(drafts: Sequence[Draft], policy: Policy) -> Decimal:
    """What finalisations that ended with this decision brought, at the best bids of now and less the venue's fee."""
    if policy.finalise.reinvest is Reinvest.OFF:
        return ZERO
    total = ZERO
    for draft in drafts:
        bid = draft.quote.spot_bid if draft.quote is not None else None
        if draft.ended is not None and draft.way is Way.SHORT and bid is not None:
            total += draft.ended.sold * bid * (ONE - (draft.instrument.spot_taker_fee or ZERO))
    return total


def invest(
    drafts: Sequence[Draft], money: Decimal, snapshot: Snapshot, policy: Policy, book: Portfolio,
) -> Decimal:
    """Begin the purchases that this money is for; what still waits for a moment at which that may be decided."""
    waits = any(draft.holds or draft.finalising is not None or draft.mode.mode is not Mode.ACTIVE for draft in drafts)
    if money <= 0 or waits or book.nav is None or book.nav <= 0:
        return money
    wallet = snapshot.holdings.get(policy.settle)
    cash = max(ZERO, policy.cash_target * book.nav - par_cash(snapshot, policy))
    short = {draft.policy.asset: _below(draft) for draft in drafts}
    lacking = sum(short.values(), cash)
    spend = min(money, lacking, ROOM * (wallet.free if wallet is not None else ZERO))
    for draft in drafts:
        ask = draft.quote.spot_ask if draft.quote is not None else None
        lack = short[draft.policy.asset]
        if not lack or ask is None or ask <= 0:
            continue
        wanted = round_to_step(spend * lack / lacking / ask, draft.instrument.spot_lot)
        if _orderable(wanted, ask, draft.instrument):
            draft.buying = Buying(snapshot.taken_at, wanted, draft.standing.coin_flow)
            draft.say("reinvesting", f"{plain(wanted)} {draft.policy.asset} are bought with what was sold",
                      wanted=plain(wanted), money=plain(spend))
    return ZERO


def buy_on(draft: Draft) -> None:
    """How far a purchase has come, and what is to be bought now; it ends where the coin is below its target no more."""
    now = draft.buying
    if now is None:
        return
    ask = draft.quote.spot_ask if draft.quote is not None else None
    bought = max(ZERO, draft.standing.coin_flow - now.flow_before)
    left = now.to_buy - bought
    if not draft.holds and ask is not None and ask > 0:
        left = min(left, round_to_step(_below(draft) / ask, draft.instrument.spot_lot))
    left = round_to_step(max(ZERO, left), draft.instrument.spot_lot)
    over = draft.goal is not None or draft.hedge > 0 or draft.disarmed is not None
    ended = not draft.standing.working and ask is not None and not _orderable(left, ask, draft.instrument)
    if over or ended:
        draft.buying = None
        draft.say("reinvested", f"{plain(bought)} of {plain(now.to_buy)} {draft.policy.asset} were bought",
                  bought=plain(bought), wanted=plain(now.to_buy))
        return
    draft.buying, draft.due = replace(now, bought=bought), Due(Leg.BUY, left, now.began_at)


def _below(draft: Draft) -> Decimal:
    """What the coin is below its target, in the settle coin; nothing where it is hedged or may not be opened."""
    excess = draft.measure.excess
    if excess is None or draft.hedge > 0 or draft.goal is not None or draft.disarmed is not None:
        return ZERO
    return max(ZERO, -excess)


def _orderable(quantity: Decimal, price: Decimal, instrument: Instrument) -> bool:
    return quantity >= instrument.least_sale and quantity * price >= instrument.spot_min_notional
