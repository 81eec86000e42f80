"""What Bybit says of orders and executions, as values of ours. Pure, as `bybit_replies` is.

Placing, moving and cancelling are acknowledged before they are done; what became of an order is only ever read. An
order that was acknowledged and then rejected, or cancelled because it would have taken, did exist: it is reported as
cancelled, with the venue's reason as its code and whatever it had filled. A reduce-only order above the largest size is
split into several by the venue: they are reported as the one order that was placed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from bot.core.income import IncomeKind, IncomeRow
from bot.core.market import Side
from bot.core.money import ZERO
from bot.core.orders import Fill, FundingPayment, OrderIntent, OrderReport, OrderState, PastOrder, TimeInForce
from bot.venues.bybit_replies import is_live, link_of, listed, result, side, told_at
from bot.venues.failures import InvalidReply
from bot.venues.names import Names
from bot.venues.replies import (
    Row,
    amount,
    flag,
    instant,
    number,
    positive,
    positive_or_none,
    reached,
    text,
    words_or_none,
)

TIME_IN_FORCE: Mapping[TimeInForce, str] = {
    TimeInForce.GTX: "PostOnly", TimeInForce.IOC: "IOC", TimeInForce.GTC: "GTC",
}

_UNREMARKABLE = frozenset({"", "EC_NoError", "EC_PerCancelRequest"})

TRADE = "Trade"
FORCED: Mapping[str, str] = {
    "BustTrade": "liquidation", "AdlTrade": "adl", "Settle": "settlement", "Delivery": "settlement",
}
"""Executions by which the venue closes a position, and why it does."""
LOGGED_AS: Mapping[str, str] = {TRADE: "TRADE", "BustTrade": "LIQUIDATION", "AdlTrade": "ADL", "Settle": "DELIVERY"}
"""Executions that change a position, and the kind of the transaction log's row that tells what each realised.

Funding comes in the same list, and is no trade.
"""
_NO_TRADES = frozenset({"Funding", "Delivery", "BlockTrade", "MovePosition", "FutureSpread", "UNKNOWN"})
"""Other executions that Bybit documents."""


def acknowledged(
    reply: object, intent: OrderIntent, *, state: OrderState, filled: Decimal, price: Decimal,
) -> OrderReport:
    """What an acknowledgement says: which order it is about. Everything else is what was asked for."""
    said = result(reply, "acknowledgement")
    if link_of(said) != intent.client_order_id:
        raise InvalidReply("the answer is about another order")
    return OrderReport(
        intent.client_order_id, intent.symbol, state, filled, order_id=text(said, "orderId"),
        quantity=intent.quantity, price=price, at=told_at(reply),
    )


def found_order(reply: object, symbol: str, client_order_id: str, names: Names) -> OrderReport | None:
    """What a look-up by client id found; None where the list is valid and empty."""
    rows = listed(reply, "orders")
    return order_report(rows, symbol, client_order_id, names) if rows else None


def order_report(found: Sequence[Row], symbol: str, client_order_id: str, names: Names) -> OrderReport:
    """One order of ours from its rows: one, or several where the venue split it."""
    parts: dict[str, Row] = {}
    for entry in found:
        if link_of(entry) != client_order_id or text(entry, "symbol") != names.wire(symbol):
            raise InvalidReply("the answer is about another order")
        parts.setdefault(text(entry, "orderId"), entry)
    if not parts:
        raise InvalidReply("no row of this order")
    reports = [_part(entry, symbol, client_order_id) for entry in parts.values()]
    return reports[0] if len(reports) == 1 else _whole(reports)


def _part(entry: Row, symbol: str, client_order_id: str) -> OrderReport:
    status, filled, quantity = text(entry, "orderStatus"), _filled(entry), positive(entry, "qty")
    state = reached(_state(entry, filled), filled, quantity, said=status)
    reason = entry.get("rejectReason")
    code = reason if isinstance(reason, str) and reason not in _UNREMARKABLE else None
    return OrderReport(
        client_order_id=client_order_id,
        symbol=symbol,
        state=state,
        filled=filled,
        order_id=text(entry, "orderId"),
        quantity=quantity,
        price=positive(entry, "price"),
        average=_average(entry) if filled else None,
        at=instant(entry, "updatedTime"),
        code=code if state is OrderState.CANCELLED else None,
        message=f"{status}: {code}" if code is not None and state is OrderState.CANCELLED else None,
    )


def _filled(entry: Row) -> Decimal:
    return amount(entry, "cumExecQty")


def _average(entry: Row) -> Decimal | None:
    return positive_or_none(entry, "avgPrice")


def _state(entry: Row, filled: Decimal) -> OrderState:
    if is_live(entry):
        return OrderState.PARTIAL if filled else OrderState.OPEN
    return OrderState.FILLED if text(entry, "orderStatus") == "Filled" else OrderState.CANCELLED


def _whole(parts: Sequence[OrderReport]) -> OrderReport:
    """The parts of a split order as one: live while one of them is, filled when all of them are."""
    filled = sum((part.filled for part in parts), ZERO)
    if any(part.state.live for part in parts):
        state = OrderState.PARTIAL if filled else OrderState.OPEN
    elif all(part.state is OrderState.FILLED for part in parts):
        state = OrderState.FILLED
    else:
        state = OrderState.CANCELLED
    paid = [(part.average, part.filled) for part in parts if part.filled]
    known = [average * quantity for average, quantity in paid if average is not None]
    last = max(parts, key=lambda part: part.at or 0)
    return OrderReport(
        client_order_id=parts[0].client_order_id,
        symbol=parts[0].symbol,
        state=state,
        filled=filled,
        order_id=parts[0].order_id,
        quantity=sum((part.quantity or ZERO for part in parts), ZERO),
        price=last.price,
        average=sum(known, ZERO) / filled if paid and len(known) == len(paid) else None,
        at=last.at,
        code=next((part.code for part in parts if part.code is not None), None),
    )


def past_order(found: Sequence[Row], symbol: str, names: Names) -> PastOrder:
    """An order that was placed by us on `symbol`, from its rows: a limit order."""
    first = found[0]
    spoken = {word: ours for ours, word in TIME_IN_FORCE.items()}
    time_in_force = text(first, "timeInForce")
    if time_in_force not in spoken:
        raise InvalidReply(f"timeInForce: {time_in_force!r}")
    report = order_report(found, symbol, link_of(first), names)
    return PastOrder(
        report=report,
        side=side(first),
        quantity=report.quantity or ZERO,
        price=positive(first, "price"),
        reduce_only=not names.is_spot(symbol) and flag(first, "reduceOnly"),
        time_in_force=spoken[time_in_force],
        created_at=min(instant(entry, "createdTime") for entry in found),
    )


def changes_position(entry: Row) -> bool:
    """Whether an execution is a trade of ours or one that the venue forced: liquidation, deleveraging, delivery."""
    kind = text(entry, "execType")
    if kind not in LOGGED_AS and kind not in _NO_TRADES:
        raise InvalidReply(f"execType: {kind!r}")
    return kind in LOGGED_AS


def closes(entry: Row) -> bool:
    """Whether an execution closed something, so that a profit or loss was realised."""
    return amount(entry, "closedSize") != 0


def fill(entry: Row, realised: Decimal, names: Names, *, spot: bool = False) -> Fill:
    """One row of the execution list. What the venue forced belongs to no order of ours, whatever it is called."""
    symbol = names.market(text(entry, "symbol"), spot=spot)
    ours = text(entry, "execType") == TRADE
    return Fill(
        trade_id=text(entry, "execId"),
        order_id=text(entry, "orderId"),
        symbol=symbol,
        side=side(entry),
        quantity=positive(entry, "execQty"),
        price=positive(entry, "execPrice"),
        fee=number(entry, "execFee"),
        fee_currency=_fee_currency(entry, symbol, names),
        realised=realised,
        maker=flag(entry, "isMaker"),
        at=instant(entry, "execTime"),
        client_order_id=(link_of(entry) or None) if ours else None,
    )


def _fee_currency(entry: Row, symbol: str, names: Names) -> str:
    """As told; where it is not told, by Bybit's rule: what is received, of a rebate to a maker what is given."""
    told = entry.get("feeCurrency")
    if isinstance(told, str) and told:
        return told
    if not names.is_spot(symbol):
        return names.settle
    rebated = flag(entry, "isMaker") and number(entry, "execFee") < 0
    return names.coin(symbol) if (side(entry) is Side.BUY) != rebated else names.settle


