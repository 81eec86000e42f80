"""Whether what the venue pushes can be heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import app
from bot.core.hygiene import Check, Verdict
from bot.doctor.findings import Finding, Part, ok
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.ports import Clock, Learnt, Marked, Touch, Venue

LOOKS_ONLY = "only looks"
"""What the door says to a request that would change something."""


async def streams(settings: Settings, clock: Clock, venue: Venue, *, dry_run: bool) -> list[Finding]:
    """Whether what the venue pushes can be heard. Nothing depends on it but how soon the bot looks."""
    stream = None if dry_run else app.open_stream(settings, clock, settings.credentials(), venue)
    if stream is None:
        return [ok(Part.REACH, "streams", "not listened to: the poll decides", "as configured")]
    try:
        await stream.start(_Deaf())
        await stream.settled()
        lost = stream.lost
    finally:
        await stream.close()
    if not lost:
        return [ok(Part.REACH, "streams", "heard", "heard")]
    return [Finding(Part.REACH, _unheard(name, why)) for name, why in sorted(lost.items())]


def _unheard(name: str, why: str) -> Check:
    if LOOKS_ONLY in why:
        return Check("streams", Verdict.UNKNOWN, f"{name}: opened only by a run, not by a look", "heard")
    return Check("streams", Verdict.WARN, f"{name}: {why}", "heard",
                 "see whether a firewall stops WebSockets; until then the bot polls")


class _Deaf:
    """Whom it does not concern what a stream tells."""

    def touched(self, touch: Touch) -> None:
        """Nothing."""

    def marked(self, marked: Marked) -> None:
        """Nothing."""

    def learnt(self, what: Learnt) -> None:
        """Nothing."""

    def lost(self, stream: str, why: str) -> None:
        """Nothing."""

    def back(self, stream: str) -> None:
        """Nothing."""
