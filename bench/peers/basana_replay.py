"""`basana` over the same prices, targets and bounds; runs in an environment of its own and prints one JSON object.

    python basana_replay.py PANEL FROM TO drift

One strategy that looks at the drift at every row, with Decimals, and sells what a coin is above its target.
"""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import gzip
import json
import sys
import time
from decimal import ROUND_DOWN, Decimal
from typing import Any

import basana as bs
from basana.backtesting import exchange, liquidity

TARGETS = {"BTC": Decimal("0.5"), "ETH": Decimal("0.3")}
BOUND = Decimal("0.05")
START = Decimal(100_000)
STEP = Decimal("0.00001")
HOUR = dt.timedelta(hours=1)


def bars(panel: str, begin: str, end: str) -> dict[str, list[Any]]:
    """Each coin's hours as bars that opened and closed at the row's price."""
    found: dict[str, list[Any]] = {coin: [] for coin in TARGETS}
    with gzip.open(panel, "rt") if panel.endswith(".gz") else open(panel) as file:  # noqa: PTH123 - one of two openers
        for line in csv.DictReader(file):
            if begin <= line["ts_utc"] < end:
                at = dt.datetime.fromisoformat(line["ts_utc"].replace("Z", "+00:00"))
                for coin in TARGETS:
                    price = Decimal(line[f"{coin.lower()}_spot"])
                    bar = bs.Bar(at - HOUR, bs.Pair(coin, "USDT"), price, price, price, price, Decimal(1), HOUR)
                    found[coin].append(bs.BarEvent(at, bar))
    return found


class Drift:
    """Buys the targets at the first row; then sells what is above a target by the bound. The exchange knows what the
    account has.
    """

    def __init__(self, market: Any) -> None:
        self.market = market
        self.prices: dict[str, Decimal] = {}
        self.seen = self.trades = 0

    async def on_bar(self, event: Any) -> None:
        coin = event.bar.pair.base_symbol
        self.prices[coin] = event.bar.close
        self.seen += 1
        if self.seen % len(TARGETS):  # which coin's bar of a row comes last is not said
            return
        values = {each: (await self.market.get_balance(each)).total * price for each, price in self.prices.items()}
        nav = (await self.market.get_balance("USDT")).total + sum(values.values())
        for each, target in TARGETS.items():
            excess = values[each] - target * nav
            if not values[each]:
                await self._trade(each, bs.OrderOperation.BUY, -excess)
            elif excess >= BOUND * nav:
                await self._trade(each, bs.OrderOperation.SELL, excess)

    async def _trade(self, coin: str, operation: Any, value: Decimal) -> None:
        self.trades += 1
        amount = (value / self.prices[coin]).quantize(STEP, ROUND_DOWN)
        await self.market.create_market_order(operation, bs.Pair(coin, "USDT"), amount)


async def main() -> None:
    panel, begin, end, _ = sys.argv[1:]
    history = bars(panel, begin, end)
    dispatcher = bs.backtesting_dispatcher()
    market = exchange.Exchange(
        dispatcher, {"USDT": START}, liquidity_strategy_factory=liquidity.InfiniteLiquidity,
        default_pair_info=bs.PairInfo(5, 2))
    strategy = Drift(market)
    for coin, events in history.items():
        market.add_bar_source(bs.FifoQueueEventSource(events=events))
        market.subscribe_to_bar_events(bs.Pair(coin, "USDT"), strategy.on_bar)
    began, worked = time.perf_counter(), time.process_time()
    await dispatcher.run()
    print(json.dumps({"rows": len(history["ETH"]), "seconds": time.perf_counter() - began,
                      "cpu": time.process_time() - worked, "trades": strategy.trades}))


asyncio.run(main())
