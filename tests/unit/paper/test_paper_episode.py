"""The worked episode of DOMAIN §4, traded on the simulated exchange: its books give the stated figures."""

from __future__ import annotations

from decimal import Decimal

from feeds import START, FakeFeed, paper_instrument
from paper_accounts import paper_exchange

from bot.core.episode import Episode, EpisodeState, apply_fill, apply_funding
from bot.core.market import Side
from bot.core.times import HOUR
from bot.paper.venue import PaperVenue

D = Decimal


def price_at(hour: int) -> Decimal:
    return D(50_010) if hour < 1 else D(56_048) if hour < 9 else D(51_995) if hour < 17 else D(46_999)


def mark_at(hour: int) -> Decimal:
    return {8: D(56_040), 16: D(51_990)}.get(hour, price_at(hour))


async def test_the_worked_episode_costs_what_the_document_says() -> None:
    feed = FakeFeed(
        prices={"BTC": price_at}, marks={"BTC": mark_at}, step=HOUR, half_spread=D(0),
        rate=lambda at: D("0.0003") if at == START + 8 * HOUR else D("-0.0001"),
    )
    exchange = paper_exchange(feed, instruments={"BTC": paper_instrument(taker_fee=D("0.0002"))})
    for hour, change in ((0, "0.2"), (1, "0.05"), (9, "-0.1"), (17, "-0.15")):
        exchange.advance(START + hour * HOUR)
        closing = D(change) < 0
        exchange.place(
            "perp", "BTC", Side.BUY if closing else Side.SELL, abs(D(change)), price_at(hour), time_in_force="IOC",
            reduce_only=closing,
        )
    totals = exchange.dump()["totals"]
    assert totals == {"fees": {"USDT": "5.01075"}, "funding": "3.42315", "realised": "555.05", "fills": 4}
    # 10,000 and what the episode is against holding: +553.4624
    assert exchange.wallets.futures == {"USDT": D("10553.4624")}

    venue = PaperVenue(exchange)
    episode = Episode("btc1", "BTC", "BTCUSDT", EpisodeState.OPENING, START)
    for fill in await venue.fills("BTCUSDT", START):
        episode = apply_fill(episode, fill, "USDT")
    for payment in await venue.funding(START):
        episode = apply_funding(episode, payment)
    against_holding = episode.realised - episode.fees - episode.funding_paid
    assert (episode.state, against_holding) == (EpisodeState.CLOSED, D("553.4624"))
