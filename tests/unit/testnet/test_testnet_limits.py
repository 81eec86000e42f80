from __future__ import annotations

import orjson
import pytest
from testnet_caller import Caller, order

from bot.core.times import MINUTE
from bot.testnet.binance.errors import ApiError
from bot.testnet.binance.limits import STUBBORN, futures_limits


@pytest.fixture
def caller() -> Caller:
    return Caller()


def used(caller: Caller, path: str, **params: object) -> int:
    """The weight that one signed GET adds."""
    idle = "/fapi/v1/ping" if path.startswith("/fapi") else "/api/v3/ping"
    before = int(caller.raw("GET", idle).headers["X-MBX-USED-WEIGHT-1M"])
    return int(caller.signed("GET", path, **params).headers["X-MBX-USED-WEIGHT-1M"]) - before


@pytest.mark.parametrize(("path", "params", "weight"), [
    ("/fapi/v3/account", {}, 5), ("/fapi/v3/positionRisk", {}, 5), ("/fapi/v1/userTrades", {"symbol": "BTCUSDT"}, 5),
    ("/fapi/v1/income", {}, 30), ("/fapi/v1/openOrders", {}, 40), ("/fapi/v1/openOrders", {"symbol": "BTCUSDT"}, 1),
    ("/fapi/v1/ticker/24hr", {}, 40), ("/fapi/v1/ticker/bookTicker", {}, 5),
    ("/fapi/v1/ticker/bookTicker", {"symbol": "BTCUSDT"}, 2), ("/fapi/v1/premiumIndex", {}, 10),
    ("/fapi/v1/premiumIndex", {"symbol": "BTCUSDT"}, 1), ("/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 5}, 2),
    ("/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": 1000}, 20), ("/api/v3/account", {}, 20),
    ("/api/v3/exchangeInfo", {}, 20), ("/api/v3/openOrders", {}, 80), ("/api/v3/openOrders", {"symbol": "BTCUSDT"}, 6),
    ("/api/v3/myTrades", {"symbol": "BTCUSDT"}, 20), ("/api/v3/order", {"symbol": "BTCUSDT", "orderId": 1}, 4),
    ("/api/v3/ticker/bookTicker", {}, 4),
])
def test_each_endpoint_costs_what_binance_charges(
    caller: Caller, path: str, params: dict[str, object], weight: int,
) -> None:
    assert used(caller, path, **params) == weight


def test_a_whole_snapshot_fits_many_times_into_a_minute(caller: Caller) -> None:
    for path in ("/fapi/v3/account", "/fapi/v3/positionRisk", "/fapi/v1/ticker/bookTicker", "/fapi/v1/premiumIndex",
                 "/fapi/v1/openOrders"):
        reply = caller.signed("GET", path)
    assert reply.headers["X-MBX-USED-WEIGHT-1M"] == "65"


def test_orders_cost_no_weight_but_count_on_their_own(caller: Caller) -> None:
    caller.sell("0.1")
    reply = caller.signed("POST", "/fapi/v1/order", **order("SELL", "0.1", caller.touch()[1]))
    assert {name: value for name, value in reply.headers.items() if "ORDER" in name} == {
        "X-MBX-ORDER-COUNT-10S": "2", "X-MBX-ORDER-COUNT-1M": "2"}
    assert "X-MBX-ORDER-COUNT-1M" not in caller.signed("GET", "/fapi/v3/account").headers


def test_beyond_the_budget_comes_429_until_the_story_minute_is_over(caller: Caller) -> None:
    for _ in range(80):
        caller.ok("GET", "/fapi/v1/income")
    reply = caller.signed("GET", "/fapi/v1/income")
    assert (reply.status, reply.headers["Retry-After"], orjson.loads(reply.body)["code"]) == (429, "60", -1003)
    assert caller.raw("GET", "/api/v3/time").status == 200, "spot has its own budget"
    caller.advance(MINUTE)
    assert caller.signed("GET", "/fapi/v1/income").headers["X-MBX-USED-WEIGHT-1M"] == "30"


def test_who_does_not_stop_after_429_is_banned_and_longer_each_time() -> None:
    limits = futures_limits()

    def provoke(now: int) -> ApiError:
        limits.spend(2400, now)
        for _ in range(STUBBORN):
            with pytest.raises(ApiError) as refused:
                limits.spend(1, now)
            assert refused.value.status == 429
        with pytest.raises(ApiError) as banned:
            limits.spend(1, now)
        return banned.value

    first = provoke(0)
    assert (first.status, first.code, first.headers["Retry-After"]) == (418, -1003, "120")
    with pytest.raises(ApiError, match="IP banned until 120000"):
        limits.spend(1, 119_999)
    assert provoke(120_000).headers["Retry-After"] == "480"


def test_the_order_budget_refuses_with_1015_and_no_retry_after() -> None:
    limits = futures_limits()
    for _ in range(300):
        limits.count_order(0)
    with pytest.raises(ApiError) as refused:
        limits.count_order(9_999)
    assert (refused.value.status, refused.value.code) == (429, -1015)
    assert "Retry-After" not in refused.value.headers
    assert "300 orders per 10 SECOND" in refused.value.message
    limits.count_order(10_000)
    assert limits.headers(with_orders=True) == {
        "X-MBX-USED-WEIGHT-1M": "0", "X-MBX-ORDER-COUNT-10S": "1", "X-MBX-ORDER-COUNT-1M": "301"}
