"""The markets as the account meets them at one instant: the feed, price shifts, and what the account took from it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.core.market import Asset, Instrument, Side
from bot.core.money import ONE, ZERO, to_ledger
from bot.core.swift import changed
from bot.core.times import Millis
from bot.paper.books import less, shifted
from bot.paper.feed import BookState, Feed, MarketState
from bot.paper.records import MarketName


def market_of(symbol: str, instruments: Mapping[Asset, Instrument]) -> tuple[MarketName, Asset] | None:
    """Which market of which coin a symbol names; None where it names none of these."""
    for asset, instrument in instruments.items():
        if symbol == instrument.symbol:
            return "perp", asset
        if symbol == instrument.spot_symbol:
            return "spot", asset
    return None


class Markets:
    """A feed seen at `now`. What the account takes is gone until the next grid instant, when the feed's book is new."""

    def __init__(self, feed: Feed, instruments: Mapping[Asset, Instrument], now: Millis) -> None:
        self.feed = feed
        self.instruments = instruments
        self.now = now
        self._factors: dict[Asset, Decimal] = {}
        self._shifted: dict[Asset, tuple[MarketState, Instrument, MarketState]] = {}
        """What the feed showed last of a coin whose prices are shifted, its specification, and what that became."""
        self._taken: dict[tuple[Asset, MarketName, Side], dict[Decimal, Decimal]] = {}
        self._taken_in = self._grid_step()

    def mark(self, asset: Asset) -> Decimal:
        """The mark price."""
        mark, factor = self.feed.mark(asset, self.now), self._factors.get(asset)
        return mark if factor is None else to_ledger(mark * factor)

    def state(self, asset: Asset) -> MarketState:
        """Both books, mark and index, less what the account took in this grid step."""
        seen = self.feed.at(asset, self.now)
        if asset in self._factors:
            seen = self._shifted_state(asset, seen)
        if not self._taken or not self._taken_now():
            return seen
        return changed(
            seen, spot=self._less_taken(asset, "spot", seen.spot), perp=self._less_taken(asset, "perp", seen.perp),
        )

    def _shifted_state(self, asset: Asset, seen: MarketState) -> MarketState:
        known, instrument = self._shifted.get(asset), self.instruments[asset]
        if known is None or known[0] is not seen or known[1] is not instrument:
            known = self._shifted[asset] = seen, instrument, shifted(seen, instrument, self._factors[asset])
        return known[2]

    def book(self, asset: Asset, market: MarketName) -> BookState:
        """One of the coin's books."""
        state = self.state(asset)
        return state.perp if market == "perp" else state.spot

    def take(self, asset: Asset, market: MarketName, taker: Side, price: Decimal, quantity: Decimal) -> None:
        """The account, as `taker`, took others' quantity at `price`."""
        taken = self._taken_now().setdefault((asset, market, taker), {})
        taken[price] = taken.get(price, ZERO) + quantity

    def shift(self, asset: Asset, factor: Decimal) -> None:
        """Every price of the coin is from now on the feed's times `factor` (> 0); shifts compound."""
        if factor <= 0:
            raise ValueError(f"factor must be positive, not {factor}")
        self._factors[asset] = self._factors.get(asset, ONE) * factor
        self._shifted.pop(asset, None)

    def funding(self, asset: Asset) -> tuple[Decimal, Millis, Millis]:
        """Rate of the next settlement, its instant, and the interval in force."""
        due = self.feed.next_funding(asset, self.now)
        return self.feed.funding_rate(asset, due), due, self.feed.funding_interval(asset, self.now)

    def _less_taken(self, asset: Asset, market: MarketName, book: BookState) -> BookState:
        bids_taken = self._taken.get((asset, market, Side.SELL), {})
        return less(book, bids_taken, self._taken.get((asset, market, Side.BUY), {}))

    def _taken_now(self) -> dict[tuple[Asset, MarketName, Side], dict[Decimal, Decimal]]:
        step = self._grid_step()
        if step != self._taken_in:
            self._taken.clear()
            self._taken_in = step
        return self._taken

    def _grid_step(self) -> int:
        return (self.now - self.feed.start) // self.feed.step
