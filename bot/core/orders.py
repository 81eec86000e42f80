"""Orders: the intent that is committed before a request leaves, what came back, and the life cycle as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from bot.core.market import Asset, Side
from bot.core.money import ZERO
from bot.core.swift import changed, swift
from bot.core.times import MINUTE, SECOND, Millis


class TimeInForce(StrEnum):
    """GTX: post-only. IOC: fill what is there now, cancel the rest. GTC: rest until filled or cancelled."""

    GTX = "GTX"
    IOC = "IOC"
    GTC = "GTC"


class OrderState(StrEnum):
    """Where an order of ours stands, as far as we know."""

    INTENDED = "intended"      # committed to the journal; may or may not have left
    UNCERTAIN = "uncertain"    # left, outcome unknown: the symbol is frozen until it is looked up
    OPEN = "open"              # the venue has it, nothing filled
    PARTIAL = "partial"        # the venue has it, partly filled
    FILLED = "filled"
    CANCELLED = "cancelled"    # ended by us, by the venue or by expiry; the filled part stays
    REFUSED = "refused"        # the venue said no
    NOT_SENT = "not_sent"      # proven never to have left
    NOT_FOUND = "not_found"    # looked up by the protocol of EXCHANGES §3 and not there: never existed

    @property
    def live(self) -> bool:
        """Whether the venue may still fill it as far as we know."""
        return self in _LIVE

    @property
    def unresolved(self) -> bool:
        """Whether the outcome must be looked up before anything else happens on the symbol."""
        return self in (OrderState.INTENDED, OrderState.UNCERTAIN)


QUARANTINE_AFTER: Millis = 5 * MINUTE
"""An outcome that is unknown for longer than this needs a human: look-ups have had every chance."""

SILENCE: Millis = 120 * SECOND
RENEW: Millis = 30 * SECOND
"""The dead man's switch, as Binance's documentation advises: a countdown of two minutes, renewed every thirty seconds
while an order rests.
"""

_LIVE = frozenset({OrderState.INTENDED, OrderState.UNCERTAIN, OrderState.OPEN, OrderState.PARTIAL})

_S = OrderState
TRANSITIONS: dict[OrderState, frozenset[OrderState]] = {
    _S.INTENDED: frozenset({_S.UNCERTAIN, _S.OPEN, _S.PARTIAL, _S.FILLED, _S.CANCELLED, _S.REFUSED, _S.NOT_SENT,
                            _S.NOT_FOUND}),
    _S.UNCERTAIN: frozenset({_S.UNCERTAIN, _S.OPEN, _S.PARTIAL, _S.FILLED, _S.CANCELLED, _S.REFUSED, _S.NOT_FOUND}),
    _S.OPEN: frozenset({_S.OPEN, _S.PARTIAL, _S.FILLED, _S.CANCELLED, _S.UNCERTAIN}),
    _S.PARTIAL: frozenset({_S.PARTIAL, _S.FILLED, _S.CANCELLED, _S.UNCERTAIN}),
    # A fill that raced the cancel is learnt afterwards; and a cancel may be acknowledged and not done.
    _S.CANCELLED: frozenset({_S.CANCELLED, _S.FILLED, _S.OPEN, _S.PARTIAL}),
    # A look-up that gave up and a reply that came after all.
    _S.NOT_FOUND: frozenset({_S.OPEN, _S.PARTIAL, _S.FILLED, _S.CANCELLED}),
    _S.FILLED: frozenset({_S.FILLED}),
    _S.REFUSED: frozenset(),
    _S.NOT_SENT: frozenset(),
}
"""Which state may follow which. `OPEN → UNCERTAIN` is an amend or cancel whose outcome is unknown."""


class IllegalTransition(ValueError):
    """An order was told to go where the table does not let it."""


def advance(current: OrderState, new: OrderState) -> OrderState:
    """`new`, where the table allows it after `current`. Raises IllegalTransition."""
    if new not in TRANSITIONS[current]:
        raise IllegalTransition(f"an order cannot go from {current} to {new}")
    return new


@swift
@dataclass(frozen=True, slots=True)
class OrderIntent:
    """One order as we mean it, complete before the request leaves. Quantities in base units, `> 0`.

    `number` counts the account's intents from 1; `decided_at` names the decision; `position_before` is the signed
    position on which it was sized, on spot the coins in the wallet; `goal` is the short (base units, ≥ 0) that the work
    aims at; `spot_mid` and `perp_mid` are the mids at the decision (the cost accounts need them); None when unknown.
    """

    client_order_id: str
    number: int
    episode: str
    asset: Asset
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    time_in_force: TimeInForce
    position_before: Decimal
    goal: Decimal
    decided_at: Millis
    created_at: Millis
    reason: str
    spot_mid: Decimal | None = None
    perp_mid: Decimal | None = None


WOULD_HAVE_TAKEN = frozenset({"-5022", "EC_PostOnlyWillTakeLiquidity", "POST_ONLY_WOULD_CROSS"})
"""What venues call it when a post-only order ends because it would have crossed the spread."""


@swift
@dataclass(frozen=True, slots=True)
class OrderReport:
    """What the venue says of one order of ours. `filled` is cumulative, base units."""

    client_order_id: str
    symbol: str
    state: OrderState
    filled: Decimal
    order_id: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    average: Decimal | None = None
    at: Millis | None = None
    code: str | None = None
    message: str | None = None

    @property
    def rejected(self) -> bool:
        """Whether the venue ended it for a reason of its own, after it had taken it: as much of a no as a refusal."""
        return self.state is OrderState.CANCELLED and self.code is not None and self.code not in WOULD_HAVE_TAKEN


@dataclass(frozen=True, slots=True)
class PastOrder:
    """An order of ours as the venue remembers it: how it was placed, and what it last said of it."""

    report: OrderReport
    side: Side
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    time_in_force: TimeInForce
    created_at: Millis


@swift
@dataclass(frozen=True, slots=True)
class Fill:
    """One execution as the venue booked it. `realised` is the venue's realised PnL; a rebate is a negative fee.

    `fee_value`: what a fee in another coin than the settle coin was worth in it when it was booked; None: not known.
    """

    trade_id: str
    order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    realised: Decimal
    maker: bool
    at: Millis
    client_order_id: str | None = None
    fee_value: Decimal | None = None

    def fee_worth(self, settle: str) -> Decimal | None:
        """The fee in the settle coin; None where it was charged in another coin, whose price was not known."""
        return self.fee if self.fee_currency == settle or not self.fee else self.fee_value


@swift
@dataclass(frozen=True, slots=True)
class FundingPayment:
    """One funding settlement as the venue booked it; `amount` positive when we received."""

    payment_id: str
    symbol: str
    amount: Decimal
    currency: str
    at: Millis


@swift
@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order of ours as the journal knows it: the intent, its present state, and the latest report."""

    intent: OrderIntent
    state: OrderState = OrderState.INTENDED
    filled: Decimal = ZERO
    order_id: str | None = None
    price: Decimal | None = None
    changed_at: Millis = 0
    misses: int = 0
    first_miss_at: Millis | None = None
    unresolved_since: Millis | None = None

    @property
    def remaining(self) -> Decimal:
        """What is not filled yet, base units."""
        return self.intent.quantity - self.filled


