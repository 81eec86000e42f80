"""Candles of Binance's two APIs (`klines`, and on futures `markPriceKlines`)."""

from __future__ import annotations

from bot.core.times import DAY, HOUR, MINUTE, Millis
from bot.testnet.binance.endpoint import Handler, Weight
from bot.testnet.binance.errors import ApiError
from bot.testnet.binance.markets import Markets
from bot.testnet.binance.params import Params
from bot.testnet.binance.shapes import Symbol
from bot.testnet.candles import Candle, Candles, Charted
from bot.testnet.numbers import digits, fixed, money

INTERVALS: dict[str, Millis] = {
    **{f"{minutes}m": minutes * MINUTE for minutes in (1, 3, 5, 15, 30)},
    **{f"{hours}h": hours * HOUR for hours in (1, 2, 4, 6, 8, 12)}, "1d": DAY, "3d": 3 * DAY,
}
DEFAULT, MOST_SPOT, MOST_FUTURES = 500, 1000, 1500
_FUTURES_WEIGHTS = ((99, 1), (499, 2), (1000, 5), (MOST_FUTURES, 10))


def klines(markets: Markets, charted: Charted, most: int) -> Handler:
    """The endpoint: oldest first, the first ones from `startTime` on, or without it the latest before `endTime`."""
    candles = Candles(markets.world)

    def answer(params: Params) -> object:
        symbol, name, limit = markets.one(params), params.required("interval"), params.limit(DEFAULT, most)
        if name not in INTERVALS:
            raise ApiError(-1120)
        start, end = params.integer("startTime"), params.integer("endTime")
        chosen = candles.latest if start is None else candles.earliest
        found = chosen(symbol.asset, charted, INTERVALS[name], start=start, end=end, limit=limit)
        return [_row(symbol, charted, candle, INTERVALS[name]) for candle in found]

    return answer


def futures_weight() -> Weight:
    """More for longer pages."""

    def weigh(params: Params) -> int:
        limit = params.integer("limit") or DEFAULT
        return next((weight for most, weight in _FUTURES_WEIGHTS if limit <= most), _FUTURES_WEIGHTS[-1][1])

    return weigh


def _row(symbol: Symbol, charted: Charted, candle: Candle, length: Millis) -> list[object]:
    traded = charted != "mark"
    write = symbol.price if charted == "perp" else money
    prices = [write(price) for price in (candle.open, candle.high, candle.low, candle.close)]
    step = symbol.instrument.amount_step if charted == "perp" else symbol.instrument.spot_lot
    volume = fixed(candle.volume, digits(step) if charted == "perp" else 8) if traded else "0"
    quote = money(candle.volume * candle.close) if traded else "0"
    # Of the takers, half have bought: which half is not told.
    half = [fixed(candle.volume / 2, 8), money(candle.volume * candle.close / 2)] if traded else ["0", "0"]
    count = int(candle.volume / step) if traded else length // 1000
    return [candle.opened, *prices, volume, candle.opened + length - 1, quote, count, *half, "0"]
