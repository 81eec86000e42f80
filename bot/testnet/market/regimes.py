"""What six kinds of market look like: constants of the project's own synthetic scenarios.

Each regime was matched to one real window (named beside it): volatility and correlation of hourly log returns, mean,
spread and persistence of funding (per 8 h) and of the basis (hourly), and the total return, leg by leg. Tests
recompute the windows' figures where the data is present.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bot.core.market import Asset

BP = 0.0001


@dataclass(frozen=True, slots=True)
class CoinRegime:
    """One coin's habits. `volatility` a year; `funding*` in bp per settlement, clipped to `funding_range`
    (so the mean stands here a little off the window's); `basis*` (perpetual over spot) and `mark_spread` (mark over
    perpetual) in bp.
    """

    volatility: float
    funding: float
    funding_spread: float
    funding_range: tuple[float, float]
    basis: float
    basis_spread: float
    mark_spread: float


@dataclass(frozen=True, slots=True)
class Regime:
    """A kind of market. `tail`: the spread of the logarithm of hourly volatility (0: normal returns);
    `*_memory`: correlation of neighbours (settlements, hours).
    """

    coins: Mapping[Asset, CoinRegime]
    correlation: float
    tail: float
    funding_memory: float
    basis_memory: float


@dataclass(frozen=True, slots=True)
class Leg:
    """A stretch of a scenario: its share of the days, total log returns, and its volatility relative to the regime."""

    regime: Regime
    share: float
    returns: Mapping[Asset, float]
    volatility: float = 1.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """Legs in order, the days they usually take, and the first prices."""

    days: int
    prices: Mapping[Asset, float]
    legs: tuple[Leg, ...]


def _pair(btc: float, eth: float) -> Mapping[Asset, float]:
    return MappingProxyType({"BTC": btc, "ETH": eth})


def _regime(
    btc: CoinRegime, eth: CoinRegime, *, correlation: float, tail: float, funding_memory: float, basis_memory: float,
) -> Regime:
    return Regime(MappingProxyType({"BTC": btc, "ETH": eth}), correlation, tail, funding_memory, basis_memory)


CALM = _regime(  # 2023-07-16 to 2023-08-16
    CoinRegime(0.224, 0.79, 0.28, (0.0, 1.0), -4.1, 1.0, 0.6),
    CoinRegime(0.225, 0.69, 0.32, (0.0, 1.0), -4.2, 1.0, 0.6),
    correlation=0.875, tail=0.65, funding_memory=0.45, basis_memory=0.3,
)
BULL = _regime(  # 2021-01-28 to 2021-02-21
    CoinRegime(0.996, 9.5, 4.8, (1.0, 25.0), 15.0, 7.5, 4.4),
    CoinRegime(0.944, 12.2, 6.1, (1.0, 28.5), 18.0, 9.0, 5.2),
    correlation=0.676, tail=0.45, funding_memory=0.45, basis_memory=0.55,
)
CRASH = _regime(  # 2021-05-12 to 2021-05-24
    CoinRegime(1.658, 1.54, 2.5, (-9.0, 6.5), 3.0, 8.8, 4.1),
    CoinRegime(2.441, 1.45, 4.0, (-35.0, 7.0), 6.0, 10.7, 5.8),
    correlation=0.885, tail=0.5, funding_memory=0.2, basis_memory=0.6,
)
V_RECOVERY = _regime(  # 2020-03-12 to 2020-04-30
    CoinRegime(1.487, -0.62, 2.5, (-30.0, 1.4), -6.7, 12.0, 12.0),
    CoinRegime(1.589, 0.67, 1.5, (-28.0, 5.5), -1.0, 8.0, 9.0),
    correlation=0.93, tail=0.5, funding_memory=0.35, basis_memory=0.6,
)
NEGATIVE_FUNDING = _regime(  # 2022-11-08 to 2022-11-22
    CoinRegime(0.892, -0.66, 2.2, (-12.0, 1.0), -6.0, 2.9, 1.9),
    CoinRegime(1.207, -0.65, 1.5, (-6.0, 1.0), -5.8, 2.6, 2.5),
    correlation=0.904, tail=0.6, funding_memory=0.6, basis_memory=0.6,
)
SIDEWAYS = _regime(  # 2024-04-15 to 2024-07-01
    CoinRegime(0.454, 0.73, 0.38, (-0.4, 1.7), -1.3, 4.2, 1.0),
    CoinRegime(0.564, 0.85, 0.39, (-0.2, 2.6), -1.2, 4.4, 1.1),
    correlation=0.79, tail=0.6, funding_memory=0.6, basis_memory=0.95,
)

SCENARIOS: Mapping[str, Scenario] = MappingProxyType({
    "calm": Scenario(31, _pair(30_300, 1_930), (Leg(CALM, 1.0, _pair(-0.037, -0.054)),)),
    "bull": Scenario(24, _pair(30_400, 1_240), (Leg(BULL, 1.0, _pair(0.609, 0.434)),)),
    "crash": Scenario(12, _pair(56_700, 4_170), (
        Leg(CRASH, 0.55, _pair(-0.26, -0.20), 0.7),
        Leg(CRASH, 0.10, _pair(-0.20, -0.28), 1.8),
        Leg(CRASH, 0.35, _pair(-0.03, -0.21), 1.1),
    )),
    "v_recovery": Scenario(49, _pair(7_930, 195), (
        Leg(V_RECOVERY, 0.03, _pair(-0.47, -0.52), 4.5),
        Leg(V_RECOVERY, 0.15, _pair(0.12, 0.12), 1.4),
        Leg(V_RECOVERY, 0.82, _pair(0.45, 0.50), 0.5),
    )),
    "negative_funding": Scenario(14, _pair(20_600, 1_570), (
        Leg(NEGATIVE_FUNDING, 0.15, _pair(-0.24, -0.32), 2.1),
        Leg(NEGATIVE_FUNDING, 0.85, _pair(-0.026, -0.028), 0.65),
    )),
    "sideways": Scenario(77, _pair(65_700, 3_155), (
        Leg(SIDEWAYS, 0.22, _pair(-0.11, -0.07)),
        Leg(SIDEWAYS, 0.26, _pair(0.14, 0.24), 1.1),
        Leg(SIDEWAYS, 0.52, _pair(-0.075, -0.085), 0.95),
    )),
    "demo": Scenario(35, _pair(62_000, 3_100), (
        Leg(CALM, 0.06, _pair(0.01, 0.005)),
        Leg(BULL, 0.27, _pair(0.36, 0.07), 0.6),
        Leg(SIDEWAYS, 0.09, _pair(-0.01, 0.0)),
        Leg(CRASH, 0.17, _pair(-0.36, -0.05), 0.35),
        Leg(BULL, 0.15, _pair(0.02, 0.30), 0.6),
        Leg(CRASH, 0.16, _pair(0.0, -0.38), 0.25),
        Leg(CALM, 0.10, _pair(0.01, 0.0)),
    )),
    "squeeze": Scenario(21, _pair(40_000, 2_400), (
        Leg(CALM, 0.10, _pair(0.01, 0.0)),
        Leg(BULL, 0.70, _pair(1.05, 0.05), 0.8),
        Leg(SIDEWAYS, 0.20, _pair(0.02, 0.0), 0.8),
    )),
})
"""By name. Two are journeys of the project's own. `demo`, calm at both ends: BTC runs up, pauses and falls back, then
ETH does. `squeeze`: BTC nearly triples within two weeks and stays there, which no short survives unattended."""
