"""One whole hedge, told again and again, each time killed at another place: before or after one request or one commit.

The parts are the daemon's own: gateway, engine, journal, loop. Only the wire is a call, and the disk is in memory. A
life that was killed is followed by another a few seconds later, which has nothing but the journal.

On the held path prices stand still for as long as any work may take, restart included, so that what is decided does
not depend on how long the restart took: position and hedges must come out as if nothing had happened. On the free path
they wander, so only the promises can be held to.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from feeds import FakeFeed
from inprocess_disk import Disk, migrated
from inprocess_loop import run
from inprocess_wire import Fate, Killed, StoryClock, wired_venue
from invariants import Account, broken_promises

from bot import app
from bot.core.decision import Action
from bot.core.times import HOUR, MINUTE, SECOND, Millis, parse_iso
from bot.engine.daemon import Daemon
from bot.errors import Unavailable
from bot.journal.check import check
from bot.journal.reader import read_decisions, read_episodes, read_status
from bot.paper.feed import Feed, MarketState
from bot.settings import Settings, load
from bot.testnet.build import Testnet, build
from bot.testnet.market.scenarios import scenario_story
from bot.testnet.options import TestnetOptions

D = Decimal
START: Millis = parse_iso("2024-01-01")
RESTART_AFTER: Millis = 5 * SECOND
SECRET = "local-secret"


@dataclass(frozen=True)
class Stretch:
    """A time in which the price stands still: until when, at which price, and what takers bring in five seconds."""

    until: Millis
    price: Decimal
    flow: Decimal


STRETCHES = (
    Stretch(START + 10 * MINUTE, D(50_000), D("0.001")),  # opening: an order rests, and fills in parts
    Stretch(START + 25 * MINUTE, D(49_900), D("0.02")),    # the touch has moved away: it is amended, and filled
    Stretch(START + 55 * MINUTE, D(53_000), D(0)),         # resized; nobody comes: cancelled, and crossed
    Stretch(START + 85 * MINUTE, D(51_000), D("0.02")),    # resized the other way; two settlements of funding
    Stretch(START + 125 * MINUTE, D(46_500), D("0.02")),
    Stretch(START + 155 * MINUTE, D(39_000), D("0.02")),   # the drift has resolved: closed
)
"""The held path: one hedge from its first contract to its last. Work is done by the end of each but the first."""

CONFIG = """
venue: {venue}
environment: local
assets: {{BTC: {{target: "50%", contract: "0.001"}}}}
cash: {{USDT: "50%"}}
triggers: {{open: "5pp", close: "1pp", resize: "1pp", confirm: 1, cooldown: "1h"}}
margin: {{on_margin: close}}
execution: {{patience: "15m", on_timeout: cross}}
poll: 10m
working_poll: 1m
journal: crash.db
log: {{console: false}}
"""

FINALISED = 'finalise: {max_age: "1h", slices: 3}\n'
"""Ends the hedge of the held path in its fourth stretch, with its coins."""


class _Remembering(FakeFeed):
    """Makes each instant's markets once: every run of this process looks at the same ones."""

    def __init__(self, **wanted: Any) -> None:
        super().__init__(**wanted)
        self._known: dict[Millis, MarketState] = {}

    def at(self, asset: str, at: Millis) -> MarketState:
        place = at // self.step
        if place not in self._known:
            self._known[place] = super().at(asset, at)
        return self._known[place]


@lru_cache(maxsize=1)
def held_path() -> Feed:
    """Prices stand still, stretch by stretch."""
    def stretch(step: int) -> Stretch:
        at = START + step * 5 * SECOND
        return next((one for one in STRETCHES if at < one.until), STRETCHES[-1])

    return _Remembering(
        prices={"BTC": lambda step: stretch(step).price}, takers=lambda step: (stretch(step).flow, stretch(step).flow),
        size=D("0.01"), depth=40, start=START, end=STRETCHES[-1].until, interval=HOUR,
    )


@lru_cache(maxsize=1)
def _wandering() -> Feed:
    return scenario_story("crash", days=1, seed=3, start=START, assets=["BTC"])


@dataclass
class Lived:
    """What a run came to. `places`: how many it passed where it could have died; `problems`: promises broken."""

    places: int = 0
    died: int = 0
    problems: list[str] = field(default_factory=list)
    positions: list[Decimal] = field(default_factory=list)
    hedges: list[tuple[object, ...]] = field(default_factory=list)
    goals: list[tuple[str, Decimal]] = field(default_factory=list)
    live: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    orders: int = 0
    decisions: int = 0

    def number_of(self, place: str, time: int = 1) -> int:
        """The number of the place that begins so ('after POST /fapi/v1/order', 'before commit'), the nth such one."""
        numbers = [number for number, name in enumerate(self.trace, 1) if name.startswith(place)]
        return numbers[time - 1]

    @property
    def outcome(self) -> tuple[object, ...]:
        """What must not depend on a kill: each stretch's last position, every hedge, every goal, what is under way."""
        return self.positions, self.hedges, self.goals, self.live


