"""What Binance pushes: best bids and asks of spot and of the perpetuals, and what happens to both accounts.

Two connections for best bids and asks, one for marks (where decisions may be made on pushed prices), the futures
account's under a listen key (which lives an hour and is renewed here, by the clock), and the spot account's over spot's
WebSocket API, subscribed to with a signature. Frames: developers.binance.com, "Individual Symbol Book Ticker Streams",
"Mark Price Stream" and "User Data Streams".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bot.core.market import Asset
from bot.core.times import MINUTE, Millis
from bot.environment import Environment
from bot.errors import HedgerowError, Refused
from bot.ports import Clock, Learnt, Market, News, Touch
from bot.venues import binance_calls as calls
from bot.venues.binance import NAME, RECV_WINDOW
from bot.venues.failures import Endpoint, InvalidReply
from bot.venues.gateway import CcxtVenue
from bot.venues.names import Names
from bot.venues.opening import stream_exchange
from bot.venues.price_feeds import MarkFeed, TouchFeed
from bot.venues.replies import (
    Row,
    instant,
    instant_or_none,
    number,
    number_or_none,
    positive,
    positive_or_none,
    row,
    rows,
    text,
    whole,
)
from bot.venues.stream import Answered, Feed, Fresh, Heard, PushStream
from bot.venues.transport import Foreign

RENEW_EVERY: Millis = 30 * MINUTE
_TRY_AGAIN: Millis = MINUTE

Call = Callable[[Endpoint], Awaitable[object]]


class BookTickers(TouchFeed):
    """Best bids and asks of one market. Spot's are as of when they came."""

    def __init__(
        self, exchange: Foreign, clock: Clock, names: Names, assets: Sequence[Asset], market: Market, *,
        ahead: Callable[[], Millis] = lambda: 0,
    ) -> None:
        super().__init__(exchange, names, assets, market, ahead=ahead)
        self._clock = clock

    async def address(self) -> str:
        """A number at the end keeps connections apart, as ccxt.pro has it."""
        kind = "spot" if self._market is Market.SPOT else "linear"
        self._fresh = Fresh()
        return f"{self._exchange.get_ws_url(kind, 'public')}/0"

    def asks(self) -> Sequence[Mapping[str, object]]:
        """One subscription for all coins."""
        return [{"method": "SUBSCRIBE", "params": [f"{name.lower()}@bookTicker" for name in self._assets], "id": 1}]

    def read(self, message: object) -> Sequence[Heard]:
        """See `Feed`. Spot's frames have no event name and no time."""
        frame = row(message, "frame")
        if (answer := answered(frame)) is not None:
            return answer
        if frame.get("e", "bookTicker") != "bookTicker" or "b" not in frame:
            return ()
        name = text(frame, "s")
        bid, ask = positive_or_none(frame, "b"), positive_or_none(frame, "a")
        at = instant(frame, "E") + self._ahead() if "E" in frame else self._clock.now()
        if name not in self._assets or not self._fresh.new(name, (whole(frame, "u"), bid, ask)):
            return ()
        return (Touch(self._assets[name], self._market, bid, ask, at),)


class Marks(MarkFeed):
    """Marks, indexes and the funding to come, once a second."""

    async def address(self) -> str:
        """Binance keeps marks apart from book tickers."""
        self._fresh = Fresh()
        return f"{self._exchange.get_ws_url('linear', 'market')}/0"

    def asks(self) -> Sequence[Mapping[str, object]]:
        """One subscription for all coins."""
        return [{"method": "SUBSCRIBE", "params": [f"{name.lower()}@markPrice@1s" for name in self._assets], "id": 1}]

    def read(self, message: object) -> Sequence[Heard]:
        """See `Feed`."""
        frame = row(message, "frame")
        if (answer := answered(frame)) is not None:
            return answer
        if frame.get("e") != "markPriceUpdate":
            return ()
        return self._marked(
            text(frame, "s"), positive(frame, "p"), positive_or_none(frame, "i"), instant(frame, "E"),
            rate=number_or_none(frame, "r"), following=instant_or_none(frame, "T"),
        )


