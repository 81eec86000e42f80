"""`nautilus_trader` over the same prices, targets and bounds; runs in an environment of its own, prints JSON.

    python nautilus_replay.py PANEL FROM TO drift

One strategy on a cash account that looks at the drift at every row, and sells what a coin is above its target.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import json
import sys
import time
from decimal import Decimal
from typing import Any

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import BTC, ETH, USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.objects import Money, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

TARGETS = {"BTC": 0.5, "ETH": 0.3}
COINS = {"BTC": BTC, "ETH": ETH}
BOUND = 0.05
START = 100_000
INSTRUMENTS = {"BTC": TestInstrumentProvider.btcusdt_binance(), "ETH": TestInstrumentProvider.ethusdt_binance()}
TYPES = {coin: BarType.from_str(f"{one.id}-1-HOUR-LAST-EXTERNAL") for coin, one in INSTRUMENTS.items()}


def bars(panel: str, begin: str, end: str) -> list[Any]:
    """Each coin's hours as bars that opened and closed at the row's price, row by row."""
    found: list[Any] = []
    much = {coin: Quantity(1_000, one.size_precision) for coin, one in INSTRUMENTS.items()}
    with gzip.open(panel, "rt") if panel.endswith(".gz") else open(panel) as file:  # noqa: PTH123 - one of two openers
        for line in csv.DictReader(file):
            if begin <= line["ts_utc"] < end:
                at = int(dt.datetime.fromisoformat(line["ts_utc"].replace("Z", "+00:00")).timestamp()) * 10**9
                for coin, one in INSTRUMENTS.items():
                    price = one.make_price(Decimal(line[f"{coin.lower()}_spot"]))
                    found.append(Bar(TYPES[coin], price, price, price, price, much[coin], at, at))
    return found


class Drift(Strategy):
    """Buys the targets at the first row; then sells what is above a target by the bound."""

    def __init__(self) -> None:
        super().__init__(StrategyConfig())
        self.prices: dict[str, float] = {}
        self.trades = 0

    def on_start(self) -> None:
        for kind in TYPES.values():
            self.subscribe_bars(kind)

    def on_bar(self, bar: Any) -> None:
        coin = bar.bar_type.instrument_id.symbol.value[:3]
        self.prices[coin] = bar.close.as_double()
        if coin != "ETH":  # the last of a row
            return
        account = self.portfolio.account(Venue("BINANCE"))
        held = {each: account.balance_total(currency) for each, currency in COINS.items()}
        values = {each: 0.0 if one is None else one.as_double() * self.prices[each] for each, one in held.items()}
        nav = account.balance_total(USDT).as_double() + sum(values.values())
        for each, target in TARGETS.items():
            excess = values[each] - target * nav
            if not values[each]:
                self.trade(each, OrderSide.BUY, -excess)
            elif excess >= BOUND * nav:
                self.trade(each, OrderSide.SELL, excess)

    def trade(self, coin: str, side: Any, value: float) -> None:
        """Order so much at the market."""
        one = INSTRUMENTS[coin]
        self.trades += 1
        self.submit_order(self.order_factory.market(one.id, side, one.make_qty(value / self.prices[coin])))


def main() -> None:
    panel, begin, end, _ = sys.argv[1:]
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(Venue("BINANCE"), oms_type=OmsType.NETTING, account_type=AccountType.CASH, base_currency=None,
                     starting_balances=[Money(START, USDT)])
    for one in INSTRUMENTS.values():
        engine.add_instrument(one)
    history = bars(panel, begin, end)
    engine.add_data(history)
    strategy = Drift()
    engine.add_strategy(strategy)
    began, worked = time.perf_counter(), time.process_time()
    engine.run()
    print(json.dumps({"rows": len(history) // len(TYPES), "seconds": time.perf_counter() - began,
                      "cpu": time.process_time() - worked, "trades": strategy.trades}))


main()
