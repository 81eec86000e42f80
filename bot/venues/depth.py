"""A displayed order book, read strictly."""

from __future__ import annotations

from decimal import Decimal

from bot.ports import Depth
from bot.venues.failures import InvalidReply
from bot.venues.replies import positive


def depth(bids: object, asks: object) -> Depth:
    """Lists of (price, quantity), best first. Raises InvalidReply where they are not."""
    buying, selling = _levels(bids), _levels(asks)
    if list(buying) != sorted(buying, reverse=True) or list(selling) != sorted(selling):
        raise InvalidReply("depth: the best price does not come first")
    return Depth(buying, selling)


def _levels(found: object) -> tuple[tuple[Decimal, Decimal], ...]:
    if not isinstance(found, list) or not all(isinstance(level, list) and len(level) >= 2 for level in found):
        raise InvalidReply("depth: expected a list of prices and quantities")
    named = [{"price": level[0], "quantity": level[1]} for level in found]
    return tuple((positive(level, "price"), positive(level, "quantity")) for level in named)
