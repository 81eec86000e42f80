"""The user's file, the environment and the secrets directory, turned into core policies.

`load` reads everything and reports every problem at once; nothing else in the program looks at a file of settings or
at an environment variable.
"""

from bot.settings.load import load
from bot.settings.model import (
    AssetSettings,
    Environment,
    ExecutionSettings,
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
from bot.settings.secrets import Credentials
from bot.settings.settings import Settings

__all__ = [
    "AssetSettings", "Credentials", "Environment", "ExecutionSettings", "GuardSettings", "LiveSettings", "LogLevel",
    "LogSettings", "MarginSettings", "Settings", "StoryPath", "StorySettings", "TestnetSettings", "TriggerSettings",
    "Venue", "load",
]
