"""The order desk: accepts, works, amends and ends the account's orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from bot.core.market import Asset, Instrument, Side
from bot.core.money import ZERO, plain
from bot.core.orders import TimeInForce
from bot.paper.account import Account
from bot.paper.books import other_side
from bot.paper.events import Change, OrderChanged
from bot.paper.markets import Markets
from bot.paper.matching import queue_ahead, resting_fills, walk, would_cross
from bot.paper.means import check_means
from bot.paper.records import Ending, MarketName, OrderStatus, PaperOrder, PaperReject, RejectCode
from bot.paper.rules import MAX_OPEN_ORDERS, check_band, check_notional, check_steps

_SIDES = tuple(Side)


class OrderDesk:
    """All orders of one account by id, and those that rest. Every method acts at the markets' present instant."""

    def __init__(self, account: Account, markets: Markets, price_band: Decimal | None, *,
                 margined: bool = True) -> None:
        self.orders: dict[int, PaperOrder] = {}
        self.open: list[PaperOrder] = []
        self.last_order_id = 0
        self._newest: dict[tuple[MarketName, str, str], PaperOrder] = {}
        self._account = account
        self._markets = markets
        self._band = price_band
        self._margined = margined

    # --- what the user asks ---

    def place(self, market: MarketName, asset: Asset, side: Side, quantity: Decimal, price: Decimal, *,
              time_in_force: TimeInForce, reduce_only: bool, client_order_id: str,
              accept_crossing: bool = False) -> PaperOrder:
        """Accept a limit order, trade what is marketable, rest or end the remainder. Raises PaperReject.

        A post-only order that would cross is refused, or with `accept_crossing` accepted and cancelled at once.
        """
        instrument = self.instrument(asset)
        self._check_limits(instrument, market, side, quantity, price, reduce_only=reduce_only)
        order = self._new_order(
            instrument, market, side, quantity, price, time_in_force=time_in_force, reduce_only=reduce_only,
            client_order_id=client_order_id,
        )
        crosses = order.time_in_force is TimeInForce.GTX and self._crosses(order, price)
        self._check_place(order, crosses=crosses and not accept_crossing)
        self._register(order)
        self.open.append(order)
        if market == "spot":
            self._account.lock_spot(order, +1)
        self._tell(order, Change.PLACED)
        if crosses:
            self._end(order, OrderStatus.CANCELED, Ending.POST_ONLY)
        else:
            self._work(order)
        return order

    def cancel(self, order: PaperOrder, ending: Ending = Ending.USER) -> PaperOrder:
        """Withdraw a resting order. Raises PaperReject when it has ended already."""
        self._check_open(order)
        self._end(order, OrderStatus.CANCELED, ending)
        return order

    def amend(self, order: PaperOrder, price: Decimal, quantity: Decimal) -> PaperOrder:
        """Move a resting order, keeping its filled part. Raises PaperReject."""
        self._check_open(order)
        if (price, quantity) == (order.price, order.quantity):
            raise PaperReject(RejectCode.NO_CHANGE)
        self._check_limits(
            self.instrument(order.asset), order.market, order.side, quantity, price, reduce_only=order.reduce_only,
        )
        if quantity <= order.filled:
            self._end(order, OrderStatus.CANCELED, Ending.FILLED_BEFORE)
            return order
        if order.time_in_force is TimeInForce.GTX and self._crosses(order, price):
            self._end(order, OrderStatus.CANCELED, Ending.POST_ONLY)
            return order
        moved = replace(order, price=price, quantity=quantity)
        if self._margined:
            check_means(self._account, self._markets, self.open, moved, instead_of=order)
        back_of_queue = price != order.price or quantity > order.quantity
        if order.market == "spot":
            self._account.lock_spot(order, -1)
            self._account.lock_spot(moved, +1)
        order.price, order.quantity, order.updated_at = price, quantity, self._markets.now
        self._tell(order, Change.AMENDED)
        if back_of_queue:
            self._work(order)
        return order

    def resting(self, market: MarketName | None = None, asset: Asset | None = None) -> list[PaperOrder]:
        """Orders that may still fill, oldest first."""
        return [
            order for order in self.open
            if (market is None or order.market == market) and (asset is None or order.asset == asset)
        ]

    def find(self, market: MarketName, symbol: str, client_order_id: str) -> PaperOrder | None:
        """The newest order with this client id."""
        return self._newest.get((market, symbol, client_order_id))

    def instrument(self, asset: Asset) -> Instrument:
        """The specification of a coin. Raises PaperReject for one that is not listed."""
        if asset not in self._account.instruments:
            raise PaperReject(RejectCode.UNKNOWN_SYMBOL, asset)
        return self._account.instruments[asset]

    def restore(self, order: PaperOrder) -> None:
        """Take in an order from before a restart, as it stands; one that is open rests on."""
        self._register(order)
        if not order.open:
            return
        self.open.append(order)
        if order.market == "spot":
            self._account.lock_spot(order, +1)

    # --- what the exchange does ---

    def serve(self) -> None:
        """The grid step that ends now: takers of others and moved prices reach the orders that rest."""
        for asset, market in dict.fromkeys((order.asset, order.market) for order in self.open):
            book, orders = self._markets.book(asset, market), self.resting(market, asset)
            for side in _SIDES:
                if any(order.side is side for order in orders):
                    for order, quantity in resting_fills(orders, side, book):
                        self.take(order, quantity)

    def take(self, order: PaperOrder, quantity: Decimal) -> None:
        """A taker reaches a resting order with so much."""
        part = min(quantity, self._tradable(order))
        if order.open and part > 0:
            self._account.book_fill(order, part, order.price, maker=True, at=self._markets.now)
            self._tidy(order)

    def take_over(self, asset: Asset, price: Decimal, client_prefix: str) -> PaperOrder:
        """Close the whole position at `price` without a fee, by an order of the exchange's own."""
        quantity = self._account.positions[asset].quantity
        order = self._new_order(
            self.instrument(asset), "perp", Side.BUY if quantity < 0 else Side.SELL, abs(quantity), price,
            time_in_force=TimeInForce.IOC, reduce_only=True, client_order_id="",
        )
        order.client_order_id = f"{client_prefix}{order.order_id}"
        self._register(order)
        self._tell(order, Change.PLACED)
        self._account.book_fill(order, order.quantity, price, maker=False, at=self._markets.now, liquidation=True)
        return order

    # --- checks ---

    def _check_limits(self, instrument: Instrument, market: MarketName, side: Side, quantity: Decimal,
                      price: Decimal, *, reduce_only: bool) -> None:
        check_steps(instrument, market, price, quantity)
        check_notional(instrument, market, price * quantity, reduce_only=reduce_only)
        if market == "perp":
            check_band(side, price, self._markets.mark(instrument.asset), self._band)

    def _check_place(self, order: PaperOrder, *, crosses: bool) -> None:
        beside = [other for other in self.resting(order.market) if other.symbol == order.symbol]
        if len(beside) >= MAX_OPEN_ORDERS:
            raise PaperReject(RejectCode.TOO_MANY_ORDERS, order.symbol)
        if any(other.client_order_id == order.client_order_id for other in beside):
            raise PaperReject(RejectCode.DUPLICATE_CLIENT_ID, order.client_order_id)
        if order.reduce_only:
            self._check_reduces(order, beside)
        if crosses:
            raise PaperReject(RejectCode.POST_ONLY_WOULD_CROSS, plain(order.price))
        if self._margined:
            check_means(self._account, self._markets, self.open, order)

    def _check_reduces(self, order: PaperOrder, beside: Sequence[PaperOrder]) -> None:
        reducible = self._reducible(order) if order.market == "perp" else ZERO
        if reducible == 0:
            raise PaperReject(RejectCode.REDUCE_ONLY_REJECTED, "there is no position to reduce")
        resting = sum((other.remaining for other in beside if other.reduce_only and other.side is order.side), ZERO)
        if resting >= reducible:
            raise PaperReject(RejectCode.REDUCE_ONLY_ORDERS_BLOCK, f"{plain(resting)} rests for {plain(reducible)}")

    @staticmethod
    def _check_open(order: PaperOrder) -> None:
        if not order.open:
            raise PaperReject(RejectCode.UNKNOWN_ORDER, f"order {order.order_id} is {order.status}")

    def _crosses(self, order: PaperOrder, price: Decimal) -> bool:
        return would_cross(order.side, price, self._markets.book(order.asset, order.market))

    # --- working ---

    def _new_order(self, instrument: Instrument, market: MarketName, side: Side, quantity: Decimal, price: Decimal, *,
                   time_in_force: TimeInForce, reduce_only: bool, client_order_id: str) -> PaperOrder:
        number, now = self.last_order_id + 1, self._markets.now
        return PaperOrder(
            order_id=number, client_order_id=client_order_id or f"paper_{number}",
            symbol=instrument.symbol if market == "perp" else instrument.spot_symbol, asset=instrument.asset,
            market=market, side=side, price=price, quantity=quantity, time_in_force=time_in_force,
            reduce_only=reduce_only, created_at=now, updated_at=now,
        )

    def _register(self, order: PaperOrder) -> None:
        self.last_order_id = max(self.last_order_id, order.order_id)
        self.orders[order.order_id] = order
        self._newest[order.market, order.symbol, order.client_order_id] = order

    def _work(self, order: PaperOrder) -> None:
        """Trade what is marketable now; then rest, or end."""
        book = self._markets.book(order.asset, order.market)
        for level in walk(order.side, order.price, self._tradable(order), other_side(book, order.side)):
            self._markets.take(order.asset, order.market, order.side, level.price, level.quantity)
            self._account.book_fill(order, level.quantity, level.price, maker=False, at=self._markets.now)
        self._tidy(order)
        if order.open and order.time_in_force is TimeInForce.IOC:
            self._end(order, OrderStatus.EXPIRED, Ending.IOC)
        if order.open:
            order.queue_ahead = queue_ahead(order.side, order.price, book)

    def _tradable(self, order: PaperOrder) -> Decimal:
        return min(order.remaining, self._reducible(order)) if order.reduce_only else order.remaining

    def _reducible(self, order: PaperOrder) -> Decimal:
        return max(ZERO, -order.side.sign * self._account.positions[order.asset].quantity)

    def _tidy(self, order: PaperOrder) -> None:
        """After fills: forget a finished order, and end reduce-only orders that have nothing left to reduce."""
        if not order.open:
            self.open.remove(order)
        for other in self.resting("perp", order.asset):
            if other.reduce_only and self._reducible(other) == 0:
                self._end(other, OrderStatus.EXPIRED, Ending.REDUCE_ONLY)

    def _end(self, order: PaperOrder, status: OrderStatus, ending: Ending) -> None:
        if order.market == "spot":
            self._account.lock_spot(order, -1)
        order.status, order.ending, order.updated_at = status, ending, self._markets.now
        self.open.remove(order)
        self._tell(order, Change.CANCELED if status is OrderStatus.CANCELED else Change.EXPIRED)

    def _tell(self, order: PaperOrder, change: Change) -> None:
        events = self._account.events
        if events.heard:
            events.tell(OrderChanged(replace(order), change, self._markets.now))
