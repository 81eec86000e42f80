"""Bybit's specifications, how an account is prepared, and how it is looked over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from fake_bybit import (
    COLLATERAL,
    FEES,
    INFO,
    INSTRUMENTS,
    KEY,
    LEVERAGE,
    LIVE,
    POSITIONS,
    RISK,
    WALLET,
    FakeBybit,
    coin,
    key,
    linear,
    listing,
    no,
    ok,
    order,
    position,
    spot,
    wallet,
)
from venue_values import ManualClock

from bot.core.hygiene import Consequence, Verdict, consequence
from bot.core.market import Instrument, MarginTier
from bot.core.policy import AssetPolicy, MarginPolicy, OnMargin, Policy
from bot.environment import Environment
from bot.errors import Refused, SafetyStop, Unavailable
from bot.venues.bybit import BybitVenue
from bot.venues.bybit_market import BybitMarket
from bot.venues.bybit_open import open_bybit

D = Decimal
POLICY = Policy(
    (AssetPolicy("BTC", D("0.5")), AssetPolicy("ETH", D("0.3"))), cash_target=D("0.2"),
    margin=MarginPolicy(leverage=D(5)),
)


@pytest.fixture
async def fake() -> AsyncIterator[FakeBybit]:
    fake = FakeBybit()
    yield fake
    await fake.stop()


@pytest.fixture
async def venue(fake: FakeBybit) -> AsyncIterator[BybitVenue]:
    venue = _open(await fake.start())
    yield venue
    await venue.close()


def _open(url: str, **more: Any) -> BybitVenue:
    given: dict[str, Any] = {"key": "k", "secret": "s", "read_only": False, **more}
    return open_bybit(
        Environment.LOCAL, clock=ManualClock(), assets=("BTC", "ETH"), settle="USDT", cash=("USDT",), local_url=url,
        timeout=0.5, **given,
    )


# -- specifications ----------------------------------------------------------------------------------------------------


async def test_an_instrument_is_what_the_venue_specifies(venue: BybitVenue) -> None:
    assert (await venue.instruments(["BTC"]))["BTC"] == Instrument(
        asset="BTC", symbol="BTC/USDT:USDT", spot_symbol="BTC/USDT", amount_step=D("0.001"), min_amount=D("0.001"),
        max_amount=D(1190), min_notional=D(5), price_tick=D("0.1"), spot_lot=D("0.000001"), spot_tick=D("0.01"),
        spot_min_notional=D(1), spot_min_amount=D("0.000048"),
        tiers=(MarginTier(D(0), D(2_000_000), D("0.005"), D(0), D(100)),
               MarginTier(D(2_000_000), None, D("0.0056"), D(1200), D(90))),
        maker_fee=D("0.0002"), taker_fee=D("0.00055"), spot_taker_fee=D("0.001"), collateral_ratio=D("0.95"),
    )


async def test_a_coin_that_is_not_switched_on_is_no_collateral(venue: BybitVenue, fake: FakeBybit) -> None:
    fake.replies[COLLATERAL] = listing(
        {"currency": "BTC", "collateralRatio": "0.95", "marginCollateral": True, "collateralSwitch": False})
    found = await venue.instruments(["BTC", "ETH"])
    assert (found["BTC"].collateral_ratio, found["ETH"].collateral_ratio) == (D(0), D(0))


async def test_a_deduction_that_is_left_out_makes_the_margin_continuous(venue: BybitVenue, fake: FakeBybit) -> None:
    fake.replies[RISK] = lambda params: listing(*(
        {"symbol": params["symbol"], "riskLimitValue": cap, "maintenanceMargin": rate, "maxLeverage": "50"}
        for cap, rate in (("300", "0.02"), ("100", "0.01"))
    ))
    tiers = (await venue.instruments(["BTC"]))["BTC"].tiers
    assert [(tier.floor, tier.cap, tier.deduction) for tier in tiers] == [
        (D(0), D(100), D(0)), (D(100), None, D(1))]


async def test_a_market_that_rests_is_not_tradable(venue: BybitVenue, fake: FakeBybit) -> None:
    fake.replies[INSTRUMENTS] = lambda params: listing(
        linear("BTCUSDT", status="Closed") if params["category"] == "linear" else spot("BTCUSDT"))
    assert not (await venue.instruments(["BTC"]))["BTC"].tradable


@pytest.mark.parametrize("change", [
    {"contractType": "LinearFutures"}, {"settleCoin": "USDC"},
])
async def test_a_coin_without_a_linear_perpetual_is_refused(
    venue: BybitVenue, fake: FakeBybit, change: dict[str, object],
) -> None:
    fake.replies[INSTRUMENTS] = lambda params: listing(
        linear("BTCUSDT", **change) if params["category"] == "linear" else spot("BTCUSDT"))
    with pytest.raises(Refused, match="no perpetual in USDT for BTC"):
        await venue.instruments(["BTC"])


@pytest.mark.parametrize(("endpoint", "reply"), [
    (INSTRUMENTS, {}), (RISK, listing()), (FEES, listing()), (COLLATERAL, {"retCode": 0}),
    (RISK, listing({"symbol": "ETHUSDT", "riskLimitValue": "1", "maintenanceMargin": "0.1", "maxLeverage": "1"})),
    (COLLATERAL, listing({"currency": "BTC", "collateralRatio": "95", "marginCollateral": True,
                          "collateralSwitch": True})),
])
async def test_empty_or_broken_specifications_are_unavailable(
    venue: BybitVenue, fake: FakeBybit, endpoint: str, reply: object,
) -> None:
    fake.replies[endpoint] = reply
    with pytest.raises(Unavailable):
        await venue.instruments(["BTC"])


async def test_without_a_key_fees_are_cautious_and_tiers_are_the_venues(fake: FakeBybit) -> None:
    venue = _open(await fake.start(), key="", secret="", read_only=True)
    market = BybitMarket(venue, keyed=False)
    found = (await market.instruments(["BTC"]))["BTC"]
    assert (found.maker_fee, found.taker_fee, found.spot_taker_fee) == (D("0.0002"), D("0.00055"), D("0.001"))
    assert (len(found.tiers), found.collateral_ratio) == (2, D(0))
    assert (await market.prices()).quotes["BTC"].mark == 50_100
    assert await market.balances() is None
    fake.replies["GET /v5/market/orderbook"] = ok({"s": "BTCUSDT", "b": [["1", "2"]], "a": [["3", "4"]]})
    assert (await market.depth("BTC")).asks == ((D(3), D(4)),)
    assert not any(name.startswith("POST") or "account" in name for name, _ in fake.seen)
    await venue.close()


# -- prepare -----------------------------------------------------------------------------------------------------------


async def test_an_account_that_is_in_order_is_left_alone(venue: BybitVenue, fake: FakeBybit) -> None:
    assert await venue.prepare(POLICY) == ()
    assert not any(name.startswith("POST") for name, _ in fake.seen)


async def test_the_leverage_is_set_and_verified(venue: BybitVenue, fake: FakeBybit) -> None:
    fake.replies[POSITIONS] = lambda params: listing(position(
        params["symbol"], "0", leverage="5" if fake.calls(LEVERAGE) else "10"))
    assert await venue.prepare(POLICY) == ("BTCUSDT: leverage set from 10 to 5",)
    assert fake.calls(LEVERAGE) == [
        {"category": "linear", "symbol": "BTCUSDT", "buyLeverage": "5", "sellLeverage": "5"}]


async def test_not_modified_is_no_failure_and_not_set_is_one(venue: BybitVenue, fake: FakeBybit) -> None:
    fake.replies[POSITIONS] = lambda params: listing(position(params["symbol"], "0", leverage="10"))
    fake.replies[LEVERAGE] = no(110043, "leverage not modified")
    with pytest.raises(SafetyStop, match="stays at leverage 10"):
        await venue.prepare(POLICY)
    fake.replies[LEVERAGE] = no(110013, "cannot set leverage due to risk limit level")
    with pytest.raises(SafetyStop, match="110013"):
        await venue.prepare(POLICY)


@pytest.mark.parametrize(("mode", "words"), [
    ("ISOLATED_MARGIN", "isolated"), ("PORTFOLIO_MARGIN", "portfolio margin"), ("NEW_MARGIN", "NEW_MARGIN"),
])
async def test_margin_mode_is_verified_and_never_set(
    venue: BybitVenue, fake: FakeBybit, mode: str, words: str,
) -> None:
    fake.replies[INFO] = ok({"marginMode": mode, "unifiedMarginStatus": 5})
    with pytest.raises(SafetyStop, match=f"is in {words} mode"):
        await venue.prepare(POLICY)
    assert not any(name.startswith("POST") for name, _ in fake.seen)


async def test_a_classic_account_and_hedge_mode_stop_everything(venue: BybitVenue, fake: FakeBybit) -> None:
    fake.replies[INFO] = ok({"marginMode": "REGULAR_MARGIN", "unifiedMarginStatus": 1})
    with pytest.raises(SafetyStop, match="unified"):
        await venue.prepare(POLICY)
    fake.replies[INFO] = ok({"marginMode": "REGULAR_MARGIN", "unifiedMarginStatus": 6})
    fake.replies[POSITIONS] = lambda params: listing(
        position(params["symbol"], "0", positionIdx=1), position(params["symbol"], "0", positionIdx=2))
    with pytest.raises(SafetyStop, match="hedge mode"):
        await venue.prepare(POLICY)


# -- inspect -----------------------------------------------------------------------------------------------------------


async def verdicts(venue: BybitVenue) -> dict[str, Verdict]:
    """The worst verdict of each topic, but for those that are well. What failed has a way out."""
    order = (Verdict.OK, Verdict.UNKNOWN, Verdict.WARN, Verdict.FAIL)
    found: dict[str, Verdict] = {}
    for check in await venue.inspect(POLICY):
        assert check.remedy or check.verdict is not Verdict.FAIL
        found[check.name] = max(found.get(check.name, Verdict.OK), check.verdict, key=order.index)
    return {name: verdict for name, verdict in found.items() if verdict is not Verdict.OK}


async def test_an_account_in_order_has_nothing_against_it(venue: BybitVenue, fake: FakeBybit) -> None:
    assert await verdicts(venue) == {"dead_mans_switch": Verdict.UNKNOWN}
    assert not any(name.startswith("POST") for name, _ in fake.seen)


@pytest.mark.fault(85)
@pytest.mark.parametrize(("endpoint", "reply", "expected"), [
    (KEY, key(permissions={"ContractTrade": ["Order", "Position"], "Spot": ["SpotTrade"], "Wallet": ["Withdraw"]}),
     ("key_withdrawal", Verdict.FAIL)),
    (KEY, key(permissions={
        "ContractTrade": ["Order", "Position"], "Spot": ["SpotTrade"], "Wallet": ["AccountTransfer"]}),
     ("key_transfer", Verdict.FAIL)),
    (KEY, key(permissions={"ContractTrade": ["Order"], "Spot": [], "Wallet": []}), ("key_trading", Verdict.FAIL)),
    (KEY, key(permissions={"ContractTrade": ["Order", "Position"], "Spot": [], "Wallet": []}),
     ("key_spot", Verdict.WARN)),
    (KEY, key(readOnly=1), ("key_trading", Verdict.FAIL)),
    (KEY, key(ips=["*"]), ("key_address", Verdict.WARN)),
    (KEY, key(expiredAt="2023-11-20T00:00:00Z"), ("key_expiry", Verdict.WARN)),
    (KEY, key(expiredAt="2023-11-14T00:00:00Z"), ("key_expiry", Verdict.FAIL)),
    (KEY, no(33004, "Your api key has expired."), ("key_expiry", Verdict.FAIL)),
    (KEY, no(10003, "API key is invalid."), ("key_trading", Verdict.FAIL)),
    (INFO, ok({"marginMode": "ISOLATED_MARGIN", "unifiedMarginStatus": 5}), ("margin_mode", Verdict.FAIL)),
    (INFO, ok({"marginMode": "REGULAR_MARGIN", "unifiedMarginStatus": 1}), ("asset_mode", Verdict.FAIL)),
    (LIVE, listing(order(orderLinkId="mine")), ("foreign_order", Verdict.FAIL)),
    (WALLET, wallet(coin("USDC", "5", totalPositionIM="3")), ("foreign_position", Verdict.FAIL)),
])
async def test_what_is_wrong_is_named(
    venue: BybitVenue, fake: FakeBybit, endpoint: str, reply: object, expected: tuple[str, Verdict],
) -> None:
    fake.replies[endpoint] = reply
    assert expected in (await verdicts(venue)).items()


async def test_a_key_without_the_spot_right_fails_where_the_margin_ladder_would_need_it(
    venue: BybitVenue, fake: FakeBybit,
) -> None:
    fake.replies[KEY] = key(permissions={"ContractTrade": ["Order", "Position"], "Spot": [], "Wallet": []})
    selling = replace(POLICY, margin=replace(POLICY.margin, on_margin=OnMargin.FINALISE))
    failed = [check for check in await venue.inspect(selling) if check.verdict is Verdict.FAIL]
    assert [(check.name, consequence(check)) for check in failed] == [("key_spot", Consequence.PAUSE)]
    assert "Spot Trade" in failed[0].remedy


async def test_hedge_mode_wrong_leverage_and_a_foreign_position_are_named(
    venue: BybitVenue, fake: FakeBybit,
) -> None:
    def held(params: dict[str, str]) -> object:
        if "symbol" in params:
            return listing(position(params["symbol"], "0", positionIdx=1, leverage="10"),
                           position(params["symbol"], "0", positionIdx=2, leverage="10"))
        return listing(position("XRPUSDT", "5", side="Buy"))

    fake.replies[POSITIONS] = held
    found = await verdicts(venue)
    assert [found[name] for name in ("position_mode", "leverage", "foreign_position")] == [Verdict.FAIL] * 3


async def test_a_delisted_coin_is_named(venue: BybitVenue, fake: FakeBybit) -> None:
    fake.replies[INSTRUMENTS] = lambda params: listing(
        *((linear if params["category"] == "linear" else spot)(symbol) for symbol in ("BTCUSDT", "DOGEUSDT")))
    failed = [check for check in await venue.inspect(POLICY) if check.verdict is Verdict.FAIL]
    assert [(check.name, check.asset) for check in failed] == [("market", "ETH")]
