"""SIGKILL in the middle of the work, and a restart: nothing twice, nothing lost, the same hedge as if unbroken.

`make crash` tells the same stories, each on both venues, with a hundred kills each.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kill_story import made_up, quick_folder, real, real_history, tell

from bot.journal.reader import read_episodes

KILLS = 10
START, END = "2021-01-28", "2021-02-21"

@pytest.fixture
def quick() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


@real_history
def test_on_a_held_path_ten_kills_leave_the_position_of_the_unbroken_run(quick: Path) -> None:
    story = real(quick, held=True, start=START, end=END)
    tale = tell(quick, story, "binance", held=True, kills=KILLS, seed=1, poll="30m", on_timeout="cross")
    assert tale.problems == []
    assert tale.broken.killed == KILLS
    assert len({ours for _, _, ours, _ in tale.positions}) > 10, "a position that never changes shows nothing"


@real_history
def test_on_a_free_path_ten_kills_send_nothing_twice_leave_no_orphan_and_keep_the_books_equal(quick: Path) -> None:
    story = real(quick, held=False, start=START, end=END)
    tale = tell(quick, story, "bybit", held=False, kills=KILLS, seed=2, poll="30m")
    assert tale.problems == []
    assert {episode.asset for episode in read_episodes(tale.broken.journal)} == {"BTC", "ETH"}


@pytest.mark.fault(29, 30, 31, 32)
@pytest.mark.parametrize("venue", ["binance", "bybit"])
def test_without_real_history_kills_on_a_made_up_market_do_no_harm_either(venue: str, quick: Path) -> None:
    story = made_up(quick, held=False, days=12, seed=7)
    assert tell(quick, story, venue, held=False, kills=KILLS, seed=3, poll="1h").problems == []
