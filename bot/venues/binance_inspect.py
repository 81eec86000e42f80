"""Looking over a Binance account: modes, margin, the key's permissions, the clock, strangers, markets. Reads only.

What the key may do is told by `sapi`, which there is for live accounts alone: the demo hosts have none of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal

from bot.core import hygiene
from bot.core.hygiene import Check, Verdict, flag_check
from bot.core.market import Asset
from bot.core.policy import MarginPolicy
from bot.core.times import Millis
from bot.errors import Refused, SafetyStop
from bot.venues import binance_calls as calls
from bot.venues import binance_replies as replies
from bot.venues.binance_prepare import CROSS, configured
from bot.venues.binance_specs import is_trading
from bot.venues.gateway import CcxtVenue, valid
from bot.venues.inspection import (
    MarketsOf,
    address_check,
    key_unknown,
    leverage_check,
    market_checks,
    spot_check,
)
from bot.venues.names import Names
from bot.venues.replies import Row, flag, instant_or_none, number, row, rows, text, whole

_KEY_CODES = frozenset({"-1002", "-1022", "-2014", "-2015"})
_PORTFOLIO_CODE = "-1109"
_UNIVERSAL = "universal transfer"
_KEY_PAGE = "API Management on binance.com"


async def inspect(
    venue: CcxtVenue, names: Names, assets: Sequence[Asset], margin: MarginPolicy, markets_of: MarketsOf, *,
    now: Millis, tells_key: bool, longs: Collection[Asset] = (),
) -> tuple[Check, ...]:
    """Every check; `tells_key`: whether this environment answers what the key may do; `longs`: coins that may be hedged
    by a long. Raises Unavailable, Refused.
    """
    checks: list[Check] = []
    try:
        checks += await _key(venue, now, margin) if tells_key else [key_unknown("Binance")]
        checks += await venue.read(calls.ACCOUNT_CONFIG, {}, _modes)
        checks += await _margin(venue, names, assets, margin.leverage)
        checks += await _strangers(venue, names, assets, longs)
    except SafetyStop as stop:
        return (*checks, _barred(stop))
    await venue.measure_clock()
    checks.append(hygiene.clock_check(venue.clock_ahead))
    checks += await market_checks(names, assets, markets_of, is_trading)
    checks.append(Check(hygiene.DEAD_MANS_SWITCH, Verdict.OK, "offered (countdownCancelAll)", "offered"))
    return tuple(checks)


def _barred(stop: SafetyStop) -> Check:
    """The check that a refused read answers. Raises the stop where it says something else."""
    if stop.code == _PORTFOLIO_CODE:
        return Check(
            hygiene.PORTFOLIO_MARGIN, Verdict.FAIL, "a portfolio margin account", "an ordinary futures account",
            "leave portfolio margin at the venue, or use a sub-account without it",
        )
    if stop.code not in _KEY_CODES:
        raise stop
    return Check(
        hygiene.KEY_TRADING, Verdict.FAIL, str(stop), "a key that is valid and may trade futures",
        f"see whether the key is still there, not expired, bound to this address and allowed futures ({_KEY_PAGE})",
    )


async def _key(venue: CcxtVenue, now: Millis, margin: MarginPolicy) -> tuple[Check, ...]:
    """What the key may do. A key that cannot be looked at may be one that withdraws: that is a failure, not a blank."""
    try:
        return await venue.read(
            calls.API_RESTRICTIONS, {}, lambda reply: _permissions(row(reply, "key"), now, margin))
    except SafetyStop:
        raise
    except Refused as refusal:
        return (Check(
            hygiene.KEY_WITHDRAWAL, Verdict.FAIL, f"not to be learnt: {refusal}", "a key that provably cannot withdraw",
            f"allow the key to read ({_KEY_PAGE})",
        ),)


def _permissions(key: Row, now: Millis, margin: MarginPolicy) -> tuple[Check, ...]:
    allowed = [what for name, what in (
        ("enableInternalTransfer", "internal transfer"), ("permitsUniversalTransfer", _UNIVERSAL),
    ) if flag(key, name)]
    return (
        flag_check(
            hygiene.KEY_WITHDRAWAL, good=not flag(key, "enableWithdrawals"), found=_may(key, "enableWithdrawals"),
            wanted="not allowed", remedy=f"take Enable Withdrawals from the key, or make another one ({_KEY_PAGE})",
        ),
        _transfers(allowed, moves=margin.top_up),
        flag_check(
            hygiene.KEY_TRADING, good=flag(key, "enableFutures") and flag(key, "enableReading"),
            found=f"futures {_may(key, 'enableFutures')}, reading {_may(key, 'enableReading')}",
            wanted="futures allowed, reading allowed",
            remedy=f"give the key Enable Reading and Enable Futures ({_KEY_PAGE})",
        ),
        spot_check(
            allowed=flag(key, "enableSpotAndMarginTrading"), found=f"spot {_may(key, 'enableSpotAndMarginTrading')}",
            margin=margin, remedy=f"give the key Enable Spot & Margin Trading ({_KEY_PAGE})",
        ),
        hygiene.expiry_check(instant_or_none(key, "tradingAuthorityExpirationTime"), now),
        address_check(
            bound=flag(key, "ipRestrict"), remedy=f"restrict the key to this machine's address ({_KEY_PAGE})"),
    )


def _transfers(allowed: Sequence[str], *, moves: bool) -> Check:
    """`moves`: whether the bot is to move settle coin between the account's own wallets."""
    found = f"allowed: {', '.join(allowed)}" if allowed else "not allowed"
    if not moves:
        return flag_check(
            hygiene.KEY_TRANSFER, good=not allowed, found=found, wanted="not allowed",
            remedy=f"take the transfer permissions from the key ({_KEY_PAGE})")
    good = _UNIVERSAL in allowed
    return Check(
        hygiene.KEY_TRANSFER, Verdict.OK if good else Verdict.WARN, found, f"{_UNIVERSAL} allowed, for margin.top_up",
        "" if good else f"permit universal transfer ({_KEY_PAGE}), or set margin.top_up to false",
    )


