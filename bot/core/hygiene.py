"""What an account must be like before the bot trades on it: checks as values, and what follows from one that fails.

A venue answers them (`bot.ports.Venue.inspect`), `hedgerow doctor` shows them, and the engine asks them at start and
every hour. Each topic has one consequence, wherever it is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum

from bot.core.market import Asset, Instrument, OpenOrder
from bot.core.money import plain
from bot.core.orders import PREFIX
from bot.core.times import DAY, Millis, iso


class Verdict(StrEnum):
    """How a check ended. `unknown`: the venue does not tell here, and says nothing against trading either."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Consequence(StrEnum):
    """What a failed check means. `stop`: no trading until a human has looked. `pause`: hedges are not enlarged."""

    STOP = "stop"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class Check:
    """One question about the account and its answer, in words for the user.

    `name` is a stable topic. `found` and `wanted` say what is and what should be; `remedy` what to do about it (empty
    where nothing is to be done). `asset`: the coin it is about; None: the whole account.
    """

    name: str
    verdict: Verdict
    found: str
    wanted: str
    remedy: str = ""
    asset: Asset | None = None


POSITION_MODE = "position_mode"        # one position a symbol (one-way), not a long beside a short (hedge mode)
ASSET_MODE = "asset_mode"              # margin in the settle coin alone
PORTFOLIO_MARGIN = "portfolio_margin"  # off
KEY_WITHDRAWAL = "key_withdrawal"      # the key cannot take money away
KEY_TRANSFER = "key_transfer"          # nor move it between accounts
KEY_TRADING = "key_trading"            # but may trade what must be traded
KEY_SPOT = "key_spot"                  # and coins, where hedges are finalised
KEY_EXPIRY = "key_expiry"
KEY_ADDRESS = "key_address"            # it is bound to this machine's address
MARGIN_MODE = "margin_mode"            # cross
LEVERAGE = "leverage"
TRADING = "trading"                    # the account may open positions
CLOCK = "clock"                        # ours against the venue's
MARKET = "market"                      # both of a coin's markets are open
INSTRUMENT = "instrument"              # they are specified as they were
FOREIGN_POSITION = "foreign_position"
FOREIGN_ORDER = "foreign_order"
DEAD_MANS_SWITCH = "dead_mans_switch"  # the venue would withdraw orders that nobody renews

SEEN_ANYWAY = frozenset({FOREIGN_POSITION, FOREIGN_ORDER, MARKET})
"""What every snapshot, or the markets' specification, shows the guards: these refuse increases by themselves."""

_STOPS = frozenset({POSITION_MODE, ASSET_MODE, PORTFOLIO_MARGIN, KEY_WITHDRAWAL, KEY_TRANSFER, KEY_TRADING, KEY_EXPIRY})


def consequence(check: Check) -> Consequence | None:
    """What follows from a check; None unless it failed."""
    if check.verdict is not Verdict.FAIL:
        return None
    return Consequence.STOP if check.name in _STOPS else Consequence.PAUSE


def said(check: Check) -> str:
    """A check in one line: what is, what should be, and the way out where there is one."""
    about = f"{check.asset}: " if check.asset is not None else ""
    rest = f": {check.remedy}" if check.remedy and check.verdict is not Verdict.OK else ""
    return f"{about}{check.name.replace('_', ' ')} is {check.found}, wanted {check.wanted}{rest}"


