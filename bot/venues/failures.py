"""What a failed request means, decided once, by what was sent and by the venue's own error code.

::

                      left us?   valid answer?   meaning
    door, budget      no         –               as raised there
    DNS, refused, TLS no         –               Unavailable
    reset, timeout,   yes        no              Uncertain for an order, Unavailable for a read
      HTML, 3xx, 5xx
    error code        yes        yes             by code: rate limit, clock, safety stop, unknown outcome, else Refused

ccxt's exception classes are not looked at: they call a lost connection, a refused one and a bad name the same thing,
and a revoked key a temporary one (EXCHANGES §3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from bot.core.times import Millis
from bot.errors import HedgerowError, RateLimited, Refused, SafetyStop, TooManyOrders, Unavailable, Uncertain


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call of a venue's REST interface, as ccxt names it: section (`api`), method and path.

    `costs`: what it takes of which allowance. `at_most_once`: sending it twice may do it twice, so that an unknown
    outcome must be looked up first. Settings are not: they may be sent again.
    """

    api: str
    method: str
    path: str
    costs: Mapping[str, int] = field(default_factory=dict, hash=False)
    at_most_once: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(slots=True)
class Attempt:
    """One request on its way: where to, whether it left, and what came back.

    `counted`: which headers of the answer, in small letters, count which allowance.
    """

    endpoint: Endpoint
    urgent: bool = False
    host: str = ""
    counted: Mapping[str, str] = field(default_factory=dict)
    started_at: Millis = 0
    sent: bool = False
    status: int | None = None
    code: str | None = None
    message: str | None = None
    retry_after: float | None = None


TOO_MUCH = frozenset({418, 429})
"""HTTP: slow down; and banned for not slowing down."""

FORBIDDEN = 403
"""HTTP: not you; with some venues also: not so often."""

_TOO_OFTEN = re.compile(r"too (frequent|many)|rate.?limit", re.IGNORECASE)

NOT_FROM_HERE = 451
"""HTTP: refused for legal reasons. Asking again would not make it legal."""

CURRENT: ContextVar[Attempt | None] = ContextVar("attempt", default=None)
"""The request that this task is making: ccxt's `fetch` has no argument through which it could be handed."""


@dataclass(frozen=True, slots=True)
class Codes:
    """What a venue's error codes mean; every other code is a plain refusal.

    `outcome_unknown`: it may have been done. `slow_down`: too much was asked. `clock`: our timestamp was off.
    `stop`: no trading until a human has looked, with the words for them. `full`: too many orders are open.
    """

    outcome_unknown: frozenset[str]
    slow_down: frozenset[str]
    clock: frozenset[str]
    stop: Mapping[str, str]
    full: frozenset[str] = frozenset()
    forbidden_is_ban: bool = False
    """HTTP 403 is an answer of its own: too many requests from this address, or a place that is not served."""


class InvalidReply(Exception):
    """An answer came that is none: no JSON, an unexpected status, a missing field."""


class ClockSkew(Unavailable):
    """The venue did not accept our timestamp; nothing was done. Measure its clock, then try again."""


def classify(attempt: Attempt, error: Exception, codes: Codes) -> HedgerowError:
    """The error to raise for a request that failed with `error`. Its text holds no address and no secret."""
    if isinstance(error, HedgerowError):
        return error
    what = f"{attempt.endpoint}"
    if not attempt.sent:
        return Unavailable(f"{what}: {attempt.host or 'the venue'} could not be reached ({_cause(error)})")
    if attempt.status is None:
        return _no_answer(attempt, f"{what}: sent, but no whole answer came ({_cause(error)})")
    said = f"{what}: HTTP {attempt.status}, {attempt.code or 'no code'}: {clean(attempt.message or _cause(error))}"
    return _by_status(attempt, said, codes) or _by_code(attempt, said, codes)


def _by_status(attempt: Attempt, said: str, codes: Codes) -> HedgerowError | None:
    if attempt.status == NOT_FROM_HERE:
        return SafetyStop(f"{said} (the venue does not serve this place)", str(NOT_FROM_HERE))
    if attempt.status in TOO_MUCH or attempt.code in codes.slow_down:
        return RateLimited(said, attempt.retry_after)
    if attempt.status == FORBIDDEN and codes.forbidden_is_ban:
        if _TOO_OFTEN.search(attempt.message or ""):
            return RateLimited(said, attempt.retry_after)
        return SafetyStop(f"{said} (the venue does not serve this place or this address)", str(FORBIDDEN))
    return _no_answer(attempt, said) if attempt.status is None or attempt.status >= 500 else None


def _by_code(attempt: Attempt, said: str, codes: Codes) -> HedgerowError:
    code = attempt.code
    if code is None or code in codes.outcome_unknown:
        return _no_answer(attempt, said)
    if code in codes.clock:
        return ClockSkew(said)
    if code in codes.stop:
        return SafetyStop(f"{said} ({codes.stop[code]})", code)
    return TooManyOrders(said, code) if code in codes.full else Refused(said, code)


def _no_answer(attempt: Attempt, text: str) -> HedgerowError:
    return Uncertain(text) if attempt.endpoint.at_most_once else Unavailable(text)


def _cause(error: Exception) -> str:
    """The kind of failure. Only our own texts are shown: ccxt's carry the signed address."""
    if isinstance(error, InvalidReply):
        return str(error)
    return type(error.__cause__ or error).__name__


_SIGNED = re.compile(r"(signature|apikey|api_key|x-mbx-apikey|secret)([\"']?\s*[=:]\s*[\"']?)[^&\s\"']+", re.IGNORECASE)


def clean(text: str, limit: int = 200) -> str:
    """A venue's words, fit to be shown: one line, no control characters, nothing that looks like a credential."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return _SIGNED.sub(r"\1\2***", printable)[:limit]
