"""Binance's error codes with Binance's own messages, each raised as one exception that the server turns into a reply.

Futures codes: developers.binance.com "USDⓈ-M Futures / Error Code"; spot: "Spot / Error Codes" and "Filters".
"""

from __future__ import annotations

from collections.abc import Mapping

MESSAGES: Mapping[int, str] = {
    -1000: "An unknown error occurred while processing the request.",
    -1003: "Too many requests; current limit is {} requests per minute. Please use the websocket for live updates to "
           "avoid polling the API.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1008: "Server is currently overloaded with other requests. Please try again in a few minutes.",
    -1013: "Filter failure: {}",
    -1016: "This service is no longer available.",
    -1015: "Too many new orders; current limit is {} orders per {}.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1101: "Duplicate values for parameter '{}'.",
    -1102: "Mandatory parameter '{}' was not sent, was empty/null, or malformed.",
    -1106: "Parameter '{}' sent when not required.",
    -1109: "Invalid account.",
    -1111: "Precision is over the maximum defined for this asset.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1120: "Invalid interval.",
    -1121: "Invalid symbol.",
    -1122: "Invalid data sent for parameter '{}'.",
    -1127: "More than 24 hours between startTime and endTime.",
    -1128: "Combination of optional parameters invalid.",
    -1130: "Data sent for parameter '{}' is not valid.",
    -1131: "recvWindow must be less than 60000.",
    -2010: "{}",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2019: "Margin is insufficient.",
    -2022: "ReduceOnly Order is rejected.",
    -2025: "Reach max open order limit.",
    -2027: "Exceeded the maximum allowable position at current leverage.",
    -4003: "Quantity less than or equal to zero.",
    -4005: "Quantity greater than max quantity.",
    -4014: "Price not increased by tick size.",
    -4015: "Client order id is not valid.",
    -4016: "Limit price can't be higher than {}.",
    -4023: "Qty not increased by step size.",
    -4024: "Limit price can't be lower than {}.",
    -4028: "Leverage {} is not valid",
    -4046: "No need to change margin type.",
    -4047: "Margin type cannot be changed if there exists open orders.",
    -4048: "Margin type cannot be changed if there exists position.",
    -4059: "No need to change position side.",
    -4061: "Order's position side does not match user's setting.",
    -4067: "Position side cannot be changed if there exists open orders.",
    -4068: "Position side cannot be changed if there exists position.",
    -4084: "Method is not allowed currently. Coming soon.",
    -4116: "ClientOrderId is duplicated.",
    -4118: "ReduceOnly Order Failed. Please check your existing position and open orders",
    -4141: "Symbol is closed.",
    -4164: "Order's notional must be no smaller than {} (unless you choose reduce only).",
    -4165: "Maximum time interval is {} days",
    -4171: "Adjusted asset mode is currently set and does not need to be adjusted repeatedly",
    -4401: "Compliance restricted account permission: can only place reduceOnly order.",
    -5000: "Path {}, Method {} is invalid",
    -5022: "Due to the order could not be executed as maker, the Post Only order will be rejected. The order will not "
           "be recorded in the order history",
    -5027: "No need to modify the order.",
}
"""What Binance says with each code; `{}` stands where it names a value."""

STATUSES: Mapping[int, int] = {
    -1003: 429, -1007: 408, -1008: 503, -1015: 429, -1016: 503, -2014: 401, -2015: 401, -5000: 404,
}
"""HTTP statuses of the codes that are not a plain 400."""


class ApiError(Exception):
    """A refusal as Binance words it. `code` and `message` go into the body, `status` and `headers` around it."""

    def __init__(
        self, code: int, *values: object, message: str | None = None, status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code
        self.message = message if message is not None else MESSAGES[code].format(*values)
        self.status = status if status is not None else STATUSES.get(code, 400)
        self.headers = dict(headers or {})
        super().__init__(f"{code} {self.message}")
