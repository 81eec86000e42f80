"""Orders, executions and positions as Bybit writes them.

Fields: bybit-exchange.github.io/docs/v5/order/open-order, /v5/order/execution and /v5/enum.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from bot.core.market import Side
from bot.core.money import ZERO
from bot.core.orders import TimeInForce
from bot.paper.account import perp_fee, spot_fee
from bot.paper.records import Ending, OrderStatus, PaperFill, PaperOrder
from bot.testnet.bybit.keeping import (
    ORDER,
    Execution,
    Funded,
    Keeping,
    Traded,
    execution_type,
    link_id,
    order_id,
)
from bot.testnet.bybit.shapes import Symbol, amount, side_word, uuid_of
from bot.testnet.numbers import Row
from bot.testnet.options import SETTLE

TIME_IN_FORCE: Mapping[str, TimeInForce] = MappingProxyType(
    {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "PostOnly": TimeInForce.GTX},
)
"""What is simulated of Bybit's; FOK and RPI are not."""
_FORCE_WORDS = {force: word for word, force in TIME_IN_FORCE.items()}

_ENDINGS: Mapping[Ending | None, tuple[str, str]] = MappingProxyType({
    None: ("UNKNOWN", "EC_NoError"),
    Ending.USER: ("CancelByUser", "EC_PerCancelRequest"),
    Ending.POST_ONLY: ("UNKNOWN", "EC_PostOnlyWillTakeLiquidity"),
    Ending.IOC: ("UNKNOWN", "EC_NoImmediateQtyToFill"),
    Ending.REDUCE_ONLY: ("CancelByReduceOnly", "EC_NoError"),
    Ending.FILLED_BEFORE: ("CancelByUser", "EC_CancelReplaceOrder"),
    Ending.TAKE_OVER: ("CancelAllBeforeLiq", "EC_NoError"),
})
"""`cancelType` and `rejectReason`. The pair of a post-only order is that of the documentation's own example
(docs/v5/order/order-list)."""

_CREATE_TYPES = {
    "Trade": "CreateByUser", "BustTrade": "CreateByTakeOver_PassThrough", "AdlTrade": "CreateByAdl_PassThrough",
    "Settle": "CreateBySettle",
}


def status_word(order: PaperOrder) -> str:
    """`orderStatus`: on spot a cancelled order that filled in part has a word of its own."""
    if order.status is OrderStatus.NEW:
        return "New"
    if order.status is OrderStatus.PARTIALLY_FILLED:
        return "PartiallyFilled"
    if order.status is OrderStatus.FILLED:
        return "Filled"
    return "PartiallyFilledCanceled" if order.market == "spot" and order.filled else "Cancelled"


def acknowledged(order: PaperOrder) -> Row:
    """The reply to placing, amending and cancelling: ids only, what became of it has to be asked."""
    return {"orderId": order_id(order), "orderLinkId": link_id(order)}


def order_row(order: PaperOrder, symbol: Symbol, keeping: Keeping) -> Row:
    """An order in the lists. `leavesQty` is 0 once it has ended, as Bybit shows it.

    Spot's have neither `tpslMode`, by which clients tell a contract's order, nor `createType`.
    """
    market = order.market
    leaves = order.remaining if order.open else ZERO
    cancel_type, reject_reason = _ENDINGS[order.ending]
    fees = keeping.fees(order)
    row: Row = {
        "orderId": order_id(order),
        "orderLinkId": link_id(order),
        "blockTradeId": "",
        "symbol": symbol.id,
        "price": symbol.price(order.price, market),
        "qty": symbol.quantity(order.quantity, market),
        "side": side_word(order.side),
        "isLeverage": "0" if market == "spot" else "",
        "positionIdx": 0,
        "orderStatus": status_word(order),
        "cancelType": cancel_type,
        "rejectReason": reject_reason,
        "avgPrice": "" if order.average is None else average(order.average),
        "leavesQty": symbol.quantity(leaves, market),
        "leavesValue": amount(leaves * order.price),
        "cumExecQty": symbol.quantity(order.filled, market),
        "cumExecValue": amount(order.cum_quote),
        "cumExecFee": amount(sum(fees.values(), ZERO)),
        "cumFeeDetail": {coin: amount(fee) for coin, fee in fees.items()},
        "timeInForce": _FORCE_WORDS[order.time_in_force],
        "orderType": "Limit",
        "stopOrderType": "",
        "orderIv": "",
        "triggerPrice": "",
        "takeProfit": "",
        "stopLoss": "",
        "tpTriggerBy": "",
        "slTriggerBy": "",
        "triggerDirection": 0,
        "triggerBy": "",
        "lastPriceOnCreated": symbol.price(keeping.last_price(order), market),
        "reduceOnly": order.reduce_only,
        "closeOnTrigger": False,
        "smpType": "None",
        "smpGroup": 0,
        "smpOrderId": "",
        "tpLimitPrice": "",
        "slLimitPrice": "",
        "placeType": "",
        "createdTime": str(order.created_at),
        "updatedTime": str(order.updated_at),
    }
    if market == "perp":
        row |= {"tpslMode": "", "createType": create_type(order)}
    return row


