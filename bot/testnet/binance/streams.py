"""Binance's WebSockets on one door: market streams, user streams, and the WebSocket API of spot.

Binance tells spot from USD-M by the host. Here there is one, so the path tells: `/public`, `/market` and `/private`
(USD-M's newer routes) and `/fstream` (the host of its older ones) stand before `/ws` and `/stream` of USD-M; `/ws` and
`/stream` alone are spot's. Streams that only USD-M has, and its listen keys, are served there too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from urllib.parse import unquote

import orjson

from bot.core.times import DAY, Millis
from bot.paper.records import MarketName
from bot.testnet.binance.listen_keys import ListenKeys
from bot.testnet.binance.market_streams import FUTURES_ONLY, Shapes, Stream
from bot.testnet.binance.markets import Markets
from bot.testnet.binance.params import pairs
from bot.testnet.binance.settings import FuturesSettings
from bot.testnet.binance.user_feed import UserFeed
from bot.testnet.binance.user_futures import FuturesUser
from bot.testnet.binance.user_spot import SpotUser
from bot.testnet.binance.ws_api import WsApi
from bot.testnet.dialect import Credentials, Send, Session
from bot.testnet.numbers import Row

_FUTURES = ("/public", "/market", "/private", "/fstream")
_HEARTBEATS: dict[MarketName, float] = {"perp": 180.0, "spot": 20.0}


class Streams:
    """Opens sockets. `futures_keys` and `spot_keys` are the listen keys that name user streams."""

    def __init__(self, markets: Markets, settings: FuturesSettings, credentials: Credentials,
                 futures_keys: ListenKeys, spot_keys: ListenKeys) -> None:
        events = markets.world.exchange.events
        self._markets = markets
        self._settings = settings
        self._credentials = credentials
        self._keys: dict[MarketName, ListenKeys] = {"perp": futures_keys, "spot": spot_keys}
        self._shapes: dict[MarketName, Shapes] = {"perp": Shapes(markets, "perp"), "spot": Shapes(markets, "spot")}
        self._feeds: dict[MarketName, UserFeed] = {
            "perp": UserFeed(events, FuturesUser(markets).frames), "spot": UserFeed(events, SpotUser(markets).frames),
        }
        self._users: list[UserStream] = []
        futures_keys.on_end(self._ended)
        spot_keys.on_end(self._ended)

    def open(self, path: str, query: str, send: Send) -> Session | None:
        """A socket on one of the venue's paths; None where there is none."""
        if path == "/ws-api/v3":
            return WsApi(self._now, self._credentials, self._feeds["spot"], send)
        market: MarketName = "spot"
        for prefix in _FUTURES:
            if path.startswith(prefix + "/"):
                market, path = "perp", path.removeprefix(prefix)
        asked = dict(pairs(query))
        kind, _, names = path.removeprefix("/").partition("/")
        if kind not in ("ws", "stream") or (kind == "stream" and names):
            return None
        listed = names if kind == "ws" else asked.get("streams", "")
        wanted = [unquote(name) for name in (*listed.split("/"), asked.get("listenKey", "")) if name]
        chosen = frozenset(asked["events"].split("/")) if "events" in asked else None
        session = StreamSession(self, market, send, combined=kind == "stream", events=chosen)
        session.subscribe(wanted, strict=False)
        session.market()
        return session

    def stream(self, market: MarketName, name: str, receive: Callable[[Row], None]) -> Stream | None:
        """The stream of that name on that market; None where there is none. A user stream calls `receive`."""
        for of, keys in self._keys.items():
            if keys.current == name:
                user = UserStream(name, self._feeds[of], receive)
                self._users.append(user)
                return user
        return self._shapes["perp" if FUTURES_ONLY.fullmatch(name) else market].stream(name)

    def left(self, stream: Stream | None) -> None:
        """Nobody looks at this stream any more."""
        if isinstance(stream, UserStream) and stream in self._users:
            self._users.remove(stream)
            stream.leave()

    def _now(self) -> Millis:
        """The venue's own clock."""
        return self._markets.world.now() + self._settings.clock_skew

    def _ended(self, key: str, expired: bool) -> None:
        now = self._markets.world.now()
        for user in [user for user in self._users if user.key == key]:
            if expired:
                user.receive({"e": "listenKeyExpired", "E": now, "listenKey": key})
            self.left(user)


