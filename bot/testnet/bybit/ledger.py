"""Every movement of the unified wallet (`/v5/account/transaction-log`).

`change = cashFlow + funding − fee`: `funding` is positive when received, `fee` positive when paid. `size` is the
position after a trade, negative when short. A spot trade is two rows, one for each coin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from bot.core.market import Asset, Side
from bot.core.money import ZERO, plain
from bot.core.times import DAY, Millis
from bot.paper.account import perp_fee, spot_fee
from bot.paper.events import BalanceMoved, Event, Filled, FundingSettled
from bot.paper.events import Movement as Why
from bot.paper.exchange import ADL_PREFIX, LIQUIDATION_PREFIX, SETTLEMENT_PREFIX
from bot.paper.records import FundingRow, PaperFill
from bot.testnet.bybit.endpoint import Endpoint, Table
from bot.testnet.bybit.errors import ApiError
from bot.testnet.bybit.markets import Markets
from bot.testnet.bybit.paging import page, window
from bot.testnet.bybit.params import Params
from bot.testnet.bybit.settings import AccountSettings
from bot.testnet.bybit.shapes import USER_ID, category_of, side_word, uuid_of
from bot.testnet.numbers import Row
from bot.testnet.options import SETTLE

_KINDS: Mapping[str, str] = MappingProxyType(
    {LIQUIDATION_PREFIX: "LIQUIDATION", ADL_PREFIX: "ADL", SETTLEMENT_PREFIX: "DELIVERY"},
)
"""What a trade is called that the exchange made itself, by how its client id begins."""


_MOVED: Mapping[Why, str] = MappingProxyType({
    Why.DEPOSIT: "TRANSFER_IN", Why.WITHDRAW: "TRANSFER_OUT", Why.TRANSFER: "TRANSFER_IN", Why.INSURANCE: "BONUS",
})
"""What a movement is called that is neither trade nor funding. A unified wallet has no transfers of its own."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One change of one coin's balance. `base`: the coin on whose market it came about ('' for none)."""

    at: Millis
    kind: str
    category: str
    coin: str
    base: Asset
    change: Decimal


@dataclass(frozen=True, slots=True)
class Entry:
    """A movement as it is shown. `after`: all changes of the coin up to and with this one."""

    number: int
    movement: Movement
    after: Decimal
    row: Row


