from __future__ import annotations

from decimal import Decimal

import orjson
import pytest
from testnet_caller import Caller

from bot.core.times import DAY, HOUR, MINUTE, SECOND
from bot.testnet.build import assemble, build
from bot.testnet.clock import LeaseHeld, NotStepped, StoryClock
from bot.testnet.dialect import Credentials
from bot.testnet.options import TestnetOptions


def admin(caller: Caller, method: str, path: str, body: object = None) -> tuple[int, dict[str, object]]:
    reply = caller.testnet.admin.answer(method, path, b"" if body is None else orjson.dumps(body))
    return reply.status, orjson.loads(reply.body)


@pytest.fixture
def caller() -> Caller:
    return Caller()


def test_a_stepped_clock_goes_to_the_instant_asked_for_and_never_back() -> None:
    clock = StoryClock(1_000, 5_000)
    assert [clock.advance("a", until) for until in (2_000, 2_000, 1_500, 9_000)] == [2_000, 2_000, 2_000, 5_000]


def test_the_first_to_advance_holds_the_lease_and_keeps_it() -> None:
    clock = StoryClock(0, 100)
    clock.advance("daemon", 0)
    with pytest.raises(LeaseHeld, match="daemon"):
        clock.advance("other", 50)
    assert clock.now() == 0
    assert clock.advance("daemon", 10) == 10, "a restarted client goes on under the same name"


def test_a_wall_clock_runs_at_its_speed_up_to_the_end_and_is_not_stepped() -> None:
    wall = [100.0]
    clock = StoryClock(0, 10 * MINUTE, speed=Decimal(60), monotonic=lambda: wall[0])
    wall[0] = 101.5
    assert clock.now() == 90 * SECOND
    wall[0] = 101.0
    assert clock.now() == 90 * SECOND, "never back"
    wall[0] = 1e6
    assert clock.now() == 10 * MINUTE
    with pytest.raises(NotStepped):
        clock.advance("a", 1)


def test_only_advance_moves_time(caller: Caller) -> None:
    before = caller.testnet.exchange.dump()
    start = caller.now
    for path in ("/fapi/v1/time", "/api/v3/time", "/fapi/v1/premiumIndex", "/fapi/v1/ticker/24hr"):
        caller.public(path)
    for path in ("/fapi/v3/account", "/fapi/v3/positionRisk", "/fapi/v1/income", "/api/v3/account"):
        caller.ok("GET", path)
    for path in ("/testnet/clock", "/testnet/state", "/testnet/fault"):
        assert admin(caller, "GET", path)[0] == 200
    assert caller.now == start
    assert caller.testnet.exchange.dump() == before
    assert admin(caller, "POST", "/testnet/advance", {"lease": "d", "until": start + HOUR}) == (
        200, {"now": start + HOUR, "frames": {}})
    assert caller.public("/fapi/v1/time") == {"serverTime": start + HOUR}


def test_the_clock_says_where_the_story_is(caller: Caller) -> None:
    start = caller.now
    caller.advance(MINUTE)
    assert admin(caller, "GET", "/testnet/clock") == (200, {
        "now": start + MINUTE, "origin": start, "end": start + 2 * DAY, "mode": "stepped", "speed": None})


def test_a_repeated_advance_changes_nothing(caller: Caller) -> None:
    caller.short("0.1")
    body = {"lease": "d", "until": caller.now + 9 * HOUR}
    first = admin(caller, "POST", "/testnet/advance", body), caller.testnet.exchange.dump()
    assert (admin(caller, "POST", "/testnet/advance", body), caller.testnet.exchange.dump()) == first


def test_another_lease_is_refused_with_409_and_moves_nothing(caller: Caller) -> None:
    start = caller.now
    caller.advance(0)
    status, found = admin(caller, "POST", "/testnet/advance", {"lease": "intruder", "until": start + HOUR})
    assert (status, caller.now) == (409, start)
    assert "held by test" in str(found["error"])


def test_with_the_wall_clock_nobody_advances() -> None:
    caller = Caller(speed=Decimal(1))
    assert admin(caller, "POST", "/testnet/advance", {"lease": "d", "until": 0})[0] == 409
    assert admin(caller, "GET", "/testnet/clock")[1]["mode"] == "wall"


def test_with_the_wall_clock_a_request_still_sees_one_instant() -> None:
    wall = [0.0]

    def ticking() -> float:
        wall[0] += 1
        return wall[0]

    exchange = Caller().testnet.exchange
    clock = StoryClock(exchange.now, exchange.now + DAY, speed=Decimal(1), monotonic=ticking)
    caller = Caller(assemble(exchange, clock, Credentials("local-key", "local-secret"), seed=1))
    rows = caller.public("/fapi/v1/ticker/bookTicker")
    assert len({row["time"] for row in rows}) == 1
    assert caller.public("/fapi/v1/time")["serverTime"] == rows[0]["time"] + SECOND


@pytest.mark.parametrize("body", [{}, {"lease": "", "until": 1}, {"lease": "d"}, {"lease": "d", "until": "1"},
                                  {"lease": "d", "until": True}, {"lease": "d", "until": 1.5}, []])
def test_a_malformed_advance_is_refused_and_takes_no_lease(caller: Caller, body: object) -> None:
    assert admin(caller, "POST", "/testnet/advance", body)[0] == 400
    assert caller.testnet.world.clock.holder is None


