"""One hedge from the first contract opened to the last one closed: its life cycle, and its running account."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from bot.core.market import Asset, Side, spot_coin
from bot.core.money import ZERO, reckoned
from bot.core.orders import Fill, FundingPayment
from bot.core.swift import changed, swift
from bot.core.times import Millis
from bot.core.way import way_of


class EpisodeState(StrEnum):
    """OPENING: orders out, nothing filled yet. VOID: it ended before the first fill."""

    OPENING = "opening"
    OPEN = "open"
    CLOSED = "closed"
    VOID = "void"

    @property
    def ended(self) -> bool:
        """Whether nothing of the hedge is left."""
        return self in (EpisodeState.CLOSED, EpisodeState.VOID)


EPISODE_TRANSITIONS: dict[EpisodeState, frozenset[EpisodeState]] = {
    EpisodeState.OPENING: frozenset({EpisodeState.OPEN, EpisodeState.VOID}),
    EpisodeState.OPEN: frozenset({EpisodeState.CLOSED}),
    EpisodeState.CLOSED: frozenset(),
    # A fill that was learnt after the last order had been given up.
    EpisodeState.VOID: frozenset({EpisodeState.OPEN}),
}


@swift
@dataclass(frozen=True, slots=True)
class Episode:
    """One hedge's running account. `short` and `peak_short` in base units, negative: a long; money in the settle coin.

    Average entry changes only on increases (DOMAIN §4). `fees` and `funding_paid` are positive when we pay;
    `realised` is the venue's own figure, summed. Fees in another coin count what they were worth when booked;
    `unpriced_fees` counts those of which that is not known. `sold`: coins sold on spot for `proceeds` before fees;
    `fees` are those of both legs, and of what was bought with the proceeds (`purchased`).
    """

    id: str
    asset: Asset
    symbol: str
    state: EpisodeState
    started_at: Millis
    opened_at: Millis | None = None
    closed_at: Millis | None = None
    short: Decimal = ZERO
    peak_short: Decimal = ZERO
    entry_quantity: Decimal = ZERO
    entry_notional: Decimal = ZERO
    exit_quantity: Decimal = ZERO
    exit_notional: Decimal = ZERO
    average_entry: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    funding_paid: Decimal = ZERO
    fills: int = 0
    resizes: int = 0
    unpriced_fees: int = 0
    sold: Decimal = ZERO
    proceeds: Decimal = ZERO

    @property
    def entry_price(self) -> Decimal | None:
        """Volume-weighted price of all contracts opened; None before the first fill."""
        return self.entry_notional / self.entry_quantity if self.entry_quantity else None

    @property
    def exit_price(self) -> Decimal | None:
        """Volume-weighted price of all contracts closed; None before the first."""
        return self.exit_notional / self.exit_quantity if self.exit_quantity else None


def purchased(episode: Episode, symbol: str, side: Side) -> Asset | None:
    """The coin, where an order of the hedge buys with what it brought (`finalise.reinvest`); None for its own legs.

    A short's coins are sold: what buys any on spot is no leg of it.
    """
    coin = spot_coin(symbol)
    if coin is None or side is Side.SELL:
        return None
    return coin if coin != episode.asset or episode.peak_short >= 0 else None


@reckoned
def apply_fill(episode: Episode, fill: Fill, settle: str) -> Episode:
    """The episode after one fill of its own, applied in the venue's order; on any other symbol than its own: on spot.

    The first fill tells which way it goes. Raises ValueError when a reduction is larger than the hedge: the books would
    claim the opposite of it.
    """
    fee = fill.fee_worth(settle)
    common = changed(
        episode, fees=episode.fees + (fee or ZERO), realised=episode.realised + fill.realised, fills=episode.fills + 1,
        unpriced_fees=episode.unpriced_fees + (fee is None),
    )
    notional = fill.quantity * fill.price
    if purchased(episode, fill.symbol, fill.side) is not None:
        return common
    if fill.symbol != episode.symbol or spot_coin(fill.symbol) is not None:
        sign = fill.side.sign
        return changed(
            common, sold=episode.sold - sign * fill.quantity, proceeds=episode.proceeds - sign * notional)
    way = way_of(episode.peak_short or -fill.side.sign * fill.quantity)
    short = episode.short - fill.side.sign * fill.quantity
    if fill.side is way.opens:
        return changed(
            common, state=EpisodeState.OPEN, short=short, peak_short=max(episode.peak_short, short, key=abs),
            opened_at=episode.opened_at if episode.opened_at is not None else fill.at,
            average_entry=(episode.average_entry * abs(episode.short) + notional) / abs(short),
            entry_quantity=episode.entry_quantity + fill.quantity, entry_notional=episode.entry_notional + notional,
        )
    if way.along(short) < 0:
        done = "buys" if fill.side is Side.BUY else "sells"
        raise ValueError(f"fill {fill.trade_id} {done} {fill.quantity} of {episode.id}, which is {way} "
                         f"{way.along(episode.short)}")
    return changed(
        common, short=short,
        state=EpisodeState.CLOSED if short == 0 else EpisodeState.OPEN,
        closed_at=fill.at if short == 0 else None,
        exit_quantity=episode.exit_quantity + fill.quantity, exit_notional=episode.exit_notional + notional,
    )


@reckoned
def apply_funding(episode: Episode, *payments: FundingPayment) -> Episode:
    """The episode after funding settlements; received funding lowers `funding_paid`."""
    return changed(episode, funding_paid=episode.funding_paid - sum((paid.amount for paid in payments), ZERO))


def cash_of_fill(fill: Fill, settle: str) -> Decimal:
    """What an execution moved in the settle coin: realised profit less a fee that was charged in it."""
    return fill.realised - (fill.fee if fill.fee_currency == settle else ZERO)


def cash_of_spot_fill(fill: Fill, settle: str) -> Decimal:
    """What an execution on spot moved in the settle coin."""
    return -fill.side.sign * fill.quantity * fill.price - (fill.fee if fill.fee_currency == settle else ZERO)


def coins_of_spot_fill(fill: Fill, asset: Asset) -> Decimal:
    """By how many coins an execution on spot changed the holding."""
    return fill.side.sign * fill.quantity - (fill.fee if fill.fee_currency == asset else ZERO)


def moved_by(fill: Fill, settle: str) -> Decimal:
    """What an execution on either market moved in the settle coin."""
    return cash_of_fill(fill, settle) if spot_coin(fill.symbol) is None else cash_of_spot_fill(fill, settle)


def coins_moved(fill: Fill) -> dict[Asset, Decimal]:
    """By coin: what an execution changed of the holdings. A fee leaves in whatever coin it was charged."""
    coin = spot_coin(fill.symbol)
    moved = {} if coin is None else {coin: fill.side.sign * fill.quantity}
    if fill.fee:
        moved[fill.fee_currency] = moved.get(fill.fee_currency, ZERO) - fill.fee
    return moved


def cash_of_funding(payment: FundingPayment, settle: str) -> Decimal:
    """What a settlement moved in the settle coin."""
    return payment.amount if payment.currency == settle else ZERO
