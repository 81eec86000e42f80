"""Replies of Bybit's that others recorded, each field that is read spoilt in each way: never another belief."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from recordings import recorded
from replayed import place_in, put_in, read_places, ways, wrong

from bot.core.money import ZERO
from bot.errors import HedgerowError
from bot.venues import bybit_orders as said
from bot.venues import bybit_replies as replies
from bot.venues import bybit_specs as specs
from bot.venues.bybit_prepare import account_info
from bot.venues.depth import depth
from bot.venues.failures import InvalidReply
from bot.venues.names import Names

NAMES = Names("USDT")
BTC = "BTC/USDT:USDT"
COINS = ("BTC", "ETH", "USDT")


def wallet(reply: Any) -> object:
    account = replies.wallet(reply)
    return (
        replies.holdings(account, COINS), replies.liabilities(account, COINS), replies.futures_wallet(account, ZERO))


def found(link: str) -> Callable[[Any], object]:
    return lambda reply: said.found_order(reply, BTC, link, NAMES)


READERS: dict[str, Callable[[Any], object]] = {
    "wallet_balance": wallet,
    "wallet_balance_with_spot_borrow": wallet,
    "positions": lambda reply: [
        (held.symbol, held.quantity, held.entry_price, held.unrealised)
        for held in replies.positions(replies.listed(reply, "positions"), {"coin": []}, NAMES)],
    "orders_realtime": lambda reply: replies.open_orders(replies.listed(reply, "orders"), NAMES),
    "orders_history": found("client-1"),
    "executions": lambda reply: tuple(
        said.fill(entry, ZERO, NAMES) for entry in replies.listed(reply, "executions") if said.changes_position(entry)),
    "fee_rate": lambda reply: specs.perpetual_fees(reply, "BTCUSDT"),
    "user_query_api": replies.user_id,
    "account_info": lambda reply: account_info(reply)["marginMode"],
    "orderbook": lambda reply: depth(replies.result(reply, "book").get("b"), replies.result(reply, "book").get("a")),
}

TRUE_TOO = {
    ("orders_realtime", "orderLinkId", "empty"): "an order that was placed without a name",
    ("executions", "orderLinkId", "empty"): "an order that was placed without a name",
    ("executions", "feeCurrency", "*"): "not told: then it is the settle coin",
    ("orders_history", "rejectReason", "*"): "only shown where it says anything",
}
"""Field and way that make another truth, and why."""


@pytest.mark.parametrize("name", READERS)
def test_a_spoilt_recording_never_reads_as_something_else(name: str) -> None:
    reply, read = recorded(name), READERS[name]
    truth = read(reply)
    believed: list[str] = []
    places = read_places(read, reply)
    for place in places:
        for how, value in ways(place, place_in(reply, place)):
            spoilt = deepcopy(reply)
            put_in(spoilt, place, value)
            try:
                outcome = read(json.loads(json.dumps(spoilt), parse_float=Decimal))
            except (InvalidReply, HedgerowError):
                continue
            field = str(place[-1])
            if wrong(outcome, truth) and not {(name, field, how), (name, field, "*")} & TRUE_TOO.keys():
                believed.append(f"{'.'.join(map(str, place))}: {how}: {wrong(outcome, truth)}")
    assert believed == []
    assert len(places) >= 3
