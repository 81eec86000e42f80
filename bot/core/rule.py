"""The rule at work on one decision: obey commands, follow goals in progress, wish, confirm, grant (DOMAIN §3).

It is written once, along a way (`bot.core.way`): in a draft excess, hedge and goal of a long are turned, so that all
that is read here holds for both. What it comes to is turned back in the answer (`bot.core.plan`).

The rule compares the excess with the goal in progress where there is one, else with the position. An increase in
progress is given up when an opening guard refuses, except while the outcome of an order is looked up: nothing can be
sent then anyway, and what the look-up finds may be the order itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

from bot.core import ending, guards, sizing, triggers
from bot.core.decision import (
    Action,
    AssetStanding,
    AssetState,
    Buying,
    Due,
    Finalising,
    HedgeIntent,
    Ladder,
    Measure,
    Pace,
    Reason,
    Refusal,
    Situation,
)
from bot.core.margin import increase_allowed
from bot.core.market import Asset, Instrument, Quote
from bot.core.money import ZERO, plain
from bot.core.policy import AssetPolicy, Rule, Terms
from bot.core.states import FRESH, State
from bot.core.times import Millis
from bot.core.way import Way

BY_COMMAND = "close_requested"
"""The goal's reason that acts through data guards until it is reached."""

BY_MARGIN = frozenset({"margin_reduce", "margin_full", "margin_cash_floor"})
"""The goals' reasons of the margin ladder: they act through everything, at once."""

BY_PANIC = "panic_requested"
"""The goal's reason of a panic: at once, and through data guards."""

REARMED_BY_COMMAND_ONLY = frozenset({"liquidation", "adl", "settlement"})
"""Causes of disarming that a resolved drift does not lift (DOMAIN §3.7)."""


@dataclass(slots=True)
class Draft:
    """One asset's decision in the making, along its `way`.

    `hedge`: what the venue's position is that way, and `booked` what the journal's fills add up to; `goal`, `excess`
    (in the settle coin) and `sold` (coins, on spot) likewise. `position`, and all of `state` and `standing`, are signed
    as they came.
    """

    policy: AssetPolicy
    instrument: Instrument
    rule: Rule
    measure: Measure
    quote: Quote | None
    position: Decimal
    way: Way
    hedge: Decimal
    booked: Decimal
    excess: Decimal | None
    state: AssetState
    standing: AssetStanding
    sight: guards.Sight
    holding: Decimal
    goal: Decimal | None
    goal_at: Millis | None
    goal_action: Action | None
    goal_reason: str
    disarmed: str | None
    count: triggers.Count
    reasons: list[Reason] = field(default_factory=list)
    holds: list[Refusal] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    opening: list[Refusal] | None = None
    wish: triggers.Wish | None = None
    intent: HedgeIntent | None = None
    lagging: bool = False
    own_state: State = FRESH
    mode_of: Asset | None = None
    mode: State = FRESH
    foreign: Decimal = ZERO
    ignored_orders: tuple[str, ...] = ()
    finalising: Finalising | None = None
    ended: Finalising | None = None
    buying: Buying | None = None
    due: Due | None = None

    @property
    def contract(self) -> Decimal:
        """The micro-contract in coins."""
        return self.rule.contract

    @property
    def reference(self) -> Decimal:
        """What the rule compares with: the goal in progress, or the position's hedge."""
        return self.hedge if self.goal is None else self.goal

    @property
    def rising(self) -> bool:
        """Whether an increase is in progress."""
        return self.goal is not None and self.goal > self.hedge

    @property
    def sold(self) -> Decimal:
        """Coins that the newest episode has sold on spot; of a long, bought."""
        return self.way.along(self.standing.spot_sold)

    @property
    def trailing_carry(self) -> Decimal | None:
        """What funding of the last three days cost a hedge of this way a year; None: not known."""
        carry = self.standing.trailing_carry
        return None if carry is None else self.way.along(carry)

    def say(self, code: str, text: str, **facts: str) -> None:
        """Add a reason."""
        self.reasons.append(Reason(code, text, facts))


@dataclass(slots=True)
class Round:
    """What all assets of one decision share."""

    situation: Situation
    terms: Terms
    at: Millis
    nav: Decimal
    drafts: list[Draft]
    ladder: Ladder
    longs: frozenset[Asset] = frozenset()
    account_refusals: list[Refusal] | None = None

    def committed(self, but: Draft) -> dict[Asset, Decimal]:
        """Increases in progress or granted, all assets but one: base units still to be sold; negative: bought."""
        return {
            draft.policy.asset: draft.way.along(draft.goal - draft.hedge)
            for draft in self.drafts if draft is not but and draft.goal is not None and draft.goal > draft.hedge
        }


