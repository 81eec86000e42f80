"""A service that takes alerts: a real HTTP server on loopback for apprise's json://; it can be slow or ill."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "s3cr3t-token-of-the-service"


class AlertService:
    """`taken`: what was posted, in order. `delay`: real seconds before it answers; `status`: what it answers."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.asked = 0
        self.delay = 0.0
        self.status = 200
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service.asked += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(service.delay)
                if service.status == 200:
                    service.taken.append(json.loads(body))
                self.send_response(service.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Its address as apprise writes it, with a token."""
        return f"json://127.0.0.1:{self._server.server_address[1]}/{TOKEN}"

    def titles(self) -> list[str]:
        return [one["title"] for one in self.taken]

    def wait(self, count: int, within: float = 10.0) -> list[dict[str, Any]]:
        """What was taken, once it is that many."""
        ends = time.monotonic() + within
        while len(self.taken) < count:
            assert time.monotonic() < ends, f"{len(self.taken)} of {count} came: {self.titles()}"
            time.sleep(0.01)
        return self.taken

    @contextmanager
    def serving(self) -> Iterator[AlertService]:
        thread = threading.Thread(target=lambda: self._server.serve_forever(poll_interval=0.02), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()
