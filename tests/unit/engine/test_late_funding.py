"""Settlements that come in another order than they happened are all booked, each to its own hedge."""

from __future__ import annotations

from decimal import Decimal

import pytest
from memory_journal import MemoryJournal
from venue_values import ManualClock

from bot.core.episode import Episode, EpisodeState
from bot.core.orders import FundingPayment
from bot.core.times import DAY, HOUR
from bot.engine.book import Book
from bot.ports import Memory

START = 1_700_000_000_000


def book(journal: MemoryJournal, **memory: object) -> Book:
    episodes = tuple(
        Episode(f"{coin.lower()}1", coin, f"{coin}/USDT:USDT", EpisodeState.OPEN, START, START, short=Decimal(1))
        for coin in ("BTC", "ETH"))
    return Book(journal, ManualClock(START + 9 * HOUR), account_tag="abc", settle="USDT", instruments={},
                memory=Memory(episodes=episodes, **memory))  # type: ignore[arg-type]  # the test's own fields


@pytest.mark.fault(49)
async def test_a_settlement_that_comes_after_a_later_one_of_another_coin_is_still_asked_for_and_booked() -> None:
    journal = MemoryJournal()
    ours = book(journal)
    early = FundingPayment("e", "ETH/USDT:USDT", Decimal("0.5"), "USDT", START + 4 * HOUR)
    late = FundingPayment("b", "BTC/USDT:USDT", Decimal(-1), "USDT", START + 8 * HOUR)
    journal.book.episodes.update({one.id: one for one in ours.episodes})
    await ours.book_funding([late])
    since = ours.funding_since()
    assert since is not None
    assert since <= early.at
    booked = await ours.book_funding([early, late])
    assert [(payment.payment_id, one.id if one else None) for payment, one in booked] == [("e", "eth1")]
    assert ours.funding_at == late.at
    assert {one.id: one.funding_paid for one in ours.episodes} == {"btc1": Decimal(1), "eth1": Decimal("-0.5")}


def test_settlements_of_before_the_first_hedge_are_nobodys_and_not_asked_for() -> None:
    assert book(MemoryJournal()).funding_since() == START
    assert book(MemoryJournal(), funding_at=START + HOUR).funding_since() == START
    assert book(MemoryJournal(), funding_at=START + 3 * DAY).funding_since() == START + 2 * DAY
    assert book(MemoryJournal(), funding_at=START - HOUR).funding_since() == START - HOUR
