"""Fills, funding and fees of both legs as CSV, for other people's software (docs/reports.md tells every column).

A cell that was text stays text in every spreadsheet: what would begin a formula there is preceded by an apostrophe.
Numbers are never touched, negative ones neither.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from bot.core.market import spot_coin
from bot.core.money import ZERO, plain, reckoned
from bot.core.orders import Fill, FundingPayment
from bot.core.times import SECOND, Millis, iso
from bot.errors import JournalError
from bot.journal.reader import reading
from bot.journal.rows import from_row
from bot.journal.views import Binding

Cell: TypeAlias = str | int | Decimal | None
Row: TypeAlias = Mapping[str, Cell]
Sheet: TypeAlias = tuple[Sequence[str], list[Row]]
"""Columns and rows."""

STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula, or skips before one."""


class Format(StrEnum):
    """For whom it is."""

    GENERIC = "generic"
    ROTKI = "rotki"
    BITTYTAX = "bittytax"


class Kind(StrEnum):
    """What of it. ALL: fills, whose columns tell their fees, and funding."""

    ALL = "all"
    FILLS = "fills"
    FUNDING = "funding"
    FEES = "fees"


@dataclass(frozen=True, slots=True)
class Booked:
    """Everything booked in a span, oldest first. By a fill's market and trade id: `hedges`, whose it is; `mids`, spot
    and perpetual mid at its order's decision.
    """

    binding: Binding
    fills: tuple[Fill, ...]
    funding: tuple[tuple[FundingPayment, str], ...]
    hedges: Mapping[tuple[str, str], str]
    mids: Mapping[tuple[str, str], tuple[Decimal | None, Decimal | None]] = field(default_factory=dict)

    def hedge(self, fill: Fill) -> str:
        """The hedge's id; '' where it is none's."""
        return self.hedges.get((fill.symbol, fill.trade_id), "")


def read(path: Path, *, since: Millis | None = None, until: Millis | None = None) -> Booked:
    """What was booked of `since` ≤ instant < `until`. Raises JournalError."""
    span = (since or 0, 2**62 if until is None else until)
    with reading(path) as connection:
        owner = connection.execute("SELECT environment, venue, account, created_by, created_at FROM binding").fetchone()
        if owner is None:
            raise JournalError(f"{path} belongs to no account yet: no bot has run on it")
        fills = [dict(row) for row in connection.execute(
            "SELECT f.*, i.episode, i.spot_mid, i.perp_mid FROM fills f LEFT JOIN intents i USING (client_order_id) "
            "WHERE f.at >= ? AND f.at < ? ORDER BY f.at, f.seq", span)]
        paid = [dict(row) for row in connection.execute(
            "SELECT * FROM funding WHERE at >= ? AND at < ? ORDER BY at, seq", span)]
    return Booked(
        Binding(**dict(owner)), tuple(from_row(Fill, row) for row in fills),
        tuple((from_row(FundingPayment, row), row["episode"] or "") for row in paid),
        {(row["symbol"], row["trade_id"]): row["episode"] or "" for row in fills},
        {(row["symbol"], row["trade_id"]): (_amount(row["spot_mid"]), _amount(row["perp_mid"])) for row in fills})


def _amount(stored: str | None) -> Decimal | None:
    return None if stored is None else Decimal(stored)


def sheets(booked: Booked, form: Format, kind: Kind) -> Mapping[str, str]:
    """The CSV texts by what their file's name ends in: '' where there is one file only."""
    return {ending: written(*sheet) for ending, sheet in _FORMATS[form](booked, kind).items()}


