"""Which of the things that could be told are told now: each once, not too many, and when it is over, that too.

Pure but for its memory: time is handed in. What was told survives a restart, so that a bot which is started again and
again does not say the same again and again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bot.core.times import HOUR, Millis, iso
from bot.ports import Urgency
from bot.telemetry.alert_kinds import KINDS, Fields, Reading, Sign, read
from bot.telemetry.console import sentence

THIRD_TIME = 3
RESERVE = 4
"""One part in so many of what may be sent in an hour is kept for what is urgent."""

PASSING = frozenset({"daily_summary", "topped_up", "instrument_changed", "liquidation", "history_gap",
                     "ledger_residual"})
"""Kinds that tell of a moment: nothing of them can be mended."""

Topic = tuple[str, str]
"""Kind and subject."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One message to a human."""

    kind: str
    subject: str
    text: str
    urgency: Urgency
    at: Millis
    mended: bool = False

    @property
    def title(self) -> str:
        """Its first line."""
        title = KINDS[self.kind].title
        about = f": {self.subject}" if self.subject else ""
        return f"{title}{about}, mended" if self.mended else f"{title}{about}"

    @property
    def body(self) -> str:
        """What happened, when, and where the fix is written down."""
        lines = [self.text, f"{iso(self.at)[:19].replace('T', ' ')} UTC"]
        if not self.mended:
            lines.append(f"{KINDS[self.kind].meaning}; what to do: {KINDS[self.kind].fix}")
        return "\n".join(lines)


@dataclass(slots=True)
class Told:
    """What survives a restart: when each topic was told last, which are not mended yet, when anything was sent."""

    at: dict[Topic, Millis] = field(default_factory=dict)
    open: set[Topic] = field(default_factory=set)
    sent: list[Millis] = field(default_factory=list)


class Desk:
    """Hears events, and gives out what is to be sent. `repeat`, in ms: a topic is not told again before."""

    def __init__(self, *, repeat: Millis, per_hour: int, told: Told | None = None) -> None:
        self._repeat = repeat
        self._per_hour = per_hour
        self.told = told if told is not None else Told()
        self._waiting: dict[Topic, tuple[Millis, Alert]] = {}
        self._counted: Counter[Topic] = Counter()
        self._left_out = 0

    def hear(self, event: str, fields: Fields, now: Millis) -> list[Alert]:
        """What this event makes worth sending, with whatever has become due by now."""
        found = [alert for reading in read(event, fields) for alert in self._take(reading, event, fields, now)]
        return found + self.look(now)

    def look(self, now: Millis) -> list[Alert]:
        """What has lasted long enough by now."""
        due = [topic for topic, (at, _) in self._waiting.items() if at <= now]
        return [sent for topic in due for sent in self._offer(topic, self._waiting.pop(topic)[1], now)]

    def _take(self, reading: Reading, event: str, fields: Fields, now: Millis) -> list[Alert]:
        topic = (reading.kind, reading.subject)
        if reading.sign is Sign.MEND:
            return self._mended(topic, event, fields, now)
        alert = Alert(reading.kind, reading.subject, _text(event, fields),
                      reading.urgency or KINDS[reading.kind].urgency, now)
        if reading.sign is Sign.WAIT and reading.after:
            self._waiting.setdefault(topic, (now + reading.after, alert))
            return []
        if reading.sign is Sign.COUNT:
            self._counted[topic] += 1
            if self._counted[topic] < THIRD_TIME:
                return []
        return self._offer(topic, alert, now)

    def _offer(self, topic: Topic, alert: Alert, now: Millis) -> list[Alert]:
        """Send it, or keep it until the topic may be told again; a topic that mended meanwhile is forgotten."""
        last = self.told.at.get(topic)
        if last is not None and 0 <= now - last < self._repeat and alert.kind != "daily_summary":
            if topic not in self.told.open:
                self._waiting[topic] = (last + self._repeat, alert)
            return []
        if not self._room(alert.urgency, now):
            if alert.urgency is Urgency.URGENT:
                self._waiting[topic] = (min(self.told.sent, default=now) + HOUR, alert)
            else:
                self._left_out += 1
            return []
        self.told.at = {one: at for one, at in self.told.at.items() if 0 <= now - at < self._repeat}
        self.told.at[topic] = now
        if alert.kind not in PASSING:
            self.told.open.add(topic)
        return [self._counting(alert, now)]

    def _mended(self, topic: Topic, event: str, fields: Fields, now: Millis) -> list[Alert]:
        kind, subject = topic
        over = [one for one in (*self._waiting, *self._counted) if one[0] == kind] if subject == "*" else [topic]
        for one in over:
            self._waiting.pop(one, None)
            self._counted.pop(one, None)
        found = [one for one in sorted(self.told.open) if one == topic or (subject == "*" and one[0] == kind)]
        self.told.open.difference_update(found)
        mended = [Alert(kind, one[1], _text(event, fields), Urgency.NOTE, now, mended=True) for one in found]
        return [self._counting(alert, now) for alert in mended if self._room(Urgency.URGENT, now)]

    def _room(self, urgency: Urgency, now: Millis) -> bool:
        self.told.sent = [at for at in self.told.sent if 0 <= now - at < HOUR]
        most = self._per_hour if urgency is Urgency.URGENT else self._per_hour - self._per_hour // RESERVE
        return len(self.told.sent) < most

    def _counting(self, alert: Alert, now: Millis) -> Alert:
        self.told.sent.append(now)
        if not self._left_out:
            return alert
        missing, self._left_out = self._left_out, 0
        text = f"{alert.text}\n({missing} alerts before this were too many for an hour; the log has them)"
        return Alert(alert.kind, alert.subject, text, alert.urgency, alert.at, alert.mended)


def _text(event: str, fields: Fields) -> str:
    """What an event says; of one that the console does not show, what it is about."""
    known = (fields.get(name) for name in ("asset", "change", "state"))
    return sentence(event, fields) or ", ".join(str(one) for one in known if one is not None) or event


def told_from(content: Any) -> Told:  # noqa: ANN401 - JSON that anybody may have written
    """What `told_as` wrote. Raises ValueError, KeyError or TypeError for anything else."""
    return Told(
        {_topic(name): int(when) for name, when in dict(content["at"]).items()},
        {_topic(name) for name in content["open"]}, [int(when) for when in content["sent"]])


def told_as(told: Told) -> dict[str, object]:
    """As plain JSON."""
    return {
        "at": {"|".join(topic): when for topic, when in sorted(told.at.items())},
        "open": sorted("|".join(topic) for topic in told.open), "sent": told.sent,
    }


def _topic(name: object) -> Topic:
    kind, _, subject = str(name).partition("|")
    if kind not in KINDS:
        raise ValueError(kind)
    return kind, subject
