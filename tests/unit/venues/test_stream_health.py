"""A stream that is refused, closed, silent, stale or broken is lost, said so once, and comes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest
from pusher import Pusher

from bot.clocks import WallClock
from bot.core.times import MINUTE, Millis
from bot.environment import Environment
from bot.errors import Refused, SafetyStop, Unavailable
from bot.ports import Learnt, Marked, Market, News, Touch
from bot.venues import binance_calls, stream
from bot.venues.binance_stream import BookTickers, FuturesAccount, Marks, SpotAccount
from bot.venues.budget import Budgets
from bot.venues.failures import Endpoint
from bot.venues.lean import stream_class
from bot.venues.names import Names
from bot.venues.stream import Feed, PushStream
from bot.venues.transport import Door, guarded

SPOT, PRIVATE, WS_API = "/ws/0", "/private/ws", "/ws-api/v3"
SILENCE = 0.4


class Ears:
    def __init__(self) -> None:
        self.touches: list[Touch] = []
        self.marks: list[Marked] = []
        self.news: list[Learnt] = []
        self.said: list[tuple[str, ...]] = []

    def touched(self, touch: Touch) -> None:
        self.touches.append(touch)

    def marked(self, marked: Marked) -> None:
        self.marks.append(marked)

    def learnt(self, what: Learnt) -> None:
        self.news.append(what)

    def lost(self, stream: str, why: str) -> None:
        self.said.append(("lost", stream, why))

    def back(self, stream: str) -> None:
        self.said.append(("back", stream))


class Time(WallClock):
    ahead: Millis = 0

    def now(self) -> Millis:
        return super().now() + self.ahead


def granted(_path: str, said: Any) -> Any:
    if said.get("method") == "userDataStream.subscribe.signature":
        return {"id": said["id"], "status": 200, "result": {"subscriptionId": 0}}
    return {"result": None, "id": said["id"]}


class Rig:
    """A stream of Binance's against a scripted server."""

    def __init__(self) -> None:
        self.pusher = Pusher(granted)
        self.ears = Ears()
        self.clock = Time()
        self.calls: list[Endpoint] = []
        self.keys = iter(f"key{number}" for number in range(1, 99))
        self.refusal: Exception | None = None
        self.stream: PushStream | None = None
        self.exchange: Any = None

    async def call(self, endpoint: Endpoint) -> object:
        self.calls.append(endpoint)
        if self.refusal is not None:
            raise self.refusal
        return {"listenKey": next(self.keys)} if endpoint is binance_calls.NEW_LISTEN_KEY else {}

    async def start(self, *make: Callable[[Rig], Feed], url: str | None = None) -> PushStream:
        own = await self.pusher.start()
        door = Door("binance", Environment.LOCAL, self.clock, Budgets(self.clock, {}), local_url=url or own)
        self.exchange = guarded(stream_class("binance"), door, {"apiKey": "THEKEY", "secret": "THESECRET"})
        self.stream = PushStream(self.exchange, [one(self) for one in make], silence=SILENCE)
        await self.stream.start(self.ears)
        return self.stream

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not holds():  # noqa: ASYNC110 -- a real socket has no event for a test to wait for
                await asyncio.sleep(0.005)


def spot(rig: Rig) -> Feed:
    return BookTickers(rig.exchange, rig.clock, Names("USDT"), ["BTC", "ETH"], Market.SPOT)


def perp(rig: Rig) -> Feed:
    return BookTickers(rig.exchange, rig.clock, Names("USDT"), ["BTC", "ETH"], Market.PERP)


def account(rig: Rig) -> Feed:
    return FuturesAccount(rig.exchange, rig.clock, Names("USDT"), rig.call)


def spot_account(rig: Rig) -> Feed:
    return SpotAccount(rig.exchange, Names("USDT"))


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(stream, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(stream, "_LOOK_EVERY", 0.02)
    made = Rig()
    yield made
    if made.stream is not None:
        await made.stream.close()
    await made.pusher.stop()


def ticker(u: int, bid: str = "50000.1") -> dict[str, Any]:
    return {"u": u, "s": "BTCUSDT", "b": bid, "B": "1", "a": "50000.3", "A": "2"}


async def up(rig: Rig, path: str = SPOT) -> None:
    assert rig.stream is not None
    await rig.until(lambda: path in rig.pusher.open and not rig.stream.lost)  # type: ignore[union-attr]  # asserted above


async def test_what_is_pushed_is_told_with_its_time(rig: Rig) -> None:
    await rig.start(spot, perp)
    await rig.until(lambda: len(rig.pusher.open) == 2)
    await up(rig)
    await rig.pusher.push(SPOT, ticker(1))
    await rig.pusher.push("/public/ws/0", ticker(7) | {"e": "bookTicker", "E": 1_700_000_000_123, "T": 1})
    await rig.until(lambda: len(rig.ears.touches) == 2)
    by_market = {touch.market: touch for touch in rig.ears.touches}
    assert by_market[Market.PERP] == Touch(
        "BTC", Market.PERP, Decimal("50000.1"), Decimal("50000.3"), 1_700_000_000_123)
    assert abs(by_market[Market.SPOT].at - rig.clock.now()) < 5_000
    assert {"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker", "ethusdt@bookTicker"], "id": 1} in rig.pusher.heard
    assert rig.ears.said == []


