"""The whole engine in one process: the paper exchange tells a story, the journal is in memory, the venue misbehaves."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

import pytest
from paper_bot import PaperBot, StoryTime

from bot.core.episode import EpisodeState
from bot.core.market import Snapshot
from bot.core.orders import Fill, FundingPayment, OrderIntent, OrderRecord, OrderReport, OrderState
from bot.core.plan import decide
from bot.core.policy import AssetPolicy, ExecutionPolicy, OnTimeout, Policy, Threshold
from bot.core.times import DAY, HOUR, MINUTE, SECOND, Millis
from bot.engine.daemon import Daemon
from bot.engine.tick import Engine
from bot.errors import Refused, StoryEnded, Unavailable, Uncertain
from bot.paper.venue import PaperVenue
from bot.ports import Command
from bot.testnet.build import build
from bot.testnet.options import TestnetOptions

D = Decimal
BTC = "BTC/USDT:USDT"


def policy(*, on_timeout: OnTimeout = OnTimeout.CROSS, confirm: int = 2) -> Policy:
    levels = (Threshold(D("0.03")), Threshold(D("0.01")), Threshold(D("0.01")))
    return Policy(
        (AssetPolicy("BTC", D("0.5"), *levels, D("0.001")), AssetPolicy("ETH", D("0.3"), *levels, D("0.01"))),
        D("0.2"), confirm=confirm, execution=ExecutionPolicy(on_timeout=on_timeout),
    )


def story(venue: type[PaperVenue] = PaperVenue, *, days: int = 35, rules: Policy | None = None) -> PaperBot:
    """A portfolio at its targets on a market that runs away and comes back."""
    exchange = build(TestnetOptions(scenario="demo", days=days, seed=1)).exchange
    return PaperBot(exchange, rules or policy(), StoryTime(exchange.feed.start, exchange.feed.end), venue=venue)


async def drifted(venue: type[PaperVenue] = PaperVenue, **wishes: object) -> tuple[PaperBot, Engine]:
    """The same, 8% later for BTC: a hedge is wanted, and the first of two ticks has seen it."""
    bot = story(venue, **wishes)  # type: ignore[arg-type] # passed on
    engine, _ = await bot.compose()
    bot.exchange.shift_price("BTC", D("1.2"))
    await bot.clock.sleep_until(bot.clock.origin + 15 * MINUTE)
    await engine.tick()
    return bot, engine


async def tick_until(bot: PaperBot, engine: Engine, done: Callable[[], bool], *, every: Millis = 5 * SECOND) -> None:
    for _ in range(400):
        await bot.clock.sleep_until(bot.clock.now() + every)
        await engine.tick()
        if done():
            return
    pytest.fail("it did not come to that within 400 ticks")


def btc_position(bot: PaperBot) -> Decimal:
    return bot.exchange.position("BTC").quantity


def books_agree(bot: PaperBot) -> bool:
    ours = {(f.symbol, f.trade_id): (f.quantity, f.price, f.fee, f.realised) for f in bot.pages.fills}
    theirs = {(f.symbol, str(f.trade_id)): (f.quantity, f.price, f.fee, f.realised) for f in bot.exchange.fills}
    paid = {(p.symbol, p.at): p.amount for p, _ in bot.pages.funding}
    settled = {(row.symbol, row.at): row.amount for row in bot.exchange.funding_rows}
    return ours == theirs and paid == settled


async def test_a_story_opens_resizes_and_closes_hedges_and_the_books_agree_to_the_last_digit() -> None:
    bot = story()
    coins = dict(bot.exchange.wallets.spot)
    await bot.run(poll=HOUR, working_poll=MINUTE)
    assert books_agree(bot)
    assert {name for name, _ in bot.events} >= {"hedge.opened", "hedge.resized", "hedge.closed", "funding.booked"}
    assert {asset: bot.exchange.wallets.spot[asset] for asset in ("BTC", "ETH")} == {
        asset: coins[asset] for asset in ("BTC", "ETH")
    }
    for episode in bot.pages.episodes.values():
        fills = [f for f in bot.pages.fills if f.client_order_id and f"_{episode.id}_" in f.client_order_id]
        assert episode.fees == sum(f.fee for f in fills)
        assert episode.realised == sum(f.realised for f in fills)
        assert episode.funding_paid == -sum(p.amount for p, owner in bot.pages.funding if owner == episode.id)


async def test_every_recorded_decision_equals_decide_of_its_recorded_inputs() -> None:
    bot = story(days=20)
    await bot.run(poll=HOUR, working_poll=MINUTE)
    assert bot.pages.decisions
    assert all(decide(situation, terms) == decision for situation, terms, decision in bot.pages.decisions)


async def test_after_an_increase_the_short_is_at_most_the_excess_at_its_decision() -> None:
    bot = story()
    await bot.run(poll=HOUR, working_poll=MINUTE)
    increases = 0
    for _, _, decision in bot.pages.decisions:
        for decided in decision.assets:
            if decided.intent and decided.intent.goal > decided.intent.current:
                assert decided.measure.excess is not None
                assert decided.measure.price is not None
                assert decided.goal * decided.measure.price <= decided.measure.excess
                increases += 1
    assert increases


async def test_hedged_is_said_only_once_the_position_confirms_it() -> None:
    bot, engine = await drifted()
    await tick_until(bot, engine, lambda: bool(bot.pages.fills))
    said_with = [fields["short"] for fields in bot.said("hedge.opened")]
    if not said_with:
        await tick_until(bot, engine, lambda: bool(bot.said("hedge.opened")))
        said_with = [fields["short"] for fields in bot.said("hedge.opened")]
    assert said_with == [-btc_position(bot)]


class LosesReplies(PaperVenue):
    """Takes the first order, and lets its reply get lost."""

    lost = 0

    async def place(self, intent: OrderIntent) -> OrderReport:
        report = await super().place(intent)
        if not self.lost:
            self.lost += 1
            raise Uncertain("no reply")
        return report


async def test_an_order_whose_reply_was_lost_is_found_and_never_sent_again() -> None:
    bot, engine = await drifted(LosesReplies)
    await tick_until(bot, engine, lambda: bool(bot.said("hedge.opened")))
    assert bot.said("order.uncertain")
    assert bot.said("order.resolved")[0]["state"] in ("open", "partial", "filled")
    opening = [order for order in bot.exchange.orders.values() if not order.reduce_only]
    assert sum((order.filled for order in opening), D(0)) == -btc_position(bot)
    assert len(opening) == len({order.client_order_id for order in opening})
    assert books_agree(bot)


class LosesRequests(PaperVenue):
    """Loses the first order before the exchange has it, and tells nothing."""

    lost = 0

    @property
    def lookup_patience(self) -> Millis:
        return 15 * SECOND

    async def place(self, intent: OrderIntent) -> OrderReport:
        if not self.lost:
            self.lost += 1
            raise Uncertain("no reply")
        return await super().place(intent)


async def test_an_order_that_never_arrived_is_given_up_only_by_the_protocol_and_a_new_one_goes() -> None:
    bot, engine = await drifted(LosesRequests)
    await tick_until(bot, engine, lambda: bool(bot.said("order.resolved")))
    first, *later = bot.pages.intents
    assert bot.said("order.resolved")[0]["state"] == "not_found"
    assert all(intent.created_at - first.created_at > 15 * SECOND for intent in later), "frozen until it is known"
    await tick_until(bot, engine, lambda: bool(bot.said("hedge.opened")))
    assert len({intent.client_order_id for intent in bot.pages.intents}) == len(bot.pages.intents) > 1
    assert books_agree(bot)


class Refuses(PaperVenue):
    """Refuses every order."""

    async def place(self, intent: OrderIntent) -> OrderReport:
        raise Refused(f"not now: {intent.symbol}", "-2019")


async def test_a_refused_order_is_not_asked_for_again_and_again() -> None:
    bot, engine = await drifted(Refuses)
    for _ in range(240):
        await bot.clock.sleep_until(bot.clock.now() + 5 * SECOND)
        await engine.tick()
    asked = [at for _, at in bot.pages.reports]
    assert 3 <= len(asked) <= 6, "twenty minutes of a minute's rest, doubled each time"
    assert btc_position(bot) == 0
    assert [episode.state for episode in bot.pages.episodes.values()] == [EpisodeState.OPENING]


async def test_a_hedge_that_was_given_up_before_its_first_contract_is_void() -> None:
    bot, engine = await drifted(Refuses)
    await tick_until(bot, engine, lambda: bool(bot.pages.intents))
    bot.exchange.shift_price("BTC", D("0.8"))
    await tick_until(
        bot, engine, lambda: [e.state for e in bot.pages.episodes.values()] == [EpisodeState.VOID], every=MINUTE,
    )
    assert btc_position(bot) == 0


class RejectsAfterwards(PaperVenue):
    """Takes every order, and ends it at once for a reason of its own."""

    why = "INSUFFICIENT_MARGIN"

    async def place(self, intent: OrderIntent) -> OrderReport:
        return OrderReport(intent.client_order_id, intent.symbol, OrderState.OPEN, D(0), order_id="1")

    async def find_order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        return OrderReport(client_order_id, symbol, OrderState.CANCELLED, D(0), order_id="1", code=self.why)


class CrossesAfterwards(RejectsAfterwards):
    why = "EC_PostOnlyWillTakeLiquidity"


@pytest.mark.parametrize(("venue", "least", "most"), [(RejectsAfterwards, 3, 6), (CrossesAfterwards, 20, 130)])
async def test_an_order_rejected_after_it_was_taken_rests_as_a_refused_one_and_one_that_would_cross_is_priced_again(
    venue: type[RejectsAfterwards], least: int, most: int,
) -> None:
    bot, engine = await drifted(venue, rules=policy(on_timeout=OnTimeout.WAIT))
    for _ in range(240):
        await bot.clock.sleep_until(bot.clock.now() + 5 * SECOND)
        await engine.tick()
    asked = [intent.created_at for intent in bot.pages.intents]
    assert least <= len(asked) <= most, "twenty minutes"
    assert all(later - earlier >= 10 * SECOND for earlier, later in pairwise(asked))


class LaggingFills(PaperVenue):
    """Reports fills of orders at once, and lists the trades half a minute late."""

    async def fills(self, symbol: str, since: Millis) -> tuple[Fill, ...]:
        known = await super().fills(symbol, since)
        return tuple(fill for fill in known if fill.at <= self.exchange.now - 30 * SECOND)


async def test_no_order_ends_in_the_journal_before_its_fills_are_booked() -> None:
    bot, engine = await drifted(LaggingFills)
    await tick_until(bot, engine, lambda: bool(bot.said("hedge.opened")))
    booked: dict[str, Decimal] = {}
    for fill in bot.pages.fills:
        assert fill.client_order_id is not None
        booked[fill.client_order_id] = booked.get(fill.client_order_id, D(0)) + fill.quantity
    ended = [report for report, _ in bot.pages.reports if report.state is OrderState.FILLED]
    assert ended
    assert all(booked[report.client_order_id] >= report.filled for report in ended)
    assert books_agree(bot)


class LateFunding(PaperVenue):
    """Books funding a quarter of an hour late."""

    async def funding(self, since: Millis) -> tuple[FundingPayment, ...]:
        known = await super().funding(since)
        return tuple(payment for payment in known if payment.at <= self.exchange.now - 15 * MINUTE)


async def test_funding_that_comes_late_is_booked_all_the_same() -> None:
    bot = story(LateFunding, days=20)
    await bot.run(poll=10 * MINUTE, working_poll=MINUTE)
    settled = {(row.symbol, row.at) for row in bot.exchange.funding_rows if row.at < bot.clock.now() - HOUR}
    assert settled
    assert settled <= {(payment.symbol, payment.at) for payment, _ in bot.pages.funding}


class GoesAway(PaperVenue):
    """Cannot be read while `away`."""

    away = False

    async def snapshot(self):  # type: ignore[no-untyped-def] # noqa: ANN201 -- the port's
        if type(self).away:
            raise Unavailable("maintenance")
        return await super().snapshot()


async def test_while_the_venue_is_away_nothing_is_decided_and_the_pauses_grow() -> None:
    bot = story(GoesAway, days=1)
    engine, _ = await bot.compose()
    daemon = Daemon(engine, bot.clock, poll=15 * MINUTE, working_poll=MINUTE, emit=bot.emit)
    GoesAway.away = True
    try:
        await daemon.run()
    finally:
        GoesAway.away = False
    assert bot.pages.decisions == []
    assert len(bot.said("venue.unavailable")) == 1, "said once, not at each attempt"
    assert bot.clock.now() == bot.clock.end


async def test_a_close_by_command_buys_the_short_back_and_the_coin_stays_disarmed() -> None:
    bot, engine = await drifted()
    await tick_until(bot, engine, lambda: bool(bot.said("hedge.opened")))
    bot.pages.commands.append(Command(1, "close", "BTC", bot.clock.now()))
    await tick_until(bot, engine, lambda: bool(bot.said("hedge.closed")))
    assert btc_position(bot) == 0
    assert bot.pages.answers[1][0].startswith("closing ")
    await bot.clock.sleep_until(bot.clock.now() + 2 * DAY)
    await tick_until(bot, engine, lambda: True)
    await tick_until(bot, engine, lambda: True, every=MINUTE)
    assert btc_position(bot) == 0, "the excess is still there, but the user took it back"


async def test_a_stop_withdraws_resting_increases_and_keeps_the_hedge() -> None:
    bot, engine = await drifted(rules=policy(on_timeout=OnTimeout.WAIT))
    await bot.clock.sleep_until(bot.clock.now() + 15 * MINUTE)
    report = await engine.tick()
    assert report.acted
    held = btc_position(bot)
    resting = len(bot.exchange.open_orders())
    assert await engine.stop() == resting
    assert not bot.exchange.open_orders()
    assert btc_position(bot) == held


class Ends(PaperVenue):
    """Where cancelling, or reading, takes until after the story's end."""

    what = ""

    async def cancel(self, record: OrderRecord) -> OrderReport:
        if self.what == "cancel":
            raise StoryEnded("the story ended")
        return await super().cancel(record)

    async def snapshot(self) -> Snapshot:
        if self.what == "snapshot":
            raise StoryEnded("the story ended")
        return await super().snapshot()


