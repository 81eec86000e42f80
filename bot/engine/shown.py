"""The prices that were pushed last, and whether the account is known to be as it was last read.

Pushed frames carry no number that would show one missing. So the account counts as known only where each of its
streams was up before the last full reading began and has told nothing since; and not for long (`bot.core.pushed`).
"""

from __future__ import annotations

from dataclasses import replace

from bot.core.market import Asset, Quote
from bot.core.pushed import UNSEEN, Pushed, newest
from bot.core.times import Millis
from bot.ports import Marked, Market, Touch


class Shown:
    """What a stream has shown. `within`: how old prices to decide on may be; 0: none ever are."""

    def __init__(self, within: Millis) -> None:
        self.within = within
        self._quotes: dict[Asset, Quote] = {}
        self._stands = False

    def touched(self, touch: Touch) -> None:
        """A best bid and ask; one that is older than what is known changes nothing."""
        if touch.market is Market.SPOT:
            self._take(touch.asset, replace(UNSEEN, spot_bid=touch.bid, spot_ask=touch.ask, spot_at=touch.at))
        else:
            self._take(touch.asset, replace(UNSEEN, perp_bid=touch.bid, perp_ask=touch.ask, perp_at=touch.at))

    def marked(self, marked: Marked) -> None:
        """A mark and index; likewise."""
        self._take(marked.asset, replace(
            UNSEEN, mark=marked.mark, index=marked.index, mark_at=marked.at, funding_rate=marked.funding_rate,
            next_funding_at=marked.next_funding_at))

    def shaken(self) -> None:
        """Something has happened to the account, or may have without a word."""
        self._stands = False

    def forget(self) -> None:
        """A stream is lost: neither prices nor silence are to be relied on."""
        self._quotes.clear()
        self._stands = False

    def reading(self, *, whole: bool) -> None:
        """The account is about to be read. `whole`: every stream is up."""
        self._stands = whole

    def offer(self, *, whole: bool) -> Pushed | None:
        """What may be decided on, if a reading before it is young enough; None: read first."""
        if not self.within or not self._stands or not whole:
            return None
        return Pushed(dict(self._quotes), self.within)

    def _take(self, asset: Asset, part: Quote) -> None:
        self._quotes[asset] = newest(self._quotes.get(asset, UNSEEN), part)
