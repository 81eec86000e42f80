"""Bybit's error codes with Bybit's own messages, each raised as one exception that the API turns into a reply.

Codes: bybit-exchange.github.io/docs/v5/error. They come with HTTP status 200 unless `STATUSES` says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

MESSAGES: Mapping[int, str] = {
    10001: "params error: {} invalid",
    10002: "invalid request, please check your server timestamp or recv_window param. "
           "req_timestamp[{}],server_timestamp[{}],recv_window[{}]",
    10003: "API key is invalid.",
    10004: "error sign! origin_string[{}]",
    10005: "Permission denied, please check your API key permissions.",
    10006: "Too many visits. Exceeded the API Rate Limit.",
    10010: "Unmatched IP, please check your API key's bound IP addresses.",
    10016: "Server error.",
    10017: "Route not found.",
    10018: "Exceeded the IP Rate Limit.",
    10429: "System level frequency protection",
    33004: "Your api key has expired.",
    110001: "order not exists or too late to replace",
    110003: "Order price exceeds the allowable range.",
    110004: "Wallet balance is insufficient.",
    110006: "The assets are estimated to be unable to cover the position margin.",
    110007: "ab not enough for new order",
    110008: "The order has been finished or canceled.",
    110010: "The order has been canceled",
    110012: "Insufficient available balance.",
    110013: "cannot set leverage {} gt maxLeverage {} by risk limit",
    110017: "Reduce-only rule not satisfied",
    110020: "You can only have a maximum of 500 active orders.",
    110024: "You have an existing position, so the position mode cannot be switched",
    110025: "Position mode is not modified",
    110026: "Cross/isolated margin mode is not modified",
    110028: "You have existing open orders, so the position mode cannot be switched",
    110043: "leverage not modified",
    110044: "Available margin is insufficient.",
    110072: "OrderLinkedID is duplicate",
    110074: "This contract is not live",
    110079: "The order is processing and can not be operated, please try again later",
    110090: "Order placement failed as your position may exceed the max. limit. Please adjust your leverage to {} or "
            "below to increase the max. position limit.",
    110092: "expect Rising, but trigger_price <= current",
    110094: "Order does not meet minimum order value {}{}",
    110120: "The order price exceeds the maximum buying price",
    110121: "The order price exceeds the minimum selling price",
    140043: "leverage not modified",
    170007: "Timeout waiting for response from backend server.",
    170115: "Invalid timeInForce.",
    170116: "Invalid orderType.",
    170117: "Invalid side.",
    170121: "Invalid symbol.",
    170130: "Data sent for parameter '{}' is not valid.",
    170131: "Insufficient balance.",
    170132: "Order price too high.",
    170133: "Order price lower than the minimum.",
    170134: "Order price has too many decimals.",
    170135: "Order quantity too large.",
    170136: "Order quantity lower than the minimum.",
    170137: "Order quantity has too many decimals.",
    170139: "Order has been filled.",
    170140: "Order value exceeded lower limit.",
    170141: "Duplicate clientOrderId",
    170142: "Order has been canceled.",
    170143: "Cannot be found on order book.",
    170146: "Order creation timeout.",
    170193: "Buy order price cannot be higher than {}.",
    170194: "Sell order price cannot be lower than {}.",
    170200: "Maximum order quantity per symbol: {}.",
    170213: "Order does not exist.",
}
"""What Bybit says with each code; `{}` stands where it names a value."""

STATUSES: Mapping[int, int] = {10017: 404, 10018: 403}
"""HTTP statuses of the codes that do not come with 200."""


class ApiError(Exception):
    """A refusal as Bybit words it: `code` and `message` are the envelope's retCode and retMsg."""

    def __init__(self, code: int, *values: object, message: str | None = None, status: int | None = None) -> None:
        self.code = code
        self.message = message if message is not None else MESSAGES[code].format(*values)
        self.status = status if status is not None else STATUSES.get(code, 200)
        super().__init__(f"{code} {self.message}")


def bad(name: str) -> ApiError:
    """10001 for a parameter that is missing or malformed."""
    return ApiError(10001, name)
