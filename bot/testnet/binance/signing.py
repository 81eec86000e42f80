"""Who is asking: API key, timestamp and HMAC signature, checked as Binance checks them (EXCHANGES §8)."""

from __future__ import annotations

import hmac
import re

from bot.core.times import Millis
from bot.testnet.binance.errors import ApiError
from bot.testnet.binance.params import Params
from bot.testnet.dialect import Credentials, Request

DEFAULT_WINDOW: Millis = 5_000
MAX_WINDOW: Millis = 60_000
AHEAD: Millis = 1_000
_KEY_FORM = re.compile(r"[A-Za-z0-9_-]{1,128}")


def without_signature(query: str, body: str) -> bytes:
    """The raw bytes that are signed: the query as sent followed by the body as sent, both without `signature`."""
    return (_strip(query) + _strip(body)).encode()


def _strip(raw: str) -> str:
    if "signature=" not in raw:
        return raw
    return "&".join(part for part in raw.split("&") if not part.startswith("signature="))


def sign(secret: str, payload: bytes) -> str:
    """The signature: HMAC-SHA256 of the payload, in hex."""
    return hmac.digest(secret.encode(), payload, "sha256").hex()


def check_key(credentials: Credentials, request: Request) -> None:
    """−2014 for what cannot be a key, −2015 for another one's."""
    sent = request.headers.get("X-MBX-APIKEY")
    if sent is None or not _KEY_FORM.fullmatch(sent):
        raise ApiError(-2014)
    if not hmac.compare_digest(sent, credentials.key):
        raise ApiError(-2015)


def check_signed(credentials: Credentials, request: Request, params: Params, now: Millis) -> None:
    """Key, then timestamp within the window of `now`, then signature. Raises ApiError."""
    check_key(credentials, request)
    timestamp = params.integer("timestamp")
    if timestamp is None:
        raise ApiError(-1102, "timestamp")
    signature = params.required("signature")
    window = params.integer("recvWindow")
    if window is None:
        window = DEFAULT_WINDOW
    if not 0 < window <= MAX_WINDOW:
        raise ApiError(-1131)
    if timestamp >= now + AHEAD:
        raise ApiError(-1021, message="Timestamp for this request was 1000ms ahead of the server's time.")
    if now - timestamp > window:
        raise ApiError(-1021)
    expected = sign(credentials.secret, without_signature(request.query, request.body))
    if not hmac.compare_digest(expected.encode(), signature.lower().encode()):
        raise ApiError(-1022)
