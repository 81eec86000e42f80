"""The arithmetic of one decision, step by step, with its numbers: from what the account is worth to the last goal.

Every step is computed from the recorded situation and terms, through the functions that decided, never copied from the
decision; the last step says whether the decision came to the same. Texts are exact: numbers carry their digits, and
what is a rounded quotient is marked '≈'.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.core.decision import Action, AssetDecision, Decision, Situation
from bot.core.ending import WORDS
from bot.core.figures import contracts, equals, figure, level_text, measured, percent
from bot.core.gauges import account_gauges, asset_gauges
from bot.core.ladder import longs_of
from bot.core.margin import IncreaseCap, read_account
from bot.core.market import Asset, Snapshot
from bot.core.money import ZERO, plain, reckoned
from bot.core.plan import decide
from bot.core.policy import Policy, Rounding, Terms
from bot.core.portfolio import cash_value, quantity_of
from bot.core.recount import Recount, recount
from bot.core.runway import runway_of
from bot.core.sizing import contract_value, wanted_hedge
from bot.core.times import Millis
from bot.core.triggers import NAMES
from bot.core.way import Way, hedge_in


@dataclass(frozen=True, slots=True)
class Step:
    """One line of arithmetic: what is computed, by which formula, with which numbers (a line each), to what."""

    title: str
    formula: str
    numbers: tuple[str, ...]
    result: str


@dataclass(frozen=True, slots=True)
class AssetExplanation:
    """One asset's steps, the goal (coins; negative: a long) that they come to, and the decision's reasons."""

    asset: Asset
    steps: tuple[Step, ...]
    goal: Decimal
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision explained. `disagreements`: where deciding again, or these steps, come to something else."""

    at: Millis
    account: tuple[Step, ...]
    assets: tuple[AssetExplanation, ...]
    disagreements: tuple[str, ...]


@reckoned
def explain(situation: Situation, terms: Terms, decision: Decision) -> Explanation:
    """Explain a recorded decision; a function of its arguments alone."""
    again = [recount(situation, terms, decision, decided) for decided in decision.assets]
    return Explanation(
        at=decision.at, account=tuple(_account(situation, terms, decision)),
        assets=tuple(
            AssetExplanation(
                one.decided.asset, tuple(_asset(situation, terms, decision, one)), one.way.along(one.goal),
                tuple(reason.text for reason in one.decided.reasons))
            for one in again
        ),
        disagreements=tuple(_disagreements(decide(situation, terms), decision, again)),
    )


def _disagreements(fresh: Decision, decision: Decision, again: Sequence[Recount]) -> Iterator[str]:
    if fresh.signature() != decision.signature():
        yield "deciding again from the recorded situation comes to other actions, goals or reasons"
    elif fresh != decision:
        yield "deciding again comes to the same actions and goals, but to other figures or texts"
    for one in again:
        if not one.agrees:
            yield (f"{one.decided.asset}: the steps come to a {one.way} of {plain(one.goal)}, the decision to "
                   f"{plain(one.way.along(one.decided.goal))}")


# -- the account -------------------------------------------------------------------------------------------------------


def _account(situation: Situation, terms: Terms, decision: Decision) -> Iterator[Step]:
    snapshot, policy = situation.snapshot, terms.policy
    settle = policy.settle
    cash = cash_value(snapshot, policy)
    yield Step("cash", "stablecoins + futures wallet", (_cash(snapshot, policy),), f"{figure(cash)} {settle}")
    coins = " + ".join(
        f"{decided.asset} {figure(decided.measure.quantity)}·{figure(decided.measure.price)}"
        for decided in decision.assets)
    rest = f"{figure(cash)} + {figure(snapshot.futures.unrealised)} − {figure(snapshot.liabilities)}"
    yield Step("NAV", "Σ coins·price + cash + unrealised − liabilities", (f"{coins} + {rest}",),
               f"{figure(decision.nav)} {settle}")
    yield from _margin(situation, terms)
    yield from _ladder(decision, policy)
    yield Step("guards", "reading, limit", tuple(
        measured(gauge) for gauge in account_gauges(situation, terms, decision)), decision.halted or "")


