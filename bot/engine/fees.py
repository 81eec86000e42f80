"""What a fee in another coin than the settle coin was worth when it was charged (DOMAIN §4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from bot.core.market import Asset
from bot.core.money import reckoned, to_ledger
from bot.core.orders import Fill
from bot.core.times import MINUTE, Millis
from bot.errors import Refused, SafetyStop, Unavailable
from bot.ports import Clock, CoinPrices, Venue

SAME_MOMENT: Millis = 5 * MINUTE
"""A price of now says what a fee was worth only so long after it was charged."""


class FeeWorth:
    """Names the worth of each new execution's fee before it is booked, where that can be known."""

    def __init__(self, venue: Venue, clock: Clock, settle: str) -> None:
        self._venue = venue if isinstance(venue, CoinPrices) else None
        self._clock = clock
        self._settle = settle

    async def priced(self, fills: Sequence[Fill], asset: Asset) -> tuple[Fill, ...]:
        """The same executions; a fee in the traded coin is worth what the trade paid for it, any other its mid now.

        A price that cannot be read is not known, and books wait for none. Raises SafetyStop only.
        """
        prices: dict[str, Decimal | None] = {}
        found: list[Fill] = []
        for fill in fills:
            coin = fill.fee_currency
            if coin == self._settle or not fill.fee or fill.fee_value is not None:
                found.append(fill)
                continue
            if coin == asset:
                price: Decimal | None = fill.price
            elif self._clock.now() - fill.at > SAME_MOMENT:
                price = None
            else:
                if coin not in prices:
                    prices[coin] = await self._price(coin)
                price = prices[coin]
            found.append(fill if price is None else replace(fill, fee_value=_worth(fill.fee, price)))
        return tuple(found)

    async def _price(self, coin: str) -> Decimal | None:
        if self._venue is None:
            return None
        try:
            return await self._venue.coin_price(coin)
        except SafetyStop:
            raise
        except (Unavailable, Refused):
            return None


@reckoned
def _worth(fee: Decimal, price: Decimal) -> Decimal:
    return to_ledger(fee * price)
