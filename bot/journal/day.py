"""Where the account stands and what the last day cost, for the daily summary."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from bot.core.times import Millis
from bot.journal.reader import read_status, reading


def read_day(path: Path, since: Millis) -> dict[str, object]:
    """The fields of `daily.summed`: as of the last decision, with fees and funding from `since` (inclusive) on.

    Raises JournalError.
    """
    status = read_status(path)
    fees: dict[str, Decimal] = {}
    with reading(path) as connection:
        for coin, fee in connection.execute("SELECT fee_currency, fee FROM fills WHERE at >= ?", (since,)):
            fees[coin] = fees.get(coin, Decimal(0)) + Decimal(fee)
        funding = [Decimal(row[0]) for row in connection.execute("SELECT amount FROM funding WHERE at >= ?", (since,))]
    return {
        "nav": status.nav,
        "drifts": {coin.asset: coin.drift for coin in status.assets},
        "shorts": {coin.asset: coin.short for coin in status.assets},
        "joint_runway": status.margin.joint_runway if status.margin is not None else None,
        "day_fees": fees, "day_funding": -sum(funding, Decimal(0)),
    }
