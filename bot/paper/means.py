"""Whether the account can afford an order: free balance on spot, initial margin and leverage table on perpetuals."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from bot.core.market import Side, WalletKind
from bot.core.money import ONE, ZERO, plain
from bot.core.runway import tier_of
from bot.paper.account import Account
from bot.paper.markets import Markets
from bot.paper.records import PaperOrder, PaperReject, RejectCode


def check_means(account: Account, markets: Markets, open_orders: Sequence[PaperOrder], order: PaperOrder,
                instead_of: PaperOrder | None = None) -> None:
    """Raises PaperReject where the account cannot carry `order` beside (or `instead_of` one of) its open orders."""
    others = [other for other in open_orders if other is not instead_of]
    if order.market == "spot":
        _check_balance(account, order, instead_of)
        _check_collateral(account, markets, others, order)
    elif not order.reduce_only:
        _check_margin(account, markets, open_orders, [*others, order])
        _check_leverage_table(account, markets, others, order)


def _check_balance(account: Account, order: PaperOrder, instead_of: PaperOrder | None) -> None:
    buys = order.side is Side.BUY
    coin = account.settle if buys else order.asset
    needed = order.remaining * (order.price if buys else ONE)
    free = account.wallets.free(coin)
    if instead_of is not None:
        free += instead_of.remaining * (instead_of.price if buys else ONE)
    if needed > free:
        raise PaperReject(RejectCode.INSUFFICIENT_BALANCE, f"{plain(needed)} {coin} of {plain(free)}")


def _check_collateral(account: Account, markets: Markets, others: Sequence[PaperOrder], order: PaperOrder) -> None:
    """In a unified wallet a purchase turns cash into a coin that counts for less as collateral."""
    if account.wallets.kind is not WalletKind.UNIFIED or order.side is Side.SELL:
        return
    ratio = account.instruments[order.asset].collateral_ratio
    lost = order.remaining * (order.price - markets.mark(order.asset) * ratio)
    if lost > account.figures(markets.mark, others).available:
        raise PaperReject(RejectCode.INSUFFICIENT_BALANCE, "the positions need the collateral")


def _check_margin(account: Account, markets: Markets, now: Sequence[PaperOrder],
                  then: Sequence[PaperOrder]) -> None:
    before, after = (account.figures(markets.mark, orders) for orders in (now, then))
    if after.initial_margin > before.initial_margin and after.initial_margin > after.equity:
        raise PaperReject(
            RejectCode.INSUFFICIENT_MARGIN, f"{plain(after.initial_margin)} of {plain(after.equity)}",
        )


def _check_leverage_table(account: Account, markets: Markets, others: Sequence[PaperOrder],
                          order: PaperOrder) -> None:
    """The position that this side's orders could build must be allowed at the leverage set."""
    ahead = sum((
        other.remaining for other in others
        if other.market == "perp" and other.asset == order.asset and other.side is order.side and not other.reduce_only
    ), ZERO)
    built = order.side.sign * account.positions[order.asset].quantity + ahead + order.remaining
    notional = max(ZERO, built) * markets.mark(order.asset)
    leverage: Decimal = account.leverage[order.asset]
    top = tier_of(notional, account.instruments[order.asset].tiers).max_leverage
    if top is not None and leverage > top:
        raise PaperReject(RejectCode.MAX_POSITION_AT_LEVERAGE, f"leverage {plain(leverage)}, allowed {plain(top)}")
