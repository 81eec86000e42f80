"""The simulated exchange with one account on it: synchronous, deterministic, no I/O; a Feed moves its markets.

Time passes only in `advance`. At one instant the order of things is: funding on the position carried into it, the
liquidation check, then the takers of the grid step that ends there. Nothing depends on how the way is cut into calls.

* Resting orders are served on the feed's grid; a marketable order trades at once against the visible depth.
* Positions are checked against the maintenance margin on mark (never last) at every whole minute of the feed, or at
  every grid instant where the grid is coarser. Liquidation withdraws all perpetual orders, closes every position at
  its mark without a fee, and an insurance credit lifts a margin balance that ends below zero to zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from bot.core.margin import tier_of
from bot.core.market import Asset, Instrument, Side, WalletKind
from bot.core.money import ONE, ZERO, plain, to_ledger
from bot.core.orders import TimeInForce
from bot.core.times import MINUTE, Millis, next_on_grid
from bot.paper.account import Account, AccountFigures
from bot.paper.books import less, other_side, shifted
from bot.paper.dump import dump_exchange
from bot.paper.feed import BookState, Feed, MarketState
from bot.paper.matching import queue_ahead, resting_fills, walk, would_cross
from bot.paper.positions import PaperPosition
from bot.paper.records import (
    FundingRow,
    IncomeKind,
    IncomeRow,
    Liquidation,
    MarketName,
    OrderStatus,
    PaperFill,
    PaperOrder,
    PaperReject,
    RejectCode,
)
from bot.paper.rules import MAX_OPEN_ORDERS, check_band, check_instrument, check_notional, check_steps
from bot.paper.wallets import Wallets

LIQUIDATION_PREFIX = "autoclose-"
"""With what the client id of an order begins by which the exchange liquidates."""


class PaperExchange:
    """Spot and linear perpetual markets of one account. Money in `settle`, quantities in base units.

    Raises ValueError for instruments without fees or margin table. Requests that the exchange refuses raise
    PaperReject and change nothing. `price_band`: how far beyond the mark a perpetual limit may be (None: any).
    """

    def __init__(self, feed: Feed, instruments: Mapping[Asset, Instrument], *, balances_spot: Mapping[str, Decimal],
                 balances_futures: Mapping[str, Decimal], wallet: WalletKind, leverage: Decimal = Decimal(20),
                 now: Millis | None = None, settle: str = "USDT", price_band: Decimal | None = None) -> None:
        for asset, instrument in instruments.items():
            check_instrument(instrument)
            if asset not in feed.assets:
                raise ValueError(f"the feed has no market for {asset}")
        self.feed = feed
        self.instruments = dict(instruments)
        self.settle = settle
        self.account = Account(
            self.instruments, Wallets(wallet, balances_spot, balances_futures), settle=settle, leverage=leverage,
        )
        self.orders: dict[int, PaperOrder] = {}
        self._now = feed.start if now is None else now
        self._band = price_band
        self._open: list[PaperOrder] = []
        self._factors: dict[Asset, Decimal] = {}
        self._funding_due: dict[Asset, Millis] = {}
        # What the account took from others' levels, by market and side taken from, in the present grid step.
        self._taken: dict[tuple[Asset, MarketName, Side], dict[Decimal, Decimal]] = {}
        self._taken_at: Millis = self._now
        self._check_period = -(-MINUTE // feed.step) * feed.step

    # --- what there is ---

    @property
    def now(self) -> Millis:
        """The exchange's present instant."""
        return self._now

    @property
    def wallets(self) -> Wallets:
        """The balances."""
        return self.account.wallets

    @property
    def fills(self) -> list[PaperFill]:
        """Every execution, oldest first."""
        return self.account.fills

    @property
    def funding_rows(self) -> list[FundingRow]:
        """Every funding settlement, oldest first."""
        return self.account.funding_rows

    @property
    def income(self) -> list[IncomeRow]:
        """Every movement of the margin account's settle balance, oldest first."""
        return self.account.income

    @property
    def liquidations(self) -> list[Liquidation]:
        """Every position that was liquidated."""
        return self.account.liquidations

    def open_orders(self, market: MarketName | None = None, asset: Asset | None = None) -> list[PaperOrder]:
        """Orders that may still fill, oldest first."""
        return [
            order for order in self._open
            if (market is None or order.market == market) and (asset is None or order.asset == asset)
        ]

    def find(self, market: MarketName, symbol: str, client_order_id: str) -> PaperOrder | None:
        """The newest order with this client id."""
        for order in reversed(self.orders.values()):
            if (order.client_order_id, order.symbol, order.market) == (client_order_id, symbol, market):
                return order
        return None

    def position(self, asset: Asset) -> PaperPosition:
        """The perpetual position of one coin (quantity 0 when flat)."""
        return self.account.positions[asset]

    def leverage(self, asset: Asset) -> Decimal:
        """The leverage set for one coin."""
        return self.account.leverage[asset]

    def figures(self) -> AccountFigures:
        """The margin account now."""
        return self.account.figures(self.mark, self._open)

    def liquidation_price(self, asset: Asset) -> Decimal | None:
        """The mark at which a short is liquidated while all else stands still; None for longs and when none is."""
        return self.account.liquidation_price(asset, self.mark)

    def mark(self, asset: Asset) -> Decimal:
        """The mark price now."""
        mark, factor = self.feed.mark(asset, self._now), self._factors.get(asset)
        return mark if factor is None else to_ledger(mark * factor)

    def state(self, asset: Asset) -> MarketState:
        """The coin's markets now, less what the account took from them in this grid step."""
        factor = self._factors.get(asset, ONE)
        seen = shifted(self.feed.at(asset, self._now), self.instruments[asset], factor)
        self._forget_taken()
        if not self._taken:
            return seen
        return replace(
            seen, spot=self._less_taken(asset, "spot", seen.spot), perp=self._less_taken(asset, "perp", seen.perp),
        )

    def funding(self, asset: Asset) -> tuple[Decimal, Millis, Millis]:
        """Rate of the next settlement, its instant, and the interval in force."""
        due = self.feed.next_funding(asset, self._now)
        return self.feed.funding_rate(asset, due), due, self.feed.funding_interval(asset, self._now)

    def dump(self) -> dict[str, object]:
        """The whole account as plain data, money as strings."""
        return dump_exchange(self)

    # --- orders ---

    def place(self, market: MarketName, asset: Asset, side: Side, quantity: Decimal, price: Decimal, *,
              time_in_force: TimeInForce | str = TimeInForce.GTC, reduce_only: bool = False,
              client_order_id: str = "") -> PaperOrder:
        """Accept a limit order, trade what is marketable, rest or end the remainder. Raises PaperReject.

        The returned order is the live record: it goes on changing with `advance`.
        """
        instrument = self._instrument(asset)
        check_steps(instrument, market, price, quantity)
        check_notional(instrument, market, price * quantity, reduce_only=reduce_only)
        if market == "perp":
            check_band(side, price, self.mark(asset), self._band)
        number = len(self.orders) + 1
        order = PaperOrder(
            order_id=number, client_order_id=client_order_id or f"paper_{number}",
            symbol=instrument.symbol if market == "perp" else instrument.spot_symbol, asset=asset, market=market,
            side=Side(side), price=price, quantity=quantity, time_in_force=TimeInForce(time_in_force),
            reduce_only=reduce_only, created_at=self._now, updated_at=self._now,
        )
        self._check_place(order)
        self.orders[number] = order
        self._open.append(order)
        if market == "spot":
            self.account.lock_spot(order, +1)
        self._work(order)
        return order

    def cancel(self, order: PaperOrder) -> PaperOrder:
        """Withdraw a resting order. Raises PaperReject (UNKNOWN_ORDER) when it has ended already."""
        if not order.open:
            raise PaperReject(RejectCode.UNKNOWN_ORDER, f"order {order.order_id} is {order.status}")
        self._end(order, OrderStatus.CANCELED)
        return order

    def cancel_all(self, symbol: str, market: MarketName = "perp") -> list[PaperOrder]:
        """Withdraw every resting order of one symbol."""
        withdrawn = [order for order in self._open if order.symbol == symbol and order.market == market]
        for order in withdrawn:
            self._end(order, OrderStatus.CANCELED)
        return withdrawn

    def amend(self, order: PaperOrder, price: Decimal, quantity: Decimal | None = None) -> PaperOrder:
        """Move a resting order, keeping its filled part; `quantity` is the new total (None: as it was).

        A new price or a larger quantity goes to the back of the queue. A quantity that is filled already, or a
        post-only price that would cross, cancels the order (as Binance does). Raises PaperReject.
        """
        quantity = order.quantity if quantity is None else quantity
        if not order.open:
            raise PaperReject(RejectCode.UNKNOWN_ORDER, f"order {order.order_id} is {order.status}")
        if (price, quantity) == (order.price, order.quantity):
            raise PaperReject(RejectCode.NO_CHANGE)
        instrument = self._instrument(order.asset)
        check_steps(instrument, order.market, price, quantity)
        check_notional(instrument, order.market, price * quantity, reduce_only=order.reduce_only)
        if order.market == "perp":
            check_band(order.side, price, self.mark(order.asset), self._band)
        crossing = order.time_in_force is TimeInForce.GTX and would_cross(order.side, price, self._book(order))
        if quantity <= order.filled or crossing:
            self._end(order, OrderStatus.CANCELED)
            return order
        moved = replace(order, price=price, quantity=quantity)
        self._check_means(moved, instead_of=order)
        back_of_queue = price != order.price or quantity > order.quantity
        if order.market == "spot":
            self.account.lock_spot(order, -1)
            self.account.lock_spot(moved, +1)
        order.price, order.quantity, order.updated_at = price, quantity, self._now
        if back_of_queue:
            self._work(order)
        return order

    def set_leverage(self, asset: Asset, leverage: Decimal) -> None:
        """Set the leverage of one coin. Raises PaperReject where the table, the position or the margin forbids it."""
        tiers = self._instrument(asset).tiers
        notional = abs(self.position(asset).quantity) * self.mark(asset)
        top, here = tiers[0].max_leverage, tier_of(notional, tiers).max_leverage
        if leverage < 1 or leverage != int(leverage) or (top is not None and leverage > top):
            raise PaperReject(RejectCode.BAD_LEVERAGE, plain(leverage))
        if here is not None and leverage > here:
            raise PaperReject(RejectCode.MAX_POSITION_AT_LEVERAGE, plain(leverage))
        before = self.account.leverage[asset]
        self.account.leverage[asset] = leverage
        after = self.figures()
        if leverage < before and after.initial_margin > after.equity:
            self.account.leverage[asset] = before
            raise PaperReject(RejectCode.INSUFFICIENT_MARGIN, plain(leverage))

    def transfer(self, coin: str, amount: Decimal, *, to_futures: bool) -> None:
        """Move free balance between the spot and the futures wallet. Raises PaperReject."""
        if self.wallets.kind is WalletKind.UNIFIED:
            raise PaperReject(RejectCode.TRANSFER_NOT_SUPPORTED, "one wallet")
        if to_futures:
            free = self.wallets.free(coin)
        else:
            free = self.wallets.futures.get(coin, ZERO)
            if coin == self.settle:
                free = min(free, self.figures().available)
        if amount <= 0 or amount > free:
            raise PaperReject(RejectCode.INSUFFICIENT_BALANCE, f"{plain(amount)} {coin} of {plain(free)}")
        self.wallets.move(coin, amount, to_futures=to_futures)
        if coin == self.settle:
            self.account.note(IncomeKind.TRANSFER, "", amount if to_futures else -amount, self._now)

    def shift_price(self, asset: Asset, factor: Decimal) -> None:
        """From now on every price of the coin is the feed's times `factor` (> 0); shifts compound."""
        if factor <= 0:
            raise ValueError(f"factor must be positive, not {factor}")
        self._factors[self._instrument(asset).asset] = self._factors.get(asset, ONE) * factor

    # --- time ---

    def advance(self, to: Millis) -> None:
        """Let time pass up to `to` (at most the feed's end), doing everything that falls due on the way, in order."""
        to = min(to, self.feed.end)
        while (due := self._next_event()) is not None and due <= to:
            self._now = due
            self._pass_instant()
        self._now = max(self._now, to)

    def _next_event(self) -> Millis | None:
        due: list[Millis] = []
        if self._open:
            due.append(next_on_grid(self._now, self.feed.start, self.feed.step))
        held = self.account.held
        if held:
            due.append(next_on_grid(self._now, self.feed.start, self._check_period))
            due.extend(self._next_funding(asset) for asset in held)
        return min(due, default=None)

    def _next_funding(self, asset: Asset) -> Millis:
        due = self._funding_due.get(asset)
        if due is None or due <= self._now:
            due = self._funding_due[asset] = self.feed.next_funding(asset, self._now)
        return due

    def _pass_instant(self) -> None:
        for asset in self.account.held:
            if self._funding_due.get(asset) == self._now:
                rate = self.feed.funding_rate(asset, self._now)
                self.account.book_funding(asset, rate, self.mark(asset), self._now)
        since_start = self._now - self.feed.start
        if since_start % self._check_period == 0 and self.account.held and self.account.insolvent(self.mark):
            self._liquidate()
        if self._open and since_start % self.feed.step == 0:
            self._serve_resting_orders()

    def _serve_resting_orders(self) -> None:
        for asset, market in dict.fromkeys((order.asset, order.market) for order in self._open):
            state = self.state(asset)
            book = state.perp if market == "perp" else state.spot
            orders = self.open_orders(market, asset)
            for side in Side:
                for order, quantity in resting_fills(orders, side, book):
                    part = min(quantity, self._reducible(order)) if order.reduce_only else quantity
                    if order.open and part > 0:
                        self.account.book_fill(order, part, order.price, maker=True, at=self._now)
                        self._tidy(order)

    def _liquidate(self) -> None:
        for order in self.open_orders("perp"):
            self._end(order, OrderStatus.CANCELED)
        for asset in self.account.held:
            quantity, mark, instrument = self.position(asset).quantity, self.mark(asset), self.instruments[asset]
            number = len(self.orders) + 1
            order = PaperOrder(
                order_id=number, client_order_id=f"{LIQUIDATION_PREFIX}{number}", symbol=instrument.symbol, asset=asset,
                market="perp", side=Side.BUY if quantity < 0 else Side.SELL, price=mark, quantity=abs(quantity),
                time_in_force=TimeInForce.IOC, reduce_only=True, created_at=self._now, updated_at=self._now,
            )
            self.orders[number] = order
            fill = self.account.book_fill(order, abs(quantity), mark, maker=False, at=self._now, free_of_fee=True)
            self.liquidations.append(
                Liquidation(instrument.symbol, asset, quantity, mark, fill.realised, self._now),
            )
        missing = -self.account.collateral(self.mark)
        if missing > 0:
            self.account.credit(IncomeKind.INSURANCE_CLEAR, "", missing, self._now)

    # --- the steps of placing ---

    def _instrument(self, asset: Asset) -> Instrument:
        if asset not in self.instruments:
            raise PaperReject(RejectCode.UNKNOWN_SYMBOL, asset)
        return self.instruments[asset]

    def _book(self, order: PaperOrder) -> BookState:
        state = self.state(order.asset)
        return state.perp if order.market == "perp" else state.spot

    def _check_place(self, order: PaperOrder) -> None:
        beside = [other for other in self._open if (other.symbol, other.market) == (order.symbol, order.market)]
        if len(beside) >= MAX_OPEN_ORDERS:
            raise PaperReject(RejectCode.TOO_MANY_ORDERS, order.symbol)
        if any(other.client_order_id == order.client_order_id for other in beside):
            raise PaperReject(RejectCode.DUPLICATE_CLIENT_ID, order.client_order_id)
        if order.reduce_only:
            self._check_reduces(order, beside)
        if order.time_in_force is TimeInForce.GTX and would_cross(order.side, order.price, self._book(order)):
            raise PaperReject(RejectCode.POST_ONLY_WOULD_CROSS, plain(order.price))
        self._check_means(order)

    def _check_reduces(self, order: PaperOrder, beside: Iterable[PaperOrder]) -> None:
        reducible = self._reducible(order) if order.market == "perp" else ZERO
        if reducible == 0:
            raise PaperReject(RejectCode.REDUCE_ONLY_REJECTED, "there is no position to reduce")
        resting = sum((other.remaining for other in beside if other.reduce_only and other.side is order.side), ZERO)
        if resting >= reducible:
            raise PaperReject(RejectCode.REDUCE_ONLY_ORDERS_BLOCK, f"{plain(resting)} rests for {plain(reducible)}")

    def _check_means(self, order: PaperOrder, instead_of: PaperOrder | None = None) -> None:
        """Balance for a spot order, initial margin and the leverage table for a perpetual one."""
        if order.market == "spot":
            self._check_balance(order, instead_of)
        elif not order.reduce_only:
            self._check_margin(order, instead_of)

    def _check_balance(self, order: PaperOrder, instead_of: PaperOrder | None) -> None:
        buys = order.side is Side.BUY
        coin, unit = (self.settle, order.price) if buys else (order.asset, ONE)
        free = self.wallets.free(coin)
        if instead_of is not None:
            free += instead_of.remaining * (instead_of.price if buys else ONE)
        needed = order.remaining * unit
        if needed > free:
            raise PaperReject(RejectCode.INSUFFICIENT_BALANCE, f"{plain(needed)} {coin} of {plain(free)}")
        if self.wallets.kind is WalletKind.UNIFIED and buys:
            # Cash turns into a coin that counts for less as collateral.
            ratio = self.instruments[order.asset].collateral_ratio
            lost = order.remaining * (order.price - self.mark(order.asset) * ratio)
            if lost > self.figures().available:
                raise PaperReject(RejectCode.INSUFFICIENT_BALANCE, "the positions need the collateral")

    def _check_margin(self, order: PaperOrder, instead_of: PaperOrder | None) -> None:
        before = self.figures()
        others = [other for other in self._open if other is not instead_of]
        after = self.account.figures(self.mark, [*others, order])
        if after.initial_margin > before.initial_margin and after.initial_margin > after.equity:
            raise PaperReject(
                RejectCode.INSUFFICIENT_MARGIN, f"{plain(after.initial_margin)} of {plain(after.equity)}",
            )
        same = [o for o in (*others, order) if (o.asset, o.market, o.side) == (order.asset, "perp", order.side)]
        signed = self.position(order.asset).quantity + order.side.sign * sum((o.remaining for o in same), ZERO)
        leverage, tiers = self.leverage(order.asset), self.instruments[order.asset].tiers
        top = tier_of(abs(signed) * self.mark(order.asset), tiers).max_leverage
        if top is not None and leverage > top and signed * order.side.sign > 0:
            raise PaperReject(RejectCode.MAX_POSITION_AT_LEVERAGE, f"leverage {plain(leverage)}, allowed {plain(top)}")

    def _work(self, order: PaperOrder) -> None:
        """Trade what is marketable now; then rest, or end."""
        book = self._book(order)
        taken = self._taken.setdefault((order.asset, order.market, order.side), {})
        for level in walk(order.side, order.price, self._tradable(order), other_side(book, order.side)):
            taken[level.price] = taken.get(level.price, ZERO) + level.quantity
            self.account.book_fill(order, level.quantity, level.price, maker=False, at=self._now)
        self._tidy(order)
        if order.open and order.time_in_force is TimeInForce.IOC:
            self._end(order, OrderStatus.EXPIRED)
        if order.open:
            order.queue_ahead = queue_ahead(order.side, order.price, self._book(order))

    def _tradable(self, order: PaperOrder) -> Decimal:
        return min(order.remaining, self._reducible(order)) if order.reduce_only else order.remaining

    def _reducible(self, order: PaperOrder) -> Decimal:
        return max(ZERO, -order.side.sign * self.position(order.asset).quantity)

    def _tidy(self, order: PaperOrder) -> None:
        """After fills: forget a finished order, and end reduce-only orders that have nothing left to reduce."""
        if not order.open:
            self._open.remove(order)
        for other in self.open_orders("perp", order.asset):
            if other.reduce_only and self._reducible(other) == 0:
                self._end(other, OrderStatus.EXPIRED)

    def _end(self, order: PaperOrder, status: OrderStatus) -> None:
        if order.market == "spot":
            self.account.lock_spot(order, -1)
        order.status, order.updated_at = status, self._now
        self._open.remove(order)

    def _forget_taken(self) -> None:
        start, step = self.feed.start, self.feed.step
        if (self._now - start) // step != (self._taken_at - start) // step:
            self._taken.clear()
        self._taken_at = self._now

    def _less_taken(self, asset: Asset, market: MarketName, book: BookState) -> BookState:
        asks_taken = self._taken.get((asset, market, Side.BUY), {})
        return less(book, self._taken.get((asset, market, Side.SELL), {}), asks_taken)
