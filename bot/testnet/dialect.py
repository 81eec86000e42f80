"""The seam between the testnet and the protocol it speaks: one dialect answers requests and opens WebSockets.

A dialect knows no HTTP server: what comes in is a `Request`, what goes out a `Reply`, and the whole of a request
happens at one instant of the story.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from bot.core.swift import swift
from bot.core.times import Millis
from bot.paper.records import MarketName
from bot.testnet.faults import Switch
from bot.testnet.owner import Owner

Send: TypeAlias = Callable[[str], None]
"""Puts one text frame on a WebSocket; never waits."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The one key pair that a testnet accepts."""

    key: str
    secret: str = field(repr=False)


@swift
@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks. `path` and `query` as they were sent, undecoded; `headers` by the names that the venue
    documents (those off the wire answer to any case).
    """

    method: str
    path: str
    query: str = ""
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@swift
@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: status, JSON (unless the headers name another content type), and further headers."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Session(Protocol):
    """One open WebSocket as the dialect keeps it."""

    @property
    def private(self) -> bool:
        """Whether it tells of the account; else of the markets only."""

    @property
    def watches(self) -> bool:
        """Whether a move of the markets alone may give it a frame."""

    @property
    def life(self) -> Millis | None:
        """How long the venue keeps it open, in story time; None: for good."""

    @property
    def heartbeat(self) -> float | None:
        """Every how many real seconds the venue sends a ping frame; None: it leaves that to the client."""

    def market(self) -> None:
        """The markets may have moved: send what was subscribed to and is new since it was last sent."""

    def hear(self, text: str) -> None:
        """The client sent a frame; answers go through the `send` that the session was opened with."""

    def close(self) -> None:
        """The socket is gone: nothing may be sent on it any more."""


class Dialect(Protocol):
    """A venue's protocol over one simulated account."""

    @property
    def endpoints(self) -> Collection[tuple[str, str]]:
        """What is spoken, by method and path."""

    @property
    def settings(self) -> Owner:
        """What account and key are set to."""

    def answer(self, request: Request) -> Reply:
        """The reply to one request; a refusal is a reply too."""

    def market(self, request: Request) -> MarketName | None:
        """Which market a request is about; None where it is about both or neither."""

    def execution_id(self, number: int) -> str:
        """What the venue calls the simulated exchange's execution of that number."""

    def spoiled(self, switch: Switch) -> Reply:
        """What the venue says when it is in the trouble that the switch names: overload, outage, ban, any code.

        Only for kinds of faults that are answers in the venue's own words; the server makes the others itself.
        """

    def open(self, path: str, query: str, send: Send, /) -> Session | None:
        """A WebSocket on this path, or None where the venue has none."""