def _cash(snapshot: Snapshot, policy: Policy) -> str:
    parts = []
    for coin in policy.cash:
        price = "" if coin == policy.settle else f"·{figure(snapshot.stable_prices.get(coin))}"
        owed = snapshot.holdings[coin].borrowed if coin in snapshot.holdings else ZERO
        debt = f" (after {figure(owed)} borrowed)" if owed else ""
        parts.append(f"{coin} {figure(quantity_of(snapshot, coin))}{price}{debt}")
    return f"{' + '.join(parts)} + {figure(snapshot.futures.balance)}"


def _margin(situation: Situation, terms: Terms) -> Iterator[Step]:
    account = read_account(situation.snapshot, terms.instruments, longs=longs_of(situation, terms))
    if account is None or not account.exposures:
        return
    kind = "short" if not account.longs else "position"
    yield Step("effective leverage", f"Σ {kind} notional / futures equity",
               (f"{figure(account.notional)} / {figure(account.equity)}",), f"{figure(account.effective_leverage)}×")
    for way in Way:
        if account.of(way):
            formula = ("(equity − maintenance) / Σ notional·(1 + rate), tiers at the risen notional" if way is Way.SHORT
                       else "(equity − maintenance) / Σ notional·(1 − rate), tiers at the fallen notional")
            yield Step("joint runway", formula, (
                f"equity {figure(account.equity)}", f"maintenance {figure(account.maintenance)}",
                f"notional {figure(sum((one.notional for one in account.of(way)), ZERO))}",
            ), _runway(runway_of(account, way), way))


def _ladder(decision: Decision, policy: Policy) -> Iterator[Step]:
    """Where the account stands on the margin ladder, and what follows."""
    ladder, margin = decision.ladder, policy.margin
    if decision.margin.notional == 0:
        return
    rungs = (("warn", margin.warn_runway), ("stop", margin.stop_runway), ("reduce", margin.reduce_runway),
             ("full", margin.full_runway))
    share = "unknown" if ladder.cash_share is None else percent(ladder.cash_share)
    yield Step("margin ladder", "joint runway below a rung; cash share below the floor",
               (", ".join(f"{name} {percent(level)}" for name, level in rungs),
                f"(cash + unrealised) / NAV {share}, floor {percent(margin.cash_floor)}"),
               f"{ladder.rung.value}: {ladder.text}")


def _runway(left: Decimal | None, way: Way) -> str:
    move = "rise" if way is Way.SHORT else "fall"
    return f"no {move} liquidates" if left is None else f"a {move} of {percent(left)}"


# -- an asset ----------------------------------------------------------------------------------------------------------


def _asset(situation: Situation, terms: Terms, decision: Decision, one: Recount) -> Iterator[Step]:
    decided, settle = one.decided, terms.policy.settle
    measure, target = decided.measure, one.policy.target
    yield Step("value", "coins · spot price", (f"{figure(measure.quantity)} · {figure(measure.price)}",),
               f"{figure(measure.value)} {settle}")
    yield Step("target value", "target · NAV", (f"{percent(target)} · {figure(decision.nav)}",),
               f"{figure(measure.target_value)} {settle}")
    yield Step("excess", "value − target value", (f"{figure(measure.value)} − {figure(measure.target_value)}",),
               f"{figure(measure.excess)} {settle}"
               + (f", a drift of {figure(measure.drift * 100)}pp" if measure.drift is not None else ""))
    if one.way is Way.LONG:
        yield Step("shortfall", "target value − value: below target, everything that follows is mirrored",
                   (f"−({figure(measure.excess)})",), f"{figure(one.excess)} {settle}")
    if one.levels is not None:
        yield Step("levels", "open, close, resize · NAV", tuple(
            f"{name} {level_text(level)} · {figure(decision.nav)} {equals(value)}" for name, level, value in (
                ("open", one.policy.open, one.levels.open), ("close", one.policy.close, one.levels.close),
                ("resize", one.policy.resize, one.levels.resize))), f"in {settle}")
    gauges = asset_gauges(situation, terms, decision, decided)
    data = [refusal for refusal in decided.refusals if refusal.scope == "data"]
    yield Step("data guards", "reading, limit", tuple(measured(each) for each in gauges if each.scope == "data"),
               f"held: {'; '.join(refusal.text for refusal in data)}" if data else "nothing holds")
    yield _reference(situation, one)
    if one.wish is not None:
        yield from _rule(situation, terms, one)
    if one.opening is not None:
        yield Step("opening guards", "reading, limit", tuple(
            measured(each) for each in gauges if each.scope == "opening"),
            f"refused: {'; '.join(refusal.text for refusal in one.opening)}" if one.opening else "nothing refuses")
    if one.notional is not None:
        yield from _caps(situation, terms, one)
    yield from _sale(situation, decision, decided)
    yield _goal(decided, one)


