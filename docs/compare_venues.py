"""Plays one story on two venues and says what differed: for docs/venues.md, and for the test that holds it.

A decision is compared with the one of the same instant on the other venue; fills in their order.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot import app
from bot.core.decision import Decision
from bot.demo import testnet_get, testnet_process
from bot.journal.reader import read_decisions
from bot.settings import load

VENUES = ("binance", "bybit")


@dataclass(frozen=True, slots=True)
class Played:
    """What one venue's run came to."""

    decisions: Mapping[int, Decision]
    fills: Sequence[Mapping[str, Any]]
    funding: Sequence[Mapping[str, Any]]
    holdings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """How often something was not the same on both venues, of how many, and why that is so."""

    what: str
    different: int
    of: int
    cause: str


def play_both(config: Path, *, specs: str, environ: Mapping[str, str] | None = None) -> tuple[Played, ...]:
    """The configured story from its beginning on each of `VENUES`. `specs`: 'venue' or 'equal'."""
    return tuple(asyncio.run(_play(config, venue, specs, environ or {})) for venue in VENUES)


async def _play(config: Path, venue: str, specs: str, environ: Mapping[str, str]) -> Played:
    with tempfile.TemporaryDirectory(prefix="hedgerow-") as folder:
        journal = Path(folder, "story.db")
        settings = load(config, {
            **environ, "HEDGEROW_VENUE": venue, "HEDGEROW_JOURNAL": str(journal),
            "HEDGEROW_LOG__FILE": str(journal.with_suffix(".log")), "HEDGEROW_LOG__CONSOLE": "false",
        })
        with _environment(environ):
            async with testnet_process(config, "--venue", venue, "--specs", specs) as url:
                await app.run_daemon(settings.model_copy(update={
                    "testnet": settings.testnet.model_copy(update={"url": url})}))
                state = await testnet_get(url, "/testnet/state")
        decided = {record.decision.at: record.decision for record in read_decisions(journal, latest_only=True)}
        return Played(decided, [row for row in state["fills"] if row["market"] == "perp"], state["funding"],
                      {coin: state["balances"]["spot"][coin] for coin in settings.assets})


@contextlib.contextmanager
def _environment(more: Mapping[str, str]) -> Iterator[None]:
    """The testnet's process reads the configuration itself."""
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


ROUNDING = "the spot market's lot: the account begins with coins rounded to it"
SIZES = "contract step, minimum order and starting coins"
PRICES = "price ticks"
FEES = "fee rates, and sizes"
MARGIN = "one wallet: all cash, and the coins as collateral, stand behind the shorts"
TIMING = "follows from another size or reason before it"


def differences(first: Played, second: Played) -> list[Difference]:
    """Everything that is compared, also where nothing differed."""
    shared = sorted(first.decisions.keys() & second.decisions.keys())
    either = first.decisions.keys() | second.decisions.keys()
    pairs = [(first.decisions[at], second.decisions[at]) for at in shared]

    def unlike(look: Callable[[Decision], object]) -> int:
        return sum(look(mine) != look(yours) for mine, yours in pairs)

    def each(look: Callable[[Any], object]) -> Callable[[Decision], object]:
        return lambda decision: tuple(look(one) for one in decision.assets)

    rows = list(zip(first.fills, second.fills, strict=False))

    def unequal(key: str) -> int:
        more = abs(len(first.fills) - len(second.fills))
        return more + sum(_exact(mine[key]) != _exact(yours[key]) for mine, yours in rows)

    trades = max(len(first.fills), len(second.fills))
    paid = ([(row["at"], row["symbol"], _exact(row["amount"])) for row in played.funding] for played in (first, second))
    mine, yours = map(set, paid)
    coins = [coin for coin, held in first.holdings.items() if _exact(held) != _exact(second.holdings[coin])]
    return [
        Difference("coins held", len(coins), len(first.holdings), ROUNDING),
        Difference("instants of a recorded decision", len(either) - len(shared), len(either), TIMING),
        Difference("actions", unlike(each(lambda one: (one.asset, one.action))), len(pairs), SIZES),
        Difference("reasons", unlike(each(lambda one: [reason.code for reason in one.reasons])), len(pairs), SIZES),
        Difference("refusals", unlike(each(lambda one: [no.guard for no in one.refusals])), len(pairs), SIZES),
        Difference("wanted shorts", unlike(each(lambda one: one.goal)), len(pairs), SIZES),
        Difference("rungs of the margin ladder", unlike(lambda one: one.ladder.rung), len(pairs), MARGIN),
        Difference("fills: instant", unequal("at"), trades, TIMING),
        Difference("fills: quantity", unequal("quantity"), trades, SIZES),
        Difference("fills: price", unequal("price"), trades, PRICES),
        Difference("fills: fee", unequal("fee"), trades, FEES),
        Difference("funding payments", len(mine ^ yours), len(mine | yours), SIZES),
    ]


def _exact(value: object) -> object:
    return Decimal(value) if isinstance(value, str) and value[:1] in "-0123456789" else value


def table(found: Sequence[Difference]) -> str:
    """As Markdown; the cause only where there is something to explain."""
    rows = [f"| {one.what} | {one.different} of {one.of} | {one.cause if one.different else '–'} |" for one in found]
    return "\n".join(["| | different | cause |", "|---|---|---|", *rows, ""])
