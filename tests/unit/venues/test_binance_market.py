"""Binance's markets for dry runs: read without a key, and nothing but reading."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from fake_binance import NOW, FakeBinance, error, saying
from venue_values import ManualClock, an_intent
from yarl import URL

from bot.core.times import HOUR
from bot.environment import Environment
from bot.errors import Refused, Unavailable
from bot.ports import Balances, Depth, MarketData, Settlement
from bot.venues import binance_history
from bot.venues.binance_market import BinanceMarket, make_binance_market
from bot.venues.binance_specs import CAUTIOUS_TIERS

D = Decimal
RATES = "GET /fapi/v1/fundingRate"
DEPTH = "GET /fapi/v1/depth"
PERP: dict[str, object] = {
    "symbol": "BTCUSDT", "contractType": "PERPETUAL", "status": "TRADING", "marginAsset": "USDT",
    "filters": [
        {"filterType": "PRICE_FILTER", "tickSize": "0.10"}, {"filterType": "MIN_NOTIONAL", "notional": "100"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
    ],
}
SPOT: dict[str, object] = {
    "symbol": "BTCUSDT", "status": "TRADING",
    "filters": [
        {"filterType": "PRICE_FILTER", "tickSize": "0.01"}, {"filterType": "NOTIONAL", "minNotional": "5"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
    ],
}
BRACKETS = [
    {"initialLeverage": 125, "notionalCap": 300_000, "notionalFloor": 0, "maintMarginRatio": 0.004, "cum": 0.0},
    {"initialLeverage": 100, "notionalCap": 800_000, "notionalFloor": 300_000, "maintMarginRatio": 0.005, "cum": 300.0},
]


@pytest.fixture
async def fake() -> AsyncIterator[FakeBinance]:
    fake = FakeBinance(assets=("BTC",))
    fake.replies |= {
        "GET /fapi/v1/exchangeInfo": {"symbols": [PERP]},
        "GET /api/v3/exchangeInfo": {"symbols": [SPOT]},
        "GET /fapi/v1/leverageBracket": [{"symbol": "BTCUSDT", "brackets": BRACKETS}],
        "GET /fapi/v1/commissionRate": {
            "symbol": "BTCUSDT", "makerCommissionRate": "0.00018", "takerCommissionRate": "0.00045",
        },
        DEPTH: {"lastUpdateId": 1, "E": NOW, "T": NOW, "bids": [["50009.90", "2.000"], ["50009.80", "1.5"]],
                "asks": [["50010.00", "0.4"]]},
        RATES: [{"symbol": "BTCUSDT", "fundingRate": "-0.00012345", "fundingTime": NOW - HOUR, "markPrice": "50100.1"}],
    }
    yield fake
    await fake.stop()


async def market_of(fake: FakeBinance, *, keyed: bool = False) -> MarketData:
    return make_binance_market(
        Environment.LOCAL, clock=ManualClock(), key="k-planted" if keyed else "", secret="s-planted" if keyed else "",
        assets=("BTC",), local_url=await fake.start(), timeout=0.3,
    )


async def everything(market: MarketData) -> None:
    await market.instruments(["BTC"])
    await market.prices()
    await market.depth("BTC")
    await market.settlements(["BTC"], NOW - HOUR)
    await market.balances()


async def test_without_a_key_nothing_is_signed_and_nothing_private_is_asked(fake: FakeBinance) -> None:
    market = await market_of(fake)
    await everything(market)
    assert await market.balances() is None
    assert not any("signature" in params or "timestamp" in params for _, params in fake.seen)
    private = ("account", "positionRisk", "leverageBracket", "commissionRate", "openOrders", "income", "userTrades")
    assert not any(name.endswith(private) for name, _ in fake.seen)
    await market.close()


@pytest.mark.parametrize("keyed", [False, True])
async def test_nothing_but_get_ever_leaves(fake: FakeBinance, keyed: bool) -> None:
    market = await market_of(fake, keyed=keyed)
    await everything(market)
    assert isinstance(market, BinanceMarket)
    venue = market._venue
    # Without a key it is not even signed, and never comes to the door.
    with pytest.raises(Refused if keyed else Unavailable, match="only looks" if keyed else "AuthenticationError"):
        await venue.place(an_intent())
    for verb in ("post", "put", "delete"):
        with pytest.raises(Refused):
            getattr(venue._exchange.session, verb)(URL("http://127.0.0.1:1/"))
    assert {name.split()[0] for name, _ in fake.seen} == {"GET"}
    await market.close()


async def test_without_a_key_fees_and_margin_are_cautious(fake: FakeBinance) -> None:
    market = await market_of(fake)
    spec = (await market.instruments(["BTC"]))["BTC"]
    assert (spec.maker_fee, spec.taker_fee, spec.spot_taker_fee) == (D("0.0002"), D("0.0005"), D("0.001"))
    assert spec.tiers == CAUTIOUS_TIERS
    assert all(spec.tiers[0].rate > D(str(tier["maintMarginRatio"])) for tier in BRACKETS)
    assert (spec.amount_step, spec.min_notional, spec.price_tick) == (D("0.001"), D(100), D("0.10"))
    await market.close()


async def test_with_a_key_fees_tiers_and_balances_are_the_accounts_own(fake: FakeBinance) -> None:
    market = await market_of(fake, keyed=True)
    spec = (await market.instruments(["BTC"]))["BTC"]
    assert (spec.maker_fee, spec.taker_fee, len(spec.tiers)) == (D("0.00018"), D("0.00045"), 2)
    assert await market.balances() == Balances({"BTC": D("1.2"), "USDT": D(10_000)}, {"USDT": D(10_000)})
    await market.close()


async def test_a_coin_without_a_market_is_refused(fake: FakeBinance) -> None:
    fake.replies["GET /fapi/v1/exchangeInfo"] = {"symbols": [{**PERP, "symbol": "ETHUSDT"}]}
    market = await market_of(fake)
    with pytest.raises(Refused, match="BTC"):
        await market.instruments(["BTC"])
    await market.close()


async def test_prices_take_three_requests(fake: FakeBinance) -> None:
    market = await market_of(fake)
    await market.prices()  # the first also learns the time and the funding intervals
    fake.seen.clear()
    prices = await market.prices()
    assert len(fake.seen) == 3
    quote = prices.quotes["BTC"]
    assert (quote.perp_bid, quote.perp_ask, quote.mark) == (D("50009.90"), D("50010.00"), D(50_100))
    await market.close()


async def test_the_book_is_read_level_by_level(fake: FakeBinance) -> None:
    market = await market_of(fake)
    assert await market.depth("BTC") == Depth(
        ((D("50009.90"), D("2.000")), (D("50009.80"), D("1.5"))), ((D("50010.00"), D("0.4")),))
    assert fake.calls(DEPTH) == [{"symbol": "BTCUSDT", "limit": "50"}]
    await market.close()


@pytest.mark.parametrize("said", [
    {}, {"bids": []}, {"bids": [["1", "1"]], "asks": {}}, {"bids": [["1"]], "asks": []},
    {"bids": [["1", "1"], ["2", "1"]], "asks": []}, {"bids": [], "asks": [["2", "1"], ["1", "1"]]},
    {"bids": [["nan", "1"]], "asks": []}, {"bids": [["0", "1"]], "asks": []}, {"bids": ["11"], "asks": []},
])
async def test_a_book_that_is_none_is_no_book(fake: FakeBinance, said: object) -> None:
    fake.replies[DEPTH] = said
    market = await market_of(fake)
    with pytest.raises(Unavailable):
        await market.depth("BTC")
    await market.close()


async def test_settlements_are_those_that_the_venue_published(fake: FakeBinance) -> None:
    market = await market_of(fake)
    assert await market.settlements(["BTC"], NOW - 2 * HOUR) == (
        Settlement("BTC", D("-0.00012345"), D("50100.1"), NOW - HOUR),)
    assert fake.calls(RATES) == [{"symbol": "BTCUSDT", "startTime": str(NOW - 2 * HOUR), "limit": "1000"}]
    assert await market.settlements([], NOW) == ()
    await market.close()


@pytest.mark.fault(48)
async def test_a_settlement_without_a_mark_says_that_it_is_unknown(fake: FakeBinance) -> None:
    fake.replies[RATES][0]["markPrice"] = ""
    market = await market_of(fake)
    assert (await market.settlements(["BTC"], 0))[0].mark is None
    await market.close()


async def test_a_full_page_of_settlements_is_followed_by_the_next(
    fake: FakeBinance, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(binance_history, "PAGE", 2)
    every = [{"symbol": "BTCUSDT", "fundingRate": "0.0001", "fundingTime": NOW - step * HOUR, "markPrice": "1"}
             for step in (5, 4, 3, 2, 1)]
    fake.replies[RATES] = lambda params: [
        row for row in every if int(str(row["fundingTime"])) >= int(params["startTime"])][:int(params["limit"])]
    market = await market_of(fake)
    found = await market.settlements(["BTC"], NOW - 5 * HOUR)
    assert [settled.at for settled in found] == [row["fundingTime"] for row in every]
    await market.close()


@pytest.mark.parametrize("said", [{}, [{"symbol": "ETHUSDT", "fundingRate": "1", "fundingTime": NOW}],
                                  [{"symbol": "BTCUSDT", "fundingRate": "", "fundingTime": NOW}]])
async def test_settlements_that_cannot_be_read_are_not_taken_for_none(fake: FakeBinance, said: object) -> None:
    fake.replies[RATES] = said
    market = await market_of(fake)
    with pytest.raises(Unavailable):
        await market.settlements(["BTC"], 0)
    await market.close()


async def test_a_page_of_html_is_no_market(fake: FakeBinance) -> None:
    fake.spoil[DEPTH] = saying("<html>", content_type="text/html")
    market = await market_of(fake)
    with pytest.raises(Unavailable):
        await market.depth("BTC")
    fake.replies["GET /api/v3/ticker/bookTicker"] = error(400, -1121, "Invalid symbol.")
    with pytest.raises(Refused):
        await market.prices()
    await market.close()
