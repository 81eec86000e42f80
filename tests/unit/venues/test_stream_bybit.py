"""What Bybit's frames tell, as its documentation and recorded frames show them."""

from __future__ import annotations

import hashlib
import hmac
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.clocks import WallClock
from bot.ports import Learnt, Marked, Market, News, Touch
from bot.venues.bybit_stream import Account, Marks, Tops
from bot.venues.failures import InvalidReply
from bot.venues.gateway import CcxtVenue
from bot.venues.names import Names
from bot.venues.stream import Answered

D = Decimal
TS = 1_709_891_679_000


class Frozen(WallClock):
    def now(self) -> int:
        return TS


def sign(text: bytes, secret: bytes, how: Any, _: str) -> str:
    return hmac.new(secret, text, how).hexdigest()


EXCHANGE = SimpleNamespace(apiKey="key", secret="secret", hmac=sign)
AHEAD = cast("CcxtVenue", SimpleNamespace(clock_ahead=250))


def tops() -> Tops:
    return Tops(EXCHANGE, Names("USDT"), ["BTC"], Market.PERP)


def account() -> Account:
    return Account(EXCHANGE, Frozen(), Names("USDT"), AHEAD)


def book(kind: str, bids: list[list[str]], asks: list[list[str]], u: int, symbol: str = "BTCUSDT") -> dict[str, Any]:
    return {"topic": f"orderbook.1.{symbol}", "type": kind, "ts": TS,
            "data": {"s": symbol, "b": bids, "a": asks, "u": u, "seq": u}}


def touch(bid: str | None, ask: str | None) -> Touch:
    return Touch("BTC", Market.PERP, D(bid) if bid else None, D(ask) if ask else None, TS)


def test_a_delta_changes_the_side_that_it_names() -> None:
    feed = tops()
    whole = book("snapshot", [["27450.00", "0.5"]], [["27451.00", "0.7"]], 1)
    assert feed.read(whole) == (touch("27450.00", "27451.00"),)
    assert feed.read(book("delta", [["27450.50", "1"]], [], 2)) == (touch("27450.50", "27451.00"),)
    assert feed.read(book("delta", [], [["27451.00", "0"]], 3)) == (touch("27450.50", None),)
    assert feed.read(book("delta", [], [["27451.00", "0"], ["27452.00", "2"]], 4)) == (touch("27450.50", "27452.00"),)


def test_a_frame_that_repeats_the_last_or_concerns_another_coin_tells_nothing() -> None:
    feed = tops()
    frame = book("snapshot", [["1", "1"]], [["2", "1"]], 1)
    assert len(feed.read(frame)) == 1
    assert feed.read(frame) == ()
    assert feed.read(book("snapshot", [["1", "1"]], [["2", "1"]], 2, "ETHUSDT")) == ()


@pytest.mark.parametrize("levels", [None, "27450", [["27450.00"]], [["-1", "1"]], [["", "1"]]])
def test_levels_that_are_none_are_no_frame(levels: Any) -> None:
    with pytest.raises(InvalidReply):
        tops().read(book("snapshot", levels, [["2", "1"]], 1))


