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


def test_a_key_without_the_spot_right_reads_the_wallet_and_orders_nothing_there() -> None:
    caller = Caller()
    setup(caller, setup="missing_spot_permission")
    bid, _ = caller.touch()
    sale = order("SELL", "0.01", bid, "IOC")
    assert caller.code("POST", "/api/v3/order", **sale) == -2015
    assert caller.code("DELETE", "/api/v3/order", symbol=BTC, orderId=1) == -2015
    assert caller.ok("GET", "/api/v3/account")["balances"]
    assert caller.ok("GET", KEY)["enableSpotAndMarginTrading"] is False
    assert caller.ok("POST", "/fapi/v1/order", **sale)["status"] == "FILLED"
    setup(caller, setup="missing_spot_permission", on=False)
    assert caller.ok("POST", "/api/v3/order", **sale)["status"] == "FILLED"


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


def test_what_was_traded_before_a_coarser_step_is_shown_as_it_was() -> None:
    """A venue never rounds an execution: 0.068 that is told as 0.07 would be in nobody's books."""
    caller = Caller()
    caller.short("0.068")
    caller.sell("0.012", newClientOrderId="rest")
    setup(caller, setup="step", asset="BTC", step="0.05")
    (position,) = caller.ok("GET", "/fapi/v3/account")["positions"]
    (resting,) = caller.ok("GET", "/fapi/v1/openOrders")
    assert (D(position["positionAmt"]), D(resting["origQty"])) == (D("-0.068"), D("0.012"))


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


@pytest.mark.parametrize("body", [
    {"setup": "earn", "asset": "BTC", "amount": "1000"}, {"setup": "adl", "asset": "BTC"}, {"setup": "liquidation"},
    {"setup": "tick", "asset": "BTC", "tick": "0"}, {"setup": "funding_interval", "asset": "BTC", "hours": 0},
    {"setup": "funding_interval", "asset": "BTC", "hours": True}, {"setup": "funding_late", "delay": -1},
])
def test_what_cannot_be_is_said_and_changes_nothing(body: dict[str, object]) -> None:
    test_what_is_not_asked_rightly_is_said_and_changes_nothing(body)


def test_a_revoked_key_opens_nothing_any_more() -> None:
    caller = Caller()
    setup(caller, setup="revoked_key")
    assert [caller.code("GET", path) for path in (ACCOUNT, KEY, "/api/v3/account")] == [-2015] * 3
    setup(caller, setup="revoked_key", on=False)
    assert caller.ok("GET", ACCOUNT)["canTrade"] is True


def test_in_maintenance_only_the_status_page_answers() -> None:
    caller = Caller()
    assert caller.public("/sapi/v1/system/status") == {"status": 0, "msg": "normal"}
    setup(caller, setup="maintenance")
    assert caller.public("/sapi/v1/system/status") == {"status": 1, "msg": "system_maintenance"}
    assert caller.code("GET", ACCOUNT) == -1016


def test_a_portfolio_margin_account_is_behind_another_api() -> None:
    caller = Caller()
    setup(caller, setup="portfolio_margin")
    assert caller.code("GET", ACCOUNT) == -1109
    assert caller.ok("GET", KEY)["enableFutures"] is True


def test_an_account_that_may_only_reduce_takes_no_other_order() -> None:
    caller = Caller()
    caller.sell("0.02")
    setup(caller, setup="reduce_only")
    assert caller.code("POST", "/fapi/v1/order", **order("SELL", "0.01", "31000")) == -4401
    setup(caller, setup="cancel_orders", asset="BTC")
    assert caller.ok("GET", "/fapi/v1/openOrders") == []


def test_coins_in_earn_have_another_name() -> None:
    caller = Caller()
    before = caller.testnet.exchange.wallets.spot["BTC"]
    setup(caller, setup="earn", asset="BTC", amount="0.1")
    held = {row["asset"]: D(row["free"]) for row in caller.ok("GET", "/api/v3/account")["balances"]}
    assert (held["BTC"], held["LDBTC"]) == (before - D("0.1"), D("0.1"))
    setup(caller, setup="earn", asset="BTC", amount="-0.1")
    assert caller.testnet.exchange.wallets.spot["BTC"] == before


@pytest.mark.parametrize(("name", "prefix"), [("adl", "adl_autoclose-"), ("liquidation", "autoclose-")])
def test_what_the_venue_closes_by_force_carries_its_name(name: str, prefix: str) -> None:
    caller = Caller()
    setup(caller, setup="foreign_position", asset="BTC", quantity="-0.02")
    setup(caller, setup=name, asset="BTC")
    assert caller.testnet.exchange.position("BTC").quantity == 0
    assert caller.testnet.exchange.fills[-1].client_order_id.startswith(prefix)


def test_later_is_done_at_its_instant_and_answered_where_it_was_planned() -> None:
    caller = Caller()

    def ask(method: str, path: str, body: object = None, expect: int = 200) -> Any:
        reply = caller.testnet.admin.answer(method, path, orjson.dumps(body or {}))
        assert reply.status == expect, reply.body
        return orjson.loads(reply.body)

    begun = caller.now
    price = {"path": "/testnet/price", "body": {"asset": "BTC", "factor": "1.1"}}
    ask("POST", "/testnet/later", {"in": 60_000, **price})
    ask("POST", "/testnet/later", {"at": begun + 90_000, "path": "/testnet/setup", "body": {"setup": "liquidation"}})
    mark = caller.testnet.exchange.mark("BTC")
    ask("POST", "/testnet/advance", {"lease": "me", "until": begun + 59_999})
    assert caller.testnet.exchange.mark("BTC") == mark
    ask("POST", "/testnet/advance", {"lease": "me", "until": begun + 120_000})
    assert caller.testnet.exchange.mark("BTC") == mark * D("1.1")
    assert [(entry["at"] - begun, entry["status"]) for entry in ask("GET", "/testnet/later")] == [
        (60_000, 200), (90_000, 400)]
    for wrong in ({}, price, {"in": 1, "at": 2, **price}, {"in": -1, **price}, {"in": 1, "path": "/testnet/advance"},
                  {"in": 1, "path": "/testnet/price", "body": []}):
        assert ask("POST", "/testnet/later", wrong, 400)["error"]