class FuturesAccount(Feed):
    """Orders, fills, positions and the balance of the futures account."""

    due = False
    owes = True

    def __init__(self, exchange: Foreign, clock: Clock, names: Names, call: Call) -> None:
        self.name = "futures account"
        self._exchange = exchange
        self._clock = clock
        self._names = names
        self._call = call
        self._due_at: Millis | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def address(self) -> str:
        """Under a listen key, asked for at each connection: Binance gives the same one as long as it lives."""
        reply = row(await self._call(calls.NEW_LISTEN_KEY), "listen key")
        self._due_at = self._clock.now() + RENEW_EVERY
        self.trouble = None
        url: str = self._exchange.get_private_ws_url("linear", text(reply, "listenKey"))
        return url

    def asks(self) -> Sequence[Mapping[str, object]]:
        """Nothing: the key says it all."""
        return ()

    def tend(self) -> None:
        """Renew the listen key every half hour."""
        if self._due_at is None or self._clock.now() < self._due_at:
            return
        self._due_at = self._clock.now() + _TRY_AGAIN
        self._renewing = asyncio.create_task(self._renew(), name="listen key")

    async def _renew(self) -> None:
        try:
            await self._call(calls.KEEP_LISTEN_KEY)
        except Refused:
            self.trouble = "the listen key is gone"  # the next connection has another
        except HedgerowError:
            return
        else:
            self._due_at = self._clock.now() + RENEW_EVERY

    def read(self, message: object) -> Sequence[Heard]:
        """See `Feed`."""
        frame = row(message, "frame")
        kind = frame.get("e")
        if kind == "ORDER_TRADE_UPDATE":
            return (self._order(frame),)
        if kind == "ACCOUNT_UPDATE":
            return self._account(frame)
        if kind in ("ACCOUNT_CONFIG_UPDATE", "MARGIN_CALL"):
            return (Learnt(News.SETTINGS if kind == "ACCOUNT_CONFIG_UPDATE" else News.POSITION, instant(frame, "E")),)
        if kind == "listenKeyExpired":
            raise InvalidReply("the listen key has expired")
        if "error" in frame:
            raise InvalidReply("the venue reports an error")
        return ()

    def _order(self, frame: Row) -> Learnt:
        order = row(frame.get("o"), "order")
        filled = text(order, "x") in ("TRADE", "CALCULATED")
        return Learnt(News.FILL if filled else News.ORDER, instant(frame, "T"),
                      self._names.perpetual(text(order, "s")), text(order, "c"))

    def _account(self, frame: Row) -> tuple[Learnt, ...]:
        account, at = row(frame.get("a"), "account"), instant(frame, "T")
        for balance in rows(account.get("B"), "balances"):
            number(balance, "wb")
        positions = rows(account.get("P"), "positions")
        return (
            Learnt(News.BALANCE, at),
            *(Learnt(News.POSITION, at, self._names.perpetual(text(entry, "s"))) for entry in positions),
        )


class SpotAccount(Feed):
    """What moves the spot wallet, and our orders there."""

    name = "spot account"
    due = False

    def __init__(self, exchange: Foreign, names: Names) -> None:
        self._exchange = exchange
        self._names = names

    async def address(self) -> str:
        """Spot's WebSocket API."""
        url: str = self._exchange.urls["api"]["ws"]["ws-api"]["spot"]
        return url

    def asks(self) -> Sequence[Mapping[str, object]]:
        """The subscription, signed with the key; the time is the venue's as last measured."""
        return [{"id": "1", "method": "userDataStream.subscribe.signature", "params": self._exchange.sign_params({})}]

    def read(self, message: object) -> Sequence[Heard]:
        """See `Feed`. Events come wrapped: {"subscriptionId": 0, "event": {...}}."""
        frame = row(message, "frame")
        if "status" in frame:
            if frame["status"] != 200:
                raise InvalidReply(f"the signature was not accepted (HTTP {whole(frame, 'status')})")
            return (Answered(),)
        event = row(frame.get("event", frame), "event")
        kind = event.get("e")
        if kind in ("outboundAccountPosition", "balanceUpdate", "externalLockUpdate"):
            return (Learnt(News.BALANCE, instant(event, "E")),)
        if kind == "executionReport":
            filled = text(event, "x") == "TRADE"
            # A cancellation has a name of its own, and tells the order's apart.
            name = text(event, "C") if event.get("C") else text(event, "c")
            return (Learnt(News.FILL if filled else News.ORDER, instant(event, "E"),
                           self._names.market(text(event, "s"), spot=True), name),)
        if kind == "eventStreamTerminated":
            raise InvalidReply("the venue has ended the stream")
        return ()


def answered(frame: Row) -> Sequence[Heard] | None:
    """What an answer to a subscription comes to; None for a frame that is none. Raises InvalidReply for a refusal."""
    if "id" not in frame:
        return None
    if frame.get("result", "") is not None or "error" in frame:
        raise InvalidReply("the subscription was not accepted")
    return (Answered(),)


def make_binance_stream(
    venue: CcxtVenue, environment: Environment, *, clock: Clock, key: str, secret: str, assets: Sequence[Asset],
    settle: str, local_url: str | None, silence: float, marks: bool = False,
) -> PushStream:
    """What Binance pushes of these coins and of the account of `venue`, over which listen keys are asked for.

    No connection is made yet. `silence` in real seconds; `marks`: marks and indexes too. Raises as `make_binance`.
    """
    exchange = stream_exchange(
        NAME, environment, clock, calls.budgets(clock), key=key, secret=secret, recv_window=RECV_WINDOW,
        local_url=local_url,
    )

    async def call(endpoint: Endpoint) -> object:
        return await venue.once(endpoint, {}, lambda reply: reply)

    def ahead() -> Millis:
        return venue.clock_ahead

    exchange.nonce = lambda: clock.now() - ahead()
    names = Names(settle)
    return PushStream(exchange, [
        BookTickers(exchange, clock, names, assets, Market.SPOT, ahead=ahead),
        BookTickers(exchange, clock, names, assets, Market.PERP, ahead=ahead),
        *([Marks(exchange, names, assets, ahead=ahead)] if marks else []),
        FuturesAccount(exchange, clock, names, call), SpotAccount(exchange, names),
    ], silence=silence)