def funding_payment(entry: Row, names: Names) -> FundingPayment:
    """One SETTLEMENT row of the transaction log: what the wallet changed by; positive was received.

    (The execution list counts the other way round: there a positive fee was paid.)
    """
    funding, change = number(entry, "funding"), number(entry, "change")
    if funding * change < 0 or (funding == 0) != (change == 0):
        raise InvalidReply(f"transaction log: funding {funding} changed the wallet by {change}")
    return FundingPayment(
        payment_id=text(entry, "id"),
        symbol=names.perpetual(text(entry, "symbol")),
        amount=change,
        currency=text(entry, "currency"),
        at=instant(entry, "transactionTime"),
    )


MOVED = {
    "SETTLEMENT": IncomeKind.FUNDING, "TRANSFER_IN": IncomeKind.TRANSFER, "TRANSFER_OUT": IncomeKind.TRANSFER,
}
"""What a row of the transaction log is that no trade made, where it is not one of the many others."""


def income_rows(entry: Row, names: Names) -> tuple[IncomeRow, ...]:
    """One row of the transaction log: a trade's is what it moved, and its fee. A positive `fee` was paid."""
    called, symbol = text(entry, "type"), words_or_none(entry, "symbol")
    at, currency, trade = instant(entry, "transactionTime"), text(entry, "currency"), words_or_none(entry, "tradeId")
    spot = words_or_none(entry, "category") == "spot"
    ours = None
    if symbol:
        ours = names.spot(symbol.removesuffix(names.settle)) if spot else names.perpetual(symbol)
    if called in MOVED or not trade:
        kind = MOVED.get(called, IncomeKind.OTHER)
        return (IncomeRow(kind, text(entry, "id"), ours, number(entry, "change"), currency, at, called),)
    moved, fee = number(entry, "cashFlow"), number(entry, "fee")
    rows = (
        IncomeRow(IncomeKind.TRADE if spot else IncomeKind.REALISED, trade, ours, moved, currency, at, called),
        IncomeRow(IncomeKind.FEE, trade, ours, -fee, currency, at, called),
    )
    return tuple(row for row in rows if row.amount)
