"""What a journal's hedges cost: the account, and hedge by hedge. Every figure is the ledger's (`bot.core.ledger`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path

from bot.core.costing import AccountCosts, account_costs
from bot.core.episode import Episode, EpisodeState
from bot.core.history import Gap
from bot.core.income import Comparison, Residual
from bot.core.ledger import Costs
from bot.core.market import Asset
from bot.core.money import reckoned
from bot.core.reasons import REASONS
from bot.core.times import Millis
from bot.journal.views import Binding
from bot.lab import report_books
from bot.lab.bulk import uncollected
from bot.lab.report_books import Books

ENDS: Mapping[str, str] = {
    "liquidation": "the venue liquidated it",
    "adl": "the venue closed it to cover somebody else's losses (auto-deleveraging)",
    "settlement": "the venue settled the contract",
    "adopted": "a trade that the user said is the bot's closed it",
}
"""Why a hedge ended where no decision of ours did it, in words."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Our books against the venue's own income rows: `rows` agree to the last digit, `residuals` do not.

    `until`: all before this instant was compared. Where two comparisons looked at one time, its rows count once.
    """

    rows: int
    residuals: tuple[Residual, ...]
    until: Millis


@dataclass(frozen=True, slots=True)
class EpisodeReport:
    """One hedge. Quantities in coins, money in the settle coin; `costs` as `bot.core.ledger.Costs` tells.

    `ended_by`: the code of the decision that closed it ('resolved', 'finalise_age', …) or what the venue did
    ('liquidation'); None while it is open. `compared`: None where the venue's rows of its time were never compared.
    """

    id: str
    asset: Asset
    symbol: str
    state: EpisodeState
    opened_at: Millis | None
    closed_at: Millis | None
    ended_by: str | None
    ended_why: str | None
    short: Decimal
    peak_short: Decimal
    entry_price: Decimal | None
    exit_price: Decimal | None
    fills: int
    resizes: int
    costs: Costs
    compared: Compared | None


@dataclass(frozen=True, slots=True)
class Account(AccountCosts):
    """All hedges of the report together, and what belongs to none. `nav_start`, `nav_end`: at the first and the last
    decision of the span.
    """

    nav_start: Decimal | None
    nav_end: Decimal | None
    hedges: int
    open_hedges: int
    fills: int
    settlements: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a journal's hedges cost. `since`, `until`: what was asked for; `first`, `last`: the decisions of that span.

    `strays`: executions, and settlements, that belong to no hedge. `gaps`: what the venue had forgotten.
    """

    journal: Binding
    settle: str
    since: Millis | None
    until: Millis | None
    first: Millis | None
    last: Millis | None
    account: Account
    episodes: tuple[EpisodeReport, ...]
    compared: Compared | None
    gaps: tuple[Gap, ...]
    stray_fills: int
    stray_settlements: int


def make(path: Path, *, since: Millis | None = None, until: Millis | None = None) -> Report:
    """The report on a journal: on the hedges that were open at any moment of the span. Raises JournalError."""
    with uncollected():
        return report_on(report_books.read(path, since=since, until=until), since=since, until=until)


@reckoned
def report_on(books: Books, *, since: Millis | None = None, until: Millis | None = None) -> Report:
    """The same of books that were read already."""
    episodes = tuple(_episode(books, one) for one in books.episodes)
    first, last = books.decided or (None, None)
    return Report(
        journal=books.binding, settle=books.settle, since=since, until=until, first=first, last=last,
        account=_account(books, episodes), episodes=episodes, compared=_compared(books, None), gaps=books.gaps,
        stray_fills=len(books.stray_fills), stray_settlements=len(books.stray_funding),
    )


def _episode(books: Books, episode: Episode) -> EpisodeReport:
    ended_by, why = _end(books, episode)
    return EpisodeReport(
        id=episode.id, asset=episode.asset, symbol=episode.symbol, state=episode.state, opened_at=episode.opened_at,
        closed_at=episode.closed_at, ended_by=ended_by, ended_why=why, short=episode.short,
        peak_short=episode.peak_short, entry_price=episode.entry_price, exit_price=episode.exit_price,
        fills=episode.fills, resizes=episode.resizes, costs=report_books.costs_of(books, episode),
        compared=_compared(books, episode),
    )


def _end(books: Books, episode: Episode) -> tuple[str | None, str | None]:
    """What the last reduction was sent for."""
    if episode.state is not EpisodeState.CLOSED:
        return None, None
    closing = [order.reason for order, _ in books.runs.get(episode.id, ()) if order.symbol == episode.symbol]
    code = closing[-1] if closing else None
    return code, None if code is None else ENDS.get(code, REASONS.get(code, code))


def _compared(books: Books, episode: Episode | None) -> Compared | None:
    """What comparing with the venue came to, for one hedge or for all; each row once, as it was last told."""
    began = None if episode is None else episode.opened_at
    ended = None if episode is None else episode.closed_at
    told = [one for one in books.comparisons
            if (began is None or one.until > began) and (ended is None or one.since <= ended)]
    if not told:
        return None
    differ: list[Residual] = []
    for one in told:  # what an earlier comparison found differing, and a later one did not, agrees by now
        differ = [each for each in differ if not one.since <= each.row.at < one.until]
        differ += [each for each in one.residuals if episode is None or (
            each.row.symbol in _symbols(episode) and (began is None or each.row.at >= began)
            and (ended is None or each.row.at <= ended))]
    return Compared(_rows_agreeing(told), tuple(differ), max(one.until for one in told))


def _rows_agreeing(told: Sequence[Comparison]) -> int:
    """Rows that agreed, of times that do not overlap: the newest comparisons count."""
    rows, begun = 0, None
    for one in reversed(told):
        if begun is None or one.until <= begun:
            rows, begun = rows + one.matched, one.since
    return rows


def _symbols(episode: Episode) -> tuple[str, str]:
    """Both markets of a hedge."""
    return episode.symbol, episode.symbol.partition(":")[0]


# -- all together ------------------------------------------------------------------------------------------------------


def _account(books: Books, episodes: Sequence[EpisodeReport]) -> Account:
    start, end = books.nav or (None, None)
    costs = account_costs(
        zip(books.episodes, (one.costs for one in episodes), strict=True), books.settle,
        fills=books.stray_fills, funding=books.stray_funding)
    return Account(
        nav_start=start, nav_end=end, hedges=len(episodes),
        open_hedges=sum(1 for one in episodes if one.state is not EpisodeState.CLOSED),
        fills=sum(one.fills for one in episodes), settlements=sum(len(one.costs.funding) for one in episodes),
        **{one.name: getattr(costs, one.name) for one in fields(AccountCosts)},
    )


__all__ = ["ENDS", "Account", "Compared", "EpisodeReport", "Report", "make", "report_on"]
