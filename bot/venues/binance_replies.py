"""Binance's answers (spot and USD-M futures) as values of ours. Pure: raw JSON in, core values out, or InvalidReply.

Quantities on both markets are in coins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from bot.core.income import IncomeKind, IncomeRow
from bot.core.market import Asset, FuturesWallet, Holding, OpenOrder, Position, Quote, Side
from bot.core.money import ZERO
from bot.core.orders import Fill, FundingPayment, OrderReport, OrderState, PastOrder, TimeInForce
from bot.core.times import HOUR, Millis
from bot.errors import SafetyStop
from bot.venues.failures import InvalidReply
from bot.venues.names import Names
from bot.venues.replies import (
    Row,
    amount,
    amount_or_none,
    by_key,
    count,
    flag,
    identity,
    instant,
    instant_or_none,
    known,
    midway,
    number,
    number_or_none,
    picked,
    positive,
    positive_or_none,
    price_or_none,
    reached,
    row,
    rows,
    text,
    words_or_none,
)

DEFAULT_FUNDING_INTERVAL = 8 * HOUR
"""Binance lists only the symbols whose interval was changed; all others settle every eight hours."""

STATES: Mapping[str, OrderState] = {
    "NEW": OrderState.OPEN,
    "PARTIALLY_FILLED": OrderState.PARTIAL,
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELLED,
    "EXPIRED": OrderState.CANCELLED,  # an IOC's rest, or a post-only order that would have crossed
    "EXPIRED_IN_MATCH": OrderState.CANCELLED,  # would have met another order of this account
    "REJECTED": OrderState.REFUSED,
}
SIDES = {each.value.upper(): each for each in Side}


def holdings(reply: object, wanted: Iterable[Asset]) -> dict[Asset, Holding]:
    """The wanted coins of a spot account asked with omitZeroBalances: one that is not listed is zero."""
    balances = by_key(rows(row(reply, "spot account").get("balances"), "balances"), "asset", "balances")
    result: dict[Asset, Holding] = {}
    for asset in wanted:
        found = balances.get(asset)
        result[asset] = Holding(amount(found, "free"), amount(found, "locked")) if found is not None else Holding(ZERO)
    return result


def account_id(reply: object) -> str:
    """The user id of a spot account."""
    return identity(row(reply, "spot account"), "uid")


def futures_wallet(reply: object, settle: str) -> FuturesWallet:
    """The futures account's wallet in the settle coin. A coin that was never there has no row: then totals are zero."""
    account = row(reply, "futures account")
    found = by_key(rows(account.get("assets"), "assets"), "asset", "assets").get(settle)
    if found is None:
        if number(account, "totalWalletBalance") != 0:
            raise InvalidReply(f"futures account: money, but no row for {settle}")
        return FuturesWallet(ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)
    return FuturesWallet(
        balance=number(found, "walletBalance"),
        unrealised=number(found, "unrealizedProfit"),
        equity=number(found, "marginBalance"),
        initial_margin=amount(found, "initialMargin"),
        maintenance_margin=amount(found, "maintMargin"),
        available=number(found, "availableBalance"),
    )


def positions(reply: object, account: object, names: Names) -> tuple[Position, ...]:
    """Every position that is not flat.

    The account's own list must show the same quantities: an empty list is only believed when both say so, and two
    readings on either side of a fill are no snapshot. Raises SafetyStop in hedge mode.
    """
    found = tuple(entry for entry in rows(reply, "positionRisk") if number(entry, "positionAmt") != 0)
    listed = rows(row(account, "futures account").get("positions"), "positions")
    if any(text(entry, "positionSide") != "BOTH" for entry in found):
        raise SafetyStop("the futures account is in hedge mode; hedgerow needs one-way mode", "-4061")
    if len(_quantities(found)) != len(found):
        raise InvalidReply("positionRisk: a symbol comes twice")
    if _quantities(found) != _quantities(listed):
        raise InvalidReply("positionRisk and account do not show the same positions")
    return tuple(_position(entry, names) for entry in found)


