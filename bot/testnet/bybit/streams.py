"""Bybit's WebSockets: `/v5/public/linear`, `/v5/public/spot` and `/v5/private`.

Protocol: bybit-exchange.github.io/docs/v5/ws/connect. The client pings, the venue answers; private topics need an
`auth` whose signature is that of 'GET/realtime' and the instant at which it expires.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable

import orjson

from bot.core.times import Millis
from bot.paper.events import Event
from bot.testnet.bybit.account_topics import CATEGORIES, TOPICS, AccountTopics
from bot.testnet.bybit.market_topics import MarketTopics, NoSuchTopic, Topic
from bot.testnet.bybit.markets import Markets
from bot.testnet.bybit.public import PublicMarket
from bot.testnet.bybit.settings import AccountSettings
from bot.testnet.bybit.shapes import uuid_of
from bot.testnet.dialect import Credentials, Send, Session
from bot.testnet.numbers import Row

_QUIET = frozenset({"greeks", "dcp", "dcp.future", "dcp.spot", "dcp.option"})
"""Private topics that exist and have nothing to say here."""


class Streams:
    """Opens sockets."""

    def __init__(self, markets: Markets, settings: AccountSettings, credentials: Credentials, public: PublicMarket,
                 account: AccountTopics) -> None:
        self._markets = markets
        self._settings = settings
        self._credentials = credentials
        self._account = account
        self._public = {
            "/v5/public/linear": MarketTopics(markets, public, "perp"),
            "/v5/public/spot": MarketTopics(markets, public, "spot"),
        }
        self._opened: dict[str, int] = {}

    def open(self, path: str, send: Send) -> Session | None:
        """A socket on one of the venue's paths; None where there is none."""
        number = self._opened[path] = self._opened.get(path, 0) + 1
        connection = uuid_of(f"connection {path}", number)
        topics = self._public.get(path)
        if topics is not None:
            return PublicSession(topics, send, connection)
        return PrivateSession(self, send, connection) if path == "/v5/private" else None

    def now(self) -> Millis:
        """The venue's own clock."""
        return self._markets.world.now() + self._settings.clock_skew

    def refusal(self, args: object) -> tuple[int, str] | None:
        """Why these arguments of `auth` are not accepted: code and words; None where they are."""
        if not isinstance(args, list) or len(args) != 3:
            return 10001, "Params Error"
        key, expires, signature = (str(value) for value in args)
        rights, now = self._settings.key, self.now()
        if not hmac.compare_digest(key.encode(), self._credentials.key.encode()):
            return 10003, "Invalid apikey"
        if rights.expires_at is not None and now >= rights.expires_at:
            return 33004, "Your api key has expired."
        if not expires.isdigit() or int(expires) <= now:
            return 10001, "Params Error"
        wanted = sign(self._credentials.secret, expires)
        if not hmac.compare_digest(wanted.encode(), signature.lower().encode()):
            return 10004, "Error sign, please check your signature generation algorithm."
        return None

    def hear_account(self, tell: Callable[[str, str, list[Row]], None]) -> Callable[[], None]:
        """Have what happens to the account told as (topic, category, rows); what is returned ends it."""

        def heard(event: Event) -> None:
            for told in self._account.told(event):
                tell(*told)

        return self._markets.world.exchange.events.listen(heard)


