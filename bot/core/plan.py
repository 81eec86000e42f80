"""`decide`: the one place where portfolio, guards, triggers, sizing and margin come together (DOMAIN §3, §6, §8).

Its order, for all assets on the same NAV::

    measure → believe (data guards) → obey (commands) → protect (the margin ladder) → follow (goals in progress)
            → wish (the rule, confirmed) → grant (increases, the largest excess first) → answer

Nothing here knows of any time but the snapshot's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial

from bot.core import ending, guards, sizing, states, triggers
from bot.core.decision import (
    Action,
    AssetDecision,
    AssetStanding,
    AssetState,
    Decision,
    Measure,
    Reason,
    Refusal,
    RuleState,
    Situation,
)
from bot.core.ladder import longs_of
from bot.core.margin import figures
from bot.core.market import Asset, Instrument
from bot.core.money import ZERO, plain, reckoned
from bot.core.policy import AssetPolicy, Direction, GuardPolicy, Rule, Terms
from bot.core.portfolio import Portfolio, measure
from bot.core.protect import protect
from bot.core.reinvest import buy_on, earned, invest
from bot.core.rule import BY_MARGIN, Draft, Round, is_reached, is_urgent, obey, pace_of, run_rule
from bot.core.stalemate import stalemate
from bot.core.standstill import standstill
from bot.core.states import Event, State
from bot.core.times import Millis
from bot.core.way import Way


def decide(situation: Situation, terms: Terms) -> Decision:
    """What to do about every asset at one instant, why, and what to remember.

    A function of its arguments alone: deciding again on the same instant with the state that came out changes nothing.
    Where nothing can come of it, its words and figures are made when somebody reads them.
    """
    found = in_passing(situation, terms)
    return decide_in_full(situation, terms) if found is None else found


@reckoned
def in_passing(situation: Situation, terms: Terms, *, stuck: bool = False) -> Decision | None:
    """`decide`, where nothing can come of it; None where something may. `stuck`: also where increases stay refused."""
    quiet = standstill(situation, terms)
    if quiet is None and stuck:
        quiet = stalemate(situation, terms)
    if quiet is None:
        return None
    return Decision.quiet(situation.snapshot.taken_at, *quiet, partial(_rest_of, situation, terms))


def _rest_of(situation: Situation, terms: Terms) -> Mapping[str, object]:
    full = decide_in_full(situation, terms)
    return {"margin": full.margin, "assets": full.assets, "halted": full.halted, "ladder": full.ladder}


@reckoned
def decide_in_full(situation: Situation, terms: Terms) -> Decision:
    """`decide`, with everything decided at once; the margin account in one line is left to who reads it."""
    snapshot, standing = situation.snapshot, situation.standing
    book = measure(snapshot, terms.policy, terms.instruments)
    positions = {position.symbol: position.quantity for position in snapshot.positions}
    drafts = [
        _draft(situation, one, terms.instruments[one.asset], rule, book.measures[one.asset], positions=positions)
        for one, rule in zip(terms.policy.assets, terms.rules, strict=True)
    ]
    now = book.par_cash - standing.cash_flow
    accepted = any(draft.standing.accept_requested for draft in drafts)
    cash = now if situation.state.cash is None or accepted else situation.state.cash
    halted = "nav_not_positive" if book.nav is not None and book.nav <= 0 else None
    if halted is None and terms.policy.guards.enabled:
        _believe(drafts, book, snapshot.taken_at, terms.policy.guards, cash=cash, now=now)
    account = states.follow(situation.state.state, standing.asked, snapshot.taken_at)
    for draft in drafts:
        obey(draft, snapshot.taken_at, panic="panic" in standing.asked)
        if "finalize" in draft.standing.asked and not draft.standing.close_requested and "panic" not in standing.asked:
            ending.obey_finalise(draft, snapshot, terms.policy, book.nav, hurried=draft.goal_reason in BY_MARGIN)
    ladder = protect(drafts, situation, terms, book)
    for draft in drafts:
        _permit(draft, account, situation.state.state, snapshot.taken_at)
    if book.nav is not None and halted is None:
        run_rule(Round(situation, terms, snapshot.taken_at, book.nav, drafts, ladder, longs_of(situation, terms)))
    for draft in drafts:
        ending.take_on(draft, snapshot, terms.policy, hurried=draft.goal_reason in BY_MARGIN)
    money = situation.state.to_invest + earned(drafts, terms.policy)
    if money:
        money = invest(drafts, money, snapshot, terms.policy, book)
    for draft in drafts:
        buy_on(draft)
    return Decision.whole(
        snapshot.taken_at, book.nav, book.cash, tuple([_answer(draft, halted) for draft in drafts]),
        RuleState({draft.policy.asset: _remember(draft) for draft in drafts}, cash, account, money),
        halted=halted, ladder=ladder, work=partial(_margin_of, situation, terms),
    )


def _margin_of(situation: Situation, terms: Terms) -> Mapping[str, object]:
    return {"margin": figures(situation.snapshot, terms.instruments, longs_of(situation, terms))}


def _draft(
    situation: Situation, policy: AssetPolicy, instrument: Instrument, rule: Rule, measured: Measure, *,
    positions: Mapping[str, Decimal],
) -> Draft:
    state = situation.state.of(policy.asset)
    standing = situation.standing.of(policy.asset)
    foreign, ignored = _ignored(situation, instrument, state, standing, positions.get(instrument.symbol, ZERO))
    position = positions.get(instrument.symbol, ZERO) - foreign
    holding = state.holding
    if holding is None or standing.accept_requested:
        holding = measured.quantity - standing.coin_flow
    way = _way(policy, measured, state, standing, position)
    # What was being confirmed the other way round is another change.
    same = way is state.way or state.candidate is None
    draft = Draft(
        policy=policy, instrument=instrument, rule=rule, measure=measured,
        quote=situation.snapshot.quotes.get(policy.asset), position=position, way=way,
        hedge=max(ZERO, way.along(-position)), booked=way.along(standing.short),
        excess=None if measured.excess is None else way.along(measured.excess),
        state=state, standing=standing, sight=guards.sight_of(state), holding=holding,
        goal=None if state.goal is None else max(ZERO, way.along(state.goal)), goal_at=state.goal_at,
        goal_action=state.goal_action, goal_reason=state.goal_reason, disarmed=state.disarmed,
        count=triggers.Count(state.candidate, state.confirmed, state.counted_at) if same else triggers.Count(
            None, 0, state.counted_at), foreign=foreign,
        ignored_orders=ignored, finalising=state.finalising if state.goal is not None else None,
        buying=state.buying,
    )
    if "ignore" in standing.asked:
        draft.say("ignored", f"a position of {plain(foreign)} and {len(ignored)} orders are somebody else's",
                  position=plain(foreign), orders=",".join(ignored))
    if standing.accept_requested:
        draft.say("accepted", f"holding of {plain(measured.quantity)} accepted", holding=plain(measured.quantity))
    return draft


def _way(
    policy: AssetPolicy, measured: Measure, state: AssetState, standing: AssetStanding, position: Decimal,
) -> Way:
    """The way of our hedge, of the one on its way, of the position, or of the one that the excess could ask for."""
    hedge = standing.short or state.goal or ZERO
    if not hedge and state.finalising is not None:
        return state.way
    if not hedge and policy.direction is Direction.BOTH:
        hedge = -position
    return triggers.way_at(policy.direction, measured.excess or ZERO, hedge)


def _ignored(
    situation: Situation, instrument: Instrument, state: AssetState, standing: AssetStanding, position: Decimal,
) -> tuple[Decimal, tuple[str, ...]]:
    """What of the venue's position and orders is somebody else's by the user's word, as long as it is there."""
    strangers = guards.foreign_orders(situation.snapshot, instrument.symbol, situation.standing.own_orders)
    if "ignore" in standing.asked:
        return position + standing.short, tuple(sorted(strangers))
    gone = position == -standing.short or "adopt" in standing.asked
    known = state.ignored_orders
    if situation.snapshot.open_orders is not None:
        known = tuple(order for order in known if order in strangers)
    return ZERO if gone else state.foreign, known


