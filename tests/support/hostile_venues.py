"""Both venues as fakes that answer badly: how each is opened, what is asked of it, and what is no answer there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

import fake_bybit as by
from fake_binance import NOW, FakeBinance, Spoiler, changed, cut, hang_up, refusing, saying, with_status
from fake_bybit import FakeBybit
from venue_values import ManualClock, an_intent

from bot.core.orders import OrderRecord, OrderState
from bot.core.times import MINUTE
from bot.environment import Environment
from bot.errors import HedgerowError
from bot.venues.binance_open import make_binance
from bot.venues.bybit_open import make_bybit
from bot.venues.gateway import CcxtVenue
from bot.venues.opening import MakeVenue

Call: TypeAlias = Callable[[CcxtVenue], Awaitable[object]]

TIMEOUT = 0.3
INTENT = an_intent()
RECORD = OrderRecord(INTENT, OrderState.OPEN, price=INTENT.price)
SINCE = NOW - MINUTE
HTML = "<html><body>Just a moment...</body></html>"
ECHO = "apiKey=k-planted k-planted\x1b[2J s-planted"

ANYWHERE: Mapping[str, Spoiler] = {
    "HTML with status 200": saying(HTML, content_type="text/html"),
    "a body that is cut": cut,
    "a closed connection": hang_up,
    "307": saying("", status=307, Location="http://127.0.0.1:1/"),
    "404 without a code": saying("{}", status=404),
    "302 with a good body": with_status(302),
    "502": saying(HTML, status=502, content_type="text/html"),
    "524": saying(HTML, status=524, content_type="text/html"),
}
"""What is no answer on any venue."""


@dataclass(frozen=True)
class Hostile:
    """One venue. `reads` and `changes`: endpoint → a call that asks it; `placing`: the endpoint that takes an order.

    `no_answer`: ways to answer that say nothing; `no_report`: answers to a change that are about something else.
    `echo`: an error without meaning that repeats what was sent.
    """

    name: str
    fake: Callable[[], FakeBinance]
    make: MakeVenue
    reads: Mapping[str, Call]
    changes: Mapping[str, Call]
    placing: str
    no_answer: Mapping[str, Spoiler]
    no_report: Mapping[str, Spoiler]
    echo: Spoiler

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Stage]:
        """The fake, and our gateway at it."""
        fake, clock = self.fake(), ManualClock()
        venue = self.make(
            Environment.LOCAL, clock=clock, key="k-planted", secret="s-planted", assets=("BTC", "ETH"),
            local_url=await fake.start(), timeout=TIMEOUT,
        )
        yield Stage(self, fake, venue, clock)
        await venue.close()
        await fake.stop()


@dataclass(frozen=True)
class Stage:
    """A venue that is played by a fake, and our gateway at it."""

    side: Hostile
    fake: FakeBinance
    venue: CcxtVenue
    clock: ManualClock


CHANGES: tuple[Call, ...] = (
    lambda venue: venue.place(INTENT),
    lambda venue: venue.amend(RECORD, Decimal(50_100)),
    lambda venue: venue.cancel(RECORD),
)


def _snapshot(venue: CcxtVenue) -> Awaitable[object]:
    return venue.snapshot()


def _find(venue: CcxtVenue) -> Awaitable[object]:
    return venue.find_order(INTENT.symbol, INTENT.client_order_id)


BINANCE = Hostile(
    "binance", FakeBinance, make_binance,
    reads={
        "GET /api/v3/account": _snapshot,
        "GET /api/v3/ticker/bookTicker": _snapshot,
        "GET /fapi/v3/account": _snapshot,
        "GET /fapi/v3/positionRisk": _snapshot,
        "GET /fapi/v1/ticker/bookTicker": _snapshot,
        "GET /fapi/v1/premiumIndex": _snapshot,
        "GET /fapi/v1/openOrders": _snapshot,
        "GET /fapi/v1/order": _find,
        "GET /fapi/v1/userTrades": lambda venue: venue.fills(INTENT.symbol, SINCE),
        "GET /fapi/v1/income": lambda venue: venue.funding(SINCE),
        "GET /fapi/v1/time": lambda venue: venue.account(),
    },
    changes=dict(zip((f"{verb} /fapi/v1/order" for verb in ("POST", "PUT", "DELETE")), CHANGES, strict=True)),
    placing="POST /fapi/v1/order",
    no_answer={
        **ANYWHERE,
        "JSON with NaN": saying('{"serverTime": NaN}'),
        "302": saying("", status=302, Location="https://fapi.binance.com/fapi/v1/order"),
        "403 of a firewall": saying(HTML, status=403, content_type="text/html"),
        "404 with a good body": with_status(404),
        "500": saying("", status=500),
        "503 with JSON": refusing(503, -1008),
        "500 with a code that would refuse": refusing(500, -2019),
        "-1000": refusing(400, -1000),
        "-1001": refusing(400, -1001),
        "-1006": refusing(400, -1006),
        "-1007": refusing(408, -1007),
        "-1008": refusing(400, -1008),
    },
    no_report={
        "another order": changed(clientOrderId="somebody"),
        "another symbol": changed(symbol="ETHUSDT"),
        "more filled than ordered": changed(executedQty="0.300"),
    },
    echo=refusing(400, -1000, ECHO),
)

BYBIT = Hostile(
    "bybit", FakeBybit, make_bybit,
    reads={
        by.WALLET: _snapshot,
        by.POSITIONS: _snapshot,
        by.TICKERS: _snapshot,
        by.LIVE: _find,
        by.PAST: _find,
        by.EXECUTIONS: lambda venue: venue.fills(INTENT.symbol, SINCE),
        by.LOG: lambda venue: venue.funding(SINCE),
        by.KEY: lambda venue: venue.account(),
    },
    changes=dict(zip((by.CREATE, by.AMEND, by.CANCEL), CHANGES, strict=True)),
    placing=by.CREATE,
    no_answer={
        **ANYWHERE,
        "no code": saying('{"result": {"list": []}, "time": 1700000000000}'),
        "a code that is none": saying('{"retCode": null, "result": {"list": []}, "time": 1700000000000}'),
        "500 with a code that would refuse": by.refusing(110007, status=500),
        "10000": by.refusing(10000),
        "10016": by.refusing(10016),
        "170007": by.refusing(170007),
        "170146": by.refusing(170146),
    },
    no_report={},
    echo=by.refusing(10016, ECHO),
)

BOTH = (BINANCE, BYBIT)


async def outcome(call: Awaitable[object]) -> str:
    """The name of what was raised."""
    try:
        return f"believed: {await call!r}"
    except HedgerowError as error:
        return type(error).__name__
