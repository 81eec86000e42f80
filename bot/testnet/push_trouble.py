"""What can go wrong with WebSockets: no frames, broken ones, old ones, frames twice,
false prices, connections cut or refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from bot.testnet.falsified import falsified_frame
from bot.testnet.faults import Kind

_PAGE = "<html><body><h1>502 Bad Gateway</h1></body></html>"


class Action(StrEnum):
    """What `POST /testnet/stream` may be asked to do."""

    DROP = "drop"            # close the open sockets; new ones are welcome
    REFUSE = "refuse"        # refuse new connections
    SILENCE = "silence"      # sockets stay open, and nothing comes any more
    GARBAGE = "garbage"      # half frames and pages instead of frames
    STALE = "stale"          # the last frame before the trouble, again and again
    DUPLICATE = "duplicate"  # every frame twice
    SPIKE = "spike"          # prices a fifth too high
    CROSSED = "crossed"      # bids above asks
    EMPTY_BOOK = "empty_book"  # nobody buys, nobody sells
    NAN_PRICE = "nan_price"  # NaN for every price
    RESUME = "resume"        # all is well again


class Which(StrEnum):
    """Which sockets are meant."""

    PRIVATE = "private"
    PUBLIC = "public"
    ALL = "all"

    def covers(self, *, private: bool) -> bool:
        """Whether a socket that tells of the account, or one that does not, is meant."""
        return self is Which.ALL or (self is Which.PRIVATE) == private


class Trouble(StrEnum):
    """What becomes of the frames."""

    SILENCE = "silence"
    GARBAGE = "garbage"
    STALE = "stale"
    DUPLICATE = "duplicate"
    SPIKE = "spike"
    CROSSED = "crossed"
    EMPTY_BOOK = "empty_book"
    NAN_PRICE = "nan_price"

    def frames(self, text: str, before: str, nth: int) -> Sequence[str]:
        """What the client gets instead of `text`, the `nth` frame in trouble. `before`: the last good one, or ''."""
        if self is Trouble.DUPLICATE:
            return (text, text)
        if self is Trouble.GARBAGE:
            return (_PAGE if nth % 2 else text[: max(1, len(text) // 2)],)
        if self is Trouble.STALE and before:
            return (before,)
        if self in _FALSE:
            return (falsified_frame(Kind(self.value), text),)
        return ()


_FALSE = frozenset({Trouble.SPIKE, Trouble.CROSSED, Trouble.EMPTY_BOOK, Trouble.NAN_PRICE})


class StreamTroubles:
    """The trouble that private and public sockets are in."""

    def __init__(self) -> None:
        self._frames: dict[bool, Trouble] = {}
        self._refused: set[bool] = set()

    def of(self, *, private: bool) -> Trouble | None:
        """What becomes of frames on such a socket; None: they come as they are."""
        return self._frames.get(private)

    def refuses(self, *, private: bool) -> bool:
        """Whether such a socket may not be opened."""
        return private in self._refused

    def act(self, action: Action, which: Which) -> None:
        """Begin a trouble, or end all of them. `drop` is the hub's to do, and changes nothing here."""
        for private in (True, False):
            if not which.covers(private=private):
                continue
            if action is Action.RESUME:
                self._frames.pop(private, None)
                self._refused.discard(private)
            elif action is Action.REFUSE:
                self._refused.add(private)
            elif action is not Action.DROP:
                self._frames[private] = Trouble(action.value)

    def shown(self) -> dict[str, list[str]]:
        """The troubles by kind of socket."""
        found: dict[str, list[str]] = {}
        for private, name in ((True, "private"), (False, "public")):
            frames = self._frames.get(private)
            refused = [Action.REFUSE.value] if private in self._refused else []
            found[name] = refused if frames is None else [frames.value, *refused]
        return found
