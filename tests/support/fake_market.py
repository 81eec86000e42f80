"""Market data that a test sets by hand, and a clock to go with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from feeds import START, paper_instrument

from bot.core.market import Asset, Instrument, Quote, WalletKind
from bot.core.times import HOUR, Millis
from bot.errors import HedgerowError, Refused
from bot.ports import Balances, Depth, Market, Prices, Settlement

D = Decimal


@dataclass
class HandClock:
    """A clock that is set by hand."""

    at: Millis = START
    origin: Millis = START

    def now(self) -> Millis:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += round(seconds * 1_000)

    async def sleep_until(self, at: Millis) -> None:
        self.at = max(self.at, at)


@dataclass
class FakeMarket:
    """Implements `MarketData`: bid, ask and mark by coin, one more level of `size` a tick behind each touch."""

    clock: HandClock
    touch: dict[Asset, tuple[str, str]] = field(default_factory=lambda: {"BTC": ("49999.9", "50000")})
    marks: dict[Asset, str] = field(default_factory=dict)
    size: str = "0.1"
    published: list[Settlement] = field(default_factory=list)
    real: Balances | None = None
    fails: HedgerowError | None = None
    asked: list[str] = field(default_factory=list)
    closed: bool = False

    @property
    def name(self) -> str:
        return "binance"

    @property
    def wallet(self) -> WalletKind:
        return WalletKind.SEPARATE

    async def instruments(self, assets: Sequence[Asset]) -> Mapping[Asset, Instrument]:
        missing = [asset for asset in assets if asset not in self.touch]
        if missing:
            raise Refused(f"no market for {missing}")
        return {asset: paper_instrument(asset) for asset in assets}

    async def prices(self) -> Prices:
        self._ask("prices")
        now = self.clock.now()
        quotes = {}
        for asset, (bid, ask) in self.touch.items():
            mark = D(self.marks.get(asset, bid))
            quotes[asset] = Quote(D(bid), D(ask), now, D(bid), D(ask), now, mark, mark, now, D("0.0001"),
                                  (now // (8 * HOUR) + 1) * 8 * HOUR, 8 * HOUR)
        return Prices(now, quotes, {"USDC": D("0.9999")})

    async def depth(self, asset: Asset, market: Market = Market.PERP) -> Depth:
        self._ask("depth" if market is Market.PERP else "spot depth")
        bid, ask = (D(price) for price in self.touch[asset])
        tick, size = D("0.1"), D(self.size)
        return Depth(((bid, size), (bid - tick, size)), ((ask, size), (ask + tick, size)))

    async def settlements(self, assets: Sequence[Asset], since: Millis) -> tuple[Settlement, ...]:
        self._ask("settlements")
        return tuple(one for one in self.published
                     if one.asset in assets and since <= one.at <= self.clock.now())

    async def balances(self) -> Balances | None:
        return self.real

    async def close(self) -> None:
        self.closed = True

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.fails is not None:
            raise self.fails
