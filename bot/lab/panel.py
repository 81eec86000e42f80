"""A panel file row by row, as exact values: what a replay runs over. Nothing is kept of a row that has been passed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from operator import itemgetter
from pathlib import Path

from bot.core.market import Asset, Quote
from bot.core.money import ZERO
from bot.core.times import HOUR, Millis, iso, parse_iso
from bot.testnet.market.columns import LAYOUT, Layout, PanelText, layout_of

USUAL_INTERVAL: Millis = 8 * HOUR
"""Between two settlements, until the rows tell otherwise."""


@dataclass(slots=True)
class Row:
    """What was known at `at`. Each price is its bid and ask at once; the index stands where the mark does.

    `settled`: the funding rates settled at this very instant. What the next ones will be is not known: in the quotes
    the last stands for the next. `highs`: each coin's highest mark since the row before; where the file does not tell,
    the higher of the two rows' marks. `stale`: spot did not trade, and its price is carried forward.
    """

    at: Millis
    quotes: Mapping[Asset, Quote]
    settled: Mapping[Asset, Decimal]
    highs: Mapping[Asset, Decimal]
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
            fresh = not self._flag(cells[stale])
            quotes = {coin.asset: coin.quote(self._text, cells, at, fresh=fresh) for coin in coins}
            settled = {coin.asset: coin.rate for coin in coins if coin.settled_at == at and coin.rate is not None}
            yield Row(at, quotes, settled, {coin.asset: coin.high for coin in coins}, not fresh)

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
    """Reads one coin's cells, and remembers its funding."""

    def __init__(self, asset: Asset, layout: Layout) -> None:
        places = layout.columns[asset.lower()]
        self.asset = asset
        self.high = ZERO
        self.rate: Decimal | None = None
        self.settled_at: Millis | None = None
        self._due: Millis | None = None
        self._interval = USUAL_INTERVAL
        self._prices = itemgetter(places["spot"], places["perp"], places["mark"])
        self._funding = places["funding"]
        self._high = places.get("mark_high")
        self._mark = ZERO
        self._spot_at: Millis | None = None

    def quote(self, text: PanelText, cells: Sequence[str], at: Millis, *, fresh: bool) -> Quote:
        """Its prices. Raises ConfigError for one that is not above 0, and for a rate that is none."""
        try:
            spot, perp, mark = map(Decimal, self._prices(cells))
            high = Decimal(cells[self._high]) if self._high is not None and cells[self._high] else max(mark, self._mark)
            sound = spot > 0 and perp > 0 and mark > 0 and high > 0 and (spot + perp + mark + high).is_finite()
            if cells[self._funding]:
                sound = sound and self._settle(Decimal(cells[self._funding]), at)
        except InvalidOperation:
            sound = False
        if not sound:
            text.refuse(f"{self.asset}: {', '.join((*self._prices(cells), cells[self._funding]))}",
                        "prices above 0, and a funding rate between -1 and 1 or nothing")
        self.high, self._mark = high, mark
        if fresh:
            self._spot_at = at
        return Quote(  # by position: there are a hundred thousand of them
            spot, spot, self._spot_at, perp, perp, at, mark, mark, at, self.rate, self._due, self._interval)

    def _settle(self, rate: Decimal, at: Millis) -> bool:
        """Take a settlement in; whether it can be one."""
        if self.settled_at is not None:
            self._interval = min(USUAL_INTERVAL, at - self.settled_at)
        self.rate, self.settled_at, self._due = rate, at, at + self._interval
        return abs(rate) < 1
