"""When the rule wants another hedge: levels with hysteresis, confirmation on spaced snapshots, cooldown (DOMAIN §3).

Everything is compared as values in the settle coin, never as drift: a division loses contracts at exact multiples.
The rule is written along a way (`bot.core.way`): for a long, the excess is what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from bot.core.decision import Action, AssetState, Reason
from bot.core.money import ZERO, plain, reckoned
from bot.core.policy import AssetPolicy, Direction, Rule
from bot.core.sizing import brings_closer, wanted_hedge
from bot.core.swift import swift
from bot.core.times import Millis
from bot.core.way import Way, way_of


@swift
@dataclass(frozen=True, slots=True)
class Levels:
    """An asset's triggers in the settle coin, at one NAV; relative ones are converted by the asset's target."""

    policy: AssetPolicy
    nav: Decimal

    @property
    def open(self) -> Decimal:
        """The excess that opens a hedge."""
        return self.policy.open.of_nav(self.policy.target) * self.nav

    @property
    def close(self) -> Decimal:
        """The excess at which the drift has resolved."""
        return self.policy.close.of_nav(self.policy.target) * self.nav

    @property
    def resize(self) -> Decimal:
        """How far off a hedge may be."""
        return self.policy.resize.of_nav(self.policy.target) * self.nav


def levels(policy: AssetPolicy, nav: Decimal) -> Levels:
    """An asset's levels at this NAV."""
    return Levels(policy, nav)


def level_findings(policy: AssetPolicy) -> tuple[Reason, ...]:
    """What is wrong with an asset's triggers: relative to a target of 0, or not 0 ≤ close < open and resize > 0."""
    named = {"open": policy.open, "close": policy.close, "resize": policy.resize}
    if policy.target == 0 and any(threshold.relative for threshold in named.values()):
        relative = ", ".join(name for name, threshold in named.items() if threshold.relative)
        return (_invalid(policy, f"{relative} relative to a target of 0 means nothing; give percentage points"),)
    opens, closes, resizes = (threshold.of_nav(policy.target) for threshold in named.values())
    findings = []
    if closes < 0:
        findings.append(_invalid(policy, f"close must be at least 0, not {_pp(closes)}"))
    if closes >= opens:
        findings.append(_invalid(policy, f"close ({_pp(closes)}) must be below open ({_pp(opens)})"))
    if resizes <= 0:
        findings.append(_invalid(policy, f"resize must be above 0, not {_pp(resizes)}"))
    return tuple(findings)


def _pp(fraction: Decimal) -> str:
    return f"{plain(fraction * 100)}pp"


def _invalid(policy: AssetPolicy, text: str) -> Reason:
    return Reason("levels_invalid", f"{policy.asset}: {text}", {"asset": policy.asset})


@swift
@dataclass(frozen=True, slots=True)
class Wish:
    """What the rule would do now, before confirmation, guards and caps. `goal` is the reference where it holds."""

    action: Action
    goal: Decimal
    reason: Reason


def way_at(direction: Direction, excess: Decimal, reference: Decimal) -> Way:
    """The way of the hedge that there is (signed), else of the one that this excess could ask for."""
    if reference:
        return way_of(reference)
    return Way.LONG if direction is Direction.BOTH and excess < 0 else Way.SHORT


def verdict(rule: Rule, nav: Decimal, excess: Decimal, price: Decimal, reference: Decimal) -> tuple[str, Decimal]:
    """The rule of DOMAIN §3.1–3 for one asset: the code of what it wants, and the hedge (signed) that it wants.

    `reference` is the hedge it is compared with: the goal in progress, or the position's.
    """
    way = way_at(rule.direction, excess, reference)
    if way is Way.SHORT:
        return along(way, rule, nav, excess, price=price, reference=reference)
    code, wanted = along(way, rule, nav, -excess, price=price, reference=-reference)
    return code, way.along(wanted)


def along(
    way: Way, rule: Rule, nav: Decimal, excess: Decimal, *, price: Decimal, reference: Decimal,
) -> tuple[str, Decimal]:
    """The same with everything along a way. A long that the direction does not allow ends."""
    if reference == 0:
        return _unhedged(rule, nav, excess, price)
    if way is Way.LONG and rule.direction is Direction.SHORT:
        return "not_directed", ZERO
    if excess <= rule.close * nav:
        return "resolved", ZERO
    if abs(excess - reference * price) < rule.resize * nav:
        return "within_resize", reference
    wanted = wanted_hedge(excess, price, rule.contract, rule.rounding)
    if not brings_closer(excess, price, reference, wanted):
        return "not_closer", reference
    return ("rounds_to_zero" if wanted == 0 else "under_hedged" if wanted > reference else "over_hedged"), wanted


def _unhedged(rule: Rule, nav: Decimal, excess: Decimal, price: Decimal) -> tuple[str, Decimal]:
    if excess < rule.open * nav:
        return "below_open", ZERO
    wanted = wanted_hedge(excess, price, rule.contract, rule.rounding)
    return ("above_open" if wanted else "below_contract"), wanted


