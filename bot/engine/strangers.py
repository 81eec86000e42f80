"""Trades on our symbols that no order of ours made: closed by the venue by force, or by hand (DOMAIN §3.7, §6.5).

What the venue forced is recognised and taken into the books by itself, after the decision that disarms the coin is in
the journal. What somebody traded by hand is taken in only on the user's word (`adopt`). Either way each such order
becomes an order of ours in the journal, with the venue's own executions, so that books and venue agree again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from bot.core.market import Asset, Snapshot
from bot.core.money import ZERO, plain
from bot.core.orders import Fill, OrderIntent, OrderReport, OrderState, TimeInForce, begin
from bot.core.policy import Terms
from bot.core.times import DAY, MINUTE, Millis
from bot.core.way import enlarges, way_of
from bot.engine.book import Book
from bot.engine.report import Reporter
from bot.errors import Unavailable
from bot.ports import Clock, ForcedCloses, Venue

LOOK_BACK: Millis = 7 * DAY
"""How far back trades by hand are looked for; what is older the venue lists no more in one piece."""

LOOK_EVERY: Millis = MINUTE

SAME_MOMENT: Millis = MINUTE
"""So long after a trade, the mids of now are taken for those that it met; later they are not known."""


class Strangers:
    """Finds such trades where the venue's position is not the journal's, and books them."""

    def __init__(self, book: Book, venue: Venue, clock: Clock, report: Reporter) -> None:
        self._book = book
        self._venue = venue
        self._clock = clock
        self._report = report
        self._looked_at: dict[Asset, Millis] = {}

    async def forced(self, snapshot: Snapshot, terms: Terms) -> Mapping[Asset, str]:
        """By coin: how the venue closed what was ours, where its position is smaller than the journal's."""
        venue, found = self._venue, {}
        for asset, instrument in terms.instruments.items():
            way = way_of(self._book.short(asset))
            missing = abs(self._book.short(asset)) - way.held(snapshot.position(instrument.symbol))
            if missing <= 0 or not isinstance(venue, ForcedCloses) or not self._due(asset):
                continue
            try:
                strange = await self._fills(asset, instrument.symbol)
                if not strange:
                    continue
                causes = await venue.forced_closes(instrument.symbol, min(fill.at for fill in strange))
            except Unavailable:
                continue  # asked again a minute later; the symbol is held meanwhile, and the tick goes on
            cause = next((causes[fill.order_id] for fill in strange if fill.order_id in causes), None)
            if cause is not None:
                found[asset] = cause
        return found

    def _due(self, asset: Asset) -> bool:
        now = self._clock.now()
        if now - self._looked_at.get(asset, now - LOOK_EVERY) < LOOK_EVERY:
            return False
        self._looked_at[asset] = now
        return True

    async def _fills(self, asset: Asset, symbol: str) -> tuple[Fill, ...]:
        """Executions of the last week that are neither booked nor of an order of ours that is still followed."""
        ours = {record.order_id for record in self._book.live(asset)}
        known = await self._venue.fills(symbol, self._clock.now() - LOOK_BACK)
        since = self._book.reckoned_since(asset)
        return await self._book.unbooked([
            fill for fill in known if fill.order_id not in ours and (since is None or fill.at >= since)])

    async def adopt(self, asset: Asset, snapshot: Snapshot, terms: Terms, *, why: str = "adopted") -> str:
        """Take what is not booked on this coin into the books; what came of it, in words."""
        symbol = terms.instruments[asset].symbol
        if self._book.frozen(asset):
            return f"refused: the outcome of an order on {asset} is unknown; look at that first (`hedgerow resolve`)"
        strange = await self._fills(asset, symbol)
        position = snapshot.position(symbol)
        held = position.quantity if position is not None else ZERO
        short = self._book.short(asset)
        if not strange:
            return f"refused: the venue lists no trade on {asset} that is not in the books already"
        after = short
        for fill in strange:
            before, after = after, after - fill.side.sign * fill.quantity
            if after < 0 and asset not in terms.longs:
                return f"refused: with these trades {asset} would be long, which is no hedge; `ignore` it instead"
            if before * after < 0:
                return (f"refused: trade {fill.trade_id} turns a {way_of(before)} of {asset} into a {way_of(after)}; "
                        "no hedge does: `ignore` it instead")
        if after != -held:
            return (f"refused: its trades make a {way_of(after)} of {plain(abs(after))}, the venue shows a position of "
                    f"{plain(held)}; `ignore` what is not ours")
        for order in dict.fromkeys(fill.order_id for fill in strange):
            await self._book_order(asset, [fill for fill in strange if fill.order_id == order], snapshot, why)
        way = way_of(short or after)
        return f"the {way} of {asset} goes from {plain(abs(short))} to {plain(abs(after))} in the books"

    async def _book_order(self, asset: Asset, fills: Sequence[Fill], snapshot: Snapshot, why: str) -> None:
        """One stranger's order as one of ours: intent, executions and end at once, for no look-up could complete it."""
        first, quantity = fills[0], sum((fill.quantity for fill in fills), ZERO)
        average = sum((fill.quantity * fill.price for fill in fills), ZERO) / quantity
        episode, number, identity = self._book.next_identity(asset)
        short, now = self._book.short(asset), self._clock.now()
        after = short - first.side.sign * quantity
        # It was no decision of ours: the mids of then are known only where then is now.
        quote = snapshot.quotes.get(asset) if now - first.at <= SAME_MOMENT else None
        intent = OrderIntent(
            identity, number, episode, asset, first.symbol, first.side, quantity, average, not enlarges(short, after),
            TimeInForce.GTC, -short, after, decided_at=now, created_at=now, reason=why,
            spot_mid=quote.spot_mid if quote else None, perp_mid=quote.perp_mid if quote else None,
        )
        report = OrderReport(
            identity, first.symbol, OrderState.FILLED, quantity, order_id=first.order_id, quantity=quantity,
            average=average, message=f"{why}: not sent by us",
        )
        for fill in await self._book.take(intent, fills, report):
            self._report.filled(fill, begin(intent), snapshot)
        self._tell(asset, why, quantity, average)

    def _tell(self, asset: Asset, why: str, quantity: Decimal, price: Decimal) -> None:
        if why == "adopted":
            self._report.say("position.adopted", asset=asset, quantity=quantity, price=price,
                             message="taken into the books by the user's word")
        else:
            message = f"the venue closed it by force; {asset} is disarmed until `hedgerow rearm {asset}`"
            self._report.say("hedge.forced", asset=asset, reason=why, quantity=quantity, price=price, message=message)

