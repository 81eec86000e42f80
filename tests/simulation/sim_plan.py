"""What happens in one run, drawn from its seed: a market, an account, a policy, and everything that goes wrong."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from bot.core.times import MINUTE, Millis

MARKETS = ("bull", "crash", "sideways", "v_recovery", "negative_funding")
"""Scenarios to draw from."""

LENGTH: Millis = 5 * 60 * MINUTE
"""How long a run's story is played."""

QUIET: Millis = 90 * MINUTE
"""The end of a liveness run, in which nothing goes wrong any more."""

REQUESTS = {
    "binance": {
        "order": ("POST /fapi/v1/order", "PUT /fapi/v1/order", "DELETE /fapi/v1/order", "GET /fapi/v1/order"),
        "read": ("GET /fapi/*", "GET /api/*", "GET /fapi/v3/positionRisk", "GET /fapi/v1/openOrders",
                 "GET /fapi/v1/userTrades", "GET /fapi/v3/account", "GET /api/v3/account", "GET /fapi/v1/income"),
    },
    "bybit": {
        "order": ("POST /v5/order/create", "POST /v5/order/amend", "POST /v5/order/cancel", "GET /v5/order/realtime"),
        "read": ("GET /v5/market/*", "GET /v5/position/list", "GET /v5/account/wallet-balance",
                 "GET /v5/execution/list", "GET /v5/order/*", "GET /v5/account/transaction-log"),
    },
}

ABOUT = {
    "binance": {
        "stale": ("GET /fapi/*", "GET /api/*", "* /fapi/v1/order"),
        "lagging": ("GET /fapi/v3/*", "GET /fapi/v3/positionRisk", "GET /fapi/v1/userTrades"),
        "duplicate": ("GET /fapi/v1/userTrades", "GET /fapi/v3/positionRisk", "GET /fapi/v1/openOrders"),
        "missing_page": ("GET /fapi/v1/userTrades", "GET /fapi/v3/*", "GET /fapi/v1/openOrders"),
        "partial_silence": ("POST /fapi/v1/order",), "async_cancel": ("DELETE /fapi/v1/order",),
    },
    "bybit": {
        "stale": ("GET /v5/*", "POST /v5/order/*"),
        "lagging": ("GET /v5/position/list", "GET /v5/execution/list"),
        "duplicate": ("GET /v5/execution/list", "GET /v5/position/list", "GET /v5/order/*"),
        "missing_page": ("GET /v5/execution/list", "GET /v5/position/list", "GET /v5/order/*"),
        "partial_silence": ("POST /v5/order/create",), "async_cancel": ("POST /v5/order/cancel",),
    },
}
"""Where a kind of fault means anything, for those that do not mean something everywhere."""

HARMLESS = ("price", "cancel_ours")
"""What others do that the bot must live with by itself."""
MEDDLING = ("deposit", "withdraw", "foreign_order", "foreign_trade")
"""What it stops for until a human has looked: not in a run that must reach its target."""

DEATHS = ("before POST", "after POST", "before commit", "after commit", "before GET", "after GET", "*")


@dataclass(frozen=True)
class Fault:
    """One switch and when it is armed."""

    at: Millis
    endpoint: str
    kind: str
    count: int
    after: int


@dataclass(frozen=True)
class Act:
    """Something that somebody else does, and when. `size` in the act's own unit."""

    at: Millis
    what: str
    asset: str
    size: Decimal


@dataclass(frozen=True)
class Plan:
    """One run. Instants are relative to the story's start."""

    seed: int
    venue: str
    scenario: str
    story_seed: int
    weights: dict[str, Decimal]
    open: str
    patience: str
    on_timeout: str
    slice: int | None
    live: bool
    faults: tuple[Fault, ...]
    acts: tuple[Act, ...]
    kills: tuple[tuple[str, int], ...]

    @property
    def events(self) -> int:
        """How much goes wrong."""
        return len(self.faults) + len(self.acts) + len(self.kills)

    def without(self, part: str, place: int) -> Plan:
        """The same run, less one thing that goes wrong."""
        kept: list[Any] = list(getattr(self, part))
        del kept[place]
        fewer: dict[str, Any] = {part: tuple(kept)}
        return replace(self, **fewer)


def plan(seed: int, venues: tuple[str, ...], kinds: tuple[str, ...]) -> Plan:
    """The run of a seed: the same for the same arguments."""
    chance = random.Random(seed)
    venue = venues[seed % len(venues)]
    live = chance.random() < 0.4
    trouble_ends = LENGTH - QUIET if live else LENGTH
    over = Decimal(chance.choice(("0.07", "0.08", "0.10", "0.12")))
    return Plan(
        seed=seed, venue=venue, scenario=chance.choice(MARKETS), story_seed=chance.randrange(64),
        weights={"BTC": Decimal("0.5") + over, "ETH": Decimal("0.3") - over / 2, "USDT": Decimal("0.2") - over / 2},
        open=chance.choice(("3pp", "4pp", "5pp")), patience=chance.choice(("20s", "2m")),
        on_timeout=chance.choice(("cross", "wait")), slice=chance.choice((None, None, 40)), live=live,
        faults=tuple(_fault(chance, venue, kinds, trouble_ends) for _ in range(chance.choice((1, 2, 3, 4)))),
        acts=tuple(
            _act(chance, HARMLESS if live else HARMLESS + MEDDLING, trouble_ends)
            for _ in range(chance.choice((0, 0, 1, 2)))
        ),
        kills=tuple(_kill(chance) for _ in range(chance.choice((0, 1, 1, 2, 2)))),
    )


def _fault(chance: random.Random, venue: str, kinds: tuple[str, ...], ends: Millis) -> Fault:
    about_orders = chance.random() < 0.6
    kind = chance.choice(kinds)
    endpoints = ABOUT[venue].get(kind, REQUESTS[venue]["order" if about_orders else "read"])
    fault = Fault(
        # Most of what matters happens while orders are worked: at the beginning.
        at=int(ends * chance.random() ** 3), endpoint=chance.choice(endpoints), kind=kind,
        count=chance.choice((1, 1, 2, 5)), after=chance.choice((0, 0, 1, 2)),
    )
    # Cancels are few: such a fault waits for the first.
    return replace(fault, at=0, after=0) if kind == "async_cancel" else fault


def _act(chance: random.Random, acts: tuple[str, ...], ends: Millis) -> Act:
    return Act(
        at=int(MINUTE + (ends - MINUTE) * chance.random()), what=chance.choice(acts),
        asset=chance.choice(("BTC", "ETH")),
        size=Decimal(chance.randrange(1, 40)) / 1000,
    )


def _kill(chance: random.Random) -> tuple[str, int]:
    place = chance.choice(DEATHS)
    return place, chance.randrange(1, 30 if place != "*" else 400)
