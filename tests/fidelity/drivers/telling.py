"""What all drivers share: the testnet's own hand, the story's time, and telling what came of each call.

Drivers run with a client's own environment, so this knows the standard library only.
"""

from __future__ import annotations

import json
import queue
import sys
import time
import traceback
import urllib.request
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

KEY, SECRET = "local-key", "local-secret"
MINUTE, HOUR = 60_000, 3_600_000
PATIENCE = 10.0
"""Real seconds after which a frame that was due counts as missing."""


class Missed(Exception):
    """The testnet, or the client, did something else than the venue would."""


class Testnet:
    """The hand behind the exchange, which no venue has: it moves time and prices.

    The clients read the time of day to sign, and the time of day is the story's here: a client's clock has to be the
    venue's. `late` lets it run behind.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.ws_url = url.replace("http", "ws", 1)
        self.now: int = self._admin("GET", "clock")["now"]
        self.late = 0
        time.time = lambda: (self.now - self.late) / 1000
        time.time_ns = lambda: (self.now - self.late) * 1_000_000

    def advance(self, milliseconds: int) -> None:
        """Let so much story time pass."""
        self.now = self._admin("POST", "advance", lease="driver", until=self.now + milliseconds)["now"]

    def price(self, asset: str, factor: str) -> None:
        """Shift a coin's prices."""
        self._admin("POST", "price", asset=asset, factor=factor)

    def _admin(self, method: str, what: str, **body: Any) -> Any:
        data = json.dumps(body).encode() if method == "POST" else None
        asked = urllib.request.Request(f"{self.url}/testnet/{what}", data, method=method)  # noqa: S310 - the testnet itself
        with urllib.request.urlopen(asked, timeout=60) as reply:  # noqa: S310 - the same
            return json.load(reply)


class Frames:
    """What came over a WebSocket."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Any] = queue.Queue()
        self.seen: list[Any] = []

    def put(self, frame: Any) -> None:
        """Take one, from any thread: an object, or its text."""
        self._queue.put(json.loads(frame) if isinstance(frame, str) else frame)

    def wait(self, wanted: Callable[[Any], bool], what: str) -> Any:
        """The first frame still unread that is wanted; others are passed over."""
        until = time.monotonic() + PATIENCE
        while (left := until - time.monotonic()) > 0:
            try:
                frame = self._queue.get(timeout=left)
            except queue.Empty:
                break
            self.seen.append(frame)
            if wanted(frame):
                return frame
        raise Missed(f"no {what} came; frames: {json.dumps(self.seen, default=str)[-600:]}")


    def have(self, wanted: Callable[[Any], bool], what: str) -> Any:
        """The same, where the frame may have come already."""
        found = next((frame for frame in self.seen if wanted(frame)), None)
        return self.wait(wanted, what) if found is None else found


def check(right: object, what: str) -> None:
    """Raise Missed unless it is right."""
    if not right:
        raise Missed(what)


def same(found: object, expected: object, what: str) -> None:
    """Raise Missed unless both are equal."""
    if found != expected:
        raise Missed(f"{what}: {found!r}, expected {expected!r}")


def number(text: object) -> Decimal:
    """A number that must have come as text."""
    check(isinstance(text, str), f"{text!r} is no text")
    return Decimal(str(text))


def refused(code: object, read: Callable[[BaseException], object], act: Callable[[], object]) -> str:
    """The code with which the venue must refuse; `read` finds it in the client's own exception."""
    try:
        answer = act()
    except Exception as error:
        found = read(error)
        if found is None:
            raise
        same(found, code, f"refused with ({type(error).__name__})")
        return str(code)
    raise Missed(f"expected {code}, but was answered {answer!r}")


def tell(calls: Mapping[str, Callable[[], object]]) -> None:
    """Make every call in order and print what came of it, one JSON object a line. A call's answer is its detail."""
    for name, call in calls.items():
        try:
            detail, well = str(call() or ""), True
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{where.filename.rsplit('/', 1)[-1]}:{where.lineno}"
            detail, well = f"{type(error).__name__}: {error} ({place})", False
        print(json.dumps({"call": name, "ok": well, "detail": detail[:2000]}), flush=True)
    sys.stdout.flush()
