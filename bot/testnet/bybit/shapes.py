"""Coins under their names on Bybit, and numbers as it writes them: strings, ids and instants mostly included."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal

from bot.core.market import Asset, Instrument, Side
from bot.core.money import plain
from bot.paper.records import MarketName
from bot.testnet.numbers import digits, fixed
from bot.testnet.options import SETTLE

USER_ID = 1_448_939
"""The account's number: one that a testnet always has."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """One coin's two markets under the name that both have on Bybit, with the lengths of their numbers."""

    id: str
    asset: Asset
    instrument: Instrument
    price_places: int
    quantity_places: int
    spot_price_places: int
    spot_quantity_places: int

    @classmethod
    def of(cls, asset: Asset, instrument: Instrument, *, before: Symbol | None = None) -> Symbol:
        """The coin against the settle coin. `before`: as it was specified until now; its numbers may still be about."""
        steps = (instrument.price_tick, instrument.amount_step, instrument.spot_tick, instrument.spot_lot)
        places = (0, 0, 0, 0) if before is None else (
            before.price_places, before.quantity_places, before.spot_price_places, before.spot_quantity_places)
        return cls(asset + SETTLE, asset, instrument, *map(max, map(digits, steps), places))

    def tick(self, market: MarketName) -> Decimal:
        """The step of prices."""
        return self.instrument.price_tick if market == "perp" else self.instrument.spot_tick

    def step(self, market: MarketName) -> Decimal:
        """The step of quantities."""
        return self.instrument.amount_step if market == "perp" else self.instrument.spot_lot

    def price(self, value: Decimal, market: MarketName = "perp") -> str:
        """A price with as many decimals as the market's ticks have."""
        return fixed(value, self.price_places if market == "perp" else self.spot_price_places)

    def quantity(self, value: Decimal, market: MarketName = "perp") -> str:
        """A quantity with as many decimals as the market's steps have."""
        return fixed(value, self.quantity_places if market == "perp" else self.spot_quantity_places)


def market_of(category: str) -> MarketName:
    """The simulated market that a category means."""
    return "perp" if category == "linear" else "spot"


def category_of(market: MarketName) -> str:
    """The category of a simulated market."""
    return "linear" if market == "perp" else "spot"


def side_word(side: Side) -> str:
    """'Buy' or 'Sell'."""
    return side.value.capitalize()


def amount(value: Decimal) -> str:
    """An amount of money as short as it can be written; '0' for nothing."""
    return plain(value)


def uuid_of(kind: str, number: int) -> str:
    """The id in Bybit's form (a UUID) of our own numbered order or execution: always the same one."""
    found = hashlib.sha256(f"{kind} {number}".encode()).hexdigest()
    return f"{found[:8]}-{found[8:12]}-{found[12:16]}-{found[16:20]}-{found[20:32]}"
