"""What a finalisation brought buys what is below its target: in proportion, within cash and minimums, and it ends."""

from __future__ import annotations

from decimal import Decimal

from rule_world import World, asset_policy, codes, instrument, terms

from bot.core.decision import AssetState, Due, Finalising, Leg, RuleState
from bot.core.explain import explain
from bot.core.policy import FinalisePolicy, Reinvest

D = Decimal
INVESTING = FinalisePolicy(reinvest=Reinvest.TARGETS)


def sold(*, finalise: FinalisePolicy = INVESTING, cash: str = "30000", least: int = 5) -> World:
    """BTC's hedge of 0.2 has just ended with its coins: BTC is on target, ETH 10,000 below, cash above."""
    coins = [asset_policy(), asset_policy("ETH", "0.3")]
    story = World(
        terms=terms(*coins, instruments={one.asset: instrument(one.asset, spot_min_notional=D(least))
                                         for one in coins}, finalise=finalise),
        holdings={"BTC": D("1.0"), "ETH": D(8)}, prices={"BTC": D(50_000), "ETH": D(2_500)}, cash=D(cash),
    )
    story.standings["BTC"] = {"spot_sold": D("0.2"), "coin_flow": D("-0.2"), "closed_at": story.at}
    story.standing["cash_flow"] = D(10_000)
    story.state = RuleState({
        "BTC": AssetState(
            holding=D("1.2"), goal=D(0), goal_at=story.at - 1, goal_reason="finalise_requested",
            finalising=Finalising("finalise_requested", story.at - 1, D("0.2"), D(0), D("0.2"), D("0.04"))),
        "ETH": AssetState(holding=D(8)),
    }, D(cash) - 10_000)
    return story


def test_off_by_default_the_proceeds_stay_cash() -> None:
    story = sold(finalise=FinalisePolicy())
    assert story.look().of("ETH").due is None
    assert story.state.to_invest == 0


def test_the_proceeds_buy_what_is_below_its_target() -> None:
    story = sold()
    decision = story.look()
    assert decision.of("ETH").due == Due(Leg.BUY, D(4), story.at)  # 10,000 at 2,500
    assert decision.of("BTC").due is None
    assert "reinvesting" in codes(decision.of("ETH"))
    assert story.state.to_invest == 0


def test_cash_that_is_below_its_target_keeps_its_share() -> None:
    story = sold(cash="10000")
    story.holdings["BTC"] = D("1.4")  # NAV 100,000: ETH lacks 10,000, cash 10,000
    story.asset_state("BTC", holding=D("1.6"))
    buys = story.look().of("ETH").due
    assert buys is not None
    assert buys.quantity * 2_500 == 4_950  # half of the 9,900 that may be spent


def test_a_purchase_waits_while_a_guard_holds_and_is_not_forgotten() -> None:
    story = sold()
    story.cash += D(5_000)  # unasked
    assert story.look().of("ETH").due is None
    assert story.state.to_invest == 10_000
    story.cash -= D(5_000)
    assert story.later().of("ETH").due is not None


def test_a_purchase_that_is_going_on_is_held_by_data_guards() -> None:
    story = sold()
    story.look()
    story.cash += D(5_000)
    assert story.later().of("ETH").held


def test_what_was_bought_counts_and_the_purchase_ends() -> None:
    story = sold()
    story.look()
    story.holdings["ETH"], story.cash = D(11), story.cash - 7_500
    story.standings["ETH"] = {"coin_flow": D(3)}
    story.standing["cash_flow"] = D(2_500)
    decision = story.later()
    assert not decision.of("ETH").held, "our own purchase alarms no guard"
    assert decision.of("ETH").due == Due(Leg.BUY, D(1), story.at - 30_000)
    story.holdings["ETH"], story.cash = D(12), story.cash - 2_500
    story.standings["ETH"] = {"coin_flow": D(4)}
    story.standing["cash_flow"] = D(0)
    ended = story.later().of("ETH")
    assert ended.due is None
    assert "reinvested" in codes(ended)
    assert story.state.of("ETH").buying is None


def test_it_buys_no_more_than_up_to_the_target() -> None:
    story = sold()
    story.look()
    story.prices["ETH"] = D(2_600)  # below by 9,440 of 100,800
    buys = story.later(600_000).of("ETH").due
    assert buys is not None
    assert D("3.63") < buys.quantity < D("3.64")


def test_nothing_is_bought_that_the_market_would_not_take() -> None:
    story = sold(least=20_000)
    assert story.look().of("ETH").due is None
    assert story.state.to_invest == 0


def test_an_explanation_agrees() -> None:
    story = sold()
    situation = story.situation()
    assert explain(situation, story.terms, story.look()).disagreements == ()
    story.at += 30_000
    assert explain(story.situation(), story.terms, story.look()).disagreements == ()
