"""How an explanation writes numbers: with all their digits, and '≈' where a quotient had to be cut."""

from __future__ import annotations

from decimal import Decimal

from bot.core.gauges import Gauge, Unit
from bot.core.money import plain
from bot.core.policy import Threshold

PLACES = Decimal("0.00000001")


def figure(value: Decimal | None) -> str:
    """60000 → '60,000'; at most eight places, '≈' where that leaves something out; '?' where it is unknown."""
    if value is None:
        return "?"
    shown = value.quantize(PLACES) if abs(value) < 10**30 else value
    whole, _, rest = plain(shown).partition(".")
    sign, digits = ("−", whole[1:]) if whole.startswith("-") else ("", whole)
    text = f"{sign}{int(digits):,}{'.' + rest if rest else ''}"
    return text if shown == value else f"≈ {text}"


def equals(value: Decimal | None) -> str:
    """'= 2', or '≈ 49.92504262' where digits are left out."""
    text = figure(value)
    return text if text.startswith("≈") else f"= {text}"


def percent(fraction: Decimal | None) -> str:
    """0.5 → '50%'."""
    return "?" if fraction is None else f"{figure(fraction * 100)}%"


def level_text(threshold: Threshold) -> str:
    """'5pp', or '10% of target'."""
    return f"{figure(threshold.value * 100)}{'% of target' if threshold.relative else 'pp'}"


def reading(gauge: Gauge, value: Decimal | None) -> str:
    """A gauge's reading or limit in its own unit."""
    if value is None:
        return "unknown"
    return {
        Unit.SHARE: percent(value), Unit.MILLIS: f"{figure(value / 1000)} s", Unit.TIMES: f"{figure(value)}×",
    }.get(gauge.unit, figure(value))


def measured(gauge: Gauge) -> str:
    """'basis 0% of at most 0.5%', with what it does where it is tripped."""
    bound = "no limit" if gauge.limit is None else (
        f"{'at least' if gauge.least else 'at most'} {reading(gauge, gauge.limit)}")
    effect = {"data": "HOLDS", "opening": "REFUSES", "cap": "BEYOND"}[gauge.scope] if gauge.tripped else "ok"
    # Caps and jumps have nothing to look at before the first short, or the first price; elsewhere nothing is unknown.
    now = "nothing yet" if gauge.now is None and not gauge.tripped else reading(gauge, gauge.now)
    return f"{gauge.guard}: {now}, {bound}: {effect}"


def contracts(short: Decimal, contract: Decimal) -> str:
    """A short in micro-contracts: '1 contract', '2 contracts'."""
    count = short / contract
    return f"{figure(count)} contract{'' if count == 1 else 's'}"
