"""One account behind the `Venue` port, of whatever kind: what the contract suite is run over.

All kinds trade on the same simulated exchange. `paper` asks it directly; `binance` and `bybit` are the real gateways,
which speak the venue's protocol to the testnet, over the in-process wire or over HTTP.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import aiohttp
from inprocess_wire import Fate, StoryClock, Wire
from venue_values import an_intent

from bot.clocks import story_clock
from bot.core.market import Side, Snapshot
from bot.core.orders import OrderIntent, OrderRecord, OrderReport, TimeInForce, begin
from bot.core.policy import AssetPolicy, MarginPolicy, Policy
from bot.core.times import Millis
from bot.environment import Environment
from bot.paper.venue import PaperVenue
from bot.ports import Clock, MarketData, Venue
from bot.testnet.build import Testnet, build
from bot.testnet.options import TestnetOptions
from bot.testnet.server import running
from bot.venues.makers import ACCOUNTS, MARKETS

BTC, SPOT = "BTC/USDT:USDT", "BTC/USDT"
ASSETS = ("BTC", "ETH")
POLICY = Policy(
    (AssetPolicy("BTC", Decimal("0.5")), AssetPolicy("ETH", Decimal("0.3"))), cash_target=Decimal("0.2"),
    margin=MarginPolicy(leverage=Decimal(5)),
)
ACCESS: dict[str, Any] = {
    "key": "local-key", "secret": "local-secret", "assets": ASSETS, "settle": "USDT", "cash": ("USDT",),
}

KINDS = ("paper", "paper, unified", "binance", "bybit", "binance over http", "bybit over http")


@dataclass
class Stage:
    """An account, its time, and how to order on it. `requests`: how many were made; None where there are none."""

    kind: str
    venue: Venue
    clock: Clock
    testnet: Testnet | None = None
    market: MarketData | None = None
    fate: Fate | None = None
    url: str | None = None
    _numbers: Counter[str] = field(default_factory=Counter)

    @property
    def gateway(self) -> bool:
        """Whether a venue's protocol is spoken."""
        return not self.kind.startswith("paper")

    @property
    def requests(self) -> int | None:
        """How many were made so far; None where they are not counted."""
        if self.fate is None:
            return None
        return sum(self.fate.seen[f"before {method}"] for method in ("GET", "POST", "PUT", "DELETE"))

    async def later(self, millis: Millis) -> None:
        """Let time pass."""
        await self.clock.sleep_until(self.clock.now() + millis)

    async def shift(self, factor: str, asset: str = "BTC") -> None:
        """Multiply a coin's prices from now on."""
        if self.testnet is not None:
            self.testnet.exchange.shift_price(asset, Decimal(factor))
            return
        async with aiohttp.ClientSession() as session, session.post(
            f"{self.url}/testnet/price", json={"asset": asset, "factor": factor},
        ) as reply:
            assert reply.status == 200

    # -- ordering

    def intent(self, snapshot: Snapshot, side: Side = Side.SELL, *, away: str = "0", **more: Any) -> OrderIntent:
        """Of 0.02 BTC, post-only, `away` from the near touch; a negative one crosses the spread.

        On the perpetual, or by `symbol` on the spot market.
        """
        quote, symbol = snapshot.quotes["BTC"], more.get("symbol", BTC)
        bid, ask = (quote.spot_bid, quote.spot_ask) if symbol == SPOT else (quote.perp_bid, quote.perp_ask)
        touch = ask if side is Side.SELL else bid
        assert touch is not None
        self._numbers["intent"] += 1
        return replace(an_intent(
            client_order_id=f"hrtest_btc1_{self._numbers['intent']}", number=self._numbers["intent"],
            quantity=Decimal("0.02"), price=touch + side.sign * -1 * Decimal(away), side=side, symbol=symbol,
            created_at=snapshot.taken_at, decided_at=snapshot.taken_at,
        ), **more)

    async def taking(self, side: Side = Side.SELL, quantity: str = "0.02", **more: Any) -> OrderReport:
        """Send an order that fills at once; how it ended."""
        intent = self.intent(
            await self.venue.snapshot(), side, away="-50", quantity=Decimal(quantity),
            time_in_force=TimeInForce.IOC, **more)
        return await self.ended(intent)

    async def ended(self, intent: OrderIntent) -> OrderReport:
        """Send an order; what a look-up says of it then (a venue may acknowledge first and act afterwards)."""
        sent = await self.venue.place(intent)
        return await self.venue.find_order(intent.symbol, intent.client_order_id) or sent

    async def resting(self, *, away: str = "500", **more: Any) -> OrderRecord:
        """Send a sell order that rests; its record."""
        intent = self.intent(await self.venue.snapshot(), away=away, **more)
        return record(intent, await self.venue.place(intent))

    async def position(self) -> Decimal:
        """The signed BTC position."""
        held = (await self.venue.snapshot()).position(BTC)
        return Decimal(0) if held is None else held.quantity


def record(intent: OrderIntent, report: OrderReport) -> OrderRecord:
    """The journal's record of an order after a report."""
    return replace(
        begin(intent), state=report.state, filled=report.filled, order_id=report.order_id, price=report.price)


RICH = Decimal(10_000_000)
"""What an account on a stage is worth: more than any order of a test needs."""


def options(kind: str, nav: Decimal = RICH) -> TestnetOptions:
    """The testnet of a kind of stage: calm and stepped."""
    unified = "unified" in kind or kind.startswith("bybit")
    return TestnetOptions(venue="bybit" if unified else "binance", scenario="calm", days=12, path="step", nav=nav)


def wired(kind: str, clock: Clock, wire: Any, *, make: Any = ACCOUNTS, **more: Any) -> Any:
    """The real gateway of a venue with `wire(door)` in place of its session."""
    opened = make[kind](
        Environment.LOCAL, clock=clock, local_url="http://127.0.0.1:8700", timeout=0.5, **ACCESS, **more)
    account = opened if make is ACCOUNTS else opened._venue
    account._exchange.session = wire(account._exchange._door)
    return opened


@contextlib.asynccontextmanager
async def staged(kind: str) -> AsyncIterator[Stage]:
    """Set a stage of that kind, and put it away."""
    if kind.endswith("over http"):
        async with _over_http(kind.split(maxsplit=1)[0]) as stage:
            yield stage
        return
    testnet, fate = build(options(kind)), Fate([])
    clock = StoryClock(testnet, fate, testnet.world.clock.end)
    if kind.startswith("paper"):
        yield Stage(kind, PaperVenue(testnet.exchange), clock, testnet)
        return

    def wire(door: Any) -> Wire:
        return Wire(testnet, fate, door, Counter())

    venue, market = wired(kind, clock, wire), wired(kind, clock, wire, make=MARKETS)
    yield Stage(kind, venue, clock, testnet, market, fate)
    await market.close()
    await venue.close()


@contextlib.asynccontextmanager
async def _over_http(name: str) -> AsyncIterator[Stage]:
    async with running(options(name)) as url:
        clock = await story_clock(url, "contract", patience=0)
        opened: dict[str, Any] = {"clock": clock, "local_url": url, **ACCESS}
        venue, market = ACCOUNTS[name](Environment.LOCAL, **opened), MARKETS[name](Environment.LOCAL, **opened)
        yield Stage(f"{name} over http", venue, clock, market=market, url=url)
        await market.close()
        await venue.close()
        await clock.close()
