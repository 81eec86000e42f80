"""What Binance may answer badly over a socket, in codes, or against itself: which of the errors comes out.

A reply with a field, or all of it, spoilt: tests/contract/test_gateway_replies.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal

import pytest
from fake_binance import FakeBinance, Spoiler, changed, cut, hang_up, lacking, refusing, saying, with_status
from venue_values import ManualClock, an_intent

from bot.core.orders import OrderRecord, OrderState
from bot.environment import Environment
from bot.errors import HedgerowError, RateLimited, Refused, SafetyStop, Unavailable, Uncertain
from bot.venues.binance_open import make_binance
from bot.venues.gateway import CcxtVenue

TIMEOUT = 0.3
INTENT = an_intent()


@pytest.fixture
async def fake() -> AsyncIterator[FakeBinance]:
    fake = FakeBinance()
    yield fake
    await fake.stop()


@pytest.fixture
async def venue(fake: FakeBinance) -> AsyncIterator[CcxtVenue]:
    venue = make_binance(
        Environment.LOCAL, clock=ManualClock(fake.now), key="k-planted", secret="s-planted", assets=("BTC", "ETH"),
        local_url=await fake.start(), timeout=TIMEOUT,
    )
    yield venue
    await venue.close()


Call = Callable[[CcxtVenue], Awaitable[object]]

READS: dict[str, Call] = {
    "GET /api/v3/account": lambda venue: venue.snapshot(),
    "GET /api/v3/ticker/bookTicker": lambda venue: venue.snapshot(),
    "GET /fapi/v3/account": lambda venue: venue.snapshot(),
    "GET /fapi/v3/positionRisk": lambda venue: venue.snapshot(),
    "GET /fapi/v1/ticker/bookTicker": lambda venue: venue.snapshot(),
    "GET /fapi/v1/premiumIndex": lambda venue: venue.snapshot(),
    "GET /fapi/v1/openOrders": lambda venue: venue.snapshot(),
    "GET /fapi/v1/order": lambda venue: venue.find_order(INTENT.symbol, INTENT.client_order_id),
    "GET /fapi/v1/userTrades": lambda venue: venue.fills(INTENT.symbol, 1_699_999_000_000),
    "GET /fapi/v1/income": lambda venue: venue.funding(1_699_999_000_000),
    "GET /fapi/v1/time": lambda venue: venue.account(),
}
CHANGES: dict[str, Call] = {
    "POST /fapi/v1/order": lambda venue: venue.place(INTENT),
    "PUT /fapi/v1/order": lambda venue: venue.amend(OrderRecord(INTENT, OrderState.OPEN), Decimal(50_100)),
    "DELETE /fapi/v1/order": lambda venue: venue.cancel(OrderRecord(INTENT, OrderState.OPEN)),
}

HTML = "<html><body>Just a moment...</body></html>"

NO_ANSWER: dict[str, Spoiler] = {
    "HTML with status 200": saying(HTML, content_type="text/html"),
    "JSON with NaN": saying('{"serverTime": NaN}'),
    "a body that is cut": cut,
    "a closed connection": hang_up,
    "302": saying("", status=302, Location="https://fapi.binance.com/fapi/v1/order"),
    "307": saying("", status=307, Location="http://127.0.0.1:1/"),
    "403 of a firewall": saying(HTML, status=403, content_type="text/html"),
    "404 without a code": saying("{}", status=404),
    "302 with a good body": with_status(302),
    "404 with a good body": with_status(404),
    "500": saying("", status=500),
    "502": saying(HTML, status=502, content_type="text/html"),
    "503 with JSON": refusing(503, -1008),
    "500 with a code that would refuse": refusing(500, -2019),
    "524": saying(HTML, status=524, content_type="text/html"),
    "-1000": refusing(400, -1000),
    "-1001": refusing(400, -1001),
    "-1006": refusing(400, -1006),
    "-1007": refusing(408, -1007),
    "-1008": refusing(400, -1008),
}


NO_REPORT: dict[str, Spoiler] = {
    "another order": changed(clientOrderId="somebody"),
    "another symbol": changed(symbol="ETHUSDT"),
    "more filled than ordered": changed(executedQty="0.300"),
}


async def outcome(call: Awaitable[object]) -> str:
    """The name of what was raised."""
    try:
        return f"believed: {await call!r}"
    except HedgerowError as error:
        return type(error).__name__


@pytest.mark.fault(42)
@pytest.mark.parametrize("endpoint", READS)
async def test_a_read_without_a_valid_answer_is_unavailable(
    venue: CcxtVenue, fake: FakeBinance, endpoint: str,
) -> None:
    found = {}
    for answer, spoiler in NO_ANSWER.items():
        fake.spoil[endpoint] = spoiler
        found[answer] = await outcome(READS[endpoint](venue))
    assert found == dict.fromkeys(NO_ANSWER, "Unavailable")


async def test_a_look_up_that_shows_no_such_order_is_unavailable(venue: CcxtVenue, fake: FakeBinance) -> None:
    found = {}
    for answer, spoiler in NO_REPORT.items():
        fake.spoil["GET /fapi/v1/order"] = spoiler
        found[answer] = await outcome(READS["GET /fapi/v1/order"](venue))
    assert found == dict.fromkeys(NO_REPORT, "Unavailable")


@pytest.mark.parametrize("endpoint", CHANGES)
async def test_a_change_without_a_valid_answer_is_uncertain_and_sent_once(
    venue: CcxtVenue, fake: FakeBinance, endpoint: str,
) -> None:
    hostile = NO_ANSWER | NO_REPORT
    found = {}
    for answer, spoiler in hostile.items():
        fake.spoil[endpoint] = spoiler
        fake.seen.clear()
        found[answer] = await outcome(CHANGES[endpoint](venue)), len(fake.calls(endpoint))
    assert found == dict.fromkeys(hostile, ("Uncertain", 1))


@pytest.mark.parametrize("endpoint", CHANGES)
async def test_a_change_that_times_out_is_uncertain(venue: CcxtVenue, fake: FakeBinance, endpoint: str) -> None:
    fake.spoil[endpoint] = fake.hang
    with pytest.raises(Uncertain):
        await CHANGES[endpoint](venue)
    assert len(fake.calls(endpoint)) == 1


@pytest.mark.parametrize("call", CHANGES)
async def test_a_change_that_cannot_leave_is_unavailable(venue: CcxtVenue, fake: FakeBinance, call: str) -> None:
    await fake.stop()
    with pytest.raises(Unavailable, match="could not be reached"):
        await CHANGES[call](venue)


@pytest.mark.parametrize("case", [
    (400, -2019, Refused), (400, -2022, Refused), (400, -1111, Refused), (400, -4164, Refused), (400, -1121, Refused),
    (400, -99999, Refused),
    (401, -2015, SafetyStop), (401, -2014, SafetyStop), (400, -1022, SafetyStop), (400, -4061, SafetyStop),
    (429, -1003, RateLimited), (418, -1003, RateLimited), (400, -1015, RateLimited), (429, 0, RateLimited),
    (400, -1021, Unavailable), (451, 0, SafetyStop),
])
@pytest.mark.parametrize("endpoint", ["POST /fapi/v1/order", "GET /fapi/v1/order", "GET /fapi/v3/account"])
async def test_an_error_code_says_what_it_means(
    venue: CcxtVenue, fake: FakeBinance, endpoint: str, case: tuple[int, int, type[Exception]],
) -> None:
    status, code, expected = case
    fake.spoil[endpoint] = refusing(status, code)
    with pytest.raises(expected) as raised:
        await {**READS, **CHANGES}[endpoint](venue)
    assert type(raised.value) is expected or expected is Unavailable
    if expected is Refused:
        assert isinstance(raised.value, Refused)
        assert raised.value.code == str(code)


@pytest.mark.fault(70)
async def test_a_key_revoked_after_it_had_worked_is_no_rate_limit(venue: CcxtVenue, fake: FakeBinance) -> None:
    await venue.snapshot()
    fake.spoil["GET /api/v3/account"] = refusing(401, -2015)
    with pytest.raises(SafetyStop):
        await venue.snapshot()


@pytest.mark.fault(42, 44)
@pytest.mark.parametrize(("endpoint", "spoiler"), [
    ("GET /api/v3/account", lacking("balances")),
    ("GET /api/v3/account", changed(balances=[{"asset": "BTC", "free": "1", "locked": "0"}] * 2)),
    ("GET /fapi/v3/account", changed(assets=[])),
    ("GET /fapi/v3/account", changed(positions=[])),
    ("GET /fapi/v3/positionRisk", saying("[]")),
    ("GET /fapi/v3/positionRisk", changed(positionAmt="-0.100")),
])
async def test_a_snapshot_of_incomplete_answers_is_unavailable(
    venue: CcxtVenue, fake: FakeBinance, endpoint: str, spoiler: Spoiler,
) -> None:
    await venue.snapshot()
    await venue.cancel(OrderRecord(INTENT, OrderState.OPEN))  # so that open orders are read again
    fake.spoil[endpoint] = spoiler
    with pytest.raises(Unavailable):
        await venue.snapshot()


@pytest.mark.fault(55)
@pytest.mark.parametrize("nonsense", ["NaN", "0.00000000", "-1", "abc", "", None])
async def test_a_price_that_is_none_is_unknown_and_the_rest_of_the_reading_stands(
    venue: CcxtVenue, fake: FakeBinance, nonsense: str | None,
) -> None:
    fake.spoil["GET /api/v3/ticker/bookTicker"] = changed(bidPrice=nonsense)
    fake.spoil["GET /fapi/v1/premiumIndex"] = changed(markPrice=nonsense)
    quote = (await venue.snapshot()).quotes["BTC"]
    assert (quote.spot_bid, quote.mark) == (None, None)
    assert quote.perp_ask is not None


@pytest.mark.parametrize("spoiler", [
    saying("{}"), saying("[]"), refusing(400, -2011), refusing(400, -1121), refusing(401, -2015), saying(HTML),
])
async def test_not_found_is_only_what_the_venue_calls_so(
    venue: CcxtVenue, fake: FakeBinance, spoiler: Spoiler,
) -> None:
    fake.spoil["GET /fapi/v1/order"] = spoiler
    with pytest.raises((Unavailable, Refused)):
        await venue.find_order(INTENT.symbol, INTENT.client_order_id)
    fake.spoil["GET /fapi/v1/order"] = refusing(400, -2013)
    assert await venue.find_order(INTENT.symbol, INTENT.client_order_id) is None


@pytest.mark.fault(87)
async def test_no_error_shows_the_key_the_secret_or_the_signature(venue: CcxtVenue, fake: FakeBinance) -> None:
    hostile = NO_ANSWER | {"an echo": refusing(400, -1000, "apiKey=k-planted k-planted\x1b[2J s-planted")}
    for spoiler in hostile.values():
        fake.spoil["POST /fapi/v1/order"] = spoiler
        with pytest.raises(Uncertain) as raised:
            await venue.place(INTENT)
        shown = str(raised.value)
        assert not any(secret in shown for secret in ("k-planted", "s-planted", "signature", "\x1b"))
        assert raised.value.__context__ is None
        assert raised.value.__cause__ is None


async def test_an_unreachable_venue_is_named(venue: CcxtVenue, fake: FakeBinance) -> None:
    await fake.stop()
    with pytest.raises(Unavailable, match=r"GET time: 127\.0\.0\.1 could not be reached"):
        await venue.account()


@pytest.mark.fault(47)
async def test_a_position_that_is_shown_twice_is_not_counted_twice(venue: CcxtVenue, fake: FakeBinance) -> None:
    shown = fake.replies["GET /fapi/v3/positionRisk"]
    assert isinstance(shown, list)
    fake.replies["GET /fapi/v3/positionRisk"] = [*shown, *shown]
    with pytest.raises(Unavailable, match="comes twice"):
        await venue.snapshot()