def _quantities(found: Sequence[Row]) -> dict[str, Decimal]:
    return {text(entry, "symbol"): quantity for entry in found if (quantity := number(entry, "positionAmt")) != 0}


def _position(entry: Row, names: Names) -> Position:
    return Position(
        symbol=names.perpetual(text(entry, "symbol")),
        quantity=number(entry, "positionAmt"),
        entry_price=positive(entry, "entryPrice"),
        mark=price_or_none(entry, "markPrice"),
        unrealised=number(entry, "unRealizedProfit"),
        maintenance_margin=amount_or_none(entry, "maintMargin"),
        initial_margin=amount_or_none(entry, "initialMargin"),
        liquidation_price=positive_or_none(entry, "liquidationPrice"),
        updated_at=instant_or_none(entry, "updateTime"),
    )


def touches(reply: object, wanted: Iterable[str]) -> dict[str, Row]:
    """Best bids and asks of the wanted native symbols."""
    return pick(reply, wanted, "bookTicker")


def premiums(reply: object, wanted: Iterable[str]) -> dict[str, Row]:
    """Mark, index and funding of the wanted native symbols."""
    return pick(reply, wanted, "premiumIndex")


def pick(reply: object, wanted: Iterable[str], what: str) -> dict[str, Row]:
    """See `replies.picked`."""
    one = not isinstance(reply, list)  # one object when one symbol was asked for
    return picked([row(reply, what)] if one else reply, wanted, what)


def quote(
    spot: Row, perp: Row, premium: Row, *, asked_at: Millis, ahead: Millis, interval: Millis | None,
) -> Quote:
    """One coin's prices, on our clock, which is `ahead` of the venue's. Spot answers carry no time of their own."""
    next_funding = instant_or_none(premium, "nextFundingTime")
    return Quote(
        spot_bid=price_or_none(spot, "bidPrice"),
        spot_ask=price_or_none(spot, "askPrice"),
        spot_at=asked_at,
        perp_bid=price_or_none(perp, "bidPrice"),
        perp_ask=price_or_none(perp, "askPrice"),
        perp_at=instant(perp, "time") + ahead,
        mark=price_or_none(premium, "markPrice"),
        index=price_or_none(premium, "indexPrice"),
        mark_at=instant(premium, "time") + ahead,
        funding_rate=number_or_none(premium, "lastFundingRate"),
        next_funding_at=None if next_funding is None else next_funding + ahead,
        funding_interval=interval,
    )


def mid(touch: Row) -> Decimal | None:
    """Between best bid and ask; None where a side is empty."""
    return midway(touch, "bidPrice", "askPrice")


def open_orders(reply: object, names: Names) -> tuple[OpenOrder, ...]:
    """All resting orders of the futures account."""
    return tuple(
        OpenOrder(
            symbol=names.perpetual(text(entry, "symbol")),
            order_id=identity(entry, "orderId"),
            client_order_id=text(entry, "clientOrderId"),
            side=side(entry),
            price=amount(entry, "price"),
            quantity=amount(entry, "origQty"),
            filled=amount(entry, "executedQty"),
            reduce_only=flag(entry, "reduceOnly"),
            created_at=instant(entry, "time"),
        )
        for entry in rows(reply, "openOrders")
    )


def funding_intervals(reply: object) -> dict[str, Millis]:
    """By native symbol, where it is not the usual one."""
    return {text(entry, "symbol"): count(entry, "fundingIntervalHours") * HOUR for entry in rows(reply, "fundingInfo")}


def side(entry: Row) -> Side:
    """BUY or SELL."""
    return known(entry, "side", SIDES)


