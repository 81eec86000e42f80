"""One tick, and with it the whole bot: restart is the same call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.core.decision import Action, AssetDecision, AssetState, Decision, RuleState, Rung, Situation, Standing
from bot.core.lull import Lull, lull
from bot.core.market import Asset, Snapshot, spot_coin
from bot.core.money import ZERO
from bot.core.plan import decide, in_passing
from bot.core.policy import Terms
from bot.core.portfolio import quantity_of
from bot.core.pushed import Pushed, renewed
from bot.core.swift import changed
from bot.core.tax import TaxPolicy
from bot.core.times import DAY, HOUR, MINUTE, Millis
from bot.core.wake import Watch, watch
from bot.core.way import enlarges
from bot.engine import answers
from bot.engine.audit import Audit
from bot.engine.book import Book
from bot.engine.carry import Carry
from bot.engine.deadman import DeadMan
from bot.engine.executor import Executor
from bot.engine.fees import FeeWorth
from bot.engine.hygiene import Hygiene
from bot.engine.pulse import Pulse
from bot.engine.report import Guards, Reporter, changed_holds
from bot.engine.rungs import Rungs
from bot.engine.settle import Settler
from bot.engine.strangers import Strangers
from bot.engine.twin import Twin
from bot.engine.verdicts import Verdicts
from bot.ports import Clock, Command, Venue
from bot.telemetry.events import Emit

RECORD_EVERY: Millis = 15 * MINUTE
"""A decision is journaled when something changed, with every action, and at least this often."""


@dataclass(frozen=True, slots=True)
class TickReport:
    """What one tick came to. `working`: an order rests or a goal is in progress, so the next tick comes soon."""

    at: Millis
    decision: Decision
    acted: bool
    working: bool


class Engine:
    """Observe, settle what is open, decide, record, act, account, report."""

    def __init__(
        self, *, venue: Venue, book: Book, clock: Clock, terms: Terms, emit: Emit, healthy_every: Millis = 0,
        inspect_every: Millis = HOUR, dead_mans_switch: bool = True, audit_every: Millis = DAY,
        advises: bool = False, tax: TaxPolicy | None = None,
    ) -> None:
        self._venue = venue
        self._book = book
        self._clock = clock
        self._terms = terms
        book.price_fees_by(FeeWorth(venue, clock, terms.policy.settle))
        self._reporter = Reporter(book, terms, emit)
        self._pulse = Pulse(emit, every=healthy_every)
        self._guards = Guards(self._reporter)
        self._settler = Settler(book, venue, clock, self._reporter)
        self._verdicts = Verdicts(book, venue, self._reporter)
        self._executor = Executor(book, venue, clock, terms, self._settler, report=self._reporter)
        self._hygiene = Hygiene(venue, clock, emit, every=inspect_every)
        self._carry = Carry(venue, clock, tuple(terms.instruments), advises=advises, tax=tax)
        self._rungs = Rungs(venue, clock, terms.policy.settle, self._reporter,
                            told=book.decision.ladder.rung if book.decision else Rung.CLEAR)
        self._twin = Twin(book, venue, clock)
        self._strangers = Strangers(book, venue, clock, self._reporter)
        self._audit = Audit(book, venue, clock, self._reporter, every=audit_every)
        self._dead_man = DeadMan(venue, clock, self._reporter, wanted=dead_mans_switch)
        self._seen: Snapshot | None = None
        self._full: Snapshot | None = None
        self._reconciled = False
        self._calm: Standing | None = None

    async def tick(self, pushed: Pushed | None = None) -> TickReport:
        """Run one tick. Raises Unavailable (nothing was decided), Refused, JournalError.

        `pushed`: prices to decide on with the account as it was last read, where nothing has happened to it since.
        """
        commands = await self._book.commands()
        self._calm = None
        full, self._full = self._full, None  # whatever happens now, the account is to be read again before it counts
        snapshot = None if pushed is None or commands else self._renewed(full, pushed)
        if snapshot is None:
            snapshot = full = await self._observe()
        await self._carry.follow(snapshot)
        self._take_terms(await self._hygiene.follow(self._terms, snapshot))
        before = self._book.decision
        results = await self._resolve(commands, snapshot)
        forced = await self._strangers.forced(snapshot, self._terms)
        standing = self._hygiene.faulted(self._book.standing(commands, self._carry.costs(), forced))
        situation = Situation(
            snapshot, changed(standing, can_top_up=self._rungs.can_top_up, can_move=self._rungs.can_move),
            self._book.state)
        decision = decide(situation, self._terms)
        self._record(situation, decision)
        await self._count_resizes(before, decision)
        results |= await self._adopt(commands, forced, snapshot)
        await self._answer(commands, decision, results)
        await self._void_unfilled(decision)
        self._reporter.hold()
        try:
            self._rungs.tell(decision.ladder)
            self._report(before, decision, snapshot)
            acted = await self._executor.act(decision, snapshot)
        finally:
            self._reporter.release()
        await self._book.keep()
        acted |= await self._rungs.top_up(decision.ladder)
        await self._dead_man.tend({
            record.intent.symbol for record in self._book.live() if spot_coin(record.intent.symbol) is None})
        await self._book.beat()
        if not acted and not commands and not forced:
            self._full = full
            self._calm = situation.standing
        if not acted:
            await self._audit.look(self._terms.instruments)
            self._pulse.beat(decision, snapshot, reconciled=self._reconciled)
        return TickReport(snapshot.taken_at, decision, acted, self._working(decision))

    @property
    def calm(self) -> bool:
        """Whether the last tick left nothing that has to be followed up by another."""
        return self._calm is not None

    def look(self, snapshot: Snapshot) -> Decision | None:
        """The decision on another reading of an account to which nothing has happened since the last tick, where
        nothing comes of it; None where something may: that takes a tick. What is seen is remembered, not journaled.
        """
        if self._calm is None:
            return None
        decision = in_passing(Situation(snapshot, self._calm, self._book.state), self._terms, stuck=True)
        if decision is not None:
            self._book.looked(decision)
        return decision

    def lull(self, snapshot: Snapshot) -> Lull | None:
        """What to look at prices alone with, while nothing happens to the account of this reading; None where there is
        more to be asked at each look than the rule.
        """
        if self._calm is None:
            return None
        found = lull(Situation(snapshot, self._calm, self._book.state), self._terms)
        return found if found is not None and found.prices_only else None

    def watch(self) -> Watch | None:
        """What to look for in pushed prices until the next tick; None before the first, or where only polls tell."""
        decision = self._book.decision
        if self._seen is None or decision is None:
            return None
        return watch(self._seen, decision, self._terms, self._book.live())

    def _take_terms(self, terms: Terms) -> None:
        """Go on by these: the venue may have changed its specifications."""
        if terms is not self._terms:
            self._terms = terms
            self._reporter.take_terms(terms)
            self._executor.take_terms(terms)

    async def stop(self) -> int:
        """Withdraw every resting increase; the hedges stay. How many orders were withdrawn."""
        withdrawn = await self._executor.withdraw_increases(self._seen) if self._seen is not None else 0
        await self._dead_man.release()
        return withdrawn

    def _renewed(self, full: Snapshot | None, pushed: Pushed) -> Snapshot | None:
        """The last reading at pushed prices, where nothing of ours is under way and books and venue agreed in it."""
        if full is None or self._book.live() or not _agree(self._shorts(full)):
            return None
        snapshot = renewed(full, pushed, self._terms, self._clock.now())
        if snapshot is not None:
            self._seen = snapshot
        return snapshot

    async def _observe(self) -> Snapshot:
        """A snapshot with which the books agree: read again once where it does not show what settling changed."""
        snapshot = await self._venue.snapshot()
        settled = await self._settler.settle(snapshot)
        # A simulated wallet is credited when its bot hears of a settlement: what was read before lacks it.
        lacking = settled.funding or (settled.orders and not self._shows_coins(snapshot))
        if lacking or not _agree(self._shorts(snapshot)):
            snapshot = await self._venue.snapshot()
            await self._settler.settle(snapshot)
        self._seen = snapshot
        shorts = self._shorts(snapshot)
        agreed = _agree(shorts)
        if agreed != self._reconciled:
            self._reconciled = agreed
            positions = {asset: f"journal {ours}, venue {theirs}" for asset, (ours, theirs) in shorts.items()}
            self._reporter.say("reconcile.ok" if agreed else "reconcile.mismatch", positions=positions)
        await self._twin.look(snapshot, [
            self._terms.instruments[asset].symbol for asset, (ours, theirs) in shorts.items() if ours != theirs])
        return snapshot

    def _shows_coins(self, snapshot: Snapshot) -> bool:
        """Whether the wallet holds what it should by our trades."""
        return all(
            self._book.coins(asset) == quantity_of(snapshot, asset) for asset in self._terms.instruments)

    def _shorts(self, snapshot: Snapshot) -> dict[Asset, tuple[Decimal, Decimal]]:
        """Short by the journal and by the venue, per coin; a long of the venue's is negative."""
        shorts = {}
        for asset, spec in self._terms.instruments.items():
            episode, position = self._book.episode(asset), snapshot.position(spec.symbol)
            foreign = self._book.state.of(asset).foreign
            shorts[asset] = (
                episode.short if episode else ZERO, foreign - position.quantity if position else foreign)
        return shorts

    def _record(self, situation: Situation, decision: Decision) -> None:
        """Journal the decision when it says something new: whatever of its state must survive is news.

        An order that follows takes it along in its own transaction; whatever else follows, `Book.keep` comes first.
        """
        last = self._book.decision
        if (
            last is None
            or decision.at - last.at >= RECORD_EVERY
            or any(decided.intent for decided in decision.assets)
            or decision.signature() != last.signature()
            or _material(decision.state) != _material(last.state)
        ):
            advice = self._carry.advice(decision, situation.snapshot, self._terms)
            self._book.decided(situation, self._terms, decision, advice)
        else:
            self._book.looked(decision)

    async def _resolve(self, commands: tuple[Command, ...], snapshot: Snapshot) -> dict[int, str]:
        """What came of a human's words about orders of unknown outcome, by command."""
        return {
            command.id: await self._verdicts.take(command, snapshot)
            for command in commands
            if command.kind == "resolve" and (command.order or command.asset in self._terms.instruments)
        }

    async def _adopt(
        self, commands: tuple[Command, ...], forced: Mapping[Asset, str], snapshot: Snapshot,
    ) -> dict[int, str]:
        """Take strangers' trades into the books, once the decision that knows of them is in the journal."""
        wishes = [one for one in commands if one.kind == "adopt" and one.asset in self._terms.instruments]
        if wishes or forced:
            await self._book.keep()
        for asset, cause in forced.items():
            await self._strangers.adopt(asset, snapshot, self._terms, why=cause)
        return {one.id: await self._strangers.adopt(one.asset, snapshot, self._terms) for one in wishes if one.asset}

    async def _answer(
        self, commands: tuple[Command, ...], decision: Decision, results: Mapping[int, str],
    ) -> None:
        if commands:
            await self._book.keep()
        for command in commands:
            await self._book.answer(command, results.get(command.id) or answers.result(command, decision))

    async def _count_resizes(self, before: Decision | None, decision: Decision) -> None:
        resized = [decided.asset for decided in decision.assets
                   if _reached(before, decision, decided.asset) in (Action.INCREASE, Action.REDUCE)]
        if resized:
            await self._book.keep(resized)

    async def _void_unfilled(self, decision: Decision) -> None:
        for decided in decision.assets:
            if decided.goal == 0:
                await self._book.void_unfilled(decided.asset)

    def _report(self, before: Decision | None, decision: Decision, snapshot: Snapshot) -> None:
        if self._reporter.unheard:
            return  # not even the words are found
        fresh = changed_holds(before, decision)
        self._guards.tell(decision)
        for decided in decision.assets:
            asset = decided.asset
            episode = self._book.last_episode(asset)
            if decided.intent is not None:
                why = "; ".join(reason.text for reason in decided.reasons)
                self._reporter.decision("decision.made", decided, snapshot, why)
            elif asset in fresh:
                why = "; ".join(refusal.text for refusal in decided.refusals)
                self._reporter.decision("decision.held", decided, snapshot, why)
            self._report_sale(before, decision, decided, snapshot)
            reached = _reached(before, decision, asset)
            if reached is not None and episode is not None:
                sold = before is not None and before.state.of(asset).finalising is not None
                event = "hedge.finalised" if sold and reached is Action.CLOSE else _ENDED[reached]
                self._reporter.hedge(event, decided, snapshot, episode)

    def _report_sale(
        self, before: Decision | None, decision: Decision, decided: AssetDecision, snapshot: Snapshot,
    ) -> None:
        """Say that a hedge is being ended with its coins, when that begins and when it is given up."""
        was = before.state.of(decided.asset).finalising if before is not None else None
        now = decision.state.of(decided.asset).finalising
        if now is not None and (was is None or was.began_at != now.began_at):
            self._reporter.sale(decided, snapshot, now)

    def _working(self, decision: Decision) -> bool:
        in_progress = any(
            (decided.goal != decided.short or decided.due is not None) and not decided.held
            and not self._executor.rests(decided) for decided in decision.assets)
        return in_progress or bool(self._book.live())


