"""Making a Binance futures account what the bot needs: one-way, single-asset, cross margin, at the wanted leverage.

Settings may be sent twice, so an unknown outcome is no danger: what counts is what is read back in the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from bot.errors import Refused, SafetyStop
from bot.venues import binance_calls as calls
from bot.venues.failures import Endpoint
from bot.venues.gateway import CcxtVenue, Params
from bot.venues.replies import Row, by_key, count, flag, number, row, rows, text, whole

CROSS = "CROSSED"


async def prepare(venue: CcxtVenue, symbols: Sequence[str], leverage: Decimal) -> tuple[str, ...]:
    """Set what may be set, verify everything; what was changed, in words. Raises SafetyStop, Unavailable."""
    if leverage < 1 or leverage != leverage.to_integral_value():
        raise SafetyStop(f"leverage {leverage} cannot be set on Binance: whole numbers from 1 only")
    if await venue.read(calls.MULTI_ASSETS, {}, lambda reply: flag(row(reply, "margin mode"), "multiAssetsMargin")):
        raise SafetyStop("the futures account is in multi-assets mode; switch it to single-asset mode")
    changes = await _one_way(venue)
    wanted = int(leverage)
    for symbol, found in (await configured(venue, symbols)).items():
        if text(found, "marginType") != CROSS:
            params: Params = {"symbol": symbol, "marginType": CROSS}
            await _set(venue, calls.SET_MARGIN_TYPE, params, calls.NO_NEED_TO_CHANGE_MARGIN_TYPE)
            changes.append(f"{symbol}: margin mode set to cross")
        if whole(found, "leverage") != wanted:
            await _set(venue, calls.SET_LEVERAGE, {"symbol": symbol, "leverage": wanted}, None)
            changes.append(f"{symbol}: leverage set from {whole(found, 'leverage')} to {wanted}")
    if changes:
        _verify(await configured(venue, symbols), wanted)
    return tuple(changes)


async def _one_way(venue: CcxtVenue) -> list[str]:
    """Switch to one-way mode, but never under somebody's positions or orders."""
    if not await _hedge_mode(venue):
        return []
    risk = await venue.read(calls.POSITION_RISK, {}, lambda reply: rows(reply, "positionRisk"))
    resting = await venue.read(calls.OPEN_ORDERS, {}, lambda reply: rows(reply, "openOrders"))
    if resting or any(number(entry, "positionAmt") != 0 for entry in risk):
        raise SafetyStop("the futures account is in hedge mode and in use; close its positions and orders first")
    await _set(venue, calls.SET_POSITION_MODE, {"dualSidePosition": "false"}, calls.NO_NEED_TO_CHANGE_POSITION_MODE)
    if await _hedge_mode(venue):
        raise SafetyStop("the futures account stays in hedge mode; hedgerow needs one-way mode")
    return ["position mode set to one-way"]


async def _hedge_mode(venue: CcxtVenue) -> bool:
    return await venue.read(
        calls.POSITION_MODE, {}, lambda reply: flag(row(reply, "position mode"), "dualSidePosition"),
    )


async def _set(venue: CcxtVenue, endpoint: Endpoint, params: Params, already: str | None) -> None:
    try:
        await venue.once(endpoint, params, lambda reply: row(reply, str(endpoint)))
    except SafetyStop:
        raise
    except Refused as refusal:
        if refusal.code != already:
            raise SafetyStop(f"{refusal} (needed before trading)", refusal.code) from None


async def configured(venue: CcxtVenue, symbols: Sequence[str]) -> Mapping[str, Row]:
    """Margin type and leverage of these native symbols, as the account has them set. Raises SafetyStop, Unavailable."""
    def parse(reply: object) -> Mapping[str, Row]:
        found = by_key([entry for entry in rows(reply, "symbolConfig") if entry.get("symbol") in symbols],
                       "symbol", "symbolConfig")
        for entry in found.values():
            text(entry, "marginType"), count(entry, "leverage")
        return found

    found = await venue.read(calls.SYMBOL_CONFIG, {}, parse)
    if missing := [symbol for symbol in symbols if symbol not in found]:
        raise SafetyStop(f"the venue shows no settings for {', '.join(missing)}")
    return found


def _verify(found: Mapping[str, Row], leverage: int) -> None:
    for symbol, entry in found.items():
        if text(entry, "marginType") != CROSS or whole(entry, "leverage") != leverage:
            raise SafetyStop(
                f"{symbol} stays at {text(entry, 'marginType')}, leverage {whole(entry, 'leverage')}; "
                f"wanted: {CROSS}, {leverage}",
            )
