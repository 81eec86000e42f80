"""Fault switches: what goes wrong with which call, as a function of (seed, endpoint, nth call)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase

from bot.paper.records import MarketName


class Kind(StrEnum):
    """What can go wrong between the venue and its client."""

    TIMEOUT_BEFORE = "timeout_before"  # not accepted, never answered
    TIMEOUT_AFTER = "timeout_after"    # accepted, never answered
    CLOSE = "close"                    # the connection ends without a reply
    RESET = "reset"                    # the connection is reset (RST) without a reply
    HTTP500 = "http500"
    HTTP503 = "http503"                # with the venue's JSON for an overload
    HTTP524 = "http524"                # a proxy's HTML page
    HTML200 = "html200"                # a page with status 200
    TRUNCATE = "truncate"              # the connection ends in the middle of the body
    CUT_JSON = "cut_json"              # a complete reply whose JSON is not
    EMPTY_OBJECT = "empty_object"      # {}
    EMPTY_LIST = "empty_list"          # []
    REDIRECT = "redirect"              # 307 to another host
    UNKNOWN = "unknown"                # execution status unknown, in the venue's words
    RATE_LIMIT = "rate_limit"          # too many requests, in the venue's words
    BAN = "ban"                        # the address is shut out for a while
    DELAY = "delay"                    # the reply comes later, in real milliseconds
    ERROR = "error"                    # any code of the venue's
    STALE = "stale"                    # the endpoint's last reply once more
    LAGGING = "lagging"                # the rows of the endpoint's last reply in one of now
    DUPLICATE = "duplicate"            # every row twice
    MISSING_PAGE = "missing_page"      # half of the rows, and nothing leads to the others
    PARTIAL_SILENCE = "partial_silence"  # accepted, filled in part at once, never answered
    ASYNC_CANCEL = "async_cancel"      # a cancel is acknowledged and done later, or never
    SPIKE = "spike"                    # every price shown times `factor`
    CROSSED = "crossed"                # bids above asks
    EMPTY_BOOK = "empty_book"          # nobody buys, nobody sells
    NAN_PRICE = "nan_price"            # NaN for every price
    ZERO_PRICE = "zero_price"
    NEGATIVE_PRICE = "negative_price"

    @property
    def refused(self) -> bool:
        """Whether the call takes no effect, unless the switch says otherwise."""
        return self in _REFUSED


FALSE_PRICES = frozenset({
    Kind.SPIKE, Kind.CROSSED, Kind.EMPTY_BOOK, Kind.NAN_PRICE, Kind.ZERO_PRICE, Kind.NEGATIVE_PRICE,
})
"""What is shown of the markets, and not so."""

MISLEADING = FALSE_PRICES | {Kind.STALE, Kind.LAGGING, Kind.DUPLICATE, Kind.MISSING_PAGE, Kind.ASYNC_CANCEL}
"""What comes as a reply like any other. On a request that it does not concern, nothing is wrong."""

SPIKE = Decimal("1.2")
"""How far a spike goes, where it is not said."""

_REFUSED = frozenset({Kind.TIMEOUT_BEFORE, Kind.RATE_LIMIT, Kind.BAN, Kind.ERROR, Kind.REDIRECT, Kind.HTTP503})


@dataclass(slots=True)
class Switch:
    """One fault, armed.

    `endpoint`: pattern such as 'POST /fapi/v1/order' or 'GET /fapi/*'. `market`: only calls about that one ('spot',
    'perp'), where a venue has one endpoint for both. `count`: how many calls it may still hit (None:
    any number). `after`: how many matching calls pass first. `probability`: of hitting a call, decided by the call's
    place. `applied`: whether the call takes effect; None: as the kind has it. `milliseconds` for delay (real), and for
    async_cancel (of the story; 0: never); `retry_after` in seconds for rate limit and ban; `code`, `status` and
    `message` for error, `code` for unknown too (None: the venue's own). `factor` for a spike (1.2 is 20% up).
    """

    endpoint: str
    kind: Kind
    count: int | None = 1
    after: int = 0
    probability: Decimal = Decimal(1)
    applied: bool | None = None
    milliseconds: int = 100
    retry_after: int = 5
    code: int | None = None
    status: int | None = None
    message: str | None = None
    factor: Decimal = SPIKE
    market: MarketName | None = None

    @property
    def takes_effect(self) -> bool:
        """Whether the venue acts on the call before the fault shows."""
        return self.applied if self.applied is not None else not self.kind.refused


def chance(seed: int, kind: Kind, endpoint: str, nth: int) -> Decimal:
    """A number in [0, 1) that depends on its arguments only; each kind of fault has its own."""
    digest = hashlib.sha256(f"{seed}|{kind}|{endpoint}|{nth}".encode()).digest()
    return Decimal(int.from_bytes(digest[:8])) / Decimal(2**64)


@dataclass(slots=True)
class Faults:
    """The armed switches and how often each endpoint was called."""

    seed: int
    switches: list[Switch] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)

    def arm(self, switch: Switch) -> None:
        """Add a switch; earlier ones are asked first."""
        self.switches.append(switch)

    def clear(self) -> None:
        """Disarm everything. The counts of calls go on."""
        self.switches.clear()

    def strike(self, endpoint: str, market: Callable[[], MarketName | None] = lambda: None) -> Switch | None:
        """Count a call of 'METHOD /path' and say which switch hits it, if any. `market`: which one it is about."""
        nth = self.calls.get(endpoint, 0)
        self.calls[endpoint] = nth + 1
        for switch in self.switches:
            if switch.count == 0 or not fnmatchcase(endpoint, switch.endpoint):
                continue
            if switch.market is not None and switch.market != market():
                continue
            if switch.after > 0:
                switch.after -= 1
                continue
            if switch.probability < 1 and chance(self.seed, switch.kind, endpoint, nth) >= switch.probability:
                continue
            if switch.count is not None:
                switch.count -= 1
            return switch
        return None
