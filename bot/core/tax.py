"""What a sale now would be taxed: lots of coins by what they cost, and a payment that would come sooner.

An estimate for a comparison, of one flat rate; no advice on any country's law.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from bot.core.decision import Reason
from bot.core.market import Asset
from bot.core.money import ZERO, reckoned
from bot.core.times import Millis


class LotMethod(StrEnum):
    """Which coins are sold first. `fifo`: those bought first. `average`: all alike, at their average cost."""

    FIFO = "fifo"
    AVERAGE = "average"


@dataclass(frozen=True, slots=True)
class Lot:
    """Coins bought at once: how many, for what price each in the settle coin (fees included), and when."""

    asset: Asset
    quantity: Decimal
    price: Decimal
    bought: Millis


@dataclass(frozen=True, slots=True)
class TaxPolicy:
    """`rate` on a gain (a fraction); `interest`: what money is worth a year, by which a later payment is the better."""

    rate: Decimal
    interest: Decimal = Decimal("0.05")
    method: LotMethod = LotMethod.FIFO
    lots: tuple[Lot, ...] = ()


@dataclass(frozen=True, slots=True)
class TaxView:
    """What selling now would do. None: the lots do not cover what would be sold.

    `gain`: proceeds less costs and fees, negative: a loss; `tax` on it, 0 on a loss; `forward_a_year`: what each year
    by which it is paid sooner costs.
    """

    cost: Decimal | None
    gain: Decimal | None
    tax: Decimal | None
    forward_a_year: Decimal | None
    lacking: Decimal
    reason: Reason


@reckoned
def cost_of(lots: Iterable[Lot], asset: Asset, quantity: Decimal, method: LotMethod) -> tuple[Decimal, Decimal]:
    """What these coins had cost, and how many of them no lot covers."""
    mine = sorted((lot for lot in lots if lot.asset == asset), key=lambda lot: lot.bought)
    held = sum((lot.quantity for lot in mine), ZERO)
    covered = min(quantity, held)
    if method is LotMethod.AVERAGE:
        paid = sum((lot.quantity * lot.price for lot in mine), ZERO)
        return (paid * covered / held if held else ZERO), quantity - covered
    cost, left = ZERO, covered
    for lot in mine:
        taken = min(left, lot.quantity)
        cost += taken * lot.price
        left -= taken
    return cost, quantity - covered


@reckoned
def tax_of(policy: TaxPolicy, asset: Asset, quantity: Decimal, price: Decimal, *, fees: Decimal = ZERO) -> TaxView:
    """What selling `quantity` coins at `price` now would be taxed; `fees` of the sale lower the gain."""
    cost, lacking = cost_of(policy.lots, asset, quantity, policy.method)
    if lacking:
        return TaxView(None, None, None, None, lacking, Reason(
            "tax_unknown", f"what {lacking} {asset} had cost is in no lot: their tax is not known",
            {"lacking": str(lacking)}))
    gain = quantity * price - fees - cost
    tax = max(ZERO, gain * policy.rate)
    forward = tax * policy.interest
    if tax:
        words = f"selling now brings a tax of {tax:.2f} forward, which costs {forward:.2f} for each year"
        reason = Reason("tax", words, {"gain": str(gain), "tax": str(tax)})
    else:
        reason = Reason("tax_none", f"selling now realises a loss of {-gain:.2f}: no tax is brought forward",
                        {"gain": str(gain)})
    return TaxView(cost, gain, tax, forward, lacking, reason)
