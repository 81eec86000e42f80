"""What our own trades moved, folded from the books: cash and coins, on both markets, fees in whatever coin."""

from __future__ import annotations

from decimal import Decimal

from bot.core.market import Side
from bot.core.orders import Fill
from bot.journal.fold import cash_flow, coin_flow

D = Decimal


def fill(  # noqa: PLR0917 - an execution in one line
    symbol: str, side: Side, quantity: str, price: str, fee: str, currency: str, realised: str = "0",
) -> Fill:
    return Fill(f"{symbol}{quantity}", "o", symbol, side, D(quantity), D(price), D(fee), currency, D(realised),
                maker=True, at=1)


FILLS = (
    fill("BTC/USDT:USDT", Side.SELL, "0.2", "50000", "2", "USDT"),
    fill("BTC/USDT", Side.SELL, "0.04", "50000", "2", "USDT"),
    fill("BTC/USDT:USDT", Side.BUY, "0.04", "49000", "1", "USDT", realised="40"),
    fill("ETH/USDT", Side.BUY, "0.5", "2500", "0.0005", "ETH"),
    fill("ETH/USDT", Side.SELL, "0.1", "2500", "0.001", "BNB"),
)


def test_the_cash_flow_has_spot_proceeds_and_purchases_in_it() -> None:
    assert cash_flow(FILLS, (), "USDT") == -2 + (2000 - 2) + (40 - 1) - 1250 + 250


def test_the_coin_flow_is_what_spot_trades_and_fees_moved_and_no_perpetual() -> None:
    moved = coin_flow(FILLS)
    assert (moved["BTC"], moved["ETH"], moved["BNB"]) == (D("-0.04"), D("0.3995"), D("-0.001"))
