"""Orders, executions and positions against recorded replies: the same keys, the same JSON types."""

from __future__ import annotations

from typing import Any

import pytest
from bybit_caller import BTC, BybitCaller
from recordings import kinds, recorded

from bot.core.times import HOUR

ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "positions": ("/v5/position/list", {"category": "linear", "settleCoin": "USDT"}),
    "executions": ("/v5/execution/list", {"category": "linear"}),
    "orders_realtime": ("/v5/order/realtime", {"category": "linear", "symbol": BTC}),
    "orders_history": ("/v5/order/history", {"category": "linear"}),
    "order_partially_filled_rejected": ("/v5/order/realtime", {"category": "linear", "symbol": BTC, "openOnly": 1}),
}
"""By the recording's name: what was asked."""

_CATEGORY = "left out of the recording; the documentation has it"
_FEES = "fees by coin, which every order has had since 2025; ccxt reads them"
_CREATED = "who made the order; documented, left out of the recording"
_BEYOND = {"result.category": _CATEGORY, "result.list[].cumFeeDetail": _FEES, "result.list[].createType": _CREATED}
EXTRA: dict[str, dict[str, str]] = {
    "orders_realtime": _BEYOND,
    "orders_history": {**_BEYOND, "result.list[].cumFeeDetail.USDT": _FEES},
    "order_partially_filled_rejected": {**_BEYOND, "result.list[].cumFeeDetail.USDT": _FEES},
}
"""Keys that the testnet sends beyond the recording, each with its reason."""

_NULL = "null in the recording, which a library's fixtures wrote; '' by the documentation"
_NULLS = {f"result.list[].{name}": _NULL for name in ("blockTradeId", "orderIv", "avgPrice")}
OTHER_TYPE: dict[str, dict[str, str]] = {
    "orders_realtime": _NULLS,
    "orders_history": _NULLS,
    "order_partially_filled_rejected": {
        place: reason for place, reason in _NULLS.items() if not place.endswith("avgPrice")
    },
}
"""Keys of another JSON type than in the recording, each with its reason."""


def prepared() -> BybitCaller:
    """An account with a position, funding, an open order and ended ones, filled and not."""
    caller = BybitCaller()
    caller.create(price="30499.5")
    caller.short("0.2")
    caller.advance(9 * HOUR)
    caller.create(orderLinkId="rests")
    return caller


@pytest.mark.parametrize("name", list(ASKED))
def test_a_reply_has_the_recordings_keys_and_types(name: str) -> None:
    path, params = ASKED[name]
    reply = prepared().ask("GET", path, **params)
    assert reply["result"]["list"]
    different = {place for place, _ in set(kinds(reply)) ^ set(kinds(recorded(name)))}
    assert different == {*EXTRA.get(name, {}), *OTHER_TYPE.get(name, {})}


def test_rows_of_a_kind_all_have_the_same_keys_and_types() -> None:
    caller = prepared()
    for path, params in ASKED.values():
        rows = caller.get(path, **params)["list"]
        fees = {"cumFeeDetail.USDT"}
        shapes = {frozenset(pair for pair in kinds(row) if pair[0] not in fees) for row in rows}
        assert len(shapes) == 1
    flat = BybitCaller().position()
    assert set(kinds(flat)) == set(kinds(caller.position()))