ACTIONS: Mapping[str, Action] = {
    "below_open": Action.HOLD, "above_open": Action.OPEN, "below_contract": Action.HOLD, "resolved": Action.CLOSE,
    "within_resize": Action.HOLD, "not_closer": Action.HOLD, "rounds_to_zero": Action.CLOSE,
    "under_hedged": Action.INCREASE, "over_hedged": Action.REDUCE, "not_directed": Action.CLOSE,
}
"""What each verdict comes to."""


def wish(
    policy: AssetPolicy, at: Levels, excess: Decimal, *, price: Decimal, reference: Decimal, contract: Decimal,
    rule: Rule | None = None, way: Way = Way.SHORT,
) -> Wish:
    """The verdict along a way, with its words, which are found when somebody reads them.

    `rule`: the policy's, where it is known.
    """
    code, goal = along(way, Rule.of(policy, "", contract) if rule is None else rule, at.nav, excess, price=price,
                       reference=reference)
    words = partial(
        _words, policy, code, goal, at, excess, price=price, reference=reference, contract=contract, way=way)
    return Wish(ACTIONS[code], goal, Reason.later(code, words))


@reckoned
def _words(
    policy: AssetPolicy, code: str, wanted: Decimal, at: Levels, excess: Decimal, *, price: Decimal,
    reference: Decimal, contract: Decimal, way: Way,
) -> Mapping[str, object]:
    if reference == 0:
        text, facts = _without_hedge(code, wanted, at, excess, price=price, contract=contract, way=way)
    else:
        text, facts = _with_hedge(
            policy, code, at, excess, price=price, reference=reference, contract=contract, way=way)
    return {"text": text, "facts": facts}


NAMES: Mapping[Way, str] = {Way.SHORT: "excess", Way.LONG: "shortfall"}
"""What the excess along a way is called."""


def _without_hedge(
    code: str, wanted: Decimal, at: Levels, excess: Decimal, *, price: Decimal, contract: Decimal, way: Way,
) -> tuple[str, Mapping[str, str]]:
    opens, name = at.open, NAMES[way]
    facts = {name: plain(excess), "open": plain(opens), "price": plain(price)}
    if code == "below_open":
        return f"{name} {excess:.2f} is below the open level {opens:.2f}", facts
    if code == "below_contract":
        return (f"{name} {excess:.2f} is worth less than one contract of {contract}",
                {**facts, "contract": plain(contract)})
    return (f"{name} {excess:.2f} has reached the open level {opens:.2f}: {way} {plain(wanted)} wanted",
            {**facts, "wanted": plain(wanted)})


def _with_hedge(
    policy: AssetPolicy, code: str, at: Levels, excess: Decimal, *, price: Decimal, reference: Decimal,
    contract: Decimal, way: Way,
) -> tuple[str, Mapping[str, str]]:
    name = NAMES[way]
    facts = {name: plain(excess), "price": plain(price), way.value: plain(reference)}
    if code == "not_directed":
        return f"the direction is {policy.direction}: the long of {plain(reference)} ends", facts
    if code == "resolved":
        close = at.close
        return f"{name} {excess:.2f} is at or below the close level {close:.2f}", {**facts, "close": plain(close)}
    gap, resize = excess - reference * price, at.resize
    facts["gap"] = plain(gap)
    facts["resize"] = plain(resize)
    if code == "within_resize":
        return f"the hedge is off by {gap:.2f}, less than the resize level {resize:.2f}", facts
    wanted = facts["wanted"] = plain(wanted_hedge(excess, price, contract, policy.rounding))
    return {
        "not_closer": f"the hedge is off by {gap:.2f}, and {way} {wanted} would not bring it closer",
        "rounds_to_zero": f"{name} {excess:.2f} is worth less than one contract of {contract}",
        "under_hedged": f"the hedge is {gap:.2f} too small: {way} {wanted} wanted",
        "over_hedged": f"the hedge is {-gap:.2f} too large: {way} {wanted} wanted",
    }[code], facts


@swift
@dataclass(frozen=True, slots=True)
class Count:
    """How far a change is confirmed. `counted_at`: the last snapshot that counted, or on which the rule acted."""

    candidate: Action | None
    confirmed: int
    counted_at: Millis | None


def count(before: AssetState | Count, action: Action, at: Millis, *, needed: int, spacing: Millis) -> Count:
    """The count after a fresh valid snapshot taken at `at` on which the rule wants `action`.

    Another kind of change starts again at 1; no change resets; one instant counts once, however often it is looked
    at; a look sooner than `spacing` after the last counted one neither counts nor resets; what is confirmed stays so
    while it is wanted, without counting on.
    """
    if action is Action.HOLD:
        return Count(None, 0, before.counted_at)
    last = before.counted_at
    if last is not None and at <= last:
        return Count(before.candidate, before.confirmed, last)
    if action is not before.candidate or last is None:
        return Count(action, 1, at)
    if at - last < spacing or before.confirmed >= needed:
        return Count(action, before.confirmed, last)
    return Count(action, before.confirmed + 1, at)


def cooling_until(closed_at: Millis | None, cooldown: Millis, at: Millis) -> Millis | None:
    """When the cooldown after the last episode ends; None when it has passed or there was none."""
    if closed_at is None or at - closed_at >= cooldown:
        return None
    return closed_at + cooldown
