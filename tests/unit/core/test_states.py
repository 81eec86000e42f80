"""What the engine may do: the table of states, and what each state lets through."""

from __future__ import annotations

from decimal import Decimal

import pytest
from rule_world import codes, guards_of, world

from bot.core.decision import Action, Pace
from bot.core.explain import explain
from bot.core.market import OpenOrder, Position, Side
from bot.core.states import FRESH, TRANSITIONS, WAY_BACK, Event, Mode, State, after, follow, quarantined, stricter

D = Decimal
A, R, H = Mode.ACTIVE, Mode.REDUCING, Mode.HALTED


@pytest.mark.parametrize(("before", "event", "mode"), [
    (A, Event.PAUSE, R), (A, Event.PANIC, H), (A, Event.RESUME, A),
    (R, Event.PAUSE, R), (R, Event.PANIC, H), (R, Event.RESUME, A),
    (H, Event.PAUSE, H), (H, Event.PANIC, H), (H, Event.RESUME, A),
])
def test_every_event_leads_from_every_mode_somewhere(before: Mode, event: Event, mode: Mode) -> None:
    assert after(State(before, Event.PAUSE, 1), event, 2).mode is mode


def test_every_mode_that_is_not_active_has_a_cause_with_a_way_back() -> None:
    assert set(TRANSITIONS) == set(Mode)
    for leads in TRANSITIONS.values():
        assert set(leads) == set(Event)
        assert {event for event, mode in leads.items() if mode is not A} <= set(WAY_BACK)
    assert State(H, Event.PANIC, 1).text == (
        "halted (panic); way back: look the account over, then `hedgerow resume`")
    assert State(R, Event.PAUSE, 1).text_of("BTC") == "reducing (pause); way back: `hedgerow resume BTC`"
    assert State(H, Event.QUARANTINE, 1).text_of("BTC").endswith("then `hedgerow resolve BTC`")


def test_a_command_that_changes_nothing_keeps_the_first_cause_and_time() -> None:
    paused = after(FRESH, Event.PAUSE, 5)
    assert after(paused, Event.PAUSE, 9) is paused
    halted = after(paused, Event.PANIC, 7)
    assert after(halted, Event.PAUSE, 9) is halted


def test_commands_count_in_their_order_and_others_are_none_of_its_business() -> None:
    assert follow(FRESH, ("pause", "close", "resume"), 1).mode is A
    assert follow(FRESH, ("resume", "accept", "pause"), 1).mode is R


def test_the_stricter_state_holds() -> None:
    paused, halted = State(R, Event.PAUSE, 1), State(H, Event.PANIC, 1)
    assert stricter(FRESH, paused) is stricter(paused, FRESH) is paused
    assert stricter(paused, halted) is halted


# in a decision


def test_a_paused_account_opens_nothing_and_closes_still() -> None:
    story = world()
    story.standing = {"asked": ("pause",)}
    assert "state_changed" in codes(story.look().of("BTC"))
    story.standing = {}
    assert "not_active" in guards_of(story.settle().of("BTC"))
    assert story.state.state.cause is Event.PAUSE
    hedged = world(btc="0.9", short="0.2")
    hedged.standing = {"asked": ("pause",)}
    assert hedged.settle().of("BTC").action is Action.CLOSE
    story.standing = {"asked": ("resume",)}
    story.look()
    story.standing = {}
    assert story.settle().of("BTC").goal == D("0.2")


def test_one_paused_coin_does_not_pause_the_account() -> None:
    story = world()
    story.standings = {"BTC": {"asked": ("pause",)}}
    assert "not_active" in guards_of(story.settle(3).of("BTC"))
    assert story.state.state is FRESH or story.state.state.mode is A


def test_a_halted_account_holds_the_rule_and_obeys_the_user() -> None:
    story = world(btc="0.9", short="0.2")
    story.standing = {"asked": ("panic",)}
    btc = story.look().of("BTC")
    assert (btc.goal, btc.pace, btc.held) == (D(0), Pace.AT_ONCE, False)
    assert story.state.of("BTC").disarmed == "close"
    story.standing = {}
    story.shorts["BTC"] = D("0.1")
    assert story.later().of("BTC").pace is Pace.AT_ONCE, "a panic goes on until it is done"
    story.shorts = {}
    assert story.later().of("BTC").goal == 0
    assert "engine_halted" in guards_of(story.later().of("BTC"))


def test_what_the_venue_closed_by_force_stays_disarmed_until_rearm() -> None:
    story = world(btc="0.95")
    story.standings = {"BTC": {"forced": "liquidation"}}
    assert "forced_close" in codes(story.look().of("BTC"))
    story.standings = {}
    story.later()
    assert story.state.of("BTC").disarmed == "liquidation", "a resolved drift does not lift it"
    story.standings = {"BTC": {"rearm_requested": True}}
    assert "rearmed" in codes(story.later().of("BTC"))
    assert story.state.of("BTC").disarmed is None


def test_an_ignored_position_and_order_are_nobody_s_business_as_long_as_they_are_there() -> None:
    story = world(short="0.2")
    story.shorts = {}
    story.standings = {"BTC": {"short": D("0.2")}}
    story.positions = (Position("BTCUSDT", D("-0.3"), D(50_000), D(50_000), D(0)),)
    story.open_orders = (OpenOrder("BTCUSDT", "77", "by-hand", Side.SELL, D(51_000), D(1), D(0), reduce_only=False,
                                   created_at=0),)
    assert "position_mismatch" in guards_of(story.look().of("BTC"))
    story.standings["BTC"]["asked"] = ("ignore",)
    btc = story.later().of("BTC")
    assert "ignored" in codes(btc)
    assert "position_mismatch" not in guards_of(btc)
    del story.standings["BTC"]["asked"]
    btc = story.later().of("BTC")
    assert (btc.short, guards_of(btc)) == (D("0.2"), [])
    memory = story.state.of("BTC")
    assert (memory.foreign, memory.ignored_orders) == (D("-0.1"), ("77",))
    situation = story.situation()
    assert explain(situation, story.terms, story.look()).disagreements == ()
    story.positions = (Position("BTCUSDT", D("-0.2"), D(50_000), D(50_000), D(0)),)
    story.open_orders = ()
    story.later()
    assert (story.state.of("BTC").foreign, story.state.of("BTC").ignored_orders) == (D(0), ())


def test_a_quarantine_halts_a_coin_on_top_of_what_the_user_wants_and_leaves_that_as_it_was() -> None:
    paused = State(Mode.REDUCING, Event.PAUSE, 5)
    assert quarantined(paused, 9) == State(Mode.HALTED, Event.QUARANTINE, 9)
    assert quarantined(paused, None) == paused
    assert quarantined(State(Mode.HALTED, Event.PANIC, 5), 9).cause is Event.PANIC
    assert "hedgerow resolve" in quarantined(FRESH, 9).text
