"""Binance's contract specifications, margin tiers and fees as instruments. Pure, as `binance_replies` is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from bot.core.market import Asset, Instrument, MarginTier
from bot.core.money import ZERO
from bot.venues.binance_replies import pick
from bot.venues.failures import InvalidReply
from bot.venues.names import Names
from bot.venues.replies import Row, amount, by_key, count, figure, number, number_or_none, positive, row, rows, text
from bot.venues.specs import Fees, Market, of_coins
from bot.venues.tiers import ascending


def margin_tiers(reply: object, wanted: Iterable[str]) -> dict[str, tuple[MarginTier, ...]]:
    """The maintenance tables of the wanted native symbols, lowest tier first; the last one has no cap."""
    found = pick(reply, wanted, "leverageBracket")
    return {symbol: _tiers(rows(entry.get("brackets"), "brackets")) for symbol, entry in found.items()}


def _tiers(brackets: Sequence[Row]) -> tuple[MarginTier, ...]:
    if not brackets:
        raise InvalidReply("brackets: none")
    ordered = sorted(brackets, key=lambda bracket: figure(bracket, "notionalFloor"))
    return ascending(tuple(
        MarginTier(
            floor=figure(bracket, "notionalFloor"),
            cap=figure(bracket, "notionalCap") if bracket is not ordered[-1] else None,
            rate=figure(bracket, "maintMarginRatio"),
            deduction=figure(bracket, "cum"),
            max_leverage=Decimal(count(bracket, "initialLeverage")),
        )
        for bracket in ordered
    ))


def perpetuals(reply: object, assets: Sequence[Asset], names: Names) -> dict[Asset, Row]:
    """The coins' linear perpetuals. Raises Refused for a coin that has none."""
    wanted = {names.native(asset) for asset in assets}
    ours = [
        entry for entry in _listed(reply)
        if text(entry, "symbol") in wanted
        and text(entry, "contractType") == "PERPETUAL" and text(entry, "marginAsset") == names.settle
    ]
    return of_coins(ours, assets, names, venue="Binance", what="perpetual", where="exchangeInfo")


def spots(reply: object, assets: Sequence[Asset], names: Names) -> dict[Asset, Row]:
    """The coins' spot markets. Raises Refused for a coin that has none."""
    return of_coins(_listed(reply), assets, names, venue="Binance", what="spot market", where="exchangeInfo")


def _listed(reply: object) -> tuple[Row, ...]:
    listed = rows(row(reply, "exchangeInfo").get("symbols"), "exchangeInfo")
    if not listed:
        raise InvalidReply("exchangeInfo: no symbols")
    return listed


REGULAR_FEES = Fees(maker=Decimal("0.0002"), taker=Decimal("0.0005"), spot_taker=Decimal("0.001"))
"""What Binance charges a user of no VIP level who does not pay in BNB: the most that anybody pays."""

CAUTIOUS_TIERS = (MarginTier(floor=ZERO, cap=None, rate=Decimal("0.025")),)
"""For when the margin table, which only an account is shown, is not known: Binance asks 0.4% (BTC) to 1% of a small
position in the large coins, and 2.5% is what exchangeInfo names for every contract. Runways come out shorter.
"""


def instrument(
    asset: Asset, *, market: Market, tiers: tuple[MarginTier, ...], fees: Fees, names: Names,
) -> Instrument:
    """One coin's contract and spot market."""
    perp, spot = market.perp, market.spot
    filters, spot_filters = _filters(perp), _filters(spot)
    lot, spot_lot = _filter(filters, "LOT_SIZE"), _filter(spot_filters, "LOT_SIZE")
    spot_notional = spot_filters.get("NOTIONAL") or spot_filters.get("MIN_NOTIONAL")
    return Instrument(
        asset=asset,
        symbol=names.perpetual(names.native(asset)),
        spot_symbol=names.spot(asset),
        amount_step=positive(lot, "stepSize"),
        min_amount=positive(lot, "minQty"),
        max_amount=positive(lot, "maxQty"),
        min_notional=amount(_filter(filters, "MIN_NOTIONAL"), "notional"),
        price_tick=positive(_filter(filters, "PRICE_FILTER"), "tickSize"),
        spot_lot=positive(spot_lot, "stepSize"),
        spot_tick=positive(_filter(spot_filters, "PRICE_FILTER"), "tickSize"),
        spot_min_amount=positive(spot_lot, "minQty"),
        spot_min_notional=amount(spot_notional, "minNotional") if spot_notional is not None else ZERO,
        tiers=tiers,
        maker_fee=fees.maker,
        taker_fee=fees.taker,
        spot_taker_fee=fees.spot_taker,
        tradable=is_trading(market),
    )


def is_trading(market: Market) -> bool:
    """Whether both of a coin's markets are open."""
    return market.is_in("TRADING")


def _filters(entry: Row) -> dict[str, Row]:
    return by_key(rows(entry.get("filters"), "filters"), "filterType", "filters")


def _filter(found: Mapping[str, Row], kind: str) -> Row:
    if kind not in found:
        raise InvalidReply(f"filters: no {kind}")
    return found[kind]


def perpetual_fees(reply: object) -> tuple[Decimal, Decimal]:
    """Maker and taker rate of one perpetual; a rebate is negative."""
    entry = row(reply, "commissionRate")
    return number(entry, "makerCommissionRate"), number(entry, "takerCommissionRate")


def spot_taker_fee(reply: object) -> Decimal | None:
    """The spot account's taker rate; None where the account does not say."""
    rates = row(reply, "spot account").get("commissionRates")
    return number_or_none(row(rates, "commissionRates"), "taker") if rates is not None else None
