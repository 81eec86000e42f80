"""What each kind of failure is worth as an exit code, and the one line that says it."""

from __future__ import annotations

from enum import IntEnum

from bot.errors import (
    ConfigError,
    JournalBehind,
    JournalError,
    JournalForeign,
    JournalUnconfirmed,
    SafetyStop,
    StoryEnded,
    Unavailable,
)


class Code(IntEnum):
    """Exit codes; documented in docs/operations.md."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    NOT_RUNNING = 3
    CONFIGURATION = 4
    TIMEOUT = 5
    SAFETY_STOP = 6
    JOURNAL_DISAGREES = 7


class CommandFailed(Exception):
    """A command's own bad end: its code and what to say."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


_CODES: tuple[tuple[type[Exception], Code], ...] = (
    (ConfigError, Code.CONFIGURATION),
    (Unavailable, Code.TIMEOUT),
    (SafetyStop, Code.SAFETY_STOP),
    (JournalForeign, Code.JOURNAL_DISAGREES),
    (JournalBehind, Code.JOURNAL_DISAGREES),
    (JournalUnconfirmed, Code.JOURNAL_DISAGREES),
    (StoryEnded, Code.DONE),
    (JournalError, Code.UNEXPECTED),
)


def code_of(error: Exception) -> Code:
    """The exit code of an error that reached the top."""
    if isinstance(error, CommandFailed):
        return error.code
    return next((code for kind, code in _CODES if isinstance(error, kind)), Code.UNEXPECTED)
