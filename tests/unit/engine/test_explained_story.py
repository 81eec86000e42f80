"""Whatever an engine decides in a whole story, partial fills, funding and resting orders included, explains itself."""

from __future__ import annotations

from decimal import Decimal

from paper_bot import PaperBot, StoryTime

from bot.core.decision import Action
from bot.core.explain import explain
from bot.core.outlook import outlook
from bot.core.policy import AssetPolicy, ExecutionPolicy, OnTimeout, Policy, Threshold
from bot.core.times import HOUR, MINUTE
from bot.testnet.build import build
from bot.testnet.options import TestnetOptions

D = Decimal


async def test_every_decision_of_a_story_explains_itself_and_looks_ahead_without_contradiction() -> None:
    levels = (Threshold(D("0.03")), Threshold(D("0.01")), Threshold(D("0.01")))
    rules = Policy(
        (AssetPolicy("BTC", D("0.5"), *levels, D("0.001")), AssetPolicy("ETH", D("0.3"), *levels, D("0.01"))),
        D("0.2"), execution=ExecutionPolicy(on_timeout=OnTimeout.CROSS))
    exchange = build(TestnetOptions(scenario="demo", days=35, seed=7)).exchange
    bot = PaperBot(exchange, rules, StoryTime(exchange.feed.start, exchange.feed.end))
    await bot.run(poll=HOUR, working_poll=MINUTE)
    seen = set()
    for situation, terms, decision in bot.pages.decisions:
        told = explain(situation, terms, decision)
        assert told.disagreements == ()
        seen |= {decided.action for decided in decision.assets}
        for each in outlook(situation, terms, decision).assets:
            for trigger in each.triggers:
                goal = decision.of(each.asset).goal
                rises = trigger.action in (Action.OPEN, Action.INCREASE)
                assert (trigger.goal > goal) is rises
                assert trigger.move >= 0 if rises else trigger.move <= 0
    assert seen == set(Action)
