"""How a report looks on a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType

from bot.cli.render import UNKNOWN, hedge, money, new_table, number, one_line
from bot.core.times import DAY, Millis, iso
from bot.core.way import went

if TYPE_CHECKING:
    from rich.table import Table

    from bot.core.ledger import Costs
    from bot.lab.report import Account, Compared, EpisodeReport, Report

FINE = Decimal("0.01")
"""Amounts smaller than this are shown with all their digits."""


def report(told: Report) -> RenderableType:
    """The account, all hedges, then hedge by hedge."""
    return Group(*_head(told), _account(told.account, told.settle), one_line(""), _overview(told.episodes),
                 *(part for one in told.episodes for part in (one_line(""), *_episode(one, told.settle))),
                 *_foot(told))


def _head(told: Report) -> Iterator[RenderableType]:
    book = told.journal
    yield one_line(f"{book.environment} {book.venue}, account {book.account}")
    if told.first is not None and told.last is not None:
        yield one_line(f"{day(told.first)} to {day(told.last)}, amounts in {told.settle}; a cost is positive, what was "
                       "earned is negative")


def _account(account: Account, settle: str) -> Table:
    table = new_table("account", settle)
    for name, value in (
        ("NAV at the start", money(account.nav_start)), ("NAV at the end", money(account.nav_end)),
        ("hedges, of these open", f"{account.hedges}, {account.open_hedges}"),
        ("fills, funding settlements", f"{account.fills}, {account.settlements}"),
        *_costs_of(account),
        ("against holding: what the account has more", money(account.against_holding)),
        *_outside(account),
    ):
        table.add_row(name, value)
    for coin, amount in account.fees_charged.items():
        table.add_row(f"fees charged in {coin}", number(amount))
    for coin, amount in account.sold.items():
        table.add_row(f"{coin} {went(amount)}", number(abs(amount)))
    for coin, amount in account.bought.items():
        table.add_row(f"{coin} bought with the proceeds", number(amount))
    return table


def _outside(account: Account) -> Iterator[tuple[str, str]]:
    """What of these sums belongs to no hedge."""
    for name, value in (("of these, fees of no hedge", account.outside_fees),
                        ("of these, funding of no hedge", account.outside_funding)):
        if value is None or value:
            yield name, amount(value)


def _costs_of(of: Account | Costs) -> Iterator[tuple[str, str]]:
    """The parts of the net cost, and the sum."""
    yield "fees of the perpetual", amount(of.futures_fees)
    yield "fees on spot", amount(of.spot_fees)
    yield "funding paid", amount(of.funding_paid)
    yield "basis", amount(of.basis)
    yield "slippage", amount(of.slippage)
    yield "slippage on spot", amount(of.spot_slippage)
    for name, value in (("between the legs of a sale", of.legging), ("rounding", of.rounding)):
        if value is None or value:
            yield name, amount(value)
    yield "NET COST", amount(of.net_cost)
    yield "net cost, bp a year", _bp(of.bp_a_year)


def _overview(episodes: Iterable[EpisodeReport]) -> Table:
    table = new_table("hedge", "opened", "closed", "ended by", "net cost", "bp a year")
    for one in episodes:
        table.add_row(one.id, day(one.opened_at), day(one.closed_at) if one.closed_at else "open", one.ended_by or "-",
                      money(one.costs.net_cost), _bp(one.costs.bp_a_year))
    return table


def _episode(one: EpisodeReport, settle: str) -> Iterator[RenderableType]:
    costs, coin = one.costs, one.asset
    table = new_table(one.id, settle)
    table.add_row("opened", _at(one.opened_at))
    table.add_row("closed", _at(one.closed_at) if one.closed_at is not None else f"open: {hedge(one.short)} {coin}")
    table.add_row("why it ended", one.ended_by or "-")
    table.add_row("peak size", f"{hedge(one.peak_short)} {coin}")
    table.add_row("entry, exit on average", f"{money(one.entry_price)}, {_exit(one)}")
    table.add_row("fills, resizes", f"{one.fills}, {one.resizes}")
    for name, value in _costs_of(costs):
        table.add_row(name, value)
    table.add_section()
    table.add_row("realised", amount(costs.realised))
    table.add_row("unrealised, at the last mark", amount(costs.unrealised) if one.short else "-")
    if costs.sold:
        table.add_row(f"{coin} {went(costs.sold)} on spot", number(abs(costs.sold)))
        table.add_row("for", amount(abs(costs.proceeds)))
    for bought, quantity in costs.bought.items():
        table.add_row(f"{bought} bought with it", number(quantity))
    if costs.bought:
        table.add_row("for", amount(costs.spent))
    table.add_row("against holding", amount(costs.against_holding))
    table.add_row("what the hedged coins gained", amount(costs.hedged_move))
    table.add_row("effectiveness", _effectiveness(costs))
    table.add_row("residual against the venue's rows", _compared(one.compared))
    yield table
    if one.ended_why and one.ended_why != one.ended_by:
        yield one_line(f"{one.ended_by}: {one.ended_why}")
    if why := costs.why_unknown():
        yield one_line(f"{one.id}: its net cost is not known: {why}")
    yield from _residuals(one.compared)


def _exit(one: EpisodeReport) -> str:
    return "-" if one.exit_price is None else money(one.exit_price)


def _effectiveness(costs: Costs) -> str:
    if costs.effectiveness is not None:
        return f"{costs.effectiveness:.4f}"
    return UNKNOWN if costs.futures_pnl is None or costs.hedged_move is None else "n/a"


def _compared(compared: Compared | None) -> str:
    if compared is None:
        return "not compared"
    return "0" if not compared.residuals else f"{len(compared.residuals)} rows differ"


def _residuals(compared: Compared | None) -> Iterator[RenderableType]:
    for one in compared.residuals if compared is not None else ():
        yield one_line(f"  {iso(one.row.at)} {one.text}")


def _foot(told: Report) -> Iterator[RenderableType]:
    if told.compared is not None:
        yield one_line("")
        yield one_line(f"{told.compared.rows} rows of the venue's own account agree to the last digit, "
                       f"{len(told.compared.residuals)} do not (compared until {day(told.compared.until)}).")
    for gap in told.gaps:
        yield one_line(f"the venue had forgotten the {gap.kind} of {iso(gap.since)} to {iso(gap.until)}")
    if told.stray_fills or told.stray_settlements:
        yield one_line(f"{told.stray_fills} fills and {told.stray_settlements} settlements belong to no hedge.")
    if why := told.account.unknown.get(""):
        yield one_line(f"what all hedges cost is not known: {why}")


# -- numbers -----------------------------------------------------------------------------------------------------------


def amount(value: Decimal | None) -> str:
    """With cents, and with all its digits where it is smaller than one."""
    if value is not None and value and abs(value) < FINE:
        return number(value)
    return money(value)


def _bp(value: Decimal | None) -> str:
    return UNKNOWN if value is None else f"{value:,.2f}"


def _at(at: Millis | None) -> str:
    return UNKNOWN if at is None else iso(at)


def day(at: Millis | None) -> str:
    """The date."""
    return UNKNOWN if at is None else iso(at // DAY * DAY)[:10]


__all__ = ["amount", "day", "report"]