def obey(draft: Draft, at: Millis, *, panic: bool = False) -> None:
    """The user's commands, what the venue closed by force, and the end of a goal that the position has reached."""
    standing = draft.standing
    if standing.forced is not None:
        draft.disarmed = standing.forced
        draft.goal = draft.finalising = None
        draft.say("forced_close", f"the venue closed what was ours ({standing.forced}): disarmed until `rearm`",
                  cause=standing.forced)
    if standing.rearm_requested and draft.disarmed is not None:
        draft.say("rearmed", f"re-armed by command; was disarmed by {draft.disarmed}", cause=draft.disarmed)
        draft.disarmed = None
    if is_reached(draft):
        _reached(draft)
    if standing.close_requested or panic:
        why = BY_PANIC if panic else BY_COMMAND
        if draft.reference != 0:
            draft.intent = HedgeIntent(draft.policy.asset, Action.CLOSE, draft.reference, ZERO, why)
        if draft.goal != ZERO or draft.goal_reason != why:
            draft.goal_at = at
        draft.goal, draft.goal_action, draft.goal_reason = ZERO, Action.CLOSE, why
        draft.finalising = None
        if draft.disarmed not in REARMED_BY_COMMAND_ONLY:
            draft.disarmed = "close"
        draft.count = triggers.Count(None, 0, draft.count.counted_at)
        draft.say(why, f"close requested: the {draft.way} of {plain(draft.hedge)} goes to 0",
                  **{draft.way.value: plain(draft.hedge)})


def _reached(draft: Draft) -> None:
    """What was to be done is done."""
    draft.say("goal_reached", f"the {draft.way} has reached its goal of {plain(draft.hedge)}", goal=plain(draft.hedge))
    if draft.finalising is not None and draft.goal == 0 and draft.goal_reason not in BY_MARGIN:
        draft.ended = replace(draft.finalising, sold=draft.sold - draft.finalising.sold_before)
    draft.goal = draft.finalising = None


def is_reached(draft: Draft) -> bool:
    """Whether venue and journal agree that the goal is there. The ladder's is there with the venue's position alone."""
    if draft.goal is None:
        return False
    if draft.goal_reason in BY_MARGIN and not draft.standing.unresolved:
        return draft.hedge <= draft.goal
    return draft.goal == draft.hedge == draft.booked


def is_urgent(draft: Draft) -> bool:
    """Whether the goal acts through data guards: the user asked for it, or the margin ladder."""
    return draft.goal is not None and draft.goal_reason in (BY_COMMAND, BY_PANIC, ending.BY_USER, *BY_MARGIN)


def pace_of(draft: Draft) -> Pace:
    """How fast the goal is worked."""
    if draft.goal is not None and draft.goal_reason in BY_MARGIN:
        return Pace.MARGIN
    return Pace.AT_ONCE if draft.goal is not None and draft.goal_reason == BY_PANIC else Pace.PATIENT


def run_rule(this: Round) -> None:
    """Follow, wish and grant for every asset whose readings are believed."""
    waiting = []
    for draft in this.drafts:
        if draft.holds:
            continue
        _rearm(this, draft)
        if not is_urgent(draft) and draft.finalising is None:
            ending.finalise_by_policy(draft, this.situation.snapshot, this.terms.policy)
        if is_urgent(draft) or draft.finalising is not None:
            _say_progress(draft)
            continue
        if draft.rising:
            _follow(this, draft)
        if _wish(this, draft):
            waiting.append(draft)
    # When margin is short, the largest drift is served first; equal ones in the order of the configuration.
    waiting.sort(key=_excess, reverse=True)
    for draft in waiting:
        _grant(this, draft)


def _say_progress(draft: Draft) -> None:
    """Where a goal that acts through the guards stands, where nothing new was said of it."""
    if draft.standing.close_requested or draft.intent is not None or draft.goal is None:
        return
    by = "for margin" if draft.goal_reason in BY_MARGIN else "by command"
    if draft.goal_reason in (ending.BY_AGE, ending.BY_CARRY):
        by = "with its coins"
    draft.say("goal_in_progress", f"closing {by}, {plain(draft.hedge - draft.goal)} left",
              **{draft.way.value: plain(draft.hedge)}, goal=plain(draft.goal))