def sign(secret: str, expires: str) -> str:
    """The signature of `auth`: HMAC-SHA256, in hex."""
    return hmac.new(secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()


class BybitSession:
    """What both kinds of socket share: operations as JSON, each answered by one frame."""

    life: Millis | None = None
    heartbeat: float | None = None
    private = False

    def __init__(self, send: Send, connection: str) -> None:
        self._send = send
        self._connection = connection

    @property
    def watches(self) -> bool:
        """See `Session`."""
        return False

    def hear(self, text: str) -> None:
        """One operation."""
        try:
            asked = orjson.loads(text)
        except orjson.JSONDecodeError:
            asked = None
        if not isinstance(asked, dict):
            self._answer("", success=False, why="error:invalid request", number="")
            return
        op, number, args = asked.get("op"), asked.get("req_id", ""), asked.get("args")
        if op == "ping":
            self._pong(number)
        elif op in ("subscribe", "unsubscribe"):
            names = args if isinstance(args, list) else []
            try:
                self._subscribe(names) if op == "subscribe" else self._unsubscribe(names)
            except NoSuchTopic as error:
                self._answer(op, success=False, why=str(error), number=number)
                return
            self._answer(op, success=True, why="", number=number)
            self.market()
        else:
            self._other(op, args, number)

    def market(self) -> None:
        """See `Session`."""

    def close(self) -> None:
        """See `Session`."""

    def _subscribe(self, names: Iterable[str]) -> None:
        raise NoSuchTopic(f"error:handler not found,topic:{','.join(names)}")

    def _unsubscribe(self, names: Iterable[str]) -> None:
        raise NoSuchTopic(f"error:handler not found,topic:{','.join(names)}")

    def _pong(self, number: object) -> None:
        self._answer("ping", success=True, why="pong", number=number)

    def _other(self, op: object, _args: object, number: object) -> None:
        self._answer(str(op), success=False, why=f"error:handler not found,op:{op}", number=number)

    def _answer(self, op: str, *, success: bool, why: str, number: object) -> None:
        self._tell({"success": success, "ret_msg": why, "conn_id": self._connection, "req_id": number, "op": op})

    def _tell(self, row: Row) -> None:
        self._send(orjson.dumps(row).decode())


class PublicSession(BybitSession):
    """A socket of one category's markets."""

    def __init__(self, topics: MarketTopics, send: Send, connection: str) -> None:
        super().__init__(send, connection)
        self._topics = topics
        self._open: dict[str, Topic] = {}

    @property
    def watches(self) -> bool:
        """See `Session`."""
        return bool(self._open)

    def market(self) -> None:
        """See `Session`."""
        for topic in tuple(self._open.values()):
            row = topic.look()
            if row is not None:
                self._tell(row)

    def close(self) -> None:
        """See `Session`."""
        self._open.clear()

    def _subscribe(self, names: Iterable[str]) -> None:
        """All of them, or none where one does not exist."""
        self._open.update({name: self._topics.topic(name) for name in names if name not in self._open})

    def _unsubscribe(self, names: Iterable[str]) -> None:
        for name in names:
            self._open.pop(name, None)


class PrivateSession(BybitSession):
    """A socket of the account's own topics."""

    private = True

    def __init__(self, streams: Streams, send: Send, connection: str) -> None:
        super().__init__(send, connection)
        self._streams = streams
        self._known = False
        self._open: set[str] = set()
        self._told = 0
        self._leave: Callable[[], None] | None = None

    def close(self) -> None:
        """See `Session`."""
        self._open.clear()
        if self._leave is not None:
            self._leave()
            self._leave = None

    def _subscribe(self, names: Iterable[str]) -> None:
        wanted = list(names)
        if not self._known:
            raise NoSuchTopic("Request not authorized")
        for name in wanted:
            if name not in _QUIET and _parts(name) is None:
                raise NoSuchTopic(f"error:handler not found,topic:{name}")
        self._open.update(wanted)
        if self._leave is None:
            self._leave = self._streams.hear_account(self._account)

    def _unsubscribe(self, names: Iterable[str]) -> None:
        self._open.difference_update(names)

    def _account(self, topic: str, category: str, rows: list[Row]) -> None:
        for name in sorted(self._open):
            parts = _parts(name)
            if parts is None or parts[0] != topic or (parts[1] and parts[1] != category):
                continue
            self._told += 1
            number = uuid_of(self._connection, self._told)
            self._tell({"id": number, "topic": name, "creationTime": self._streams.now(), "data": rows})

    def _pong(self, number: object) -> None:
        self._tell({"req_id": number, "op": "pong", "args": [str(self._streams.now())], "conn_id": self._connection})

    def _other(self, op: object, args: object, number: object) -> None:
        if op != "auth":
            super()._other(op, args, number)
            return
        refused = self._streams.refusal(args)
        self._known = self._known or refused is None
        code, why = (0, "") if refused is None else refused
        self._tell({"op": "auth", "success": refused is None, "retCode": code, "retMsg": why,
                    "connId": self._connection})


def _parts(name: str) -> tuple[str, str] | None:
    """Topic and category ('' for all of them) of a private topic; None where there is no such topic."""
    topic, _, category = name.replace("execution.fast", "execution", 1).partition(".")
    if topic not in TOPICS or (category and category not in CATEGORIES) or (topic == "wallet" and category):
        return None
    return topic, category
