"""One account as the bot uses it: some coins against one settle coin, on an exchange whose history has pages.

What Binance's and Bybit's accounts have in common beyond `CcxtVenue`: which markets are looked at, by which names, and
how what happened is asked for.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar, Protocol

from bot.core.history import Retention
from bot.core.income import IncomeRow
from bot.core.market import Asset, Snapshot
from bot.core.orders import Fill, FundingPayment, OrderReport, PastOrder
from bot.core.times import SECOND, Millis
from bot.errors import Refused, SafetyStop
from bot.ports import Balances, Clock, Prices, Settlement
from bot.venues.failures import ClockSkew, Codes, Endpoint
from bot.venues.gateway import CcxtVenue, Params
from bot.venues.names import Names
from bot.venues.transport import Foreign

OPEN_ORDERS_EVERY: Millis = 30 * SECOND


class History(Protocol):
    """What happened on an account, oldest first, each thing once: a venue's module of that name."""

    async def fills(
        self, venue: CcxtVenue, names: Names, symbol: str, *, since: Millis, now: Millis,
    ) -> tuple[Fill, ...]:
        """Executions on one symbol."""

    async def orders(
        self, venue: CcxtVenue, names: Names, symbol: str, *, since: Millis, now: Millis,
    ) -> tuple[PastOrder, ...]:
        """Orders of ours on one symbol."""

    async def forced_closes(
        self, venue: CcxtVenue, names: Names, symbol: str, *, since: Millis, now: Millis,
    ) -> dict[str, str]:
        """Ids of orders by which the venue closed a position, each with the reason."""

    async def funding(
        self, venue: CcxtVenue, names: Names, *, since: Millis, now: Millis,
    ) -> tuple[FundingPayment, ...]:
        """Funding settlements of the whole account."""

    async def income(self, venue: CcxtVenue, names: Names, *, since: Millis, now: Millis) -> tuple[IncomeRow, ...]:
        """Every movement of the wallet that margin is in."""

    async def settled(
        self, venue: CcxtVenue, names: Names, asset: Asset, *, since: Millis, now: Millis,
    ) -> Sequence[Settlement]:
        """What was settled on one coin's market, in any order."""


class PortfolioVenue(CcxtVenue):
    """`assets` against `settle`, with `cash` coins counted as cash. Otherwise as `CcxtVenue`."""

    history: ClassVar[History]
    lacks_right: ClassVar[frozenset[str]]
    """Codes that say, of a request about spot, that the key may not make it."""

    def __init__(
        self, name: str, exchange: Foreign, clock: Clock, *, codes: Codes, lookup_patience: Millis,
        server_time: tuple[Endpoint, str], open_orders_every: Millis, remembers: Retention, assets: Sequence[Asset],
        settle: str, cash: Sequence[str],
    ) -> None:
        super().__init__(
            name, exchange, clock, codes=codes, lookup_patience=lookup_patience, server_time=server_time,
            open_orders_every=open_orders_every, remembers=remembers,
        )
        self._names = Names(settle)
        self._symbols = {asset: self._names.native(asset) for asset in assets}
        self._stables = {coin: self._names.native(coin) for coin in cash if coin != settle}
        self._wallet_coins = (*assets, *dict.fromkeys((settle, *cash)))

    @property
    def names(self) -> Names:
        """How the venue calls its markets."""
        return self._names

    @abstractmethod
    async def prices(self) -> Prices:
        """The market half of a snapshot, which needs no key."""

    @abstractmethod
    async def balances(self) -> Balances:
        """The totals that the key's account holds."""

    async def fills(self, symbol: str, since: Millis) -> tuple[Fill, ...]:
        """Executions on one symbol, from what is remembered, with the client ids of those whose order is known."""
        now = self._clock.now()
        with self.spot_right(symbol):
            return await self.history.fills(
                self, self._names, symbol, since=max(since, now - self.remembers.fills), now=now)

    async def funding(self, since: Millis) -> tuple[FundingPayment, ...]:
        """Funding settlements of the whole account."""
        return await self.history.funding(self, self._names, since=since, now=self._clock.now())

    async def income(self, since: Millis) -> tuple[IncomeRow, ...]:
        """See `bot.ports.Income`."""
        now = self._clock.now()
        return await self.history.income(self, self._names, since=max(since, now - self.remembers.funding), now=now)

    async def settlements(self, assets: Sequence[Asset], since: Millis) -> tuple[Settlement, ...]:
        """By coin, page after page; needs no key."""
        now = self._clock.now()
        found = [settled for asset in assets for settled in await self.history.settled(
            self, self._names, asset, since=since, now=now)]
        return tuple(sorted(found, key=lambda settled: (settled.at, settled.asset)))

    @contextmanager
    def spot_right(self, symbol: str) -> Iterator[None]:
        """What the key may not do on spot is Refused, and no safety stop: a key for perpetuals alone is no reason to
        leave their margin unattended.
        """
        try:
            yield
        except SafetyStop as stop:
            if stop.code not in self.lacks_right or not self._names.is_spot(symbol):
                raise
            raise Refused(f"{stop} (the key may not trade on the spot market)", stop.code) from None

    async def orders(self, symbol: str, since: Millis) -> tuple[PastOrder, ...]:
        """See `bot.ports.PastOrders`."""
        with self.spot_right(symbol):
            return await self.history.orders(self, self._names, symbol, since=since, now=self._clock.now())

    async def forced_closes(self, symbol: str, since: Millis) -> Mapping[str, str]:
        """See `bot.ports.ForcedCloses`."""
        if self._names.is_spot(symbol):
            return {}
        return await self.history.forced_closes(self, self._names, symbol, since=since, now=self._clock.now())

    def _noted(self, snapshot: Snapshot) -> Snapshot:
        """Keep when its open orders were read, if they were."""
        if snapshot.open_orders is not None:
            self._orders.was_read(snapshot.taken_at, any_resting=bool(snapshot.open_orders))
        return snapshot

    async def report(
        self, endpoint: Endpoint, params: Params, parse: Callable[[object], OrderReport],
    ) -> OrderReport:
        """Make one request that changes an order; what `parse` makes of its answer."""
        try:
            return self.remember(await self.once(endpoint, params, parse, urgent=True))
        except ClockSkew:
            await self.measure_clock()
            raise
