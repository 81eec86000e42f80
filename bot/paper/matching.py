"""Who trades with whom: a taker walks the book, takers of others reach the orders that rest. Pure functions.

Orders of the account never trade with each other: a taker passes over the account's own resting orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from bot.core.market import Side
from bot.core.money import ZERO
from bot.paper.books import better, displayed_at, other_side, own_side, reaches
from bot.paper.feed import BookState, Level
from bot.paper.records import PaperOrder


def would_cross(side: Side, price: Decimal, book: BookState) -> bool:
    """Whether a limit order would trade at once."""
    levels = other_side(book, side)
    return bool(levels) and reaches(side, price, levels[0].price)


def walk(side: Side, limit: Decimal, quantity: Decimal, levels: Iterable[Level]) -> tuple[Level, ...]:
    """What a taker gets: price and quantity level by level, up to its limit and the visible depth."""
    taken: list[Level] = []
    left = quantity
    for level in levels:
        if left <= 0 or not reaches(side, limit, level.price):
            break
        part = min(left, level.quantity)
        taken.append(Level(level.price, part))
        left -= part
    return tuple(taken)


def in_priority(orders: Iterable[PaperOrder]) -> list[PaperOrder]:
    """Orders of one side, best price first, then oldest."""
    return sorted(
        orders, key=lambda order: (-order.price if order.side is Side.BUY else order.price, order.order_id),
    )


def queue_ahead(order_side: Side, price: Decimal, book: BookState) -> Decimal | None:
    """Others' quantity before a newly resting order; None while its price is deeper than the book shows."""
    return displayed_at(own_side(book, order_side), order_side, price)


def resting_fills(orders: Sequence[PaperOrder], side: Side, book: BookState) -> list[tuple[PaperOrder, Decimal]]:
    """How much of each resting order of `side` trades in the step that ends with `book`; moves the queues on.

    The market trades through a price when the best opposite price is strictly beyond it: everything at it trades.
    Otherwise the takers of the step arrive at the touch: first at orders that improve it, then at the touch itself,
    where others' quantity ahead goes first. Amounts are at the orders' own prices.
    """
    own, others = own_side(book, side), other_side(book, side)
    flow = book.taker_sells if side is Side.BUY else book.taker_buys
    filled: list[tuple[PaperOrder, Decimal]] = []
    for order in in_priority(order for order in orders if order.side is side):
        if others and better(side, order.price, others[0].price):
            filled.append((order, order.remaining))
            continue
        at_touch = not own or not better(side, own[0].price, order.price)
        if at_touch and order.queue_ahead is not None:
            # What others gave to orders of ours further up has left `flow` already.
            reached = min(order.remaining, max(ZERO, flow - order.queue_ahead))
            order.queue_ahead = max(ZERO, order.queue_ahead - flow)
            flow -= reached
            if reached > 0:
                filled.append((order, reached))
        order.queue_ahead = _shrunk(order.queue_ahead, displayed_at(own, side, order.price))
    return filled


def _shrunk(ahead: Decimal | None, displayed: Decimal | None) -> Decimal | None:
    """The queue ahead is never longer than what the price displays; unknown stays unknown until it is displayed."""
    if displayed is None:
        return ahead
    return displayed if ahead is None else min(ahead, displayed)
