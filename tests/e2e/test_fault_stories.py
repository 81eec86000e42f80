"""`hedgerow demo --fault`: every fault in its story, in process; and one through the command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fault_story import play
from play import ROOT
from testnet_caller import Caller

from bot.core.times import HOUR, MINUTE
from bot.testnet.faults import Kind
from bot.testnet.push_trouble import Action
from bot.testnet.stories import MENDS, STORIES, STRIKES, Story

SETTLED = 8 * HOUR + 40 * MINUTE
LASTS = {"funding-interval": STRIKES + 2 * HOUR + 10 * MINUTE, "funding-late": SETTLED, "earn": MENDS + 10 * MINUTE}
"""How much of a story is played, where half an hour beyond the stroke does not show it."""

PLAYED = [
    pytest.param(story, venue, id=f"{story.name}-{venue}")
    for number, story in enumerate(STORIES.values()) if not story.streams
    # Each on one venue in turn here; tests of the faults themselves are on both.
    for venue in (story.venues[number % len(story.venues)],)
]


@pytest.mark.parametrize(("story", "venue"), PLAYED)
async def test_each_fault_strikes_and_the_bot_does_what_the_list_says(
    story: Story, venue: str, tmp_path: Path,
) -> None:
    played = await play(story, venue, tmp_path, LASTS.get(story.name, STRIKES + 30 * MINUTE))
    planned = json.loads(played.testnet.admin.answer("GET", "/testnet/later", b"").body)
    assert [entry["status"] for entry in planned if entry["at"] <= played.testnet.world.now()].count(200) >= 1
    assert all(entry["status"] in (200, None) for entry in planned)
    switches = {entry["body"]["kind"] for entry in planned if entry["path"] == "/testnet/fault"}
    assert played.spoilt or not switches - {"async_cancel"}, "no request was spoilt"
    assert not story.shows or played.said(*story.shows), [name for name, _ in played.events]
    assert story.stops == (played.stopped is not None), played.stopped
    assert not played.journal.is_file() or played.broken() == []


def test_every_switch_is_named_in_the_list_of_faults() -> None:
    acts = [act for story in STORIES.values() for act in story.acts]
    assert {act.body.get("kind") for act in acts} >= {str(kind) for kind in Kind}
    assert {act.body.get("action") for act in acts} >= {str(action) for action in Action}
    assert {act.body.get("setup") for act in acts} >= set(Caller().testnet.admin.setups.names)


def hedgerow(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "bot", "demo", *arguments], cwd=ROOT, capture_output=True, text=True,
                          timeout=120, check=False)


def test_a_fault_is_shown_to_whoever_asks_for_it() -> None:
    done = hedgerow("--fault", "lost-reply", "--venue", "bybit")
    assert done.returncode == 0, done.stderr
    assert "an order is accepted, the answer never comes" in " ".join(done.stdout.split())
    assert "order.uncertain" in done.stderr
    assert "order.resolved" in done.stderr
    assert "Journal and exchange agree to the last digit" in done.stdout


def test_a_fault_that_must_stop_the_bot_stops_it_and_that_is_no_failure() -> None:
    done = hedgerow("--fault", "key-revoked")
    assert done.returncode == 0, done.stderr
    assert "The bot stopped: GET account: HTTP 401, -2015" in " ".join(done.stdout.split())
    assert "safety.stopped" in done.stderr


def test_the_list_names_every_fault_and_a_wrong_name_gets_the_near_ones() -> None:
    listed = hedgerow("--list-faults", "--json")
    assert [entry["name"] for entry in json.loads(listed.stdout)["faults"]] == list(STORIES)
    assert max(len(line) for line in hedgerow("--list-faults").stdout.splitlines()) <= 80
    wrong = hedgerow("--fault", "lost-repl")
    assert wrong.returncode == 2
    assert "lost-reply" in wrong.stderr
    assert hedgerow("--fault", "multi-assets", "--venue", "bybit").returncode == 2
