"""Orders that bear this account's mark and that the journal never gave out: it is an old copy, or a second bot works.

Every order of ours carries its journal's letters and its number, and numbers only ever go up. So other letters, or a
number above the last one, were given out by another journal, or by a later state of this one. At the start that forbids
to begin: the newcomer stops. Later it means that another bot, on another machine, works on this account, and began
before either had an order: whichever sees the other's first stops. On this machine the lock keeps it out.

A rebuilt journal has the orders of earlier ones among its own, and letters of its own: so their orders are known to it,
and what an earlier one that still runs sends after it was made is not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence
from contextlib import suppress
from typing import TypeVar

from bot.core.market import Snapshot, spot_coin
from bot.core.orders import last_numbers, not_given_out
from bot.core.times import DAY, HOUR, MINUTE, Millis
from bot.engine.book import Book
from bot.errors import JournalBehind, Refused, SafetyStop, Unavailable
from bot.ports import Clock, Memory, PastOrders, Venue

T = TypeVar("T")

LONGEST_LOOK: Millis = 90 * DAY
"""How far back a journal without a decision looks: as long as venues remember orders."""

MARGIN: Millis = HOUR
"""By how much a look begins before what is known."""

LOOK_EVERY: Millis = MINUTE


async def check_last_number(
    venue: Venue, clock: Clock, memory: Memory, symbols: Sequence[str], account_tag: str,
) -> None:
    """Ask the venue, once a symbol, whether it knows orders of this account that come after the journal's last one.

    Raises JournalBehind where it does; Unavailable. A venue that does not tell past orders is believed to know none.
    """
    if not isinstance(venue, PastOrders):
        return
    known = memory.decision.at if memory.decision is not None else clock.now() - LONGEST_LOOK
    since = max(known - MARGIN, clock.origin)
    names = [order.report.client_order_id
             for symbol in symbols for order in await told(venue.orders(symbol, since), symbol)]
    strange = not_given_out(names, account_tag, last_numbers(memory.names, account_tag))
    if strange:
        raise JournalBehind(
            f"this journal ends with order {memory.intents}, and {venue.name} knows {len(strange)} of this account "
            f"that it never gave out, up to {strange[-1]}: it is an old copy or a new one, or another bot works on "
            "this account. Nothing was sent. "
            "Stop the other bot; if there is none, make a new journal of what the exchange knows: `hedgerow journal "
            "rebuild FILE`")


async def told(asked: Awaitable[tuple[T, ...]], symbol: str) -> tuple[T, ...]:
    """What the venue answers about a symbol; nothing where the key may not look at a spot market: what cannot trade
    there has ordered nothing.
    """
    try:
        return await asked
    except SafetyStop:
        raise
    except Refused:
        if spot_coin(symbol) is None:
            raise
        return ()


class Twin:
    """Looks for a second bot: in every list of open orders, and in past ones while a position is not the books'."""

    def __init__(self, book: Book, venue: Venue, clock: Clock) -> None:
        self._book = book
        self._venue = venue
        self._clock = clock
        self._looked_at: Millis | None = None

    async def look(self, snapshot: Snapshot, differing: Collection[str]) -> None:
        """`differing`: symbols whose position is not what the books say. Raises SafetyStop for a second bot."""
        names = [order.client_order_id for order in snapshot.open_orders or ()]
        if differing and isinstance(self._venue, PastOrders) and self._due():
            since = max(self._clock.now() - MARGIN, self._clock.origin)
            # What cannot be read now holds no tick up: the next look asks again, and the symbol is held meanwhile.
            with suppress(Unavailable):
                names += [order.report.client_order_id
                          for symbol in differing for order in await self._venue.orders(symbol, since)]
        strange = self._book.not_given_out(names)
        if strange:
            raise SafetyStop(
                f"a second bot works on this account: order {strange[0]} bears its mark, and no intent of this journal "
                "is behind it; stop one of the two for good, then start the other", "second_bot")

    def _due(self) -> bool:
        now = self._clock.now()
        if self._looked_at is not None and now - self._looked_at < LOOK_EVERY:
            return False
        self._looked_at = now
        return True
