"""Who receives the frames of one API's user stream. The account is listened to only while somebody does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from bot.paper.events import Event, Events
from bot.testnet.numbers import Row

Receive: TypeAlias = Callable[[Row], None]


class UserFeed:
    """`frames` says what one event becomes; each is made once, however many receive it."""

    def __init__(self, events: Events, frames: Callable[[Event], list[Row]]) -> None:
        self._events = events
        self._frames = frames
        self._receivers: list[Receive] = []
        self._stop: Callable[[], None] | None = None

    def join(self, receive: Receive) -> Callable[[], None]:
        """Receive every frame from now on; what is returned ends it."""
        self._receivers.append(receive)
        if self._stop is None:
            self._stop = self._events.listen(self._hear)

        def leave() -> None:
            if receive in self._receivers:
                self._receivers.remove(receive)
            if not self._receivers and self._stop is not None:
                self._stop()
                self._stop = None

        return leave

    def _hear(self, event: Event) -> None:
        for row in self._frames(event):
            for receive in tuple(self._receivers):
                receive(row)
