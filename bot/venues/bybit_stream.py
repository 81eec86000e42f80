"""What Bybit pushes: the top of the books of spot and of the perpetuals, and what happens to the unified account.

Two connections for best bids and asks (`orderbook.1`, since spot's tickers show none), one for marks (where decisions
may be made on pushed prices), and the account's, signed by the clock. The client pings; a pong proves the connection
alive and tells nothing.
Frames: bybit-exchange.github.io/docs/v5/websocket (public "Orderbook", private "Order", "Execution", "Position",
"Wallet").
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from bot.core.market import Asset
from bot.core.times import SECOND, Millis
from bot.environment import Environment
from bot.ports import Clock, Learnt, Market, News, Touch
from bot.venues import bybit_calls as calls
from bot.venues.bybit import NAME, RECV_WINDOW
from bot.venues.failures import InvalidReply
from bot.venues.gateway import CcxtVenue
from bot.venues.names import Names
from bot.venues.opening import stream_exchange
from bot.venues.price_feeds import MarkFeed, TouchFeed
from bot.venues.replies import (
    Row,
    instant,
    instant_or_none,
    number_or_none,
    positive,
    positive_or_none,
    row,
    rows,
    text,
)
from bot.venues.stream import Answered, Feed, Fresh, Heard, PushStream
from bot.venues.transport import Foreign

SIGNED_FOR: Millis = 10 * SECOND
TOPICS: Mapping[str, News] = {
    "order": News.ORDER, "execution": News.FILL, "position": News.POSITION, "wallet": News.BALANCE,
}


class Tops(TouchFeed):
    """Best bids and asks of one market."""

    def __init__(
        self, exchange: Foreign, names: Names, assets: Sequence[Asset], market: Market, *,
        ahead: Callable[[], Millis] = lambda: 0,
    ) -> None:
        super().__init__(exchange, names, assets, market, ahead=ahead)
        self._sides: dict[tuple[str, str], Decimal | None] = {}

    async def address(self) -> str:
        """A category has an address of its own."""
        self._sides, self._fresh = {}, Fresh()
        public = self._exchange.urls["api"]["ws"]["public"]
        url: str = self._exchange.implode_hostname(public["spot" if self._market is Market.SPOT else "linear"])
        return url

    def asks(self) -> Sequence[Mapping[str, object]]:
        """One subscription for all coins."""
        return [{"op": "subscribe", "args": [f"orderbook.1.{name}" for name in self._assets], "req_id": "1"}]

    def read(self, message: object) -> Sequence[Heard]:
        """See `Feed`. A delta tells the sides that changed; quantity 0: the level is gone."""
        frame = row(message, "frame")
        if "topic" not in frame:
            return answered(frame)
        if not text(frame, "topic").startswith("orderbook.1."):
            return ()
        book = row(frame.get("data"), "data")
        name = text(book, "s")
        if name not in self._assets:
            return ()
        whole = text(frame, "type") == "snapshot"
        for side in ("b", "a"):
            levels = book.get(side)
            if levels or whole:
                self._sides[name, side] = _best(levels)
        bid, ask = self._sides.get((name, "b")), self._sides.get((name, "a"))
        if not self._fresh.new(name, (book.get("u"), bid, ask)):
            return ()
        return (Touch(self._assets[name], self._market, bid, ask, instant(frame, "ts") + self._ahead()),)


class Marks(MarkFeed):
    """Marks, indexes and the funding to come, of the perpetuals' tickers."""

    def __init__(
        self, exchange: Foreign, names: Names, assets: Sequence[Asset], *, ahead: Callable[[], Millis] = lambda: 0,
    ) -> None:
        super().__init__(exchange, names, assets, ahead=ahead)
        self._told: dict[str, dict[str, object]] = {}

    async def address(self) -> str:
        """Where the perpetuals' books are, over a connection of their own."""
        self._told, self._fresh = {}, Fresh()
        url: str = self._exchange.implode_hostname(self._exchange.urls["api"]["ws"]["public"]["linear"])
        return url

    def asks(self) -> Sequence[Mapping[str, object]]:
        """One subscription for all coins."""
        return [{"op": "subscribe", "args": [f"tickers.{name}" for name in self._assets], "req_id": "1"}]

    def read(self, message: object) -> Sequence[Heard]:
        """See `Feed`. A delta tells the fields that changed: the others are as they were."""
        frame = row(message, "frame")
        if "topic" not in frame:
            return answered(frame)
        if not text(frame, "topic").startswith("tickers."):
            return ()
        ticker, at = row(frame.get("data"), "data"), instant(frame, "ts")
        name = text(ticker, "symbol")
        if name not in self._assets:
            return ()
        known = {} if text(frame, "type") == "snapshot" else self._told.get(name, {})
        told = self._told[name] = {**known, **ticker}
        return self._marked(
            name, positive(told, "markPrice"), positive_or_none(told, "indexPrice"), at,
            rate=number_or_none(told, "fundingRate"), following=instant_or_none(told, "nextFundingTime"),
        )


