"""A story of `hedgerow demo --fault`, played in one process: daemon, gateway and journal are the real ones."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inprocess_wire import Fate, StoryClock, wired_venue
from invariants import Account, broken_promises
from play import ROOT

from bot import app
from bot.core.times import Millis
from bot.engine.daemon import Daemon
from bot.errors import HedgerowError, SafetyStop
from bot.settings import load
from bot.testnet.build import Testnet, build
from bot.testnet.market.scenarios import scenario_story
from bot.testnet.options import TestnetOptions
from bot.testnet.stories import Story


@dataclass
class Played:
    """What one story came to. `stopped`: with what the bot ended by itself."""

    testnet: Testnet
    journal: Path
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    spoilt: Counter[str] = field(default_factory=Counter)
    stopped: HedgerowError | None = None

    def said(self, *names: str) -> list[str]:
        """The events of those names, oldest first."""
        return [name for name, _ in self.events if name in names]

    def broken(self) -> list[str]:
        """The promises that do not hold."""
        state = json.loads(self.testnet.admin.answer("GET", "/testnet/state", b"").body)
        return broken_promises(
            self.journal, Account.of_state(state), settled=self.stopped is None, secrets=["local-secret"])


async def play(story: Story, venue: str, folder: Path, lasts: Millis) -> Played:
    """Play the beginning of the story, `lasts` ms of it."""
    settings = load(ROOT / "config" / "faults.yaml", {"HEDGEROW_VENUE": venue}).model_copy(
        update={"journal": folder / "story.db"})
    told: dict[str, Any] = settings.testnet_story()
    market = scenario_story(told["scenario"], days=told["days"], seed=told["seed"])
    testnet = build(TestnetOptions(venue=venue, weights=told["weights"], seed=told["seed"]), market)
    played = Played(testnet, settings.journal)
    for body in story.plan(venue, testnet.world.clock.origin):
        reply = testnet.admin.answer("POST", "/testnet/later", json.dumps(body).encode())
        assert reply.status == 200, reply.body
    fate = Fate([])
    clock = StoryClock(testnet, fate, testnet.world.clock.origin + lasts)

    def emit(event: str, **facts: object) -> None:
        played.events.append((event, {"at": clock.now(), **facts}))

    async with contextlib.AsyncExitStack() as stack:
        opened = wired_venue(settings, testnet, clock, fate, played.spoilt)
        stack.push_async_callback(opened.close)
        try:
            bot = await stack.enter_async_context(app.take_up(
                settings, await opened.account(), clock=clock, venue=opened, emit=emit, environment="local",
                wrap=app.Wrap()))
            await Daemon(
                bot.engine, clock, poll=settings.poll, working_poll=settings.working_poll, emit=emit).run()
        except (SafetyStop, HedgerowError) as stop:
            played.stopped = stop
    return played
