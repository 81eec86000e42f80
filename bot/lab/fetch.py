"""Downloading history: month by month and series by series into pieces that last, then into one panel file.

What a piece lacks is asked for a second time before it is believed: an answer that is merely short must not become a
gap for good. A piece without any rows is not kept at all.
"""

from __future__ import annotations

import asyncio
import gzip
import io
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Protocol, TypeAlias

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from bot.core.market import Asset
from bot.core.money import plain
from bot.core.times import HOUR, MINUTE, SECOND, Millis, iso
from bot.errors import RateLimited, Unavailable
from bot.lab.bars import CoinPast, Gap, Loom
from bot.lab.check import PanelReport, check_panel
from bot.lab.chunks import Cells, Chunks, put
from bot.ports import Clock, Settlement
from bot.venues.bars import Bar, Series
from bot.venues.gateway import together

AT_ONCE = 4
"""Requests under way together: more would only wait for the venue's allowance."""
PATIENCE = 4
"""How often a piece is asked for in all, where the venue wants silence in between."""
_USUAL_SILENCE = 60.0
_LATENESS: Millis = MINUTE
"""By how much a settlement may be stamped later than its row: venues do by some milliseconds."""
FUNDING = "funding"

Progress: TypeAlias = Callable[[int, int, str], None]
"""Is told how many pieces of how many are there, and of what the latest is."""


class Past(Protocol):
    """See `bot.venues.bars.PublicHistory`."""

    async def bars(
        self, asset: Asset, series: Series, *, start: Millis, end: Millis, interval: Millis,
    ) -> tuple[Bar, ...]:
        """Bars that open from `start` to before `end`, oldest first."""

    async def settled(self, asset: Asset, *, start: Millis, end: Millis) -> tuple[Settlement, ...]:
        """Settlements from `start` to before `end`, oldest first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A download: rows stamped from `start` to before `end`, one every `interval`. `source`: whose data, in words."""

    source: str
    assets: Sequence[Asset]
    start: Millis
    end: Millis
    interval: Millis
    file: Path
    mark_high: bool = False

    @property
    def folder(self) -> Path:
        """Where the pieces are."""
        return self.file.with_name(f"{self.file.name}.parts")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of a download. `pieces`: how many there are, of which `downloaded` were not there yet."""

    file: Path
    rows: int
    first: Millis | None
    last: Millis | None
    stale_rows: int
    left_out: int
    settlements: Mapping[Asset, int]
    pieces: int
    downloaded: int
    gaps: tuple[Gap, ...]
    report: PanelReport

    @property
    def ok(self) -> bool:
        """Whether the file can be relied on."""
        return not self.left_out and self.report.ok


@dataclass(frozen=True, slots=True)
class _Piece:
    """A month of one series of one coin: what the rows from `start` to before `end` need of it."""

    asset: Asset
    series: str
    start: Millis
    end: Millis

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.asset}-{self.series}-{_compact(self.start)}-{_compact(self.end)}.csv"

    def question(self, wanted: Wanted) -> str:
        """What it answers, in one line."""
        return (f"{wanted.source}: {self.series} of {self.asset} for rows every {wanted.interval // SECOND} s from "
                f"{iso(self.start)} to {iso(self.end)}")


async def fetch(wanted: Wanted, past: Past, clock: Clock, on_piece: Progress = lambda *_: None) -> Fetched:
    """Download what is not there yet and write the panel. Raises Unavailable, Refused; then go on by calling again.

    The file is written whole or not at all, and the same bytes whatever was there before.
    """
    chunks = Chunks(wanted.folder)
    pieces = [piece for span in months(wanted.start, wanted.end) for piece in _pieces(wanted.assets, *span)]
    kept: dict[_Piece, list[Cells]] = {}
    for piece in pieces:
        rows = chunks.read(piece.name, piece.question(wanted))
        if rows is not None:
            kept[piece] = rows
    lacking = [piece for piece in pieces if piece not in kept]
    done = len(kept)
    on_piece(done, len(pieces), "")
    lanes = asyncio.Semaphore(AT_ONCE)

    async def one(piece: _Piece) -> None:
        nonlocal done
        async with lanes:
            rows = await _patiently(clock, partial(_download, wanted, past, piece))
        if rows:
            chunks.keep(piece.name, piece.question(wanted), rows)
        kept[piece] = rows
        done += 1
        on_piece(done, len(pieces), f"{piece.asset} {piece.series} {iso(piece.start)[:7]}")

    for span in months(wanted.start, wanted.end):  # a failure ends it at the end of a month, not of the whole
        await together(*(one(piece) for piece in lacking if piece.start == span[0]))
    return _write(wanted, kept, pieces=len(pieces), downloaded=len(lacking))


def _write(wanted: Wanted, kept: Mapping[_Piece, list[Cells]], *, pieces: int, downloaded: int) -> Fetched:
    loom = Loom(wanted.assets, wanted.interval, mark_high=wanted.mark_high)
    text = io.StringIO()
    text.write(f"{loom.header()}\n")
    for start, end in months(wanted.start, wanted.end):
        of = {(piece.asset, piece.series): kept[piece] for piece in _pieces(wanted.assets, start, end)}
        text.writelines(f"{line}\n" for line in loom.lines(
            start, end, {asset: _past(asset, of) for asset in wanted.assets}))
    if not loom.rows:
        raise Unavailable(f"{wanted.source} has no hour from {iso(wanted.start)} to {iso(wanted.end)} in which all of "
                          f"{', '.join(wanted.assets)} were traded: {wanted.file} was not written")
    content = text.getvalue().encode("ascii")
    # Without a time of its own in it, or two downloads of the same would differ.
    put(wanted.file, gzip.compress(content, mtime=0) if wanted.file.suffix == ".gz" else content)
    report = check_panel(wanted.file)
    return Fetched(
        wanted.file, loom.rows, report.first, report.last, loom.stale, loom.left_out, report.settlements, pieces,
        downloaded, tuple(loom.gaps), report,
    )


def months(start: Millis, end: Millis) -> Iterator[tuple[Millis, Millis]]:
    """From `start` to before `end`, month by month (UTC)."""
    while start < end:
        day = datetime.fromtimestamp(start / SECOND, tz=UTC)
        following = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
        until = min(end, round(following.timestamp()) * SECOND)
        yield start, until
        start = until


def _pieces(assets: Sequence[Asset], start: Millis, end: Millis) -> list[_Piece]:
    return [_Piece(asset, series, start, end) for asset in assets for series in (*Series, FUNDING)]


async def _download(wanted: Wanted, past: Past, piece: _Piece) -> list[Cells]:
    """A piece's rows. Where something is missing the venue is asked twice, and must say the same."""
    if piece.series == FUNDING:
        ask: Callable[[], Awaitable[list[Cells]]] = partial(_funding, wanted, past, piece)
    else:
        ask = partial(_bars, wanted, past, piece)
    rows = await ask()
    if _lacks(wanted, piece, rows) and await ask() != rows:
        raise Unavailable(f"{piece.question(wanted)}: asked twice, the venue answered differently")
    return rows


