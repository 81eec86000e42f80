"""The simulated account's books: wallets, positions, every booked amount, and its margin figures at given marks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.core.market import Asset, Instrument, Side, WalletKind
from bot.core.money import ONE, ZERO, to_ledger
from bot.core.runway import Exposure, MarginAccount, initial_margin, maintenance_margin, runway
from bot.core.swift import swift
from bot.core.times import Millis
from bot.paper.events import Events, Filled, FundingSettled
from bot.paper.positions import PaperPosition, traded
from bot.paper.records import (
    FundingRow,
    IncomeKind,
    IncomeRow,
    Liquidation,
    OrderStatus,
    PaperFill,
    PaperOrder,
)
from bot.paper.wallets import Wallets

Marks = Callable[[Asset], Decimal]


@swift
@dataclass(frozen=True, slots=True)
class AccountFigures:
    """The margin account at one instant, in the settle coin. `equity` is the margin balance.

    `position_margin` and `order_margin` are initial margin; `available` never goes below 0.
    """

    wallet_balance: Decimal
    unrealised: Decimal
    equity: Decimal
    position_margin: Decimal
    order_margin: Decimal
    maintenance_margin: Decimal

    @property
    def initial_margin(self) -> Decimal:
        """What positions and open orders set aside."""
        return self.position_margin + self.order_margin

    @property
    def available(self) -> Decimal:
        """What is left to open or to move away."""
        return max(ZERO, self.equity - self.initial_margin)


class Account:
    """Balances and positions with the rows that explain them. It books; it does not decide what may be booked."""

    def __init__(self, instruments: Mapping[Asset, Instrument], wallets: Wallets, *, settle: str,
                 leverage: Decimal) -> None:
        self.instruments = instruments
        self.wallets = wallets
        self.settle = settle
        self.leverage: dict[Asset, Decimal] = dict.fromkeys(instruments, leverage)
        self.positions: dict[Asset, PaperPosition] = {asset: PaperPosition() for asset in instruments}
        self.fills: list[PaperFill] = []
        self.funding_rows: list[FundingRow] = []
        self.income: list[IncomeRow] = []
        self.liquidations: list[Liquidation] = []
        self.events = Events()

    @property
    def held(self) -> list[Asset]:
        """Coins with a perpetual position."""
        return [asset for asset, position in self.positions.items() if position.quantity]

    # --- booking ---

    def book_fill(self, order: PaperOrder, quantity: Decimal, price: Decimal, *, maker: bool, at: Millis,
                  liquidation: bool = False) -> PaperFill:
        """Book one execution: the order, the wallets, the position, the fee. Each amount is rounded once.

        A liquidation is free of fee.
        """
        order.filled += quantity
        order.cum_quote += quantity * price
        order.updated_at = at
        order.status = OrderStatus.PARTIALLY_FILLED if order.remaining > 0 else OrderStatus.FILLED
        # After the last one, not by count: an account that was restored may lack some.
        trade_id = self.fills[-1].trade_id + 1 if self.fills else 1
        instrument = self.instruments[order.asset]
        if order.market == "perp":
            rate = ZERO if liquidation else perp_fee(instrument, maker=maker)
            fee, currency, realised = self._book_perp(order, quantity, price, rate, trade_id)
        else:
            realised = ZERO
            fee, currency = self._book_spot(order, quantity, price, spot_fee(instrument))
        fill = PaperFill(
            trade_id=trade_id, order_id=order.order_id, client_order_id=order.client_order_id, symbol=order.symbol,
            asset=order.asset, market=order.market, side=order.side, quantity=quantity, price=price, fee=fee,
            fee_currency=currency, realised=realised, maker=maker, at=at,
        )
        self.fills.append(fill)
        if self.events.heard:
            position = self.positions[order.asset] if order.market == "perp" else None
            self.events.tell(Filled(replace(order), fill, position, liquidation, at))
        return fill

    def rebook(self, fill: PaperFill) -> None:
        """Book an execution again that was booked before a restart, with the amounts of then."""
        if fill.market == "spot":
            spot = self.wallets.spot
            self.wallets.add(spot, fill.asset, fill.side.sign * fill.quantity)
            self.wallets.add(spot, self.settle, -fill.side.sign * fill.quantity * fill.price)
            self.wallets.add(spot, fill.fee_currency, -fill.fee)
        else:
            before = self.positions.get(fill.asset)
            if before is not None:  # a coin that is no longer listed was flat when it left
                self.positions[fill.asset], _ = traded(before, fill.side.sign * fill.quantity, fill.price, fill.at)
            self.credit(IncomeKind.REALIZED_PNL, fill.symbol, fill.realised, fill.at, fill.trade_id)
            self.credit(IncomeKind.COMMISSION, fill.symbol, -fill.fee, fill.at, fill.trade_id)
        self.fills.append(fill)

    def _book_perp(self, order: PaperOrder, quantity: Decimal, price: Decimal, rate: Decimal,
                   trade_id: int) -> tuple[Decimal, str, Decimal]:
        at = order.updated_at
        position, realised = traded(self.positions[order.asset], order.side.sign * quantity, price, at)
        self.positions[order.asset] = position
        fee = to_ledger(quantity * price * rate)
        self.credit(IncomeKind.REALIZED_PNL, order.symbol, realised, at, trade_id)
        self.credit(IncomeKind.COMMISSION, order.symbol, -fee, at, trade_id)
        return fee, self.settle, realised

    def _book_spot(self, order: PaperOrder, quantity: Decimal, price: Decimal, rate: Decimal) -> tuple[Decimal, str]:
        cost, spot = quantity * price, self.wallets.spot
        if order.side is Side.BUY:
            fee, currency = to_ledger(quantity * rate), order.asset
            self.wallets.lock(self.settle, -quantity * order.price)
            self.wallets.add(spot, self.settle, -cost)
            self.wallets.add(spot, order.asset, quantity - fee)
        else:
            fee, currency = to_ledger(cost * rate), self.settle
            self.wallets.lock(order.asset, -quantity)
            self.wallets.add(spot, order.asset, -quantity)
            self.wallets.add(spot, self.settle, cost - fee)
        return fee, currency

    def book_funding(self, asset: Asset, rate: Decimal, mark: Decimal, at: Millis,
                     quantity: Decimal | None = None) -> None:
        """Settle funding on `quantity` (None: the position as it is): a positive rate is paid by longs (DOMAIN §4)."""
        symbol = self.instruments[asset].symbol
        if quantity is None:
            quantity = self.positions[asset].quantity
        amount = to_ledger(-quantity * mark * rate)
        self.funding_rows.append(
            FundingRow(len(self.funding_rows) + 1, symbol, asset, amount, rate, mark, quantity, at),
        )
        self.credit(IncomeKind.FUNDING_FEE, symbol, amount, at)
        if self.events.heard:
            self.events.tell(FundingSettled(self.funding_rows[-1], at))

    def credit(self, kind: IncomeKind, symbol: str, amount: Decimal, at: Millis, trade_id: int | None = None) -> None:
        """Move the margin account's settle balance and write the row that says why; nothing for 0."""
        if amount:
            self.wallets.add(self.wallets.futures, self.settle, amount)
            self.note(kind, symbol, amount, at, trade_id)

    def note(self, kind: IncomeKind, symbol: str, amount: Decimal, at: Millis, trade_id: int | None = None) -> None:
        """Write the row of a movement that has happened."""
        self.income.append(IncomeRow(len(self.income) + 1, kind, symbol, amount, self.settle, at, trade_id))

    def lock_spot(self, order: PaperOrder, sign: int) -> None:
        """Hold (+1) or let go (−1) what the open part of a spot order would need."""
        if order.side is Side.BUY:
            self.wallets.lock(self.settle, sign * order.remaining * order.price)
        else:
            self.wallets.lock(order.asset, sign * order.remaining)

    # --- figures ---

    def figures(self, marks: Marks, orders: Iterable[PaperOrder]) -> AccountFigures:
        """The margin account at these marks with these open perpetual orders."""
        bids, asks = _order_notionals(orders, marks)
        unrealised = maintenance = positioned = required = ZERO
        for asset, position in self.positions.items():
            more, less = bids.get(asset, ZERO), asks.get(asset, ZERO)
            if not position.quantity and not more and not less:
                continue
            mark, leverage = marks(asset), self.leverage[asset]
            signed = position.quantity * mark
            unrealised += position.unrealised(mark)
            maintenance += maintenance_margin(abs(signed), self.instruments[asset].tiers)
            positioned += initial_margin(abs(signed), leverage)
            # Orders of one side only fill after those of the other may not have: the worse of the two counts.
            required += initial_margin(max(abs(signed + more), abs(signed - less)), leverage)
        return AccountFigures(
            self.wallets.futures.get(self.settle, ZERO), unrealised, self.collateral(marks) + unrealised, positioned,
            required - positioned, maintenance,
        )

    def collateral(self, marks: Marks) -> Decimal:
        """The margin account without unrealised profit: the settle balance and, unified, the coins at their ratio.

        A borrowed coin counts in full. Coins that are not configured count nothing.
        """
        total = self.wallets.futures.get(self.settle, ZERO)
        if self.wallets.kind is WalletKind.UNIFIED:
            total += sum((self._coins_value(asset, marks) for asset in self.instruments), ZERO)
        return total

    def insolvent(self, marks: Marks) -> bool:
        """Whether the margin balance is below the maintenance margin; a unified account is already where it equals it
        (a maintenance margin rate of 1).
        """
        unified = self.wallets.kind is WalletKind.UNIFIED
        surplus = self.wallets.futures.get(self.settle, ZERO)
        for asset, position in self.positions.items():
            coins = self.wallets.spot.get(asset) if unified else None
            if not coins and not position.quantity:
                continue
            mark = marks(asset)
            if coins:
                surplus += self._counted(asset, coins, mark)
            if position.quantity:
                surplus += position.unrealised(mark)
                surplus -= maintenance_margin(abs(position.quantity) * mark, self.instruments[asset].tiers)
        return surplus < 0 or (surplus == 0 and unified)

    def liquidation_price(self, asset: Asset, marks: Marks) -> Decimal | None:
        """The mark at which the position is liquidated while all else stands still; None: flat, or at no mark."""
        quantity = self.positions[asset].quantity
        if not quantity:
            return None
        mark = marks(asset)
        notional, tiers = abs(quantity) * mark, self.instruments[asset].tiers
        margin = maintenance_margin(notional, tiers)
        moving = Exposure(asset, notional, margin, tiers, self._coins_value(asset, marks), mark)
        figures = self.figures(marks, ())
        rest = MarginAccount(figures.equity, (), figures.maintenance_margin - margin)
        alone = runway(rest, (moving,), falling=quantity > 0)
        return None if alone is None else mark * (1 + alone if quantity < 0 else 1 - alone)

    def _coins_value(self, asset: Asset, marks: Marks) -> Decimal:
        """What the coins of a unified wallet count for as collateral; a debt in full."""
        coins = self.wallets.spot.get(asset, ZERO)
        if not coins or self.wallets.kind is not WalletKind.UNIFIED:
            return ZERO
        return self._counted(asset, coins, marks(asset))

    def _counted(self, asset: Asset, coins: Decimal, mark: Decimal) -> Decimal:
        return coins * mark * (self.instruments[asset].collateral_ratio if coins > 0 else ONE)


