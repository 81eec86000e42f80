"""Contract specifications out of exchangeInfo, brackets and fees."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from fake_binance import FakeBinance, error
from venue_values import BTC, ManualClock

from bot.core.market import Instrument, MarginTier
from bot.environment import Environment
from bot.errors import Refused, Unavailable
from bot.venues.binance_open import make_binance
from bot.venues.gateway import CcxtVenue

PERP: dict[str, Any] = {
    "symbol": "BTCUSDT", "pair": "BTCUSDT", "contractType": "PERPETUAL", "status": "TRADING", "baseAsset": "BTC",
    "quoteAsset": "USDT", "marginAsset": "USDT", "pricePrecision": 2, "quantityPrecision": 3,
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "556.80", "maxPrice": "4529764", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
        {"filterType": "MIN_NOTIONAL", "notional": "100"},
    ],
}
SPOT: dict[str, Any] = {
    "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True},
    ],
}
BRACKETS: list[dict[str, Any]] = [
    {"bracket": 2, "initialLeverage": 100, "notionalCap": 800_000, "notionalFloor": 300_000,
     "maintMarginRatio": 0.005, "cum": 300.0},
    {"bracket": 1, "initialLeverage": 125, "notionalCap": 300_000, "notionalFloor": 0, "maintMarginRatio": 0.004,
     "cum": 0.0},
]


@pytest.fixture
async def fake() -> AsyncIterator[FakeBinance]:
    fake = FakeBinance(assets=("BTC",))
    fake.replies |= {
        "GET /fapi/v1/exchangeInfo": {"symbols": [
            copy.deepcopy(PERP),
            {**PERP, "symbol": "BTCUSDT_240628", "contractType": "CURRENT_QUARTER"},
            {"symbol": "STRANGE", "filters": None},
        ]},
        "GET /api/v3/exchangeInfo": {"symbols": [copy.deepcopy(SPOT)]},
        "GET /fapi/v1/leverageBracket": [
            {"symbol": "ETHUSDT", "brackets": []}, {"symbol": "BTCUSDT", "notionalCoef": 1.0, "brackets": BRACKETS},
        ],
        "GET /fapi/v1/commissionRate": {
            "symbol": "BTCUSDT", "makerCommissionRate": "-0.0001", "takerCommissionRate": "0.0005",
        },
    }
    yield fake
    await fake.stop()


@pytest.fixture
async def venue(fake: FakeBinance) -> AsyncIterator[CcxtVenue]:
    venue = make_binance(
        Environment.LOCAL, clock=ManualClock(), key="k", secret="s", assets=("BTC",), local_url=await fake.start(),
    )
    yield venue
    await venue.close()


async def test_an_instrument_is_what_the_venue_specifies(venue: CcxtVenue, fake: FakeBinance) -> None:
    assert await venue.instruments(["BTC"]) == {"BTC": Instrument(
        asset="BTC", symbol=BTC, spot_symbol="BTC/USDT", amount_step=Decimal("0.001"), min_amount=Decimal("0.001"),
        max_amount=Decimal(1000), min_notional=Decimal(100), price_tick=Decimal("0.1"),
        spot_lot=Decimal("0.00001"), spot_tick=Decimal("0.01"), spot_min_notional=Decimal(5),
        spot_min_amount=Decimal("0.00001"),
        tiers=(
            MarginTier(Decimal(0), Decimal(300_000), Decimal("0.004"), Decimal(0), Decimal(125)),
            MarginTier(Decimal(300_000), None, Decimal("0.005"), Decimal(300), Decimal(100)),
        ),
        maker_fee=Decimal("-0.0001"), taker_fee=Decimal("0.0005"), spot_taker_fee=Decimal("0.001"),
    )}
    assert fake.calls("GET /api/v3/exchangeInfo") == [{"symbols": '["BTCUSDT"]'}]


@pytest.mark.parametrize("where", ["GET /fapi/v1/exchangeInfo", "GET /api/v3/exchangeInfo"])
async def test_a_market_that_rests_is_not_tradable(venue: CcxtVenue, fake: FakeBinance, where: str) -> None:
    fake.replies[where]["symbols"][0]["status"] = "SETTLING"
    assert not (await venue.instruments(["BTC"]))["BTC"].tradable


@pytest.mark.parametrize("change", [
    {"contractType": "CURRENT_QUARTER"}, {"marginAsset": "BTC"}, {"symbol": "BTCUSDC"},
])
async def test_a_coin_without_a_linear_perpetual_is_refused(
    venue: CcxtVenue, fake: FakeBinance, change: dict[str, str],
) -> None:
    fake.replies["GET /fapi/v1/exchangeInfo"]["symbols"][0] |= change
    with pytest.raises(Refused, match="no perpetual in USDT for BTC"):
        await venue.instruments(["BTC"])


async def test_a_coin_without_a_spot_market_is_refused(venue: CcxtVenue, fake: FakeBinance) -> None:
    fake.replies["GET /api/v3/exchangeInfo"] = error(400, -1121, "Invalid symbol.")
    with pytest.raises(Refused, match="no spot market in USDT for one of BTC"):
        await venue.instruments(["BTC"])


@pytest.mark.parametrize("kind", ["PRICE_FILTER", "LOT_SIZE", "MIN_NOTIONAL"])
async def test_a_specification_with_a_filter_missing_is_no_specification(
    venue: CcxtVenue, fake: FakeBinance, kind: str,
) -> None:
    found = fake.replies["GET /fapi/v1/exchangeInfo"]["symbols"][0]
    found["filters"] = [entry for entry in found["filters"] if entry["filterType"] != kind]
    with pytest.raises(Unavailable, match=kind):
        await venue.instruments(["BTC"])


@pytest.mark.parametrize(("endpoint", "reply"), [
    ("GET /fapi/v1/exchangeInfo", {"symbols": []}), ("GET /fapi/v1/exchangeInfo", {}),
    ("GET /api/v3/exchangeInfo", {"symbols": []}),
    ("GET /fapi/v1/leverageBracket", []), ("GET /fapi/v1/leverageBracket", {}),
    ("GET /fapi/v1/leverageBracket", [{"symbol": "BTCUSDT", "brackets": []}]),
    ("GET /fapi/v1/leverageBracket", [{"symbol": "BTCUSDT", "brackets": [{**BRACKETS[0], "maintMarginRatio": 0}]}]),
    ("GET /fapi/v1/commissionRate", {}), ("GET /fapi/v1/commissionRate", {"makerCommissionRate": "NaN"}),
])
async def test_empty_or_broken_specifications_are_unavailable(
    venue: CcxtVenue, fake: FakeBinance, endpoint: str, reply: object,
) -> None:
    fake.replies[endpoint] = reply
    with pytest.raises(Unavailable):
        await venue.instruments(["BTC"])
