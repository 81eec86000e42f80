"""Stories played by real processes: a testnet in one, the daemon in another, killed where a test wants it."""

from __future__ import annotations

import atexit
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from bot.app import LEASE
from bot.demo import READY, compare
from bot.journal.check import check
from bot.journal.reader import read_books

ROOT = Path(__file__).parents[2]
CRASH_DAEMON = Path(__file__).with_name("crash_daemon.py")
SIGKILLED = -9


def shared_data() -> Path | None:
    """The optional folder of real market history, where it is present."""
    folder = Path(os.environ.get("HEDGEROW_SHARED", ROOT.parent / "shared")) / "data"
    return folder if (folder / "panel_1h_asof.csv.gz").is_file() else None


def get(url: str, path: str) -> Any:
    with urlopen(url + path, timeout=10) as reply:  # noqa: S310 -- our own testnet on loopback
        return json.loads(reply.read())


def post(url: str, path: str, body: Mapping[str, object]) -> Any:
    asked = Request(url + path, json.dumps(body).encode(), method="POST")  # noqa: S310 -- our own testnet on loopback
    with urlopen(asked, timeout=10) as reply:  # noqa: S310 -- the same
        return json.loads(reply.read())


@contextmanager
def testnet(*options: str) -> Iterator[str]:
    """A testnet as a user starts it, in a process of its own; gives its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "testnet", "serve", "--port", "0", *options], cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline().strip()
        assert line.startswith(READY), f"{line} {process.stderr.read()}"
        yield line.removeprefix(READY)
    finally:
        process.terminate()
        process.communicate(timeout=20)


class Forks:
    """A process that has imported the daemon and forks one life a call: each is a process of its own, soon begun."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(CRASH_DAEMON), "--forks"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        atexit.register(self.close)

    def live(self, arguments: Sequence[str], environment: Mapping[str, str], said: Path) -> int:
        """Live to its end; the exit code (negative: the signal that ended it)."""
        line = {"arguments": arguments, "environment": environment, "said": str(said)}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(line), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """No more lives."""
        self._process.communicate(timeout=20)


@lru_cache(maxsize=1)
def _forks() -> Forks:
    return Forks()


def serving(config: Path, *options: str) -> AbstractContextManager[str]:
    """A testnet process playing the configuration's story; gives its URL."""
    return testnet("-c", str(config), *options)


def daemon(
    config: Path, url: str, *, trace: Path | None = None, kill: Mapping[str, object] | None = None,
    dry_run: bool = False,
) -> int:
    """Run the daemon process to its end; its exit code (negative: the signal that ended it).

    A life that is to be killed is forked from a process that has imported everything; any other starts from nothing.
    """
    command = [str(config)]
    if trace is not None:
        command += ["--trace", str(trace)]
    if kill is not None:
        command += ["--kill", json.dumps(kill)]
    if dry_run:
        command.append("--dry-run")
    environment, said = {"HEDGEROW_TESTNET__URL": url}, config.with_suffix(".said")
    if kill is not None:
        code = _forks().live(command, environment, said)
    else:
        with said.open("a") as file:
            code = subprocess.run(
                [sys.executable, str(CRASH_DAEMON), *command], cwd=ROOT, stdout=file, stderr=file, timeout=300,
                check=False, env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            ).returncode
    assert code in (0, SIGKILLED), f"{code}: {said.read_text()[-2000:]}"
    return code


@dataclass(frozen=True)
class Outcome:
    """How a played story ended: the exchange's account, and where the journal lies."""

    state: Mapping[str, Any]
    journal: Path
    killed: int = 0


def position_at(state: Mapping[str, Any], symbol: str, at: int) -> Decimal:
    """The signed position that the exchange's fills up to and including `at` add up to."""
    return sum(
        (Decimal(fill["quantity"]) * (1 if fill["side"] == "buy" else -1)
         for fill in state["fills"] if fill["symbol"] == symbol and fill["market"] == "perp" and fill["at"] <= at),
        Decimal(0),
    )


def check_invariants(outcome: Outcome, settle: str = "USDT") -> None:
    """What must hold whatever happened: books equal, no order twice, no orphan, decisions reproducible, never long."""
    books = read_books(outcome.journal)
    assert compare(books, outcome.state, settle) == ()
    check_orders(outcome)
    symbols = {fill["symbol"] for fill in outcome.state["fills"] if fill["market"] == "perp"}
    for symbol in symbols:
        for fill in outcome.state["fills"]:
            assert position_at(outcome.state, symbol, fill["at"]) <= 0, f"net long on {symbol} at {fill['at']}"
    report = check(outcome.journal)
    assert report.ok, [problem for found in report.checks for problem in found.problems]
    assert report.checks[-1].name == "decisions"
    assert report.checks[-1].examined > 0


def check_orders(outcome: Outcome) -> None:
    """Every order of ours at the exchange maps to exactly one intent, and none is left resting."""
    sent = [row["client_order_id"] for row in outcome.state["orders"] if row["client_order_id"].startswith("hr")]
    assert len(sent) == len(set(sent)), "an order was sent twice"
    assert set(sent) <= set(_intents(outcome.journal)), "an order at the exchange has no intent"
    assert outcome.state["open_orders"] == [], "an order was left behind"


def _intents(journal: Path) -> Sequence[str]:
    with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as connection:
        return [row[0] for row in connection.execute("SELECT client_order_id FROM intents")]


CONFIG = """
venue: {venue}
environment: local
testnet: {{timeout: "10s"}}
assets:
  BTC: {{target: "50%", contract: "0.001"}}
  ETH: {{target: "30%", contract: "0.01"}}
cash: {{USDT: "20%"}}
triggers: {{open: "3pp", close: "1pp", resize: "1pp"}}
margin: {{on_margin: close}}
execution: {{patience: "2m", on_timeout: {on_timeout}}}
poll: {poll}
working_poll: "5s"
journal: {name}.db
log: {{console: false}}
story:
  {story}
  path: {path}
  nav: "100000"
  weights: {{BTC: "50%", ETH: "30%", USDT: "20%"}}
"""


def write_config(
    folder: Path, name: str, *, story: str, path: str = "bridge", poll: str = "15m", on_timeout: str = "wait",
    venue: str = "binance",
) -> Path:
    """A configuration for a story at 50/30/20 that opens at 3pp; `story` are lines of its `story` section."""
    file = folder / f"{name}.yaml"
    file.write_text(CONFIG.format(name=name, story=story, path=path, poll=poll, on_timeout=on_timeout,
                                  venue=venue))
    return file


def history(start: str, end: str) -> str:
    """A `story` section that plays real history. Only where `shared_data()` is."""
    folder = shared_data()
    assert folder is not None
    return f'panel: {folder / "panel_1h_asof.csv.gz"}\n  start: "{start}"\n  end: "{end}"'


def play(config: Path, *, kills: Sequence[Mapping[str, Any]] = (), trace: Path | None = None) -> Outcome:
    """Play the configured story to its end, killing the daemon at each planned point and starting it again.

    `away` in a plan: for so many milliseconds of the story nobody is there.
    """
    killed = 0
    with serving(config) as url:
        for plan in kills:
            if daemon(config, url, kill=plan) == SIGKILLED:
                killed += 1
                now = get(url, "/testnet/clock")["now"]
                post(url, "/testnet/advance", {"lease": LEASE, "until": now + plan.get("away", 0)})
        assert daemon(config, url, trace=trace) == 0
        clock = get(url, "/testnet/clock")
        assert clock["now"] == clock["end"], "the story was not played to its end"
        return Outcome(get(url, "/testnet/state"), config.with_suffix(".db"), killed)
