"""When the rule wants another short: levels with hysteresis, confirmation on spaced snapshots, cooldown (DOMAIN §3).

Everything is compared as values in the settle coin, never as drift: a division loses contracts at exact multiples.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from bot.core.decision import Action, AssetState, Reason
from bot.core.money import ZERO, plain
from bot.core.policy import AssetPolicy
from bot.core.sizing import brings_closer, wanted_short
from bot.core.times import Millis


@dataclass(frozen=True, slots=True)
class Levels:
    """An asset's triggers in the settle coin, at one NAV."""

    open: Decimal
    close: Decimal
    resize: Decimal


def levels(policy: AssetPolicy, nav: Decimal) -> Levels:
    """The levels, relative ones converted by the asset's target."""
    target = policy.target
    return Levels(policy.open.of_nav(target) * nav, policy.close.of_nav(target) * nav,
                  policy.resize.of_nav(target) * nav)


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


@dataclass(frozen=True, slots=True)
class Wish:
    """What the rule would do now, before confirmation, guards and caps. `goal` is the reference where it holds."""

    action: Action
    goal: Decimal
    reason: Reason


def wish(
    policy: AssetPolicy, at: Levels, excess: Decimal, *, price: Decimal, reference: Decimal, contract: Decimal,
) -> Wish:
    """The rule of DOMAIN §3.1–3 for one asset.

    `reference` is the short it is compared with: the goal in progress, or the position's short.
    """
    if reference == 0:
        return _without_hedge(policy, at, excess, price, contract)
    return _with_hedge(policy, at, excess, price=price, reference=reference, contract=contract)


def _without_hedge(policy: AssetPolicy, at: Levels, excess: Decimal, price: Decimal, contract: Decimal) -> Wish:
    facts = {"excess": plain(excess), "open": plain(at.open), "price": plain(price)}
    if excess < at.open:
        return Wish(Action.HOLD, ZERO, Reason(
            "below_open", f"excess {excess:.2f} is below the open level {at.open:.2f}", facts))
    wanted = wanted_short(excess, price, contract, policy.rounding)
    if wanted == 0:
        return Wish(Action.HOLD, ZERO, Reason(
            "below_contract", f"excess {excess:.2f} is worth less than one contract of {contract}",
            {**facts, "contract": plain(contract)}))
    return Wish(Action.OPEN, wanted, Reason(
        "above_open", f"excess {excess:.2f} has reached the open level {at.open:.2f}: short {plain(wanted)} wanted",
        {**facts, "wanted": plain(wanted)}))


def _with_hedge(
    policy: AssetPolicy, at: Levels, excess: Decimal, *, price: Decimal, reference: Decimal, contract: Decimal,
) -> Wish:
    facts = {"excess": plain(excess), "price": plain(price), "short": plain(reference)}
    if excess <= at.close:
        return Wish(Action.CLOSE, ZERO, Reason(
            "resolved", f"excess {excess:.2f} is at or below the close level {at.close:.2f}",
            {**facts, "close": plain(at.close)}))
    gap = excess - reference * price
    facts["gap"] = plain(gap)
    facts["resize"] = plain(at.resize)
    if abs(gap) < at.resize:
        return Wish(Action.HOLD, reference, Reason(
            "within_resize", f"the hedge is off by {gap:.2f}, less than the resize level {at.resize:.2f}", facts))
    wanted = wanted_short(excess, price, contract, policy.rounding)
    facts["wanted"] = plain(wanted)
    if not brings_closer(excess, price, reference, wanted):
        return Wish(Action.HOLD, reference, Reason(
            "not_closer", f"the hedge is off by {gap:.2f}, and short {plain(wanted)} would not bring it closer", facts))
    if wanted == 0:
        return Wish(Action.CLOSE, ZERO, Reason(
            "rounds_to_zero", f"excess {excess:.2f} is worth less than one contract of {contract}", facts))
    if wanted > reference:
        return Wish(Action.INCREASE, wanted, Reason(
            "under_hedged", f"the hedge is {gap:.2f} too small: short {plain(wanted)} wanted", facts))
    return Wish(Action.REDUCE, wanted, Reason(
        "over_hedged", f"the hedge is {-gap:.2f} too large: short {plain(wanted)} wanted", facts))


@dataclass(frozen=True, slots=True)
class Count:
    """How far a change is confirmed. `counted_at`: the last snapshot that counted, or on which the rule acted."""

    candidate: Action | None
    confirmed: int
    counted_at: Millis | None


def count(state: AssetState, action: Action, at: Millis, *, needed: int, spacing: Millis) -> Count:
    """The count after a fresh valid snapshot taken at `at` on which the rule wants `action`.

    Another kind of change starts again at 1; no change resets; one instant counts once, however often it is looked
    at; a look sooner than `spacing` after the last counted one neither counts nor resets; what is confirmed stays so
    while it is wanted, without counting on.
    """
    if action is Action.HOLD:
        return Count(None, 0, state.counted_at)
    last = state.counted_at
    if last is not None and at <= last:
        return Count(state.candidate, state.confirmed, last)
    if action is not state.candidate or last is None:
        return Count(action, 1, at)
    if at - last < spacing or state.confirmed >= needed:
        return Count(action, state.confirmed, last)
    return Count(action, state.confirmed + 1, at)


def cooling_until(closed_at: Millis | None, cooldown: Millis, at: Millis) -> Millis | None:
    """When the cooldown after the last episode ends; None when it has passed or there was none."""
    if closed_at is None or at - closed_at >= cooldown:
        return None
    return closed_at + cooldown
