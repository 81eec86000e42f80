"""One run: the real engine, journal and gateway on the stepped testnet, in one process and without a socket.

Everything is as `hedgerow run` composes it, but the wire and the disk. A kill ends the process's work on the spot, and
the next life begins with what the journal holds.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import sim_acts
import sim_user
from inprocess_disk import Disk
from inprocess_loop import run
from inprocess_wire import LEASE, Fate, Killed, StoryClock, wired_venue
from sim_plan import LENGTH, Act, Plan

from bot import app
from bot.core.orders import PREFIX
from bot.core.times import HOUR, MINUTE, SECOND, Millis
from bot.engine.daemon import Daemon
from bot.engine.tick import Engine, TickReport
from bot.errors import HedgerowError, StoryEnded, Unavailable
from bot.paper.records import PaperReject
from bot.settings import Settings, load
from bot.testnet.build import Testnet, build
from bot.testnet.faults import Kind, Switch
from bot.testnet.market.scenarios import scenario_story
from bot.testnet.options import TestnetOptions
from bot.testnet.venues import VENUES

POLL = "10m"
WORKING_POLL = "10s"
LEAST_TICKS = 30
"""A run that has ticked less often, or has opened no hedge yet, goes on for `LONGER`."""
LONGER: Millis = 10 * MINUTE
MOST_LIVES = 80
"""More lives than any plan has reasons for: beyond them, something dies by itself."""
RESTART_AFTER: Millis = 5 * SECOND
"""How long whoever watches over the daemon takes to start it again."""
MEND_AFTER: Millis = 15 * MINUTE
"""How long the user leaves a bot alone that stopped by itself."""
LOOKS = tuple(minutes * MINUTE for minutes in (5, 20, 35, 50, 65, 80))
"""When in the quiet of a liveness run the user looks in."""


@dataclass
class Outcome:
    """What one run came to. `log`: what was said and done, oldest first. `stopped`: with what the last life gave up.

    `ends`: when its story does, unless it is no whole run by then. `spoilt`: calls by what was wrong with the answers.
    `done`: what others did. `words`: what the user said.
    """

    plan: Plan
    testnet: Testnet
    journal: Path
    fate: Fate
    ends: Millis
    ticks: int = 0
    lives: int = 0
    stops: int = 0
    stopped: str | None = None
    spoilt: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)

    @property
    def hedged(self) -> bool:
        """Whether the exchange ever filled an order of ours."""
        return any(fill.client_order_id.startswith(PREFIX) for fill in self.testnet.exchange.fills)

    @property
    def enough(self) -> bool:
        """Whether it is a whole run; one that was cut short to be told is."""
        return self.plan.length < LENGTH or (self.ticks >= LEAST_TICKS and self.hedged)

    def say(self, at: Millis, what: str) -> None:
        """Note something that happened."""
        self.log.append(f"{(at - self.testnet.world.clock.origin) / 1000:9.1f} s  {what}")


@lru_cache(maxsize=512)
def market(venue: str, scenario: str, seed: int) -> Any:
    """A market story on the venue's steps: its path costs more than the run, so runs share them."""
    return scenario_story(scenario, days=1, seed=seed, instruments=VENUES[venue].instruments)


def play(plan: Plan, disk: Disk) -> Outcome:
    """Play one run to its end, on a disk that nobody has written to. What it raises, beyond what the bot may, is a
    finding.
    """
    testnet = build(
        TestnetOptions(venue=plan.venue, seed=plan.seed, weights=plan.weights),
        market(plan.venue, plan.scenario, plan.story_seed),
    )
    outcome = Outcome(plan, testnet, disk.path, Fate(list(plan.kills)), testnet.world.clock.origin + plan.length)
    others = _Others(outcome)
    others.appear()
    settings = _settings(
        plan.venue, plan.open, plan.patience, plan.on_timeout, plan.slice, plan.sells, plan.longs).model_copy(
        update={"journal": disk.path})
    world = testnet.world
    while (world.exchange.now < outcome.ends or others.wait_longer()) and outcome.lives < MOST_LIVES:
        outcome.lives += 1
        outcome.fate.revive()
        pause = RESTART_AFTER
        with disk.mounted(outcome.fate):
            try:
                run(_life(settings, outcome, others))
            except Killed:
                outcome.say(world.exchange.now, f"killed {outcome.fate.last}")
            except Unavailable as away:
                outcome.say(world.exchange.now, f"not up: {away}")
                pause = MINUTE
            except HedgerowError as stop:
                outcome.stopped = f"{type(stop).__name__}: {_FILE.sub('run.yaml', str(stop))}"
                outcome.stops += 1
                outcome.say(world.exchange.now, f"stopped: {outcome.stopped}")
                pause = MEND_AFTER
        world.advance(LEASE, min(world.exchange.now + pause, outcome.ends))
    return outcome


