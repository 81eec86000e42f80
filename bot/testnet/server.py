"""The HTTP door: a loopback server around one testnet.

Every request is handled at one instant without waiting, so two clients never see a half-done change.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import lru_cache, partial

from aiohttp import web

from bot.errors import ConfigError
from bot.testnet.build import Testnet, build
from bot.testnet.dialect import Dialect, Reply, Request
from bot.testnet.faults import MISLEADING, Kind, Switch
from bot.testnet.options import TestnetOptions, check_loopback
from bot.testnet.push_server import attend, is_own_page, is_upgrade, pumping

TESTNET: web.AppKey[Testnet] = web.AppKey("testnet", Testnet)
_CLOSING: web.AppKey[asyncio.Event] = web.AppKey("closing", asyncio.Event)
_HTML = b"<html><head><title>Service</title></head><body><h1>This is not JSON</h1></body></html>"
_JSON = {"Content-Type": "application/json"}
_MOVED = "https://elsewhere.invalid/"


def make_app(testnet: Testnet | TestnetOptions) -> web.Application:
    """The application around a testnet that is already built, or one built as the options say."""
    app = web.Application(client_max_size=1 << 20)
    app[TESTNET] = build(testnet) if isinstance(testnet, TestnetOptions) else testnet
    app[_CLOSING] = asyncio.Event()
    app.router.add_route("*", "/{tail:.*}", _answer)
    app.on_shutdown.append(_close)
    app.cleanup_ctx.append(_pump)
    return app


async def _pump(app: web.Application) -> AsyncIterator[None]:
    testnet = app[TESTNET]
    async with pumping(testnet.world, testnet.hub):
        yield


async def _close(app: web.Application) -> None:
    app[_CLOSING].set()
    app[TESTNET].hub.drop()


async def _answer(request: web.Request) -> web.StreamResponse:
    upgrade = is_upgrade(request)
    from_page = not is_own_page(request) if upgrade else "Origin" in request.headers
    if from_page or not _names_this_machine(request.host):
        # A page in a browser can reach loopback; no client of the exchange looks like one.
        return web.json_response({"error": "no requests from web pages"}, status=403)
    testnet = request.app[TESTNET]
    method = request.method
    path, _, query = request.raw_path.partition("?")
    if upgrade:
        switch = testnet.faults.strike(f"WS {path}")
        if switch is None:
            return await attend(request, testnet.hub)
        return await _spoil(request, testnet.dialect, switch, None)
    body = await request.read() if request.can_read_body else b""
    if path.startswith("/testnet/"):
        return _response(testnet.admin.answer(method, path, body))
    asked = Request(method, path, query, body.decode("utf-8", "replace"), request.headers)
    switch = testnet.faults.strike(f"{method} {path}", partial(testnet.dialect.market, asked))
    if switch is None:
        return _response(testnet.mischief.plain(asked))
    return await _spoil(request, testnet.dialect, switch, testnet.mischief.answer(asked, switch))


@lru_cache(maxsize=64)
def _names_this_machine(host: str) -> bool:
    """Whether a Host header names loopback: another name is one that was made to point here."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        check_loopback(name)
    except ConfigError:
        return False
    return True


def _response(reply: Reply) -> web.Response:
    if "Content-Type" in reply.headers:
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)
    return web.Response(status=reply.status, body=reply.body, headers={**_JSON, **reply.headers})


async def _spoil(
    request: web.Request, dialect: Dialect, switch: Switch, reply: Reply | None,
) -> web.StreamResponse:
    """Answer as the fault has it; `reply` is what would have been said, where the venue acted."""
    kind = switch.kind
    said = reply if reply is not None else Reply(200, b"{}")
    if kind in _IN_ITS_WORDS or kind in MISLEADING:
        return _response(dialect.spoiled(switch) if kind in _IN_ITS_WORDS else said)
    if kind in _PAGES:
        return _PAGES[kind]()
    if kind is Kind.TRUNCATE:
        return await _cut(request, said)
    if kind is Kind.DELAY:
        await asyncio.sleep(switch.milliseconds / 1000)
        return _response(said)
    if kind is Kind.CUT_JSON:
        return _response(Reply(said.status, said.body[: max(1, len(said.body) // 2)], said.headers))
    if kind is Kind.RESET:
        _reset_on_close(request)
    elif kind is not Kind.CLOSE:
        await request.app[_CLOSING].wait()  # a time-out: the client gives up first, and that cancels this wait
    return _hang_up(request)


def _reset_on_close(request: web.Request) -> None:
    """Make the end of the connection a reset: nothing lingers, nothing is flushed."""
    wire = None if request.transport is None else request.transport.get_extra_info("socket")
    if wire is not None:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _cut(request: web.Request, said: Reply) -> web.StreamResponse:
    response = web.StreamResponse(status=said.status, headers={**said.headers, "Content-Type": "application/json"})
    response.content_length = len(said.body) + 16  # never reached, whatever the length
    await response.prepare(request)
    await response.write(said.body[: len(said.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _page(status: int) -> web.Response:
    return web.Response(status=status, body=_HTML, content_type="text/html")


_IN_ITS_WORDS = frozenset({Kind.HTTP500, Kind.HTTP503, Kind.UNKNOWN, Kind.RATE_LIMIT, Kind.BAN, Kind.ERROR})
_PAGES: dict[Kind, Callable[[], web.Response]] = {
    Kind.HTTP524: lambda: _page(524),
    Kind.HTML200: lambda: _page(200),
    Kind.EMPTY_OBJECT: lambda: web.json_response({}),
    Kind.EMPTY_LIST: lambda: web.json_response([]),
    Kind.REDIRECT: lambda: web.Response(status=307, headers={"Location": _MOVED}),
}


@asynccontextmanager
async def running(
    testnet: Testnet | TestnetOptions, *, host: str = "127.0.0.1", port: int = 0,
) -> AsyncIterator[str]:
    """A server for as long as the block lasts; gives its URL. Options bring their own host and port.

    Raises ConfigError for a host beyond loopback and for a port that is taken.
    """
    if isinstance(testnet, TestnetOptions):
        host, port = testnet.host, testnet.port
    check_loopback(host)
    # A client that hangs up ends its request: one that an injected timeout keeps waiting must not live on.
    runner = web.AppRunner(make_app(testnet), access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            site = web.TCPSite(runner, host, port)
            await site.start()
        except OSError as error:
            raise ConfigError(f"the testnet cannot listen on {host} port {port}: {error.strerror}") from error
        yield _url(runner.addresses[0])
    finally:
        await runner.cleanup()


def _url(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    host, port = address[0], address[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(options: TestnetOptions, on_ready: Callable[[str], None] | None = None) -> None:
    """Run until cancelled, or told to stop by SIGINT or SIGTERM; `on_ready` is told the URL once requests are taken."""
    stop = asyncio.Event()
    with _signals(stop.set):
        async with running(options) as url:
            gc.freeze()  # what is loaded stays: no collection needs to look at it, and no client wait for that
            if on_ready is not None:
                on_ready(url)
            await stop.wait()


@contextmanager
def _signals(act: Callable[[], None]) -> Iterator[None]:
    """Act on a wish to stop, where this is the main thread; elsewhere signals are not ours to take."""
    loop = asyncio.get_running_loop()
    taken: list[signal.Signals] = []
    with suppress(ValueError, RuntimeError, NotImplementedError):
        for wish in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(wish, act)
            taken.append(wish)
    try:
        yield
    finally:
        for wish in taken:
            loop.remove_signal_handler(wish)


__all__ = ["TESTNET", "make_app", "running", "serve"]