def _best(levels: object) -> Decimal | None:
    """The price of the one level that is shown; None where that side is empty."""
    if not isinstance(levels, list):
        raise InvalidReply("order book: expected a list of levels")
    for level in levels:
        if not isinstance(level, list) or len(level) != 2:
            raise InvalidReply("order book: expected price and quantity")
        if level[1] not in ("0", "0.0"):
            return positive({"price": level[0]}, "price")
    return None


class Account(Feed):
    """Orders, fills, positions and the wallet."""

    name = "account"
    due = False
    owes = True

    def __init__(self, exchange: Foreign, clock: Clock, names: Names, ahead: CcxtVenue) -> None:
        self._exchange = exchange
        self._clock = clock
        self._names = names
        self._ahead = ahead

    async def address(self) -> str:
        """The private address of the environment."""
        url: str = self._exchange.implode_hostname(self._exchange.urls["api"]["ws"]["private"]["contract"])
        return url

    def asks(self) -> Sequence[Mapping[str, object]]:
        """The signature, valid for ten seconds of the venue's time as last measured."""
        expires = str(self._clock.now() - self._ahead.clock_ahead + SIGNED_FOR)
        signature = self._exchange.hmac(
            f"GET/realtime{expires}".encode(), self._exchange.secret.encode(), hashlib.sha256, "hex")
        return [{"op": "auth", "args": [self._exchange.apiKey, expires, signature]}]

    def next_asks(self) -> Sequence[Mapping[str, object]]:
        """What a signature opens."""
        return [{"op": "subscribe", "args": list(TOPICS), "req_id": "1"}]

    def read(self, message: object) -> Sequence[Heard]:
        """See `Feed`."""
        frame = row(message, "frame")
        if "topic" not in frame:
            return answered(frame)
        news = TOPICS.get(text(frame, "topic").partition(".")[0])
        if news is None:
            return ()
        at = instant(frame, "creationTime")
        return tuple(self._learnt(news, entry, at) for entry in rows(frame.get("data"), "data"))

    def _learnt(self, news: News, entry: Row, at: Millis) -> Learnt:
        if news is News.BALANCE:
            return Learnt(news, at)
        ours = entry.get("orderLinkId")
        spot = entry.get("category") == "spot"
        return Learnt(news, at, self._names.market(text(entry, "symbol"), spot=spot),
                      ours if isinstance(ours, str) and ours else None)


def answered(frame: Row) -> Sequence[Heard]:
    """What an answer to an operation comes to; a pong tells nothing. Raises InvalidReply for a refusal."""
    op = frame.get("op")
    if op in ("ping", "pong"):
        return ()
    if frame.get("success") is not True:
        code = frame.get("retCode")
        raise InvalidReply(f"the venue refused {'the key' if op == 'auth' else 'the subscription'}"
                           + (f" ({code})" if isinstance(code, int) else ""))
    return (Answered(),) if op in ("auth", "subscribe") else ()


def make_bybit_stream(
    venue: CcxtVenue, environment: Environment, *, clock: Clock, key: str, secret: str, assets: Sequence[Asset],
    settle: str, local_url: str | None, silence: float, marks: bool = False,
) -> PushStream:
    """What Bybit pushes of these coins and of the account. No connection is made yet. As `make_binance_stream`."""
    exchange = stream_exchange(
        NAME, environment, clock, calls.budgets(clock), key=key, secret=secret, recv_window=RECV_WINDOW,
        local_url=local_url,
    )
    names = Names(settle)

    def ahead() -> Millis:
        return venue.clock_ahead

    return PushStream(exchange, [
        Tops(exchange, names, assets, Market.SPOT, ahead=ahead),
        Tops(exchange, names, assets, Market.PERP, ahead=ahead),
        *([Marks(exchange, names, assets, ahead=ahead)] if marks else []),
        Account(exchange, clock, names, venue),
    ], silence=silence)
