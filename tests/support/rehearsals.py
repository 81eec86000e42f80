"""One story played twice, with real (testnet) orders and as a dry run, and what tells the two journals apart."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any

from play import ROOT, get, serving, write_config

from bot.core.decision import AssetDecision
from bot.core.market import Asset
from bot.core.orders import Fill
from bot.core.times import Millis
from bot.journal.reader import read_books, read_decisions
from bot.journal.views import RecordedDecision

SAME = "same fills"
TOUCH = "others' orders filled the real one at the touch; the dry run waits until the price trades through it"
MONEY = "another size: earlier fills left another balance, and with it another value of the portfolio"
START = "another quantity: the hedge before it had another size"


@dataclass(frozen=True)
class Work:
    """One change of a hedge as decided, and the executions that it took."""

    at: Millis
    asset: Asset
    action: str
    goal: Decimal
    fills: tuple[Fill, ...]

    @property
    def quantity(self) -> Decimal:
        """What was filled."""
        return sum((fill.quantity for fill in self.fills), Decimal(0))

    @property
    def price(self) -> Decimal | None:
        """Average price; None before the first fill."""
        quantity = self.quantity
        return sum((fill.quantity * fill.price for fill in self.fills), Decimal(0)) / quantity if quantity else None

    @property
    def done_at(self) -> Millis | None:
        """When the last of it was filled."""
        return max((fill.at for fill in self.fills), default=None)


@dataclass(frozen=True)
class Row:
    """One change in both runs, and why its fills or its size differ."""

    real: Work
    dry: Work

    @property
    def decided_alike(self) -> bool:
        return (self.real.at, self.real.asset, self.real.action, self.real.goal) == (
            self.dry.at, self.dry.asset, self.dry.action, self.dry.goal)

    @property
    def filled_alike(self) -> bool:
        return [_terms(fill) for fill in self.real.fills] == [_terms(fill) for fill in self.dry.fills]

    @property
    def cause(self) -> str | None:
        """Why they differ; None where no known cause explains it."""
        if self.real.goal != self.dry.goal:
            return MONEY
        if self.real.quantity != self.dry.quantity:
            return START
        if self.filled_alike:
            return SAME
        real, dry = self.real.done_at, self.dry.done_at
        touched = any(fill.maker for fill in self.real.fills)
        return TOUCH if touched and real is not None and dry is not None and real <= dry else None


def _terms(fill: Fill) -> tuple[object, ...]:
    """What a fill was; the profit that it realised follows from it and from those before."""
    return fill.at, fill.symbol, fill.side, fill.quantity, fill.price, fill.fee, fill.maker


@dataclass(frozen=True)
class Pair:
    """The journals of the two runs."""

    real: Path
    dry: Path

    def rows(self) -> list[Row]:
        """Every change of a hedge, in order. Raises ValueError where the runs decided on different changes."""
        found = []
        for real, dry in zip_longest(_works(self.real), _works(self.dry)):
            if real is None or dry is None or (real.at, real.asset, real.action) != (dry.at, dry.asset, dry.action):
                raise ValueError(f"real orders: {real}; dry run: {dry}")
            found.append(Row(real, dry))
        return found

    def common(self) -> Iterator[tuple[RecordedDecision, RecordedDecision]]:
        """Decisions that both runs recorded at one instant."""
        dry = {row.decision.at: row for row in read_decisions(self.dry, latest_only=True)}
        for row in read_decisions(self.real, latest_only=True):
            if row.decision.at in dry:
                yield row, dry[row.decision.at]

    def first_difference(self) -> Millis | None:
        """The instant of the first fill that only one of the runs had."""
        every = [{_terms(fill) for fill in read_books(journal).fills} for journal in (self.real, self.dry)]
        return min((int(str(terms[0])) for terms in every[0] ^ every[1]), default=None)


def _works(journal: Path) -> list[Work]:
    decided: list[tuple[Millis, AssetDecision]] = [
        (row.decision.at, one) for row in read_decisions(journal) for one in row.decision.assets if one.intent
    ]
    fills = read_books(journal).fills
    works = []
    for at, one in decided:
        ends = min((later for later, other in decided if other.asset == one.asset and later > at), default=2**62)
        mine = tuple(fill for fill in fills if fill.symbol.startswith(f"{one.asset}/") and at <= fill.at < ends)
        works.append(Work(at, one.asset, str(one.action), one.goal, mine))
    return works


def play_twice(folder: Path, *, days: int, poll: str, on_timeout: str, patience: str) -> tuple[Pair, dict[str, Any]]:
    """Play the demo story with real orders and as a dry run; both journals, and the account the dry run looked at."""
    state: dict[str, Any] = {}
    for name in ("real", "dry"):
        config = write_config(
            folder, name, story=f"scenario: demo\n  days: {days}\n  seed: 7", poll=poll, on_timeout=on_timeout)
        config.write_text(config.read_text().replace('patience: "2m"', f'patience: "{patience}"'))
        with serving(config) as url:
            run_to_the_end(config, url, dry_run=name == "dry")
            state = get(url, "/testnet/state")
    return Pair(folder / "real.db", folder / "dry.db"), state


def run_to_the_end(config: Path, url: str, *, dry_run: bool) -> None:
    """`hedgerow run` until the story is over."""
    command = [sys.executable, "-m", "bot", "run", "-c", str(config), *(["--dry-run"] if dry_run else [])]
    environment = {**os.environ, "HEDGEROW_TESTNET__URL": url}
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