def _sale(situation: Situation, decision: Decision, decided: AssetDecision) -> Iterator[Step]:
    """How far a hedge that is ended with its coins has come, and what it trades next."""
    now, asset = decision.state.of(decided.asset).finalising, decided.asset
    if now is None or decided.due is None:
        return
    way, words = decided.way, WORDS[decided.way]
    held, price = situation.snapshot.holdings.get(asset), decided.measure.price
    excess = None if decided.measure.excess is None or not price else way.along(decided.measure.excess / price)
    free = figure(None if held is None else held.free) if way is Way.SHORT else "what the settle coin can pay"
    ends = f"{way} that ends {figure(now.short)} − {figure(now.goal)}, {words.traded} so far {figure(now.sold)}"
    yield Step(f"coins to {words.trade}", f"min({way} that ends, {NAMES[way]}, free coins), rounded down to the spot "
               f"lot; less where the {NAMES[way]} has shrunk since",
               (ends, f"{NAMES[way]} now {figure(excess)}, free now {free}"),
               f"{figure(now.to_sell)} {asset} in slices of {figure(now.slice)}")
    yield Step("next leg", f"a slice is {words.traded} on spot, then as much of the {way} is closed, in whole "
               "contracts",
               (f"{words.traded} {figure(now.sold)}, closed {figure(now.closed)}, uncovered {figure(now.uncovered)}",),
               f"{decided.due.leg.value} {figure(decided.due.quantity)} {asset}")


def _reference(situation: Situation, one: Recount) -> Step:
    asset, way = one.decided.asset, one.way
    was = situation.state.of(asset).goal
    position = f"position {figure(one.hedge)} {asset}"
    numbers = (position,) if was is None else (position, f"goal in progress {figure(way.along(was))} {asset}")
    return Step(f"reference {way}", "the goal in progress, else the position", numbers,
                f"{figure(one.reference)} {asset}")


def _rule(situation: Situation, terms: Terms, one: Recount) -> Iterator[Step]:
    """The gap, the wanted contracts, the venue's minimum, the rule's wish and how far it is confirmed."""
    decided, wish, levels = one.decided, one.wish, one.levels
    excess, price, name = one.excess, decided.measure.price, NAMES[one.way]
    if wish is None or levels is None or excess is None or price is None:
        return
    if one.reference:
        gap = excess - one.reference * price
        yield Step("gap", f"{name} − {one.way} · price",
                   (f"{figure(excess)} − {figure(one.reference)} · {figure(price)}",),
                   f"{figure(gap)} {terms.policy.settle}, to be compared with resize {figure(levels.resize)}")
    yield _contracts(one, excess, price)
    yield Step("the rule", _rule_formula(one), (wish.reason.text,), wish.action.value)
    if one.minimum is not None:
        yield Step("smallest order", "the venue's minimum amount and notional", (one.minimum.text,), "not sent")
    elif wish.action is not Action.HOLD and one.count is not None:
        seen = one.count.confirmed if one.count.candidate is wish.action else 0
        spacing = figure(Decimal(terms.policy.confirm_spacing) / 1000)
        before = situation.state.of(decided.asset)
        yield Step("confirmation", f"snapshots that want the same, at least {spacing} s apart",
                   (f"before: {before.confirmed} for {before.candidate or 'nothing'}",),
                   f"{seen} of {terms.policy.confirm}")


