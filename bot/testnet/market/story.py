"""A market story: hourly rows told on a fine grid, as the `Feed` of the simulated exchange.

Between two rows log prices of spot, perpetual and mark run straight, plus one Brownian bridge that all three share
(its volatility is that of the last day) and a small one of the perpetual's own, so that every row is met exactly.
Prices stand still for a while and then move, as touches do: a step without a move repeats the step before. While spot
is halted its price and book are frozen. Path mode `step` holds each row's prices until the next row.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from bot.core.market import Asset, Instrument
from bot.core.money import ZERO
from bot.core.times import HOUR, SECOND, Millis
from bot.errors import ConfigError
from bot.paper.feed import MarketState
from bot.testnet.market.interval import Interval, Prices
from bot.testnet.market.liquidity import MOVES, PERP, SPOT, Maker, activity
from bot.testnet.market.panel import read_panel
from bot.testnet.market.rows import Rows, Track
from bot.testnet.specs import INSTRUMENTS

GRID: Millis = 5 * SECOND
MARK_TICK = Decimal("0.01")
FUNDING_INTERVAL: Millis = 8 * HOUR
"""Where a story's settlements do not tell it."""


class PathMode(StrEnum):
    """`bridge`: prices wander between rows. `step`: each row's prices hold until the next one."""

    BRIDGE = "bridge"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class _Coin:
    """One coin's rows, the makers of its books, and its settlements in order."""

    track: Track
    spot: Maker
    perp: Maker
    settlements: tuple[Millis, ...]


