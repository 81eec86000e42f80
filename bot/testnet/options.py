"""What a testnet is asked to be."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

from bot.core.market import Asset
from bot.core.times import Millis
from bot.errors import ConfigError

SETTLE = "USDT"
_WEIGHTS: Mapping[str, Decimal] = MappingProxyType(
    {"BTC": Decimal("0.5"), "ETH": Decimal("0.3"), SETTLE: Decimal("0.2")},
)


@dataclass(frozen=True, slots=True)
class TestnetOptions:
    """Market, account and door of one testnet. Raises ConfigError where they make no sense.

    `venue`: whose protocol it speaks, which also decides between two wallets and one. `specs`: that venue's own steps,
    minimums, fees and margin tables, or 'equal': the same on every venue.
    `panel`: a file of hourly history; without it the named `scenario` of `days` days from `seed`. `start`, `end` cut
    the panel. `path`: how prices go between two points of a panel. The account starts with `nav` split by `weights`
    at the story's first prices (the settle coin among them); `futures_share` of its cash lies in the futures wallet.
    `balances_spot` and `balances_futures` replace that split by amounts. `speed`: story seconds per wall second;
    None: stepped. `port` 0: any free one.
    """

    __test__ = False  # its name begins like a test class's

    venue: str = "binance"
    specs: str = "venue"
    host: str = "127.0.0.1"
    port: int = 0
    panel: Path | None = None
    scenario: str = "bull"
    days: int = 35
    seed: int = 1
    start: Millis | None = None
    end: Millis | None = None
    path: str = "bridge"
    nav: Decimal = Decimal(100_000)
    weights: Mapping[Asset, Decimal] = field(default_factory=lambda: _WEIGHTS)
    futures_share: Decimal = Decimal("0.5")
    balances_spot: Mapping[Asset, Decimal] | None = None
    balances_futures: Mapping[Asset, Decimal] | None = None
    leverage: Decimal = Decimal(20)
    speed: Decimal | None = None
    key: str = "local-key"
    secret: str = field(default="local-secret", repr=False)

    def __post_init__(self) -> None:
        check_loopback(self.host)
        if not 0 <= self.port <= 65_535:
            raise ConfigError(f"port {self.port}: allowed are 0 (any free one) to 65535")
        _choose("venue", self.venue, "binance", "bybit")
        _choose("specs", self.specs, "venue", "equal")
        _choose("path", self.path, "bridge", "step")
        if self.days <= 0:
            raise ConfigError(f"days {self.days}: must be positive")
        if self.nav <= 0:
            raise ConfigError(f"nav {self.nav}: must be positive")
        if not 0 <= self.futures_share <= 1:
            raise ConfigError(f"futures_share {self.futures_share}: allowed is 0 to 1")
        if self.speed is not None and self.speed <= 0:
            raise ConfigError(f"speed {self.speed}: must be positive")
        if any(weight < 0 for weight in self.weights.values()) or sum(self.weights.values()) != 1:
            raise ConfigError("weights must be 0 or more and sum to 1")
        if not self.key or not self.secret:
            raise ConfigError("key and secret must not be empty")


def _choose(name: str, value: str, one: str, other: str) -> None:
    if value not in (one, other):
        raise ConfigError(f"{name} {value!r}: allowed are {one!r} and {other!r}")


def check_loopback(host: str) -> None:
    """Refuse every address that others could reach. Raises ConfigError."""
    if host == "localhost":
        return
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise ConfigError(f"the testnet listens on loopback only: host {host!r} is not; allowed are 127.0.0.1, ::1 "
                          "and localhost")
