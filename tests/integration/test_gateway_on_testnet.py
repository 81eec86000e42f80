"""The Binance gateway against the testnet over real HTTP: what is Binance's own, beyond the promises of the port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from bot.clocks import ScaledClock, SteppedClock, story_clock
from bot.core.market import Side, Snapshot
from bot.core.orders import OrderIntent, OrderRecord, OrderState, TimeInForce
from bot.core.times import HOUR, MINUTE
from bot.environment import Environment
from bot.errors import RateLimited, Refused, SafetyStop, Unavailable, Uncertain
from bot.testnet.options import TestnetOptions
from bot.testnet.server import running
from bot.venues.binance_open import make_binance
from bot.venues.gateway import CcxtVenue

BTC = "BTC/USDT:USDT"
ORDER = "POST /fapi/v1/order"


@dataclass(slots=True)
class Stage:
    url: str
    clock: SteppedClock
    venue: CcxtVenue

    async def fault(self, endpoint: str, kind: str, **more: Any) -> None:
        await self._post("/testnet/fault", {"endpoint": endpoint, "kind": kind, **more})

    async def price(self, asset: str, factor: str) -> None:
        await self._post("/testnet/price", {"asset": asset, "factor": factor})

    async def state(self) -> dict[str, Any]:
        async with aiohttp.ClientSession() as session, session.get(self.url + "/testnet/state") as reply:
            found = await reply.json()
        assert isinstance(found, dict)
        return found

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        async with aiohttp.ClientSession() as session, session.post(self.url + path, json=body) as reply:
            assert reply.status == 200, await reply.text()

    def intent(self, name: str, snapshot: Snapshot, **more: Any) -> OrderIntent:
        quote = snapshot.quotes["BTC"]
        assert quote.perp_ask is not None
        intent = OrderIntent(
            client_order_id=name, number=1, episode="btc1", asset="BTC", symbol=BTC, side=Side.SELL,
            quantity=Decimal("0.2"), price=quote.perp_ask, reduce_only=False, time_in_force=TimeInForce.GTX,
            position_before=Decimal(0), goal=Decimal("0.2"), decided_at=snapshot.taken_at,
            created_at=snapshot.taken_at, reason="drift",
        )
        return replace(intent, **more)

    async def crossing(self, name: str, side: Side = Side.SELL, **more: Any) -> OrderIntent:
        """An order that fills at once."""
        snapshot = await self.venue.snapshot()
        quote = snapshot.quotes["BTC"]
        assert quote.perp_ask is not None
        assert quote.perp_bid is not None
        price = quote.perp_bid - 5 if side is Side.SELL else quote.perp_ask + 5
        return self.intent(name, snapshot, side=side, price=price, time_in_force=TimeInForce.IOC, **more)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with running(TestnetOptions(scenario="calm", days=10, path="step")) as url:
        clock = await story_clock(url, "test", patience=0)
        assert isinstance(clock, SteppedClock)
        venue = make_binance(
            Environment.LOCAL, clock=clock, key="local-key", secret="local-secret", assets=["BTC", "ETH"],
            local_url=url,
        )
        yield Stage(url, clock, venue)
        await venue.close()
        await clock.close()


def record(intent: OrderIntent, state: OrderState = OrderState.OPEN) -> OrderRecord:
    return OrderRecord(intent, state)


async def test_an_account_has_an_id_and_its_instruments(stage: Stage) -> None:
    assert (await stage.venue.account()).isdecimal()
    found = await stage.venue.instruments(["BTC", "ETH"])
    from bot.testnet.specs import INSTRUMENTS  # noqa: PLC0415 - what the testnet was told is what must arrive

    for asset, told in INSTRUMENTS.items():
        assert replace(found[asset], max_amount=None) == replace(told, max_amount=None)


async def test_a_filled_order_shows_in_position_fills_and_books(stage: Stage) -> None:
    intent = await stage.crossing("hrtest_btc1_1")
    report = await stage.venue.place(intent)
    assert (report.state, report.filled) == (OrderState.FILLED, Decimal("0.2"))
    position = (await stage.venue.snapshot()).position(BTC)
    assert position is not None
    assert position.quantity == Decimal("-0.2")
    assert position.entry_price == report.average
    fills = await stage.venue.fills(BTC, stage.clock.now() - 30 * 24 * HOUR)
    assert sum(fill.quantity for fill in fills) == Decimal("0.2")
    assert {(fill.client_order_id, fill.order_id, fill.maker) for fill in fills} == {
        ("hrtest_btc1_1", report.order_id, False),
    }
    booked = (await stage.state())["fills"]
    assert [(fill.fee, fill.realised, fill.price) for fill in fills] == [
        (Decimal(row["fee"]), Decimal(row["realised"]), Decimal(row["price"])) for row in booked
    ]


@pytest.mark.parametrize("kind", [
    "timeout_after", "close", "http500", "http503", "http524", "html200", "truncate", "cut_json", "empty_object",
    "empty_list", "redirect", "unknown", "timeout_before",
])
async def test_an_order_without_a_valid_answer_is_uncertain(stage: Stage, kind: str) -> None:
    intent = await stage.crossing("hrtest_btc1_1")
    await stage.fault(ORDER, kind)
    before = stage.clock.now()
    with pytest.raises(Uncertain):
        await stage.venue.place(intent)
    arrived = kind not in ("timeout_before", "http503", "redirect")
    found = await stage.venue.find_order(BTC, "hrtest_btc1_1")
    assert (found is not None) == arrived
    assert stage.clock.now() - before == (500 if kind.startswith("timeout") else 0)


@pytest.mark.fault(42)
@pytest.mark.parametrize("endpoint", [
    "GET /api/v3/account", "GET /api/v3/ticker/bookTicker", "GET /fapi/v3/account", "GET /fapi/v3/positionRisk",
    "GET /fapi/v1/ticker/bookTicker", "GET /fapi/v1/premiumIndex", "GET /fapi/v1/openOrders",
])
@pytest.mark.parametrize("kind", ["html200", "cut_json", "close", "empty_object", "http524", "redirect", "unknown"])
async def test_a_failed_read_is_never_flat(stage: Stage, endpoint: str, kind: str) -> None:
    await stage.venue.place(await stage.crossing("hrtest_btc1_1"))
    await stage.fault(endpoint, kind, count=3)
    with pytest.raises(Unavailable):
        await stage.venue.snapshot()
    snapshot = await stage.venue.snapshot()
    assert [position.quantity for position in snapshot.positions] == [Decimal("-0.2")]


async def test_a_read_that_fails_once_is_asked_again(stage: Stage) -> None:
    await stage.venue.snapshot()
    await stage.fault("GET /fapi/v3/positionRisk", "html200")
    before = stage.clock.now()
    await stage.venue.snapshot()
    assert stage.clock.now() - before == 250


@pytest.mark.fault(42)
async def test_an_empty_list_of_positions_is_not_believed_alone(stage: Stage) -> None:
    await stage.venue.place(await stage.crossing("hrtest_btc1_1"))
    await stage.fault("GET /fapi/v3/positionRisk", "empty_list", count=3)
    with pytest.raises(Unavailable, match="do not show the same positions"):
        await stage.venue.snapshot()


async def test_concurrent_timeouts_cost_one_timeout(stage: Stage) -> None:
    await stage.venue.snapshot()
    await stage.fault("GET /fapi/v3/account", "timeout_before")
    await stage.fault("GET /fapi/v3/positionRisk", "timeout_before")
    before = stage.clock.now()
    await stage.venue.snapshot()
    assert stage.clock.now() - before == 500 + 250


@pytest.mark.parametrize("kind", ["rate_limit", "ban"])
async def test_a_venue_that_wants_silence_gets_it(stage: Stage, kind: str) -> None:
    intent = await stage.crossing("hrtest_btc1_1")
    await stage.fault(ORDER, kind, retry_after=60)
    with pytest.raises(RateLimited) as limited:
        await stage.venue.place(intent)
    assert limited.value.retry_after == 60
    with pytest.raises(RateLimited):
        await stage.venue.snapshot()
    await stage.clock.sleep(61)
    assert (await stage.venue.place(intent)).state is OrderState.FILLED


async def test_a_revoked_key_stops_everything(stage: Stage) -> None:
    await stage.venue.snapshot()
    await stage.fault("GET /fapi/v3/account", "error", code=-2015, status=401, message="Invalid API-key")
    with pytest.raises(SafetyStop):
        await stage.venue.snapshot()


@pytest.mark.fault(73)
async def test_a_clock_that_is_off_is_measured_and_the_order_may_be_tried_again(stage: Stage) -> None:
    intent = await stage.crossing("hrtest_btc1_1")
    await stage.fault(ORDER, "error", code=-1021, status=400, message="Timestamp for this request is outside")
    with pytest.raises(Unavailable):
        await stage.venue.place(intent)
    assert (await stage.venue.place(intent)).state is OrderState.FILLED


async def test_open_orders_are_read_seldom_while_none_rests(stage: Stage) -> None:
    assert (await stage.venue.snapshot()).open_orders == ()
    await stage.clock.sleep(5)
    assert (await stage.venue.snapshot()).open_orders is None
    await stage.clock.sleep(25)
    assert (await stage.venue.snapshot()).open_orders == ()
    await stage.venue.place(await stage.crossing("hrtest_btc1_1"))
    assert (await stage.venue.snapshot()).open_orders == ()


async def test_a_run_that_only_looks_cannot_order(stage: Stage) -> None:
    looking = make_binance(
        Environment.LOCAL, clock=stage.clock, key="local-key", secret="local-secret", assets=["BTC"],
        local_url=stage.url, read_only=True,
    )
    snapshot = await looking.snapshot()
    assert set(snapshot.quotes) == {"BTC"}
    with pytest.raises(Refused, match="only looks"):
        await looking.place(stage.intent("hrtest_btc1_1", snapshot))
    assert (await stage.state())["orders"] == []
    await looking.close()


async def test_a_wrong_secret_is_a_safety_stop(stage: Stage) -> None:
    venue = make_binance(
        Environment.LOCAL, clock=stage.clock, key="local-key", secret="a-planted-secret", assets=["BTC"],
        local_url=stage.url,
    )
    with pytest.raises(SafetyStop) as stopped:
        await venue.account()
    assert "a-planted-secret" not in str(stopped.value)
    assert "signature" not in str(stopped.value)
    assert stopped.value.__context__ is None
    await venue.close()


async def test_nothing_is_left_open_at_the_end(stage: Stage, recwarn: pytest.WarningsRecorder) -> None:
    venue = make_binance(
        Environment.LOCAL, clock=stage.clock, key="local-key", secret="local-secret", assets=["BTC"],
        local_url=stage.url,
    )
    await venue.account()
    await venue.close()
    await venue.close()
    with pytest.raises(Unavailable):
        await venue.account()
    assert list(recwarn) == []


async def test_many_days_of_fills_are_read_span_by_span(stage: Stage) -> None:
    began = stage.clock.now()
    await stage.venue.place(await stage.crossing("hrtest_btc1_1", quantity=Decimal("0.1")))
    await stage.clock.sleep_until(began + 8 * 24 * HOUR)
    await stage.venue.place(await stage.crossing("hrtest_btc1_2", quantity=Decimal("0.1")))
    fills = await stage.venue.fills(BTC, began - MINUTE)
    assert {fill.client_order_id for fill in fills} == {"hrtest_btc1_1", "hrtest_btc1_2"}
    assert sum(fill.quantity for fill in fills) == Decimal("0.2")


@pytest.mark.parametrize("speed", [1, 60])
async def test_a_testnet_that_runs_by_itself_takes_our_timestamps(speed: int) -> None:
    async with running(TestnetOptions(scenario="calm", days=30, speed=Decimal(speed))) as url:
        clock = await story_clock(url, None, patience=0)
        assert isinstance(clock, ScaledClock)
        venue = make_binance(
            Environment.LOCAL, clock=clock, key="local-key", secret="local-secret", assets=["BTC"], local_url=url,
        )
        first = await venue.snapshot()
        await clock.sleep(speed / 100)
        second = await venue.snapshot()
        assert second.taken_at > first.taken_at
        await venue.close()
        await clock.close()
