"""One bot on one testnet, in one process, tick by tick: what a test of a fault injects into and looks at.

The gateway, the engine and the journal are the real ones; the wire is a call (`inprocess_wire`), the disk a file. When
the rig is put away, every promise at the head of the list of faults is checked (`invariants`).
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from inprocess_wire import Fate, Killed, StoryClock, wired_venue
from invariants import Account, broken_promises

from bot import app
from bot.core.decision import Decision
from bot.core.market import Asset, Side
from bot.core.money import round_to_step
from bot.core.orders import TimeInForce
from bot.core.times import next_on_grid
from bot.engine.tick import TickReport
from bot.errors import Unavailable
from bot.journal.reader import read_command, submit_command
from bot.paper.records import PaperOrder
from bot.settings import Settings, load
from bot.testnet.build import Testnet, build
from bot.testnet.dialect import Reply, Request
from bot.testnet.faults import Kind, Switch
from bot.testnet.market.scenarios import scenario_story
from bot.testnet.options import TestnetOptions

SECRET = "local-secret"

ENDPOINTS = {
    "binance": {
        "place": "POST /fapi/v1/order", "cancel": "DELETE /fapi/v1/order", "amend": "PUT /fapi/v1/order",
        "find": "GET /fapi/v1/order", "open_orders": "GET /fapi/v1/openOrders", "fills": "GET /fapi/v1/userTrades",
        "positions": "GET /fapi/v3/positionRisk", "balances": "GET /api/v3/account", "funding": "GET /fapi/v1/income",
        "prices": "GET /fapi/v1/ticker/bookTicker", "any": "* *",
        "spot place": "POST /api/v3/order", "spot cancel": "DELETE /api/v3/order", "spot find": "GET /api/v3/order",
        "spot fills": "GET /api/v3/myTrades",
    },
    "bybit": {
        "place": "POST /v5/order/create", "cancel": "POST /v5/order/cancel", "amend": "POST /v5/order/amend",
        "find": "GET /v5/order/*", "open_orders": "GET /v5/order/realtime", "fills": "GET /v5/execution/list",
        "positions": "GET /v5/position/list", "balances": "GET /v5/account/wallet-balance",
        "funding": "GET /v5/account/transaction-log", "prices": "GET /v5/market/tickers", "any": "* *",
        "spot place": "POST /v5/order/create", "spot cancel": "POST /v5/order/cancel", "spot find": "GET /v5/order/*",
        "spot fills": "GET /v5/execution/list",
    },
}
"""What a venue's requests are called, by what they are for; those of Bybit's two markets share their names."""

CONFIG = """
venue: {venue}
environment: local
assets:
  BTC: {{target: "50%", contract: "0.001"}}
  ETH: {{target: "30%", contract: "0.01"}}
