"""The keys of Binance's user streams: one in force at a time, for an hour of the story from the last renewal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from bot.core.times import HOUR, Millis
from bot.testnet.binance.endpoint import Endpoint, Security, Table
from bot.testnet.binance.errors import ApiError
from bot.testnet.binance.params import Params
from bot.testnet.numbers import Row
from bot.testnet.world import World

LIFE: Millis = HOUR


class ListenKeys:
    """The listen keys of one API, at one path. `api` tells the two APIs' keys apart."""

    def __init__(self, world: World, api: str, path: str) -> None:
        self.current: str | None = None
        self._world = world
        self._name = f"listen key {api}"
        self._path = path
        self._made = 0
        self._told: list[Callable[[str, bool], None]] = []

    def table(self) -> Table:
        """Endpoints by method and path."""
        key = Security.KEY
        return {
            ("POST", self._path): Endpoint(self.create, 1, key),
            ("PUT", self._path): Endpoint(self.keep_alive, 1, key),
            ("DELETE", self._path): Endpoint(self.close, 1, key),
        }

    def create(self, _: Params) -> Row:
        """A key; the one in force, prolonged, where there is one."""
        if self.current is None:
            self._made += 1
            self.current = hashlib.sha256(f"{self._name} {self._made}".encode()).hexdigest()
        return self._prolong(self.current)

    def keep_alive(self, params: Params) -> Row:
        """Prolong the key in force. −1125 where there is none, or another one is named."""
        if self.current is None or params.get("listenKey", self.current) != self.current:
            raise ApiError(-1125, message="This listenKey does not exist.")
        return self._prolong(self.current)

    def _prolong(self, key: str) -> Row:
        self._world.schedule(self._name, self._world.now() + LIFE, self._expire)
        return {"listenKey": key}

    def close(self, _: Params) -> Row:
        """Let the key go: whoever listened with it hears nothing more."""
        self._world.unschedule(self._name)
        self._end(expired=False)
        return {}

    def on_end(self, listener: Callable[[str, bool], None]) -> None:
        """Be told the key when it ends, and whether that is because nobody renewed it."""
        self._told.append(listener)

    def _expire(self) -> None:
        self._end(expired=True)

    def _end(self, *, expired: bool) -> None:
        key, self.current = self.current, None
        if key is not None:
            for listener in self._told:
                listener(key, expired)
