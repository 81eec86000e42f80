"""The Venue port over a PaperExchange in the same process: for dry runs and for the engine's tests."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from operator import attrgetter
from typing import TypeVar

from bot.core.hygiene import LEVERAGE, Check, Verdict, market_check
from bot.core.market import (
    Asset,
    FuturesWallet,
    Holding,
    Instrument,
    OpenOrder,
    Position,
    Quote,
    Snapshot,
    WalletKind,
)
from bot.core.money import ZERO, plain
from bot.core.orders import Fill, FundingPayment, OrderIntent, OrderRecord, OrderReport, OrderState
from bot.core.policy import Policy
from bot.core.runway import initial_margin, maintenance_margin
from bot.core.times import Millis
from bot.errors import Refused
from bot.paper.exchange import ADL_PREFIX, LIQUIDATION_PREFIX, PaperExchange
from bot.paper.feed import BookState
from bot.paper.markets import market_of
from bot.paper.records import FundingRow, MarketName, OrderStatus, PaperFill, PaperOrder, PaperReject, RejectCode
from bot.ports import Clock, Settlement

_Dated = TypeVar("_Dated", PaperFill, FundingRow)

_STATES = {
    OrderStatus.NEW: OrderState.OPEN,
    OrderStatus.PARTIALLY_FILLED: OrderState.PARTIAL,
    OrderStatus.FILLED: OrderState.FILLED,
    OrderStatus.CANCELED: OrderState.CANCELLED,
    OrderStatus.EXPIRED: OrderState.CANCELLED,
}


class PaperVenue:
    """One simulated account. With a `clock` the exchange is brought up to its instant before every call.

    Nothing here is ever Unavailable or Uncertain: a request and its effect are one step.
    """

    def __init__(self, exchange: PaperExchange, clock: Clock | None = None, account_id: str = "paper") -> None:
        self.exchange = exchange
        self._clock = clock
        self._account_id = account_id

    @property
    def name(self) -> str:
        """'paper'."""
        return "paper"

    @property
    def lookup_patience(self) -> Millis:
        """0: a look-up that finds nothing is credible at once."""
        return 0

    async def account(self) -> str:
        """The id given at construction."""
        return self._account_id

    async def instruments(self, assets: Sequence[Asset]) -> Mapping[Asset, Instrument]:
        """The specifications of these coins. Refused for a coin that the exchange does not list."""
        missing = [asset for asset in assets if asset not in self.exchange.instruments]
        if missing:
            raise Refused(f"no market for {', '.join(missing)}", RejectCode.UNKNOWN_SYMBOL)
        return {asset: self.exchange.instruments[asset] for asset in assets}

    async def prepare(self, policy: Policy) -> tuple[str, ...]:
        """Set the leverage where it differs. The account is one-way and cross by nature."""
        self._follow_clock()
        changed = []
        for asset in (entry.asset for entry in policy.assets):
            before = self.exchange.leverage(asset) if asset in self.exchange.instruments else None
            if before != policy.margin.leverage:
                with _refusals():
                    self.exchange.set_leverage(asset, policy.margin.leverage)
                changed.append(f"leverage of {asset} set to {plain(policy.margin.leverage)}")
        return tuple(changed)

    async def inspect(self, policy: Policy) -> tuple[Check, ...]:
        """Leverage and markets; all else is as it must be by nature."""
        self._follow_clock()
        return tuple(check for entry in policy.assets for check in self._inspect(entry.asset, policy.margin.leverage))

    def _inspect(self, asset: Asset, wanted: Decimal) -> tuple[Check, ...]:
        found, instrument = self.exchange.leverage(asset), self.exchange.instruments[asset]
        verdict = Verdict.OK if found == wanted else Verdict.FAIL
        return (
            Check(LEVERAGE, verdict, plain(found), plain(wanted), "" if found == wanted else "restart", asset=asset),
            market_check(asset, instrument.symbol, tradable=instrument.tradable),
        )

    async def snapshot(self) -> Snapshot:
        """Everything at the exchange's present instant; open orders are the perpetuals'."""
        self._follow_clock()
        return self.reading()

    def reading(self, *, brief: bool = False) -> Snapshot:
        """The account and its markets as they are; no time passes. `brief`: without liquidation prices, which no
        decision needs and which take the longest.
        """
        exchange = self.exchange
        figures, unified = exchange.figures(), exchange.wallets.kind is WalletKind.UNIFIED
        return Snapshot(
            taken_at=exchange.now,
            holdings={coin: self._holding(coin) for coin in sorted(exchange.wallets.spot)},
            futures=FuturesWallet(
                balance=ZERO if unified else figures.wallet_balance, unrealised=figures.unrealised,
                equity=figures.equity, initial_margin=figures.initial_margin,
                maintenance_margin=figures.maintenance_margin, available=figures.available,
            ),
            quotes={asset: self.quote(asset) for asset in exchange.instruments},
            positions=tuple(self._position(asset, brief=brief) for asset in exchange.account.held),
            open_orders=tuple(open_order_of(order) for order in exchange.open_orders("perp")),
            wallet=exchange.wallets.kind,
        )

    async def place(self, intent: OrderIntent) -> OrderReport:
        """Send one order. A post-only order that would cross is reported CANCELLED with its code."""
        self._follow_clock()
        try:
            market, asset = self._traded(intent.symbol)
            order = self.exchange.place(
                market, asset, intent.side, intent.quantity, intent.price,
                time_in_force=intent.time_in_force, reduce_only=intent.reduce_only,
                client_order_id=intent.client_order_id,
            )
        except PaperReject as reject:
            if reject.code is not RejectCode.POST_ONLY_WOULD_CROSS:
                raise Refused(str(reject), reject.code) from reject
            return OrderReport(
                intent.client_order_id, intent.symbol, OrderState.CANCELLED, ZERO, quantity=intent.quantity,
                price=intent.price, at=self.exchange.now, code=reject.code, message=str(reject),
            )
        return report_of(order)

    def amends(self, symbol: str) -> bool:
        """On spot as where such wallets are: a unified account's orders can be moved, others' cannot."""
        return self._market(symbol) == "perp" or self.exchange.wallets.kind is WalletKind.UNIFIED

    async def amend(self, record: OrderRecord, price: Decimal) -> OrderReport:
        """Move a resting order to `price`; one that has ended is reported as it ended."""
        self._follow_clock()
        order = self._order(record)
        if not self.amends(order.symbol):
            raise Refused("an order on this spot market cannot be moved: cancel it, and place the rest anew")
        if order.open and order.price != price:
            with _refusals():
                self.exchange.amend(order, price)
        return report_of(order)

    async def cancel(self, record: OrderRecord) -> OrderReport:
        """Withdraw a resting order; one that has ended is reported as it ended."""
        self._follow_clock()
        order = self._order(record)
        if order.open:
            self.exchange.cancel(order)
        return report_of(order)

    async def forced_closes(self, symbol: str, since: Millis) -> Mapping[str, str]:
        """Orders by which the exchange liquidated or deleveraged, by id."""
        self._follow_clock()
        return {
            str(order.order_id): "adl" if order.client_order_id.startswith(ADL_PREFIX) else "liquidation"
            for order in self.exchange.orders.values()
            if order.symbol == symbol and order.created_at >= since
            and order.client_order_id.startswith((ADL_PREFIX, LIQUIDATION_PREFIX))
        }

    async def transfer_to_margin(self, coin: str, amount: Decimal) -> str:
        """Move free coin from the spot wallet to the margin account."""
        self._follow_clock()
        with _refusals():
            self.exchange.transfer(coin, amount, to_futures=True)
        return f"{plain(amount)} {coin}"

    async def find_order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """The newest order with this client id, or None."""
        self._follow_clock()
        order = self.exchange.find(self._market(symbol), symbol, client_order_id)
        return None if order is None else report_of(order)

    async def fills(self, symbol: str, since: Millis) -> tuple[Fill, ...]:
        """Executions on the symbol from `since` on, oldest first."""
        self._follow_clock()
        market = self._market(symbol)
        return tuple(
            Fill(
                trade_id=str(fill.trade_id), order_id=str(fill.order_id), symbol=fill.symbol, side=fill.side,
                quantity=fill.quantity, price=fill.price, fee=fill.fee, fee_currency=fill.fee_currency,
                realised=fill.realised, maker=fill.maker, at=fill.at, client_order_id=fill.client_order_id,
            )
            for fill in _since(self.exchange.fills, since) if fill.market == market and fill.symbol == symbol
        )

    async def funding(self, since: Millis) -> tuple[FundingPayment, ...]:
        """Funding settlements from `since` on, oldest first."""
        self._follow_clock()
        return tuple(
            FundingPayment(str(row.id), row.symbol, row.amount, self.exchange.settle, row.at)
            for row in _since(self.exchange.funding_rows, since)
        )

    async def settlements(self, assets: Sequence[Asset], since: Millis) -> tuple[Settlement, ...]:
        """What the feed settled from `since` on, oldest first; the mark of a past instant is not told."""
        self._follow_clock()
        feed, found = self.exchange.feed, []
        for asset in assets:
            at = feed.next_funding(asset, max(since, feed.start) - 1)
            while at <= self.exchange.now:
                found.append(Settlement(asset, feed.funding_rate(asset, at), None, at))
                at = feed.next_funding(asset, at)
        return tuple(sorted(found, key=lambda settled: (settled.at, settled.asset)))

    async def close(self) -> None:
        """Nothing to release."""

    def _follow_clock(self) -> None:
        if self._clock is not None:
            self.exchange.advance(self._clock.now())

    def _traded(self, symbol: str) -> tuple[MarketName, Asset]:
        found = market_of(symbol, self.exchange.instruments)
        if found is None:
            raise PaperReject(RejectCode.UNKNOWN_SYMBOL, symbol)
        return found

    def _market(self, symbol: str) -> MarketName:
        """One that is not listed has neither orders nor executions on either market."""
        found = market_of(symbol, self.exchange.instruments)
        return "perp" if found is None else found[0]

    def _order(self, record: OrderRecord) -> PaperOrder:
        symbol = record.intent.symbol
        order = self.exchange.find(self._market(symbol), symbol, record.intent.client_order_id)
        if order is None:
            raise Refused(f"{record.intent.client_order_id} is not known", RejectCode.UNKNOWN_ORDER)
        return order

    def _holding(self, coin: str) -> Holding:
        balance = self.exchange.wallets.spot[coin]
        locked = self.exchange.wallets.locked.get(coin, ZERO)
        if balance < locked:
            return Holding(free=ZERO, locked=locked, borrowed=locked - balance)
        return Holding(free=balance - locked, locked=locked)

    def quote(self, asset: Asset) -> Quote:
        """What the coin's markets show now."""
        state, now = self.exchange.state(asset), self.exchange.now
        rate, due, interval = self.exchange.funding(asset)
        spot_bid, spot_ask = _best(state.spot)
        perp_bid, perp_ask = _best(state.perp)
        return Quote(
            spot_bid=spot_bid, spot_ask=spot_ask, spot_at=now, perp_bid=perp_bid, perp_ask=perp_ask, perp_at=now,
            mark=state.mark, index=state.index, mark_at=now, funding_rate=rate, next_funding_at=due,
            funding_interval=interval,
        )

    def _position(self, asset: Asset, *, brief: bool) -> Position:
        held, mark = self.exchange.position(asset), self.exchange.mark(asset)
        instrument = self.exchange.instruments[asset]
        notional, leverage = abs(held.quantity) * mark, self.exchange.leverage(asset)
        return Position(
            symbol=instrument.symbol, quantity=held.quantity, entry_price=held.entry, mark=mark,
            unrealised=held.unrealised(mark), maintenance_margin=maintenance_margin(notional, instrument.tiers),
            initial_margin=initial_margin(notional, leverage),
            liquidation_price=None if brief else self.exchange.liquidation_price(asset), leverage=leverage,
            updated_at=held.updated_at,
        )


