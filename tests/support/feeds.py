"""Small deterministic market stories for tests, and the instruments that go with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_EVEN, Decimal

from bot.core.market import Instrument, MarginTier
from bot.core.money import round_to_step
from bot.core.times import HOUR, SECOND, Millis
from bot.paper.feed import BookState, Level, MarketState

D = Decimal
ONE_COIN = D(1)
HALF = D("0.5")
START: Millis = 1_609_459_200_000
"""2021-01-01T00:00:00Z."""

TIERS = (
    MarginTier(D(0), D(50_000), D("0.004"), D(0), D(125)),
    MarginTier(D(50_000), D(250_000), D("0.005"), D(50), D(100)),
    MarginTier(D(250_000), None, D("0.01"), D(1_300), D(50)),
)


def paper_instrument(asset: str = "BTC", **changes: object) -> Instrument:
    """A perpetual and spot market with every figure known; `changes` replace fields."""
    base = Instrument(
        asset=asset, symbol=f"{asset}USDT", spot_symbol=f"{asset}/USDT", amount_step=D("0.001"), min_amount=D("0.001"),
        min_notional=D(50), price_tick=D("0.1"), spot_lot=D("0.00001"), spot_tick=D("0.01"), spot_min_notional=D(5),
        max_amount=D(1_000), tiers=TIERS, maker_fee=D("0.0002"), taker_fee=D("0.0005"), spot_taker_fee=D("0.001"),
        collateral_ratio=D("0.95"),
    )
    return replace(base, **changes)  # type: ignore[arg-type] # the names are checked by replace itself


def steady(price: str | int) -> Callable[[int], Decimal]:
    """A price that never moves."""
    return lambda _: D(price)


def scripted(*prices: str | int) -> Callable[[int], Decimal]:
    """Prices by grid step; the last one holds on."""
    return lambda step: D(prices[min(step, len(prices) - 1)])


@dataclass
class FakeFeed:
    """Markets around a price by grid step: one tick of spread on either side, `depth` levels of `size` each.

    `takers` gives (buys, sells) by step. The mark is the price; `marks` overrides it. Spot and perp are alike.
    """

    prices: Mapping[str, Callable[[int], Decimal]] = field(default_factory=lambda: {"BTC": steady(50_000)})
    takers: Callable[[int], tuple[Decimal, Decimal]] = lambda _: (D(0), D(0))
    marks: Mapping[str, Callable[[int], Decimal]] = field(default_factory=dict)
    rate: Callable[[Millis], Decimal] = lambda _: D("0.0001")
    size: Decimal = ONE_COIN
    depth: int = 3
    half_spread: Decimal = HALF
    step: Millis = 5 * SECOND
    start: Millis = START
    end: Millis = START + 30 * 24 * HOUR
    interval: Millis = 8 * HOUR

    @property
    def assets(self) -> Sequence[str]:
        return tuple(self.prices)

    def _index(self, at: Millis) -> int:
        return (at - self.start) // self.step

    def at(self, asset: str, at: Millis) -> MarketState:
        index = self._index(at)
        middle = round_to_step(self.prices[asset](index), D("0.1"), ROUND_HALF_EVEN)
        buys, sells = self.takers(index)
        book = BookState(
            tuple(Level(middle - self.half_spread - row, self.size) for row in range(self.depth)),
            tuple(Level(middle + self.half_spread + row, self.size) for row in range(self.depth)), buys, sells,
        )
        mark = self.mark(asset, at)
        return MarketState(spot=book, perp=book, mark=mark, index=mark)

    def mark(self, asset: str, at: Millis) -> Decimal:
        return self.marks.get(asset, self.prices[asset])(self._index(at))

    def funding_interval(self, asset: str, at: Millis) -> Millis:  # noqa: ARG002 - one interval for all
        return self.interval

    def next_funding(self, asset: str, after: Millis) -> Millis:  # noqa: ARG002 - one interval for all
        return (after // self.interval + 1) * self.interval

    def funding_rate(self, asset: str, settlement: Millis) -> Decimal:  # noqa: ARG002 - one rate for all
        return self.rate(settlement)
