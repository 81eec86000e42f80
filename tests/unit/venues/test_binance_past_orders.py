"""Orders of ours that Binance still remembers, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from fake_binance import NOW, FakeBinance, error, order
from venue_values import BTC, ManualClock

from bot.core.market import Side
from bot.core.orders import OrderReport, OrderState, PastOrder, TimeInForce, client_order_id, place_of
from bot.core.times import DAY
from bot.environment import Environment
from bot.errors import Unavailable
from bot.ports import PastOrders
from bot.venues.binance_open import make_binance
from bot.venues.gateway import CcxtVenue

ALL_ORDERS = "GET /fapi/v1/allOrders"


@pytest.fixture
async def fake() -> AsyncIterator[FakeBinance]:
    fake = FakeBinance()
    yield fake
    await fake.stop()


@pytest.fixture
async def venue(fake: FakeBinance) -> AsyncIterator[CcxtVenue]:
    venue = make_binance(Environment.LOCAL, clock=ManualClock(), key="k", secret="s", assets=("BTC", "ETH"),
                         local_url=await fake.start(), timeout=0.5, read_only=True)
    yield venue
    await venue.close()


async def asked(venue: CcxtVenue, since: int) -> tuple[PastOrder, ...]:
    assert isinstance(venue, PastOrders)
    return await venue.orders(BTC, since)


async def test_orders_come_whole_once_and_in_order_and_only_ours(venue: CcxtVenue, fake: FakeBinance) -> None:
    since = NOW - 20 * DAY
    rows = [order(orderId=number, clientOrderId=f"hrtest_btc1_{number}", time=since + number * 10_000)
            for number in range(1, 1_501)]
    rows += [
        order(orderId=2_000, clientOrderId="web_abc", type="MARKET", price="0", timeInForce="GTD", time=NOW - DAY),
        order(orderId=2_001, clientOrderId="hrtest_btc1_zz", status="CANCELED", executedQty="0.050", reduceOnly=True,
              avgPrice="50001.5", side="BUY", timeInForce="IOC", time=NOW - DAY, updateTime=NOW - 5),
    ]

    def answer(params: dict[str, str]) -> object:
        if "orderId" in params:
            assert "startTime" not in params
            found = [row for row in rows if int(str(row["orderId"])) >= int(params["orderId"])]
        else:
            start, end = int(params["startTime"]), int(params["endTime"])
            if end - start >= 7 * DAY:
                return error(400, -4165)
            found = [row for row in rows if start <= int(str(row["time"])) <= end]
        return found[:int(params["limit"])]

    fake.replies[ALL_ORDERS] = answer
    found = await asked(venue, since)
    assert [one.report.order_id for one in found] == [str(number) for number in (*range(1, 1_501), 2_001)]
    assert found[-1] == PastOrder(
        report=OrderReport(
            "hrtest_btc1_zz", BTC, OrderState.CANCELLED, Decimal("0.050"), order_id="2001", quantity=Decimal("0.2"),
            price=Decimal(50_000), average=Decimal("50001.5"), at=NOW - 5,
        ),
        side=Side.BUY, quantity=Decimal("0.2"), price=Decimal(50_000), reduce_only=True,
        time_in_force=TimeInForce.IOC, created_at=NOW - DAY,
    )


@pytest.mark.parametrize("wrong", [
    {"timeInForce": "GTD"}, {"status": "DREAMING"}, {"origQty": "0"}, {"time": None}, {"orderId": "x"},
    {"reduceOnly": "maybe"}, {"clientOrderId": None},
])
async def test_an_order_of_ours_that_does_not_read_like_one_is_no_answer(
    venue: CcxtVenue, fake: FakeBinance, wrong: dict[str, object],
) -> None:
    fake.replies[ALL_ORDERS] = [order(**wrong)]
    with pytest.raises(Unavailable):
        await asked(venue, NOW - DAY)


def test_a_client_id_tells_its_place_and_a_foreign_one_none() -> None:
    assert place_of(client_order_id("abc123", "btc3", 1234), "abc123") == ("btc3", 1234, "")
    assert place_of(client_order_id("abc123x7q", "btc3", 1234), "abc123") == ("btc3", 1234, "x7q")
    for identifier in ("hrother1_btc3_1", "web_abc", "hrabc123_btc3", "hrabc123__1", "hrabc123_btc3_", "hrabc123_b_-1"):
        assert place_of(identifier, "abc123") is None
