"""Accounts and markets that are broken on purpose, as a client of the testnet sees them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest
from testnet_caller import BTC, Caller, order

D = Decimal
ACCOUNT, KEY = "/fapi/v1/accountConfig", "/sapi/v1/account/apiRestrictions"


def setup(caller: Caller, expect: int = 200, **body: object) -> Any:
    reply = caller.testnet.admin.answer("POST", "/testnet/setup", orjson.dumps(body))
    assert reply.status == expect, reply.body
    return orjson.loads(reply.body)


def test_modes_show_in_the_account_and_are_mended_again() -> None:
    caller = Caller()
    for name, shown in (("hedge_mode", "dualSidePosition"), ("multi_assets", "multiAssetsMargin")):
        assert caller.ok("GET", ACCOUNT)[shown] is False
        setup(caller, setup=name)
        assert caller.ok("GET", ACCOUNT)[shown] is True
        setup(caller, setup=name, on=False)
        assert caller.ok("GET", ACCOUNT)[shown] is False


def test_isolated_margin_shows_on_every_symbol() -> None:
    caller = Caller()
    setup(caller, setup="isolated")
    assert {row["marginType"] for row in caller.ok("GET", "/fapi/v1/symbolConfig")} == {"ISOLATED"}


def test_the_key_page_shows_a_key_that_may_withdraw() -> None:
    caller = Caller()
    assert caller.ok("GET", KEY)["enableWithdrawals"] is False
    setup(caller, setup="withdraw_key")
    assert caller.ok("GET", KEY)["enableWithdrawals"] is True


@pytest.mark.parametrize("name", ["expired_key", "missing_permission"])
def test_a_key_without_the_right_is_kept_out_of_futures_and_may_still_be_looked_at(name: str) -> None:
    caller = Caller()
    setup(caller, setup=name)
    assert caller.code("GET", ACCOUNT) == -2015
    assert caller.code("POST", "/fapi/v1/order", **order("SELL", "0.01", "31000")) == -2015
    shown = caller.ok("GET", KEY)
    assert shown["enableFutures"] is (name == "expired_key")
    assert ("tradingAuthorityExpirationTime" in shown) is (name == "expired_key")
    setup(caller, setup=name, on=False)
    assert caller.ok("GET", ACCOUNT)["canTrade"] is True


@pytest.mark.parametrize("skew", [30_000, -30_000])
def test_a_skewed_clock_is_shown_and_is_the_one_that_signatures_are_held_to(skew: int) -> None:
    caller = Caller()
    setup(caller, setup="clock", skew=skew)
    assert caller.public("/fapi/v1/time") == {"serverTime": caller.now + skew}
    assert caller.public("/api/v3/time") == {"serverTime": caller.now + skew}
    assert caller.code("GET", ACCOUNT) == -1021
    assert caller.ok("GET", ACCOUNT, timestamp=caller.now + skew)


def test_a_foreign_order_rests_under_a_name_that_is_not_ours() -> None:
    caller = Caller()
    setup(caller, setup="foreign_order", asset="BTC")
    resting = caller.ok("GET", "/fapi/v1/openOrders")
    assert [(row["symbol"], row["status"], row["clientOrderId"]) for row in resting] == [(BTC, "NEW", "web_1")]


@pytest.mark.parametrize("quantity", ["0.02", "-0.02"])
def test_a_foreign_position_is_a_position(quantity: str) -> None:
    caller = Caller()
    setup(caller, setup="foreign_position", asset="BTC", quantity=quantity)
    held = [row for row in caller.ok("GET", "/fapi/v3/positionRisk") if D(row["positionAmt"])]
    assert [D(row["positionAmt"]) for row in held] == [D(quantity)]


def test_delisting_and_listing_again_show_in_both_markets() -> None:
    caller = Caller()
    statuses = []
    for on in (True, False):
        setup(caller, setup="delisted", asset="BTC", on=on)
        for path in ("/fapi/v1/exchangeInfo", "/api/v3/exchangeInfo"):
            listed = {row["symbol"]: row["status"] for row in caller.public(path)["symbols"]}
            statuses.append((listed[BTC], listed["ETHUSDT"]))
    assert statuses == [("SETTLING", "TRADING"), ("BREAK", "TRADING"), ("TRADING", "TRADING"), ("TRADING", "TRADING")]


def test_a_changed_step_is_specified_and_enforced() -> None:
    caller = Caller()
    setup(caller, setup="step", asset="BTC", step="0.01")
    listed = next(row for row in caller.public("/fapi/v1/exchangeInfo")["symbols"] if row["symbol"] == BTC)
    lot = next(each for each in listed["filters"] if each["filterType"] == "LOT_SIZE")
    assert (D(lot["stepSize"]), D(lot["minQty"])) == (D("0.01"), D("0.01"))
    assert caller.code("POST", "/fapi/v1/order", **order("SELL", "0.015", "31000")) in (-1111, -4023)
    assert caller.sell("0.02")["status"] == "NEW"


def test_leverage_is_set_behind_the_clients_back() -> None:
    caller = Caller()
    setup(caller, setup="leverage", asset="ETH", leverage="3")
    shown = {row["symbol"]: row["leverage"] for row in caller.ok("GET", "/fapi/v1/symbolConfig")}
    assert shown == {BTC: 20, "ETHUSDT": 3}


@pytest.mark.parametrize("body", [
    {}, {"setup": "nonsense"}, {"setup": "hedge_mode", "on": "yes"}, {"setup": "leverage", "asset": "DOGE"},
    {"setup": "leverage", "asset": "BTC", "leverage": "1000"}, {"setup": "clock", "skew": "much"},
    {"setup": "clock", "skew": True}, {"setup": "step", "asset": "BTC", "step": "0"},
    {"setup": "foreign_position", "asset": "BTC", "quantity": "0"},
])
def test_what_is_not_asked_rightly_is_said_and_changes_nothing(body: dict[str, object]) -> None:
    caller = Caller()
    before = caller.testnet.exchange.dump()
    assert setup(caller, 400, **body)["error"]
    assert caller.testnet.exchange.dump() == before
