"""Guards as values: what holds every rule-driven order, and what refuses increases only (DOMAIN §6.4, §6.5).

A guard returns a `Refusal` or None. Data guards answer "can this reading be believed?"; opening guards answer "is
this a moment to add to a hedge?". Unknown is never taken for harmless: a missing price, time or funding rate
refuses.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.core.decision import AssetStanding, AssetState, Refusal, Standing
from bot.core.market import Asset, Instrument, Quote, Snapshot
from bot.core.money import ONE, plain
from bot.core.policy import Direction, GuardPolicy, Policy
from bot.core.states import Mode, State
from bot.core.swift import swift
from bot.core.times import MINUTE, YEAR, Millis, iso
from bot.core.way import Way, way_of

DATA = "data"
OPENING = "opening"


def held(guard: str, text: str, facts: Mapping[str, str] | None = None) -> Refusal:
    """A data guard's refusal: every rule-driven order waits."""
    return Refusal(guard, DATA, text, facts or {})


def refused(guard: str, text: str, facts: Mapping[str, str] | None = None) -> Refusal:
    """An opening guard's refusal: increases wait."""
    return Refusal(guard, OPENING, text, facts or {})


# Data guards: prices


def price_refusal(quote: Quote | None, at: Millis, policy: GuardPolicy) -> Refusal | None:
    """The first reason not to believe a quote: a price unknown or not positive, crossed, stale, or diverging."""
    if quote is None:
        return held("price_unknown", "no quote at all")
    spot_bid, spot_ask, perp_bid, perp_ask = quote.spot_bid, quote.spot_ask, quote.perp_bid, quote.perp_ask
    mark, index = quote.mark, quote.index
    if (
        spot_bid is None or spot_ask is None or perp_bid is None or perp_ask is None or mark is None or index is None
        or spot_bid <= 0 or spot_ask <= 0 or perp_bid <= 0 or perp_ask <= 0 or mark <= 0 or index <= 0
    ):
        bad = _unusable(quote)
        return held("price_unknown", f"missing, zero or negative: {', '.join(bad)}", bad)
    if spot_bid > spot_ask or perp_bid > perp_ask:
        market, bid, ask = ("spot", spot_bid, spot_ask) if spot_bid > spot_ask else ("perpetual", perp_bid, perp_ask)
        return held("price_crossed", f"{market} bid {plain(bid)} is above ask {plain(ask)}",
                    {"market": market, "bid": plain(bid), "ask": plain(ask)})
    return _stale(quote, at, policy.stale_after) or _divergence(
        mark, index, (perp_bid + perp_ask) / 2, policy.max_divergence)


def _unusable(quote: Quote) -> dict[str, str]:
    prices = {
        "spot_bid": quote.spot_bid, "spot_ask": quote.spot_ask, "perp_bid": quote.perp_bid,
        "perp_ask": quote.perp_ask, "mark": quote.mark, "index": quote.index,
    }
    return {
        name: "unknown" if price is None else plain(price)
        for name, price in prices.items() if price is None or price <= 0
    }


def _stale(quote: Quote, at: Millis, stale_after: Millis) -> Refusal | None:
    for name, seen in (("spot", quote.spot_at), ("perpetual", quote.perp_at), ("mark", quote.mark_at)):
        if seen is None:
            return held("price_stale", f"the time of the {name} price is unknown", {"price": name})
        # A time ahead of the snapshot is a clock that is wrong by as much: no fresher than one that lags.
        if abs(at - seen) > stale_after:
            return held("price_stale", f"the {name} price is of {iso(seen)}",
                        {"price": name, "at": iso(seen), "stale_after_ms": str(stale_after)})
    return None


def _divergence(mark: Decimal, index: Decimal, perp_mid: Decimal, limit: Decimal) -> Refusal | None:
    low = min(mark, index, perp_mid)
    high = max(mark, index, perp_mid)
    if high - low <= limit * low:
        return None
    return held(
        "divergence", f"mark {plain(mark)}, index {plain(index)} and perpetual mid {plain(perp_mid)} are "
        f"{(high - low) / low * 10_000:.1f} bp apart",
        {"mark": plain(mark), "index": plain(index), "perp_mid": plain(perp_mid), "max_divergence": plain(limit)},
    )


@swift
@dataclass(frozen=True, slots=True)
class Sight:
    """The jump guard's memory: the last prices that passed, and a jump that waits for a second observation."""

    seen_at: Millis | None
    seen_spot: Decimal | None
    seen_mark: Decimal | None
    pending_at: Millis | None = None
    pending_spot: Decimal | None = None
    pending_mark: Decimal | None = None


def sight_of(state: AssetState) -> Sight:
    """What the state remembers."""
    return Sight(state.seen_at, state.seen_spot, state.seen_mark,
                 state.pending_at, state.pending_spot, state.pending_mark)


