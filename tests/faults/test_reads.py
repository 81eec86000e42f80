"""Reads that fail, lie or lag: nothing of the account is concluded from them."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from rig import Rig

from bot.core.times import MINUTE
from bot.journal.reader import read_books
from bot.testnet.faults import Kind

NO_READING = [
    Kind.HTML200, Kind.CUT_JSON, Kind.TRUNCATE, Kind.EMPTY_OBJECT, Kind.EMPTY_LIST, Kind.HTTP524, Kind.TIMEOUT_AFTER,
    Kind.REDIRECT,
]


def setup(rig: Rig, name: str, **more: object) -> None:
    """Break the account or its market on purpose."""
    reply = rig.testnet.admin.answer("POST", "/testnet/setup", json.dumps({"setup": name, **more}).encode())
    assert reply.status == 200, reply.body


@pytest.mark.fault(42)
@pytest.mark.parametrize("kind", NO_READING)
async def test_positions_that_cannot_be_read_are_unavailable_and_never_flat(rig: Rig, kind: Kind) -> None:
    short = await rig.hedged()
    orders = len(rig.ours())
    rig.arm("positions", kind, count=None)
    rig.testnet.exchange.shift_price("BTC", Decimal("0.97"))  # the hedge would have to become smaller
    await rig.ticks(4)
    assert rig.said("venue.unavailable")
    assert (rig.short(), len(rig.ours()), rig.bot.book.short("BTC")) == (short, orders, short)
    rig.disarm()
    rig.testnet.exchange.shift_price("BTC", Decimal(1))
    await rig.ticks(3)
    assert rig.short() == rig.bot.book.short("BTC")
    assert not rig.said("hedge.closed")


@pytest.mark.fault(43)
async def test_while_positions_lag_behind_the_fills_nothing_new_is_decided(rig: Rig) -> None:
    await rig.tick()
    rig.arm("positions", Kind.LAGGING, count=None)  # flat, whatever is filled
    await rig.until(lambda: rig.short() > 0)
    await rig.ticks(2)
    orders, short = len(rig.ours("BTC")), rig.short()
    await rig.ticks(8)
    assert (len(rig.ours("BTC")), rig.short()) == (orders, short)
    assert rig.decision is not None
    guards = {refusal.guard for refusal in rig.decision.of("BTC").refusals}
    # Binance tells open positions in two places: where these disagree there is no reading at all.
    assert "position_mismatch" in guards or rig.said("venue.unavailable")
    assert not rig.said("hedge.opened")
    rig.disarm()
    await rig.until(lambda: bool(rig.said("hedge.opened")))


@pytest.mark.fault(44)
async def test_balances_that_are_suddenly_empty_hold_every_order(rig: Rig) -> None:
    short = await rig.hedged()
    orders = len(rig.ours())
    held = {coin: amount for coin, amount in rig.testnet.exchange.wallets.spot.items() if amount and coin != "USDT"}
    for coin, amount in held.items():
        rig.testnet.exchange.deposit(coin, -amount)
    await rig.ticks(5)
    assert (rig.short(), len(rig.ours())) == (short, orders)
    assert rig.decision is not None
    assert all(decided.held and decided.intent is None for decided in rig.decision.assets)
    for coin, amount in held.items():
        rig.testnet.exchange.deposit(coin, amount)
    await rig.ticks(2)
    assert not any("holdings_changed" in {refusal.guard for refusal in decided.refusals}
                   for decided in rig.decision.assets)
    assert rig.short() == short


@pytest.mark.fault(44)
@pytest.mark.parametrize("kind", [Kind.EMPTY_OBJECT, Kind.EMPTY_LIST])
async def test_an_empty_answer_to_the_balances_is_no_answer(rig: Rig, kind: Kind) -> None:
    await rig.tick()
    rig.arm("balances", kind, count=None)
    orders = len(rig.ours())
    await rig.ticks(4)
    assert rig.said("venue.unavailable")
    assert len(rig.ours()) == orders


@pytest.mark.fault(45)
async def test_an_order_that_a_page_leaves_out_is_looked_up_and_not_placed_again(rich_rig: Rig) -> None:
    rig = rich_rig
    rig.arm("open_orders", Kind.MISSING_PAGE, count=None)
    await rig.until(lambda: bool(rig.ours("BTC")))
    for _ in range(8):
        await rig.tick()
        assert len(rig.resting("BTC")) <= 1
    assert rig.bot.book.live("BTC") == () or not rig.bot.book.frozen("BTC")


@pytest.mark.fault(47)
@pytest.mark.parametrize("what", ["fills", "funding", "open_orders", "positions", "balances", "find"])
async def test_rows_that_come_twice_count_once_or_not_at_all(rig: Rig, what: str) -> None:
    rig.arm(what, Kind.DUPLICATE, count=None)
    await rig.ticks(12)
    rig.disarm()
    short = await rig.hedged()
    assert short == rig.bot.book.short("BTC")
    books = read_books(rig.settings.journal)
    assert len({(fill.symbol, fill.trade_id) for fill in books.fills}) == len(books.fills)


@pytest.mark.fault(49)
async def test_funding_that_comes_late_is_unknown_until_it_is_booked_at_its_own_instant(rig: Rig) -> None:
    setup(rig, "funding_late", delay=20 * MINUTE)
    await rig.hedged()
    due = rig.bot.venue
    assert due is not None
    await rig.until(lambda: bool(rig.said("funding.booked")), most=700)
    row = rig.said("funding.booked")[0]
    assert rig.clock.now() - int(str(row["settled_at"])) >= 20 * MINUTE
