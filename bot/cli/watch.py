"""`status --watch`: the same answer over and over, until Ctrl-C; redrawn on a terminal, once per change elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from bot.journal.views import StatusReport

    Read: TypeAlias = Callable[[], StatusReport]

Pause: TypeAlias = Callable[[float], None]


@contextmanager
def _until_interrupted() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        return


def redraw(
    read: Read, draw: Callable[[StatusReport], RenderableType], console: Console, *, interval: float,
    pause: Pause = time.sleep,
) -> None:
    """Keep a terminal's screen current, every `interval` seconds; returns on Ctrl-C. Raises what `read` raises."""
    from rich.live import Live

    shown = draw(read())
    with _until_interrupted(), Live(shown, console=console, screen=True, auto_refresh=False) as live:
        while True:
            pause(interval)
            shown = draw(read())
            live.update(shown, refresh=True)
    console.print(shown)  # what was seen last stays when the screen is given back


def print_changes(
    read: Read, say: Callable[[StatusReport], None], *, interval: float, pause: Pause = time.sleep,
) -> None:
    """Say the answer once, and again whenever it is another one; returns on Ctrl-C. Raises what `read` raises."""
    known: StatusReport | None = None
    with _until_interrupted():
        while True:
            report = read()
            still = replace(report, heartbeat=None)  # one that is merely younger is no change
            if still != known:
                known = still
                say(report)
            pause(interval)
