"""What the engine may do: active, reducing, halted; for the account and for every symbol, each change with its cause.

::

    active    everything
    reducing  nothing is opened or enlarged; the rule still reduces and closes
    halted    nothing that the rule wants; the user's commands and the margin ladder act in every state

The stricter of the account's and the symbol's state holds. A state is part of the rule's memory, and so of every
journaled decision: it survives a restart. What passes by itself is no state but a guard's refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.core.market import Asset
from bot.core.times import Millis


class Mode(StrEnum):
    """How much is permitted, from everything to nothing."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


class Event(StrEnum):
    """What changes a mode: the user's commands of the same name; and an order whose outcome stays unknown."""

    PAUSE = "pause"
    PANIC = "panic"
    RESUME = "resume"
    QUARANTINE = "quarantine"


TRANSITIONS: Mapping[Mode, Mapping[Event, Mode]] = {
    mode: {Event.PAUSE: after_pause, Event.PANIC: Mode.HALTED, Event.RESUME: Mode.ACTIVE,
           Event.QUARANTINE: Mode.HALTED}
    for mode, after_pause in (
        (Mode.ACTIVE, Mode.REDUCING), (Mode.REDUCING, Mode.REDUCING), (Mode.HALTED, Mode.HALTED))
}
"""Where each event leads. A pause does not lift a halt."""

WAY_BACK: Mapping[Event, str] = {
    Event.PAUSE: "`hedgerow resume{coin}`",
    Event.PANIC: "look the account over, then `hedgerow resume{coin}`",
    Event.QUARANTINE: "look for the order at the exchange, then `hedgerow resolve{coin}`",
}
"""By cause of a state that is not active: what leads out of it. `coin`: a coin's own state is resumed by its name."""

_STRICTNESS = tuple(Mode)


@dataclass(frozen=True, slots=True)
class State:
    """A mode, the event that caused it (None: it was never anything but active), and since when."""

    mode: Mode = Mode.ACTIVE
    cause: Event | None = None
    since: Millis | None = None

    @property
    def text(self) -> str:
        """The account's, in words, with the way back."""
        return self.text_of(None)

    def text_of(self, asset: Asset | None) -> str:
        """In words, with the way back: of a coin's own state; None: of the account's."""
        if self.cause is None or self.mode is Mode.ACTIVE:
            return self.mode.value
        way = WAY_BACK[self.cause].format(coin="" if asset is None else f" {asset}")
        return f"{self.mode} ({self.cause}); way back: {way}"


FRESH = State()
"""Active, as at the very start."""


def after(state: State, event: Event, at: Millis) -> State:
    """The state after an event; one that changes no mode changes nothing."""
    mode = TRANSITIONS[state.mode][event]
    return state if mode is state.mode else State(mode, event, at)


def quarantined(state: State, since: Millis | None) -> State:
    """The state of a coin an order of which has had an unknown outcome for too long; None: there is no such order.

    It comes on top of what the user wants, and ends with the order's outcome.
    """
    return state if since is None else stricter(state, State(Mode.HALTED, Event.QUARANTINE, since))


def follow(state: State, asked: Iterable[str], at: Millis) -> State:
    """The state after a tick's commands, oldest first; those that are no event are none of its business."""
    for kind in asked:
        if kind in TRANSITIONS[state.mode]:
            state = after(state, Event(kind), at)
    return state


def stricter(one: State, other: State) -> State:
    """The one that permits less; the first when they permit the same."""
    return one if _STRICTNESS.index(one.mode) >= _STRICTNESS.index(other.mode) else other
