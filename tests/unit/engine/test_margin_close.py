"""Margin closes at work: at once, reduce-only, one at a time, and on a frozen symbol too (DOMAIN §6.6)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from test_engine_on_paper import books_agree, btc_position, drifted, story, tick_until
from test_executor_steps import BTC, QUOTE, decided, order

from bot.core.decision import AssetDecision, Pace
from bot.core.market import Quote, Side
from bot.core.orders import OrderIntent, OrderRecord, OrderReport, OrderState, TimeInForce
from bot.core.policy import MarginPolicy, Policy
from bot.core.times import SECOND
from bot.engine.steps import Place, Step, Withdraw
from bot.engine.tick import Engine
from bot.engine.urgent import urgent_step
from bot.errors import Refused, Uncertain
from bot.paper.venue import PaperVenue

D = Decimal
POLICY = Policy((), D(1))


def step(
    short: str = "0.2", goal: str = "0.1", *, live: tuple[OrderRecord, ...] = (), pace: Pace = Pace.MARGIN,
    quote: Quote | None = QUOTE, mark: str | None = "50005", held: bool = False, given_up: tuple[str, ...] = (),
) -> Step:
    asked: AssetDecision = replace(decided(short, goal, held=held), pace=pace)
    return urgent_step(asked, live, quote, None if mark is None else D(mark), instrument=BTC, policy=POLICY,
                       given_up=given_up)


def test_it_buys_what_is_missing_at_once_and_reduce_only() -> None:
    assert step() == Place(Side.BUY, D("0.1"), D("50060"), TimeInForce.IOC, reduce_only=True)


@pytest.mark.parametrize(("quote", "price"), [
    (None, "50055"),                                                # no book: the mark, and max_slippage
    (replace(QUOTE, perp_ask=None), "50055"),
    (replace(QUOTE, perp_ask=D(1)), "50055"),                       # a book far below the mark is not believed
    (replace(QUOTE, perp_ask=D(51000)), "51051"),                   # a squeezed perpetual is paid for
    (replace(QUOTE, perp_ask=D(90000)), "52505.2"),                 # but no further from the mark than max_jump
])
def test_its_price_comes_from_the_mark_where_the_book_cannot_be_believed(quote: Quote | None, price: str) -> None:
    placed = step(quote=quote)
    assert isinstance(placed, Place)
    assert placed.price == D(price)


def test_without_any_mark_nothing_is_sent() -> None:
    assert step(mark=None) is None


def test_increases_are_withdrawn_first_those_of_unknown_outcome_too() -> None:
    resting = order()
    unknown = order(state=OrderState.UNCERTAIN)
    assert step(live=(resting,)) == Withdraw(resting, "closing at once")
    assert step(live=(unknown,)) == Withdraw(unknown, "closing at once")
    placed = step(live=(unknown,), given_up=(unknown.intent.client_order_id,))
    assert isinstance(placed, Place)


def test_only_one_close_is_out_at_a_time() -> None:
    unknown = order(Side.BUY, state=OrderState.UNCERTAIN)
    assert step(live=(unknown,)) is None
    ioc = replace(unknown.intent, time_in_force=TimeInForce.IOC)
    assert step(live=(OrderRecord(ioc, OrderState.OPEN),)) is None


def test_a_patient_close_makes_way() -> None:
    resting = order(Side.BUY)
    assert step(live=(resting,)) == Withdraw(resting, "closing at once")


def test_a_panic_close_waits_for_an_unknown_outcome() -> None:
    assert step(pace=Pace.AT_ONCE, live=(order(state=OrderState.UNCERTAIN),)) is None
    assert isinstance(step(pace=Pace.AT_ONCE), Place)


def test_nothing_is_sized_on_a_lagging_position() -> None:
    assert step(held=True) is None


def test_no_more_than_the_venue_takes_in_one_order() -> None:
    asked = replace(decided("0.2", "0"), pace=Pace.MARGIN)
    placed = urgent_step(asked, (), QUOTE, D(50005), instrument=replace(BTC, max_amount=D("0.15")), policy=POLICY)
    assert isinstance(placed, Place)
    assert placed.quantity == D("0.15")


# the engine


def thin_out(bot: Any, runway: str) -> None:
    """Most of the futures wallet goes back to spot by hand, so that BTC may rise by about `runway` and no more."""
    notional = -btc_position(bot) * bot.exchange.mark("BTC")
    spare = bot.exchange.figures().equity - notional * (D(runway) + D("0.005"))
    bot.exchange.transfer("USDT", spare.quantize(D(1)), to_futures=False)


async def hedged(venue: type[PaperVenue] = PaperVenue) -> tuple[Any, Engine]:
    """A hedge is open on a thin margin."""
    bot, engine = await drifted(venue)
    await tick_until(bot, engine, lambda: bool(bot.said("hedge.opened")))
    thin_out(bot, "0.3")
    return bot, engine


@pytest.mark.fault(54)
async def test_a_jump_through_the_rungs_is_closed_on_the_next_tick_although_the_jump_guard_holds() -> None:
    bot, engine = await hedged()
    before = btc_position(bot)
    bot.exchange.shift_price("BTC", D("1.15"))
    # The exchange looks at margin once a minute of story; the tick comes before that.
    await bot.clock.sleep_until(bot.clock.now() + 5 * SECOND)
    report = await engine.tick()
    btc = report.decision.of("BTC")
    assert btc.pace is Pace.MARGIN
    assert "jump" in {refusal.guard for refusal in btc.refusals}
    assert before < btc_position(bot) <= 0
    assert not bot.exchange.liquidations
    await tick_until(bot, engine, lambda: not engine_working(bot))
    assert books_agree(bot)


def engine_working(bot: Any) -> bool:
    return bool(bot.exchange.open_orders())


class LosesTheClose(PaperVenue):
    """Takes the first reduce-only order, and lets its reply get lost."""

    lost = 0

    async def place(self, intent: OrderIntent) -> OrderReport:
        report = await super().place(intent)
        if intent.reduce_only and not self.lost:
            self.lost += 1
            raise Uncertain("no reply")
        return report


async def test_a_margin_close_whose_reply_was_lost_is_not_sent_twice() -> None:
    bot, engine = await hedged(LosesTheClose)
    bot.exchange.shift_price("BTC", D("1.15"))
    for _ in range(6):
        await bot.clock.sleep_until(bot.clock.now() + 5 * SECOND)
        report = await engine.tick()
    closes = [order for order in bot.exchange.orders.values() if order.reduce_only]
    assert sum((one.filled for one in closes), D(0)) <= sum(
        (one.filled for one in bot.exchange.orders.values() if not one.reduce_only), D(0))
    assert -btc_position(bot) == report.decision.of("BTC").short
    assert books_agree(bot)


class HidesTheOpening(PaperVenue):
    """Takes the first order, loses the reply, and knows nothing of the order until `found`."""

    lost = 0
    found = False
    hidden = ""

    @property
    def lookup_patience(self) -> int:
        return 3600 * SECOND

    async def place(self, intent: OrderIntent) -> OrderReport:
        report = await super().place(intent)
        if not self.lost:
            self.lost += 1
            self.hidden = intent.client_order_id
            raise Uncertain("no reply")
        return report

    async def find_order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        if client_order_id == self.hidden and not self.found:
            return None
        return await super().find_order(symbol, client_order_id)

    async def cancel(self, record: OrderRecord) -> OrderReport:
        if record.intent.client_order_id == self.hidden and not self.found:
            raise Refused("unknown order", "-2011")
        return await super().cancel(record)


async def test_on_a_frozen_symbol_the_ladder_buys_back_what_the_position_shows_and_the_books_follow() -> None:
    bot, engine = await drifted(HidesTheOpening)
    await tick_until(bot, engine, lambda: btc_position(bot) < 0)
    before = btc_position(bot)
    assert bot.said("order.uncertain")
    thin_out(bot, "0.3")
    bot.exchange.shift_price("BTC", D("1.15"))
    for _ in range(4):
        await bot.clock.sleep_until(bot.clock.now() + 5 * SECOND)
        await engine.tick()
    assert before < btc_position(bot)
    assert not bot.pages.fills, "what it bought back is not booked before what it had sold"
    door = bot.door
    assert isinstance(door, HidesTheOpening)
    door.found = True
    for _ in range(6):
        await bot.clock.sleep_until(bot.clock.now() + 5 * SECOND)
        await engine.tick()
    assert books_agree(bot)
    assert bot.said("reconcile.ok")


class KeepsBalances(PaperVenue):
    """Never says whether a transfer took place; it did."""

    transfers = 0

    async def transfer_to_margin(self, coin: str, amount: Decimal) -> str:
        await super().transfer_to_margin(coin, amount)
        self.transfers += 1
        raise Uncertain("no reply")


class RefusesTransfers(PaperVenue):
    """The key does not permit it."""

    async def transfer_to_margin(self, coin: str, amount: Decimal) -> str:  # noqa: ARG002 - the port's
        raise Refused("no permission", "-2015")


async def thin(venue: type[PaperVenue]) -> tuple[Any, Engine]:
    bot = story(venue)
    bot.policy = replace(bot.policy, margin=MarginPolicy(top_up=True))
    engine, _ = await bot.compose()
    bot.exchange.shift_price("BTC", D("1.2"))
    await tick_until(bot, engine, lambda: bool(bot.said("hedge.opened")), every=15 * 60 * SECOND)
    thin_out(bot, "0.45")
    return bot, engine


async def test_a_transfer_of_unknown_outcome_is_seen_in_the_balances_and_not_repeated() -> None:
    bot, engine = await thin(KeepsBalances)
    for _ in range(40):
        await bot.clock.sleep_until(bot.clock.now() + 5 * SECOND)
        report = await engine.tick()
    assert bot.door.transfers == 1
    assert report.decision.ladder.runway is not None
    assert report.decision.ladder.runway > D("0.7")
    assert btc_position(bot) < 0


async def test_a_transfer_that_is_refused_is_told_with_its_amount_and_not_asked_for_again_and_again() -> None:
    bot, engine = await thin(RefusesTransfers)
    for _ in range(40):
        await bot.clock.sleep_until(bot.clock.now() + 5 * SECOND)
        await engine.tick()
    told = [fields for fields in bot.said("margin.warned") if "not moved" in str(fields["message"])]
    assert len(told) == 1
    assert D(str(told[0]["top_up"])) > 0


