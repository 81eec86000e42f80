"""Increases that the rule wants and cannot have: the cheap proof that a decision changes nothing but its memory.

`standstill` proves that nothing is wanted. A hedge that margin does not carry, or a coin that is disarmed, is wanted
at every look for weeks. Here every coin is either content, or its increase is not confirmed yet, or one guard is found
that refuses it, or not one contract more fits into the margin account; and nothing else is under way. Where it is
unsure it says so, and the whole decision is made, as it is for every decrease, and where longs are opened.
"""

from __future__ import annotations

from decimal import Decimal

from bot.core import triggers
from bot.core.decision import Action, AssetState, Ladder, Reason, RuleState, Rung, Situation
from bot.core.ladder import climb
from bot.core.margin import increase_allowed
from bot.core.market import WalletKind
from bot.core.money import ZERO, steps
from bot.core.policy import Rule, Terms
from bot.core.portfolio import cash_value, quantity_of, spot_price
from bot.core.rule import REARMED_BY_COMMAND_ONLY, unorderable
from bot.core.standstill import believed, ends_by_policy
from bot.core.states import FRESH
from bot.core.swift import changed

_UP = (Action.OPEN, Action.INCREASE)
_UNSAID = Reason("", "")
"""Nobody reads why."""


def stalemate(situation: Situation, terms: Terms) -> tuple[Decimal, Decimal, RuleState] | None:
    """NAV, cash and the rule's memory after a decision that does nothing; None where it may do something."""
    snapshot, policy = situation.snapshot, terms.policy
    if not (policy.guards.enabled and policy.margin.enabled and _at_rest(situation, terms)):
        return None
    cash = cash_value(snapshot, policy)
    prices = [spot_price(snapshot.quotes.get(rule.asset)) for rule in terms.rules]
    if cash is None or None in prices:
        return None
    worth = [(rule, price, quantity_of(snapshot, rule.asset) * price)
             for rule, price in zip(terms.rules, prices, strict=True) if price is not None]
    nav = cash + snapshot.futures.unrealised - snapshot.liabilities + sum((value for _, _, value in worth), ZERO)
    if nav <= 0 or ends_by_policy(situation, policy):
        return None
    ladder = climb(situation, terms, nav=nav, cash=cash).ladder
    if not _idle(ladder, terms):
        return None
    counted: dict[str, AssetState] = {}
    for rule, price, value in worth:
        memory = _stuck(situation, terms, rule, price=price, excess=value - rule.target * nav, nav=nav, ladder=ladder)
        if memory is None:
            return None
        counted[rule.asset] = memory
    after = believed(changed(situation, state=changed(situation.state, assets=counted)), terms, nav)
    return None if after is None else (nav, cash, after)


def _at_rest(situation: Situation, terms: Terms) -> bool:
    """Whether nothing is under way, and venue and journal agree on every short; what is being confirmed may be."""
    snapshot, state, standing = situation.snapshot, situation.state, situation.standing
    if not standing.at_rest or state.cash is None or state.state is not FRESH or state.to_invest or terms.longs:
        return False
    if len(state.assets) != len(terms.rules):
        return False
    for rule in terms.rules:
        memory, position = state.assets.get(rule.asset), snapshot.position(rule.symbol)
        if memory is None or not changed(memory, candidate=None, confirmed=0).at_rest:
            return False
        short = standing.of(rule.asset).short
        if short < 0 or short != (ZERO if position is None else -position.quantity):
            return False
    return True


def _idle(ladder: Ladder, terms: Terms) -> bool:
    """Whether the ladder buys nothing back and moves nothing: it may stop increases, and wish for what it may not do.

    A transfer that is permitted and has just been refused is asked for again: not here.
    """
    return ladder.rung in (Rung.CLEAR, Rung.WARN, Rung.STOP) and not (
        ladder.moving or (ladder.top_up and terms.policy.margin.top_up))


def _stuck(
    situation: Situation, terms: Terms, rule: Rule, *, price: Decimal, excess: Decimal, nav: Decimal, ladder: Ladder,
) -> AssetState | None:
    """The coin's memory after a look at which nothing comes of what the rule wants; None where something may."""
    memory, standing, policy = situation.state.of(rule.asset), situation.standing.of(rule.asset), terms.policy
    disarmed, short, at = memory.disarmed, standing.short, situation.snapshot.taken_at
    if disarmed is not None and disarmed not in REARMED_BY_COMMAND_ONLY and excess <= rule.close * nav:
        return None
    code, goal = triggers.verdict(rule, nav, excess, price, short)
    wish = triggers.Wish(triggers.ACTIONS[code], goal, _UNSAID)
    held = unorderable(wish, short, price, terms.instruments[rule.asset]) is not None
    action = Action.HOLD if held else wish.action
    count = triggers.count(memory, action, at, needed=policy.confirm, spacing=policy.confirm_spacing)
    if action is not Action.HOLD:
        confirmed = count.candidate is action and count.confirmed >= policy.confirm
        if action not in _UP or goal <= short:
            return None
        if confirmed and not (
            disarmed is not None
            or (ladder.cash_share is not None and ladder.cash_share < policy.margin.cash_floor)
            or (short == 0 and triggers.cooling_until(standing.closed_at, policy.cooldown, at) is not None)
            or _is_full(situation, terms, rule, short, ladder)
        ):
            return None
    return changed(memory, candidate=count.candidate, confirmed=count.confirmed, counted_at=count.counted_at)


def _is_full(situation: Situation, terms: Terms, rule: Rule, short: Decimal, ladder: Ladder) -> bool:
    """Whether not one contract more fits. In a separate wallet a larger short only shortens a runway that is too short.

    In a unified one it may not: the coins that rise with it are collateral.
    """
    margin, snapshot = terms.policy.margin, situation.snapshot
    if snapshot.wallet is WalletKind.SEPARATE and ladder.runway is not None and ladder.runway < margin.stop_runway:
        return True
    more = (steps(short, rule.contract) + 1) * rule.contract
    return increase_allowed(
        snapshot, terms.instruments, rule.asset, short, more, rule.contract, margin, {}).short <= short
