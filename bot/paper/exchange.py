"""The simulated exchange with one account on it: synchronous, deterministic, no I/O; a Feed moves its markets.

Time passes only in `advance`, and in `meet` over a market that is merely observed. At one instant the order of things
is: funding on the position carried into it, the liquidation check, then the takers of the grid step that ends there.
Nothing depends on how the way is cut into calls.

* Resting orders are served on the feed's grid; a marketable order trades at once against the visible depth.
* Positions are checked against the maintenance margin on mark (never last) at every whole minute of the feed, or at
  every grid instant where the grid is coarser. Liquidation withdraws all perpetual orders, closes every position at
  its mark (on the tick) without a fee, and an insurance credit lifts a margin balance that ends below zero to zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from bot.core.market import Asset, Instrument, Side, WalletKind
from bot.core.money import ROUND_HALF_EVEN, ZERO, plain, round_to_step
from bot.core.orders import TimeInForce
from bot.core.runway import tier_of
from bot.core.times import MINUTE, Millis, next_on_grid
from bot.paper.account import Account, AccountFigures
from bot.paper.desk import OrderDesk
from bot.paper.dump import dump_exchange
from bot.paper.events import BalanceMoved, Events, LeverageSet, Liquidated, Movement
from bot.paper.feed import Feed, MarketState
from bot.paper.markets import Markets
from bot.paper.positions import PaperPosition
from bot.paper.records import (
    Ending,
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
from bot.paper.rules import check_instrument
from bot.paper.wallets import Wallets

LIQUIDATION_PREFIX = "autoclose-"
"""With what the client id of an order begins by which the exchange liquidates."""
ADL_PREFIX = "adl_autoclose-"
"""The same where it closes a winner's position against a liquidated one (auto-deleveraging)."""
SETTLEMENT_PREFIX = "settlement_autoclose-"
"""The same where a contract is delisted."""


