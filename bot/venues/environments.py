"""Which venue has which environments, and the hosts that each may be spoken to at. Light: nothing of ccxt is loaded.

Only the composition root chooses it; only the door (`transport`) asks it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from yarl import URL

from bot.environment import Environment
from bot.errors import ConfigError


@dataclass(frozen=True, slots=True)
class VenueOffer:
    """What one venue offers.

    `hosts`: by environment, the only names that may be called; `local` has none of its own (loopback only).
    `lacks`: why an environment is not there, in words for the user.
    """

    hosts: Mapping[Environment, frozenset[str]]
    local: bool = False
    lacks: str = ""

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Those that can be asked for."""
        return tuple(kind for kind in Environment if kind in self.hosts or (self.local and kind is Environment.LOCAL))


OFFERS: Mapping[str, VenueOffer] = {
    "binance": VenueOffer(
        hosts={
            Environment.DEMO: frozenset({"demo-api.binance.com", "demo-fapi.binance.com"}),
            Environment.LIVE: frozenset({"api.binance.com", "fapi.binance.com"}),
        },
        local=True,
        lacks="Binance retired its futures testnet; its demo trading took over",
    ),
    "bybit": VenueOffer(
        hosts={
            Environment.DEMO: frozenset({"api-demo.bybit.com"}),
            Environment.TESTNET: frozenset({"api-testnet.bybit.com"}),
            Environment.LIVE: frozenset({"api.bybit.com"}),
        },
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


def offer(venue: str) -> VenueOffer:
    """What `venue` offers. Raises ConfigError for a venue that is not known."""
    if venue not in OFFERS:
        raise ConfigError(f"venue {venue!r} is not known; known are: {', '.join(OFFERS)}")
    return OFFERS[venue]


def allowed_hosts(venue: str, environment: Environment) -> frozenset[str]:
    """The host names that may be called; empty for `local`. Raises ConfigError where the venue has no such thing."""
    offered = offer(venue)
    if environment not in offered.environments:
        reason = f": {offered.lacks}" if offered.lacks else ""
        raise ConfigError(
            f"environment {environment.value!r} does not exist on {venue}{reason}; "
            f"allowed there: {', '.join(offered.environments)}",
        )
    return offered.hosts.get(environment, frozenset())


def loopback_url(text: str) -> URL:
    """The address of a testnet on this machine, as scheme, host and port. Raises ConfigError for any other machine."""
    try:
        url = URL(text)
        host = url.host or ""
        port = url.port
    except ValueError:
        raise ConfigError(f"local_url {text!r} is not an address such as http://127.0.0.1:8700") from None
    if host == "localhost":  # a name can be made to lead anywhere; the number cannot
        url = url.with_host("127.0.0.1")
    elif not _is_loopback(host):
        raise ConfigError(f"local_url {text!r} is not on this machine; allowed: http://127.0.0.1:PORT")
    if url.scheme != "http" or port is None or url.path not in ("", "/") or url.query_string or url.user:
        raise ConfigError(f"local_url {text!r} must be scheme, host and port only: http://127.0.0.1:PORT")
    return url.origin()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