def watch_jump(
    state: AssetState, at: Millis, spot: Decimal, mark: Decimal, limit: Decimal,
) -> tuple[Sight, Refusal | None]:
    """Let prices pass that moved at most `limit` a minute (a minute at least) since the last that passed.

    A larger move waits until an observation at another instant agrees with it within `limit`.
    """
    seen_at, seen_spot, seen_mark = state.seen_at, state.seen_spot, state.seen_mark
    if seen_at is None or seen_spot is None or seen_mark is None:
        return Sight(at, spot, mark), None
    allowed = limit if at - seen_at <= MINUTE else limit * (at - seen_at) / MINUTE
    if abs(spot - seen_spot) <= allowed * seen_spot and abs(mark - seen_mark) <= allowed * seen_mark:
        return Sight(at, spot, mark), None
    refusal = held(
        "jump", f"spot {plain(seen_spot)} → {plain(spot)}, mark {plain(seen_mark)} → {plain(mark)} since "
        f"{iso(seen_at)}: more than {limit * 100:.2f}% a minute, waiting for a second observation",
        {"spot_before": plain(seen_spot), "spot": plain(spot), "mark_before": plain(seen_mark), "mark": plain(mark),
         "since": iso(seen_at), "max_jump": plain(limit)},
    )
    pending_at, pending_spot, pending_mark = state.pending_at, state.pending_spot, state.pending_mark
    if pending_at is None or pending_spot is None or pending_mark is None:
        return Sight(seen_at, seen_spot, seen_mark, at, spot, mark), refusal
    if at <= pending_at:
        return sight_of(state), refusal
    if abs(spot - pending_spot) <= limit * pending_spot and abs(mark - pending_mark) <= limit * pending_mark:
        return Sight(at, spot, mark), None
    return Sight(seen_at, seen_spot, seen_mark, at, spot, mark), refusal


# Data guards: wallets and positions


def holding_refusal(
    asset: Asset, *, before: Decimal, now: Decimal, price: Decimal, allowed: Decimal,
) -> Refusal | None:
    """Coins that came or went without a trade of ours, worth more than `allowed`."""
    if abs(now - before) * price <= allowed:
        return None
    return held(
        "holdings_changed", f"{asset} went from {plain(before)} to {plain(now)} without a trade of ours; "
        "`accept` it, or it holds until it reverses",
        {"before": plain(before), "now": plain(now), "allowed": plain(allowed)},
    )


def cash_refusal(before: Decimal, now: Decimal, nav: Decimal, tolerance: Decimal) -> Refusal | None:
    """Cash (less what our own trading moved) that came or went, more than `tolerance` of NAV."""
    if before == now or abs(now - before) <= tolerance * nav:
        return None
    return held(
        "cash_changed", f"cash moved by {now - before:.2f} beyond our own trading; `accept` it, or it holds until it "
        "reverses",
        {"moved": plain(now - before), "tolerance": plain(tolerance)},
    )


def position_refusal(
    position: Decimal, journal_short: Decimal, direction: Direction = Direction.SHORT,
) -> Refusal | None:
    """A position (signed) that is not the hedge which the journal's fills add up to (negative: a long).

    Where no longs are opened, a long where the journal knows of no hedge is not a misreading but somebody else's: an
    opening guard's matter.
    """
    strange = direction is Direction.SHORT and position > 0 and journal_short == 0
    if -position == journal_short or strange:
        return None
    way = way_of(journal_short)
    return held(
        "position_mismatch", f"the venue shows a position of {plain(position)}, the journal a {way} of "
        f"{plain(abs(journal_short))}",
        {"position": plain(position), "journal_short": plain(journal_short)},
    )


# Opening guards


def account_refusals(snapshot: Snapshot, policy: Policy, standing: Standing, ours: Collection[str]) -> list[Refusal]:
    """What refuses increases for every asset: the engine's state, foreign positions, a stablecoin off its peg."""
    refusals = []
    if not standing.active:
        refusals.append(refused("not_active", "the engine is not active"))
    if standing.faults:
        refusals.append(refused("account_fault", "; ".join(standing.faults.values()), standing.faults))
    foreign = [position.symbol for position in snapshot.positions if position.symbol not in ours and position.quantity]
    if foreign:
        refusals.append(refused("unlisted_position", f"positions that are not configured: {', '.join(foreign)}",
                                {"symbols": ",".join(foreign)}))
    limit = policy.guards.max_stablecoin_deviation
    for coin in policy.cash[1:]:
        price = snapshot.stable_prices.get(coin)
        if price is not None and abs(price - ONE) > limit:
            refusals.append(refused("stablecoin_deviation", f"{coin} trades at {plain(price)} {policy.settle}",
                                    {"coin": coin, "price": plain(price), "limit": plain(limit)}))
    return refusals


def floor_refusal(share: Decimal | None, floor: Decimal) -> Refusal | None:
    """Too little cash to pay for a hedge's losses; `share`: (cash + unrealised) / NAV, None: not known."""
    if share is None or share >= floor:
        return None
    return refused("cash_floor", f"cash and unrealised profit are {share * 100:.2f}% of NAV, the floor is "
                   f"{plain(floor * 100)}%", {"cash_share": plain(share), "cash_floor": plain(floor)})


