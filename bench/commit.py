"""The durable commit of an intent on the kept connection, against the same row through sqlite3 alone."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from figures import Outcome, Timed
from sides import alternating, bare_insert, intent

from bot.journal.store import SqlJournal


async def measure(rounds: int, folder: Path) -> Timed:
    """Both in turns; each on a database of its own, on the same disk."""
    took: dict[str, list[float]] = {"ours": [], "bare": []}
    journal = await SqlJournal.open(
        folder / "ours.db", environment="local", venue="binance", account="1", wall=lambda: 0)
    with bare_insert(folder) as insert:
        for number, order in enumerate(alternating(rounds), 1):
            for side in order:
                meant = intent(number)
                began = time.perf_counter()
                if side == "ours":
                    await journal.record_intent(meant)
                else:
                    insert.commit(number)
                took[side].append((time.perf_counter() - began) * 1e3)
    await journal.close()
    return Timed("commit of one intent", "ms", took["ours"], took["bare"])


def bench(rounds: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        timed = asyncio.run(measure(rounds, Path(folder)))
    return Outcome("Durable intent", [timed], [
        timed.goal("durable intent", 0.5, 2.0), timed.goal("durable intent", 0.99, 3.0),
    ])
