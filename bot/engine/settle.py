"""Settle what the journal left open: unknown outcomes, orders that moved on, fills and funding not in the books yet.

The order of events makes a crash harmless: an order's fills are booked before its end is recorded, so whatever the
journal still calls live is simply looked at again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from bot.core.episode import Episode
from bot.core.market import Asset, OpenOrder, Snapshot, spot_coin
from bot.core.money import ZERO
from bot.core.orders import (
    QUARANTINE_AFTER,
    TRANSITIONS,
    FundingPayment,
    OrderRecord,
    OrderReport,
    OrderState,
)
from bot.core.portfolio import quantity_of
from bot.core.times import HOUR, MINUTE, Millis
from bot.engine.book import Book
from bot.engine.history import History
from bot.engine.lookups import Lookups
from bot.engine.report import Reporter
from bot.errors import RateLimited, Refused, SafetyStop, Unavailable
from bot.ports import Clock, Venue

LOOKS_BEFORE_NOT_FOUND = 3
"""How many look-ups in a row, at different instants, must miss before an order counts as never having existed."""

LATE = 10 * MINUTE
"""How long after an order's end an execution of it may still become known."""

FUNDING_GRACE = HOUR
"""How long a settlement that should have come is asked for again; the venue books none where the rate is zero."""


class Settled(NamedTuple):
    """What settling changed in the books: executions or states of `orders`, and `funding` that was booked."""

    orders: bool
    funding: bool


