"""Others' resting orders and takers at one grid instant, as functions of place.

How the constants were measured: Binance, 2024-08-08 23:54 to 24:00 UTC (BTC 61,800, ETH 2,680), the top 20 levels
sampled every second and every trade, both sides of a book taken together (tests recompute them where the sample is).

- `touch`: notional at the best price; the means of the ten tenths of all samples, in order; each equally likely here,
  times 0.5 to 1.5.
- `density`: notional per bp behind the touch: Σ notional up to 1 bp ÷ Σ distance seen (at most 1 bp). Deeper levels
  are an extrapolation with the same density: the sample reaches 1 to 2 bp.
- `takers`: notional a second that arrives at one side; `dispersion`: coefficient of variation of five-second sums.
  Dispersion of sums over t seconds fell as t^−0.43 between 1 and 60 s in the sample; lognormal sums fit its quantiles.
- `MOVES`: moves a second of the best bid of the perpetual, −ln(share of 5-second spans that end where they began) ÷ 5.
- Spread: one tick in 99.7% (BTC) to 99.1% (ETH perpetual) of samples, else about 0.2 bp.

Other times: sizes stay in notional, so coins = notional ÷ price. Takers and moves are scaled by `activity`, the hourly
volatility relative to the 24 hours before the sample (1.15% BTC, 1.46% ETH): over 400 days daily volume went with
volatility to the power 1.03 (BTC) and 1.06 (ETH), correlation 0.9. Depth is not scaled: one sample cannot say how.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from types import MappingProxyType

from bot.core.market import Asset
from bot.core.times import SECOND, Millis
from bot.paper.feed import BookState, Level, Levels
from bot.testnet.market.chance import normal, uniform, words

REFERENCE_SIGMA: Mapping[Asset, float] = MappingProxyType({"BTC": 0.0115, "ETH": 0.0146})
"""Volatility of hourly log returns over the day before the sample: where `activity` is 1."""

MOVES: Mapping[Asset, float] = MappingProxyType({"BTC": 0.52, "ETH": 0.64})
"""How often prices move, in moves a second, at activity 1."""

LEVEL_BP = (0.5, 1.0, 2.5, 5.0, 10.0)
"""How far behind the touch the further levels lie; each holds all notional since the one before it."""

WIDE_SHARE = 0.005
WIDE_BP = 0.2
LEAST_ACTIVITY, MOST_ACTIVITY = 0.1, 4.0
_DISPERSION_POWER = -0.43
_DISPERSION_SPAN: Millis = 5 * SECOND


@dataclass(frozen=True, slots=True)
class Profile:
    """What is usual in one market; notionals in quote units (see the module's docstring)."""

    touch: tuple[float, ...]
    density: float
    takers: float
    dispersion: float


PERP: Mapping[Asset, Profile] = MappingProxyType({
    "BTC": Profile(
        touch=(10_820, 46_970, 88_020, 134_120, 180_310, 213_110, 246_580, 304_080, 383_900, 865_840),
        density=349_800, takers=219_000, dispersion=2.1,
    ),
    "ETH": Profile(
        touch=(820, 6_380, 15_590, 26_700, 37_710, 48_090, 61_700, 77_280, 100_360, 154_040),
        density=59_900, takers=36_000, dispersion=1.55,
    ),
})
"""The USD-M perpetuals."""

SPOT: Mapping[Asset, Profile] = MappingProxyType({
    "BTC": Profile(
        touch=(5_400, 19_460, 41_450, 78_250, 108_190, 143_100, 185_630, 221_090, 261_320, 337_050),
        density=152_900, takers=18_900, dispersion=1.8,
    ),
    "ETH": Profile(
        touch=(2_540, 7_220, 11_060, 15_680, 22_490, 31_620, 40_500, 51_560, 65_580, 90_230),
        density=57_900, takers=8_800, dispersion=2.4,
    ),
})
"""The spot markets."""


class Maker:
    """Writes the books of one market: a profile, a tick and a lot."""

    __slots__ = ("_lot", "_lot_size", "_mu", "_profile", "_sigma", "_tick", "_tick_size")

    def __init__(self, profile: Profile, *, tick: Decimal, lot: Decimal, step: Millis) -> None:
        self._profile = profile
        self._tick, self._tick_size = tick, float(tick)
        self._lot, self._lot_size = lot, float(lot)
        # The lognormal with the wanted mean and coefficient of variation over one step.
        variation = profile.dispersion * (step / _DISPERSION_SPAN) ** _DISPERSION_POWER
        variance = math.log1p(variation**2)
        self._sigma = math.sqrt(variance)
        self._mu = math.log(profile.takers * step / SECOND) - variance / 2

    def book(self, price: float, *, touch: str, depth: str, activity: float | None) -> BookState:
        """The book around `price`, which lies between or on the best bid and ask.

        `touch` is the place of the spread's chance, `depth` that of sizes and takers; no takers when `activity` is
        None (a halted market).
        """
        drawn = words(depth)
        spread = self._spread(price, uniform(words(touch)[0]))
        # 1e-6 of a tick: a price that is on a tick must not fall below it by a float's last digit.
        bid = max(math.floor(price / self._tick_size - (spread - 1) / 2 + 1e-6), 1)
        ask = bid + spread
        lots = 1 / (price * self._lot_size)
        return BookState(
            bids=self._side(bid, -1, lots, price, drawn[0:6]),
            asks=self._side(ask, 1, lots, price, drawn[6:12]),
            taker_buys=self._takers(uniform(drawn[12]), lots, activity),
            taker_sells=self._takers(uniform(drawn[13]), lots, activity),
        )

    def _spread(self, price: float, chance: float) -> int:
        if chance >= WIDE_SHARE:
            return 1
        return max(2, round(WIDE_BP * 1e-4 * price / self._tick_size))

    def _side(self, best: int, away: int, lots: float, price: float, drawn: tuple[int, ...]) -> Levels:
        tenth, within = divmod(uniform(drawn[0]) * 10, 1)
        size = self._profile.touch[int(tenth)] * (0.5 + within)
        touch = Level(best * self._tick, max(int(size * lots), 1) * self._lot)
        return Levels(touch, partial(self._behind, best, away, lots, price, drawn[1:]))

    def _behind(self, best: int, away: int, lots: float, price: float, drawn: tuple[int, ...]) -> list[Level]:
        """The levels behind the best one."""
        profile, tick, lot = self._profile, self._tick, self._lot
        levels = []
        ticks_per_bp = price * 1e-4 / self._tick_size
        at, nearer = 0, 0.0
        for distance, word in zip(LEVEL_BP, drawn, strict=True):
            at = max(at + 1, round(distance * ticks_per_bp))
            if best + away * at < 1:
                break
            size = profile.density * (distance - nearer) * (0.5 + uniform(word))
            levels.append(Level((best + away * at) * tick, max(int(size * lots), 1) * lot))
            nearer = distance
        return levels

    def _takers(self, chance: float, lots: float, activity: float | None) -> Decimal:
        if activity is None:
            return 0 * self._lot
        return int(math.exp(self._mu + self._sigma * normal(chance)) * activity * lots) * self._lot


def activity(asset: Asset, hourly_sigma: float) -> float:
    """How busy takers are, relative to the sample, at this volatility of hourly returns."""
    return min(max(hourly_sigma / REFERENCE_SIGMA[asset], LEAST_ACTIVITY), MOST_ACTIVITY)
