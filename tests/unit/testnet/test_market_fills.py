"""What becomes of an order that rests at the touch: it fills, fills partly, or does not."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from bot.core.market import Side
from bot.core.orders import TimeInForce
from bot.core.times import HOUR, MINUTE, SECOND, Millis
from bot.paper.matching import queue_ahead, resting_fills
from bot.paper.records import PaperOrder
from bot.testnet.market.scenarios import scenario_story
from bot.testnet.market.story import Story


def rest(story: Story, asset: str, quantity: Decimal, at: Millis, patience: Millis) -> str:
    """Offer `quantity` at the best ask from `at` on; what it came to."""
    book = story.at(asset, at).perp
    price = book.asks[0].price
    order = PaperOrder(
        1, "one", f"{asset}/USDT:USDT", asset, "perp", Side.SELL, price, quantity, TimeInForce.GTX,
        reduce_only=False, created_at=at, updated_at=at, queue_ahead=queue_ahead(Side.SELL, price, book),
    )
    for later in range(at + story.step, at + patience + 1, story.step):
        for _, filled in resting_fills([order], Side.SELL, story.at(asset, later).perp):
            order.filled += filled
        if not order.remaining:
            return "filled"
    return "partly" if order.filled else "not"


def outcomes(name: str, asset: str, quantity: str, patience: Millis) -> Counter[str]:
    story = scenario_story(name, seed=1)
    hours = range(7 * MINUTE, story.end - story.start - HOUR, HOUR)
    return Counter(rest(story, asset, Decimal(quantity), story.start + hour, patience) for hour in list(hours)[:300])


@pytest.mark.parametrize("name", ["calm", "bull"])
def test_most_small_orders_fill_in_two_minutes_and_some_do_not(name: str) -> None:
    seen = outcomes(name, "BTC", "0.2", 2 * MINUTE)
    assert 0.80 < seen["filled"] / 300 < 0.95
    assert seen["not"] > 15


def test_a_large_order_may_fill_partly() -> None:
    assert outcomes("calm", "ETH", "20", 2 * MINUTE)["partly"] > 3


def test_patience_pays() -> None:
    assert outcomes("calm", "BTC", "0.2", 10 * SECOND)["filled"] < 240
