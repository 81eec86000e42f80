"""Making sure that a Bybit account is what the bot needs: unified, cross margin, one-way, at the wanted leverage.

Only the leverage is set. Margin mode holds for the whole account, so it is verified and never changed; so is the
position mode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from bot.core.money import plain
from bot.errors import Refused, SafetyStop
from bot.venues import bybit_calls as calls
from bot.venues.bybit_replies import hedged, listed, result
from bot.venues.failures import InvalidReply
from bot.venues.gateway import CcxtVenue, Params
from bot.venues.replies import Row, positive, text, whole

CROSS = "REGULAR_MARGIN"
MODES: Mapping[str, str] = {
    CROSS: "cross", "ISOLATED_MARGIN": "isolated", "PORTFOLIO_MARGIN": "portfolio margin",
}
"""Margin modes of an account, in words."""

UNIFIED, _OTHERS = frozenset({3, 4, 5, 6}), frozenset({1, 2})
"""`unifiedMarginStatus` of an account whose spot wallet and perpetuals are one; of any other."""


async def prepare(venue: CcxtVenue, symbols: Sequence[str], leverage: Decimal) -> tuple[str, ...]:
    """Verify modes, set the leverage, verify it; what was changed, in words. Raises SafetyStop, Unavailable."""
    if leverage < 1 or leverage != leverage.to_integral_value():
        raise SafetyStop(f"leverage {leverage} cannot be set on Bybit: whole numbers from 1 only")
    account = await venue.read(calls.ACCOUNT_INFO, {}, account_info)
    if whole(account, "unifiedMarginStatus") not in UNIFIED:
        raise SafetyStop("the account is no unified account; upgrade it at the venue")
    mode = text(account, "marginMode")
    if mode != CROSS:
        raise SafetyStop(
            f"the account is in {MODES.get(mode, mode)} mode, which holds for all of it and is never changed from "
            "here; choose cross margin at the venue",
        )
    changes = []
    for symbol in symbols:
        found = await configured(venue, symbol)
        if found != leverage:
            await _set_leverage(venue, symbol, leverage)
            if (now := await configured(venue, symbol)) != leverage:
                raise SafetyStop(f"{symbol} stays at leverage {plain(now)}; wanted: {plain(leverage)}")
            changes.append(f"{symbol}: leverage set from {plain(found)} to {plain(leverage)}")
    return tuple(changes)


def account_info(reply: object) -> Row:
    """The account's modes."""
    found = result(reply, "account info")
    if (status := whole(found, "unifiedMarginStatus")) not in UNIFIED | _OTHERS:
        raise InvalidReply(f"unifiedMarginStatus: {status}")
    text(found, "marginMode")
    return found


async def configured(venue: CcxtVenue, symbol: str) -> Decimal:
    """The leverage set on a native symbol. Raises SafetyStop in hedge mode."""
    rows = await symbol_rows(venue, symbol)
    if any(hedged(entry) for entry in rows):
        raise SafetyStop(f"{symbol} is in hedge mode; hedgerow needs one-way mode: switch it at the venue")
    return positive(rows[0], "leverage")


async def symbol_rows(venue: CcxtVenue, symbol: str) -> tuple[Row, ...]:
    """A native symbol's positions: one row, or in hedge mode a long and a short, numbered 1 and 2."""
    params: Params = {"category": "linear", "symbol": symbol}
    return await venue.read(calls.POSITIONS, params, lambda reply: _rows(reply, symbol))


def _rows(reply: object, symbol: str) -> tuple[Row, ...]:
    """A symbol's rows; there is one even when the position is flat."""
    rows = listed(reply, "position list")
    if not rows or any(entry.get("symbol") != symbol for entry in rows):
        raise InvalidReply(f"position list: no row for {symbol}")
    for entry in rows:
        hedged(entry), positive(entry, "leverage")
    return rows


async def _set_leverage(venue: CcxtVenue, symbol: str, leverage: Decimal) -> None:
    params: Params = {
        "category": "linear", "symbol": symbol, "buyLeverage": plain(leverage), "sellLeverage": plain(leverage),
    }
    try:
        await venue.once(calls.SET_LEVERAGE, params, _is_done)
    except SafetyStop:
        raise
    except Refused as refusal:
        if refusal.code != calls.LEVERAGE_NOT_MODIFIED:
            raise SafetyStop(f"{refusal} (needed before trading)", refusal.code) from None


def _is_done(reply: object) -> None:
    """Its result is empty: the code says all."""
    if not isinstance(reply, dict) or whole(reply, "retCode") != 0:
        raise InvalidReply("set-leverage: no answer")
