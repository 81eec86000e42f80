"""Who is asking: the X-BAPI headers, checked as Bybit checks them (EXCHANGES §8)."""

from __future__ import annotations

import hmac

from bot.core.times import Millis
from bot.testnet.bybit.errors import ApiError
from bot.testnet.bybit.settings import AccountSettings
from bot.testnet.dialect import Credentials, Request

DEFAULT_WINDOW: Millis = 5_000
AHEAD: Millis = 1_000
_HEADERS = ("X-BAPI-API-KEY", "X-BAPI-TIMESTAMP", "X-BAPI-SIGN", "X-BAPI-RECV-WINDOW")


def sign(secret: str, timestamp: str, key: str, window: str, payload: str) -> str:
    """The signature: HMAC-SHA256, in hex, of all four in a row; `payload` is the raw query or the raw body."""
    return hmac.digest(secret.encode(), f"{timestamp}{key}{window}{payload}".encode(), "sha256").hex()


def check_signed(credentials: Credentials, settings: AccountSettings, request: Request, now: Millis) -> None:
    """Key, then time, then signature. Raises ApiError."""
    key, timestamp, sent, window = [_header(request, name) for name in _HEADERS]
    if not key or not timestamp or not sent:
        raise ApiError(10001, message=f"empty value: apiTimestamp[{timestamp}] apiKey[{key}] apiSignature[{sent}]")
    if not hmac.compare_digest(key.encode(), credentials.key.encode()):
        raise ApiError(10003)
    if settings.key.revoked:
        raise ApiError(10003)
    if settings.key.expires_at is not None and now >= settings.key.expires_at:
        raise ApiError(33004)
    check_time(timestamp, window, now)
    payload = request.query if request.method == "GET" else request.body
    expected = sign(credentials.secret, timestamp, key, window, payload)
    if not hmac.compare_digest(expected.encode(), sent.lower().encode()):
        raise ApiError(10004, f"{timestamp}{key}{window}{payload}")


def _header(request: Request, name: str) -> str:
    """A header's text; what is not ASCII in it can only be wrong, and must not stop the answer that says so."""
    text = request.headers.get(name, "")
    return text if text.isascii() else text.encode("ascii", "replace").decode()


def check_time(timestamp: str, window: str, now: Millis) -> None:
    """`now − window ≤ timestamp < now + 1 s`. Raises ApiError 10002."""
    try:
        at, width = int(timestamp), int(window) if window else DEFAULT_WINDOW
    except ValueError:
        raise ApiError(10002, timestamp, now, window) from None
    if not now - width <= at < now + AHEAD:
        raise ApiError(10002, timestamp, now, width)
