"""Reads that fail, lie or lag: nothing of the account is concluded from them."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from rich.console import RenderableType
from rig import Rig

from bot.cli import render
from bot.core.history import Gap, Retention
from bot.core.times import DAY, HOUR, MINUTE
from bot.journal.check import check
from bot.journal.reader import read_books, read_status
from bot.testnet.faults import Kind
from bot.venues import binance_calls, bybit_calls

NO_READING = [
    Kind.HTML200, Kind.CUT_JSON, Kind.TRUNCATE, Kind.EMPTY_OBJECT, Kind.EMPTY_LIST, Kind.HTTP524, Kind.TIMEOUT_AFTER,
    Kind.REDIRECT,
]


def setup(rig: Rig, name: str, **more: object) -> None:
    """Break the account or its market on purpose."""
    reply = rig.testnet.admin.answer("POST", "/testnet/setup", json.dumps({"setup": name, **more}).encode())
    assert reply.status == 200, reply.body


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> Callable[[Retention], None]:
    """Venues that forget sooner, from the next start on."""
    def forget(remembers: Retention) -> None:
        for calls in (binance_calls, bybit_calls):
            monkeypatch.setattr(calls, "REMEMBERS", remembers)

    return forget


def capture(shown: RenderableType) -> str:
    """What a terminal would show, on one line."""
    console = render.console()
    with console.capture() as captured:
        console.print(shown)
    return " ".join(captured.get().split())


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
    await rig.until(lambda: bool(rig.said("funding.awaited")), most=700)
    due = rig.said("funding.awaited")[0]["settled_at"]
    status = read_status(rig.settings.journal)
    assert status.funding_awaited == {"BTC": due}
    assert "is not booked yet: unknown until it is" in capture(render.status(status, 0))
    assert read_books(rig.settings.journal).funding == ()
    await rig.until(lambda: bool(rig.said("funding.booked")))
    assert len(rig.said("funding.awaited")) == 1
    paid = read_books(rig.settings.journal).funding[0]
    assert (paid.at, paid.amount != 0) == (due, True)
    assert rig.clock.now() - paid.at >= 20 * MINUTE
    await rig.tick()
    assert read_status(rig.settings.journal).funding_awaited == {}


@pytest.mark.fault(51)
async def test_after_a_stop_longer_than_the_venues_memory_the_gap_is_marked_and_said(
    rig: Rig, forgetful: Callable[[Retention], None],
) -> None:
    await rig.hedged()
    await rig.until(lambda: bool(rig.said("funding.booked")), most=700)
    booked = rig.bot.book.funding_at
    assert booked is not None
    await rig.stop()
    await rig.clock.sleep_until(rig.clock.now() + 30 * HOUR)
    forgetful(Retention(funding=10 * HOUR, fills=730 * DAY))
    await rig.start()
    await rig.ticks(3)
    gap = Gap("funding", booked, rig.clock.now() - 10 * HOUR, rig.clock.now())
    assert [(one.kind, one.since) for one in rig.bot.book.gaps] == [("funding", booked)]
    assert abs(rig.bot.book.gaps[0].until - gap.until) < 10 * MINUTE
    assert len(rig.said("history.gap")) == 1
    later = [paid.at for paid in read_books(rig.settings.journal).funding if paid.at > booked]
    assert min(later) > gap.until - 10 * MINUTE
    await rig.restart()  # once is enough
    await rig.ticks(3)
    assert len(rig.said("history.gap")) == 1
    assert read_status(rig.settings.journal).gaps == rig.bot.book.gaps
    shown = capture(render.status(read_status(rig.settings.journal), 0))
    assert "the venue had forgotten the funding of" in shown
    report = check(rig.settings.journal, decisions=0)
    assert report.ok
    assert "the venue had forgotten the funding" in report.notes[0]


@pytest.mark.fault(51)
async def test_nothing_is_missing_of_a_time_in_which_nothing_was_hedged(
    rig: Rig, forgetful: Callable[[Retention], None],
) -> None:
    forgetful(Retention(funding=10 * HOUR, fills=730 * DAY))
    await rig.restart()
    await rig.hedged()
    await rig.until(lambda: bool(rig.said("funding.booked")), most=700)
    assert rig.bot.book.gaps == ()
