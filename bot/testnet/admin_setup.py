"""`POST /testnet/setup`: an account or a market that is not as a client needs it, on purpose.

`{"setup": NAME, …}`, with what each one takes::

    hedge_mode, multi_assets, portfolio_margin, isolated, reduce_only, maintenance       "on": false mends it
    withdraw_key, expired_key, revoked_key, missing_permission, missing_spot_permission  the same
    leverage           "asset", "leverage"
    clock              "skew": milliseconds by which the venue's clock is ahead
    foreign_order      "asset": an order that rests, with a client id that is nobody's
    foreign_position   "asset"; "quantity" signed, in coins (default: a small long)
    cancel_orders      "asset": its resting orders are withdrawn by hand
    earn               "asset"; "amount": coins that go to Earn (negative: come back)
    adl                "asset": its position is auto-deleveraged
    liquidation        every position is liquidated
    delisted           "asset"; "settled": true closes its position too; "on": false lists it again
    step, tick         "asset", "step" or "tick": the amount step or the price tick from now on
    funding_interval   "asset", "hours": settlements are that far apart from now on
    funding_late       "delay": milliseconds for which a settlement is not in the account's history

Orders and positions are real ones of the account; only the hand that placed them is not the bot's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_UP, Decimal
from typing import TypeAlias

from bot.core.market import Asset, Side, WalletKind
from bot.core.money import is_multiple, parse_decimal, plain, round_to_step
from bot.core.orders import TimeInForce
from bot.core.times import HOUR
from bot.paper.exchange import ADL_PREFIX, SETTLEMENT_PREFIX, PaperExchange
from bot.paper.records import PaperReject
from bot.testnet.market.settled import SettledAnew
from bot.testnet.owner import Owner, Switchable

Body: TypeAlias = Mapping[str, object]

_SMALL = Decimal(500)
"""Roughly what a stranger's order or position is worth."""
_AWAY = Decimal("1.03")
"""How far above the mark a stranger's order rests."""
_MOST_SKEW = 86_400_000


