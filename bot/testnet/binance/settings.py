"""What the futures account is set to, beyond what the simulated exchange itself keeps."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from bot.core.market import Asset
from bot.core.times import HOUR, Millis

LISTEN_KEY_LIFE: Millis = HOUR


@dataclass(slots=True)
class FuturesSettings:
    """Modes as Binance keeps them. The simulated account is always cross and one-way in a single-asset wallet:
    the other modes can be set, so that a client's refusal of them can be tried, and are then shown.
    """

    hedge_mode: bool = False
    multi_assets: bool = False
    isolated: set[Asset] = field(default_factory=set)
    listen_keys: int = 0
    listen_key_until: Millis = 0

    def margin_type(self, asset: Asset) -> str:
        """'ISOLATED' or 'CROSSED'."""
        return "ISOLATED" if asset in self.isolated else "CROSSED"

    def listen_key(self, now: Millis) -> str:
        """The account's listen key, a new one only when there is none in force; asking prolongs it."""
        if now >= self.listen_key_until:
            self.listen_keys += 1
        self.listen_key_until = now + LISTEN_KEY_LIFE
        return hashlib.sha256(f"listen key {self.listen_keys}".encode()).hexdigest()

    def close_listen_key(self) -> None:
        """Let the key go."""
        self.listen_key_until = 0
