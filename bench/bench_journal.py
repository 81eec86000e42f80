"""How long an order waits for the journal: committing an intent, against the same insert through sqlite3 alone."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from decimal import Decimal
from itertools import count
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from bot.core.market import Side
from bot.core.orders import OrderIntent, TimeInForce
from bot.journal import queries
from bot.journal.rows import to_row
from bot.journal.store import SqlJournal

ROUNDS = 300
COIN = Decimal("0.200")
PRICE = Decimal("50000.10")


def intent(number: int) -> OrderIntent:
    return OrderIntent(
        client_order_id=f"hrbench_btc1_{number}", number=number, episode="btc1", asset="BTC", symbol="BTCUSDT",
        side=Side.SELL, quantity=COIN, price=PRICE, reduce_only=False, time_in_force=TimeInForce.GTX,
        position_before=Decimal(0), goal=COIN, decided_at=1, created_at=1, reason="above_open", spot_mid=PRICE,
        perp_mid=PRICE,
    )


def test_intent_committed(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    numbers = count(1)
    with asyncio.Runner() as runner:
        journal = runner.run(SqlJournal.open(
            tmp_path / "journal.db", environment="local", venue="binance", account="1", wall=lambda: 0))
        benchmark.pedantic(lambda: runner.run(journal.record_intent(intent(next(numbers)))), rounds=ROUNDS)
        runner.run(journal.close())


def test_same_insert_through_sqlite3_alone(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    numbers = count(1)
    names = ", ".join(to_row(intent(1)))
    with closing(sqlite3.connect(tmp_path / "bare.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"CREATE TABLE intents ({names}, PRIMARY KEY (client_order_id), UNIQUE (number))")

        def commit() -> None:
            connection.execute(queries.INSERT_INTENT, queries.intent_values(to_row(intent(next(numbers)))))
            connection.commit()

        benchmark.pedantic(commit, rounds=ROUNDS)
