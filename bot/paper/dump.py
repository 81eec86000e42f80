"""The whole simulated account as plain data: money as strings, instants as integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from bot.core.money import ZERO, plain

if TYPE_CHECKING:
    from bot.paper.exchange import PaperExchange


def dump_exchange(exchange: PaperExchange) -> dict[str, Any]:  # JSON
    """Balances, margin figures, positions, orders, fills, funding, income, liquidations, and totals over them."""
    figures, account = exchange.figures(), exchange.account
    return {
        "now": exchange.now,
        "wallet": exchange.wallets.kind.value,
        "settle": exchange.settle,
        "balances": {
            "spot": _money(exchange.wallets.spot), "futures": _money(exchange.wallets.futures),
            "locked": _money(exchange.wallets.locked),
        },
        "margin": {
            "wallet_balance": plain(figures.wallet_balance), "unrealised": plain(figures.unrealised),
            "equity": plain(figures.equity), "initial_margin": plain(figures.initial_margin),
            "position_margin": plain(figures.position_margin), "order_margin": plain(figures.order_margin),
            "maintenance_margin": plain(figures.maintenance_margin), "available": plain(figures.available),
        },
        "positions": [_position(exchange, asset) for asset in account.held],
        "open_orders": [row(order) for order in exchange.open_orders()],
        "orders": [row(order) for order in exchange.orders.values()],
        "fills": [row(fill) for fill in account.fills],
        "funding": [row(settlement) for settlement in account.funding_rows],
        "income": [row(income) for income in account.income],
        "liquidations": [row(liquidation) for liquidation in account.liquidations],
        "totals": {
            "fees": _money(_fees(exchange)),
            "funding": plain(sum((settlement.amount for settlement in account.funding_rows), ZERO)),
            "realised": plain(sum((fill.realised for fill in account.fills), ZERO)),
            "fills": len(account.fills),
        },
    }


def row(record: object) -> dict[str, object]:
    """One record's fields as plain data; an order also has its average price."""
    data = {field.name: _value(getattr(record, field.name)) for field in fields(record)}  # type: ignore[arg-type] # every record here is a dataclass
    average = getattr(record, "average", None)
    return data if average is None else {**data, "average": plain(average)}


def _value(value: object) -> object:
    if isinstance(value, Decimal):
        return plain(value)
    return value.value if isinstance(value, Enum) else value


def _money(balances: Mapping[str, Decimal]) -> dict[str, str]:
    return {coin: plain(amount) for coin, amount in sorted(balances.items())}


def _fees(exchange: PaperExchange) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for fill in exchange.fills:
        totals[fill.fee_currency] = totals.get(fill.fee_currency, ZERO) + fill.fee
    return totals


def _position(exchange: PaperExchange, asset: str) -> dict[str, object]:
    position, mark = exchange.position(asset), exchange.mark(asset)
    liquidation = exchange.liquidation_price(asset)
    return {
        "asset": asset, "symbol": exchange.instruments[asset].symbol, "quantity": plain(position.quantity),
        "entry": plain(position.entry), "mark": plain(mark), "unrealised": plain(position.unrealised(mark)),
        "leverage": plain(exchange.leverage(asset)),
        "liquidation_price": None if liquidation is None else plain(liquidation),
    }
