"""A snapshot of the last one that was read and of what was pushed since: only where every part of it is fresh.

What is pushed of prices is whole: both sides of a touch, a mark with its index. What is pushed of the account is not
(no venue pushes maintenance margins, some no margin balance), so that it is taken from the last full reading and lets
a new one be made as soon as anything of it is said to have changed. What moves by itself, the worth of the positions,
moves with the pushed mark (DOMAIN §4, §6)::

    unrealised = Σ p·(M − M₀) more,  equity the same more; in a unified wallet Σ collateral ratio·q·(M − M₀) besides
    initial margin = Σ |p|·(M − M₀) / leverage more,  maintenance margin by the tiers at the new notional

Each price keeps its own time, so that `decide` and its data guards see how old it is. None wherever that arithmetic
would have to guess: then the account is to be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.core.market import Asset, FuturesWallet, Instrument, Position, Quote, Snapshot, WalletKind
from bot.core.money import ONE, ZERO, reckoned
from bot.core.policy import Terms
from bot.core.portfolio import quantity_of
from bot.core.runway import initial_margin, maintenance_margin
from bot.core.times import SECOND, Millis

ACCOUNT_WITHIN: Millis = 10 * SECOND
"""How old a reading of the account may be at most, however sound the stream about it looks."""

UNSEEN = Quote(None, None, None, None, None, None, None, None, None)


@dataclass(frozen=True, slots=True)
class Pushed:
    """The prices that were pushed last, each with its time on our clock. `within`: how old any of them may be."""

    quotes: Mapping[Asset, Quote]
    within: Millis


@dataclass(frozen=True, slots=True)
class _Moved:
    """What one asset's new mark adds to the margin account."""

    gain: Decimal = ZERO
    collateral: Decimal = ZERO
    initial: Decimal = ZERO
    maintenance: Decimal = ZERO


@reckoned
def renewed(full: Snapshot, pushed: Pushed, terms: Terms, at: Millis) -> Snapshot | None:
    """`full`, as it was read, with the pushed prices, as of `at`; None where it must be read again.

    The caller answers for what no price tells: that nothing has happened to the account since `full` was asked for.
    """
    if not 0 <= at - full.taken_at <= ACCOUNT_WITHIN:
        return None
    ours = {instrument.symbol for instrument in terms.instruments.values()}
    if any(position.symbol not in ours for position in full.positions):
        return None  # nobody pushes its mark
    quotes = {asset: newest(quote, pushed.quotes.get(asset, UNSEEN)) for asset, quote in full.quotes.items()}
    if not quotes.keys() >= terms.instruments.keys():
        return None
    if any(not _fresh(quote, at, pushed.within) or _settled(full.quotes[asset], at) for asset, quote in quotes.items()):
        return None
    positions, wallet = {position.symbol: position for position in full.positions}, full.futures
    for asset, instrument in terms.instruments.items():
        held, before, mark = positions.get(instrument.symbol), full.quotes[asset].mark, quotes[asset].mark
        if before is None or mark is None or (held is not None and not instrument.tiers):
            return None
        moved = _moved(full, instrument, held, mark - before, mark=mark, leverage=terms.policy.margin.leverage)
        wallet = _with(wallet, moved)
        if held is not None:
            positions[instrument.symbol] = _marked(held, moved, mark)
    return replace(full, taken_at=at, quotes=quotes, positions=tuple(positions.values()), futures=wallet)


def newest(before: Quote, after: Quote) -> Quote:
    """Of each part (spot, perpetual, mark) the later one; of two at one instant the second."""
    quote = before
    if _later(before.spot_at, after.spot_at):
        quote = replace(quote, spot_bid=after.spot_bid, spot_ask=after.spot_ask, spot_at=after.spot_at)
    if _later(before.perp_at, after.perp_at):
        quote = replace(quote, perp_bid=after.perp_bid, perp_ask=after.perp_ask, perp_at=after.perp_at)
    if _later(before.mark_at, after.mark_at):
        funding = before.funding_rate if after.funding_rate is None else after.funding_rate
        following = before.next_funding_at if after.next_funding_at is None else after.next_funding_at
        quote = replace(quote, mark=after.mark, index=after.index, mark_at=after.mark_at, funding_rate=funding,
                        next_funding_at=following)
    return quote


def _later(before: Millis | None, after: Millis | None) -> bool:
    return after is not None and (before is None or after >= before)


def _fresh(quote: Quote, at: Millis, within: Millis) -> bool:
    return all(seen is not None and abs(at - seen) <= within for seen in (quote.spot_at, quote.perp_at, quote.mark_at))


def _settled(quote: Quote, at: Millis) -> bool:
    """Whether funding has been settled since the reading, which moves balances."""
    return quote.next_funding_at is not None and quote.next_funding_at <= at


def _moved(
    full: Snapshot, instrument: Instrument, held: Position | None, change: Decimal, *, mark: Decimal, leverage: Decimal,
) -> _Moved:
    coins = quantity_of(full, instrument.asset) if full.wallet is WalletKind.UNIFIED else ZERO
    collateral = coins * (instrument.collateral_ratio if coins > 0 else ONE) * change
    if held is None:
        return _Moved(collateral=collateral)
    size = abs(held.quantity)
    return _Moved(
        gain=held.quantity * change, collateral=collateral, initial=initial_margin(size * change, leverage),
        maintenance=maintenance_margin(size * mark, instrument.tiers)
        - maintenance_margin(size * (mark - change), instrument.tiers),
    )


def _with(wallet: FuturesWallet, moved: _Moved) -> FuturesWallet:
    worth = moved.gain + moved.collateral
    return replace(
        wallet, unrealised=wallet.unrealised + moved.gain, equity=wallet.equity + worth,
        initial_margin=wallet.initial_margin + moved.initial,
        maintenance_margin=wallet.maintenance_margin + moved.maintenance,
        available=wallet.available + worth - moved.initial,
    )


def _marked(held: Position, moved: _Moved, mark: Decimal) -> Position:
    return replace(
        held, mark=mark, unrealised=held.unrealised + moved.gain,
        maintenance_margin=None if held.maintenance_margin is None else held.maintenance_margin + moved.maintenance,
        initial_margin=None if held.initial_margin is None else held.initial_margin + moved.initial,
    )
