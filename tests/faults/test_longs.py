"""`direction: both` on both venues: a coin below its target gets a long, to the last digit of what it cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from account_books import Books
from rig import Rig, running

from bot.core.decision import Rung
from bot.core.market import Side, spot_coin
from bot.core.way import Way
from bot.journal.check import check

D = Decimal
VENUES = ("binance", "bybit")
UNDERWEIGHT = {"BTC": "0.42", "ETH": "0.30", "USDT": "0.28"}


def both(text: str) -> str:
    return text.replace('cooldown: "1h"', 'cooldown: "1h", direction: both').replace("poll: 1m", "poll: 15m", 1)


@pytest.fixture(params=VENUES)
async def below(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """A bot whose BTC is 8pp below its target, that may go long and looks four times an hour."""
    async with running(tmp_path, request.param, days=6, weights=UNDERWEIGHT, edit=both) as rig:
        yield rig


async def test_a_long_is_opened_resized_and_closed_and_costs_what_the_account_lacks(below: Rig) -> None:
    books = Books(below)
    opened = -await below.hedged()
    assert opened > 0
    await below.ticks(40)  # a settlement passes
    below.testnet.exchange.shift_price("BTC", D("0.96"))
    await below.until(lambda: bool(below.said("hedge.resized")))
    assert -below.short() > opened
    await below.ask("close", "BTC")
    await below.until(lambda: bool(below.said("hedge.closed")))
    await below.ticks(2)
    assert below.position() == 0
    costs = books.agree("btc1")
    assert costs.funding
    assert costs.exposure is not None
    assert costs.exposure > 0
    opening, *_, closing = below.ours("BTC")
    assert (opening.side, opening.reduce_only) == (Side.BUY, False)
    assert (closing.side, closing.reduce_only) == (Side.SELL, True)
    assert check(below.settings.journal).ok, "every decision is made again alike"


async def test_a_long_pays_where_the_funding_rate_is_positive(below: Rig) -> None:
    await below.hedged()
    await below.until(lambda: bool(below.rows("SELECT * FROM funding WHERE episode = 'btc1'")), 80)
    (row,) = [one for one in below.testnet.exchange.account.funding_rows if one.asset == "BTC"]
    booked = D(below.rows("SELECT amount FROM funding WHERE episode = 'btc1'")[0]["amount"])
    assert row.quantity > 0
    assert booked == row.amount
    assert booked * row.rate < 0, "a positive rate is paid by the long"


async def test_a_finalised_long_has_bought_its_coins_and_costs_what_the_account_lacks(below: Rig) -> None:
    books = Books(below)
    before = books.coins["BTC"]
    long = -await below.hedged()
    await below.ticks(40)
    answer = await below.ask("finalize", "BTC")
    assert "are bought and the long of" in answer
    await below.until(lambda: bool(below.said("hedge.finalised")), 200)
    await below.ticks(2)
    costs = books.agree("btc1")
    assert costs.sold < 0
    assert costs.spot_fees is not None
    assert costs.spot_fees > 0
    bought = below.testnet.exchange.wallets.spot["BTC"] - before
    assert long * D("0.9") < bought <= long
    sides = {row["side"] for row in below.rows("SELECT * FROM intents") if spot_coin(row["symbol"]) == "BTC"}
    assert sides == {"buy"}


@pytest.mark.parametrize("venue", VENUES)
async def test_a_fall_sells_a_long_before_the_venue_liquidates_it(tmp_path: Path, venue: str) -> None:
    async with running(tmp_path, venue, days=3, weights=UNDERWEIGHT, edit=both, specs="equal") as rig:
        await rig.hedged()
        wallet, position = rig.testnet.exchange.wallets.futures, rig.position()
        wallet["USDT"] = position * rig.testnet.exchange.mark("BTC") * D("0.2")
        await rig.tick()
        assert rig.decision is not None
        assert (rig.decision.ladder.rung, rig.decision.ladder.way) == (Rung.REDUCE, Way.LONG)
        await rig.until(lambda: rig.position() < position)
        await rig.ticks(2)
        assert 0 < rig.position() < position
        told = rig.decision.margin
        assert told.joint_runway is not None
        assert told.joint_runway >= D("0.35")
        assert {order.side for order in rig.ours("BTC")} == {Side.BUY, Side.SELL}


@pytest.mark.parametrize("name", ["adl", "liquidation"])
async def test_a_long_that_the_venue_closes_by_force_is_disarmed(below: Rig, name: str) -> None:
    await below.hedged()
    below.setup(name, **({"asset": "BTC"} if name == "adl" else {}))
    await below.until(lambda: bool(below.said("hedge.forced")))
    assert below.said("hedge.forced")[0]["reason"] == name
    await below.ticks(3)
    assert below.position() == 0
    assert below.bot.book.state.of("BTC").disarmed == name


async def test_panic_sells_a_long_at_once(below: Rig) -> None:
    await below.hedged()
    assert "closing" in await below.ask("panic")
    await below.until(lambda: below.position() == 0, 10)


async def test_a_long_traded_by_hand_is_adopted(below: Rig) -> None:
    long = -await below.hedged()
    below.by_hand(Side.BUY, D("0.002"))
    await below.ticks(2)
    assert "the long of BTC goes from" in await below.ask("adopt", "BTC")
    await below.ticks(2)
    assert below.bot.book.short("BTC") == -(long + D("0.002")) or below.resting("BTC")
