"""A dry run beside the same month with real (testnet) orders: the decisions are the same wherever the fills are."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from kill_story import read_trace
from play import ROOT, SIGKILLED, daemon, get, serving, write_config
from rehearsals import MONEY, SAME, START, TOUCH, Pair, play_twice, run_to_the_end
from test_time import TABLES, contents, quiet_points

from bot.journal.reader import read_books, read_decisions, read_status
from bot.journal.views import RecordedDecision

MONTH = 30


@pytest.fixture(scope="module", params=[("wait", "2m"), ("cross", "1ms")], ids=["resting", "crossing"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Two ways of executing: to rest until filled, and to take the spread at the next look."""
    on_timeout, patience = request.param
    played, looked_at = play_twice(
        tmp_path_factory.mktemp(on_timeout), days=MONTH, poll="1h", on_timeout=on_timeout, patience=patience)
    assert looked_at["orders"] == [], "a dry run sent an order"
    assert looked_at["totals"]["fills"] == 0
    return played


def test_up_to_the_first_fill_that_differs_every_decision_is_the_same_to_the_last_digit(pair: Pair) -> None:
    first = pair.first_difference()
    assert first is not None, "this story has fills that differ"
    before = [(real, dry) for real, dry in pair.common() if real.decision.at < first]
    assert len(before) > MONTH
    assert any(decided.intent for real, _ in before for decided in real.decision.assets)
    for real, dry in before:
        assert real.decision == dry.decision


def test_wherever_the_positions_agree_the_same_is_decided_for_the_same_reasons(pair: Pair) -> None:
    compared = 0
    for real, dry in pair.common():
        assert real.situation.snapshot.quotes == dry.situation.snapshot.quotes
        assert real.situation.snapshot.holdings == dry.situation.snapshot.holdings
        if _shorts(real) != _shorts(dry) or _working(real) != _working(dry):
            continue
        compared += 1
        for ours, theirs in zip(real.decision.assets, dry.decision.assets, strict=True):
            assert (ours.action, ours.held, [reason.code for reason in ours.reasons]) == (
                theirs.action, theirs.held, [reason.code for reason in theirs.reasons])
            # Fills at other prices leave other balances; that may move a size by one contract at most.
            assert abs(ours.goal - theirs.goal) <= (ours.contract if real.decision.nav != dry.decision.nav else 0)
    assert compared > 24 * (MONTH - 1), "nearly every hour must be comparable"


def test_every_hedge_is_changed_at_the_same_instants_and_each_difference_has_a_known_cause(pair: Pair) -> None:
    rows = pair.rows()
    assert len(rows) > 10
    assert {row.real.asset for row in rows} == {"BTC", "ETH"}
    for before, row in zip([None, *rows], rows, strict=False):
        assert row.cause is not None, row
        if row.cause == START:
            assert before is not None
            assert before.cause == MONEY
    assert sum(row.cause == SAME for row in rows) >= len(rows) / 2
    assert any(row.cause == TOUCH for row in rows)


def test_funding_is_settled_alike_where_the_position_is(pair: Pair) -> None:
    real, dry = ({(row.symbol, row.at): row for row in read_books(one).funding} for one in (pair.real, pair.dry))
    assert real.keys() == dry.keys()
    differing = {at for (_, at), row in real.items() if row.amount != dry[row.symbol, at].amount}
    sizes = [row for row in pair.rows() if not row.decided_alike]
    assert bool(differing) == bool(sizes)
    assert len(real) > MONTH


def test_it_keeps_a_journal_of_its_own_kind(pair: Pair) -> None:
    binding = read_status(pair.dry).binding
    assert (binding.environment, binding.account) == ("dry-local", "dry")


def test_a_dry_run_that_is_killed_goes_on_with_the_account_of_its_journal(tmp_path: Path) -> None:
    journals = []
    kills: list[dict[str, object]] = []
    for name in ("whole", "broken"):
        config = write_config(tmp_path, name, story="scenario: demo\n  days: 6\n  seed: 7", poll="1h")
        with serving(config) as url:
            killed = [daemon(config, url, kill=kill, dry_run=True) for kill in kills]
            assert daemon(config, url, trace=tmp_path / name, dry_run=True) == 0
            assert get(url, "/testnet/state")["orders"] == []
        assert killed == [SIGKILLED] * len(kills)
        journals.append(contents(config.with_suffix(".db")))
        kills = quiet_points(read_trace(tmp_path / "whole"), seed=3, count=4)
    expected, found = journals
    for table in TABLES:
        assert found[table] == expected[table], table
    assert expected["fills"]
    assert expected["funding"]


def test_without_a_key_a_dry_run_begins_with_the_balances_of_its_configuration(tmp_path: Path) -> None:
    config = write_config(tmp_path, "mine", story="scenario: demo\n  days: 2\n  seed: 7")
    with config.open("a") as file:
        file.write('starting_balances: {spot: {BTC: "1.2", USDT: "15000"}, futures: {USDT: "5000.5"}}\n')
    with serving(config, "--key", "somebody-elses", "--secret", "which-we-do-not-have") as url:
        run_to_the_end(config, url, dry_run=True)
        environment = {**os.environ, "HEDGEROW_TESTNET__URL": url}
        codes = {
            command: subprocess.run(
                [sys.executable, "-m", "bot", *command.split(), "-c", str(config)], cwd=ROOT, env=environment,
                capture_output=True, timeout=60, check=False,
            ).returncode
            for command in ("plan", "status", "health", "close BTC --wait 0s", "run --dry-run --once")
        }
    assert codes == dict.fromkeys(codes, 0)
    first = next(read_decisions(config.with_suffix(".db")))
    held = first.situation.snapshot.holdings
    assert {coin: held[coin].total for coin in held} == {"BTC": Decimal("1.2"), "ETH": 0, "USDT": 15_000}
    assert first.situation.snapshot.futures.balance == Decimal("5000.5")
    assert read_books(config.with_suffix(".db")).fills, "1.2 BTC are far above their target"


def _shorts(row: RecordedDecision) -> dict[str, Decimal]:
    return {one.asset: one.short for one in row.decision.assets}


def _working(row: RecordedDecision) -> dict[str, bool]:
    return {asset: standing.working for asset, standing in row.situation.standing.assets.items()}
