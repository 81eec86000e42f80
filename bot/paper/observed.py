"""A feed of what was last seen of a real market, for dry runs: no story, no grid, only observations.

Nothing is known of others' trades, so no taker ever reaches a resting order here: it trades only when the opposite
touch is seen strictly beyond its price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from bot.core.market import Asset, Quote
from bot.core.money import ZERO
from bot.core.times import HOUR, Millis
from bot.errors import Unavailable
from bot.paper.feed import BookState, Level, MarketState
from bot.paper.records import MarketName
from bot.ports import Depth, Prices

_END_OF_TIME: Millis = 2**62
_USUAL_INTERVAL: Millis = 8 * HOUR


class ObservedFeed:
    """Implements `Feed`: every answer is the latest observation, whatever instant is asked for.

    Raises Unavailable where a coin has never been seen with a mark price.
    """

    def __init__(self, prices: Prices) -> None:
        self._start = prices.at
        self._quotes: dict[Asset, Quote] = {}
        self._states: dict[Asset, MarketState] = {}
        self.see(prices)

    # --- observing ---

    def see(self, prices: Prices) -> None:
        """Take a new observation of every coin. Of the books it shows the touch; `see_depth` shows the rest."""
        for asset, quote in prices.quotes.items():
            mark = quote.mark
            if mark is None:
                if asset not in self._states:
                    raise Unavailable(f"{asset} has no mark price")
                mark = self._states[asset].mark
            self._quotes[asset] = quote
            self._states[asset] = MarketState(
                spot=_touch(quote.spot_bid, quote.spot_ask), perp=_touch(quote.perp_bid, quote.perp_ask), mark=mark,
                index=quote.index if quote.index is not None else mark,
            )

    def see_depth(self, asset: Asset, market: MarketName, depth: Depth) -> None:
        """Take a new observation of one of the coin's books."""
        seen, book = self._states[asset], _book(depth.bids, depth.asks)
        self._states[asset] = replace(seen, spot=book) if market == "spot" else replace(seen, perp=book)

    # --- Feed ---

    @property
    def assets(self) -> Sequence[Asset]:
        """Coins that were seen."""
        return tuple(self._states)

    @property
    def start(self) -> Millis:
        """The first observation."""
        return self._start

    @property
    def end(self) -> Millis:
        """None is known."""
        return _END_OF_TIME

    @property
    def step(self) -> Millis:
        """1 ms: an observation may come at any instant."""
        return 1

    def at(self, asset: Asset, at: Millis) -> MarketState:  # noqa: ARG002 - the latest observation is all there is
        """The coin's markets as last seen."""
        return self._states[asset]

    def mark(self, asset: Asset, at: Millis) -> Decimal:  # noqa: ARG002 - as above
        """The mark price as last seen."""
        return self._states[asset].mark

    def funding_interval(self, asset: Asset, at: Millis) -> Millis:  # noqa: ARG002 - as above
        """The interval as last seen; eight hours where it was not."""
        interval = self._quotes[asset].funding_interval
        return interval if interval is not None else _USUAL_INTERVAL

    def next_funding(self, asset: Asset, after: Millis) -> Millis:
        """The next settlement as last seen; where that is unknown or has passed, one interval after `after`."""
        due = self._quotes[asset].next_funding_at
        return due if due is not None and due > after else after + self.funding_interval(asset, after)

    def funding_rate(self, asset: Asset, settlement: Millis) -> Decimal:  # noqa: ARG002 - as above
        """The predicted rate as last seen; 0 where it was not. Settlements are booked at their published rates."""
        rate = self._quotes[asset].funding_rate
        return rate if rate is not None else ZERO


def _touch(bid: Decimal | None, ask: Decimal | None) -> BookState:
    """A book of which only the best prices are known: how much stands there is asked before an order comes."""
    return _book([(bid, ZERO)] if bid is not None else [], [(ask, ZERO)] if ask is not None else [])


def _book(bids: Sequence[tuple[Decimal, Decimal]], asks: Sequence[tuple[Decimal, Decimal]]) -> BookState:
    return BookState(
        tuple(Level(*level) for level in bids), tuple(Level(*level) for level in asks), taker_buys=ZERO,
        taker_sells=ZERO,
    )
