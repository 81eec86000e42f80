"""A panel file row by row, as exact values: what a replay runs over. Nothing is kept of a row that has been passed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from operator import itemgetter
from pathlib import Path

from bot.core.market import Asset
from bot.core.money import ZERO
from bot.core.times import Millis, iso, parse_iso
from bot.testnet.market.columns import LAYOUT, Layout, PanelText, layout_of


@dataclass(slots=True)
class Seen:
    """One coin at one row, in quote units. `funding`: the rate settled at the row's instant; None: nothing settles.

    `high`: the highest mark since the row before; where the file does not tell, the higher of the two rows' marks.
    """

    spot: Decimal
    perp: Decimal
    mark: Decimal
    funding: Decimal | None
    high: Decimal


@dataclass(slots=True)
class Row:
    """What was known at `at`. `stale`: spot did not trade, and its price is carried forward."""

    at: Millis
    coins: Mapping[Asset, Seen]
    stale: bool


class Panel:
    """A panel file that is open for reading. Raises ConfigError naming file, line and what is allowed."""

    def __init__(self, path: Path) -> None:
        self._text = PanelText(path)
        self._lines = self._text.lines()
        header = next(self._lines, None)
        if header is None:
            self._text.refuse("the file is empty", f"a header of {LAYOUT}")
        self._layout = layout_of(self._text, header)

    @property
    def assets(self) -> tuple[Asset, ...]:
        """The coins that it has."""
        return tuple(coin.upper() for coin in self._layout.columns)

    def rows(self, start: Millis, end: Millis, assets: Sequence[Asset]) -> Iterator[Row]:
        """The rows from `start` (inclusive) to `end` (exclusive), once; rows outside are not looked into."""
        missing = [asset for asset in assets if asset not in self.assets]
        if missing:
            self._text.refuse(f"no columns of {', '.join(missing)}", f"coins among {', '.join(self.assets)}")
        first, until = iso(start), iso(end)
        coins = [_Coin(asset, self._layout) for asset in assets]
        stamp, stale, width = self._layout.stamp, self._layout.stale, self._layout.width
        before: Millis | None = None
        for line in self._lines:
            cells = line.split(",")
            if len(cells) != width:
                self._text.refuse(f"{len(cells)} columns", f"{width}, as in the header")
            # Stamps of one form order as texts do; others are read to be compared.
            text = cells[stamp]
            if len(text) == len(first) and text < first:
                continue
            if len(text) == len(until) and text >= until:
                return
            at = self._instant(text)
            if not start <= at < end:
                continue
            if before is not None and at <= before:
                self._text.refuse(f"{text} comes after {iso(before)}", "rows in order of time, each instant once")
            before = at
            yield Row(at, {coin.asset: coin.seen(self._text, cells) for coin in coins}, self._flag(cells[stale]))

    def _instant(self, text: str) -> Millis:
        try:
            return parse_iso(text)
        except ValueError:
            self._text.refuse(f"ts_utc is {text!r}", "a date and time such as 2021-01-28T00:00:00Z")

    def _flag(self, text: str) -> bool:
        if text not in ("0", "1"):
            self._text.refuse(f"spot_stale is {text!r}", "0 or 1")
        return text == "1"


class _Coin:
    """Reads one coin's cells."""

    def __init__(self, asset: Asset, layout: Layout) -> None:
        places = layout.columns[asset.lower()]
        self.asset = asset
        self._prices = itemgetter(places["spot"], places["perp"], places["mark"])
        self._funding = places["funding"]
        self._high = places.get("mark_high")
        self._before = ZERO

    def seen(self, text: PanelText, cells: Sequence[str]) -> Seen:
        """Its values. Raises ConfigError for a price that is not above 0, and for a rate that is none."""
        try:
            spot, perp, mark = map(Decimal, self._prices(cells))
            funding = Decimal(cells[self._funding]) if cells[self._funding] else None
            high = None if self._high is None or not cells[self._high] else Decimal(cells[self._high])
            sound = (spot > 0 and perp > 0 and mark > 0 and (spot + perp + mark).is_finite()
                     and (funding is None or abs(funding) < 1) and (high is None or high > 0))
        except InvalidOperation:
            sound = False
        if not sound:
            text.refuse(f"{self.asset}: {', '.join((*self._prices(cells), cells[self._funding]))}",
                        "prices above 0, and a funding rate between -1 and 1 or nothing")
        if high is None:
            high = max(mark, self._before)
        self._before = mark
        return Seen(spot, perp, mark, funding, high)
