"""What Bybit remembers of orders, executions and positions beyond the simulated account's own records.

It listens to the account from the story's first instant on, and so has for every execution the mark at which it
happened, what was left of the order and how much of the position it closed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import TypeAlias

from bot.core.money import ZERO
from bot.core.times import Millis
from bot.paper.events import Change, Event, Filled, FundingSettled, OrderChanged
from bot.paper.exchange import ADL_PREFIX, LIQUIDATION_PREFIX, SETTLEMENT_PREFIX
from bot.paper.records import FundingRow, MarketName, PaperFill, PaperOrder
from bot.testnet.bybit.markets import Markets
from bot.testnet.bybit.shapes import uuid_of

ORDER = "order"
"""The kind of our numbers of which orders' ids are made."""
EXECUTION_TYPES: Mapping[str, str] = MappingProxyType({
    LIQUIDATION_PREFIX: "BustTrade", ADL_PREFIX: "AdlTrade", SETTLEMENT_PREFIX: "Settle",
})
"""The execType of orders that the exchange placed itself, by how their client ids begin."""
RECENT = 500
"""How many ended orders Bybit shows beside the open ones."""
NEVER_TRADED = -1
"""The `seq` of a position on a symbol that was never traded."""


@dataclass(frozen=True, slots=True)
class Traded:
    """One fill. `leaves` was left of the order, which was `quantity` large; `closed` came off a position."""

    fill: PaperFill
    mark: Decimal
    index: Decimal
    order_price: Decimal
    quantity: Decimal
    leaves: Decimal
    closed: Decimal


@dataclass(frozen=True, slots=True)
class Funded:
    """One funding settlement."""

    row: FundingRow
    index: Decimal


Execution: TypeAlias = Traded | Funded


@dataclass(slots=True)
class PositionPast:
    """What a symbol's position has earned: fills with their fees and funding, ever and since it was last opened."""

    created_at: Millis
    updated_at: Millis
    seq: int = NEVER_TRADED
    realised: Decimal = ZERO
    realised_ever: Decimal = ZERO

    def earn(self, amount: Decimal, at: Millis) -> None:
        """Count an amount that was booked."""
        self.realised += amount
        self.realised_ever += amount
        self.updated_at = at


@dataclass(slots=True)
class _OrderPast:
    last_price: Decimal
    fees: dict[str, Decimal] = field(default_factory=dict)


class Keeping:
    """Orders by the ids that clients know, executions oldest first, and each position's past."""

    def __init__(self, markets: Markets) -> None:
        self._markets = markets
        self._exchange = markets.world.exchange
        self.executions: list[Execution] = []
        self.positions = {
            asset: PositionPast(markets.feed.start, markets.feed.start) for asset in self._exchange.instruments
        }
        self._numbers: dict[str, int] = {}
        self._links: dict[tuple[MarketName, str], int] = {}
        self._pasts: dict[int, _OrderPast] = {}
        self._ended: deque[int] = deque(maxlen=RECENT)
        self._exchange.events.listen(self._hear)

    # --- looking up ---

    def by_id(self, market: MarketName, order_id: str) -> PaperOrder | None:
        """The order with Bybit's id."""
        return self._order(market, self._numbers.get(order_id))

    def by_link(self, market: MarketName, link: str) -> PaperOrder | None:
        """The order with the client's id, open or ended: it is never given twice."""
        return self._order(market, self._links.get((market, link)))

    def _order(self, market: MarketName, number: int | None) -> PaperOrder | None:
        order = None if number is None else self._exchange.orders[number]
        return order if order is not None and order.market == market else None

    def recently_ended(self, market: MarketName) -> list[PaperOrder]:
        """Ended orders that are still shown beside the open ones, newest first (by their placing)."""
        found = [order for number in self._ended if (order := self._order(market, number)) is not None]
        return sorted(found, key=lambda order: -order.order_id)

    def last_price(self, order: PaperOrder) -> Decimal:
        """The market's last price when the order was placed."""
        return self._pasts[order.order_id].last_price

    def fees(self, order: PaperOrder) -> Mapping[str, Decimal]:
        """What its fills have cost so far, by coin."""
        return self._pasts[order.order_id].fees

    # --- listening ---

    def _hear(self, event: Event) -> None:
        if isinstance(event, OrderChanged):
            if event.change is Change.PLACED:
                self._placed(event.order)
            elif not event.order.open:
                self._ended.append(event.order.order_id)
        elif isinstance(event, Filled):
            self._filled(event)
        elif isinstance(event, FundingSettled):
            self._funded(event.row)

    def _placed(self, order: PaperOrder) -> None:
        symbol = self._markets.of(order.asset)
        self._numbers[order_id(order)] = order.order_id
        self._pasts[order.order_id] = _OrderPast(self._markets.last(symbol, order.market))
        if link := link_id(order):
            self._links[order.market, link] = order.order_id

    def _filled(self, event: Filled) -> None:
        fill, order = event.fill, event.order
        state = self._exchange.state(fill.asset)
        closed = ZERO
        if event.position is not None:
            closed = self._position_traded(fill, event.position.quantity)
        self.executions.append(
            Traded(fill, state.mark, state.index, order.price, order.quantity, order.remaining, closed),
        )
        if not order.open:
            self._ended.append(order.order_id)
        fees = self._pasts[fill.order_id].fees
        fees[fill.fee_currency] = fees.get(fill.fee_currency, ZERO) + fill.fee

    def _position_traded(self, fill: PaperFill, after: Decimal) -> Decimal:
        """Take a perpetual fill into the position's past; gives how much of the position it closed."""
        change, past = fill.side.sign * fill.quantity, self.positions[fill.asset]
        before = after - change
        if not before:
            past.created_at, past.realised = fill.at, ZERO
        past.earn(fill.realised - fill.fee, fill.at)
        past.seq = fill.trade_id
        return min(abs(before), fill.quantity) if before * change < 0 else ZERO

    def _funded(self, row: FundingRow) -> None:
        self.executions.append(Funded(row, self._exchange.state(row.asset).index))
        self.positions[row.asset].earn(row.amount, row.at)


def order_id(order: PaperOrder) -> str:
    """The id that Bybit gives it."""
    return uuid_of(ORDER, order.order_id)


def link_id(order: PaperOrder | PaperFill) -> str:
    """The client's own id; '' where the client gave none and where the exchange itself placed the order."""
    link, number = order.client_order_id, order.order_id
    ours = (f"paper_{number}", *(f"{prefix}{number}" for prefix in EXECUTION_TYPES))
    return "" if link in ours else link


def execution_type(order: PaperOrder | PaperFill) -> str:
    """'Trade', or what the exchange did to the position."""
    return next((kind for prefix, kind in EXECUTION_TYPES.items()
                 if order.client_order_id == f"{prefix}{order.order_id}"), "Trade")
