"""Core values as rows and back: a column for each field, under the field's name."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import fields
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast

from bot.core.episode import Episode, EpisodeState
from bot.core.history import Gap
from bot.core.market import Side
from bot.core.orders import (
    Fill,
    FundingPayment,
    OrderIntent,
    OrderRecord,
    OrderReport,
    OrderState,
    TimeInForce,
    after_miss,
    after_report,
    begin,
)
from bot.errors import JournalError

V = TypeVar("V", OrderIntent, Fill, FundingPayment, Episode, Gap)

# The core's annotations are strings; these four types of field need help on their way back.
_READERS: dict[str, Callable[[Any], Any]] = {
    "Decimal": Decimal, "bool": bool, "Side": Side, "TimeInForce": TimeInForce, "EpisodeState": EpisodeState,
}

_LATER = frozenset({"fee_value", "sold", "proceeds"})
"""Columns that came with a later schema."""


def to_row(value: object, **more: object) -> dict[str, object]:
    """The fields of a frozen dataclass as column values (enums by value), and `more` columns."""
    row = {name: getattr(value, name) for name, _ in _readers(cast("Hashable", type(value)))}
    return {name: item.value if isinstance(item, Enum) else item for name, item in row.items()} | more


def from_row(kind: type[V], row: Mapping[str, Any]) -> V:
    """The value in this row; the row's money may be text (plain SQLite) or Decimal (SQLAlchemy).

    What an older journal, which no bot of this version has opened yet, has no column for keeps its default.
    """
    try:
        return kind(**{
            name: reader(row[name]) if reader is not None and row[name] is not None else row[name]
            for name, reader in _readers(cast("Hashable", kind)) if name in row or name not in _LATER
        })
    except (ArithmeticError, ValueError, KeyError) as error:
        raise JournalError(f"a recorded {kind.__name__} cannot be read: {error}") from None


def report_row(report: OrderReport, at: int) -> dict[str, object]:
    """An order event that tells what the venue said."""
    row = to_row(report)
    del row["symbol"]
    row["venue_at"] = row["at"]
    return row | {"kind": "report", "at": at}


def records(intents: Iterable[OrderIntent], events: Iterable[Mapping[str, Any]]) -> dict[str, OrderRecord]:
    """Orders by client id, each folded from its events (rows of order_events, oldest first)."""
    found = {intent.client_order_id: begin(intent) for intent in intents}
    for event in events:
        record = found.get(event["client_order_id"])
        if record is not None:
            found[record.intent.client_order_id] = _after(record, event)
    return found


def _after(record: OrderRecord, event: Mapping[str, Any]) -> OrderRecord:
    if event["kind"] == "miss":
        return after_miss(record, event["at"])
    return after_report(record, OrderReport(
        client_order_id=record.intent.client_order_id, symbol=record.intent.symbol, state=OrderState(event["state"]),
        filled=Decimal(event["filled"]), order_id=event["order_id"],
        price=None if event["price"] is None else Decimal(event["price"]),
    ), event["at"])


@cache
def _readers(kind: Hashable) -> tuple[tuple[str, Callable[[Any], Any] | None], ...]:
    return tuple(
        (field.name, _READERS.get(str(field.type).removesuffix(" | None")))
        for field in fields(kind)  # type: ignore[arg-type]  # callers pass dataclasses only
    )
