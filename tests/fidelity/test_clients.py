"""The testnet, as its own process, under clients that others wrote: one test for each client and call."""

from __future__ import annotations

import re

import pytest
from fidelity import CALLS, CLIENTS, FOLDER, Client, outcomes
from play import ROOT


@pytest.mark.parametrize(
    ("client", "call"), [(client, call) for client in CLIENTS for call in client.calls],
    ids=[f"{client.name}-{call}" for client in CLIENTS for call in client.calls],
)
def test_a_client_that_others_wrote_finds_the_venue_it_knows(client: Client, call: str) -> None:
    found = outcomes(client)[call]
    assert found.well, found.detail


@pytest.mark.parametrize("client", CLIENTS, ids=[client.name for client in CLIENTS])
def test_a_driver_reports_the_calls_of_the_table_and_no_others(client: Client) -> None:
    assert set(outcomes(client)) == set(client.calls)


def test_every_call_is_made_by_some_client_or_said_to_make_no_sense() -> None:
    assert all(set(client.lacks) <= set(CALLS) for client in CLIENTS)
    assert {call for client in CLIENTS for call in client.calls} >= set(CALLS)


def test_every_client_has_a_hashed_lock_and_every_lock_a_client() -> None:
    locks = {path.stem: path.read_text(encoding="utf-8") for path in (FOLDER / "clients").glob("*.lock")}
    assert set(locks) == {client.package for client in CLIENTS} | {"bittytax"}  # which reads what we export
    for package, text in locks.items():
        entries = [entry for entry in text.replace("\\\n", " ").splitlines() if entry.strip()]
        assert all(re.match(r"[a-z0-9._-]+==\S+ ", entry) and "--hash=sha256:" in entry for entry in entries), package
        assert f"{package}==" in text


def test_no_driver_imports_anything_of_ours() -> None:
    for path in (FOLDER / "drivers").glob("*.py"):
        assert not re.search(r"^(from|import) bot\b", path.read_text(encoding="utf-8"), re.MULTILINE), path


def test_the_page_shows_the_report_of_all_clients_and_calls() -> None:
    page = (ROOT / "docs" / "testnet.md").read_text(encoding="utf-8")
    rows = {row[1]: row[0] for row in re.finditer(r"^│ ([a-z -]+?) +│.*$", page, re.MULTILINE)}
    assert list(rows) == [*CALLS, *(call for client in CLIENTS for call in client.extra)]
    for call, row in rows.items():
        cells = [cell.strip() for cell in row.split("│")[2:-1]]
        assert cells == ["pass" if call in client.calls else "–" for client in CLIENTS], row
