"""How advice looks: one line in a plan, a small table on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType

from bot.cli.render import money, new_table, number, one_line, points
from bot.core.ledger import minus
from bot.core.times import iso
from bot.core.way import Way

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from bot.answers import AdviceReport
    from bot.core.advice import Advice, BreakEven


def in_plan(each: Advice) -> RenderableType:
    """The verdict on one coin, and what it rests on."""
    return one_line(f"{each.asset}: {each.verdict.value}: {'; '.join(reason.text for reason in each.reasons[:2])}")


def advice(report: AdviceReport) -> RenderableType:
    """The figures, and what they say."""
    head = one_line(f"{report.asset} at {iso(report.at)}: drift {points(report.measure.drift)}")
    found = report.advice
    if found is None:
        return Group(head, one_line(
            f"Nothing to hedge or to trade: {report.asset} is not off its target, on a side that is hedged, by a "
            f"contract of {number(report.contract)}."))
    now = "sell now" if found.way is Way.SHORT else "buy now"
    table = new_table("", "hedge", now, title=f"{number(found.quantity)} {report.asset}, {report.settle}")
    for row in _rows(found):
        table.add_row(*row)
    return Group(
        head, table, *(one_line(text) for text in _funding(found)),
        *(one_line(reason.text[:1].upper() + reason.text[1:] + ".") for reason in found.reasons),
        one_line(f"So: {_SAYS[found.verdict.value]}"),
    )


_SAYS = {
    "hedge": "hedge. Over all the time that a hedge may last it is the cheaper way back to the target.",
    "sell": "sell. At no time is a hedge the cheaper way.",
    "buy": "buy. At no time is a hedge the cheaper way.",
    "depends": "it depends on how soon the drift resolves; see the first line.",
    "unknown": "no advice, for want of a figure.",
}


def _rows(found: Advice) -> Iterable[tuple[str, str, str]]:
    yield "fees", money(_twice(found.perp_in)), money(_twice(found.spot_fee))
    yield "spread", "-", money(_twice(found.spot_spread))
    yield "basis", money(found.basis), "-"
    yield "funding a day", money(found.funding_day), "-"
    yield f"in {number(found.horizon)} days, if it resolves", money(found.hedge_cost), money(found.sell_cost)
    yield "the hedge is cheaper, if it resolves", _when(found.resolves), ""
    yield f"the same, if it ends in a {'sale' if found.way is Way.SHORT else 'purchase'}", _when(found.sold), ""
    if found.tax is not None:
        yield "tax now", "-", money(found.tax.tax)
        yield "paid sooner, for each year", "-", money(found.tax.forward_a_year)


def _funding(found: Advice) -> Iterable[str]:
    """What is expected of funding, and on what grounds."""
    known = found.funding
    if known.days:
        yield (f"Funding received a day, by the last {known.days}: mean {_rate(known.mean)}, nine days of ten from "
               f"{_rate(known.high)} to {_rate(known.low)}; by the rate to come {_rate(known.now)}.")
    else:
        yield f"No funding was published in the last 30 days; by the rate to come {_rate(known.now)} a day."
    if found.way is Way.SHORT:
        yield "Fees and spread of selling count twice: the coins are bought back when the drift resolves."
    else:
        yield "Fees and spread of buying count twice: the coins are sold again when the drift resolves."


def _rate(cost: Decimal | None) -> str:
    value = minus(cost)
    return "unknown" if value is None else f"{value * 100:+z.4f}%"


def _twice(value: Decimal | None) -> Decimal | None:
    return None if value is None else 2 * value


def _when(when: BreakEven) -> str:
    if when.until is not None:
        return f"up to day {when.until:.1f}"
    if when.since is not None:
        return f"from day {when.since:.1f}"
    return "?" if when.ever is None else "always" if when.ever else "never"
