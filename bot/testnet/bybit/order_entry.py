"""Reading an order out of a request: side, force, numbers, client id, and the price that Bybit makes of the price.

Rules: bybit-exchange.github.io/docs/v5/order/create-order and /v5/account/set-price-limit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from bot.core.market import Side
from bot.core.money import ROUND_DOWN, ROUND_UP, is_multiple, round_to_step
from bot.core.orders import TimeInForce
from bot.paper.records import MarketName
from bot.testnet.bybit.errors import ApiError, bad
from bot.testnet.bybit.markets import Markets
from bot.testnet.bybit.order_shapes import TIME_IN_FORCE
from bot.testnet.bybit.params import Params
from bot.testnet.bybit.settings import AccountSettings
from bot.testnet.bybit.shapes import Symbol, market_of

PRICE_LIMIT = Decimal("0.05")
"""How far a limit price may be beyond the mark (derivatives) or the index (spot)."""
_LINK = re.compile(r"[A-Za-z0-9_-]{1,36}")
_SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}
_RIGHTS = {"linear": "Order", "spot": "SpotTrade"}


@dataclass(frozen=True, slots=True)
class Ticket:
    """A new limit order as it was asked for."""

    category: str
    symbol: Symbol
    side: Side
    quantity: Decimal
    price: Decimal
    time_in_force: TimeInForce
    reduce_only: bool
    link: str

    @property
    def market(self) -> MarketName:
        """The simulated market."""
        return market_of(self.category)


def traded_category(params: Params, settings: AccountSettings, *, writes: bool = True) -> str:
    """The category, in which the key must have the right to trade. Raises ApiError 10001, 10005."""
    category = params.category()
    settings.key.require(_RIGHTS[category], writes=writes)
    return category


def read_ticket(params: Params, markets: Markets, settings: AccountSettings) -> Ticket:
    """The new order in a request. Raises ApiError where it is not one that could be placed."""
    category = traded_category(params, settings)
    symbol = markets.one(params)
    spot = category == "spot"
    side = _SIDES.get(params.required("side"))
    if side is None:
        raise ApiError(170117) if spot else bad("side")
    if params.required("orderType") != "Limit":
        raise ApiError(170116) if spot else bad("orderType")
    force = TIME_IN_FORCE.get(params.text("timeInForce") or "GTC")
    if force is None:
        raise ApiError(170115) if spot else bad("timeInForce")
    for conditional in ("triggerPrice", "takeProfit", "stopLoss"):
        if params.text(conditional) not in (None, "0"):
            raise bad(conditional)
    if not symbol.instrument.tradable:
        raise ApiError(170151, message="The trading pair is not open yet.") if spot else ApiError(110074)
    quantity, price = positive(params, "qty"), positive(params, "price")
    if quantity is None or price is None:
        raise bad("qty" if quantity is None else "price")
    if not spot:
        check_position_index(params, settings, symbol)
    return Ticket(
        category, symbol, side, quantity, price, force, not spot and params.flag("reduceOnly"), _link(params),
    )


def positive(params: Params, name: str) -> Decimal | None:
    """A number above 0, or None when it was not sent. Raises ApiError 10001."""
    value = params.decimal(name)
    if value is not None and value <= 0:
        raise bad(name)
    return value


def check_position_index(params: Params, settings: AccountSettings, symbol: Symbol) -> None:
    """In one-way mode only 0 is right. The two positions of hedge mode are not simulated: there nothing is."""
    index = params.integer("positionIdx") or 0
    if symbol.asset in settings.hedge_mode or index != 0:
        raise ApiError(10001, message="position idx not match position mode")


def _link(params: Params) -> str:
    link = params.text("orderLinkId") or ""
    if link and not _LINK.fullmatch(link):
        raise bad("orderLinkId")
    return link


class PriceLimits:
    """What becomes of a limit price beyond the limit: it is moved there or refused, as the account has chosen.

    Where nothing was chosen, derivatives' prices are moved and spot's are refused.
    """

    def __init__(self, markets: Markets, settings: AccountSettings) -> None:
        self._markets = markets
        self._settings = settings

    def applied(self, price: Decimal, side: Side, symbol: Symbol, category: str) -> Decimal:
        """The price that the order gets.

        Raises ApiError for a price that is off the ticks; beyond the limit 170193 and 170194 on spot, 110120 and 110121
        on derivatives.
        """
        spot = category == "spot"
        tick = symbol.tick(market_of(category))
        if not is_multiple(price, tick):
            raise ApiError(170134) if spot else ApiError(10001, message="params error: Price invalid")
        state = self._markets.state(symbol)
        utmost = _utmost(state.index if spot else state.mark, side, tick)
        if price <= utmost if side is Side.BUY else price >= utmost:
            return price
        if category in self._settings.modified_prices:
            return utmost
        if spot:
            raise ApiError(170193 if side is Side.BUY else 170194, symbol.price(utmost, "spot"))
        raise ApiError(110120 if side is Side.BUY else 110121)


def _utmost(reference: Decimal, side: Side, tick: Decimal) -> Decimal:
    if side is Side.BUY:
        return round_to_step(reference * (1 + PRICE_LIMIT), tick, ROUND_DOWN)
    return round_to_step(reference * (1 - PRICE_LIMIT), tick, ROUND_UP)