def _order_notionals(orders: Iterable[PaperOrder], marks: Marks) -> tuple[dict[Asset, Decimal], dict[Asset, Decimal]]:
    """What open orders may add to each side. Reduce-only orders add nothing; a sell is valued at no less than mark."""
    bids: dict[Asset, Decimal] = {}
    asks: dict[Asset, Decimal] = {}
    for order in orders:
        if order.reduce_only or order.market != "perp":
            continue
        side, price = (bids, order.price) if order.side is Side.BUY else (asks, max(order.price, marks(order.asset)))
        side[order.asset] = side.get(order.asset, ZERO) + order.remaining * price
    return bids, asks


def perp_fee(instrument: Instrument, *, maker: bool) -> Decimal:
    """The fee rate of a perpetual fill. Raises ValueError where it is unknown."""
    return _known(instrument.maker_fee if maker else instrument.taker_fee, f"{instrument.symbol}: perpetual fee")


def spot_fee(instrument: Instrument) -> Decimal:
    """The fee rate of a spot fill, maker or taker alike. Raises ValueError where it is unknown."""
    return _known(instrument.spot_taker_fee, f"{instrument.spot_symbol}: spot fee")


def _known(rate: Decimal | None, what: str) -> Decimal:
    if rate is None:
        raise ValueError(f"{what} is unknown")
    return rate
