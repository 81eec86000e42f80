"""An event loop without a machine under it: no socket, no thread, no wall clock.

What waits for real time gets it at once, what is handed to a thread is done on the spot. Where nothing is left to do
and something still waits, the program hangs, and that is said instead of waited for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Hangs(RuntimeError):
    """Something waits for what nobody will ever do."""


class StoryLoop(asyncio.BaseEventLoop):
    """See the module. Its own time moves when everybody waits for it."""

    _ready: deque[asyncio.Handle]

    def __init__(self) -> None:
        super().__init__()
        self._elapsed = 0.0
        self._selector = self

    def time(self) -> float:
        return self._elapsed

    def select(self, timeout: float | None) -> tuple[()]:
        """What the base class asks of its selector: what happened outside. Nothing ever does."""
        if timeout is None:
            raise Hangs("nothing is left to do, and something waits")
        self._elapsed += timeout
        return ()

    def _run_once(self) -> None:
        """As the base class: what is ready now. Only where nothing is, somebody's own time may have come."""
        if not self._ready:
            super()._run_once()  # type: ignore[misc]  # typeshed leaves out what only loops call
            return
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle.cancelled():
                handle._run()

    def _process_events(self, _: object) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def run_in_executor(self, _: object, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]  # a future either way
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 -- whatever it is belongs to whoever awaits it
            done.set_exception(error)
        return done


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, on such a loop."""
    loop = StoryLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main)
    finally:
        try:
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            if left:
                loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()
