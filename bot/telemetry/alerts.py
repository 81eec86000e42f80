"""Alerts on their way: heard in passing, sent from a thread of their own. No tick waits, and no failure stops anything.

The thread is none of the event loop's, so that it can tell of a loop that stands still. Real time by decision: how long
a service may take, and how long to leave one alone that does not answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bot.core.times import Millis
from bot.errors import Unavailable
from bot.ports import Alerts
from bot.telemetry.alert_desk import Alert, Desk, Told, told_as, told_from
from bot.telemetry.events import Emit
from bot.telemetry.redaction import Redactor

MOST_WAITING = 100
"""Alerts that wait for a service; of more, the oldest are dropped."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0


class Postman:
    """Delivers one alert after the other, from a thread, each within `timeout` real seconds; again and again, ever more
    slowly, while that fails. A failure is said once, and so is its end.
    """

    def __init__(
        self, alerts: Alerts, emit: Emit, *, name: str, timeout: float, first_pause: float = FIRST_PAUSE,
    ) -> None:
        self._alerts = alerts
        self._emit = emit
        self._name = name
        self._timeout = timeout
        self._first_pause = first_pause
        self._waiting: deque[Alert] = deque(maxlen=MOST_WAITING)
        self._knock = threading.Event()
        self._closing = threading.Event()
        self._failures = 0
        self._underway: threading.Thread | None = None
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()

    def post(self, alert: Alert) -> None:
        """Take one. Returns at once."""
        self._waiting.append(alert)
        self._knock.set()

    def close(self) -> None:
        """Let what waits leave, within the time that one may take; what does not is dropped."""
        self._closing.set()
        self._knock.set()
        self._thread.join(self._timeout)

    def _run(self) -> None:
        while not self._closing.is_set() or self._waiting:
            if not self._waiting:
                self._knock.wait()
                self._knock.clear()
                continue
            alert = self._waiting.popleft()
            why = self._try(alert)
            if why is None:
                self._succeeded()
                continue
            if len(self._waiting) < MOST_WAITING:
                self._waiting.appendleft(alert)
            self._failed(why)
            if self._closing.wait(min(self._first_pause * 2 ** (self._failures - 1), LONGEST_PAUSE)):
                return

    def _try(self, alert: Alert) -> str | None:
        """Deliver one; why not, where it was not."""
        if self._underway is not None and self._underway.is_alive():
            return f"no answer within {self._timeout:g} s"
        outcome: list[str | None] = []

        def deliver() -> None:
            try:
                self._alerts.deliver(f"{self._name}: {alert.title}", alert.body, alert.urgency)
            except Unavailable as away:
                outcome.append(str(away))
            except Exception as error:  # noqa: BLE001 - whatever a service's library raises, trading goes on
                outcome.append(type(error).__name__)
            else:
                outcome.append(None)

        self._underway = threading.Thread(target=deliver, name="alert", daemon=True)
        self._underway.start()
        self._underway.join(self._timeout)
        return outcome[0] if outcome else f"no answer within {self._timeout:g} s"

    def _failed(self, why: str) -> None:
        self._failures += 1
        if self._failures == 1:
            self._emit("alert.failed", message=f"{why}; trying again, and trading goes on")

    def _succeeded(self) -> None:
        if self._failures:
            self._emit("alert.back", failures=self._failures)
        self._failures = 0


class Alerter:
    """Hears every event, has the desk say which are worth a message, and posts those without their secrets."""

    def __init__(
        self, desk: Desk, post: Callable[[Alert], None], now: Callable[[], Millis], emit: Emit, *,
        redactor: Redactor, memory: Path | None = None,
    ) -> None:
        self._desk = desk
        self._post = post
        self._now = now
        self._emit = emit
        self._redactor = redactor
        self._memory = memory
        self._lock = threading.Lock()  # the watchdog tells from a thread of its own
        self._broken = False

    def hearing(self, emit: Emit) -> Emit:
        """`emit`, heard."""
        def both(event: str, **fields: object) -> None:
            self.hear(event, fields)
            emit(event, **fields)

        return both

    def hear(self, event: str, fields: Mapping[str, object]) -> None:
        """Take in one event. Never raises."""
        self._guarded(lambda: self._desk.hear(event, self._clean(fields), self._now()))

    def look(self) -> None:
        """Some time has gone by. Never raises."""
        self._guarded(lambda: self._desk.look(self._now()))

    def _clean(self, fields: Mapping[str, object]) -> Mapping[str, object]:
        clean = self._redactor.value(fields)
        return clean if isinstance(clean, dict) else {}

    def _guarded(self, work: Callable[[], Sequence[Alert]]) -> None:
        try:
            with self._lock:
                found = work()
                if found and self._memory is not None:
                    remember(self._memory, self._desk.told)
        except Exception as error:  # noqa: BLE001 - a message that cannot be made stops nothing
            if not self._broken:
                self._broken = True
                self._emit("alert.failed", message=f"an alert could not be made: {type(error).__name__}")
            return
        for alert in found:
            self._post(alert)


def recall(path: Path) -> Told:
    """What was told before; nothing, where the file is missing or is none of ours."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        return told_from(json.loads(path.read_text(encoding="utf-8")))
    return Told()


def remember(path: Path, told: Told) -> None:
    """Keep it, whole or not at all; where the disk does not take it, a restart may say a thing again."""
    with contextlib.suppress(OSError):
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(json.dumps(told_as(told)), encoding="utf-8")
        os.replace(fresh, path)  # noqa: PTH105 - the call that is atomic, by its own name