cash: {{USDT: "20%"}}
triggers: {{open: "5pp", close: "1pp", resize: "1pp", confirm: 1, cooldown: "1h"}}
margin: {{on_margin: close}}
execution: {{patience: "1m", on_timeout: cross}}
poll: 1m
working_poll: 5s
journal: rig.db
log: {{console: false}}
{more}
"""


class Rig:
    """See the module. `weights`: of `nav` at the story's start; by default BTC is 8pp over its target. What takers
    bring does not grow with `nav`: a rich account's orders fill in parts.
    """

    def __init__(
        self, folder: Path, venue: str = "binance", *, weights: dict[Asset, str] | None = None,
        scenario: str = "sideways", more: str = "", days: int = 3, seed: int = 7, nav: int = 100_000,
        edit: Callable[[str], str] = lambda text: text, specs: str = "venue",
    ) -> None:
        shares = {coin: Decimal(share) for coin, share in (weights or _OVERWEIGHT).items()}
        config = folder / "rig.yaml"
        config.write_text(edit(CONFIG.format(venue=venue, more=more)))
        self.settings: Settings = load(config, {})
        self.testnet: Testnet = build(
            TestnetOptions(venue=venue, weights=shares, seed=seed, nav=Decimal(nav), specs=specs),
            scenario_story(scenario, days=days, seed=seed),
        )
        self.fate = Fate([])
        self.spoilt: Counter[str] = Counter()
        self.events: list[tuple[str, dict[str, object]]] = []
        self.clock = StoryClock(self.testnet, self.fate, self.testnet.world.clock.end)
        self.endpoints = ENDPOINTS[venue]
        self.decision: Decision | None = None
        self._away = False
        self._stack: contextlib.AsyncExitStack | None = None
        self._bot: app.Bot | None = None

    # -- the bot's life

    @property
    def bot(self) -> app.Bot:
        """The running bot."""
        assert self._bot is not None, "not started"
        return self._bot

    @property
    def alive(self) -> bool:
        """Whether it was started and not stopped or killed since."""
        return self._bot is not None and not self.fate.dead

    async def start(self) -> app.Bot:
        """Start it, for the first time or again."""
        self.fate.revive()
        self._stack = contextlib.AsyncExitStack()
        venue = wired_venue(self.settings, self.testnet, self.clock, self.fate, self.spoilt)
        self._stack.push_async_callback(venue.close)
        self._bot = await self._stack.enter_async_context(app.take_up(
            self.settings, await venue.account(), clock=self.clock, venue=venue, emit=self._heard, environment="local",
            wrap=app.Wrap(),
        ))
        return self.bot

    async def stop(self) -> None:
        """End it in good order; its resting orders stay."""
        if self._stack is not None:
            with contextlib.suppress(Killed):
                await self._stack.aclose()
        self._stack = self._bot = None

    async def restart(self) -> app.Bot:
        """Stop and start."""
        await self.stop()
        return await self.start()

    # -- time

    async def tick(self) -> TickReport | None:
        """One tick at the present instant, then the time until the next; None where the venue was away."""
        report = None
        try:
            report = await self.bot.engine.tick()
        except Unavailable as away:
            if not self._away:
                self._heard("venue.unavailable", message=str(away))
            self._away = True
        else:
            if self._away:
                self._heard("venue.back", failures=1)
            self._away = False
            self.decision = report.decision
        poll = self.settings.working_poll if report is None or report.working else self.settings.poll
        await self.clock.sleep_until(next_on_grid(self.clock.now(), self.clock.origin, poll))
        return report

    async def until(self, reached: Callable[[], bool], most: int = 60) -> int:
        """Tick until something is so; how many ticks it took. Fails after `most`."""
        for ticks in range(most):
            if reached():
                return ticks
            await self.tick()
        said = [f"{event} {facts.get('asset', '')} {facts.get('state', '')} {facts.get('message', '')}"
                for event, facts in self.events[-8:]]
        assert reached(), f"not so after {most} ticks; last said: {said}"
        return most

    async def ticks(self, count: int) -> None:
        """Tick that often."""
        for _ in range(count):
            await self.tick()

    async def hedged(self, asset: Asset = "BTC", most: int = 60) -> Decimal:
        """Tick until the coin's hedge stands; the short (negative: a long)."""
        await self.until(lambda: self.short(asset) != 0 and not self.resting(asset) and not self.live(asset), most)
        return self.short(asset)

    # -- faults

    def arm(self, what: str, kind: Kind, *, count: int | None = 1, **more: Any) -> Switch:
        """Arm a switch on the requests of that purpose (see ENDPOINTS)."""
        if what.startswith("spot "):
            more["market"] = "spot"
        switch = Switch(self.endpoints.get(what, what), kind, count=count, **more)
        self.testnet.faults.arm(switch)
        return switch

    def setup(self, name: str, **more: Any) -> Any:
        """Have somebody else, or the venue, change the account or the markets (`POST /testnet/setup`)."""
        return self.post("setup", {"setup": name, **more})

    def post(self, what: str, body: dict[str, Any]) -> Any:
        """One of the testnet's own requests."""
        reply = self.testnet.admin.answer("POST", f"/testnet/{what}", json.dumps(body).encode())
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    async def ask(self, kind: str, asset: Asset | None = None, **more: str) -> str:
        """What a command of the user's is answered."""
        number = submit_command(self.settings.journal, kind, asset, self.clock.now(), **more)
        await self.tick()
        answer = read_command(self.settings.journal, number)
        assert answer is not None
        return answer.result or ""

    def disarm(self) -> None:
        """Nothing more goes wrong."""
        self.testnet.faults.clear()
        vars(self.testnet.dialect).pop("answer", None)

    def meanwhile(self, what: str, act: Callable[[], object], *, times: int = 1) -> None:
        """Have something happen at the exchange just before the next requests of that purpose reach it."""
        dialect, pattern = self.testnet.dialect, self.endpoints.get(what, what)
        answer, left = dialect.answer, [None] * times

        def met(request: Request) -> Reply:
            if left and fnmatchcase(f"{request.method} {request.path}", pattern):
                left.pop()
                act()
            return answer(request)

        vars(dialect)["answer"] = met

    def retold(self, what: str, about: str, words: Mapping[bytes, bytes], *, times: int = 1) -> None:
        """Have the next replies to such requests, with `about` in their query, say other words where they can."""
        dialect, pattern = self.testnet.dialect, self.endpoints.get(what, what)
        answer, left = dialect.answer, [None] * times

        def met(request: Request) -> Reply:
            reply = answer(request)
            if not left or about not in request.query or not fnmatchcase(f"{request.method} {request.path}", pattern):
                return reply
            body = reply.body
            for old, new in words.items():
                body = body.replace(old, new)
            if body != reply.body:
                left.pop()
            return replace(reply, body=body)

        vars(dialect)["answer"] = met

    def unanswered(self, *about: str) -> None:
        """Have every read with one of these in its query fail without a word, until `disarm`."""
        dialect = self.testnet.dialect
        answer = dialect.answer

        def met(request: Request) -> Reply:
            if request.method == "GET" and any(one in request.query for one in about):
                return Reply(524, b"<html>524</html>", {"Content-Type": "text/html"})
            return answer(request)

        vars(dialect)["answer"] = met

    def by_hand(self, side: Side, quantity: Decimal, asset: Asset = "BTC") -> None:
        """Somebody else trades so much of the perpetual at once."""
        exchange = self.testnet.exchange
        book, tick = exchange.state(asset).perp, exchange.instruments[asset].price_tick
        levels = book.asks if side is Side.BUY else book.bids
        exchange.place("perp", asset, side, quantity, round_to_step(levels[-1].price, tick),
                       time_in_force=TimeInForce.IOC, client_order_id=f"web_{exchange.now}")

    def calm(self, *, calm: bool = True) -> None:
        """Nobody reaches orders that rest any more: what fills, the test fills (`exchange.take`)."""
        desk = self.testnet.exchange._desk
        if calm:
            vars(desk)["serve"] = lambda: None
        else:
            vars(desk).pop("serve", None)

    # -- what is seen

    def rows(self, query: str) -> list[sqlite3.Row]:
        """Rows of the journal."""
        with contextlib.closing(sqlite3.connect(self.settings.journal)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query).fetchall()

    def said(self, event: str) -> list[dict[str, object]]:
        """The log lines of that name, oldest first."""
        return [facts for name, facts in self.events if name == event]

    def position(self, asset: Asset = "BTC") -> Decimal:
        """The signed position at the exchange."""
        return self.testnet.exchange.position(asset).quantity

    def short(self, asset: Asset = "BTC") -> Decimal:
        """The short at the exchange."""
        return -self.position(asset)

    def ours(self, asset: Asset | None = None) -> list[PaperOrder]:
        """Perpetual orders of ours that the exchange ever accepted, oldest first."""
        return [
            order for order in self.testnet.exchange.orders.values()
            if order.market == "perp" and order.client_order_id.startswith("hr")
            and (asset is None or order.asset == asset)
        ]

    def resting(self, asset: Asset | None = None) -> list[PaperOrder]:
        """Those of them that rest."""
        return [order for order in self.ours(asset) if order.open]

    def live(self, asset: Asset | None = None) -> int:
        """How many orders are live or unresolved by the bot's own books."""
        return len(self.bot.book.live(asset))

    def asked(self, what: str) -> int:
        """How often requests of that purpose were made."""
        pattern = self.endpoints.get(what, what)
        return sum(times for name, times in self.testnet.faults.calls.items() if fnmatchcase(name, pattern))

    def broken(self, *, settled: bool = True) -> list[str]:
        """The promises that do not hold now."""
        state = self.testnet.admin.answer("GET", "/testnet/state", b"").body
        return broken_promises(
            self.settings.journal, Account.of_state(json.loads(state)), settled=settled, secrets=[SECRET])

    def _heard(self, event: str, **facts: object) -> None:
        self.events.append((event, facts))


_OVERWEIGHT = {"BTC": "0.58", "ETH": "0.28", "USDT": "0.14"}


@contextlib.asynccontextmanager
async def running(folder: Path, venue: str = "binance", **options: Any) -> AsyncIterator[Rig]:
    """A started rig; at the end it is stopped and its promises are checked."""
    rig = Rig(folder, venue, **options)
    await rig.start()
    try:
        yield rig
        if rig.alive:
            rig.disarm()
            await rig.ticks(2)  # what happened last is in the books one look later
            for _ in range(20):  # and what is under way by then, when it has ended
                if rig.live():
                    await rig.tick()
    finally:
        await rig.stop()
    broken = rig.broken()
    assert not broken, "\n".join(broken)
