"""The next step of a hedge that is ended with its coins: a sale on spot, then a close of as much (DOMAIN §5B, §7).

Of a long, a purchase. It is worked like any order: post-only at the best ask, following it; once patience has ended, or
at once for the margin ladder, marketable within `max_slippage`. Where the venue cannot move an order on spot, it is
withdrawn and the rest placed anew. While the outcome of any order on either market is unknown, nothing is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from bot.core.decision import AssetDecision, Due, Leg, Pace
from bot.core.market import Instrument, Quote, Side
from bot.core.money import round_to_step
from bot.core.orders import OrderRecord, TimeInForce
from bot.core.policy import ExecutionPolicy, OnTimeout
from bot.core.times import Millis
from bot.core.way import way_of
from bot.engine.steps import Place, Reprice, Step, Withdraw


def closing(decided: AssetDecision, due: Due) -> AssetDecision:
    """The decision with the close leg's goal: never below the one that it all goes down to."""
    way = way_of(decided.short)
    hedge, goal = way.along(decided.short), way.along(decided.goal)
    return replace(decided, goal=way.along(min(hedge, max(goal, hedge - due.quantity))))


def spot_step(
    decided: AssetDecision, due: Due, live: Sequence[OrderRecord], quote: Quote | None, *, instrument: Instrument,
    policy: ExecutionPolicy, now: Millis, movable: bool,
) -> Step:
    """What to do on the leg on spot. `live`: our orders on the asset; `movable`: the venue can move one on spot."""
    if any(record.state.unresolved for record in live):
        return None
    at_once = decided.pace is not Pace.PATIENT
    for record in live:
        unwanted = _unwanted(record, decided, due, instrument)
        if unwanted is not None or record is not live[0]:
            return Withdraw(record, unwanted or "no longer wanted")
    impatient = at_once or (policy.on_timeout is OnTimeout.CROSS and now - due.since >= policy.patience)
    if not live:
        return None if decided.held else _order(due, quote, instrument, policy, impatient=impatient)
    if impatient and live[0].intent.time_in_force is not TimeInForce.IOC:
        return Withdraw(live[0], "patience ended")
    return _follow(live[0], quote, instrument, policy, now=now, movable=movable)


def _order(
    due: Due, quote: Quote | None, instrument: Instrument, policy: ExecutionPolicy, *, impatient: bool,
) -> Place | None:
    bid, ask = (quote.spot_bid, quote.spot_ask) if quote is not None else (None, None)
    if due.quantity < instrument.least_sale or bid is None or ask is None or bid <= 0:
        return None
    side = side_of(due)
    if impatient:
        worst = bid * (1 - policy.max_slippage) if side is Side.SELL else ask * (1 + policy.max_slippage)
        price = round_to_step(worst, instrument.spot_tick, ROUND_CEILING if side is Side.SELL else ROUND_FLOOR)
        return Place(side, due.quantity, price, TimeInForce.IOC, reduce_only=False, spot=True)
    price = _passive(side, ask if side is Side.SELL else bid, instrument)
    return Place(side, due.quantity, price, TimeInForce.GTX, reduce_only=False, spot=True)


def side_of(due: Due) -> Side:
    """The side of the spot order."""
    return Side.BUY if due.leg is Leg.BUY else Side.SELL


def _passive(side: Side, touch: Decimal, instrument: Instrument) -> Decimal:
    return round_to_step(touch, instrument.spot_tick, ROUND_CEILING if side is Side.SELL else ROUND_FLOOR)


def _unwanted(record: OrderRecord, decided: AssetDecision, due: Due, instrument: Instrument) -> str | None:
    """Why an order of ours on the asset is withdrawn; None where it is the one that is due."""
    if decided.held:
        return "held"
    if record.intent.symbol != instrument.spot_symbol or record.intent.side is not side_of(due):
        return "coins are traded first"
    return "no longer wanted" if record.remaining > due.quantity else None


def _follow(
    record: OrderRecord, quote: Quote | None, instrument: Instrument, policy: ExecutionPolicy, *, now: Millis,
    movable: bool,
) -> Step:
    """Follow a touch that has moved away from the resting order."""
    selling = record.intent.side is Side.SELL
    touch = None if quote is None else quote.spot_ask if selling else quote.spot_bid
    price = record.price if record.price is not None else record.intent.price
    if touch is None or now - record.changed_at < policy.reprice_after:
        return None
    target = _passive(record.intent.side, touch, instrument)
    if target >= price if selling else target <= price:
        return None
    return Reprice(record, target) if movable else Withdraw(record, "the touch has moved away")
