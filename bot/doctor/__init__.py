"""`hedgerow doctor`: everything that could keep the bot from trading, looked at before it does. Reads only.

Each part ends in checks, whatever happens in it; a part that cannot be reached says so once, and what depends on it is
left out. Composed as the commands of `bot.answers` are: rooms are imported where they are needed.
"""

from __future__ import annotations

from bot.core.hygiene import Verdict
from bot.doctor.account import venue_findings
from bot.doctor.findings import Examination, Finding, Part, bad_config, examined
from bot.doctor.machine import configuration, files
from bot.errors import ConfigError
from bot.settings import Settings

__all__ = ["Examination", "Finding", "Part", "examine", "misconfigured"]


def misconfigured(error: ConfigError) -> Examination:
    """What there is to say where the configuration itself cannot be read."""
    return examined([bad_config("configuration", str(error))])


async def examine(settings: Settings, *, dry_run: bool = False) -> Examination:
    """Look at everything; no time is moved and no order sent."""
    findings = [*configuration(settings, dry_run=dry_run), *files(settings, dry_run=dry_run)]
    if not any(found.check.name == "secrets" and found.check.verdict is Verdict.FAIL for found in findings):
        findings += await venue_findings(settings, dry_run=dry_run)
    return examined(findings)