def order_report(reply: object, symbol: str, client_order_id: str, names: Names) -> OrderReport:
    """What an order's row says, if it is the row of this order."""
    entry = row(reply, "order")
    if text(entry, "clientOrderId") != client_order_id or names.perpetual(text(entry, "symbol")) != symbol:
        raise InvalidReply("the answer is about another order")
    filled, quantity = number(entry, "executedQty"), positive(entry, "origQty")
    state = reached(known(entry, "status", STATES), filled, quantity, said=text(entry, "status"))
    return OrderReport(
        client_order_id=client_order_id,
        symbol=symbol,
        state=state,
        filled=filled,
        order_id=identity(entry, "orderId"),
        quantity=quantity,
        price=positive(entry, "price"),
        average=positive_or_none(entry, "avgPrice") if filled else None,
        at=instant(entry, "updateTime"),
    )


def past_order(entry: Row, names: Names) -> PastOrder:
    """One row of allOrders, of an order that was placed by us: a limit order."""
    time_in_force = known(entry, "timeInForce", {each.value: each for each in TimeInForce})
    report = order_report(entry, names.perpetual(text(entry, "symbol")), text(entry, "clientOrderId"), names)
    return PastOrder(
        report=report,
        side=side(entry),
        quantity=positive(entry, "origQty"),
        price=positive(entry, "price"),
        reduce_only=flag(entry, "reduceOnly"),
        time_in_force=time_in_force,
        created_at=instant(entry, "time"),
    )


def fill(entry: Row, names: Names) -> Fill:
    """One row of userTrades."""
    return Fill(
        trade_id=identity(entry, "id"),
        order_id=identity(entry, "orderId"),
        symbol=names.perpetual(text(entry, "symbol")),
        side=side(entry),
        quantity=positive(entry, "qty"),
        price=positive(entry, "price"),
        fee=number(entry, "commission"),
        fee_currency=text(entry, "commissionAsset"),
        realised=number(entry, "realizedPnl"),
        maker=flag(entry, "maker"),
        at=instant(entry, "time"),
    )


def funding_payment(entry: Row, names: Names) -> FundingPayment:
    """One row of income; Binance's sign is ours: positive was received."""
    return FundingPayment(
        payment_id=identity(entry, "tranId"),
        symbol=names.perpetual(text(entry, "symbol")),
        amount=number(entry, "income"),
        currency=text(entry, "asset"),
        at=instant(entry, "time"),
    )


INCOME_KINDS: Mapping[str, IncomeKind] = {
    "REALIZED_PNL": IncomeKind.REALISED, "COMMISSION": IncomeKind.FEE, "FUNDING_FEE": IncomeKind.FUNDING,
    "TRANSFER": IncomeKind.TRANSFER, "INTERNAL_TRANSFER": IncomeKind.TRANSFER, "COIN_SWAP_DEPOSIT": IncomeKind.TRANSFER,
    "COIN_SWAP_WITHDRAW": IncomeKind.TRANSFER, "CROSS_COLLATERAL_TRANSFER": IncomeKind.TRANSFER,
    "STRATEGY_UMFUTURES_TRANSFER": IncomeKind.TRANSFER,
}
"""What Binance calls a movement of the futures wallet, where it is not one of the many others."""


def income_row(entry: Row, names: Names) -> IncomeRow:
    """One row of income; Binance's sign is ours. A trade's rows are known by the trade, others by their own number."""
    called, symbol = text(entry, "incomeType"), words_or_none(entry, "symbol")
    kind = INCOME_KINDS.get(called, IncomeKind.OTHER)
    of_trade = kind in (IncomeKind.REALISED, IncomeKind.FEE) and entry.get("tradeId") not in (None, "")
    return IncomeRow(
        kind=kind,
        reference=identity(entry, "tradeId") if of_trade else identity(entry, "tranId"),
        symbol=names.perpetual(symbol) if symbol else None,
        amount=number(entry, "income"),
        currency=text(entry, "asset"),
        at=instant(entry, "time"),
        called=called,
    )