class PaperExchange:
    """Spot and linear perpetual markets of one account. Money in `settle`, quantities in base units.

    Raises ValueError for instruments without fees or margin table. Requests that the exchange refuses raise
    PaperReject and change nothing. `price_band`: how far beyond the mark a perpetual limit may be (None: any).
    `margined` False: nobody asks whether the account can carry what it does, and nothing is ever liquidated.
    """

    def __init__(self, feed: Feed, instruments: Mapping[Asset, Instrument], *, balances_spot: Mapping[str, Decimal],
                 balances_futures: Mapping[str, Decimal], wallet: WalletKind, leverage: Decimal = Decimal(20),
                 now: Millis | None = None, settle: str = "USDT", price_band: Decimal | None = None,
                 margined: bool = True) -> None:
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
        self.markets = Markets(feed, self.instruments, feed.start if now is None else now)
        self._desk = OrderDesk(self.account, self.markets, price_band, margined=margined)
        self.margined = margined
        self._funding_due: dict[Asset, Millis] = {}
        self.deferred_cancels: list[PaperOrder] | None = None
        self._check_period = -(-MINUTE // feed.step) * feed.step

    # --- what there is ---

    @property
    def now(self) -> Millis:
        """The exchange's present instant."""
        return self.markets.now

    @property
    def orders(self) -> dict[int, PaperOrder]:
        """Every order that was ever accepted, by id."""
        return self._desk.orders

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

    @property
    def events(self) -> Events:
        """Who listens to what happens to the account."""
        return self.account.events

    def open_orders(self, market: MarketName | None = None, asset: Asset | None = None) -> list[PaperOrder]:
        """Orders that may still fill, oldest first."""
        return self._desk.resting(market, asset)

    @property
    def resting(self) -> bool:
        """Whether an order is open."""
        return bool(self._desk.open)

    def find(self, market: MarketName, symbol: str, client_order_id: str) -> PaperOrder | None:
        """The newest order with this client id."""
        return self._desk.find(market, symbol, client_order_id)

    def position(self, asset: Asset) -> PaperPosition:
        """The perpetual position of one coin (quantity 0 when flat)."""
        return self.account.positions[asset]

    def leverage(self, asset: Asset) -> Decimal:
        """The leverage set for one coin."""
        return self.account.leverage[asset]

    def figures(self) -> AccountFigures:
        """The margin account now."""
        return self.account.figures(self.mark, self._desk.open)

    def liquidation_price(self, asset: Asset) -> Decimal | None:
        """The mark at which the position is liquidated while all else stands still; None: flat, or at no mark."""
        return self.account.liquidation_price(asset, self.mark)

    def mark(self, asset: Asset) -> Decimal:
        """The mark price now."""
        return self.markets.mark(asset)

    def state(self, asset: Asset) -> MarketState:
        """The coin's markets now, less what the account took from them in this grid step."""
        return self.markets.state(asset)

    def funding(self, asset: Asset) -> tuple[Decimal, Millis, Millis]:
        """Rate of the next settlement, its instant, and the interval in force."""
        return self.markets.funding(asset)

    def dump(self) -> dict[str, Any]:
        """The whole account as plain data, money as strings."""
        return dump_exchange(self)

    # --- orders ---

    def place(self, market: MarketName, asset: Asset, side: Side, quantity: Decimal, price: Decimal, *,
              time_in_force: TimeInForce | str = TimeInForce.GTC, reduce_only: bool = False,
              client_order_id: str = "", accept_crossing: bool = False) -> PaperOrder:
        """Accept a limit order, trade what is marketable, rest or end the remainder. Raises PaperReject.

        A post-only order that would cross is refused (as on Binance), or with `accept_crossing` accepted and cancelled
        at once (as on Bybit). The returned order is the live record: it goes on changing with `advance`.
        """
        return self._desk.place(
            market, asset, Side(side), quantity, price, time_in_force=TimeInForce(time_in_force),
            reduce_only=reduce_only, client_order_id=client_order_id, accept_crossing=accept_crossing,
        )

    def cancel(self, order: PaperOrder) -> PaperOrder:
        """Withdraw a resting order. Raises PaperReject (UNKNOWN_ORDER) when it has ended already.

        While `deferred_cancels` is a list, it is put there instead, and only called withdrawn.
        """
        if self.deferred_cancels is None or not order.open:
            return self._desk.cancel(order)
        self.deferred_cancels.append(order)
        return replace(order, status=OrderStatus.CANCELED, ending=Ending.USER, updated_at=self.now)

    def take(self, order: PaperOrder, quantity: Decimal) -> None:
        """Somebody trades so much (at most what remains) of a resting order at its price."""
        self._desk.take(order, quantity)

    def cancel_all(self, symbol: str, market: MarketName = "perp") -> list[PaperOrder]:
        """Withdraw every resting order of one symbol."""
        return [self._desk.cancel(order) for order in self._desk.resting(market) if order.symbol == symbol]

    def amend(self, order: PaperOrder, price: Decimal, quantity: Decimal | None = None) -> PaperOrder:
        """Move a resting order, keeping its filled part; `quantity` is the new total (None: as it was).

        A new price or a larger quantity goes to the back of the queue. A quantity that is filled already, or a
        post-only price that would cross, cancels the order (as Binance does). Raises PaperReject.
        """
        return self._desk.amend(order, price, order.quantity if quantity is None else quantity)

    def set_leverage(self, asset: Asset, leverage: Decimal) -> None:
        """Set the leverage of one coin. Raises PaperReject where the table, the position or the margin forbids it."""
        tiers = self._desk.instrument(asset).tiers
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
        if self.events.heard:
            self.events.tell(LeverageSet(asset, leverage, self.now))

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
            self.account.note(IncomeKind.TRANSFER, "", amount if to_futures else -amount, self.now)
        if self.events.heard:
            signed = amount if to_futures else -amount
            self.events.tell(BalanceMoved(Movement.TRANSFER, coin, -signed, signed, self.now))

    def deposit(self, coin: str, amount: Decimal) -> None:
        """Coins come to the spot wallet from outside (negative: leave it). PaperReject where orders hold them."""
        free = self.wallets.free(coin)
        if free + amount < 0:
            raise PaperReject(RejectCode.INSUFFICIENT_BALANCE, f"only {plain(free)} {coin} are free")
        self.wallets.add(self.wallets.spot, coin, amount)
        if self.events.heard:
            why = Movement.DEPOSIT if amount > 0 else Movement.WITHDRAW
            self.events.tell(BalanceMoved(why, coin, amount, ZERO, self.now))

    def take_over(self, asset: Asset, client_prefix: str) -> PaperOrder | None:
        """Close the coin's position at its mark, free of fee, as ADL and delisting do; its open orders go first.

        None where there is none to close.
        """
        for order in self._desk.resting("perp", asset):
            self._desk.cancel(order, Ending.TAKE_OVER)
        if not self.position(asset).quantity:
            return None
        return self._desk.take_over(asset, self._mark_on_tick(asset), client_prefix)

    def _mark_on_tick(self, asset: Asset) -> Decimal:
        """At what a position is taken over: executions are on ticks."""
        return round_to_step(self.mark(asset), self.instruments[asset].price_tick, ROUND_HALF_EVEN)

    def liquidate(self) -> None:
        """Close every position by force at its mark now, as where the margin is below what must be kept."""
        self._liquidate()

    def forget_settlements(self) -> None:
        """Ask the feed anew when funding is settled next: it may have changed its mind."""
        self._funding_due.clear()

    def shift_price(self, asset: Asset, factor: Decimal) -> None:
        """From now on every price of the coin is the feed's times `factor` (> 0); shifts compound."""
        self.markets.shift(self._desk.instrument(asset).asset, factor)

    # --- time ---

    def advance(self, to: Millis) -> None:
        """Let time pass up to `to` (at most the feed's end), doing everything that falls due on the way, in order."""
        to = min(to, self.feed.end)
        while (due := self.next_event()) is not None and due <= to:
            self.markets.now = due
            self._pass_instant()
        self.markets.now = max(self.now, to)

    def meet(self, at: Millis) -> None:
        """Go to `at` in one step, where the feed has a new observation: margin first, then the orders that rest.

        For markets that are seen only now and then, and so have no grid to pass through; funding is booked by
        `book_settlement` once the venue has published it. An `at` that has passed is now.
        """
        self.markets.now = max(self.now, at)
        if self._insolvent():
            self._liquidate()
        if self._desk.open:
            self._desk.serve()

    def book_settlement(self, asset: Asset, rate: Decimal, mark: Decimal | None, at: Millis) -> FundingRow | None:
        """Book a settlement that the venue published, on the position carried into `at`; None: there was none.

        `mark` None: the present one.
        """
        quantity = self.position_before(asset, at)
        if not quantity:
            return None
        self.account.book_funding(asset, rate, self.mark(asset) if mark is None else mark, at, quantity)
        return self.funding_rows[-1]

    def position_before(self, asset: Asset, at: Millis) -> Decimal:
        """The signed position of fills before `at`."""
        return sum((
            fill.side.sign * fill.quantity for fill in self.fills
            if fill.asset == asset and fill.market == "perp" and fill.at < at
        ), ZERO)

    def restore(self, orders: Iterable[PaperOrder], fills: Iterable[PaperFill], *, last_order_id: int) -> None:
        """Take an account up where it was left: its executions, and the orders that still matter.

        For a fresh exchange with the balances of the account's beginning. Ids go on after those that were used.
        """
        for fill in fills:
            self.account.rebook(fill)
        for order in orders:
            self._desk.restore(order)
        self._desk.last_order_id = max(self._desk.last_order_id, last_order_id)

    def next_event(self) -> Millis | None:
        """The next instant at which something may happen to the account by itself; None: at none."""
        held = self.account.held
        if not held and not self._desk.open:
            return None
        # The checks of the margin are among the grid's instants.
        period = self.feed.step if self._desk.open else self._check_period
        due = next_on_grid(self.markets.now, self.feed.start, period)
        return min(due, *(self._next_funding(asset) for asset in held)) if held else due

    def _next_funding(self, asset: Asset) -> Millis:
        due = self._funding_due.get(asset)
        if due is None or due <= self.now:
            due = self._funding_due[asset] = self.feed.next_funding(asset, self.now)
        return due

    def _pass_instant(self) -> None:
        now = self.markets.now
        for asset in self.account.held:
            if self._funding_due.get(asset) == now:
                rate = self.feed.funding_rate(asset, now)
                self.account.book_funding(asset, rate, self.mark(asset), now)
        since_start = now - self.feed.start
        if since_start % self._check_period == 0 and self._insolvent():
            self._liquidate()
        if self._desk.open and since_start % self.feed.step == 0:
            self._desk.serve()

    def _insolvent(self) -> bool:
        return self.margined and bool(self.account.held) and self.account.insolvent(self.mark)

    def _liquidate(self) -> None:
        for order in self._desk.resting("perp"):
            self._desk.cancel(order, Ending.TAKE_OVER)
        for asset in self.account.held:
            quantity, mark = self.position(asset).quantity, self._mark_on_tick(asset)
            symbol = self.instruments[asset].symbol
            self._desk.take_over(asset, mark, LIQUIDATION_PREFIX)
            realised = self.fills[-1].realised
            self.liquidations.append(Liquidation(symbol, asset, quantity, mark, realised, self.now))
            if self.events.heard:
                self.events.tell(Liquidated(self.liquidations[-1], self.now))
        missing = -self.account.collateral(self.mark)
        if missing > 0:
            self.account.credit(IncomeKind.INSURANCE_CLEAR, "", missing, self.now)
            if self.events.heard:
                self.events.tell(BalanceMoved(Movement.INSURANCE, self.settle, ZERO, missing, self.now))
