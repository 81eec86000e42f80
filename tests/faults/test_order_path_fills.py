"""Orders that fill in parts, end in odd ways, or do not end: fills count once, the remainder is what is missing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from rig import Rig

from bot.core.market import Side
from bot.core.orders import TimeInForce
from bot.core.times import MINUTE
from bot.paper.records import PaperOrder
from bot.testnet.faults import Kind

D = Decimal
LOW_STEP = D("0.001")


async def resting(rig: Rig) -> PaperOrder:
    """The bot's order on BTC, once it rests; nobody but the test fills it."""
    rig.calm()
    await rig.until(lambda: bool(rig.resting("BTC")))
    return rig.resting("BTC")[0]


def booked(rig: Rig) -> Decimal:
    """What the journal has sold less what it has bought."""
    rows = rig.rows("SELECT side, quantity FROM fills")
    return sum((D(row["quantity"]) * (1 if row["side"] == "sell" else -1) for row in rows), D(0))


@pytest.mark.fault(17)
async def test_a_part_that_filled_before_the_connection_was_lost_counts_once_and_the_rest_is_worked(rig: Rig) -> None:
    rig.arm("place", Kind.PARTIAL_SILENCE)
    await rig.until(lambda: bool(rig.said("order.resolved")))
    first = rig.ours("BTC")[0]
    assert first.filled > 0
    assert rig.said("order.resolved")[0]["client_order_id"] == first.client_order_id
    short = await rig.hedged()
    assert booked(rig) == short == rig.bot.book.short("BTC")
    assert short == D(str(rig.rows("SELECT goal FROM intents ORDER BY number LIMIT 1")[0]["goal"]))


