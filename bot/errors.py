"""What can go wrong, by consequence.

::

    HedgerowError
    ├── Unavailable        try again: nothing was changed, the answer is just not known yet
    │   └── RateLimited    … but not before `retry_after`
    ├── Refused            do not try again as it is: somebody said no, and why
    │   ├── TooManyOrders  … as long as so many orders are open
    │   └── SafetyStop     … and stop trading until a human has looked (exit 6)
    ├── Uncertain          look it up first: a request may or may not have taken effect
    ├── StoryEnded         a testnet story is over: time does not go on
    ├── ConfigError        the user's file or environment is wrong (exit 4)
    └── JournalError       the journal cannot be used
        ├── JournalLocked  another process holds it
        ├── JournalForeign it belongs to another environment or account (exit 7)
        ├── JournalBehind  the venue knows orders that it should know and does not (exit 7)
        └── JournalUnconfirmed  it was rebuilt from the venue, and no human has looked yet (exit 7)

Every error an exchange can cause is one of the first three. Texts never carry secrets.
"""

from __future__ import annotations


class HedgerowError(Exception):
    """Root of all errors raised on purpose by hedgerow."""


class Unavailable(HedgerowError):
    """The answer could not be had; nothing was changed. Trying again is safe."""


class RateLimited(Unavailable):
    """The venue asked for silence. `retry_after` is in seconds; None when it did not say how long."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(HedgerowError):
    """The venue (or a rule of ours) said no. `code` is the venue's own code, as text, where there is one."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class TooManyOrders(Refused):
    """The venue takes no more open orders from this account."""


class SafetyStop(Refused):
    """No trading until a human has looked: hedge mode, a revoked key, an account that is not what it should be."""


class Uncertain(HedgerowError):
    """A request that changes something left, and its outcome is unknown. Never retried blindly."""


class StoryEnded(HedgerowError):
    """The testnet's story is over: no instant follows. A graceful end, not a failure."""


class ConfigError(HedgerowError):
    """The configuration is wrong. Says file, key path (and line), what is wrong, what is allowed."""


class JournalError(HedgerowError):
    """The journal cannot be opened, read or written."""


class JournalLocked(JournalError):
    """Another process holds the journal."""


class JournalForeign(JournalError):
    """The journal belongs to another environment or account."""


class JournalBehind(JournalError):
    """The venue knows later orders of this account than the journal: an old copy of it, or a second bot."""


class JournalUnconfirmed(JournalError):
    """The journal was rebuilt from the venue and waits for a human's word."""
