"""What Bybit may answer badly over a socket, in codes, or against itself: which of the errors comes out.

A reply with a field, or all of it, spoilt: tests/contract/test_gateway_replies.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal

import pytest
from fake_binance import NOW, Spoiler, cut, hang_up, saying, with_status
from fake_bybit import (
    AMEND,
    CANCEL,
    CREATE,
    EXECUTIONS,
    KEY,
    LIVE,
    LOG,
    PAST,
    POSITIONS,
    TICKERS,
    WALLET,
    FakeBybit,
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
from venue_values import ManualClock, an_intent

from bot.core.orders import OrderRecord, OrderState
from bot.core.times import MINUTE, SECOND
from bot.environment import Environment
from bot.errors import HedgerowError, RateLimited, Refused, SafetyStop, Unavailable, Uncertain
from bot.venues.bybit_open import make_bybit
from bot.venues.gateway import CcxtVenue

INTENT = an_intent()
RECORD = OrderRecord(INTENT, OrderState.OPEN, price=INTENT.price)
SINCE = NOW - MINUTE


@pytest.fixture
async def fake() -> AsyncIterator[FakeBybit]:
    fake = FakeBybit()
    yield fake
    await fake.stop()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def venue(fake: FakeBybit, clock: ManualClock) -> AsyncIterator[CcxtVenue]:
    venue = make_bybit(
        Environment.LOCAL, clock=clock, key="k-planted", secret="s-planted", assets=("BTC", "ETH"),
        local_url=await fake.start(), timeout=0.3,
    )
    yield venue
    await venue.close()


Call = Callable[[CcxtVenue], Awaitable[object]]

READS: dict[str, Call] = {
    WALLET: lambda venue: venue.snapshot(),
    POSITIONS: lambda venue: venue.snapshot(),
    TICKERS: lambda venue: venue.snapshot(),
    LIVE: lambda venue: venue.find_order(INTENT.symbol, INTENT.client_order_id),
    PAST: lambda venue: venue.find_order(INTENT.symbol, INTENT.client_order_id),
    EXECUTIONS: lambda venue: venue.fills(INTENT.symbol, SINCE),
    LOG: lambda venue: venue.funding(SINCE),
    KEY: lambda venue: venue.account(),
}
CHANGES: dict[str, Call] = {
    CREATE: lambda venue: venue.place(INTENT),
    AMEND: lambda venue: venue.amend(RECORD, Decimal(50_100)),
    CANCEL: lambda venue: venue.cancel(RECORD),
}

HTML = "<html><body>Just a moment...</body></html>"

NO_ANSWER: dict[str, Spoiler] = {
    "HTML with status 200": saying(HTML, content_type="text/html"),
    "no code": saying('{"result": {"list": []}, "time": 1700000000000}'),
    "a code that is none": saying('{"retCode": null, "result": {"list": []}, "time": 1700000000000}'),
    "a body that is cut": cut,
    "a closed connection": hang_up,
    "307": saying("", status=307, Location="http://127.0.0.1:1/"),
    "404 without a code": saying("{}", status=404),
    "302 with a good body": with_status(302),
    "502": saying(HTML, status=502, content_type="text/html"),
    "500 with a code that would refuse": refusing(110007, status=500),
    "524": saying(HTML, status=524, content_type="text/html"),
    "10000": refusing(10000),
    "10016": refusing(10016),
    "170007": refusing(170007),
    "170146": refusing(170146),
}


async def outcome(call: Awaitable[object]) -> str:
    """The name of what was raised."""
    try:
        return f"believed: {await call!r}"
    except HedgerowError as error:
        return type(error).__name__


@pytest.mark.fault(42)
@pytest.mark.parametrize("endpoint", READS)
async def test_a_read_without_a_valid_answer_is_unavailable(venue: CcxtVenue, fake: FakeBybit, endpoint: str) -> None:
    found = {}
    for answer, spoiler in NO_ANSWER.items():
        fake.spoil[endpoint] = spoiler
        found[answer] = await outcome(READS[endpoint](venue))
    assert found == dict.fromkeys(found, "Unavailable")


@pytest.mark.parametrize("endpoint", CHANGES)
async def test_a_change_without_a_valid_answer_is_uncertain_and_sent_once(
    venue: CcxtVenue, fake: FakeBybit, endpoint: str,
) -> None:
    found = {}
    for answer, spoiler in NO_ANSWER.items():
        fake.spoil[endpoint] = spoiler
        fake.seen.clear()
        found[answer] = await outcome(CHANGES[endpoint](venue)), len(fake.calls(endpoint))
    assert found == dict.fromkeys(NO_ANSWER, ("Uncertain", 1))


@pytest.mark.parametrize("endpoint", CHANGES)
async def test_a_change_that_times_out_is_uncertain(venue: CcxtVenue, fake: FakeBybit, endpoint: str) -> None:
    fake.spoil[endpoint] = fake.hang
    with pytest.raises(Uncertain):
        await CHANGES[endpoint](venue)
    assert len(fake.calls(endpoint)) == 1


@pytest.mark.parametrize("endpoint", CHANGES)
async def test_a_change_that_cannot_leave_is_unavailable(venue: CcxtVenue, fake: FakeBybit, endpoint: str) -> None:
    await fake.stop()
    with pytest.raises(Unavailable, match="could not be reached"):
        await CHANGES[endpoint](venue)


@pytest.mark.parametrize(("code", "expected"), [
    (110007, Refused), (110017, Refused), (110094, Refused), (110012, Refused), (99999, Refused),
    (10003, SafetyStop), (10004, SafetyStop), (10005, SafetyStop), (33004, SafetyStop), (10010, SafetyStop),
    (10006, RateLimited), (10018, RateLimited), (10002, Unavailable),
])
@pytest.mark.parametrize("endpoint", [CREATE, LIVE, WALLET])
async def test_an_error_code_says_what_it_means(
    venue: CcxtVenue, fake: FakeBybit, endpoint: str, code: int, expected: type[Exception],
) -> None:
    fake.spoil[endpoint] = refusing(code)
    with pytest.raises(expected) as raised:
        await {**READS, **CHANGES}[endpoint](venue)
    assert type(raised.value) is expected or expected is Unavailable
    if isinstance(raised.value, Refused):
        assert raised.value.code == str(code)


async def test_too_many_visits_are_over_when_the_venue_says_so(
    venue: CcxtVenue, fake: FakeBybit, clock: ManualClock,
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
    venue: CcxtVenue, fake: FakeBybit, clock: ManualClock, said: str, expected: type[HedgerowError],
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
    venue: CcxtVenue, fake: FakeBybit,
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
    venue: CcxtVenue, fake: FakeBybit, endpoint: str, reply: object,
) -> None:
    fake.replies[endpoint] = reply
    with pytest.raises(Unavailable):
        await venue.snapshot()


@pytest.mark.parametrize("change", [
    {"cumExecQty": "0.3"}, {"symbol": "ETHUSDT"}, {"orderLinkId": ""},
])
async def test_a_look_up_that_shows_no_such_order_is_unavailable(
    venue: CcxtVenue, fake: FakeBybit, change: dict[str, object],
) -> None:
    fake.replies[LIVE] = listing(order(**change))
    with pytest.raises(Unavailable):
        await venue.find_order(INTENT.symbol, INTENT.client_order_id)


@pytest.mark.parametrize(("endpoint", "row"), [
    (EXECUTIONS, execution("e", symbol="ETHUSDT")), (EXECUTIONS, execution("e", execType="Gift")),
    (LOG, logged("SETTLEMENT", funding="1", change="-1")), (LOG, logged("SETTLEMENT", funding="0", change="1")),
])
async def test_books_that_contradict_themselves_are_unavailable(
    venue: CcxtVenue, fake: FakeBybit, endpoint: str, row: object,
) -> None:
    fake.replies[endpoint] = listing(row)
    with pytest.raises(Unavailable):
        await READS[endpoint](venue)


@pytest.mark.fault(87)
async def test_no_error_shows_the_key_the_secret_or_the_signature(venue: CcxtVenue, fake: FakeBybit) -> None:
    hostile = NO_ANSWER | {
        "an echo": refusing(10016, "apiKey=k-planted k-planted\x1b[2J s-planted"),
    }
    for spoiler in hostile.values():
        fake.spoil[CREATE] = spoiler
        with pytest.raises(Uncertain) as raised:
            await venue.place(INTENT)
        shown = str(raised.value)
        assert not any(secret in shown for secret in ("k-planted", "s-planted", "signature", "\x1b"))
        assert raised.value.__context__ is None
        assert raised.value.__cause__ is None
