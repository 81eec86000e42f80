"""What happens in one run, drawn from its seed: a market, an account, a policy, and everything that goes wrong."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from bot.core.times import HOUR, MINUTE, Millis

MARKETS = ("bull", "crash", "sideways", "v_recovery", "negative_funding")
"""Scenarios to draw from."""

STORIES = 16
"""Price paths of each scenario: runs share them, for a path costs as much as all else in a run."""

LENGTH: Millis = 5 * HOUR // 2
"""How long a run's story is played; longer where it has ticked too seldom or opened no hedge by then."""

QUIET: Millis = 90 * MINUTE
"""The end of a liveness run: nothing goes wrong any more, and no order of a stranger rests."""

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

_PRICES = {"binance": ("GET /fapi/v1/ticker/bookTicker", "GET /fapi/v1/premiumIndex", "GET /api/v3/ticker/*"),
           "bybit": ("GET /v5/market/tickers",)}

SPOT: Mapping[str, Sequence[str]] = {
    "binance": ("POST /api/v3/order", "POST /api/v3/order", "GET /api/v3/order", "DELETE /api/v3/order",
                "GET /api/v3/myTrades"),
    "bybit": ("POST /v5/order/create", "POST /v5/order/create", "GET /v5/order/*", "POST /v5/order/cancel",
              "GET /v5/execution/list"),
}
"""What a sale asks. Bybit's two markets share their requests."""

LOSSES = ("timeout_before", "timeout_after", "close", "truncate", "cut_json", "http500", "http524", "html200",
          "partial_silence")
"""What is tried on them."""

SELLERS = 3
"""Of so many runs of a venue one sells the coins of its hedges."""

BUYERS = 5
"""Of so many runs of a venue one begins with BTC below its target, and may go long."""

