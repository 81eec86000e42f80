"""From an excess to whole micro-contracts, or why not (DOMAIN §3.3, §3.4).

Sizes are base units and multiples of the micro-contract. Contracts are linear: one is worth its coins at the price.
`contract_value` is the one place that says so; an inverse contract, worth its face in quote whatever the price,
would say it there, and everything else would follow.
"""

from __future__ import annotations

from decimal import ROUND_HALF_DOWN, Decimal

from bot.core.decision import Action, Reason
from bot.core.market import Instrument
from bot.core.money import ZERO, is_multiple, plain, steps
from bot.core.policy import AssetPolicy, Rounding


def contract_value(contract: Decimal, price: Decimal) -> Decimal:
    """What one micro-contract is worth in the settle coin: the excess that it takes away."""
    return contract * price


def wanted_hedge(excess: Decimal, price: Decimal, contract: Decimal, rounding: Rounding) -> Decimal:
    """The excess as a hedge in whole micro-contracts: rounded down (never over-hedged) or, by option, to nearest.

    Exactly half a contract rounds down: the smaller hedge. An excess of 0 or less wants none.
    """
    if excess <= 0:
        return ZERO
    value = contract_value(contract, price)
    if rounding is Rounding.DOWN:
        return excess // value * contract
    return steps(excess, value, ROUND_HALF_DOWN) * contract


def brings_closer(excess: Decimal, price: Decimal, current: Decimal, wanted: Decimal) -> bool:
    """Whether the wanted hedge leaves less of the excess over (or overshoots less) than the current one."""
    return abs(excess - wanted * price) < abs(excess - current * price)


def below_minimum(action: Action, quantity: Decimal, price: Decimal, instrument: Instrument) -> Reason | None:
    """Why an order of this size would not be taken by the venue; None when it would, or when nothing is to be sent.

    A close always passes: it is the position to the last unit. A reduction is free of the minimum notional where
    the venue waives it for reduce-only orders.
    """
    if quantity == 0 or action is Action.CLOSE:
        return None
    if quantity < instrument.min_amount:
        return Reason(
            "below_minimum", f"an order of {plain(quantity)} is below the venue's minimum of "
            f"{plain(instrument.min_amount)}",
            {"quantity": plain(quantity), "min_amount": plain(instrument.min_amount)},
        )
    if action is Action.REDUCE and instrument.reduce_only_exempt:
        return None
    notional = quantity * price
    if notional < instrument.min_notional:
        return Reason(
            "below_minimum", f"an order worth {notional:.2f} is below the venue's minimum of "
            f"{plain(instrument.min_notional)}",
            {"notional": plain(notional), "min_notional": plain(instrument.min_notional)},
        )
    return None


def notional_cap(limit: Decimal | None, price: Decimal, contract: Decimal, wanted: Decimal) -> Decimal:
    """`wanted`, or less: the most whole micro-contracts that are worth no more than `limit` (None: no limit)."""
    if limit is None or wanted * price <= limit:
        return wanted
    return limit // contract_value(contract, price) * contract


def contract_findings(
    policy: AssetPolicy, instrument: Instrument, nav: Decimal, price: Decimal,
) -> tuple[tuple[Reason, ...], tuple[Reason, ...]]:
    """What speaks against a micro-contract at start: (refusals, warnings)."""
    contract = instrument.amount_step if policy.contract is None else policy.contract
    asset = policy.asset
    if contract <= 0 or not is_multiple(contract, instrument.amount_step):
        return (Reason(
            "contract_not_multiple",
            f"{asset}: contract {plain(contract)} is no whole multiple of the venue's step "
            f"{plain(instrument.amount_step)}",
            {"asset": asset, "contract": plain(contract), "step": plain(instrument.amount_step)},
        ),), ()
    value = contract_value(contract, price)
    facts = {
        "asset": asset, "contract": plain(contract), "value": plain(value), "price": plain(price), "nav": plain(nav),
    }
    share = f"{asset}: one contract of {plain(contract)} is worth {value:.2f}, {value / nav * 100:.2f} pp of NAV"
    open_level = policy.open.of_nav(policy.target) * nav
    if value > open_level:
        return (Reason("contract_too_large", f"{share}: more than the open level", facts),), ()
    warnings = []
    if value > policy.resize.of_nav(policy.target) * nav:
        warnings.append(Reason("contract_coarse", f"{share}: more than the resize level", facts))
    if contract < instrument.min_amount or value < instrument.min_notional:
        warnings.append(Reason(
            "contract_below_minimum", f"{share}: less than the venue's smallest order",
            {**facts, "min_amount": plain(instrument.min_amount), "min_notional": plain(instrument.min_notional)},
        ))
    return (), tuple(warnings)
