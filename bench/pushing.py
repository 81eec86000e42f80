"""The WebSockets of the benches' exchange: as little of the protocol as two clients need."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Callable
from decimal import Decimal

from answers import BELOW, price, pushed, pushed_mark

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _PING, _PONG = 1, 9, 10
_BEFORE = 0.03
"""Seconds by which the other markets' frames come before the one that crosses."""


class Socket:
    """One open WebSocket: answers subscriptions and pings, sends text."""

    def __init__(self, path: str, transport: asyncio.WriteTransport) -> None:
        self.path = path
        self._transport = transport
        self._buffer = b""

    @property
    def open(self) -> bool:
        """Whether anybody is there."""
        return not self._transport.is_closing()

    def send(self, payload: bytes, kind: int = _TEXT) -> None:
        """One frame of less than 64 KB."""
        size = len(payload)
        head = bytes([0x80 | kind, size]) if size < 126 else bytes([0x80 | kind, 126]) + size.to_bytes(2)
        self._transport.write(head + payload)

    def received(self, data: bytes) -> None:
        """Bytes from the client: masked frames."""
        self._buffer += data
        while len(self._buffer) >= 6:
            kind, size, start = self._buffer[0] & 15, self._buffer[1] & 127, 2
            if size == 126:
                size, start = int.from_bytes(self._buffer[2:4]), 4
            end = start + 4 + size
            if len(self._buffer) < end:
                return
            mask, masked = self._buffer[start:start + 4], self._buffer[start + 4:end]
            self._buffer = self._buffer[end:]
            self._heard(kind, bytes(byte ^ mask[place % 4] for place, byte in enumerate(masked)))

    def _heard(self, kind: int, payload: bytes) -> None:
        if kind == _PING:
            self.send(payload, _PONG)
        elif kind == _TEXT:
            asked = json.loads(payload)
            answer: dict[str, object] = {"id": asked["id"], "result": None}
            if asked["method"].startswith("userDataStream"):
                answer = {"id": asked["id"], "status": 200, "result": {"subscriptionId": 0}}
            self.send(json.dumps(answer).encode())


class Listeners:
    """Who is connected. `switch` changes the scene of all further answers."""

    def __init__(self, switch: Callable[[str], None]) -> None:
        self._switch = switch
        self._sockets: list[Socket] = []
        self._number = 0

    def welcome(self, path: str, head: str, transport: asyncio.WriteTransport) -> Socket:
        """Shake hands."""
        lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        key = next(value for name, value in lines.items() if name.lower() == "sec-websocket-key")
        accepted = base64.b64encode(hashlib.sha1((key + _MAGIC).encode()).digest()).decode()  # noqa: S324 - RFC 6455
        transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accepted.encode() + b"\r\n\r\n")
        socket = Socket(path, transport)
        self._sockets.append(socket)
        return socket

    def push(self, scene: str, arrivals: list[tuple[str, int, str]]) -> None:
        """Change the scene, and push it: everything else first, a little later BTC's spot price."""
        self._switch(scene)
        self._number += 1
        self._sockets = [socket for socket in self._sockets if socket.open]
        at = time.time_ns() // 1_000_000
        for symbol in ("ETHUSDT", "BTCUSDT"):
            mid = _mid(symbol, scene)
            self._send("/public/ws/", pushed(symbol, mid, self._number, at=at))
            self._send("/market/ws/", pushed_mark(symbol, mid, at))
        if scene == "below":
            self._send("/ws/", pushed("ETHUSDT", _mid("ETHUSDT", scene), self._number))
        asyncio.get_running_loop().call_later(_BEFORE, self._cross, scene, arrivals)

    def _cross(self, scene: str, arrivals: list[tuple[str, int, str]]) -> None:
        frame = pushed("BTCUSDT", _mid("BTCUSDT", scene), self._number)
        arrivals.append(("frame", time.monotonic_ns(), scene))
        self._send("/ws/", frame)

    def _send(self, path: str, frame: bytes) -> None:
        for socket in self._sockets:
            if socket.path.startswith(path):
                socket.send(frame)


def _mid(symbol: str, scene: str) -> Decimal:
    return Decimal(BELOW) if scene == "below" and symbol == "BTCUSDT" else price(symbol)
