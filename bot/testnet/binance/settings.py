"""What the futures account is set to, beyond what the simulated exchange itself keeps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bot.core.market import Asset
from bot.core.times import Millis
from bot.testnet.owner import Switchable


@dataclass(slots=True)
class KeyRights:
    """What the API key may do. `expires_at`: when a key that is bound to no address loses the right to trade."""

    withdraws: bool = False
    futures: bool = True
    spot: bool = True
    bound: bool = True
    expires_at: Millis | None = None
    revoked: bool = False

    def may_use_futures(self, now: Millis) -> bool:
        """Whether the futures API lets the key in."""
        return self.futures and (self.expires_at is None or now < self.expires_at)


@dataclass(slots=True)
class FuturesSettings:
    """Modes as Binance keeps them. The simulated account is always cross and one-way in a single-asset wallet:
    the other modes can be set, so that a client's refusal of them can be tried, and are then shown.

    `clock_skew`: how far the venue's clock is ahead. `funding_delay`: how long settlements are not shown.
    """

    hedge_mode: bool = False
    multi_assets: bool = False
    isolated: set[Asset] = field(default_factory=set)
    key: KeyRights = field(default_factory=KeyRights)
    clock_skew: Millis = 0
    funding_delay: Millis = 0
    portfolio_margin: bool = False
    reduce_only: bool = False
    maintenance: bool = False

    def margin_type(self, asset: Asset) -> str:
        """'ISOLATED' or 'CROSSED'."""
        return "ISOLATED" if asset in self.isolated else "CROSSED"

    def arrange(self, what: Switchable, *, broken: bool, now: Millis, assets: Collection[Asset]) -> None:
        """See `bot.testnet.owner.Owner`."""
        match what:
            case Switchable.ISOLATED:
                self.isolated = set(assets) if broken else set()
            case Switchable.WITHDRAW_KEY:
                self.key.withdraws = broken
            case Switchable.MISSING_PERMISSION:
                self.key.futures = not broken
            case Switchable.MISSING_SPOT_PERMISSION:
                self.key.spot = not broken
            case Switchable.EXPIRED_KEY:
                self.key.bound, self.key.expires_at = not broken, now if broken else None
            case Switchable.REVOKED_KEY:
                self.key.revoked = broken
            case _:
                setattr(self, _FLAGS[what], broken)


_FLAGS: Mapping[Switchable, str] = MappingProxyType({
    Switchable.HEDGE_MODE: "hedge_mode", Switchable.MULTI_ASSETS: "multi_assets",
    Switchable.PORTFOLIO_MARGIN: "portfolio_margin", Switchable.REDUCE_ONLY: "reduce_only",
    Switchable.MAINTENANCE: "maintenance",
})
"""What is a mere flag of the account."""
