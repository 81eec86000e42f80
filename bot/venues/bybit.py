"""Bybit v5: linear perpetuals and spot of one unified account, spoken raw and read strictly.

What is Bybit's own: one wallet, in which coins are collateral and debts are possible; orders are acknowledged before
they are done, so a report made from an acknowledgement says no more than that the order is there; a post-only order
that would cross is accepted and cancelled afterwards; a limit price out of range is changed by the venue, and the order
tells which it has; margin mode holds for the whole account and is only looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar

from bot.core.hygiene import Check
from bot.core.market import Asset, Instrument, MarginTier, Snapshot, WalletKind
from bot.core.money import ZERO, plain
from bot.core.orders import OrderIntent, OrderRecord, OrderReport, OrderState
from bot.core.policy import Policy
from bot.core.times import SECOND, Millis
from bot.errors import Refused
from bot.ports import Balances, Clock, Prices
from bot.venues import bybit_calls as calls
from bot.venues import bybit_history as history
from bot.venues import bybit_orders as said
from bot.venues import bybit_replies as replies
from bot.venues import bybit_specs as specs
from bot.venues.bybit_inspect import inspect
from bot.venues.bybit_pages import every, rest_of
from bot.venues.bybit_prepare import prepare
from bot.venues.failures import Endpoint
from bot.venues.gateway import Params, together, valid
from bot.venues.portfolio import OPEN_ORDERS_EVERY, History, PortfolioVenue
from bot.venues.specs import Fees, Market
from bot.venues.transport import Foreign

NAME = "bybit"
RECV_WINDOW: Millis = 5 * SECOND
LOOKUP_MARGIN: Millis = 5 * SECOND
POSITIONS_PAGE, ORDERS_PAGE, INSTRUMENTS_PAGE = 200, 50, 1_000


class BybitVenue(PortfolioVenue):
    """One unified Bybit account: `assets` against `settle`, with `cash` coins counted as cash.

    `tells_key`: whether this environment says what a key may do, whose it is, and what it is charged; the demo does
    not. Then the account is known by its key alone (`key_id`), and fees are taken to be the regular ones.
    """

    history: ClassVar[History] = history
    lacks_right: ClassVar[frozenset[str]] = calls.LACKS_RIGHT

    def __init__(
        self, exchange: Foreign, clock: Clock, *, assets: Sequence[Asset], settle: str, cash: Sequence[str],
        key_id: str, tells_key: bool, open_orders_every: Millis = OPEN_ORDERS_EVERY,
    ) -> None:
        super().__init__(
            NAME, exchange, clock, codes=calls.CODES, lookup_patience=RECV_WINDOW + LOOKUP_MARGIN,
            server_time=(calls.SERVER_TIME, "time"), open_orders_every=open_orders_every,
            remembers=calls.REMEMBERS, assets=assets, settle=settle, cash=cash,
        )
        self._key_id = key_id
        self._tells_key = tells_key
        self._intervals: dict[str, Millis | None] = {}

    async def account(self) -> str:
        """The user id that the key belongs to; in the demo, which does not tell it, a name made from the key."""
        if not self._tells_key:
            return self._key_id
        return await self.read(calls.KEY, {}, replies.user_id)

    async def instruments(self, assets: Sequence[Asset]) -> Mapping[Asset, Instrument]:
        """Specifications, tiers, collateral and this account's fees. Refused for a coin that cannot be hedged here."""
        markets = await self.markets(assets)
        ratios = await self.read(calls.COLLATERAL, {}, specs.collateral_ratios)
        fees = {asset: await self._fees(self._names.native(asset)) for asset in assets}
        return await self.specified(markets, fees, ratios)

    async def specified(
        self, markets: Mapping[Asset, Market], fees: Mapping[Asset, Fees],
        ratios: Mapping[Asset, Decimal],
    ) -> Mapping[Asset, Instrument]:
        """Instruments of these markets, with the venue's margin tables, which anybody may read."""
        tiers = {asset: await self._tiers(self._names.native(asset)) for asset in markets}
        return valid(lambda: {
            asset: specs.instrument(
                asset, market=market, tiers=tiers[asset], fees=fees[asset], ratios=ratios, names=self._names,
            )
            for asset, market in markets.items()
        })

    async def markets(self, assets: Sequence[Asset]) -> Mapping[Asset, Market]:
        """What is specified in public; needs no key. Refused as `instruments`."""
        linear: Params = {"category": "linear", "limit": INSTRUMENTS_PAGE}
        listed = await every(self, calls.INSTRUMENTS, linear)
        spot_listed = await every(self, calls.INSTRUMENTS, {"category": "spot"})
        perps = valid(lambda: specs.perpetuals(listed, assets, self._names))
        spots = valid(lambda: specs.spots(spot_listed, (*assets, *self._stables), self._names))
        self._intervals |= valid(lambda: {
            self._names.native(asset): specs.funding_interval(perp) for asset, perp in perps.items()
        })
        return {asset: Market(spot=spots[asset], perp=perps[asset]) for asset in assets}

    async def _tiers(self, symbol: str) -> tuple[MarginTier, ...]:
        return await self.read(
            calls.RISK_LIMIT, {"category": "linear", "symbol": symbol},
            lambda reply: specs.margin_tiers(reply, symbol),
        )

    async def _fees(self, symbol: str) -> Fees:
        if not self._tells_key:
            return specs.REGULAR_FEES
        maker, taker = await self.read(
            calls.FEE_RATE, {"category": "linear", "symbol": symbol},
            lambda reply: specs.perpetual_fees(reply, symbol),
        )
        spot = await self.read(
            calls.FEE_RATE, {"category": "spot", "symbol": symbol},
            lambda reply: specs.spot_taker_fee(reply, symbol),
        )
        return Fees(maker, taker, spot)

    async def prepare(self, policy: Policy) -> tuple[str, ...]:
        """The leverage is set and verified; modes are verified only."""
        symbols = [self._names.native(asset.asset) for asset in policy.assets]
        changes = await prepare(self, symbols, policy.margin.leverage)
        if self._tells_key:
            return changes
        return (*changes, "Bybit does not tell fees in its demo: taken to be those of a user of no VIP level")

    async def inspect(self, policy: Policy) -> tuple[Check, ...]:
        """See `bybit_inspect`."""
        return await inspect(
            self, self._names, [asset.asset for asset in policy.assets], policy.margin, self.markets,
            longs=policy.longs, now=self._clock.now(), tells_key=self._tells_key,
        )

    async def snapshot(self) -> Snapshot:
        """Five requests at once, four while nothing of ours rests; more only for accounts with hundreds of positions
        or orders.
        """
        return await self.repeated(self._snapshot)

    async def _snapshot(self) -> Snapshot:
        at = self._clock.now()
        with_orders = self._orders.due(at)
        perp, spot, wallet, held, *resting = await together(
            self._tickers("linear"), self._tickers("spot"),
            self.raw(calls.WALLET, {"accountType": "UNIFIED"}),
            self.raw(calls.POSITIONS, self._all_positions),
            *([self.raw(calls.LIVE_ORDERS, self._all_orders)] if with_orders else []),
        )
        positions = await rest_of(self, calls.POSITIONS, self._all_positions, held, limit=POSITIONS_PAGE)
        orders = await rest_of(
            self, calls.LIVE_ORDERS, self._all_orders, resting[0], limit=ORDERS_PAGE) if with_orders else None

        def parse() -> Snapshot:
            seen = self._seen(at, perp, spot)
            account = replies.wallet(wallet)
            shown = replies.positions(positions, account, self._names)
            return Snapshot(
                taken_at=at,
                holdings=replies.holdings(account, self._wallet_coins),
                futures=replies.futures_wallet(account, sum((each.unrealised for each in shown), ZERO)),
                quotes=seen.quotes,
                positions=shown,
                open_orders=None if orders is None else replies.open_orders(orders, self._names),
                wallet=WalletKind.UNIFIED,
                stable_prices=seen.stable_prices,
                liabilities=replies.liabilities(account, self._wallet_coins),
            )

        return self._noted(valid(parse))

    @property
    def _all_positions(self) -> Params:
        return {"category": "linear", "settleCoin": self._names.settle, "limit": POSITIONS_PAGE}

    @property
    def _all_orders(self) -> Params:
        return {"category": "linear", "settleCoin": self._names.settle, "limit": ORDERS_PAGE}

    async def balances(self) -> Balances:
        """The totals that the key's account holds: one wallet, so all of it under `spot`."""
        held = await self.read(
            calls.WALLET, {"accountType": "UNIFIED"},
            lambda reply: replies.holdings(replies.wallet(reply), self._wallet_coins),
        )
        return Balances({coin: holding.total for coin, holding in held.items()}, {})

    async def prices(self) -> Prices:
        """The market half of a snapshot: two requests at once, which need no key."""
        return await self.repeated(self._prices)

    async def _prices(self) -> Prices:
        at = self._clock.now()
        perp, spot = await together(self._tickers("linear"), self._tickers("spot"))
        return valid(lambda: self._seen(at, perp, spot))

    income_of_spot = True

    async def coin_price(self, coin: str) -> Decimal | None:
        """See `bot.ports.CoinPrices`."""
        symbol = self._names.native(coin)
        return await self.read(calls.TICKERS, {"category": "spot", "symbol": symbol},
                               lambda reply: replies.mid(replies.tickers(reply, [symbol])[symbol]))

    async def _tickers(self, category: str) -> object:
        """Of the one symbol of interest, or of all."""
        wanted = [*self._symbols.values(), *(self._stables.values() if category == "spot" else ())]
        only: Params = {"symbol": wanted[0]} if len(wanted) == 1 else {}
        return await self.raw(calls.TICKERS, {"category": category, **only})

    def _seen(self, at: Millis, perp: object, spot: object) -> Prices:
        """What the answers to these reads, asked at `at`, show. Raises InvalidReply."""
        perps = replies.tickers(perp, self._symbols.values())
        spots = replies.tickers(spot, (*self._symbols.values(), *self._stables.values()))
        return Prices(
            at=at,
            quotes={
                asset: replies.quote(
                    spots[symbol], perps[symbol], spot_at=replies.told_at(spot), perp_at=replies.told_at(perp),
                    ahead=self.clock_ahead, interval=self._intervals.get(symbol),
                )
                for asset, symbol in self._symbols.items()
            },
            stable_prices={coin: replies.mid(spots[symbol]) for coin, symbol in self._stables.items()},
        )

    async def place(self, intent: OrderIntent) -> OrderReport:
        """One limit order. That it is OPEN is all that the acknowledgement says; later reads tell the rest.

        On spot nothing is ever borrowed for it.
        """
        spot = self._names.is_spot(intent.symbol)
        if spot and intent.reduce_only:
            raise Refused("a spot order cannot be reduce-only: it was not sent")
        self._orders.changed()
        only_there: Params = {"isLeverage": 0} if spot else {"reduceOnly": intent.reduce_only, "positionIdx": 0}
        params: Params = {
            "category": self._category(intent.symbol),
            "symbol": self._names.wire(intent.symbol),
            "side": intent.side.value.capitalize(),
            "orderType": "Limit",
            "qty": plain(intent.quantity),
            "price": plain(intent.price),
            "timeInForce": said.TIME_IN_FORCE[intent.time_in_force],
            "orderLinkId": intent.client_order_id,
            **only_there,
        }
        try:
            return await self._change(
                calls.PLACE_ORDER, params, intent, state=OrderState.OPEN, filled=ZERO, price=intent.price)
        except Refused as refusal:
            if refusal.code == calls.WOULD_CROSS_AT_ONCE:
                return OrderReport(
                    intent.client_order_id, intent.symbol, OrderState.CANCELLED, ZERO, quantity=intent.quantity,
                    price=intent.price, at=self._clock.now(), code=calls.WOULD_CROSS, message=str(refusal),
                )
            if refusal.code not in calls.DUPLICATE_CLIENT_ID:
                raise
            return await self.look_up(intent, str(refusal))

    def amends(self, symbol: str) -> bool:  # noqa: ARG002 - it is the same everywhere here
        """On both markets."""
        return True

    async def amend(self, record: OrderRecord, price: Decimal) -> OrderReport:
        """Move a resting order, of which the filled part stays. One that ended meanwhile is reported as it ended."""
        self._orders.changed()
        params: Params = {**self._order(record.intent), "price": plain(price)}
        state = OrderState.PARTIAL if record.filled else OrderState.OPEN
        try:
            return await self._change(
                calls.AMEND_ORDER, params, record.intent, state=state, filled=record.filled, price=price)
        except Refused as refusal:
            if refusal.code not in calls.GONE and refusal.code != calls.NOT_MODIFIED:
                raise
            return await self.look_up(record.intent, str(refusal))

    async def cancel(self, record: OrderRecord) -> OrderReport:
        """Cancel, then look: the acknowledgement does not say what was filled before. It may still be live then."""
        self._orders.changed()
        try:
            await self._change(
                calls.CANCEL_ORDER, self._order(record.intent), record.intent, state=record.state,
                filled=record.filled, price=record.intent.price)
            why = "cancelled"
        except Refused as refusal:
            if refusal.code not in calls.GONE:
                raise
            why = str(refusal)
        return await self.look_up(record.intent, why)

    async def find_order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Look one of ours up, among the live orders and then the ended ones; None where both are valid and empty."""
        params: Params = {
            "category": self._category(symbol), "symbol": self._names.wire(symbol), "orderLinkId": client_order_id,
            "limit": ORDERS_PAGE,
        }
        for endpoint in (calls.LIVE_ORDERS, calls.PAST_ORDERS):
            with self.spot_right(symbol):
                report = await self.read(
                    endpoint, params,
                    lambda reply: said.found_order(reply, symbol, client_order_id, self._names), urgent=True,
                )
            if report is not None:
                return self.remember(report)
        return None

    def _order(self, intent: OrderIntent) -> dict[str, str]:
        return {
            "category": self._category(intent.symbol), "symbol": self._names.wire(intent.symbol),
            "orderLinkId": intent.client_order_id,
        }

    def _category(self, symbol: str) -> str:
        return history.category(self._names, symbol)

    async def _change(
        self, endpoint: Endpoint, params: Params, intent: OrderIntent, *, state: OrderState, filled: Decimal,
        price: Decimal,
    ) -> OrderReport:
        """Make one request that changes an order; what its acknowledgement lets one believe."""
        with self.spot_right(intent.symbol):
            return await self.report(
                endpoint, params,
                lambda reply: said.acknowledged(reply, intent, state=state, filled=filled, price=price),
            )
