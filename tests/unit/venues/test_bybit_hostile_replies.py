"""What Bybit alone may answer badly, in codes, or against itself: which of the errors comes out.

What any venue may: test_hostile_replies.py. A reply with a field, or all of it, spoilt:
tests/contract/test_gateway_replies.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from fake_binance import FakeBinance, saying
from fake_bybit import (
    CREATE,
    EXECUTIONS,
    KEY,
    LIVE,
    LOG,
    POSITIONS,
    TICKERS,
    WALLET,
    coin,
    execution,
    listing,
    logged,
    order,
    position,
    refusing,
    ticker,
    wallet,
)
from hostile_venues import BYBIT, HTML, INTENT, Stage
from venue_values import ManualClock

from bot.core.times import MINUTE, SECOND
from bot.errors import HedgerowError, RateLimited, Refused, SafetyStop, Unavailable
from bot.venues.gateway import CcxtVenue


@pytest.fixture
async def at() -> AsyncIterator[Stage]:
    async with BYBIT.opened() as stage:
        yield stage


@pytest.fixture
def fake(at: Stage) -> FakeBinance:
    return at.fake


@pytest.fixture
def venue(at: Stage) -> CcxtVenue:
    return at.venue


@pytest.fixture
def clock(at: Stage) -> ManualClock:
    return at.clock


@pytest.mark.parametrize(("code", "expected"), [
    (110007, Refused), (110017, Refused), (110094, Refused), (110012, Refused), (99999, Refused),
    (10003, SafetyStop), (10004, SafetyStop), (10005, SafetyStop), (33004, SafetyStop), (10010, SafetyStop),
    (10006, RateLimited), (10018, RateLimited), (10002, Unavailable),
])
@pytest.mark.parametrize("endpoint", [CREATE, LIVE, WALLET])
async def test_an_error_code_says_what_it_means(
    venue: CcxtVenue, fake: FakeBinance, endpoint: str, code: int, expected: type[Exception],
) -> None:
    fake.spoil[endpoint] = refusing(code)
    with pytest.raises(expected) as raised:
        await {**BYBIT.reads, **BYBIT.changes}[endpoint](venue)
    assert type(raised.value) is expected or expected is Unavailable
    if isinstance(raised.value, Refused):
        assert raised.value.code == str(code)


async def test_too_many_visits_are_over_when_the_venue_says_so(
    venue: CcxtVenue, fake: FakeBinance, clock: ManualClock,
) -> None:
    await venue.account()
    fake.spoil[KEY] = refusing(10006, X_Bapi_Limit_Reset_Timestamp=str(clock.now() + 700))
    with pytest.raises(RateLimited) as raised:
        await venue.account()
    assert raised.value.retry_after == 0.7
    fake.spoil.clear()
    with pytest.raises(RateLimited, match="silence"):
        await venue.account()
    clock.at += 700
    assert await venue.account() == "1448939"


@pytest.mark.parametrize(("said", "expected"), [
    ("403, access too frequent", RateLimited), (HTML, SafetyStop),
    ("The Amazon CloudFront distribution is configured to block access from your country.", SafetyStop),
])
async def test_a_ban_silences_for_ten_minutes(
    venue: CcxtVenue, fake: FakeBinance, clock: ManualClock, said: str, expected: type[HedgerowError],
) -> None:
    await venue.account()
    fake.spoil[CREATE] = saying(said, status=403, content_type="text/plain")
    with pytest.raises(expected):
        await venue.place(INTENT)
    fake.seen.clear()
    clock.at += 10 * MINUTE - SECOND
    with pytest.raises(RateLimited, match="silence"):
        await venue.account()
    assert fake.seen == []
    clock.at += 2 * SECOND
    assert await venue.account() == "1448939"


@pytest.mark.fault(73)
async def test_a_timestamp_that_is_not_accepted_makes_the_clock_be_measured_anew(
    venue: CcxtVenue, fake: FakeBinance,
) -> None:
    await venue.account()
    fake.seen.clear()
    fake.spoil[CREATE] = refusing(10002)
    with pytest.raises(Unavailable):
        await venue.place(INTENT)
    assert [name for name, _ in fake.seen] == [CREATE, "GET /v5/market/time"]


BTC, ETH, USDT = coin("BTC", "1"), coin("ETH", "1"), coin("USDT", "1")


@pytest.mark.fault(42, 44)
@pytest.mark.parametrize(("endpoint", "reply"), [
    (WALLET, listing()), (WALLET, wallet(BTC, BTC)), (WALLET, wallet(BTC, ETH, USDT, accountType="CONTRACT")),
    (WALLET, wallet(coin("BTC", "1", spotBorrow="-1"))),
    (WALLET, wallet(coin("SOL", "0", spotBorrow="1", usdValue=""))),
    (POSITIONS, listing(position(), position())), (TICKERS, listing()), (TICKERS, listing(ticker("BTCUSDT"))),
    (LIVE, listing(order(orderLinkId=None))), (LIVE, listing(order(qty=""))), (LIVE, listing({})),
    (LIVE, listing(order(createdTime=""))), (LIVE, listing(order(side="Both"))),
])
async def test_a_snapshot_of_incomplete_answers_is_unavailable(
    venue: CcxtVenue, fake: FakeBinance, endpoint: str, reply: object,
) -> None:
    fake.replies[endpoint] = reply
    with pytest.raises(Unavailable):
        await venue.snapshot()


@pytest.mark.parametrize("change", [
    {"cumExecQty": "0.3"}, {"symbol": "ETHUSDT"}, {"orderLinkId": ""},
])
async def test_a_look_up_that_shows_no_such_order_is_unavailable(
    venue: CcxtVenue, fake: FakeBinance, change: dict[str, object],
) -> None:
    fake.replies[LIVE] = listing(order(**change))
    with pytest.raises(Unavailable):
        await venue.find_order(INTENT.symbol, INTENT.client_order_id)


@pytest.mark.parametrize(("endpoint", "row"), [
    (EXECUTIONS, execution("e", symbol="ETHUSDT")), (EXECUTIONS, execution("e", execType="Gift")),
    (LOG, logged("SETTLEMENT", funding="1", change="-1")), (LOG, logged("SETTLEMENT", funding="0", change="1")),
])
async def test_books_that_contradict_themselves_are_unavailable(
    venue: CcxtVenue, fake: FakeBinance, endpoint: str, row: object,
) -> None:
    fake.replies[endpoint] = listing(row)
    with pytest.raises(Unavailable):
        await BYBIT.reads[endpoint](venue)
