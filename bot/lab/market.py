"""History as a market to trade on: a simulated account (`bot.paper`) whose prices are a panel's rows (DOMAIN §9).

Every row is one instant. Of a book it knows the price alone, which is bid and ask at once; the index stands where the
mark does. In this order: funding settles on the position carried into the row, at the row's mark; the margin account
is checked at the highest mark since the row before; resting orders that the price has traded through are filled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from enum import StrEnum

from bot.core.market import Asset, FuturesWallet, Holding, Position, Quote, Snapshot
from bot.core.money import ZERO
from bot.core.orders import OrderIntent, OrderRecord, OrderReport, TimeInForce
from bot.core.times import DAY, Millis
from bot.lab.panel import USUAL_INTERVAL, Row
from bot.paper.exchange import PaperExchange
from bot.paper.feed import BookState, Level, MarketState
from bot.paper.markets import market_of
from bot.paper.positions import PaperPosition
from bot.paper.venue import PaperVenue, open_order_of, report_of
from bot.paper.wallets import Wallets
from bot.ports import Settlement

_REMEMBERED: Millis = 3 * DAY
_END_OF_TIME: Millis = 2**62
_DEEP = Decimal(10**12)
_NOTHING = BookState((), (), ZERO, ZERO)


class Fill(StrEnum):
    """When an order fills: once a later price trades through it, or at the price that was known at the decision."""

    TOUCH = "touch"
    IMMEDIATE = "immediate"


class PanelClock:
    """The instant of the present row."""

    def __init__(self) -> None:
        self.at: Millis = 0

    @property
    def origin(self) -> Millis:
        """0."""
        return 0

    def now(self) -> Millis:
        """The present row's instant."""
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Only rows move time."""

    async def sleep_until(self, at: Millis) -> None:
        """Only rows move time."""


class PanelFeed:
    """Implements `bot.paper.feed.Feed`: whatever instant is asked for, the answer is the present row.

    `shown` False: the books are empty, so that an order placed at the only price there is can rest. `high`: marks
    are the highest since the row before.
    """

    def __init__(self, first: Row) -> None:
        self._start = first.at
        self.row = first
        self.shown = True
        self.high = False

    @property
    def assets(self) -> Sequence[Asset]:
        """The coins of the replay."""
        return self.row.assets

    @property
    def start(self) -> Millis:
        """The first row."""
        return self._start

    @property
    def end(self) -> Millis:
        """None is known."""
        return _END_OF_TIME

    @property
    def step(self) -> Millis:
        """1 ms: rows come when they come."""
        return 1

    def at(self, asset: Asset, at: Millis) -> MarketState:  # noqa: ARG002 - the present row is all there is
        """The coin's markets: one price, and as much of it as anybody wants."""
        quote = self.row.quotes[asset]
        mark = self._mark(asset)
        if not self.shown:
            return MarketState(spot=_NOTHING, perp=_NOTHING, mark=mark, index=mark)
        return MarketState(spot=_book(quote.spot_bid), perp=_book(quote.perp_bid), mark=mark, index=mark)

    def mark(self, asset: Asset, at: Millis) -> Decimal:  # noqa: ARG002 - as above
        """The mark price."""
        return self.row.highs[asset] if self.high else self._mark(asset)

    def _mark(self, asset: Asset) -> Decimal:
        mark = self.row.quotes[asset].mark
        if mark is None:
            raise ValueError(f"{asset} has no mark price")  # a panel's row has all three prices
        return mark

    def funding_interval(self, asset: Asset, at: Millis) -> Millis:  # noqa: ARG002 - as above
        """Eight hours; settlements are booked when a row has one."""
        return USUAL_INTERVAL

    def next_funding(self, asset: Asset, after: Millis) -> Millis:
        """One interval later."""
        return after + self.funding_interval(asset, after)

    def funding_rate(self, asset: Asset, settlement: Millis) -> Decimal:  # noqa: ARG002 - as above
        """0: none is predicted."""
        return ZERO


