"""A real month through real processes: the daemon against a testnet, over HTTP, books compared to the last digit."""

from __future__ import annotations

from pathlib import Path

import pytest
from play import check_invariants, history, play, shared_data, write_config

from bot.journal.reader import read_episodes

pytestmark = pytest.mark.skipif(
    shared_data() is None, reason="real history is not here: put it in ../shared/data or set HEDGEROW_SHARED",
)


@pytest.mark.parametrize("venue", ["binance", "bybit"])
def test_on_real_history_both_coins_are_hedged_resized_and_closed_and_the_books_agree_to_the_last_digit(
    tmp_path: Path, venue: str,
) -> None:
    config = write_config(tmp_path, "history", story=history("2021-01-28", "2021-02-21"), venue=venue)
    outcome = play(config)
    check_invariants(outcome)
    episodes = read_episodes(outcome.journal)
    for asset in ("BTC", "ETH"):
        mine = [episode for episode in episodes if episode.asset == asset]
        assert any(episode.state == "closed" for episode in mine), f"no hedge on {asset} was closed"
        assert any(episode.resizes for episode in mine), f"no hedge on {asset} was resized"
    assert outcome.state["liquidations"] == []
