"""One run: the real engine, journal and gateway on the stepped testnet, in one process and without a socket.

Everything is as `hedgerow run` composes it, but the wire and the disk. A kill ends the process's work on the spot, and
the next life begins with what the journal holds.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import sim_acts
from inprocess_disk import Disk
from inprocess_loop import run
from inprocess_wire import Fate, Killed, StoryClock, wired_venue
from sim_plan import LENGTH, QUIET, Act, Plan

from bot import app
from bot.core.times import SECOND, Millis
from bot.engine.daemon import Daemon
from bot.engine.tick import Engine, TickReport
from bot.errors import HedgerowError, Unavailable
from bot.settings import Settings, load
from bot.testnet.build import Testnet, build
from bot.testnet.faults import Kind, Switch
from bot.testnet.market.scenarios import scenario_story
from bot.testnet.options import TestnetOptions

POLL = "10m"
WORKING_POLL = "10s"
MOST_LIVES = 40
"""More lives than any plan has kills: beyond them, something dies by itself."""
RESTART_AFTER: Millis = 5 * SECOND
"""How long whoever watches over the daemon takes to start it again."""


@dataclass
class Outcome:
    """What one run came to. `log`: what was said and done, oldest first. `stopped`: with what a life gave up."""

    plan: Plan
    testnet: Testnet
    journal: Path
    ticks: int = 0
    lives: int = 0
    kills: int = 0
    stopped: str | None = None
    spoilt: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)

    def say(self, at: Millis, what: str) -> None:
        """Note something that happened."""
        self.log.append(f"{(at - self.testnet.world.clock.origin) / 1000:9.1f} s  {what}")


@lru_cache(maxsize=64)
def market(scenario: str, seed: int) -> Any:
    """A market story: its path costs more than the run, so runs share them."""
    return scenario_story(scenario, days=1, seed=seed)


def play(plan: Plan, folder: Path, template: bytes) -> Outcome:
    """Play one run to its end. Raises nothing that the bot is allowed to raise: what it raises is a finding."""
    testnet = build(
        TestnetOptions(venue=plan.venue, seed=plan.seed, weights=plan.weights), market(plan.scenario, plan.story_seed),
    )
    disk = Disk(folder, template)
    outcome = Outcome(plan, testnet, disk.path)
    _schedule(outcome)
    fate = Fate(list(plan.kills))
    settings = _settings(plan.venue, plan.open, plan.patience, plan.on_timeout, plan.slice).model_copy(
        update={"journal": disk.path})
    ends = testnet.world.clock.origin + LENGTH
    while testnet.world.exchange.now < ends and outcome.stopped is None and outcome.lives < MOST_LIVES:
        outcome.lives += 1
        fate.revive()
        with disk.mounted(fate):
            try:
                run(_life(settings, outcome, fate, ends))
            except Killed:
                outcome.say(testnet.world.exchange.now, "killed")
            except Unavailable as away:
                outcome.say(testnet.world.exchange.now, f"not up: {away}")
            except HedgerowError as stop:
                outcome.stopped = f"{type(stop).__name__}: {stop}"
                outcome.say(testnet.world.exchange.now, f"stopped: {outcome.stopped}")
        testnet.world.advance("simulation", min(testnet.world.exchange.now + RESTART_AFTER, ends))
    outcome.kills = fate.died
    return outcome


def _schedule(outcome: Outcome) -> None:
    """What goes wrong, as deadlines of the story."""
    plan, world = outcome.plan, outcome.testnet.world
    start = world.clock.origin

    def arm(switch: Switch) -> None:
        outcome.say(world.exchange.now, f"armed: {switch.kind} on {switch.endpoint}")
        outcome.testnet.faults.arm(switch)

    def act(one: Act) -> None:
        done = sim_acts.perform(outcome.testnet, one)
        outcome.done[one.what] += done
        outcome.say(world.exchange.now, f"{one.what} {one.asset} {one.size}{'' if done else ' (refused)'}")

    for number, fault in enumerate(plan.faults):
        switch = Switch(fault.endpoint, Kind(fault.kind), count=fault.count, after=fault.after)
        world.schedule(f"fault {number}", start + fault.at, partial(arm, switch))
    for number, one in enumerate(plan.acts):
        world.schedule(f"act {number}", start + one.at, partial(act, one))
    if plan.live:
        world.schedule("quiet", start + LENGTH - QUIET, outcome.testnet.faults.clear)


async def _life(settings: Settings, outcome: Outcome, fate: Fate, ends: Millis) -> None:
    """The daemon from its start to the story's end, or to its own."""
    clock = StoryClock(outcome.testnet, fate, ends)
    venue = wired_venue(settings, outcome.testnet, clock, fate, outcome.spoilt)

    def emit(event: str, **facts: object) -> None:
        about = {key: facts[key] for key in ("asset", "state", "message", "reason") if key in facts}
        outcome.say(clock.now(), f"{event} {about}")

    async with app.take_up(
        settings, await venue.account(), clock=clock, venue=venue, emit=emit, environment="local", wrap=app.Wrap(),
    ) as bot:
        count_ticks(bot.engine, outcome)
        await Daemon(bot.engine, clock, poll=settings.poll, working_poll=settings.working_poll, emit=emit).run()


def count_ticks(engine: Engine, outcome: Outcome) -> None:
    """Have each of the engine's ticks counted."""
    tick = engine.tick

    async def counted(*told: Any) -> TickReport:
        outcome.ticks += 1
        return await tick(*told)

    vars(engine)["tick"] = counted


@lru_cache(maxsize=256)
def _settings(venue: str, opening: str, patience: str, on_timeout: str, most: int | None) -> Settings:
    """The configuration of a run, read as a user's would be."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(_CONFIG.format(
            venue=venue, open=opening, patience=patience, on_timeout=on_timeout,
            slice=f", slice: {most}" if most else "",
        ))
        file.flush()
        return load(Path(file.name), {})


_CONFIG = f"""
venue: {{venue}}
environment: local
assets:
  BTC: {{{{target: "50%", contract: "0.001"}}}}
  ETH: {{{{target: "30%", contract: "0.01"}}}}
cash: {{{{USDT: "20%"}}}}
triggers: {{{{open: {{open}}, close: "1pp", resize: "1pp", cooldown: "30m"}}}}
margin: {{{{on_margin: close}}}}
execution: {{{{patience: "{{patience}}", on_timeout: {{on_timeout}}{{slice}}}}}}
poll: {POLL}
working_poll: {WORKING_POLL}
journal: simulation.db
log: {{{{console: false}}}}
"""
