"""A plain WebSocket client of a testnet, with the testnet's admin beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
from feeds import START, FakeFeed

from bot.testnet.build import Testnet, build
from bot.testnet.options import TestnetOptions
from bot.testnet.server import running

PATIENCE = 5.0


class PushClient:
    """One client session: sockets by path, admin calls, and the venue's own calls through the dialect."""

    def __init__(self, testnet: Testnet, url: str, http: aiohttp.ClientSession) -> None:
        self.testnet = testnet
        self.url = url
        self.http = http

    async def open(self, path: str) -> Wire:
        wire = await self.http.ws_connect(self.url.replace("http", "ws", 1) + path, autoping=True)
        return Wire(wire)

    async def post(self, path: str, **body: object) -> Any:
        async with self.http.post(self.url + path, json=body) as reply:
            found = await reply.json()
            assert reply.status == 200, found
            return found

    async def advance(self, milliseconds: int, *wires: Wire, lease: str = "test") -> Any:
        """Step on; with wires, no further than their first frame."""
        body: dict[str, object] = {"lease": lease, "until": self.testnet.world.now() + milliseconds}
        if wires:
            body["sockets"] = [wire.name for wire in wires]
        return await self.post("/testnet/advance", **body)


class Wire:
    """One socket, counting the frames that it reads."""

    def __init__(self, wire: aiohttp.ClientWebSocketResponse) -> None:
        self.wire = wire
        self.read = 0
        host, port = wire.get_extra_info("sockname")[:2]
        self.name = f"{host}:{port}"

    async def text(self) -> str:
        message = await self.wire.receive(PATIENCE)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        self.read += 1
        return str(message.data)

    async def frame(self) -> Any:
        return orjson.loads(await self.text())

    async def upto(self, number: int) -> list[Any]:
        """The frames not read yet, up to this number."""
        return [await self.frame() for _ in range(number - self.read)]

    async def say(self, **message: object) -> None:
        await self.wire.send_str(orjson.dumps(message).decode())

    async def asked(self, **message: object) -> Any:
        """Say it and read one frame."""
        await self.say(**message)
        return await self.frame()

    async def silent(self, seconds: float = 0.1) -> bool:
        """Whether nothing comes for so long."""
        try:
            await self.wire.receive(seconds)
        except TimeoutError:
            return True
        return False

    async def ended(self) -> bool:
        """Whether the server has ended it."""
        message = await self.wire.receive(PATIENCE)
        return message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


@asynccontextmanager
async def pushing(feed: FakeFeed | None = None, testnet: Testnet | None = None,
                  **options: Any) -> AsyncIterator[PushClient]:
    """A testnet that is served, and a client of it."""
    built = testnet or build(TestnetOptions(**options), feed or FakeFeed(end=START + 3 * 86_400_000))
    async with running(built) as url, aiohttp.ClientSession() as http:
        client = PushClient(built, url, http)
        yield client
        await asyncio.sleep(0)