ABOUT: Mapping[str, Mapping[str, Sequence[str]]] = {
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
SELDOM_ASKED = ("partial_silence", "async_cancel")
"""What concerns few requests only is armed at once and waits for the first of them."""
FALSE_PRICES = ("spike", "crossed", "empty_book", "nan_price", "zero_price", "negative_price")

ACTS: Mapping[str, int] = {
    # Moves and meddling that the bot must live with by itself.
    "price": 4, "cancel_ours": 3,
    # Conditions that end by themselves, or once their maker mends them.
    "maintenance": 1, "clock": 1, "reduce_only": 1, "leverage": 1, "delisted": 1, "step": 1, "tick": 1,
    "funding_interval": 1, "funding_late": 1,
    # It stops at once, and is started again until they are mended.
    "hedge_mode": 1, "isolated": 1, "revoked_key": 1, "missing_permission": 1,
    # It holds until the user has given a word.
    "deposit": 2, "withdraw": 2, "earn": 1, "foreign_order": 2, "foreign_trade": 2, "adl": 2, "liquidation": 2,
}
"""What others do, the account's owner and the venue among them; and how often beside each other."""

DEATHS: Mapping[str, int] = {
    "before POST": 4, "after POST": 4, "before commit": 40, "after commit": 40, "before GET": 150, "after GET": 150,
    "before advance": 20, "*": 400,
}
"""Where a process dies, and which time at the latest."""


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
    """Something that somebody else does, when, and for how long where it lasts. `size` in the act's own unit."""

    at: Millis
    what: str
    asset: str
    size: Decimal
    lasts: Millis


@dataclass(frozen=True)
class Plan:
    """One run. Instants are relative to the story's start. `live`: a liveness run; else a safety run.

    `looked_after`: a user looks in every hour and says what the bot waits for (in the quiet of a liveness run always).
    `sells`: hedges end with their coins, by their age and where margin runs out. `longs`: `direction` is `both`.
    """

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
    looked_after: bool
    faults: tuple[Fault, ...]
    acts: tuple[Act, ...]
    kills: tuple[tuple[str, int], ...]
    length: Millis = LENGTH
    sells: bool = False
    longs: bool = False

    @property
    def events(self) -> int:
        """How much goes wrong."""
        return len(self.faults) + len(self.acts) + len(self.kills)

    @property
    def trouble_ends(self) -> Millis:
        """From when on nothing goes wrong any more, or the end."""
        return self.length - QUIET if self.live else self.length

    def without(self, part: str, place: int) -> Plan:
        """The same run, less one thing that goes wrong."""
        kept: list[Any] = list(getattr(self, part))
        del kept[place]
        return self.with_part(part, kept)

    def with_part(self, part: str, things: Sequence[Any]) -> Plan:
        """The same run with other things going wrong."""
        changed: dict[str, Any] = {part: tuple(things)}
        return replace(self, **changed)


def plan(seed: int, venues: tuple[str, ...], kinds: tuple[str, ...]) -> Plan:
    """The run of a seed: the same for the same arguments."""
    chance = random.Random(seed)
    venue = venues[seed % len(venues)]
    sells = seed // len(venues) % SELLERS == 0
    longs = seed // len(venues) % BUYERS == BUYERS - 1
    live = chance.random() < 0.5
    trouble_ends = LENGTH - QUIET if live else LENGTH
    over = Decimal(chance.choice(("0.07", "0.08", "0.10", "0.12"))) * (-1 if longs else 1)
    # One kind of fault and of act in turn, so that none is rare; the others as they come.
    in_turn = seed // len(venues)
    chosen = [kinds[in_turn % len(kinds)], *(chance.choice(kinds) for _ in range(chance.choice((1, 2, 3))))]
    names, weights = list(ACTS), list(ACTS.values())
    acts = chance.choices(names, weights, k=chance.choice((0, 0, 1, 1, 2)))
    if chance.random() < 0.4:
        acts.append(names[in_turn % len(names)])
    return Plan(
        seed=seed, venue=venue, scenario=chance.choice(MARKETS), story_seed=chance.randrange(STORIES),
        weights={"BTC": Decimal("0.5") + over, "ETH": Decimal("0.3") - over / 2, "USDT": Decimal("0.2") - over / 2},
        open=chance.choice(("3pp", "4pp", "5pp")), patience=chance.choice(("20s", "2m")),
        # Who crosses after a while, cancels first.
        on_timeout="cross" if "async_cancel" in chosen else chance.choice(("cross", "wait")),
        slice=chance.choice((None, None, 80)), live=live,
        looked_after=live or chance.random() < 0.5,
        faults=(*(_fault(chance, venue, kind, trouble_ends) for kind in chosen),
                *(_on_spot(seed, venue, trouble_ends) if sells else ())),
        # Each once: what lasts is mended to what it found, and of two that overlap that would be the other's doing.
        acts=tuple(_act(chance, what, trouble_ends) for what in dict.fromkeys(acts)),
        kills=tuple(_kill(chance) for _ in range(chance.choice((0, 1, 1, 2, 3)))),
        sells=sells, longs=longs,
    )


def _on_spot(seed: int, venue: str, ends: Millis) -> tuple[Fault, ...]:
    """What goes wrong with the sales, by a chance of its own."""
    chance = random.Random(f"spot {seed}")
    return tuple(
        Fault(at=int(ends * chance.random()), endpoint=chance.choice(SPOT[venue]), kind=chance.choice(LOSSES),
              count=chance.choice((1, 1, 2)), after=chance.choice((0, 0, 1)))
        for _ in range(chance.choice((0, 1, 2))))


def _fault(chance: random.Random, venue: str, kind: str, ends: Millis) -> Fault:
    about_orders = chance.random() < 0.5
    if kind in FALSE_PRICES:
        endpoints: Sequence[str] = _PRICES[venue]
    else:
        endpoints = ABOUT[venue].get(kind, REQUESTS[venue]["order" if about_orders else "read"])
    if kind in SELDOM_ASKED:
        return Fault(at=0, endpoint=chance.choice(endpoints), kind=kind, count=chance.choice((1, 2)), after=0)
    return Fault(
        # Most of what matters happens while orders are worked: at the beginning.
        at=int(ends * chance.random() ** 3), endpoint=chance.choice(endpoints), kind=kind,
        count=chance.choice((1, 1, 2, 5)), after=chance.choice((0, 0, 1, 2)),
    )


def _act(chance: random.Random, what: str, ends: Millis) -> Act:
    at = int(MINUTE + (ends - MINUTE) * chance.random())
    return Act(
        at=at, what=what, asset=chance.choice(("BTC", "BTC", "ETH")), size=Decimal(chance.randrange(1, 40)) / 1000,
        lasts=min(chance.choice((2, 10, 30, 60)) * MINUTE, ends - at),
    )


def _kill(chance: random.Random) -> tuple[str, int]:
    place = chance.choice(list(DEATHS))
    return place, chance.randrange(1, DEATHS[place] + 1)
