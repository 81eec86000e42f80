"""What Binance's spot user stream says of each thing that happens to the account.

Shapes: developers.binance.com "Spot / User Data Streams".
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.core.money import ZERO
from bot.core.times import Millis
from bot.paper.events import BalanceMoved, Change, Event, Filled, OrderChanged
from bot.paper.records import PaperFill, PaperOrder
from bot.testnet.binance.markets import Markets
from bot.testnet.binance.shapes import cancel_id
from bot.testnet.numbers import Row, money
from bot.testnet.options import SETTLE

_EXECUTIONS = {Change.PLACED: "NEW", Change.AMENDED: "REPLACED", Change.CANCELED: "CANCELED",
               Change.EXPIRED: "EXPIRED"}


class SpotUser:
    """Turns events into frames: the order first, then the balances that it may have moved."""

    def __init__(self, markets: Markets) -> None:
        self._markets = markets
        self._wallets = markets.world.exchange.wallets

    def frames(self, event: Event) -> list[Row]:
        """The frames of one event; none for what happens on the perpetuals."""
        match event:
            case OrderChanged(order=order, change=change, at=at) if order.market == "spot":
                return [self._order(order, _EXECUTIONS[change], at), self._balances((order.asset, SETTLE), at)]
            case Filled(order=order, fill=fill, position=None, at=at):
                return [self._order(order, "TRADE", at, fill), self._balances((order.asset, SETTLE), at)]
            case BalanceMoved(coin=coin, spot=amount, at=at) if amount:
                moved: Row = {"e": "balanceUpdate", "E": at, "a": coin, "d": money(amount), "T": at}
                return [moved, self._balances((coin,), at)]
        return []

    def _balances(self, coins: Iterable[str], at: Millis) -> Row:
        rows = [{"a": coin, "f": money(self._wallets.free(coin)), "l": money(self._wallets.locked.get(coin, ZERO))}
                for coin in coins]
        return {"e": "outboundAccountPosition", "E": at, "u": at, "B": rows}

    def _order(self, order: PaperOrder, execution: str, at: Millis, fill: PaperFill | None = None) -> Row:
        maker_only, cancelled = order.time_in_force == "GTX", execution == "CANCELED"
        last, price = (ZERO, ZERO) if fill is None else (fill.quantity, fill.price)
        return {
            "e": "executionReport",
            "E": at,
            "s": self._markets.by_asset[order.asset].id,
            "c": cancel_id(order) if cancelled else order.client_order_id,
            "S": order.side.upper(),
            "o": "LIMIT_MAKER" if maker_only else "LIMIT",
            "f": "GTC" if maker_only else order.time_in_force,
            "q": money(order.quantity),
            "p": money(order.price),
            "P": money(ZERO),
            "F": money(ZERO),
            "g": -1,
            "C": order.client_order_id if cancelled else "",
            "x": execution,
            "X": order.status,
            "r": "NONE",
            "i": order.order_id,
            "l": money(last),
            "z": money(order.filled),
            "L": money(price),
            "n": "0" if fill is None else money(fill.fee),
            "N": None if fill is None else fill.fee_currency,
            "T": at,
            "t": -1 if fill is None else fill.trade_id,
            "I": order.order_id,
            "w": order.open,
            "m": fill is not None and fill.maker,
            "M": False,
            "O": order.created_at,
            "Z": money(order.cum_quote),
            "Y": money(last * price),
            "Q": money(ZERO),
            "W": order.created_at,
            "V": "NONE",
        }
