"""Our books against the venue's own account of what moved: row by row, and what differs is named, never hidden."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from bot.core.market import Asset, spot_coin
from bot.core.money import ZERO, reckoned
from bot.core.orders import Fill, FundingPayment
from bot.core.times import Millis


class IncomeKind(StrEnum):
    """Why a balance moved. TRADE: coins and cash of a spot trade; OTHER: rebates, insurance, and what else there is."""

    REALISED = "realised"
    FEE = "fee"
    FUNDING = "funding"
    TRADE = "trade"
    TRANSFER = "transfer"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class IncomeRow:
    """One movement of a balance as the venue tells it; `amount` positive when received.

    `reference`: the trade's or the settlement's own id, by which both sides know it. `symbol`: None where it concerns
    none. `called`: the venue's word for it.
    """

    kind: IncomeKind
    reference: str
    symbol: str | None
    amount: Decimal
    currency: str
    at: Millis
    called: str = ""

    @property
    def key(self) -> tuple[str, str | None, str, str]:
        """What tells it apart. The rows of one trade count together."""
        return self.kind.value, self.symbol, self.reference, self.currency


@dataclass(frozen=True, slots=True)
class Residual:
    """A row that the two sides do not tell alike. None: that side knows nothing of it."""

    row: IncomeRow
    ours: Decimal | None
    theirs: Decimal | None

    @property
    def text(self) -> str:
        """In words."""
        what = f"{self.row.kind} {self.row.reference}" + (f" on {self.row.symbol}" if self.row.symbol else "")
        if self.ours is None:
            return f"{what}: the venue tells {self.theirs} {self.row.currency}, the books have none of it"
        if self.theirs is None:
            return f"{what}: the books have {self.ours} {self.row.currency}, the venue tells none of it"
        return f"{what}: the books have {self.ours} {self.row.currency}, the venue tells {self.theirs}"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What came of it: `matched` rows on which both sides agree to the last digit, and all others."""

    matched: int
    residuals: tuple[Residual, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing came to for `since` ≤ instant < `until`, done at `at`: `matched` rows agree to the last digit."""

    since: Millis
    until: Millis
    matched: int
    residuals: tuple[Residual, ...]
    at: Millis


@reckoned
def entries(fills: Iterable[Fill], funding: Iterable[FundingPayment], *, spot: bool) -> list[IncomeRow]:
    """The rows that a venue must have for what we booked. `spot`: its account tells of spot trades too."""
    found: list[IncomeRow] = []
    for fill in fills:
        coin = spot_coin(fill.symbol)
        if coin is None:
            found.append(_row(IncomeKind.REALISED, fill, fill.realised))
        elif spot:
            settle = fill.symbol.partition("/")[2]
            found += [_row(IncomeKind.TRADE, fill, fill.side.sign * fill.quantity, coin),
                      _row(IncomeKind.TRADE, fill, -fill.side.sign * fill.quantity * fill.price, settle)]
        if coin is None or spot:
            found.append(_row(IncomeKind.FEE, fill, -fill.fee))
    found += [IncomeRow(IncomeKind.FUNDING, paid.payment_id, paid.symbol, paid.amount, paid.currency, paid.at)
              for paid in funding]
    return found


def _row(kind: IncomeKind, fill: Fill, amount: Decimal, currency: Asset | None = None) -> IncomeRow:
    # What is realised is in the settle coin, behind the symbol's colon.
    settle = fill.symbol.rpartition(":")[2] if kind is IncomeKind.REALISED else fill.fee_currency
    return IncomeRow(kind, fill.trade_id, fill.symbol, amount, currency or settle, fill.at)


@reckoned
def reconcile(
    rows: Iterable[IncomeRow], booked: Iterable[IncomeRow], *, symbols: Collection[str], since: Millis, until: Millis,
) -> Reconciled:
    """Compare the venue's rows with ours; only rows of `since` ≤ instant < `until` can be residuals.

    Both sides may reach further, so that a row at the edge finds its counterpart. Rows on symbols that are not ours are
    not ours to explain; transfers cost nothing.
    """
    theirs = _sums(row for row in rows
                   if row.kind is not IncomeKind.TRANSFER and (row.symbol is None or row.symbol in symbols))
    ours = _sums(booked)
    matched, residuals = 0, []
    for key in sorted({*theirs, *ours}, key=str):
        left, right = ours.get(key), theirs.get(key)
        known = right or left
        if known is None or not since <= known[0].at < until:
            continue
        mine, told = left[1] if left else None, right[1] if right else None
        if (mine or ZERO) == (told or ZERO):
            matched += 1
        else:
            residuals.append(Residual(known[0], mine, told))
    return Reconciled(matched, tuple(sorted(residuals, key=lambda one: (one.row.at, str(one.row.key)))))


def _sums(rows: Iterable[IncomeRow]) -> Mapping[tuple[str, str | None, str, str], tuple[IncomeRow, Decimal]]:
    """By key: the first row, and what all of them come to."""
    found: dict[tuple[str, str | None, str, str], tuple[IncomeRow, Decimal]] = {}
    for row in rows:
        first, before = found.get(row.key, (row, ZERO))
        found[row.key] = first, before + row.amount
    return found
