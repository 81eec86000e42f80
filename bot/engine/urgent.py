"""Closes that cannot wait (DOMAIN §6.3, §6.6): a reduce-only IOC at a time, after every increase was withdrawn.

A panic close waits while the outcome of an order on the symbol is unknown. The margin ladder does not: it withdraws
the unknown order by its client id, and then closes from the position as it was read after that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from bot.core.decision import AssetDecision, Pace
from bot.core.market import Instrument, Quote, Side
from bot.core.money import round_to_step
from bot.core.orders import OrderRecord, TimeInForce
from bot.core.policy import Policy
from bot.core.way import way_of
from bot.engine.steps import Place, Step, Withdraw


def urgent_step(
    decided: AssetDecision, live: Sequence[OrderRecord], quote: Quote | None, mark: Decimal | None, *,
    instrument: Instrument, policy: Policy, given_up: Collection[str] = (),
) -> Step:
    """The next step towards a goal that is worked at once. `live`: our orders on the asset.

    `given_up`: client ids of orders of unknown outcome that could not be withdrawn; they are looked up, not waited for.
    """
    if decided.pace is not Pace.MARGIN and any(record.state.unresolved for record in live):
        return None
    for record in live:
        known = not record.state.unresolved
        if not record.intent.reduce_only and (known or record.intent.client_order_id not in given_up):
            return Withdraw(record, "closing at once")
    closing = [record for record in live if record.intent.reduce_only]
    for record in closing:
        if not record.state.unresolved and record.intent.time_in_force is not TimeInForce.IOC:
            return Withdraw(record, "closing at once")
    way = way_of(decided.short)
    missing = way.along(decided.short - decided.goal)
    if closing or decided.held or missing <= 0 or mark is None or mark <= 0:
        return None
    if instrument.max_amount is not None:
        missing = min(missing, instrument.max_amount)
    price = _limit(way.closes, quote, mark, instrument, policy)
    return Place(way.closes, missing, price, TimeInForce.IOC, reduce_only=True)


def _limit(side: Side, quote: Quote | None, mark: Decimal, instrument: Instrument, policy: Policy) -> Decimal:
    """`max_slippage` above the best ask or the mark, whichever is higher (to sell: below the bid or the mark, whichever
    is lower); never further from the mark than `max_jump`.

    The second bound is for a book that is not to be believed: this order does not ask whether it is.
    """
    slippage, jump = policy.execution.max_slippage, policy.guards.max_jump
    if side is Side.BUY:
        ask = quote.perp_ask if quote is not None else None
        touch = mark if ask is None else max(mark, ask)
        return round_to_step(min(touch * (1 + slippage), mark * (1 + jump)), instrument.price_tick, ROUND_FLOOR)
    bid = quote.perp_bid if quote is not None else None
    touch = mark if bid is None else min(mark, bid)
    return round_to_step(max(touch * (1 - slippage), mark * (1 - jump)), instrument.price_tick, ROUND_CEILING)
