"""Who looks at a running bot from outside, and calls a human: alerts, the watchdog, the daily summary.

It hears the events that the log gets, and is told of each decision. Nothing that decides knows of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.core.times import SECOND, Millis, next_on_grid
from bot.errors import JournalError, SafetyStop, StoryEnded, Unavailable
from bot.journal.day import read_day
from bot.ports import Clock, Urgency
from bot.settings import Settings
from bot.telemetry.alert_desk import Desk
from bot.telemetry.alerts import Alerter, Postman, recall, remember
from bot.telemetry.apprise_alerts import AppriseAlerts, secrets_of
from bot.telemetry.events import Emit
from bot.telemetry.redaction import Redactor
from bot.telemetry.watchdog import Watchdog


def memory_of(settings: Settings) -> Path:
    """Where it is remembered what was told."""
    return settings.journal.with_suffix(".alerts.json")


def alerts_of(settings: Settings) -> tuple[AppriseAlerts | None, tuple[str, ...]]:
    """Where alerts go, None: nowhere; and what must never be seen of it. Raises ConfigError."""
    urls = settings.alert_urls()
    return (AppriseAlerts(urls), secrets_of(urls)) if urls else (None, ())


def desk_of(settings: Settings) -> Desk:
    """What decides which alerts are sent, with what was told before."""
    wanted = settings.alerts
    return Desk(repeat=wanted.repeat, per_hour=wanted.per_hour, told=recall(memory_of(settings)))


def name_of(settings: Settings) -> str:
    """How a message begins: which bot it is of."""
    return f"hedgerow {settings.venue} {settings.environment}"


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether one address took a message. `service`: its kind; nothing else of an address may be shown."""

    number: int
    service: str
    taken: bool


def send_test(settings: Settings, alerts: AppriseAlerts) -> list[Taken]:
    """One message to every address."""
    found = alerts.each(f"{name_of(settings)}: test", "This is a test: messages of this bot arrive.", Urgency.NOTE)
    return [Taken(number, service, taken) for number, (service, taken) in enumerate(found, 1)]


def tell_health(settings: Settings, *, alive: bool, text: str, now: Millis) -> str | None:
    """Tell a human that no decision is reached, once within `alerts.repeat`, or that they are again.

    Why it could not be told, if it could not; None also where nobody is to be told. Raises ConfigError.
    """
    desk = desk_of(settings)
    found = desk.hear("heartbeat.back" if alive else "heartbeat.stale", {"message": text}, now)
    if not found:
        return None
    alerts, _ = alerts_of(settings)
    if alerts is None:
        return None
    for alert in found:
        try:
            alerts.deliver(f"{name_of(settings)}: {alert.title}", alert.body, alert.urgency)
        except Unavailable as away:
            return str(away)
    remember(memory_of(settings), desk.told)
    return None


class Attention:
    """See the module. `emit`: what the bot is to speak through."""

    def __init__(
        self, settings: Settings, clock: Clock, emit: Emit, *, alerts: AppriseAlerts | None, redactor: Redactor,
    ) -> None:
        wanted = settings.alerts
        self._postman: Postman | None = None
        self._daily: Daily | None = None
        self._alerter: Alerter | None = None
        self.stop_told = False
        heard = emit
        if alerts is not None:
            self._postman = Postman(alerts, emit, name=name_of(settings), timeout=wanted.timeout / SECOND)
            self._alerter = Alerter(
                desk_of(settings), self._postman.post, clock.now, emit, redactor=redactor, memory=memory_of(settings))
            heard = self._alerter.hearing(emit)
            if wanted.summary:
                self._daily = Daily(settings.journal, heard, every=wanted.summary, now=clock.now())
        self._heard = heard
        self._watchdog = Watchdog(
            heard, stall=wanted.stalled / SECOND, stale=settings.decides_within / SECOND,
            look=self._alerter.look if self._alerter is not None else lambda: None,
        )

    def emit(self, event: str, **fields: object) -> None:
        """Say one event: to the log, and to whoever is to be called."""
        self.stop_told |= event == "safety.stopped"
        self._heard(event, **fields)

    def watch(self) -> None:
        """From here on the loop must turn, and decisions be reached."""
        self._watchdog.start()

    def ticked(self, at: Millis) -> None:
        """A decision was reached at `at`."""
        self._watchdog.decided()
        if self._alerter is not None:
            self._alerter.look()
        if self._daily is not None:
            self._daily.ticked(at)

    def ended(self, error: Exception) -> None:
        """The bot ends because of this error."""
        if isinstance(error, SafetyStop):
            if not self.stop_told:
                self.emit("safety.stopped", message=str(error), code=error.code)
        elif not isinstance(error, (Unavailable, StoryEnded)):
            self.emit("daemon.failed", message=f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """Watch no more; let what is to be said leave, within the time that one message may take."""
        if self._daily is not None:
            await self._daily.close()
        await asyncio.to_thread(self._watchdog.stop)
        if self._postman is not None:
            await asyncio.to_thread(self._postman.close)


@contextlib.asynccontextmanager
async def attended(
    settings: Settings, clock: Clock, emit: Emit, *, alerts: AppriseAlerts | None, redactor: Redactor,
) -> AsyncIterator[Attention]:
    """Attention for as long as the bot lives; how it ended is told."""
    attention = Attention(settings, clock, emit, alerts=alerts, redactor=redactor)
    try:
        yield attention
    except Exception as error:
        attention.ended(error)
        raise
    finally:
        await attention.close()


class Daily:
    """Says once in `every` ms of the bot's time where the account stands, by the journal, read in a thread."""

    def __init__(self, journal: Path, emit: Emit, *, every: Millis, now: Millis) -> None:
        self._journal = journal
        self._emit = emit
        self._every = every
        self._due = next_on_grid(now, 0, every)
        self._saying: asyncio.Task[None] | None = None

    def ticked(self, at: Millis) -> None:
        """A decision was reached; where it is time, the summary begins to be made. Returns at once."""
        if at < self._due or (self._saying is not None and not self._saying.done()):
            return
        since, self._due = self._due - self._every, next_on_grid(at, 0, self._every)
        self._saying = asyncio.ensure_future(self._say(since))

    async def close(self) -> None:
        """Let what is being said be said."""
        if self._saying is not None:
            await asyncio.wait({self._saying})

    async def _say(self, since: Millis) -> None:
        try:
            told: Mapping[str, object] = await asyncio.to_thread(read_day, self._journal, since)
        except JournalError as error:
            self._emit("alert.failed", message=f"no daily summary: {error}")
        else:
            self._emit("daily.summed", **told)

