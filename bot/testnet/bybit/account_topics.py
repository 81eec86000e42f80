"""Bybit's private topics: what each thing that happens to the account becomes on order, execution, position, wallet.

Fields: bybit-exchange.github.io/docs/v5/websocket/private. The position is told after every change of an order on its
symbol, moved or not, as Bybit does.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.core.market import Asset
from bot.paper.events import BalanceMoved, Event, Filled, FundingSettled, LeverageSet, OrderChanged
from bot.paper.records import PaperOrder
from bot.testnet.bybit.keeping import Keeping
from bot.testnet.bybit.markets import Markets
from bot.testnet.bybit.order_shapes import execution_row, order_row
from bot.testnet.bybit.positions import Positions
from bot.testnet.bybit.shapes import category_of
from bot.testnet.bybit.wallet import WalletPage
from bot.testnet.numbers import Row
from bot.testnet.options import SETTLE

TOPICS = ("order", "execution", "position", "wallet")
CATEGORIES = ("linear", "spot", "inverse", "option")
_NOT_PUSHED = {"order": ("isLeverage", "cumFeeDetail"), "execution": ("createType", "feeCurrency")}


class AccountTopics:
    """Turns events into (topic, category, rows); the wallet has no category. `keeping` has heard the event before."""

    def __init__(self, markets: Markets, keeping: Keeping, positions: Positions, wallet: WalletPage) -> None:
        self._markets = markets
        self._keeping = keeping
        self._positions = positions
        self._wallet = wallet

    def told(self, event: Event) -> Iterator[tuple[str, str, list[Row]]]:
        """What is to be sent, in order."""
        match event:
            case OrderChanged(order=order):
                yield self._order(order)
                if order.market == "perp":
                    yield self._position(order.asset)
            case Filled(order=order):
                yield self._order(order)
                yield self._execution(order.asset, category_of(order.market))
                if order.market == "perp":
                    yield self._position(order.asset)
            case FundingSettled(row=row):
                yield self._execution(row.asset, "linear")
                yield self._position(row.asset)
            case LeverageSet(asset=asset):
                yield self._position(asset)
                return
            case BalanceMoved():
                pass
            case _:
                return
        yield "wallet", "", [self._wallet.account()]

    def _order(self, order: PaperOrder) -> tuple[str, str, list[Row]]:
        row = order_row(order, self._markets.of(order.asset), self._keeping)
        category = category_of(order.market)
        fee_coin = order.asset if order.market == "spot" and order.side.sign > 0 else SETTLE
        pushed = {"category": category, **_pushed("order", row), "feeCurrency": fee_coin}
        return "order", category, [pushed]

    def _execution(self, asset: Asset, category: str) -> tuple[str, str, list[Row]]:
        row = execution_row(self._keeping.executions[-1], self._markets.of(asset))
        return "execution", category, [{"category": category, **_pushed("execution", row), "isLeverage": "0"}]

    def _position(self, asset: Asset) -> tuple[str, str, list[Row]]:
        rows: list[Row] = []
        for row in self._positions.rows(self._markets.of(asset)):
            more: Row = {"category": "linear", "entryPrice": row["avgPrice"], "sessionAvgPrice": "",
                         "positionIMByMp": row["positionIM"], "positionMMByMp": row["positionMM"]}
            rows.append({**{name: value for name, value in row.items() if name != "avgPrice"}, **more})
        return "position", "linear", rows


def _pushed(topic: str, row: Row) -> Row:
    """The fields of a list's row that the topic has too."""
    return {name: value for name, value in row.items() if name not in _NOT_PUSHED[topic]}