class Settler:
    """Brings the journal up to what the venue did."""

    def __init__(self, book: Book, venue: Venue, clock: Clock, report: Reporter) -> None:
        self._book = book
        self._venue = venue
        self._clock = clock
        self._report = report
        # Due at once: the first tick asks for everything that happened while we were away.
        self._funding_due: Millis | None = 0
        self._funding_asked_at: Millis = -MINUTE
        self._untold: str | None = None
        self._quarantined: set[str] = set()
        self._history = History(book, venue, clock, report)
        self._rejected: dict[Asset, str] = {}

    def rejected(self, asset: Asset) -> str | None:
        """The coin's newest order, by client id, where the venue took it and then rejected it."""
        return self._rejected.get(asset)

    async def settle(self, snapshot: Snapshot) -> Settled:
        """Settle what this snapshot shows to be open.

        An order that cannot be looked up now freezes its symbol and nothing else. Raises RateLimited, SafetyStop.
        """
        await self._revive(snapshot)
        wanted = [one for one in self._book.live() if one.state.unresolved or _moved(one, snapshot)]
        lookups, changed, failure = Lookups(self._venue, wanted), False, ""
        for record in wanted:
            try:
                if not failure:
                    changed |= await self._settle(record, snapshot, lookups)
            except (RateLimited, SafetyStop):
                raise
            except Refused as refused:
                await self._unanswered(record, snapshot, str(refused))
            except Unavailable as away:
                failure = str(away)
            if failure:
                await self._unanswered(record, snapshot, failure)
        if not failure:
            changed |= await self._late(snapshot)
        for record in self._book.quarantined():
            self._quarantine(record, snapshot)
        return Settled(changed, await self._fund(snapshot))

    async def _settle(self, record: OrderRecord, snapshot: Snapshot, lookups: Lookups) -> bool:
        if record.state.unresolved:
            return await self._resolve(record, snapshot, lookups)
        report = await lookups.find(record)
        if report is None:
            # It rested and is now unknown: that is a question, not an answer.
            await self._book.reported(_uncertain(record, "the venue does not know an order that it had accepted"))
            return await self._resolve(replace(record, state=OrderState.UNCERTAIN), snapshot, lookups)
        if (report.state, report.filled, report.price or record.price) == (record.state, record.filled, record.price):
            return False  # on spot every look is a question: nothing new is no news
        return await self.absorb(record, report, snapshot, lookups)

    async def _unanswered(self, record: OrderRecord, snapshot: Snapshot, why: str) -> None:
        """It could not be looked up: open orders may show it; else what became of it is unknown. Said once."""
        known = next((one for one in self._book.live() if one.intent == record.intent), None)
        if known is None or (_on_spot(known) and not known.state.unresolved):
            return  # what no snapshot shows is asked for at each look, and is no more doubtful for one that failed
        shown = resting(known, snapshot)
        if known.state.unresolved and shown is not None:
            state = OrderState.PARTIAL if known.filled else OrderState.OPEN
            self._report.order("order.resolved", known, snapshot, state=str(state))
            await self._book.reported(OrderReport(
                shown.client_order_id, shown.symbol, state, known.filled, order_id=shown.order_id, price=shown.price))
        elif not known.state.unresolved and _moved(known, snapshot):
            known = await self._book.reported(_uncertain(known, why))
            self._report.order("order.uncertain", known, snapshot, state=str(known.state), message=why)

    async def _revive(self, snapshot: Snapshot) -> None:
        """An order that the venue had called ended, and shows as open, is ours to follow again."""
        for shown in snapshot.open_orders or ():
            record = self._book.ended(shown.client_order_id)
            state = OrderState.PARTIAL if shown.filled else OrderState.OPEN
            if record is None or state not in TRANSITIONS[record.state]:
                continue
            record = await self._book.reported(OrderReport(
                shown.client_order_id, shown.symbol, state, record.filled, order_id=shown.order_id, price=shown.price,
                message=f"shown as open, although it was {record.state}",
            ))
            self._report.order("order.changed", record, snapshot, change="open after all", state=str(state))

    async def _late(self, snapshot: Snapshot) -> bool:
        """Executions of orders that had ended by the venue's own word, where the position shows that there are some."""
        suspects = [one for one in self._book.ended_since(self._clock.now() - LATE) if self._may_lack(one, snapshot)]
        if not suspects:
            return False
        lookups, new = Lookups(self._venue, suspects), False
        for record in suspects:
            if not self._may_lack(record, snapshot):
                continue
            try:
                report = await lookups.find(record)
                if report is not None and report.filled > record.filled:
                    new |= await self.absorb(record, report, snapshot, lookups)
            except (RateLimited, SafetyStop):
                raise
            except (Unavailable, Refused):
                continue
        return new

    def _may_lack(self, record: OrderRecord, snapshot: Snapshot) -> bool:
        """Whether executions of an ended order may be why the position is not the books'."""
        position, intent = snapshot.position(record.intent.symbol), record.intent
        if _on_spot(record):
            coins = self._book.coins(intent.asset)
            moved = ZERO if coins is None else quantity_of(snapshot, intent.asset) - coins
            return moved * intent.side.sign > 0 and record.remaining > 0 and not self._book.frozen(intent.asset)
        held = (position.quantity if position else ZERO) - self._book.state.of(intent.asset).foreign
        missing = held + self._book.short(intent.asset)
        return missing * intent.side.sign > 0 and record.remaining > 0 and not self._book.frozen(intent.asset)

    def _quarantine(self, record: OrderRecord, snapshot: Snapshot) -> None:
        """Say once that a human is needed, and what for."""
        name, asset = record.intent.client_order_id, record.intent.asset
        if name in self._quarantined:
            return
        self._quarantined.add(name)
        looked = f"{record.misses} look-ups did not find it" if record.misses else "no look-up was answered"
        self._report.order(
            "order.quarantined", record, snapshot, state=str(record.state),
            message=f"its outcome has been unknown for {QUARANTINE_AFTER // MINUTE} minutes, {looked}: nothing is "
                    f"ordered on {asset}. Look for it at the exchange, then `hedgerow resolve {name} --found` or "
                    "`--never`",
        )

    async def _resolve(self, record: OrderRecord, snapshot: Snapshot, lookups: Lookups) -> bool:
        """Look an unknown outcome up. "Not found" counts only by the protocol of EXCHANGES §3."""
        report = await lookups.find(record)
        if report is None:
            record = await self._book.missed(record)
            if not self._never_existed(record, snapshot):
                return False
            report = OrderReport(
                record.intent.client_order_id, record.intent.symbol, OrderState.NOT_FOUND, record.filled,
                message=f"not found in {record.misses} look-ups",
            )
        self._report.order("order.resolved", record, snapshot, state=str(report.state))
        return await self.absorb(record, report, snapshot, lookups)

    def _never_existed(self, record: OrderRecord, snapshot: Snapshot) -> bool:
        intent = record.intent
        position = snapshot.position(intent.symbol)
        now, booked = position.quantity if position else ZERO, -self._book.short(intent.asset)
        if _on_spot(record):
            now, booked = quantity_of(snapshot, intent.asset), self._book.coins(intent.asset) or intent.position_before
        # An order that came after this one has moved the position itself: then only the books can explain it.
        before = intent.position_before if self._book.is_newest(record) else booked
        unmoved = now == before
        waited = self._clock.now() - intent.created_at > self._venue.lookup_patience
        return record.misses >= LOOKS_BEFORE_NOT_FOUND and waited and unmoved and resting(record, snapshot) is None

    async def absorb(
        self, record: OrderRecord, report: OrderReport, snapshot: Snapshot, lookups: Lookups | None = None,
    ) -> bool:
        """Take in what the venue says of an order: its fills first, then its state. True when fills were new."""
        intent = record.intent
        new_fills = False
        complete = True
        if report.filled > record.filled:
            fills = await (lookups or Lookups(self._venue, ())).fills(record)
            # By either name: a venue may split an order, and not every one tells the client id of an execution.
            mine = [fill for fill in fills
                    if fill.order_id == report.order_id or fill.client_order_id == intent.client_order_id]
            complete = sum((fill.quantity for fill in mine), ZERO) >= report.filled
            # A margin close may be known sooner than the increase, of unknown outcome, that it undoes. What is
            # booked already, by a life that ended before it recorded the report, needs no cover any more.
            unbooked = sum((fill.quantity for fill in await self._book.unbooked(mine)), ZERO)
            reduces = intent.reduce_only and not _on_spot(record)
            covered = not reduces or intent.side.sign * self._book.short(intent.asset) >= unbooked
            complete = complete and covered
            booked = await self._book.book_fills(record, mine) if covered else ()
            new_fills = bool(booked)
            for fill in booked:
                self._report.filled(fill, record, snapshot)
        if not complete:
            await self._history.fills_missing(record)
        if report.rejected:
            self._rejected[intent.asset] = intent.client_order_id
        elif report.filled or not report.state.live:
            self._rejected.pop(intent.asset, None)
        if complete:
            await self._book.reported(report)
        elif record.state.unresolved:
            # Its fills lag behind: it exists, and the next look asks for them again.
            await self._book.reported(replace(report, state=OrderState.OPEN, filled=record.filled))
        return new_fills

    async def _fund(self, snapshot: Snapshot) -> bool:
        """Book funding once a settlement that concerns us has passed; a late one is asked for again, each minute."""
        now = self._clock.now()
        rows: tuple[tuple[FundingPayment, Episode | None], ...] = ()
        since = await self._history.funding_since()
        self._funding_due = self._sooner(snapshot)
        if since is None:
            self._funding_due = None
        elif self._funding_due is not None and now >= max(self._funding_due, self._funding_asked_at + MINUTE):
            self._funding_asked_at = now
            rows = await self._book.book_funding(await self._settlements(since))
            if not rows:
                self._history.awaits(self._funding_due, self._untold)
            for payment, episode in rows:
                self._report.funding(payment, episode)
            if rows or now >= self._funding_due + FUNDING_GRACE:
                self._funding_due = None
        if self._funding_due is None:
            self._funding_due = self._next_settlement(snapshot)
        return bool(rows)

    async def _settlements(self, since: Millis) -> tuple[FundingPayment, ...]:
        """What was settled; nothing where that cannot be read now: it is asked for again, and no decision waits."""
        try:
            told = await self._venue.funding(since)
        except RateLimited:
            raise
        except Unavailable as away:
            self._untold = str(away)
            return ()
        self._untold = None
        self._history.was_told()
        return told

    def _sooner(self, snapshot: Snapshot) -> Millis | None:
        """When settlements are due, or sooner where an interval has become shorter meanwhile."""
        told = self._next_settlement(snapshot)
        return self._funding_due if told is None or self._funding_due is None else min(self._funding_due, told)

    def _next_settlement(self, snapshot: Snapshot) -> Millis | None:
        dues = [
            quote.next_funding_at for asset in self._book.open_assets()
            if (quote := snapshot.quotes.get(asset)) is not None and quote.next_funding_at is not None
        ]
        return min(dues) if dues else None


def _on_spot(record: OrderRecord) -> bool:
    return spot_coin(record.intent.symbol) is not None


def _moved(record: OrderRecord, snapshot: Snapshot) -> bool:
    shown = resting(record, snapshot)
    return shown is None or shown.filled != record.filled or shown.price != record.price


def resting(record: OrderRecord, snapshot: Snapshot) -> OpenOrder | None:
    """The order as the venue's open orders show it; None where they do not, or were not read."""
    return next((order for order in snapshot.open_orders or ()
                 if order.client_order_id == record.intent.client_order_id), None)


def _uncertain(record: OrderRecord, why: str) -> OrderReport:
    return OrderReport(record.intent.client_order_id, record.intent.symbol, OrderState.UNCERTAIN, record.filled,
                       message=why)

