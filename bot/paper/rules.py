"""What the exchange checks on an order before anything else: steps, minimums, price band."""

from __future__ import annotations

from decimal import Decimal

from bot.core.market import Instrument, Side
from bot.core.money import is_multiple, plain
from bot.paper.account import perp_fee, spot_fee
from bot.paper.records import MarketName, PaperReject, RejectCode

MAX_OPEN_ORDERS = 200
"""Open orders per symbol and market."""


def check_instrument(instrument: Instrument) -> None:
    """Raises ValueError for a specification the simulation cannot work with: unknown fees, no margin table."""
    perp_fee(instrument, maker=True)
    perp_fee(instrument, maker=False)
    spot_fee(instrument)
    if not instrument.tiers:
        raise ValueError(f"{instrument.symbol}: the margin table has no tiers")
    if instrument.inverse:
        raise ValueError(f"{instrument.symbol}: inverse contracts are not simulated")


def check_steps(instrument: Instrument, market: MarketName, price: Decimal, quantity: Decimal) -> None:
    """Raises PaperReject where price or quantity are off the market's grid, too small or too large."""
    perp = market == "perp"
    tick = instrument.price_tick if perp else instrument.spot_tick
    step = instrument.amount_step if perp else instrument.spot_lot
    if price <= 0 or not is_multiple(price, tick):
        raise PaperReject(RejectCode.BAD_PRICE_TICK, f"{plain(price)} is no multiple of {plain(tick)}")
    if quantity <= 0 or quantity < (instrument.min_amount if perp else instrument.spot_min_amount):
        raise PaperReject(RejectCode.BELOW_MIN_QTY, plain(quantity))
    if not is_multiple(quantity, step):
        raise PaperReject(RejectCode.BAD_QTY_STEP, f"{plain(quantity)} is no multiple of {plain(step)}")
    if perp and instrument.max_amount is not None and quantity > instrument.max_amount:
        raise PaperReject(RejectCode.ABOVE_MAX_QTY, plain(quantity))


def check_notional(instrument: Instrument, market: MarketName, notional: Decimal, *, reduce_only: bool) -> None:
    """Raises PaperReject below the market's minimum notional, which reduce-only orders may be exempt from."""
    if market == "spot":
        minimum = instrument.spot_min_notional
    elif reduce_only and instrument.reduce_only_exempt:
        return
    else:
        minimum = instrument.min_notional
    if notional < minimum:
        raise PaperReject(RejectCode.BELOW_MIN_NOTIONAL, f"{plain(notional)} is less than {plain(minimum)}")


def check_band(side: Side, price: Decimal, reference: Decimal, band: Decimal | None) -> None:
    """Raises PaperReject for a buy far above or a sell far below the reference price; None: no band."""
    if band is None:
        return
    if side is Side.BUY and price > reference * (1 + band):
        raise PaperReject(RejectCode.PRICE_TOO_HIGH, plain(price))
    if side is Side.SELL and price < reference * (1 - band):
        raise PaperReject(RejectCode.PRICE_TOO_LOW, plain(price))