def _permit(draft: Draft, account: State, before: State, at: Millis) -> None:
    """What the account's and the asset's states permit; each change is said."""
    own = states.follow(draft.state.state, draft.standing.asked, at)
    draft.own_state = own
    draft.mode = states.stricter(account, states.quarantined(own, draft.standing.quarantined_at))
    draft.mode_of = None if draft.mode is account else draft.policy.asset
    was = states.stricter(before, draft.state.permitted)
    if was != draft.mode:
        draft.say("state_changed", f"{was.mode} → {draft.mode.text_of(draft.mode_of)}", mode=draft.mode.mode.value,
                  cause=(draft.mode.cause or Event.RESUME).value)
    halt = guards.halt_refusal(draft.mode, draft.mode_of)
    if halt is not None:
        draft.holds.append(halt)


# believe


def _believe(
    drafts: Sequence[Draft], book: Portfolio, at: Millis, policy: GuardPolicy, *, cash: Decimal, now: Decimal,
) -> None:
    """Data guards. Whatever makes one asset's value doubtful makes NAV doubtful, and so holds the others too.

    `cash` is what was acknowledged, `now` what there is, both less what our own trading moved.
    """
    doubted = [draft.policy.asset for draft in drafts if _doubt_value(draft, book.nav, at, policy)]
    shared = None
    if book.nav is not None:
        shared = guards.cash_refusal(cash, now, book.nav, policy.holdings_tolerance)
    elif not doubted:
        shared = guards.held("stablecoin_unknown", "a stablecoin that is held has no price")
    for draft in drafts:
        mismatch = guards.position_refusal(draft.position, draft.standing.short, draft.policy.direction)
        if mismatch is not None:
            draft.holds.append(mismatch)
        if shared is not None:
            draft.holds.append(shared)
        if doubted and doubted != [draft.policy.asset]:
            others = [asset for asset in doubted if asset != draft.policy.asset]
            draft.holds.append(guards.held(
                "nav_unreliable", f"NAV depends on readings that are not to be trusted: {', '.join(others)}",
                {"assets": ",".join(others)}))


