from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.settings import Credentials, Settings, load
from bot.settings.secrets import LOCAL, NO_KEY

BASE = """\
venue: binance
environment: {environment}
assets: {{BTC: {{target: "80%"}}}}
cash: {{USDT: "20%"}}
margin: {{on_margin: close}}
"""
BALANCES = 'starting_balances: {spot: {BTC: "1.2", USDT: "10000"}, futures: {USDT: "5000"}}\n'
KEYS = {"HEDGEROW_API_KEY": "k1", "HEDGEROW_API_SECRET": "s1"}


def read(folder: Path, more: str = "", environ: Mapping[str, str] | None = None, environment: str = "demo") -> Settings:
    path = folder / "mine.yaml"
    path.write_text(BASE.format(environment=environment) + more, encoding="utf-8")
    return load(path, environ or {})


def test_starting_balances_are_exact_amounts_by_wallet(tmp_path: Path) -> None:
    begin = read(tmp_path, BALANCES).starting_balances
    assert begin is not None
    assert begin.spot == {"BTC": Decimal("1.2"), "USDT": Decimal(10_000)}
    assert begin.futures == {"USDT": Decimal(5_000)}


def test_variables_set_them_too(tmp_path: Path) -> None:
    begin = read(tmp_path, BALANCES, {"HEDGEROW_STARTING_BALANCES__SPOT__BTC": "2"}).starting_balances
    assert begin is not None
    assert begin.spot["BTC"] == 2


@pytest.mark.parametrize(("text", "wrong"), [
    ("starting_balances: {spot: {DOGE: 1}}", "DOGE is not in the portfolio"),
    ("starting_balances: {futures: {USDC: 1}}", "USDC is not what shorts on binance settle in"),
    ("starting_balances: {spot: {}}", "is empty"),
    ("starting_balances: {spot: {BTC: 0.5}}", "float"),
    ("starting_balances: {spot: {BTC: -1}}", "not above zero"),
])
def test_balances_that_cannot_be_are_refused(tmp_path: Path, text: str, wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        read(tmp_path, text + "\n")


def test_a_dry_run_needs_a_key_or_balances_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a dry run on environment demo of binance needs api_key.*starting_balances"):
        read(tmp_path).looking_credentials()
    assert read(tmp_path, BALANCES).looking_credentials() is NO_KEY
    assert read(tmp_path, environ=KEYS).looking_credentials() == Credentials("k1", "s1")


def test_a_key_shows_the_real_account_whatever_balances_are_configured(tmp_path: Path) -> None:
    assert read(tmp_path, BALANCES, KEYS).looking_credentials() == Credentials("k1", "s1")


def test_on_the_local_testnet_its_own_key_serves_where_no_balances_are_configured(tmp_path: Path) -> None:
    assert read(tmp_path, environment="local").looking_credentials() == LOCAL
    assert read(tmp_path, BALANCES, environment="local").looking_credentials() is NO_KEY


def test_half_a_key_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="api_secret"):
        read(tmp_path, BALANCES, {"HEDGEROW_API_KEY": "k1"}).looking_credentials()
