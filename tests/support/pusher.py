"""A venue's WebSockets as a test scripts them: answers subscriptions, says what it is told to, hangs up, turns away."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer


class Pusher:
    """One aiohttp server. `answer` makes the reply to what a client sends; None: no word."""

    def __init__(self, answer: Callable[[str, Any], Any]) -> None:
        self.answer = answer
        self.open: dict[str, web.WebSocketResponse] = {}
        self.opened: list[str] = []
        self.heard: list[Any] = []
        self.turns_away = False
        self.redirects_to: str | None = None
        self.pongs = True
        app = web.Application()
        app.router.add_get("/{path:.*}", self._attend)
        self._server = TestServer(app)

    async def start(self) -> str:
        await self._server.start_server()
        return str(self._server.make_url("")).rstrip("/")

    async def stop(self) -> None:
        await self._server.close()

    async def _attend(self, request: web.Request) -> web.StreamResponse:
        path = request.path_qs
        self.opened.append(path)
        if self.redirects_to is not None:
            raise web.HTTPTemporaryRedirect(self.redirects_to)
        if self.turns_away:
            return web.Response(status=503)
        socket = web.WebSocketResponse(autoping=self.pongs)
        await socket.prepare(request)
        self.open[request.path] = socket
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                said = json.loads(message.data)
                self.heard.append(said)
                reply = self.answer(request.path, said)
                if reply is not None:
                    await socket.send_json(reply)
        if self.open.get(request.path) is socket:
            del self.open[request.path]
        return socket

    async def push(self, path: str, frame: Any) -> None:
        await self.open[path].send_str(frame if isinstance(frame, str) else json.dumps(frame))

    async def hang_up(self, path: str) -> None:
        await self.open[path].close()
