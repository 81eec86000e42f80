"""What others do to the account and to the markets meanwhile: done at an instant of the story, like the testnet's own
deadlines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from sim_plan import Act

from bot.core.market import Asset, Side
from bot.core.money import round_to_step
from bot.core.orders import TimeInForce
from bot.paper.records import PaperReject
from bot.testnet.build import Testnet

FOREIGN = "web_"
"""With what the client ids of orders begin that are not ours."""


def perform(testnet: Testnet, act: Act) -> bool:
    """Do it, where the exchange lets it be done; whether it did."""
    try:
        _ACTS[act.what](testnet, act.asset, act.size)
    except PaperReject:
        return False
    return True


def _price(testnet: Testnet, asset: Asset, size: Decimal) -> None:
    """A sudden move, up or down."""
    up = int(size * 1000) % 2
    testnet.exchange.shift_price(asset, 1 + size if up else 1 / (1 + size))


def _deposit(testnet: Testnet, asset: Asset, size: Decimal) -> None:
    wallets = testnet.exchange.wallets
    wallets.add(wallets.spot, asset, size)


def _withdraw(testnet: Testnet, asset: Asset, size: Decimal) -> None:
    wallets = testnet.exchange.wallets
    wallets.add(wallets.spot, asset, -min(size, wallets.free(asset)))


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
        if order.client_order_id.startswith("hr"):
            testnet.exchange.cancel(order)


_ACTS: Mapping[str, Callable[[Testnet, Asset, Decimal], None]] = {
    "price": _price, "deposit": _deposit, "withdraw": _withdraw, "foreign_order": _foreign_order,
    "foreign_trade": _foreign_trade, "cancel_ours": _cancel_ours,
}
