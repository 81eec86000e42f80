"""What every `Journal` promises. A subclass gives the fixture `shelf`, through which the tests open and restart."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Protocol

import pytest
from journal_values import T0, TERMS, decision, episode, fill, intent, payment, report, situation

from bot.core.episode import EpisodeState
from bot.core.history import Gap
from bot.core.income import Comparison, IncomeKind, IncomeRow, Residual
from bot.core.ledger import Traded
from bot.core.orders import OrderRecord, OrderState
from bot.core.times import HOUR, MINUTE, Millis
from bot.errors import JournalError
from bot.ports import Command, Decided, Journal, Memory

D = Decimal


class Shelf(Protocol):
    """Where one journal stands."""

    async def open(self) -> Journal:
        """The journal, as a starting process opens it; the one opened before is given up first."""

    def submit(self, kind: str, asset: str | None, at: Millis) -> int:
        """A command from another process."""

    async def close(self) -> None:
        """Give the journal up."""


class JournalSuite:
    async def test_an_empty_journal_recalls_nothing(self, shelf: Shelf) -> None:
        memory = await (await shelf.open()).recall("USDT")
        assert memory == Memory(begun_at=memory.begun_at)

    async def test_the_last_decision_is_recalled_whole_after_a_restart(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        await journal.record_decision(situation(), TERMS, decision())
        await journal.record_decision(situation(T0 + MINUTE), TERMS, decision(T0 + MINUTE, "0.150"))
        memory = await (await shelf.open()).recall("USDT")
        assert memory.decision == decision(T0 + MINUTE, "0.150")
        assert memory.since == T0

    async def test_a_decision_changed_at_the_same_instant_replaces_what_is_recalled(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        await journal.record_decision(situation(), TERMS, decision())
        await journal.record_decision(situation(), TERMS, decision(goal="0.180"))
        assert (await journal.recall("USDT")).decision == decision(goal="0.180")

    async def test_an_intent_alone_is_recalled_as_unresolved_with_its_episode(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        await journal.record_intent(intent())
        memory = await (await shelf.open()).recall("USDT")
        assert memory.orders == (OrderRecord(intent=intent(), changed_at=T0, unresolved_since=T0),)
        assert memory.episodes == (episode(started_at=T0 - 5),)
        assert (memory.intents, memory.episode_numbers, memory.since) == (1, {"BTC": 1}, T0)
        assert memory.recent_orders == {"BTC": (T0,)}

    async def test_what_the_venue_had_forgotten_is_recalled(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        gaps = (Gap("funding", T0, T0 + HOUR, T0 + 2 * HOUR), Gap("fills", T0, T0 + HOUR, T0 + HOUR, "BTCUSDT"))
        for gap in gaps:
            await journal.record_gap(gap)
        assert (await (await shelf.open()).recall("USDT")).gaps == gaps

    async def test_what_comparing_came_to_is_kept_with_every_row_that_differs(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        row = IncomeRow(IncomeKind.FEE, "7", "BTC/USDT:USDT", Decimal("-0.5"), "USDT", T0, "COMMISSION")
        residuals = (Residual(row, Decimal("-0.50"), None), Residual(row, None, Decimal(1)))
        await journal.record_comparison(Comparison(T0, T0 + HOUR, 3, residuals, T0 + 2 * HOUR))
        await journal.record_comparison(Comparison(T0, T0 + HOUR, 3, (), T0 + 3 * HOUR))
        assert (await (await shelf.open()).recall("USDT")).intents == 0

    async def test_the_same_intent_is_never_recorded_twice(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        await journal.record_intent(intent(1))
        with pytest.raises(JournalError):
            await journal.record_intent(intent(1))
        with pytest.raises(JournalError):  # another id, but a number that was used
            await journal.record_intent(intent(1, episode="btc2"))
        memory = await journal.recall("USDT")
        assert memory.intents == 1
        assert [found.id for found in memory.episodes] == ["btc1"]

    async def test_an_intent_brings_the_decision_it_came_from(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        await journal.record_intent(intent(1), Decided(situation(), TERMS, decision()))
        memory = await (await shelf.open()).recall("USDT")
        assert memory.decision == decision()
        assert [record.intent for record in memory.orders] == [intent(1)]

    async def test_an_intent_that_cannot_be_kept_brings_no_decision_either(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        await journal.record_intent(intent(1))
        with pytest.raises(JournalError):
            await journal.record_intent(intent(1), Decided(situation(), TERMS, decision()))
        assert (await journal.recall("USDT")).decision is None

    async def test_reports_move_the_order_and_misses_are_counted_since_the_last_of_them(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        await journal.record_intent(intent())
        await journal.record_miss("hrabc_btc1_1", T0 + 1)
        await journal.record_report(report(OrderState.OPEN, order_id="77", price=D("50000.1")), T0 + 2)
        await journal.record_report(report(OrderState.PARTIAL, "0.05", code="x", message="y", average=D(5)), T0 + 3)
        await journal.record_report(report(OrderState.UNCERTAIN), T0 + 4)
        await journal.record_miss("hrabc_btc1_1", T0 + 5)
        await journal.record_miss("hrabc_btc1_1", T0 + 6)
        assert (await (await shelf.open()).recall("USDT")).orders == (OrderRecord(
            intent=intent(), state=OrderState.UNCERTAIN, filled=D("0.05"), order_id="77", price=D("50000.1"),
            changed_at=T0 + 6, misses=2, first_miss_at=T0 + 5, unresolved_since=T0 + 4,
        ),)

    async def test_a_report_out_of_order_does_not_wake_an_ended_order(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        for number, last in enumerate((OrderState.FILLED, OrderState.REFUSED, OrderState.NOT_SENT), start=1):
            await journal.record_intent(intent(number))
            await journal.record_report(report(last, number=number), T0)
            await journal.record_report(report(OrderState.OPEN, number=number), T0 + 1)
        assert (await journal.recall("USDT")).orders == ()

    async def test_an_order_of_somebody_elses_is_taken_into_the_books_whole_or_not_at_all(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        account, told = episode(state=EpisodeState.OPEN), report(OrderState.FILLED, "0.100")
        await journal.record_taken(intent(), [fill()], told, account, T0 + 1)
        before = await journal.recall("USDT")
        assert (before.orders, before.episodes, before.intents) == ((), (account,), 1)
        assert await journal.unbooked_fills([fill()]) == ()
        with pytest.raises(JournalError):  # its execution is in the books already
            await journal.record_taken(intent(2), [fill()], report(OrderState.FILLED, "0.100", 2), account, T0 + 2)
        assert await journal.recall("USDT") == before

    async def test_an_order_that_is_open_although_it_was_cancelled_is_recalled(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        await journal.record_intent(intent())
        await journal.record_report(report(OrderState.CANCELLED), T0 + 1)
        memory = await journal.recall("USDT")
        assert (memory.orders, [record.state for record in memory.ended]) == ((), [OrderState.CANCELLED])
        await journal.record_report(report(OrderState.OPEN), T0 + 2)
        memory = await journal.recall("USDT")
        assert ([record.state for record in memory.orders], memory.ended) == ([OrderState.OPEN], ())

    async def test_orders_that_ended_more_than_an_hour_ago_are_not_recalled(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        for number, at in ((1, T0), (2, T0 + HOUR)):
            await journal.record_intent(intent(number))
            await journal.record_report(report(OrderState.CANCELLED, number=number), at)
        assert [record.intent.number for record in (await journal.recall("USDT")).ended] == [2]

    async def test_an_order_given_up_as_not_found_comes_back_when_the_venue_knows_it(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        await journal.record_intent(intent())
        await journal.record_report(report(OrderState.NOT_FOUND), T0)
        assert (await journal.recall("USDT")).orders == ()
        await journal.record_report(report(OrderState.OPEN), T0 + 1)
        assert [record.state for record in (await journal.recall("USDT")).orders] == [OrderState.OPEN]

    async def test_events_of_an_unknown_order_are_an_error(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        with pytest.raises(JournalError):
            await journal.record_report(report(OrderState.OPEN), T0)
        with pytest.raises(JournalError):
            await journal.record_miss("hrabc_btc1_1", T0)

    async def test_live_orders_come_back_in_the_order_of_their_numbers(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        for number in (1, 2, 3):
            await journal.record_intent(intent(number))
        await journal.record_report(report(OrderState.FILLED, "0.2", number=2), T0)
        assert [record.intent.number for record in (await journal.recall("USDT")).orders] == [1, 3]

    async def test_recent_orders_are_those_of_the_hour_before_the_newest(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        await journal.record_intent(intent(1, T0))
        await journal.record_intent(intent(2, T0 + 1))
        await journal.record_intent(intent(3, T0 + HOUR, "ETH", "eth1"))
        memory = await journal.recall("USDT")
        assert memory.recent_orders == {"BTC": (T0 + 1,), "ETH": (T0 + HOUR,)}
        assert memory.intents == 3

    async def test_fills_are_booked_once_with_the_account_after_them(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        await journal.record_intent(intent())
        after = episode(state=EpisodeState.OPEN, short=D("0.100"), fees=D("1.00000200"), fills=1)
        assert await journal.unbooked_fills([fill("t1"), fill("t1"), fill("t2")]) == (fill("t1"), fill("t2"))
        await journal.record_fills([fill("t1")], [after], T0)
        assert await journal.unbooked_fills([fill("t2"), fill("t1")]) == (fill("t2"),)
        assert await journal.unbooked_fills([fill("t1", symbol="ETHUSDT")]) == (fill("t1", symbol="ETHUSDT"),)
        assert await journal.unbooked_fills([]) == ()
        memory = await (await shelf.open()).recall("USDT")
        assert memory.episodes == (after,)
        assert memory.last_fill_at == {"BTCUSDT": T0}

    async def test_a_fill_booked_twice_changes_neither_books_nor_account(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        await journal.record_fills([fill("t1")], [episode(short=D(1))], T0)
        before = await journal.recall("USDT")
        with pytest.raises(JournalError):
            await journal.record_fills([fill("t2"), fill("t1")], [episode(short=D(2))], T0)
        assert await journal.recall("USDT") == before
        assert await journal.unbooked_fills([fill("t2")]) == (fill("t2"),)

    async def test_funding_is_booked_once_with_the_account_after_it(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        await journal.record_intent(intent())
        after = episode(state=EpisodeState.OPEN, funding_paid=D("-3.00000001"))
        assert await journal.unbooked_funding([payment("p1")]) == (payment("p1"),)
        await journal.record_funding([(payment("p1"), "btc1"), (payment("p2", "-1", T0 + 9), None)], [after], T0)
        assert await journal.unbooked_funding([payment("p1"), payment("p3"), payment("p3")]) == (payment("p3"),)
        memory = await (await shelf.open()).recall("USDT")
        assert memory.episodes == (after,)
        assert memory.funding_at == T0 + 9
        with pytest.raises(JournalError):
            await journal.record_funding([(payment("p2"), None)], [], T0)

    async def test_what_was_booked_can_be_asked_for_from_an_instant_on(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        before, after = fill("t1", at=T0 - 1), fill("t2", at=T0)
        await journal.record_fills([before, after], [], T0)
        await journal.record_funding([(payment("p1", at=T0), None), (payment("p2", at=T0 - 1), None)], [], T0)
        assert await journal.booked(T0) == ((after,), (payment("p1", at=T0),))

    async def test_the_cash_flow_is_all_that_was_booked_in_the_settle_coin(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        await journal.record_fills([
            fill("t1", fee=D("1.5")), fill("t2", realised=D("20.25"), fee=D("-0.25")),
            fill("t3", fee=D("0.001"), fee_currency="BNB"),
        ], [], T0)
        settled = (payment("p1", "-3.5"), payment("p2", "9", currency="USDC"))
        await journal.record_funding([(one, None) for one in settled], [], T0)
        assert (await journal.recall("USDT")).cash_flow == D("15.50")

    async def test_what_happened_to_a_hedges_money_is_recalled_with_the_mids_of_its_decisions(
        self, shelf: Shelf,
    ) -> None:
        journal = await shelf.open()
        order, sale = intent(), replace(intent(2), symbol="BTC/USDT", spot_mid=None)
        for one in (order, sale):
            await journal.record_intent(one)
        opened = replace(fill("t1"), client_order_id=order.client_order_id)
        sold = replace(fill("t2"), client_order_id=sale.client_order_id, symbol=sale.symbol, fee_currency="BNB",
                       fee_value=D("0.613"))
        nobodys = fill("t3", client_order_id=None)
        await journal.record_fills([opened, sold, nobodys], [episode(state=EpisodeState.OPEN)], T0)
        await journal.record_funding([(payment("p1"), "btc1"), (payment("p2", "-1", T0 + 9), None)], [], T0)
        assert (await (await shelf.open()).recall("USDT")).events == {"btc1": (
            Traded(opened, D(50_000), None), Traded(sold, None, None, spot=True), payment("p1"))}

    async def test_episodes_recalled_are_the_open_and_each_assets_last_ended_and_closed(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        told = [
            episode("btc1", EpisodeState.CLOSED, closed_at=T0 - 1),
            episode("btc2", EpisodeState.CLOSED, closed_at=T0),
            episode("eth1", EpisodeState.CLOSED, "ETH", closed_at=T0),
            episode("btc3", EpisodeState.VOID), episode("btc4", EpisodeState.OPEN, short=D("0.1"), unpriced_fees=2),
        ]
        for one in told:
            await journal.record_episode(one, T0)
        memory = await (await shelf.open()).recall("USDT")
        assert memory.episodes == tuple(told[1:])
        assert memory.episode_numbers == {"BTC": 4, "ETH": 1}

    async def test_a_hedge_is_recalled_whose_proceeds_are_still_being_spent(self, shelf: Shelf) -> None:
        """Two more of its coin have ended since: an execution of the purchase is booked under it all the same."""
        journal = await shelf.open()
        for number, ended in enumerate(("btc1", "btc2", "btc3"), 1):
            await journal.record_intent(replace(intent(number, T0 + number, episode=ended), symbol="ETH/USDT"))
            await journal.record_episode(episode(ended, EpisodeState.CLOSED, closed_at=T0 + number), T0 + number)
        await journal.record_report(report(OrderState.OPEN, number=1), T0 + 9)
        for number in (2, 3):
            cancelled = replace(report(OrderState.CANCELLED), client_order_id=f"hrabc_btc{number}_{number}")
            await journal.record_report(cancelled, T0 + 9 - 3 * HOUR * (number == 2))
        memory = await (await shelf.open()).recall("USDT")
        assert [one.id for one in memory.episodes] == ["btc1", "btc3"]
        assert [one.intent.episode for one in memory.orders] == ["btc1"]

    async def test_an_episode_is_kept_as_last_told_in_its_place(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        await journal.record_episode(episode("btc1"), T0)
        await journal.record_episode(episode("eth1", asset="ETH"), T0)
        await journal.record_episode(episode("btc1", EpisodeState.OPEN, peak_short=D("0.30")), T0 + 1)
        assert (await journal.recall("USDT")).episodes == (
            episode("btc1", EpisodeState.OPEN, peak_short=D("0.30")), episode("eth1", asset="ETH"))

    async def test_commands_wait_until_they_are_answered_across_restarts(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        first, second = shelf.submit("close", "BTC", T0), shelf.submit("rearm", None, T0 + 1)
        waiting = (Command(first, "close", "BTC", T0), Command(second, "rearm", None, T0 + 1))
        assert await journal.commands() == waiting
        await journal.acknowledge(waiting[0], "closing", T0 + 2)
        await journal.acknowledge(waiting[0], "said again", T0 + 3)
        assert await (await shelf.open()).commands() == waiting[1:]

    async def test_a_command_that_is_not_there_cannot_be_answered(self, shelf: Shelf) -> None:
        with pytest.raises(JournalError):
            await (await shelf.open()).acknowledge(Command(99, "close", "BTC", T0), "?", T0)

    async def test_beats_may_follow_each_other(self, shelf: Shelf) -> None:
        journal = await shelf.open()
        await journal.beat(T0)
        await journal.beat(T0 + MINUTE)
