"""Margin arithmetic: maintenance by tiers, effective leverage, joint and single runway, the caps on an increase.

Formulas: DOMAIN §6.1–6.3. A runway X is how far the named marks may rise (0.6595 = +65.95 %) before the margin
account's equity equals its maintenance margin, every tier taken at the risen notional. How positions enter it:

* shorts rise together (joint) or one alone, the others standing still;
* longs stand still: they add their maintenance margin and nothing else. The gain they would make in a rise is not
  counted, which only shortens the runway;
* in a unified wallet the coins of an asset whose mark rises gain `collateral_ratio`·q·M with it. Coins of assets
  without a short stand still, again the short side. A borrowed coin loses its full price;
* positions on symbols that are not ours keep the maintenance rate that the venue shows for them.

Fees and the spread of a trade not yet made are not in "after the trade".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from bot.core.decision import MarginFigures, Reason
from bot.core.market import Asset, Instrument, Position, Side, Snapshot, WalletKind
from bot.core.money import ONE, ZERO, plain, reckoned, steps
from bot.core.policy import MarginPolicy
from bot.core.runway import Exposure, MarginAccount, initial_margin, maintenance_margin, runway, tier_of
from bot.core.times import MINUTE, Millis

__all__ = [
    "Exposure", "IncreaseCap", "MarginAccount", "figures", "increase_allowed", "initial_margin", "maintenance_margin",
    "mark_of", "read_account", "runway", "tier_of",
]


@dataclass(frozen=True, slots=True)
class IncreaseCap:
    """The short (base units) that the margin account allows, and each cap that made it less than was wanted."""

    short: Decimal
    reasons: tuple[Reason, ...] = ()


def read_account(snapshot: Snapshot, instruments: Mapping[Asset, Instrument],
                 shorts: Mapping[Asset, Decimal] | None = None) -> MarginAccount | None:
    """The margin account of a snapshot; None while the mark of any position in it is unknown.

    `shorts` (base units) replaces the positions of the assets it names: the account as it would be after trades at
    mark.
    """
    wanted = shorts or {}
    symbols = {instrument.symbol: asset for asset, instrument in instruments.items()}
    exposures: list[Exposure] = []
    unexplained: list[Exposure] = []
    standing = ZERO
    for position in snapshot.positions:
        asset = symbols.get(position.symbol)
        if position.quantity == 0 or asset in wanted:
            continue
        mark = mark_of(snapshot, asset, position)
        if mark is None:
            return None
        exposure = _exposure(snapshot, instruments, asset, size=abs(position.quantity), mark=mark,
                             reported=position.maintenance_margin)
        if position.quantity > 0:
            standing += exposure.maintenance if exposure else ZERO
        elif exposure is None:
            unexplained.append(Exposure(asset, -position.quantity * mark, ZERO, mark=mark))
        else:
            exposures.append(exposure)
    for asset, short in wanted.items():
        if short > 0:
            mark = mark_of(snapshot, asset, snapshot.position(instruments[asset].symbol))
            if mark is None:
                return None
            priced = _exposure(snapshot, instruments, asset, size=short, mark=mark, reported=None)
            if priced is None:
                return None
            exposures.append(priced)
    return MarginAccount(
        snapshot.futures.equity,
        (*exposures, *_share_remainder(snapshot, standing, exposures, unexplained)), standing,
    )


FRESH: Millis = MINUTE
"""An older mark is taken from the position, where there is one."""


def mark_of(snapshot: Snapshot, asset: Asset | None, position: Position | None) -> Decimal | None:
    """The mark that is known and above 0: the quote's while it is fresh, else what the venue shows with the position.

    An old one is better than none.
    """
    quote = snapshot.quotes.get(asset) if asset is not None else None
    held = position.mark if position is not None and position.mark is not None and position.mark > 0 else None
    if quote is None or quote.mark is None or quote.mark <= 0:
        return held
    fresh = quote.mark_at is None or abs(snapshot.taken_at - quote.mark_at) <= FRESH
    return quote.mark if fresh or held is None else held


def _exposure(snapshot: Snapshot, instruments: Mapping[Asset, Instrument], asset: Asset | None, *, size: Decimal,
              mark: Decimal, reported: Decimal | None) -> Exposure | None:
    """One position at mark; None when neither a margin table nor the venue says what it must maintain."""
    instrument = instruments.get(asset) if asset is not None else None
    notional = size * mark
    tiers = instrument.tiers if instrument is not None else ()
    if tiers:
        maintenance = maintenance_margin(notional, tiers)
    elif reported is not None:
        maintenance = reported
    else:
        return None
    collateral = ZERO
    if instrument is not None and asset is not None and snapshot.wallet is WalletKind.UNIFIED:
        held = snapshot.holdings.get(asset)
        coins = held.total if held is not None else ZERO
        collateral = coins * mark * (instrument.collateral_ratio if coins > 0 else ONE)
    return Exposure(asset, notional, maintenance, tiers, collateral, mark)


def _share_remainder(snapshot: Snapshot, standing: Decimal, known: Sequence[Exposure],
                     unexplained: Sequence[Exposure]) -> list[Exposure]:
    """Foreign shorts of unknown maintenance share, by notional, what the wallet's own figure leaves over."""
    explained = standing + sum((short.maintenance for short in known), ZERO)
    left = max(ZERO, snapshot.futures.maintenance_margin - explained)
    total = sum((short.notional for short in unexplained), ZERO)
    return [
        Exposure(short.asset, short.notional, left * short.notional / total, mark=short.mark) for short in unexplained
    ]


