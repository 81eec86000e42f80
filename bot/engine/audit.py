"""The books against the venue's own income: daily, and when a hedge has ended. What differs is said, row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.core.income import Comparison, IncomeRow, Reconciled, Residual, entries, reconcile
from bot.core.market import Asset, Instrument, spot_coin
from bot.core.orders import Fill
from bot.core.times import DAY, MINUTE, Millis, iso, next_on_grid
from bot.engine.book import Book
from bot.engine.report import Reporter
from bot.errors import Refused, SafetyStop, Unavailable
from bot.ports import Clock, Income, Venue

LAG: Millis = 10 * MINUTE
"""So long a venue may take to tell all that has happened. Rows younger than this are not compared yet."""

MOST_TOLD = 20
"""How many rows that differ are said one by one at a time."""


class Audit:
    """Compares what the books have with what the venue tells. It never holds anything up, and corrects nothing."""

    def __init__(self, book: Book, venue: Venue, clock: Clock, report: Reporter, *, every: Millis = DAY) -> None:
        self._book = book
        self._venue = venue if isinstance(venue, Income) and every else None
        self._clock = clock
        self._report = report
        self._every = every
        self._due = next_on_grid(clock.now(), 0, every) if every else 0
        self._again: Millis = 0
        self._until: Millis | None = None
        self._ended = max((one.closed_at for one in book.episodes if one.closed_at is not None), default=0)
        self._told: set[tuple[str, str | None, str, str]] = set()

    async def look(self, instruments: Mapping[Asset, Instrument]) -> None:
        """Compare, where it is time. What the venue does not tell now is asked for again later."""
        if self._venue is None:
            return
        now = self._clock.now()
        until = now - LAG
        ended = [one for one in self._book.episodes
                 if one.closed_at is not None and self._ended < one.closed_at < until]
        if (now < self._due and not ended) or now < self._again or self._book.live():
            return
        begun = [now - self._every if self._until is None else self._until, *(one.started_at for one in ended)]
        since = max(min(begun), self._book.since)
        symbols = {name for spec in instruments.values() for name in (spec.symbol, spec.spot_symbol)}
        fills, funding = await self._book.booked(since - LAG)
        try:
            rows = [*await self._venue.income(since - LAG), *await self._spot_trades(fills, since - LAG)]
        except SafetyStop:
            raise
        except (Unavailable, Refused):
            self._again = now + LAG
            return
        booked = entries(fills, funding, spot=True)
        found = reconcile(rows, booked, symbols=symbols, since=since, until=until)
        await self._book.compared(Comparison(since, until, found.matched, found.residuals, now))
        self._tell(found, since, until)
        self._ended = max([self._ended, *(one.closed_at for one in ended if one.closed_at is not None)])
        if now >= self._due:
            self._until, self._due = until, next_on_grid(now, 0, self._every)

    async def _spot_trades(self, ours: Sequence[Fill], since: Millis) -> list[IncomeRow]:
        """What the venue tells of executions of our spot orders, where its account of the wallet leaves them out."""
        if self._venue is None or self._venue.income_of_spot:
            return []
        orders = {(fill.symbol, fill.order_id) for fill in ours if spot_coin(fill.symbol) is not None}
        told = [fill for symbol in sorted({symbol for symbol, _ in orders})
                for fill in await self._venue.fills(symbol, since) if (symbol, fill.order_id) in orders]
        return entries(told, (), spot=True)

    def _tell(self, found: Reconciled, since: Millis, until: Millis) -> None:
        """Say every residual once, and what the whole comparison came to."""
        fresh = [one for one in found.residuals if one.row.key not in self._told]
        self._told |= {one.row.key for one in fresh}
        for residual in fresh[:MOST_TOLD]:
            self._residual(residual)
        what = f"{iso(since)} to {iso(until)}: {found.matched} rows agree with the venue's own"
        differ = f", {len(found.residuals)} do not" if found.residuals else ""
        self._report.say("ledger.reconciled", rows=found.matched, residuals=len(found.residuals),
                         message=f"{what}{differ}")

    def _residual(self, residual: Residual) -> None:
        row = residual.row
        self._report.say("ledger.residual", reason=str(row.kind), symbol=row.symbol, currency=row.currency,
                         settled_at=row.at, ours=residual.ours, theirs=residual.theirs, message=residual.text)
