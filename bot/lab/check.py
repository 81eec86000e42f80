"""Whether a panel file can be relied on: every gap, repetition and impossible number, with its line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import groupby, pairwise
from pathlib import Path

from bot.core.market import Asset
from bot.core.times import HOUR, Millis, iso, parse_iso
from bot.errors import ConfigError
from bot.testnet.market.columns import LAYOUT, PRICES, Layout, PanelText, layout_of

MOST_STALE = Decimal("0.01")
"""A larger share of rows without trades on spot is no history to learn from."""

LASTING = 3
"""So many settlements in a row at another interval are a change of the interval, not a fault."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a file. `line` counts from 1, the header being the first; None: the file as a whole."""

    line: int | None
    text: str


@dataclass(frozen=True, slots=True)
class PanelReport:
    """What a panel holds, and what is wrong with it. `spacing`: the most frequent time between two rows."""

    file: Path
    assets: tuple[Asset, ...]
    rows: int
    first: Millis | None
    last: Millis | None
    spacing: Millis | None
    stale_rows: int
    settlements: Mapping[Asset, int]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


@dataclass(slots=True)
class _Settled:
    """A coin's settlements: their lines and instants."""

    lines: list[int] = field(default_factory=list)
    at: list[Millis] = field(default_factory=list)


class _Reader:
    """Reads a file to its end, whatever is in it."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.findings: list[Finding] = []
        self.stamps: list[tuple[int, Millis]] = []
        self.stale = 0
        self.settled = {coin: _Settled() for coin in layout.columns}

    def row(self, number: int, line: str) -> None:
        """Look at one row."""
        cells = line.split(",")
        if len(cells) != self.layout.width:
            self._say(number, f"{len(cells)} columns, the header has {self.layout.width}")
            return
        at = self._stamp(number, cells[self.layout.stamp])
        stale = cells[self.layout.stale]
        if stale not in ("0", "1"):
            self._say(number, f"spot_stale is {stale!r}, neither 0 nor 1")
        self.stale += stale == "1"
        for coin, places in self.layout.columns.items():
            self._coin(number, at, coin, {kind: cells[place] for kind, place in places.items()})

    def _stamp(self, number: int, cell: str) -> Millis | None:
        try:
            at = parse_iso(cell)
        except ValueError:
            self._say(number, f"ts_utc is {cell!r}, no date")
            return None
        self.stamps.append((number, at))
        return at

    def _coin(self, number: int, at: Millis | None, coin: str, cells: Mapping[str, str]) -> None:
        for kind in PRICES:
            price = _number(cells[kind])
            if price is None or price <= 0:
                self._say(number, f"{coin}_{kind} is {cells[kind]!r}, not a price above 0")
        high, mark = cells.get("mark_high", ""), _number(cells["mark"])
        top = _number(high) if high else None
        if high and (top is None or top <= 0 or (mark is not None and top < mark)):
            self._say(number, f"{coin}_mark_high is {high!r}, below the mark or no price")
        if not cells["funding"]:
            return
        rate = _number(cells["funding"])
        if rate is None or abs(rate) >= 1:
            self._say(number, f"{coin}_funding is {cells['funding']!r}, not a rate between -1 and 1")
        elif at is not None:
            self.settled[coin].lines.append(number)
            self.settled[coin].at.append(at)

    def _say(self, line: int | None, text: str) -> None:
        self.findings.append(Finding(line, text))

    def judge(self) -> Millis | None:
        """What only the whole shows: gaps, order, spacing, funding, how much is stale. The spacing is returned."""
        steps = Counter(after - before for (_, before), (_, after) in pairwise(self.stamps) if after > before)
        spacing = max(steps, key=lambda step: (steps[step], -step), default=None)
        for (_, before), (number, after) in pairwise(self.stamps):
            if after == before:
                self._say(number, f"{iso(after)} appears twice")
            elif after < before:
                self._say(number, f"{iso(after)} comes after {iso(before)}: out of order")
            elif spacing is not None and after - before != spacing:
                self._say(number, f"gap: {iso(after)} follows {iso(before)}; rows are {_hours(spacing)} apart")
        for coin, settled in self.settled.items():
            self._judge_funding(coin, settled)
        if self.stamps and self.stale > MOST_STALE * len(self.stamps):
            self._say(None, f"{self.stale} of {len(self.stamps)} rows have no spot trades: more than "
                      f"{MOST_STALE * 100:f}%")
        self.findings.sort(key=lambda found: (found.line is None, found.line or 0))
        return spacing

    def _judge_funding(self, coin: str, settled: _Settled) -> None:
        """A settlement that is missing, or one too many. An interval that has changed for good is no fault."""
        gaps = [after - before for before, after in pairwise(settled.at)]
        if not gaps:
            self._say(None, f"{coin}_funding: fewer than two settlements")
            return
        usual = Counter(gaps).most_common(1)[0][0]
        place = 0
        for gap, run in groupby(gaps):
            length = len(list(run))
            if gap != usual and length < LASTING:
                for line in settled.lines[place + 1:place + 1 + length]:
                    self._say(line, f"{coin}_funding: {_hours(gap)} after the settlement before, the interval is "
                              f"{_hours(usual)}")
            place += length


def check_panel(path: Path) -> PanelReport:
    """Look a panel file through. Raises ConfigError where it cannot be read as a panel at all."""
    text = PanelText(path)
    lines = text.lines()
    header = next(lines, None)
    if header is None:
        text.refuse("the file is empty", f"a header of {LAYOUT}")
    reader = _Reader(layout_of(text, header))
    try:
        for line in lines:
            reader.row(text.line, line)
    except ConfigError as damaged:
        reader.findings.append(Finding(text.line, str(damaged)))
    if not reader.stamps:
        reader.findings.append(Finding(None, "there are no rows"))
    spacing = reader.judge()
    stamps = [at for _, at in reader.stamps]
    return PanelReport(
        file=path, assets=tuple(coin.upper() for coin in reader.layout.columns), rows=len(stamps),
        first=min(stamps, default=None), last=max(stamps, default=None), spacing=spacing, stale_rows=reader.stale,
        settlements={coin.upper(): len(settled.at) for coin, settled in reader.settled.items()},
        findings=tuple(reader.findings),
    )


def _number(cell: str) -> Decimal | None:
    try:
        number = Decimal(cell)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _hours(span: Millis) -> str:
    return f"{span / HOUR:g} h"
