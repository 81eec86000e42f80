"""What the margin ladder needs of Binance, against the local testnet over real HTTP: a top-up, and forced closes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from test_gateway_on_testnet import BTC, Stage, stage

from bot.core.times import HOUR, MINUTE
from bot.errors import Refused, Uncertain
from bot.ports import ForcedCloses, TopUps
from bot.venues.binance import BinanceVenue

__all__ = ["stage"]


def binance(stage: Stage) -> BinanceVenue:
    assert isinstance(stage.venue, TopUps)
    assert isinstance(stage.venue, ForcedCloses)
    assert isinstance(stage.venue, BinanceVenue)
    return stage.venue


async def test_coin_goes_from_the_spot_wallet_to_the_margin_account(stage: Stage) -> None:
    before = await stage.venue.snapshot()
    venue = binance(stage)
    assert await venue.transfer_to_margin("USDT", Decimal("1250.5"))
    after = await stage.venue.snapshot()
    assert after.futures.equity - before.futures.equity == Decimal("1250.5")
    assert before.holdings["USDT"].free - after.holdings["USDT"].free == Decimal("1250.5")
    with pytest.raises(Refused, match="insufficient"):
        await venue.transfer_to_margin("USDT", Decimal(10_000_000))


async def test_a_transfer_whose_reply_is_lost_is_uncertain_and_the_balances_tell(
    stage: Stage,
) -> None:
    before = await stage.venue.snapshot()
    await stage.fault("POST /sapi/v1/asset/transfer", "truncate")
    venue = binance(stage)
    with pytest.raises(Uncertain):
        await venue.transfer_to_margin("USDT", Decimal(500))
    after = await stage.venue.snapshot()
    assert after.futures.equity - before.futures.equity == 500


async def test_a_liquidation_is_told_from_orders_of_ours(stage: Stage) -> None:
    intent = await stage.crossing("hrtest_btc1_1")
    await stage.venue.place(intent)
    since = stage.clock.now() - HOUR
    venue = binance(stage)
    assert await venue.forced_closes(BTC, since) == {}
    await stage.price("BTC", "4")
    await stage.clock.sleep_until(stage.clock.now() + 2 * MINUTE)
    fills = await stage.venue.fills(BTC, since)
    assert len(fills) == 2
    assert await venue.forced_closes(BTC, since) == {fills[-1].order_id: "liquidation"}
