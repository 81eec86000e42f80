from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest
from feeds import START, FakeFeed, scripted
from recordings import kinds, recorded

from bot.core.market import Side
from bot.core.orders import TimeInForce
from bot.core.times import DAY, HOUR, SECOND
from bot.testnet.build import Testnet, build
from bot.testnet.bybit.streams import sign
from bot.testnet.dialect import Session
from bot.testnet.options import TestnetOptions

D = Decimal
SECRET = "local-secret"
ALL = ("order", "execution", "position", "wallet")


class Client:
    """One socket of the dialect, without a wire."""

    def __init__(self, testnet: Testnet, path: str = "/v5/private") -> None:
        self.testnet = testnet
        self.heard: list[Any] = []
        session = testnet.dialect.open(path, "", lambda text: self.heard.append(orjson.loads(text)))
        assert session is not None
        self.session: Session = session

    def say(self, **message: object) -> list[Any]:
        """What came after it was said."""
        before = len(self.heard)
        self.session.hear(orjson.dumps(message).decode())
        return self.heard[before:]

    def auth(self, key: str = "local-key", signed_with: str = SECRET, expires: str | None = None) -> Any:
        until = str(self.testnet.world.now() + 10_000) if expires is None else expires
        return self.say(op="auth", args=[key, until, sign(signed_with, until)])[0]

    def subscribe(self, *topics: str) -> list[Any]:
        return self.say(op="subscribe", args=list(topics), req_id="r1")

    def later(self, milliseconds: int) -> list[Any]:
        before = len(self.heard)
        self.testnet.world.advance("test", self.testnet.world.now() + milliseconds)
        self.session.market()
        return self.heard[before:]


def bybit(*prices: int) -> Testnet:
    return build(TestnetOptions(venue="bybit"),
                 FakeFeed({"BTC": scripted(*(prices or (50_000,)))}, end=START + 3 * DAY))


def account(testnet: Testnet, *topics: str) -> Client:
    client = Client(testnet)
    client.auth()
    client.subscribe(*(topics or ALL))
    client.heard.clear()
    return client


def short(testnet: Testnet, quantity: str = "0.1") -> None:
    testnet.exchange.place("perp", "BTC", Side.SELL, D(quantity), D(49_000), time_in_force=TimeInForce.IOC,
                           client_order_id="mine")


def topics(frames: list[Any]) -> list[str]:
    return [frame["topic"] for frame in frames]


# --- what a socket is told about itself ---


def test_a_wrong_key_is_refused_as_recorded_and_a_right_one_accepted_as_recorded() -> None:
    client = Client(bybit())
    assert set(kinds(client.auth(key="another"))) == set(kinds(recorded("ws_auth_failure")))
    assert client.heard[-1]["retMsg"] == recorded("ws_auth_failure")["retMsg"]
    assert set(kinds(client.auth())) == set(kinds(recorded("ws_auth_success")))


def test_a_wrong_signature_and_an_instant_that_has_passed_are_refused() -> None:
    client = Client(bybit())
    assert client.auth(signed_with="another")["retCode"] == 10004
    assert client.auth(expires=str(START))["success"] is False
    assert client.say(op="auth", args=["local-key"])[0]["success"] is False
    assert client.subscribe("order")[0]["ret_msg"] == "Request not authorized"


def test_a_subscription_is_acknowledged_as_recorded() -> None:
    client = Client(bybit(), "/v5/public/linear")
    assert set(kinds(client.subscribe("tickers.BTCUSDT")[0])) == set(kinds(recorded("ws_subscription_ack")))


@pytest.mark.parametrize("topic", ["tickers.XYZUSDT", "orderbook.7.BTCUSDT", "order", ""])
def test_a_topic_that_does_not_exist_is_refused_and_nothing_else_is_subscribed(topic: str) -> None:
    client = Client(bybit(), "/v5/public/linear")
    (refused,) = client.subscribe("tickers.BTCUSDT", topic)
    assert refused["success"] is False
    assert client.later(DAY) == []


