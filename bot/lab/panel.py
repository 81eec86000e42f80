"""A panel file row by row, as exact values: what a replay runs over. Nothing is kept of a row that has been passed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from operator import itemgetter
from pathlib import Path
from typing import TypeAlias

from bot.core.market import Asset, Quote
from bot.core.money import ZERO
from bot.core.times import HOUR, Millis, iso, parse_iso
from bot.testnet.market.columns import LAYOUT, PRICES, Layout, PanelText, layout_of

USUAL_INTERVAL: Millis = 8 * HOUR
"""Between two settlements, until the rows tell otherwise."""
Prices: TypeAlias = tuple[Decimal, ...]
FundingTerms: TypeAlias = tuple[Decimal | None, Millis | None, Millis]
"""A coin's last rate, its next settlement, and the time between two."""
_HOURS = {f"T{hour:02}:00:00Z": hour * HOUR for hour in range(24)}
"""What follows a date, and how long after its begin that is."""
_ENDLESS = Decimal("Infinity")
_NOTHING_SETTLED: Mapping[Asset, Decimal] = {}


class Row:
    """What was known at `at`. Each price is its bid and ask at once; the index stands where the mark does.

    `spots` and `marks`: coin by coin, in the order of `assets`. `settled`: the funding rates settled at this very
    instant. `stale`: spot did not trade, and its price is carried forward. Of most rows nobody asks more; what else
    there is (`quotes`, `highs`) is put together when somebody does.
    """

    __slots__ = ("_highs", "_marks_before", "_perps", "_quotes", "_spot_at", "_terms", "assets", "at", "marks",
                 "settled", "spots", "stale")

    def __init__(
        self, at: Millis, assets: tuple[Asset, ...], spots: Prices, perps: Prices, marks: Prices, *, stale: bool,
        settled: Mapping[Asset, Decimal], spot_at: Millis | None, terms: Sequence[FundingTerms],
        marks_before: Prices | None = None, highs: Sequence[Decimal | None] = (),
    ) -> None:
        """`spot_at`: when spot traded last; `terms`: of funding; `highs`: where the file tells them, coin by coin."""
        self.at, self.assets, self.spots, self.marks = at, assets, spots, marks
        self.settled, self.stale = settled, stale
        self._perps, self._spot_at, self._terms = perps, spot_at, terms
        self._marks_before, self._highs = marks_before, highs
        self._quotes: Mapping[Asset, Quote] | None = None

    @property
    def quotes(self) -> Mapping[Asset, Quote]:
        """The prices by coin. What the next funding rate will be is not known: the last stands for it."""
        if self._quotes is None:
            at, spot_at = self.at, self._spot_at
            self._quotes = {
                asset: Quote(spot, spot, spot_at, perp, perp, at, mark, mark, at, *funding)
                for asset, spot, perp, mark, funding in zip(
                    self.assets, self.spots, self._perps, self.marks, self._terms, strict=True)}
        return self._quotes

    @property
    def highs(self) -> Mapping[Asset, Decimal]:
        """Each coin's highest mark since the row before; where the file does not tell, the higher of the two rows'."""
        before = self.marks if self._marks_before is None else self._marks_before
        told = self._highs or [None] * len(self.assets)
        return {asset: max(mark, last) if high is None else high
                for asset, mark, last, high in zip(self.assets, self.marks, before, told, strict=True)}


