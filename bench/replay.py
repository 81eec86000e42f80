"""Replay against programs of others: the engine's loop per row, the whole process, and how both grow.

Peers run in environments of their own (`make peers`); one that is not installed, or for which there is no script in
bench/peers, is left out, and that is said. All take
the same prices, targets and bounds; only ours has funding, a perpetual's account, decisions with reasons and a ledger.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

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
    # name: environment, its script's last word, and how much of its time ours may take: floor and goal
    "bt, a drift algo placed first": ("bt", "drift", 1 / 0.6, 1 / 1.5),
    "bt, RunIfOutOfBounds": ("bt", "bounds", 1 / 25, 1 / 50),
    "basana": ("basana", "drift", 1 / 0.8, 1 / 2),
    "nautilus_trader": ("nautilus", "drift", 1.0, 1 / 2.5),
}


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


def loop(panel: Path, coins: int = 2, end: Millis | None = None) -> float:
    """Our µs per row, engine loop alone: the rows were read before."""
    wanted = wishes(coins)
    rows = list(Panel(panel).rows(0, end or parse_iso("9999-01-01"), [one.asset for one in wanted.policy.assets]))
    gc.collect()
    gc.freeze()
    outcome = asyncio.run(replay(wanted, rows))
    gc.unfreeze()
    return outcome.seconds / outcome.rows * 1e6


def process(*words: str) -> tuple[dict[str, float], float, float]:
    """What a process printed, its wall seconds and its greatest size in MB."""
    with tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        child = os.posix_spawn(words[0], words, {**os.environ, "PYTHONPATH": str(ROOT)},
                               file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1)])
        _, status, usage = os.wait4(child, 0)
        seconds = time.perf_counter() - began
        assert os.waitstatus_to_exitcode(status) == 0, words
        out.seek(0)
        return json.loads(out.read()), seconds, usage.ru_maxrss / 1024


def rival(environment: str, kind: str, panel: Path) -> tuple[str, ...] | None:
    """How a peer is run; None where it is not installed."""
    python = PEERS / environment / "bin" / "python"
    script = ROOT / "bench" / "peers" / f"{environment}_replay.py"
    return (str(python), str(script), str(panel), START, END, kind) if python.is_file() and script.is_file() else None


def bench(rounds: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        panel = recorded() or made_up(Path(folder), 43_824)
        notes = [f"rows of {panel.name}, {START} to {END}"]
        goals: list[Goal] = []
        ours = statistics.median(loop(panel, end=parse_iso(END)) for _ in range(rounds))
        notes.append(f"engine loop, ours: {ours:.1f} µs a row")
        command = (sys.executable, "-m", "bot", "replay", str(panel), "--from", START, "--to", END, "--fill",
                   "immediate", "--nav", "100000", *LEVELS, "--bare", "--json")
        for name, (environment, kind, floor, goal) in RIVALS.items():
            words = rival(environment, kind, panel)
            if words is None:
                notes.append(f"{name}: not installed (make peers), left out")
                continue
            printed = [process(*words) for _ in range(rounds)]
            theirs = statistics.median(said["seconds"] / said["rows"] for said, _, _ in printed) * 1e6
            goals.append(Goal(f"replay, µs a row, against {name}", floor, ours, theirs, "µs"))
            notes.append(f"{name}: {theirs:.1f} µs a row; ours is {theirs / ours:.2f} times as fast "
                         f"(goal {1 / goal:g}, floor {1 / floor:.2g})")
            if kind == "drift" and environment == "bt":
                whole = [process(*command) for _ in range(rounds)]
                for what, most, place in (("wall", 1.0, 1), ("memory", 0.5, 2)):
                    mine, other = (statistics.median(one[place] for one in runs) for runs in (whole, printed))
                    goals.append(Goal(f"replay, whole process, {what}, against bt", most, mine, other))
        goals += growth(Path(folder), rounds)
    return Outcome("Replay", (), goals, notes)


def growth(folder: Path, rounds: int) -> list[Goal]:
    long, wide = made_up(folder, 100_000), made_up(folder, 2_000, 50)
    ten = START_AT + 10_000 * HOUR
    thousand, hundred = (statistics.median(loop(long, end=end) for _ in range(rounds)) for end in (ten, None))
    two = statistics.median(loop(long, end=START_AT + 2_000 * HOUR) for _ in range(rounds))
    fifty = statistics.median(loop(wide, 50) for _ in range(rounds))
    return [Goal("replay, µs a row, 100,000 rows against 10,000", 1.15, hundred, thousand),
            Goal("replay, µs a row, 50 coins against 2", 25, fifty, two)]


START_AT = parse_iso(START)
