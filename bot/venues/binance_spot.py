"""Orders on Binance's spot market: the interface of its own that they have, and what it says of them.

What is its own: a post-only order is a type (LIMIT_MAKER); one that would cross, a client id that is taken and a wallet
that is too small are refused with one and the same code, and told apart by the words; no order can be moved (its
cancelReplace makes another one, and amend/keepPriority only makes one smaller); a cancellation has a client id too, and
names the order's as the original one.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.money import ZERO, plain
from bot.core.orders import OrderIntent, OrderRecord, OrderReport, OrderState, TimeInForce
from bot.errors import HedgerowError, Refused, TooManyOrders, Uncertain
from bot.ports import Clock
from bot.venues import binance_calls as calls
from bot.venues import binance_spot_replies as replies
from bot.venues.gateway import Params
from bot.venues.names import Names
from bot.venues.portfolio import PortfolioVenue

CROSSED = "POST_ONLY_WOULD_CROSS"
"""How a report calls it that a post-only order would have crossed: the venue's own code for that says other things too.
"""

_WOULD_CROSS, _POOR, _FULL = "immediately match", "insufficient balance", "MAX_NUM_ORDERS"
"""What the messages of refusals hold, by which they are told apart."""

_KINDS: Mapping[TimeInForce, Mapping[str, str]] = {
    TimeInForce.GTX: {"type": "LIMIT_MAKER"},
    TimeInForce.GTC: {"type": "LIMIT", "timeInForce": "GTC"},
    TimeInForce.IOC: {"type": "LIMIT", "timeInForce": "IOC"},
}


class SpotOrders:
    """Placing, cancelling and finding orders on the spot market of an account."""

    def __init__(self, venue: PortfolioVenue, names: Names, clock: Clock) -> None:
        self._venue = venue
        self._names = names
        self._clock = clock

    async def place(self, intent: OrderIntent) -> OrderReport:
        """One limit order. A post-only order that would cross is reported as cancelled."""
        if intent.reduce_only:
            raise Refused("a spot order cannot be reduce-only: it was not sent")
        params: Params = {
            "symbol": self._names.wire(intent.symbol),
            "side": intent.side.value.upper(),
            **_KINDS[intent.time_in_force],
            "quantity": plain(intent.quantity),
            "price": plain(intent.price),
            "newClientOrderId": intent.client_order_id,
            "newOrderRespType": "RESULT",
        }
        try:
            with self._venue.spot_right(intent.symbol):
                report = await self._venue.report(
                    calls.SPOT_PLACE_ORDER, params,
                    lambda reply: replies.order_report(reply, intent.symbol, intent.client_order_id, self._names),
                )
        except Refused as refusal:
            return await self._refused(intent, refusal)
        if report.state is OrderState.REFUSED:
            raise Refused("POST order: the venue rejected it", "REJECTED")
        return report

    async def _refused(self, intent: OrderIntent, refusal: Refused) -> OrderReport:
        """What a refusal comes to: an order that ended at once, one that is there already, or that refusal.

        A rejection that does not say why may be one because there is such an order: so it is looked up.
        """
        said = str(refusal)
        if refusal.code in (calls.NEW_ORDER_REJECTED, calls.FILTER_FAILURE) and _FULL in said:
            raise TooManyOrders(said, refusal.code)
        if refusal.code != calls.NEW_ORDER_REJECTED or _POOR in said:
            raise refusal
        if _WOULD_CROSS in said:
            return OrderReport(
                intent.client_order_id, intent.symbol, OrderState.CANCELLED, ZERO, quantity=intent.quantity,
                price=intent.price, at=self._clock.now(), code=CROSSED, message=said,
            )
        try:
            there = await self.find(intent.symbol, intent.client_order_id)
        except HedgerowError as error:
            raise Uncertain(f"{said}; looking it up: {error}") from None
        if there is None:
            raise refusal
        return there

    async def cancel(self, record: OrderRecord) -> OrderReport:
        """Cancel; an order that had ended already is looked up and reported."""
        intent = record.intent
        params: Params = {"symbol": self._names.wire(intent.symbol), "origClientOrderId": intent.client_order_id}
        try:
            with self._venue.spot_right(intent.symbol):
                return await self._venue.report(
                    calls.SPOT_CANCEL_ORDER, params,
                    lambda reply: replies.cancelled(reply, intent.symbol, intent.client_order_id, self._names),
                )
        except Refused as refusal:
            if refusal.code not in (calls.CANCEL_REJECTED, calls.NO_SUCH_ORDER):
                raise
            return await self._venue.look_up(intent, str(refusal))

    async def find(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Look one of ours up; None only for Binance's own "order does not exist"."""
        params: Params = {"symbol": self._names.wire(symbol), "origClientOrderId": client_order_id}
        try:
            with self._venue.spot_right(symbol):
                report = await self._venue.read(
                    calls.SPOT_FIND_ORDER, params,
                    lambda reply: replies.found(reply, symbol, client_order_id, self._names), urgent=True,
                )
        except Refused as refusal:
            if refusal.code == calls.NO_SUCH_ORDER:
                return None
            raise
        return self._venue.remember(report)