async def test_a_dropped_connection_is_said_once_and_made_anew(rig: Rig) -> None:
    await rig.start(spot)
    await up(rig)
    rig.pusher.turns_away = True
    await rig.pusher.hang_up(SPOT)
    await rig.until(lambda: len(rig.pusher.opened) >= 4)
    assert [said[:2] for said in rig.ears.said] == [("lost", "spot prices")]
    assert rig.stream is not None
    assert set(rig.stream.lost) == {"spot prices"}
    rig.pusher.turns_away = False
    await rig.until(lambda: len(rig.ears.said) == 2)
    assert rig.ears.said[1] == ("back", "spot prices")
    assert rig.stream.lost == {}


@pytest.mark.parametrize(("frame", "why"), [
    ("<html>502</html>", "a frame that is not JSON"), ('{"u":1,"s":"BTCU', "a frame that is not JSON"),
    ("[]", "frame: expected an object with content, got []"), ({"u": 1, "s": "BTCUSDT", "b": "much", "a": "1"}, "b: "),
    ({"id": 1, "error": {"code": 2, "msg": "no"}}, "the subscription was not accepted"),
])
async def test_a_frame_that_is_none_ends_the_connection_with_its_reason(rig: Rig, frame: Any, why: str) -> None:
    await rig.start(spot)
    await up(rig)
    await rig.pusher.push(SPOT, frame)
    await rig.until(lambda: len(rig.ears.said) == 2)
    assert rig.ears.said[0][:2] == ("lost", "spot prices")
    assert rig.ears.said[0][2].startswith(why)
    assert rig.ears.said[1] == ("back", "spot prices")


async def test_silence_where_prices_are_due_is_a_loss(rig: Rig) -> None:
    await rig.start(spot)
    await up(rig)
    await rig.until(lambda: rig.ears.said)
    assert rig.ears.said[0] == ("lost", "spot prices", "nothing new for 0.4 s")


async def test_a_stale_stream_is_a_silent_one(rig: Rig) -> None:
    await rig.start(spot)
    await up(rig)
    while not rig.ears.said:
        if SPOT in rig.pusher.open:
            await rig.pusher.push(SPOT, ticker(5))
        await asyncio.sleep(0.03)
    assert rig.ears.said[0] == ("lost", "spot prices", "nothing new for 0.4 s")
    assert len(rig.ears.touches) == 1


async def test_an_account_may_be_quiet_until_it_owes_a_word(rig: Rig) -> None:
    made = await rig.start(account)
    await up(rig, PRIVATE)
    await asyncio.sleep(SILENCE * 1.5)
    assert rig.ears.said == []
    made.expect()
    await rig.until(lambda: rig.ears.said)
    assert rig.ears.said[0] == ("lost", "futures account", "not a word about our order within 0.4 s")


def order(execution: str = "TRADE") -> dict[str, Any]:
    return {"e": "ORDER_TRADE_UPDATE", "E": 5, "T": 4, "o": {"s": "BTCUSDT", "c": "hrabc_btc1_1", "x": execution}}


async def test_the_word_that_was_owed_keeps_the_connection(rig: Rig) -> None:
    made = await rig.start(account)
    await up(rig, PRIVATE)
    made.expect()
    await rig.pusher.push(PRIVATE, order())
    await asyncio.sleep(SILENCE * 1.5)
    assert rig.ears.said == []
    assert rig.ears.news == [Learnt(News.FILL, 4, "BTC/USDT:USDT", "hrabc_btc1_1")]


def spot_order(execution: str, **fields: Any) -> dict[str, Any]:
    report = {"e": "executionReport", "E": 7, "s": "BTCUSDT", "c": "hrabc_btc1_2", "C": "", "x": execution}
    return {"subscriptionId": 0, "event": report | fields}


