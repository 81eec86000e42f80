"""ccxt.pro's WebSocket client behind the same door as its requests: what it may reach, and what it makes of a frame.

ccxt's client lets a frame that is not JSON end its reading loop without a word, and takes pongs by the exchange's
clock, which here may be a story's (Bybit's `handle_pong`): such a client would drop a sound socket. Here every frame is
counted, and whatever cannot be read closes the connection with a reason; every frame that comes proves it alive.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import aiohttp

from bot.core.times import SECOND
from bot.venues.failures import InvalidReply
from bot.venues.transport import Foreign

FAILED = "failed"
"""The future of a client that is rejected when its connection is over, for whatever reason."""

_CLIENT = "ccxt.async_support.base.ws.client"


class Broken(Exception):
    """A connection that is over; says why, and no address."""


class Wire:
    """Mixed in before ccxt's client, by `open_wire`."""

    frames: int
    hear: Callable[[object], None]

    def follow(self, moved: Callable[[], None]) -> None:
        """Have `moved` called after each frame, and when the connection is over."""
        self._moved = moved

    def own_end(self) -> str | None:
        """Our own end of the socket: '127.0.0.1:51234'; None when it is not open."""
        connection = cast("Any", self).connection
        name = None if connection is None or connection.closed else connection.get_extra_info("sockname")
        if not name:
            return None
        return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"

    def handle_message(self, message: Foreign) -> None:
        """One frame from aiohttp, or its word that there are no more."""
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            cast("Any", self).lastPong = int(time.time() * SECOND)
            try:
                self.hear(json.loads(message.data))
            except InvalidReply as error:
                self._fail(str(error))
            except (ValueError, RecursionError):
                self._fail("a frame that is not JSON")
            self.frames += 1
        else:
            cast("Any", super()).handle_message(message)
        self._moved()

    def on_error(self, error: Foreign) -> None:
        """The connection is over; ccxt's texts may hold the address."""
        cast("Any", super()).on_error(error)
        self._moved()

    def send_soon(self, message: Mapping[str, object]) -> None:
        """Send without waiting; where that fails, the connection is over anyway."""
        task = asyncio.ensure_future(cast("Any", self).send(message))
        task.add_done_callback(lambda done: None if done.cancelled() else done.exception() and None)

    async def shut(self) -> None:
        """Close the socket and stop the pings."""
        this = cast("Any", self)
        for future in this.futures.values():
            future.cancel()
        with contextlib.suppress(Exception):
            await this.aiohttp_close()

    def _fail(self, why: str) -> None:
        this = cast("Any", self)
        if FAILED in this.futures:
            this.reject(Broken(why), FAILED)


def open_wire(exchange: Foreign, url: str, hear: Callable[[object], None], silence: float) -> Foreign:
    """A client of ccxt.pro for the logical `url`, not connected yet. `silence`: real seconds until pongs are missed."""
    base = sys.modules[_CLIENT].Client
    wired: Foreign = type("WireClient", (Wire, base), {"hear": staticmethod(hear), "frames": 0})
    return wired(url, _ignore, _ignore, _ignore, _ignore, {
        "ping": getattr(exchange, "ping", None), "verbose": False, "asyncio_loop": asyncio.get_running_loop(),
        "keepAlive": int(silence * SECOND / 3), "maxPingPongMisses": 2.0,
    })


def _ignore(*_: object) -> None:
    """What the exchange object would do with a connection: nothing, it is ours to look after."""
