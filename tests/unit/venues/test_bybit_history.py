"""Executions, funding, settlements and past orders of Bybit: whole, once, in order, with the right sign."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from fake_binance import NOW
from fake_bybit import (
    EXECUTIONS,
    FUNDING,
    LINK,
    LIVE,
    LOG,
    PAST,
    FakeBybit,
    execution,
    listing,
    logged,
    order,
)
from venue_values import BTC, ManualClock

from bot.core.income import IncomeKind
from bot.core.orders import FundingPayment, OrderState
from bot.core.times import DAY, HOUR, MINUTE
from bot.environment import Environment
from bot.errors import Unavailable
from bot.ports import ForcedCloses, Income, Settlement
from bot.venues.bybit import BybitVenue
from bot.venues.bybit_open import open_bybit

D = Decimal


@pytest.fixture
async def fake() -> AsyncIterator[FakeBybit]:
    fake = FakeBybit()
    yield fake
    await fake.stop()


@pytest.fixture
async def venue(fake: FakeBybit) -> AsyncIterator[BybitVenue]:
    venue = open_bybit(
        Environment.LOCAL, clock=ManualClock(), key="k", secret="s", assets=("BTC", "ETH"), settle="USDT",
        cash=("USDT",), local_url=await fake.start(), read_only=True, timeout=0.5,
    )
    yield venue
    await venue.close()


@pytest.mark.fault(47)
async def test_executions_come_page_after_page_each_once_and_in_order(venue: BybitVenue, fake: FakeBybit) -> None:
    def answer(params: dict[str, str]) -> object:
        if "cursor" in params:
            return listing(execution("a", execTime=str(NOW - 5)), cursor="")
        return listing(execution("c", seq=3), execution("b", seq=2), cursor="1%3A2")

    fake.replies[EXECUTIONS] = answer
    found = await venue.fills(BTC, NOW - MINUTE)
    assert [fill.trade_id for fill in found] == ["a", "b", "c"]
    assert fake.calls(EXECUTIONS)[1]["cursor"] == "1%3A2"
    assert (found[0].client_order_id, found[0].fee, found[0].maker, found[0].realised) == (LINK, D(2), True, D(0))
    assert fake.calls(LOG) == []


async def test_a_month_of_executions_is_asked_for_in_weeks(venue: BybitVenue, fake: FakeBybit) -> None:
    await venue.fills(BTC, NOW - 30 * DAY)
    asked = [(int(call["startTime"]), int(call["endTime"])) for call in fake.calls(EXECUTIONS)]
    assert asked[0][0] == NOW - 30 * DAY
    assert asked[-1][1] >= NOW
    assert all(end - start < 7 * DAY for start, end in asked)
    assert all(after[0] == before[1] + 1 for before, after in itertools.pairwise(asked))


async def test_what_a_close_realised_is_the_logs_cash_flow(venue: BybitVenue, fake: FakeBybit) -> None:
    fake.replies[EXECUTIONS] = listing(
        execution("open"), execution("close", side="Buy", closedSize="0.1", seq=2),
        execution("later", side="Buy", closedSize="0.1", seq=3))
    fake.replies[LOG] = listing(logged("TRADE", tradeId="close", cashFlow="55.5"))
    found = await venue.fills(BTC, NOW - MINUTE)
    assert [(fill.trade_id, fill.realised) for fill in found] == [("open", D(0)), ("close", D("55.5"))]
    assert fake.calls(LOG)[0]["type"] == "TRADE"


@pytest.mark.fault(46)
async def test_funding_is_no_trade_and_what_the_venue_forced_is_nobodys(venue: BybitVenue, fake: FakeBybit) -> None:
    fake.replies[EXECUTIONS] = listing(
        execution("f", execType="Funding", execFee="-1"),
        execution("adl", execType="AdlTrade", side="Buy", seq=2, execPnl="3"),
        execution("bust", execType="BustTrade", side="Buy", seq=3, execPnl="-4", feeCurrency=""))
    found = await venue.fills(BTC, NOW - MINUTE)
    assert [(fill.trade_id, fill.client_order_id, fill.realised) for fill in found] == [
        ("adl", None, D(3)), ("bust", None, D(-4))]
    assert found[1].fee_currency == "USDT"
    assert isinstance(venue, ForcedCloses)


async def test_why_the_venue_closed_a_position_is_told_by_its_order(venue: BybitVenue, fake: FakeBybit) -> None:
    fake.replies[EXECUTIONS] = listing(
        execution("mine"), execution("adl", execType="AdlTrade", orderId="o-2"),
        execution("bust", execType="BustTrade", orderId="o-3"))
    assert await venue.forced_closes(BTC, NOW - MINUTE) == {"o-2": "adl", "o-3": "liquidation"}


@pytest.mark.fault(50)
async def test_funding_received_is_positive(venue: BybitVenue, fake: FakeBybit) -> None:
    fake.replies[LOG] = listing(
        logged("SETTLEMENT", id="2", funding="-0.5", change="-0.5", transactionTime=str(NOW)),
        logged("SETTLEMENT", id="1", funding="1.25", change="1.25", transactionTime=str(NOW - 8 * HOUR)))
    assert await venue.funding(NOW - DAY) == (
        FundingPayment("1", BTC, D("1.25"), "USDT", NOW - 8 * HOUR), FundingPayment("2", BTC, D("-0.5"), "USDT", NOW))
    assert (fake.calls(LOG)[0]["type"], fake.calls(LOG)[0]["accountType"]) == ("SETTLEMENT", "UNIFIED")


async def test_income_tells_every_movement_of_the_wallet_under_our_words(venue: BybitVenue, fake: FakeBybit) -> None:
    fake.replies[LOG] = listing(
        logged("SETTLEMENT", id="6", funding="-0.5", change="-0.5", tradeId="x", transactionTime=str(NOW)),
        logged("TRADE", id="5", category="spot", cashFlow="5000", fee="5", tradeId="s", transactionTime=str(NOW - 1)),
        logged("TRADE", id="4", category="spot", currency="BTC", cashFlow="-0.1", fee="0", tradeId="s",
               transactionTime=str(NOW - 2)),
        logged("TRADE", id="3", cashFlow="20.5", fee="-0.02", tradeId="t", transactionTime=str(NOW - 3)),
        logged("TRADE", id="2", cashFlow="0", fee="0.03", tradeId="u", transactionTime=str(NOW - 4)),
        logged("TRANSFER_IN", id="1", symbol="", tradeId="", cashFlow="100", change="100",
               transactionTime=str(NOW - 5)))
    assert isinstance(venue, Income)
    assert venue.income_of_spot
    rows = await venue.income(NOW - DAY)
    assert [(row.kind, row.reference, row.symbol, row.amount, row.currency) for row in rows] == [
        (IncomeKind.TRANSFER, "1", None, D(100), "USDT"),
        (IncomeKind.FEE, "u", BTC, D("-0.03"), "USDT"),
        (IncomeKind.REALISED, "t", BTC, D("20.5"), "USDT"),
        (IncomeKind.FEE, "t", BTC, D("0.02"), "USDT"),
        (IncomeKind.TRADE, "s", "BTC/USDT", D("-0.1"), "BTC"),
        (IncomeKind.TRADE, "s", "BTC/USDT", D(5_000), "USDT"),
        (IncomeKind.FEE, "s", "BTC/USDT", D(-5), "USDT"),
        (IncomeKind.FUNDING, "6", BTC, D("-0.5"), "USDT"),
    ]


async def test_published_settlements_are_read_back_to_their_first(venue: BybitVenue, fake: FakeBybit) -> None:
    every = [NOW - number * 8 * HOUR for number in range(300)]

    def answer(params: dict[str, str]) -> object:
        within = [at for at in every if int(params["startTime"]) <= at <= int(params["endTime"])]
        return listing(*(
            {"symbol": params["symbol"], "fundingRate": "0.0001", "fundingRateTimestamp": str(at)}
            for at in within[: int(params["limit"])]
        ))

    fake.replies[FUNDING] = answer
    found = await venue.settlements(["BTC"], every[-1])
    assert [settled.at for settled in found] == sorted(every)
    assert found[0] == Settlement("BTC", D("0.0001"), None, every[-1])


async def test_past_orders_are_ours_live_ones_first_asked_and_split_ones_whole(
    venue: BybitVenue, fake: FakeBybit,
) -> None:
    fake.replies[LIVE] = listing(order(orderLinkId="hrtest_btc1_2", orderId="o-2", createdTime=str(NOW + 1)))
    fake.replies[PAST] = listing(
        order(orderStatus="Filled", qty="0.1", cumExecQty="0.1", avgPrice="50000"),
        order(orderId="o-1b", orderStatus="Cancelled", qty="0.1"),
        order(orderId="x", orderLinkId="somebody's", orderStatus="Strange"))
    found = await venue.orders(BTC, NOW - DAY)
    assert [(past.report.client_order_id, past.quantity, past.report.state) for past in found] == [
        (LINK, D("0.2"), OrderState.CANCELLED), ("hrtest_btc1_2", D("0.2"), OrderState.OPEN)]
    assert found[0].report.filled == D("0.1")


async def test_an_order_of_ours_that_does_not_read_like_one_is_no_answer(venue: BybitVenue, fake: FakeBybit) -> None:
    fake.replies[PAST] = listing(order(timeInForce="FOK"))
    with pytest.raises(Unavailable, match="timeInForce"):
        await venue.orders(BTC, NOW - DAY)
