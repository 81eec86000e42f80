"""The trailing cost of funding: a positive rate is received by the short, so it costs nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from paper_bot import StoryTime

from bot.core.market import FuturesWallet, Quote, Snapshot
from bot.core.times import DAY, HOUR, MINUTE, Millis
from bot.engine.carry import Carry, trailing_carry
from bot.errors import Unavailable
from bot.ports import Settlement

D = Decimal
NOW = 1_700_006_400_000


def settled(*rates: str, asset: str = "BTC") -> list[Settlement]:
    """Rates of the last settlements, the newest now, eight hours apart."""
    return [Settlement(asset, D(rate), None, NOW - 8 * HOUR * age) for age, rate in enumerate(reversed(rates))]


@pytest.mark.parametrize(
    ("rates", "cost"),
    [
        (["0.0001"] * 9, "-0.1095"),          # longs pay: the short earns 10.95% a year
        (["-0.0001"] * 9, "0.1095"),
        (["-0.009", *["0.001"] * 9], "-1.095"),  # what is older than three days does not count
        ([], None),
    ],
)
def test_the_cost_is_the_sum_of_three_days_rates_as_a_year(rates: list[str], cost: str | None) -> None:
    assert trailing_carry(settled(*rates), "BTC", NOW) == (None if cost is None else D(cost))


def test_another_coins_settlements_do_not_count() -> None:
    assert trailing_carry(settled("0.01", asset="ETH"), "BTC", NOW) is None


class Market:
    """Settles every eight hours; can be out of reach."""

    def __init__(self) -> None:
        self.asked: list[Millis] = []
        self.away = False

    async def settlements(self, assets: tuple[str, ...], since: Millis) -> tuple[Settlement, ...]:
        assert assets == ("BTC",)
        self.asked.append(since)
        if self.away:
            raise Unavailable("maintenance")
        return tuple(settled("-0.0001", "-0.0001"))


def seen(next_at: Millis) -> Snapshot:
    quote = Quote(D(1), D(1), NOW, D(1), D(1), NOW, D(1), D(1), NOW, next_funding_at=next_at)
    nothing = FuturesWallet(*[D(0)] * 6)
    return Snapshot(NOW, {}, nothing, {"BTC": quote})


async def test_settlements_are_read_once_between_two_of_them_and_an_outage_stops_nothing() -> None:
    market, clock = Market(), StoryTime(NOW, NOW + DAY)
    carry = Carry(market, clock, ["BTC"])  # type: ignore[arg-type]  # of the venue only this one call
    await carry.follow(seen(NOW + 8 * HOUR))
    await carry.follow(seen(NOW + 8 * HOUR))
    assert market.asked == [NOW - 3 * DAY]
    known = carry.costs()
    market.away = True
    await clock.sleep_until(NOW + 8 * HOUR)
    await carry.follow(seen(NOW + 16 * HOUR))
    await carry.follow(seen(NOW + 16 * HOUR))
    assert len(market.asked) == 2, "asked again after a minute, not at every look"
    assert carry.costs() == known
    await clock.sleep_until(NOW + 8 * HOUR + MINUTE)
    await carry.follow(seen(NOW + 16 * HOUR))
    assert len(market.asked) == 3