class Story:
    """The `Feed` over rows. Every answer is a function of the rows, the seed and the arguments alone.

    Before the first row and after the last one the nearest of them answers: the story has not begun, or has ended.
    Index = spot mid. Book prices are on the instruments' ticks, marks on 0.01 as the venue's own history has them.
    Raises ConfigError when the grid does not divide the rows' spacing, a coin has no specification, or the path mode
    is unknown.
    """

    def __init__(
        self, rows: Rows, *, seed: int = 0, path_mode: PathMode | str = PathMode.BRIDGE, step: Millis = GRID,
        instruments: Mapping[Asset, Instrument] = INSTRUMENTS,
    ) -> None:
        if step <= 0 or rows.spacing % step:
            raise ConfigError(f"testnet step: {step} ms; allowed: a divisor of the rows' spacing, {rows.spacing} ms")
        if path_mode not in list(PathMode):
            raise ConfigError(f"testnet path: {path_mode!r}; allowed: {', '.join(PathMode)}")
        self._rows = rows
        self._start, self._end = rows.start, rows.end
        self._seed = seed
        self._held = PathMode(path_mode) is PathMode.STEP
        self._step = step
        self._steps = rows.spacing // step
        self._hours = rows.spacing / HOUR
        self._coins = {asset: _coin(asset, track, step, instruments) for asset, track in rows.tracks.items()}
        self._interval = lru_cache(maxsize=64)(self._new_interval)
        self._state = lru_cache(maxsize=1024)(self._find_state)
        self._mark = lru_cache(maxsize=8192)(self._find_mark)

    @property
    def assets(self) -> Sequence[Asset]:
        """Coins with a spot and a perpetual market."""
        return tuple(self._coins)

    @property
    def start(self) -> Millis:
        """First instant of the story; grid instants are `start + k·step`."""
        return self._start

    @property
    def end(self) -> Millis:
        """The last row's instant."""
        return self._end

    @property
    def step(self) -> Millis:
        """The grid: books and takers change at its instants only."""
        return self._step

    def at(self, asset: Asset, at: Millis) -> MarketState:
        """The markets of one coin at the grid instant at or before `at`. Raises KeyError for an unknown coin."""
        return self._state(asset, self._number(at))

    def mark(self, asset: Asset, at: Millis) -> Decimal:
        """The mark price alone: equals `at(asset, at).mark`."""
        return self._mark(asset, self._number(at))

    def spot_halted(self, asset: Asset, at: Millis) -> bool:
        """Whether the rows say that spot did not trade at that instant."""
        return self._coins[asset].track.stale[self._row_after(self._number(at))]

    def funding_interval(self, asset: Asset, at: Millis) -> Millis:
        """The time between the settlements around `at` (8 h where the story has fewer than two)."""
        settlements = self._coins[asset].settlements
        if len(settlements) < 2:
            return FUNDING_INTERVAL
        after = min(max(bisect_right(settlements, at), 1), len(settlements) - 1)
        return settlements[after] - settlements[after - 1]

    def next_funding(self, asset: Asset, after: Millis) -> Millis:
        """The first settlement strictly after `after`; past the story's last one, by its interval on."""
        settlements = self._coins[asset].settlements
        place = bisect_right(settlements, after)
        if place < len(settlements):
            return settlements[place]
        interval = self.funding_interval(asset, after)
        origin = settlements[-1] if settlements else 0
        # Rows up to the end are known, and none of them settles any more.
        latest = max(after, self.end)
        return origin + ((latest - origin) // interval + 1) * interval

    def funding_rate(self, asset: Asset, settlement: Millis) -> Decimal:
        """The rate that settles at `settlement` (positive: longs pay shorts).

        Past the story's last settlement the last rate stands; a story without any has none to pay: 0.
        """
        coin = self._coins[asset]
        place = bisect_right(coin.settlements, settlement)
        return coin.track.funding[coin.settlements[max(place - 1, 0)]] if coin.settlements else ZERO

    def _number(self, at: Millis) -> int:
        """The grid step at or before `at`, within the story."""
        return (min(max(at, self._start), self._end) - self._start) // self._step

    def _place(self, asset: Asset, purpose: str, number: int) -> str:
        # Places are named by instants, so that a story that starts later tells the same.
        return f"{self._seed}:{asset}:{purpose}:{self._start + number * self._step}"

    def _row_after(self, number: int) -> int:
        """The row at or after a step: it closes the interval in which the step's trades happened."""
        return -(-number // self._steps)

    def _busy(self, asset: Asset, row: int) -> float:
        return activity(asset, self._coins[asset].track.sigma[row] / math.sqrt(self._hours))

    def _new_interval(self, asset: Asset, row: int) -> Interval:
        busy = self._busy(asset, row + 1)
        return Interval(
            self._place(asset, "interval", row * self._steps), self._coins[asset].track, row, steps=self._steps,
            still=math.exp(-MOVES[asset] * busy * self._step / SECOND), busy=busy,
        )

    def _moved(self, asset: Asset, row: int, offset: int) -> int:
        return self._interval(asset, row).moved(offset) if offset and not self._held else 0

    def _find_mark(self, asset: Asset, number: int) -> Decimal:
        row, offset = divmod(number, self._steps)
        moved = self._moved(asset, row, offset)
        price = self._interval(asset, row).mark(moved) if moved else self._coins[asset].track.mark[row]
        return round(price * 100) * MARK_TICK

    def _prices(self, asset: Asset, row: int, moved: int) -> Prices:
        track = self._coins[asset].track
        return self._interval(asset, row).prices(moved) if moved else Prices(track.spot[row], track.perp[row])

    def _find_state(self, asset: Asset, number: int) -> MarketState:
        coin = self._coins[asset]
        row, offset = divmod(number, self._steps)
        moved = self._moved(asset, row, offset)
        prices = self._prices(asset, row, moved)
        opened = number - offset
        touch = opened + moved
        after = self._row_after(number)
        busy, halted = self._busy(asset, after), coin.track.stale[after]
        spot = coin.spot.book(
            prices.spot,
            touch=self._place(asset, "spot-touch", opened if halted else touch),
            depth=self._place(asset, "spot", opened if halted else number),
            activity=None if halted else busy,
        )
        perp = coin.perp.book(
            prices.perp, touch=self._place(asset, "perp-touch", touch), depth=self._place(asset, "perp", number),
            activity=busy,
        )
        index = (spot.bids[0].price + spot.asks[0].price) / 2
        return MarketState(spot=spot, perp=perp, mark=self._mark(asset, number), index=index)


def _coin(asset: Asset, track: Track, step: Millis, instruments: Mapping[Asset, Instrument]) -> _Coin:
    if asset not in instruments or asset not in PERP:
        allowed = ", ".join(sorted(set(instruments) & set(PERP)))
        raise ConfigError(f"testnet: no contract specification of {asset}; allowed: {allowed}")
    instrument = instruments[asset]
    return _Coin(
        track=track,
        spot=Maker(SPOT[asset], tick=instrument.spot_tick, lot=instrument.spot_lot, step=step),
        perp=Maker(PERP[asset], tick=instrument.price_tick, lot=instrument.amount_step, step=step),
        settlements=tuple(sorted(track.funding)),
    )


def panel_story(
    path: Path | str, *, start: Millis | None = None, end: Millis | None = None, assets: Sequence[Asset] | None = None,
    seed: int = 0, path_mode: PathMode | str = PathMode.BRIDGE, step: Millis = GRID,
    instruments: Mapping[Asset, Instrument] = INSTRUMENTS,
) -> Story:
    """The story of a panel file's rows from `start` to `end`, both inclusive: it ends at the last row kept.

    `assets` None: every coin in the file. Raises ConfigError naming file, line and what is allowed.
    """
    rows = read_panel(Path(path), start=start, end=end, assets=assets)
    return Story(rows, seed=seed, path_mode=path_mode, step=step, instruments=instruments)
