from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest
from feeds import START, FakeFeed, scripted, steady
from testnet_caller import Caller

from bot.core.market import Side
from bot.core.orders import TimeInForce
from bot.core.times import DAY, HOUR, MINUTE, SECOND
from bot.testnet.binance.signing import sign
from bot.testnet.build import Testnet, build
from bot.testnet.dialect import Session
from bot.testnet.options import TestnetOptions

D = Decimal
# The fields of developers.binance.com, "Event: Order Update" and "Payload: Order Update", with their JSON types; those
# that are pushed only with conditional and trailing orders are not there.
ORDER_FIELDS = {
    **dict.fromkeys(("s", "c", "S", "o", "f", "q", "p", "ap", "sp", "x", "X", "l", "z", "L", "b", "a", "wt", "ot", "ps",
                     "rp", "V", "pm"), str),
    **dict.fromkeys(("i", "T", "t", "si", "ss", "gtd"), int), **dict.fromkeys(("m", "R", "cp", "pP"), bool),
}
REPORT_FIELDS = {
    **dict.fromkeys(("e", "s", "c", "S", "o", "f", "q", "p", "P", "F", "C", "x", "X", "r", "l", "z", "L", "n", "Z", "Y",
                     "Q", "V"), str),
    **dict.fromkeys(("E", "g", "i", "T", "t", "I", "O", "W"), int), **dict.fromkeys(("w", "m", "M"), bool),
}


class Client:
    """One socket of the dialect, without a wire."""

    def __init__(self, testnet: Testnet, path: str, query: str = "") -> None:
        self.testnet = testnet
        self.heard: list[Any] = []
        session = testnet.dialect.open(path, query, lambda text: self.heard.append(orjson.loads(text)))
        assert session is not None
        self.session: Session = session

    def say(self, **message: object) -> list[Any]:
        before = len(self.heard)
        self.session.hear(orjson.dumps(message).decode())
        return self.heard[before:]

    def later(self, milliseconds: int) -> list[Any]:
        before = len(self.heard)
        self.testnet.world.advance("test", self.testnet.world.now() + milliseconds)
        self.session.market()
        return self.heard[before:]

    def taken(self) -> list[Any]:
        found, self.heard[:] = self.heard[:], []
        return found


def venue(*prices: int) -> Testnet:
    feed = FakeFeed({"BTC": scripted(*(prices or (50_000,))), "ETH": steady(1_000)}, end=START + 3 * DAY)
    return build(TestnetOptions(), feed)


def key_of(testnet: Testnet, path: str = "/fapi/v1/listenKey") -> str:
    return str(Caller(testnet).ok("POST", path)["listenKey"])


def user(testnet: Testnet) -> Client:
    return Client(testnet, "/private/ws", f"listenKey={key_of(testnet)}")


def short(testnet: Testnet, quantity: str = "0.1") -> None:
    testnet.exchange.place("perp", "BTC", Side.SELL, D(quantity), D(49_000), time_in_force=TimeInForce.IOC,
                           client_order_id="mine")


# --- markets ---


@pytest.mark.parametrize(("path", "keys"), [
    ("/public/ws/btcusdt@bookTicker", {"e", "u", "E", "T", "s", "b", "B", "a", "A"}),
    ("/fstream/ws/btcusdt@bookTicker", {"e", "u", "E", "T", "s", "b", "B", "a", "A"}),
    ("/ws/btcusdt@bookTicker", {"u", "s", "b", "B", "a", "A"}),
    ("/market/ws/btcusdt@markPrice@1s", {"e", "E", "s", "p", "i", "P", "r", "T"}),
    ("/ws/btcusdt@markPrice", {"e", "E", "s", "p", "i", "P", "r", "T"}),
    ("/public/ws/btcusdt@depth5@100ms", {"e", "E", "T", "s", "U", "u", "pu", "b", "a"}),
    ("/ws/btcusdt@depth5", {"lastUpdateId", "bids", "asks"}),
    ("/market/ws/btcusdt@miniTicker", {"e", "E", "s", "c", "o", "h", "l", "v", "q"}),
])
def test_a_stream_begins_with_how_things_are(path: str, keys: set[str]) -> None:
    (first,) = Client(venue(), path).heard
    assert set(first) == keys