@contextmanager
def _refusals() -> Iterator[None]:
    """The exchange's no as the port's no."""
    try:
        yield
    except PaperReject as reject:
        raise Refused(str(reject), reject.code) from reject


def _since(rows: Sequence[_Dated], since: Millis) -> Sequence[_Dated]:
    """The rows from `since` on of a list that is in the order of time."""
    return rows[bisect_left(rows, since, key=attrgetter("at")):]


def _best(book: BookState) -> tuple[Decimal | None, Decimal | None]:
    return book.bids[0].price if book.bids else None, book.asks[0].price if book.asks else None


def open_order_of(order: PaperOrder) -> OpenOrder:
    """How the venue shows a resting order."""
    return OpenOrder(
        symbol=order.symbol, order_id=str(order.order_id), client_order_id=order.client_order_id, side=order.side,
        price=order.price, quantity=order.quantity, filled=order.filled, reduce_only=order.reduce_only,
        created_at=order.created_at,
    )


def report_of(order: PaperOrder) -> OrderReport:
    """What the venue says of an order now."""
    return OrderReport(
        client_order_id=order.client_order_id, symbol=order.symbol, state=_STATES[order.status], filled=order.filled,
        order_id=str(order.order_id), quantity=order.quantity, price=order.price, average=order.average,
        at=order.updated_at,
    )