async def _bars(wanted: Wanted, past: Past, piece: _Piece) -> list[Cells]:
    series = Series(piece.series)
    bars = await past.bars(
        piece.asset, series, start=piece.start - wanted.interval, end=_last(wanted, piece), interval=wanted.interval)
    return [
        (str(bar.opened), *(plain(price) for price in (bar.open, bar.high, bar.low, bar.close)),
         "" if bar.volume is None else plain(bar.volume))
        for bar in bars
    ]


async def _funding(wanted: Wanted, past: Past, piece: _Piece) -> list[Cells]:
    found = await past.settled(piece.asset, start=piece.start, end=piece.end)
    for each in found:
        if each.at % wanted.interval > _LATENESS:
            raise Unavailable(f"{piece.question(wanted)}: one settled at {iso(each.at)}, between two rows")
    return [(str(each.at - each.at % wanted.interval), plain(each.rate)) for each in found]


def _last(wanted: Wanted, piece: _Piece) -> Millis:
    """Bars that open before: of spot one more, which tells whether it was traded at the last row."""
    return piece.end if piece.series == Series.SPOT else piece.end - wanted.interval


def _lacks(wanted: Wanted, piece: _Piece, rows: Sequence[Cells]) -> bool:
    if piece.series != FUNDING:
        return len(rows) < (_last(wanted, piece) - piece.start) // wanted.interval + 1
    at = [int(row[0]) for row in rows]
    gaps = {after - before for before, after in pairwise(at)}
    return len(gaps) > 1 or len(at) < (piece.end - piece.start) // (8 * HOUR)


def _past(asset: Asset, of: Mapping[tuple[Asset, str], list[Cells]]) -> CoinPast:
    def closes(series: Series, cell: int = 4) -> dict[Millis, Decimal]:
        return {int(row[0]): Decimal(row[cell]) for row in of[asset, series]}

    spot = {int(row[0]): Decimal(row[4]) for row in of[asset, Series.SPOT] if Decimal(row[5])}
    return CoinPast(spot, closes(Series.PERP), closes(Series.MARK), closes(Series.MARK, 2),
                    {int(row[0]): Decimal(row[1]) for row in of[asset, FUNDING]})


async def _patiently(clock: Clock, work: Callable[[], Awaitable[list[Cells]]]) -> list[Cells]:
    """Do `work`; where the venue wants silence, keep it and go on."""

    def silence(state: RetryCallState) -> float:
        error = None if state.outcome is None else state.outcome.exception()
        asked = error.retry_after if isinstance(error, RateLimited) else None
        return _USUAL_SILENCE if asked is None else asked

    retrying = AsyncRetrying(
        sleep=clock.sleep, stop=stop_after_attempt(PATIENCE), wait=silence,
        retry=retry_if_exception_type(RateLimited), reraise=True,
    )
    return await retrying(work)


def _compact(at: Millis) -> str:
    return datetime.fromtimestamp(at / SECOND, tz=UTC).strftime("%Y%m%dT%H%M")
