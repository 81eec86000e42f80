"""WebSockets of one testnet: which are open, which frame each got last, and how a step of time meets them.

Nothing here waits. A frame that is sent is numbered, from 1 for each socket, and lies ready for whoever writes it to
the wire. Frames about the account are made at the instant of what they tell; frames about the markets once per step
of time, with the markets' last state, so that a long step costs no more than a short one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection

from bot.core.times import Millis
from bot.testnet.dialect import Dialect, Session
from bot.testnet.push_trouble import StreamTroubles
from bot.testnet.world import World

MAX_WAITING = 20_000
"""Frames that a client may leave unread before its socket is closed."""


class Socket:
    """One open WebSocket. `name` is the client's own end: '127.0.0.1:51234'.

    `wake` is called when there is something to write or the socket is to end; `abort` cuts the wire at once.
    """

    def __init__(self, name: str, opened_at: Millis, troubles: StreamTroubles, most: int) -> None:
        self.name = name
        self.opened_at = opened_at
        self.frames = 0
        self.waiting: deque[str] = deque()
        self.ending = False
        self.closed = False
        self.wake: Callable[[], None] = _nothing
        self.abort: Callable[[], None] = _nothing
        self.session: Session | None = None
        self._troubles = troubles
        self._most = most
        self._spoiled = 0
        self._before = ""

    @property
    def private(self) -> bool:
        """Whether it tells of the account."""
        return self.session is not None and self.session.private

    def send(self, text: str) -> None:
        """Have the client get this frame, or what a fault makes of it. Never waits: who does not read is cut off."""
        if self.closed or self.ending:
            return
        trouble = self._troubles.of(private=self.private)
        if trouble is None:
            self._before = text
            self._put(text)
            return
        for spoiled in trouble.frames(text, self._before, self._spoiled):
            self._put(spoiled)
        self._spoiled += 1

    def _put(self, text: str) -> None:
        if len(self.waiting) >= self._most:
            self.cut()
            return
        self.frames += 1
        self.waiting.append(text)
        self.wake()

    def end(self) -> None:
        """Close it in order, once what lies ready is written."""
        self.ending = True
        self.wake()

    def cut(self) -> None:
        """End it at once, without a word."""
        self.closed = True
        self.waiting.clear()
        self.abort()
        self.wake()


class Hub:
    """The open sockets of one testnet. `most`: frames that may lie unread on one of them."""

    def __init__(self, world: World, dialect: Dialect, *, most: int = MAX_WAITING) -> None:
        self.troubles = StreamTroubles()
        self._world = world
        self._dialect = dialect
        self._most = most
        self._sockets: dict[str, Socket] = {}

    def frames(self) -> dict[str, int]:
        """The number of the last frame that was sent on each open socket."""
        return {name: socket.frames for name, socket in sorted(self._sockets.items())}

    # --- sockets come and go ---

    def connect(self, name: str, path: str, query: str) -> Socket | int:
        """A new socket on this path, or the HTTP status of the refusal: 404 where there is none, 503 in trouble."""
        self._world.catch_up()
        socket = Socket(name, self._world.now(), self.troubles, self._most)
        session = self._dialect.open(path, query, socket.send)
        if session is None:
            return 404
        socket.session = session
        if self.troubles.refuses(private=session.private):
            self._leave(socket)
            return 503
        self._sockets[name] = socket
        return socket

    def hear(self, socket: Socket, text: str) -> None:
        """The client sent a frame."""
        self._world.catch_up()
        if socket.session is not None and not socket.closed:
            socket.session.hear(text)

    def disconnect(self, socket: Socket) -> None:
        """The socket is gone; a repeat changes nothing."""
        socket.closed = True
        self._leave(socket)

    def _leave(self, socket: Socket) -> None:
        """Forget it; nothing more is sent on it."""
        if self._sockets.get(socket.name) is socket:
            del self._sockets[socket.name]
        session, socket.session = socket.session, None
        if session is not None:
            session.close()

    def drop(self, wanted: Callable[[Socket], bool] = lambda _: True) -> int:
        """Cut these sockets off without a word; how many there were."""
        found = [socket for socket in self._sockets.values() if wanted(socket)]
        for socket in found:
            self.disconnect(socket)
            socket.cut()
        return len(found)

    # --- time ---

    def advance(self, lease: str, until: Millis, sockets: Collection[str] | None = None) -> Millis:
        """Step to `until`, or to the first instant at which one of these `sockets` gets a frame or is closed.

        Returns the instant reached. Raises what `StoryClock.advance` does.
        """
        watched = [self._sockets[name] for name in sockets or () if name in self._sockets]
        now = self._advance_to_frame(lease, until, watched) if watched else self._world.advance(lease, until)
        self._tell(self._sockets.values())
        return now

    def _advance_to_frame(self, lease: str, until: Millis, watched: Collection[Socket]) -> Millis:
        seen = sum(socket.frames for socket in watched)
        while True:
            every_grid = any(socket.session is not None and socket.session.watches for socket in watched)
            ends = [end for socket in watched if (end := _end(socket)) is not None]
            following = self._world.next_instant(every_grid=every_grid)
            now = self._world.advance(lease, min([until, *ends, *([] if following is None else [following])]))
            self._tell(watched)
            told = sum(socket.frames for socket in watched) > seen or any(_over(socket) for socket in watched)
            if told or now >= min(until, self._world.clock.end):
                return now

    def follow(self) -> None:
        """Catch up with a clock that runs by itself, and tell the sockets what has changed."""
        self._world.catch_up()
        self._tell(self._sockets.values())

    def _tell(self, sockets: Collection[Socket]) -> None:
        now = self._world.now()
        for socket in tuple(sockets):
            if socket.session is None:
                continue
            end = _end(socket)
            if end is not None and now >= end:
                self._leave(socket)
                socket.end()
            else:
                socket.session.market()


def _nothing() -> None:
    """What a socket does before it has a wire."""


def _over(socket: Socket) -> bool:
    return socket.closed or socket.ending


def _end(socket: Socket) -> Millis | None:
    life = None if socket.session is None else socket.session.life
    return None if life is None else socket.opened_at + life