def _may(key: Row, name: str) -> str:
    return "allowed" if flag(key, name) else "not allowed"


def _modes(reply: object) -> tuple[Check, ...]:
    account = row(reply, "accountConfig")
    hedged, several = flag(account, "dualSidePosition"), flag(account, "multiAssetsMargin")
    trades = flag(account, "canTrade")
    return (
        flag_check(
            hygiene.POSITION_MODE, good=not hedged, found="hedge mode" if hedged else "one-way",
            wanted="one-way",
            remedy="close all futures positions and orders, then choose one-way mode (Futures, Preferences, Position "
                   "Mode); while nothing is open, `hedgerow run` switches it at its start",
        ),
        flag_check(
            hygiene.ASSET_MODE, good=not several, found="multi-assets" if several else "single-asset",
            wanted="single-asset", remedy="choose single-asset mode (Futures, Preferences, Asset Mode)",
        ),
        Check(hygiene.PORTFOLIO_MARGIN, Verdict.OK, "an ordinary futures account", "an ordinary futures account"),
        flag_check(
            hygiene.TRADING, good=trades, found="allowed" if trades else "not allowed", wanted="allowed",
            remedy="ask the venue why the account may not open positions",
        ),
    )


async def _margin(
    venue: CcxtVenue, names: Names, assets: Sequence[Asset], leverage: Decimal,
) -> list[Check]:
    by_symbol = {names.native(asset): asset for asset in assets}
    checks: list[Check] = []
    for symbol, found in (await configured(venue, list(by_symbol))).items():
        mode, asset = text(found, "marginType"), by_symbol[symbol]
        checks.append(flag_check(
            hygiene.MARGIN_MODE, good=mode == CROSS, found=mode.lower(), wanted=CROSS.lower(), asset=asset,
            remedy=f"choose cross margin for {symbol}; without position and order `hedgerow run` sets it at its start",
        ))
        told = whole(found, "leverage")
        checks.append(leverage_check(asset, symbol, good=told == leverage, found=str(told), wanted=leverage))
    return checks


async def _strangers(
    venue: CcxtVenue, names: Names, assets: Sequence[Asset], longs: Collection[Asset],
) -> tuple[Check, ...]:
    risk = await venue.read(calls.POSITION_RISK, {}, lambda reply: rows(reply, "positionRisk"))
    orders = await venue.read(calls.OPEN_ORDERS, {}, lambda reply: replies.open_orders(reply, names))

    def held() -> tuple[tuple[str, Decimal], ...]:
        return tuple((names.perpetual(text(entry, "symbol")), number(entry, "positionAmt")) for entry in risk)

    return hygiene.foreign_checks(
        valid(held), orders, [names.perpetual(names.native(asset)) for asset in assets],
        [names.perpetual(names.native(asset)) for asset in longs])
