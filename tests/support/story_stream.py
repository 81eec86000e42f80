"""A stream under a test's own hand, and a clock that can be slept on lightly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal

from bot.core.decision import AssetStanding, RuleState, Situation, Standing
from bot.core.market import FuturesWallet, Holding, Instrument, MarginTier, Position, Quote, Snapshot
from bot.core.plan import decide
from bot.core.policy import AssetPolicy, Policy, Terms
from bot.core.times import Millis
from bot.core.wake import Watch, watch
from bot.ports import Hears, Learnt, Marked, Market, News, Touch


class HandStream:
    """Implements `bot.ports.Stream`: what it tells is called from the test."""

    def __init__(self) -> None:
        self.hears: Hears | None = None
        self.tended = 0
        self.expected = 0
        self.closed = False

    async def start(self, hears: Hears) -> None:
        self.hears = hears

    def tend(self) -> None:
        self.tended += 1

    def expect(self) -> None:
        self.expected += 1

    @property
    def lost(self) -> Mapping[str, str]:
        return {}

    async def close(self) -> None:
        self.closed = True

    def touch(self, asset: str, price: str, at: Millis, market: Market = Market.SPOT) -> None:
        assert self.hears is not None
        self.hears.touched(Touch(asset, market, Decimal(price), Decimal(price), at))

    def mark(self, asset: str, price: str, at: Millis) -> None:
        assert self.hears is not None
        self.hears.marked(Marked(asset, Decimal(price), None, at))

    def fill(self, at: Millis) -> None:
        assert self.hears is not None
        self.hears.learnt(Learnt(News.FILL, at))


class LightTime:
    """A clock on which things happen at planned instants, and which stops there when they wake it."""

    def __init__(self, start: Millis = 0) -> None:
        self.origin = 0
        self._now = start
        self._plan: list[tuple[Millis, Callable[[], None]]] = []

    def now(self) -> Millis:
        return self._now

    def at(self, instant: Millis, happens: Callable[[], None]) -> None:
        self._plan.append((instant, happens))
        self._plan.sort(key=lambda planned: planned[0])

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self._now + round(seconds * 1000))

    async def sleep_until(self, at: Millis) -> None:
        while self._now < at:
            self._step(at)
        await asyncio.sleep(0)

    async def sleep_unless(self, at: Millis, woken: asyncio.Event) -> None:
        while self._now < at and not woken.is_set():
            self._step(at)
        await asyncio.sleep(0)

    def _step(self, at: Millis) -> None:
        if self._plan and self._plan[0][0] <= at:
            instant, happens = self._plan.pop(0)
            self._now = max(self._now, instant)
            happens()
        else:
            self._now = at


def half_in_btc(price: str = "50000") -> Watch:
    """After a decision on 1 BTC and 50,000 USDT at 50%: the rule opens where 0.45·price = 0.55·50,000, at 61,111.12."""
    at, paid = 1_600_000_000_000, Decimal(price)
    policy = Policy((AssetPolicy("BTC", Decimal("0.5")),), Decimal("0.5"))
    one = Decimal("0.001")
    terms = Terms(policy, {"BTC": Instrument("BTC", "BTCUSDT", "BTCUSDT", one, one, Decimal(5), one, one, one)})
    snapshot = Snapshot(
        at, {"BTC": Holding(Decimal(1)), "USDT": Holding(Decimal(50_000))},
        FuturesWallet(*[Decimal(0)] * 6), {"BTC": Quote(paid, paid, at, paid, paid, at, paid, paid, at)},
    )
    found = watch(snapshot, decide(Situation(snapshot, Standing(), RuleState()), terms), terms)
    assert found is not None
    return found


def short_in_btc() -> Watch:
    """After a decision on a short of 0.2 BTC at 50,000, 7,000 in the margin wallet: stop begins at a mark of 56,441."""
    at, paid, one = 1_600_000_000_000, Decimal(50_000), Decimal("0.001")
    policy = Policy((AssetPolicy("BTC", Decimal("0.5")),), Decimal("0.5"))
    terms = Terms(policy, {"BTC": Instrument(
        "BTC", "BTCUSDT", "BTCUSDT", one, one, Decimal(5), one, one, one,
        tiers=(MarginTier(Decimal(0), None, Decimal("0.004")),))})
    wallet, nothing = Decimal(7_000), Decimal(0)
    snapshot = Snapshot(
        at, {"BTC": Holding(Decimal("1.2")), "USDT": Holding(Decimal(40_000))},
        FuturesWallet(wallet, nothing, wallet, nothing, nothing, wallet),
        {"BTC": Quote(paid, paid, at, paid, paid, at, paid, paid, at)},
        (Position("BTCUSDT", Decimal("-0.2"), paid, paid, nothing),),
    )
    standing = Standing(assets={"BTC": AssetStanding(short=Decimal("0.2"))})
    found = watch(snapshot, decide(Situation(snapshot, standing, RuleState()), terms), terms)
    assert found is not None
    return found