class Panel:
    """A panel file that is open for reading. Raises ConfigError naming file, line and what is allowed."""

    def __init__(self, path: Path) -> None:
        self._text = PanelText(path)
        self._lines = self._text.lines()
        header = next(self._lines, None)
        if header is None:
            self._text.refuse("the file is empty", f"a header of {LAYOUT}")
        self._layout = layout_of(self._text, header)
        self._day, self._day_at = "", 0

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
        coins = _Coins(self._text, tuple(assets), self._layout)
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
            yield coins.row(cells, at, stale=self._flag(cells[stale]))

    def _instant(self, text: str) -> Millis:
        if text[10:] in _HOURS:  # whole hours, many of one day
            day = text[:10]
            if day != self._day:
                self._day, self._day_at = day, self._read(day)
            return self._day_at + _HOURS[text[10:]]
        return self._read(text)

    def _read(self, text: str) -> Millis:
        try:
            return parse_iso(text)
        except ValueError:
            self._text.refuse(f"ts_utc is {text!r}", "a date and time such as 2021-01-28T00:00:00Z")

    def _flag(self, text: str) -> bool:
        if text not in ("0", "1"):
            self._text.refuse(f"spot_stale is {text!r}", "0 or 1")
        return text == "1"


class _Coins:
    """Reads the coins' cells, and remembers their funding."""

    def __init__(self, text: PanelText, assets: tuple[Asset, ...], layout: Layout) -> None:
        places = [layout.columns[asset.lower()] for asset in assets]
        self._text, self._assets = text, assets
        self._prices = _cells([place[kind] for kind in PRICES for place in places])
        self._rates = _cells([place["funding"] for place in places])
        self._highs = [place.get("mark_high") for place in places]
        self._any_high = any(place is not None for place in self._highs)
        self._no_rates = ("",) * len(assets)
        self._settled_at: dict[Asset, Millis] = {}
        self._terms: list[FundingTerms] = [(None, None, USUAL_INTERVAL)] * len(assets)
        self._spot_at: Millis | None = None
        self._marks: Prices | None = None

    def row(self, cells: Sequence[str], at: Millis, *, stale: bool) -> Row:
        """The row of these cells. Raises ConfigError for a price that is not above 0, and for a rate that is none."""
        count, rates = len(self._assets), self._rates(cells)
        highs: tuple[Decimal | None, ...] = ()
        settled: Mapping[Asset, Decimal] | None = None
        try:
            prices = tuple(map(Decimal, self._prices(cells)))
            if self._any_high:
                highs = tuple(_high(cells, place) for place in self._highs)
            if min(prices) > ZERO and max(prices) < _ENDLESS and all(high is None or high > ZERO for high in highs):
                settled = _NOTHING_SETTLED if rates == self._no_rates else self._settle(rates, at)
        except InvalidOperation:
            settled = None
        if settled is None:
            wrong = [", ".join((*self._prices(cells)[place::count], rate)) for place, rate in enumerate(rates)]
            self._text.refuse("; ".join(f"{asset}: {cell}" for asset, cell in zip(self._assets, wrong, strict=True)),
                              "prices above 0, and a funding rate between -1 and 1 or nothing")
        if not stale:
            self._spot_at = at
        marks = prices[2 * count:]
        row = Row(at, self._assets, prices[:count], prices[count:2 * count], marks, stale=stale, settled=settled,
                  spot_at=self._spot_at, terms=self._terms, marks_before=self._marks, highs=highs)
        self._marks = marks
        return row

    def _settle(self, rates: Sequence[str], at: Millis) -> Mapping[Asset, Decimal] | None:
        """Take settlements in; None where one can be none."""
        settled: dict[Asset, Decimal] = {}
        self._terms = list(self._terms)  # a row keeps those of its time
        for place, (asset, told) in enumerate(zip(self._assets, rates, strict=True)):
            if not told:
                continue
            rate, last = Decimal(told), self._settled_at.get(asset)
            if not abs(rate) < 1:
                return None
            interval = self._terms[place][2] if last is None else min(USUAL_INTERVAL, at - last)
            settled[asset], self._settled_at[asset] = rate, at
            self._terms[place] = (rate, at + interval, interval)
        return settled


def _cells(places: Sequence[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """What takes these cells out of a line."""
    if len(places) == 1:
        return lambda cells: (cells[places[0]],)
    return itemgetter(*places)


def _high(cells: Sequence[str], place: int | None) -> Decimal | None:
    return Decimal(cells[place]) if place is not None and cells[place] else None
