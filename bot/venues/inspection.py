"""The checks of an account that every venue answers alike, once what is found there has been read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

from bot.core import hygiene
from bot.core.hygiene import Check, Verdict, flag_check
from bot.core.market import Asset
from bot.core.money import plain
from bot.core.policy import MarginPolicy, OnMargin
from bot.errors import Refused
from bot.venues.names import Names
from bot.venues.specs import Market

MarketsOf: TypeAlias = Callable[[Sequence[Asset]], Awaitable[Mapping[Asset, Market]]]
"""The markets of some coins; Refused where one has none."""


async def market_checks(
    names: Names, assets: Sequence[Asset], markets_of: MarketsOf, is_trading: Callable[[Market], bool],
) -> list[Check]:
    """Asked together; one by one where a coin has no market any more, to learn which."""
    try:
        found = await markets_of(assets)
    except Refused:
        if len(assets) > 1:
            return [check for asset in assets for check in await market_checks(names, [asset], markets_of, is_trading)]
        found = {}
    return [
        hygiene.market_check(
            asset, names.perpetual(names.native(asset)), tradable=asset in found and is_trading(found[asset]))
        for asset in assets
    ]


def leverage_check(asset: Asset, symbol: str, *, good: bool, found: str, wanted: Decimal) -> Check:
    """Whether a perpetual's leverage is the configured one."""
    return flag_check(
        hygiene.LEVERAGE, good=good, found=found, wanted=plain(wanted), asset=asset,
        remedy=f"set it for {symbol}, or start `hedgerow run` anew, which does",
    )


def address_check(*, bound: bool, remedy: str) -> Check:
    """Whether the key is of use from certain addresses alone."""
    return Check(
        hygiene.KEY_ADDRESS, Verdict.OK if bound else Verdict.WARN,
        "bound to addresses" if bound else "usable from any address", "bound to this machine's address",
        "" if bound else remedy,
    )


def spot_check(*, allowed: bool, found: str, margin: MarginPolicy, remedy: str) -> Check:
    """Whether the key may sell coins: without that no hedge is finalised. The margin ladder may depend on it."""
    if allowed:
        return Check(hygiene.KEY_SPOT, Verdict.OK, found, "spot trading allowed")
    needed = margin.on_margin is OnMargin.FINALISE
    return Check(
        hygiene.KEY_SPOT, Verdict.FAIL if needed else Verdict.WARN, found,
        f"spot trading allowed, for {'margin.on_margin: finalise' if needed else '`finalize` and finalise policies'}",
        remedy,
    )


def key_unknown(venue: str) -> Check:
    """Where nothing tells what the key may do."""
    return Check(
        hygiene.KEY_WITHDRAWAL, Verdict.UNKNOWN, f"{venue} does not tell it in its demo", "not allowed",
        "nothing to do: a demo key moves no real money",
    )
