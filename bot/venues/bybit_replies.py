"""Bybit's answers (v5, unified account) as values of ours. Pure: raw JSON in, core values out, or InvalidReply.

Every answer has an envelope: `retCode` 0, a `result`, and the venue's `time`. Quantities of perpetuals are in coins.
An empty text stands for "none" where Binance writes 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from bot.core.market import Asset, FuturesWallet, Holding, OpenOrder, Position, Quote, Side
from bot.core.money import ZERO
from bot.core.times import HOUR, Millis
from bot.errors import SafetyStop
from bot.venues.failures import InvalidReply
from bot.venues.names import Names
from bot.venues.replies import (
    Row,
    amount,
    amount_or_none,
    by_key,
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
    row,
    rows,
    text,
    whole,
)

SIDES = {each.value.capitalize(): each for each in Side}


def result(reply: object, what: str) -> Row:
    """What an answer holds."""
    envelope = row(reply, what)
    if whole(envelope, "retCode") != 0:
        raise InvalidReply(f"{what}: retCode {envelope.get('retCode')!r}")
    return row(envelope.get("result"), what)


def told_at(reply: object) -> Millis:
    """The venue's time of an answer."""
    return instant(row(reply, "answer"), "time")


def listed(reply: object, what: str) -> tuple[Row, ...]:
    """The rows of an answer."""
    return rows(result(reply, what).get("list"), what)


def cursor(reply: object) -> str | None:
    """Where the next page begins; None: there is none."""
    found = result(reply, "page").get("nextPageCursor")
    if found is None or found == "":
        return None
    if not isinstance(found, str):
        raise InvalidReply("nextPageCursor: expected text")
    return found


def user_id(reply: object) -> str:
    """Whose key it is."""
    return identity(result(reply, "key"), "userID")


# -- the wallet --------------------------------------------------------------------------------------------------------


def wallet(reply: object) -> Row:
    """The unified account's row."""
    found = listed(reply, "wallet balance")
    if len(found) != 1 or text(found[0], "accountType") != "UNIFIED":
        raise InvalidReply("wallet balance: expected the one unified account")
    return found[0]


def coins(account: Row) -> dict[Asset, Row]:
    """The account's coins by name. A coin that is not listed is one of which it has none."""
    return by_key(rows(account.get("coin"), "coins"), "coin", "coins")


def holdings(account: Row, wanted: Iterable[Asset]) -> dict[Asset, Holding]:
    """The wanted coins, each balance once: what lies in the wallet, less what was borrowed and the interest due on it.

    A wallet below zero is a debt too: the venue lends what the account owes.
    """
    found = coins(account)
    return {asset: _holding(found[asset]) if asset in found else Holding(ZERO) for asset in wanted}


def _holding(coin: Row) -> Holding:
    balance = number(coin, "walletBalance")
    locked = amount(coin, "locked")
    debt = amount(coin, "spotBorrow") + amount(coin, "accruedInterest")
    if balance < locked:
        return Holding(free=ZERO, locked=locked, borrowed=debt + locked - balance)
    return Holding(free=balance - locked, locked=locked, borrowed=debt)


def liabilities(account: Row, wanted: Iterable[Asset]) -> Decimal:
    """What is owed in coins outside the portfolio, in US dollars, ≥ 0; debts in its own coins are in the holdings."""
    ours = frozenset(wanted)
    total = ZERO
    for name, coin in coins(account).items():
        if name not in ours and _holding(coin).total < 0:
            worth = number(coin, "usdValue")
            if worth > 0:
                raise InvalidReply(f"{name}: owed, but worth {worth}")
            total -= worth
    return total


def futures_wallet(account: Row, unrealised: Decimal) -> FuturesWallet:
    """The account as margin: its equity is the margin balance, with the coins at their collateral value.

    `unrealised`: of the positions. Raises SafetyStop where the venue shows no margin balance: in isolated mode.
    """
    if account.get("totalMarginBalance") == "" and account.get("accountMMRate") in ("", None):
        raise SafetyStop("the account shows no margin balance: it is in isolated margin mode; hedgerow needs cross")
    return FuturesWallet(
        balance=ZERO,
        unrealised=unrealised,
        equity=number(account, "totalMarginBalance"),
        initial_margin=amount(account, "totalInitialMargin"),
        maintenance_margin=amount(account, "totalMaintenanceMargin"),
        available=number(account, "totalAvailableBalance"),
    )


