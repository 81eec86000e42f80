"""A tick with nothing to do: how many requests, how much of the venue's allowances, how much of the processor."""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from exchange import Arrival, Exchange, exchange
from figures import Goal, Outcome, Timed
from sides import KEY, SECRET, alternating, ours, settings, without_limits

from bot.core.policy import Terms
from bot.core.times import MINUTE, SECOND, Millis
from bot.engine.book import Book
from bot.engine.tick import Engine
from bot.environment import Environment
from bot.journal.store import SqlJournal
from bot.ports import Memory
from bot.venues.lean import exchange_class
from bot.venues.makers import ACCOUNTS

SIZES = (2, 10, 50)
POLL: Millis = 5 * SECOND
MINUTES = 4
LIMITS = {"binance": {"spot": 6_000, "futures": 2_400}, "bybit": {"address": 600 * 12}}
"""A minute's; Bybit counts requests, 600 in five seconds from one address."""

_WEIGHTS = {
    "GET /api/v3/account": 20, "GET /api/v3/time": 1, "GET /fapi/v1/time": 1, "GET /fapi/v1/fundingInfo": 1,
    "GET /fapi/v3/account": 5, "GET /fapi/v3/positionRisk": 5,
}
_BY_SYMBOL = {  # one symbol, all of them (spot: two or more)
    "GET /api/v3/ticker/bookTicker": (2, 4), "GET /fapi/v1/ticker/bookTicker": (2, 5),
    "GET /fapi/v1/premiumIndex": (1, 10), "GET /fapi/v1/openOrders": (1, 40),
}


def weight(arrival: Arrival) -> int:
    """What Binance counts for a request (EXCHANGES §8): the exchange's own arithmetic, not the bot's."""
    if arrival.key in _BY_SYMBOL:
        return _BY_SYMBOL[arrival.key]["symbol" not in parse_qs(arrival.query)]
    return _WEIGHTS[arrival.key]


class FastClock:
    """A minute of polling without the minute: it stands at the tick's instant, moved on by the bench."""

    origin = 0

    def __init__(self) -> None:
        self.at: Millis = time.time_ns() // 1_000_000 // POLL * POLL

    def now(self) -> Millis:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += round(seconds * SECOND)

    async def sleep_until(self, at: Millis) -> None:
        self.at = max(self.at, at)


def _unsaid(event: str, **fields: object) -> None:
    """No log: only requests are counted here."""


@asynccontextmanager
async def _engine(place: Exchange, folder: Path, clock: FastClock, name: str) -> AsyncIterator[Engine]:
    wished = settings(place, folder)
    policy = wished.policy()
    venue = ACCOUNTS[name](Environment.LOCAL, clock=clock, key=KEY, secret=SECRET, assets=place.assets,
                           local_url=place.url)
    without_limits(venue)  # fifty coins' specifications wait for each other: the exchange's clock would not
    journal = await SqlJournal.open(folder / f"idle{name}{len(place.assets)}.db", environment="local", venue=name,
                                    account="1", wall=lambda: 0)
    try:
        terms = Terms(policy, await venue.instruments(place.assets))
        book = Book(journal, clock, account_tag="bench0", settle="USDT", instruments=terms.instruments,
                    memory=Memory())
        yield Engine(venue=venue, book=book, clock=clock, terms=terms, emit=_unsaid)
    finally:
        await venue.close()
        await journal.close()


async def count(name: str, size: int, folder: Path) -> tuple[int, dict[str, float]]:
    """Most requests in one tick, and the largest share of each allowance spent in any minute of ticks."""
    limits = LIMITS[name]
    most, spent = 0, dict.fromkeys(limits, 0.0)
    clock = FastClock()
    with exchange(size, "calm", name) as place:
        async with _engine(place, folder, clock, name) as engine:
            await engine.tick()  # the hour's readings of clock and funding intervals come with the first
            place.arrivals()
            for _ in range(MINUTES):
                used: Counter[str] = Counter()
                for _ in range(MINUTE // POLL):
                    clock.at += POLL
                    await engine.tick()
                    came = place.arrivals()
                    most = max(most, len(came))
                    for arrival in came:
                        if name == "bybit":
                            used["address"] += 1
                        else:
                            used["futures" if "/fapi/" in arrival.key else "spot"] += weight(arrival)
                spent = {of: max(spent[of], used[of] / limit) for of, limit in limits.items()}
    return most, spent


async def _plain_ccxt(place: Exchange) -> Any:  # noqa: ANN401 - ccxt ships no types
    """Ccxt's own object, without its throttle; its addresses are the exchange's."""
    client: Any = exchange_class("binance")({"apiKey": KEY, "secret": SECRET, "enableRateLimit": False})
    client.urls["api"] = {
        name: place.url + "/" + url.split("/", 3)[3] if isinstance(url, str) and url.startswith("https") else url
        for name, url in client.urls["api"].items()
    }
    client.options["warnOnFetchOpenOrdersWithoutSymbol"] = False
    return client


async def _seven(client: Any, place: Exchange) -> None:  # noqa: ANN401 - ccxt ships no types
    names = ",".join(f'"{asset}USDT"' for asset in place.assets)
    await asyncio.gather(
        client.publicGetTickerBookTicker({"symbols": f"[{names}]"}), client.fapiPublicGetTickerBookTicker(),
        client.fapiPublicGetPremiumIndex(), client.privateGetAccount({"omitZeroBalances": "true"}),
        client.fapiPrivateV3GetAccount(), client.fapiPrivateV3GetPositionRisk(), client.fapiPrivateGetOpenOrders(),
    )


async def processor(rounds: int, folder: Path) -> Timed:
    """Processor time of one tick that makes all seven reads, against ccxt making the same seven."""
    took: dict[str, list[float]] = {"ours": [], "bare": []}
    with exchange(2, "calm") as place:
        async with ours(place, folder) as bot:
            without_limits(bot.bot.venue)
            client = await _plain_ccxt(place)
            engine = bot.engine()
            await engine.tick()
            gc.collect()
            gc.freeze()
            place.arrivals()
            for order in alternating(rounds):
                for side in order:
                    if side == "ours":
                        bot.read_orders_now()
                    began = time.process_time()
                    await (engine.tick() if side == "ours" else _seven(client, place))
                    took[side].append((time.process_time() - began) * 1e3)
                    assert len(place.arrivals()) == 7, "both sides make seven requests"
            await client.close()
    return Timed("processor time of a tick of seven reads", "ms", took["ours"], took["bare"])


def bench(rounds: int) -> Outcome:
    goals: list[Goal] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, size in product(LIMITS, SIZES):
            most, spent = asyncio.run(count(name, size, Path(folder)))
            goals.append(Goal(f"requests in an idle tick, {name}, {size} assets", 7, most))
            goals += [Goal(f"share of {name}'s {of} budget, {size} assets (%)", 25, share * 100)
                      for of, share in spent.items()]
        timed = asyncio.run(processor(rounds, Path(folder)))
    return Outcome("Idle tick", [timed], [*goals, timed.goal("processor of an idle tick", 0.5, 2.0)])
