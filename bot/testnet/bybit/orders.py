"""Placing, amending and cancelling orders (`/v5/order/*` that change something).

Every reply only acknowledges: what became of an order is in the lists. A post-only order that would cross is
acknowledged too, and is then found cancelled.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from bot.core.market import Side
from bot.core.money import ZERO, is_multiple, plain
from bot.core.runway import tier_of
from bot.paper.records import OrderStatus, PaperOrder, PaperReject, RejectCode
from bot.testnet.bybit.endpoint import Endpoint, Table
from bot.testnet.bybit.errors import ApiError, bad
from bot.testnet.bybit.keeping import Keeping
from bot.testnet.bybit.markets import Markets
from bot.testnet.bybit.order_entry import PriceLimits, Ticket, positive, read_ticket, traded_category
from bot.testnet.bybit.order_shapes import acknowledged
from bot.testnet.bybit.params import Params
from bot.testnet.bybit.refusals import refusal
from bot.testnet.bybit.settings import AccountSettings
from bot.testnet.bybit.shapes import Symbol, market_of
from bot.testnet.numbers import Row

_TRADING = {"linear": 10, "spot": 20}
_ONLY_REDUCING = "This contract only supports position closing via reduceOnly orders"
_FILLED_ALREADY = "The number of contracts modified cannot be less than or equal to the filled quantity"


class Orders:
    """Signed endpoints that trade."""

    def __init__(self, markets: Markets, settings: AccountSettings, keeping: Keeping) -> None:
        self._markets = markets
        self._exchange = markets.world.exchange
        self._settings = settings
        self._keeping = keeping
        self._limits = PriceLimits(markets, settings)

    def table(self) -> Table:
        """Endpoints by method and path."""
        return {
            ("POST", "/v5/order/create"): Endpoint(self.create, _TRADING),
            ("POST", "/v5/order/amend"): Endpoint(self.amend, _TRADING),
            ("POST", "/v5/order/cancel"): Endpoint(self.cancel, _TRADING),
            ("POST", "/v5/order/cancel-all"): Endpoint(self.cancel_all, _TRADING),
            ("POST", "/v5/account/set-limit-px-action"): Endpoint(self.choose_limit, 10, "success"),
        }

    def choose_limit(self, params: Params) -> Row:
        """Whether prices beyond the limit are moved to it in a category, or refused."""
        category = traded_category(params, self._settings)
        if "modifyEnable" not in params:
            raise bad("modifyEnable")
        chosen = self._settings.modified_prices
        (chosen.add if params.flag("modifyEnable") else chosen.discard)(category)
        return {}

    # --- placing ---

    def create(self, params: Params) -> Row:
        """A new limit order; of one that was split, the ids of the first part."""
        ticket = read_ticket(params, self._markets, self._settings)
        if ticket.symbol.asset in self._settings.reduce_only and ticket.market == "perp" and not ticket.reduce_only:
            raise ApiError(110023, message=_ONLY_REDUCING)
        if ticket.link and self._keeping.by_link(ticket.market, ticket.link) is not None:
            raise ApiError(170141 if ticket.category == "spot" else 110072)
        price = self._limits.applied(ticket.price, ticket.side, ticket.symbol, ticket.category)
        ticket = replace(ticket, price=price, quantity=self._quantity(ticket))
        parts = self._parts(ticket)
        try:
            first = self._place(ticket, parts[0], ticket.link)
        except PaperReject as reject:
            raise self._refusal(reject, ticket.symbol, ticket.category) from reject
        for part in parts[1:]:
            self._place(ticket, part, "")
        return acknowledged(first)

    def _place(self, ticket: Ticket, quantity: Decimal, link: str) -> PaperOrder:
        return self._exchange.place(
            ticket.market, ticket.symbol.asset, ticket.side, quantity, ticket.price,
            time_in_force=ticket.time_in_force, reduce_only=ticket.reduce_only, client_order_id=link,
            accept_crossing=True,
        )

    def _quantity(self, ticket: Ticket) -> Decimal:
        """What the order may be: a reduce-only one is cut to what other reduce-only orders leave of the position."""
        if not ticket.reduce_only:
            return ticket.quantity
        if not is_multiple(ticket.quantity, ticket.symbol.step("perp")):
            raise refusal(PaperReject(RejectCode.BAD_QTY_STEP), ticket.symbol, ticket.category)
        free = self._reducible(ticket.symbol, ticket.side)
        if free <= 0:
            raise ApiError(110017)
        return min(ticket.quantity, free)

    def _reducible(self, symbol: Symbol, side: Side, besides: PaperOrder | None = None) -> Decimal:
        """What an order of this side may take off the position, less what resting reduce-only orders will."""
        held = -side.sign * self._exchange.position(symbol.asset).quantity
        resting = (order for order in self._exchange.open_orders("perp", symbol.asset)
                   if order.reduce_only and order.side is side and order is not besides)
        return held - sum((order.remaining for order in resting), ZERO)

    def _parts(self, ticket: Ticket) -> list[Decimal]:
        """A reduce-only quantity above the largest order is split into several orders; every other is one.

        Bybit documents of client ids only that they are "always unique" (docs/v5/order/create-order): so the first
        part alone has it, and the others are found by symbol.
        """
        most = ticket.symbol.instrument.max_amount
        if not ticket.reduce_only or most is None:
            return [ticket.quantity]
        parts, left = [], ticket.quantity
        while left > 0:
            parts.append(min(left, most))
            left -= parts[-1]
        return parts

    # --- amending and cancelling ---

    def amend(self, params: Params) -> Row:
        """Another price or quantity for a resting order; its filled part stays, and its place in the queue mostly not.

        A post-only order whose new price would cross is cancelled.
        """
        category = traded_category(params, self._settings)
        symbol = self._markets.one(params)
        order = self._open(params, symbol, category)
        price, quantity = positive(params, "price"), positive(params, "qty")
        if price is None and quantity is None:
            raise ApiError(10001, message="params error: neither qty nor price was sent")
        if price is not None:
            price = self._limits.applied(price, order.side, symbol, category)
        if quantity is not None and quantity <= order.filled:
            raise ApiError(170130, "qty") if category == "spot" else ApiError(110063, message=_FILLED_ALREADY)
        if quantity is not None and order.reduce_only:
            quantity = min(quantity, order.filled + self._reducible(symbol, order.side, besides=order))
        try:
            self._exchange.amend(order, order.price if price is None else price, quantity)
        except PaperReject as reject:
            if reject.code is RejectCode.INSUFFICIENT_MARGIN:
                raise ApiError(110012) from reject
            raise self._refusal(reject, symbol, category) from reject
        return acknowledged(order)

    def cancel(self, params: Params) -> Row:
        """Cancel a resting order."""
        category = traded_category(params, self._settings)
        order = self._open(params, self._markets.one(params), category)
        return acknowledged(self._exchange.cancel(order))

    def cancel_all(self, params: Params) -> Row:
        """Cancel every resting order of a symbol, of a coin, or of all that settle in a coin."""
        category = traded_category(params, self._settings)
        named = [params.text(name) for name in ("symbol", "baseCoin", "settleCoin")]
        if category == "linear" and not any(named):
            raise ApiError(10001, message="params error: symbol, baseCoin or settleCoin is required")
        cancelled = [
            self._exchange.cancel(order) for symbol in self._markets.several(params)
            for order in self._exchange.open_orders(market_of(category), symbol.asset)
        ]
        return {"list": [acknowledged(order) for order in cancelled], "success": "1"}

    def _open(self, params: Params, symbol: Symbol, category: str) -> PaperOrder:
        """The order that is meant, which must still be open. Raises ApiError."""
        spot = category == "spot"
        order = named_order(params, self._keeping, category)
        if order is None or order.asset != symbol.asset:
            raise ApiError(170213 if spot else 110001)
        if order.status is OrderStatus.FILLED:
            raise ApiError(170139 if spot else 110008)
        if not order.open:
            raise ApiError(170142 if spot else 110010)
        return order

    def _refusal(self, reject: PaperReject, symbol: Symbol, category: str) -> ApiError:
        if reject.code is RejectCode.INSUFFICIENT_MARGIN and self._exchange.figures().equity <= 0:
            return ApiError(110004)
        return refusal(reject, symbol, category, leverage=self._allowed_leverage(symbol))

    def _allowed_leverage(self, symbol: Symbol) -> str:
        asset = symbol.asset
        notional = abs(self._exchange.position(asset).quantity) * self._exchange.mark(asset)
        top = tier_of(notional, symbol.instrument.tiers).max_leverage
        return "1" if top is None else plain(top)


def named_order(params: Params, keeping: Keeping, category: str) -> PaperOrder | None:
    """The order by `orderId`, or else by `orderLinkId`. Raises ApiError 10001 where neither was sent."""
    market = market_of(category)
    order_id, link = params.text("orderId"), params.text("orderLinkId")
    if order_id is not None:
        return keeping.by_id(market, order_id)
    if link is None:
        raise ApiError(10001, message="params error: OrderId or orderLinkId is required")
    return keeping.by_link(market, link)