def test_a_ping_is_answered_on_both_kinds_of_socket() -> None:
    testnet = bybit()
    assert Client(testnet, "/v5/public/spot").say(op="ping", req_id="7")[0]["ret_msg"] == "pong"
    pong = Client(testnet).say(op="ping", req_id="7")[0]
    assert (pong["op"], pong["args"], pong["req_id"]) == ("pong", [str(START)], "7")


@pytest.mark.parametrize("text", ["", "[]", "hello", '{"op":"fly"}', "{}"])
def test_nonsense_is_answered_with_a_refusal(text: str) -> None:
    client = Client(bybit())
    client.session.hear(text)
    assert client.heard[0]["success"] is False


def test_there_is_no_socket_on_other_paths() -> None:
    assert bybit().dialect.open("/v5/public/inverse", "", lambda _: None) is None


# --- markets ---


def test_a_perpetuals_ticker_is_a_snapshot_and_then_what_changed() -> None:
    client = Client(bybit(50_000, 50_100), "/v5/public/linear")
    snapshot = client.subscribe("tickers.BTCUSDT")[1]
    assert set(kinds(snapshot)) == set(kinds(recorded("ws_ticker_linear")))
    (delta,) = client.later(5 * SECOND)
    assert delta["type"] == "delta"
    assert delta["data"]["bid1Price"] == "50099.5"
    assert "bid1Size" not in delta["data"]
    assert client.later(5 * SECOND) == []


def test_a_spot_ticker_is_a_snapshot_each_time() -> None:
    client = Client(bybit(50_000, 50_100), "/v5/public/spot")
    first = client.subscribe("tickers.BTCUSDT")[1]
    (second,) = client.later(5 * SECOND)
    assert first["type"] == second["type"] == "snapshot"
    assert set(first["data"]) == set(second["data"])


def test_the_first_level_is_a_snapshot_each_time_as_recorded_with_the_instant_of_the_book() -> None:
    client = Client(bybit(50_000, 50_100), "/v5/public/linear")
    first = client.subscribe("orderbook.1.BTCUSDT")[1]
    extra = {("cts", "number")}  # documented since, and not in the recording
    assert set(kinds(first)) - extra == set(kinds(recorded("ws_orderbook_snapshot")))
    (second,) = client.later(5 * SECOND)
    assert (second["type"], second["data"]["b"]) == ("snapshot", [["50099.5", "1.000"]])
    assert second["data"]["u"] == first["data"]["u"] + 1


def test_a_deeper_book_can_be_kept_from_its_changes() -> None:
    client = Client(bybit(*range(50_000, 50_040)), "/v5/public/linear")
    frames = client.subscribe("orderbook.50.BTCUSDT")[1:]
    for _ in range(39):
        frames += client.later(5 * SECOND)
    book: dict[str, dict[str, str]] = {"b": {}, "a": {}}
    for frame in frames:
        for side, levels in book.items():
            if frame["type"] == "snapshot":
                levels.clear()
            for price, size in frame["data"][side]:
                if D(size):
                    levels[price] = size
                else:
                    del levels[price]
    assert [frame["type"] for frame in frames] == ["snapshot", *["delta"] * 39]
    assert book == {"b": {"50038.5": "1.000", "50037.5": "1.000", "50036.5": "1.000"},
                    "a": {"50039.5": "1.000", "50040.5": "1.000", "50041.5": "1.000"}}


def test_an_unsubscribed_topic_is_silent() -> None:
    client = Client(bybit(50_000, 50_100), "/v5/public/linear")
    client.subscribe("tickers.BTCUSDT")
    assert client.session.watches
    client.say(op="unsubscribe", args=["tickers.BTCUSDT"])
    assert not client.session.watches
    assert client.later(HOUR) == []


# --- the account ---


