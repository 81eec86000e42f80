"""Writes docs/events.md from the table of events: `python docs/generate_events.py` (a test says when it is due)."""

from __future__ import annotations

from pathlib import Path

from bot.telemetry.events import EVENTS, FIELDS, Event

TARGET = Path(__file__).with_name("events.md")

HEAD = """\
# Log lines

<!-- Written by docs/generate_events.py from bot/telemetry/events.py; edit there. -->

The log file holds one JSON object a line. `ts` is UTC by the bot's clock (a story's time, in a story), `level` is
`info`, `warning` or `error`, `event` is one of the names below, which do not change. Money, prices, quantities, rates
are strings with all their digits; `null` is "unknown". Lines of other libraries have `event: log`, with `logger` and
`message`; an error's traceback is the list `exception`. Secrets read `[redacted]`, control characters are escaped.

The console shows the events marked *console*: what changed, not every step; and at rest `daemon.healthy`, one line per
15 minutes (`log.healthy`). Each is one line, wrapped at the terminal's width, at 80 without one. Colours only on a
terminal, and not with `NO_COLOR`. Signs that the stream's encoding lacks are spelt in ASCII: `->` for →.

"""


def events_page() -> str:
    """The page."""
    fields = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in FIELDS.items())
    return (HEAD + "".join(_section(event) for event in EVENTS.values())
            + "## Fields\n\n| field | meaning |\n|---|---|\n" + fields)


def _section(event: Event) -> str:
    marks = [event.level, *(["console"] if event.says else [])]
    lines = [f"## `{event.name}`", "", f"{event.meaning} (*{', '.join(marks)}*)", "",
             f"Always: {_names(event.required)}."]
    if event.optional:
        lines += ["", f"Where it applies: {_names(event.optional)}."]
    return "\n".join(lines) + "\n\n"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    TARGET.write_text(events_page(), "utf-8")
