"""What must hold after every fault, whatever happened: the promises at the head of the list of faults.

One checker over a journal and the account of the exchange that it was kept about, used by every test that injects
something.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot.core.decision import Action, Decision
from bot.core.market import spot_coin
from bot.core.orders import PREFIX, OrderState
from bot.journal.codec import decode


@dataclass(frozen=True)
class VenueFill:
    """One execution at the exchange, of either market."""

    symbol: str
    trade_id: str
    client_order_id: str
    side: str
    quantity: Decimal
    at: int

    @property
    def signed(self) -> Decimal:
        return self.quantity if self.side == "buy" else -self.quantity


@dataclass(frozen=True)
class Account:
    """What the exchange has seen of one account: its orders' client ids, oldest first, and executions."""

    orders: Sequence[str]
    fills: Sequence[VenueFill]

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Account:
        """From `GET /testnet/state`, or an exchange's dump."""
        orders: Iterable[Mapping[str, str]] = state["orders"]
        fills: Iterable[Mapping[str, str]] = state["fills"]
        return cls(
            [row["client_order_id"] for row in orders],
            [VenueFill(row["symbol"], str(row["trade_id"]), row["client_order_id"], row["side"],
                       Decimal(row["quantity"]), int(row["at"])) for row in fills],
        )


def broken_promises(
    journal: Path, account: Account, *, settled: bool = True, secrets: Sequence[str] = (), files: Sequence[Path] = (),
) -> list[str]:
    """Every promise that does not hold, in words; empty when all do.

    `settled`: the bot had the time to book everything (else the journal may lag behind the exchange, never lead).
    `secrets` must be in neither the journal nor `files`.
    """
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as kept:
        kept.row_factory = sqlite3.Row
        fills = kept.execute(
            "SELECT f.*, i.episode FROM fills f LEFT JOIN intents i USING (client_order_id) ORDER BY f.seq").fetchall()
        intents = {row["client_order_id"]: row for row in kept.execute("SELECT * FROM intents")}
        return [
            *_increases_within_the_excess(kept),
            *_never_long_through_us(fills, account),
            *_sold_with_their_hedge(fills),
            *_one_unresolved_intent(kept, intents),
            *_every_order_has_one_intent(intents, account),
            *_books_are_the_venues(fills, account, settled=settled),
            *_no_secret(journal.name, kept.serialize(), secrets),
            *(found for path in files for found in _no_secret(path.name, path.read_bytes(), secrets)),
        ]


def _increases_within_the_excess(kept: sqlite3.Connection) -> Iterator[str]:
    # Most decisions intend nothing: only the others are read as values.
    for row in kept.execute("SELECT seq, decision FROM decisions d WHERE EXISTS (SELECT 1 FROM json_each(d.decision, "
                            "'$.assets') WHERE json_extract(value, '$.intent') IS NOT NULL)"):
        for decided in decode(Decision, row["decision"]).assets:
            intent = decided.intent
            if intent is None or intent.action not in (Action.OPEN, Action.INCREASE):
                continue
            excess, price = decided.measure.excess, decided.measure.price
            if excess is None or price is None or intent.goal * price > excess:
                yield (f"decision {row['seq']}: a short of {intent.goal} {decided.asset} at {price} is more than the "
                       f"excess of {excess}")


def _never_long_through_us(fills: Sequence[sqlite3.Row], account: Account) -> Iterator[str]:
    """What was adopted is ours too: a position that somebody else sold may be bought back by us."""
    booked = {(row["symbol"], row["trade_id"]) for row in fills}
    ours: dict[str, Decimal] = defaultdict(Decimal)
    for fill in account.fills:
        if spot_coin(fill.symbol) is not None:
            continue
        sent = fill.client_order_id.startswith(PREFIX)
        if not sent and (fill.symbol, fill.trade_id) not in booked:
            continue
        ours[fill.symbol] += fill.signed
        if sent and ours[fill.symbol] > 0 and fill.signed > 0:
            yield f"{fill.symbol}: execution {fill.trade_id} of ours makes us long by {ours[fill.symbol]}"


