"""How many signed requests a second the local testnet answers, against a bare aiohttp handler with the same bytes.

Both are processes of their own and are asked in turns, over four kept connections, by a client that does no more than
count the bytes of each answer: what is measured is the server.

    python bench/serving.py --bare FILE      (the bare server: answers as in FILE, prints its port)
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from aiohttp import web
from figures import Outcome, Timed, quantile

ROOT = Path(__file__).parents[1]
READY = "testnet ready at "
KEY, SECRET = "local-key", "local-secret"
CONNECTIONS = 4
SETS = 36
"""How often each connection goes through `CALLS` in one round: as much as the venue allows in ten seconds and a minute.
"""
CALLS = (
    ("POST", "/fapi/v1/order"), ("GET", "/fapi/v1/openOrders"), ("GET", "/fapi/v3/account"),
    ("GET", "/fapi/v3/positionRisk"), ("GET", "/fapi/v1/order"), ("DELETE", "/fapi/v1/order"),
)
"""What a bot asks, signed, around one order."""
MINUTE = 60_000


def wire(method: str, path: str, params: dict[str, object], now: int) -> bytes:
    """One signed request as it goes over the wire."""
    query = urlencode({**params, "recvWindow": 10_000, "timestamp": now})
    query += "&signature=" + hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
    target, body = (path, query) if method == "POST" else (f"{path}?{query}", "")
    kind = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n" if body else ""
    return (f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-MBX-APIKEY: {KEY}\r\nAccept: */*\r\n"
            f"{kind}\r\n{body}").encode()


def requests(place: str, now: int, price: str) -> list[bytes]:
    """The calls around one order after the other; `place` makes the client ids of one connection its own."""
    found = []
    for number in range(SETS):
        client_id = f"{place}_{number}"
        one: dict[str, object] = {"symbol": "BTCUSDT", "origClientOrderId": client_id}
        order: dict[str, object] = {
            "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTX", "quantity": "0.01",
            "price": price, "newClientOrderId": client_id,
        }
        for method, path in CALLS:
            named = order if method == "POST" else one
            found.append(wire(method, path, named if path.endswith("/order") else {"symbol": "BTCUSDT"}, now))
    return found


class Asker(asyncio.Protocol):
    """One kept connection: sends a request when the answer to the one before is whole."""

    def __init__(self, asked: Sequence[bytes], done: asyncio.Future[None]) -> None:
        self._asked = iter(asked)
        self._done = done
        self._buffer = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        if len(self._buffer) < end + 4 + length:
            return
        if not head.startswith(b"http/1.1 200"):
            self._done.set_exception(AssertionError(self._buffer.decode()))
            return
        self._buffer = b""
        self._next()

    def _next(self) -> None:
        assert self._transport is not None
        request = next(self._asked, None)
        if request is not None:
            self._transport.write(request)
        elif not self._done.done():
            self._transport.close()
            self._done.set_result(None)


async def ask(url: str, asked: Sequence[Sequence[bytes]]) -> float:
    """Milliseconds a request, over all connections at once."""
    loop = asyncio.get_running_loop()
    port = int(url.rpartition(":")[2])
    began = time.perf_counter()
    ends = []
    for one in asked:
        done = loop.create_future()
        await loop.create_connection(partial(Asker, one, done), "127.0.0.1", port)
        ends.append(done)
    await asyncio.gather(*ends)
    return (time.perf_counter() - began) * 1e3 / sum(len(one) for one in asked)


def admin(url: str, what: str, **body: object) -> dict[str, object]:
    data = json.dumps(body).encode() if body else None
    with urlopen(Request(f"{url}/testnet/{what}", data)) as reply:  # noqa: S310 - our own process on loopback
        return dict(json.load(reply))


def examples(url: str, now: int, price: str) -> dict[str, tuple[str, dict[str, str]]]:
    """What the testnet answers to each call: body and headers, by method and path."""
    found = {}
    for sent in requests("example", now, price)[:len(CALLS)]:
        head, _, body = sent.decode().partition("\r\n\r\n")
        method, target, _ = head.split("\r\n")[0].split(" ")
        request = Request(url + target, body.encode() or None, {"X-MBX-APIKEY": KEY}, method=method)  # noqa: S310 - the same
        with urlopen(request) as reply:  # noqa: S310 - the same
            headers = {name: held for name, held in reply.headers.items() if name.startswith("X-MBX")}
            found[f"{method} {target.partition('?')[0]}"] = reply.read().decode(), headers
    return found


def bare(answers: dict[str, tuple[str, dict[str, str]]]) -> None:
    """Serve these answers and nothing else: the least that aiohttp can be."""
    ready = {key: (body.encode(), headers) for key, (body, headers) in answers.items()}

    async def answer(request: web.Request) -> web.Response:
        if request.can_read_body:
            await request.read()
        body, headers = ready[f"{request.method} {request.path}"]
        return web.Response(body=body, headers=headers, content_type="application/json")

    async def serve() -> None:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(f"{READY}http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
        await asyncio.Event().wait()

    asyncio.run(serve())


@contextmanager
def process(*command: str) -> Iterator[str]:
    """A server in a process of its own; gives its URL."""
    running = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        yield running.stdout.readline().strip().removeprefix(READY)
    finally:
        running.terminate()
        running.wait()


def bench(rounds: int) -> Outcome:
    took: dict[str, list[float]] = {"ours": [], "bare": []}
    with tempfile.TemporaryDirectory() as folder, process("-m", "bot", "testnet", "serve", "--port", "0") as testnet:
        now = int(str(admin(testnet, "clock")["now"]))
        with urlopen(f"{testnet}/fapi/v1/ticker/bookTicker?symbol=BTCUSDT") as reply:  # noqa: S310 - our own process
            price = f"{float(json.load(reply)['askPrice']) * 1.03:.1f}"
        file = Path(folder) / "answers.json"
        file.write_text(json.dumps(examples(testnet, now, price)))
        with process(str(Path(__file__)), "--bare", str(file)) as plain:
            for turn in range(rounds + 1):
                now = int(str(admin(testnet, "advance", lease="bench", until=now + MINUTE)["now"]))
                asked = [requests(f"r{turn}_{place}", now, price) for place in range(CONNECTIONS)]
                for side, url in (("ours", testnet), ("bare", plain)):
                    spent = asyncio.run(ask(url, asked))
                    if turn:  # the first is for both to warm up
                        took[side].append(spent)
    timed = Timed("a signed request", "ms", took["ours"], took["bare"])
    rates = {side: 1e3 / quantile(spent, 0.5) for side, spent in took.items()}
    note = (f"{rates['ours']:,.0f} signed requests a second of the testnet, {rates['bare']:,.0f} of a bare aiohttp "
            f"handler: {rates['ours'] / rates['bare']:.2f}x")
    # At least 0.4 times the rate is at most 2.5 times the time.
    return Outcome("The testnet's door", [timed], [timed.goal("a signed request at the testnet", 0.5, 2.5)], [note])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bare", type=Path, required=True)
    bare(json.loads(parser.parse_args().bare.read_text()))