def _agree(shorts: Mapping[Asset, tuple[Decimal, Decimal]]) -> bool:
    return all(ours == theirs for ours, theirs in shorts.values())


_ENDED = {
    Action.OPEN: "hedge.opened",
    Action.INCREASE: "hedge.resized",
    Action.REDUCE: "hedge.resized",
    Action.CLOSE: "hedge.closed",
}


def _reached(before: Decision | None, after: Decision, asset: Asset) -> Action | None:
    """The work that this decision found done: the venue's position confirms it, in whole or as far as it could go."""
    if before is None:
        return None
    was, now, short = before.state.of(asset), after.state.of(asset), after.of(asset).short
    if was.goal is None or now.goal_at == was.goal_at:
        return None
    partly = was.goal_action in (Action.OPEN, Action.INCREASE) and enlarges(before.of(asset).short, short)
    reduced = was.goal_action in (Action.REDUCE, Action.CLOSE)
    reached = not enlarges(was.goal, short) if reduced else short == was.goal
    return was.goal_action if reached or partly else None


def _material(state: RuleState) -> tuple[object, ...]:
    """What of the memory must not be lost: all but the prices and times that only move along."""
    kept = ((asset, _kept(memory)) for asset, memory in sorted(state.assets.items()))
    return (state.cash is None, state.state, state.to_invest, *kept)


def _kept(memory: AssetState) -> tuple[object, ...]:
    return (memory.goal, memory.goal_action, memory.candidate, memory.confirmed, memory.disarmed, memory.pending_at,
            memory.holding, memory.state, memory.foreign, memory.ignored_orders, memory.quarantined_at,
            memory.finalising, memory.buying, memory.way)