def _excess(draft: Draft) -> Decimal:
    return ZERO if draft.excess is None else draft.excess


def _rearm(this: Round, draft: Draft) -> None:
    """A drift that resolved re-arms what a command disarmed; the tick of the command itself excepted."""
    if draft.disarmed is None or draft.standing.close_requested or draft.disarmed in REARMED_BY_COMMAND_ONLY:
        return
    close = triggers.levels(draft.policy, this.nav).close
    if _excess(draft) <= close:
        draft.say("rearmed", f"re-armed: the {triggers.NAMES[draft.way]} is at or below the close level {close:.2f}",
                  cause=draft.disarmed, close=plain(close))
        draft.disarmed = None


def _follow(this: Round, draft: Draft) -> None:
    """An increase in progress: given up where it may no longer be made, cut where margin no longer carries it.

    Not while an order of it rests: the venue has set its margin aside already, and would be asked for it twice.
    """
    goal = draft.reference
    refusals = [refusal for refusal in _opening(this, draft) if refusal.guard != "unresolved_order"]
    if refusals:
        _drop(draft, draft.hedge, "an opening guard refuses")
        return
    if draft.standing.working or draft.standing.unresolved:
        return
    price = draft.measure.price
    minimum = None if price is None else sizing.below_minimum(
        Action.INCREASE, goal - draft.hedge, price, draft.instrument)
    if minimum is not None:
        draft.reasons.append(minimum)
        _drop(draft, draft.hedge, "what is left cannot be ordered")
        return
    granted = _margin_cap(this, draft, goal)
    if granted < goal:
        _drop(draft, granted, "margin does not carry the rest")


def _drop(draft: Draft, to: Decimal, why: str) -> None:
    draft.say("goal_dropped", f"the increase to {plain(draft.reference)} ends at {plain(to)}: {why}",
              goal=plain(draft.reference), **{draft.way.value: plain(to)})
    draft.goal = None if to == draft.hedge else to


def _opening(this: Round, draft: Draft) -> list[Refusal]:
    """The opening guards' refusals for this asset, asked once."""
    if not this.terms.policy.guards.enabled:
        return []
    if draft.opening is None:
        situation, policy = this.situation, this.terms.policy
        if this.account_refusals is None:
            ours = {instrument.symbol for instrument in this.terms.instruments.values()}
            this.account_refusals = guards.account_refusals(situation.snapshot, policy, situation.standing, ours)
        assert draft.quote is not None  # noqa: S101 - a draft without a quote is held, and never comes here
        draft.opening = this.account_refusals + guards.asset_refusals(
            draft.quote, draft.instrument, policy.guards, draft.standing, way=draft.way, disarmed=draft.disarmed,
            position=draft.position, foreign_orders=guards.foreign_orders(
                situation.snapshot, draft.instrument.symbol, situation.standing.own_orders, draft.ignored_orders))
        floor = guards.floor_refusal(this.ladder.cash_share, policy.margin.cash_floor)
        paused = guards.mode_refusal(draft.mode, draft.mode_of)
        draft.opening.extend(one for one in (floor, paused) if one is not None)
        draft.refusals.extend(draft.opening)
        for refusal in draft.opening:
            draft.say("disarmed" if refusal.guard == "disarmed" else "opening_refused", refusal.text,
                      guard=refusal.guard)
    return draft.opening


def _wish(this: Round, draft: Draft) -> bool:
    """Ask the rule, and confirm. A decrease is made at once; whether an increase waits to be granted is returned."""
    excess, price, reference = draft.excess, draft.measure.price, draft.reference
    if excess is None or price is None:
        return False
    wish = triggers.wish(draft.policy, triggers.levels(draft.policy, this.nav), excess, price=price,
                         reference=reference, contract=draft.contract, rule=draft.rule, way=draft.way)
    if draft.goal is not None:
        draft.say("goal_in_progress", f"{draft.way} {plain(draft.hedge)} is on its way to {plain(reference)}",
                  **{draft.way.value: plain(draft.hedge)}, goal=plain(reference), why=draft.goal_reason)
    draft.reasons.append(wish.reason)
    draft.wish = wish
    action = _orderable(draft, wish, price)
    policy = this.terms.policy
    draft.count = triggers.count(draft.count, action, this.at, needed=policy.confirm, spacing=policy.confirm_spacing)
    if action is Action.HOLD:
        return False
    up = wish.goal > reference
    refused = up and _refuse(this, draft)
    if not _confirmed(this, draft, action) or refused:
        return False
    if not up:
        _set_goal(this, draft, wish.goal)
    return up


