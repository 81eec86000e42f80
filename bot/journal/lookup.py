"""Finding one decision of a journal by whatever a user has at hand: its number, an instant, an order, a hedge."""

from __future__ import annotations

from pathlib import Path
from sqlite3 import Connection

from bot.core.decision import Decision, Situation
from bot.core.times import Millis, iso, parse_iso
from bot.errors import JournalError
from bot.journal.codec import decode, terms_of
from bot.journal.reader import advice_of, reading
from bot.journal.views import RecordedDecision

LAST = "last"


class NoSuchDecision(JournalError):
    """The journal has no decision of that name."""


def find_decision(path: Path, which: str) -> RecordedDecision:
    """The decision that `which` means: its number (as `status` shows it), an ISO instant (the decision in force then),
    'last', a client order id (the one that the order carries out) or a hedge's id (the one that opened it).

    Raises NoSuchDecision, saying what there is; JournalError where the file cannot be read.
    """
    with reading(path) as connection:
        seq = _seq_of(connection, which.strip())
        row = connection.execute(
            "SELECT d.*, t.content FROM decisions d "
            "JOIN terms t ON t.digest = d.terms WHERE d.seq = ?", (seq,)).fetchone()
        if row is None:
            raise NoSuchDecision(f"there is no decision {which}; {_range(connection)}")
        return RecordedDecision(row["seq"], row["revision"], decode(Situation, row["situation"]),
                                terms_of(row["content"]), decode(Decision, row["decision"]), advice_of(dict(row)))


def _seq_of(connection: Connection, which: str) -> int | None:
    if which == LAST:
        return _number(connection, "SELECT max(seq) FROM decisions")
    # Only ASCII digits are a number here, and SQLite's are of 64 bits.
    if which.isascii() and which.isdigit() and len(which) < 19:
        return int(which)
    intended = _number(
        connection, "SELECT decided_at FROM intents WHERE client_order_id = ? OR episode = ? ORDER BY number LIMIT 1",
        which, which)
    if intended is not None:
        return _number(connection, "SELECT max(seq) FROM decisions WHERE at = ?", intended) or _in_force(
            connection, intended)
    try:
        at = parse_iso(which)
    except ValueError:
        raise NoSuchDecision(
            f"{which!r} is no decision: neither a number, nor an instant, nor the id of an order or a hedge here; "
            f"{_range(connection)}") from None
    return _in_force(connection, at)


def _in_force(connection: Connection, at: Millis) -> int | None:
    return _number(connection, "SELECT seq FROM decisions WHERE at <= ? ORDER BY at DESC, seq DESC LIMIT 1", at)


def _number(connection: Connection, text: str, *values: object) -> int | None:
    row = connection.execute(text, values).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def _range(connection: Connection) -> str:
    row = connection.execute("SELECT min(seq), max(seq), min(at), max(at) FROM decisions").fetchone()
    if row[0] is None:
        return "no decision has been recorded yet"
    return f"decisions {row[0]} to {row[1]} are of {iso(row[2])} to {iso(row[3])}"


__all__ = ["LAST", "NoSuchDecision", "find_decision"]
