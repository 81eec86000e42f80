"""An order right after a poll, and right after another order: does an allowance make it wait?"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from exchange import Exchange, exchange
from figures import Goal, Outcome, Timed
from idle import FastClock
from sides import KEY, ORDER, SECRET, Bare, bare, intent

from bot.clocks import WallClock
from bot.core.times import SECOND, Millis
from bot.environment import Environment
from bot.ports import Clock, Venue
from bot.venues.binance_open import make_binance
from bot.venues.lean import exchange_class

ROUNDS = 20
"""What a minute's allowance has room for."""

ORDERS_IN_10_S = 300


class NotingClock(WallClock):
    """The wall, with a note of every wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[Millis] = []

    async def sleep_until(self, at: Millis) -> None:
        began = self.now()
        await super().sleep_until(at)
        self.waited.append(self.now() - began)


def _venue(place: Exchange, clock: Clock) -> Venue:
    return make_binance(Environment.LOCAL, clock=clock, key=KEY, secret=SECRET, assets=place.assets,
                        local_url=place.url)


class Orders:
    """Sends orders of ours, each told apart, and says how long each took to the exchange."""

    def __init__(self, venue: Venue, place: Exchange) -> None:
        self._venue = venue
        self._place = place
        self._number = 0

    async def send(self) -> float:
        """In ms from the call to the arrival."""
        self._number += 1
        meant = replace(intent(self._number), client_order_id=f"hrbench_btc1_{self._number}")
        self._place.arrivals()
        began = time.monotonic_ns()
        await self._venue.place(meant)
        return _arrival(self._place, began)


def _arrival(place: Exchange, began: int) -> float:
    return next((came.at - began) / 1e6 for came in place.arrivals() if came.key == ORDER)


async def _bare(client: Bare, place: Exchange, number: int) -> float:
    place.arrivals()
    began = time.monotonic_ns()
    await client.place(number)
    return _arrival(place, began)


async def measure() -> tuple[list[Timed], int, Millis]:
    """Time to the exchange in each of the two places; the number of waits, and the longest."""
    took: dict[str, list[float]] = {name: [] for name in ("poll", "order", "bare poll", "bare order")}
    clock = NotingClock()
    with exchange(2, "calm") as place:
        venue = _venue(place, clock)
        orders = Orders(venue, place)
        async with bare(place) as client:
            await venue.snapshot()
            for number in range(ROUNDS):
                await venue.snapshot()
                took["poll"].append(await orders.send())
                took["order"].append(await orders.send())
                await client.poll()
                took["bare poll"].append(await _bare(client, place, 2 * number))
                took["bare order"].append(await _bare(client, place, 2 * number + 1))
        await venue.close()
    return [Timed(f"order right after a{'n' if name == 'order' else ''} {name}", "ms", took[name],
                  took[f"bare {name}"]) for name in ("poll", "order")], len(clock.waited), max(clock.waited, default=0)


async def spent() -> Millis:
    """By how much the first order waits that Binance would refuse: the 301st in ten seconds."""
    clock = FastClock()
    with exchange(2, "calm") as place:
        venue = _venue(place, clock)
        orders = Orders(venue, place)
        for _ in range(ORDERS_IN_10_S):
            await orders.send()
        began = clock.now()
        await orders.send()
        await venue.close()
    return clock.now() - began


async def default_throttle() -> float:
    """What ccxt's own default makes the second of two orders wait, in ms."""
    client = exchange_class("binance")({"apiKey": KEY, "secret": SECRET})
    began = time.perf_counter()
    cost = client.calculate_rate_limiter_cost(
        "fapiPrivate", "POST", "order", {}, client.api["fapiPrivate"]["post"]["order"])
    await client.throttle(cost)
    first = time.perf_counter()
    await client.throttle(cost)
    await client.close()
    return max(time.perf_counter() - first, first - began) * 1e3


def bench(_rounds: int) -> Outcome:
    timed, waits, longest = asyncio.run(measure())
    throttled, held_back = asyncio.run(default_throttle()), asyncio.run(spent()) / SECOND
    notes = [
        f"the longest wait of an order: {longest} ms; with ccxt's default throttle: {throttled:.0f} ms",
        f"order {ORDERS_IN_10_S + 1} within ten seconds, which Binance would refuse, waits {held_back:.0f} s",
    ]
    return Outcome("Waiting for an allowance", timed, [
        Goal(f"waits of {2 * ROUNDS} orders after polls and orders", 0, waits),
    ], notes)