def _doubt_value(draft: Draft, nav: Decimal | None, at: Millis, policy: GuardPolicy) -> bool:
    """Whether price or quantity of one asset is not to be believed. The jump guard looks at sane prices only."""
    quote, price = draft.quote, draft.measure.price
    refusal = guards.price_refusal(quote, at, policy)
    if refusal is None and quote is not None and quote.mark is not None and price is not None:
        draft.sight, refusal = guards.watch_jump(draft.state, at, price, quote.mark, policy.max_jump)
    moved, before = None, draft.holding + draft.standing.coin_flow
    if nav is not None and price is not None and before != draft.measure.quantity:
        moved = guards.holding_refusal(
            draft.policy.asset, before=before, now=draft.measure.quantity, price=price,
            allowed=policy.holdings_tolerance * nav)
    found: list[Refusal] = [one for one in (refusal, moved) if one is not None]
    draft.holds.extend(found)
    return bool(found)


# answer


def _answer(draft: Draft, halted: str | None) -> AssetDecision:
    urgent = is_urgent(draft)
    if halted is not None:
        draft.say("halted", f"no decision is possible: {halted}", cause=halted)
    if draft.holds:
        names = [refusal.guard for refusal in draft.holds]
        if urgent:
            draft.say("acts_through", f"closing all the same, against {', '.join(names)}", guards=",".join(names))
        else:
            draft.say("held", f"held by {', '.join(names)}", guards=",".join(names))
    lagging = draft.lagging and draft.goal_reason in BY_MARGIN and urgent
    if lagging:
        draft.say("position_lags", "the position's reading is older than our last fill: nothing is sized on it")
    way, intent = draft.way, draft.intent
    if intent is not None and way is Way.LONG:
        intent = replace(intent, current=way.along(intent.current), goal=way.along(intent.goal))
    return AssetDecision(
        asset=draft.policy.asset, action=Action.HOLD if intent is None else intent.action,
        short=way.along(draft.hedge), goal=way.along(draft.reference), contract=draft.contract, measure=draft.measure,
        reasons=tuple(draft.reasons), refusals=(*draft.holds, *draft.refusals), intent=intent,
        held=lagging or (not urgent and (halted is not None or bool(draft.holds))), urgent=urgent,
        pace=pace_of(draft), due=draft.due, way=way,
    )


