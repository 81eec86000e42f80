"""Every row of the table of worked examples in the rule's definition, asked of `decide`."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from rule_world import NO_MARGIN_LIMITS, World, asset_policy, codes, guards_of, instrument, pp, terms, world

from bot.core.decision import Action
from bot.core.margin import initial_margin
from bot.core.market import FuturesWallet, Holding, WalletKind
from bot.core.plan import check_terms, decide
from bot.core.policy import AssetPolicy

D = Decimal


def policy(contract: str, opens: str = "5", closes: str = "1", resizes: str = "1") -> AssetPolicy:
    return asset_policy(contract=D(contract), open=pp(opens), close=pp(closes), resize=pp(resizes))


@pytest.mark.parametrize(("nav", "btc", "price", "chosen", "contracts", "excess"), [
    ("100000", "1.2", "50000", policy("0.1"), 2, "10000"),
    ("100000", "1.02", "50000", policy("0.01", "1", "0.2"), 2, "1000"),
    ("5000", "0.055", "50000", policy("0.001"), 5, "250"),
    ("11000", "0.315", "20000", policy("0.01"), 4, "800"),
])
def test_a_drift_opens_so_many_contracts(
    nav: str, btc: str, price: str, *, chosen: AssetPolicy, contracts: int, excess: str,
) -> None:
    story = world(nav, btc, price, policy=chosen)
    decision = story.settle()
    decided = decision.of("BTC")
    assert decision.nav == D(nav)
    assert decided.measure.excess == D(excess)
    assert decided.action is Action.OPEN
    assert decided.contract == chosen.contract
    assert decided.goal == contracts * decided.contract
    assert decided.intent is not None
    assert decided.intent.goal == decided.goal


def test_a_contract_of_half_the_portfolio_is_refused_at_start() -> None:
    chosen = terms(policy("1"))
    errors, warnings = check_terms(chosen, D(100_000), {"BTC": D(50_000)})
    assert [error.code for error in errors] == ["contract_too_large"]
    assert "50.00 pp" in errors[0].text
    assert warnings == ()


@pytest.mark.parametrize(("btc", "action", "goal"), [
    ("1.182", Action.HOLD, "0.2"),
    ("1.180", Action.REDUCE, "0.180"),
    ("1.020", Action.CLOSE, "0"),
])
def test_a_hedge_of_two_hundred_contracts_holds_shrinks_or_ends(btc: str, action: Action, goal: str) -> None:
    decided = world(btc=btc, short="0.2", policy=policy("0.001")).settle().of("BTC")
    assert (decided.action, decided.goal) == (action, D(goal))


def test_one_contract_less_would_leave_more_than_it_takes() -> None:
    decided = world(btc="1.175", short="0.2", policy=policy("0.1")).settle().of("BTC")
    assert (decided.action, decided.goal) == (Action.HOLD, D("0.2"))
    assert codes(decided) == ["not_closer"]
    assert decided.measure.residual == D("-0.0125")


def test_coins_that_move_to_an_unlisted_wallet_hold_the_hedge_that_the_naive_rule_would_close() -> None:
    story = world(btc="1.2", short="0.2", policy=policy("0.1"))
    assert story.settle().of("BTC").goal == D("0.2")
    story.holdings["BTC"] = D(1)
    for _ in range(4):
        decided = story.later().of("BTC")
        assert decided.held
        assert guards_of(decided) == ["holdings_changed"]
        assert (decided.action, decided.goal) == (Action.HOLD, D("0.2"))
    # What the naive rule does is what happens once the user says that the coins are really gone.
    story.standings["BTC"] = {"accept_requested": True}
    story.later()
    story.standings.clear()
    decided = story.later().of("BTC")
    assert (decided.action, decided.goal) == (Action.REDUCE, D("0.1"))


def test_a_unified_wallet_counts_every_balance_once_and_unrealised_once() -> None:
    base = World(
        terms=terms(policy("0.01"), instruments={"BTC": instrument(collateral_ratio=D("0.95"))},
                    margin=NO_MARGIN_LIMITS),
        holdings={"BTC": D("1.2")}, prices={"BTC": D(50_000)},
    )
    situation = base.situation()
    wallet = FuturesWallet(D(0), D(-2000), D(96_000), D(0), D(0), D(90_000))
    situation = replace(situation, snapshot=replace(
        situation.snapshot, wallet=WalletKind.UNIFIED, futures=wallet,
        holdings={"BTC": Holding(D("1.2")), "USDT": Holding(D(41_200), borrowed=D(1_200))},
    ))
    first = decide(situation, base.terms)
    assert first.nav == D(98_000)
    assert first.cash == D(40_000)
    assert first.of("BTC").measure.excess == D(11_000)
    base.at += 30_000
    again = replace(situation, state=first.state, snapshot=replace(
        situation.snapshot, taken_at=base.at, quotes=base.snapshot().quotes))
    assert decide(again, base.terms).of("BTC").goal == D("0.22")


def test_liabilities_of_any_kind_reduce_nav() -> None:
    story = world(btc="1.2")
    situation = story.situation()
    owing = replace(situation, snapshot=replace(situation.snapshot, liabilities=D(2_000)))
    decision = decide(owing, story.terms)
    assert decision.nav == D(98_000)
    assert decision.of("BTC").measure.excess == D(11_000)


def test_the_first_row_in_margin_figures() -> None:
    story = World(
        terms=terms(policy("0.1"), asset_policy("ETH", "0.3")), holdings={"BTC": D("1.2"), "ETH": D(8)},
        prices={"BTC": D(50_000), "ETH": D(2_500)}, cash=D(10_000), futures=D(10_000), shorts={"BTC": D("0.2")},
    )
    decision = story.look()
    assert decision.nav == D(100_000)
    assert decision.cash == D(20_000)
    assert decision.margin.effective_leverage == 1
    assert initial_margin(decision.margin.notional, D(2)) == D(5_000)
    assert decision.of("BTC").measure.net_weight == D("0.5")
    assert decision.of("BTC").measure.drift == D("0.1")
