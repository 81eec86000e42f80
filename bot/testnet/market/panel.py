"""Reading a panel file: a CSV (optionally gzipped) of evenly spaced rows, stamped when their values are known.

Columns: ``ts_utc``, then for each coin (lower case) ``btc_spot,btc_perp,btc_mark,btc_funding``, and ``spot_stale``.
A funding cell is blank where nothing settles. Everything in the file is checked, the span asked for or not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from bot.core.market import Asset
from bot.core.times import Millis, iso, parse_iso
from bot.testnet.market.columns import LAYOUT, PRICES, Layout, PanelText, layout_of
from bot.testnet.market.rows import Rows, Track, running_sigma


def read_panel(
    path: Path, *, start: Millis | None = None, end: Millis | None = None, assets: Sequence[Asset] | None = None,
) -> Rows:
    """The rows stamped from `start` to `end`, both inclusive (None: all), of `assets` (None: every coin it has).

    The story told from them ends at the last row kept. Raises ConfigError naming file, line and what is allowed.
    """
    text = PanelText(path)
    lines = text.lines()
    header = next(lines, None)
    if header is None:
        text.refuse("the file is empty", f"a header of {LAYOUT}")
    layout = layout_of(text, header)
    table = _Table(text, layout)
    for line in lines:
        table.add(line)
    return table.rows(start, end, _chosen(text, layout, assets))


def _chosen(text: PanelText, layout: Layout, assets: Sequence[Asset] | None) -> tuple[Asset, ...]:
    present = tuple(coin.upper() for coin in layout.columns)
    for asset in assets or ():
        if asset not in present:
            text.line = 1
            text.refuse(f"no columns of {asset}", f"one of {', '.join(present)}")
    return tuple(assets or present)


@dataclass(slots=True)
class _Coin:
    """The columns of one coin as they are read; `funding` by row number."""

    prices: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in PRICES})
    funding: dict[int, str] = field(default_factory=dict)


class _Table:
    """Rows read so far."""

    def __init__(self, text: PanelText, layout: Layout) -> None:
        self._text = text
        self._layout = layout
        self._stamps: list[Millis] = []
        self._stale: list[bool] = []
        self._coins = {coin: _Coin() for coin in layout.columns}

    def add(self, line: str) -> None:
        """Check and keep one row."""
        cells = line.split(",")
        if len(cells) != self._layout.width:
            self._text.refuse(f"{len(cells)} columns", f"{self._layout.width}, as in the header")
        self._stamp(cells[self._layout.stamp])
        stale = cells[self._layout.stale]
        if stale not in ("0", "1"):
            self._text.refuse(f"spot_stale is {stale!r}", "0 or 1")
        self._stale.append(stale == "1")
        for coin, places in self._layout.columns.items():
            self._cells(coin, places, cells)

    def _stamp(self, cell: str) -> None:
        try:
            stamp = parse_iso(cell)
        except ValueError:
            self._text.refuse(f"ts_utc is {cell!r}", "a date and time such as 2021-01-28T00:00:00Z")
        stamps = self._stamps
        if stamps and stamp == stamps[-1]:
            self._text.refuse(f"{cell} appears twice", "each instant once")
        if stamps and stamp < stamps[-1]:
            self._text.refuse(f"{cell} comes after {iso(stamps[-1])}", "rows in order of time")
        if len(stamps) > 1 and stamp - stamps[-1] != stamps[1] - stamps[0]:
            due = iso(stamps[-1] + stamps[1] - stamps[0])
            self._text.refuse(f"a gap: {cell} where {due} is due", "evenly spaced rows")
        stamps.append(stamp)

    def _cells(self, coin: str, places: dict[str, int], cells: list[str]) -> None:
        kept = self._coins[coin]
        for kind in PRICES:
            cell = cells[places[kind]]
            price = self._number(f"{coin}_{kind}", cell)
            if price <= 0:
                self._text.refuse(f"{coin}_{kind} is {cell!r}", "a price above 0")
            kept.prices[kind].append(price)
        cell = cells[places["funding"]]
        if cell:
            rate = self._number(f"{coin}_funding", cell)
            if abs(rate) >= 1:
                self._text.refuse(f"{coin}_funding is {cell!r}", "a fraction between -1 and 1, or nothing")
            kept.funding[len(self._stamps) - 1] = cell

    def _number(self, name: str, cell: str) -> float:
        try:
            number = float(cell)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self._text.refuse(f"{name} is {cell!r}", "a number")
        return number

    def rows(self, start: Millis | None, end: Millis | None, assets: Sequence[Asset]) -> Rows:
        """The rows of the span, volatilities taken from all that came before it."""
        stamps = self._stamps
        kept = [k for k, at in enumerate(stamps) if (start is None or at >= start) and (end is None or at <= end)]
        if len(kept) < 2:
            span = f"{iso(stamps[0])} to {iso(stamps[-1])}" if stamps else "nothing"
            self._text.refuse(f"{len(kept)} rows in the span asked for", f"at least 2; the file holds {span}")
        first, last = kept[0], kept[-1] + 1
        return Rows(
            start=stamps[first], spacing=stamps[first + 1] - stamps[first], count=last - first,
            tracks={asset: self._track(self._coins[asset.lower()], first, last) for asset in assets},
        )

    def _track(self, coin: _Coin, first: int, last: int) -> Track:
        spot, perp, mark = (tuple(coin.prices[kind][first:last]) for kind in PRICES)
        return Track(
            spot=spot, perp=perp, mark=mark,
            sigma=running_sigma(coin.prices["perp"][:last])[first:],
            stale=tuple(self._stale[first:last]),
            funding={self._stamps[k]: Decimal(cell) for k, cell in coin.funding.items() if first <= k < last},
        )
