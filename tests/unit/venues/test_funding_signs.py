"""Funding's sign, held to rows as the venues document them: positive is what the account received."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot.core.orders import FundingPayment
from bot.venues import binance_replies, bybit_orders
from bot.venues.failures import InvalidReply
from bot.venues.names import Names
from bot.venues.replies import Row

AT = 1_700_006_400_000
NAMES = Names("USDT")


def income(amount: str) -> Row:
    """GET /fapi/v1/income: a negative income left the account."""
    return {"symbol": "BTCUSDT", "incomeType": "FUNDING_FEE", "income": amount, "asset": "USDT", "info": "FUNDING_FEE",
            "time": AT, "tranId": 9689322392, "tradeId": ""}


def settlement(funding: str, change: str) -> Row:
    """GET /v5/account/transaction-log, type SETTLEMENT: `change` is what the wallet changed by."""
    return {"id": "592324_BTCUSDT_161440249321", "symbol": "BTCUSDT", "side": "Sell", "funding": funding, "fee": "0",
            "change": change, "cashFlow": "0", "type": "SETTLEMENT", "category": "linear", "currency": "USDT",
            "transactionTime": str(AT), "cashBalance": "1000", "qty": "0.2", "size": "-0.2", "tradePrice": "50000"}


@pytest.mark.fault(50)
@pytest.mark.parametrize("amount", ["1.25000000", "-0.37500000", "0.00000001"])
def test_on_both_venues_positive_is_received(amount: str) -> None:
    for payment in (binance_replies.funding_payment(income(amount), NAMES),
                    bybit_orders.funding_payment(settlement(amount, amount), NAMES)):
        assert isinstance(payment, FundingPayment)
        assert (payment.amount, payment.symbol, payment.at) == (Decimal(amount), "BTC/USDT:USDT", AT)


@pytest.mark.fault(50)
@pytest.mark.parametrize(("funding", "change"), [("1.25", "-1.25"), ("-1.25", "1.25"), ("0", "1"), ("1", "0")])
def test_a_row_whose_two_signs_disagree_is_no_row(funding: str, change: str) -> None:
    with pytest.raises(InvalidReply):
        bybit_orders.funding_payment(settlement(funding, change), NAMES)


@pytest.mark.fault(48)
@pytest.mark.parametrize("amount", [None, "", "NaN", 0])
def test_an_amount_that_is_missing_is_not_nothing(amount: object) -> None:
    with pytest.raises(InvalidReply):
        binance_replies.funding_payment({**income("1"), "income": amount}, NAMES)
    with pytest.raises(InvalidReply):
        bybit_orders.funding_payment({**settlement("1", "1"), "change": amount}, NAMES)