def mode_refusal(state: State, of: Asset | None) -> Refusal | None:
    """A state that is not active opens nothing. `of`: the coin whose own it is; None: the account's."""
    if state.mode is Mode.ACTIVE:
        return None
    return refused("not_active", state.text_of(of), {"mode": state.mode.value, "cause": str(state.cause)})


def halt_refusal(state: State, of: Asset | None) -> Refusal | None:
    """A halted engine does nothing that the rule wants. `of`: as above."""
    if state.mode is not Mode.HALTED:
        return None
    return held("engine_halted", state.text_of(of), {"cause": str(state.cause)})


def foreign_orders(
    snapshot: Snapshot, symbol: str, own_orders: Collection[str], ignored: Collection[str] = (),
) -> list[str]:
    """Venue ids of open orders on a symbol that are neither ours by client id nor ignored. Empty when not read."""
    return [
        order.order_id for order in snapshot.open_orders or ()
        if order.symbol == symbol and order.client_order_id not in own_orders and order.order_id not in ignored
    ]


def asset_refusals(
    quote: Quote, instrument: Instrument, policy: GuardPolicy, standing: AssetStanding, *,
    disarmed: str | None, position: Decimal, foreign_orders: Collection[str], way: Way = Way.SHORT,
) -> list[Refusal]:
    """What refuses increases for one asset, cooldown apart (that blocks new episodes only).

    `foreign_orders`: venue ids of orders on the symbol that are not ours. `way`: of the hedge that they would enlarge.
    """
    costs = (
        _basis(quote, policy.max_basis, way), _predicted_carry(quote, policy.max_carry, way),
        _trailing_carry(standing.trailing_carry, policy.max_carry, way),
    )
    refusals = [cost for cost in costs if cost is not None]
    if standing.orders_last_hour >= policy.orders_per_hour:
        refusals.append(refused(
            "orders_per_hour", f"{standing.orders_last_hour} orders in the last hour, {policy.orders_per_hour} allowed",
            {"orders": str(standing.orders_last_hour), "limit": str(policy.orders_per_hour)}))
    if position > 0 and standing.short >= 0:
        refusals.append(refused("long_position", f"the account is long {plain(position)} on {instrument.symbol}",
                                {"position": plain(position)}))
    if foreign_orders:
        refusals.append(refused("unknown_order", f"orders on {instrument.symbol} that are not ours: "
                                f"{', '.join(foreign_orders)}", {"orders": ",".join(foreign_orders)}))
    if standing.unresolved:
        refusals.append(refused("unresolved_order", f"the outcome of an order on {instrument.symbol} is unknown"))
    if standing.faults:
        refusals.append(refused("asset_fault", "; ".join(standing.faults.values()), standing.faults))
    if not instrument.tradable:
        refusals.append(refused("not_tradable", f"{instrument.symbol} is not traded at present"))
    if disarmed is not None:
        refusals.append(refused("disarmed", f"disarmed ({disarmed}): reopens after the drift resolved, or `rearm`",
                                {"cause": disarmed}))
    return refusals


def _basis(quote: Quote, limit: Decimal, way: Way) -> Refusal | None:
    """A short is sold below spot, or a long bought above it."""
    spot, perp = quote.spot_mid, quote.perp_mid
    if spot is None or perp is None or way.along(spot - perp) <= limit * spot:
        return None
    where = "below" if way is Way.SHORT else "above"
    return refused("basis", f"the perpetual trades {way.along(spot - perp) / spot * 10_000:.1f} bp {where} spot",
                   {"spot": plain(spot), "perp_mid": plain(perp), "max_basis": plain(limit)})


def _predicted_carry(quote: Quote, limit: Decimal, way: Way) -> Refusal | None:
    """A negative rate is what the short pays each interval, a positive one what the long does."""
    told, interval = quote.funding_rate, quote.funding_interval
    rate = None if told is None else way.along(told)
    if rate is not None and rate >= 0:
        return None
    if rate is None or not interval or interval < 0:
        return refused("carry_unknown", "the funding rate or its interval is unknown",
                       {"funding_rate": "unknown" if told is None else plain(told)})
    if -rate * YEAR <= limit * interval:
        return None
    return refused("carry", f"funding would cost the {way} {-rate * YEAR / interval * 100:.1f}% a year",
                   {"funding_rate": plain(way.along(rate)), "interval_ms": str(interval), "max_carry": plain(limit)})


def _trailing_carry(of_a_short: Decimal | None, limit: Decimal, way: Way) -> Refusal | None:
    cost = None if of_a_short is None else way.along(of_a_short)
    if cost is None or cost <= limit:
        return None
    return refused("trailing_carry", f"funding has cost the {way} {cost * 100:.1f}% a year over the last three days",
                   {"trailing_carry": plain(cost), "max_carry": plain(limit)})


def cooldown_refusal(ends_at: Millis) -> Refusal:
    """The cooldown after the last episode."""
    return refused("cooldown", f"no new episode before {iso(ends_at)}", {"ends_at": iso(ends_at)})
