"""One asset's decision counted again, stage by stage, with every intermediate number kept.

`decide` keeps what its reader needs: the goal, the reasons, the refusals. Here the same functions are asked again from
the recorded situation, and what each of them answered is a field. The goal that comes out is this module's own; where
it is not the decision's, the explanation says so instead of repeating what it was told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.core import guards, sizing, states, triggers
from bot.core.decision import Action, AssetDecision, Decision, Reason, Refusal, Situation
from bot.core.ladder import climb, longs_of
from bot.core.margin import IncreaseCap, increase_allowed
from bot.core.market import Asset, Instrument
from bot.core.money import ZERO
from bot.core.policy import AssetPolicy, Terms
from bot.core.rule import BY_MARGIN
from bot.core.way import Way, enlarges


@dataclass(frozen=True, slots=True)
class Recount:
    """The stages of one asset's decision, along its way; a stage that was not reached is None.

    `reference`: the hedge that the rule compared with. `notional`: the wish after the cap on the hedge's value.
    `committed`: increases of other assets that margin counted first. `goal`: what these stages come to.
    """

    decided: AssetDecision
    policy: AssetPolicy
    instrument: Instrument
    reference: Decimal
    goal: Decimal
    levels: triggers.Levels | None = None
    wish: triggers.Wish | None = None
    minimum: Reason | None = None
    count: triggers.Count | None = None
    opening: tuple[Refusal, ...] | None = None
    notional: Decimal | None = None
    cap: IncreaseCap | None = None
    committed: Mapping[Asset, Decimal] | None = None

    @property
    def agrees(self) -> bool:
        """Whether the decision says the same."""
        return self.goal == self.way.along(self.decided.goal)

    @property
    def way(self) -> Way:
        """The way along which all is counted."""
        return self.decided.way

    @property
    def hedge(self) -> Decimal:
        """The position's hedge."""
        return self.way.along(self.decided.short)

    @property
    def excess(self) -> Decimal | None:
        """What calls for a hedge: coins too many, or for a long, missing; in the settle coin."""
        excess = self.decided.measure.excess
        return None if excess is None else self.way.along(excess)


def recount(situation: Situation, terms: Terms, decision: Decision, decided: AssetDecision) -> Recount:
    """Count one asset of a decision again."""
    policy, instrument = terms.policy.asset(decided.asset), terms.instruments[decided.asset]
    way = decided.way
    reference = way.along(decided.intent.current if decided.intent is not None else decided.goal)
    measure, nav = decided.measure, decision.nav
    levels = triggers.levels(policy, nav) if nav is not None and nav > 0 else None
    if decided.due is not None and not decided.urgent:
        # By policy all of it ends, from the moment at which that is begun.
        return Recount(decided, policy, instrument, reference, ZERO, levels)
    if decided.urgent:
        goal = _urgent_goal(situation, terms, decision, decided)
        return Recount(decided, policy, instrument, reference, goal, levels)
    held = any(refusal.scope == guards.DATA for refusal in decided.refusals)
    if decision.halted or held or levels is None or measure.excess is None or measure.price is None:
        return Recount(decided, policy, instrument, reference, reference, levels)
    wish = triggers.wish(policy, levels, way.along(measure.excess), price=measure.price, reference=reference,
                         contract=decided.contract, way=way)
    minimum = None if wish.action is Action.HOLD else _minimum(decided, wish, measure.price, instrument)
    before = situation.state.of(decided.asset)
    same = way is before.way or before.candidate is None
    count = triggers.count(
        before if same else triggers.Count(None, 0, before.counted_at),
        Action.HOLD if minimum is not None else wish.action, situation.snapshot.taken_at,
        needed=terms.policy.confirm, spacing=terms.policy.confirm_spacing)
    up = wish.goal > reference
    opening = _opening(situation, terms, decision, decided, reference=reference) if up and minimum is None else None
    asked = Recount(decided, policy, instrument, reference, reference, levels, wish, minimum, count, opening)
    if minimum is not None or wish.action is Action.HOLD or opening or _seen(count, wish.action) < terms.policy.confirm:
        return asked
    if not up:
        return replace(asked, goal=wish.goal)
    return _granted(situation, terms, decision, asked, wish, measure.price)


def _urgent_goal(situation: Situation, terms: Terms, decision: Decision, decided: AssetDecision) -> Decimal:
    """0 by command; else what the ladder asks for, or asked for before, whichever is less."""
    after, before = decision.state.of(decided.asset), situation.state.of(decided.asset)
    if after.goal_reason not in BY_MARGIN:
        return ZERO
    believed = not any(
        refusal.scope == guards.DATA and refusal.guard != "engine_halted"
        for one in decision.assets for refusal in one.refusals)
    found = climb(situation, terms, nav=decision.nav if believed else None, cash=decision.cash if believed else None)
    hedge = decided.way.along(decided.short)
    going = before.goal is not None and before.goal_at is not None
    goals = [found.goals.get(decided.asset), decided.way.along(before.goal or ZERO) if going else None]
    falling = [goal for goal in goals if goal is not None and goal < hedge]
    return min(falling, default=hedge)