class _Others:
    """Everybody but the bot: whoever breaks things, mends them, trades on the account; and the user."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._plan = outcome.plan
        self._world = outcome.testnet.world
        self._start = self._world.clock.origin

    def appear(self) -> None:
        """Everything that goes wrong, as deadlines of the story."""
        plan = self._plan
        for number, fault in enumerate(plan.faults):
            switch = Switch(fault.endpoint, Kind(fault.kind), count=fault.count, after=fault.after)
            self._at(fault.at, f"fault {number}", partial(self._arm, switch))
        for number, one in enumerate(plan.acts):
            self._at(one.at, f"act {number}", partial(self._act, number, one))
        if plan.live:
            self._at(plan.trouble_ends, "quiet", self._quiet)
            for look in LOOKS:
                self._at(plan.trouble_ends + look, f"look {look}", self.look)
        if plan.looked_after:
            for at in range(HOUR, plan.trouble_ends, HOUR):
                self._at(at, f"look {at}", self.look)

    def _at(self, at: Millis, name: str, job: Callable[[], None]) -> None:
        self._world.schedule(name, self._start + at, job)

    def _say(self, what: str) -> None:
        self._outcome.say(self._world.exchange.now, what)

    def _arm(self, switch: Switch) -> None:
        self._say(f"armed: {switch.kind} on {switch.endpoint} ({switch.count} after {switch.after})")
        self._outcome.testnet.faults.arm(switch)

    def _act(self, number: int, act: Act) -> None:
        done, mend = sim_acts.perform(self._outcome.testnet, act)
        self._outcome.done[act.what] += done
        lasting = f" for {act.lasts // MINUTE} min" if mend else ""
        self._say(f"{act.what} {act.asset} {act.size}{lasting}{'' if done else ' (refused)'}")
        if mend is not None:
            self._at(act.at + act.lasts, f"mend {number}", partial(self._mend, number, act.what, mend))

    def _quiet(self) -> None:
        self._outcome.testnet.faults.clear()
        self._outcome.fate.kills.clear()
        sim_acts.withdraw(self._outcome.testnet)

    def _mend(self, number: int, what: str, mend: sim_acts.Mend) -> None:
        """End it; where the exchange will not have that now, a little later."""
        try:
            mend()
        except PaperReject as reject:
            self._world.schedule(
                f"mend {number}", self._world.exchange.now + MINUTE, partial(self._mend, number, what, mend))
            self._say(f"{what} is not over yet: {reject}")
        else:
            self._say(f"{what} is over")

    def look(self) -> None:
        """The user looks in, and says the words that the bot waits for."""
        for word in sim_user.speak(self._outcome.journal, self._outcome.testnet, self._world.exchange.now):
            self._outcome.words[word.split()[0]] += 1
            self._say(f"the user says: {word}")

    def wait_longer(self) -> bool:
        """Where it is no whole run yet, let its story go on; False: it ends here."""
        end = self._world.clock.end
        if self._outcome.enough or self._outcome.ends >= end:
            return False
        if not self._outcome.hedged:
            self.look()  # whatever it waits for: it would try nothing
        self._outcome.ends = min(self._outcome.ends + LONGER, end)
        return True


class _Clock(StoryClock):
    """The story's time, which goes on until it is a whole run."""

    def __init__(self, outcome: Outcome, others: _Others) -> None:
        super().__init__(outcome.testnet, outcome.fate, outcome.ends)
        self._outcome = outcome
        self._others = others

    async def sleep_until(self, at: Millis) -> None:
        self._ends = self._outcome.ends
        try:
            await super().sleep_until(at)
        except StoryEnded:
            if not self._others.wait_longer():
                raise
            await self.sleep_until(at)


async def _life(settings: Settings, outcome: Outcome, others: _Others) -> None:
    """The daemon from its start to the story's end, or to its own."""
    clock = _Clock(outcome, others)
    venue = wired_venue(settings, outcome.testnet, clock, outcome.fate, outcome.spoilt)

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
        report = await tick(*told)
        outcome.stopped = None
        return report

    vars(engine)["tick"] = counted


@lru_cache(maxsize=256)
def _settings(  # noqa: PLR0917 - what of a plan is configured
    venue: str, opening: str, patience: str, on_timeout: str, most: int | None, sells: bool, longs: bool,
) -> Settings:
    """The configuration of a run, read as a user's would be."""
    with tempfile.NamedTemporaryFile("w", prefix="simulated-", suffix=".yaml") as file:
        file.write(_CONFIG.format(
            venue=venue, open=opening, patience=patience, on_timeout=on_timeout,
            slice=f", slice: {most}" if most else "", on_margin="finalise" if sells else "close",
            direction="both" if longs else "short",
        ) + (_SELLS if sells else ""))
        file.flush()
        return load(Path(file.name), {})


_FILE = re.compile(r"\S*simulated-\w+\.yaml")
"""Where a configuration was for a moment: it differs from process to process, and a run must not."""

_CONFIG = f"""
venue: {{venue}}
environment: local
assets:
  BTC: {{{{target: "50%", contract: "0.001"}}}}
  ETH: {{{{target: "30%", contract: "0.01"}}}}
cash: {{{{USDT: "20%"}}}}
triggers: {{{{open: {{open}}, close: "1pp", resize: "1pp", cooldown: "30m", direction: {{direction}}}}}}
margin: {{{{on_margin: {{on_margin}}}}}}
guards: {{{{max_carry: "1000%", max_basis: "500bp"}}}}
execution: {{{{patience: "{{patience}}", on_timeout: {{on_timeout}}{{slice}}}}}}
poll: {POLL}
working_poll: {WORKING_POLL}
journal: simulation.db
log: {{{{console: false}}}}
"""

_SELLS = """
finalise: {max_age: "40m", slices: 3, reinvest: targets}
"""
