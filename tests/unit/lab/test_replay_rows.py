"""A replay that looks in passing against the engine's ticks at every row, with a journal on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from panels import made_up_panel

from bot.core.policy import AssetPolicy, Direction, FinalisePolicy, OnMargin, Policy, Threshold
from bot.core.times import DAY, parse_iso
from bot.journal.check import check
from bot.journal.reader import read_decisions, read_episodes
from bot.lab import replay as lab
from bot.lab import stage as lab_stage
from bot.lab.market import Fill
from bot.lab.panel import Panel, Row
from bot.lab.replay import Outcome, replay
from bot.lab.stage import Stage, Wishes, bare, journal_of

D = Decimal
Trace = list[tuple[Any, ...]]
ROWS = 150
START = parse_iso("2021-01-01")


def policy(**changes: Any) -> Policy:
    coins = AssetPolicy("BTC", D("0.5"), contract=D("0.001")), AssetPolicy("ETH", D("0.3"), contract=D("0.01"))
    found = Policy(coins, cash_target=D("0.2"), **changes)
    return replace(found, margin=replace(found.margin, on_margin=OnMargin.CLOSE))


def narrow(found: Policy) -> Policy:
    """Triggers that the made-up waves cross often."""
    return replace(found, assets=tuple(
        replace(one, open=Threshold(D("0.05")), close=Threshold(D("0.01")), resize=Threshold(D("0.01")))
        for one in found.assets))


def both(found: Policy) -> Policy:
    return replace(found, assets=tuple(replace(one, direction=Direction.BOTH) for one in found.assets))


WISHES = {
    "bare": Wishes(narrow(bare(None)), fill=Fill.IMMEDIATE, bare=True),
    "immediate": Wishes(narrow(policy()), fill=Fill.IMMEDIATE),
    "touch": Wishes(narrow(policy()), fill=Fill.TOUCH),
    "unified": Wishes(narrow(policy()), venue="bybit", fill=Fill.TOUCH),
    "sold": Wishes(narrow(policy(finalise=FinalisePolicy(max_age=DAY))), fill=Fill.TOUCH),
    "longs": Wishes(both(narrow(policy())), fill=Fill.TOUCH),
    "bare longs": Wishes(both(narrow(bare(None))), fill=Fill.IMMEDIATE, bare=True),
    "short of margin": Wishes(narrow(policy()), fill=Fill.TOUCH, futures_share=D("0.2")),
}


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Trace]:
    """The account at the end of every row of the runs since the last call."""
    seen: Trace = []
    count, stages = lab._Tally.count, []

    async def set_stage(*wanted: Any, **more: Any) -> Stage:
        stages.append(await lab_stage.set_stage(*wanted, **more))
        return stages[-1]

    def note(tally: Any, row: Row, nav: Decimal, liquid: Decimal, offs: Any) -> None:
        account, book, exchange = stages[-1].exchange.account, stages[-1].book, stages[-1].exchange
        seen.append((
            row.at, nav, liquid, dict(account.wallets.spot), dict(account.wallets.futures), dict(account.positions),
            len(account.fills), [order.client_order_id for order in exchange.open_orders()],
            replace(book.state), list(offs)))
        count(tally, row, nav, liquid, offs)

    monkeypatch.setattr(lab, "set_stage", set_stage)
    monkeypatch.setattr(lab._Tally, "count", note)

    def taken() -> Trace:
        found = list(seen)
        seen.clear()
        return found

    return taken


def rows(path: Path, count: int) -> list[Row]:
    return list(Panel(path).rows(START, START + count * 3_600_000, ("BTC", "ETH")))


def timeless(outcome: Outcome) -> Outcome:
    return replace(outcome, seconds=0.0)


@pytest.mark.parametrize("kind", list(WISHES))
async def test_a_replay_is_the_ticks_of_the_engine_row_by_row(
    kind: str, tmp_path: Path, traced: Callable[[], Trace],
) -> None:
    wishes, panel = WISHES[kind], rows(made_up_panel(tmp_path, ROWS), ROWS)
    quick = await replay(wishes, panel)
    quickly = traced()
    async with journal_of(tmp_path / "replay.db", wishes) as journal:
        whole = await replay(wishes, panel, journal=journal, tick_every=0)
    for passing, ticked in zip(quickly, traced(), strict=True):
        assert passing == ticked
    assert timeless(quick) == timeless(whole)
    assert quick.trades > 3
    longs = any(position.quantity > 0 for _, _, _, _, _, positions, *_ in quickly for position in positions.values())
    assert longs is ("longs" in kind)
    assert (sum(quick.finalisations.values()) > 0) is (kind == "sold")
    decided = {made.decision.at: made.decision for made in read_decisions(tmp_path / "replay.db")}
    assert list(decided) == [row.at for row in panel if not (row.stale and wishes.bare)]
    for (*_, before, _, _, _), (at, nav, _, _, _, _, fills, _, _, _) in pairwise(quickly):
        if at in decided and fills == before:  # a trade's fee is paid after its decision
            assert decided[at].nav == nav
    report = check(tmp_path / "replay.db")
    assert report.ok, report


async def test_a_journal_of_a_quick_replay_has_every_hedge_and_a_decision_a_day(tmp_path: Path) -> None:
    wishes, panel = WISHES["bare"], rows(made_up_panel(tmp_path, ROWS), ROWS)
    async with journal_of(tmp_path / "replay.db", wishes) as journal:
        outcome = await replay(wishes, panel, journal=journal, tick_every=DAY)
    hedges = read_episodes(tmp_path / "replay.db")
    assert len(hedges) == sum(outcome.episodes.values())
    assert sum(-hedge.funding_paid for hedge in hedges) == sum(outcome.funding.values())
    assert sum(hedge.fees for hedge in hedges) == sum(outcome.fees.values())
    stamps = [made.decision.at for made in read_decisions(tmp_path / "replay.db")]
    assert len(stamps) < len(panel)
    assert max(after - before for before, after in pairwise(stamps)) <= DAY + 3_600_000
    assert check(tmp_path / "replay.db").ok
