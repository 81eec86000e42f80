"""The wire under the WebSockets: the handshake, one task that writes, one loop that reads, and the pump of a wall."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import WSMsgType, web

from bot.core.times import SECOND
from bot.testnet.push import Hub, Socket
from bot.testnet.world import World

MAX_MESSAGE = 1 << 20
_CLOSING_TAKES = 1.0
_PUMP_AT_LEAST, _PUMP_AT_MOST = 0.05, 1.0


def is_upgrade(request: web.Request) -> bool:
    """Whether the client wants a WebSocket."""
    return request.headers.get("Upgrade", "").lower() == "websocket"


def is_own_page(request: web.Request) -> bool:
    """Whether the Origin, if there is one, is this very server: some clients send that by themselves.

    No page is served here, so no page in a browser has it.
    """
    origin = request.headers.get("Origin")
    return origin is None or origin.partition("://")[2] == request.host


def own_end(request: web.Request) -> str:
    """The client's own end of the connection: '127.0.0.1:51234'."""
    peer = None if request.transport is None else request.transport.get_extra_info("peername")
    if peer is None:
        return "gone:0"
    host, port = peer[0], peer[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def attend(request: web.Request, hub: Hub) -> web.StreamResponse:
    """Serve one WebSocket until either side ends it, or refuse it."""
    path, _, query = request.raw_path.partition("?")
    socket = hub.connect(own_end(request), path, query)
    if isinstance(socket, int):
        return web.Response(status=socket)
    heartbeat = None if socket.session is None else socket.session.heartbeat
    wire = web.WebSocketResponse(
        compress=False, heartbeat=heartbeat, timeout=_CLOSING_TAKES, max_msg_size=MAX_MESSAGE,
    )
    try:
        await wire.prepare(request)
        await _talk(request, wire, hub, socket)
    finally:
        hub.disconnect(socket)
    return wire


async def _talk(request: web.Request, wire: web.WebSocketResponse, hub: Hub, socket: Socket) -> None:
    something = asyncio.Event()
    something.set()  # opening it may have left frames
    socket.wake = something.set
    transport = request.transport
    if transport is not None:
        socket.abort = transport.abort
    writer = asyncio.create_task(_write(wire, socket, something))
    try:
        async for message in wire:
            if message.type is WSMsgType.TEXT:
                hub.hear(socket, message.data)
    finally:
        writer.cancel()
        with suppress(asyncio.CancelledError):
            await writer


async def _write(wire: web.WebSocketResponse, socket: Socket, something: asyncio.Event) -> None:
    """Put what lies ready on the wire, in order; a client that does not read holds up nobody but itself."""
    with suppress(ConnectionError):
        while not socket.closed:
            await something.wait()
            something.clear()
            while socket.waiting:
                await wire.send_str(socket.waiting.popleft())
            if socket.ending:
                await wire.close()
                return


@asynccontextmanager
async def pumping(world: World, hub: Hub) -> AsyncIterator[None]:
    """Send frames as time passes, where it passes by itself."""
    speed = world.clock.speed
    if speed is None:
        yield
        return
    step = world.exchange.feed.step / SECOND / float(speed)
    pump = asyncio.create_task(_pump(hub, min(max(step, _PUMP_AT_LEAST), _PUMP_AT_MOST)))
    try:
        yield
    finally:
        pump.cancel()
        with suppress(asyncio.CancelledError):
            await pump


async def _pump(hub: Hub, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        if hub.frames():
            hub.follow()
