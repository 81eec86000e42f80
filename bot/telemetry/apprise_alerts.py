"""Messages through apprise, which speaks to a hundred services. Its addresses are secrets: they hold tokens."""

from __future__ import annotations

import importlib.util
import logging
import re
import warnings
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from bot.errors import ConfigError, Unavailable
from bot.ports import Urgency

INSTALL = "`make alerts`, or hedgerow's extra `alerts` wherever else it was installed from"

# Their lines hold whole addresses: nothing below the level that nobody uses is let through.
_SILENCED = ("apprise", "urllib3", "requests", "requests_oauthlib", "oauthlib", "paho", "markdown", "MARKDOWN")
_SHORTEST_SECRET = 6


class AppriseAlerts:
    """Every address at once. Raises ConfigError for one that apprise cannot use, and where apprise is not installed."""

    def __init__(self, urls: Sequence[str]) -> None:
        if importlib.util.find_spec("apprise") is None:
            raise ConfigError(f"alerts are configured, and apprise is not installed. Allowed: {INSTALL}")
        for name in _SILENCED:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        import apprise  # noqa: PLC0415 - an extra, and slow to load

        self._types: dict[Urgency, Any] = {
            Urgency.NOTE: apprise.NotifyType.INFO, Urgency.WARNING: apprise.NotifyType.WARNING,
            Urgency.URGENT: apprise.NotifyType.FAILURE,
        }
        self._text = apprise.NotifyFormat.TEXT
        self._services: list[tuple[str, Any]] = []
        for place, url in enumerate(urls, 1):
            service = apprise.Apprise()
            with warnings.catch_warnings():  # it loads every plugin it has, some on modules that Python gives up
                warnings.simplefilter("ignore")
                known = service.add(url)
            if not known:
                raise ConfigError(
                    f"alert_urls: number {place} ({scheme(url)}://…) is no address that apprise knows, or lacks a "
                    "part. Allowed: addresses as apprise's documentation writes them")
            self._services.append((scheme(url), service))

    def deliver(self, title: str, text: str, urgency: Urgency) -> None:
        """See `bot.ports.Alerts`: delivered where one service at least has taken it."""
        failed = [name for name, took in self.each(title, text, urgency) if not took]
        if len(failed) == len(self._services):
            raise Unavailable(f"not taken by {', '.join(failed)}")

    def each(self, title: str, text: str, urgency: Urgency) -> list[tuple[str, bool]]:
        """Send to each; service by service, whether it took the message."""
        return [(name, self._sent(service, title, text, urgency)) for name, service in self._services]

    def _sent(self, service: Any, title: str, text: str, urgency: Urgency) -> bool:  # noqa: ANN401 - apprise's object
        try:
            return bool(service.notify(
                body=text, title=title, notify_type=self._types[urgency], body_format=self._text))
        except Exception:  # noqa: BLE001 - a service's own code: it was not taken
            return False


def scheme(url: str) -> str:
    """What kind of service an address is of: 'json', 'tgram'; nothing else of it may be shown."""
    found = re.match(r"[a-zA-Z][a-zA-Z0-9]{0,15}(?=://)", url)
    return found.group().lower() if found else "?"


def secrets_of(urls: Sequence[str]) -> tuple[str, ...]:
    """What must never be seen of these addresses: the whole, and every part that may be a token."""
    found: dict[str, None] = {}
    for url in urls:
        found[url] = None
        found[url.partition("://")[2]] = None
        parts = urlsplit("https://" + url.partition("://")[2])
        user, _, host = parts.netloc.rpartition("@")
        pieces = [*re.split(r"[:@]", user), *parts.path.split("/"), *re.split(r"[&=]", parts.query), parts.fragment]
        if "." not in host and not host.startswith(("localhost", "[")):
            pieces += [host, *host.split(":")]
        found |= dict.fromkeys(
            form for piece in pieces for form in (piece, unquote(piece)) if len(form) >= _SHORTEST_SECRET)
    return tuple(found)
