from __future__ import annotations

import subprocess
import sys

import pytest

from bot.environment import OFFERS, Environment
from bot.errors import ConfigError
from bot.venues.environments import allowed_hosts, loopback_url


@pytest.mark.fault(84)
def test_a_venue_without_a_test_environment_says_so() -> None:
    with pytest.raises(ConfigError, match="MEXC has no test environment"):
        allowed_hosts("mexc", Environment.DEMO)


@pytest.mark.parametrize(("venue", "environment"), [
    ("binance", Environment.TESTNET), ("bingx", Environment.DEMO), ("weex", Environment.TESTNET),
    ("mexc", Environment.LOCAL), ("weex", Environment.LOCAL),
])
def test_an_environment_that_is_not_there_names_those_that_are(venue: str, environment: Environment) -> None:
    with pytest.raises(ConfigError, match=r"allowed there: .*live"):
        allowed_hosts(venue, environment)


def test_an_unknown_venue_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="known are: binance, bybit"):
        allowed_hosts("kraken", Environment.LIVE)


@pytest.mark.fault(83)
@pytest.mark.parametrize("venue", OFFERS)
def test_no_host_belongs_to_two_environments(venue: str) -> None:
    every = [host for hosts in OFFERS[venue].hosts.values() for host in hosts]
    assert len(every) == len(set(every))


@pytest.mark.parametrize(("text", "origin"), [
    ("http://127.0.0.1:8700", "http://127.0.0.1:8700"), ("http://127.0.0.1:8700/", "http://127.0.0.1:8700"),
    ("http://localhost:8700", "http://127.0.0.1:8700"), ("http://[::1]:8700", "http://[::1]:8700"),
    ("http://127.3.2.1:8700", "http://127.3.2.1:8700"),
])
def test_the_local_testnet_is_on_this_machine(text: str, origin: str) -> None:
    assert str(loopback_url(text)) == origin


@pytest.mark.parametrize("text", [
    "", "8700", "http://", "http://10.0.0.1:8700", "http://192.168.1.2:80", "http://fapi.binance.com",
    "http://127.0.0.1.example.com:80", "https://127.0.0.1:8700", "http://127.0.0.1:8700/fapi", "ftp://127.0.0.1:21",
    "http://user@127.0.0.1:8700", "http://127.0.0.1:99999", "http://0.0.0.0:8700", "http://127.0.0.1:8700/?a=b",
    "http://localhost.example.com:8700",
])
def test_any_other_address_is_a_configuration_error(text: str) -> None:
    with pytest.raises(ConfigError, match="local_url"):
        loopback_url(text)


def test_asking_what_a_venue_offers_does_not_import_ccxt() -> None:
    code = ("import sys, bot.venues.environments, bot.venues.makers; "
            "sys.exit(any(name == 'ccxt' or name.startswith('ccxt.') for name in sys.modules))")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