class UserStream:
    """A user stream under its listen key."""

    def __init__(self, key: str, feed: UserFeed, receive: Callable[[Row], None]) -> None:
        self.key = key
        self.receive = receive
        self.leave = feed.join(receive)

    def look(self) -> list[object]:
        """Nothing: its frames come when something happens."""
        return []


class StreamSession:
    """One socket with its subscriptions. `events`: the user events that were asked for by name; None: all."""

    life: Millis | None = DAY

    def __init__(self, streams: Streams, market: MarketName, send: Send, *, combined: bool,
                 events: frozenset[str] | None) -> None:
        self._streams = streams
        self._market = market
        self._send = send
        self._combined = combined
        self._wanted = events
        self._open: dict[str, Stream | None] = {}
        self.heartbeat: float | None = _HEARTBEATS[market]

    @property
    def private(self) -> bool:
        """See `Session`."""
        return any(isinstance(stream, UserStream) for stream in self._open.values())

    @property
    def watches(self) -> bool:
        """See `Session`."""
        return any(stream is not None and not isinstance(stream, UserStream) for stream in self._open.values())

    def subscribe(self, names: Iterable[str], *, strict: bool = True) -> None:
        """Add streams. Unknown names are kept as Binance keeps them, unless they came by the address (ccxt numbers
        its sockets there).
        """
        for name in names:
            if name in self._open:
                continue
            stream = self._streams.stream(self._market, name, partial(self._user, name))
            if stream is not None or strict:
                self._open[name] = stream

    def hear(self, text: str) -> None:
        """SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, and the one property there is."""
        try:
            asked = orjson.loads(text)
        except orjson.JSONDecodeError:
            self._refuse("Invalid JSON: expected value at line 1 column 1", None)
            return
        if not isinstance(asked, dict):
            self._refuse("Invalid request: request must be an object", None)
            return
        method, params, number = asked.get("method"), asked.get("params"), asked.get("id")
        if method in ("SUBSCRIBE", "UNSUBSCRIBE"):
            if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
                self._refuse("Invalid request: params must be an array of stream names", number)
                return
            self._reply(None, number)
            if method == "SUBSCRIBE":
                self.subscribe(params)
                self.market()
            else:
                self._unsubscribe(params)
        elif method == "LIST_SUBSCRIPTIONS":
            self._reply(list(self._open), number)
        elif method == "SET_PROPERTY" and params in (["combined", True], ["combined", False]):
            self._combined = params == ["combined", True]
            self._reply(None, number)
        elif method == "GET_PROPERTY" and params == ["combined"]:
            self._reply(self._combined, number)
        else:
            self._refuse("Invalid request: unknown method", number)

    def market(self) -> None:
        """See `Session`."""
        for name, stream in tuple(self._open.items()):
            if stream is not None:
                for found in stream.look():
                    self._tell(name, found)

    def close(self) -> None:
        """See `Session`."""
        self._unsubscribe(tuple(self._open))

    def _unsubscribe(self, names: Iterable[str]) -> None:
        for name in names:
            self._streams.left(self._open.pop(name, None))

    def _user(self, name: str, row: Row) -> None:
        if self._wanted is None or row["e"] in self._wanted or row["e"] == "listenKeyExpired":
            self._tell(name, row)

    def _tell(self, name: str, found: object) -> None:
        self._send(orjson.dumps({"stream": name, "data": found} if self._combined else found).decode())

    def _reply(self, result: object, number: object) -> None:
        self._send(orjson.dumps({"result": result, "id": number}).decode())

    def _refuse(self, why: str, number: object) -> None:
        self._send(orjson.dumps({"error": {"code": 2, "msg": why}, "id": number}).decode())
