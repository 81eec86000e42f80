"""A dry run's account out of its journal's file."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from fake_market import FakeMarket, HandClock
from journal_values import T0, TERMS, decision, situation

from bot import rehearsal
from bot.core.decision import Standing
from bot.core.market import FuturesWallet, Holding
from bot.errors import ConfigError, JournalForeign
from bot.journal.store import SqlJournal
from bot.paper.restore import Past
from bot.ports import Balances
from bot.settings import Settings, load

D = Decimal


def settings(folder: Path, more: str = "") -> Settings:
    path = folder / "mine.yaml"
    path.write_text(
        'venue: binance\nenvironment: demo\nassets: {BTC: {target: "50%"}, ETH: {target: "30%"}}\n'
        'cash: {USDT: "20%"}\nmargin: {on_margin: close}\n' + more, encoding="utf-8")
    return load(path, {})


async def journal(wanted: Settings, environment: str = "dry-demo", account: str = "dry") -> SqlJournal:
    return await SqlJournal.open(
        wanted.journal, environment=environment, venue="binance", account=account, wall=lambda: 1)


async def test_there_is_no_past_before_the_first_decision(tmp_path: Path) -> None:
    wanted = settings(tmp_path)
    assert rehearsal.read_past(wanted) is None
    assert not rehearsal.is_dry(wanted)
    opened = await journal(wanted)
    assert rehearsal.read_past(wanted) is None
    assert rehearsal.is_dry(wanted)
    await opened.close()


@pytest.mark.parametrize(("environment", "account"), [("demo", "123"), ("dry-live", "dry")])
async def test_the_journal_of_real_orders_or_of_another_environment_is_not_taken_up(
    tmp_path: Path, environment: str, account: str,
) -> None:
    wanted = settings(tmp_path)
    await (await journal(wanted, environment, account)).close()
    with pytest.raises(JournalForeign, match="not of a dry run on demo"):
        rehearsal.read_past(wanted)


async def test_a_journal_of_a_dry_run_is_refused_where_orders_are_real(tmp_path: Path) -> None:
    wanted = settings(tmp_path)
    await (await journal(wanted)).close()
    with pytest.raises(JournalForeign):
        await journal(wanted, "demo", "123")


async def test_what_it_began_with_is_what_a_decision_saw_less_what_trading_had_moved_by_then(tmp_path: Path) -> None:
    wanted = settings(tmp_path)
    opened = await journal(wanted)
    seen = situation(T0)
    later = replace(
        seen, standing=Standing(cash_flow=D("-12.5")),
        snapshot=replace(seen.snapshot, holdings={"BTC": Holding(D(1), D("0.2")), "USDT": Holding(D(300))},
                         futures=FuturesWallet(D("9987.5"), D(7), D("9994.5"), D(0), D(0), D(9_000))),
    )
    await opened.record_decision(later, TERMS, decision(T0))
    past = rehearsal.read_past(wanted)
    assert past == Past(
        Balances({"BTC": D("1.2"), "ETH": D(0), "USDT": D(300)}, {"USDT": D(10_000)}))
    await opened.close()


async def test_a_key_shows_the_balances_else_the_configuration_has_them(tmp_path: Path) -> None:
    market = FakeMarket(HandClock())
    with pytest.raises(ConfigError, match="starting_balances"):
        await rehearsal.starting_balances(settings(tmp_path), market)
    wanted = settings(tmp_path, 'starting_balances: {spot: {BTC: "1.5"}}\n')
    assert await rehearsal.starting_balances(wanted, market) == Balances(
        {"BTC": D("1.5"), "ETH": D(0), "USDT": D(0)}, {"USDT": D(0)})
    market.real = Balances({"ETH": D(2)}, {"USDT": D(7)})
    assert await rehearsal.starting_balances(wanted, market) == Balances(
        {"BTC": D(0), "ETH": D(2), "USDT": D(0)}, {"USDT": D(7)})