def _remember(draft: Draft) -> AssetState:
    sight, count = draft.sight, draft.count
    working = draft.goal is not None and not is_reached(draft)
    return AssetState(
        goal=draft.way.along(draft.goal) if working and draft.goal is not None else None,
        goal_at=draft.goal_at if working else None,
        goal_action=draft.goal_action if working else None, goal_reason=draft.goal_reason if working else "",
        candidate=count.candidate, confirmed=count.confirmed, counted_at=count.counted_at, disarmed=draft.disarmed,
        seen_at=sight.seen_at, seen_spot=sight.seen_spot, seen_mark=sight.seen_mark, pending_at=sight.pending_at,
        pending_spot=sight.pending_spot, pending_mark=sight.pending_mark, holding=draft.holding,
        state=draft.own_state, foreign=draft.foreign, ignored_orders=draft.ignored_orders,
        quarantined_at=draft.standing.quarantined_at, finalising=draft.finalising if working else None,
        buying=draft.buying,
        way=draft.way if count.candidate is not None or (working and draft.finalising is not None) else Way.SHORT,
    )


# at start


@reckoned
def check_terms(
    terms: Terms, nav: Decimal | None, prices: Mapping[Asset, Decimal | None],
) -> tuple[tuple[Reason, ...], tuple[Reason, ...]]:
    """What speaks against starting with these terms on this account: (errors, warnings). Prices are spot mids."""
    errors: list[Reason] = []
    warnings: list[Reason] = []
    margin = terms.policy.margin
    if margin.leverage <= margin.max_leverage:
        errors.append(Reason(
            "leverage_too_low", f"leverage {plain(margin.leverage)} must exceed max_leverage "
            f"{plain(margin.max_leverage)}, or the venue blocks orders below the cap",
            {"leverage": plain(margin.leverage), "max_leverage": plain(margin.max_leverage)}))
    if nav is None or nav <= 0:
        errors.append(Reason("nav_unusable", f"net asset value is {'unknown' if nav is None else plain(nav)}"))
    for policy in terms.policy.assets:
        refused, warned = _check_asset(policy, terms.instruments.get(policy.asset), nav, prices.get(policy.asset))
        errors.extend(refused)
        warnings.extend(warned)
    return tuple(errors), tuple(warnings)


def _check_asset(
    policy: AssetPolicy, instrument: Instrument | None, nav: Decimal | None, price: Decimal | None,
) -> tuple[tuple[Reason, ...], tuple[Reason, ...]]:
    asset = policy.asset
    errors = triggers.level_findings(policy)
    if instrument is None:
        return (*errors, Reason(
            "instrument_missing", f"{asset}: the venue gave no specification of its markets", {"asset": asset})), ()
    if instrument.inverse:
        return (*errors, Reason(
            "inverse_contract", f"{asset}: {instrument.symbol} is coin-margined", {"asset": asset})), ()
    if price is None or price <= 0:
        return (*errors, Reason(
            "nav_unusable", f"{asset}: the spot price is unknown or not positive", {"asset": asset})), ()
    if errors or nav is None or nav <= 0:
        return errors, ()
    return sizing.contract_findings(policy, instrument, nav, price)
