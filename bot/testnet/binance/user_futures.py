"""What Binance's USD-M user stream says of each thing that happens to the account.

Shapes: developers.binance.com "USDⓈ-M Futures / User Data Streams".
"""

from __future__ import annotations

from decimal import Decimal

from bot.core.market import Asset, Side
from bot.core.money import ZERO, plain, to_ledger
from bot.core.times import Millis
from bot.paper.account import perp_fee
from bot.paper.events import BalanceMoved, Change, Event, Filled, FundingSettled, LeverageSet, Movement, OrderChanged
from bot.paper.positions import PaperPosition
from bot.paper.records import PaperFill, PaperOrder
from bot.testnet.binance.markets import Markets
from bot.testnet.numbers import Row, fixed, money
from bot.testnet.options import SETTLE

_EXECUTIONS = {Change.PLACED: "NEW", Change.AMENDED: "AMENDMENT", Change.CANCELED: "CANCELED",
               Change.EXPIRED: "EXPIRED"}


class FuturesUser:
    """Turns events into frames. The balance update comes before the order update that caused it, as on Binance."""

    def __init__(self, markets: Markets) -> None:
        self._markets = markets
        self._exchange = markets.world.exchange
        self._realised: dict[Asset, Decimal] = {}
        self._counted = 0

    def frames(self, event: Event) -> list[Row]:
        """The frames of one event; none for what happens on spot."""
        match event:
            case OrderChanged(order=order, change=change, at=at) if order.market == "perp":
                return [self._order(order, _EXECUTIONS[change], at)]
            case Filled(order=order, fill=fill, position=PaperPosition() as position, liquidation=liquidation, at=at):
                execution = "CALCULATED" if liquidation else "TRADE"
                money_first = self._account("ORDER", at, position=(order.asset, position))
                return [money_first, self._order(order, execution, at, fill)]
            case FundingSettled(row=row, at=at):
                return [self._account("FUNDING_FEE", at, change=row.amount)]
            case BalanceMoved(why=why, coin=coin, futures=amount, at=at) if amount:
                return [self._account(_reason(why, amount), at, change=amount, coin=coin)]
            case LeverageSet(asset=asset, leverage=leverage, at=at):
                setting = {"s": self._markets.by_asset[asset].id, "l": int(leverage)}
                return [{"e": "ACCOUNT_CONFIG_UPDATE", "E": at, "T": at, "ac": setting}]
        return []

    def _account(self, reason: str, at: Millis, *, change: Decimal = ZERO, coin: str = SETTLE,
                 position: tuple[Asset, PaperPosition] | None = None) -> Row:
        """`change`: what moved the balance besides profit and commission. Cross funding names no position."""
        balance = money(self._exchange.wallets.futures.get(coin, ZERO))
        return {
            "e": "ACCOUNT_UPDATE",
            "T": at,
            "E": at,
            "a": {
                "m": reason,
                "B": [{"a": coin, "wb": balance, "cw": balance, "bc": plain(change)}],
                "P": [] if position is None else [self._position(*position)],
            },
        }

    def _position(self, asset: Asset, position: PaperPosition) -> Row:
        symbol = self._markets.by_asset[asset]
        rate = perp_fee(symbol.instrument, maker=False)
        even = position.entry * (1 + rate if position.quantity > 0 else 1 - rate)
        return {
            "s": symbol.id,
            "pa": symbol.quantity(position.quantity),
            "ep": plain(to_ledger(position.entry)),
            "bep": plain(to_ledger(even)),
            "cr": plain(self._realised_on(asset)),
            "up": money(position.unrealised(self._exchange.mark(asset))),
            "mt": "cross",
            "iw": "0",
            "ps": "BOTH",
            "ma": SETTLE,
        }

    def _realised_on(self, asset: Asset) -> Decimal:
        """Σ realised profit on the coin's perpetual, before fees; each fill is added once."""
        fills = self._exchange.fills
        for fill in fills[self._counted:]:
            self._realised[fill.asset] = self._realised.get(fill.asset, ZERO) + fill.realised
        self._counted = len(fills)
        return self._realised.get(asset, ZERO)

    def _order(self, order: PaperOrder, execution: str, at: Millis, fill: PaperFill | None = None) -> Row:
        symbol = self._markets.by_asset[order.asset]
        bids, asks = self._resting(order.asset)
        commission = {} if fill is None else {"N": fill.fee_currency, "n": money(fill.fee)}
        return {
            "e": "ORDER_TRADE_UPDATE",
            "T": at,
            "E": at,
            "o": {
                "s": symbol.id,
                "c": order.client_order_id,
                "S": order.side.upper(),
                "o": "LIQUIDATION" if execution == "CALCULATED" else "LIMIT",
                "f": order.time_in_force,
                "q": symbol.quantity(order.quantity),
                "p": symbol.price(order.price),
                "ap": fixed(order.average or ZERO, 5),
                "sp": "0",
                "x": execution,
                "X": order.status,
                "i": order.order_id,
                "l": symbol.quantity(ZERO if fill is None else fill.quantity),
                "z": symbol.quantity(order.filled),
                "L": symbol.price(ZERO if fill is None else fill.price),
                **commission,
                "T": at,
                "t": 0 if fill is None else fill.trade_id,
                "b": plain(bids),
                "a": plain(asks),
                "m": fill is not None and fill.maker,
                "R": order.reduce_only,
                "wt": "CONTRACT_PRICE",
                "ot": "LIMIT",
                "ps": "BOTH",
                "cp": False,
                "rp": money(ZERO if fill is None else fill.realised),
                "pP": False,
                "si": 0,
                "ss": 0,
                "V": "NONE",
                "pm": "NONE",
                "gtd": 0,
            },
        }

    def _resting(self, asset: Asset) -> tuple[Decimal, Decimal]:
        """Notional of the open bids and asks on the coin."""
        bids = asks = ZERO
        for order in self._exchange.open_orders("perp", asset):
            if order.side is Side.BUY:
                bids += order.remaining * order.price
            else:
                asks += order.remaining * order.price
        return bids, asks


def _reason(why: Movement, amount: Decimal) -> str:
    if why is Movement.INSURANCE:
        return "INSURANCE_CLEAR"
    return "DEPOSIT" if amount > 0 else "WITHDRAW"
