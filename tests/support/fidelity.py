"""Clients of the exchanges that others wrote, let loose on a testnet process, and what came of each call."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from play import ROOT, testnet

FOLDER = ROOT / "tests" / "fidelity"
REQUIRED = os.environ.get("HEDGEROW_FIDELITY") == "all"
"""Whether a client that is not set up is a failure; otherwise it is skipped."""
LONGEST = 240.0
"""Real seconds for all calls of one client."""

CALLS = (
    "markets", "account", "leverage", "place", "query", "duplicate client id", "amend", "cancel", "post-only crossing",
    "insufficient margin", "min notional", "partial fill", "reduce-only", "spot sale", "user stream",
    "market stream", "funding income", "bad signature", "late timestamp", "rate limit",
)

_SPOT = {
    "leverage": "a spot market has none", "reduce-only": "a spot market has no positions",
    "funding income": "a spot market pays none",
    "amend": "the library has only cancel-and-replace, which the testnet's spot market does not offer",
}
_FUTURES = {"spot sale": "a library of the futures alone"}


@dataclass(frozen=True)
class Client:
    """`package` names the environment, `driver` the script; `lacks`: calls that make no sense for it, each with why."""

    name: str
    package: str
    driver: str
    venue: str = "binance"
    lacks: Mapping[str, str] = field(default_factory=dict)
    extra: tuple[str, ...] = ()

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return ROOT / ".fidelity" / self.package / "bin" / "python"

    @property
    def calls(self) -> tuple[str, ...]:
        """What its driver reports, in the table's order."""
        return tuple(call for call in CALLS if call not in self.lacks) + self.extra


CLIENTS = (
    Client("pybit", "pybit", "pybit_v5", "bybit"),
    Client("binance-futures-connector", "binance-futures-connector", "binance_futures_connector", lacks=_FUTURES),
    Client("binance-connector", "binance-connector", "binance_connector", lacks=_SPOT),
    Client("binance-sdk", "binance-sdk-derivatives-trading-usds-futures", "binance_sdk", lacks=_FUTURES,
           extra=("models",)),
    Client("python-binance", "python-binance", "python_binance"),
    Client("ccxt, Binance", "ccxt", "ccxt_unified"),
    Client("ccxt, Bybit", "ccxt", "ccxt_unified", "bybit"),
)


@dataclass(frozen=True)
class Outcome:
    """What came of one call."""

    well: bool
    detail: str


_DONE: dict[str, dict[str, Outcome]] = {}


def outcomes(client: Client) -> dict[str, Outcome]:
    """By call; the client is let loose once. Skips, or fails where it is required, when it is not set up."""
    if not client.python.is_file():
        message = f"{client.package} is not set up: make fidelity-setup"
        if REQUIRED:
            pytest.fail(message)
        pytest.skip(message)
    if client.name not in _DONE:
        _DONE[client.name] = _drive(client)
    return _DONE[client.name]


def _drive(client: Client) -> dict[str, Outcome]:
    with testnet("--venue", client.venue, "--nav", "1000000") as url:
        try:
            driven = subprocess.run(
                [client.python, FOLDER / "drivers" / f"{client.driver}.py", url, client.venue], capture_output=True,
                text=True, timeout=LONGEST, check=False,
            )
            lines, trouble = driven.stdout.splitlines(), driven.stderr
        except subprocess.TimeoutExpired as late:
            lines, trouble = (late.stdout or b"").decode().splitlines(), f"not done within {LONGEST:.0f} s"
    told = [json.loads(line) for line in lines if line.startswith("{")]
    found = {row["call"]: Outcome(row["ok"], row["detail"]) for row in told}
    silent = Outcome(well=False, detail=f"the driver did not tell: {trouble[-2000:]}")
    return {**{call: found.get(call, silent) for call in client.calls}, **found}