def test_an_unknown_endpoint_of_the_testnet_is_404(caller: Caller) -> None:
    assert admin(caller, "GET", "/testnet/advance")[0] == 404


def test_a_price_is_shifted_from_now_on(caller: Caller) -> None:
    mark = float(caller.public("/fapi/v1/premiumIndex", symbol="BTCUSDT")["markPrice"])
    assert admin(caller, "POST", "/testnet/price", {"asset": "BTC", "factor": "1.1"})[0] == 200
    assert float(caller.public("/fapi/v1/premiumIndex", symbol="BTCUSDT")["markPrice"]) == pytest.approx(mark * 1.1)
    assert admin(caller, "POST", "/testnet/price", {"asset": "BTC", "price": "20000"})[0] == 200
    assert float(caller.public("/fapi/v1/premiumIndex", symbol="BTCUSDT")["markPrice"]) == pytest.approx(20000)


@pytest.mark.parametrize("body", [
    {"asset": "DOGE", "factor": "1"}, {"asset": "BTC"}, {"asset": "BTC", "factor": "1", "price": "1"},
    {"asset": "BTC", "factor": "0"}, {"asset": "BTC", "factor": "-1"}, {"asset": "BTC", "factor": "NaN"},
    {"factor": "2"},
])
def test_a_malformed_price_is_refused(caller: Caller, body: object) -> None:
    assert admin(caller, "POST", "/testnet/price", body)[0] == 400


def test_coins_come_and_go_only_as_far_as_they_are_free(caller: Caller) -> None:
    def deposit(amount: str) -> tuple[int, dict[str, object]]:
        return admin(caller, "POST", "/testnet/deposit", {"coin": "BTC", "amount": amount})

    had = caller.testnet.exchange.wallets.spot["BTC"]
    assert deposit("0.5") == (200, {"coin": "BTC", "spot": str(had + Decimal("0.5"))})
    assert deposit("-0.5")[0] == 200
    caller.ok("POST", "/api/v3/order", symbol="BTCUSDT", side="SELL", type="LIMIT_MAKER", quantity="1", price="31000")
    assert deposit(str(-had))[0] == 400
    assert caller.testnet.exchange.wallets.spot["BTC"] == had


def test_the_owner_may_move_cash_between_the_wallets(caller: Caller) -> None:
    def transfer(**body: object) -> int:
        return admin(caller, "POST", "/testnet/transfer", {"coin": "USDT", **body})[0]

    before = Decimal(caller.ok("GET", "/fapi/v3/account")["totalWalletBalance"])
    assert transfer(amount="100", to="futures") == 200
    assert Decimal(caller.ok("GET", "/fapi/v3/account")["totalWalletBalance"]) == before + 100
    (row,) = caller.ok("GET", "/fapi/v1/income", incomeType="TRANSFER")
    assert (row["income"], row["symbol"], row["tradeId"]) == ("100.00000000", "", "")
    assert [transfer(amount="1e9", to="futures"), transfer(amount="1", to="moon"), transfer(to="spot"),
            transfer(amount="1", to="spot", coin="usdt")] == [400] * 4


def test_the_countdown_cancels_in_story_time_unless_it_is_renewed(caller: Caller) -> None:
    far = f"{float(caller.touch()[1]) * 1.04:.1f}"
    caller.sell("0.1", far, "GTC")
    asked = {"symbol": "BTCUSDT", "countdownTime": 120_000}
    assert caller.ok("POST", "/fapi/v1/countdownCancelAll", **asked) == {
        "symbol": "BTCUSDT", "countdownTime": "120000"}
    caller.advance(100_000)
    caller.ok("POST", "/fapi/v1/countdownCancelAll", **asked)
    due = caller.now + 120_000
    assert admin(caller, "GET", "/testnet/state")[1]["deadlines"] == {"countdown BTCUSDT": due}
    caller.advance(119_999)
    assert len(caller.ok("GET", "/fapi/v1/openOrders")) == 1
    caller.advance(HOUR)
    assert caller.ok("GET", "/fapi/v1/openOrders") == []
    (ended,) = caller.ok("GET", "/fapi/v1/allOrders", symbol="BTCUSDT")
    assert (ended["status"], ended["updateTime"]) == ("CANCELED", due), "at its instant, whatever the step"


def test_a_countdown_of_zero_is_off(caller: Caller) -> None:
    caller.sell("0.1", f"{float(caller.touch()[1]) * 1.04:.1f}", "GTC")
    for wait in (1_000, 0):
        caller.ok("POST", "/fapi/v1/countdownCancelAll", symbol="BTCUSDT", countdownTime=wait)
    caller.advance(MINUTE)
    assert len(caller.ok("GET", "/fapi/v1/openOrders")) == 1


def test_two_runs_with_the_same_requests_end_in_the_same_bytes() -> None:
    def run(step: int) -> bytes:
        caller = Caller(build(TestnetOptions(days=1, seed=7)))
        until = caller.now + 10 * HOUR
        caller.short("0.2")
        caller.sell("0.3", clientOrderId="a")
        while caller.now < until:
            caller.testnet.world.advance("d", min(until, caller.now + step))
        return caller.testnet.admin.answer("GET", "/testnet/state", b"").body

    whole = run(10 * HOUR)
    assert run(10 * HOUR) == whole
    assert run(7 * MINUTE) == whole, "nor does the size of the steps matter"
    assert b'"fills"' in whole