@pytest.mark.fault(18, 61)
async def test_what_filled_before_a_cancel_stays_and_the_rest_is_ordered_anew(rig: Rig) -> None:
    order = await resting(rig)
    rig.testnet.exchange.take(order, order.remaining / 2 // LOW_STEP * LOW_STEP)
    rig.testnet.exchange.cancel(order)
    await rig.until(lambda: len(rig.ours("BTC")) > 1)
    assert order.filled > 0
    assert booked(rig) == rig.short() >= order.filled
    assert rig.ours("BTC")[1].quantity <= order.quantity - order.filled


@pytest.mark.fault(19)
async def test_a_cancel_that_comes_after_the_fill_is_read_again_and_no_error(rig: Rig) -> None:
    order = await resting(rig)
    rig.meanwhile("cancel", lambda: rig.testnet.exchange.take(order, order.remaining))
    await rig.ask("pause")
    await rig.ticks(2)
    assert not order.open
    assert order.filled == order.quantity
    assert rig.said("order.refused") == rig.said("order.uncertain") == []
    assert booked(rig) == rig.short() == order.quantity


@pytest.mark.fault(19)
async def test_a_fill_that_comes_after_the_cancel_was_acknowledged_is_booked_all_the_same(rig: Rig) -> None:
    order = await resting(rig)
    rig.arm("cancel", Kind.ASYNC_CANCEL, milliseconds=0)
    await rig.ask("pause")
    rig.testnet.exchange.take(order, order.remaining)
    await rig.until(lambda: rig.bot.book.short("BTC") == order.quantity)
    assert booked(rig) == rig.short() == order.quantity


@pytest.mark.fault(20)
async def test_an_order_that_stays_open_after_its_cancel_is_cancelled_again_then_a_human_is_told(
    rig: Rig,
) -> None:
    order = await resting(rig)
    rig.arm("cancel", Kind.ASYNC_CANCEL, count=None, milliseconds=0)
    await rig.ask("pause")
    await rig.until(lambda: bool(rig.said("order.stuck")))
    assert rig.asked("cancel") >= 3
    placed, asked, since = len(rig.ours("BTC")), rig.asked("cancel"), rig.clock.now()
    await rig.ticks(6)
    assert len(rig.ours("BTC")) == placed, "nothing else is ordered meanwhile"
    assert rig.asked("cancel") - asked <= (rig.clock.now() - since) // MINUTE + 1, "it is asked less often"
    assert len(rig.said("order.stuck")) == 1
    rig.disarm()
    await rig.until(lambda: not order.open, most=20)
    await rig.until(lambda: not rig.live("BTC"))
    assert booked(rig) == rig.short()


@pytest.mark.fault(20)
async def test_a_cancel_that_was_not_done_is_known_after_a_restart(rig: Rig) -> None:
    order = await resting(rig)
    rig.arm("cancel", Kind.ASYNC_CANCEL, milliseconds=0)
    await rig.ask("pause")
    assert order.open
    await rig.restart()
    await rig.until(lambda: not order.open)
    await rig.until(lambda: not rig.live("BTC"))
    assert len(rig.ours("BTC")) == 1


async def closing(rig: Rig) -> None:
    """Have the drift of a hedged coin resolve, so that the hedge is to be closed."""
    rig.testnet.exchange.shift_price("BTC", D("0.70"))


@pytest.mark.fault(21)
async def test_a_reduce_only_order_that_is_refused_is_not_insisted_on_and_flat_is_done(rig: Rig) -> None:
    short = await rig.hedged()
    rig.meanwhile("place", lambda: rig.by_hand(Side.BUY, short))
    await closing(rig)
    await rig.until(lambda: bool(rig.said("order.refused")))
    assert rig.position() == 0
    asked = rig.asked("place")
    await rig.ticks(5)
    assert rig.asked("place") == asked, "who closed it has to be said first"
    assert "in the books" in await rig.ask("adopt", "BTC")
    await rig.until(lambda: bool(rig.said("hedge.closed")))
    assert rig.asked("place") == asked
    assert rig.position() == 0


@pytest.mark.fault(21)
async def test_a_reduce_only_order_that_is_refused_beside_a_position_is_asked_for_again_and_never_in_a_loop(
    rig: Rig,
) -> None:
    await rig.hedged()
    code, status = (-2022, 400) if rig.bot.venue.name == "binance" else (110017, 200)
    rig.arm("place", Kind.ERROR, code=code, status=status, message="ReduceOnly Order is rejected.", count=3)
    await closing(rig)
    asked, since = rig.asked("place"), rig.clock.now()
    await rig.until(lambda: rig.position() == 0, most=300)
    assert rig.asked("place") - asked <= 6
    assert rig.clock.now() - since >= 6 * MINUTE, "one, two and four minutes lie between"
    assert len(rig.said("order.refused")) == 3


@pytest.mark.fault(22)
async def test_a_close_larger_than_the_position_is_clamped_and_never_flips_it(rig: Rig) -> None:
    short = await rig.hedged()
    half = (short / 2).quantize(LOW_STEP)
    rig.meanwhile("place", lambda: rig.by_hand(Side.BUY, half))
    await closing(rig)
    await rig.until(lambda: len(rig.ours("BTC")) > 1)
    for _ in range(40):
        await rig.tick()
        assert rig.position() <= 0
    await rig.ask("adopt", "BTC")
    await rig.until(lambda: rig.position() == 0 and bool(rig.said("hedge.closed")))
    closes = [order for order in rig.ours("BTC") if order.side is Side.BUY]
    assert all(order.reduce_only for order in closes)


@pytest.mark.fault(24)
@pytest.mark.parametrize("venue", ["binance", "bybit"])
async def test_what_is_larger_than_the_venues_largest_order_goes_in_several_that_are_summed(
    venue: str, tmp_path: Path,
) -> None:
    rig = Rig(tmp_path, venue)
    listed = rig.testnet.exchange.instruments
    listed["BTC"] = replace(listed["BTC"], max_amount=D("0.05"))
    await rig.start()
    short = await rig.hedged(most=100)
    assert short > D("0.05")
    assert booked(rig) == short
    await closing(rig)
    await rig.until(lambda: rig.position() == 0, most=100)
    await rig.ticks(2)
    assert all(order.quantity <= D("0.05") for order in rig.ours("BTC"))
    assert booked(rig) == 0
    await rig.stop()
    assert rig.broken() == []


@pytest.mark.fault(23)
async def test_an_order_called_filled_in_part_counts_with_that_part_and_is_followed_while_it_is_open(rig: Rig) -> None:
    order = await resting(rig)
    part = order.remaining / 4 // LOW_STEP * LOW_STEP
    rig.testnet.exchange.take(order, part)
    rig.retold("find", "origClientOrderId" if rig.bot.venue.name == "binance" else "orderLinkId", {
        b'"PARTIALLY_FILLED"': b'"FILLED"', b'"PartiallyFilled"': b'"Filled"'})
    await rig.until(lambda: rig.bot.book.short("BTC") == part)
    await rig.until(lambda: any(facts["change"] == "open after all" for facts in rig.said("order.changed")))
    assert rig.resting("BTC") == [order], "nothing was sent beside it"
    rig.calm(calm=False)
    await rig.until(lambda: booked(rig) == rig.short() > part and not rig.live("BTC"))


@pytest.mark.fault(17)
async def test_executions_that_come_on_half_a_page_are_completed_before_the_order_counts_as_done(
    rig: Rig,
) -> None:
    order = await resting(rig)
    for _ in range(4):
        rig.testnet.exchange.take(order, order.remaining / 8 // LOW_STEP * LOW_STEP)
    rig.arm("fills", Kind.MISSING_PAGE, count=3)
    await rig.ticks(8)
    assert rig.bot.book.short("BTC") == booked(rig) == rig.short()
    assert order.time_in_force is TimeInForce.GTX
