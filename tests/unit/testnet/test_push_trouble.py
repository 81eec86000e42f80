"""What the WebSockets do when they are told to misbehave."""

from __future__ import annotations

import aiohttp
import orjson
import pytest
from feeds import START, FakeFeed, scripted
from push_client import PushClient, Wire, pushing

from bot.core.times import DAY, MINUTE, SECOND
from bot.testnet.push_trouble import Action, StreamTroubles, Trouble, Which

TOUCH = "/public/ws/btcusdt@bookTicker"


def moving() -> FakeFeed:
    return FakeFeed({"BTC": scripted(*range(50_000, 51_000, 10))}, end=START + DAY)


async def opened(client: PushClient) -> Wire:
    wire = await client.open(TOUCH)
    await wire.frame()
    return wire


async def trouble(client: PushClient, action: str, which: str = "all") -> object:
    return await client.post("/testnet/stream", action=action, which=which)


async def test_a_drop_ends_the_sockets_and_new_ones_are_welcome() -> None:
    async with pushing(moving()) as client:
        wire = await opened(client)
        assert (await client.post("/testnet/stream", action="drop"))["dropped"] == 1
        assert await wire.ended()
        assert (await client.advance(SECOND, wire))["frames"] == {}
        await opened(client)


async def test_a_drop_of_the_private_ones_leaves_the_public_ones() -> None:
    async with pushing(moving()) as client:
        wire = await opened(client)
        assert (await client.post("/testnet/stream", action="drop", which="private"))["dropped"] == 0
        assert (await client.advance(MINUTE))["frames"] == {wire.name: 2}


async def test_while_refused_nobody_connects() -> None:
    async with pushing(moving()) as client:
        await trouble(client, "refuse", "public")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.open(TOUCH)
        assert refused.value.status == 503
        await client.open("/ws-api/v3")
        await trouble(client, "resume")
        await opened(client)


async def test_silence_keeps_the_socket_and_sends_nothing_and_no_step_waits_for_it() -> None:
    async with pushing(moving()) as client:
        wire = await opened(client)
        await trouble(client, "silence")
        assert await client.advance(MINUTE, wire) == {"now": START + MINUTE, "frames": {wire.name: 1}}
        assert await wire.silent()


async def test_after_a_silence_frames_come_again() -> None:
    async with pushing(moving()) as client:
        wire = await opened(client)
        await trouble(client, "silence")
        await client.advance(MINUTE)
        await trouble(client, "resume")
        assert (await client.advance(MINUTE))["frames"] == {wire.name: 2}
        assert (await wire.frame())["b"] == "50239.5"


async def test_garbage_is_half_a_frame_or_a_page_and_is_counted() -> None:
    async with pushing(moving()) as client:
        wire = await opened(client)
        await trouble(client, "garbage")
        for number in (2, 3):
            assert (await client.advance(MINUTE))["frames"] == {wire.name: number}
            with pytest.raises(orjson.JSONDecodeError):
                orjson.loads(await wire.text())


async def test_stale_frames_repeat_the_last_good_one() -> None:
    async with pushing(moving()) as client:
        wire = await client.open(TOUCH)
        first = await wire.text()
        await trouble(client, "stale", "public")
        await client.advance(MINUTE)
        assert await wire.text() == first


async def test_duplicates_are_two_frames_of_one_text() -> None:
    async with pushing(moving()) as client:
        wire = await opened(client)
        await trouble(client, "duplicate")
        assert (await client.advance(MINUTE))["frames"] == {wire.name: 3}
        assert await wire.text() == await wire.text()


async def test_a_switch_on_the_path_refuses_one_connection() -> None:
    async with pushing(moving()) as client:
        await client.post("/testnet/fault", endpoint="WS /public/*", kind="http503")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.open(TOUCH)
        assert refused.value.status == 503
        await opened(client)


async def test_a_switch_can_reset_the_connection_before_the_handshake() -> None:
    async with pushing(moving()) as client:
        await client.post("/testnet/fault", endpoint="WS *", kind="reset", count=None)
        with pytest.raises(aiohttp.ClientError):
            await client.open(TOUCH)


@pytest.mark.parametrize("wrong", [{}, {"action": "explode"}, {"action": "drop", "which": "mine"}])
async def test_an_unknown_trouble_is_refused(wrong: dict[str, str]) -> None:
    async with pushing(moving()) as client, client.http.post(client.url + "/testnet/stream", json=wrong) as reply:
        assert reply.status == 400


async def test_the_troubles_and_sockets_can_be_asked_for() -> None:
    async with pushing(moving()) as client:
        wire = await opened(client)
        await trouble(client, "stale", "private")
        await trouble(client, "refuse", "private")
        async with client.http.get(client.url + "/testnet/stream") as reply:
            assert await reply.json() == {
                "frames": {wire.name: 1}, "troubles": {"private": ["stale", "refuse"], "public": []},
            }


def test_before_the_first_good_frame_stale_means_none() -> None:
    assert Trouble.STALE.frames("new", "", 0) == ()


def test_to_resume_ends_every_trouble_of_those_meant() -> None:
    troubles = StreamTroubles()
    troubles.act(Action.SILENCE, Which.ALL)
    troubles.act(Action.REFUSE, Which.ALL)
    troubles.act(Action.RESUME, Which.PRIVATE)
    assert troubles.of(private=True) is None
    assert not troubles.refuses(private=True)
    assert troubles.of(private=False) is Trouble.SILENCE
    assert troubles.refuses(private=False)
