"""The local testnet's market: hourly rows of a panel or a scenario, bridged to a grid, with books and takers."""

from bot.testnet.market.panel import read_panel
from bot.testnet.market.regimes import SCENARIOS
from bot.testnet.market.rows import Rows, Track
from bot.testnet.market.scenarios import scenario_rows, scenario_story
from bot.testnet.market.story import PathMode, Story, panel_story

__all__ = [
    "SCENARIOS", "PathMode", "Rows", "Story", "Track", "panel_story", "read_panel", "scenario_rows", "scenario_story",
]
