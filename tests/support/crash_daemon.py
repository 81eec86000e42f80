"""The daemon as `hedgerow run` composes it, with an eye on every port call: it traces them, or dies at a planned one.

    python crash_daemon.py CONFIG --trace FILE
    python crash_daemon.py CONFIG --kill '{"not_before": 1611800000000, "when": "before", "what": "place"}'

A kill is a real SIGKILL, sent by the process to itself in the middle of its work.

    python crash_daemon.py --forks

reads one such call a line, and answers with its exit code. Each call is a process of its own, forked from one that has
done nothing yet but import: a hundred lives need not load the same modules a hundred times.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import inspect
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bot import app
from bot.ports import Clock
from bot.settings import load
from bot.venues.lean import exchange_class

REQUESTS = frozenset({"snapshot", "place", "amend", "cancel", "find_order", "fills", "funding"})
COMMITS = frozenset({
    "record_decision", "record_intent", "record_report", "record_miss", "record_fills", "record_funding",
    "record_episode", "acknowledge", "beat",
})

ROOMS = ("bot.attention", "bot.engine.daemon", "bot.engine.tick", "bot.journal.store", "bot.journal.upgrade",
         "bot.rehearsal", "bot.telemetry.logs", "bot.venues.gateway", "bot.venues.makers")
"""What a life loads beyond the composition root."""
LONGEST = 300
"""Seconds after which a forked life is ended with SIGALRM."""


class Watched:
    """A port with a look-out before and after each of its calls."""

    def __init__(self, port: object, look: Callable[[str, str, int], None], clock: Clock) -> None:
        self._port = port
        self._look = look
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._port, name)
        if not inspect.iscoroutinefunction(inner) or name not in REQUESTS | COMMITS:
            return inner

        async def watched(*args: object, **kwargs: object) -> object:
            self._look("before", name, self._clock.now())
            result = await inner(*args, **kwargs)
            self._look("after", name, self._clock.now())
            return result

        return watched


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--trace", type=Path)
    parser.add_argument("--kill", type=json.loads)
    parser.add_argument("--dry-run", action="store_true")
    asked = parser.parse_args(arguments)
    trace = asked.trace.open("w") if asked.trace else None

    def look(when: str, what: str, at: int) -> None:
        if trace is not None:
            trace.write(f"{at} {when} {what}\n")
        plan = asked.kill
        if plan and at >= plan["not_before"] and when == plan["when"] and what in plan["what"]:
            print("signalled", flush=True)  # noqa: T201 -- whoever waits for it reads this
            number = signal.Signals[plan.pop("signal", "SIGKILL")]
            plan["what"] = []
            os.kill(os.getpid(), number)

    wrap = app.Wrap(
        venue=lambda venue, clock: Watched(venue, look, clock),
        journal=lambda journal, clock: Watched(journal, look, clock),
    )
    code = asyncio.run(app.run_daemon(load(asked.config), wrap=wrap, dry_run=asked.dry_run))
    if trace is not None:
        trace.close()
    return code


def fork_lives() -> int:
    """See the module. A line is {"arguments", "environment", "said"}: `said` is the file for whatever it prints."""
    for room in ROOMS:
        importlib.import_module(room)
    for venue in ("binance", "bybit"):
        exchange_class(venue)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        life = os.fork()
        if life == 0:
            return _live(**json.loads(line))
        _, status = os.waitpid(life, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 -- whoever asked for the life reads this
    return 0


def _live(arguments: Sequence[str], environment: dict[str, str], said: str) -> int:
    signal.alarm(LONGEST)
    os.environ.update(environment)
    nothing = os.open(os.devnull, os.O_RDONLY)
    told = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for source, target in ((nothing, 0), (told, 1), (told, 2)):
        os.dup2(source, target)
    return main(arguments)


if __name__ == "__main__":
    sys.exit(fork_lives() if sys.argv[1:] == ["--forks"] else main())
