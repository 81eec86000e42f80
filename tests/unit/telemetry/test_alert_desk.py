"""Which alerts are sent when: each once, not too many, with the way back, across a restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.core.times import HOUR, MINUTE
from bot.ports import Urgency
from bot.telemetry.alert_desk import Alert, Desk, told_as, told_from
from bot.telemetry.alert_kinds import KINDS
from bot.telemetry.alerts import recall, remember

T0 = 1_700_000_000_000
FORCED = {"asset": "BTC", "reason": "adl", "quantity": "1", "price": "2", "message": "closed"}


def desk(per_hour: int = 20) -> Desk:
    return Desk(repeat=HOUR, per_hour=per_hour)


def titles(alerts: list[Alert]) -> list[str]:
    return [alert.title for alert in alerts]


def stale(on: Desk, at: int) -> list[str]:
    return titles(on.hear("heartbeat.stale", {"message": "no decision for 80 s"}, at))


def back(on: Desk, at: int) -> list[str]:
    return titles(on.hear("heartbeat.back", {"message": "decisions are reached again"}, at))


def test_the_same_is_told_once_within_the_repeat_and_again_after_it() -> None:
    on = desk()
    assert stale(on, T0) == ["Stale heartbeat"]
    assert stale(on, T0 + HOUR - 1) == []
    assert stale(on, T0 + HOUR) == ["Stale heartbeat"]


def test_another_subject_of_the_kind_is_another_alert() -> None:
    on = desk()
    assert titles(on.hear("hedge.forced", FORCED, T0)) == ["Liquidation: BTC"]
    assert titles(on.hear("hedge.forced", FORCED | {"asset": "ETH"}, T0)) == ["Liquidation: ETH"]


def test_the_way_back_is_told_once_where_the_way_there_was() -> None:
    on = desk()
    assert back(on, T0) == []
    stale(on, T0)
    assert back(on, T0 + 1) == ["Stale heartbeat, mended"]
    assert back(on, T0 + 2) == []


def test_what_comes_back_within_the_repeat_is_told_at_its_end_and_only_if_it_is_still_so() -> None:
    on = desk()
    stale(on, T0)
    back(on, T0 + MINUTE)
    assert stale(on, T0 + 2 * MINUTE) == []
    assert titles(on.look(T0 + HOUR - 1)) == []
    assert titles(on.look(T0 + HOUR)) == ["Stale heartbeat"], "it was said to be mended, and is not"
    back(on, T0 + HOUR + 1)
    stale(on, T0 + HOUR + 2)
    assert back(on, T0 + HOUR + 3) == []
    assert titles(on.look(T0 + 3 * HOUR)) == []


def test_what_mends_by_itself_in_time_is_never_told() -> None:
    on = desk()
    assert on.hear("stream.lost", {"stream": "prices", "message": "closed"}, T0) == []
    assert on.look(T0 + 10 * MINUTE - 1) == []
    assert on.hear("stream.back", {"stream": "prices"}, T0 + 10 * MINUTE - 1) == []
    assert on.look(T0 + HOUR) == []


def test_what_lasts_is_told_with_the_words_of_its_beginning() -> None:
    on = desk()
    on.hear("stream.lost", {"stream": "prices", "message": "closed"}, T0)
    on.hear("stream.lost", {"stream": "prices", "message": "refused"}, T0 + MINUTE)
    (alert,) = on.look(T0 + 10 * MINUTE)
    assert (alert.title, alert.at, alert.text) == ("Stream lost: prices", T0, "prices: closed; polling")


def test_a_cancel_that_does_not_work_is_told_at_the_third_time() -> None:
    on = desk()
    failing = {"client_order_id": "hr1", "change": "cancel: held", "state": "open"}
    assert [titles(on.hear("order.changed", failing, T0 + n)) for n in range(3)] == [
        [], [], ["Cancel failing: hr1"]]
    assert titles(on.hear("order.gone", failing | {"state": "cancelled"}, T0 + 9)) == [
        "Cancel failing: hr1, mended"]


def test_refusals_count_only_in_a_row() -> None:
    on = desk()
    refused = {"asset": "BTC", "message": "no margin"}
    for at in range(2):
        on.hear("order.refused", refused, T0 + at)
    on.hear("order.sent", {"asset": "BTC"}, T0 + 2)
    assert [on.hear("order.refused", refused, T0 + 3 + at) for at in range(2)] == [[], []]


def test_every_rung_that_was_told_is_mended_when_the_account_is_off_the_ladder() -> None:
    on = desk()
    for rung in ("warn", "stop"):
        on.hear("margin.warned", {"rung": rung, "message": rung}, T0)
    assert titles(on.hear("margin.eased", {"rung": "clear", "message": "65%"}, T0 + HOUR)) == [
        "Margin rung: stop, mended", "Margin rung: warn, mended"]


def test_an_hour_has_its_most_a_quarter_is_kept_for_the_urgent_and_what_was_left_out_is_counted() -> None:
    on = desk(per_hour=4)
    warned = [on.hear("account.warned", {"reason": f"r{n}", "message": "m"}, T0 + n) for n in range(6)]
    assert [len(one) for one in warned] == [1, 1, 1, 0, 0, 0]
    (urgent,) = on.hear("safety.stopped", {"message": "revoked"}, T0 + 6)
    assert "3 alerts before this were too many" in urgent.text
    assert on.hear("hedge.forced", FORCED, T0 + 7) == []
    assert titles(on.look(T0 + HOUR)) == ["Liquidation: BTC"], "what is urgent waits for its turn"


def test_the_body_says_when_what_it_means_and_where_its_fix_is() -> None:
    (alert,) = desk().hear("hedge.forced", FORCED, T0)
    assert alert.urgency is Urgency.URGENT
    assert alert.body.splitlines()[1] == "2023-11-14 22:13:20 UTC"
    assert alert.body.endswith("docs/operations.md#liquidation")


def test_a_bot_that_is_started_again_and_again_does_not_say_the_same_again_and_again(tmp_path: Path) -> None:
    file = tmp_path / "told.json"
    first = desk()
    first.hear("safety.stopped", {"message": "revoked"}, T0)
    remember(file, first.told)
    second = Desk(repeat=HOUR, per_hour=20, told=recall(file))
    assert second.hear("safety.stopped", {"message": "revoked"}, T0 + MINUTE) == []
    healthy: dict[str, object] = {"nav": "1", "drifts": {}, "shorts": {}, "joint_runway": None, "next_funding_at": None}
    assert titles(second.hear("daemon.healthy", healthy, T0 + 2 * MINUTE)) == ["Safety stop, mended"]


def test_times_of_another_story_do_not_silence_this_one() -> None:
    on = desk()
    stale(on, T0)
    assert stale(on, T0 - 100 * HOUR) == ["Stale heartbeat"]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"at": 1}', '{"at": {"x|": 1}, "open": [], "sent": []}'])
def test_a_memory_that_is_none_is_an_empty_one(tmp_path: Path, content: str) -> None:
    file = tmp_path / "told.json"
    file.write_text(content)
    assert recall(file).at == {}


def test_a_memory_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    remember(tmp_path / "no" / "folder", desk().told)


def test_what_is_remembered_reads_back() -> None:
    on = desk()
    on.hear("hedge.forced", FORCED, T0)
    stale(on, T0)
    assert told_from(json.loads(json.dumps(told_as(on.told)))) == on.told


def test_titles_are_short_and_differ() -> None:
    assert len({kind.title for kind in KINDS.values()}) == len(KINDS)
    assert max(len(kind.title) for kind in KINDS.values()) <= 24
