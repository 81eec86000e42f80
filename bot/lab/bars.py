"""From bars to the rows of a panel. Pure.

The row at T holds what is known at T: the closes of the bars that ended then, and the funding that settled then. It is
stale where spot stood still at T: where the bar that ends at T or the one that opens at T is missing or has no volume,
of any of the coins. The price is then the last one known. A row without a mark or a price of the perpetual, or before
spot's first price, is no row: it is left out, and told of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from bot.core.market import Asset
from bot.core.money import plain
from bot.core.times import Millis, iso


@dataclass(frozen=True, slots=True)
class CoinPast:
    """One coin over some time: closes by the instant at which their bar opened.

    `spot`: only where it was traded (a bar without volume is none). `high`: the marks' highs, by the same instants.
    `funding`: by the instant of the row at which it settled.
    """

    spot: Mapping[Millis, Decimal]
    perp: Mapping[Millis, Decimal]
    mark: Mapping[Millis, Decimal]
    high: Mapping[Millis, Decimal]
    funding: Mapping[Millis, Decimal]


@dataclass(slots=True)
class Gap:
    """Rows in a row that something is missing of. `what`: `BTC spot`. Both instants are rows'."""

    what: str
    first: Millis
    last: Millis
    rows: int = 1


@dataclass(slots=True)
class Loom:
    """Weaves rows of several coins, span after span in order of time, and keeps count."""

    assets: Sequence[Asset]
    interval: Millis
    mark_high: bool = False
    rows: int = 0
    stale: int = 0
    left_out: int = 0
    gaps: list[Gap] = field(default_factory=list)
    _spot: dict[Asset, Decimal] = field(default_factory=dict)
    _open: dict[str, Gap] = field(default_factory=dict)

    def header(self) -> str:
        """The names of the columns."""
        kinds = ("spot", "perp", "mark", *(("mark_high",) if self.mark_high else ()), "funding")
        return ",".join(("ts_utc", *(f"{asset.lower()}_{kind}" for asset in self.assets for kind in kinds),
                         "spot_stale"))

    def lines(self, start: Millis, end: Millis, past: Mapping[Asset, CoinPast]) -> Iterator[str]:
        """The rows stamped from `start` to before `end`."""
        for at in range(start, end, self.interval):
            line = self._line(at, past)
            if line is not None:
                self.rows += 1
                yield line

    def _line(self, at: Millis, past: Mapping[Asset, CoinPast]) -> str | None:
        opened = at - self.interval
        missing = [f"{asset} {kind}" for asset in self.assets for kind, bars in (
            ("perp", past[asset].perp), ("mark", past[asset].mark)) if opened not in bars]
        for asset in self.assets:
            if opened in past[asset].spot:
                self._spot[asset] = past[asset].spot[opened]
        halted = [asset for asset in self.assets if opened not in past[asset].spot]
        self._note(at, [*missing, *(f"{asset} spot" for asset in halted)])
        if missing or any(asset not in self._spot for asset in self.assets):
            self.left_out += 1
            self._note_lost(at, past)
            return None
        # A market that trades no more from T on stood still before the hour was over.
        stale = bool(halted) or any(at not in past[asset].spot for asset in self.assets)
        self.stale += stale
        cells = [iso(at)]
        for asset in self.assets:
            coin = past[asset]
            cells += [plain(self._spot[asset]), plain(coin.perp[opened]), plain(coin.mark[opened])]
            if self.mark_high:
                cells.append(plain(coin.high[opened]))
            rate = coin.funding.get(at)
            cells.append("" if rate is None else plain(rate))
        return ",".join((*cells, "1" if stale else "0"))

    def _note(self, at: Millis, missing: Sequence[str]) -> None:
        for what in [what for what in self._open if what not in missing]:
            del self._open[what]
        for what in missing:
            gap = self._open.get(what)
            if gap is None:
                gap = self._open[what] = Gap(what, at, at)
                self.gaps.append(gap)
            else:
                gap.last, gap.rows = at, gap.rows + 1

    def _note_lost(self, at: Millis, past: Mapping[Asset, CoinPast]) -> None:
        """A settlement whose row is left out."""
        for asset in self.assets:
            if at in past[asset].funding:
                self.gaps.append(Gap(f"{asset} funding", at, at))
