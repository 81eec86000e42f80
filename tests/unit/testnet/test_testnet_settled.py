"""Funding settled at other intervals than the story tells."""

from __future__ import annotations

from decimal import Decimal

from bot.core.times import HOUR
from bot.testnet.market.scenarios import scenario_story
from bot.testnet.market.settled import SettledAnew

D = Decimal


def test_until_something_is_changed_it_is_the_story() -> None:
    story = scenario_story("bull", days=3, seed=1)
    feed = SettledAnew(story)
    at = story.start + HOUR
    assert (feed.start, feed.end, feed.step, feed.assets) == (story.start, story.end, story.step, story.assets)
    assert feed.at("BTC", at) == story.at("BTC", at)
    assert feed.next_funding("BTC", at) == story.next_funding("BTC", at)
    assert feed.funding_rate("BTC", at) == story.funding_rate("BTC", at)
    assert feed.funding_interval("BTC", at) == 8 * HOUR


def test_eight_hours_become_four_and_then_one_and_a_days_funding_stays() -> None:
    story = scenario_story("bull", days=3, seed=1)
    feed = SettledAnew(story)
    feed.settle_every("BTC", 4 * HOUR, story.start + 9 * HOUR)
    feed.settle_every("BTC", HOUR, story.start + 17 * HOUR)
    seen, at = [], story.start
    while at < story.start + 20 * HOUR:
        at = feed.next_funding("BTC", at)
        seen.append((at - story.start) // HOUR)
    assert seen == [8, 12, 16, 18, 19, 20]
    assert feed.funding_interval("BTC", story.start + 8 * HOUR) == 8 * HOUR
    assert feed.funding_interval("BTC", story.start + 10 * HOUR) == 4 * HOUR
    assert feed.funding_rate("BTC", story.start + 8 * HOUR) == story.funding_rate("BTC", story.start + 8 * HOUR)
    told = story.funding_rate("BTC", story.start + 16 * HOUR)
    assert abs(feed.funding_rate("BTC", story.start + 12 * HOUR) - told / 2) < D("1e-8")
    told = story.funding_rate("BTC", story.start + 24 * HOUR)
    assert abs(feed.funding_rate("BTC", story.start + 18 * HOUR) - told / 8) < D("1e-8")
    assert feed.next_funding("ETH", story.start + 9 * HOUR) == story.start + 16 * HOUR
