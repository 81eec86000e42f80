"""The dump: the whole account as plain data that JSON can carry without losing a digit."""

from __future__ import annotations

import json
from decimal import Decimal

from feeds import START
from paper_accounts import paper_exchange

from bot.core.market import Side
from bot.core.times import HOUR

D = Decimal


def test_a_dump_is_json_without_floats_and_says_everything_once() -> None:
    exchange = paper_exchange()
    exchange.place("perp", "BTC", Side.SELL, D("0.2"), D("49999.5"), time_in_force="IOC", client_order_id="a")
    exchange.place("spot", "BTC", Side.BUY, D("0.1"), D(49_000), client_order_id="b")
    exchange.advance(START + 8 * HOUR)
    dumped = exchange.dump()

    def no_float(text: str) -> object:
        raise AssertionError(f"{text} is a float")

    assert json.loads(json.dumps(dumped), parse_float=no_float) == dumped
    assert (dumped["now"], dumped["wallet"], dumped["settle"]) == (START + 8 * HOUR, "separate", "USDT")
    assert dumped["balances"] == {
        "spot": {"BTC": "1.2", "USDT": "10000"}, "futures": {"USDT": "9996.00005"}, "locked": {"USDT": "4900"},
    }
    assert dumped["totals"] == {"fees": {"USDT": "4.99995"}, "funding": "1", "realised": "0", "fills": 1}
    assert dumped["positions"] == [{
        "asset": "BTC", "symbol": "BTCUSDT", "quantity": "-0.2", "entry": "49999.5", "mark": "50000",
        "unrealised": "-0.1", "leverage": "20", "liquidation_price": str(exchange.liquidation_price("BTC")),
    }]
    orders = dumped["orders"]
    assert isinstance(orders, list)
    assert [(order["client_order_id"], order["status"], order.get("average")) for order in orders] == [
        ("a", "FILLED", "49999.5"), ("b", "NEW", None),
    ]
    assert dumped["open_orders"] == [orders[1]]
