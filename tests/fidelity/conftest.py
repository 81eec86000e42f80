"""Prints what came of every call of every client, once the tests have run: the report of `make fidelity`."""

from __future__ import annotations

from collections.abc import Generator
from io import StringIO

import pytest
from fidelity import CALLS, CLIENTS, REQUIRED
from rich.console import Console
from rich.table import Table

_RESULTS: dict[tuple[str, str], str] = {}
_WORDS = {"passed": "pass", "failed": "FAIL", "skipped": "not set up"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what came of each test that is a client's call."""
    report = yield
    call = getattr(item, "callspec", None)
    if call is not None and "call" in call.params and (report.when == "call" or report.failed):
        _RESULTS[call.params["client"].name, call.params["call"]] = _WORDS[report.outcome]
    return report


def table() -> str:
    """Calls down, clients across; a dash where a call makes no sense, and why below."""
    shown = Table(title="The testnet under clients that others wrote", title_justify="left")
    shown.add_column("call", no_wrap=True)
    for client in CLIENTS:
        shown.add_column(client.name.replace("-", "-\n").replace(", ", ",\n"), justify="center", no_wrap=True)
    for call in (*CALLS, *dict.fromkeys(call for client in CLIENTS for call in client.extra)):
        cells = [_RESULTS.get((client.name, call), "–" if call not in client.calls else "not run")
                 for client in CLIENTS]
        shown.add_row(call, *cells)
    console = Console(file=StringIO(), width=120, no_color=True)
    console.print(shown)
    for client in CLIENTS:
        for call, why in client.lacks.items():
            console.print(f"– {client.name}, {call}: {why}", highlight=False, soft_wrap=True)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the report where it was asked for."""
    if REQUIRED and _RESULTS:
        terminalreporter.write_line("")
        terminalreporter.write(table())
