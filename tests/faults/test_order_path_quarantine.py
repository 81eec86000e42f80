"""Orders whose outcome no look-up tells: frozen, then quarantined, then a human's word, if the position has it so."""

from __future__ import annotations

from decimal import Decimal

import pytest
from rig import Rig

from bot.core.market import Side
from bot.core.orders import QUARANTINE_AFTER, OrderState
from bot.core.states import Event, Mode
from bot.testnet.faults import Kind

D = Decimal
HISTORY = {"binance": "GET /fapi/v1/order", "bybit": "GET /v5/order/history"}
"""The look-up that is not also the reading of what is open: without that nothing is decided at all."""


async def quarantined(rig: Rig) -> str:
    """Tick until an order is; its client id."""
    started = rig.clock.now()
    await rig.until(lambda: bool(rig.said("order.quarantined")), most=120)
    assert rig.clock.now() - started >= QUARANTINE_AFTER
    return str(rig.said("order.quarantined")[0]["client_order_id"])


async def never_placed_nor_looked_up(rig: Rig) -> str:
    """An order that never arrived, where no look-up is answered; its client id once it is quarantined."""
    rig.arm("place", Kind.TIMEOUT_BEFORE)
    rig.arm(HISTORY[rig.bot.venue.name], Kind.HTML200, count=None)
    return await quarantined(rig)


@pytest.mark.fault(2, 14)
async def test_an_order_that_cannot_be_looked_up_for_long_is_quarantined_with_the_way_out(rig: Rig) -> None:
    name = await never_placed_nor_looked_up(rig)
    said = rig.said("order.quarantined")
    assert len(said) == 1
    assert f"hedgerow resolve {name} --found" in str(said[0]["message"])
    await rig.tick()
    assert rig.decision is not None
    state = rig.decision.state.of("BTC").permitted
    assert (state.mode, state.cause) == (Mode.HALTED, Event.QUARANTINE)
    assert rig.decision.state.of("ETH").permitted.mode is Mode.ACTIVE
    assert rig.decision.of("BTC").held
    asked = rig.asked("place")
    await rig.ticks(5)
    assert (rig.asked("place"), len(rig.said("order.quarantined"))) == (asked, 1)


@pytest.mark.fault(2, 14)
async def test_a_quarantine_outlives_a_restart_and_is_told_again(rig: Rig) -> None:
    name = await never_placed_nor_looked_up(rig)
    rig.events.clear()
    rig.disarm()
    await rig.restart()
    rig.arm(HISTORY[rig.bot.venue.name], Kind.HTML200, count=None)
    await rig.tick()
    assert [facts["client_order_id"] for facts in rig.said("order.quarantined")] == [name]
    assert rig.decision is not None
    assert rig.decision.state.of("BTC").permitted.cause is Event.QUARANTINE


@pytest.mark.fault(2, 14)
async def test_a_quarantine_ends_by_itself_once_a_look_up_is_answered(rig: Rig) -> None:
    await never_placed_nor_looked_up(rig)
    rig.disarm()
    await rig.until(lambda: bool(rig.said("order.resolved")))
    assert await rig.hedged() > 0
    assert rig.decision is not None
    assert rig.decision.state.of("BTC").permitted.mode is Mode.ACTIVE


@pytest.mark.fault(2, 14)
async def test_a_human_says_that_it_never_existed_and_the_word_is_journaled_with_the_name(rig: Rig) -> None:
    name = await never_placed_nor_looked_up(rig)
    answer = await rig.ask("resolve", order=name, says="never", by="Ada")
    assert f"{name} counts as never placed" in answer
    last = [row for row in rig.rows("SELECT * FROM order_events ORDER BY seq") if row["client_order_id"] == name][-1]
    assert last["state"] == str(OrderState.NOT_FOUND)
    assert "by the word of Ada" in last["message"]
    assert [(row["about"], row["says"], row["said_by"]) for row in rig.rows("SELECT * FROM commands")] == [
        (name, "never", "Ada")]
    rig.disarm()
    assert await rig.hedged() > 0
    assert name not in {order.client_order_id for order in rig.ours()}


@pytest.mark.fault(2)
async def test_an_order_that_is_not_found_while_the_position_moved_waits_for_a_human(rig: Rig) -> None:
    rig.arm("place", Kind.TIMEOUT_BEFORE)
    rig.meanwhile("find", lambda: rig.by_hand(Side.SELL, D("0.010")))
    name = await quarantined(rig)
    assert rig.said("order.resolved") == []
    answer = await rig.ask("resolve", "BTC", says="never", by="Ada")
    assert f"{name} counts as never placed" in answer
    assert "`adopt` or `ignore`" in answer
    asked = rig.asked("place")
    await rig.ticks(3)
    assert rig.asked("place") == asked, "the position is not explained yet"
    await rig.ask("adopt", "BTC")
    await rig.until(lambda: rig.bot.book.short("BTC") == rig.short() > D("0.010"))


@pytest.mark.fault(14)
async def test_what_the_position_contradicts_is_not_taken_for_never_placed(rig: Rig) -> None:
    rig.arm("place", Kind.TIMEOUT_AFTER)
    rig.unanswered("orderLinkId=", "origClientOrderId=")  # by its client id nothing is told
    rig.arm("open_orders", Kind.MISSING_PAGE, count=None)
    name = await quarantined(rig)
    assert rig.short() > 0
    answer = await rig.ask("resolve", "BTC", says="never", by="Ada")
    assert answer.startswith("refused: the position is")
    assert rig.bot.book.frozen("BTC")
    answer = await rig.ask("resolve", order=name, says="found", by="Ada")
    assert f"{name} counts as filled" in answer
    assert rig.bot.book.short("BTC") == rig.short() > 0
    last = [row for row in rig.rows("SELECT * FROM order_events ORDER BY seq") if row["client_order_id"] == name][-1]
    assert last["message"] == "found by the word of Ada"


@pytest.mark.fault(2)
async def test_an_order_that_never_existed_is_not_found_by_anybodys_word(rig: Rig) -> None:
    name = await never_placed_nor_looked_up(rig)
    rig.by_hand(Side.BUY, D("0.010"))
    answer = await rig.ask("resolve", order=name, says="found", by="Ada")
    assert answer.startswith("refused: the venue lists executions of 0"), rig.events[-4:]
    assert rig.bot.book.frozen("BTC")
    rig.by_hand(Side.SELL, D("0.010"))


@pytest.mark.fault(14)
async def test_one_coins_unanswered_look_ups_leave_the_others_and_the_margin_ladder_alone(rig: Rig) -> None:
    await never_placed_nor_looked_up(rig)
    rig.testnet.exchange.shift_price("ETH", D("1.50"))
    await rig.until(lambda: rig.short("ETH") > 0, most=80)
    assert rig.bot.book.frozen("BTC")
