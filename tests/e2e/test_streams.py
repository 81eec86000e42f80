"""The daemon listens to a testnet's WebSockets: quicker for it, and no less right whatever befalls them."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from play import Outcome, check_invariants, daemon, get, post, serving, write_config

from bot.testnet.push_trouble import Action

HOUR = 3_600_000
STORY = """scenario: demo
  days: 1
  seed: 3"""

Troubles = Sequence[tuple[float, Mapping[str, str]]]
"""What is done to the streams, at hours of the story."""


def story(folder: Path, name: str, streams: str = "", venue: str = "binance") -> Path:
    """A day of small hedges: levels so narrow that the rule acts again and again."""
    file = write_config(folder, name, story=STORY)
    text = file.read_text().replace("venue: binance", f"venue: {venue}")
    text = text.replace('open: "3pp", close: "1pp", resize: "1pp"',
                        'open: "0.5pp", close: "0.1pp", resize: "0.1pp", confirm: 1, cooldown: "0s"')
    file.write_text(text + (f"streams: {streams}\n" if streams else ""))
    return file


def troubled(url: str, troubles: Troubles, over: threading.Event) -> None:
    """Do to the streams what is planned, when the story gets there."""
    start = get(url, "/testnet/clock")["origin"]
    for hours, body in troubles:
        while get(url, "/testnet/clock")["now"] < start + hours * HOUR:
            if over.is_set():
                return
            time.sleep(0.02)
        post(url, "/testnet/stream", body)


def played(config: Path, troubles: Troubles = (), hours: float = 24) -> Outcome:
    """Play the story with its troubles: so many hours of it."""
    over = threading.Event()
    with serving(config) as url:
        other = threading.Thread(target=troubled, args=(url, troubles, over))
        other.start()
        try:
            until = get(url, "/testnet/clock")["origin"] + hours * HOUR
            stop = {"not_before": until, "when": "after", "what": ["beat"], "signal": "SIGTERM"}
            assert daemon(config, url, kill=stop) == 0
            assert get(url, "/testnet/clock")["now"] >= until
            return Outcome(get(url, "/testnet/state"), config.with_suffix(".db"))
        finally:
            over.set()
            other.join()


def rows(outcome: Outcome, query: str) -> list[Any]:
    with sqlite3.connect(f"file:{outcome.journal}?mode=ro", uri=True) as connection:
        return connection.execute(query).fetchall()


def decisions(outcome: Outcome) -> list[Any]:
    """All that was decided, with all it depended on."""
    return rows(outcome, "SELECT at, situation, decision FROM decisions ORDER BY seq")


def logged(outcome: Outcome, name: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in outcome.journal.with_suffix(".log").read_text().splitlines()]
    return [line for line in lines if line["event"] == name]


@pytest.fixture(scope="module")
def polled(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The story as polls alone tell it."""
    return played(story(tmp_path_factory.mktemp("polled"), "polled"))


def test_with_wakes_off_the_decisions_are_those_without_a_stream(polled: Outcome, tmp_path: Path) -> None:
    listened = played(story(tmp_path, "listened", '{enabled: true, wake: false, silence: "500ms"}'), [
        (1, {"action": "drop", "which": "all"}), (3, {"action": "garbage", "which": "all"}),
        (6, {"action": "resume", "which": "all"}), (8, {"action": "silence", "which": "all"}),
        (10, {"action": "resume", "which": "all"}),
    ], hours=11)
    found = decisions(listened)
    assert len(found) > 20
    assert found == decisions(polled)[:len(found)]
    assert {line["stream"] for line in logged(listened, "stream.lost")} >= {"spot prices", "futures account"}
    assert logged(listened, "stream.back")


FIRST_TROUBLE = 6


@pytest.fixture(scope="module")
def troubled_run(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Six hours in which all is well with the streams, then one trouble after the other."""
    actions = [str(action) for action in Action if action is not Action.RESUME]
    troubles: Troubles = [
        (FIRST_TROUBLE + 1.6 * number + after, {"action": done, "which": "all"})
        for number, action in enumerate(actions) for after, done in ((0, action), (0.4, "drop"), (1.4, "resume"))
    ]
    config = story(tmp_path_factory.mktemp("woken"), "woken", '{enabled: true, silence: "300ms", per_minute: 2}')
    return played(config, troubles)


def test_on_bybit_too_the_decisions_are_those_without_a_stream(tmp_path: Path) -> None:
    silent = played(story(tmp_path, "silent", venue="bybit"), hours=7)
    listened = played(story(tmp_path, "heard", "{enabled: true, wake: false}", venue="bybit"), [
        (2, {"action": "drop", "which": "all"}), (4, {"action": "garbage", "which": "all"}),
        (6, {"action": "resume", "which": "all"}),
    ], hours=7)
    assert len(decisions(silent)) > 20
    assert decisions(listened) == decisions(silent)
    assert {line["stream"] for line in logged(listened, "stream.lost")} >= {"spot prices", "account"}


def test_a_price_that_crosses_and_a_fill_of_ours_are_answered_before_the_next_poll(
    polled: Outcome, troubled_run: Outcome,
) -> None:
    opened = "SELECT at FROM decisions WHERE reasons LIKE '%above_open%' ORDER BY seq"
    (first_polled,), (first_woken,) = rows(polled, opened)[0], rows(troubled_run, opened)[0]
    assert first_polled % (15 * 60_000) == 0
    assert first_polled - 15 * 60_000 < first_woken < first_polled
    assert first_woken < get_start(troubled_run) + FIRST_TROUBLE * HOUR


def get_start(outcome: Outcome) -> int:
    return int(rows(outcome, "SELECT min(at) FROM decisions")[0][0])


def test_streams_in_trouble_never_lead_to_an_order_twice_nor_to_another_decision_than_their_snapshots(
    troubled_run: Outcome,
) -> None:
    check_invariants(troubled_run)
    assert len(decisions(troubled_run)) > 20
    said = {line["message"] for line in logged(troubled_run, "stream.lost")}
    assert "a frame that is not JSON" in said
    assert len(said) > 1
    assert logged(troubled_run, "stream.back")
