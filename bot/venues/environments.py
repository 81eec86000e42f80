"""The hosts that a venue may be spoken to at in an environment. Light: nothing of ccxt is loaded.

Only the composition root chooses it; only the door (`transport`) asks it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from yarl import URL

from bot.environment import OFFERS, Environment, VenueOffer
from bot.errors import ConfigError


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


def logical(venue: str, environment: Environment) -> Environment:
    """Whose addresses requests are made out to before the door: in `local` those of what it stands for."""
    return offer(venue).local or environment if environment is Environment.LOCAL else environment


_STREAMS: Mapping[tuple[str, Environment], frozenset[str]] = {
    ("binance", Environment.DEMO): frozenset({
        "fstream.binancefuture.com:443", "demo-stream.binance.com:443", "demo-ws-api.binance.com:443"}),
    ("binance", Environment.LIVE): frozenset({
        "fstream.binance.com:443", "stream.binance.com:9443", "ws-api.binance.com:443"}),
    # Bybit's demo has private streams of its own, and the live ones for the market.
    ("bybit", Environment.DEMO): frozenset({"stream.bybit.com:443", "stream-demo.bybit.com:443"}),
    ("bybit", Environment.TESTNET): frozenset({"stream-testnet.bybit.com:443"}),
    ("bybit", Environment.LIVE): frozenset({"stream.bybit.com:443"}),
}
"""Host and port of the WebSockets by venue and environment."""


def stream_hosts(venue: str, environment: Environment) -> frozenset[str]:
    """Where WebSockets may be opened, as host:port; empty where there are none."""
    return _STREAMS.get((venue, environment), frozenset())


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
