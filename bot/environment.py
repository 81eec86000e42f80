"""In which world orders are placed: one value of one enum, chosen by the configuration, asked by the venue's door.

And which venue has which of these worlds, at which hosts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Environment(StrEnum):
    """`local`: the testnet on this machine. `demo`, `testnet`: the venue's own, with play money. `live`: real money."""

    LOCAL = "local"
    DEMO = "demo"
    TESTNET = "testnet"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class VenueOffer:
    """What one venue offers.

    `hosts`: by environment, the only names that may be called; `local` has none of its own (loopback only).
    `local`: the environment that the testnet on this machine stands for, whose addresses are kept up to the door.
    `lacks`: why an environment is not there, in words for the user. `dead_mans_switch`: whether it withdraws orders
    by itself when the bot falls silent.
    """

    hosts: Mapping[Environment, frozenset[str]]
    local: Environment | None = None
    lacks: str = ""
    dead_mans_switch: bool = False

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Those that can be asked for."""
        here = () if self.local is None else (Environment.LOCAL,)
        return (*here, *(kind for kind in Environment if kind in self.hosts))


OFFERS: Mapping[str, VenueOffer] = {
    "binance": VenueOffer(
        hosts={
            Environment.DEMO: frozenset({"demo-api.binance.com", "demo-fapi.binance.com"}),
            Environment.LIVE: frozenset({"api.binance.com", "fapi.binance.com"}),
        },
        local=Environment.DEMO,
        lacks="Binance retired its futures testnet; its demo trading took over",
        dead_mans_switch=True,
    ),
    "bybit": VenueOffer(
        hosts={
            Environment.DEMO: frozenset({"api-demo.bybit.com"}),
            Environment.TESTNET: frozenset({"api-testnet.bybit.com"}),
            Environment.LIVE: frozenset({"api.bybit.com"}),
        },
        local=Environment.TESTNET,
    ),
    "bingx": VenueOffer(
        hosts={Environment.LIVE: frozenset({"open-api.bingx.com"})},
        lacks="BingX's play-money account (VST) has perpetuals but no spot wallet, so there are no coins to hedge",
    ),
    "mexc": VenueOffer(
        hosts={Environment.LIVE: frozenset({"api.mexc.com"})},
        lacks="MEXC has no test environment, and its client would silently go on speaking to the live one",
    ),
    "weex": VenueOffer(
        hosts={Environment.LIVE: frozenset({"api-spot.weex.com", "api-contract.weex.com"})},
        lacks="WEEX simulates contracts on its live hosts, without cancelling or reading orders, and has no spot there",
    ),
}