def positions(reply: Sequence[Row], account: Row, names: Names) -> tuple[Position, ...]:
    """Every position that is not flat. Raises SafetyStop in hedge mode.

    An empty list is believed only where the wallet has no margin set aside for positions either.
    """
    found = [entry for entry in reply if amount(entry, "size") != 0]
    if any(hedged(entry) for entry in reply):
        raise SafetyStop("the account is in hedge mode; hedgerow needs one-way mode", "110025")
    names_seen = [text(entry, "symbol") for entry in found]
    if len(set(names_seen)) != len(names_seen):
        raise InvalidReply("position list: a symbol comes twice")
    aside = coins(account).get(names.settle, {}).get("totalPositionMM")
    if not found and aside not in (None, "") and number({"totalPositionMM": aside}, "totalPositionMM") != 0:
        raise InvalidReply("position list and wallet do not show the same positions")
    return tuple(_position(entry, names) for entry in found)


def hedged(entry: Row) -> bool:
    """Whether a row of the position list is of hedge mode: a long (1) or a short (2) that may stand beside another."""
    index = whole(entry, "positionIdx")
    if index not in (0, 1, 2):
        raise InvalidReply(f"positionIdx: {index}")
    return index != 0


def _position(entry: Row, names: Names) -> Position:
    size = positive(entry, "size")
    return Position(
        symbol=names.perpetual(text(entry, "symbol")),
        quantity=size * side(entry).sign,
        entry_price=positive(entry, "avgPrice"),
        mark=price_or_none(entry, "markPrice"),
        unrealised=number(entry, "unrealisedPnl"),
        maintenance_margin=amount_or_none(entry, "positionMM"),
        initial_margin=amount_or_none(entry, "positionIM"),
        liquidation_price=positive_or_none(entry, "liqPrice"),
        leverage=positive_or_none(entry, "leverage"),
        updated_at=instant_or_none(entry, "updatedTime"),
    )


# -- prices ------------------------------------------------------------------------------------------------------------


def tickers(reply: object, wanted: Iterable[str]) -> dict[str, Row]:
    """See `replies.picked`."""
    return picked(result(reply, "tickers").get("list"), wanted, "tickers")


def quote(
    spot: Row, perp: Row, *, spot_at: Millis, perp_at: Millis, ahead: Millis, interval: Millis | None,
) -> Quote:
    """One coin's prices, on our clock, which is `ahead` of the venue's. Rows carry no time: the answers' own counts.

    `interval`: between settlements, where the ticker does not say it.
    """
    next_funding = instant_or_none(perp, "nextFundingTime")
    hours = number_or_none(perp, "fundingIntervalHour")
    return Quote(
        spot_bid=price_or_none(spot, "bid1Price"),
        spot_ask=price_or_none(spot, "ask1Price"),
        spot_at=spot_at + ahead,
        perp_bid=price_or_none(perp, "bid1Price"),
        perp_ask=price_or_none(perp, "ask1Price"),
        perp_at=perp_at + ahead,
        mark=price_or_none(perp, "markPrice"),
        index=price_or_none(perp, "indexPrice"),
        mark_at=perp_at + ahead,
        funding_rate=number_or_none(perp, "fundingRate"),
        next_funding_at=None if next_funding is None else next_funding + ahead,
        funding_interval=int(hours * HOUR) if hours is not None and hours > 0 else interval,
    )


def mid(ticker: Row) -> Decimal | None:
    """Between best bid and ask; None where a side is empty."""
    return midway(ticker, "bid1Price", "ask1Price")


# -- orders that rest --------------------------------------------------------------------------------------------------

LIVE = frozenset({"Created", "New", "PartiallyFilled", "Untriggered", "Triggered"})
"""States of an order that has not ended."""
ENDED = frozenset({"Filled", "Cancelled", "PartiallyFilledCanceled", "Rejected", "Deactivated"})
_LIVES = {**dict.fromkeys(LIVE, True), **dict.fromkeys(ENDED, False)}


def is_live(entry: Row) -> bool:
    """Whether an order has not ended. Raises InvalidReply for a state that is not known."""
    return known(entry, "orderStatus", _LIVES)


def open_orders(found: Iterable[Row], names: Names) -> tuple[OpenOrder, ...]:
    """The live ones among the rows of order/realtime, which also tells of some that have ended."""
    return tuple(
        OpenOrder(
            symbol=names.perpetual(text(entry, "symbol")),
            order_id=text(entry, "orderId"),
            client_order_id=link_of(entry),
            side=side(entry),
            price=amount(entry, "price"),
            quantity=amount(entry, "qty"),
            filled=amount(entry, "cumExecQty"),
            reduce_only=flag(entry, "reduceOnly"),
            created_at=instant(entry, "createdTime"),
        )
        for entry in found if is_live(entry)
    )


def link_of(entry: Row) -> str:
    """The client order id; empty for an order that was placed without one."""
    found = entry.get("orderLinkId")
    if not isinstance(found, str):
        raise InvalidReply("orderLinkId: expected text")
    return found


def side(entry: Row) -> Side:
    """Buy or Sell."""
    return known(entry, "side", SIDES)