def written(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """CSV as RFC 4180 has it: commas, CRLF, quotes where needed."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([text(row.get(column)) for column in columns] for row in rows)
    return target.getvalue()


def text(cell: Cell) -> str:
    """A cell as it is written. What is unknown is empty."""
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        return plain(cell)
    if isinstance(cell, int):
        return str(cell)
    shown = cell.replace("\0", "")
    return f"'{shown}" if shown.startswith(STARTS_FORMULA) else shown


# -- generic -----------------------------------------------------------------------------------------------------------

GENERIC = (
    "kind", "at", "hedge", "asset", "market", "symbol", "side", "quantity", "price", "amount", "currency", "fee",
    "fee_currency", "fee_value", "maker", "spot_mid", "perp_mid", "id", "order_id", "client_order_id",
)


@reckoned
def _generic(booked: Booked, kind: Kind) -> Mapping[str, Sheet]:
    rows: list[tuple[Millis, Row]] = []
    for fill in booked.fills:
        if kind in (Kind.ALL, Kind.FILLS):
            rows.append((fill.at, _fill(booked, fill)))
        elif kind is Kind.FEES:
            rows.append((fill.at, _fee(booked, fill)))
    if kind in (Kind.ALL, Kind.FUNDING):
        rows += [(paid.at, _funding(paid, hedge)) for paid, hedge in booked.funding]
    return {"": (GENERIC, [row for _, row in sorted(rows, key=lambda one: one[0])])}


def _fill(booked: Booked, fill: Fill) -> Row:
    settle, mids = settle_of(fill.symbol), booked.mids.get((fill.symbol, fill.trade_id), (None, None))
    return _trade(booked, fill) | {
        "kind": "fill", "quantity": fill.quantity, "price": fill.price, "currency": settle,
        "amount": fill.realised if spot_coin(fill.symbol) is None else -fill.side.sign * fill.quantity * fill.price,
        "fee": fill.fee, "fee_currency": fill.fee_currency,
        "fee_value": fill.fee_worth(settle), "maker": "yes" if fill.maker else "no", "spot_mid": mids[0],
        "perp_mid": mids[1],
    }


def _fee(booked: Booked, fill: Fill) -> Row:
    return dict(_trade(booked, fill)) | {
        "kind": "fee", "amount": -fill.fee, "currency": fill.fee_currency,
        "fee_value": fill.fee_worth(settle_of(fill.symbol)),
    }


def _trade(booked: Booked, fill: Fill) -> dict[str, Cell]:
    return {
        "at": stamp(fill.at), "hedge": booked.hedge(fill), "asset": coin_of(fill.symbol), "symbol": fill.symbol,
        "market": "perp" if spot_coin(fill.symbol) is None else "spot", "side": fill.side.value, "id": fill.trade_id,
        "order_id": fill.order_id, "client_order_id": fill.client_order_id,
    }


def _funding(paid: FundingPayment, hedge: str) -> Row:
    return {
        "kind": "funding", "at": stamp(paid.at), "hedge": hedge, "asset": coin_of(paid.symbol), "market": "perp",
        "symbol": paid.symbol, "amount": paid.amount, "currency": paid.currency, "id": paid.payment_id,
    }


def stamp(at: Millis) -> str:
    """'2021-01-28T00:00:00.000Z': always with milliseconds, so that texts sort as instants do."""
    return iso(at) if at % SECOND else iso(at).replace("Z", ".000Z")


def coin_of(symbol: str) -> str:
    """The coin that a market trades, by our names of markets."""
    return symbol.partition("/")[0]


def settle_of(symbol: str) -> str:
    """The coin that it is paid in."""
    return symbol.partition("/")[2].rpartition(":")[2]


# -- rotki -------------------------------------------------------------------------------------------------------------

ROTKI_TRADES = (
    "Location", "Spend Currency", "Receive Currency", "Receive Amount", "Spend Amount", "Fee", "Fee Currency",
    "Description", "Timestamp",
)
ROTKI_EVENTS = ("Type", "Location", "Currency", "Amount", "Fee", "Fee Currency", "Description", "Timestamp")


@reckoned
def _rotki(booked: Booked, kind: Kind) -> Mapping[str, Sheet]:
    """For rotki's generic import, which takes trades and events apart."""
    where = booked.binding.venue if booked.binding.environment == "live" else "external"
    trades: list[Row] = []
    events: list[tuple[Millis, Row]] = []
    for fill in booked.fills:
        at_spot, about = spot_coin(fill.symbol), _about(booked.hedge(fill), fill.symbol, fill.trade_id)
        if at_spot is not None and kind in (Kind.ALL, Kind.FILLS):
            trades.append(_rotki_trade(fill, at_spot, where, about))
        elif kind in (Kind.ALL, Kind.FILLS) and fill.realised:
            events.append((fill.at, _event(where, fill.realised, settle_of(fill.symbol), f"realised{about}", fill.at)))
        # A spot trade's fee is a column of the trade.
        if fill.fee and (kind is Kind.FEES or (kind is Kind.ALL and (at_spot is None or fill.fee < 0))):
            events.append((fill.at, _event(where, -fill.fee, fill.fee_currency, f"fee{about}", fill.at)))
    if kind in (Kind.ALL, Kind.FUNDING):
        events += [(paid.at, _event(where, paid.amount, paid.currency,
                                    f"funding{_about(hedge, paid.symbol, paid.payment_id)}", paid.at))
                   for paid, hedge in booked.funding if paid.amount]
    ordered = [row for _, row in sorted(events, key=lambda one: one[0])]
    return {"-trades": (ROTKI_TRADES, trades), "-events": (ROTKI_EVENTS, ordered)}


def _rotki_trade(fill: Fill, coin: str, where: str, about: str) -> Row:
    settle, worth = settle_of(fill.symbol), fill.quantity * fill.price
    spent, received = ((settle, worth), (coin, fill.quantity)) if fill.side.sign > 0 else (
        (coin, fill.quantity), (settle, worth))
    paid = fill.fee > 0
    return {
        "Location": where, "Spend Currency": spent[0], "Spend Amount": spent[1], "Receive Currency": received[0],
        "Receive Amount": received[1], "Fee": fill.fee if paid else None,
        "Fee Currency": fill.fee_currency if paid else None, "Description": f"{fill.side.value}{about}",
        "Timestamp": fill.at,
    }


def _event(where: str, amount: Decimal, currency: str, about: str, at: Millis) -> Row:
    kind = "Income" if amount > 0 else "Spend" if about.startswith("fee") else "Loss"
    return {"Type": kind, "Location": where, "Currency": currency, "Amount": abs(amount), "Description": about,
            "Timestamp": at}


def _about(hedge: str, symbol: str, identity: str) -> str:
    return f" of {hedge or 'no hedge'}, {symbol}, {identity}"


# -- BittyTax ----------------------------------------------------------------------------------------------------------

BITTYTAX = (
    "Type", "Buy Quantity", "Buy Asset", "Buy Value", "Sell Quantity", "Sell Asset", "Sell Value", "Fee Quantity",
    "Fee Asset", "Fee Value", "Wallet", "Timestamp", "Note",
)


@reckoned
def _bittytax(booked: Booked, kind: Kind) -> Mapping[str, Sheet]:
    """Its transaction records: margin gains and losses by contract, spot sales as trades, and fees."""
    rows: list[tuple[Millis, Row]] = []
    wallet = booked.binding.venue.capitalize()

    def add(at: Millis, what: Row, note: str) -> None:
        rows.append((at, dict(what) | {"Wallet": wallet, "Timestamp": stamp(at), "Note": note}))

    for fill in booked.fills:
        note = f"{booked.hedge(fill)} {fill.symbol}".strip()
        if kind in (Kind.ALL, Kind.FILLS):
            if (coin := spot_coin(fill.symbol)) is not None:
                add(fill.at, _bittytax_trade(fill, coin, fees=kind is Kind.ALL), note)
            elif fill.realised:
                add(fill.at, _moved("Margin-Gain", "Margin-Loss", fill.realised, settle_of(fill.symbol)), note)
        whole = kind is Kind.ALL and (spot_coin(fill.symbol) is None or fill.fee < 0)
        if fill.fee and (kind is Kind.FEES or whole):
            add(fill.at, _moved("Margin-Fee-Rebate", "Margin-Fee", -fill.fee, fill.fee_currency), note)
    if kind in (Kind.ALL, Kind.FUNDING):
        for paid, hedge in booked.funding:
            if paid.amount:
                add(paid.at, _moved("Margin-Fee-Rebate", "Margin-Fee", paid.amount, paid.currency),
                    f"{hedge} {paid.symbol}".strip())
    return {"": (BITTYTAX, [row for _, row in sorted(rows, key=lambda one: one[0])])}


def _bittytax_trade(fill: Fill, coin: str, *, fees: bool) -> Row:
    settle, worth = settle_of(fill.symbol), fill.quantity * fill.price
    bought, sold = ((coin, fill.quantity), (settle, worth)) if fill.side.sign > 0 else (
        (settle, worth), (coin, fill.quantity))
    paid = fees and fill.fee > 0
    return {
        "Type": "Trade", "Buy Quantity": bought[1], "Buy Asset": bought[0], "Sell Quantity": sold[1],
        "Sell Asset": sold[0], "Fee Quantity": fill.fee if paid else None,
        "Fee Asset": fill.fee_currency if paid else None,
    }


def _moved(gained: str, lost: str, amount: Decimal, currency: str) -> Row:
    side = "Buy" if amount > ZERO else "Sell"
    return {"Type": gained if amount > ZERO else lost, f"{side} Quantity": abs(amount), f"{side} Asset": currency}


_FORMATS: Mapping[Format, Callable[[Booked, Kind], Mapping[str, Sheet]]] = {
    Format.GENERIC: _generic, Format.ROTKI: _rotki, Format.BITTYTAX: _bittytax,
}


def names(out: Path, endings: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """The files that these sheets go to: 'hedges.csv', or 'hedges-trades.csv' and 'hedges-events.csv'."""
    for ending in endings:
        yield ending, out.with_name(f"{out.stem}{ending}{out.suffix}")
