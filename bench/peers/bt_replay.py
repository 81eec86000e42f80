"""`bt` over the same prices, targets and bounds; runs in an environment of its own and prints one JSON object.

    python bt_replay.py PANEL FROM TO drift|bounds

drift: an algo that looks at the drift stands first and ends the stack where it is within the bound, as a user of bt
would write it; bounds: bt's documented RunIfOutOfBounds.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

import bt
import pandas as pd

warnings.filterwarnings("ignore")
TARGETS = {"btc": 0.5, "eth": 0.3}
BOUND = 0.05


class Drift(bt.Algo):
    """Go on where a coin is further above its target than the bound, and once at the start."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = False

    def __call__(self, target: Any) -> bool:
        if self.begun:
            value, held = target.value, target.children
            if all(held[coin].value / value - weight < BOUND for coin, weight in TARGETS.items()):
                return False
        self.begun = True
        target.temp["weights"] = TARGETS
        return True


def main() -> None:
    panel, begin, end, kind = sys.argv[1:]
    prices = pd.read_csv(panel, index_col=0, parse_dates=True)
    prices = prices.loc[(prices.index >= begin) & (prices.index < end), ["btc_spot", "eth_spot"]]
    prices.columns = ["btc", "eth"]
    if kind == "drift":
        algos = [Drift(), bt.algos.Rebalance()]
    else:
        algos = [bt.algos.Or([bt.algos.RunOnce(), bt.algos.RunIfOutOfBounds(BOUND / 0.5)]), bt.algos.SelectAll(),
                 bt.algos.WeighSpecified(**TARGETS), bt.algos.Rebalance()]
    test = bt.Backtest(bt.Strategy(kind, algos), prices, initial_capital=100_000, integer_positions=False,
                       progress_bar=False)
    began, worked = time.perf_counter(), time.process_time()
    test.run()
    print(json.dumps({"rows": len(prices), "seconds": time.perf_counter() - began,
                      "cpu": time.process_time() - worked}))


main()
