"""Clocks that differ, drift and jump: requests are refused and signed anew, nothing goes twice, no time goes back."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest
from rig import Rig

from bot.core.times import SECOND, Millis


def skew(rig: Rig, milliseconds: Millis) -> None:
    """Put the venue's clock ahead of ours by that much."""
    body = json.dumps({"setup": "clock", "skew": milliseconds}).encode()
    assert rig.testnet.admin.answer("POST", "/testnet/setup", body).status == 200


def times(rig: Rig, table: str, column: str) -> list[Millis]:
    """The instants of a table's rows, in the order of writing."""
    with closing(sqlite3.connect(rig.settings.journal)) as connection:
        return [at for (at,) in connection.execute(f"SELECT {column} FROM {table} ORDER BY rowid")]  # noqa: S608 -- ours


def never_back(rig: Rig) -> None:
    """The journal's times only ever go on."""
    for table, column in (("decisions", "at"), ("intents", "created_at"), ("order_events", "at"),
                          ("fills", "booked_at"), ("funding", "booked_at")):
        found = times(rig, table, column)
        assert found == sorted(found), table


@pytest.mark.fault(73)
@pytest.mark.parametrize("ahead", [2 * SECOND, -2 * SECOND, 10 * SECOND, -10 * SECOND], ids=lambda one: f"{one} ms")
async def test_our_clock_jumps_and_no_order_goes_twice(rig: Rig, ahead: Millis) -> None:
    await rig.tick()  # the clocks were measured as alike
    skew(rig, -ahead)
    short = await rig.hedged(most=100)
    assert short == rig.bot.book.short("BTC")
    sent = [order.client_order_id for order in rig.ours()]
    assert len(sent) == len(set(sent))
    measured: int = rig.bot.venue.clock_ahead  # type: ignore[attr-defined]  # the gateway's own measure
    # A request that is late by less than the window is taken as it is; none that is early by a second is.
    assert measured == ahead or (measured == 0 and -10 * SECOND <= ahead < 0)
    never_back(rig)


@pytest.mark.fault(73)
async def test_a_clock_that_jumps_to_and_fro_with_an_order_under_way_is_measured_each_time(rig: Rig) -> None:
    for ahead in (5 * SECOND, -10 * SECOND, 0, 2 * SECOND, -SECOND):
        skew(rig, -ahead)
        await rig.ticks(3)
        assert len(rig.resting("BTC")) <= 1
    skew(rig, 0)
    assert await rig.hedged(most=100) == rig.bot.book.short("BTC")
    sent = [order.client_order_id for order in rig.ours()]
    assert len(sent) == len(set(sent))
    never_back(rig)


@pytest.mark.fault(73)
async def test_an_order_refused_for_its_time_was_never_there_and_goes_as_a_new_one(rig: Rig) -> None:
    await rig.hedged()
    before = len(rig.ours())
    rig.testnet.exchange.shift_price("BTC", Decimal("1.05"))
    skew(rig, 10 * SECOND)
    await rig.until(lambda: len(rig.ours()) > before, most=100)
    await rig.hedged(most=100)
    assert not any(rig.bot.book.frozen(asset) for asset in ("BTC", "ETH"))