def _sold_with_their_hedge(fills: Sequence[sqlite3.Row]) -> Iterator[str]:
    """Coins are sold by a hedge that goes down with them: never more than the short had been, a slice at a time."""
    short: dict[str, Decimal] = defaultdict(Decimal)
    peak: dict[str, Decimal] = defaultdict(Decimal)
    sold: dict[str, Decimal] = defaultdict(Decimal)
    for row in fills:
        hedge = row["episode"]
        if hedge is None:
            continue  # nobody's order, as its trade says: another promise tells
        quantity = Decimal(row["quantity"]) * (1 if row["side"] == "sell" else -1)
        if spot_coin(row["symbol"]) is None:
            short[hedge] += quantity
            peak[hedge] = max(peak[hedge], short[hedge])
        elif quantity > 0:  # what is bought with the proceeds is no sale taken back
            sold[hedge] += quantity
            if sold[hedge] > peak[hedge]:
                yield f"{hedge}: {sold[hedge]} coins were sold, and the short was never more than {peak[hedge]}"


def _one_unresolved_intent(kept: sqlite3.Connection, intents: Mapping[str, sqlite3.Row]) -> Iterator[str]:
    """Intents and order events in the order in which they were written."""
    happenings = [(row["created_at"], row["number"], 0, name, OrderState.INTENDED) for name, row in intents.items()]
    for row in kept.execute("SELECT * FROM order_events WHERE kind != 'miss'"):
        intent = intents[row["client_order_id"]]
        # At one instant an older order's events come before what is intended then, an order's own after it.
        place = intent["number"] if intent["created_at"] == row["at"] else 0
        happenings.append((row["at"], place, row["seq"], row["client_order_id"], OrderState(row["state"])))
    unresolved: dict[str, set[str]] = defaultdict(set)
    for _, _, _, name, state in sorted(happenings, key=lambda one: one[:3]):
        symbol = intents[name]["symbol"]
        others = unresolved[symbol] - {name}
        if state is OrderState.INTENDED and others:
            yield f"{symbol}: {name} was intended while {', '.join(sorted(others))} was unresolved"
        unresolved[symbol] = others | {name} if state.unresolved else others


def _every_order_has_one_intent(intents: Collection[str], account: Account) -> Iterator[str]:
    sent = [name for name in account.orders if name.startswith(PREFIX)]
    yield from (f"order {name} was sent {sent.count(name)} times" for name in sorted({*sent}) if sent.count(name) > 1)
    yield from (f"order {name} has no intent" for name in sorted({*sent}.difference(intents)))


def _books_are_the_venues(
    fills: Sequence[sqlite3.Row], account: Account, *, settled: bool,
) -> Iterator[str]:
    ours = {(row["symbol"], row["trade_id"]): Decimal(row["quantity"]) for row in fills}
    known = {(fill.symbol, fill.trade_id): fill.quantity for fill in account.fills}
    theirs = {(fill.symbol, fill.trade_id): fill.quantity for fill in account.fills
              if fill.client_order_id.startswith(PREFIX)}
    # What was closed by force or adopted is booked too, and was never an order of ours there.
    for key in sorted(ours.keys() - known.keys()):
        yield f"execution {key} is in the journal and not at the exchange"
    if settled:
        for key in sorted(theirs.keys() - ours.keys()):
            yield f"execution {key} is at the exchange and not in the journal"
    for key in sorted(ours.keys() & known.keys()):
        if ours[key] != known[key]:
            yield f"execution {key}: journal {ours[key]}, exchange {known[key]}"


def _no_secret(name: str, content: bytes, secrets: Sequence[str]) -> Iterator[str]:
    for secret in secrets:
        if secret.encode() in content or json.dumps(secret).encode() in content:
            yield f"a secret is in {name}"
