"""How far every guard is from its limit: the reading, the limit, and whether it is tripped (DOMAIN §6.1, §6.4, §6.5).

`decide` asks the guards and stops at the first that says no; a gauge is read whether or not anybody asked. What a
guard compares is compared here in the same way: a reading that is tripped is one that the guard would refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from bot.core import guards
from bot.core.decision import AssetDecision, AssetStanding, AssetState, Decision, Situation
from bot.core.market import Quote
from bot.core.money import ONE, ZERO
from bot.core.policy import AssetPolicy, GuardPolicy, Policy, Terms
from bot.core.portfolio import par_cash
from bot.core.times import MINUTE, YEAR, Millis
from bot.core.way import Way


class Unit(StrEnum):
    """What a gauge counts in: a fraction, settle coin, coins, times the equity, pieces, or milliseconds."""

    SHARE = "share"
    MONEY = "money"
    COINS = "coins"
    TIMES = "times"
    COUNT = "count"
    MILLIS = "ms"


@dataclass(frozen=True, slots=True)
class Gauge:
    """One guard's reading. `now` None: unknown, or nothing to measure yet; `limit` None: no limit is set.

    `scope`: 'data' holds every order of the rule, 'opening' refuses increases, 'cap' cuts them. `least`: the reading
    must not fall below the limit (instead of rising above it).
    """

    guard: str
    scope: str
    unit: Unit
    now: Decimal | None
    limit: Decimal | None
    tripped: bool
    least: bool = False

    @property
    def room(self) -> Decimal | None:
        """What is left until the limit; negative beyond it."""
        if self.now is None or self.limit is None:
            return None
        return self.now - self.limit if self.least else self.limit - self.now


def account_gauges(situation: Situation, terms: Terms, decision: Decision) -> tuple[Gauge, ...]:
    """What holds for the account as a whole: cash, stablecoins, effective leverage and joint runway."""
    return tuple(_of_account(situation, terms.policy, decision))


def asset_gauges(situation: Situation, terms: Terms, decision: Decision, decided: AssetDecision) -> tuple[Gauge, ...]:
    """What holds for one asset: its prices, its holding, its position, and what a hedge would cost."""
    policy = terms.policy.asset(decided.asset)
    quote = situation.snapshot.quotes.get(decided.asset)
    return (
        *_of_prices(situation, terms.policy.guards, decided, quote),
        *_of_books(situation, terms, decision, decided),
        *_of_opening(situation, terms.policy, decided, quote), *_of_size(policy, decided),
    )


def _of_account(situation: Situation, policy: Policy, decision: Decision) -> Iterator[Gauge]:
    snapshot, margin, limits = situation.snapshot, decision.margin, policy.margin
    if decision.nav is not None and decision.nav > 0:
        now = par_cash(snapshot, policy) - situation.standing.cash_flow
        accepted = any(situation.standing.of(one.asset).accept_requested for one in policy.assets)
        before = now if situation.state.cash is None or accepted else situation.state.cash
        tolerance = policy.guards.holdings_tolerance
        yield Gauge("cash_changed", guards.DATA, Unit.MONEY, abs(now - before), tolerance * decision.nav,
                    guards.cash_refusal(before, now, decision.nav, tolerance) is not None)
    for coin in policy.cash[1:]:
        price = snapshot.stable_prices.get(coin)
        limit = policy.guards.max_stablecoin_deviation
        away = None if price is None else abs(price - ONE)
        yield Gauge("stablecoin_deviation", guards.OPENING, Unit.SHARE, away, limit, away is not None and away > limit)
    lever, left = margin.effective_leverage, margin.joint_runway
    yield Gauge("leverage", "cap", Unit.TIMES, lever, limits.max_leverage,
                lever is not None and lever > limits.max_leverage)
    yield Gauge("runway", "cap", Unit.SHARE, left, limits.stop_runway,
                left is not None and left < limits.stop_runway, least=True)
    share = decision.ladder.cash_share
    yield Gauge("cash_floor", guards.OPENING, Unit.SHARE, share, limits.cash_floor,
                share is not None and share < limits.cash_floor, least=True)


def _of_prices(
    situation: Situation, policy: GuardPolicy, decided: AssetDecision, quote: Quote | None,
) -> Iterator[Gauge]:
    at, state, price = situation.snapshot.taken_at, situation.state.of(decided.asset), decided.measure.price
    age = _age(quote, at)
    yield Gauge("price_stale", guards.DATA, Unit.MILLIS, age, Decimal(policy.stale_after),
                age is None or age > policy.stale_after)
    apart = _divergence(quote)
    yield Gauge("divergence", guards.DATA, Unit.SHARE, apart, policy.max_divergence,
                apart is not None and apart > policy.max_divergence)
    mark = quote.mark if quote is not None else None
    if price is not None and mark is not None and guards.price_refusal(quote, at, policy) is None:
        moved, allowed = _jump(state, at, spot=price, mark=mark, limit=policy.max_jump)
        refusal = guards.watch_jump(state, at, price, mark, policy.max_jump)[1]
        yield Gauge("jump", guards.DATA, Unit.SHARE, moved, allowed, refusal is not None)


def _age(quote: Quote | None, at: Millis) -> Decimal | None:
    """The age of the oldest of the three prices; None where one has no time."""
    if quote is None or quote.spot_at is None or quote.perp_at is None or quote.mark_at is None:
        return None
    return Decimal(max(abs(at - seen) for seen in (quote.spot_at, quote.perp_at, quote.mark_at)))


def _divergence(quote: Quote | None) -> Decimal | None:
    """(highest − lowest) / lowest of mark, index and perpetual mid."""
    perp = quote.perp_mid if quote is not None else None
    if quote is None or quote.mark is None or quote.index is None or perp is None:
        return None
    low, high = min(quote.mark, quote.index, perp), max(quote.mark, quote.index, perp)
    return (high - low) / low if low > 0 else None


def _jump(
    state: AssetState, at: Millis, *, spot: Decimal, mark: Decimal, limit: Decimal,
) -> tuple[Decimal | None, Decimal]:
    """The larger move of spot and mark since the last that passed, and what is allowed for the time between."""
    seen_at, seen_spot, seen_mark = state.seen_at, state.seen_spot, state.seen_mark
    if seen_at is None or seen_spot is None or seen_mark is None:
        return None, limit
    allowed = limit if at - seen_at <= MINUTE else limit * (at - seen_at) / MINUTE
    return max(abs(spot - seen_spot) / seen_spot, abs(mark - seen_mark) / seen_mark), allowed


def _of_books(situation: Situation, terms: Terms, decision: Decision, decided: AssetDecision) -> Iterator[Gauge]:
    """Coins that came or went, and a position that the journal does not explain."""
    measure, standing = decided.measure, situation.standing.of(decided.asset)
    before = situation.state.of(decided.asset).holding
    before = measure.quantity if before is None or standing.accept_requested else before + standing.coin_flow
    if decision.nav is not None and decision.nav > 0 and measure.price is not None:
        allowed = terms.policy.guards.holdings_tolerance * decision.nav
        moved = abs(measure.quantity - before) * measure.price
        yield Gauge("holdings_changed", guards.DATA, Unit.MONEY, moved, allowed, moved > allowed)
    position = situation.snapshot.position(terms.instruments[decided.asset].symbol)
    held = position.quantity if position is not None else ZERO
    held -= decision.state.of(decided.asset).foreign  # somebody else's, by the user's word
    yield Gauge("position_mismatch", guards.DATA, Unit.COINS, abs(-held - standing.short), ZERO,
                guards.position_refusal(
                    held, standing.short, terms.policy.asset(decided.asset).direction) is not None)


def _of_opening(
    situation: Situation, policy: Policy, decided: AssetDecision, quote: Quote | None,
) -> Iterator[Gauge]:
    limits, standing, way = policy.guards, situation.standing.of(decided.asset), decided.way
    spot, perp = (quote.spot_mid, quote.perp_mid) if quote is not None else (None, None)
    basis = way.along(spot - perp) / spot if spot is not None and perp is not None and spot > 0 else None
    yield Gauge("basis", guards.OPENING, Unit.SHARE, basis, limits.max_basis,
                basis is not None and basis > limits.max_basis)
    cost, known = _carry(quote, way)
    yield Gauge("carry", guards.OPENING, Unit.SHARE, cost, limits.max_carry,
                not known or (cost is not None and cost > limits.max_carry))
    if standing.trailing_carry is not None:
        lately = way.along(standing.trailing_carry)
        yield Gauge("trailing_carry", guards.OPENING, Unit.SHARE, lately, limits.max_carry, lately > limits.max_carry)
    yield Gauge("orders_per_hour", guards.OPENING, Unit.COUNT, Decimal(standing.orders_last_hour),
                Decimal(limits.orders_per_hour), standing.orders_last_hour >= limits.orders_per_hour)
    rested = _rested(standing, policy, situation.snapshot.taken_at)
    if rested is not None and decided.short == 0:
        yield rested


def _carry(quote: Quote | None, way: Way) -> tuple[Decimal | None, bool]:
    """What predicted funding costs a hedge a year (negative: it is paid), and whether that is known well enough."""
    if quote is None or quote.funding_rate is None:
        return None, False
    received = way.along(quote.funding_rate)
    if not quote.funding_interval or quote.funding_interval < 0:
        return None, received >= 0
    return -received * YEAR / quote.funding_interval, True


def _rested(standing: AssetStanding, policy: Policy, at: Millis) -> Gauge | None:
    """The time since the last episode, of the cooldown."""
    if standing.closed_at is None:
        return None
    passed = at - standing.closed_at
    return Gauge("cooldown", guards.OPENING, Unit.MILLIS, Decimal(passed), Decimal(policy.cooldown),
                 passed < policy.cooldown, least=True)


def _of_size(policy: AssetPolicy, decided: AssetDecision) -> Iterator[Gauge]:
    limit, price = policy.max_hedge_notional, decided.measure.price
    if limit is not None and price is not None:
        worth = abs(decided.goal) * price
        yield Gauge("max_hedge_notional", "cap", Unit.MONEY, worth, limit, worth > limit)
