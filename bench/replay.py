"""Replay against programs of others: the engine's loop per row, the whole process, and how both grow.

Peers run in environments of their own (`make peers`); one that is not installed is left out, and that is said. All take
the same prices, targets and bounds; only ours has funding, a perpetual's account, decisions with reasons and a ledger.
Each side runs in turns, in processes of its own, and its least counts: what else runs on the machine only adds. Loops
are measured in processor time, the whole process by the clock.
"""

from __future__ import annotations

import asyncio
import gc
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from figures import Goal, Outcome

from bot.core.policy import AssetPolicy, Policy, Threshold
from bot.core.times import HOUR, Millis, iso, parse_iso
from bot.lab.market import Fill
from bot.lab.panel import Panel
from bot.lab.replay import replay
from bot.lab.stage import Wishes, bare
from bot.testnet.market.scenarios import scenario_rows

ROOT = Path(__file__).parents[1]
PEERS = ROOT / ".peers"
START, END = "2020-01-01", "2024-12-31"
LEVELS = ("--open", "0.05", "--close", "0.01", "--resize", "0.01")
RIVALS = {
    # name: environment, its script's last word, and how many times as fast ours is to be: floor and goal
    "bt, a drift algo placed first": ("bt", "drift", 0.6, 1.5),
    "bt, RunIfOutOfBounds": ("bt", "bounds", 25, 50),
    "basana": ("basana", "drift", 0.8, 2),
    "nautilus_trader": ("nautilus", "drift", 1, 2.5),
}
PAID = "-0.0016"
"""Funding that takes what hedging waves brings: an account that grew would be hedged less and less."""
SLOW = "bt, RunIfOutOfBounds"
"""Takes half a minute: once is enough."""


class Printed(NamedTuple):
    """A process that has ended: the rows that it says it took, its loop's µs a row, wall seconds, greatest size in MB.
    """

    rows: int
    loop: float
    wall: float
    size: float


def recorded() -> Path | None:
    """The recorded hours of five years, where they are."""
    folder = Path(os.environ.get("HEDGEROW_SHARED") or ROOT.parent / "shared")
    path = folder / "data" / "panel_1h_asof.csv.gz"
    return path if path.is_file() else None


