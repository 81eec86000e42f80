"""Where the account stands and what the last day cost, for the daily summary."""

from __future__ import annotations

from pathlib import Path

from bot.core.ledger import minus, total
from bot.core.orders import Fill, FundingPayment
from bot.core.times import Millis
from bot.journal.reader import read_account_costs, read_status, reading, settle_of
from bot.journal.rows import from_row


def read_day(path: Path, since: Millis) -> dict[str, object]:
    """The fields of `daily.summed`: as of the last decision, with fees and funding from `since` (inclusive) on.

    Raises JournalError.
    """
    status, account = read_status(path), read_account_costs(path)
    with reading(path) as connection:
        settle = settle_of(connection) or ""
        fills = [from_row(Fill, dict(row)) for row in connection.execute("SELECT * FROM fills WHERE at >= ?", (since,))]
        paid = [from_row(FundingPayment, dict(row))
                for row in connection.execute("SELECT * FROM funding WHERE at >= ?", (since,))]
    return {
        "nav": status.nav,
        "drifts": {coin.asset: coin.drift for coin in status.assets},
        "shorts": {coin.asset: coin.short for coin in status.assets},
        "joint_runway": status.margin.joint_runway if status.margin is not None else None,
        "day_fees": total(*(fill.fee_worth(settle) for fill in fills)),
        "day_funding": minus(total(*(one.amount if one.currency == settle else None for one in paid))),
        "net_cost": account.net_cost, "against_holding": account.against_holding,
    }
