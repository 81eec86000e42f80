"""Every ratio that the project promises, both sides in one run.

    python bench/run.py                  all of it, some minutes
    python bench/run.py drift commit     only these
    python bench/run.py --quick          few rounds: does it work?
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform

from figures import Goal, table

ROUNDS = {"idle": 300, "drift": 500, "commit": 1_000, "waits": 1, "resident": 20, "start": 20, "serving": 12,
          "drift_stream": 300, "replay": 5, "report": 7, "sweep": 200, "years": 49}
QUICK = {"idle": 20, "drift": 20, "commit": 50, "waits": 1, "resident": 5, "start": 2, "serving": 2, "drift_stream": 20,
         "replay": 1, "report": 1, "sweep": 4, "years": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description="Every ratio that the project promises, both sides in one run.")
    parser.add_argument("benches", nargs="*", metavar="BENCH", help=", ".join(ROUNDS))
    parser.add_argument("--quick", action="store_true", help="few rounds: does it work?")
    asked = parser.parse_args()
    if unknown := set(asked.benches) - ROUNDS.keys():
        parser.error(f"no bench {', '.join(sorted(unknown))}; there are: {', '.join(ROUNDS)}")
    goals: list[Goal] = []
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name in asked.benches or ROUNDS:
        outcome = importlib.import_module(name).bench((QUICK if asked.quick else ROUNDS)[name])
        print("\n".join(outcome.lines()), flush=True)
        goals += outcome.goals
    print("\n".join(table(goals)))
    short = sum(goal.verdict != "met" for goal in goals)
    print(f"\n{len(goals) - short} of {len(goals)} met" + (f", {short} short" if short else ""))


if __name__ == "__main__":
    main()