def made_up(folder: Path, hours: int, coins: int = 2) -> Path:
    """A scenario as a panel file; more than two coins are copies of its two."""
    story = scenario_rows("bull", days=-(-hours // 24), seed=1, start=parse_iso(START))
    tracks = [track for _, track in zip(range(coins), list(story.tracks.values()) * coins, strict=False)]
    names = ["btc", "eth"] if coins == 2 else [f"c{number}" for number in range(coins)]
    kinds = ("spot", "perp", "mark", "funding")
    path = folder / f"made-up-{hours}-{coins}.csv"
    with path.open("w") as file:
        file.write(",".join(("ts_utc", *(f"{name}_{kind}" for name in names for kind in kinds), "spot_stale")) + "\n")
        for k in range(hours):
            at = story.start + k * HOUR
            cells = [iso(at)]
            for track in tracks:
                rate = track.funding.get(at)
                cells += [f"{price:.2f}" for price in (track.spot[k], track.perp[k], track.mark[k])]
                cells.append("" if rate is None else f"{rate:f}")
            file.write(",".join((*cells, "0")) + "\n")
    return path


def waves(folder: Path, hours: int) -> Path:
    """Prices that rise and fall alike for ever: as many trades come in every thousand hours."""
    path = folder / f"waves-{hours}.csv"
    with path.open("w") as file:
        file.write("ts_utc,btc_spot,btc_perp,btc_mark,btc_funding,eth_spot,eth_perp,eth_mark,eth_funding,spot_stale\n")
        for k in range(hours):
            cells = [iso(START_AT + k * HOUR)]
            for level, length in ((20_000, 1_000), (1_000, 625)):
                price = f"{level * (1 + 0.4 * math.sin(2 * math.pi * k / length)):.2f}"
                cells += [price, price, price, PAID if k % 8 == 0 else ""]
            file.write(",".join((*cells, "0")) + "\n")
    return path


def wishes(coins: int = 2) -> Wishes:
    level = {"open": Threshold(Decimal("0.05")), "close": Threshold(Decimal("0.01")),
             "resize": Threshold(Decimal("0.01"))}
    if coins == 2:
        found = bare(None)
    else:
        level = {name: Threshold(one.value / coins * 2) for name, one in level.items()}
        found = bare(Policy(tuple(AssetPolicy(f"C{number}", Decimal("0.8") / coins) for number in range(coins)),
                            cash_target=Decimal("0.2")))
    found = replace(found, assets=tuple(
        replace(one, open=level["open"], close=level["close"], resize=level["resize"]) for one in found.assets))
    return Wishes(found, fill=Fill.IMMEDIATE, bare=True)


def loop(panel: Path, coins: int = 2, end: Millis | None = None) -> dict[str, float]:
    """Our engine loop alone, as the peers tell of theirs: the rows were read before."""
    wanted = wishes(coins)
    rows = list(Panel(panel).rows(parse_iso(START), end or parse_iso("9999-01-01"),
                                  [one.asset for one in wanted.policy.assets]))
    gc.collect()
    gc.freeze()
    began, worked = time.perf_counter(), time.process_time()
    outcome = asyncio.run(replay(wanted, rows))
    return {"rows": outcome.rows, "seconds": time.perf_counter() - began, "cpu": time.process_time() - worked,
            "trades": outcome.trades}


LAUNCH = """
import json, os, sys, tempfile, time
with tempfile.TemporaryFile() as out:
    began = time.perf_counter()
    child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1)])
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - began
    out.seek(0)
    print(json.dumps({"code": os.waitstatus_to_exitcode(status), "wall": wall, "size": usage.ru_maxrss / 1024,
                      "said": out.read().decode()}))
"""
"""A small process that starts a program: the greatest size of a program counts that of who started it, too."""


def process(*words: str, kept: Path | None = None) -> Printed:
    """Run a program to its end. `kept`: a folder for what Python compiles, where the program is not installed."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ["PYTHONPATH"] = str(ROOT)
    if kept is not None:
        environ["PYTHONPYCACHEPREFIX"] = str(kept)
    done = subprocess.run([sys.executable, "-S", "-c", LAUNCH, *words], env=environ, stdout=subprocess.PIPE, check=True)
    told = json.loads(done.stdout)
    assert told["code"] == 0, words
    said = json.loads(told["said"])
    return Printed(said["rows"], said.get("cpu", said["seconds"]) / said["rows"] * 1e6, told["wall"], told["size"])


def rival(environment: str, kind: str, panel: Path) -> tuple[str, ...] | None:
    """How a peer is run; None where it is not installed."""
    python = PEERS / environment / "bin" / "python"
    script = ROOT / "bench" / "peers" / f"{environment}_replay.py"
    return (str(python), str(script), str(panel), START, END, kind) if python.is_file() else None


def bench(rounds: int) -> Outcome:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        panel = recorded() or made_up(folder, 43_824)
        notes = [f"rows of {panel.name}, {START} to {END}"]
        commands = {name: rival(environment, kind, panel) for name, (environment, kind, _, _) in RIVALS.items()}
        notes += [f"{name}: not installed (make peers), left out" for name, words in commands.items() if words is None]
        ours, whole, theirs = _in_turns(
            panel, folder, rounds, {name: words for name, words in commands.items() if words is not None})
        mine = min(ours)
        notes.append(f"engine loop, ours: {mine:.1f} µs a row ({', '.join(f'{one:.1f}' for one in ours)})")
        goals: list[Goal] = []
        for name, printed in theirs.items():
            other, (_, _, floor, goal) = min(one.loop for one in printed), RIVALS[name]
            goals += [Goal(f"replay, a row, against {name}: {what} {fast:g}x", 1 / fast, mine, other, "µs")
                      for what, fast in (("floor", floor), ("goal", goal))]
            notes.append(f"{name}: {other:.1f} µs a row ({', '.join(f'{one.loop:.1f}' for one in printed)}); ours is "
                         f"{other / mine:.2f} times as fast")
        if bt := theirs.get("bt, a drift algo placed first"):
            wall, size = (tuple(min(getattr(one, part) for one in runs) for runs in (whole, bt))
                          for part in ("wall", "size"))
            goals += [Goal("replay, whole process, wall, against bt", 1, *wall),
                      Goal("the same, goal", 0.4, *wall), Goal("replay, whole process, memory, against bt", 0.5, *size)]
        goals += growth(folder, rounds)
    return Outcome("Replay", (), goals, notes)


def _in_turns(
    panel: Path, folder: Path, rounds: int, commands: Mapping[str, tuple[str, ...]],
) -> tuple[list[float], list[Printed], dict[str, list[Printed]]]:
    """Our loops, our whole processes, and the others', one of each after the other."""
    command = (sys.executable, "-m", "bot", "replay", str(panel), "--from", START, "--to", END, "--fill", "immediate",
               "--nav", "100000", *LEVELS, "--bare", "--json")
    process(*command, kept=folder)  # what is installed is compiled
    ours: list[float] = []
    whole: list[Printed] = []
    theirs: dict[str, list[Printed]] = {name: [] for name in commands}
    for k in range(rounds):
        ours.append(_loop_of(panel, folder, END))
        whole.append(process(*command, kept=folder))
        for name, words in commands.items():
            if k == 0 or name != SLOW:
                theirs[name].append(process(*words))
    return ours, whole, theirs


def growth(folder: Path, rounds: int) -> list[Goal]:
    long, wide, narrow = waves(folder, 100_000), made_up(folder, 2_000, 50), made_up(folder, 2_000)
    shapes = {"ten": (long, iso(START_AT + 10_000 * HOUR), 2), "hundred": (long, "9999-01-01", 2),
              "two": (narrow, "9999-01-01", 2), "fifty": (wide, "9999-01-01", 50)}
    took: dict[str, list[float]] = {name: [] for name in shapes}
    for _ in range(rounds):
        for name, (panel, end, coins) in shapes.items():
            took[name].append(_loop_of(panel, folder, end, coins))
    least = {name: min(times) for name, times in took.items()}
    return [Goal("replay, µs a row, 100,000 rows against 10,000", 1.15, least["hundred"], least["ten"]),
            Goal("replay, µs a row, 50 coins against 2", 25, least["fifty"], least["two"])]


def _loop_of(panel: Path, folder: Path, end: str, coins: int = 2) -> float:
    """Our µs a row, in a process of its own as the peers have."""
    return process(sys.executable, str(Path(__file__)), str(panel), str(coins), end, kept=folder).loop


START_AT = parse_iso(START)

if __name__ == "__main__":
    print(json.dumps(loop(Path(sys.argv[1]), int(sys.argv[2]), parse_iso(sys.argv[3]))))
