"""The rule content with every short as it is, for as long as nothing but prices changes.

What prices do not touch (books, memory, wallets) is looked at once, when a lull is found; a look at prices then takes
few comparisons. It reckons what `decide` reckons, in the same order and with the same digits; where a comparison does
not already say that the rule holds, the rule itself is asked (`triggers.verdict`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from bot.core import triggers
from bot.core.decision import Action, Situation
from bot.core.market import Asset, Quote, Snapshot
from bot.core.money import ZERO
from bot.core.policy import Direction, Policy, Rule, Terms
from bot.core.portfolio import cash_value, quantity_of, spot_price
from bot.core.rule import REARMED_BY_COMMAND_ONLY


class Seen(NamedTuple):
    """A look at which the rule held. `offs`, coin by coin in the order of the policy, in the settle coin: how much
    more it is worth than its target, without and with its short.
    """

    nav: Decimal
    offs: list[tuple[Decimal, Decimal]]


class Lull:
    """What to look at prices with. `cash` in the settle coin; `prices_only`: nothing else than the rule has to be asked
    (no data guard, no margin ladder, no policy that ends hedges).
    """

    __slots__ = ("_coins", "_fractions", "_owed", "cash", "prices_only")

    def __init__(self, situation: Situation, terms: Terms, cash: Decimal) -> None:
        snapshot, policy = situation.snapshot, terms.policy
        self.cash, self._owed = cash, snapshot.liabilities
        self.prices_only = _prices_only(snapshot, policy)
        # Levels are few, and coins share them: each is reckoned once a look.
        fractions: dict[Decimal, int] = {}
        coins = []
        for rule in terms.rules:
            short = situation.standing.of(rule.asset).short
            near, wide = (rule.close, rule.resize) if short else (rule.open, rule.open)
            coins.append((
                rule.asset, quantity_of(snapshot, rule.asset), rule.target, short,
                fractions.setdefault(near, len(fractions)), fractions.setdefault(wide, len(fractions)),
                fractions.setdefault(rule.close, len(fractions)) if _rearms(situation, rule) else None, rule))
        self._coins, self._fractions = coins, tuple(fractions)

    def at(self, quotes: Mapping[Asset, Quote], unrealised: Decimal) -> Seen | None:
        """What these prices show, where the rule holds with each coin; None where it may not.

        `unrealised`: the positions' profit at the marks, in the settle coin.
        """
        nav = self.cash + unrealised
        if self._owed:
            nav -= self._owed
        worth = []
        for asset, quantity, _, _, _, _, _, _ in self._coins:
            price = spot_price(quotes.get(asset))
            if price is None:
                return None
            value = quantity * price
            nav += value
            worth.append((price, value))
        if nav <= ZERO:
            return None
        levels = [fraction * nav for fraction in self._fractions]
        offs = []
        for (_, _, target, short, near, wide, rearm, rule), (price, value) in zip(self._coins, worth, strict=True):
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
        return Seen(nav, offs)


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