def test_spot_and_perpetual_write_prices_each_in_their_own_way() -> None:
    testnet = venue()
    assert Client(testnet, "/public/ws/btcusdt@bookTicker").heard[0]["b"] == "49999.5"
    assert Client(testnet, "/ws/btcusdt@bookTicker").heard[0]["b"] == "49999.50000000"


def test_a_stream_speaks_when_something_has_changed() -> None:
    client = Client(venue(50_000, 50_000, 50_100), "/public/ws/btcusdt@bookTicker")
    assert client.later(5 * SECOND) == []
    assert [frame["b"] for frame in client.later(5 * SECOND)] == ["50099.5"]
    assert client.later(HOUR) == []


def test_the_streams_of_all_symbols() -> None:
    testnet = venue(50_000, 50_100)
    touches = Client(testnet, "/public/ws/!bookTicker")
    marks = Client(testnet, "/market/ws/!markPrice@arr@1s")
    assert [frame["s"] for frame in touches.heard] == ["BTCUSDT", "ETHUSDT"]
    assert [[row["s"] for row in frame] for frame in marks.heard] == [["BTCUSDT", "ETHUSDT"]]
    assert [frame["s"] for frame in touches.later(5 * SECOND)] == ["BTCUSDT"]


def test_a_combined_socket_names_the_stream_of_each_frame() -> None:
    client = Client(venue(), "/public/stream", "streams=btcusdt@bookTicker/ethusdt@bookTicker")
    assert [(frame["stream"], frame["data"]["s"]) for frame in client.heard] == [
        ("btcusdt@bookTicker", "BTCUSDT"), ("ethusdt@bookTicker", "ETHUSDT"),
    ]


def test_subscriptions_come_and_go_with_a_reply_to_each() -> None:
    client = Client(venue(50_000, 50_100), "/public/ws/0")
    reply, first = client.say(method="SUBSCRIBE", params=["btcusdt@bookTicker"], id=1)
    assert (reply, first["s"]) == ({"result": None, "id": 1}, "BTCUSDT")
    assert client.session.watches
    assert client.say(method="LIST_SUBSCRIPTIONS", id=2) == [{"result": ["btcusdt@bookTicker"], "id": 2}]
    assert client.say(method="UNSUBSCRIBE", params=["btcusdt@bookTicker"], id=3) == [{"result": None, "id": 3}]
    assert not client.session.watches
    assert client.later(HOUR) == []


def test_a_property_switches_to_combined_frames() -> None:
    client = Client(venue(), "/public/ws")
    client.say(method="SET_PROPERTY", params=["combined", True], id=1)
    assert client.say(method="GET_PROPERTY", params=["combined"], id=2) == [{"result": True, "id": 2}]
    assert "stream" in client.say(method="SUBSCRIBE", params=["btcusdt@bookTicker"], id=3)[1]


def test_an_unknown_stream_is_accepted_and_silent() -> None:
    client = Client(venue(50_000, 50_100), "/public/ws")
    assert client.say(method="SUBSCRIBE", params=["xyzusdt@bookTicker", "btcusdt@weather"], id=1) == [
        {"result": None, "id": 1}]
    assert client.later(HOUR) == []


@pytest.mark.parametrize("text", [
    "", "hello", "[]", '{"method":"FLY","id":1}', '{"method":"SUBSCRIBE","params":"a","id":1}',
    '{"method":"SUBSCRIBE"}',
    '{"method":"SET_PROPERTY","params":{"combined":true},"id":1}',
])
def test_nonsense_is_refused_with_an_error(text: str) -> None:
    client = Client(venue(), "/ws")
    client.session.hear(text)
    assert client.heard[0]["error"]["code"] == 2