class PanelVenue(PaperVenue):
    """The `Venue` port over history. `see` is called with each row, and nothing else moves time."""

    def __init__(self, exchange: PaperExchange, feed: PanelFeed, clock: PanelClock, *, fill: Fill) -> None:
        super().__init__(exchange, account_id="replay")
        self._feed = feed
        self._row_clock = clock
        self._immediate = fill is Fill.IMMEDIATE
        self._margined = exchange.margined
        self._shown: Mapping[str, Holding] = {}
        self._shown_at = -1
        self._held: tuple[tuple[int, Asset, PaperPosition], ...] = ()
        self._held_at = -1
        self._symbols = {asset: instrument.symbol for asset, instrument in exchange.instruments.items()}
        self._settled: deque[Settlement] = deque()

    def see(self, row: Row) -> bool:
        """Go on to a row, and let happen what happens to the account by itself; whether anything did."""
        exchange, at, moved = self.exchange, row.at, False
        self._feed.row = row
        self._row_clock.at = exchange.markets.now = at
        if row.settled:
            moved = self._settle(row)
        if exchange.resting or (self._margined and exchange.account.held):
            fills = len(exchange.fills)
            self._feed.high = True
            exchange.meet(at)
            self._feed.high = False
            moved |= len(exchange.fills) > fills
        return moved

    def _settle(self, row: Row) -> bool:
        """Funding on the positions carried into the row, at its marks; whether there was any."""
        account, hedged, at, settled = self.exchange.account, False, row.at, self._settled
        while settled and at - settled[0].at > _REMEMBERED:
            settled.popleft()
        for asset, rate in row.settled.items():
            mark = row.marks[row.assets.index(asset)]
            settled.append(Settlement(asset, rate, mark, at))
            if account.positions[asset].quantity:
                hedged = True
                account.book_funding(asset, rate, mark, at)
        return hedged

    def reading(self, *, brief: bool = False) -> Snapshot:
        """The account and the row. Where nobody asks what it can carry, margins are not reckoned: they are 0."""
        if self._margined:
            return super().reading(brief=brief)
        exchange, row = self.exchange, self._feed.row
        unrealised, positions = ZERO, []
        for place, asset, held in self._positions():
            mark = row.marks[place]
            gain = held.unrealised(mark)
            unrealised += gain
            positions.append(Position(
                self._symbols[asset], held.quantity, held.entry, mark, gain, ZERO, ZERO, None, None, held.updated_at))
        wallets = exchange.wallets
        equity = wallets.futures[exchange.settle] + unrealised
        return Snapshot(
            row.at, self._holdings(wallets), FuturesWallet(ZERO, unrealised, equity, ZERO, ZERO, equity), row.quotes,
            tuple(positions), tuple(map(open_order_of, exchange.open_orders("perp"))) if exchange.resting else (),
            wallets.kind,
        )

    def unrealised(self) -> Decimal:
        """The positions' profit at the row's marks, as `reading` has it."""
        marks, total = self._feed.row.marks, ZERO
        for place, _, held in self._held if self._held_at == len(self.exchange.account.fills) else self._positions():
            total += held.unrealised(marks[place])
        return total

    def _positions(self) -> tuple[tuple[int, Asset, PaperPosition], ...]:
        """The coins with a position, each with its place in a row: as found last, unless there were trades since."""
        account = self.exchange.account
        if self._held_at != len(account.fills):
            self._held_at, assets = len(account.fills), self._feed.row.assets
            self._held = tuple(
                (assets.index(asset), asset, held) for asset, held in account.positions.items() if held.quantity)
        return self._held

    def _holdings(self, wallets: Wallets) -> Mapping[str, Holding]:
        """The coins as they were shown last, unless something has happened to them."""
        if self._shown_at != wallets.changes:
            self._shown_at = wallets.changes
            self._shown = {
                coin: Holding(amount - wallets.locked.get(coin, ZERO), wallets.locked.get(coin, ZERO))
                for coin, amount in wallets.spot.items()}
        return self._shown

    async def place(self, intent: OrderIntent) -> OrderReport:
        """Send one order. With `immediate` fills a post-only order has traded, as a maker, when this returns."""
        with self._resting(intent.time_in_force):
            report = await super().place(intent)
        return self._fill_now(intent.symbol, intent.client_order_id) or report

    async def amend(self, record: OrderRecord, price: Decimal) -> OrderReport:
        """Move a resting order."""
        with self._resting(record.intent.time_in_force):
            report = await super().amend(record, price)
        return self._fill_now(record.intent.symbol, record.intent.client_order_id) or report

    @contextmanager
    def _resting(self, kind: TimeInForce) -> Iterator[None]:
        """Let a post-only order be put at the only price there is."""
        self._feed.shown = kind is not TimeInForce.GTX
        try:
            yield
        finally:
            self._feed.shown = True

    def _fill_now(self, symbol: str, client_order_id: str) -> OrderReport | None:
        found = market_of(symbol, self.exchange.instruments)
        order = None if found is None else self.exchange.find(found[0], symbol, client_order_id)
        if order is None or not order.open or not self._immediate:
            return None
        self.exchange.take(order, order.remaining)
        return report_of(order)

    async def settlements(self, assets: Sequence[Asset], since: Millis) -> tuple[Settlement, ...]:
        """What the rows have settled from `since` on; three days back at most."""
        return tuple(one for one in self._settled if one.asset in assets and one.at >= since)

    def quote(self, asset: Asset) -> Quote:
        """The row's prices."""
        return self._feed.row.quotes[asset]


def _book(price: Decimal | None) -> BookState:
    levels = () if price is None else (Level(price, _DEEP),)
    return BookState(levels, levels, ZERO, ZERO)