def create_type(order: PaperOrder | PaperFill) -> str:
    """Who made a contract's order."""
    return _CREATE_TYPES[execution_type(order)]


def execution_row(execution: Execution, symbol: Symbol) -> Row:
    """A fill or a funding settlement in the list of executions."""
    return _funded(execution, symbol) if isinstance(execution, Funded) else _traded(execution, symbol)


def _traded(traded: Traded, symbol: Symbol) -> Row:
    fill = traded.fill
    market, instrument, kind = fill.market, symbol.instrument, execution_type(fill)
    rate = spot_fee(instrument) if market == "spot" else perp_fee(instrument, maker=fill.maker)
    row: Row = {
        "symbol": symbol.id,
        "orderId": uuid_of(ORDER, fill.order_id),
        "orderLinkId": link_id(fill),
        "side": side_word(fill.side),
        "orderPrice": symbol.price(traded.order_price, market),
        "orderQty": symbol.quantity(traded.quantity, market),
        "leavesQty": symbol.quantity(traded.leaves, market),
        "orderType": "Limit",
        "stopOrderType": "",
        "execFee": amount(fill.fee),
        "execId": uuid_of("execution", fill.trade_id),
        "execPrice": symbol.price(fill.price, market),
        "execQty": symbol.quantity(fill.quantity, market),
        "execType": kind,
        "execValue": amount(fill.price * fill.quantity),
        "execTime": str(fill.at),
        "feeCurrency": fill.fee_currency,
        "isMaker": fill.maker,
        "feeRate": amount(rate if kind == "Trade" else ZERO),
        "tradeIv": "",
        "markIv": "",
        "markPrice": amount(traded.mark),
        "indexPrice": amount(traded.index),
        "underlyingPrice": "",
        "blockTradeId": "",
        "closedSize": symbol.quantity(traded.closed, market),
        "seq": fill.trade_id,
    }
    if market == "perp":
        row["createType"] = create_type(fill)
    return row


def _funded(funded: Funded, symbol: Symbol) -> Row:
    """`execFee` is positive when the account paid, which is the opposite of the transaction log's sign."""
    row = funded.row
    size = abs(row.quantity)
    return {
        "symbol": symbol.id,
        "orderId": uuid_of("funding order", row.id),
        "orderLinkId": "",
        "side": side_word(Side.BUY if row.quantity > 0 else Side.SELL),
        "orderPrice": "0",
        "orderQty": "0",
        "leavesQty": "0",
        "createType": "",
        "orderType": "UNKNOWN",
        "stopOrderType": "UNKNOWN",
        "execFee": amount(-row.amount),
        "execId": uuid_of("funding", row.id),
        "execPrice": symbol.price(row.mark),
        "execQty": symbol.quantity(size),
        "execType": "Funding",
        "execValue": amount(size * row.mark),
        "execTime": str(row.at),
        "feeCurrency": SETTLE,
        "isMaker": False,
        "feeRate": amount(row.rate),
        "tradeIv": "",
        "markIv": "",
        "markPrice": amount(row.mark),
        "indexPrice": amount(funded.index),
        "underlyingPrice": "",
        "blockTradeId": "",
        "closedSize": symbol.quantity(ZERO),
        "seq": row.id,
    }


def average(value: Decimal) -> str:
    """An average price: eight decimals at most."""
    return amount(round(value, 8))