@pytest.mark.parametrize("path", ["/", "/wss", "/stream/btcusdt@bookTicker", "/fapi/v1/ws", "/ws-api/v4"])
def test_there_is_no_socket_on_other_paths(path: str) -> None:
    assert venue().dialect.open(path, "", lambda _: None) is None


@pytest.mark.parametrize("path", ["/public/ws/btcusdt@depth@100ms", "/ws/btcusdt@depth"])
def test_a_book_can_be_kept_from_its_changes(path: str) -> None:
    testnet = venue(*range(50_000, 50_040))
    client = Client(testnet, path)
    route = "/fapi/v1/depth" if "public" in path else "/api/v3/depth"
    snapshot = Caller(testnet).public(route, symbol="BTCUSDT", limit=10)
    last = snapshot["lastUpdateId"]
    book = {name[0]: {D(price): D(size) for price, size in snapshot[name]} for name in ("bids", "asks")}
    for _ in range(39):
        (frame,) = client.later(5 * SECOND)
        assert frame["U"] <= last + 1 <= frame["u"]
        assert frame.get("pu", last) == last
        last = frame["u"]
        for side, levels in book.items():
            for price, size in frame[side]:
                levels[D(price)] = D(size)
    assert {price for price, size in book["b"].items() if size} == {D("50038.5"), D("50037.5"), D("50036.5")}
    assert {price for price, size in book["a"].items() if size} == {D("50039.5"), D("50040.5"), D("50041.5")}


# --- the futures account ---


def test_a_taker_is_new_then_the_balance_moves_and_then_it_traded() -> None:
    testnet = venue()
    client = user(testnet)
    short(testnet)
    new, account, traded = client.heard
    assert (new["o"]["x"], new["o"]["X"], new["o"]["z"]) == ("NEW", "NEW", "0.000")
    assert account["a"]["m"] == "ORDER"
    assert account["a"]["B"] == [{"a": "USDT", "wb": "9997.50002500", "cw": "9997.50002500", "bc": "0"}]
    position = account["a"]["P"][0]
    assert (position["s"], position["pa"], position["ep"], position["ps"]) == ("BTCUSDT", "-0.100", "49999.5", "BOTH")
    order = traded["o"]
    assert [order[name] for name in "xXlzL"] == ["TRADE", "FILLED", "0.100", "0.100", "49999.5"]
    assert (order["N"], order["n"], order["m"], order["c"]) == ("USDT", "2.49997500", False, "mine")
    assert {name: type(order[name]) for name in ORDER_FIELDS} == ORDER_FIELDS
    assert set(order) - set(ORDER_FIELDS) == {"N", "n"}
    assert set(new["o"]) == set(ORDER_FIELDS)


def test_amendment_cancellation_and_expiry_are_told_by_their_names() -> None:
    testnet = venue()
    client = user(testnet)
    order = testnet.exchange.place("perp", "BTC", Side.SELL, D("0.1"), D(50_100))
    testnet.exchange.amend(order, D(50_200))
    testnet.exchange.cancel(order)
    testnet.exchange.place("perp", "BTC", Side.SELL, D("1.5"), D("49999.5"), time_in_force=TimeInForce.IOC)
    seen = [(frame["o"]["x"], frame["o"]["X"]) for frame in client.heard if frame["e"] == "ORDER_TRADE_UPDATE"]
    assert seen == [("NEW", "NEW"), ("AMENDMENT", "NEW"), ("CANCELED", "CANCELED"), ("NEW", "NEW"),
                    ("TRADE", "PARTIALLY_FILLED"), ("EXPIRED", "EXPIRED")]
    assert client.heard[0]["o"]["a"] == "5010"


def test_funding_moves_the_balance_and_names_no_position() -> None:
    testnet = venue()
    short(testnet)
    client = user(testnet)
    testnet.world.unschedule("listen key futures")
    (frame,) = client.later(8 * HOUR)
    assert (frame["a"]["m"], frame["a"]["P"], frame["a"]["B"][0]["bc"]) == ("FUNDING_FEE", [], "0.5")
    assert frame["E"] == START + 8 * HOUR


