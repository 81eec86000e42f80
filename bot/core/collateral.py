"""The collateral that an increase needs of the futures wallet at some price of its coin (DOMAIN §6.1–6.3).

With N the notional of the account after the trade at the marks of then, E its equity of then, MM(·) the maintenance
margin by tiers, X the stop rung, and C what the coins gain as collateral per +100 % (0 in separate wallets), the trade
needs of E

    leverage:  N / max_leverage
    runway:    Σ Nᵢ·X + Σ MMᵢ(Nᵢ·(1 + X)) + MM of what stands still − C·X,  and no less than MM today
    margin:    what the venue has set aside already + added notional / leverage

The largest of the three is needed. The runway is asked of shorts in a rise and of longs in a fall, where 1 − X takes
the place of 1 + X and C is lost instead of gained; the larger demand counts. Fees and the spread of the trade are not
in it, as they are not in the caps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.core.decision import Decision
from bot.core.margin import read_account
from bot.core.market import Asset, Instrument, Position, Quote, Snapshot, WalletKind
from bot.core.money import ONE, ZERO
from bot.core.policy import Terms
from bot.core.portfolio import quantity_of
from bot.core.runway import Exposure, MarginAccount, initial_margin, maintenance_margin
from bot.core.way import Way, way_of


@dataclass(frozen=True, slots=True)
class Collateral:
    """What an increase needs of the futures wallet at its trigger's price, in the settle coin.

    `initial_margin`: of the order alone. `equity`: the wallet's before the trade, at that price. `needed`: the largest
    of the three demands; `missing`: what must be added to the wallet for the whole increase, 0 where nothing is.
    """

    initial_margin: Decimal
    equity: Decimal
    for_leverage: Decimal
    for_runway: Decimal
    for_margin: Decimal
    needed: Decimal
    missing: Decimal


def collateral_for(
    after: Snapshot, terms: Terms, asset: Asset, *, goal: Decimal, factor: Decimal, longs: Collection[Asset] = (),
) -> Collateral | None:
    """What a hedge of `goal` coins (signed) needs once the asset's prices are `factor` times those of the snapshot.

    None where a mark or a margin table is missing, or `goal` is no increase.
    """
    margin, instrument = terms.policy.margin, terms.instruments[asset]
    moved = shifted(after, terms.instruments, asset, factor, margin.leverage)
    mark = moved.quotes[asset].mark
    added = abs(goal) - way_of(goal).held(moved.position(instrument.symbol))
    account = read_account(moved, terms.instruments, {asset: goal}, longs=longs)
    if account is None or mark is None or added <= 0:
        return None
    order, equity = initial_margin(added * mark, margin.leverage), moved.futures.equity
    lever, room = account.notional / margin.max_leverage, equity_for_runway(account, margin.stop_runway)
    aside = equity - moved.futures.available + order
    needed = max(lever, room, aside)
    return Collateral(order, equity, lever, room, aside, needed, max(ZERO, needed - equity))


def equity_for_runway(account: MarginAccount, runway: Decimal) -> Decimal:
    """The least equity with which the joint runway of `account` is at least `runway` (≥ 0).

    What the equity leaves over the maintenance margin is a concave function of the move, so it is enough to look at
    both ends.
    """
    least = account.maintenance
    if runway <= 0:
        return least
    for way in Way:
        moving = account.of(way)
        if moving:
            still = account.standing + sum(
                (one.maintenance for other in Way if other is not way for one in account.of(other)), ZERO)
            demand = sum((demanded(one, runway, way) for one in moving), still)
            least = max(least, demand if way is Way.SHORT else demand + account.coins * min(ONE, runway))
    return least


def demanded(one: Exposure, move: Decimal, way: Way) -> Decimal:
    """What a position needs of the equity after a move of its mark against it, its coins' change of worth included.

    No price falls below 0.
    """
    move = move if way is Way.SHORT else min(ONE, move)
    grown = 1 + way.sign * move
    kept = maintenance_margin(one.notional * grown, one.tiers) if one.tiers else one.maintenance * grown
    return one.notional * move + kept - way.sign * one.collateral * move


def shifted(
    snapshot: Snapshot, instruments: Mapping[Asset, Instrument], asset: Asset, factor: Decimal, leverage: Decimal,
) -> Snapshot:
    """The snapshot with every price of one asset times `factor`, its position and the futures wallet along with it."""
    quote, instrument = snapshot.quotes[asset], instruments[asset]
    position, mark = snapshot.position(instrument.symbol), quote.mark
    quantity = position.quantity if position is not None else ZERO
    change = ZERO if mark is None else mark * (factor - 1)
    gain = quantity * change
    coins = quantity_of(snapshot, asset) if snapshot.wallet is WalletKind.UNIFIED else ZERO
    collateral = coins * (instrument.collateral_ratio if coins > 0 else ONE) * change
    wallet = snapshot.futures
    return replace(
        snapshot, quotes={**snapshot.quotes, asset: _scaled(quote, factor)},
        positions=tuple(
            _marked(held, factor, gain) if held is position else held for held in snapshot.positions
        ),
        futures=replace(
            wallet, unrealised=wallet.unrealised + gain, equity=wallet.equity + gain + collateral,
            available=wallet.available + gain + collateral - initial_margin(abs(quantity) * change, leverage),
        ),
    )


def _marked(held: Position, factor: Decimal, gain: Decimal) -> Position:
    return replace(
        held, mark=None if held.mark is None else held.mark * factor, unrealised=held.unrealised + gain,
        maintenance_margin=None if held.maintenance_margin is None else held.maintenance_margin * factor,
    )


def _scaled(quote: Quote, factor: Decimal) -> Quote:
    def times(price: Decimal | None) -> Decimal | None:
        return None if price is None else price * factor

    return replace(
        quote, spot_bid=times(quote.spot_bid), spot_ask=times(quote.spot_ask), perp_bid=times(quote.perp_bid),
        perp_ask=times(quote.perp_ask), mark=times(quote.mark), index=times(quote.index),
    )


def traded(snapshot: Snapshot, terms: Terms, decision: Decision) -> Snapshot:
    """The snapshot once every goal is reached at its mark: the wallet's equity stays, what it sets aside changes."""
    positions = {held.symbol: held for held in snapshot.positions}
    available = snapshot.futures.available
    for decided in decision.assets:
        instrument, quote = terms.instruments[decided.asset], snapshot.quotes.get(decided.asset)
        if decided.goal == decided.short or quote is None or quote.mark is None:
            continue
        held = positions.pop(instrument.symbol, None)
        added = abs(decided.goal) - abs(decided.short)
        available -= initial_margin(added * quote.mark, terms.policy.margin.leverage)
        if decided.goal:
            positions[instrument.symbol] = replace(
                held if held is not None else Position(instrument.symbol, ZERO, quote.mark, quote.mark, ZERO),
                quantity=-decided.goal,
                maintenance_margin=maintenance_margin(abs(decided.goal) * quote.mark, instrument.tiers)
                if instrument.tiers else None)
    return replace(snapshot, positions=tuple(positions.values()),
                   futures=replace(snapshot.futures, available=available))
