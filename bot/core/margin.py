"""Margin arithmetic: maintenance by tiers, effective leverage, joint and single runway, the caps on an increase.

Formulas: DOMAIN §6.1–6.3. A runway X is how far the named marks may move against us (0.6595: shorts +65.95 %, longs
−65.95 %) before the margin account's equity equals its maintenance margin, every tier taken at the moved notional. How
positions enter it:

* shorts rise together (joint) or one alone, the others standing still;
* longs on coins that may be hedged by one (`direction: both`) fall together, or one alone. The joint runway is the
  shorter of the two; what the others would gain meanwhile is not counted, which only shortens it;
* all other longs stand still: they add their maintenance margin and nothing else;
* in a unified wallet the coins of an asset whose mark rises gain `collateral_ratio`·q·M with it, and lose as much when
  it falls. Coins of assets without a short stand still in a rise, again the short side; in a joint fall they fall too,
  less what a short on them gains. A borrowed coin loses its full price;
* positions on symbols that are not ours keep the maintenance rate that the venue shows for them.

Fees and the spread of a trade not yet made are not in "after the trade".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from bot.core.decision import MarginFigures, Reason
from bot.core.market import Asset, Instrument, Position, Snapshot, WalletKind
from bot.core.money import ONE, ZERO, plain, reckoned, steps
from bot.core.policy import MarginPolicy
from bot.core.runway import (
    Exposure,
    MarginAccount,
    initial_margin,
    joint_runway,
    maintenance_margin,
    nearer,
    runway,
    tier_of,
)
from bot.core.times import MINUTE, Millis
from bot.core.way import Way, hedge_in, way_of

__all__ = [
    "Exposure", "IncreaseCap", "MarginAccount", "figures", "increase_allowed", "initial_margin", "joint_runway",
    "maintenance_margin", "mark_of", "read_account", "runway", "tier_of",
]


@dataclass(frozen=True, slots=True)
class IncreaseCap:
    """The hedge (base units, along its way) that the margin account allows, and each cap that made it less than was
    wanted.
    """

    short: Decimal
    reasons: tuple[Reason, ...] = ()


def read_account(
    snapshot: Snapshot, instruments: Mapping[Asset, Instrument], hedges: Mapping[Asset, Decimal] | None = None, *,
    longs: Collection[Asset] = (),
) -> MarginAccount | None:
    """The margin account of a snapshot; None while the mark of any position in it is unknown.

    `hedges` (signed: negative is long) replaces the positions of the assets it names: the account as it would be after
    trades at mark. `longs`: coins that may be hedged by a long.
    """
    wanted = hedges or {}
    symbols = {instrument.symbol: asset for asset, instrument in instruments.items()}
    exposures: list[Exposure] = []
    falling: list[Exposure] = []
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
        if position.quantity > 0 and asset in longs:
            falling.append(exposure or Exposure(asset, position.quantity * mark, ZERO, mark=mark))
        elif position.quantity > 0:
            standing += exposure.maintenance if exposure else ZERO
        elif exposure is None:
            unexplained.append(Exposure(asset, -position.quantity * mark, ZERO, mark=mark))
        else:
            exposures.append(exposure)
    for asset, hedge in wanted.items():
        if hedge:
            priced = _priced(snapshot, instruments, asset, hedge)
            if priced is None:
                return None
            (exposures if way_of(hedge) is Way.SHORT else falling).append(priced)
    known = standing + sum((one.maintenance for one in falling), ZERO)
    shorts = (*exposures, *_share_remainder(snapshot, known, exposures, unexplained))
    return MarginAccount(
        snapshot.futures.equity, shorts, standing, tuple(falling),
        _falling_coins(snapshot, instruments, shorts, falling) if falling else ZERO)


def _priced(
    snapshot: Snapshot, instruments: Mapping[Asset, Instrument], asset: Asset, hedge: Decimal,
) -> Exposure | None:
    """A position that is not there yet, at mark; None where the mark or its margin table is unknown."""
    mark = mark_of(snapshot, asset, snapshot.position(instruments[asset].symbol))
    return None if mark is None else _exposure(
        snapshot, instruments, asset, size=abs(hedge), mark=mark, reported=None)


def _falling_coins(
    snapshot: Snapshot, instruments: Mapping[Asset, Instrument], shorts: Sequence[Exposure], longs: Sequence[Exposure],
) -> Decimal:
    """What the coins without a long count for less per −100 % of all marks, beyond what the shorts on them gain."""
    if snapshot.wallet is not WalletKind.UNIFIED:
        return ZERO
    gains = {short.asset: short.notional for short in shorts}
    fallen, moving = ZERO, {long.asset for long in longs}
    for asset, instrument in instruments.items():
        mark, held = mark_of(snapshot, asset, None), snapshot.holdings.get(asset)
        if asset in moving or mark is None or held is None or held.total <= 0:
            continue
        fallen += max(ZERO, held.total * mark * instrument.collateral_ratio - gains.get(asset, ZERO))
    return fallen


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
def figures(
    snapshot: Snapshot, instruments: Mapping[Asset, Instrument], longs: Collection[Asset] = (),
) -> MarginFigures:
    """The margin account in one line (DOMAIN §6.1, §6.2). `longs`: coins that may be hedged by a long.

    While the mark of a position is unknown, maintenance is the venue's figure, the notional 0 and the rest None.
    """
    account = read_account(snapshot, instruments, longs=longs)
    if account is None:
        wallet = snapshot.futures
        return MarginFigures(wallet.equity, ZERO, wallet.maintenance_margin, None, None)
    single = {
        one.asset: (way, one, runway(account, (one,), falling=way is Way.LONG))
        for way in Way for one in account.of(way) if one.asset is not None}
    if single and len(account.shorts) == 1 and not account.longs:  # nearly always, and it is its own joint one
        (nearest, _, joint), = single.values()
    else:
        nearest, joint = nearer(account)
    return MarginFigures(
        account.equity, account.notional, account.maintenance, account.effective_leverage, joint,
        {asset: alone for asset, (_, _, alone) in single.items()},
        {asset: _liquidation_price(way, one, alone) for asset, (way, one, alone) in single.items()},
        nearest,
    )


def _liquidation_price(way: Way, one: Exposure, alone: Decimal | None) -> Decimal | None:
    return None if alone is None or one.mark is None else one.mark * (1 + way.sign * alone)


@reckoned
def increase_allowed(  # noqa: PLR0917 - a question with eight givens; the order is the sentence
    snapshot: Snapshot, instruments: Mapping[Asset, Instrument], asset: Asset, now: Decimal,
    wanted: Decimal, contract: Decimal, policy: MarginPolicy, committed: Mapping[Asset, Decimal], *,
    way: Way = Way.SHORT, longs: Collection[Asset] = (),
) -> IncreaseCap:
    """The largest whole multiple of `contract` in (now, wanted] that the margin account allows; both along `way`.

    `now` itself when there is none. After the trade: effective leverage ≤ `max_leverage`, joint runway ≥
    `stop_runway`, and the initial margin of what is not in the positions yet, at the leverage set on the venue, fits
    into the available margin and the venue's table. `committed`: base units (signed: negative is long) granted to
    *other* assets that the snapshot's positions do not show yet. Each cap that bit gives one reason.
    """
    first, last = steps(now, contract) + 1, steps(wanted, contract)
    if last < first:
        return IncreaseCap(now)
    promised = _promised(snapshot, instruments, {**committed, asset: ZERO}, longs)

    @cache
    def after(count: int) -> MarginAccount | None:
        return read_account(snapshot, instruments, {**promised, asset: way.along(count * contract)}, longs=longs)

    if after(first) is None:
        return IncreaseCap(now, (
            Reason("margin_unknown", f"{asset} is not increased: a mark price or margin table is missing"),
        ))

    def read(count: int) -> MarginAccount:
        account = after(count)
        assert account is not None  # noqa: S101 - a mark does not vanish between two readings of one snapshot
        return account

    def leverage_holds(count: int) -> bool:
        leverage = read(count).effective_leverage
        return leverage is not None and leverage <= policy.max_leverage

    def runway_holds(count: int) -> bool:
        left = joint_runway(read(count))
        return left is None or left >= policy.stop_runway

    def margin_holds(count: int) -> bool:
        return _margin_holds(snapshot, instruments, read(count), policy)

    limits: Mapping[str, tuple[Callable[[int], bool], str]] = {
        "capped_by_leverage": (leverage_holds, f"effective leverage stays at or below {plain(policy.max_leverage)}"),
        "capped_by_runway": (runway_holds, f"the joint runway stays at or above {plain(policy.stop_runway * 100)}%"),
        "capped_by_margin": (margin_holds, f"the margin is there at leverage {plain(policy.leverage)}"),
    }
    def worth(count: int) -> Decimal:
        return now if count < first else count * contract

    most = {code: _last_that_holds(holds, first, last) for code, (holds, _) in limits.items()}
    return IncreaseCap(worth(min(most.values())), tuple(
        Reason(code, f"{asset} {way} is capped at {plain(worth(count))}, so that {limits[code][1]}",
               {"wanted": plain(wanted), "allowed": plain(worth(count))})
        for code, count in most.items() if count < last))


def _promised(
    snapshot: Snapshot, instruments: Mapping[Asset, Instrument], committed: Mapping[Asset, Decimal],
    longs: Collection[Asset],
) -> dict[Asset, Decimal]:
    """By asset, the hedge as it will be once what is committed to it is traded."""
    return {
        asset: hedge_in(snapshot.position(instruments[asset].symbol), may_be_long=asset in longs) + extra
        for asset, extra in committed.items() if extra
    }


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
    for way in Way:
        for one in account.of(way):
            if one.asset is None or one.mark is None:
                continue
            instrument = instruments[one.asset]
            added = one.notional - way.held(snapshot.position(instrument.symbol)) * one.mark
            if added <= 0:
                continue
            top = tier_of(one.notional, one.tiers).max_leverage if one.tiers else None
            if top is not None and top < policy.leverage:
                return False
            # An order that rests to build this very hedge has its margin set aside already.
            resting = initial_margin(_resting_notional(snapshot, instrument, way), policy.leverage)
            needed += max(ZERO, initial_margin(added, policy.leverage) - resting)
    return needed <= snapshot.futures.available


def _resting_notional(snapshot: Snapshot, instrument: Instrument, way: Way) -> Decimal:
    """What open orders that would increase the hedge are worth; 0 while the open orders are not known."""
    return sum((
        (order.quantity - order.filled) * order.price for order in snapshot.open_orders or ()
        if order.symbol == instrument.symbol and order.side is way.opens and not order.reduce_only
    ), ZERO)