def _rule_formula(one: Recount) -> str:
    name = NAMES[one.way]
    if not one.reference:
        return f"open where {name} ≥ open"
    return f"close where {name} ≤ close; else trade where |gap| ≥ resize and it comes closer"


def _contracts(one: Recount, excess: Decimal, price: Decimal) -> Step:
    decided = one.decided
    value = contract_value(decided.contract, price)
    rounding = "down" if one.policy.rounding is Rounding.DOWN else "to nearest"
    wanted = wanted_hedge(excess, price, decided.contract, one.policy.rounding)
    division = f"{figure(excess)} / ({figure(price)} · {figure(decided.contract)} {equals(value)})"
    return Step("wanted contracts", f"{NAMES[one.way]} / (price · contract), rounded {rounding}",
                (f"{division} {equals(excess / value)}",),
                f"{contracts(wanted, decided.contract)} = {figure(wanted)} {decided.asset}")


def _caps(situation: Situation, terms: Terms, one: Recount) -> Iterator[Step]:
    """The cap on the hedge's value, then the margin account as it would be after the trade."""
    decided, wish, limit = one.decided, one.wish, one.policy.max_hedge_notional
    price = decided.measure.price
    if wish is None or one.notional is None or price is None:
        return
    if limit is not None:
        yield Step("largest hedge", f"{one.way} · price ≤ max_hedge_notional",
                   (f"{figure(wish.goal)} · {figure(price)} {equals(wish.goal * price)}, at most {figure(limit)}",),
                   f"{figure(one.notional)} {decided.asset}")
    if one.cap is not None:
        yield _margin_cap(situation, terms, one, one.cap, one.notional)


def _margin_cap(situation: Situation, terms: Terms, one: Recount, cap: IncreaseCap, wanted: Decimal) -> Step:
    snapshot, margin, asset = situation.snapshot, terms.policy.margin, one.decided.asset
    longs = longs_of(situation, terms)
    promised = {
        other: hedge_in(snapshot.position(terms.instruments[other].symbol), may_be_long=other in longs) + extra
        for other, extra in (one.committed or {}).items()}
    account = read_account(snapshot, terms.instruments, {**promised, asset: one.way.along(wanted)}, longs=longs)
    numbers: tuple[str, ...] = ("a mark price or a margin table is missing",)
    if account is not None:
        mark = snapshot.quotes[asset].mark or ZERO
        order = (wanted - one.hedge) * mark
        lever = f"{figure(account.notional)} / {figure(account.equity)} {equals(account.effective_leverage)}×"
        needs = f"{figure(order)} / {figure(margin.leverage)} {equals(order / margin.leverage)}"
        numbers = (
            f"leverage: {lever}, at most {figure(margin.max_leverage)}×",
            *(f"joint runway: {_runway(runway_of(account, way), way)}, at least {percent(margin.stop_runway)}"
              for way in Way if account.of(way)),
            f"initial margin: {needs}, available {figure(snapshot.futures.available)}",
        )
    said = "; ".join(reason.text for reason in cap.reasons)
    return Step("margin caps", f"the account after a {one.way} of {figure(wanted)} {asset}", numbers,
                said or f"{figure(cap.short)} {asset}, not cut")


def _goal(decided: AssetDecision, one: Recount) -> Step:
    change = f"{figure(one.reference)} → {figure(one.goal)} {decided.asset}"
    verdict = "as decided" if one.agrees else f"the decision says {figure(one.way.along(decided.goal))}"
    said = "held" if decided.held else decided.action.value
    return Step("goal", f"the {one.way} to have", (change,),
                f"{figure(one.goal)} {decided.asset}, {contracts(one.goal, decided.contract)}: {said}, {verdict}")