class Setups:
    """Breaks one account on request. Raises ValueError for what it is not asked rightly."""

    def __init__(self, exchange: PaperExchange, owner: Owner) -> None:
        self._exchange = exchange
        self._owner = owner
        self._strangers = 0
        self._table: dict[str, Callable[[Body], object]] = {
            "leverage": self._leverage,
            "clock": self._clock,
            "foreign_order": self._foreign_order,
            "foreign_position": self._foreign_position,
            "cancel_orders": self._cancel_orders,
            "earn": self._earn,
            "adl": self._adl,
            "liquidation": self._liquidation,
            "delisted": self._delisted,
            "step": self._step,
            "tick": self._tick,
            "funding_interval": self._funding_interval,
            "funding_late": self._funding_late,
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that can be asked for."""
        return (*Switchable, *self._table)

    def setup(self, body: Body) -> object:
        """Do what the body asks; what came of it. Raises ValueError."""
        name = body.get("setup")
        if name in list(Switchable):
            broken = _on(body)
            self._owner.arrange(
                Switchable(str(name)), broken=broken, now=self._exchange.now, assets=self._exchange.instruments)
            return {"setup": name, "on": broken}
        if name not in self._table:
            raise ValueError(f"setup: one of {', '.join(sorted(self.names))}")
        try:
            return self._table[str(name)](body)
        except PaperReject as reject:
            raise ValueError(str(reject)) from reject

    def _leverage(self, body: Body) -> object:
        asset, leverage = self._asset(body), parse_decimal(body.get("leverage"), "leverage")
        self._exchange.set_leverage(asset, leverage)
        return {"asset": asset, "leverage": plain(leverage)}

    def _clock(self, body: Body) -> object:
        skew = body.get("skew")
        if isinstance(skew, bool) or not isinstance(skew, int) or abs(skew) > _MOST_SKEW:
            raise ValueError("skew: whole milliseconds, at most a day")
        self._owner.clock_skew = skew
        return {"skew": skew}

    def _foreign_order(self, body: Body) -> object:
        asset = self._asset(body)
        spec, mark = self._exchange.instruments[asset], self._exchange.mark(asset)
        price = round_to_step(mark * _AWAY, spec.price_tick, ROUND_CEILING)
        order = self._exchange.place(
            "perp", asset, Side.SELL, self._small(asset), price, client_order_id=self._name())
        return {"asset": asset, "order_id": order.order_id, "client_order_id": order.client_order_id}

    def _foreign_position(self, body: Body) -> object:
        asset = self._asset(body)
        wanted = parse_decimal(body["quantity"], "quantity") if "quantity" in body else self._small(asset)
        if not wanted:
            raise ValueError("quantity: not 0")
        book, spec = self._exchange.state(asset).perp, self._exchange.instruments[asset]
        levels = book.asks if wanted > 0 else book.bids
        if not levels:
            raise ValueError(f"nobody trades {asset} now")
        self._exchange.place(
            "perp", asset, Side.BUY if wanted > 0 else Side.SELL, abs(wanted),
            round_to_step(levels[-1].price, spec.price_tick), time_in_force=TimeInForce.IOC,
            client_order_id=self._name(),
        )
        return {"asset": asset, "position": plain(self._exchange.position(asset).quantity)}

    def _cancel_orders(self, body: Body) -> object:
        asset = self._asset(body)
        resting = self._exchange.open_orders("perp", asset)
        for order in resting:
            self._exchange.cancel(order)
        return {"asset": asset, "cancelled": len(resting)}

    def _earn(self, body: Body) -> object:
        """Beside the spot wallet they are shown under another name; from the only one they are gone."""
        asset = self._asset(body)
        amount = parse_decimal(body.get("amount"), "amount")
        self._exchange.deposit(asset, -amount)
        if self._exchange.wallets.kind is WalletKind.SEPARATE:
            self._exchange.deposit(f"LD{asset}", amount)
        return {"asset": asset, "spot": plain(self._exchange.wallets.spot[asset])}

    def _adl(self, body: Body) -> object:
        asset = self._asset(body)
        return {"asset": asset, "closed": self._taken(asset, ADL_PREFIX)}

    def _taken(self, asset: Asset, prefix: str) -> str:
        order = self._exchange.take_over(asset, prefix)
        if order is None:
            raise ValueError(f"there is no position in {asset}")
        return plain(order.quantity)

    def _liquidation(self, _: Body) -> object:
        before = len(self._exchange.liquidations)
        self._exchange.liquidate()
        if len(self._exchange.liquidations) == before:
            raise ValueError("there is no position to liquidate")
        return {"closed": [plain(one.quantity) for one in self._exchange.liquidations[before:]]}

    def _delisted(self, body: Body) -> object:
        asset, delisted = self._asset(body), _on(body)
        self._exchange.instruments[asset] = replace(self._exchange.instruments[asset], tradable=not delisted)
        if delisted and body.get("settled") is True:
            self._exchange.take_over(asset, SETTLEMENT_PREFIX)
        return {"asset": asset, "on": delisted}

    def _step(self, body: Body) -> object:
        """The smallest order follows the step where it would be off it."""
        asset, step = self._asset(body), parse_decimal(body.get("step"), "step")
        if step <= 0:
            raise ValueError("step: more than 0")
        spec = self._exchange.instruments[asset]
        least = max(spec.min_amount, step)
        least = least if is_multiple(least, step) else round_to_step(least, step, ROUND_UP)
        self._exchange.instruments[asset] = replace(spec, amount_step=step, min_amount=least)
        return {"asset": asset, "step": plain(step)}

    def _tick(self, body: Body) -> object:
        asset, tick = self._asset(body), parse_decimal(body.get("tick"), "tick")
        if tick <= 0:
            raise ValueError("tick: more than 0")
        self._exchange.instruments[asset] = replace(self._exchange.instruments[asset], price_tick=tick)
        return {"asset": asset, "tick": plain(tick)}

    def _funding_interval(self, body: Body) -> object:
        asset, hours, feed = self._asset(body), body.get("hours"), self._exchange.feed
        if isinstance(hours, bool) or not isinstance(hours, int) or not 1 <= hours <= 8:
            raise ValueError("hours: 1 to 8")
        if not isinstance(feed, SettledAnew):
            raise ValueError("this market's settlements cannot be changed")
        feed.settle_every(asset, hours * HOUR, self._exchange.now)
        self._exchange.forget_settlements()
        return {"asset": asset, "next": feed.next_funding(asset, self._exchange.now)}

    def _funding_late(self, body: Body) -> object:
        delay = body.get("delay")
        if isinstance(delay, bool) or not isinstance(delay, int) or delay < 0:
            raise ValueError("delay: whole milliseconds, 0 or more")
        self._owner.funding_delay = delay
        return {"delay": delay}

    def _asset(self, body: Body) -> Asset:
        asset = body.get("asset")
        if not isinstance(asset, str) or asset not in self._exchange.instruments:
            raise ValueError(f"asset: one of {', '.join(sorted(self._exchange.instruments))}")
        return asset

    def _small(self, asset: Asset) -> Decimal:
        spec = self._exchange.instruments[asset]
        return max(spec.min_amount, round_to_step(_SMALL / self._exchange.mark(asset), spec.amount_step, ROUND_UP))

    def _name(self) -> str:
        self._strangers += 1
        return f"web_{self._strangers}"


def _on(body: Body) -> bool:
    on = body.get("on", True)
    if not isinstance(on, bool):
        raise ValueError("on: true or false")
    return on
