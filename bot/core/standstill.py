"""Whether anything can come of a decision: the cheap proof that nothing does, for the many looks at which all is quiet.

It asks what `decide` asks, of the same functions, and stops at the first answer that is not "nothing": no command, no
goal in progress, nothing being confirmed, every reading believed, the margin ladder clear, and the rule content with
every short as it is. Where it is unsure it says so, and the whole decision is made.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from bot.core import guards, triggers
from bot.core.decision import Action, AssetState, RuleState, Rung, Situation
from bot.core.ending import too_old
from bot.core.ladder import climb
from bot.core.market import Asset
from bot.core.money import ZERO
from bot.core.policy import AssetPolicy, Terms
from bot.core.portfolio import cash_value, par_cash, quantity_of, spot_price
from bot.core.rule import REARMED_BY_COMMAND_ONLY


def standstill(situation: Situation, terms: Terms) -> tuple[Decimal, Decimal, RuleState] | None:
    """NAV, cash and the rule's memory after a decision that does nothing; None where it may do something."""
    snapshot, policy = situation.snapshot, terms.policy
    state = situation.state
    if not state.at_rest or len(state.assets) != len(policy.assets) or not situation.standing.at_rest:
        return None
    cash = cash_value(snapshot, policy)
    if cash is None:
        return None
    nav = cash + snapshot.futures.unrealised - snapshot.liabilities
    values = []
    for one in policy.assets:
        price = spot_price(snapshot.quotes.get(one.asset))
        if price is None:
            return None
        value = quantity_of(snapshot, one.asset) * price
        nav += value
        values.append((one, price, value))
    if nav <= 0 or not all(_content(situation, terms, one, price, value - one.target * nav, nav=nav)
                           for one, price, value in values):
        return None
    if policy.margin.enabled and snapshot.positions:
        ladder = climb(situation, terms, nav=nav, cash=cash).ladder
        if ladder.rung not in (Rung.CLEAR, Rung.WARN) or ladder.needed:
            return None
    after = _believed(situation, terms, nav) if policy.guards.enabled else state
    return None if after is None else (nav, cash, after)


def _content(
    situation: Situation, terms: Terms, one: AssetPolicy, price: Decimal, excess: Decimal, *, nav: Decimal,
) -> bool:
    """Whether venue and journal agree on the short, and the rule wants no other."""
    instrument = terms.instruments[one.asset]
    memory, known = situation.state.of(one.asset), situation.standing.of(one.asset)
    position = situation.snapshot.position(instrument.symbol)
    short = known.short
    if (ZERO if position is None else -position.quantity) != short or memory.holding is None:
        return False
    levels = triggers.levels(one, nav)
    code, _ = triggers.verdict(
        one, levels, excess, price=price, reference=short, contract=one.contract_for(instrument))
    if triggers.ACTIONS[code] is not Action.HOLD:
        return False
    if memory.disarmed is not None and memory.disarmed not in REARMED_BY_COMMAND_ONLY and excess <= levels.close:
        return False
    if not short:
        return True
    dear = terms.policy.finalise.max_carry
    return not too_old(known.opened_at, situation.snapshot.taken_at, terms.policy) and not (
        dear and known.trailing_carry is not None and known.trailing_carry > dear)


def _believed(situation: Situation, terms: Terms, nav: Decimal) -> RuleState | None:
    """The memory after a look at which every data guard is content; None where one of them is not."""
    snapshot, state, policy = situation.snapshot, situation.state, terms.policy
    now = par_cash(snapshot, policy) - situation.standing.cash_flow
    if state.cash is None or guards.cash_refusal(state.cash, now, nav, policy.guards.holdings_tolerance) is not None:
        return None
    seen: dict[Asset, AssetState] = {}
    for one in policy.assets:
        quote, memory = snapshot.quotes[one.asset], state.of(one.asset)
        price, flow = spot_price(quote), situation.standing.of(one.asset).coin_flow
        if guards.price_refusal(quote, snapshot.taken_at, policy.guards) is not None or price is None:
            return None
        if quote.mark is None or memory.holding is None or memory.holding + flow != quantity_of(snapshot, one.asset):
            return None
        sight, jump = guards.watch_jump(memory, snapshot.taken_at, price, quote.mark, policy.guards.max_jump)
        if jump is not None or sight.pending_at is not None:
            return None
        seen[one.asset] = replace(
            memory, seen_at=sight.seen_at, seen_spot=sight.seen_spot, seen_mark=sight.seen_mark)
    return replace(state, assets=seen)
