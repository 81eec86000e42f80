"""The project's own synthetic history: hourly rows of BTC and ETH in a named regime, from a seed.

Log returns are a common stochastic volatility (its logarithm a persistent normal, so returns cluster and have fat
tails) times correlated normals, bent so that each leg arrives near the leg's total return. Funding and basis are
persistent normals, clipped. A longer story takes the same journey more slowly, with the same volatility an hour.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

from bot.core.market import Asset, Instrument
from bot.core.times import DAY, HOUR, YEAR, Millis, parse_iso
from bot.errors import ConfigError
from bot.testnet.market.chance import gauss
from bot.testnet.market.regimes import BP, SCENARIOS, Leg, Scenario
from bot.testnet.market.rows import Rows, Track, running_sigma
from bot.testnet.market.story import FUNDING_INTERVAL, GRID, PathMode, Story
from bot.testnet.specs import INSTRUMENTS

STORY_START: Millis = parse_iso("2024-01-01")
"""When a scenario begins unless told otherwise: a round instant, of no meaning."""

_ASSETS: tuple[Asset, ...] = ("BTC", "ETH")
_VOLATILITY_MEMORY = 0.9
_WANDER = 0.2
"""How far a leg may end from its total, as a share of what free motion would wander."""
_WIDEST = 3.0
"""Basis and mark stay within this many spreads of their mean."""


def scenario_story(
    name: str, *, days: int | None = None, seed: int = 0, start: Millis = STORY_START,
    assets: Sequence[Asset] | None = None, path_mode: PathMode | str = PathMode.BRIDGE, step: Millis = GRID,
    instruments: Mapping[Asset, Instrument] = INSTRUMENTS,
) -> Story:
    """The story of a named scenario; `days` None: as long as the window it resembles. Raises ConfigError."""
    rows = scenario_rows(name, days=days, seed=seed, start=start, assets=assets)
    return Story(rows, seed=seed, path_mode=path_mode, step=step, instruments=instruments)


def scenario_rows(
    name: str, *, days: int | None = None, seed: int = 0, start: Millis = STORY_START,
    assets: Sequence[Asset] | None = None,
) -> Rows:
    """Hourly rows of a scenario, both ends included. `start` must be a full hour. Raises ConfigError."""
    scenario = SCENARIOS.get(name)
    if scenario is None:
        raise ConfigError(f"scenario {name!r} is unknown; allowed: {', '.join(SCENARIOS)}")
    days = scenario.days if days is None else days
    if days < 1:
        raise ConfigError(f"scenario days: {days}; allowed: 1 or more")
    if start % HOUR:
        raise ConfigError(f"scenario start: {start}; allowed: a full hour")
    for asset in assets or ():
        if asset not in _ASSETS:
            raise ConfigError(f"scenario asset {asset!r} is unknown; allowed: {', '.join(_ASSETS)}")
    legs = _schedule(scenario, days * DAY // HOUR)
    path = _Path(f"{seed}:{name}:{days}", start, legs)
    tracks = {asset: path.track(asset, scenario.prices[asset]) for asset in assets or _ASSETS}
    return Rows(start=start, spacing=HOUR, count=len(legs) + 1, tracks=tracks)


def _schedule(scenario: Scenario, hours: int) -> list[Leg]:
    """The leg of each hour."""
    legs: list[Leg] = []
    share = 0.0
    for leg in scenario.legs:
        share += leg.share
        legs += [leg] * (round(hours * share) - len(legs))
    return legs


class _Path:
    """The chance of one scenario: what its hours draw."""

    def __init__(self, place: str, start: Millis, legs: Sequence[Leg]) -> None:
        self._place = place
        self._start = start
        self._legs = legs
        log_volatility = _persistent(f"{place}:volatility", len(legs), [_VOLATILITY_MEMORY] * len(legs))
        # E[scale²] = 1: the exponential of a normal, less its own mean square.
        self._scale = [
            math.exp(leg.regime.tail * value - leg.regime.tail**2)
            for leg, value in zip(legs, log_volatility, strict=True)
        ]

    def track(self, asset: Asset, first: float) -> Track:
        """One coin's rows."""
        spot = [first]
        for change in self._returns(asset):
            spot.append(spot[-1] * math.exp(change))
        basis = self._around(asset, "basis")
        mark = self._around(asset, "mark")
        perp = [price * math.exp(over) for price, over in zip(spot, basis, strict=True)]
        return Track(
            spot=tuple(_cents(price) for price in spot),
            perp=tuple(_cents(price) for price in perp),
            mark=tuple(_cents(price * math.exp(over)) for price, over in zip(perp, mark, strict=True)),
            sigma=running_sigma(spot), stale=(False,) * len(spot), funding=self._funding(asset),
        )

    def _returns(self, asset: Asset) -> list[float]:
        returns: list[float] = []
        hours = len(self._legs)
        while len(returns) < hours:
            first = len(returns)
            leg = self._legs[first]
            last = next((k for k in range(first, hours) if self._legs[k] is not leg), hours)
            noise = [self._noise(asset, k) for k in range(first, last)]
            # The leg's own wandering is taken out, and a little of it put back.
            size = math.sqrt(sum(value * value for value in noise)) * _WANDER
            end = leg.returns[asset] + size * gauss(f"{self._place}:{asset}:end:{first}")
            drift = (end - sum(noise)) / len(noise)
            returns += [value + drift for value in noise]
        return returns

    def _noise(self, asset: Asset, hour: int) -> float:
        leg = self._legs[hour]
        common = gauss(f"{self._place}:common:{hour}")
        shock = common
        if asset != _ASSETS[0]:
            rho = leg.regime.correlation
            shock = rho * common + math.sqrt(1 - rho * rho) * gauss(f"{self._place}:{asset}:own:{hour}")
        sigma = leg.regime.coins[asset].volatility * leg.volatility * math.sqrt(HOUR / YEAR)
        return sigma * self._scale[hour] * shock

    def _around(self, asset: Asset, purpose: str) -> list[float]:
        """Basis or mark of every row, as a fraction: persistent noise around the regime's mean, within bounds."""
        legs = [self._legs[0], *self._legs]
        memory = [leg.regime.basis_memory if purpose == "basis" else 0.0 for leg in legs]
        noise = _persistent(f"{self._place}:{asset}:{purpose}", len(legs), memory)
        values = []
        for leg, value in zip(legs, noise, strict=True):
            coin = leg.regime.coins[asset]
            mean, spread = (coin.basis, coin.basis_spread) if purpose == "basis" else (0.0, coin.mark_spread)
            values.append((mean + spread * min(max(value, -_WIDEST), _WIDEST)) * BP)
        return values

    def _funding(self, asset: Asset) -> dict[Millis, Decimal]:
        """Settlements on the venue's 8-hour grid, the first row's instant included when it lies on it."""
        hours = [k for k in range(len(self._legs) + 1) if not (self._start + k * HOUR) % FUNDING_INTERVAL]
        legs = [self._legs[max(k - 1, 0)] for k in hours]
        memory = [leg.regime.funding_memory for leg in legs]
        noise = _persistent(f"{self._place}:{asset}:funding", len(legs), memory)
        centre = sum(noise) / len(noise)
        rates = {}
        for k, leg, value in zip(hours, legs, noise, strict=True):
            coin = leg.regime.coins[asset]
            low, high = coin.funding_range
            rate = min(max(coin.funding + coin.funding_spread * (value - centre), low), high) * BP
            rates[self._start + k * HOUR] = Decimal(round(rate * 10**8)).scaleb(-8)
        return rates


def _persistent(place: str, count: int, memory: Sequence[float]) -> list[float]:
    """Standard normals, each correlated with the one before it by its `memory`."""
    values: list[float] = []
    for k in range(count):
        fresh = gauss(f"{place}:{k}")
        rho = memory[k]
        values.append(rho * values[-1] + math.sqrt(1 - rho * rho) * fresh if values else fresh)
    return values


def _cents(price: float) -> float:
    return round(price, 2)
