"""A venue's public past: bars of spot, perpetual and mark, and what was settled as funding. No key is sent or needed.

Every page is asked for by a span that it can hold, so that it does not matter from which end a venue fills one. A bar
outside of the span, off the grid, twice, out of order or impossible in itself makes the whole answer none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Protocol

from bot.core.market import Asset
from bot.core.times import HOUR, MINUTE, Millis, iso
from bot.environment import Environment
from bot.errors import Unavailable
from bot.ports import Clock, Settlement
from bot.venues import binance_calls, bybit_calls
from bot.venues.binance_open import open_binance
from bot.venues.bybit_open import open_bybit
from bot.venues.bybit_replies import result
from bot.venues.failures import Endpoint, InvalidReply
from bot.venues.gateway import Params
from bot.venues.opening import OpenVenue
from bot.venues.portfolio import PortfolioVenue
from bot.venues.replies import amount, instant, positive, text

PAGE = 1000
"""Bars a page: the most that every endpoint gives."""

INTERVALS: Mapping[str, Millis] = {
    "1m": MINUTE, "5m": 5 * MINUTE, "15m": 15 * MINUTE, "30m": 30 * MINUTE, "1h": HOUR,
}
"""Funding can settle every hour: no bar may be longer."""


class Series(StrEnum):
    """Of what there are bars."""

    SPOT = "spot"
    PERP = "perp"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Bar:
    """Prices from `opened` on for one interval. `volume`: base units; None where there is none to tell (marks)."""

    opened: Millis
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None


@dataclass(frozen=True, slots=True)
class Asked:
    """One page: bars that open from `start` to before `end`."""

    symbol: str
    series: Series
    start: Millis
    end: Millis
    interval: Millis


class Dialect(Protocol):
    """How a venue is asked for a page, and what its answer holds. `rows` raises InvalidReply."""

    def question(self, asked: Asked) -> tuple[Endpoint, Params]:
        """The call and its parameters."""

    def rows(self, asked: Asked, reply: object) -> object:
        """The list of bars, oldest first."""


class Binance:
    """`klines`, `markPriceKlines`."""

    _CALLS: Mapping[Series, Endpoint] = {
        Series.SPOT: binance_calls.SPOT_KLINES, Series.PERP: binance_calls.KLINES,
        Series.MARK: binance_calls.MARK_KLINES,
    }

    def question(self, asked: Asked) -> tuple[Endpoint, Params]:
        """See `Dialect`."""
        name = next(name for name, length in INTERVALS.items() if length == asked.interval)
        return self._CALLS[asked.series], {
            "symbol": asked.symbol, "interval": name, "startTime": asked.start, "endTime": asked.end - 1, "limit": PAGE}

    def rows(self, asked: Asked, reply: object) -> object:
        """See `Dialect`."""
        del asked
        return reply


class Bybit:
    """`kline`, `mark-price-kline`: newest first."""

    def question(self, asked: Asked) -> tuple[Endpoint, Params]:
        """See `Dialect`."""
        endpoint = bybit_calls.MARK_CANDLES if asked.series is Series.MARK else bybit_calls.CANDLES
        return endpoint, {
            "category": "spot" if asked.series is Series.SPOT else "linear", "symbol": asked.symbol,
            "interval": str(asked.interval // MINUTE), "start": asked.start, "end": asked.end - 1, "limit": PAGE}

    def rows(self, asked: Asked, reply: object) -> object:
        """See `Dialect`."""
        found = result(reply, "candles")
        if text(found, "symbol") != asked.symbol:
            raise InvalidReply("candles: the answer is about another symbol")
        listed = found.get("list")
        return listed[::-1] if isinstance(listed, list) else listed


class PublicHistory:
    """What a venue tells anybody of its past. Raises Unavailable, RateLimited, Refused."""

    def __init__(self, venue: PortfolioVenue, dialect: Dialect) -> None:
        self._venue = venue
        self._dialect = dialect

    async def bars(
        self, asset: Asset, series: Series, *, start: Millis, end: Millis, interval: Millis,
    ) -> tuple[Bar, ...]:
        """Bars that open from `start` to before `end`, oldest first, without those that the venue lacks."""
        found: list[Bar] = []
        for first in range(start, end, PAGE * interval):
            asked = Asked(
                self._venue.names.native(asset), series, first, min(first + PAGE * interval, end), interval)
            endpoint, params = self._dialect.question(asked)
            found += await self._venue.read(endpoint, params, self._parse(asked))
        return tuple(found)

    def _parse(self, asked: Asked) -> Callable[[object], list[Bar]]:
        return lambda reply: bars_of(asked, self._dialect.rows(asked, reply))

    async def settled(self, asset: Asset, *, start: Millis, end: Millis) -> tuple[Settlement, ...]:
        """Settlements from `start` to before `end`, oldest first."""
        told = await self._venue.history.settled(
            self._venue, self._venue.names, asset, since=start, now=end - 1)
        found = sorted((each for each in told if start <= each.at < end), key=lambda each: each.at)
        for before, after in pairwise(found):
            if after.at == before.at:
                raise Unavailable(f"funding of {asset}: {iso(after.at)} was settled twice")
        for each in found:
            if abs(each.rate) >= 1:
                raise Unavailable(f"funding of {asset}: at {iso(each.at)} a rate of {each.rate}")
        return tuple(found)

    async def close(self) -> None:
        """Release sockets."""
        await self._venue.close()


def bars_of(asked: Asked, found: object) -> list[Bar]:
    """The bars of a list that must be in order, on the grid and within the span. Raises InvalidReply."""
    if not isinstance(found, list):
        raise InvalidReply("bars: expected a list")
    bars = [_bar(entry, asked.series) for entry in found]
    for bar in bars:
        if not asked.start <= bar.opened < asked.end or bar.opened % asked.interval:
            raise InvalidReply(f"bars: one opens at {bar.opened}, which was not asked for")
    for before, after in pairwise(bars):
        if after.opened <= before.opened:
            raise InvalidReply(f"bars: {iso(after.opened)} comes after {iso(before.opened)}")
    return bars


def _bar(entry: object, series: Series) -> Bar:
    wanted = ("opened", "open", "high", "low", "close", "volume")[:5 if series is Series.MARK else 6]
    if not isinstance(entry, list) or len(entry) < len(wanted):
        raise InvalidReply("bars: expected lists of an instant, four prices and a volume")
    named = dict(zip(wanted, entry, strict=False))
    bar = Bar(
        instant(named, "opened"), positive(named, "open"), positive(named, "high"), positive(named, "low"),
        positive(named, "close"), None if series is Series.MARK else amount(named, "volume"),
    )
    if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        raise InvalidReply(f"bars: prices of {iso(bar.opened)} contradict each other")
    return bar


_VENUES: Mapping[str, tuple[OpenVenue[PortfolioVenue], Dialect]] = {
    "binance": (open_binance, Binance()), "bybit": (open_bybit, Bybit()),
}
VENUES: Sequence[str] = tuple(_VENUES)
"""Those that can be asked."""

LOCAL_PATIENCE = 10.0
"""Real seconds that a page of a testnet on this machine may take: it is reckoned, not read."""


def open_history(
    venue: str, *, clock: Clock, assets: Sequence[Asset], settle: str = "USDT", local_url: str | None = None,
) -> PublicHistory:
    """A venue's public data, or with `local_url` that of the testnet there. No key is there to be sent; GET only.

    No request is made yet. Raises ConfigError for an address that is not this machine.
    """
    open_venue, dialect = _VENUES[venue]
    local = local_url is not None
    return PublicHistory(open_venue(
        Environment.LOCAL if local else Environment.LIVE, clock=clock, key="", secret="", assets=assets, settle=settle,
        cash=(), local_url=local_url, read_only=True, timeout=LOCAL_PATIENCE if local else None,
    ), dialect)


__all__ = ["INTERVALS", "VENUES", "Bar", "PublicHistory", "Series", "bars_of", "open_history"]
