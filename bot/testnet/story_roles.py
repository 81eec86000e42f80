"""What each venue calls the requests that a fault is about."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ROLES: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "binance": {
        "place": "POST /fapi/v1/order", "cancel": "DELETE /fapi/v1/order", "amend": "PUT /fapi/v1/order",
        "find": "GET /fapi/v1/order", "open_orders": "GET /fapi/v1/openOrders", "fills": "GET /fapi/v1/userTrades",
        "positions": "GET /fapi/v3/positionRisk", "balances": "GET /api/v3/account", "funding": "GET /fapi/v1/income",
        "prices": "GET /fapi/v1/ticker/bookTicker", "perp_prices": "GET /fapi/v1/ticker/bookTicker",
        "spot_prices": "GET /api/v3/ticker/bookTicker", "marks": "GET /fapi/v1/premiumIndex",
    },
    "bybit": {
        "place": "POST /v5/order/create", "cancel": "POST /v5/order/cancel", "amend": "POST /v5/order/amend",
        "find": "GET /v5/order/*", "open_orders": "GET /v5/order/realtime", "fills": "GET /v5/execution/list",
        "positions": "GET /v5/position/list", "balances": "GET /v5/account/wallet-balance",
        "funding": "GET /v5/account/transaction-log", "prices": "GET /v5/market/tickers",
        "perp_prices": "GET /v5/market/tickers", "spot_prices": "GET /v5/market/tickers",
    },
})
"""By venue and purpose. Bybit tells marks with its perpetuals' prices."""
