from __future__ import annotations

import itertools
from collections.abc import Mapping
from decimal import Decimal

import pytest

from bot.core.market import Asset, Instrument, WalletKind
from bot.core.times import DAY
from bot.errors import ConfigError
from bot.testnet.build import build
from bot.testnet.options import TestnetOptions
from bot.testnet.specs import BYBIT, EQUAL, INSTRUMENTS


@pytest.mark.parametrize("asset", ["BTC", "ETH"])
@pytest.mark.parametrize("listed", [INSTRUMENTS, BYBIT], ids=["binance", "bybit"])
def test_maintenance_margin_is_continuous_and_rising(listed: Mapping[Asset, Instrument], asset: Asset) -> None:
    tiers = listed[asset].tiers
    assert tiers[0].floor == tiers[0].deduction == 0
    assert tiers[-1].cap is None
    for lower, upper in itertools.pairwise(tiers):
        assert lower.cap == upper.floor
        assert lower.rate < upper.rate
        at = upper.floor
        assert at * lower.rate - lower.deduction == at * upper.rate - upper.deduction
        assert lower.max_leverage is not None
        assert upper.max_leverage is not None
        assert lower.max_leverage > upper.max_leverage
        # Initial margin at the highest leverage covers maintenance.
        assert 1 / lower.max_leverage > lower.rate


def test_specifications_are_as_the_venue_lists_them() -> None:
    btc, eth = INSTRUMENTS["BTC"], INSTRUMENTS["ETH"]
    assert (btc.price_tick, eth.price_tick) == (Decimal("0.1"), Decimal("0.01"))
    assert (btc.min_notional, eth.min_notional) == (Decimal(100), Decimal(20))
    assert (btc.spot_lot, eth.spot_lot) == (Decimal("0.00001"), Decimal("0.0001"))
    assert (btc.tiers[0].rate, eth.tiers[0].rate) == (Decimal("0.004"), Decimal("0.005"))
    assert (btc.tiers[1].deduction, eth.tiers[1].deduction) == (Decimal(300), Decimal(75))
    for asset, specs in INSTRUMENTS.items():
        assert specs.asset == asset
        assert specs.symbol == f"{asset}/USDT:USDT"
        assert (specs.maker_fee, specs.taker_fee) == (Decimal("0.0002"), Decimal("0.0005"))
        assert specs.spot_taker_fee == Decimal("0.001")
        assert specs.amount_step == specs.min_amount == Decimal("0.001")


def test_bybits_specifications_are_as_it_lists_them() -> None:
    btc, eth = BYBIT["BTC"], BYBIT["ETH"]
    assert (btc.amount_step, eth.amount_step) == (Decimal("0.001"), Decimal("0.01"))
    assert (btc.collateral_ratio, eth.collateral_ratio) == (Decimal("0.95"), Decimal("0.9"))
    for asset, specs in BYBIT.items():
        assert (specs.asset, specs.symbol) == (asset, f"{asset}/USDT:USDT")
        assert (specs.maker_fee, specs.taker_fee) == (Decimal("0.0002"), Decimal("0.00055"))
        assert specs.min_notional == specs.spot_min_notional == Decimal(5)
        assert specs.amount_step == specs.min_amount


def test_a_venue_brings_its_wallet_and_its_specifications_unless_they_are_to_be_equal() -> None:
    binance, bybit = (build(TestnetOptions(venue=venue)).exchange for venue in ("binance", "bybit"))
    assert (binance.wallets.kind, bybit.wallets.kind) == (WalletKind.SEPARATE, WalletKind.UNIFIED)
    assert (binance.instruments, bybit.instruments) == (dict(INSTRUMENTS), dict(BYBIT))
    assert build(TestnetOptions(venue="bybit", specs="equal")).exchange.instruments == dict(EQUAL)


def test_equal_specifications_make_one_market_on_both_venues() -> None:
    binance, bybit = (
        build(TestnetOptions(venue=venue, specs="equal", scenario="demo", seed=7)) for venue in ("binance", "bybit"))
    for testnet in (binance, bybit):
        testnet.world.advance("test", testnet.world.now() + 3 * DAY)
    for asset in EQUAL:
        assert binance.exchange.state(asset) == bybit.exchange.state(asset)
        assert binance.exchange.funding(asset) == bybit.exchange.funding(asset)


@pytest.mark.parametrize("wrong", [{"venue": "kraken"}, {"specs": "mine"}, {"path": "jump"}])
def test_an_option_that_is_not_known_is_refused_with_what_is(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="allowed are '"):
        TestnetOptions(**wrong)  # type: ignore[arg-type]  # a wrong word on purpose
