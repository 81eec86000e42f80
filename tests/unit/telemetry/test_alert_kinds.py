"""Which events become which alerts: the whole table, as a pure function."""

from __future__ import annotations

import pytest

from bot.core.reasons import GUARDS
from bot.core.times import MINUTE
from bot.ports import Urgency
from bot.telemetry.alert_kinds import GUARDED, KINDS, NOT_ALERTED, RULES, Reading, Sign, read
from bot.telemetry.events import EVENTS, FIELDS, Level


def test_every_grave_event_is_an_alert_or_says_why_it_is_none() -> None:
    read_from = {rule.event for rule in RULES}
    grave = {name for name, event in EVENTS.items() if event.level is not Level.INFO}
    assert grave - read_from - NOT_ALERTED.keys() == set()
    assert NOT_ALERTED.keys() <= EVENTS.keys()


def test_every_rule_reads_an_event_and_fields_that_there_are() -> None:
    for rule in RULES:
        assert rule.event in EVENTS, rule
        assert rule.kind in KINDS, rule
        assert set(rule.subject) <= FIELDS.keys(), rule


def test_every_kind_is_raised_by_something_and_every_guard_of_the_table_exists() -> None:
    raised = {rule.kind for rule in RULES if rule.sign is not Sign.MEND} | GUARDED.keys()
    assert raised == KINDS.keys()
    assert frozenset[str]().union(*(guards for _, guards in GUARDED.values())) <= GUARDS.keys()


def readings(event: str, **fields: object) -> list[Reading]:
    return list(read(event, fields))


@pytest.mark.parametrize(("event", "fields", "wanted"), [
    ("safety.stopped", {"message": "hedge mode"}, Reading(Sign.RAISE, "safety_stop", "")),
    ("daemon.failed", {"message": "disk full"}, Reading(Sign.RAISE, "bot_ended", "")),
    ("hedge.forced", {"asset": "BTC", "reason": "adl"}, Reading(Sign.RAISE, "liquidation", "BTC")),
    ("margin.warned", {"rung": "warn"}, Reading(Sign.RAISE, "margin_rung", "warn")),
    ("margin.warned", {"rung": "stop", "reason": "top_up"}, Reading(Sign.RAISE, "margin_rung", "stop top_up")),
    ("margin.warned", {"rung": "full"}, Reading(Sign.RAISE, "margin_rung", "full", urgency=Urgency.URGENT)),
    ("margin.eased", {"rung": "clear"}, Reading(Sign.MEND, "margin_rung", "*")),
    ("reconcile.mismatch", {}, Reading(Sign.WAIT, "reconcile_mismatch", "", MINUTE)),
    ("account.warned", {"reason": "leverage", "asset": "BTC"}, Reading(Sign.RAISE, "account_pause", "leverage BTC")),
    ("stream.lost", {"stream": "prices"}, Reading(Sign.WAIT, "stream_lost", "prices", 10 * MINUTE)),
    ("order.uncertain", {"client_order_id": "hr1"}, Reading(Sign.WAIT, "order_uncertain", "hr1", 5 * MINUTE)),
    ("order.refused", {"asset": "BTC", "message": "no"}, Reading(Sign.COUNT, "order_refused", "BTC")),
    ("order.refused", {"asset": "BTC", "client_order_id": "hr1", "message": "cancel: no"},
     Reading(Sign.COUNT, "cancel_failing", "hr1")),
    ("order.changed", {"client_order_id": "hr1", "change": "cancel: held", "state": "open"},
     Reading(Sign.COUNT, "cancel_failing", "hr1")),
    ("order.gone", {"client_order_id": "hr1", "message": "", "state": "cancelled"},
     Reading(Sign.MEND, "cancel_failing", "hr1")),
    ("heartbeat.stale", {"message": ""}, Reading(Sign.RAISE, "stale_heartbeat", "")),
    ("heartbeat.back", {"message": ""}, Reading(Sign.MEND, "stale_heartbeat", "")),
])
def test_an_event_says_this_of_an_alert(event: str, fields: dict[str, object], wanted: Reading) -> None:
    assert readings(event, **fields) == [wanted]


@pytest.mark.parametrize("event", ["decision.made", "order.filled", "hedge.opened", "venue.prepared", "no.such"])
def test_what_is_as_it_should_be_is_no_alert(event: str) -> None:
    assert readings(event, asset="BTC") == []


def test_guards_that_hold_are_raised_and_those_that_let_go_are_mended() -> None:
    found = {(one.kind, one.subject): one for one in readings("guards.changed", asset="BTC", guards=["cash_changed"])}
    assert found["held_for_accept", "BTC cash_changed"].sign is Sign.WAIT
    assert found["held_for_accept", "BTC cash_changed"].after == 0, "at once"
    assert found["held_for_accept", "BTC holdings_changed"].sign is Sign.MEND
    assert found["quarantine", "BTC unknown_order"].sign is Sign.MEND
    assert ("quarantine", "BTC cooldown") not in found, "a guard of the rule's own is no alert"
