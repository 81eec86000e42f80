"""What the idle daemon takes: memory against a plain poller with all markets, processor against a bare one.

The three run at the same time, each in a process of its own, at one round of reads a second.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from exchange import exchange
from figures import Goal, Outcome
from sides import settings

ROOT = Path(__file__).parents[1]
WARM_UP = 8.0


def memory(process: subprocess.Popen[str]) -> float:
    """Resident, in MB."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def processor(process: subprocess.Popen[str]) -> float:
    """Spent so far by all its threads, in seconds. (The ticks of /proc/PID/stat are as long as a round of reads.)"""
    threads = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def bench(seconds: int) -> Outcome:
    """Needs /proc."""
    with tempfile.TemporaryDirectory() as folder, exchange(2, "calm") as place, ExitStack() as stack:
        settings(place, Path(folder), poll="1s", working_poll="1s")
        commands = {
            "daemon": ["-m", "bot", "run", "-c", str(Path(folder) / "bench.yaml")],
            "ccxt": [str(ROOT / "bench/pollers.py"), "ccxt", place.url],
            "aiohttp": [str(ROOT / "bench/pollers.py"), "aiohttp", place.url],
        }
        running: dict[str, subprocess.Popen[str]] = {}
        for name, command in commands.items():
            running[name] = subprocess.Popen([sys.executable, *command], cwd=ROOT, text=True,
                                             stdout=subprocess.DEVNULL)
            stack.callback(running[name].wait)
            stack.callback(running[name].terminate)
        time.sleep(WARM_UP)
        before = {name: processor(process) for name, process in running.items()}
        place.arrivals()
        time.sleep(seconds)
        spent = {name: (processor(process) - before[name]) / seconds for name, process in running.items()}
        resident = {name: memory(process) for name, process in running.items()}
        rounds = sum(came.key == "GET /fapi/v3/positionRisk" for came in place.arrivals()) / seconds / len(running)
        ended = [name for name, process in running.items() if process.poll() is not None]
        assert not ended, f"{ended} ended early"
    return Outcome("Idle daemon", [], [
        Goal("resident memory against a plain ccxt poller (MB)", 0.75, resident["daemon"], resident["ccxt"]),
        Goal("... its goal", 0.5, resident["daemon"], resident["ccxt"]),
        Goal("processor against a bare poller (% of a core)", 3.0, spent["daemon"] * 100, spent["aiohttp"] * 100),
    ], [
        f"rounds of reads a second, on average: {rounds:.2f}",
        "resident (MB): " + ", ".join(f"{name} {size:.1f}" for name, size in resident.items()),
        "processor (% of a core): " + ", ".join(f"{name} {share * 100:.2f}" for name, share in spent.items()),
    ])
