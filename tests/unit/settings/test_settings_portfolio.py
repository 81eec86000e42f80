"""A portfolio file is read with a configuration's grammar, and refused with file, line, key and what is allowed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from bot.core.decision import AssetState
from bot.core.market import Holding, MarginTier, WalletKind
from bot.core.times import HOUR
from bot.errors import ConfigError
from bot.settings import Described, load, load_portfolio
from bot.settings.offline import margin_tiers

D = Decimal
MINIMAL = """\
assets:
  BTC: {target: "50%"}
cash: {USDT: "50%"}
market:
  BTC: {price: "50000", step: "0.001"}
holdings: {BTC: "1.2", USDT: "20000"}
"""
WISHES = """\
assets:
  BTC: {target: "50%"}
cash: {USDT: "50%"}
"""


def write(folder: Path, text: str, name: str = "account.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str = MINIMAL) -> Described:
    return load_portfolio(write(folder, text), None, 7)


def complaints(folder: Path, text: str) -> list[str]:
    path = write(folder, text)
    with pytest.raises(ConfigError) as caught:
        load_portfolio(path, None, 7)
    return str(caught.value).replace(str(path), "account.yaml").splitlines()


def test_what_is_left_out_is_the_quiet_case(tmp_path: Path) -> None:
    described = read(tmp_path)
    snapshot, terms = described.situation.snapshot, described.terms
    quote, spec = snapshot.quotes["BTC"], terms.instruments["BTC"]
    assert (snapshot.taken_at, snapshot.wallet, snapshot.positions) == (7, WalletKind.SEPARATE, ())
    assert snapshot.holdings == {"BTC": Holding(D("1.2")), "USDT": Holding(D(20_000))}
    assert (quote.spot_mid, quote.perp_mid, quote.mark, quote.index) == (D(50_000),) * 4
    assert (quote.funding_rate, quote.funding_interval) == (D(0), 8 * HOUR)
    assert (spec.symbol, spec.amount_step, spec.min_amount) == ("BTCUSDT", D("0.001"), D("0.001"))
    assert spec.min_notional == 0
    assert spec.tiers == (MarginTier(D(0), None, D("0.01")),)
    assert snapshot.futures.equity == 0
    assert described.situation.state.assets == {}


def test_a_hedge_that_is_open_uses_margin_and_has_made_or_lost(tmp_path: Path) -> None:
    described = read(tmp_path, MINIMAL + 'futures: {wallet: "10000"}\nhedges: {btc: {short: "0.2", entry: "45000"}}\n')
    wallet = described.situation.snapshot.futures
    (position,) = described.situation.snapshot.positions
    assert (position.symbol, position.quantity, position.unrealised) == ("BTCUSDT", D("-0.2"), D(-1_000))
    assert (wallet.balance, wallet.unrealised, wallet.equity) == (D(10_000), D(-1_000), D(9_000))
    assert (wallet.initial_margin, wallet.maintenance_margin, wallet.available) == (D(2_000), D(100), D(7_000))
    assert described.situation.standing.of("BTC").short == D("0.2")


def test_a_unified_wallet_counts_coins_by_their_ratio_and_debts_in_full(tmp_path: Path) -> None:
    text = MINIMAL.replace('step: "0.001"', 'step: "0.001", collateral_ratio: "95%"') + (
        'wallet: unified\nborrowed: {USDT: "1200"}\nhedges: {BTC: {short: "0.2", entry: "40000"}}\n')
    snapshot = read(tmp_path, text).situation.snapshot
    assert snapshot.futures.balance == 0
    assert snapshot.futures.equity == 20_000 - 1_200 - 2_000 + D("0.95") * 60_000
    assert snapshot.holdings["USDT"].total == 18_800


def test_margin_tiers_are_continuous() -> None:
    assert margin_tiers({D(50_000): D("0.005"), D(0): D("0.004")}) == (
        MarginTier(D(0), D(50_000), D("0.004")), MarginTier(D(50_000), None, D("0.005"), D(50)))


def test_holdings_known_before_are_what_the_bot_started_with(tmp_path: Path) -> None:
    described = read(tmp_path, MINIMAL + 'acknowledged: {BTC: "1.4"}\n')
    assert described.situation.state.assets == {"BTC": AssetState(holding=D("1.4"))}
    assert described.at_start == replace(described.situation.snapshot, holdings={
        "BTC": Holding(D("1.4")), "USDT": Holding(D(20_000))})


@pytest.mark.fault(78, 80)
@pytest.mark.parametrize(("change", "line"), [
    (('price: "50000"', "price: 50000.5"),
     ('account.yaml:5: market.BTC.price: 50000.5 stands without quotes, as a float, which is not exact. '
     'Allowed: write it in quotes: "50000.5"')),
    (('price: "50000"', 'price: "-1"'),
     'account.yaml:5: market.BTC.price: "-1" is not above zero. Allowed: a positive number in quotes, such as "0.001"'),
    ((', step: "0.001"', ""),
     'account.yaml:5: market.BTC.step: is missing. Allowed: a positive number in quotes, such as "0.001"'),
    (("step:", 'setp: "1", step:'),
     ("account.yaml:5: market.BTC.setp: is no known key (did you mean step?). Allowed: price, perp, mark, index, "
     "funding_rate, funding_interval, "
     "maker_fee, spot_fee, step, min_amount, min_notional, tick, tiers, collateral_ratio")),
    (('BTC: "1.2"', 'BTC: "-1.2"'),
     'account.yaml:6: holdings.BTC: "-1.2" is negative. Allowed: a number from 0 in quotes, such as "1.2"'),
    (('BTC: "1.2"', 'BTC: "1.2", DOGE: "5"'),
     "account.yaml:6: holdings.DOGE: has no place in this portfolio. Allowed: BTC, USDT"),
    (('BTC: "1.2"', 'BTC: "1.2", btc: "5"'),
     "account.yaml:6: holdings.BTC: stands twice, first on line 6. Allowed: each key once"),
    (('BTC: "1.2"', 'BTCUSDT: "1.2"'),
     'account.yaml:6: holdings.BTCUSDT: "BTCUSDT" is a market, not a coin. Allowed: the coin alone: BTC'),
    (('USDT: "50%"', 'USDT: "40%", USDC: "10%"'), None),
    (('step: "0.001"', 'step: "0.001", funding_rate: 0.0001'),
     ("account.yaml:5: market.BTC.funding_rate: 0.0001 stands without quotes, as a float, which is not exact. Allowed: "
     'a share with its sign, such as "0.01%", "-0.01%" or "-1bp"')),
    (('step: "0.001"', 'step: "0.001", tiers: {"50000": "1%"}'),
     'account.yaml:5: market.BTC.tiers: say nothing of the smallest position. Allowed: a first tier "0"'),
    (('cash: {USDT: "50%"}', 'cash: {USDT: "40%"}'),
     "account.yaml:1: assets: BTC 50% + USDT 40% is 90%. Allowed: targets and cash that sum to 100%"),
    (("holdings:", 'hedges: {ETH: {short: "1"}}\nholdings:'),
     "account.yaml:6: hedges.ETH: has no place in this portfolio. Allowed: BTC"),
    (("holdings:", 'wallet: unified\nfutures: {wallet: "5"}\nholdings:'),
     "account.yaml:7: futures.wallet: does not exist in a unified account. Allowed: all balances in holdings"),
    (("holdings:", "at: yesterday\nholdings:"),
     ('account.yaml:6: at: "yesterday" is no date or time. Allowed: a UTC date or time in quotes: "2021-01-28" or '
     '"2021-01-28T12:00:00Z"')),
])
def test_what_is_wrong_is_said_with_line_key_and_what_is_allowed(
    tmp_path: Path, change: tuple[str, str], line: str | None,
) -> None:
    text = MINIMAL.replace(*change)
    assert text != MINIMAL
    if line is None:
        read(tmp_path, text)
    else:
        assert complaints(tmp_path, text) == [line]


def test_a_stablecoin_that_is_held_needs_a_price(tmp_path: Path) -> None:
    text = MINIMAL.replace('{USDT: "50%"}', '{USDT: "40%", USDC: "10%"}').replace(
        '{BTC: "1.2"', '{USDC: "9", BTC: "1.2"')
    assert complaints(tmp_path, text) == [
        'account.yaml:6: holdings.USDC: has no price. Allowed: stablecoins: {USDC: "1"}']
    assert read(tmp_path, text + 'stablecoins: {USDC: "0.999"}\n').situation.snapshot.stable_prices == {
        "USDC": D("0.999")}


def test_a_coin_with_a_target_needs_a_market(tmp_path: Path) -> None:
    text = MINIMAL.replace('BTC: {target: "50%"}', 'BTC: {target: "30%"}\n  ETH: {target: "20%"}')
    assert complaints(tmp_path, text) == [
        'account.yaml:5: market: lacks ETH, which has a target. Allowed: ETH: {price: "50000", step: "0.001"}']


def test_without_a_configuration_the_file_says_what_is_wanted(tmp_path: Path) -> None:
    assert complaints(tmp_path, MINIMAL.removeprefix(WISHES)) == [
        f"account.yaml: {name}: is missing. Allowed: the section here, or a configuration with -c FILE"
        for name in ("assets", "cash")]


def test_with_a_configuration_the_file_describes_the_account_alone(tmp_path: Path) -> None:
    config = "venue: binance\nenvironment: local\n" + WISHES
    settings = load(write(tmp_path, config, "mine.yaml"), {})
    path = write(tmp_path, MINIMAL + "guards: {stale_after: 5s}\n")
    with pytest.raises(ConfigError) as caught:
        load_portfolio(path, settings, 7)
    assert str(caught.value).replace(str(path), "account.yaml").splitlines() == [
        f"account.yaml:{line}: {name}: stands in mine.yaml too. Allowed: leave it out here, or leave out -c"
        for line, name in ((1, "assets"), (3, "cash"), (7, "guards"))]
    alone = write(tmp_path, MINIMAL.removeprefix(WISHES))
    assert load_portfolio(alone, settings, 7).terms.policy == settings.policy()


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load_portfolio(tmp_path / "gone.yaml", None, 7)
