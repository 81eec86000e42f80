"""Orders whose outcome no look-up tells: what a human says became of them, taken as far as the position bears it out.

The word is journaled with the name of whoever gave it. It never moves a number: an order said to have existed is booked
from the venue's own executions, and only where these explain the position; one that is said never to have
existed is given up only where the position is as if it had not, or where look-ups have answered and not found it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from bot.core.market import Snapshot
from bot.core.money import ZERO, plain
from bot.core.orders import Fill, OrderRecord, OrderReport, OrderState
from bot.engine.book import Book
from bot.engine.lookups import Lookups
from bot.engine.report import Reporter
from bot.engine.settle import LOOKS_BEFORE_NOT_FOUND, resting
from bot.errors import Refused, SafetyStop, Unavailable
from bot.ports import FOUND, Command, Venue


class Verdicts:
    """Takes such a word. `take` answers in one line, which begins with 'refused' where nothing was done."""

    def __init__(self, book: Book, venue: Venue, report: Reporter) -> None:
        self._book = book
        self._venue = venue
        self._report = report

    async def take(self, wish: Command, snapshot: Snapshot) -> str:
        """Obey `hedgerow resolve`: about one order, or about all of a coin whose outcome is unknown."""
        about = wish.order or wish.asset
        records = [record for record in self._book.live() if record.state.unresolved
                   and about in (record.intent.client_order_id, record.intent.asset)]
        if not records:
            what = f"order {wish.order}" if wish.order else f"order on {wish.asset}"
            return f"no {what} has an unknown outcome"
        said = [await self._one(record, wish, snapshot) for record in records]
        return "; ".join(sorted(said, key=lambda text: not text.startswith("refused")))

    async def _one(self, record: OrderRecord, wish: Command, snapshot: Snapshot) -> str:
        name = record.intent.client_order_id
        if resting(record, snapshot) is not None:
            return f"refused: {name} rests at the venue; the bot goes on with it by itself"
        if wish.says != FOUND:
            return await self._never(record, wish, snapshot)
        try:
            return await self._found(record, wish, snapshot)
        except SafetyStop:
            raise
        except (Unavailable, Refused) as away:
            return f"refused: {name} stays frozen, the executions cannot be read now: {away}"

    async def _never(self, record: OrderRecord, wish: Command, snapshot: Snapshot) -> str:
        intent, held = record.intent, self._held(record, snapshot)
        name, short = intent.client_order_id, self._book.short(intent.asset)
        if not record.misses and record not in self._book.quarantined():
            return f"refused: {name} could not be looked up yet: it stays frozen"
        if held != -short and record.misses < LOOKS_BEFORE_NOT_FOUND:
            return (f"refused: the position is {plain(held)}, without {name} it would be {plain(-short)}; if the order "
                    "existed, say --found")
        looked = f"after {record.misses} look-ups that did not find it" if record.misses else "without a look-up"
        await self._end(record, OrderState.NOT_FOUND, snapshot, f"never placed by the word of {_by(wish)}, {looked}")
        said = f"{name} counts as never placed, {looked}"
        if held != -short:
            said += f"; the position of {plain(held)} is not the books' {plain(-short)}: `adopt` or `ignore` it"
        return said

    async def _found(self, record: OrderRecord, wish: Command, snapshot: Snapshot) -> str:
        intent, held = record.intent, self._held(record, snapshot)
        name, short = intent.client_order_id, self._book.short(intent.asset)
        mine = self._of(record, await self._book.unbooked(await Lookups(self._venue, ()).fills(record)))
        quantity = sum((fill.quantity for fill in mine), ZERO)
        after = -short + intent.side.sign * quantity
        if after != held or after > 0:
            return (f"refused: the venue lists executions of {plain(quantity)} for {name}, which make a position of "
                    f"{plain(after)}; it is {plain(held)}")
        for fill in await self._book.book_fills(record, mine):
            self._report.filled(fill, record, snapshot)
        filled = record.filled + quantity
        state = OrderState.FILLED if filled == intent.quantity else OrderState.CANCELLED
        number = mine[0].order_id if mine else record.order_id
        await self._end(record, state, snapshot, f"found by the word of {_by(wish)}", filled=filled, order_id=number)
        return f"{name} counts as {state} with {plain(filled)} of {plain(intent.quantity)}, as the position has it"

    def _held(self, record: OrderRecord, snapshot: Snapshot) -> Decimal:
        """The signed position on the order's symbol, less what is somebody else's by the user's word."""
        position = snapshot.position(record.intent.symbol)
        return (position.quantity if position else ZERO) - self._book.state.of(record.intent.asset).foreign

    def _of(self, record: OrderRecord, fills: Sequence[Fill]) -> list[Fill]:
        """Executions that are this order's, or may be: where the venue does not name the order, by side and size."""
        others = {other.order_id for other in self._book.live() if other is not record}
        named = [fill for fill in fills if fill.client_order_id == record.intent.client_order_id
                 or (record.order_id is not None and fill.order_id == record.order_id)]
        if named:
            return named
        found, left = [], record.remaining
        for fill in fills:
            nameless = fill.client_order_id is None and fill.order_id not in others
            if nameless and fill.side is record.intent.side and fill.quantity <= left:
                found.append(fill)
                left -= fill.quantity
        return found

    async def _end(
        self, record: OrderRecord, state: OrderState, snapshot: Snapshot, why: str, *, filled: Decimal | None = None,
        order_id: str | None = None,
    ) -> None:
        """The order's end by somebody's word."""
        ended = await self._book.reported(OrderReport(
            record.intent.client_order_id, record.intent.symbol, state, record.filled if filled is None else filled,
            order_id=order_id, message=why,
        ))
        self._report.order("order.resolved", ended, snapshot, state=str(state), message=why)


def _by(wish: Command) -> str:
    return wish.by or "somebody unnamed"
