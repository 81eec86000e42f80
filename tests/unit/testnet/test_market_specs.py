from __future__ import annotations

import itertools
from decimal import Decimal

import pytest

from bot.core.market import Asset
from bot.testnet.specs import INSTRUMENTS


@pytest.mark.parametrize("asset", ["BTC", "ETH"])
def test_maintenance_margin_is_continuous_and_rising(asset: Asset) -> None:
    tiers = INSTRUMENTS[asset].tiers
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
