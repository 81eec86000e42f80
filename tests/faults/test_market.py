"""Markets that cannot be believed, are closed, or are not what they were."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rig import Rig, running

from bot.core.times import HOUR, MINUTE
from bot.testnet.faults import Kind
from bot.testnet.story_roles import ROLES

D = Decimal
VENUES = ("binance", "bybit")
PRICES = ("spot_prices", "perp_prices")

UNBELIEVABLE = [
    pytest.param(Kind.STALE, marks=pytest.mark.fault(52)),
    pytest.param(Kind.CROSSED, marks=pytest.mark.fault(53)),
    pytest.param(Kind.EMPTY_BOOK, marks=pytest.mark.fault(53)),
    pytest.param(Kind.NAN_PRICE, marks=pytest.mark.fault(55)),
    pytest.param(Kind.ZERO_PRICE, marks=pytest.mark.fault(55)),
    pytest.param(Kind.NEGATIVE_PRICE, marks=pytest.mark.fault(55)),
]


def show(rig: Rig, kind: Kind, *, marks: bool = False, **more: Any) -> None:
    """Show spot and perpetual prices, and the marks where asked for, wrongly."""
    roles = ROLES[rig.bot.venue.name]
    for role in (*PRICES, *(["marks"] if marks else [])):
        if role in roles:
            rig.arm(roles[role], kind, **{"count": None, **more})


@pytest.mark.parametrize("kind", UNBELIEVABLE)
async def test_while_prices_cannot_be_believed_the_rule_opens_nothing(rig: Rig, kind: Kind) -> None:
    await rig.tick()
    orders = len(rig.ours())
    await _settle(rig)
    show(rig, kind, marks=True)
    if kind is Kind.STALE:
        await rig.ticks(2)  # the first old reply is as old as the tick before
    begun = len(rig.ours())
    await rig.ticks(5)
    assert len(rig.ours()) == begun >= orders
    rig.disarm()
    assert await rig.hedged() > 0


async def _settle(rig: Rig) -> None:
    """Nothing of ours rests."""
    await rig.until(lambda: not rig.resting() and not rig.live())


@pytest.mark.parametrize("kind", UNBELIEVABLE)
async def test_while_prices_cannot_be_believed_the_rule_resizes_and_closes_nothing(rig: Rig, kind: Kind) -> None:
    short = await rig.hedged()
    show(rig, kind)
    if kind is Kind.STALE:
        await rig.ticks(2)
    rig.testnet.exchange.shift_price("BTC", D("0.70"))
    placed = rig.asked("place")
    await rig.ticks(6)
    assert (rig.short(), rig.asked("place")) == (short, placed)
    assert rig.decision is not None
    assert rig.decision.of("BTC").held
    rig.disarm()
    await rig.until(lambda: rig.short() == 0)


@pytest.mark.parametrize("kind", UNBELIEVABLE)
async def test_while_prices_cannot_be_believed_the_margin_ladder_acts_by_mark_and_position(
    lean_rig: Rig, kind: Kind,
) -> None:
    rig = lean_rig
    short = await rig.hedged()
    show(rig, kind)
    if kind is Kind.STALE:
        await rig.ticks(2)
    equity = rig.testnet.exchange.figures().equity
    mark = rig.testnet.exchange.mark("BTC")
    # E − q·Δ over q·(mark + Δ) is then about 15%: below the rung that reduces, above the one that closes.
    rise = (equity - D("0.16") * short * mark) / (D("1.16") * short * mark)
    rig.testnet.exchange.shift_price("BTC", 1 + rise)
    await rig.until(lambda: rig.short() < short, most=10)
    assert not rig.testnet.exchange.liquidations
    await rig.until(lambda: not rig.live(), most=10)
    assert {str(facts["reason"]) for facts in rig.said("decision.made")} & {"margin_reduce", "margin_full"}


@pytest.mark.fault(54)
async def test_a_spike_of_one_poll_moves_nothing(rig: Rig) -> None:
    short = await rig.hedged()
    placed = rig.asked("place")
    show(rig, Kind.SPIKE, marks=True, count=1, factor=D("1.06"))
    await rig.tick()
    assert rig.decision is not None
    assert "jump" in {refusal.guard for refusal in rig.decision.of("BTC").refusals}
    await rig.ticks(4)
    assert (rig.short(), rig.asked("place")) == (short, placed)


@pytest.mark.fault(54)
async def test_a_jump_that_two_observations_agree_on_is_no_spike(rig: Rig) -> None:
    short = await rig.hedged()
    rig.testnet.exchange.shift_price("BTC", D("1.08"))
    await rig.tick()
    assert rig.decision is not None
    assert "jump" in {refusal.guard for refusal in rig.decision.of("BTC").refusals}
    await rig.until(lambda: rig.short() > short)


@pytest.mark.fault(56)
async def test_maintenance_is_waited_out_with_journal_and_hedge_kept(rig: Rig) -> None:
    short = await rig.hedged()
    decisions = rig.decision
    rig.setup("maintenance")
    placed = rig.asked("place")
    await rig.ticks(5)
    assert rig.said("venue.unavailable")
    assert (rig.decision, rig.short(), rig.asked("place")) == (decisions, short, placed)
    rig.setup("maintenance", on=False)
    rig.testnet.exchange.shift_price("BTC", D("0.70"))
    await rig.until(lambda: rig.short() == 0)


@pytest.mark.fault(56)
async def test_an_order_that_maintenance_meets_is_uncertain_and_found_never_to_have_been(rig: Rig) -> None:
    rig.post("later", {"in": 0, "path": "/testnet/fault", "body": {
        "endpoint": ROLES[rig.bot.venue.name]["place"], "kind": "http503", "count": 1}})
    await rig.until(lambda: bool(rig.said("order.uncertain")))
    rig.setup("maintenance")
    await rig.ticks(5)
    assert not rig.said("order.resolved")
    rig.setup("maintenance", on=False)
    assert await rig.hedged(most=100) > 0


@pytest.mark.fault(57)
async def test_on_a_delisted_symbol_nothing_is_opened(watchful_rig: Rig) -> None:
    rig = watchful_rig
    show(rig, Kind.CROSSED, count=1)
    await rig.tick()
    rig.setup("delisted", asset="BTC")
    placed = rig.asked("place")
    await rig.ticks(5)
    assert rig.asked("place") == placed
    assert any(facts["reason"] == "market" and facts["asset"] == "BTC" for facts in rig.said("account.warned"))
    rig.setup("delisted", asset="BTC", on=False)
    assert await rig.hedged() > 0


@pytest.mark.fault(57)
async def test_when_a_hedged_symbol_is_delisted_the_way_to_close_is_said(watchful_rig: Rig) -> None:
    rig = watchful_rig
    await rig.hedged()
    rig.setup("delisted", asset="BTC")
    await rig.ticks(2)
    told = [str(facts["message"]) for facts in rig.said("account.warned") if facts["asset"] == "BTC"]
    assert any("hedgerow close BTC" in message for message in told)


@pytest.mark.fault(57)
async def test_a_position_that_is_settled_with_its_contract_ends_the_hedge(watchful_rig: Rig) -> None:
    rig = watchful_rig
    await rig.hedged()
    rig.setup("delisted", asset="BTC", settled=True)
    await rig.until(lambda: rig.bot.book.short("BTC") == 0)
    assert [facts["reason"] for facts in rig.said("hedge.forced")] == ["settlement"]
    orders = len(rig.ours())
    await rig.ticks(10)
    assert len(rig.ours()) == orders


@pytest.mark.fault(58)
@pytest.mark.parametrize("venue", VENUES)
async def test_a_larger_step_is_taken_up_and_what_does_not_fit_it_refuses_increases(
    venue: str, tmp_path: Path,
) -> None:
    def coarse(text: str) -> str:
        return text.replace('"0.001"', '"0.01"')

    async with running(tmp_path, venue, more='inspect_every: "1m"', edit=coarse) as rig:
        short = await rig.hedged()
        rig.setup("step", asset="BTC", step="0.02")
        await rig.ticks(2)
        assert "amount_step" in str(rig.said("instrument.changed")[0]["message"])
        rig.testnet.exchange.shift_price("BTC", D("1.08"))
        await rig.ticks(4)
        assert rig.short() == short, "the contract of 0.01 is no multiple of the step"
        rig.testnet.exchange.shift_price("BTC", D("0.85"))
        await rig.until(lambda: rig.short() < short)
        assert not rig.said("order.refused"), "sizes are on the new step"


@pytest.mark.fault(58)
async def test_a_changed_tick_is_priced_on(watchful_rig: Rig) -> None:
    rig = watchful_rig
    rig.setup("tick", asset="BTC", tick="5")
    await rig.until(lambda: bool(rig.said("instrument.changed")))
    assert await rig.hedged() > 0
    assert all(order.price % 5 == 0 for order in rig.ours("BTC"))


@pytest.mark.fault(59)
async def test_settlements_every_eight_then_four_hours_then_one_are_booked_as_they_come(rig: Rig) -> None:
    await rig.hedged()

    async def pass_hours(hours: int) -> None:
        for _ in range(hours):
            await rig.clock.sleep_until(rig.clock.now() // HOUR * HOUR + HOUR)
            await rig.tick()

    rig.setup("funding_interval", asset="BTC", hours=4)
    await pass_hours(5)
    rig.setup("funding_interval", asset="BTC", hours=1)
    await pass_hours(3)
    await rig.clock.sleep_until(rig.clock.now() + MINUTE)
    await rig.tick()
    settled = rig.testnet.exchange.funding_rows
    booked = [(facts["settled_at"], facts["amount"]) for facts in rig.said("funding.booked")]
    assert booked == [(row.at, row.amount) for row in settled]
    hours = [(row.at - rig.clock.origin) // HOUR for row in settled]
    assert hours[0] == 4
    assert set(range(hours[-1] - 2, hours[-1] + 1)) <= set(hours)
    episode = rig.bot.book.episode("BTC")
    assert episode is not None
    assert episode.funding_paid == -sum(row.amount for row in settled)