async def test_a_spot_order_is_told_by_the_spot_account_and_the_futures_account_owes_no_more(rig: Rig) -> None:
    made = await rig.start(account, spot_account)
    await up(rig, PRIVATE)
    await up(rig, WS_API)
    made.expect()
    cancelled = spot_order("CANCELED", c="x1", C="hrabc_btc1_2")
    for frame in (spot_order("NEW"), spot_order("TRADE", s="ETHUSDT"), cancelled):
        await rig.pusher.push(WS_API, frame)
    await asyncio.sleep(SILENCE * 1.5)
    assert rig.ears.said == []
    assert rig.ears.news == [
        Learnt(News.ORDER, 7, "BTC/USDT", "hrabc_btc1_2"), Learnt(News.FILL, 7, "ETH/USDT", "hrabc_btc1_2"),
        Learnt(News.ORDER, 7, "BTC/USDT", "hrabc_btc1_2"),
    ]


async def test_orders_positions_and_balances_are_told_apart(rig: Rig) -> None:
    await rig.start(account, spot_account)
    await up(rig, PRIVATE)
    await up(rig, WS_API)
    await rig.pusher.push(PRIVATE, order("NEW"))
    await rig.pusher.push(PRIVATE, {"e": "ACCOUNT_UPDATE", "E": 6, "T": 6, "a": {
        "m": "ORDER", "B": [{"a": "USDT", "wb": "1", "cw": "1", "bc": "0"}], "P": [{"s": "ETHUSDT", "pa": "-1"}]}})
    await rig.pusher.push(WS_API, {"subscriptionId": 0, "event": {"e": "outboundAccountPosition", "E": 9, "B": []}})
    await rig.until(lambda: len(rig.ears.news) == 4)
    assert set(rig.ears.news) == {
        Learnt(News.ORDER, 4, "BTC/USDT:USDT", "hrabc_btc1_1"), Learnt(News.BALANCE, 6),
        Learnt(News.POSITION, 6, "ETH/USDT:USDT"), Learnt(News.BALANCE, 9),
    }
    signed = next(said for said in rig.pusher.heard if said["method"].startswith("userDataStream"))
    assert {"apiKey", "timestamp", "signature"} <= set(signed["params"])


async def test_a_listen_key_is_renewed_by_the_clock(rig: Rig) -> None:
    made = await rig.start(account)
    await up(rig, PRIVATE)
    for passed in (29 * MINUTE, 31 * MINUTE, 40 * MINUTE, 62 * MINUTE):
        rig.clock.ahead = passed
        made.tend()
        await asyncio.sleep(0.01)
    assert rig.calls == [binance_calls.NEW_LISTEN_KEY, *[binance_calls.KEEP_LISTEN_KEY] * 2]


async def test_a_renewal_that_fails_is_tried_again_a_minute_later(rig: Rig) -> None:
    made = await rig.start(account)
    await up(rig, PRIVATE)
    rig.refusal = Unavailable("away")
    for passed in (30 * MINUTE, 30 * MINUTE + 100, 31 * MINUTE + 200):
        rig.clock.ahead = passed
        made.tend()
        await asyncio.sleep(0.01)
    assert rig.calls.count(binance_calls.KEEP_LISTEN_KEY) == 2
    assert rig.ears.said == []


async def test_a_key_that_is_gone_is_replaced(rig: Rig) -> None:
    made = await rig.start(account)
    await up(rig, PRIVATE)
    rig.refusal = Refused("no such listen key", "-1125")
    rig.clock.ahead = 31 * MINUTE
    made.tend()
    await rig.until(lambda: rig.ears.said)
    rig.refusal = None
    await rig.until(lambda: len(rig.ears.said) == 2)
    assert rig.ears.said[0] == ("lost", "futures account", "the listen key is gone")
    assert rig.pusher.opened == [f"{PRIVATE}?listenKey=key1", f"{PRIVATE}?listenKey=key2"]


async def test_an_expired_key_is_replaced(rig: Rig) -> None:
    await rig.start(account)
    await up(rig, PRIVATE)
    await rig.pusher.push(PRIVATE, {"e": "listenKeyExpired", "E": 3, "listenKey": "key1"})
    await rig.until(lambda: len(rig.ears.said) == 2)
    assert rig.ears.said[0] == ("lost", "futures account", "the listen key has expired")
    assert rig.pusher.opened[-1] == f"{PRIVATE}?listenKey=key2"


