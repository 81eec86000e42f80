"""The Venue port of a dry run: a real market to look at, a simulated account to trade with.

Reads go to the venue's public market data; orders never leave this process. Fills are cautious: a resting order trades
only when the opposite touch is seen strictly beyond its price, a taker walks the displayed book and pays the taker
fee. Funding is what the venue published, on the position that was carried into the settlement.
docs/dry-run.md says where this differs from real orders.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from bot.core.hygiene import Check
from bot.core.market import Asset, Instrument, Snapshot
from bot.core.orders import Fill, FundingPayment, OrderIntent, OrderRecord, OrderReport
from bot.core.policy import Policy
from bot.core.times import Millis
from bot.errors import Refused
from bot.paper.exchange import PaperExchange
from bot.paper.markets import market_of
from bot.paper.observed import ObservedFeed
from bot.paper.records import RejectCode
from bot.paper.restore import Past, restore
from bot.paper.venue import PaperVenue
from bot.ports import Balances, Clock, Market, MarketData, Settlement

ACCOUNT = "dry"
"""The account id of every dry run."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """The account with its market, and the settlements booked, by symbol and payment id."""

    exchange: PaperExchange
    feed: ObservedFeed
    venue: PaperVenue
    paid: dict[tuple[str, str], FundingPayment] = field(default_factory=dict)


class DryVenue:
    """A simulated account on an observed market. Implements `bot.ports.Venue`; `instruments` comes first.

    Only a read can fail, as Unavailable or Refused; an order whose look at the book failed never left.
    `begin` gives the balances of a new account, or the past of one to take up; it is asked once.
    """

    def __init__(
        self, market: MarketData, clock: Clock, begin: Callable[[], Awaitable[Balances | Past]], *, settle: str,
        leverage: Decimal,
    ) -> None:
        self._market = market
        self._clock = clock
        self._begin = begin
        self._settle = settle
        self._leverage = leverage
        self._opened: _Opened | None = None

    @property
    def exchange(self) -> PaperExchange:
        """The simulated account. Raises ValueError before `instruments` was called."""
        return self._open.exchange

    @property
    def _open(self) -> _Opened:
        if self._opened is None:
            raise ValueError("a dry run's account is opened by `instruments`")
        return self._opened

    @property
    def _paper(self) -> PaperVenue:
        return self._open.venue

    @property
    def name(self) -> str:
        """The venue whose market is looked at."""
        return self._market.name

    @property
    def lookup_patience(self) -> Millis:
        """0: a look-up that finds nothing is credible at once."""
        return 0

    async def account(self) -> str:
        """'dry'."""
        return ACCOUNT

    async def instruments(self, assets: Sequence[Asset]) -> Mapping[Asset, Instrument]:
        """The specifications. The first call opens the account with the markets of these coins."""
        if self._opened is None:
            self._opened = await self._open_account(assets)
        return await self._paper.instruments(assets)

    async def _open_account(self, assets: Sequence[Asset]) -> _Opened:
        instruments = await self._market.instruments(assets)
        feed = ObservedFeed(await self._market.prices())
        begin = await self._begin()
        balances = begin.balances if isinstance(begin, Past) else begin
        exchange = PaperExchange(
            feed, instruments, balances_spot=balances.spot, balances_futures=balances.futures,
            wallet=self._market.wallet, leverage=self._leverage, settle=self._settle,
        )
        opened = _Opened(exchange, feed, PaperVenue(exchange, account_id=ACCOUNT))
        if isinstance(begin, Past):
            restore(exchange, begin)
            opened.paid.update({(payment.symbol, payment.payment_id): payment for payment in begin.funding})
        return opened

    async def prepare(self, policy: Policy) -> tuple[str, ...]:
        """Set the simulated account's leverage where it differs."""
        return await self._paper.prepare(policy)

    async def inspect(self, policy: Policy) -> tuple[Check, ...]:
        """The simulated account's own; no key of a real one is looked at."""
        return await self._paper.inspect(policy)

    async def snapshot(self) -> Snapshot:
        """The venue's prices, and the simulated account at them."""
        prices = await self._market.prices()
        self._open.feed.see(prices)
        self.exchange.meet(prices.at)
        account = await self._paper.snapshot()
        return replace(account, quotes=prices.quotes, stable_prices=prices.stable_prices)

    async def place(self, intent: OrderIntent) -> OrderReport:
        """Put one order to the book as it is displayed now."""
        await self._look_at(intent.symbol)
        return await self._paper.place(intent)

    def amends(self, symbol: str) -> bool:
        """As the simulated account does."""
        return self._paper.amends(symbol)

    async def amend(self, record: OrderRecord, price: Decimal) -> OrderReport:
        """Move a resting order, by the book as it is displayed now."""
        await self._look_at(record.intent.symbol)
        return await self._paper.amend(record, price)

    async def cancel(self, record: OrderRecord) -> OrderReport:
        """Withdraw a resting order."""
        return await self._paper.cancel(record)

    async def find_order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """One of ours, by client id."""
        return await self._paper.find_order(symbol, client_order_id)

    async def fills(self, symbol: str, since: Millis) -> tuple[Fill, ...]:
        """Executions on the symbol from `since` on, oldest first."""
        return await self._paper.fills(symbol, since)

    async def funding(self, since: Millis) -> tuple[FundingPayment, ...]:
        """Settlements from `since` on; those that the venue published meanwhile are booked first."""
        paid = self._open.paid
        traded = {fill.asset for fill in self.exchange.fills}
        assets = [asset for asset in self.exchange.instruments if asset in traded]
        for settled in await self._market.settlements(assets, since) if assets else ():
            key = (self.exchange.instruments[settled.asset].symbol, str(settled.at))
            if key in paid:
                continue
            row = self.exchange.book_settlement(settled.asset, settled.rate, settled.mark, settled.at)
            if row is not None:
                paid[key] = FundingPayment(key[1], row.symbol, row.amount, self._settle, row.at)
        return tuple(sorted(
            (payment for payment in paid.values() if payment.at >= since),
            key=lambda payment: (payment.at, payment.symbol),
        ))

    async def settlements(self, assets: Sequence[Asset], since: Millis) -> tuple[Settlement, ...]:
        """As the market data tells them."""
        return await self._market.settlements(assets, since)

    async def close(self) -> None:
        """Release the market data's sockets."""
        await self._market.close()

    async def _look_at(self, symbol: str) -> None:
        found = market_of(symbol, self.exchange.instruments)
        if found is None:
            raise Refused(f"no market {symbol}", RejectCode.UNKNOWN_SYMBOL)
        market, asset = found
        self._open.feed.see_depth(asset, market, await self._market.depth(asset, Market(market)))
        self.exchange.meet(self._clock.now())