def _orderable(draft: Draft, wish: triggers.Wish, price: Decimal) -> Action:
    """The wish's action; HOLD where the venue would not take the order that it needs."""
    minimum = unorderable(wish, draft.hedge, price, draft.instrument)
    if minimum is None:
        return wish.action
    draft.reasons.append(minimum)
    return Action.HOLD


def unorderable(wish: triggers.Wish, hedge: Decimal, price: Decimal, instrument: Instrument) -> Reason | None:
    """Why the venue would not take the order that a wish needs, from a position's hedge; None when it would."""
    if wish.action is Action.HOLD:
        return None
    # A goal in progress that is lowered can still be an increase of the position.
    kind = Action.INCREASE if wish.goal > hedge else wish.action
    if kind is not Action.CLOSE and wish.goal < hedge:
        kind = Action.REDUCE
    return sizing.below_minimum(kind, abs(wish.goal - hedge), price, instrument)


def _refuse(this: Round, draft: Draft) -> bool:
    """Whether an opening guard refuses, the cooldown of a new episode included."""
    refused = bool(_opening(this, draft))
    if draft.hedge == 0 and draft.reference == 0:
        ends_at = triggers.cooling_until(draft.standing.closed_at, this.terms.policy.cooldown, this.at)
        if ends_at is not None:
            refusal = guards.cooldown_refusal(ends_at)
            draft.refusals.append(refusal)
            draft.reasons.append(Reason("cooldown", refusal.text, refusal.facts))
            return True
    return refused


def _confirmed(this: Round, draft: Draft, action: Action) -> bool:
    """Whether the action has been seen on enough snapshots; says how far it is where not."""
    wanted = this.terms.policy.confirm
    seen = draft.count.confirmed if draft.count.candidate is action else 0
    if seen >= wanted:
        return True
    draft.say("confirming", f"{action} seen on {seen} of {wanted} snapshots",
              action=action.value, confirmed=str(seen), confirm=str(wanted))
    return False


def _grant(this: Round, draft: Draft) -> None:
    """Give an increase what notional limit and margin allow, or say why not."""
    wish, price, reference = draft.wish, draft.measure.price, draft.reference
    if wish is None or price is None:
        return
    limit = draft.policy.max_hedge_notional
    goal = sizing.notional_cap(limit, price, draft.contract, wish.goal)
    if goal < wish.goal and limit is not None:
        draft.say("capped_by_notional", f"{draft.way} {plain(wish.goal)} would be worth more than {plain(limit)}",
                  wanted=plain(wish.goal), allowed=plain(goal), max_hedge_notional=plain(limit))
    if goal > draft.hedge:
        goal = _margin_cap(this, draft, goal)
    if goal <= reference:
        return
    if goal < wish.goal:
        minimum = sizing.below_minimum(Action.INCREASE, goal - draft.hedge, price, draft.instrument)
        if minimum is not None:
            draft.reasons.append(minimum)
            return
    _set_goal(this, draft, goal)


def _margin_cap(this: Round, draft: Draft, goal: Decimal) -> Decimal:
    """The goal, or less, that the margin account carries after the trade; each cap that bit is a reason."""
    if not this.terms.policy.margin.enabled:
        return goal
    cap = increase_allowed(
        this.situation.snapshot, this.terms.instruments, draft.policy.asset, draft.hedge, goal, draft.contract,
        this.terms.policy.margin, this.committed(draft), way=draft.way, longs=this.longs)
    draft.reasons.extend(cap.reasons)
    return cap.short


def _set_goal(this: Round, draft: Draft, goal: Decimal) -> None:
    wish = draft.wish
    if wish is None or goal == draft.reference:
        return
    draft.intent = HedgeIntent(draft.policy.asset, wish.action, draft.reference, goal, wish.reason.code)
    draft.goal, draft.goal_action, draft.goal_reason = goal, wish.action, wish.reason.code
    draft.goal_at = this.at
    # This instant is spent: a second look at it must not start to confirm the next change.
    draft.count = triggers.Count(None, 0, this.at)