@reckoned
def figures(snapshot: Snapshot, instruments: Mapping[Asset, Instrument]) -> MarginFigures:
    """The margin account in one line (DOMAIN §6.1, §6.2).

    While the mark of a position is unknown, maintenance is the venue's figure, the notional 0 and the rest None.
    """
    account = read_account(snapshot, instruments)
    if account is None:
        wallet = snapshot.futures
        return MarginFigures(wallet.equity, ZERO, wallet.maintenance_margin, None, None)
    single = {short.asset: (short, runway(account, (short,))) for short in account.shorts if short.asset is not None}
    return MarginFigures(
        account.equity, account.notional, account.maintenance, account.effective_leverage,
        runway(account, account.shorts),
        {asset: alone for asset, (_, alone) in single.items()},
        {asset: _liquidation_price(short, alone) for asset, (short, alone) in single.items()},
    )


def _liquidation_price(short: Exposure, alone: Decimal | None) -> Decimal | None:
    return None if alone is None or short.mark is None else short.mark * (1 + alone)


@reckoned
def increase_allowed(  # noqa: PLR0917 - a question with eight givens; the order is the sentence
    snapshot: Snapshot, instruments: Mapping[Asset, Instrument], asset: Asset, short_now: Decimal,
    short_wanted: Decimal, contract: Decimal, policy: MarginPolicy, committed: Mapping[Asset, Decimal],
) -> IncreaseCap:
    """The largest whole multiple of `contract` in (short_now, short_wanted] that the margin account allows.

    `short_now` itself when there is none. After the trade: effective leverage ≤ `max_leverage`, joint runway ≥
    `stop_runway`, and the initial margin of what is not in the positions yet, at the leverage set on the venue, fits
    into the available margin and the venue's table. `committed`: base units granted to *other* assets that the
    snapshot's positions do not show yet. Each cap that bit gives one reason.
    """
    if short_wanted <= short_now:
        return IncreaseCap(short_now)
    first, last = steps(short_now, contract) + 1, steps(short_wanted, contract)
    if last < first:
        return IncreaseCap(short_now)
    promised = {
        other: _short_of(snapshot, instruments[other]) + extra
        for other, extra in committed.items() if other != asset and extra > 0
    }
    if read_account(snapshot, instruments, {**promised, asset: first * contract}) is None:
        return IncreaseCap(short_now, (
            Reason("margin_unknown", f"{asset} is not increased: a mark price or margin table is missing"),
        ))

    @cache
    def after(count: int) -> MarginAccount:
        account = read_account(snapshot, instruments, {**promised, asset: count * contract})
        assert account is not None  # noqa: S101 - a mark does not vanish between two readings of one snapshot
        return account

    def leverage_holds(count: int) -> bool:
        leverage = after(count).effective_leverage
        return leverage is not None and leverage <= policy.max_leverage

    def runway_holds(count: int) -> bool:
        account = after(count)
        left = runway(account, account.shorts)
        return left is None or left >= policy.stop_runway

    def margin_holds(count: int) -> bool:
        return _margin_holds(snapshot, instruments, after(count), policy)

    limits = {
        "capped_by_leverage": (leverage_holds, f"effective leverage stays at or below {plain(policy.max_leverage)}"),
        "capped_by_runway": (runway_holds, f"the joint runway stays at or above {plain(policy.stop_runway * 100)}%"),
        "capped_by_margin": (margin_holds, f"the margin is there at leverage {plain(policy.leverage)}"),
    }
    allowed, reasons = last, []
    for code, (holds, promise) in limits.items():
        most = _last_that_holds(holds, first, last)
        if most < last:
            capped = short_now if most < first else most * contract
            reasons.append(Reason(
                code, f"{asset} short is capped at {plain(capped)}, so that {promise}",
                {"wanted": plain(short_wanted), "allowed": plain(capped)},
            ))
        allowed = min(allowed, most)
    return IncreaseCap(short_now if allowed < first else allowed * contract, tuple(reasons))


def _last_that_holds(holds: Callable[[int], bool], first: int, last: int) -> int:
    """The largest count in [first, last] that still holds (`first − 1`: none). Larger is never easier.

    Both ends are asked first: most of the time it is all or nothing.
    """
    if holds(last):
        return last
    if last == first or not holds(first):
        return first - 1
    low, high = first, last
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _margin_holds(snapshot: Snapshot, instruments: Mapping[Asset, Instrument], account: MarginAccount,
                  policy: MarginPolicy) -> bool:
    """Whether what `account` has more than the snapshot's positions fits into the available initial margin."""
    needed = ZERO
    for short in account.shorts:
        if short.asset is None or short.mark is None:
            continue
        added = short.notional - _short_of(snapshot, instruments[short.asset]) * short.mark
        if added <= 0:
            continue
        top = tier_of(short.notional, short.tiers).max_leverage if short.tiers else None
        if top is not None and top < policy.leverage:
            return False
        # An order that rests to build this very short has its margin set aside already.
        resting = initial_margin(_resting_notional(snapshot, instruments[short.asset]), policy.leverage)
        needed += max(ZERO, initial_margin(added, policy.leverage) - resting)
    return needed <= snapshot.futures.available


def _short_of(snapshot: Snapshot, instrument: Instrument) -> Decimal:
    position = snapshot.position(instrument.symbol)
    return max(ZERO, -position.quantity) if position is not None else ZERO


def _resting_notional(snapshot: Snapshot, instrument: Instrument) -> Decimal:
    """What open orders that would increase the short are worth; 0 while the open orders are not known."""
    return sum((
        (order.quantity - order.filled) * order.price for order in snapshot.open_orders or ()
        if order.symbol == instrument.symbol and order.side is Side.SELL and not order.reduce_only
    ), ZERO)
