"""A sweep on all cores against so many single runs, divided by the cores: what spawning, reading and waiting add.

Over the five recorded years where they are, else over as many made-up hours. The single runs are points of the same
grid, one after another in this process, with the rows read before; the sweep's time has everything in it.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from figures import Goal, Outcome
from replay import END, START, made_up, recorded, wishes

from bot.core.times import parse_iso
from bot.lab import sweep
from bot.lab.grid import axis, points_of
from bot.lab.sweep import Job

OPENS = tuple(f"{level / 2:g}pp" for level in range(5, 25))
CLOSES = tuple(f"{level / 5:g}pp" for level in range(10))


def jobs_of(panel: Path, count: int) -> list[Job]:
    """So many points, spread over the grid of 200."""
    wanted, digest = wishes(), sweep.digest_of(panel)
    points = points_of([axis("open", OPENS), axis("close", CLOSES)], wanted.policy).points
    chosen = points[::max(1, len(points) // count)][:count]
    return [Job(panel.resolve(), digest, replace(wanted, policy=each.policy), parse_iso(START), parse_iso(END))
            for each in chosen]


def bench(rounds: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        panel = recorded() or made_up(Path(folder), 43_824)
        jobs = jobs_of(panel, rounds)
        singles = []
        sweep.run_job(jobs[0])  # reads the rows
        for job in jobs[::max(1, len(jobs) // 10)]:
            began = time.perf_counter()
            sweep.run_job(job)
            singles.append(time.perf_counter() - began)
        one, cores = statistics.fmean(singles), sweep.cores()
        began = time.perf_counter()
        found = sweep.sweep(jobs, sweep.on_cores(cores))
        wall = time.perf_counter() - began
    assert all(each.rows for each in found)
    note = f"{len(jobs)} points over {found[0].rows:,} rows: {wall:.1f} s on {cores} cores; one run {one:.2f} s"
    goal = Goal(f"sweep of {len(jobs)} points, against runs / cores", 1.3, wall, len(jobs) * one / cores, "s")
    return Outcome("Sweep", goals=[goal], notes=[note])