@pytest.mark.parametrize(("what", "stops"), [("cancel", "could not be withdrawn"), ("snapshot", "hedges stay")])
async def test_a_story_that_ends_while_the_bot_works_or_stops_is_an_orderly_end(
    monkeypatch: pytest.MonkeyPatch, what: str, stops: str,
) -> None:
    bot, engine = await drifted(Ends, days=1, rules=policy(on_timeout=OnTimeout.WAIT))
    daemon = Daemon(engine, bot.clock, poll=15 * MINUTE, working_poll=MINUTE, emit=bot.emit)
    await bot.clock.sleep_until(bot.clock.now() + 15 * MINUTE)
    await engine.tick()
    assert bot.exchange.open_orders()
    monkeypatch.setattr(Ends, "what", what)
    if what == "cancel":
        daemon.request_stop()
    await daemon.run()
    (said,) = bot.said("daemon.stopped")
    assert stops in str(said["message"])


async def test_a_restart_at_the_same_instant_changes_nothing() -> None:
    bot, engine = await drifted()
    await bot.clock.sleep_until(bot.clock.now() + 15 * MINUTE)
    await engine.tick()
    orders, intents = len(bot.exchange.orders), len(bot.pages.intents)
    again, _ = await bot.compose()
    await again.tick()
    assert (len(bot.exchange.orders), len(bot.pages.intents)) == (orders, intents)
