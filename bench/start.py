"""How long a command takes that is asked often, against importing what any such command line imports."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from exchange import exchange
from figures import Outcome, Timed
from sides import ours

ROOT = Path(__file__).parents[1]
LEAST = ("-c", "import typer, rich.table")


def _seconds(*words: str) -> float:
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode in (0, 3), done.stderr  # 3: the daemon of this journal is not running
    return (time.perf_counter() - began) * 1e3


async def _journal(folder: Path) -> None:
    with exchange(2, "hedged") as place:
        async with ours(place, folder) as bot:
            await bot.engine().tick()


def bench(rounds: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_journal(Path(folder)))
        commands = {"help": ("-m", "bot", "--help"), "bare": LEAST,
                    "status": ("-m", "bot", "status", "-c", str(Path(folder) / "bench.yaml"))}
        took: dict[str, list[float]] = {name: [] for name in commands}
        for words in commands.values():
            _seconds(*words)
        for number in range(rounds):
            names = list(commands)
            for name in names[number % 3:] + names[:number % 3]:
                took[name].append(_seconds(*commands[name]))
    timed = [Timed("hedgerow --help", "ms", took["help"], took["bare"]),
             Timed("hedgerow status", "ms", took["status"], took["bare"])]
    return Outcome("Starting a command", timed, [
        timed[0].goal("hedgerow --help", 0.5, 3.0), timed[1].goal("hedgerow status", 0.5, 8.0),
    ])
