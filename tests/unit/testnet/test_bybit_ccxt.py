"""The unmodified ccxt client over real HTTP, reading. The story runs with the wall clock: ccxt has no other."""

from __future__ import annotations

from decimal import Decimal

import ccxt
import pytest
from ccxt_desk import PERP, SPOT, BybitDesk, bybit_desk

from bot.core.times import HOUR
from bot.testnet.faults import Kind, Switch

desk = pytest.fixture(bybit_desk)


async def test_it_loads_both_kinds_of_markets_with_their_steps(desk: BybitDesk) -> None:
    markets = await desk.client.load_markets()
    assert set(markets) == {"BTC/USDT", "ETH/USDT", "BTC/USDT:USDT", "ETH/USDT:USDT"}
    perp, spot = markets["ETH/USDT:USDT"], markets[SPOT]
    assert (perp["precision"]["amount"], perp["precision"]["price"], perp["contractSize"], perp["linear"]) == (
        0.01, 0.01, 1.0, True)
    assert (perp["limits"]["cost"]["min"], perp["limits"]["amount"]["min"], perp["active"]) == (5.0, 0.01, True)
    assert perp["limits"]["leverage"]["max"] == 100.0
    assert (spot["precision"]["amount"], spot["precision"]["price"], spot["limits"]["cost"]["min"]) == (
        0.000001, 0.01, 5.0)


async def test_it_reads_the_one_wallet_once(desk: BybitDesk) -> None:
    await desk.client.load_markets()
    assert await desk.client.is_unified_enabled() == [False, True]
    balance = await desk.client.fetch_balance()
    assert (balance["BTC"]["total"], balance["ETH"]["total"]) == (1.639344, 24.0)
    assert balance["USDT"]["total"] == pytest.approx(20_000, abs=1)


async def test_it_reads_prices_books_funding_and_candles(desk: BybitDesk) -> None:
    client = desk.client
    await client.load_markets()
    ticker = await client.fetch_ticker(PERP)
    assert (ticker["last"], ticker["bid"], ticker["ask"]) == (30_500.0, 30_499.5, 30_500.5)
    assert (await client.fetch_ticker(SPOT))["bid"] == 30_499.5
    assert (await client.fetch_order_book(PERP, 5))["bids"][0] == [30_499.5, 1.0]
    assert (await client.fetch_order_book(SPOT, 5))["asks"][0] == [30_500.5, 1.0]
    rate = await client.fetch_funding_rate(PERP)
    assert (rate["fundingRate"], rate["markPrice"], rate["interval"]) == (0.0001, 30_500.0, "8h")
    assert rate["fundingTimestamp"] == desk.caller.exchange.feed.start + 8 * HOUR
    assert [row["fundingRate"] for row in await client.fetch_funding_rate_history(PERP)] == [0.0001]
    assert (await client.fetch_ohlcv(PERP, "1h"))[-1][4] == 30_500.0
    tiers = await client.fetch_market_leverage_tiers(PERP)
    assert (tiers[0]["maintenanceMarginRate"], tiers[0]["maxLeverage"], tiers[1]["minNotional"]) == (
        0.005, 100.0, 2_000_000.0)


async def test_it_reads_fees_and_the_log_of_the_wallet(desk: BybitDesk) -> None:
    client = desk.client
    await client.load_markets()
    fee = await client.fetch_trading_fee(PERP)
    assert (fee["maker"], fee["taker"]) == (0.0002, 0.00055)
    desk.caller.short("0.1")
    (entry,) = await client.fetch_ledger("USDT")
    assert (entry["type"], entry["direction"], entry["amount"]) == ("trade", "out", 1.67747250)
    assert Decimal(str(entry["after"])) == desk.caller.exchange.wallets.spot["USDT"]


async def test_refusals_arrive_as_the_classes_that_they_are(desk: BybitDesk) -> None:
    await desk.client.load_markets()
    for code, kind in ((10005, ccxt.PermissionDenied), (110007, ccxt.InsufficientFunds), (10002, ccxt.InvalidNonce)):
        desk.caller.testnet.faults.arm(Switch("GET /v5/account/wallet-balance", Kind.ERROR, code=code))
        with pytest.raises(kind):
            await desk.client.fetch_balance()
    desk.client.secret = "another"
    with pytest.raises(ccxt.AuthenticationError):
        await desk.client.fetch_balance()


@pytest.mark.parametrize(("kind", "error"), [
    (Kind.RATE_LIMIT, ccxt.RateLimitExceeded), (Kind.BAN, ccxt.RateLimitExceeded), (Kind.UNKNOWN, ccxt.ExchangeError),
    (Kind.HTTP503, ccxt.ExchangeError), (Kind.CLOSE, ccxt.NetworkError),
])
async def test_trouble_arrives_in_bybits_words(desk: BybitDesk, kind: Kind, error: type[Exception]) -> None:
    await desk.client.load_markets()
    desk.caller.testnet.faults.arm(Switch("GET /v5/market/tickers", kind, count=None))
    with pytest.raises(error):
        await desk.client.fetch_ticker(PERP)
