"""A venue's public past on a loopback server, as both venues tell it, and as badly as a test asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fake_binance import FakeBinance

from bot.core.times import HOUR, MINUTE, parse_iso

START = parse_iso("2021-01-30T00:00:00Z")
END = parse_iso("2021-02-02T00:00:00Z")
"""Over the end of a month: two pieces of each series."""

PATHS = {
    "binance": {"spot": "/api/v3/klines", "perp": "/fapi/v1/klines", "mark": "/fapi/v1/markPriceKlines",
                "funding": "/fapi/v1/fundingRate"},
    "bybit": {"spot": "/v5/market/kline", "perp": "/v5/market/kline", "mark": "/v5/market/mark-price-kline",
              "funding": "/v5/market/funding/history"},
}


def price_of(symbol: str, at: int) -> int:
    return (30_000 if symbol.startswith("BTC") else 1_000) + at // HOUR % 97


class FakePast(FakeBinance):
    """Bars of every hour and settlements every eight, of any symbol. `change`: what becomes of each list of rows.

    `change` has the series, the parameters, and the rows in the venue's own order.
    """

    def __init__(self, venue: str) -> None:
        super().__init__()
        self.venue = venue
        self.change: Callable[[str, dict[str, Any], list[Any]], list[Any]] = lambda _series, _params, rows: rows
        answer = self._binance if venue == "binance" else self._bybit
        self.replies |= {
            f"GET {path}": (lambda params, series=series: answer(series, params))
            for series, path in PATHS[venue].items()
        }
        self.replies["GET /v5/market/time"] = {
            "retCode": 0, "retMsg": "OK", "time": self.now,
            "result": {"timeSecond": str(self.now // 1000), "timeNano": f"{self.now}000000"}}

    def asked(self) -> list[dict[str, Any]]:
        """The parameters of every request for history."""
        paths = set(PATHS[self.venue].values())
        return [params for name, params in self.seen if name.partition(" ")[2] in paths]

    def _binance(self, series: str, params: dict[str, Any]) -> object:
        symbol, start, end = params["symbol"], int(params["startTime"]), int(params.get("endTime", END + 40 * HOUR))
        if series == "funding":
            # Binance stamps them some milliseconds late.
            rows: list[Any] = [
                {"symbol": symbol, "fundingRate": "0.00010000", "fundingTime": at + 7, "markPrice": "1"}
                for at in range(-(-start // (8 * HOUR)) * 8 * HOUR, end + 1, 8 * HOUR)]
        else:
            rows = [[at, *map(str, prices), "0" if series == "mark" else "12.5", at + HOUR - 1, "1", 3, "1", "1", "0"]
                    for at, prices in _bars(symbol, start, end)]
        return self.change(series, params, rows[:int(params["limit"])])

    def _bybit(self, series: str, params: dict[str, Any]) -> object:
        symbol = params["symbol"]
        series = "spot" if params["category"] == "spot" else "perp" if series == "spot" else series
        if series == "funding":
            start, end = int(params["startTime"]), int(params["endTime"])
            rows: list[Any] = [
                {"symbol": symbol, "fundingRate": "0.0001", "fundingRateTimestamp": str(at)}
                for at in range(-(-start // (8 * HOUR)) * 8 * HOUR, end + 1, 8 * HOUR)]
        else:
            assert params["interval"] == str(HOUR // MINUTE)
            rows = [[str(at), *map(str, prices), *(() if series == "mark" else ("12.5", "1"))]
                    for at, prices in _bars(symbol, int(params["start"]), int(params["end"]))]
        rows = self.change(series, params, rows[::-1][:int(params["limit"])])
        return {"retCode": 0, "retMsg": "OK", "time": self.now,
                "result": {"category": params["category"], "symbol": symbol, "list": rows}}


def _bars(symbol: str, start: int, end: int) -> list[tuple[int, tuple[int, ...]]]:
    """Bars that open from `start` to `end`: open, high, low, close."""
    return [
        (at, (opened := price_of(symbol, at), opened + 120, opened - 120, price_of(symbol, at + HOUR)))
        for at in range(-(-start // HOUR) * HOUR, end + 1, HOUR)]
