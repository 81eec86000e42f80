"""`POST /testnet/setup`: an account or a market that is not as a client needs it, on purpose.

`{"setup": NAME, …}`, with what each one takes::

    hedge_mode, multi_assets, isolated, withdraw_key, expired_key, missing_permission    "on": false mends it
    leverage           "asset", "leverage"
    clock              "skew": milliseconds by which the venue's clock is ahead
    foreign_order      "asset": an order that rests, with a client id that is nobody's
    foreign_position   "asset"; "quantity" signed, in coins (default: a small long)
    delisted           "asset"; "on": false lists it again
    step               "asset", "step": the amount step from now on

Orders and positions are real ones of the account; only the hand that placed them is not the bot's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_UP, Decimal
from typing import TypeAlias

from bot.core.market import Asset, Side
from bot.core.money import is_multiple, parse_decimal, plain, round_to_step
from bot.core.orders import TimeInForce
from bot.paper.exchange import PaperExchange
from bot.paper.records import PaperReject
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
            "delisted": self._delisted,
            "step": self._step,
        }

    def setup(self, body: Body) -> object:
        """Do what the body asks; what came of it. Raises ValueError."""
        name = body.get("setup")
        if name in list(Switchable):
            broken = _on(body)
            self._owner.arrange(
                Switchable(str(name)), broken=broken, now=self._exchange.now, assets=self._exchange.instruments)
            return {"setup": name, "on": broken}
        if name not in self._table:
            raise ValueError(f"setup: one of {', '.join(sorted((*Switchable, *self._table)))}")
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

    def _delisted(self, body: Body) -> object:
        asset, delisted = self._asset(body), _on(body)
        self._exchange.instruments[asset] = replace(self._exchange.instruments[asset], tradable=not delisted)
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
