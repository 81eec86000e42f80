"""Binance: spot market and USD-M perpetuals, spoken raw and read strictly.

What is Binance's own: two interfaces with separate allowances; a client order id that is unique among open orders
only; a post-only order that would cross is refused (-5022) and kept in no history, and is reported here as cancelled;
open orders of all symbols are dear (weight 40), so they are read seldom while nothing of ours rests. Orders on the spot
market are `binance_spot`'s.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine, Mapping, Sequence
from decimal import Decimal
from typing import ClassVar

from bot.core.hygiene import Check
from bot.core.market import Asset, Instrument, Snapshot
from bot.core.money import ZERO, plain
from bot.core.orders import OrderIntent, OrderRecord, OrderReport, OrderState
from bot.core.policy import Policy
from bot.core.times import HOUR, SECOND, Millis
from bot.errors import Refused, Unavailable
from bot.ports import Balances, Clock, Prices
from bot.venues import binance_calls as calls
from bot.venues import binance_history as history
from bot.venues import binance_replies as replies
from bot.venues import binance_specs as specs
from bot.venues.binance_inspect import inspect
from bot.venues.binance_prepare import prepare
from bot.venues.binance_spot import SpotOrders
from bot.venues.failures import Endpoint
from bot.venues.gateway import Params, together, valid
from bot.venues.portfolio import OPEN_ORDERS_EVERY, History, PortfolioVenue
from bot.venues.replies import Row, identity, row, text
from bot.venues.specs import Fees, Market
from bot.venues.transport import Foreign

NAME = "binance"
RECV_WINDOW: Millis = 10 * SECOND
LOOKUP_MARGIN: Millis = 5 * SECOND
INTERVALS_EVERY: Millis = HOUR


class BinanceVenue(PortfolioVenue):
    """One Binance account: `assets` against `settle`, with `cash` coins counted as cash."""

    history: ClassVar[History] = history
    lacks_right: ClassVar[frozenset[str]] = calls.LACKS_RIGHT

    def __init__(
        self, exchange: Foreign, clock: Clock, *, assets: Sequence[Asset], settle: str, cash: Sequence[str],
        open_orders_every: Millis = OPEN_ORDERS_EVERY, tells_key: bool = False,
    ) -> None:
        super().__init__(
            NAME, exchange, clock, codes=calls.CODES, lookup_patience=RECV_WINDOW + LOOKUP_MARGIN,
            server_time=(calls.SERVER_TIME, "serverTime"), open_orders_every=open_orders_every,
            remembers=calls.REMEMBERS, assets=assets, settle=settle, cash=cash,
        )
        self._spot = SpotOrders(self, self._names, clock)
        self._tells_key = tells_key
        self._intervals: Mapping[str, Millis] | None = None
        self._intervals_due: Millis = 0

    async def account(self) -> str:
        """The user id that the spot account shows."""
        return await self.read(calls.SPOT_ACCOUNT, {"omitZeroBalances": "true"}, replies.account_id)

    async def instruments(self, assets: Sequence[Asset]) -> Mapping[Asset, Instrument]:
        """Specifications, tiers and this account's fees. Refused for a coin that cannot be bought and hedged here."""
        wanted = [self._names.native(asset) for asset in assets]
        markets = await self.markets(assets)
        tiers = await self.read(calls.LEVERAGE_BRACKET, {}, lambda reply: specs.margin_tiers(reply, wanted))
        spot_fee = await self.read(calls.SPOT_ACCOUNT, {"omitZeroBalances": "true"}, specs.spot_taker_fee)
        fees = {
            asset: Fees(*await self.read(
                calls.COMMISSION_RATE, {"symbol": self._names.native(asset)}, specs.perpetual_fees,
            ), spot_fee)
            for asset in assets
        }
        return valid(lambda: {
            asset: specs.instrument(
                asset, market=markets[asset], tiers=tiers[self._names.native(asset)], fees=fees[asset],
                names=self._names,
            )
            for asset in assets
        })

    async def markets(self, assets: Sequence[Asset]) -> Mapping[Asset, Market]:
        """What is specified in public; needs no key. Refused as `instruments`."""
        perp = await self.read(calls.EXCHANGE_INFO, {}, lambda reply: reply)
        perps = valid(lambda: specs.perpetuals(perp, assets, self._names))
        spots = await self._spot_markets(assets)
        return {asset: Market(spot=spots[asset], perp=perps[asset]) for asset in assets}

    async def _spot_markets(self, assets: Sequence[Asset]) -> Mapping[Asset, Row]:
        """The coins' spot markets; those of other stablecoins must be there too, for their prices."""
        every = (*assets, *self._stables)
        params: Params = {"symbols": _listed([self._names.native(asset) for asset in every])}
        try:
            return await self.read(
                calls.SPOT_EXCHANGE_INFO, params, lambda reply: specs.spots(reply, every, self._names),
            )
        except Refused as refusal:
            if refusal.code != calls.INVALID_SYMBOL:
                raise
            raise Refused(
                f"Binance has no spot market in {self._names.settle} for one of {', '.join(every)}", refusal.code,
            ) from None

    async def prepare(self, policy: Policy) -> tuple[str, ...]:
        """One-way mode, single-asset margin, cross margin and the leverage: set where they may be, then verified."""
        symbols = [self._names.native(asset.asset) for asset in policy.assets]
        return await prepare(self, symbols, policy.margin.leverage)

    async def inspect(self, policy: Policy) -> tuple[Check, ...]:
        """See `binance_inspect`."""
        return await inspect(
            self, self._names, [asset.asset for asset in policy.assets], policy.margin, self.markets,
            longs=policy.longs, now=self._clock.now(), tells_key=self._tells_key,
        )

    async def snapshot(self) -> Snapshot:
        """Seven requests at once; six while nothing of ours rests. See the module's docstring."""
        await self._refresh_intervals()
        return await self.repeated(self._snapshot)

    async def _snapshot(self) -> Snapshot:
        at = self._clock.now()
        with_orders = self._orders.due(at)
        book, touch, premium, spot, account, risk, *resting = await together(
            *self._market_reads(),
            self.raw(calls.SPOT_ACCOUNT, {"omitZeroBalances": "true"}),
            self.raw(calls.FUTURES_ACCOUNT, {}),
            self.raw(calls.POSITION_RISK, {}),
            *([self.raw(calls.OPEN_ORDERS, {})] if with_orders else []),
        )

        def parse() -> Snapshot:
            seen = self._seen(at, book, touch, premium)
            return Snapshot(
                taken_at=at,
                holdings=replies.holdings(spot, self._wallet_coins),
                futures=replies.futures_wallet(account, self._names.settle),
                quotes=seen.quotes,
                positions=replies.positions(risk, account, self._names),
                open_orders=replies.open_orders(resting[0], self._names) if with_orders else None,
                stable_prices=seen.stable_prices,
            )

        return self._noted(valid(parse))

    async def balances(self) -> Balances:
        """The totals that the key's account holds, spot coins of the portfolio and the futures wallet's balance."""
        spot = await self.read(
            calls.SPOT_ACCOUNT, {"omitZeroBalances": "true"},
            lambda reply: replies.holdings(reply, self._wallet_coins),
        )
        settle = self._names.settle
        futures = await self.read(calls.FUTURES_ACCOUNT, {}, lambda reply: replies.futures_wallet(reply, settle))
        return Balances({coin: held.total for coin, held in spot.items()}, {settle: futures.balance})

    async def prices(self) -> Prices:
        """The market half of a snapshot: three requests at once, which need no key."""
        await self._refresh_intervals()
        return await self.repeated(self._prices)

    async def _prices(self) -> Prices:
        at = self._clock.now()
        book, touch, premium = await together(*self._market_reads())
        return valid(lambda: self._seen(at, book, touch, premium))

    income_of_spot = False

    async def coin_price(self, coin: str) -> Decimal | None:
        """See `bot.ports.CoinPrices`."""
        symbol = self._names.native(coin)
        return await self.read(calls.SPOT_BOOK_TICKER, {"symbols": _listed([symbol])},
                               lambda reply: replies.mid(replies.touches(reply, [symbol])[symbol]))

    def _market_reads(self) -> tuple[Coroutine[object, object, object], ...]:
        wanted = (*self._symbols.values(), *self._stables.values())
        return (
            self.raw(calls.SPOT_BOOK_TICKER, {"symbols": _listed(wanted)}),
            self._of_ours(calls.BOOK_TICKER),
            self._of_ours(calls.PREMIUM_INDEX),
        )

    def _seen(self, at: Millis, book: object, touch: object, premium: object) -> Prices:
        """What the answers to these reads, asked at `at`, show. Raises InvalidReply."""
        spots = replies.touches(book, (*self._symbols.values(), *self._stables.values()))
        perps = replies.touches(touch, self._symbols.values())
        premiums = replies.premiums(premium, self._symbols.values())
        return Prices(
            at=at,
            quotes={
                asset: replies.quote(
                    spots[symbol], perps[symbol], premiums[symbol],
                    asked_at=at, ahead=self.clock_ahead, interval=self._interval(symbol),
                )
                for asset, symbol in self._symbols.items()
            },
            stable_prices={coin: replies.mid(spots[symbol]) for coin, symbol in self._stables.items()},
        )

    async def place(self, intent: OrderIntent) -> OrderReport:
        """One limit order. A post-only order that would cross is reported as cancelled, with the venue's code."""
        if self._names.is_spot(intent.symbol):
            return await self._spot.place(intent)
        self._orders.changed()
        params: Params = {
            "symbol": self._names.wire(intent.symbol),
            "side": intent.side.value.upper(),
            "type": "LIMIT",
            "timeInForce": intent.time_in_force.value,
            "quantity": plain(intent.quantity),
            "price": plain(intent.price),
            "reduceOnly": "true" if intent.reduce_only else "false",
            "newClientOrderId": intent.client_order_id,
            "newOrderRespType": "RESULT",
        }
        try:
            report = await self._change(calls.PLACE_ORDER, params, intent)
        except Refused as refusal:
            if refusal.code == calls.WOULD_CROSS:
                return OrderReport(
                    intent.client_order_id, intent.symbol, OrderState.CANCELLED, ZERO, quantity=intent.quantity,
                    price=intent.price, at=self._clock.now(), code=refusal.code, message=str(refusal),
                )
            if refusal.code != calls.DUPLICATE_CLIENT_ID:
                raise
            return await self.look_up(intent, str(refusal))
        if report.state is OrderState.REFUSED:
            raise Refused("POST order: the venue rejected it", "REJECTED")
        return report

    def amends(self, symbol: str) -> bool:
        """Perpetuals only."""
        return not self._names.is_spot(symbol)

    async def amend(self, record: OrderRecord, price: Decimal) -> OrderReport:
        """Move a resting order. One that ended meanwhile, or that the new price ended, is reported as it ended."""
        if self._names.is_spot(record.intent.symbol):
            raise Refused("an order on this spot market cannot be moved: cancel it, and place the rest anew")
        self._orders.changed()
        params: Params = {
            **self._order(record.intent),
            "side": record.intent.side.value.upper(),
            "quantity": plain(record.intent.quantity),
            "price": plain(price),
        }
        look_up = {calls.CANCEL_REJECTED, calls.NO_SUCH_ORDER, calls.WOULD_CROSS, calls.NO_NEED_TO_MODIFY}
        try:
            return await self._change(calls.AMEND_ORDER, params, record.intent)
        except Refused as refusal:
            if refusal.code not in look_up:
                raise
            return await self.look_up(record.intent, str(refusal))

    async def cancel(self, record: OrderRecord) -> OrderReport:
        """Cancel; an order that had ended already is looked up and reported."""
        if self._names.is_spot(record.intent.symbol):
            return await self._spot.cancel(record)
        self._orders.changed()
        try:
            return await self._change(calls.CANCEL_ORDER, self._order(record.intent), record.intent)
        except Refused as refusal:
            if refusal.code not in (calls.CANCEL_REJECTED, calls.NO_SUCH_ORDER):
                raise
            return await self.look_up(record.intent, str(refusal))

    async def find_order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Look one of ours up; None only for Binance's own "order does not exist"."""
        if self._names.is_spot(symbol):
            return await self._spot.find(symbol, client_order_id)
        params: Params = {"symbol": self._names.wire(symbol), "origClientOrderId": client_order_id}
        try:
            report = await self.read(
                calls.FIND_ORDER, params,
                lambda reply: replies.order_report(reply, symbol, client_order_id, self._names), urgent=True,
            )
        except Refused as refusal:
            if refusal.code == calls.NO_SUCH_ORDER:
                return None
            raise
        return self.remember(report)

    async def countdown(self, symbol: str, wait: Millis) -> None:
        """See `bot.ports.DeadMansSwitch`. Refused on spot, which has none."""
        if self._names.is_spot(symbol):
            raise Refused(f"{symbol}: Binance's spot market has no such switch")
        params: Params = {"symbol": self._names.wire(symbol), "countdownTime": wait}
        await self.once(calls.COUNTDOWN, params, lambda reply: text(row(reply, "countdown"), "symbol"))

    async def transfer_to_margin(self, coin: str, amount: Decimal) -> str:
        """See `bot.ports.TopUps`. Refused on the demo, which has no transfers."""
        if not self._tells_key:
            raise Refused("this environment has no transfers between wallets: move it on the exchange's site")
        params: Params = {"type": "MAIN_UMFUTURE", "asset": coin, "amount": plain(amount)}
        return await self.once(calls.TRANSFER, params, lambda reply: identity(row(reply, "transfer"), "tranId"))

    def _order(self, intent: OrderIntent) -> dict[str, str]:
        return {"symbol": self._names.wire(intent.symbol), "origClientOrderId": intent.client_order_id}

    async def _change(self, endpoint: Endpoint, params: Params, intent: OrderIntent) -> OrderReport:
        """Make one request that changes an order; the report of that order and no other."""
        return await self.report(
            endpoint, params,
            lambda reply: replies.order_report(reply, intent.symbol, intent.client_order_id, self._names),
        )

    async def _of_ours(self, endpoint: Endpoint) -> object:
        """A market read that knows one symbol or all of them."""
        if len(self._symbols) > 1:
            return await self.raw(endpoint, {})
        return await self.raw(calls.of_one_symbol(endpoint), {"symbol": next(iter(self._symbols.values()))})

    async def _refresh_intervals(self) -> None:
        """Hourly, apart from the snapshot's own requests. Where it fails, the last known intervals stand."""
        now = self._clock.now()
        if now < self._intervals_due:
            return
        try:
            self._intervals = await self.read(calls.FUNDING_INFO, {}, replies.funding_intervals)
            self._intervals_due = now + INTERVALS_EVERY
        except Unavailable:
            self._intervals_due = now + INTERVALS_EVERY // 60

    def _interval(self, symbol: str) -> Millis | None:
        if self._intervals is None:
            return None
        return self._intervals.get(symbol, replies.DEFAULT_FUNDING_INTERVAL)


def _listed(symbols: Sequence[str]) -> str:
    """A list of symbols as Binance's spot interface wants it."""
    return json.dumps(list(symbols), separators=(",", ":"))
