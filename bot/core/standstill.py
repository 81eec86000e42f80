"""Whether anything can come of a decision: the cheap proof that nothing does, for the many looks at which all is quiet.

It asks what `decide` asks, of the same functions, and stops at the first answer that is not "nothing": no command, no
goal in progress, nothing being confirmed, every reading believed, the margin ladder clear, and the rule content with
every short as it is. Where it is unsure it says so, and the whole decision is made.
"""

from __future__ import annotations

from decimal import Decimal

from bot.core import guards
from bot.core.decision import AssetState, RuleState, Rung, Situation
from bot.core.ending import too_old
from bot.core.ladder import climb
from bot.core.lull import lull
from bot.core.market import Asset
from bot.core.policy import Policy, Terms
from bot.core.portfolio import par_cash, quantity_of, spot_price
from bot.core.swift import changed
from bot.core.way import way_of


def standstill(situation: Situation, terms: Terms) -> tuple[Decimal, Decimal, RuleState] | None:
    """NAV, cash and the rule's memory after a decision that does nothing; None where it may do something."""
    snapshot, policy = situation.snapshot, terms.policy
    found, prices = lull(situation, terms), []
    if found is None:
        return None
    for rule in terms.rules:
        price = spot_price(snapshot.quotes.get(rule.asset))
        if price is None:
            return None
        prices.append(price)
    seen = found.at(prices, snapshot.futures.unrealised)
    if seen is None:
        return None
    nav = seen[0]
    if snapshot.positions and not _safe(situation, terms, nav, found.cash):
        return None
    after = believed(situation, terms, nav) if policy.guards.enabled else situation.state
    return None if after is None else (nav, found.cash, after)


def _safe(situation: Situation, terms: Terms, nav: Decimal, cash: Decimal) -> bool:
    """Whether neither a policy ends a hedge with its coins, nor the margin ladder asks for anything."""
    if ends_by_policy(situation, terms.policy):
        return False
    if not terms.policy.margin.enabled:
        return True
    ladder = climb(situation, terms, nav=nav, cash=cash).ladder
    return ladder.rung in (Rung.CLEAR, Rung.WARN) and not ladder.needed


def ends_by_policy(situation: Situation, policy: Policy) -> bool:
    """Whether a hedge is so old, or has been so dear, that policy may end it with its coins."""
    at, dear = situation.snapshot.taken_at, policy.finalise.max_carry
    return any(
        known.short and (too_old(known.opened_at, at, policy) or (
            dear and known.trailing_carry is not None and way_of(known.short).along(known.trailing_carry) > dear))
        for known in situation.standing.assets.values())


def believed(situation: Situation, terms: Terms, nav: Decimal) -> RuleState | None:
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
        seen[one.asset] = changed(
            memory, seen_at=sight.seen_at, seen_spot=sight.seen_spot, seen_mark=sight.seen_mark)
    return changed(state, assets=seen)
