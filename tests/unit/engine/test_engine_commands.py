"""What a user asks of a running bot, and what the venue does to it: each with its effect and its answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from test_engine_on_paper import books_agree, btc_position, drifted, tick_until
from test_margin_close import HidesTheOpening, thin_out

from bot.core.episode import EpisodeState
from bot.core.market import Side
from bot.core.orders import OrderIntent, OrderReport, TimeInForce
from bot.core.states import Mode
from bot.core.times import MINUTE, SECOND
from bot.engine.tick import Engine
from bot.errors import Uncertain
from bot.paper.venue import PaperVenue
from bot.ports import Command

D = Decimal


async def hedged(venue: type[PaperVenue] = PaperVenue) -> tuple[Any, Engine]:
    bot, engine = await drifted(venue)
    await tick_until(bot, engine, lambda: bool(bot.said("hedge.opened")))
    return bot, engine


async def ask(bot: Any, engine: Engine, kind: str, asset: str | None = None) -> str:
    number = len(bot.pages.commands) + len(bot.pages.answers) + 1
    bot.pages.commands.append(Command(number, kind, asset, bot.clock.now()))
    await bot.clock.sleep_until(bot.clock.now() + 5 * SECOND)
    await engine.tick()
    answer: str = bot.pages.answers[number][0]
    return answer


def by_hand(bot: Any, side: Side, quantity: str, *, price: str | None = None) -> None:
    """Somebody else trades on our symbol."""
    mark = bot.exchange.mark("BTC")
    limit = D(price) if price else (mark * (D("1.01") if side is Side.BUY else D("0.99"))).quantize(D("0.1"))
    bot.exchange.place("perp", "BTC", side, D(quantity), limit,
                       time_in_force=TimeInForce.GTC if price else TimeInForce.IOC, client_order_id="by-hand")


async def test_pause_and_resume_are_answered_and_survive_a_restart() -> None:
    bot, engine = await hedged()
    assert (await ask(bot, engine, "pause")).startswith("reducing (pause)")
    assert (await ask(bot, engine, "pause")).startswith("reducing (pause)"), "asking twice changes nothing"
    again, book = await bot.compose()
    assert book.state.state.mode is Mode.REDUCING
    assert await ask(bot, again, "resume") == "active"


async def test_a_panic_withdraws_everything_closes_every_hedge_at_once_and_halts() -> None:
    bot, engine = await hedged()
    answer = await ask(bot, engine, "panic")
    assert "closing" in answer
    assert "halted (panic)" in answer
    assert btc_position(bot) == 0, "with the same tick"
    await tick_until(bot, engine, lambda: bool(bot.said("hedge.closed")))
    assert not bot.exchange.open_orders()
    orders = len(bot.exchange.orders)
    for _ in range(20):
        await bot.clock.sleep_until(bot.clock.now() + 15 * MINUTE)
        await engine.tick()
    assert len(bot.exchange.orders) == orders
    assert books_agree(bot)


@pytest.mark.fault(64)
async def test_a_liquidation_is_booked_as_such_and_the_coin_stays_disarmed() -> None:
    bot, engine = await hedged()
    thin_out(bot, "0.3")
    bot.exchange.shift_price("BTC", D("1.6"))
    await bot.clock.sleep_until(bot.clock.now() + 2 * MINUTE)
    assert bot.exchange.liquidations == []
    bot.door.exchange.advance(bot.clock.now())
    assert bot.exchange.liquidations
    for _ in range(4):
        await bot.clock.sleep_until(bot.clock.now() + MINUTE)
        report = await engine.tick()
    assert report.decision.state.of("BTC").disarmed == "liquidation"
    assert bot.said("hedge.forced")[0]["reason"] == "liquidation"
    assert [e.state for e in bot.pages.episodes.values()] == [EpisodeState.CLOSED]
    assert books_agree(bot)
    for _ in range(30):
        await bot.clock.sleep_until(bot.clock.now() + 60 * MINUTE)
        await engine.tick()
    assert btc_position(bot) == 0, "no reopening loop"
    assert await ask(bot, engine, "rearm", "BTC") == "BTC may be hedged again"


@pytest.mark.fault(60)
async def test_a_trade_by_hand_holds_everything_until_it_is_adopted() -> None:
    bot, engine = await hedged()
    before = btc_position(bot)
    by_hand(bot, Side.SELL, "0.05")
    await bot.clock.sleep_until(bot.clock.now() + 5 * SECOND)
    report = await engine.tick()
    assert "position_mismatch" in {refusal.guard for refusal in report.decision.of("BTC").refusals}
    assert "goes from" in await ask(bot, engine, "adopt", "BTC")
    await bot.clock.sleep_until(bot.clock.now() + 5 * SECOND)
    report = await engine.tick()
    assert report.decision.of("BTC").short == -(before - D("0.05"))
    assert not report.decision.of("BTC").held
    assert (await ask(bot, engine, "adopt", "BTC")).startswith("refused")
    booked = sum((f.quantity for f in bot.pages.fills if f.symbol == "BTC/USDT:USDT"), D(0))
    assert booked == -(before - D("0.05"))


@pytest.mark.fault(60)
async def test_a_trade_by_hand_that_is_ignored_is_left_alone() -> None:
    bot, engine = await hedged()
    before = -btc_position(bot)
    by_hand(bot, Side.SELL, "0.05")
    assert "-0.05" in await ask(bot, engine, "ignore", "BTC")
    assert (await ask(bot, engine, "close", "BTC")).startswith(f"closing {before}")
    await tick_until(bot, engine, lambda: bool(bot.said("hedge.closed")))
    assert btc_position(bot) == D("-0.05")


class LosesTheOpening(HidesTheOpening):
    """Never had the order that it seems to have taken."""

    async def place(self, intent: OrderIntent) -> OrderReport:
        if not self.lost:
            self.lost, self.hidden = 1, intent.client_order_id
            raise Uncertain("no reply")
        return await super().place(intent)


async def test_an_order_that_exists_is_not_given_up_on_the_user_s_word() -> None:
    bot, engine = await drifted(HidesTheOpening)
    await tick_until(bot, engine, lambda: bool(bot.said("order.uncertain")))
    assert (await ask(bot, engine, "resolve", "BTC")).startswith("refused: ")
    assert bot.said("order.resolved") == []


async def test_an_order_that_nobody_finds_is_given_up_on_the_user_s_word() -> None:
    bot, engine = await drifted(LosesTheOpening)
    await tick_until(bot, engine, lambda: bool(bot.said("order.uncertain")))
    answer = await ask(bot, engine, "resolve", "BTC")
    assert "counts as never placed" in answer
    assert bot.said("order.resolved")[0]["state"] == "not_found"
    assert (await ask(bot, engine, "resolve", "BTC")).startswith("no order on BTC")


@pytest.mark.parametrize(("kind", "asset"), [
    ("close", "DOGE"), ("adopt", None), ("ignore", None), ("panic", "BTC"), ("dance", None),
])
async def test_what_cannot_be_done_is_refused_in_words(kind: str, asset: str | None) -> None:
    bot, engine = await drifted()
    assert (await ask(bot, engine, kind, asset)).startswith("refused: ")
