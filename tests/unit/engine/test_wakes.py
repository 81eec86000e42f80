"""What is pushed becomes an earlier tick, no oftener than the request budget bears, and never another decision."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from functools import partial

import pytest
from story_stream import HandStream, LightTime, half_in_btc, short_in_btc

from bot.core.times import MINUTE, SECOND
from bot.core.wake import Watch
from bot.engine.wakes import Allowance, Wakes
from bot.ports import Market

D = Decimal
T0 = 1_600_000_000_000


class Said:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def __call__(self, event: str, **fields: object) -> None:
        self.events.append((event, fields))


class Bot:
    """Wakes on a planned clock; `ticks` are the instants at which a daemon would have ticked."""

    def __init__(self, *, floor: int = 250, per_minute: int = 20, enabled: bool = True, poll: int = 5 * SECOND) -> None:
        self.clock = LightTime(T0)
        self.stream = HandStream()
        self.said = Said()
        self.poll = poll
        self.wakes = Wakes(
            self.stream, self.clock, self.said, allowance=Allowance(floor=floor, per_minute=per_minute),
            enabled=enabled)
        self.ticks: list[int] = []

    async def run(self, until: int, watch: Watch | None = None) -> list[int]:
        await self.wakes.start()
        while self.clock.now() < T0 + until:
            self.ticks.append(self.clock.now() - T0)
            self.wakes.ticking()
            self.wakes.ticked(watch, acted=False)
            at = self.clock.now()
            await self.wakes.sleep_until(at - at % self.poll + self.poll)
        return self.ticks


async def test_without_news_ticks_fall_on_the_grid() -> None:
    assert await Bot().run(15 * SECOND) == [0, 5_000, 10_000]


async def test_a_fill_of_ours_ends_the_sleep_at_once() -> None:
    bot = Bot()
    bot.clock.at(T0 + 1_234, lambda: bot.stream.fill(T0 + 1_234))
    assert await bot.run(10 * SECOND) == [0, 1_234, 5_000]


async def test_news_within_the_floor_wait_for_it() -> None:
    bot = Bot(floor=1_000)
    for at in (100, 150, 1_200):
        bot.clock.at(T0 + at, partial(bot.stream.fill, T0 + at))
    assert await bot.run(5 * SECOND) == [0, 1_000, 2_000]


async def test_a_storm_of_fills_costs_no_more_ticks_than_the_minute_allows() -> None:
    bot = Bot(floor=0, per_minute=10)
    for at in range(1, 50_000, 100):
        bot.clock.at(T0 + at, partial(bot.stream.fill, T0 + at))
    ticks = await bot.run(MINUTE)
    assert len([tick for tick in ticks if tick % bot.poll]) == 10


async def test_prices_may_use_up_only_half_of_the_allowance() -> None:
    bot = Bot(floor=0, per_minute=10)
    for at in range(1, 20_000, 100):
        bot.clock.at(T0 + at, partial(bot.stream.touch, "BTC", "70000", T0 + at))
    bot.clock.at(T0 + 21_111, lambda: bot.stream.fill(T0 + 21_111))
    ticks = await bot.run(30 * SECOND, half_in_btc())
    assert [tick for tick in ticks if tick % bot.poll] == [1, 101, 201, 301, 401, 21_111]


async def test_only_a_price_that_crosses_wakes() -> None:
    bot = Bot()
    bot.clock.at(T0 + 1_000, lambda: bot.stream.touch("BTC", "61111.1", T0 + 1_000))
    bot.clock.at(T0 + 2_000, lambda: bot.stream.touch("BTC", "61111.2", T0 + 2_000))
    assert await bot.run(5 * SECOND, half_in_btc()) == [0, 2_000]


async def test_a_mark_that_brings_the_account_to_another_rung_of_the_ladder_ends_the_sleep() -> None:
    bot = Bot()
    bot.clock.at(T0 + 1_000, lambda: bot.stream.mark("BTC", "56400", T0 + 1_000))
    bot.clock.at(T0 + 2_000, lambda: bot.stream.mark("BTC", "56500", T0 + 2_000))
    assert await bot.run(5 * SECOND, short_in_btc()) == [0, 2_000]


async def test_where_no_mark_is_pushed_the_perpetuals_touch_stands_for_it() -> None:
    bot = Bot()
    bot.clock.at(T0 + 1_000, lambda: bot.stream.touch("BTC", "56400", T0 + 1_000, Market.PERP))
    bot.clock.at(T0 + 2_000, lambda: bot.stream.touch("BTC", "56500", T0 + 2_000, Market.PERP))
    assert await bot.run(5 * SECOND, short_in_btc()) == [0, 2_000]


async def test_a_perpetual_price_leaves_the_spot_price_as_it_was() -> None:
    bot = Bot()
    await bot.wakes.start()
    bot.stream.touch("BTC", "50000", T0)
    bot.stream.touch("BTC", "50010", T0, Market.PERP)
    seen = bot.wakes.seen["BTC"]
    assert (seen.spot_mid, seen.perp_bid, seen.perp_ask) == (D(50_000), D(50_010), D(50_010))


async def test_what_came_while_a_tick_was_at_work_is_looked_at_after_it() -> None:
    bot = Bot()
    await bot.wakes.start()
    bot.wakes.ticking()
    bot.stream.touch("BTC", "70000", T0)
    bot.wakes.ticked(half_in_btc(), acted=False)
    await bot.wakes.sleep_until(T0 + 5_000)
    assert bot.clock.now() == T0 + 250


@pytest.mark.parametrize("enabled", [True, False])
async def test_with_wakes_off_nothing_moves_a_tick(enabled: bool) -> None:
    bot = Bot(enabled=enabled)
    bot.clock.at(T0 + 1_000, lambda: bot.stream.fill(T0 + 1_000))
    bot.clock.at(T0 + 2_000, lambda: bot.stream.touch("BTC", "70000", T0 + 2_000))
    assert await bot.run(5 * SECOND, half_in_btc()) == ([0, 1_000, 2_000] if enabled else [0])


async def test_a_lost_stream_is_said_and_its_prices_are_forgotten() -> None:
    bot = Bot()
    await bot.wakes.start()
    bot.stream.touch("BTC", "50000", T0)
    bot.wakes.lost("spot prices", "silent")
    assert bot.wakes.seen == {}
    bot.wakes.back("spot prices")
    assert bot.said.events == [
        ("stream.lost", {"stream": "spot prices", "message": "silent"}), ("stream.back", {"stream": "spot prices"}),
    ]


async def test_what_happened_while_the_stream_was_away_is_worth_a_look() -> None:
    bot = Bot()
    bot.clock.at(T0 + 1_500, lambda: bot.wakes.back("account"))
    assert await bot.run(5 * SECOND) == [0, 1_500]


async def test_every_tick_tends_the_stream_and_an_order_makes_it_owe_a_frame() -> None:
    bot = Bot()
    await bot.wakes.start()
    bot.wakes.ticking()
    bot.wakes.ticked(None, acted=True)
    assert (bot.stream.tended, bot.stream.expected) == (1, 1)


async def test_a_wake_during_the_sleep_is_cancelled_with_it() -> None:
    bot = Bot()
    sleeping = asyncio.ensure_future(bot.wakes.sleep_until(T0 + 5_000))
    sleeping.cancel()
    await asyncio.gather(sleeping, return_exceptions=True)
    assert sleeping.cancelled()


async def offered(happens: str, *, fresh: int = 2_000) -> bool:
    """Whether the tick after this is offered pushed prices to decide on."""
    clock, stream = LightTime(T0), HandStream()
    wakes = Wakes(stream, clock, Said(), allowance=Allowance(floor=0, per_minute=20), fresh=fresh)
    await wakes.start()
    assert wakes.ticking() is None  # nothing woke it, and nothing was read before
    wakes.ticked(half_in_btc(), acted=False)
    if happens != "poll":
        clock.at(T0 + 900, lambda: stream.touch("BTC", "70000", T0 + 900))
    if happens == "news before":
        clock.at(T0 + 800, lambda: stream.fill(T0 + 800))
    if happens == "lost and back":
        clock.at(T0 + 700, lambda: wakes.lost("account", "gone"))
        clock.at(T0 + 800, lambda: wakes.back("account"))
    if happens == "news since":
        await wakes.sleep_until(T0 + 5_000)
        stream.fill(T0 + 901)
        return wakes.ticking() is not None
    await wakes.sleep_until(T0 + 5_000)
    return wakes.ticking() is not None


@pytest.mark.parametrize(("happens", "wanted"), [
    ("price", True), ("poll", False), ("news before", False), ("news since", False), ("lost and back", False),
])
async def test_only_a_tick_that_a_price_alone_has_woken_may_decide_on_pushed_prices(
    happens: str, wanted: bool,
) -> None:
    assert await offered(happens) is wanted


async def test_with_fresh_zero_no_tick_decides_on_pushed_prices() -> None:
    assert not await offered("price", fresh=0)


async def test_a_tick_on_pushed_prices_does_not_count_as_a_reading_of_the_account() -> None:
    clock, stream = LightTime(T0), HandStream()
    wakes = Wakes(stream, clock, Said(), allowance=Allowance(floor=0, per_minute=20), fresh=2_000)
    await wakes.start()
    wakes.ticking()
    for at in (900, 1_800):
        wakes.ticked(half_in_btc(), acted=False)
        clock.at(T0 + at, partial(stream.touch, "BTC", "70000", T0 + at))
        await wakes.sleep_until(T0 + 5_000)
        assert wakes.ticking() is not None
    stream.fill(T0 + 1_801)
    wakes.ticked(half_in_btc(), acted=False)
    await wakes.sleep_until(T0 + 5_000)
    assert wakes.ticking() is None
