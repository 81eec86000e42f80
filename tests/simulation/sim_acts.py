"""What others do to the account and to the markets meanwhile: done at an instant of the story, like the testnet's own
deadlines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TypeAlias

from sim_plan import Act

from bot.core.market import Asset, Side
from bot.core.money import round_to_step
from bot.core.orders import PREFIX, TimeInForce
from bot.core.times import MINUTE
from bot.paper.records import PaperReject
from bot.testnet.build import Testnet

FOREIGN = "web_"
"""With what the client ids of orders begin that are not ours."""

Mend: TypeAlias = Callable[[], object]


def perform(testnet: Testnet, act: Act) -> tuple[bool, Mend | None]:
    """Do it, where the exchange lets it be done: whether it did, and what ends it where it lasts."""
    try:
        if act.what in _DONE:
            _DONE[act.what](testnet, act.asset, act.size)
            return True, None
        return True, _CONDITIONS.get(act.what, _switched(act.what))(testnet, act.asset, act.size)
    except (PaperReject, ValueError):
        return False, None


def _setup(testnet: Testnet, **body: object) -> None:
    testnet.admin.setups.setup(body)


# -- done in a moment --------------------------------------------------------------------------------------------------


def _price(testnet: Testnet, asset: Asset, size: Decimal) -> None:
    """A sudden move, up or down."""
    up = int(size * 1000) % 2
    testnet.exchange.shift_price(asset, 1 + size if up else 1 / (1 + size))


def _deposit(testnet: Testnet, asset: Asset, size: Decimal) -> None:
    testnet.exchange.deposit(asset, size * (1 if asset == "BTC" else 20))


def _withdraw(testnet: Testnet, asset: Asset, size: Decimal) -> None:
    testnet.exchange.deposit(asset, -size * (1 if asset == "BTC" else 20))


def _earn(testnet: Testnet, asset: Asset, size: Decimal) -> None:
    _setup(testnet, setup="earn", asset=asset, amount=str(size * (1 if asset == "BTC" else 20)))


def _foreign_order(testnet: Testnet, asset: Asset, size: Decimal) -> None:
    _place(testnet, asset, size, away=Decimal("1.02"), time_in_force=TimeInForce.GTC)


def _foreign_trade(testnet: Testnet, asset: Asset, size: Decimal) -> None:
    _place(testnet, asset, size, away=Decimal("0.995"), time_in_force=TimeInForce.IOC)


def _place(testnet: Testnet, asset: Asset, size: Decimal, *, away: Decimal, time_in_force: TimeInForce) -> None:
    exchange = testnet.exchange
    spec = exchange.instruments[asset]
    quantity = max(round_to_step(size * (1 if asset == "BTC" else 20), spec.amount_step), spec.amount_step)
    exchange.place(
        "perp", asset, Side.SELL, quantity, round_to_step(exchange.mark(asset) * away, spec.price_tick),
        time_in_force=time_in_force, client_order_id=f"{FOREIGN}{exchange.now}",
    )


def _cancel_ours(testnet: Testnet, asset: Asset, _: Decimal) -> None:
    for order in testnet.exchange.open_orders("perp", asset):
        if order.client_order_id.startswith(PREFIX):
            testnet.exchange.cancel(order)


def withdraw(testnet: Testnet) -> None:
    """Strangers take back what still rests of theirs: when it filled, somebody would have to say whose it is."""
    for order in testnet.exchange.open_orders("perp"):
        if order.client_order_id.startswith(FOREIGN):
            testnet.exchange.cancel(order)


def _funding_interval(testnet: Testnet, asset: Asset, size: Decimal) -> None:
    _setup(testnet, setup="funding_interval", asset=asset, hours=4 if size > Decimal("0.02") else 1)


def _adl(testnet: Testnet, asset: Asset, _: Decimal) -> None:
    _setup(testnet, setup="adl", asset=asset)


def _liquidation(testnet: Testnet, _: Asset, __: Decimal) -> None:
    _setup(testnet, setup="liquidation")


_DONE: Mapping[str, Callable[[Testnet, Asset, Decimal], None]] = {
    "price": _price, "deposit": _deposit, "withdraw": _withdraw, "earn": _earn, "foreign_order": _foreign_order,
    "foreign_trade": _foreign_trade, "cancel_ours": _cancel_ours, "funding_interval": _funding_interval,
    "adl": _adl, "liquidation": _liquidation,
}


# -- what lasts --------------------------------------------------------------------------------------------------------


def _switched(what: str) -> Callable[[Testnet, Asset, Decimal], Mend]:
    """What is broken until it is mended, by the testnet's own name of it."""
    def switch(testnet: Testnet, asset: Asset, _: Decimal) -> Mend:
        _setup(testnet, setup=what, asset=asset)
        return lambda: _setup(testnet, setup=what, asset=asset, on=False)

    return switch


def _clock(testnet: Testnet, _: Asset, size: Decimal) -> Mend:
    _setup(testnet, setup="clock", skew=2_000 if size > Decimal("0.02") else -10_000)
    return lambda: _setup(testnet, setup="clock", skew=0)


def _funding_late(testnet: Testnet, _: Asset, __: Decimal) -> Mend:
    _setup(testnet, setup="funding_late", delay=20 * MINUTE)
    return lambda: _setup(testnet, setup="funding_late", delay=0)


def _leverage(testnet: Testnet, asset: Asset, size: Decimal) -> Mend:
    before = testnet.exchange.leverage(asset)
    _setup(testnet, setup="leverage", asset=asset, leverage="3" if size > Decimal("0.02") else "15")
    return lambda: testnet.exchange.set_leverage(asset, before)


def _step(testnet: Testnet, asset: Asset, _: Decimal) -> Mend:
    before = testnet.exchange.instruments[asset]
    _setup(testnet, setup="step", asset=asset, step=str(before.amount_step * 10))

    def mend() -> None:
        now = testnet.exchange.instruments[asset]
        testnet.exchange.instruments[asset] = replace(
            now, amount_step=before.amount_step, min_amount=before.min_amount)

    return mend


def _tick(testnet: Testnet, asset: Asset, _: Decimal) -> Mend:
    before = testnet.exchange.instruments[asset].price_tick
    _setup(testnet, setup="tick", asset=asset, tick=str(before * 5))
    return lambda: _setup(testnet, setup="tick", asset=asset, tick=str(before))


_CONDITIONS: Mapping[str, Callable[[Testnet, Asset, Decimal], Mend]] = {
    "clock": _clock, "funding_late": _funding_late, "leverage": _leverage, "step": _step, "tick": _tick,
}
"""Those that are more than a switch."""
