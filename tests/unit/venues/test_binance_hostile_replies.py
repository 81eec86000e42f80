"""What Binance alone may answer badly, in codes, or against itself: which of the errors comes out.

What any venue may: test_hostile_replies.py. A reply with a field, or all of it, spoilt:
tests/contract/test_gateway_replies.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from fake_binance import FakeBinance, Spoiler, changed, lacking, refusing, saying
from hostile_venues import BINANCE, HTML, INTENT, RECORD, Stage, outcome

from bot.errors import RateLimited, Refused, SafetyStop, Unavailable
from bot.venues.gateway import CcxtVenue


@pytest.fixture
async def at() -> AsyncIterator[Stage]:
    async with BINANCE.opened() as stage:
        yield stage


@pytest.fixture
def fake(at: Stage) -> FakeBinance:
    return at.fake


@pytest.fixture
def venue(at: Stage) -> CcxtVenue:
    return at.venue


async def test_a_look_up_that_shows_no_such_order_is_unavailable(venue: CcxtVenue, fake: FakeBinance) -> None:
    found = {}
    for answer, spoiler in BINANCE.no_report.items():
        fake.spoil["GET /fapi/v1/order"] = spoiler
        found[answer] = await outcome(BINANCE.reads["GET /fapi/v1/order"](venue))
    assert found == dict.fromkeys(BINANCE.no_report, "Unavailable")


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
        await {**BINANCE.reads, **BINANCE.changes}[endpoint](venue)
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
    await venue.cancel(RECORD)  # so that open orders are read again
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
