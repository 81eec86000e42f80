"""Replies about markets and account against recorded ones: the same keys, the same JSON types."""

from __future__ import annotations

from decimal import Decimal

import pytest
from bybit_caller import BTC, BybitCaller
from recordings import kinds, recorded

from bot.core.times import HOUR

ASKED: dict[str, tuple[str, dict[str, str]]] = {
    "account_info": ("/v5/account/info", {}),
    "user_query_api": ("/v5/user/query-api", {}),
    "wallet_balance": ("/v5/account/wallet-balance", {"accountType": "UNIFIED"}),
    "wallet_balance_with_spot_borrow": ("/v5/account/wallet-balance", {"accountType": "UNIFIED"}),
    "fee_rate": ("/v5/account/fee-rate", {"category": "linear"}),
    "funding_history": ("/v5/market/funding/history", {"category": "linear", "symbol": BTC}),
    "instruments_linear": ("/v5/market/instruments-info", {"category": "linear"}),
    "instruments_spot": ("/v5/market/instruments-info", {"category": "spot"}),
    "klines_linear": ("/v5/market/kline", {"category": "linear", "symbol": BTC, "interval": "60"}),
    "orderbook": ("/v5/market/orderbook", {"category": "linear", "symbol": BTC}),
}
"""By the recording's name: what was asked."""

_ENVELOPE = "left out of the recording; the documentation's envelope has it"
_CATEGORY = "left out of the recording; the documentation has it"
EXTRA: dict[str, dict[str, str]] = {
    "account_info": {"retExtInfo": _ENVELOPE, "time": _ENVELOPE},
    "funding_history": {"retExtInfo": _ENVELOPE},
    "orderbook": {"retExtInfo": _ENVELOPE},
    "instruments_linear": {"result.category": _CATEGORY},
    "instruments_spot": {"result.category": _CATEGORY},
    "wallet_balance": {"result.list[].coin[].spotHedgingQty": "in the other recording"},
    "wallet_balance_with_spot_borrow": dict.fromkeys(
        (f"result.list[].coin[].total{name}" for name in ("OrderIM", "PositionMM", "PositionIM")),
        "in the other recording"),
}
"""Keys that the testnet sends beyond the recording, each with its reason."""

OTHER_TYPE = {
    "instruments_linear": {"result.nextPageCursor": "null in the recording; text by the documentation"},
}
"""Keys of another JSON type than in the recording, each with its reason."""


def prepared() -> BybitCaller:
    """An account that has something to show everywhere."""
    caller = BybitCaller()
    caller.exchange.wallets.add(caller.exchange.wallets.spot, "ETH", Decimal(-25))
    caller.short("0.2")
    caller.advance(9 * HOUR)
    return caller


@pytest.mark.parametrize("name", list(ASKED))
def test_a_reply_has_the_recordings_keys_and_types(name: str) -> None:
    path, params = ASKED[name]
    ours = set(kinds(prepared().ask("GET", path, **params)))
    theirs = set(kinds(recorded(name)))
    allowed = {*EXTRA.get(name, {}), *OTHER_TYPE.get(name, {})}
    empty = "result.permissions."  # which rights a key has differs; the groups of rights do not
    beyond = {place for place, _ in ours ^ theirs if not place.startswith(empty) or not place.endswith("[]")}
    assert beyond == allowed


def test_every_exception_still_has_a_use() -> None:
    assert {*EXTRA, *OTHER_TYPE} <= set(ASKED)
