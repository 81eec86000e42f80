"""Numbers and rows as Binance writes them: prices and quantities as strings of fixed length, ids as integers."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from bot.core.market import Asset, Instrument
from bot.core.money import ZERO, plain
from bot.core.times import Millis
from bot.paper.records import PaperFill, PaperOrder
from bot.testnet.numbers import Row, digits, fixed, money
from bot.testnet.options import SETTLE


@dataclass(frozen=True, slots=True)
class Symbol:
    """One coin's two markets under the name that both have on Binance, with the lengths of their numbers."""

    id: str
    asset: Asset
    instrument: Instrument
    price_places: int
    quantity_places: int

    @classmethod
    def of(cls, asset: Asset, instrument: Instrument, *, before: Symbol | None = None) -> Symbol:
        """The coin against the settle coin. `before`: as it was specified until now; its numbers may still be about."""
        steps = (instrument.price_tick, instrument.amount_step)
        places = (0, 0) if before is None else (before.price_places, before.quantity_places)
        return cls(asset + SETTLE, asset, instrument, *map(max, map(digits, steps), places))

    def price(self, value: Decimal) -> str:
        """A price of the perpetual."""
        return fixed(value, self.price_places)

    def quantity(self, value: Decimal) -> str:
        """A quantity of the perpetual."""
        return fixed(value, self.quantity_places)


def futures_order(order: PaperOrder, symbol: Symbol) -> Row:
    """An order as the futures queries show it."""
    return {
        "orderId": order.order_id,
        "symbol": symbol.id,
        "status": order.status,
        "clientOrderId": order.client_order_id,
        "price": symbol.price(order.price),
        "avgPrice": fixed(order.average or ZERO, 5),
        "origQty": symbol.quantity(order.quantity),
        "executedQty": symbol.quantity(order.filled),
        "cumQuote": plain(order.cum_quote) if order.filled else "0",
        "timeInForce": order.time_in_force,
        "type": "LIMIT",
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": order.side.upper(),
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": "LIMIT",
        "priceMatch": "NONE",
        "selfTradePreventionMode": "NONE",
        "goodTillDate": 0,
        "time": order.created_at,
        "updateTime": order.updated_at,
    }


def futures_ack(order: PaperOrder, symbol: Symbol) -> Row:
    """An order as the reply to placing, amending or cancelling it shows it."""
    row = futures_order(order, symbol)
    del row["time"]
    row["cumQty"] = row["executedQty"]
    return row


def futures_trade(fill: PaperFill, symbol: Symbol) -> Row:
    """An execution on the perpetual."""
    buyer = fill.side.upper() == "BUY"
    return {
        "symbol": symbol.id,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "side": "BUY" if buyer else "SELL",
        "price": symbol.price(fill.price),
        "qty": symbol.quantity(fill.quantity),
        "realizedPnl": money(fill.realised),
        "quoteQty": plain(fill.price * fill.quantity),
        "commission": money(fill.fee),
        "commissionAsset": fill.fee_currency,
        "time": fill.at,
        "positionSide": "BOTH",
        "buyer": buyer,
        "maker": fill.maker,
    }


def spot_order(order: PaperOrder, symbol: Symbol) -> Row:
    """An order as the spot queries show it."""
    maker_only = order.time_in_force == "GTX"
    return {
        "symbol": symbol.id,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "price": money(order.price),
        "origQty": money(order.quantity),
        "executedQty": money(order.filled),
        "cummulativeQuoteQty": money(order.cum_quote),
        "status": order.status,
        "timeInForce": "GTC" if maker_only else order.time_in_force,
        "type": "LIMIT_MAKER" if maker_only else "LIMIT",
        "side": order.side.upper(),
        "stopPrice": money(ZERO),
        "icebergQty": money(ZERO),
        "time": order.created_at,
        "updateTime": order.updated_at,
        "isWorking": True,
        "workingTime": order.created_at,
        "origQuoteOrderQty": money(ZERO),
        "selfTradePreventionMode": "NONE",
    }


_QUERY_ONLY = ("stopPrice", "icebergQty", "time", "updateTime", "isWorking")


_ACKNOWLEDGED = ("symbol", "orderId", "orderListId", "clientOrderId", "transactTime")


def spot_placed(order: PaperOrder, symbol: Symbol, fills: list[PaperFill], reply: str) -> Row:
    """The reply to a new order: ACK (that it is there), RESULT (how it stands), FULL (with its executions)."""
    row = {key: value for key, value in spot_order(order, symbol).items() if key not in _QUERY_ONLY}
    row["transactTime"] = order.created_at
    if reply == "ACK":
        return {key: row[key] for key in _ACKNOWLEDGED}
    if reply == "RESULT":
        return row
    row["fills"] = [
        {"price": money(fill.price), "qty": money(fill.quantity), "commission": money(fill.fee),
         "commissionAsset": fill.fee_currency, "tradeId": fill.trade_id}
        for fill in fills
    ]
    return row


def cancel_id(order: PaperOrder) -> str:
    """What Binance calls the cancellation of a spot order that was given no name of its own."""
    return f"testnet_cancel_{order.order_id}"


def spot_cancelled(order: PaperOrder, symbol: Symbol, now: Millis, name: str | None = None) -> Row:
    """The reply to a cancellation. It has a client id too, and names the order's as the original one."""
    row = {key: value for key, value in spot_order(order, symbol).items()
           if key not in (*_QUERY_ONLY, "workingTime")}
    row["clientOrderId"] = name or cancel_id(order)
    row["origClientOrderId"] = order.client_order_id
    row["transactTime"] = now
    return row


def spot_trade(fill: PaperFill, symbol: Symbol) -> Row:
    """An execution on the spot market."""
    return {
        "symbol": symbol.id,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": -1,
        "price": money(fill.price),
        "qty": money(fill.quantity),
        "quoteQty": money(fill.price * fill.quantity),
        "commission": money(fill.fee),
        "commissionAsset": fill.fee_currency,
        "time": fill.at,
        "isBuyer": fill.side.upper() == "BUY",
        "isMaker": fill.maker,
        "isBestMatch": True,
    }
