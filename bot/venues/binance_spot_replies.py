"""What Binance's spot interface says of orders and executions, as values of ours. Pure, as `binance_replies` is.

Orders carry no average price but the quote amount that was traded; the reply to a request tells its instant under
another name than a look-up.
"""

from __future__ import annotations

from decimal import Decimal

from bot.core.market import Side
from bot.core.money import ZERO, reckoned
from bot.core.orders import Fill, OrderReport, OrderState, PastOrder, TimeInForce
from bot.venues.binance_replies import STATES, side
from bot.venues.failures import InvalidReply
from bot.venues.names import Names
from bot.venues.replies import Row, flag, identity, instant, known, number, positive, row, text

_LIMIT_FORCES = {each.value: each for each in (TimeInForce.GTC, TimeInForce.IOC)}
_KINDS = {"LIMIT": False, "LIMIT_MAKER": True}
"""Whether an order of that type is post-only."""


def order_report(reply: object, symbol: str, client_order_id: str, names: Names) -> OrderReport:
    """What the reply to a new order says, if it is about this order."""
    return _report(row(reply, "order"), symbol, client_order_id, names, name="clientOrderId", told="transactTime")


def cancelled(reply: object, symbol: str, client_order_id: str, names: Names) -> OrderReport:
    """What the reply to a cancellation says, if it is about this order."""
    return _report(row(reply, "order"), symbol, client_order_id, names, name="origClientOrderId", told="transactTime")


def found(reply: object, symbol: str, client_order_id: str, names: Names) -> OrderReport:
    """What a look-up says, if it is about this order."""
    return _report(row(reply, "order"), symbol, client_order_id, names, name="clientOrderId", told="updateTime")


def _report(
    entry: Row, symbol: str, client_order_id: str, names: Names, *, name: str, told: str,
) -> OrderReport:
    if text(entry, name) != client_order_id or text(entry, "symbol") != names.wire(symbol):
        raise InvalidReply("the answer is about another order")
    state = known(entry, "status", STATES)
    filled, quantity = number(entry, "executedQty"), positive(entry, "origQty")
    if not 0 <= filled <= quantity or (state is OrderState.FILLED and not filled):
        raise InvalidReply(f"executedQty: {filled} of {quantity}, {text(entry, 'status')}")
    if state is OrderState.FILLED and filled != quantity:
        state = OrderState.CANCELLED  # it has ended, with what it says that it filled and no more
    return OrderReport(
        client_order_id=client_order_id,
        symbol=symbol,
        state=state,
        filled=filled,
        order_id=identity(entry, "orderId"),
        quantity=quantity,
        price=positive(entry, "price"),
        average=_average(number(entry, "cummulativeQuoteQty"), filled),
        at=instant(entry, told),
    )


@reckoned
def _average(quote: Decimal, filled: Decimal) -> Decimal | None:
    """None before the first execution, and where the venue does not know any more (it says less than 0 then)."""
    return quote / filled if filled and quote > 0 else None


def past_order(entry: Row, names: Names) -> PastOrder:
    """One row of allOrders, of an order that was placed by us: a limit order."""
    post_only = known(entry, "type", _KINDS)
    symbol = names.spot(text(entry, "symbol").removesuffix(names.settle))
    return PastOrder(
        report=found(entry, symbol, text(entry, "clientOrderId"), names),
        side=side(entry),
        quantity=positive(entry, "origQty"),
        price=positive(entry, "price"),
        reduce_only=False,
        time_in_force=TimeInForce.GTX if post_only else known(entry, "timeInForce", _LIMIT_FORCES),
        created_at=instant(entry, "time"),
    )


def fill(entry: Row, symbol: str) -> Fill:
    """One row of myTrades. The commission is in what was received, or in BNB."""
    return Fill(
        trade_id=identity(entry, "id"),
        order_id=identity(entry, "orderId"),
        symbol=symbol,
        side=Side.BUY if flag(entry, "isBuyer") else Side.SELL,
        quantity=positive(entry, "qty"),
        price=positive(entry, "price"),
        fee=number(entry, "commission"),
        fee_currency=text(entry, "commissionAsset"),
        realised=ZERO,
        maker=flag(entry, "isMaker"),
        at=instant(entry, "time"),
    )