def begin(intent: OrderIntent) -> OrderRecord:
    """An order of which only the intent is known."""
    return OrderRecord(intent=intent, changed_at=intent.created_at, unresolved_since=intent.created_at)


def after_report(record: OrderRecord, report: OrderReport, at: Millis) -> OrderRecord:
    """The order after a report learnt `at`. Filled never shrinks; any report ends a row of misses.

    Lenient: a venue repeats itself and speaks late. What the life cycle does not allow changes no state, but what it
    says of filled quantity still counts.
    """
    filled = max(record.filled, report.filled)
    known = changed(record, filled=filled, order_id=report.order_id or record.order_id, misses=0, first_miss_at=None)
    try:
        state = advance(record.state, report.state)
    except IllegalTransition:
        return changed(known, changed_at=at if filled > record.filled else record.changed_at)
    price = report.price if report.price is not None else record.price
    since = at if record.unresolved_since is None else record.unresolved_since
    return changed(
        known, state=state, price=price, changed_at=at, unresolved_since=since if state.unresolved else None)


def after_miss(record: OrderRecord, at: Millis) -> OrderRecord:
    """The order after one more look-up that found nothing."""
    first = record.first_miss_at if record.first_miss_at is not None else at
    return changed(record, misses=record.misses + 1, first_miss_at=first, changed_at=at)


_ID_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
PREFIX = "hr"
"""With what every client order id of ours begins."""


def base36(number: int) -> str:
    """A whole number ≥ 0 in digits and small letters."""
    if number < 0:
        raise ValueError("number must not be negative")
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = _ID_DIGITS[digit] + text
        if number == 0:
            return text


def client_order_id(tag: str, episode: str, number: int) -> str:
    """The id of intent `number`, a function of its place: `[a-z0-9_]`, at most 32 characters, legal on every venue.

    `tag`: 6 letters or digits that tell accounts apart, and the journal's 3 (`bot.app` derives both); `episode` such
    as 'btc3'.
    """
    identifier = f"{PREFIX}{tag}_{episode}_{base36(number)}".lower()
    if len(identifier) > 32 or not all(letter in _ID_DIGITS + "_" for letter in identifier):
        raise ValueError(f"client order id {identifier!r} is not legal on every venue")
    return identifier


class Place(NamedTuple):
    """Where an intent stands. `journal`: the letters of the journal that gave its number out, '' for ids without."""

    episode: str
    number: int
    journal: str


def place_of(identifier: str, account_tag: str) -> Place | None:
    """The place of the intent behind a client order id; None for an id that is not this account's."""
    mark, _, rest = identifier.partition("_")
    episode, _, number = rest.rpartition("_")
    start = f"{PREFIX}{account_tag}"
    if not mark.startswith(start) or not episode or not number or not set(number) <= set(_ID_DIGITS):
        return None
    return Place(episode, int(number, 36), mark.removeprefix(start))


def last_numbers(names: Iterable[str | None], account_tag: str) -> dict[str, int]:
    """The highest number among client ids of this account, by the journal that gave it out."""
    numbers: dict[str, int] = {}
    for place in (place_of(name, account_tag) for name in names if name is not None):
        if place is not None:
            numbers[place.journal] = max(place.number, numbers.get(place.journal, 0))
    return numbers


def not_given_out(names: Iterable[str | None], account_tag: str, last: Mapping[str, int]) -> tuple[str, ...]:
    """Client ids of this account with a number above the `last` one known of their journal, by number.

    No intent of ours is behind them. `last`: see `last_numbers`; of a journal that is not in it none is known.
    """
    places = {name: place_of(name, account_tag) for name in names if name is not None}
    numbers = {name: place.number for name, place in places.items()
               if place is not None and place.number > last.get(place.journal, 0)}
    return tuple(sorted(numbers, key=lambda name: (numbers[name], name)))
