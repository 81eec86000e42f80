"""The user's file, the environment and the secrets directory, turned into core policies.

`load` reads everything and reports every problem at once; nothing else in the program looks at a file of settings or
at an environment variable.
"""

from bot.settings.grammar import amount as read_amount
from bot.settings.grammar import coin as read_any_coin
from bot.settings.grammar import duration as read_duration
from bot.settings.grammar import instant as read_instant
from bot.settings.grammar import part as read_part
from bot.settings.grammar import pause as read_pause
from bot.settings.grammar import risky_coin as read_coin
from bot.settings.grammar import weight as read_weight
from bot.settings.load import load
from bot.settings.model import (
    AssetSettings,
    ExecutionSettings,
    FinaliseSettings,
    GuardSettings,
    LiveSettings,
    LogLevel,
    LogSettings,
    MarginSettings,
    StoryPath,
    StorySettings,
    TestnetSettings,
    TriggerSettings,
    Venue,
)
from bot.settings.offline import Described, load_portfolio
from bot.settings.secrets import Credentials, handed_out
from bot.settings.settings import Settings

__all__ = [
    "AssetSettings", "Credentials", "Described", "ExecutionSettings", "FinaliseSettings", "GuardSettings",
    "LiveSettings", "LogLevel", "LogSettings", "MarginSettings", "Settings", "StoryPath", "StorySettings",
    "TestnetSettings", "TriggerSettings", "Venue", "handed_out", "load", "load_portfolio", "read_amount",
    "read_any_coin", "read_coin", "read_duration", "read_instant", "read_part", "read_pause", "read_weight",
]
