"""A report on a journal of 100,000 fills, against reading these fills with plain SQL.

Both in one process and in turns. The report is all of it: every hedge through the ledger, the account, and the text
that `--json` prints. The plain side is `SELECT * FROM fills`, as rows of the driver: nothing is made of them. For
scale, the same rows with their amounts as decimals, which is the least that anybody must do who wants to add them up.
With one fill an order there are as many orders as fills, which the report reads too: their decisions' prices.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from functools import partial
from pathlib import Path

from figures import Goal, Outcome, Timed, quantile

from bot.cli import render
from bot.core.market import Instrument
from bot.core.money import to_ledger
from bot.core.policy import AssetPolicy, Policy, Terms
from bot.core.times import HOUR, MINUTE
from bot.journal.codec import encode
from bot.journal.store import SqlJournal
from bot.lab.report import make

FILLS, ORDERS_OF_A_HEDGE = 100_000, 100
SYMBOL = "BTC/USDT:USDT"
AMOUNTS = ("quantity", "price", "fee", "realised")


def _journal(folder: Path, per_order: int) -> Path:
    """Hedges of a hundred orders each, every order filled in `per_order` parts; all amounts differ."""
    path = folder / f"{per_order}.db"

    async def begin() -> None:
        journal = await SqlJournal.open(path, environment="local", venue="binance", account="1", wall=lambda: 7)
        await journal.close()

    asyncio.run(begin())
    policy = Policy((AssetPolicy("BTC", Decimal("0.5")),), cash_target=Decimal("0.5"))
    instruments: dict[str, Instrument] = {}
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO terms (digest, first_at, content) VALUES ('made', 0, ?)",
                           (encode(Terms(policy, instruments)),))
        orders = FILLS // per_order
        for first in range(0, orders, ORDERS_OF_A_HEDGE):
            _hedge(connection, first, min(ORDERS_OF_A_HEDGE, orders - first), per_order)
        connection.commit()
    return path


def _insert(connection: sqlite3.Connection, table: str, rows: Iterator[dict[str, object]]) -> None:
    for row in rows:
        connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608
                           tuple(row.values()))


def _hedge(connection: sqlite3.Connection, first: int, orders: int, per_order: int) -> None:
    """The first half of the orders sells, the second buys back."""
    name, begun = f"btc{first // ORDERS_OF_A_HEDGE + 1}", first * HOUR
    zero = dict.fromkeys(("short", "peak_short", "entry_quantity", "entry_notional", "exit_quantity", "exit_notional",
                          "average_entry", "realised", "fees", "funding_paid"), "0")
    _insert(connection, "episodes", iter([{
        "id": name, "asset": "BTC", "symbol": SYMBOL, "state": "closed", "started_at": begun, "opened_at": begun,
        "closed_at": (first + orders) * HOUR, "fills": orders * per_order, "resizes": orders, "unpriced_fees": 0,
        "updated_at": begun} | zero]))
    for number in range(first, first + orders):
        sells, at = number - first < orders // 2, number * HOUR
        price = Decimal(40_000) + number % 9_973 + Decimal("0.1") * (number % 7)
        side, identity = "sell" if sells else "buy", f"hrbench_{name}_{number}"
        _insert(connection, "intents", iter([{
            "client_order_id": identity, "number": number + 1, "episode": name, "asset": "BTC", "symbol": SYMBOL,
            "side": side, "quantity": "1", "price": str(price), "reduce_only": int(not sells), "time_in_force": "GTX",
            "position_before": "0", "goal": "0", "decided_at": at, "created_at": at, "reason": "above_open",
            "spot_mid": str(price - 3), "perp_mid": str(price + Decimal("0.05"))}]))
        _insert(connection, "fills", (_fill(number, part, identity, side, price, at, per_order)
                                      for part in range(per_order)))


def _fill(  # noqa: PLR0917 - what tells executions apart
    number: int, part: int, identity: str, side: str, price: Decimal, at: int, parts: int,
) -> dict[str, object]:
    quantity = Decimal("0.001") * (1 + part % 17)
    made = "0" if side == "sell" else str(to_ledger(quantity * (part % 89 - 40)))
    return {"symbol": SYMBOL, "trade_id": str(10**9 + number * parts + part), "order_id": str(10**6 + number),
            "client_order_id": identity, "side": side, "quantity": str(quantity), "price": str(price),
            "fee": str(to_ledger(quantity * price * Decimal("0.0002"))), "fee_currency": "USDT", "realised": made,
            "maker": 1, "at": at + part * MINUTE // 10, "booked_at": at + MINUTE}


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def _plain(path: Path) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM fills ORDER BY seq").fetchall()


def _as_decimals(path: Path) -> list[list[Decimal]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [[Decimal(row[name]) for name in AMOUNTS]
                for row in connection.execute("SELECT * FROM fills ORDER BY seq")]


def _report(path: Path) -> str:
    return render.to_json(make(path))


def bench(rounds: int) -> Outcome:
    measured: list[Timed] = []
    goals: list[Goal] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for parts in (10, 1):
            path = _journal(Path(folder), parts)
            ours, bare, decimals = [], [], []
            for _ in range(rounds):
                bare.append(_timed(partial(_plain, path)))
                ours.append(_timed(partial(_report, path)))
                decimals.append(_timed(partial(_as_decimals, path)))
            name = f"report, {FILLS:,} fills, {parts} an order"
            timed = Timed(name, "ms", ours, bare)
            measured.append(timed)
            notes.append(f"{parts} an order, p50: read as decimals {quantile(decimals, 0.5):.0f} ms, "
                         f"the report is {quantile(ours, 0.5) / quantile(decimals, 0.5):.2f}x of that")
            goals.append(timed.goal(name, 0.5, 2.0))
    return Outcome("Report over a long journal, against plain SQL", measured, goals, notes)


if __name__ == "__main__":
    outcome = bench(7)
    print("\n".join(outcome.lines()))
    for goal in outcome.goals:
        print(f"{goal.name}: {goal.value:.2f}x of at most {goal.most}x: {goal.verdict}")
