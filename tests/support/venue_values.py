"""A clock that a test moves, and an order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from bot.core.market import Side
from bot.core.orders import OrderIntent, TimeInForce
from bot.core.times import SECOND, Millis

BTC = "BTC/USDT:USDT"


@dataclass
class ManualClock:
    """Sleeping moves it at once; `slept` keeps where to."""

    at: Millis = 1_700_000_000_000
    slept: list[Millis] = field(default_factory=list)

    @property
    def origin(self) -> Millis:
        return 0

    def now(self) -> Millis:
        return self.at

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self.at + int(seconds * SECOND))

    async def sleep_until(self, at: Millis) -> None:
        if at > self.at:
            self.at = at
            self.slept.append(at)


def an_intent(**fields: Any) -> OrderIntent:
    """To sell 0.2 BTC at 50,000, post-only."""
    return replace(OrderIntent(
        client_order_id="hrtest_btc1_1", number=1, episode="btc1", asset="BTC", symbol=BTC, side=Side.SELL,
        quantity=Decimal("0.2"), price=Decimal(50_000), reduce_only=False, time_in_force=TimeInForce.GTX,
        position_before=Decimal(0), goal=Decimal("0.2"), decided_at=1_700_000_000_000, created_at=1_700_000_000_000,
        reason="drift",
    ), **fields)
