"""A tick that a price has woken decides on what was pushed only where a reading would have shown the same."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from paper_bot import PaperBot, StoryTime

from bot.core.market import Quote, Snapshot, WalletKind
from bot.core.plan import decide
from bot.core.policy import AssetPolicy, Policy, Terms, Threshold
from bot.core.pushed import Pushed, renewed
from bot.core.times import MINUTE, SECOND
from bot.engine.shown import Shown
from bot.engine.tick import Engine
from bot.errors import Unavailable
from bot.paper.venue import PaperVenue
from bot.ports import Command, Marked, Market, Touch
from bot.testnet.build import build
from bot.testnet.options import TestnetOptions

D = Decimal
WITHIN = 2 * SECOND


class CountingVenue(PaperVenue):
    """Counts how often the account was read, and can be away."""

    reads = 0
    away = False

    async def snapshot(self) -> Snapshot:
        self.reads += 1
        if self.away:
            raise Unavailable("away")
        return await super().snapshot()

    @property
    def seen(self) -> CountingVenue:
        return self


class Story:
    """A portfolio at its targets, on a venue whose prices are at hand as a stream would push them."""

    def __init__(self, engine: Engine, bot: PaperBot) -> None:
        self.engine = engine
        self.bot = bot

    @property
    def venue(self) -> CountingVenue:
        assert isinstance(self.bot.door, CountingVenue)
        return self.bot.door

    async def pushed(self) -> Pushed:
        """What a stream would have pushed up to now."""
        return Pushed((await PaperVenue.snapshot(self.venue)).quotes, WITHIN)

    async def later(self, milliseconds: int = 100) -> None:
        await self.bot.clock.sleep_until(self.bot.clock.now() + milliseconds)

    async def reads_in_a_tick(self, pushed: Pushed | None) -> int:
        before = self.venue.reads
        await self.engine.tick(pushed)
        return self.venue.reads - before


@pytest.fixture
async def story() -> Story:
    levels = (Threshold(D("0.008")), Threshold(D("0.002")), Threshold(D("0.002")))
    policy = Policy(
        (AssetPolicy("BTC", D("0.5"), *levels, D("0.001")), AssetPolicy("ETH", D("0.3"), *levels, D("0.01"))),
        D("0.2"), confirm=1)
    exchange = build(TestnetOptions(scenario="demo", days=2, seed=1)).exchange
    bot = PaperBot(exchange, policy, StoryTime(exchange.feed.start, exchange.feed.end), venue=CountingVenue)
    engine, _ = await bot.compose()
    await bot.clock.sleep_until(bot.clock.origin + 15 * MINUTE)
    await engine.tick()
    await bot.clock.sleep_until(bot.clock.now() + 5 * SECOND)
    await engine.tick()
    return Story(engine, bot)


async def hedged(story: Story) -> None:
    """BTC has run away, and a short of it is open."""
    story.bot.exchange.shift_price("BTC", D("1.045"))
    for _ in range(200):
        await story.later(MINUTE)
        report = await story.engine.tick()
        if not report.working and story.bot.exchange.position("BTC").quantity:
            return
    pytest.fail("no hedge")


async def test_a_crossing_price_is_decided_on_without_a_reading(story: Story) -> None:
    await story.later()
    story.bot.exchange.shift_price("BTC", D("1.045"))
    reads = story.venue.reads
    report = await story.engine.tick(await story.pushed())
    assert (report.acted, story.venue.reads - reads) == (True, 0)
    situation, terms, decision = story.bot.pages.decisions[-1]
    assert decision.at == situation.snapshot.taken_at == story.bot.clock.now()
    assert decide(situation, terms) == decision


async def test_after_an_order_the_account_is_read_before_anything_else(story: Story) -> None:
    await story.later()
    story.bot.exchange.shift_price("BTC", D("1.045"))
    assert (await story.engine.tick(await story.pushed())).acted
    await story.later()
    assert await story.reads_in_a_tick(await story.pushed()) >= 1


async def test_a_snapshot_renewed_by_pushed_prices_is_what_the_venue_would_have_shown(story: Story) -> None:
    await hedged(story)
    before = await PaperVenue.snapshot(story.venue)
    assert before.positions
    for factor in ("1.02", "0.99"):
        await story.later()
        story.bot.exchange.shift_price("BTC", D(factor))
        after = await PaperVenue.snapshot(story.venue)
        terms = story.bot.pages.decisions[-1][1]
        found = renewed(before, Pushed(after.quotes, WITHIN), terms, after.taken_at)
        assert found is not None
        assert found.quotes == after.quotes
        assert found.futures.equity == pytest.approx(after.futures.equity, abs=D("1e-6"))
        assert found.futures.unrealised == pytest.approx(after.futures.unrealised, abs=D("1e-6"))
        assert found.futures.available == pytest.approx(after.futures.available, abs=D("1e-6"))
        assert found.futures.maintenance_margin == pytest.approx(after.futures.maintenance_margin, abs=D("1e-6"))
        (now,), (then,) = found.positions, after.positions
        assert (now.quantity, now.mark, now.entry_price) == (then.quantity, then.mark, then.entry_price)
        assert now.unrealised == pytest.approx(then.unrealised, abs=D("1e-6"))


async def test_while_an_order_of_ours_rests_every_tick_reads(story: Story) -> None:
    story.bot.exchange.shift_price("BTC", D("1.045"))
    await story.later()
    assert (await story.engine.tick()).working
    await story.later()
    await story.engine.tick()
    if not story.engine._book.live():
        pytest.skip("filled at once")
    await story.later()
    assert await story.reads_in_a_tick(await story.pushed()) >= 1


async def test_after_a_reading_that_failed_the_one_before_it_counts_no_more(story: Story) -> None:
    await story.later()
    story.venue.away = True
    with pytest.raises(Unavailable):
        await story.engine.tick()
    story.venue.away = False
    await story.later()
    assert await story.reads_in_a_tick(await story.pushed()) >= 1


async def test_a_command_of_the_user_is_answered_from_a_reading(story: Story) -> None:
    await story.later()
    story.bot.pages.commands.append(Command(1, "pause", None, story.bot.clock.now()))
    assert await story.reads_in_a_tick(await story.pushed()) >= 1


async def test_an_account_read_too_long_ago_is_read_again(story: Story) -> None:
    await story.later(10 * SECOND + 1)
    assert await story.reads_in_a_tick(await story.pushed()) >= 1


@pytest.mark.parametrize("part", ["spot_at", "perp_at", "mark_at"])
async def test_one_price_that_is_too_old_or_ahead_of_time_is_enough_to_read(story: Story, part: str) -> None:
    for off in (-WITHIN - 1, WITHIN + 1):
        await story.later(WITHIN + 500)
        pushed = await story.pushed()
        assert await story.reads_in_a_tick(pushed) == 0
        when: dict[str, Any] = {part: story.bot.clock.now() + off}
        eth = replace(pushed.quotes["ETH"], **when)
        assert await story.reads_in_a_tick(Pushed({**pushed.quotes, "ETH": eth}, WITHIN)) >= 1


async def test_a_coin_of_which_nothing_was_pushed_is_read(story: Story) -> None:
    await story.later(WITHIN + 1)
    pushed = await story.pushed()
    assert await story.reads_in_a_tick(Pushed({"BTC": pushed.quotes["BTC"]}, WITHIN)) >= 1


async def test_a_position_on_a_symbol_that_nobody_pushes_is_read(story: Story) -> None:
    await hedged(story)
    full = await PaperVenue.snapshot(story.venue)
    terms = story.bot.pages.decisions[-1][1]
    pushed = Pushed(full.quotes, WITHIN)
    strange = replace(full, positions=(*full.positions, replace(full.positions[0], symbol="SOL/USDT:USDT")))
    assert renewed(full, pushed, terms, full.taken_at) is not None
    assert renewed(strange, pushed, terms, full.taken_at) is None


async def test_once_funding_was_settled_the_account_is_read(story: Story) -> None:
    full = await PaperVenue.snapshot(story.venue)
    terms = story.bot.pages.decisions[-1][1]
    soon = {asset: replace(quote, next_funding_at=full.taken_at + 50) for asset, quote in full.quotes.items()}
    full = replace(full, quotes=soon)
    assert renewed(full, Pushed({}, WITHIN), terms, full.taken_at + 49) is not None
    assert renewed(full, Pushed({}, WITHIN), terms, full.taken_at + 50) is None


async def test_in_a_unified_wallet_coins_move_the_equity_by_what_they_count_as_collateral(story: Story) -> None:
    full = replace(await PaperVenue.snapshot(story.venue), wallet=WalletKind.UNIFIED)
    terms = story.bot.pages.decisions[-1][1]
    half = Terms(terms.policy, {
        asset: replace(one, collateral_ratio=D("0.5")) for asset, one in terms.instruments.items()})
    btc = full.quotes["BTC"]
    assert btc.mark is not None
    dearer = {**full.quotes, "BTC": replace(btc, mark=btc.mark + 100)}
    found = renewed(full, Pushed(dearer, WITHIN), half, full.taken_at)
    assert found is not None
    assert found.futures.equity - full.futures.equity == full.holdings["BTC"].total * 50
    assert found.futures.unrealised == full.futures.unrealised


# what the stream has shown

AT = 1_600_000_000_000


def shown(within: int = WITHIN) -> Shown:
    """All streams up, the account read."""
    made = Shown(within)
    made.reading(whole=True)
    made.touched(Touch("BTC", Market.SPOT, D(1), D(2), AT))
    return made


def test_what_was_pushed_is_offered_each_with_its_time() -> None:
    made = shown()
    made.touched(Touch("BTC", Market.PERP, D(3), D(4), AT + 1))
    made.marked(Marked("BTC", D(5), D(6), AT + 2, D("0.0001"), AT + 9))
    offered = made.offer(whole=True)
    assert offered == Pushed(
        {"BTC": Quote(D(1), D(2), AT, D(3), D(4), AT + 1, D(5), D(6), AT + 2, D("0.0001"), AT + 9)}, WITHIN)


def test_a_frame_that_comes_late_changes_nothing() -> None:
    made = shown()
    made.touched(Touch("BTC", Market.SPOT, D(8), D(9), AT - 1))
    offered = made.offer(whole=True)
    assert offered is not None
    assert offered.quotes["BTC"].spot_bid == D(1)


def test_after_news_of_the_account_it_is_read_before_prices_are_decided_on() -> None:
    made = shown()
    made.shaken()
    assert made.offer(whole=True) is None
    made.reading(whole=True)
    assert made.offer(whole=True) is not None


def test_news_while_the_account_is_read_ask_for_another_reading() -> None:
    made = shown()
    made.reading(whole=True)
    made.shaken()
    assert made.offer(whole=True) is None


def test_a_reading_while_a_stream_is_down_does_not_count() -> None:
    made = shown()
    made.reading(whole=False)
    assert made.offer(whole=True) is None


def test_while_a_stream_is_down_nothing_is_offered() -> None:
    assert shown().offer(whole=False) is None


def test_a_lost_stream_takes_its_prices_along() -> None:
    made = shown()
    made.forget()
    made.reading(whole=True)
    offered = made.offer(whole=True)
    assert offered is not None
    assert offered.quotes == {}


def test_with_fresh_zero_every_tick_reads() -> None:
    assert shown(0).offer(whole=True) is None


