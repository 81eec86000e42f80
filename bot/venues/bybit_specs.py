"""Bybit's contract specifications, margin tiers, fees and collateral ratios as instruments. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from bot.core.market import Asset, Instrument, MarginTier
from bot.core.money import ZERO
from bot.core.times import HOUR, MINUTE, Millis
from bot.venues.bybit_replies import listed
from bot.venues.failures import InvalidReply
from bot.venues.names import Names
from bot.venues.replies import Row, amount, by_key, flag, number, number_or_none, positive, row, text, whole
from bot.venues.specs import Fees, Market, of_coins
from bot.venues.tiers import ascending

REGULAR_FEES = Fees(maker=Decimal("0.0002"), taker=Decimal("0.00055"), spot_taker=Decimal("0.001"))
"""What Bybit charges a user of no VIP level: the most that anybody pays."""


def perpetuals(found: Iterable[Row], assets: Sequence[Asset], names: Names) -> dict[Asset, Row]:
    """The coins' linear perpetuals among the rows of the category. Raises Refused for a coin that has none."""
    ours = [
        entry for entry in found
        if text(entry, "contractType") == "LinearPerpetual" and text(entry, "settleCoin") == names.settle
    ]
    return of_coins(ours, assets, names, venue="Bybit", what="perpetual", where="instruments-info")


def spots(found: Iterable[Row], assets: Sequence[Asset], names: Names) -> dict[Asset, Row]:
    """The coins' spot markets. Raises Refused for a coin that has none."""
    return of_coins(found, assets, names, venue="Bybit", what="spot market", where="instruments-info")


def is_trading(market: Market) -> bool:
    """Whether both of a coin's markets are open."""
    return market.is_in("Trading")


def funding_interval(perp: Row) -> Millis | None:
    """Between two settlements; instruments-info counts in minutes. None where that makes no whole hours."""
    interval = whole(perp, "fundingInterval") * MINUTE
    return interval if interval > 0 and interval % HOUR == 0 else None


def margin_tiers(reply: object, symbol: str) -> tuple[MarginTier, ...]:
    """The maintenance table of one native symbol, lowest tier first; the last one has no cap.

    Where the venue leaves a deduction out, it is the one that makes the margin continuous at the tier's floor.
    """
    limits = listed(reply, "risk-limit")
    if not limits or any(entry.get("symbol") != symbol for entry in limits):
        raise InvalidReply(f"risk-limit: no table for {symbol}")
    ordered = sorted(limits, key=lambda entry: number(entry, "riskLimitValue"))
    tiers: list[MarginTier] = []
    floor, rate, deduction = ZERO, ZERO, ZERO
    for entry in ordered:
        before, rate = rate, positive(entry, "maintenanceMargin")
        told = number_or_none(entry, "mmDeduction")
        deduction = told if told is not None else deduction + floor * (rate - before)
        cap = positive(entry, "riskLimitValue")
        tiers.append(MarginTier(
            floor, None if entry is ordered[-1] else cap, rate, deduction, positive(entry, "maxLeverage"),
        ))
        floor = cap
    return ascending(tuple(tiers))


def perpetual_fees(reply: object, symbol: str) -> tuple[Decimal, Decimal]:
    """Maker and taker rate of one perpetual; a rebate is negative."""
    entry = _fees_of(reply, symbol)
    return number(entry, "makerFeeRate"), number(entry, "takerFeeRate")


def spot_taker_fee(reply: object, symbol: str) -> Decimal:
    """Taker rate of one spot market."""
    return number(_fees_of(reply, symbol), "takerFeeRate")


def _fees_of(reply: object, symbol: str) -> Row:
    found = by_key(listed(reply, "fee-rate"), "symbol", "fee-rate")
    if symbol not in found:
        raise InvalidReply(f"fee-rate: no row for {symbol}")
    return found[symbol]


def collateral_ratios(reply: object) -> dict[Asset, Decimal]:
    """Which part of each coin's value counts as margin; 0 for one that is not switched on as collateral.

    Bybit lowers the ratio of very large holdings in steps; this is the first step's.
    """
    ratios: dict[Asset, Decimal] = {}
    for entry in listed(reply, "collateral-info"):
        serves = flag(entry, "marginCollateral") and flag(entry, "collateralSwitch")
        ratio = amount(entry, "collateralRatio") if serves else ZERO
        if ratio > 1:
            raise InvalidReply(f"collateralRatio: {ratio}")
        ratios[text(entry, "currency")] = ratio
    return ratios


def instrument(
    asset: Asset, *, market: Market, tiers: tuple[MarginTier, ...], fees: Fees, ratios: Mapping[Asset, Decimal],
    names: Names,
) -> Instrument:
    """One coin's contract and spot market."""
    perp, spot = market.perp, market.spot
    lot, spot_lot = _part(perp, "lotSizeFilter"), _part(spot, "lotSizeFilter")
    return Instrument(
        asset=asset,
        symbol=names.perpetual(names.native(asset)),
        spot_symbol=names.spot(asset),
        amount_step=positive(lot, "qtyStep"),
        min_amount=positive(lot, "minOrderQty"),
        max_amount=positive(lot, "maxOrderQty"),
        min_notional=amount(lot, "minNotionalValue"),
        price_tick=positive(_part(perp, "priceFilter"), "tickSize"),
        spot_lot=positive(spot_lot, "basePrecision"),
        spot_tick=positive(_part(spot, "priceFilter"), "tickSize"),
        spot_min_amount=positive(spot_lot, "minOrderQty"),
        spot_min_notional=amount(spot_lot, "minOrderAmt"),
        tiers=tiers,
        maker_fee=fees.maker,
        taker_fee=fees.taker,
        spot_taker_fee=fees.spot_taker,
        collateral_ratio=ratios.get(asset, ZERO),
        tradable=is_trading(market),
    )


def _part(entry: Row, name: str) -> Row:
    return row(entry.get(name), name)
