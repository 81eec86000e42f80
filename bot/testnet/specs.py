"""Contract specifications of the local testnet's markets: Binance's, Bybit's, and one set for both."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from bot.core.market import Asset, Instrument, MarginTier
from bot.core.money import ZERO


def _tiers(*table: tuple[str, str, int]) -> tuple[MarginTier, ...]:
    """Tiers of (cap, rate, leverage); each deduction makes maintenance margin continuous at the tier's floor."""
    tiers: list[MarginTier] = []
    floor, rate, deduction = ZERO, ZERO, ZERO
    for cap_text, rate_text, leverage in table:
        deduction += floor * (Decimal(rate_text) - rate)
        rate = Decimal(rate_text)
        cap = Decimal(cap_text) if cap_text else None
        tiers.append(MarginTier(floor, cap, rate, deduction, Decimal(leverage)))
        floor = cap if cap is not None else floor
    return tuple(tiers)


_MAKER, _TAKER, _SPOT_TAKER = Decimal("0.0002"), Decimal("0.0005"), Decimal("0.001")

_BTC = Instrument(
    asset="BTC", symbol="BTC/USDT:USDT", spot_symbol="BTC/USDT",
    amount_step=Decimal("0.001"), min_amount=Decimal("0.001"), min_notional=Decimal(100), price_tick=Decimal("0.1"),
    spot_lot=Decimal("0.00001"), spot_tick=Decimal("0.01"), spot_min_notional=Decimal(5), max_amount=Decimal(1000),
    spot_min_amount=Decimal("0.00001"),
    tiers=_tiers(
        ("300000", "0.004", 125), ("800000", "0.005", 100), ("3000000", "0.0065", 75), ("12000000", "0.01", 50),
        ("70000000", "0.02", 25), ("100000000", "0.025", 20), ("230000000", "0.05", 10), ("480000000", "0.1", 5),
        ("600000000", "0.125", 4), ("800000000", "0.15", 3), ("1200000000", "0.25", 2), ("", "0.5", 1),
    ),
    maker_fee=_MAKER, taker_fee=_TAKER, spot_taker_fee=_SPOT_TAKER,
)

_ETH = Instrument(
    asset="ETH", symbol="ETH/USDT:USDT", spot_symbol="ETH/USDT",
    amount_step=Decimal("0.001"), min_amount=Decimal("0.001"), min_notional=Decimal(20), price_tick=Decimal("0.01"),
    spot_lot=Decimal("0.0001"), spot_tick=Decimal("0.01"), spot_min_notional=Decimal(5), max_amount=Decimal(10000),
    spot_min_amount=Decimal("0.0001"),
    tiers=_tiers(
        ("50000", "0.005", 100), ("600000", "0.0065", 75), ("3000000", "0.01", 50), ("12000000", "0.02", 25),
        ("50000000", "0.025", 20), ("65000000", "0.05", 10), ("150000000", "0.1", 5), ("320000000", "0.125", 4),
        ("400000000", "0.15", 3), ("530000000", "0.25", 2), ("", "0.5", 1),
    ),
    maker_fee=_MAKER, taker_fee=_TAKER, spot_taker_fee=_SPOT_TAKER,
)

INSTRUMENTS: Mapping[Asset, Instrument] = MappingProxyType({"BTC": _BTC, "ETH": _ETH})
"""By coin. Rates and ticks as Binance listed them in 2024; tiers are its table, ended by one without a cap."""

_BYBIT_TAKER = Decimal("0.00055")

_BYBIT_BTC = Instrument(
    asset="BTC", symbol="BTC/USDT:USDT", spot_symbol="BTC/USDT",
    amount_step=Decimal("0.001"), min_amount=Decimal("0.001"), min_notional=Decimal(5), price_tick=Decimal("0.1"),
    spot_lot=Decimal("0.000001"), spot_tick=Decimal("0.01"), spot_min_notional=Decimal(5), max_amount=Decimal(1190),
    spot_min_amount=Decimal("0.000048"),
    tiers=_tiers(
        ("2000000", "0.005", 100), ("10000000", "0.01", 50), ("20000000", "0.015", 33), ("40000000", "0.025", 20),
        ("80000000", "0.05", 10), ("150000000", "0.1", 5), ("300000000", "0.25", 2), ("", "0.5", 1),
    ),
    maker_fee=_MAKER, taker_fee=_BYBIT_TAKER, spot_taker_fee=_SPOT_TAKER, collateral_ratio=Decimal("0.95"),
)

_BYBIT_ETH = Instrument(
    asset="ETH", symbol="ETH/USDT:USDT", spot_symbol="ETH/USDT",
    amount_step=Decimal("0.01"), min_amount=Decimal("0.01"), min_notional=Decimal(5), price_tick=Decimal("0.01"),
    spot_lot=Decimal("0.00001"), spot_tick=Decimal("0.01"), spot_min_notional=Decimal(5), max_amount=Decimal(7240),
    spot_min_amount=Decimal("0.00062"),
    tiers=_tiers(
        ("900000", "0.005", 100), ("5000000", "0.01", 50), ("10000000", "0.015", 33), ("20000000", "0.025", 20),
        ("40000000", "0.05", 10), ("80000000", "0.1", 5), ("150000000", "0.25", 2), ("", "0.5", 1),
    ),
    maker_fee=_MAKER, taker_fee=_BYBIT_TAKER, spot_taker_fee=_SPOT_TAKER, collateral_ratio=Decimal("0.9"),
)

BYBIT: Mapping[Asset, Instrument] = MappingProxyType({"BTC": _BYBIT_BTC, "ETH": _BYBIT_ETH})
"""By coin. Rates, steps and minimums as Bybit listed them in 2024; tiers and collateral ratios are its tables with
fewer steps."""

EQUAL: Mapping[Asset, Instrument] = INSTRUMENTS
"""By coin: one set for every venue, so that decisions on two of them can be compared. Coins are no collateral in it."""
