"""The venues that a testnet can be: whose protocol, which wallet, which contract specifications."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from bot.core.market import Asset, Instrument, WalletKind
from bot.testnet.binance.build import binance
from bot.testnet.binance.futures_market import PRICE_BAND
from bot.testnet.bybit.build import bybit
from bot.testnet.dialect import Credentials, Dialect
from bot.testnet.specs import BYBIT, INSTRUMENTS
from bot.testnet.world import World


@dataclass(frozen=True, slots=True)
class SimulatedVenue:
    """One venue as the testnet plays it. `price_band`: how far from the mark a limit price may be (None: any)."""

    wallet: WalletKind
    instruments: Mapping[Asset, Instrument]
    price_band: Decimal | None
    dialect: Callable[[World, Credentials], Dialect]


VENUES: Mapping[str, SimulatedVenue] = MappingProxyType({
    "binance": SimulatedVenue(WalletKind.SEPARATE, INSTRUMENTS, PRICE_BAND, binance),
    "bybit": SimulatedVenue(WalletKind.UNIFIED, BYBIT, None, bybit),
})
"""By the name that the configuration's `venue` has."""
