"""What the venue no longer remembers after a long stop, and what it does not tell yet: said once, never made up."""

from __future__ import annotations

from bot.core.history import Gap, hedged_within
from bot.core.orders import OrderRecord
from bot.core.times import Millis, iso
from bot.engine.book import Book
from bot.engine.report import Reporter
from bot.ports import Clock, Remembers, Venue


class History:
    """Looks how far back the venue can be asked; what lies beyond is marked in the journal."""

    def __init__(self, book: Book, venue: Venue, clock: Clock, report: Reporter) -> None:
        self._book = book
        self._clock = clock
        self._report = report
        self._remembers = venue.remembers if isinstance(venue, Remembers) else None
        self._told = False
        self._awaited: Millis | None = None

    async def funding_since(self) -> Millis | None:
        """From when settlements are to be read; never from before the venue's memory. None: never hedged."""
        since = self._book.funding_since()
        if since is None or self._remembers is None:
            return since
        horizon = self._clock.now() - self._remembers.funding
        if since >= horizon:
            return since
        # Who has asked once has missed nothing since: only a stop can be longer than the venue's memory.
        asked = [gap.found_at for gap in self._book.gaps if gap.kind == "funding"]
        lost_from = max([self._book.funding_at or since, *asked])
        if not self._told and lost_from < horizon and hedged_within(self._book.episodes, lost_from, horizon):
            await self._mark(Gap("funding", lost_from, horizon, self._clock.now()),
                             "funding settled in that time is unknown, and not in any hedge's account")
        return horizon

    def was_told(self) -> None:
        """The venue has told its settlements up to now."""
        self._told = True

    def awaits(self, due: Millis, why: str | None = None) -> None:
        """Nothing new of the settlement `due` (0: of any) is told; `why`, where asking failed. Said once."""
        if not due or self._awaited == due or due > self._clock.now():
            return
        self._awaited = due
        missing = "is not in the venue's history yet" if why is None else f"cannot be read ({why})"
        self._report.say("funding.awaited", settled_at=due, message=(
            f"the settlement of {iso(due)} {missing}; what it came to is unknown until it is"))

    async def fills_missing(self, record: OrderRecord) -> None:
        """Executions of an order are not among those that the venue tells: they lag, or it has forgotten them."""
        intent = record.intent
        if self._remembers is None:
            return
        horizon = self._clock.now() - self._remembers.fills
        known = any(gap.kind == "fills" and gap.symbol == intent.symbol for gap in self._book.gaps)
        if intent.created_at < horizon and not known:
            await self._mark(Gap("fills", intent.created_at, horizon, self._clock.now(), intent.symbol), (
                f"executions of {intent.client_order_id} are unknown; `hedgerow journal rebuild` makes books from what "
                "is left"))

    async def _mark(self, gap: Gap, consequence: str) -> None:
        await self._book.mark(gap)
        self._report.say("history.gap", reason=gap.kind, symbol=gap.symbol, message=(
            f"the venue remembers no {gap.kind} of {iso(gap.since)} to {iso(gap.until)}: {consequence}"))