def test_a_fill_is_told_as_recorded() -> None:
    testnet = bybit()
    client = account(testnet)
    short(testnet)
    assert topics(client.heard) == ["order", "position", "wallet", "order", "execution", "position", "wallet"]
    order, execution, position, wallet = client.heard[3:]
    assert set(kinds(order)) == set(kinds(recorded("ws_account_order_filled")))
    assert set(kinds(execution)) == set(kinds(recorded("ws_account_execution")))
    assert set(kinds(position)) == set(kinds(recorded("ws_account_position_short")))
    # The recording spells it so; Bybit's documentation and its REST interface write totalPerpUPL.
    missing = set(kinds(recorded("ws_account_wallet"))) - set(kinds(wallet))
    assert missing == {("data[].totalPerpUpl", "text")}
    assert (order["data"][0]["orderStatus"], execution["data"][0]["execType"]) == ("Filled", "Trade")
    assert (position["data"][0]["side"], position["data"][0]["size"]) == ("Sell", "0.100")
    assert execution["data"][0]["execFee"] == "2.7499725"


def test_a_cancelled_order_is_told_as_recorded() -> None:
    testnet = bybit()
    client = account(testnet, "order")
    order = testnet.exchange.place("perp", "BTC", Side.SELL, D("0.1"), D(50_100), client_order_id="mine")
    testnet.exchange.amend(order, D(50_200))
    testnet.exchange.cancel(order)
    assert set(kinds(client.heard[-1])) == set(kinds(recorded("ws_account_order")))
    rows = [frame["data"][0] for frame in client.heard]
    assert [(row["orderStatus"], row["price"], row["cancelType"]) for row in rows] == [
        ("New", "50100.0", "UNKNOWN"), ("New", "50200.0", "UNKNOWN"), ("Cancelled", "50200.0", "CancelByUser"),
    ]


def test_funding_is_an_execution_whose_fee_is_what_the_account_paid() -> None:
    testnet = bybit()
    short(testnet)
    client = account(testnet)
    client.later(8 * HOUR)
    assert topics(client.heard) == ["execution", "position", "wallet"]
    row = client.heard[0]["data"][0]
    assert (row["execType"], row["execFee"]) == ("Funding", "-0.5")  # a short receives a positive rate


def test_a_topic_of_one_category_hears_that_one_only() -> None:
    testnet = bybit()
    client = account(testnet, "order.spot", "execution.linear")
    short(testnet)
    testnet.exchange.place("spot", "BTC", Side.SELL, D("0.01"), D(60_000))
    assert topics(client.heard) == ["execution.linear", "order.spot"]


def test_a_spot_sale_is_told_as_order_execution_and_wallet_with_its_fee_in_the_coin_that_came_in() -> None:
    testnet = bybit()
    client = account(testnet)
    testnet.exchange.place("spot", "BTC", Side.SELL, D("0.01"), D(49_000), client_order_id="mine")
    assert topics(client.heard) == ["order", "wallet", "order", "execution", "wallet"]
    order, execution = (client.heard[place]["data"][0] for place in (2, 3))
    assert [(row["category"], row["symbol"], row["orderLinkId"]) for row in (order, execution)] == [
        ("spot", "BTCUSDT", "mine")] * 2
    assert (order["orderStatus"], order["feeCurrency"], execution["execType"]) == ("Filled", "USDT", "Trade")
    locked = [{row["coin"]: row["locked"] for row in client.heard[place]["data"][0]["coin"]} for place in (1, 4)]
    assert [coins["BTC"] for coins in locked] == ["0.01", "0"]


def test_a_deposit_is_told_by_the_wallet_alone() -> None:
    testnet = bybit()
    client = account(testnet)
    testnet.exchange.deposit("BTC", D(1))
    assert topics(client.heard) == ["wallet"]


def test_a_closed_socket_hears_nothing() -> None:
    testnet = bybit()
    client = account(testnet)
    client.session.close()
    short(testnet)
    assert client.heard == []


def test_a_liquidation_is_told_as_a_bust_trade() -> None:
    testnet = bybit(*[50_000] * 12, 90_000)
    testnet.exchange.wallets.spot["BTC"] = D("0.01")
    testnet.exchange.wallets.spot["USDT"] = D(6_000)
    short(testnet, "0.8")
    client = account(testnet)
    client.later(HOUR)
    assert {row["data"][0]["execType"] for row in client.heard if row["topic"] == "execution"} == {"BustTrade"}
    assert client.heard[-1]["topic"] == "wallet"
