"""What a Binance account and its key are looked over for, and what a look that fails means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from fake_binance import NOW, FakeBinance, changed, holding, lacking, order, position, refusing, saying
from venue_values import ManualClock

from bot.core import hygiene
from bot.core.hygiene import Check, Verdict
from bot.core.policy import AssetPolicy, OnMargin, Policy
from bot.core.times import DAY
from bot.environment import Environment
from bot.errors import Unavailable
from bot.venues.binance import BinanceVenue
from bot.venues.binance_open import make_binance

POLICY = Policy((AssetPolicy("BTC", Decimal("0.5")), AssetPolicy("ETH", Decimal("0.3"))), Decimal("0.2"))
KEY, ACCOUNT = "GET /sapi/v1/account/apiRestrictions", "GET /fapi/v1/accountConfig"
MARKET = {"marginAsset": "USDT", "contractType": "PERPETUAL", "status": "TRADING"}


def sound(fake: FakeBinance) -> None:
    """What an account in order answers."""
    symbols = [f"{asset}USDT" for asset in fake.assets]
    fake.replies |= {
        KEY: {
            "ipRestrict": True, "createTime": NOW, "enableReading": True, "enableWithdrawals": False,
            "enableInternalTransfer": False, "enableMargin": False, "enableFutures": True,
            "permitsUniversalTransfer": False, "enableVanillaOptions": False, "enableSpotAndMarginTrading": True,
        },
        ACCOUNT: {
            "feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": True, "dualSidePosition": False,
            "multiAssetsMargin": False, "tradeGroupId": -1, "updateTime": 0,
        },
        "GET /fapi/v1/exchangeInfo": {"symbols": [{"symbol": symbol, **MARKET} for symbol in symbols]},
        "GET /api/v3/exchangeInfo": {"symbols": [{"symbol": symbol, "status": "TRADING"} for symbol in symbols]},
    }
    holding(fake)


@pytest.fixture
async def fake() -> AsyncIterator[FakeBinance]:
    fake = FakeBinance()
    sound(fake)
    yield fake
    await fake.stop()


@pytest.fixture
async def venue(fake: FakeBinance) -> AsyncIterator[Any]:
    venue = make_binance(
        Environment.LOCAL, clock=ManualClock(fake.now), key="k-planted", secret="s-planted", assets=("BTC", "ETH"),
        local_url=await fake.start(), timeout=0.3,
    )
    yield venue
    await venue.close()


async def inspected(venue: BinanceVenue, policy: Policy = POLICY) -> tuple[Check, ...]:
    return await venue.inspect(policy)


def failed(checks: tuple[Check, ...]) -> set[str]:
    return {check.name for check in checks if check.verdict is Verdict.FAIL}


async def test_an_account_in_order_passes_by_reads_alone(fake: FakeBinance, venue: BinanceVenue) -> None:
    checks = await inspected(venue)
    assert {check.verdict for check in checks} == {Verdict.OK}
    assert {name.split()[0] for name, _ in fake.seen} == {"GET"}


@pytest.mark.fault(85)
@pytest.mark.parametrize("fault", [
    (KEY, "enableWithdrawals", True, hygiene.KEY_WITHDRAWAL),
    (KEY, "enableInternalTransfer", True, hygiene.KEY_TRANSFER),
    (KEY, "permitsUniversalTransfer", True, hygiene.KEY_TRANSFER),
    (KEY, "enableFutures", False, hygiene.KEY_TRADING),
    (KEY, "enableReading", False, hygiene.KEY_TRADING),
    (KEY, "tradingAuthorityExpirationTime", NOW - 1, hygiene.KEY_EXPIRY),
    (ACCOUNT, "dualSidePosition", True, hygiene.POSITION_MODE),
    (ACCOUNT, "multiAssetsMargin", True, hygiene.ASSET_MODE),
    (ACCOUNT, "canTrade", False, hygiene.TRADING),
    ("GET /fapi/v1/symbolConfig", "leverage", 20, hygiene.LEVERAGE),
    ("GET /fapi/v1/symbolConfig", "marginType", "ISOLATED", hygiene.MARGIN_MODE),
    ("GET /fapi/v1/time", "serverTime", NOW + 60_000, hygiene.CLOCK),
])
async def test_each_fault_fails_its_check_alone_and_has_a_way_out(
    fake: FakeBinance, venue: BinanceVenue, fault: tuple[str, str, object, str],
) -> None:
    endpoint, field, value, name = fault
    fake.spoil[endpoint] = changed(**{field: value})
    checks = await inspected(venue)
    assert failed(checks) == {name}
    assert all(check.remedy for check in checks if check.verdict is Verdict.FAIL)


@pytest.mark.fault(71)
async def test_a_key_for_any_address_and_one_that_soon_expires_are_warned_of(
    fake: FakeBinance, venue: BinanceVenue,
) -> None:
    fake.spoil[KEY] = changed(ipRestrict=False, tradingAuthorityExpirationTime=NOW + 3 * DAY)
    checks = await inspected(venue)
    assert {check.name for check in checks if check.verdict is Verdict.WARN} == {
        hygiene.KEY_ADDRESS, hygiene.KEY_EXPIRY}
    assert failed(checks) == set()


async def test_a_key_that_may_not_sell_coins_is_warned_of_and_fails_where_the_margin_ladder_would_need_it(
    fake: FakeBinance, venue: BinanceVenue,
) -> None:
    fake.spoil[KEY] = changed(enableSpotAndMarginTrading=False)
    for reaction, verdict, then in (
        (None, Verdict.WARN, None), (OnMargin.CLOSE, Verdict.WARN, None),
        (OnMargin.FINALISE, Verdict.FAIL, hygiene.Consequence.PAUSE),
    ):
        policy = replace(POLICY, margin=replace(POLICY.margin, on_margin=reaction))
        (check,) = (check for check in await inspected(venue, policy) if check.name == hygiene.KEY_SPOT)
        assert (check.verdict, hygiene.consequence(check)) == (verdict, then)
        assert "Spot" in check.remedy


async def test_a_bot_that_tops_up_wants_the_transfer_that_others_must_not_have(
    fake: FakeBinance, venue: BinanceVenue,
) -> None:
    topping_up = replace(POLICY, margin=replace(POLICY.margin, top_up=True))

    async def transfer() -> Verdict:
        return next(c.verdict for c in await inspected(venue, topping_up) if c.name == hygiene.KEY_TRANSFER)

    assert await transfer() is Verdict.WARN
    fake.spoil[KEY] = changed(permitsUniversalTransfer=True)
    assert await transfer() is Verdict.OK


@pytest.mark.fault(85)
async def test_a_key_that_cannot_be_looked_at_fails_as_one_that_withdraws(
    fake: FakeBinance, venue: BinanceVenue,
) -> None:
    fake.spoil[KEY] = refusing(400, -1100)
    assert failed(await inspected(venue)) == {hygiene.KEY_WITHDRAWAL}


@pytest.mark.parametrize("code", [-2014, -2015, -1022, -1002])
async def test_a_key_that_is_not_let_in_is_named_and_what_was_seen_before_is_kept(
    fake: FakeBinance, venue: BinanceVenue, code: int,
) -> None:
    fake.spoil[ACCOUNT] = refusing(401, code)
    checks = await inspected(venue)
    assert failed(checks) == {hygiene.KEY_TRADING}
    assert hygiene.KEY_WITHDRAWAL in {check.name for check in checks}


async def test_portfolio_margin_is_named(fake: FakeBinance, venue: BinanceVenue) -> None:
    fake.spoil[ACCOUNT] = refusing(400, -1109)
    assert failed(await inspected(venue)) == {hygiene.PORTFOLIO_MARGIN}


async def test_longs_other_markets_and_orders_of_others_are_strangers(fake: FakeBinance, venue: BinanceVenue) -> None:
    holding(fake, position(amount="0.100"), position("DOGEUSDT", "-5"))
    fake.replies["GET /fapi/v1/openOrders"] = [order(clientOrderId="web_1"), order(orderId=2)]
    found = {check.name: check.found for check in await inspected(venue) if check.verdict is Verdict.FAIL}
    assert found == {
        hygiene.FOREIGN_POSITION: "0.1 on BTC/USDT:USDT, -5 on DOGE/USDT:USDT",
        hygiene.FOREIGN_ORDER: "4242 on BTC/USDT:USDT",
    }


async def test_a_market_that_is_halted_or_gone_is_named_by_its_coin(fake: FakeBinance, venue: BinanceVenue) -> None:
    perps = fake.replies["GET /fapi/v1/exchangeInfo"]["symbols"]
    for left in ([{**perps[0], "status": "SETTLING"}, perps[1]], [perps[1]]):
        fake.replies["GET /fapi/v1/exchangeInfo"] = {"symbols": left}
        bad = [check for check in await inspected(venue) if check.verdict is Verdict.FAIL]
        assert [(check.name, check.asset) for check in bad] == [(hygiene.MARKET, "BTC")]


@pytest.mark.parametrize("endpoint", [KEY, ACCOUNT, "GET /fapi/v1/symbolConfig", "GET /fapi/v1/openOrders"])
@pytest.mark.parametrize("spoiler", [
    saying("<html></html>", content_type="text/html"), saying("{}"), saying("[1]"), saying('{"a"'),
], ids=["html", "empty", "a number", "cut"])
async def test_an_answer_that_is_none_is_never_taken_for_a_sound_account(
    fake: FakeBinance, venue: BinanceVenue, endpoint: str, spoiler: Any,
) -> None:
    fake.spoil[endpoint] = spoiler
    with pytest.raises(Unavailable):
        await inspected(venue)


@pytest.mark.parametrize(("endpoint", "field"), [
    (KEY, "enableWithdrawals"), (KEY, "enableFutures"), (KEY, "ipRestrict"), (ACCOUNT, "dualSidePosition"),
    (ACCOUNT, "multiAssetsMargin"), (ACCOUNT, "canTrade"),
])
async def test_a_missing_flag_is_unknown_and_not_harmless(
    fake: FakeBinance, venue: BinanceVenue, endpoint: str, field: str,
) -> None:
    for spoiler in (lacking(field), changed(**{field: None}), changed(**{field: "false"})):
        fake.spoil[endpoint] = spoiler
        with pytest.raises(Unavailable):
            await inspected(venue)


def test_only_live_and_local_tell_what_a_key_may_do() -> None:
    told = {}
    for environment in (Environment.LOCAL, Environment.DEMO, Environment.LIVE):
        venue = make_binance(
            environment, clock=ManualClock(), key="k", secret="s", assets=("BTC",),
            local_url="http://127.0.0.1:1" if environment is Environment.LOCAL else None,
        )
        assert isinstance(venue, BinanceVenue)
        told[environment] = venue._tells_key
    assert told == {Environment.LOCAL: True, Environment.DEMO: False, Environment.LIVE: True}


async def test_the_demo_does_not_tell_and_is_not_asked(fake: FakeBinance, venue: BinanceVenue) -> None:
    venue._tells_key = False
    checks = {check.name: check for check in await inspected(venue)}
    assert checks[hygiene.KEY_WITHDRAWAL].verdict is Verdict.UNKNOWN
    assert "demo" in checks[hygiene.KEY_WITHDRAWAL].found
    assert fake.calls(KEY) == []