@pytest.mark.fault(87)
async def test_a_signature_that_is_refused_is_told_without_the_key(rig: Rig) -> None:
    rig.pusher.answer = lambda _, said: {"id": said["id"], "status": 400, "error": {"code": -2014, "msg": "THEKEY"}}
    await rig.start(spot_account)
    await rig.until(lambda: rig.ears.said)
    assert rig.ears.said[0] == ("lost", "spot account", "the signature was not accepted (HTTP 400)")


async def test_no_answer_to_a_subscription_is_a_loss(rig: Rig) -> None:
    rig.pusher.answer = lambda _path, _said: None
    await rig.start(spot)
    await rig.until(lambda: rig.ears.said)
    assert rig.ears.said[0] == ("lost", "spot prices", "no answer to the subscription")


@pytest.mark.fault(83, 87)
async def test_a_redirect_is_not_followed(rig: Rig) -> None:
    other = Pusher(granted)
    rig.pusher.redirects_to = await other.start()
    await rig.start(account)
    await rig.until(lambda: rig.ears.said)
    assert other.opened == []
    assert "key1" not in str(rig.ears.said)
    await other.stop()


async def test_a_socket_that_answers_no_ping_is_closed(rig: Rig) -> None:
    rig.pusher.pongs = False
    await rig.start(account)
    await rig.until(lambda: rig.ears.said)
    assert rig.ears.said[0][:2] == ("lost", "futures account")


async def test_frames_are_counted_for_the_clock_of_a_story(rig: Rig) -> None:
    made = await rig.start(spot)
    await made.settled()
    (end,) = made.sockets()
    reading = asyncio.ensure_future(made.read_up_to({end: 3, "127.0.0.1:1": 9}))
    await rig.pusher.push(SPOT, ticker(1))
    await rig.until(lambda: rig.ears.touches)
    assert not reading.done()  # the answer to the subscription and one price
    await rig.pusher.push(SPOT, ticker(2))
    await asyncio.wait_for(reading, 1)
    assert len(rig.ears.touches) == 2


def door(environment: Environment, venue: str = "binance", url: str | None = None) -> Door:
    clock = WallClock()
    return Door(venue, environment, clock, Budgets(clock, {}), local_url=url)


@pytest.mark.fault(83)
@pytest.mark.parametrize(("environment", "address"), [
    (Environment.LIVE, "wss://fstream.binancefuture.com/public/ws/0"),
    (Environment.DEMO, "wss://fstream.binance.com/public/ws/0"),
    (Environment.LIVE, "wss://stream.binance.com/ws/0"),  # spot's is on port 9443
    (Environment.LIVE, "ws://fstream.binance.com/public/ws/0"),
    (Environment.LOCAL, "wss://fstream.binance.com/public/ws/0"),
    (Environment.LIVE, "wss://fstream.binance.com.evil.example/ws/0"),
])
def test_a_socket_opens_to_its_own_environment_only(environment: Environment, address: str) -> None:
    with pytest.raises(SafetyStop):
        door(environment, url="http://127.0.0.1:1").socket(address)


def test_in_local_every_address_leads_to_this_machine() -> None:
    local = door(Environment.LOCAL, url="http://127.0.0.1:8420")
    assert str(local.socket("wss://fstream.binancefuture.com/private/ws?listenKey=a")) == (
        "ws://127.0.0.1:8420/private/ws?listenKey=a")
    live = door(Environment.LIVE)
    assert str(live.socket("wss://stream.binance.com:9443/ws/0")) == "wss://stream.binance.com:9443/ws/0"


async def test_marks_are_told_with_index_and_funding_on_our_clock(rig: Rig) -> None:
    at = 1_700_000_000_123
    frame = {"e": "markPriceUpdate", "E": at, "s": "BTCUSDT", "p": "50000.1", "ap": "50000.1", "P": "1", "i": "50001",
             "r": "0.0001", "T": at + 9}
    await rig.start(lambda rig: Marks(rig.exchange, Names("USDT"), ["BTC"], ahead=lambda: 250))
    await up(rig, "/market/ws/0")
    for _ in range(2):  # a repeat is no news
        await rig.pusher.push("/market/ws/0", frame)
    await rig.pusher.push("/market/ws/0", frame | {"s": "SOLUSDT"})
    await rig.pusher.push("/market/ws/0", frame | {"E": at + 1})
    await rig.until(lambda: len(rig.ears.marks) == 2)
    assert rig.ears.marks[0] == Marked(
        "BTC", Decimal("50000.1"), Decimal(50001), at + 250, Decimal("0.0001"), at + 259)
    assert {"method": "SUBSCRIBE", "params": ["btcusdt@markPrice@1s"], "id": 1} in rig.pusher.heard
