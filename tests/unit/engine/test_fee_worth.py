from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import cast

import pytest
from venue_values import ManualClock

from bot.core.market import Side
from bot.core.orders import Fill
from bot.core.times import MINUTE
from bot.engine.fees import FeeWorth
from bot.errors import Refused, SafetyStop, Unavailable
from bot.ports import Venue

D = Decimal
NOW = 1_700_000_000_000
BNB = D(613)


@dataclass
class Market:
    """Tells the price of a coin, or fails."""

    price: Decimal | Exception | None = BNB
    asked: list[str] = field(default_factory=list)

    async def coin_price(self, coin: str) -> Decimal | None:
        self.asked.append(coin)
        if isinstance(self.price, Exception):
            raise self.price
        return self.price


def fees(market: object) -> FeeWorth:
    return FeeWorth(cast("Venue", market), ManualClock(NOW), "USDT")


def charged(fee: str, coin: str, at: int = NOW) -> Fill:
    return Fill("t1", "o1", "BTC/USDT", Side.BUY, D("0.1"), D(50_000), D(fee), coin, D(0), maker=True, at=at)


async def test_a_bnb_fee_is_worth_what_bnb_is_at_that_moment() -> None:
    market = Market()
    first, second = await fees(market).priced([charged("0.00163132", "BNB"), charged("-0.001", "BNB")], "BTC")
    assert first.fee_value == D("0.99999916")
    assert second.fee_value == D("-0.613")
    assert market.asked == ["BNB"]  # once for all of them


async def test_a_fee_in_the_traded_coin_is_worth_what_the_trade_paid_for_it() -> None:
    market = Market()
    assert (await fees(market).priced([charged("0.0001", "BTC")], "BTC"))[0].fee_value == 5
    assert market.asked == []


async def test_a_fee_in_the_settle_coin_and_no_fee_need_no_price() -> None:
    market = Market()
    fills = (charged("1", "USDT"), charged("0", "BNB"))
    assert await fees(market).priced(fills, "BTC") == fills
    assert market.asked == []


@pytest.mark.parametrize("price", [None, Unavailable("down"), Refused("no such market")])
async def test_a_price_that_cannot_be_known_is_not_made_up(price: Decimal | Exception | None) -> None:
    assert (await fees(Market(price)).priced([charged("0.001", "BNB")], "BTC"))[0].fee_value is None


async def test_a_price_of_now_says_nothing_of_a_fee_of_long_ago() -> None:
    market = Market()
    late, recent = await fees(market).priced(
        [charged("0.001", "BNB", at=NOW - 5 * MINUTE - 1), charged("0.001", "BNB", at=NOW - 5 * MINUTE)], "BTC")
    assert (late.fee_value, recent.fee_value) == (None, D("0.613"))


async def test_a_venue_that_prices_no_coins_leaves_the_fee_unknown() -> None:
    assert (await fees(object()).priced([charged("0.001", "BNB")], "BTC"))[0].fee_value is None


async def test_a_safety_stop_is_never_swallowed() -> None:
    with pytest.raises(SafetyStop):
        await fees(Market(SafetyStop("the key was revoked"))).priced([charged("0.001", "BNB")], "BTC")
