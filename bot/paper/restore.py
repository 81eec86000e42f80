"""A paper account out of a journal: the balances it began with, and everything that was booked since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.core.market import Asset, Instrument
from bot.core.money import ZERO
from bot.core.orders import Fill, FundingPayment, OrderRecord, TimeInForce
from bot.paper.exchange import PaperExchange
from bot.paper.markets import market_of
from bot.paper.records import IncomeKind, MarketName, OrderStatus, PaperFill, PaperOrder
from bot.ports import Balances


@dataclass(frozen=True, slots=True)
class Past:
    """What a journal remembers of a paper account.

    `orders`: those that are live or unresolved by the journal; `last_order_id`: the highest that any report named.
    """

    balances: Balances
    fills: tuple[Fill, ...] = ()
    funding: tuple[FundingPayment, ...] = ()
    orders: tuple[OrderRecord, ...] = ()
    last_order_id: int = 0


def restore(exchange: PaperExchange, past: Past) -> None:
    """Bring a fresh exchange, made with `past.balances`, to where the journal left it.

    What the exchange had done but the journal did not learn of (a crash between the two) has not happened: an order
    without a report was never accepted, a fill that was not booked is still to come.
    """
    listed = exchange.instruments
    fills = sorted((_fill(fill, listed) for fill in past.fills), key=lambda fill: fill.trade_id)
    orders = [order for record in past.orders if (order := _order(record, fills, listed)) is not None]
    last = max([past.last_order_id, *(fill.order_id for fill in fills), *(order.order_id for order in orders)])
    exchange.restore(orders, fills, last_order_id=last)
    for payment in past.funding:
        exchange.account.credit(IncomeKind.FUNDING_FEE, payment.symbol, payment.amount, payment.at)


def _traded(symbol: str, listed: Mapping[Asset, Instrument]) -> tuple[MarketName, Asset]:
    """Market and coin; of one that is no longer listed by its name: 'BTC/USDT' is spot, 'BTC/USDT:USDT' is not."""
    found = market_of(symbol, listed)
    if found is not None:
        return found
    coin, slash, quote = symbol.partition("/")
    return ("spot", coin) if slash and ":" not in quote else ("perp", symbol)


def _fill(fill: Fill, listed: Mapping[Asset, Instrument]) -> PaperFill:
    market, asset = _traded(fill.symbol, listed)
    return PaperFill(
        trade_id=int(fill.trade_id), order_id=int(fill.order_id), client_order_id=fill.client_order_id or "",
        symbol=fill.symbol, asset=asset, market=market, side=fill.side,
        quantity=fill.quantity, price=fill.price, fee=fill.fee, fee_currency=fill.fee_currency,
        realised=fill.realised, maker=fill.maker, at=fill.at,
    )


def _order(
    record: OrderRecord, fills: Sequence[PaperFill], listed: Mapping[Asset, Instrument],
) -> PaperOrder | None:
    """The order as the exchange had it; None for an intent that, by the journal, never reached it."""
    intent = record.intent
    mine = [fill for fill in fills if fill.client_order_id == intent.client_order_id]
    if record.order_id is None and not mine:
        return None
    filled = sum((fill.quantity for fill in mine), ZERO)
    return PaperOrder(
        order_id=int(record.order_id) if record.order_id is not None else mine[0].order_id,
        client_order_id=intent.client_order_id, symbol=intent.symbol, asset=intent.asset,
        market=_traded(intent.symbol, listed)[0], side=intent.side,
        price=record.price if record.price is not None else intent.price, quantity=intent.quantity,
        time_in_force=intent.time_in_force, reduce_only=intent.reduce_only, created_at=intent.created_at,
        updated_at=max([record.changed_at, *(fill.at for fill in mine)]), filled=filled,
        cum_quote=sum((fill.quantity * fill.price for fill in mine), ZERO),
        status=_status(intent.time_in_force, intent.quantity, filled), queue_ahead=None,
    )


def _status(time_in_force: TimeInForce, quantity: Decimal, filled: Decimal) -> OrderStatus:
    if filled == quantity:
        return OrderStatus.FILLED
    if time_in_force is TimeInForce.IOC:
        return OrderStatus.EXPIRED
    return OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.NEW
