"""The Bybit gateway against the testnet that speaks Bybit's protocol, over real HTTP: both were written apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from venue_values import an_intent

from bot.clocks import SteppedClock, story_clock
from bot.core.market import Side, Snapshot
from bot.core.orders import OrderIntent, OrderState, TimeInForce
from bot.core.policy import AssetPolicy, MarginPolicy, Policy
from bot.core.times import DAY, HOUR
from bot.environment import Environment
from bot.errors import Refused, SafetyStop
from bot.testnet.options import TestnetOptions
from bot.testnet.server import running
from bot.testnet.specs import BYBIT
from bot.venues.bybit import BybitVenue
from bot.venues.bybit_open import open_bybit

BTC = "BTC/USDT:USDT"
D = Decimal
POLICY = Policy(
    (AssetPolicy("BTC", D("0.5")), AssetPolicy("ETH", D("0.3"))), cash_target=D("0.2"),
    margin=MarginPolicy(leverage=D(5)),
)


@dataclass
class Stage:
    """A testnet, its time, and the gateway."""

    url: str
    clock: SteppedClock
    venue: BybitVenue

    async def later(self, millis: int) -> None:
        await self.clock.sleep_until(self.clock.now() + millis)

    async def state(self) -> Any:
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/testnet/state") as reply:
            return await reply.json()

    async def order(self, name: str, snapshot: Snapshot, *, crossing: bool, side: Side = Side.SELL,
                    **more: Any) -> OrderIntent:
        """Post-only at the touch or through it; with `crossing` and IOC it fills at once."""
        quote = snapshot.quotes["BTC"]
        assert quote.perp_ask is not None
        assert quote.perp_bid is not None
        near, far = (quote.perp_ask, quote.perp_bid - 5) if side is Side.SELL else (quote.perp_bid, quote.perp_ask + 5)
        return replace(an_intent(
            client_order_id=f"hrtest_btc1_{name}", quantity=D("0.02"), price=far if crossing else near, side=side,
            created_at=self.clock.now(),
        ), **more)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with running(TestnetOptions(venue="bybit", scenario="calm", days=10, path="step")) as url:
        clock = await story_clock(url, "test", patience=0)
        assert isinstance(clock, SteppedClock)
        venue = open_bybit(
            Environment.LOCAL, clock=clock, key="local-key", secret="local-secret", assets=["BTC", "ETH"],
            settle="USDT", cash=["USDT"], local_url=url, read_only=False, timeout=5.0,
        )
        yield Stage(url, clock, venue)
        await venue.close()
        await clock.close()


async def test_the_instruments_are_what_the_testnet_was_told(stage: Stage) -> None:
    found = await stage.venue.instruments(["BTC", "ETH"])
    for asset, told in BYBIT.items():
        assert replace(found[asset], max_amount=None) == replace(told, max_amount=None)
    with pytest.raises(Refused, match="DOGE"):
        await stage.venue.instruments(["DOGE"])


async def test_a_short_is_opened_funded_and_closed_and_the_books_are_the_testnets(stage: Stage) -> None:
    await stage.venue.prepare(POLICY)
    before = await stage.venue.snapshot()
    begun = stage.clock.now()
    opening = await stage.order("1", before, crossing=True, time_in_force=TimeInForce.IOC)
    assert (await stage.venue.place(opening)).state is OrderState.OPEN
    found = await stage.venue.find_order(BTC, opening.client_order_id)
    assert found is not None
    assert (found.state, found.filled) == (OrderState.FILLED, D("0.02"))
    held = (await stage.venue.snapshot()).position(BTC)
    assert held is not None
    assert (held.quantity, held.leverage, held.entry_price) == (D("-0.02"), D(5), found.average)
    await stage.later(DAY)
    closing = await stage.order("2", await stage.venue.snapshot(), crossing=True, side=Side.BUY, reduce_only=True,
                                time_in_force=TimeInForce.IOC)
    await stage.venue.place(closing)
    after, state = await stage.venue.snapshot(), await stage.state()
    assert after.positions == ()
    fills = await stage.venue.fills(BTC, begun)
    ours = [(str(fill.quantity), fill.price, fill.fee, fill.realised, fill.client_order_id) for fill in fills]
    assert [(D(row["quantity"]), D(row["price"]), D(row["fee"]), D(row["realised"]), row["client_order_id"])
            for row in state["fills"]] == [(D(one[0]), *one[1:]) for one in ours]
    funding = await stage.venue.funding(begun)
    assert [payment.amount for payment in funding] == [D(row["amount"]) for row in state["funding"]]
    assert len(funding) == 3
    moved = sum(fill.realised - fill.fee for fill in fills) + sum(payment.amount for payment in funding)
    assert after.holdings["USDT"].total - before.holdings["USDT"].total == moved
    published = await stage.venue.settlements(["BTC"], begun)
    assert [settled.at for settled in published][-3:] == [payment.at for payment in funding]


async def test_a_name_is_never_given_twice(stage: Stage) -> None:
    snapshot = await stage.venue.snapshot()
    intent = await stage.order("1", snapshot, crossing=True, time_in_force=TimeInForce.IOC)
    await stage.venue.place(intent)
    again = await stage.venue.place(intent)
    assert (again.state, again.filled) == (OrderState.FILLED, D("0.02"))
    position = (await stage.venue.snapshot()).position(BTC)
    assert position is not None
    assert position.quantity == D("-0.02")


async def test_a_wrong_secret_stops_everything(stage: Stage) -> None:
    venue = open_bybit(
        Environment.LOCAL, clock=stage.clock, key="local-key", secret="wrong", assets=["BTC"], settle="USDT",
        cash=["USDT"], local_url=stage.url, read_only=False, timeout=5.0,
    )
    with pytest.raises(SafetyStop, match="10004"):
        await venue.account()
    await venue.close()


async def test_a_liquidation_is_told_from_orders_of_ours(stage: Stage) -> None:
    since = stage.clock.now()
    for name in "123456":  # more than the coins cover as collateral
        await stage.venue.place(await stage.order(
            name, await stage.venue.snapshot(), crossing=True, time_in_force=TimeInForce.IOC, quantity=D("0.5")))
        await stage.later(HOUR)
    assert await stage.venue.forced_closes(BTC, since) == {}
    body = {"asset": "BTC", "factor": "8"}
    async with aiohttp.ClientSession() as session, session.post(f"{stage.url}/testnet/price", json=body) as reply:
        assert reply.status == 200
    await stage.later(2 * HOUR)
    forced = [fill for fill in await stage.venue.fills(BTC, since) if fill.client_order_id is None]
    assert await stage.venue.forced_closes(BTC, since) == {fill.order_id: "liquidation" for fill in forced}
    assert forced
