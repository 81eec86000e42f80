"""The rule content with every short as it is, for as long as nothing but prices changes.

What prices do not touch (books, memory, wallets) is looked at once, when a lull is found; a look at prices then takes
few comparisons. It reckons what `decide` reckons, in the same order and with the same digits; where a comparison does
not already say that the rule holds, the rule itself is asked (`triggers.verdict`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from operator import mul
from typing import TypeAlias

from bot.core import triggers
from bot.core.decision import Action, Situation
from bot.core.market import Snapshot
from bot.core.money import ZERO
from bot.core.policy import Direction, Policy, Rule, Terms
from bot.core.portfolio import cash_value, quantity_of
from bot.core.rule import REARMED_BY_COMMAND_ONLY

Off: TypeAlias = tuple[Decimal, Decimal]
"""How much more than its target a coin is worth, without and with its short, in the settle coin."""


class Lull:
    """What to look at prices with. `cash` in the settle coin; `prices_only`: nothing else than the rule has to be asked
    (no data guard, no margin ladder, no policy that ends hedges).
    """

    __slots__ = ("_coins", "_fractions", "_owed", "_quantities", "cash", "prices_only")

    def __init__(self, situation: Situation, terms: Terms, cash: Decimal) -> None:
        snapshot, policy = situation.snapshot, terms.policy
        self.cash, self._owed = cash, snapshot.liabilities
        self.prices_only = _prices_only(snapshot, policy)
        self._quantities = [quantity_of(snapshot, rule.asset) for rule in terms.rules]
        # Levels are few, and coins share them: each is reckoned once a look.
        fractions: dict[Decimal, int] = {}
        coins = []
        for rule in terms.rules:
            short = situation.standing.of(rule.asset).short
            near, wide = (rule.close, rule.resize) if short else (rule.open, rule.open)
            coins.append((
                rule.target, short, fractions.setdefault(near, len(fractions)),
                fractions.setdefault(wide, len(fractions)),
                fractions.setdefault(rule.close, len(fractions)) if _rearms(situation, rule) else None, rule))
        self._coins, self._fractions = coins, tuple(fractions)

    def at(self, prices: Sequence[Decimal], unrealised: Decimal) -> tuple[Decimal, list[Off]] | None:
        """NAV, and how far each coin is off, where the rule holds with each at these prices; None where it may not.

        `prices`: on spot, above 0, in the order of the policy; `unrealised`: the positions' profit at the marks, in the
        settle coin.
        """
        nav = self.cash + unrealised
        if self._owed:
            nav -= self._owed
        values = list(map(mul, self._quantities, prices))
        for value in values:
            nav += value
        if nav <= ZERO:
            return None
        levels, offs = [], []
        for fraction in self._fractions:
            levels.append(fraction * nav)  # noqa: PERF401 - there are one or two: a comprehension takes longer
        for (target, short, near, wide, rearm, rule), value, price in zip(self._coins, values, prices, strict=False):
            excess = value - target * nav
            if short:
                gap = excess - short * price
                holds = excess > levels[near] and abs(gap) < levels[wide]
            else:
                gap, holds = excess, excess < levels[near] and (
                    rule.direction is Direction.SHORT or excess > -levels[near])
            if not holds and triggers.ACTIONS[triggers.verdict(rule, nav, excess, price, short)[0]] is not Action.HOLD:
                return None
            if rearm is not None and excess <= levels[rearm]:
                return None
            offs.append((excess, gap))
        return nav, offs


def lull(situation: Situation, terms: Terms) -> Lull | None:
    """A lull, where memory and journal are at rest, the venue shows the shorts of the journal, and cash is known."""
    snapshot, state = situation.snapshot, situation.state
    if not (state.at_rest and situation.standing.at_rest and len(state.assets) == len(terms.policy.assets)):
        return None
    for rule in terms.rules:
        position, short = snapshot.position(rule.symbol), situation.standing.of(rule.asset).short
        if rule.asset not in state.assets or short != (ZERO if position is None else -position.quantity):
            return None
    cash = cash_value(snapshot, terms.policy)
    return None if cash is None else Lull(situation, terms, cash)


def _prices_only(snapshot: Snapshot, policy: Policy) -> bool:
    hedges_last = not (policy.margin.enabled or policy.finalise.max_age or policy.finalise.max_carry)
    return not policy.guards.enabled and (hedges_last or not snapshot.positions)


def _rearms(situation: Situation, rule: Rule) -> bool:
    """Whether a drift that resolves re-arms the coin: then the rule has something to remember."""
    disarmed = situation.state.of(rule.asset).disarmed
    return disarmed is not None and disarmed not in REARMED_BY_COMMAND_ONLY
