"""A market that nearly triples: with the margin ladder no short is ever liquidated, without it every one is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

from paper_bot import PaperBot, StoryTime

from bot.core.decision import Rung
from bot.core.plan import decide
from bot.core.policy import AssetPolicy, MarginPolicy, Policy, Threshold
from bot.core.times import MINUTE
from bot.paper.venue import PaperVenue
from bot.testnet.build import build
from bot.testnet.options import TestnetOptions

D = Decimal
OFF = D(-1_000)
NO_LADDER = MarginPolicy(warn_runway=OFF, reduce_runway=OFF, full_runway=OFF, cash_floor=OFF)


class OnlyOrders(PaperVenue):
    """A venue that moves nothing between wallets, as Binance's demo."""

    transfer_to_margin: Any = None


def policy(margin: MarginPolicy) -> Policy:
    levels = (Threshold(D("0.05")), Threshold(D("0.01")), Threshold(D("0.01")))
    return Policy((AssetPolicy("BTC", D("0.5"), *levels, D("0.001")), AssetPolicy("ETH", D("0.3"), *levels, D("0.01"))),
                  D("0.2"), margin=margin)


@cache
def squeezed(margin: MarginPolicy, venue: type[PaperVenue] = PaperVenue) -> PaperBot:
    """The whole story, played by the whole engine."""
    exchange = build(TestnetOptions(scenario="squeeze", days=21, seed=1)).exchange
    bot = PaperBot(exchange, policy(margin), StoryTime(exchange.feed.start, exchange.feed.end), venue=venue)
    asyncio.run(bot.run(poll=15 * MINUTE, working_poll=MINUTE))
    return bot


def rungs(bot: PaperBot) -> set[object]:
    return {fields["rung"] for fields in bot.said("margin.warned")}


def coins(bot: PaperBot) -> dict[str, Decimal]:
    return {asset: bot.exchange.wallets.spot[asset] for asset in ("BTC", "ETH")}


def test_without_the_ladder_the_short_is_liquidated() -> None:
    bot = squeezed(NO_LADDER)
    assert bot.exchange.liquidations


def test_with_the_ladder_each_rung_acts_and_nothing_is_liquidated() -> None:
    bot = squeezed(MarginPolicy())
    assert not bot.exchange.liquidations
    assert rungs(bot) >= {"warn", "stop", "reduce"}
    bought = [fields for fields in bot.said("order.filled") if fields["reason"] == "margin_reduce"]
    assert bought
    assert all(fields["reduce_only"] and fields["time_in_force"] == "IOC" for fields in bought)
    assert coins(bot) == coins(squeezed(NO_LADDER))
    assert bot.pages.decisions
    for situation, terms, kept in bot.pages.decisions:
        assert decide(situation, terms) == kept


def test_what_was_closed_for_margin_is_not_opened_again() -> None:
    bot = squeezed(MarginPolicy())
    reduced = next(i for i, (name, fields) in enumerate(bot.events)
                   if name == "decision.made" and fields["reason"] == "margin_reduce")
    later = [fields for name, fields in bot.events[reduced + 1:] if name == "order.intended"]
    assert all(fields["side"] == "buy" for fields in later if fields["asset"] == "BTC")


def test_a_top_up_from_spot_keeps_more_of_the_hedge() -> None:
    plain, helped = squeezed(MarginPolicy()), squeezed(replace(MarginPolicy(), top_up=True))
    assert helped.said("margin.topped_up")
    assert not helped.exchange.liquidations
    moved = [row.amount for row in helped.exchange.income if row.kind == "TRANSFER"]
    assert moved == [fields["amount"] for fields in helped.said("margin.topped_up")]
    assert sum(f.quantity for f in helped.pages.fills if f.side == "buy") != sum(
        f.quantity for f in plain.pages.fills if f.side == "buy")


def test_where_no_transfer_is_possible_the_amount_is_told() -> None:
    bot = squeezed(replace(MarginPolicy(), top_up=True), OnlyOrders)
    stop = next(fields for fields in bot.said("margin.warned") if fields["rung"] == Rung.STOP.value)
    assert D(str(stop["needed"])) > 0
    assert f"needs {stop['needed']} USDT more" in str(stop["message"])
    assert not bot.said("margin.topped_up")
    assert not bot.exchange.liquidations