def _seen(count: triggers.Count, action: Action) -> int:
    return count.confirmed if count.candidate is action else 0


def _minimum(decided: AssetDecision, wish: triggers.Wish, price: Decimal, instrument: Instrument) -> Reason | None:
    """A goal in progress that is lowered can still be an increase of the position, and the other way round."""
    hedge = decided.way.along(decided.short)
    kind = Action.INCREASE if wish.goal > hedge else wish.action
    if kind is not Action.CLOSE and wish.goal < hedge:
        kind = Action.REDUCE
    return sizing.below_minimum(kind, abs(wish.goal - hedge), price, instrument)


def _opening(
    situation: Situation, terms: Terms, decision: Decision, decided: AssetDecision, *, reference: Decimal,
) -> tuple[Refusal, ...]:
    """What refuses an increase now, the cooldown of a new episode included."""
    snapshot, standing = situation.snapshot, situation.standing
    instrument, quote = terms.instruments[decided.asset], snapshot.quotes[decided.asset]
    position = snapshot.position(instrument.symbol)
    own = standing.of(decided.asset)
    found = guards.account_refusals(
        snapshot, terms.policy, standing, {each.symbol for each in terms.instruments.values()})
    found += guards.asset_refusals(
        quote, instrument, terms.policy.guards, own, way=decided.way,
        disarmed=decision.state.of(decided.asset).disarmed,
        position=(position.quantity if position is not None else ZERO) - decision.state.of(decided.asset).foreign,
        foreign_orders=guards.foreign_orders(
            snapshot, instrument.symbol, standing.own_orders, decision.state.of(decided.asset).ignored_orders))
    floor = guards.floor_refusal(decision.ladder.cash_share, terms.policy.margin.cash_floor)
    account = decision.state.state
    whole = states.stricter(account, decision.state.of(decided.asset).state)
    paused = guards.mode_refusal(whole, None if whole is account else decided.asset)
    found.extend(one for one in (floor, paused) if one is not None)
    if decided.short == 0 and reference == 0:
        ends_at = triggers.cooling_until(own.closed_at, terms.policy.cooldown, snapshot.taken_at)
        if ends_at is not None:
            found.append(guards.cooldown_refusal(ends_at))
    return tuple(found)


def _granted(  # noqa: PLR0917 - the whole of what an increase depends on
    situation: Situation, terms: Terms, decision: Decision, asked: Recount, wish: triggers.Wish, price: Decimal,
) -> Recount:
    """What notional limit and margin leave of an increase that is confirmed and not refused."""
    decided = asked.decided
    notional = sizing.notional_cap(asked.policy.max_hedge_notional, price, decided.contract, wish.goal)
    goal, cap, committed, hedge = notional, None, None, asked.hedge
    if goal > hedge:
        committed = committed_before(decision, decided)
        cap = increase_allowed(
            situation.snapshot, terms.instruments, decided.asset, hedge, goal, decided.contract,
            terms.policy.margin, committed, way=decided.way, longs=longs_of(situation, terms))
        goal = cap.short
    too_small = goal < wish.goal and sizing.below_minimum(
        Action.INCREASE, goal - hedge, price, asked.instrument) is not None
    if goal <= asked.reference or too_small:
        goal = asked.reference
    return replace(asked, goal=goal, notional=notional, cap=cap, committed=committed)


def committed_before(decision: Decision, decided: AssetDecision) -> dict[Asset, Decimal]:
    """Base units (negative: to buy) that other assets were still to sell when this one's increase was granted.

    Goals in progress and decreases are there from the start; of the increases, the larger excess was served first.
    """
    order = {one.asset: place for place, one in enumerate(decision.assets)}
    found: dict[Asset, Decimal] = {}
    for other in decision.assets:
        if other.asset == decided.asset:
            continue
        goal = other.goal
        if other.intent is not None and _rises(other):
            served = (-_excess(other), order[other.asset]) < (-_excess(decided), order[decided.asset])
            goal = other.intent.goal if served else other.intent.current
        if enlarges(other.short, goal):
            found[other.asset] = goal - other.short
    return found


def _rises(decided: AssetDecision) -> bool:
    return decided.intent is not None and enlarges(decided.intent.current, decided.intent.goal)


def _excess(decided: AssetDecision) -> Decimal:
    return ZERO if decided.measure.excess is None else decided.way.along(decided.measure.excess)
