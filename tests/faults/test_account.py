"""An account that others change, or the venue itself: by hand, by force, by its settings."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rig import Rig, running

from bot.core.episode import EpisodeState
from bot.core.times import DAY
from bot.errors import SafetyStop
from bot.journal.reader import read_episodes
from bot.testnet.faults import Kind
from bot.testnet.story_roles import ROLES

D = Decimal
VENUES = ("binance", "bybit")


def guards(rig: Rig, asset: str = "BTC") -> set[str]:
    """What refuses on a coin."""
    assert rig.decision is not None
    return {refusal.guard for refusal in rig.decision.of(asset).refusals}


# --- by hand ---


@pytest.mark.fault(60)
@pytest.mark.parametrize("quantity", ["-0.05", "0.05"])
async def test_a_position_changed_by_hand_pauses_and_is_never_fought(rig: Rig, quantity: str) -> None:
    short = await rig.hedged()
    rig.setup("foreign_position", asset="BTC", quantity=quantity)
    placed = rig.asked("place")
    rig.testnet.exchange.shift_price("BTC", D("0.9"))  # the rule would reduce, too
    await rig.ticks(6)
    assert rig.said("reconcile.mismatch")
    assert "position_mismatch" in guards(rig)
    assert (rig.short(), rig.asked("place")) == (short - D(quantity), placed)


@pytest.mark.fault(60)
async def test_an_adopted_position_is_hedged_with(rig: Rig) -> None:
    short = await rig.hedged()
    rig.setup("foreign_position", asset="BTC", quantity="-0.05")
    await rig.ticks(2)
    assert "goes from" in await rig.ask("adopt", "BTC")
    await rig.tick()
    assert rig.bot.book.short("BTC") == short + D("0.05")
    assert rig.said("position.adopted")
    await rig.until(lambda: rig.short() < short + D("0.04"))  # the rule has it now, and it is too much


@pytest.mark.fault(60)
async def test_an_ignored_position_is_left_to_whoever_made_it(rig: Rig) -> None:
    short = await rig.hedged()
    rig.setup("foreign_position", asset="BTC", quantity="-0.05")
    await rig.ticks(2)
    assert "-0.05" in await rig.ask("ignore", "BTC")
    rig.testnet.exchange.shift_price("BTC", D("0.70"))
    await rig.until(lambda: rig.short() == D("0.05"))
    await rig.ticks(5)
    assert rig.short() == D("0.05")
    assert short > 0


@pytest.mark.fault(61)
async def test_an_order_that_is_cancelled_by_hand_is_decided_anew(rig: Rig) -> None:
    rig.post("later", {"in": 1_000, "path": "/testnet/setup", "body": {"setup": "cancel_orders", "asset": "BTC"}})
    assert await rig.hedged() > 0
    assert len(rig.ours("BTC")) > 1
    assert not rig.said("order.uncertain")


@pytest.mark.fault(62)
async def test_a_foreign_order_on_the_symbol_pauses_opening_and_no_longer_than_it_rests(rig: Rig) -> None:
    rig.setup("foreign_order", asset="BTC")
    await rig.ticks(5)
    assert rig.ours("BTC") == []
    assert "unknown_order" in guards(rig)
    rig.setup("cancel_orders", asset="BTC")
    assert await rig.hedged() > 0


@pytest.mark.fault(62)
async def test_a_foreign_order_that_is_ignored_pauses_nothing(rig: Rig) -> None:
    rig.setup("foreign_order", asset="BTC")
    await rig.ticks(3)
    assert "1 orders are left" in await rig.ask("ignore", "BTC")
    assert await rig.hedged() > 0


@pytest.mark.fault(62)
async def test_a_foreign_order_on_the_symbol_does_not_keep_a_hedge_from_closing(rig: Rig) -> None:
    await rig.hedged()
    rig.setup("foreign_order", asset="BTC")
    rig.testnet.exchange.shift_price("BTC", D("0.70"))
    await rig.until(lambda: rig.short() == 0)


# --- by force ---


@pytest.mark.parametrize(("name", "cause"), [
    pytest.param("adl", "adl", marks=pytest.mark.fault(63)),
    pytest.param("liquidation", "liquidation", marks=pytest.mark.fault(64)),
])
async def test_what_the_venue_closes_by_force_ends_the_hedge_and_nothing_is_reopened_until_rearm(
    rig: Rig, name: str, cause: str,
) -> None:
    short = await rig.hedged()
    rig.setup(name, asset="BTC")
    await rig.until(lambda: bool(rig.said("hedge.forced")))
    told = rig.said("hedge.forced")[0]
    assert (told["reason"], told["asset"], told["quantity"]) == (cause, "BTC", short)
    orders = len(rig.ours())
    await rig.ticks(3)
    episode = next(one for one in read_episodes(rig.settings.journal) if one.asset == "BTC")
    assert (episode.state, episode.short) == (EpisodeState.CLOSED, D(0))
    assert episode.realised == sum(fill.realised for fill in rig.testnet.exchange.fills)
    assert rig.decision is not None
    assert rig.decision.state.of("BTC").disarmed == cause
    rig.testnet.exchange.shift_price("BTC", D("1.04"))  # the drift only grows
    await rig.ticks(70)  # an hour of cooldown passes
    assert len(rig.ours()) == orders, "no reopening loop"
    assert await rig.ask("accept") != ""
    assert await rig.ask("rearm", "BTC") == "BTC may be hedged again"
    assert await rig.hedged(most=80) > 0


@pytest.mark.fault(63, 64)
async def test_a_forced_close_is_remembered_over_a_restart(rig: Rig) -> None:
    await rig.hedged()
    rig.setup("adl", asset="BTC")
    await rig.restart()
    await rig.until(lambda: bool(rig.said("hedge.forced")))
    await rig.restart()
    orders = len(rig.ours())
    await rig.ticks(70)
    assert len(rig.ours()) == orders
    assert rig.decision is not None
    assert rig.decision.state.of("BTC").disarmed == "adl"


@pytest.mark.fault(63)
async def test_a_position_that_is_deleveraged_in_part_keeps_the_rest_of_its_hedge(rig: Rig) -> None:
    await rig.hedged()
    rig.setup("adl", asset="BTC")
    rig.setup("foreign_position", asset="BTC", quantity="-0.05")
    placed = rig.asked("place")
    await rig.ticks(5)
    assert rig.asked("place") == placed
    assert rig.short() == D("0.05")


# --- by settings ---


def _leverage(rig: Rig, *, broken: bool) -> None:
    rig.setup("leverage", asset="BTC", leverage="3" if broken else "5")


def _isolated(rig: Rig, *, broken: bool) -> None:
    rig.setup("isolated", on=broken)


@pytest.mark.fault(65)
@pytest.mark.parametrize(("change", "venue"), [
    (_leverage, "binance"), (_leverage, "bybit"), (_isolated, "binance"),
], ids=["leverage-binance", "leverage-bybit", "isolated-binance"])
async def test_leverage_or_margin_mode_changed_pauses_increases_and_nothing_else(
    change: Callable[..., None], venue: str, tmp_path: Path,
) -> None:
    async with running(tmp_path, venue, more='inspect_every: "1m"') as rig:
        short = await rig.hedged()
        change(rig, broken=True)
        await rig.ticks(2)
        assert rig.said("account.warned")
        rig.testnet.exchange.shift_price("BTC", D("1.08"))
        await rig.ticks(5)
        assert rig.short() == short
        assert guards(rig) & {"asset_fault", "account_fault"}
        change(rig, broken=False)
        await rig.until(lambda: rig.short() > short)
        change(rig, broken=True)
        await rig.ticks(2)
        rig.testnet.exchange.shift_price("BTC", D("0.65"))
        await rig.until(lambda: rig.short() == 0)


@pytest.mark.fault(65)
async def test_isolated_margin_on_bybit_stops_for_want_of_a_margin_balance(tmp_path: Path) -> None:
    async with running(tmp_path, "bybit", more='inspect_every: "1m"') as rig:
        await rig.hedged()
        rig.setup("isolated")
        with pytest.raises(SafetyStop, match="isolated"):
            await rig.ticks(2)
        rig.setup("isolated", on=False)


@pytest.mark.parametrize(("venue", "name"), [
    pytest.param("bybit", "hedge_mode", marks=pytest.mark.fault(66)),
    pytest.param("binance", "multi_assets", marks=pytest.mark.fault(67)),
    pytest.param("binance", "portfolio_margin", marks=pytest.mark.fault(67)),
    pytest.param("bybit", "portfolio_margin", marks=pytest.mark.fault(67)),
])
async def test_an_account_in_a_mode_that_cannot_be_worked_with_is_not_started_on(
    venue: str, name: str, tmp_path: Path,
) -> None:
    rig = Rig(tmp_path, venue)
    rig.setup(name)
    with pytest.raises(SafetyStop):
        await rig.start()
    assert rig.ours() == []
    await rig.stop()


@pytest.mark.fault(66)
async def test_hedge_mode_with_a_position_on_binance_is_not_started_on(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "binance")
    rig.setup("foreign_position", asset="BTC", quantity="-0.05")
    rig.setup("hedge_mode")
    with pytest.raises(SafetyStop, match=r"hedge mode|one-way"):
        await rig.start()
    await rig.stop()


@pytest.mark.parametrize("name", [
    pytest.param("hedge_mode", marks=pytest.mark.fault(66)),
    pytest.param("portfolio_margin", marks=pytest.mark.fault(67)),
])
async def test_a_mode_that_cannot_be_worked_with_stops_a_running_bot(watchful_rig: Rig, name: str) -> None:
    rig = watchful_rig
    short = await rig.hedged()
    rig.setup(name)
    with pytest.raises(SafetyStop):
        await rig.ticks(4)
    rig.setup(name, on=False)
    assert rig.short() == short


# --- what comes and goes ---


def _earn(rig: Rig, sign: int) -> None:
    rig.setup("earn", asset="BTC", amount=str(D("0.2") * sign))


def _deposit(rig: Rig, sign: int) -> None:
    rig.post("deposit", {"coin": "USDT", "amount": str(D(10_000) * sign)})


def _withdrawal(rig: Rig, sign: int) -> None:
    rig.post("deposit", {"coin": "BTC", "amount": str(D("-0.3") * sign)})


MOVES = [
    pytest.param(_earn, marks=pytest.mark.fault(68)),
    pytest.param(_deposit, marks=pytest.mark.fault(69)),
    pytest.param(_withdrawal, marks=pytest.mark.fault(69)),
]


@pytest.mark.parametrize("move", MOVES)
async def test_coins_that_come_or_go_hold_every_order_of_the_rule_until_they_are_back(
    rig: Rig, move: Callable[[Rig, int], None],
) -> None:
    short = await rig.hedged()
    move(rig, 1)
    rig.testnet.exchange.shift_price("BTC", D("0.70"))  # the rule would close
    placed = rig.asked("place")
    await rig.ticks(6)
    assert (rig.short(), rig.asked("place")) == (short, placed)
    assert guards(rig) & {"holdings_changed", "cash_changed"}
    move(rig, -1)
    await rig.until(lambda: rig.short() == 0)


@pytest.mark.parametrize("move", MOVES)
async def test_coins_that_come_or_go_are_reckoned_with_once_they_are_accepted(
    rig: Rig, move: Callable[[Rig, int], None],
) -> None:
    await rig.hedged()
    move(rig, 1)
    await rig.ticks(3)
    assert guards(rig) & {"holdings_changed", "cash_changed"}
    await rig.ask("accept")
    await rig.ticks(2)
    assert not guards(rig) & {"holdings_changed", "cash_changed"}
    rig.testnet.exchange.shift_price("BTC", D("0.55"))
    await rig.until(lambda: rig.short() == 0)
    await rig.until(lambda: not rig.live())  # what ETH has become too much by


# --- the key ---


@pytest.mark.fault(70)
@pytest.mark.parametrize("name", ["revoked_key", "expired_key", "missing_permission"])
async def test_a_key_that_is_taken_back_is_known_by_its_code_and_stops_the_bot(rig: Rig, name: str) -> None:
    short = await rig.hedged()
    rig.setup(name)
    with pytest.raises(SafetyStop) as stop:
        await rig.tick()
    codes = {"revoked_key": "10003", "expired_key": "33004", "missing_permission": "10005"}
    assert stop.value.code == ("-2015" if rig.bot.venue.name == "binance" else codes[name])
    rig.setup(name, on=False)
    assert rig.short() == short


@pytest.mark.fault(70)
async def test_a_key_that_is_taken_back_while_an_order_is_sent_leaves_none_behind(rig: Rig) -> None:
    code, status = (-2015, 401) if rig.bot.venue.name == "binance" else (10003, 200)
    rig.arm("place", Kind.ERROR, code=code, status=status, message="Invalid API-key.")
    with pytest.raises(SafetyStop):
        await rig.ticks(3)
    assert rig.ours() == []
    rig.disarm()
    assert await rig.hedged() > 0


@pytest.mark.fault(71)
async def test_a_key_that_ends_in_ten_days_is_warned_of_once_and_trading_goes_on(watchful_rig: Rig) -> None:
    rig = watchful_rig
    settings: Any = rig.testnet.dialect.settings
    settings.key.expires_at = rig.clock.now() + 10 * DAY
    await rig.ticks(5)
    told = [facts for facts in rig.said("account.warned") if facts["reason"] == "key_expiry"]
    assert len(told) == 1
    assert "renew the key" in str(told[0]["message"])
    assert await rig.hedged() > 0


# --- an account that may only reduce ---


@pytest.mark.fault(72)
async def test_an_account_that_may_only_reduce_opens_nothing_and_is_not_asked_in_a_loop(rig: Rig) -> None:
    rig.setup("reduce_only")
    asked = rig.asked(ROLES[rig.bot.venue.name]["place"])
    begun = rig.clock.now()
    await rig.ticks(60)
    minutes = (rig.clock.now() - begun) // 60_000
    assert rig.position() == 0
    assert rig.asked(ROLES[rig.bot.venue.name]["place"]) - asked <= 2 + minutes
    assert rig.said("order.refused")


@pytest.mark.fault(72)
async def test_an_account_that_may_only_reduce_still_closes(rig: Rig) -> None:
    await rig.hedged()
    rig.setup("reduce_only")
    rig.testnet.exchange.shift_price("BTC", D("0.70"))
    await rig.until(lambda: rig.short() == 0)


async def test_a_bot_whose_key_may_not_sell_coins_starts_and_hedges(rig: Rig) -> None:
    await rig.stop()
    rig.setup("missing_spot_permission")
    await rig.start()
    assert await rig.hedged() > 0
