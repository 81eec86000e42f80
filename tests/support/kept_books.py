"""Journals made by hand: hedges with chosen executions, written by the journal itself."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from lived_journal import POLICY, opened

from bot.core.episode import Episode, EpisodeState, apply_fill, apply_funding
from bot.core.market import Asset, Side
from bot.core.orders import Fill, FundingPayment, OrderIntent, TimeInForce
from bot.core.policy import Terms
from bot.core.times import DAY, Millis
from bot.journal.codec import encode
from bot.journal.store import SqlJournal

D = Decimal
BTC = "BTC/USDT:USDT"
SPOT = "BTC/USDT"


@dataclass(frozen=True)
class Deal:
    """One order of a hedge with its executions: (instant, quantity, price, fee, realised)."""

    side: Side
    executions: Sequence[tuple[Millis, str, str, str, str]]
    mids: tuple[str, str] | None
    symbol: str = BTC
    reason: str = "above_open"
    fee_currency: str = "USDT"
    fee_value: str | None = None


WORKED: tuple[Deal | FundingPayment, ...] = (
    Deal(Side.SELL, ((0, "0.2", "50010", "2.0004", "0"),), ("50000", "50020")),
    Deal(Side.SELL, ((DAY, "0.03", "56048", "0.336288", "0"), (DAY + 5, "0.02", "56048", "0.224192", "0")),
         ("56000", "56050"), reason="under_hedged"),
    FundingPayment("f1", BTC, D("4.203"), "USDT", 2 * DAY),
    Deal(Side.BUY, ((3 * DAY, "0.1", "51995", "1.0399", "-77.74"),), ("52000", "51990"), reason="over_hedged"),
    FundingPayment("f2", BTC, D("-0.77985"), "USDT", 4 * DAY),
    Deal(Side.BUY, ((5 * DAY, "0.15", "46999", "1.40997", "632.79"),), ("47000", "46995"), reason="resolved"),
)
"""The worked episode of docs/costs.md."""

FINALISED: tuple[Deal | FundingPayment, ...] = (
    *WORKED[:1],
    Deal(Side.SELL, ((DAY, "0.2", "59990", "11.998", "0"),), ("60000", "60010"), symbol=SPOT, reason="finalise_age"),
    Deal(Side.BUY, ((DAY + 9, "0.2", "60010", "-0.5", "-2000"),), ("60000", "60010"), reason="finalise_age"),
    FundingPayment("f1", BTC, D("-0.25"), "USDT", DAY // 2),
)
"""A hedge whose coins were sold, with a rebate at the end."""


def kept(folder: Path, happened: Sequence[Deal | FundingPayment], *, asset: Asset = "BTC", name: str = "btc1") -> Path:
    """A journal of one hedge to which this happened."""
    path = folder / "kept.db"
    asyncio.run(_keep(path, happened, asset, name))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO terms VALUES ('made', 0, ?)", (encode(Terms(POLICY, {})),))
        connection.commit()
    return path


async def _keep(path: Path, happened: Sequence[Deal | FundingPayment], asset: Asset, name: str) -> None:
    journal = await opened(path)
    try:
        episode = Episode(id=name, asset=asset, symbol=BTC, state=EpisodeState.OPENING, started_at=0)
        await journal.record_episode(episode, 0)
        for number, one in enumerate(happened, 1):
            episode = await _happen(journal, episode, number, one)
    finally:
        await journal.close()


async def _happen(journal: SqlJournal, episode: Episode, number: int, one: Deal | FundingPayment) -> Episode:
    if isinstance(one, FundingPayment):
        after = apply_funding(episode, one)
        await journal.record_funding([(one, episode.id)], [after], one.at)
        return after
    identity, at = f"hrmade_{episode.id}_{number}", one.executions[0][0]
    quantity = sum((D(row[1]) for row in one.executions), D(0))
    spot, perp = (D(one.mids[0]), D(one.mids[1])) if one.mids else (None, None)
    await journal.record_intent(OrderIntent(
        identity, number, episode.id, episode.asset, one.symbol, one.side, quantity, D(one.executions[0][2]),
        one.side is Side.BUY, TimeInForce.GTX, D(0), D(0), decided_at=at, created_at=at, reason=one.reason,
        spot_mid=spot, perp_mid=perp))
    fills = [
        Fill(f"t{number}.{index}", f"o{number}", one.symbol, one.side, D(size), D(price), D(fee), one.fee_currency,
             D(realised), maker=True, at=moment, client_order_id=identity,
             fee_value=None if one.fee_value is None else D(one.fee_value))
        for index, (moment, size, price, fee, realised) in enumerate(one.executions)]
    for fill in fills:
        episode = apply_fill(episode, fill, "USDT")
    await journal.record_fills(fills, [episode], at)
    return episode