class _Noting(Fate):
    """Keeps the names of all places that were passed, in their order."""

    def __init__(self, kills: Sequence[int], trace: list[str]) -> None:
        super().__init__([("*", kill) for kill in kills])
        self._trace = trace

    def meet(self, place: str) -> None:
        if not self.dead:
            when, what = place.split(maxsplit=1)
            self._trace.append(f"{when} {self.request}" if what.isupper() else place)
        super().meet(place)


def live(
    venue: str, *, kills: Sequence[int] = (), free: bool = False, hours: int = 3, more: str = "",
) -> Lived:
    """Tell the story on one venue; killed at the places of these numbers, counted over all lives.

    `more`: what the configuration says besides.
    """
    feed = _wandering() if free else held_path()
    testnet = build(TestnetOptions(venue=venue, weights={"BTC": D("0.58"), "USDT": D("0.42")}), feed)
    ends = min(feed.end, feed.start + hours * HOUR)
    lived = Lived()
    fate = _Noting(kills, lived.trace)
    marks = [] if free else [stretch.until for stretch in STRETCHES[1:]]
    for at in marks:
        # The moment before the price moves.
        testnet.world.schedule(f"look {at}", at - SECOND, lambda: lived.positions.append(_position(testnet)))
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        disk = Disk(Path(folder), _template())
        settings = _settings(venue, more).model_copy(update={"journal": disk.path})
        over = False
        while not over:
            fate.revive()
            with disk.mounted(fate):
                try:
                    run(_life(settings, testnet, fate, ends))
                    over = True
                except Killed:
                    pass
                except Unavailable as away:
                    lived.problems.append(f"not up again: {away}")
                    over = True
            if not over:
                testnet.world.advance("simulation", min(testnet.world.exchange.now + RESTART_AFTER, ends))
        _look(lived, testnet, disk.path)
    lived.places, lived.died = fate.seen["*"], fate.died
    return lived


async def _life(settings: Settings, testnet: Testnet, fate: Fate, ends: Millis) -> None:
    clock = StoryClock(testnet, fate, ends)
    venue = wired_venue(settings, testnet, clock, fate, Counter())

    def emit(event: str, **facts: object) -> None:
        pass

    async with app.take_up(
        settings, await venue.account(), clock=clock, venue=venue, emit=emit, environment="local", wrap=app.Wrap(),
    ) as bot:
        await Daemon(bot.engine, clock, poll=settings.poll, working_poll=settings.working_poll, emit=emit).run()


def _look(lived: Lived, testnet: Testnet, journal: Path) -> None:
    """What the journal and the exchange say in the end."""
    state = json.loads(testnet.admin.answer("GET", "/testnet/state", b"").body)
    lived.problems += broken_promises(journal, Account.of_state(state), settled=False, secrets=[SECRET])
    checked = check(journal).checks
    lived.problems += [problem for found in checked for problem in found.problems]
    lived.decisions = next(found.examined for found in checked if found.name == "decisions")
    lived.orders = sum(row["client_order_id"].startswith("hr") for row in state["orders"])
    for one in read_episodes(journal):
        lived.hedges.append((one.id, str(one.state), one.short, one.entry_quantity, one.exit_quantity, one.resizes,
                             one.sold))
    for recorded in read_decisions(journal, latest_only=True):
        for decided in recorded.decision.assets:
            intent = decided.intent
            if intent is not None and intent.action is not Action.HOLD:
                lived.goals.append((str(intent.action), intent.goal))
    lived.live += [order.intent.client_order_id for order in read_status(journal).orders]


def _position(testnet: Testnet) -> Decimal:
    return testnet.exchange.position("BTC").quantity


@lru_cache(maxsize=1)
def _template() -> bytes:
    return migrated()


@lru_cache(maxsize=1)
def _memory() -> str | None:
    folder = Path("/dev/shm")  # noqa: S108 -- folders of this process's own are made in it
    return str(folder) if folder.is_dir() else None


@lru_cache(maxsize=4)
def _settings(venue: str, more: str) -> Settings:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(CONFIG.format(venue=venue) + more)
        file.flush()
        return load(Path(file.name), {})


def problems_of(whole: Lived, broken: Lived, *, free: bool) -> Sequence[str]:
    """What is wrong with a broken run, in words."""
    found = list(broken.problems)
    if not free and broken.outcome != whole.outcome:
        pairs: list[tuple[str, Any, Any]] = [
            ("positions", whole.positions, broken.positions), ("hedges", whole.hedges, broken.hedges),
            ("goals", whole.goals, broken.goals), ("still live", whole.live, broken.live)]
        found += [f"{name}: unbroken {ours}, broken {theirs}" for name, ours, theirs in pairs if ours != theirs]
    return found
