"""Replies of Bybit's that others recorded, in ../shared/fixtures: each is read as what it says, or not believed."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.core.market import Holding, Side
from bot.core.orders import OrderState
from bot.venues import bybit_orders as orders
from bot.venues import bybit_replies as replies
from bot.venues import bybit_specs as specs
from bot.venues.bybit_prepare import account_info
from bot.venues.failures import InvalidReply
from bot.venues.names import Names
from bot.venues.specs import Fees, Market

ROOT = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("HEDGEROW_SHARED", ROOT.parent / "shared")) / "fixtures" / "bybit"
NAMES = Names("USDT")
D = Decimal

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="recorded replies are not here: ../shared/fixtures/bybit")


def recorded(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def test_a_wallet_with_a_loan_counts_each_balance_once() -> None:
    account = replies.wallet(recorded("wallet_balance_with_spot_borrow"))
    held = replies.holdings(account, ["BTC", "USDT"])
    assert held == {"BTC": Holding(D(0)), "USDT": Holding(D(1200), D(0), D("200.50"))}
    assert held["USDT"].total == D("999.50")
    assert replies.futures_wallet(account, D(0)).equity == D(2500)


def test_a_loan_in_a_coin_outside_the_portfolio_is_a_liability_and_one_within_is_a_debt() -> None:
    account = replies.wallet(recorded("wallet_balance"))
    assert replies.liabilities(account, ["BTC", "USDT"]) == D("191.31")
    assert replies.liabilities(account, ["BTC", "ETH", "USDT"]) == 0
    assert replies.holdings(account, ["ETH"])["ETH"].total == D("-0.08142")


def test_positions_carry_their_side_and_flat_rows_are_none() -> None:
    account = replies.wallet(recorded("wallet_balance"))
    found = replies.positions(replies.listed(recorded("positions"), "positions"), account, NAMES)
    assert {held.symbol: held.quantity for held in found} == {"BTC/USDT:USDT": D("0.5"), "ETH/USDT:USDT": D("-5.0")}
    assert found[1].liquidation_price == 3500


def test_resting_orders_are_read() -> None:
    found = replies.open_orders(replies.listed(recorded("orders_realtime"), "orders"), NAMES)
    assert [(order.client_order_id, order.side, order.price) for order in found] == [
        ("client-open-1", Side.BUY, D("3930.41")), ("client-open-2", Side.SELL, D("3940.42"))]


def test_a_rejected_order_that_had_filled_in_part_keeps_its_fill() -> None:
    reply = recorded("order_partially_filled_rejected")
    link = reply["result"]["list"][0]["orderLinkId"]
    report = orders.found_order(reply, "BTC/USDT:USDT", link, NAMES)
    assert report is not None
    assert (report.state, report.filled, report.code) == (
        OrderState.CANCELLED, D("0.005"), "INSUFFICIENT_MARGIN")


def test_a_cancelled_order_is_read_and_an_average_that_is_null_is_unknown() -> None:
    report = orders.found_order(recorded("orders_history"), "BTC/USDT:USDT", "client-1", NAMES)
    assert report is not None
    assert (report.state, report.filled, report.average, report.code) == (OrderState.CANCELLED, D(0), None, None)


def test_executions_are_read_with_their_client_ids_and_a_cursor_that_stays_as_it_was_given() -> None:
    reply = recorded("executions")
    found = [orders.fill(entry, D(0), NAMES) for entry in replies.listed(reply, "executions")]
    assert [(fill.client_order_id, fill.quantity, fill.fee, fill.maker) for fill in found] == [
        ("test-order-001", D("0.1"), D("0.015"), True), ("test-order-002", D("0.5"), D("0.9"), False)]
    assert replies.cursor(reply) == "132766%3A2%2C132766%3A2"


def test_specifications_and_fees_are_read() -> None:
    perps = specs.perpetuals(replies.listed(recorded("instruments_linear"), "linear"), ["BTC", "ETH"], NAMES)
    spots = specs.spots(replies.listed(recorded("instruments_spot"), "spot"), ["BTC", "ETH"], NAMES)
    maker, taker = specs.perpetual_fees(recorded("fee_rate"), "BTCUSDT")
    found = specs.instrument(
        "BTC", market=Market(spots["BTC"], perps["BTC"]), tiers=(), fees=Fees(maker, taker, None),
        ratios={}, names=NAMES,
    )
    assert (found.amount_step, found.price_tick, found.min_notional, found.spot_lot, found.spot_min_notional) == (
        D("0.001"), D("0.5"), D(5), D("0.0001"), D(10))
    assert (found.maker_fee, found.taker_fee, found.tradable) == (D("0.0001"), D("0.0006"), True)
    # Eight of Bybit's units, which are minutes, are no interval; the ticker tells hours.
    assert specs.funding_interval(perps["BTC"]) is None


def test_the_account_and_the_key_are_read() -> None:
    assert account_info(recorded("account_info"))["marginMode"] == "REGULAR_MARGIN"
    assert replies.user_id(recorded("user_query_api")) == "1448939"


@pytest.mark.parametrize("name", ["wallet_balance", "positions", "orders_realtime", "instruments_linear"])
@pytest.mark.parametrize("part", ["retCode", "result"])
def test_an_envelope_without_a_part_is_no_answer(name: str, part: str) -> None:
    reply = recorded(name)
    del reply[part]
    with pytest.raises(InvalidReply):
        replies.listed(reply, name)
