"""An exchange for measuring against: its own process, constant bytes, and a note of when each request arrived.

    python bench/exchange.py --assets 2 --scene drift      (prints its port)

It parses no more HTTP than it must, so that what is measured is the client. `GET /bench/arrivals` tells, and forgets,
the requests that came: [key, monotonic ns, used spot weight, used futures weight].
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl
from urllib.request import urlopen

import answers_bybit as bybit
import orjson
from answers import STAMP, answers, coins, placed, spot_market
from pushing import Listeners, Socket

_STAMP = str(STAMP).encode()
_FRESH_FOR = 0.2
_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=UTF-8\r\nConnection: keep-alive\r\n"
    b"Date: Sun, 22 Nov 2026 12:00:00 GMT\r\nServer: Tengine\r\nx-mbx-uuid: 2c1f8a52-5b5e-4c0e-8a39-0a7e6f8a1b11\r\n"
    b"x-mbx-used-weight: 1\r\nx-mbx-used-weight-1m: 1\r\nStrict-Transport-Security: max-age=31536000\r\n"
    b"X-Frame-Options: SAMEORIGIN\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\n"
    b"Pragma: no-cache\r\nContent-Length: "
)


class Answers:
    """Ready answers, with the present time written in; renewed a few times a second."""

    def __init__(self, assets: tuple[str, ...], scene: str, venue: str) -> None:
        scenes = {scene, "drift"} if scene == "below" else {scene}
        self._bybit = venue == "bybit"
        self._scenes = {name: bybit.answers(assets) if self._bybit else answers(assets, name) for name in scenes}
        self._bodies = self._scenes[scene]
        self._ready: dict[str, tuple[float, bytes]] = {}

    def switch(self, scene: str) -> None:
        """Answer as of another scene from now on."""
        self._bodies = self._scenes[scene]
        self._ready.clear()

    def of(self, key: str, query: str, body: bytes) -> bytes:
        """The whole response to one request."""
        if key == "POST /fapi/v1/order":
            return _whole(placed(dict(parse_qsl(f"{query}&{body.decode()}"))))
        if key == "GET /api/v3/exchangeInfo" and "symbols=" in query:
            return _whole(spot_market(json.loads(dict(parse_qsl(query))["symbols"])))
        if self._bybit:
            asked = dict(parse_qsl(query))
            if key in bybit.BY_SYMBOL:
                return _whole(bybit.of_symbol(key, asked))
            if key == "GET /v5/position/list" and "symbol" in asked:
                return _whole(bybit.position(asked["symbol"]))
            key = f"{key} {asked['category']}" if "category" in asked else key
        made_at, response = self._ready.get(key, (0.0, b""))
        if time.monotonic() - made_at > _FRESH_FOR:
            response = _whole(self._bodies.get(key, b'{"code":-1000,"msg":"no such call"}'))
            self._ready[key] = time.monotonic(), response
        return response


def _whole(body: bytes) -> bytes:
    stamped = body.replace(_STAMP, str(time.time_ns() // 1_000_000).encode())
    return _HEAD + str(len(stamped)).encode() + b"\r\n\r\n" + stamped


class Connection(asyncio.Protocol):
    """One kept connection."""

    def __init__(self, ready: Answers, arrivals: list[tuple[str, int, str]], listeners: Listeners) -> None:
        self._ready = ready
        self._arrivals = arrivals
        self._listeners = listeners
        self._socket: Socket | None = None
        self._buffer = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        at = time.monotonic_ns()
        if self._socket is not None:
            self._socket.received(data)
            return
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].decode("latin-1")
            length = 0
            for line in head.split("\r\n")[1:]:
                if line[:15].lower() == "content-length:":
                    length = int(line[15:])
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4:end + 4 + length]
            self._buffer = self._buffer[end + 4 + length:]
            self._answer(head, body, at)

    def _answer(self, head: str, body: bytes, at: int) -> None:
        assert self._transport is not None
        method, target, _ = head.partition("\r\n")[0].split(" ")
        path, _, query = target.partition("?")
        if "upgrade: websocket" in head.lower():
            self._socket = self._listeners.welcome(path, head, self._transport)
            return
        if path == "/bench/push":
            # A moment later, so that whoever asked is back at its sockets.
            asyncio.get_running_loop().call_later(0.01, self._listeners.push, query, self._arrivals)
            self._transport.write(_whole(b"{}"))
            return
        if path == "/bench/arrivals":
            said = orjson.dumps(self._arrivals)
            self._arrivals.clear()
            self._transport.write(_HEAD + str(len(said)).encode() + b"\r\n\r\n" + said)
            return
        key = f"{method} {path}"
        self._arrivals.append((key, at, query))
        self._transport.write(self._ready.of(key, query, body))


async def serve(assets: int, scene: str, venue: str) -> None:
    ready = Answers(coins(assets), scene, venue)
    arrivals: list[tuple[str, int, str]] = []
    listeners = Listeners(ready.switch)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(ready, arrivals, listeners), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as the exchange saw it; `at` in ns of the machine's monotonic clock."""

    key: str
    at: int
    query: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """A running one."""

    url: str
    assets: tuple[str, ...]

    def arrivals(self) -> list[Arrival]:
        """What came since the last time of asking."""
        with urlopen(f"{self.url}/bench/arrivals") as reply:  # noqa: S310 - our own process on loopback
            return [Arrival(*row) for row in json.load(reply)]

    def push(self, scene: str) -> None:
        """In a moment, change to that scene and push BTC's spot price of it; the frame's leaving is an arrival too."""
        with urlopen(f"{self.url}/bench/push?{scene}"):  # noqa: S310 - our own process on loopback
            pass


@contextmanager
def exchange(assets: int, scene: str, venue: str = "binance") -> Iterator[Exchange]:
    """Start one in a process of its own; it ends with the block."""
    command = [sys.executable, str(Path(__file__)), "--assets", str(assets), "--scene", scene, "--venue", venue]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Exchange(f"http://127.0.0.1:{int(process.stdout.readline())}", coins(assets))
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--assets", type=int, default=2)
    parser.add_argument("--scene", choices=("calm", "drift", "below", "hedged"), default="calm")
    parser.add_argument("--venue", choices=("binance", "bybit"), default="binance")
    asked = parser.parse_args()
    asyncio.run(serve(asked.assets, asked.scene, asked.venue))
