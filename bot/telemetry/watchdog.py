"""A thread beside the event loop that notices when it stands still, and when nothing is decided any more.

Real time by decision: a loop that does not turn stops every clock that sleeps on it.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import PurePath

from bot.telemetry.events import Emit

_SHOWN = 12
"""Lines of the program that are told, the innermost ones."""


class Watchdog:
    """Tells of a loop that has not turned for `stall` real seconds, and of `stale` seconds without a decision.

    `look` is called every now and then, whatever the loop does. A machine that was suspended is told apart: then this
    thread stood still as well.
    """

    def __init__(
        self, emit: Emit, *, stall: float, stale: float, look: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._emit = emit
        self._stall = stall
        self._stale = stale
        self._look = look
        self._monotonic = monotonic
        self._every = min(1.0, stall / 5)
        self._stop = threading.Event()
        self._turned_at = self._decided_at = monotonic()
        self._asked = self._stalled = self._silent = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._watched = 0

    def start(self) -> None:
        """Watch the running loop and its thread."""
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._turned_at = self._decided_at = self._monotonic()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._thread.start()

    def decided(self) -> None:
        """A decision was reached. Called on the loop."""
        self._decided_at = self._monotonic()

    def stop(self) -> None:
        """Watch no more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(self._every * 2)

    def _run(self) -> None:
        before = self._monotonic()
        while not self._stop.wait(self._every):
            now = self._monotonic()
            if now - before > self._every + self._stall / 2:
                self._paused(now, now - before)
            before = now
            self._ask()
            self._see_loop(now)
            self._see_decisions(now)
            self._look()

    def _paused(self, now: float, span: float) -> None:
        """The whole process stood still, this thread too: the loop is asked anew."""
        self._turned_at = self._decided_at = now
        self._emit("process.paused", message=f"the process stood still for {span:.0f} s")

    def _ask(self) -> None:
        """Have the loop say that it turns; one question at a time."""
        if self._asked or self._loop is None or self._loop.is_closed():
            return
        self._asked = True
        try:
            self._loop.call_soon_threadsafe(self._turns)
        except RuntimeError:  # closed just now
            self._stop.set()

    def _turns(self) -> None:
        self._turned_at = self._monotonic()
        self._asked = False

    def _see_loop(self, now: float) -> None:
        stands = now - self._turned_at
        if stands > self._stall and not self._stalled:
            self._stalled = True
            where = self._where()
            self._emit("daemon.stalled", where=where, message=(
                f"the event loop has not turned for {stands:.0f} s, in {where[-1] if where else 'a place unknown'}"))
        elif stands <= self._stall and self._stalled:
            self._stalled = False
            self._emit("daemon.turning", message="the event loop turns again")

    def _where(self) -> list[str]:
        """What the loop's thread is doing: files, lines and names of functions, never a value."""
        frame = sys._current_frames().get(self._watched)  # noqa: SLF001 - the documented way to another thread's stack
        lines = [(entry.filename, entry.lineno, entry.name) for entry in traceback.extract_stack(frame)]
        return [f"{'/'.join(PurePath(file).parts[-3:])}:{line} {name}" for file, line, name in lines[-_SHOWN:]]

    def _see_decisions(self, now: float) -> None:
        silent = now - self._decided_at
        if silent > self._stale and not self._silent:
            self._silent = True
            self._emit("heartbeat.stale", message=f"no decision for {silent:.0f} s")
        elif silent <= self._stale and self._silent:
            self._silent = False
            self._emit("heartbeat.back", message="decisions are reached again")