def test_realised_profit_accumulates() -> None:
    testnet = venue(50_000, 49_000)
    short(testnet)
    client = user(testnet)
    client.later(5 * SECOND)
    testnet.exchange.place("perp", "BTC", Side.BUY, D("0.1"), D(49_500), time_in_force=TimeInForce.IOC)
    account = next(frame for frame in client.heard if frame["e"] == "ACCOUNT_UPDATE")
    assert (account["a"]["P"][0]["cr"], account["a"]["P"][0]["pa"]) == ("99.9", "0.000")
    assert client.heard[-1]["o"]["rp"] == "99.90000000"


def test_a_liquidation_is_calculated_by_an_order_of_the_exchange() -> None:
    testnet = venue(*[50_000] * 12, 80_000)
    testnet.exchange.wallets.futures["USDT"] = D(5_000)
    short(testnet, "0.9")
    client = user(testnet)
    client.later(2 * MINUTE)
    orders = [frame["o"] for frame in client.heard if frame["e"] == "ORDER_TRADE_UPDATE"]
    assert [(order["x"], order["c"][:10]) for order in orders] == [("NEW", "autoclose-"), ("CALCULATED", "autoclose-")]
    assert client.heard[-1]["a"]["m"] == "INSURANCE_CLEAR"


def test_a_leverage_that_is_set_and_a_transfer_are_told() -> None:
    testnet = venue()
    client = user(testnet)
    testnet.exchange.set_leverage("BTC", D(5))
    testnet.exchange.transfer("USDT", D(100), to_futures=True)
    assert client.heard[0]["ac"] == {"s": "BTCUSDT", "l": 5}
    assert (client.heard[1]["a"]["m"], client.heard[1]["a"]["B"][0]["bc"]) == ("DEPOSIT", "100")


def test_only_the_events_that_were_asked_for_come() -> None:
    testnet = venue()
    client = Client(testnet, "/private/ws", f"listenKey={key_of(testnet)}&events=ACCOUNT_UPDATE")
    short(testnet)
    assert [frame["e"] for frame in client.heard] == ["ACCOUNT_UPDATE"]


@pytest.mark.parametrize("path", ["/ws/{}", "/fstream/ws/{}", "/private/ws/{}"])
def test_a_listen_key_is_a_stream_on_every_route(path: str) -> None:
    testnet = venue()
    client = Client(testnet, path.format(key_of(testnet)))
    assert client.session.private
    short(testnet)
    assert len(client.heard) == 3


def test_on_a_combined_socket_the_stream_is_the_key() -> None:
    testnet = venue()
    key = key_of(testnet)
    client = Client(testnet, "/private/stream", f"streams={key}")
    short(testnet)
    assert {frame["stream"] for frame in client.heard} == {key}


def test_a_listen_key_that_nobody_renews_ends_with_a_word_and_then_there_is_silence() -> None:
    testnet = venue()
    caller = Caller(testnet)
    client = user(testnet)
    client.later(50 * MINUTE)
    renewed = caller.ok("PUT", "/fapi/v1/listenKey")
    client.later(50 * MINUTE)
    assert client.heard == []
    (told,) = client.later(HOUR)
    assert told == {"e": "listenKeyExpired", "E": START + 110 * MINUTE, "listenKey": renewed["listenKey"]}
    short(testnet)
    assert len(client.heard) == 1
    assert not testnet.exchange.events.heard
    assert caller.code("PUT", "/fapi/v1/listenKey") == -1125


def test_a_key_that_is_given_back_is_silent() -> None:
    testnet = venue()
    client = user(testnet)
    Caller(testnet).ok("DELETE", "/fapi/v1/listenKey")
    short(testnet)
    assert client.heard == []


def test_a_wrong_listen_key_hears_nothing() -> None:
    testnet = venue()
    key_of(testnet)
    client = Client(testnet, "/private/ws", "listenKey=wrong")
    short(testnet)
    assert client.heard == []
    assert not client.session.private


# --- the spot account ---


