"""Looking over a Bybit account: modes, margin, the key's permissions, the clock, strangers, markets. Reads only.

What the key may do is told everywhere but in the demo.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal

from bot.core import hygiene
from bot.core.hygiene import Check, Verdict, flag_check
from bot.core.market import Asset
from bot.core.money import plain
from bot.core.policy import MarginPolicy
from bot.core.times import SECOND, Millis
from bot.errors import SafetyStop
from bot.venues import bybit_calls as calls
from bot.venues import bybit_replies as replies
from bot.venues.bybit_pages import every
from bot.venues.bybit_prepare import CROSS, MODES, UNIFIED, account_info, symbol_rows
from bot.venues.bybit_specs import is_trading
from bot.venues.failures import InvalidReply
from bot.venues.gateway import CcxtVenue, Params, valid
from bot.venues.inspection import (
    MarketsOf,
    address_check,
    key_unknown,
    leverage_check,
    market_checks,
    spot_check,
)
from bot.venues.names import Names
from bot.venues.replies import Row, amount, amount_or_none, positive, row, text, whole

_KEY_CODES = frozenset({"10003", "10004", "10005", "10007", "10010", "33004"})
_KEY_PAGE = "API on bybit.com"


async def inspect(
    venue: CcxtVenue, names: Names, assets: Sequence[Asset], margin: MarginPolicy, markets_of: MarketsOf, *,
    now: Millis, tells_key: bool, longs: Collection[Asset] = (),
) -> tuple[Check, ...]:
    """Every check; `tells_key`: whether this environment answers what the key may do; `longs`: coins that may be hedged
    by a long. Raises Unavailable, Refused.
    """
    checks: list[Check] = []
    try:
        if tells_key:
            checks += await venue.read(calls.KEY, {}, lambda reply: _key(replies.result(reply, "key"), now, margin))
        else:
            checks.append(key_unknown("Bybit"))
        checks += await venue.read(calls.ACCOUNT_INFO, {}, lambda reply: _modes(account_info(reply)))
        if any(check.name == hygiene.PORTFOLIO_MARGIN for check in hygiene.stopping(checks)):
            return tuple(checks)  # leverage and margin are other things there, and not shown
        checks += await _margin(venue, names, assets, margin.leverage)
        checks += await _strangers(venue, names, assets, longs)
    except SafetyStop as stop:
        if stop.code not in _KEY_CODES:
            raise
        return (*checks, _barred(stop))
    await venue.measure_clock()
    checks.append(hygiene.clock_check(venue.clock_ahead))
    checks += await market_checks(names, assets, markets_of, is_trading)
    checks.append(Check(
        hygiene.DEAD_MANS_SWITCH, Verdict.UNKNOWN, "Bybit offers it to institutions only", "offered",
        "nothing to do: resting orders stay until they are withdrawn",
    ))
    return tuple(checks)


def _barred(stop: SafetyStop) -> Check:
    """The check that a refused read answers."""
    if stop.code == "33004":
        remedy = f"make a new key ({_KEY_PAGE})"
        return Check(hygiene.KEY_EXPIRY, Verdict.FAIL, "expired", "a key that is valid", remedy)
    return Check(
        hygiene.KEY_TRADING, Verdict.FAIL, str(stop), "a key that is valid and may trade contracts",
        f"see whether the key is still there, of this environment, bound to this address and allowed contract orders "
        f"and positions ({_KEY_PAGE})",
    )


def _key(key: Row, now: Millis, margin: MarginPolicy) -> tuple[Check, ...]:
    permissions = row(key.get("permissions"), "permissions")
    wallet = _names_in(permissions, "Wallet")
    moves = [name for name in wallet if name in ("AccountTransfer", "SubMemberTransfer", "SubMemberTransferList")]
    contract, reads_only = _names_in(permissions, "ContractTrade"), whole(key, "readOnly") == 1
    spot = _names_in(permissions, "Spot")
    trades = not reads_only and {"Order", "Position"} <= set(contract)
    addresses = [address for address in _texts(key.get("ips"), "ips") if address != "*"]
    return (
        flag_check(
            hygiene.KEY_WITHDRAWAL, good="Withdraw" not in wallet,
            found="allowed" if "Withdraw" in wallet else "not allowed", wanted="not allowed",
            remedy=f"take Withdrawal from the key, or make another one ({_KEY_PAGE})",
        ),
        flag_check(
            hygiene.KEY_TRANSFER, good=not moves, found=f"allowed: {', '.join(moves)}" if moves else "not allowed",
            wanted="not allowed", remedy=f"take the transfer permissions from the key ({_KEY_PAGE})",
        ),
        flag_check(
            hygiene.KEY_TRADING, good=trades,
            found="reads only" if reads_only else f"contract: {', '.join(contract) or 'nothing'}",
            wanted="contract: Order, Position",
            remedy=f"make the key Read-Write with Contract Orders and Positions ({_KEY_PAGE})",
        ),
        spot_check(
            allowed=not reads_only and "SpotTrade" in spot,
            found="reads only" if reads_only else f"spot: {', '.join(spot) or 'nothing'}", margin=margin,
            remedy=f"give the key Spot Trade ({_KEY_PAGE})",
        ),
        hygiene.expiry_check(_expires_at(key), now),
        address_check(
            bound=bool(addresses),
            remedy=f"bind the key to this machine's address ({_KEY_PAGE}); it does not expire then"),
    )


def _names_in(permissions: Row, group: str) -> tuple[str, ...]:
    return _texts(permissions.get(group), group)


def _texts(found: object, what: str) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise InvalidReply(f"{what}: expected a list of texts")
    return tuple(found)


def _expires_at(key: Row) -> Millis | None:
    """When the key ends; None for one bound to addresses, which has no end (its date is that of 1970)."""
    try:
        at = int(datetime.fromisoformat(text(key, "expiredAt").replace("Z", "+00:00")).timestamp()) * SECOND
    except ValueError:
        raise InvalidReply(f"expiredAt: {key.get('expiredAt')!r}") from None
    return at if at > 0 else None


def _modes(account: Row) -> tuple[Check, ...]:
    mode, unified = text(account, "marginMode"), whole(account, "unifiedMarginStatus") in UNIFIED
    portfolio = mode == "PORTFOLIO_MARGIN"
    return (
        flag_check(
            hygiene.ASSET_MODE, good=unified, found="unified" if unified else "not unified", wanted="unified",
            remedy="upgrade to a unified trading account at the venue",
        ),
        flag_check(
            hygiene.PORTFOLIO_MARGIN, good=not portfolio, found="on" if portfolio else "off", wanted="off",
            remedy="choose cross margin (Unified Trading, Margin Mode)",
        ),
        flag_check(
            hygiene.MARGIN_MODE, good=mode == CROSS, found=f"{MODES.get(mode, mode)}, for the whole account",
            wanted="cross",
            remedy="choose cross margin (Unified Trading, Margin Mode): it holds for the whole account, so hedgerow "
                   "never changes it",
        ),
    )


async def _margin(venue: CcxtVenue, names: Names, assets: Sequence[Asset], leverage: Decimal) -> list[Check]:
    checks: list[Check] = []
    hedged: list[str] = []
    for asset in assets:
        symbol = names.native(asset)
        found = await symbol_rows(venue, symbol)
        if any(replies.hedged(entry) for entry in found):
            hedged.append(symbol)
        set_to = {positive(entry, "leverage") for entry in found}
        checks.append(leverage_check(
            asset, symbol, good=set_to == {leverage}, found=" and ".join(map(plain, sorted(set_to))), wanted=leverage,
        ))
    mode = flag_check(
        hygiene.POSITION_MODE, good=not hedged, found=f"hedge mode on {', '.join(hedged)}" if hedged else "one-way",
        wanted="one-way",
        remedy="close the positions and orders there, then choose one-way mode (Derivatives, Position Mode)",
    )
    return [mode, *checks]


async def _strangers(
    venue: CcxtVenue, names: Names, assets: Sequence[Asset], longs: Collection[Asset],
) -> tuple[Check, ...]:
    """Positions and orders that are not ours. Those settled in other coins show as margin set aside for them."""
    scope: Params = {"category": "linear", "settleCoin": names.settle}
    held = await every(venue, calls.POSITIONS, {**scope, "limit": 200})
    orders = await every(venue, calls.LIVE_ORDERS, {**scope, "limit": 50})
    wallet = await venue.read(calls.WALLET, {"accountType": "UNIFIED"}, replies.wallet)

    def positions() -> tuple[tuple[str, Decimal], ...]:
        ours = tuple(
            (names.perpetual(text(entry, "symbol")), amount(entry, "size") * replies.side(entry).sign)
            for entry in held if amount(entry, "size") != 0
        )
        others = tuple(
            (f"contracts settled in {coin} (margin in {coin})", aside)
            for coin, entry in replies.coins(wallet).items()
            if coin != names.settle and (aside := amount_or_none(entry, "totalPositionIM"))
        )
        return (*ours, *others)

    return hygiene.foreign_checks(
        valid(positions), valid(lambda: replies.open_orders(orders, names)),
        [names.perpetual(names.native(asset)) for asset in assets],
        [names.perpetual(names.native(asset)) for asset in longs],
    )
