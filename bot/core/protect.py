"""The ladder's word put into the drafts: after the user's commands, before the rule, and without asking any guard."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from bot.core import triggers
from bot.core.decision import Action, HedgeIntent, Ladder, Rung, Situation
from bot.core.ending import means_of
from bot.core.finalise import begin, extend
from bot.core.ladder import FLOOR_CAUSE, MARGIN_CAUSE, Climb, climb, is_lagging
from bot.core.market import Snapshot
from bot.core.money import ZERO, plain
from bot.core.policy import OnMargin, Policy, Terms
from bot.core.portfolio import Portfolio
from bot.core.rule import BY_MARGIN, REARMED_BY_COMMAND_ONLY, Draft
from bot.core.way import Way

CODES = {Rung.REDUCE: "margin_reduce", Rung.FULL: "margin_full", Rung.CASH_FLOOR: "margin_cash_floor"}
"""The goal's reason by rung."""


def protect(drafts: Sequence[Draft], situation: Situation, terms: Terms, book: Portfolio) -> Ladder:
    """Read the ladder, and give every hedge the goal that it asks for. The reading is returned."""
    if not terms.policy.margin.enabled:
        return Ladder(text="the margin ladder is off")
    believed = not any(draft.holds for draft in drafts)
    found = climb(situation, terms, nav=book.nav if believed else None, cash=book.cash if believed else None)
    for draft in drafts:
        position = situation.snapshot.position(draft.instrument.symbol)
        draft.lagging = is_lagging(position, draft.standing)
        _protect(draft, found, situation.snapshot, terms.policy)
    return found.ladder


def _protect(draft: Draft, found: Climb, snapshot: Snapshot, policy: Policy) -> None:
    ladder = found.ladder
    goal = found.goals.get(draft.policy.asset)
    if goal is None:
        if ladder.fraction and draft.rising:
            draft.say("goal_dropped", f"the increase to {plain(draft.reference)} ends: {ladder.text}",
                      goal=plain(draft.reference), **{draft.way.value: plain(draft.hedge)})
            draft.goal = None
        return
    before, going = draft.reference, draft.goal is not None and draft.goal_reason in BY_MARGIN
    if draft.goal is not None and draft.goal < goal:
        goal = draft.goal
    code = CODES[ladder.rung]
    if draft.goal != goal or not going:
        action = Action.CLOSE if goal == 0 else Action.REDUCE
        if goal != before:
            draft.intent = HedgeIntent(draft.policy.asset, action, before, goal, code)
        draft.goal, draft.goal_action, draft.goal_reason = goal, action, code
        draft.goal_at = snapshot.taken_at
    draft.count = triggers.Count(None, 0, snapshot.taken_at)
    _sell(draft, found, snapshot, policy, going=going)
    if draft.finalising is None:
        _disarm(draft, ladder.rung)
    draft.say(code, f"{draft.way} {plain(draft.hedge)} goes to {plain(goal)}: {ladder.text}",
              **_facts(ladder, draft, goal))
    if policy.margin.on_margin is OnMargin.FINALISE and draft.finalising is None:
        why = "none of the coins can be sold now" if draft.way is Way.SHORT else "coins cost the cash that is short"
        draft.say("margin_keeps_coins", f"on_margin is finalise, but {why}: the hedge is reduced as with close")


def _sell(draft: Draft, found: Climb, snapshot: Snapshot, policy: Policy, *, going: bool) -> None:
    """Sell coins with what is bought back: a finalisation that is going on anyway, or one of the ladder's own.

    `going`: the ladder was at it before. What it had begun without a sale, or given one up for, goes on without.
    """
    code, goal = CODES[found.ladder.rung], draft.goal
    if goal is None:
        return
    if draft.way is Way.LONG:
        draft.finalising = None  # coins would be bought with the cash that the margin is short of
        return
    if draft.finalising is not None:
        draft.finalising = extend(
            draft.finalising, code, means_of(draft, snapshot, policy), goal=goal, policy=policy)
        return
    to_sell = found.sales.get(draft.policy.asset, ZERO)
    if to_sell > 0 and not going:
        draft.finalising = begin(
            code, snapshot.taken_at, means_of(draft, snapshot, policy), goal=goal, to_sell=to_sell, policy=policy,
            whole=True)


def _disarm(draft: Draft, rung: Rung) -> None:
    """A margin close without sale disarms. A cause that only a command lifts stays, and so does the floor's."""
    if draft.disarmed in REARMED_BY_COMMAND_ONLY or draft.disarmed == FLOOR_CAUSE:
        return
    draft.disarmed = FLOOR_CAUSE if rung is Rung.CASH_FLOOR else MARGIN_CAUSE


def _facts(ladder: Ladder, draft: Draft, goal: Decimal) -> dict[str, str]:
    facts = {"rung": ladder.rung.value, draft.way.value: plain(draft.hedge), "goal": plain(goal),
             "fraction": plain(ladder.fraction)}
    for name, value in (("runway", ladder.runway), ("cash_share", ladder.cash_share)):
        if value is not None:
            facts[name] = plain(value)
    if ladder.needed != ZERO:
        facts["needed"] = plain(ladder.needed)
    return facts