def signed(testnet: Testnet, secret: str) -> dict[str, object]:
    params: dict[str, object] = {"apiKey": "local-key", "recvWindow": 5000, "timestamp": testnet.world.now()}
    return {**params, "signature": sign(secret, "&".join(f"{name}={value}" for name, value in params.items()).encode())}


def test_the_websocket_api_subscribes_with_a_signature_and_wraps_events() -> None:
    testnet = venue()
    client = Client(testnet, "/ws-api/v3")
    (reply,) = client.say(id="1", method="userDataStream.subscribe.signature", params=signed(testnet, "local-secret"))
    assert (reply["id"], reply["status"], reply["result"]) == ("1", 200, {"subscriptionId": 0})
    testnet.exchange.place("spot", "BTC", Side.SELL, D("0.01"), D(49_000), client_order_id="mine")
    client.heard.pop(0)
    assert {frame["subscriptionId"] for frame in client.heard} == {0}
    events = [frame["event"] for frame in client.heard]
    assert [event.get("x", event["e"]) for event in events] == [
        "NEW", "outboundAccountPosition", "TRADE", "outboundAccountPosition"]
    report = events[2]
    assert {name: type(report[name]) for name in REPORT_FIELDS} == REPORT_FIELDS
    assert set(report) - set(REPORT_FIELDS) == {"N"}
    assert (report["l"], report["L"], report["N"], report["X"]) == ("0.01000000", "49999.50000000", "USDT", "FILLED")
    assert {row["a"]: row["l"] for row in events[1]["B"]} == {"BTC": "0.01000000", "USDT": "0.00000000"}
    client.say(id="2", method="userDataStream.unsubscribe")
    testnet.exchange.deposit("BTC", D(1))
    assert len(client.heard) == 5


def test_a_cancelled_spot_order_is_told_as_the_original_of_a_cancellation_and_its_coins_are_free_again() -> None:
    testnet = venue()
    client = Client(testnet, f"/ws/{key_of(testnet, '/api/v3/userDataStream')}")
    order = testnet.exchange.place("spot", "BTC", Side.SELL, D("0.01"), D(60_000), client_order_id="mine")
    testnet.exchange.cancel(order)
    placed, held, gone, free = client.heard
    assert [(frame["c"], frame["C"], frame["x"], frame["X"]) for frame in (placed, gone)] == [
        ("mine", "", "NEW", "NEW"), (f"testnet_cancel_{order.order_id}", "mine", "CANCELED", "CANCELED")]
    assert [{row["a"]: row["l"] for row in frame["B"]}["BTC"] for frame in (held, free)] == ["0.01000000", "0.00000000"]


@pytest.mark.parametrize(("message", "code"), [
    ({"method": "fly"}, -1000), ({"method": "userDataStream.subscribe.signature"}, -1102),
    ({"method": "userDataStream.subscribe.signature", "params": {"apiKey": "another-key"}}, -2015),
])
def test_what_the_websocket_api_cannot_do_is_refused(message: dict[str, object], code: int) -> None:
    (reply,) = Client(venue(), "/ws-api/v3").say(id=1, **message)
    assert reply["error"]["code"] == code


def test_a_wrong_signature_subscribes_nothing() -> None:
    testnet = venue()
    client = Client(testnet, "/ws-api/v3")
    (reply,) = client.say(id=1, method="userDataStream.subscribe.signature", params=signed(testnet, "another"))
    assert reply["error"]["code"] == -1022
    assert not testnet.exchange.events.heard
    client.session.hear("[")
    assert client.heard[-1]["error"]["code"] == -1135


def test_a_deposit_is_a_balance_update_on_spot() -> None:
    testnet = venue()
    client = Client(testnet, f"/ws/{key_of(testnet, '/api/v3/userDataStream')}")
    testnet.exchange.deposit("BTC", D(1))
    assert [frame["e"] for frame in client.heard] == ["balanceUpdate", "outboundAccountPosition"]
    assert client.heard[0]["d"] == "1.00000000"
    short(testnet)
    assert len(client.heard) == 2