class Ledger:
    """The signed endpoint that reads the account's movements; it listens to them from the story's first instant on."""

    def __init__(self, markets: Markets, settings: AccountSettings) -> None:
        self._markets = markets
        self._settings = settings
        self._exchange = markets.world.exchange
        self._entries: list[Entry] = []
        self._changes: dict[str, Decimal] = {}
        self._positions: dict[Asset, Decimal] = {}
        self._exchange.events.listen(self._hear)

    def table(self) -> Table:
        """Endpoints by method and path."""
        return {("GET", "/v5/account/transaction-log"): Endpoint(self.transactions, 25)}

    def transactions(self, params: Params) -> Row:
        """Movements, newest first: the last day unless a window is named, of a week at most."""
        if params.text("accountType") not in (None, "UNIFIED"):
            raise ApiError(10001, message="accountType only support UNIFIED.")
        wanted = {
            "kind": params.text("type"), "category": params.text("category"), "coin": params.text("currency"),
            "base": params.text("baseCoin"),
        }
        first, last = window(params, self._markets.world.now(), DAY)
        found = []
        known = self._markets.world.now() - self._settings.funding_delay
        for entry in reversed(self._entries):
            movement = entry.movement
            if movement.at < first:
                break
            if movement.kind == "SETTLEMENT" and movement.at > known:
                continue
            if movement.at <= last and all(value in (None, getattr(movement, name)) for name, value in wanted.items()):
                found.append(entry)
        shown, cursor = page(found, lambda entry: entry.number, params, 20, 50)
        return {"nextPageCursor": cursor, "list": [self._shown(entry) for entry in shown]}

    def _shown(self, entry: Entry) -> Row:
        coin = entry.movement.coin
        since = self._changes[coin] - entry.after
        return {**entry.row, "cashBalance": plain(self._exchange.wallets.spot.get(coin, ZERO) - since)}

    # --- listening ---

    def _hear(self, event: Event) -> None:
        if isinstance(event, FundingSettled):
            self._settlement(event.row)
        elif isinstance(event, BalanceMoved):
            moved = event.spot + event.futures
            self._write(Movement(event.at, _MOVED[event.why], "", event.coin, "", moved), {"cashFlow": plain(moved)})
        elif isinstance(event, Filled):
            if event.fill.market == "perp":
                self._perpetual(event.fill)
            else:
                self._spot(event.fill)

    def _settlement(self, settled: FundingRow) -> None:
        name, symbol = uuid_of("funding", settled.id), self._markets.of(settled.asset)
        side = Side.BUY if settled.quantity > 0 else Side.SELL
        self._write(Movement(settled.at, "SETTLEMENT", "linear", SETTLE, settled.asset, settled.amount), {
            "symbol": symbol.id,
            "side": side_word(side),
            "funding": plain(settled.amount),
            "orderId": uuid_of("funding order", settled.id),
            "feeRate": plain(settled.rate),
            "size": plain(settled.quantity),
            "qty": plain(abs(settled.quantity)),
            "tradePrice": plain(settled.mark),
            "tradeId": name,
        })

    def _perpetual(self, fill: PaperFill) -> None:
        held = self._positions.get(fill.asset, ZERO) + fill.side.sign * fill.quantity
        self._positions[fill.asset] = held
        rate = perp_fee(self._markets.of(fill.asset).instrument, maker=fill.maker) if fill.fee else ZERO
        self._trade(fill, SETTLE, flow=fill.realised, fee=fill.fee, rate=rate, held=held)

    def _spot(self, fill: PaperFill) -> None:
        sign, rate = fill.side.sign, spot_fee(self._markets.of(fill.asset).instrument)
        for coin, flow in ((fill.asset, sign * fill.quantity), (SETTLE, -sign * fill.quantity * fill.price)):
            fee = fill.fee if coin == fill.fee_currency else ZERO
            self._trade(fill, coin, flow=flow, fee=fee, rate=rate if fee else ZERO, held=ZERO)

    def _trade(
        self, fill: PaperFill, coin: str, *, flow: Decimal, fee: Decimal, rate: Decimal, held: Decimal,
    ) -> None:
        link, number = fill.client_order_id, str(fill.order_id)
        kind = next((kind for begin, kind in _KINDS.items() if link == begin + number), "TRADE")
        self._write(Movement(fill.at, kind, category_of(fill.market), coin, fill.asset, flow - fee), {
            "symbol": self._markets.of(fill.asset).id,
            "side": side_word(fill.side),
            "orderLinkId": "" if kind != "TRADE" or link == f"paper_{number}" else link,
            "orderId": uuid_of("order", fill.order_id),
            "fee": plain(fee),
            "cashFlow": plain(flow),
            "feeRate": plain(rate),
            "size": plain(held),
            "qty": plain(fill.quantity),
            "tradePrice": plain(fill.price),
            "tradeId": uuid_of("execution", fill.trade_id),
        })

    def _write(self, moved: Movement, details: Row) -> None:
        number, coin = len(self._entries) + 1, moved.coin
        after = self._changes[coin] = self._changes.get(coin, ZERO) + moved.change
        row = {
            "transSubType": "", "id": f"{USER_ID}_{details.get('symbol', coin)}_{number}", "symbol": "", "side": "None",
            "funding": "", "orderLinkId": "", "orderId": "", "fee": "0", "cashFlow": "0", "feeRate": "",
            "bonusChange": "", "size": "0", "qty": "0", "tradePrice": "", "tradeId": "", "extraFees": "", **details,
            "change": plain(moved.change), "transactionTime": str(moved.at), "type": moved.kind, "currency": coin,
            "category": moved.category,
        }
        self._entries.append(Entry(number, moved, after, row))
