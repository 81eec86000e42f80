"""The Venue port of a dry run: a real market to look at, a simulated account to trade with.

Reads go to the venue's public market data; orders never leave this process. Fills are cautious: a resting order trades
only when the opposite touch is seen strictly beyond its price, a taker walks the displayed book and pays the taker
fee. Funding is what the venue published, on the position that was carried into the settlement.
docs/dry-run.md says where this differs from real orders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Self

from bot.core.market import Asset, Instrument, Snapshot, WalletKind
from bot.core.orders import Fill, FundingPayment, OrderIntent, OrderRecord, OrderReport
from bot.core.policy import Policy
from bot.core.times import Millis
from bot.errors import Refused
from bot.paper.exchange import PaperExchange
from bot.paper.observed import ObservedFeed
from bot.paper.records import RejectCode
from bot.paper.restore import Past, restore
from bot.paper.venue import PaperVenue
from bot.ports import Balances, Clock, MarketData

ACCOUNT = "dry"
"""The account id of every dry run."""


class DryVenue:
    """A simulated account on an observed market. Opened by `DryVenue.open`. Implements `bot.ports.Venue`.

    Only a read can fail, as Unavailable or Refused; an order whose look at the book failed never left.
    """

    def __init__(
        self, market: MarketData, clock: Clock, exchange: PaperExchange, feed: ObservedFeed,
        paid: Sequence[FundingPayment] = (),
    ) -> None:
        self.exchange = exchange
        self._market = market
        self._clock = clock
        self._feed = feed
        self._paper = PaperVenue(exchange, account_id=ACCOUNT)
        self._paid = {(payment.symbol, payment.payment_id): payment for payment in paid}

    @classmethod
    async def open(
        cls, market: MarketData, clock: Clock, assets: Sequence[Asset], *, settle: str, leverage: Decimal,
        begin: Balances | Past,
    ) -> Self:
        """Look at the market, and begin an account with these balances or take one up. Raises Unavailable, Refused."""
        instruments = await market.instruments(assets)
        feed = ObservedFeed(await market.prices())
        balances = begin.balances if isinstance(begin, Past) else begin
        exchange = PaperExchange(
            feed, instruments, balances_spot=balances.spot, balances_futures=balances.futures,
            wallet=WalletKind.SEPARATE, leverage=leverage, settle=settle,
        )
        if not isinstance(begin, Past):
            return cls(market, clock, exchange, feed)
        restore(exchange, begin)
        return cls(market, clock, exchange, feed, begin.funding)

    @property
    def name(self) -> str:
        """The venue whose market is looked at."""
        return self._market.name

    @property
    def lookup_patience(self) -> Millis:
        """0: a look-up that finds nothing is credible at once."""
        return self._paper.lookup_patience

    async def account(self) -> str:
        """'dry'."""
        return ACCOUNT

    async def instruments(self, assets: Sequence[Asset]) -> Mapping[Asset, Instrument]:
        """The specifications as they were when the account was opened."""
        return await self._paper.instruments(assets)

    async def prepare(self, policy: Policy) -> tuple[str, ...]:
        """Set the simulated account's leverage where it differs."""
        return await self._paper.prepare(policy)

    async def snapshot(self) -> Snapshot:
        """The venue's prices, and the simulated account at them."""
        prices = await self._market.prices()
        self._feed.see(prices)
        self.exchange.meet(prices.at)
        account = await self._paper.snapshot()
        return replace(account, quotes=prices.quotes, stable_prices=prices.stable_prices)

    async def place(self, intent: OrderIntent) -> OrderReport:
        """Put one order to the book as it is displayed now."""
        await self._look_at(intent.symbol)
        return await self._paper.place(intent)

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
        traded = {fill.asset for fill in self.exchange.fills}
        assets = [asset for asset in self.exchange.instruments if asset in traded]
        for settled in await self._market.settlements(assets, since) if assets else ():
            key = (self.exchange.instruments[settled.asset].symbol, str(settled.at))
            if key in self._paid:
                continue
            row = self.exchange.book_settlement(settled.asset, settled.rate, settled.mark, settled.at)
            if row is not None:
                self._paid[key] = FundingPayment(key[1], row.symbol, row.amount, self.exchange.settle, row.at)
        return tuple(sorted(
            (payment for payment in self._paid.values() if payment.at >= since),
            key=lambda payment: (payment.at, payment.symbol),
        ))

    async def close(self) -> None:
        """Release the market data's sockets."""
        await self._market.close()

    async def _look_at(self, symbol: str) -> None:
        for asset, instrument in self.exchange.instruments.items():
            if instrument.symbol == symbol:
                depth = await self._market.depth(asset)
                self._feed.see_depth(asset, depth)
                self.exchange.meet(self._clock.now())
                return
        raise Refused(f"no market {symbol}", RejectCode.UNKNOWN_SYMBOL)
