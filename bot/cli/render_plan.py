"""What lies ahead of a plan: the next triggers with the collateral they need, and every guard with its limit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.cli.render import UNKNOWN, hedge, money, number, percent, span
from bot.cli.render_advice import in_plan
from bot.core.gauges import Gauge, Unit

if TYPE_CHECKING:
    from decimal import Decimal

    from bot.answers import PlanReport
    from bot.core.collateral import Collateral
    from bot.core.outlook import AssetOutlook, Outlook


def ahead(report: PlanReport) -> RenderableType:
    """Triggers, collateral and guards; nothing where there is no outlook."""
    outlook = report.outlook
    if outlook is None:
        return ""
    settle = report.terms.policy.settle
    return Group(
        Text(""), Text("next, when this coin alone moves (futures: what the wallet needs for it)"),
        _triggers(outlook.assets), *_notes(outlook, settle),
        *(_line(each.ending.text) for each in outlook.assets if each.ending is not None),
        *([Text(""), Text("hedge, or sell now (figures: hedgerow advise COIN)")] if report.advice else ()),
        *(in_plan(each) for each in report.advice.values()),
        Text(""), Text("guards: reading of limit"), _guards(outlook),
    )


def _triggers(assets: Iterable[AssetOutlook]) -> Table:
    table = _table(("coin", "at price", "move", "action", "short", "futures", "will have", "lacks"), words=(0, 3))
    for each in assets:
        if not each.triggers:
            table.add_row(each.asset, "-", "", "nothing")
        for index, trigger in enumerate(each.triggers):
            table.add_row(
                "" if index else each.asset, money(trigger.price),
                f"{trigger.move * 100:+.2f}%" if trigger.move else "now", trigger.action.value, hedge(trigger.goal),
                *_collateral(trigger.collateral))
    return table


def _collateral(needs: Collateral | None) -> tuple[str, str, str]:
    if needs is None:
        return "-", "-", "-"
    return money(needs.needed), money(needs.equity), money(needs.missing) if needs.missing else "-"


def _notes(outlook: Outlook, settle: str) -> Iterable[Text]:
    """Where what is missing could come from."""
    lacking = [
        (each.asset, trigger.collateral.missing) for each in outlook.assets for trigger in each.triggers
        if trigger.collateral is not None and trigger.collateral.missing
    ]
    for asset, missing in lacking:
        if outlook.spot_cash is None:
            yield _line(f"{asset}: the account lacks {money(missing)} {settle}; the hedge would be cut to what it has")
        elif outlook.spot_cash >= missing:
            yield _line(f"{asset}: move {money(missing)} {settle} to the futures wallet by then (the spot wallet has "
                        f"{money(outlook.spot_cash)}), or the hedge is cut to what it has")
        else:
            yield _line(f"{asset}: lacks {money(missing)} {settle}, and the spot wallet has only "
                        f"{money(outlook.spot_cash)}: the hedge would be cut to what there is")


def _guards(outlook: Outlook) -> Table:
    """A row for each guard: who reads what, the limit once where it is the same for all."""
    rows: dict[str, list[tuple[str, Gauge]]] = {}
    for each in outlook.assets:
        for gauge in each.gauges:
            rows.setdefault(gauge.guard, []).append((each.asset, gauge))
    for gauge in outlook.gauges:
        rows.setdefault(gauge.guard, []).append(("account", gauge))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for guard, readings in rows.items():
        table.add_row(guard, _readings(readings))
    return table


def _readings(readings: list[tuple[str, Gauge]]) -> str:
    limits = {gauge.limit for _, gauge in readings}
    first = readings[0][1]
    if len(limits) == 1:
        return f"{', '.join(f'{who} {_reading(gauge)}' for who, gauge in readings)} ({_limit(first)})"
    return ", ".join(f"{who} {_reading(gauge)} ({_limit(gauge)})" for who, gauge in readings)


def _reading(gauge: Gauge) -> str:
    said = "-" if gauge.now is None and not gauge.tripped else _value(gauge.unit, gauge.now)
    return f"{said} TRIPPED" if gauge.tripped else said


def _limit(gauge: Gauge) -> str:
    return f"{'at least' if gauge.least else 'at most'} {_value(gauge.unit, gauge.limit)}"


def _value(unit: Unit, value: Decimal | None) -> str:
    if value is None:
        return UNKNOWN
    if unit is Unit.SHARE:
        return percent(value)
    if unit is Unit.MILLIS:
        return span(int(value))
    if unit is Unit.MONEY:
        return money(value)
    return f"{value:.2f}×" if unit is Unit.TIMES else number(value)


def _table(columns: tuple[str, ...], words: tuple[int, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index in words else "right", overflow="fold")
    return table


def _line(text: str) -> Text:
    return Text(text, overflow="fold")