def test_the_account_signs_with_the_venues_time_and_then_subscribes() -> None:
    feed = account()
    (signed,) = feed.asks()
    expires = str(TS - 250 + 10_000)
    assert signed["args"] == [
        "key", expires, hmac.new(b"secret", f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()]
    assert feed.read({"op": "auth", "success": True, "retCode": 0, "retMsg": "", "connId": "c"}) == (Answered(),)
    (asked,) = feed.next_asks()
    assert asked == {"op": "subscribe", "args": ["order", "execution", "position", "wallet"], "req_id": "1"}
    assert feed.read({"success": True, "ret_msg": "", "op": "subscribe", "req_id": "1"}) == (Answered(),)


def test_a_pong_tells_nothing() -> None:
    assert account().read({"req_id": "2", "op": "pong", "args": ["1757405570352"], "conn_id": "d"}) == ()
    assert tops().read({"success": True, "ret_msg": "pong", "op": "ping", "req_id": ""}) == ()


def test_a_key_that_is_refused_ends_the_connection() -> None:
    with pytest.raises(InvalidReply, match=r"refused the key \(10003\)"):
        account().read({"op": "auth", "success": False, "retCode": 10003, "retMsg": "Invalid apikey", "connId": "c"})


@pytest.mark.parametrize(("topic", "entry", "told"), [
    ("order", {"symbol": "BTCUSDT", "orderLinkId": "hr1"}, Learnt(News.ORDER, TS, "BTC/USDT:USDT", "hr1")),
    ("execution", {"symbol": "BTCUSDT", "orderLinkId": "hr1"}, Learnt(News.FILL, TS, "BTC/USDT:USDT", "hr1")),
    ("execution.fast", {"symbol": "BTCUSDT", "orderLinkId": ""}, Learnt(News.FILL, TS, "BTC/USDT:USDT")),
    ("order", {"symbol": "BTCUSDT", "orderLinkId": "hr1", "category": "spot"},
     Learnt(News.ORDER, TS, "BTC/USDT", "hr1")),
    ("execution", {"symbol": "ETHUSDT", "orderLinkId": "hr1", "category": "spot"},
     Learnt(News.FILL, TS, "ETH/USDT", "hr1")),
    ("execution", {"symbol": "ETHUSDT", "orderLinkId": "hr1", "category": "linear"},
     Learnt(News.FILL, TS, "ETH/USDT:USDT", "hr1")),
    ("position", {"symbol": "ETHUSDT", "side": "Sell"}, Learnt(News.POSITION, TS, "ETH/USDT:USDT")),
    ("wallet", {"accountType": "UNIFIED"}, Learnt(News.BALANCE, TS)),
])
def test_what_happens_to_the_account_is_told(topic: str, entry: dict[str, str], told: Learnt) -> None:
    assert account().read({"topic": topic, "id": "1", "creationTime": TS, "data": [entry]}) == (told,)


def ticker(kind: str, fields: dict[str, str], symbol: str = "BTCUSDT", ts: int = TS) -> dict[str, Any]:
    return {"topic": f"tickers.{symbol}", "type": kind, "ts": ts, "cs": 1, "data": {"symbol": symbol, **fields}}


WHOLE = {"markPrice": "50000.10", "indexPrice": "50001", "fundingRate": "0.0001", "nextFundingTime": str(TS + 9),
         "lastPrice": "50000"}


def test_a_ticker_tells_mark_index_and_funding_on_our_clock() -> None:
    feed = Marks(EXCHANGE, Names("USDT"), ["BTC"], ahead=lambda: 250)
    assert feed.asks() == [{"op": "subscribe", "args": ["tickers.BTCUSDT"], "req_id": "1"}]
    first = Marked("BTC", D("50000.10"), D(50001), TS + 250, D("0.0001"), TS + 259)
    assert feed.read(ticker("snapshot", WHOLE)) == (first,)


def test_a_ticker_delta_leaves_what_it_does_not_name() -> None:
    feed = Marks(EXCHANGE, Names("USDT"), ["BTC"])
    feed.read(ticker("snapshot", WHOLE))
    (told,) = feed.read(ticker("delta", {"markPrice": "50002"}, ts=TS + 100))
    assert told == Marked("BTC", D(50002), D(50001), TS + 100, D("0.0001"), TS + 9)


def test_a_ticker_that_repeats_itself_or_is_of_another_coin_tells_nothing() -> None:
    feed = Marks(EXCHANGE, Names("USDT"), ["BTC"])
    feed.read(ticker("snapshot", WHOLE))
    assert feed.read(ticker("snapshot", WHOLE)) == ()
    assert feed.read(ticker("snapshot", WHOLE, "ETHUSDT")) == ()


def test_a_delta_before_any_snapshot_is_no_price() -> None:
    with pytest.raises(InvalidReply):
        Marks(EXCHANGE, Names("USDT"), ["BTC"]).read(ticker("delta", {"lastPrice": "1"}))


def test_a_touch_carries_the_venues_time_on_our_clock() -> None:
    feed = Tops(EXCHANGE, Names("USDT"), ["BTC"], Market.SPOT, ahead=lambda: 250)
    (told,) = feed.read(book("snapshot", [["1", "1"]], [["2", "1"]], 1))
    assert isinstance(told, Touch)
    assert told.at == TS + 250
