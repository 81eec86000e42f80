from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import aiohttp
import orjson
import pytest
from feeds import START, FakeFeed, scripted, steady
from push_client import PushClient, Wire, pushing

from bot.core.market import Side
from bot.core.orders import TimeInForce
from bot.core.times import DAY, HOUR, MINUTE, SECOND
from bot.testnet.build import Testnet, build
from bot.testnet.dialect import Request, Session
from bot.testnet.options import TestnetOptions
from bot.testnet.push import Hub

D = Decimal
TOUCH = "/public/ws/btcusdt@bookTicker"


def moving(*prices: int) -> FakeFeed:
    return FakeFeed({"BTC": scripted(*prices)}, end=START + 3 * DAY)


async def user(client: PushClient) -> Wire:
    """A socket of the futures user stream, under a key that never ends."""
    asked = Request("POST", "/fapi/v1/listenKey", headers={"X-MBX-APIKEY": "local-key"})
    key = orjson.loads(client.testnet.dialect.answer(asked).body)["listenKey"]
    client.testnet.world.unschedule("listen key futures")
    return await client.open(f"/private/ws?listenKey={key}")


def rest(testnet: Testnet, price: str = "50100") -> None:
    testnet.exchange.place("perp", "BTC", Side.SELL, D("0.1"), D(price), time_in_force=TimeInForce.GTX)


async def test_a_step_tells_how_many_frames_each_socket_got() -> None:
    async with pushing(moving(50_000, 50_100)) as client:
        wire = await client.open(TOUCH)
        reached = await client.advance(MINUTE)
        assert reached == {"now": START + MINUTE, "frames": {wire.name: 2}}
        assert [frame["b"] for frame in await wire.upto(2)] == ["49999.5", "50099.5"]


async def test_a_long_step_sends_the_markets_last_state_only() -> None:
    async with pushing(moving(*range(50_000, 51_000, 10))) as client:
        wire = await client.open(TOUCH)
        assert (await client.advance(5 * MINUTE))["frames"][wire.name] == 2
        assert [frame["b"] for frame in await wire.upto(2)] == ["49999.5", "50599.5"]


async def test_a_step_ends_at_the_first_frame_of_a_socket_that_was_named() -> None:
    async with pushing(moving(*[50_000] * 4, 50_010)) as client:
        wire, other = await client.open(TOUCH), await client.open(TOUCH)
        reached = await client.advance(HOUR, wire)
        assert reached == {"now": START + 20 * SECOND, "frames": {wire.name: 2, other.name: 2}}
        assert (await client.advance(HOUR, wire))["now"] == START + 20 * SECOND + HOUR


async def test_a_private_frame_ends_a_step_at_the_instant_of_the_fill() -> None:
    async with pushing(moving(50_000, 50_000, 50_000, 50_300)) as client:
        wire = await user(client)
        rest(client.testnet)
        assert (await client.advance(0, wire))["now"] == START
        reached = await client.advance(HOUR, wire)
        assert reached == {"now": START + 15 * SECOND, "frames": {wire.name: 3}}
        placed, account, filled = await wire.upto(3)
        assert (placed["o"]["x"], account["e"], filled["o"]["x"]) == ("NEW", "ACCOUNT_UPDATE", "TRADE")
        assert {placed["E"] - START, account["E"] - START, filled["E"] - START} == {0, 15 * SECOND}


async def test_funding_ends_a_step_though_nothing_rests() -> None:
    async with pushing(FakeFeed(end=START + DAY)) as client:
        client.testnet.exchange.place("perp", "BTC", Side.SELL, D("0.1"), D(49_900), time_in_force=TimeInForce.IOC)
        wire = await user(client)
        assert (await client.advance(DAY, wire))["now"] == START + 8 * HOUR
        assert (await wire.frame())["a"]["m"] == "FUNDING_FEE"