def stopping(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Those that forbid all trading."""
    return tuple(check for check in checks if consequence(check) is Consequence.STOP)


def pausing(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Those that forbid enlarging a hedge."""
    return tuple(check for check in checks if consequence(check) is Consequence.PAUSE)


# How far our clock may be off. Requests are signed with the venue's time as it was last measured, so a constant
# error does no harm; a large one says that the machine's time cannot be trusted at all.
CLOCK_WARNS_FROM: Millis = 1_000
CLOCK_FAILS_FROM: Millis = 10_000


def clock_check(ahead: Millis) -> Check:
    """How far (ms) our clock is ahead of the venue's; negative: behind."""
    off = abs(ahead)
    verdict = Verdict.FAIL if off >= CLOCK_FAILS_FROM else Verdict.WARN if off >= CLOCK_WARNS_FROM else Verdict.OK
    way = "" if not ahead else " ahead of the venue's" if ahead > 0 else " behind the venue's"
    return Check(
        CLOCK, verdict, f"{off / 1000:.1f} s{way}", f"less than {CLOCK_WARNS_FROM // 1000} s apart",
        "" if verdict is Verdict.OK else "let this machine keep its time by NTP (timedatectl set-ntp true)",
    )


def market_check(asset: Asset, symbol: str, *, tradable: bool) -> Check:
    """Whether a coin's perpetual and spot market are both traded."""
    if tradable:
        return Check(MARKET, Verdict.OK, f"{symbol} is traded", "traded", asset=asset)
    return Check(
        MARKET, Verdict.FAIL, f"{symbol} is halted or delisted", "traded",
        f"close the hedge while it can be (hedgerow close {asset}), then take {asset} out of the configuration",
        asset=asset,
    )


def foreign_checks(
    positions: Iterable[tuple[str, Decimal]], orders: Iterable[OpenOrder], symbols: Collection[str],
    longs: Collection[str] = (),
) -> tuple[Check, ...]:
    """Positions and orders that are certainly not ours: on other markets, long where none are opened, or without our
    client order ids.

    `positions`: symbol and signed quantity, base units; `longs`: our symbols on which longs are opened. Whether any
    other position on one of our symbols is ours, only the journal can tell.
    """
    strange = [
        f"{plain(quantity)} on {symbol}" for symbol, quantity in positions
        if (quantity > 0 and symbol not in longs) or (quantity and symbol not in symbols)
    ]
    unknown = [
        f"{order.order_id} on {order.symbol}" for order in orders
        if order.symbol in symbols and not order.client_order_id.startswith(PREFIX)
    ]
    return (
        _none(FOREIGN_POSITION, strange, "positions of ours alone: every other one uses the hedges' margin",
              "close it, or trade it on a sub-account of its own"),
        _none(FOREIGN_ORDER, unknown, "no orders but ours on the configured markets",
              "cancel it, or place it on a sub-account of its own"),
    )


def _none(name: str, found: Sequence[str], wanted: str, remedy: str) -> Check:
    if not found:
        return Check(name, Verdict.OK, "none", wanted)
    return Check(name, Verdict.FAIL, ", ".join(found), wanted, remedy)


EXPIRY_WARNS_BEFORE: Millis = 14 * DAY


def expiry_check(expires_at: Millis | None, now: Millis) -> Check:
    """Until when the key may trade; None: without end."""
    wanted = f"more than {EXPIRY_WARNS_BEFORE // DAY} days to go"
    if expires_at is None:
        return Check(KEY_EXPIRY, Verdict.OK, "without end", wanted)
    left = expires_at - now
    verdict = Verdict.FAIL if left <= 0 else Verdict.WARN if left < EXPIRY_WARNS_BEFORE else Verdict.OK
    found = f"expired at {iso(expires_at)}" if left <= 0 else f"until {iso(expires_at)}"
    remedy = "" if verdict is Verdict.OK else "renew the key at the venue (bound to an address it does not expire)"
    return Check(KEY_EXPIRY, verdict, found, wanted, remedy)


def flag_check(name: str, *, good: bool, found: str, wanted: str, remedy: str, asset: Asset | None = None) -> Check:
    """A question with two answers."""
    return Check(name, Verdict.OK if good else Verdict.FAIL, found, wanted, "" if good else remedy, asset)


def changes(before: Instrument, after: Instrument) -> Mapping[str, tuple[str, str]]:
    """What a venue has changed of a coin's markets: field → (before, after), in words."""
    found: dict[str, tuple[str, str]] = {}
    for each in fields(Instrument):
        old, new = getattr(before, each.name), getattr(after, each.name)
        if old != new:
            found[each.name] = (_shown(old), _shown(new))
    return found


def _shown(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, tuple):
        return f"a table of {len(value)} tiers"
    return "unknown" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def instrument_check(asset: Asset, before: Instrument, after: Instrument) -> Check:
    """Whether a coin's markets are specified as when the bot last decided."""
    found = changes(before, after)
    if not found:
        return Check(INSTRUMENT, Verdict.OK, "unchanged", "as when the bot last decided", asset=asset)
    return Check(
        INSTRUMENT, Verdict.WARN, "; ".join(f"{name} {old} → {new}" for name, (old, new) in found.items()),
        "as when the bot last decided",
        "nothing, where the configuration still fits: the bot takes it over", asset=asset,
    )