async def test_a_step_without_sockets_still_sends_every_private_frame_in_order() -> None:
    async with pushing(FakeFeed(end=START + DAY)) as client:
        client.testnet.exchange.place("perp", "BTC", Side.SELL, D("0.1"), D(49_900), time_in_force=TimeInForce.IOC)
        wire = await user(client)
        reached = await client.advance(20 * HOUR)
        assert [(frame["E"] - START) // HOUR for frame in await wire.upto(reached["frames"][wire.name])] == [8, 16]


async def test_a_name_that_is_not_open_ends_nothing() -> None:
    async with pushing(moving(50_000, 50_100)) as client:
        body = {"lease": "test", "until": START + MINUTE, "sockets": ["127.0.0.1:1"]}
        assert await client.post("/testnet/advance", **body) == {"now": START + MINUTE, "frames": {}}


async def test_sockets_must_be_named_as_texts() -> None:
    async with pushing() as client, client.http.post(
        client.url + "/testnet/advance", json={"lease": "a", "until": START, "sockets": [1]},
    ) as reply:
        assert reply.status == 400


async def test_a_socket_that_has_left_is_in_no_reply() -> None:
    async with pushing() as client:
        wire = await client.open(TOUCH)
        assert wire.name in (await client.advance(SECOND))["frames"]
        await wire.wire.close()
        for _ in range(50):
            if not (await client.advance(SECOND))["frames"]:
                break
            await asyncio.sleep(0.01)
        assert (await client.advance(SECOND))["frames"] == {}
        assert not client.testnet.exchange.events.heard


async def test_a_path_without_streams_is_not_found() -> None:
    async with pushing() as client:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.open("/fapi/v1/order")
        assert refused.value.status == 404


async def test_a_page_in_a_browser_gets_no_socket_but_a_client_that_names_its_server_does() -> None:
    async with pushing() as client:
        address = client.url.replace("http", "ws") + TOUCH
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await client.http.ws_connect(address, origin="http://evil.example")
        wire = await client.http.ws_connect(address, origin=client.url)
        await wire.close()


async def test_after_a_day_the_venue_ends_the_socket_and_a_step_ends_there() -> None:
    async with pushing(FakeFeed({"BTC": steady(50_000)}, end=START + 3 * DAY)) as client:
        wire = await client.open(TOUCH)
        reached = await client.advance(2 * DAY, wire)
        assert reached == {"now": START + DAY, "frames": {}}
        await wire.frame()
        assert await wire.ended()


async def test_who_does_not_read_is_cut_off_and_holds_up_nobody() -> None:
    testnet = build(TestnetOptions(), moving(50_000))
    hub = Hub(testnet.world, testnet.dialect, most=3)
    slow = hub.connect("slow", "/public/ws/btcusdt@bookTicker", "")
    assert not isinstance(slow, int)
    cut: list[bool] = []
    slow.abort = lambda: cut.append(True)
    for _ in range(5):
        slow.send("{}")
    assert (slow.closed, cut, len(slow.waiting), slow.frames) == (True, [True], 0, 3)
    slow.send("{}")
    hub.disconnect(slow)
    hub.disconnect(slow)
    assert hub.frames() == {}


async def test_a_client_that_stops_reading_is_cut_off_over_a_real_wire() -> None:
    async with pushing(moving(50_000)) as client:
        wire = await client.open(TOUCH)
        socket = client.testnet.hub._sockets[wire.name]
        socket._most = 200
        for _ in range(500):
            for _ in range(100):
                socket.send("x" * 20_000)
            await asyncio.sleep(0)
            if socket.closed:
                break
        assert socket.closed
        assert (await client.advance(SECOND))["now"] == START + SECOND
        for _ in range(100):
            if not client.testnet.hub.frames():
                break
            await asyncio.sleep(0.01)
        assert client.testnet.hub.frames() == {}


async def test_on_a_wall_frames_come_as_time_passes() -> None:
    feed = moving(*range(50_000, 60_000, 10))
    async with pushing(feed, speed=D(100)) as client:
        wire = await client.open(TOUCH)
        first, second = await wire.frame(), await wire.frame()
        assert second["E"] > first["E"]
        assert second["b"] != first["b"]


async def test_two_runs_give_the_same_frames_at_the_same_numbers() -> None:
    async def run() -> list[Any]:
        feed = FakeFeed({"BTC": lambda step: D(50_000) + (step * 37 % 101) * 10}, end=START + DAY,
                        takers=lambda step: (D(step % 3), D(step % 2)))
        async with pushing(feed) as client:
            touch, account = await client.open(TOUCH), await user(client)
            told: list[Any] = []
            for round_ in range(40):
                client.testnet.exchange.place("perp", "BTC", Side.SELL if round_ % 2 else Side.BUY, D("0.02"),
                                              D(50_000) + round_ * 20, client_order_id=f"n{round_}")
                reached = await client.advance(10 * MINUTE, touch, account)
                frames = reached["frames"]
                told.append((reached["now"], frames[touch.name], frames[account.name]))
                told += [*await touch.upto(frames[touch.name]), *await account.upto(frames[account.name])]
            return told

    first, second = await run(), await run()
    assert len(first) > 150
    assert first == second


async def test_a_story_is_the_same_with_and_without_sockets() -> None:
    async def run(*, listening: bool) -> Any:
        feed = FakeFeed({"BTC": lambda step: D(50_000) + (step * 37 % 101) * 10}, end=START + DAY,
                        takers=lambda step: (D(step % 3), D(step % 2)))
        async with pushing(feed) as client:
            wires = [await client.open(TOUCH), await user(client)] if listening else []
            for round_ in range(20):
                client.testnet.exchange.place("perp", "BTC", Side.SELL if round_ % 2 else Side.BUY, D("0.02"),
                                              D(50_000) + round_ * 20, client_order_id=f"n{round_}")
                until = START + (round_ + 1) * 10 * MINUTE
                while client.testnet.world.now() < until:
                    await client.advance(until - client.testnet.world.now(), *wires)
            return client.testnet.exchange.dump()

    assert await run(listening=True) == await run(listening=False)


class Echo:
    """A session of no venue."""

    private, watches, life, heartbeat = False, False, None, None

    def __init__(self, send: Any) -> None:
        self.send = send

    def market(self) -> None:
        self.send("market")

    def hear(self, text: str) -> None:
        self.send(text)

    def close(self) -> None:
        self.send("too late")


def test_nothing_is_sent_after_the_end() -> None:
    testnet = build(TestnetOptions(), moving(50_000))

    class OnlyEcho:
        endpoints: tuple[tuple[str, str], ...] = ()

        def open(self, _path: str, _query: str, send: Any, /) -> Session:
            return Echo(send)

    hub = Hub(testnet.world, OnlyEcho())  # type: ignore[arg-type]  # all that the hub asks of a dialect
    socket = hub.connect("a", "/", "")
    assert not isinstance(socket, int)
    hub.hear(socket, "hello")
    hub.disconnect(socket)
    hub.hear(socket, "again")
    assert list(socket.waiting) == ["hello"]
